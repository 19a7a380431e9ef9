"""What tests of generated Dockerfiles share: projects built without one, run on both platforms, and asked."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from tests.integration.commands import Done, xbuild
from tests.integration.solving import BOTH, REGISTRY, docker

TEMPLATES = Path(__file__).parents[1] / "templates"
# What must never get into an image: where it lies, and a word of it.
PLANTED = {
    ".env": "TOKEN=planted-env",
    "id_rsa": "planted-key",
    "server.key": "planted-other-key",
    ".npmrc": "//registry.example/:_authToken=planted-npmrc",
    ".git/config": "[core]\n\tplanted-git = 1",
}
# Asked from a container in the same network, whose Python runs natively.
_ASK = """\
import sys, time, urllib.request
for attempt in range(240):
    try:
        sys.stdout.write(urllib.request.urlopen(sys.argv[1], timeout=60).read().decode())
        break
    except OSError:
        time.sleep(0.5)
else:
    sys.exit("no answer")
"""
_PYTHON = "python:3.13-slim"


@dataclass(frozen=True)
class Served:
    """A template's project: where it answers, and what with (`{machine}` is Node's, Python's or Go's word for
    the processor); `changed` is a file whose end gets a comment for a second build, `again` are words of the
    steps that are then from the cache.
    """

    name: str
    port: int
    prints: dict[str, str]
    changed: str
    again: tuple[str, ...]
    entry: tuple[str, ...] = ()


@dataclass(frozen=True)
class GeneratedImage:
    """An image that was built, and the folder of its project."""

    reference: str
    folder: Path
    done: Done


def prepare(name: str, folder: Path, *, planted: bool = True) -> Path:
    """The project with planted secrets, and with a lock file that names hosts and so is made here."""
    shutil.copytree(TEMPLATES / name, folder, ignore=shutil.ignore_patterns("expected.Dockerfile"))
    if name == "python-uv":
        subprocess.run([uv(), "lock", "--quiet"], cwd=folder, check=True)
    if name == "rust":
        # From outside: its rust-toolchain.toml is for the image.
        command = ["cargo", "generate-lockfile", "--quiet", "--manifest-path", str(folder / "Cargo.toml")]
        subprocess.run(command, cwd=folder.parent, check=True)
    for path, text in PLANTED.items() if planted else ():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(f"{text}\n")
    return folder


def uv() -> str:
    """The program, of an environment of its own."""
    found = shutil.which("uv")
    if found is not None:
        return found
    place = Path(sys.prefix) / "uv-for-tests"
    if not (place / "bin/uv").exists():
        subprocess.run([sys.executable, "-m", "venv", place], check=True)
        subprocess.run([place / "bin/python", "-m", "pip", "install", "--quiet", "uv"], check=True)
    return str(place / "bin/uv")


def build(name: str, folder: Path, *words: str) -> GeneratedImage:
    """Built for both platforms without a Dockerfile, verified and pushed."""
    reference = f"{REGISTRY}/generated-{name}:{uuid.uuid4().hex[:8]}"
    report = folder.with_name(f"{folder.name}-report.json")
    done = xbuild(
        "build", "--generate", *BOTH, "--baseline", "none", "--progress", "plain", "-t", reference, "--push",
        "--report", report, *words, folder,
    )  # fmt: skip
    assert done.code == 0, done.err
    told = json.loads(report.read_text())
    assert [each["ok"] for each in told["verified"]] == [True, True], told["verified"]
    assert told["emulation"] == []
    return GeneratedImage(reference, folder, done)


def rebuilt(sample: Served, image: GeneratedImage) -> list[str]:
    """The steps that a second build after a changed line runs again, of those that it should not."""
    source = image.folder / sample.changed
    sign = {".py": "# ", ".md": ""}.get(source.suffix, "// ")
    source.write_text(f"{source.read_text()}\n{sign}changed\n")
    lines = build(sample.name, image.folder).done.err.splitlines()
    wrong: list[str] = []
    for word in sample.again:
        steps = [line for line in lines if word in line and line.startswith("[")]
        assert steps, (word, lines)
        wrong += [line for line in steps if not line.endswith(": from the cache")]
    return wrong


def answers(image: str, platform: str, port: int, path: str) -> str:
    """What a container of the image answers; with nothing but its own command, as its own user."""
    container = docker("run", "--detach", "--quiet", "--platform", platform, image).stdout.strip()
    try:
        network = f"--network=container:{container}"
        url = f"http://127.0.0.1:{port}{path}"
        return docker("run", "--rm", network, _PYTHON, "python", "-c", _ASK, url).stdout
    finally:
        docker("rm", "--force", container)


def prints(image: str, platform: str, *words: str) -> str:
    """What a program that does not serve prints."""
    return docker("run", "--rm", "--quiet", "--platform", platform, image, *words).stdout


def health(image: str, platform: str) -> str:
    """`healthy`, when the image's own check is; empty where it has none."""
    container = docker("run", "--detach", "--quiet", "--platform", platform, image).stdout.strip()
    try:
        told = docker("inspect", "--format", "{{json .Config.Healthcheck}}", container).stdout
        if json.loads(told) is None:
            return ""
        for _ in range(120):
            test = json.loads(told)["Test"]
            assert test[0] == "CMD", test
            if docker("exec", container, *test[1:], check=False).returncode == 0:
                return "healthy"
            time.sleep(0.5)
        return "never healthy"
    finally:
        docker("rm", "--force", container)


def leaked(image: str, platform: str) -> list[str]:
    """Names and words of planted files that are in the image."""
    container = docker("create", "--quiet", "--platform", platform, image, "x").stdout.strip()
    try:
        command = ["docker", "export", container]
        tree = subprocess.run(command, capture_output=True, check=True).stdout
    finally:
        docker("rm", container)
    words = [text.partition("planted-")[2].split()[0] for text in PLANTED.values()]
    found = [word for word in words if f"planted-{word}".encode() in tree]
    names = subprocess.run(["tar", "-t"], input=tree, capture_output=True, check=True).stdout.decode()
    return found + [path for path in PLANTED if re.search(rf"(?m)^app/{re.escape(path)}$", names)]
