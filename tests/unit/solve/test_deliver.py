"""What is delivered where, as far as no engine is needed."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.solve.fake import FakeDocker
from tests.unit.solve.images import make_layout
from xbuild.errors import EngineError, UsageError, XbuildError
from xbuild.platforms import Platform
from xbuild.solve.build import SolveResult
from xbuild.solve.deliver import check_outputs, deliver, discard, metadata_for_user
from xbuild.solve.engine import Builder, BuilderNode, Engine
from xbuild.solve.layout import Layout
from xbuild.solve.options import BuildOptions, parse_build_arguments
from xbuild.solve.push import PushError
from xbuild.solve.stores import check_stores, loads_into_engine

AMD64 = Platform.parse("linux/amd64")


def engine(driver: str = "docker-container", **info: object) -> Engine:
    return Engine(Builder("b", driver, (BuilderNode("n", platforms=(AMD64,)),)), (0, 38, 2), info)


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
        (("-o", "type=image,name=a,push-by-digest=true,push=true"), "docker", False),
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


def test_a_push_by_digest_has_no_tag_in_its_record(layout: Layout) -> None:
    wanted = options("-o", "type=image,name=h.example/a,push-by-digest=true,push=true")
    assert metadata_for_user(result(layout), layout.digest, wanted)["image.name"] == "h.example/a"


IDENTITY, OLD, SERVED = ("sha256:" + letter * 64 for letter in "c0d")


@pytest.fixture
def classic(tmp_path: Path) -> SolveResult:
    """What a solve leaves in the classic store: an image without a name."""
    single = make_layout(tmp_path / "saved", {"linux/amd64": [{"a": b"1"}]}, attested=False)
    return replace(result(single), image_id=IDENTITY)


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    return FakeDocker(tmp_path / "docker", monkeypatch)


TAGS = ("-t", "h.example/a:1", "-t", "h.example/b:1")


def test_the_classic_store_s_names_move_after_the_push(classic: SolveResult, fake: FakeDocker) -> None:
    (fake.names / "h.example_a:1").write_text(OLD)
    fake.does('[ "$1" != push ] || { echo denied >&2; exit 1; }')
    with pytest.raises(PushError, match="no tag was moved"):
        deliver(classic, options(*TAGS, "--push"), engine("docker", ServerVersion="26.1"))
    assert fake.named == {"h.example_a:1": OLD}
    fake.does(f'[ "$1" != push ] || {{ echo "1: digest: {SERVED} size: 1"; exit; }}')
    delivery = deliver(classic, options(*TAGS, "--push"), engine("docker", ServerVersion="26.1"))
    assert delivery.digest == SERVED
    assert fake.named == {"h.example_a:1": IDENTITY, "h.example_b:1": IDENTITY}


def test_records_name_what_the_registry_has(tmp_path: Path, fake: FakeDocker) -> None:
    fake.does(
        f"""case "$1" in load) exec cat >/dev/null;; push) echo "1: digest: {SERVED} size: 1"; exit;; esac"""
    )
    single = make_layout(tmp_path / "one", {"linux/amd64": [{"a": b"1"}]}, attested=False)
    wanted = options("-t", "h.example/a", "--push", "--iidfile", str(tmp_path / "iid"))
    old = replace(engine(ServerVersion="26.1"), buildx_version=(0, 29, 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shutil.which", lambda _name: None)
        assert deliver(result(single), wanted, old).digest == SERVED
    assert (tmp_path / "iid").read_text() == SERVED


def test_an_image_that_is_not_delivered_is_forgotten_unless_it_has_a_name(
    classic: SolveResult, fake: FakeDocker
) -> None:
    for tags, removed in (("[]", True), ("null", True), ('["mine:1"]', False)):
        fake.log.unlink(missing_ok=True)
        fake.does(f"""case "$*" in *inspect*) echo '{tags}'; exit;; esac""")
        discard(classic)
        assert (f"image rm {IDENTITY}" in fake.calls) is removed
    fake.log.unlink()
    discard(replace(classic, image_id=None))
    assert fake.calls == []


def test_an_image_goes_to_the_context_that_is_named(layout: Layout, fake: FakeDocker) -> None:
    info = '{"ServerVersion": "26.1", "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]}'
    fake.does(f"""case "$*" in *info*) echo '{info}'; exit;; *load) exec cat >/dev/null;; esac""")
    wanted = options("-o", "type=docker,context=far", "-t", "a:1")
    assert deliver(result(layout), wanted, engine()).loaded
    assert [call for call in fake.calls if "load" in call] == ["--context far load"]
    fake.does("echo 'context far not found' >&2; exit 1")
    with pytest.raises(EngineError, match="no such docker context"):
        check_stores(wanted, engine(), 2)
    with pytest.raises(EngineError, match="its own engine only"):
        check_stores(wanted, engine("docker", ServerVersion="26.1"), 1)
