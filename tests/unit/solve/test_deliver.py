"""What is delivered where, as far as no engine is needed."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tests.unit.solve.images import make_layout
from xbuild.errors import EngineError, UsageError, XbuildError
from xbuild.platforms import Platform
from xbuild.solve.build import SolveResult
from xbuild.solve.deliver import check_outputs, deliver, loads_into_engine, metadata_for_user
from xbuild.solve.engine import Builder, Engine, Node
from xbuild.solve.layout import Layout
from xbuild.solve.options import BuildOptions, parse_build_arguments

AMD64 = Platform.parse("linux/amd64")


def engine(driver: str = "docker-container", **info: object) -> Engine:
    return Engine(Builder("b", driver, (Node("n", platforms=(AMD64,)),)), (0, 38, 2), info)


def options(*argv: str) -> BuildOptions:
    return parse_build_arguments([*argv, "."], {})


def result(layout: Layout, **metadata: object) -> SolveResult:
    return SolveResult((), 0.0, 1.0, "b/n/id", metadata, AMD64, layout=layout)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return make_layout(tmp_path / "layout", {"linux/amd64": [{"a": b"1"}], "linux/arm64": [{"a": b"2"}]})


@pytest.mark.parametrize(
    ("argv", "driver", "loads"),
    [
        ((), "docker", True),
        ((), "docker-container", False),
        (("--load",), "docker-container", True),
        (("-t", "x", "--push"), "docker", False),
        (("-t", "x", "--push", "--load"), "docker", True),
        (("-o", "out"), "docker", False),
        (("-o", "type=image"), "docker", True),
        (("-o", "type=image"), "docker-container", False),
        (("-o", "type=docker"), "docker-container", True),
        (("-o", "type=docker,dest=x.tar"), "docker", False),
        (("-o", "type=cacheonly"), "docker", False),
    ],
)
def test_what_goes_into_the_engine(argv: tuple[str, ...], driver: str, loads: bool) -> None:
    assert loads_into_engine(options(*argv), engine(driver)) is loads


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("-o", "type=floppy"), "not known"),
        (("-o", "type=local"), "no destination"),
        (("--platform=linux/amd64,linux/arm64", "-o", "type=docker,dest=x"), "one platform"),
        (("-o", "type=tar,dest=/tmp"), "is a folder"),
    ],
)
def test_what_cannot_be_delivered_is_said_before_the_build(argv: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_outputs(options(*argv))


def test_nothing_is_written_when_loading_is_impossible(layout: Layout, tmp_path: Path) -> None:
    wanted = options("--load", "-o", str(tmp_path / "out"))
    with pytest.raises(EngineError, match="no docker engine"):
        deliver(result(layout), wanted, engine())
    with pytest.raises(EngineError, match="classic image store"):
        deliver(result(layout), wanted, engine(ServerVersion="26.1"))
    assert not (tmp_path / "out").exists()


def test_files_and_records(layout: Layout, tmp_path: Path) -> None:
    iid, metadata = tmp_path / "iid", tmp_path / "metadata.json"
    stdout = io.BytesIO()
    wanted = options(
        "-o", f"type=oci,dest={tmp_path / 'x' / 'a.tar'}", "-o", "type=tar,dest=-",
        "--metadata-file", str(metadata),
    )  # fmt: skip
    delivery = deliver(result(layout), wanted, engine(), stdout=stdout)
    assert delivery.written == (str(tmp_path / "x" / "a.tar"), "-")
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["a.tar"]
    assert b"linux_arm64/a" in stdout.getvalue()
    deliver(result(layout), options("--iidfile", str(iid), "-o", "type=cacheonly"), engine())
    assert iid.read_text() == layout.digest
    assert layout.digest in metadata.read_text()


def test_a_place_that_cannot_be_written(layout: Layout, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(XbuildError, match="cannot be written"):
        deliver(result(layout), options("-o", str(tmp_path / "file" / "out")), engine())


@pytest.mark.parametrize(
    ("mode", "kept"),
    [("min", {"builder"}), ("max", {"builder", "buildConfig", "metadata"}), ("disabled", None)],
)
def test_provenance_in_the_metadata_is_what_the_user_asked_for(
    mode: str, kept: set[str] | None, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUILDX_METADATA_PROVENANCE", mode)
    key = "buildx.build.provenance/linux/amd64"
    solved = result(layout, **{key: {"builder": 1, "buildConfig": 2, "metadata": 3}, "buildx.build.ref": "r"})
    found = metadata_for_user(solved, layout.digest, options("-t", "x:1"))
    assert (set(found[key]) if key in found else None) == kept
    assert found["image.name"] == "docker.io/library/x:1"
    assert found["containerimage.descriptor"]["digest"] == layout.digest
    assert found["buildx.build.ref"] == "r"
