"""What is told, and with which code, when something fails before, during and after delivery."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from tests.unit.cli.command import GO, Xbuild, project
from tests.unit.cli.standin import Docker
from xbuild.errors import Exit
from xbuild.pipeline import account, finish

PLATFORMS = "linux/amd64,linux/arm64"
BOTH = ("--platform", PLATFORMS)
pytestmark = pytest.mark.usefixtures("docker")
PUSH = ("-t", "registry.example/a:1", "--push")
SCHEMA = Path(account.__file__).parents[1] / "views/schemas/report.schema.json"


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, _apart: None) -> Docker:
    found = Docker(tmp_path / "docker", monkeypatch)
    found.image(PLATFORMS, {"linux/amd64": [{"a": b"1"}], "linux/arm64": [{"a": b"2"}]})
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return project(tmp_path / "p", "FROM scratch\nCOPY a /a\n", a="1")


def report(path: Path) -> dict[str, object]:
    data: dict[str, object] = json.loads(path.read_text())
    jsonschema.validate(data, json.loads(SCHEMA.read_text()))
    return data


@pytest.mark.parametrize(
    "words",
    [
        ("--report", "nodir/r.json"),
        ("--report", "file/r.json"),
        ("--report", "."),
        ("--iidfile", "nodir/iid"),
        ("--metadata-file", "file/m"),
        ("-o", "type=local,dest=file"),
        ("-o", "type=local,dest=file/x/y"),
        ("-o", "type=oci,tar=false,dest=file"),
        ("-o", "type=tar,dest=file/x.tar"),
        ("-o", "type=oci,dest=file/x/y.tar"),
    ],
)
def test_a_place_that_cannot_be_written_is_said_before_the_build(
    words: tuple[str, str], docker: Docker, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    xbuild: Xbuild,
) -> None:  # fmt: skip
    (tmp_path / "file").write_text("in the way")
    monkeypatch.chdir(tmp_path)
    done = xbuild("build", *BOTH, *PUSH, *words, folder)
    assert done.code == Exit.USAGE
    assert done.err.startswith(f"xbuild: {'--output' if words[0] == '-o' else words[0]} ")
    assert done.err.count("xbuild: ") == 1
    assert not (docker.folder / "calls").exists() or docker.calls("build") == []


def test_places_that_are_made_or_replaced(folder: Path, tmp_path: Path, xbuild: Xbuild) -> None:
    (tmp_path / "metadata").write_text("old")
    (tmp_path / "null.json").symlink_to("/dev/null")
    done = xbuild(
        "build", *BOTH, "-o", f"type=tar,dest={tmp_path}/new/deep/x.tar", "-o", f"{tmp_path}/new/files",
        "--metadata-file", tmp_path / "metadata", "--report", tmp_path / "null.json", folder,
    )  # fmt: skip
    assert done.code == 0, done.err
    assert (tmp_path / "new/deep/x.tar").is_file()
    assert (tmp_path / "new/files/linux_arm64/a").read_bytes() == b"2"
    assert "containerimage.digest" in (tmp_path / "metadata").read_text()
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("flag", ["--iidfile", "--metadata-file"])
def test_a_file_that_may_not_be_written_to(
    flag: str, folder: Path, tmp_path: Path, xbuild: Xbuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_text("old")
    monkeypatch.setattr("os.access", lambda path, _mode: Path(path) != file)
    done = xbuild("build", *BOTH, *PUSH, flag, file, folder)
    assert (done.code, "permission denied" in done.err) == (Exit.USAGE, True)
    assert file.read_text() == "old"


@pytest.mark.parametrize("flag", ["--iidfile", "--metadata-file", "--report"])
def test_what_fails_after_the_push_does_not_hide_it(
    flag: str, docker: Docker, folder: Path, tmp_path: Path, xbuild: Xbuild
) -> None:
    full = tmp_path / "full.md"
    full.symlink_to("/dev/full")
    done = xbuild("build", *BOTH, *PUSH, flag, full, "--report", tmp_path / "r.json", folder)
    assert done.code == Exit.INCOMPLETE
    assert len(docker.calls("imagetools")) == 1
    data = report(tmp_path / "r.json")
    assert f"pushed: registry.example/a:1@{data['digest']}" in done.err
    assert "xbuild: warning: " in done.err
    assert f"{full} cannot be written: No space left on device" in done.err


def test_without_a_push_it_is_a_failure(folder: Path, xbuild: Xbuild) -> None:
    done = xbuild("build", *BOTH, "--iidfile", "/dev/full", folder)
    assert (done.code, done.err.count("xbuild: ")) == (Exit.FAILED, 1)


def test_a_refused_push_is_in_the_report(
    docker: Docker, folder: Path, tmp_path: Path, xbuild: Xbuild
) -> None:
    docker.refuse()
    done = xbuild("build", *BOTH, *PUSH, "--report", tmp_path / "r.json", folder)
    assert done.code == Exit.REGISTRY
    assert [(each["name"], each["ok"]) for each in report(tmp_path / "r.json")["delivered"]] == [  # type: ignore[attr-defined]
        ("registry.example/a:1", False)
    ]


@pytest.mark.parametrize(
    "text", ["no space left on device", "failed to fetch oauth token: 401 Unauthorized", "some other reason"]
)
def test_a_baseline_that_cannot_be_measured(
    text: str, docker: Docker, tmp_path: Path, xbuild: Xbuild
) -> None:
    folder = project(tmp_path / "p", GO, go__mod="module x\n")
    docker.fail(("--no-cache", 0, 1, f"ERROR: failed to build: {text}"))
    file = tmp_path / "r.json"
    done = xbuild("build", *BOTH, *PUSH, "--baseline", "measure", "--report", file, folder)
    assert done.code == 0
    assert "xbuild: warning: the original could not be measured: " in done.err
    assert f"pushed: registry.example/a:1@{report(file)['digest']}" in done.err


@pytest.mark.parametrize("trouble", [KeyboardInterrupt(), RuntimeError("a fault")])
def test_what_was_pushed_is_told_whatever_happens_later(
    trouble: BaseException,
    folder: Path,
    tmp_path: Path,
    xbuild: Xbuild,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise trouble

    monkeypatch.setattr(finish, "find_saved", fail)
    done = xbuild("build", *BOTH, *PUSH, "--report", tmp_path / "r.json", folder)
    assert done.code == (Exit.CANCELLED if isinstance(trouble, KeyboardInterrupt) else Exit.FAILED)
    assert f"pushed: registry.example/a:1@{report(tmp_path / 'r.json')['digest']}" in done.err


@pytest.mark.parametrize("failing", [True, False])
def test_a_stale_id_does_not_outlive_a_failure(
    failing: bool, docker: Docker, folder: Path, tmp_path: Path, xbuild: Xbuild
) -> None:
    iid = tmp_path / "iid"
    iid.write_text("sha256:stale")
    if failing:
        docker.fail(("*", 0, 1, "ERROR: failed to build: failed to solve: boom"))
    done = xbuild("build", *BOTH, *PUSH, "--iidfile", iid, folder)
    assert done.code == (Exit.FAILED if failing else Exit.OK)
    assert iid.exists() is not failing
    assert failing or "stale" not in iid.read_text()


def test_a_matrix_push_sets_no_tag(docker: Docker, folder: Path, xbuild: Xbuild) -> None:
    output = "type=image,name=registry.example/app,push-by-digest=true,name-canonical=true,push=true"
    done = xbuild("build", *BOTH, "-o", output, folder)
    assert done.code == 0, done.err
    (call,) = docker.calls("imagetools")
    assert [word.partition("@")[0] for word in call if "registry.example" in word] == ["registry.example/app"]


def test_credentials_of_a_remote_context_are_in_no_report(
    docker: Docker, tmp_path: Path, xbuild: Xbuild
) -> None:
    address = "https://user:s3cr3t@h.example/r.git?token=s3cr3t"
    files = tmp_path / "r.json", tmp_path / "r.md"
    done = xbuild("build", *BOTH, "--report", files[0], "--report", files[1], address)
    assert done.code == 0, done.err
    (call,) = docker.calls("build")
    assert address in call
    kept = [*files, *(path for path in (tmp_path / "state").rglob("*") if path.is_file())]
    assert len(kept) > 2
    assert all(b"s3cr3t" not in path.read_bytes() for path in kept)
    assert "s3cr3t" not in done.out + done.err
