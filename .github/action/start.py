"""Brings xbuild's libraries, wheels whose hashes are in requirements.txt, and runs its part of the action.

With the standard library alone: a Python without venv, ensurepip or pip will do. pip comes by the same list.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import urllib.request
from collections.abc import Sequence
from html import unescape
from pathlib import Path
from urllib.parse import urljoin

HERE = Path(__file__).resolve().parent
LOCK = HERE / "requirements.txt"
_VERSION = re.compile(r"v?\d+(?:\.\d+){0,2}(?:[-.]?[a-z]+\d*)?")


class StartError(Exception):
    """What stops the step before xbuild is there."""


def main(arguments: Sequence[str]) -> int:
    try:
        root = _checkout(os.environ.get("INPUT_VERSION", "").strip())
        libraries = _libraries(root / ".github/action/requirements.txt")
    except StartError as error:
        print("::error title=xbuild::" + str(error).replace("%", "%25").replace("\n", "%0A"), flush=True)
        return 5
    sys.path[:0] = [str(root / "src"), str(libraries)]
    from xbuild.cli.main import run

    return run(["__action", *arguments])


def _checkout(wanted: str) -> Path:
    """The root of the version that is wanted: this one, or a tag of the action's own repository."""
    root = HERE.parents[1]
    if not wanted or wanted.removeprefix("v") == own_version(root):
        return root
    if not _VERSION.fullmatch(wanted):
        raise StartError(f"version {wanted!r} is none: for example {own_version(root)}")
    server = os.environ.get("GITHUB_SERVER_URL") or "https://github.com"
    repository = os.environ.get("GITHUB_ACTION_REPOSITORY", "")
    if not repository:
        raise StartError(f"version {wanted}: the repository of the action is not known here; leave it out")
    tag = f"v{wanted.removeprefix('v')}"
    folder = Path(tempfile.mkdtemp(prefix="xbuild-", dir=os.environ.get("RUNNER_TEMP"))) / tag
    words = [
        "git",
        "clone",
        "--quiet",
        "--depth=1",
        "--branch",
        tag,
        "--",
        f"{server}/{repository}.git",
        str(folder),
    ]
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not (folder / ".github/action/requirements.txt").is_file():
        raise StartError(f"there is no version {wanted} of {repository}: {done.stderr.strip()[-300:]}")
    return folder


def own_version(root: Path) -> str:
    """The version of a checkout."""
    found = re.search(r'^version = "(.+)"$', (root / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    return found[1] if found else ""


def _libraries(lock: Path) -> Path:
    """The folder with the libraries of a list, for this Python: made once, kept with the runner's tools."""
    about = f"{sys.implementation.cache_tag} {sysconfig.get_platform()} {sysconfig.get_config_var('SOABI')}"
    key = hashlib.sha256(lock.read_bytes() + about.encode()).hexdigest()[:24]
    kept = _tool_cache() / "xbuild" / key
    if kept.is_dir():
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{key}-", dir=kept.parent))
    try:
        _install(lock, made / "site")
        made.joinpath("site").rename(kept)
    except OSError:
        if not kept.is_dir():  # else another step was faster
            raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return kept


def _tool_cache() -> Path:
    for name in ("RUNNER_TOOL_CACHE", "RUNNER_TEMP"):
        folder = os.environ.get(name, "")
        if folder and os.access(folder, os.W_OK):
            return Path(folder)
    return Path(tempfile.gettempdir())


def _install(lock: Path, folder: Path) -> None:
    words = [
        "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps", "--only-binary=:all:",
        "--require-hashes", "--target", str(folder), "--requirement", str(lock),
    ]  # fmt: skip
    has_pip = subprocess.run([sys.executable, "-I", "-c", "import pip"], capture_output=True, check=False)
    pip = ["-m", "pip"] if has_pip.returncode == 0 else [str(_pip(lock, folder.parent) / "pip")]
    # Without the workflow's folders and PYTHON… variables; pip's own settings (another index) count.
    done = subprocess.run([sys.executable, "-I", *pip, *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StartError(f"the libraries of xbuild could not be installed:\n{done.stderr.strip()[-1500:]}")


def _pip(lock: Path, folder: Path) -> Path:
    """pip's wheel, which runs as it is, from the index that pip is told of."""
    index = os.environ.get("PIP_INDEX_URL", "").rstrip("/")
    if not index:
        raise StartError(
            f"{sys.executable} has no pip: add a step with actions/setup-python, or set PIP_INDEX_URL to the "
            "package index from which to take it"
        )
    entry = re.search(r"^pip==(\S+)(.*(?:\n +--hash.*)*)", lock.read_text("utf-8"), re.MULTILINE)
    assert entry is not None
    hashes = set(re.findall(r"sha256:([0-9a-f]{64})", entry[2]))
    name = f"pip-{entry[1]}-py3-none-any.whl"
    page = f"{index}/pip/"
    found = re.search(rf'href="([^"]*/{re.escape(name)}[^"]*)"', _get(page).decode("utf-8", "replace"))
    if found is None:
        raise StartError(f"{page} has no {name}")
    data = _get(urljoin(page, unescape(found[1])))
    if hashlib.sha256(data).hexdigest() not in hashes:
        raise StartError(f"{name} is not the file whose hash is in requirements.txt")
    path = folder / name
    path.write_bytes(data)
    return path


def _get(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            data: bytes = answer.read()
            return data
    except OSError as error:
        raise StartError(f"pip is not there, and could not be fetched: {error}") from error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
