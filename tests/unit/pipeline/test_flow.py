"""A build called as a library: values in and out, and what a watcher is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.command import project
from tests.unit.cli.standin import Docker
from xbuild.errors import Exit, WrongArchitectureError
from xbuild.pipeline.background import Background
from xbuild.pipeline.files import Workspace
from xbuild.pipeline.finish import BuildResult
from xbuild.pipeline.flow import build
from xbuild.pipeline.watching import Watcher
from xbuild.solve.engine import inspect_engine
from xbuild.solve.options import parse_build_arguments

PLATFORMS = "linux/amd64,linux/arm64"
FOREIGN = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\xf3\x00" + bytes(44)  # RISC-V


class Listener(Watcher):
    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)

    def warn(self, text: str) -> None:
        self.said.append(f"warning: {text}")


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, _apart: None) -> Docker:
    found = Docker(tmp_path / "docker", monkeypatch)
    found.image(PLATFORMS, {"linux/amd64": [{"a": b"1"}], "linux/arm64": [{"a": b"2"}]})
    return found


def built(folder: Path, *words: str, watcher: Watcher | None = None) -> BuildResult:
    options = parse_build_arguments(["--platform", PLATFORMS, *words, str(folder)], {})
    with Workspace() as temporary:
        asking = Background(lambda: inspect_engine(options.builder))
        return build(options, Path(temporary), asking, None, watcher or Watcher())


@pytest.mark.usefixtures("docker")
def test_a_build_says_nothing_of_its_own_accord(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = project(tmp_path / "p", "FROM scratch\nCOPY a /a\n", a="1")
    done = built(folder, "-o", f"type=local,dest={tmp_path}/out")
    assert (done.exit_code, done.trouble, done.delivery.written) == (Exit.OK, None, (f"{tmp_path}/out",))
    assert done.outcome.digest == done.delivery.digest
    assert (tmp_path / "out/linux_arm64/a").read_bytes() == b"2"
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("docker")
def test_what_stops_nothing_is_told_to_the_watcher(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(path: Path, _data: bytes, **_more: bool) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    folder = project(tmp_path / "p", "FROM scratch\nCOPY a /a\n", a="1")
    monkeypatch.setattr("xbuild.pipeline.account.write_whole", refuse)
    listener = Listener()
    report = str(tmp_path / "r.json")
    done = built(folder, "-o", f"{tmp_path}/out", "--report", report, watcher=listener)
    assert done.exit_code == Exit.INCOMPLETE
    assert listener.said == [f"warning: the report {report} cannot be written: Permission denied"]
    assert capfd.readouterr() == ("", "")


def test_a_wrong_binary_is_an_error_and_delivers_nothing(docker: Docker, tmp_path: Path) -> None:
    docker.image(PLATFORMS, {"linux/amd64": [{"usr/bin/x": FOREIGN}], "linux/arm64": [{"a": b"2"}]})
    folder = project(tmp_path / "p", "FROM scratch\nCOPY a /a\n", a="1")
    with pytest.raises(WrongArchitectureError, match=r"/usr/bin/x"):
        built(folder, "-o", f"{tmp_path}/out", "--report", f"{tmp_path}/r.json")
    assert not (tmp_path / "out").exists()
    assert json.loads((tmp_path / "r.json").read_text())["delivered"] == []
