"""A docker that is a few lines of shell: notes its calls, and does what a test says."""

from __future__ import annotations

from pathlib import Path

import pytest


class FakeDocker:
    """`does` is shell that sees the words as "$*"; images that have a name are files in `names`."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, does: str = "") -> None:
        folder.mkdir()
        self.log = folder / "log"
        self.names = folder / "names"
        self.names.mkdir()
        self.program = folder / "docker"
        monkeypatch.setenv("DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND", str(self.program))
        self.does(does)

    def does(self, script: str) -> None:
        store = """\
file() { echo "$names/$(echo "$1" | tr / _)"; }
image() { if [ -e "$(file "$1")" ]; then cat "$(file "$1")"; else echo "$1"; fi; }
case "$*" in
tag*) case "$2" in sha256:*) ;; *) [ -e "$(file "$2")" ] || exit 1;; esac; image "$2" > "$(file "$3")".new
    mv "$(file "$3")".new "$(file "$3")"; exit;;
"image rm sha256:"*) exit;;
"image rm "*) rm "$(file "$3")"; exit;;
esac
"""
        head = f'#!/bin/sh\necho "$*" >> {self.log}\nnames={self.names}\n'
        self.program.write_text(head + script + "\n" + store)
        self.program.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    @property
    def named(self) -> dict[str, str]:
        """What each name in the store stands for."""
        return {file.name: file.read_text().strip() for file in self.names.iterdir()}
