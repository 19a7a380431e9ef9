"""`xbuild lint` with others asked: BuildKit's checks (a recorded answer), and registries."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from tests.unit.cli.command import Xbuild
from tests.unit.solve.fake import FakeDocker

ROOT = Path(__file__).parents[3]
# As buildx 0.38.2 with BuildKit 0.34 prints it, without the sources.
RECORDED = ROOT / "tests/fixtures/buildkit-checks"
SCHEMA = json.loads((ROOT / "src/xbuild/views/schemas/lint.schema.json").read_text("utf-8"))
CLEAN = "FROM debian:bookworm-slim\nRUN apt-get update\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def findings(text: str) -> list[tuple[int, str, str]]:
    (file,) = json.loads(text)["files"]
    return [(f["line"], f["rule"], f["message"]) for f in file["findings"]]


def test_buildkit_checks(here: Path, xbuild: Xbuild, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twins once, beside our name; ours that a comment ignores not at all; the rest under BuildKit's name."""
    (here / "Dockerfile").write_bytes((RECORDED / "Dockerfile").read_bytes())
    docker = FakeDocker(here / "bin", monkeypatch, f"cat > {here}/seen; cat {RECORDED}/warnings.json; exit 1")
    done = xbuild("lint", "--with-buildkit-checks", "--format", "json")
    jsonschema.validate(json.loads(done.out), SCHEMA)
    assert done.err == ""
    told = findings(done.out)
    assert [(line, rule) for line, rule, _ in told] == [
        (1, "buildkit:FromAsCasing"),
        (1, "redundant-target-platform"),
        (4, "buildkit:StageNameCasing"),
        (6, "buildkit:LegacyKeyValueFormat"),
        (6, "buildkit:SecretsUsedInArgOrEnv"),
    ]
    assert told[1][2].endswith(" (BuildKit: RedundantTargetPlatform)")
    assert done.code == 1
    assert done.err == ""
    assert (here / "seen").read_bytes() == (here / "Dockerfile").read_bytes()
    calls = [call for call in docker.calls if "--call=check,format=json" in call]
    assert sorted(call.partition("--platform ")[2].split()[0] for call in calls) == [
        "linux/amd64",
        "linux/arm64",
    ]
    for name in ("sarif", "gitlab", "checkstyle", "junit", "github", "text"):
        assert "StageNameCasing" in xbuild("lint", "--with-buildkit-checks", "--format", name).out


def test_a_warning_for_one_platform(here: Path, xbuild: Xbuild, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "Dockerfile").write_text(CLEAN)
    warning = {"ruleName": "InvalidBaseImagePlatform", "detail": "no arm64", "location": {"ranges": []}}
    answer = json.dumps({"warnings": [warning]})
    does = f"case \"$*\" in *arm64*) echo '{answer}';; *) echo '{{}}';; esac; exit"
    FakeDocker(here / "bin", monkeypatch, does)
    done = xbuild("lint", "--with-buildkit-checks", "--format", "json")
    assert findings(done.out) == [(1, "buildkit:InvalidBaseImagePlatform", "no arm64 (for linux/arm64)")]
    ignored = ("--ignore", "base-without-platform,digest-of-one-platform")
    assert xbuild("lint", "--with-buildkit-checks", *ignored).out == "1 file: nothing found\n"


@pytest.mark.parametrize(
    ("does", "said"),
    [
        ("echo 'ERROR: docker.io/example/unknown:1: not found' >&2; exit 1", "example/unknown:1: not found"),
        ("echo '{\"warnings\": [3]}'; exit", "an answer that cannot be read"),
        (None, "BuildKit's checks were not made: "),
    ],
)
def test_checks_that_cannot_be_made_are_one_note(
    does: str | None, said: str, here: Path, xbuild: Xbuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        (here / f"{name}.Dockerfile").write_text(CLEAN)
    docker = FakeDocker(here / "bin", monkeypatch, does or "")
    if does is None:
        docker.program.unlink()
    done = xbuild("lint", "--with-buildkit-checks")
    assert (done.code, done.out) == (0, "2 files: nothing found\n")
    assert done.err.count("xbuild: warning: ") == 1
    assert said in done.err


def test_online(here: Path, xbuild: Xbuild, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never without being told to; each image once; that one does not answer is one note."""
    for name in ("a", "b"):
        text = "FROM example.com/one:1\nRUN make\nFROM example.com/gone:1\nRUN make\n"
        (here / f"{name}.Dockerfile").write_text(text)
    (here / "c.Dockerfile").write_text("nothing\n")
    one = json.dumps({"os": "linux", "architecture": "amd64", "config": {}})
    does = f"case \"$*\" in *com/one:1*) echo '{one}'; exit;; *) exit 1;; esac"
    docker = FakeDocker(here / "bin", monkeypatch, does)
    assert "base-without-platform" not in xbuild("lint").out
    assert docker.calls == []
    done = xbuild("lint", "--online")
    assert done.out.count("base-without-platform: example.com/one:1 is not there for linux/arm64") == 2
    assert done.err.startswith("xbuild: warning: 1 base image could not be looked at: example.com/gone:1")
    assert len(docker.calls) == 2
    assert done.code == 2
