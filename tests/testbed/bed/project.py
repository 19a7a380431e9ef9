"""The README's commands: the checkout's own virtual environment, the sample, the tests."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tomllib
from pathlib import Path

from . import files
from .process import BedError, run, step
from .settings import CHECKOUT, Bed

VENV = CHECKOUT / ".venv"
SAMPLE = CHECKOUT / "tests/projects/go-server"
FILE_OPTIONS = ("--panel-report", "--dockerfiles")
WITHOUT_DEV = "without what only tests use"


def prepare(bed: Bed, dev: bool) -> None:
    """The checkout installed in `.venv`, for development if `dev`, unless nothing changed since."""
    stamp = VENV / "testbed-stamp"
    noted = stamp.read_text().splitlines() if stamp.exists() else []
    unfinished = bed.cache / "unfinished" / hashlib.sha256(str(VENV).encode()).hexdigest()
    version = None if unfinished.exists() else _version()
    wanted = _wanted(version)
    if noted == wanted or (not dev and noted == [*wanted, WITHOUT_DEV]):
        return
    with step("installing xbuild in .venv"):
        files.write(unfinished, f"{VENV}\n")
        stamp.unlink(missing_ok=True)
        # Programs in it name the folder they were installed in: one that has moved is no good.
        if version is None or (noted and noted[0] != str(CHECKOUT)):
            run(sys.executable, "-m", "venv", "--clear", VENV)
        what = f"{CHECKOUT}[dev]" if dev else str(CHECKOUT)
        run(VENV / "bin/python", "-m", "pip", "install", "--quiet", "--editable", what)
        done = [*_wanted(_version()), *([] if dev else [WITHOUT_DEV])]
        files.write(stamp, "".join(f"{line}\n" for line in done))
        unfinished.unlink()


def _wanted(version: str | None) -> list[str]:
    digest = hashlib.sha256((CHECKOUT / "pyproject.toml").read_bytes()).hexdigest()
    return [str(CHECKOUT), str(version), digest]


def _version() -> str | None:
    """The Python of `.venv`; None if there is none, or not a whole one."""
    try:
        return run(VENV / "bin/python", "-c", "import pip, sys; print(*sys.version_info[:2])").strip()
    except BedError:
        return None


def demo(bed: Bed, env: dict[str, str]) -> int:
    """The sample, built for two platforms, verified and pushed, with the report on the screen."""
    command = [
        "xbuild", "build", "--platform", "linux/amd64,linux/arm64",
        "-t", f"{bed.registry}/go-server:demo", "--push", str(SAMPLE.relative_to(CHECKOUT)),
    ]  # fmt: skip
    print(f"+ {' '.join(command)}", file=sys.stderr)
    return _call(command, env)


def check(env: dict[str, str], arguments: list[str]) -> int:
    """Linter, types, then the tests; all of them run, the first failure counts."""
    python = str(VENV / "bin/python")
    sources = ["src", "tests"]
    codes = [
        _call([python, "-m", "ruff", "check", "."], env),
        _call([python, "-m", "ruff", "format", "--check", "."], env),
        _call([python, "-m", "mypy", *sources], env),
        _call([python, "-m", "pytest", *_tests(), *_from_here(arguments)], env),
    ]
    return next((code for code in codes if code != 0), 0)


def panel(env: dict[str, str], arguments: list[str]) -> int:
    """The slow tests; folders, relative to where the caller is, are the projects to build."""
    folders, rest = _split(arguments)
    command = [str(VENV / "bin/python"), "-m", "pytest", "-m", "panel", "-s", "tests/panel"]
    return _call([*command, *(f"--project={folder}" for folder in folders), *_from_here(rest)], env)


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Folders in front, options from the first dash on."""
    at = next((n for n, word in enumerate(arguments) if word.startswith("-")), len(arguments))
    return [str(Path.cwd() / word) for word in arguments[:at]], arguments[at:]


def _from_here(arguments: list[str]) -> list[str]:
    """Files that options name are relative to where the caller is, too."""
    found: list[str] = []
    for word in arguments:
        option, equals, value = word.partition("=")
        if equals and option in FILE_OPTIONS:
            found.append(f"{option}={Path.cwd() / value}")
        else:
            found.append(str(Path.cwd() / word) if found and found[-1] in FILE_OPTIONS else word)
    return found


def call(command: list[str], env: dict[str, str]) -> int:
    """Any command with the bed's environment, in the caller's folder."""
    return subprocess.run(command, env=env, check=False).returncode


def with_venv(env: dict[str, str]) -> dict[str, str]:
    return {**env, "PATH": f"{VENV}/bin{os.pathsep}{env['PATH']}", "VIRTUAL_ENV": str(VENV)}


def _tests() -> list[str]:
    """The folders that pytest takes by default, so that none is left out."""
    settings = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))
    folders: list[str] = settings["tool"]["pytest"]["ini_options"]["testpaths"]
    return folders


def _call(command: list[str], env: dict[str, str]) -> int:
    return subprocess.run(command, env=with_venv(env), cwd=CHECKOUT, check=False).returncode
