"""The README's commands: the checkout's own virtual environment, the sample, the tests."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

from .process import run, step
from .settings import CHECKOUT, Bed

VENV = CHECKOUT / ".venv"


def prepare() -> None:
    """The checkout installed for development in `.venv`, unless nothing changed since."""
    wanted = hashlib.sha256((CHECKOUT / "pyproject.toml").read_bytes()).hexdigest()
    stamp = VENV / "testbed-installed"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    with step("installed xbuild in .venv"):
        if not (VENV / "bin/python").exists():
            venv.create(VENV, with_pip=True)
        run(VENV / "bin/python", "-m", "pip", "install", "--quiet", "--editable", f"{CHECKOUT}[dev]")
    stamp.write_text(wanted)


def demo(bed: Bed, env: dict[str, str]) -> int:
    """The sample, built for two platforms, verified and pushed, with the report on the screen."""
    command = [
        "xbuild", "build", "--platform", "linux/amd64,linux/arm64",
        "-t", f"{bed.registry}/go-server:demo", "--push", "tests/projects/go-server",
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
        _call([python, "-m", "pytest", *_tests(), *arguments], env),
    ]
    return next((code for code in codes if code != 0), 0)


def panel(env: dict[str, str], arguments: list[str]) -> int:
    """The slow tests; folders, relative to where the caller is, are the projects to build."""
    folders, rest = _split(arguments)
    command = [str(VENV / "bin/python"), "-m", "pytest", "-m", "panel", "-s", "tests/panel"]
    return _call([*command, *(f"--project={folder}" for folder in folders), *rest], env)


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Folders in front, options from the first dash on."""
    at = next((n for n, word in enumerate(arguments) if word.startswith("-")), len(arguments))
    return [str(Path.cwd() / word) for word in arguments[:at]], arguments[at:]


def call(command: list[str], env: dict[str, str]) -> int:
    """Any command with the bed's environment, in the caller's folder."""
    return subprocess.run(command, env=env, check=False).returncode


def with_venv(env: dict[str, str]) -> dict[str, str]:
    return {**env, "PATH": f"{VENV}/bin{os.pathsep}{env['PATH']}", "VIRTUAL_ENV": str(VENV)}


def _tests() -> list[str]:
    folders = [Path("tests/unit"), Path("tests/integration")]
    return [str(folder) for folder in folders if (CHECKOUT / folder).exists()]


def _call(command: list[str], env: dict[str, str]) -> int:
    return subprocess.run(command, env=with_venv(env), cwd=CHECKOUT, check=False).returncode
