"""A stand-in for docker: answers as an engine with a builder would, and notes how it was called."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.unit.solve.images import Files, make_layout

_PROGRAM = """\
#!{python} -IS
import csv, json, os, shutil, sys, time
words = sys.argv[1:]
folder = {folder!r}
with open(folder + "/calls", "a") as calls:
    calls.write(json.dumps(words) + "\\n")
if words[:2] == ["buildx", "version"]:
    print("github.com/docker/buildx v0.38.2 x")
elif words[:2] == ["buildx", "inspect"]:
    print(open(folder + "/inspect").read())
elif words[:1] == ["info"]:
    print(open(folder + "/info").read())
elif words[:2] == ["buildx", "build"]:
    said = json.load(open(folder + "/build.json"))
    platform = words[words.index("--platform") + 1]
    for wanted, seconds, code, text in said:
        if wanted in (platform, "*") or wanted in words:
            try:
                time.sleep(seconds)
            except KeyboardInterrupt:
                code, text = 1, "ERROR: failed to build: failed to solve: Canceled: context canceled"
            if code:
                print(text, file=sys.stderr)
                sys.exit(code)
    for at, word in enumerate(words):
        if word == "--output":
            fields = dict(field.split("=", 1) for field in next(csv.reader([words[at + 1]])))
            name = folder + "/layouts/" + platform.replace("/", "_")
            if fields.get("type") == "oci":
                shutil.copytree(name, fields["dest"])
elif "imagetools" in words and os.path.exists(folder + "/refuse"):
    print("ERROR: 403 Forbidden", file=sys.stderr)
    sys.exit(1)
"""

_INFO = {
    "ServerVersion": "26.1",
    "Name": "far",
    "Architecture": "x86_64",
    "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]],
}
_NODE = "Name: n{}\nEndpoint: far{}\nStatus: {}\nBuildKit version: v0.34.0\nPlatforms: {}\n"


class Docker:
    """What the stand-in answers can be changed before a command is run."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        folder.mkdir()
        program = folder / "docker"
        program.write_text(_PROGRAM.format(python=sys.executable, folder=str(folder)))
        program.chmod(0o755)
        monkeypatch.setenv("DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND", str(program))
        (folder / "info").write_text(json.dumps(_INFO))
        self.builder("linux/amd64, linux/arm64")
        self.fail()

    def builder(self, *nodes: str, status: str = "running", driver: str = "docker-container") -> None:
        """A builder with these nodes, each the list of its platforms."""
        shown = "\n".join(_NODE.format(n, n, status, platforms) for n, platforms in enumerate(nodes))
        (self.folder / "inspect").write_text(f"Name: b\nDriver: {driver}\n\nNodes:\n{shown}")

    def image(self, platform: str, images: Mapping[str, Sequence[Files]], *, attested: bool = True) -> None:
        """What a build for `--platform PLATFORM` makes."""
        make_layout(self.folder / "layouts" / platform.replace("/", "_"), images, attested=attested)

    def fail(self, *cases: tuple[str, float, int, str]) -> None:
        """(platform or a word of the call or *, seconds it takes, exit code, what it says), for each case."""
        (self.folder / "build.json").write_text(json.dumps(cases))

    def refuse(self) -> None:
        (self.folder / "refuse").touch()

    def calls(self, *words: str) -> list[list[str]]:
        """The calls that have all these words."""
        lines = (self.folder / "calls").read_text().splitlines()
        return [call for call in map(json.loads, lines) if all(word in call for word in words)]
