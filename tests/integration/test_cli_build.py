"""`xbuild build` as users call it, on a real engine: what it prints, pushes, refuses and leaves behind."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from tests.integration.commands import NAIVE, WITH_MODULES, Done, go_project, report, run_image, xbuild
from tests.integration.solving import (
    AUTH_REGISTRY,
    BOTH,
    BUILDERS,
    CONTAINER_BUILDER,
    REGISTRY,
    docker,
    engine,
    served_digest,
    with_credential_helper,
    with_login,
)

from xbuild.cli.main import run
from xbuild.errors import Exit
from xbuild.pipeline.checking import check

SCHEMAS = Path(__file__).parents[2] / "src/xbuild/views/schemas"
both_drivers = pytest.mark.parametrize("builder", BUILDERS)
needs_a_login = pytest.mark.skipif(not AUTH_REGISTRY, reason="no registry here wants a login")


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine()
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("TMPDIR", str(temporary))


@pytest.fixture
def tag() -> Iterator[str]:
    """A reference of this test's own."""
    reference = f"{REGISTRY}/cli-{uuid.uuid4().hex[:8]}:1"
    yield reference
    docker("image", "rm", "--force", reference, check=False)


def schema(name: str) -> dict[str, object]:
    loaded: dict[str, object] = json.loads((SCHEMAS / f"{name}.schema.json").read_text("utf-8"))
    return loaded


def left_behind() -> list[Path]:
    return list(Path(os.environ["TMPDIR"]).iterdir())


def is_one_message(done: Done) -> bool:
    return done.err.count("xbuild: ") == 1 and "Traceback" not in done.err


@both_drivers
def test_a_naive_dockerfile_becomes_a_verified_image_at_native_speed(
    builder: str, tag: str, tmp_path: Path
) -> None:
    folder = go_project(tmp_path / "p")
    before = (folder / "Dockerfile").read_bytes()
    file = tmp_path / "report.json"
    flags = (*BOTH, "--builder", builder, "-t", tag, "--push", "--no-cache")
    done = xbuild("build", *flags, "--report", file, "--report", tmp_path / "report.md", folder)
    assert (done.code, done.out) == (0, ""), done.err
    assert (folder / "Dockerfile").read_bytes() == before
    data = report(file)
    jsonschema.validate(data, schema("report"))
    assert data["rewritten"]
    assert data["digest"] == served_digest(tag)
    assert data["emulation"] == []
    compiled = {step["target"]: step for step in data["steps"] if step["kind"] == "go build"}
    assert {target: step["how"] for target, step in compiled.items()} == {
        "linux/amd64": "native",
        "linux/arm64": "cross",
    }
    assert {step["line"] for step in compiled.values()} == {6}
    downloads = [step for step in data["steps"] if step["kind"] == "go mod download" and step["executed"]]
    assert [(step["target"], step["line"]) for step in downloads] == [(None, 4)]
    assert data["saved"]["kind"] == "estimated"
    assert data["saved"]["low"] > 0
    assert run_image(tag, "linux/amd64") == "for amd64 on x86_64, cgo 0, 3 lines"
    assert run_image(tag, "linux/arm64") == "for arm64 on x86_64, cgo 0, 3 lines"
    assert "estimated" in (tmp_path / "report.md").read_text()
    assert left_behind() == []


def test_a_question_is_asked_of_the_builder_before_building(tag: str, tmp_path: Path) -> None:
    folder = go_project(tmp_path / "p", NAIVE.replace("CGO_ENABLED=0 ", ""), go__mod=WITH_MODULES)
    done = xbuild("build", *BOTH, "-t", tag, "--push", folder)
    assert done.code == 0, done.err
    # The stand-in for Go names no package with cgo: proved, so that it is off for every platform alike.
    assert run_image(tag, "linux/arm64") == "for arm64 on x86_64, cgo 0, 3 lines"


def test_measuring_and_what_is_learnt(tmp_path: Path) -> None:
    folder = go_project(tmp_path / "p")
    file = tmp_path / "r.json"
    done = xbuild("build", *BOTH, "--no-cache", "--baseline", "measure", "--report", file, folder)
    assert done.code == 0, done.err
    saved = report(file)["saved"]
    assert (saved["kind"], saved["date"]) == ("measured", None)
    assert saved["low"] == saved["high"] > 1.0
    assert {4, 6} >= set(saved["lines"]) >= {6}
    # the same again, against the record; and another build arg, against what was learnt
    xbuild("build", *BOTH, "--no-cache", "--report", file, folder)
    assert report(file)["saved"]["kind"] == "recorded"
    assert report(file)["saved"]["date"]
    done = xbuild("build", *BOTH, "--no-cache", "--build-arg", "TOKEN=hunter2", "--report", file, folder)
    assert report(file)["saved"]["kind"] == "estimated"
    assert "measured here" in report(file)["saved"]["basis"]
    # everything cached: nothing is saved
    xbuild("build", *BOTH, "--report", file, folder)
    xbuild("build", *BOTH, "--report", file, folder)
    assert report(file)["saved"]["lines"] == []
    for path in (tmp_path / "state").rglob("*"):
        assert path.is_dir() or b"hunter2" not in path.read_bytes()
    assert "hunter2" not in done.err + file.read_text()


def test_measuring_leaves_the_users_cache_mounts_alone(tmp_path: Path) -> None:
    mounted = "RUN --mount=type=cache,target=/c,id=cli-own-cache "
    text = (
        "FROM {0} AS builder\nWORKDIR /src\nCOPY . .\n" + mounted + "CGO_ENABLED=0 go build -o /out/app .\n"
    )
    text += "FROM busybox\nCOPY --from=builder /out/app /app\n"
    folder = go_project(tmp_path / "p")
    image = (folder / "Dockerfile").read_text().split()[1]
    (folder / "Dockerfile").write_text(text.format(image))
    probe = go_project(tmp_path / "q", f"FROM busybox\nARG N\n{mounted}ls /c; touch /c/$N\n")
    flags = ("--progress", "plain", "--platform", "linux/amd64", "--build-arg")
    assert xbuild("build", *flags, f"N=kept{time.time()}", probe).code == 0
    assert xbuild("build", *BOTH, "--baseline", "measure", folder).code == 0
    assert "| kept" in xbuild("build", *flags, f"N=other{time.time()}", probe).err


@both_drivers
def test_a_foreign_binary_is_not_pushed(builder: str, tag: str, tmp_path: Path) -> None:
    folder = go_project(tmp_path / "p")
    (folder / "tool").write_bytes(Path("/bin/true").read_bytes())
    (folder / "Dockerfile").write_text((folder / "Dockerfile").read_text() + "COPY tool /usr/bin/tool\n")
    file, iid = tmp_path / "r.json", tmp_path / "iid"
    metadata, archive = tmp_path / "metadata.json", tmp_path / "out.tar"
    flags = (
        *BOTH, "--builder", builder, "-t", tag, "--push", "--load", "-o", f"type=oci,dest={archive}",
        "--iidfile", iid, "--metadata-file", metadata, "--report", file,
    )  # fmt: skip
    done = xbuild("build", *flags, folder)
    assert done.code == Exit.WRONG_ARCHITECTURE, done.err
    assert is_one_message(done)
    assert f"{folder}/Dockerfile:11: " in done.err
    assert "linux/arm64: /usr/bin/tool: " in done.err
    assert "line 11: COPY tool /usr/bin/tool" in done.err
    assert served_digest(tag) is None
    assert [path for path in (iid, metadata, archive) if path.exists()] == []
    assert tag not in docker("images", "--format", "{{.Repository}}:{{.Tag}}").stdout.split()
    data = report(file)
    jsonschema.validate(data, schema("report"))
    assert [each["ok"] for each in data["verified"]] == [True, False]
    (folder / ".xbuild.yaml").write_text("verify:\n  allow:\n    - {path: /usr/bin/tool, reason: test}\n")
    done = xbuild("build", *flags, folder)
    assert done.code == 0, done.err
    # The same command, once allowed, delivers all that was missing above.
    assert served_digest(tag) == iid.read_text() == json.loads(metadata.read_text())["containerimage.digest"]
    assert tarfile.is_tarfile(archive)
    assert tag in docker("images", "--format", "{{.Repository}}:{{.Tag}}").stdout.split()


def test_what_onbuild_of_the_base_brings_is_judged_and_the_base_excused(tag: str, tmp_path: Path) -> None:
    """Both are layers below the Dockerfile's own; only the first comes from its context."""
    foreign = (Path("/bin/true").resolve()).read_bytes()
    base = tag.replace("/cli-", "/cli-base-")
    made = go_project(
        tmp_path / "base",
        "FROM busybox\nCOPY helper /usr/local/bin/helper\nONBUILD COPY tool /usr/bin/tool\n",
    )
    (made / "helper").write_bytes(foreign)
    docker("buildx", "build", "--builder", CONTAINER_BUILDER, *BOTH, "--push", "-t", base, str(made))
    project = go_project(tmp_path / "p", f'FROM {base}\nCMD ["true"]\n')
    options = (*BOTH, "--builder", CONTAINER_BUILDER, "-t", tag, "--push")
    (project / "tool").write_text("plain text")
    assert xbuild("build", *options, project).code == 0
    moved = served_digest(tag)
    (project / "tool").write_bytes(foreign)
    (project / "tool").chmod(0o755)
    done = xbuild("build", *options, project)
    assert done.code == Exit.WRONG_ARCHITECTURE, done.err
    assert "/usr/bin/tool" in done.err
    assert "/usr/local/bin/helper" not in done.err.split("would not run")[1]
    assert served_digest(tag) == moved


def test_what_changes_after_the_check_is_not_pushed(
    tag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = go_project(tmp_path / "p")
    file = tmp_path / "r.json"

    def check_and_change(*arguments: object) -> object:
        found = check(*arguments)  # type: ignore[arg-type]
        (folder / "main.go").write_text("changed\n" * 50)
        seen.append(found.verification.digest)
        return found

    seen: list[str] = []
    monkeypatch.setattr("xbuild.pipeline.finish.check", check_and_change)
    code = run(
        ["build", *BOTH, "-t", tag, "--push", "--no-cache", "--quiet", "--report", str(file), str(folder)]
    )
    assert code == 0
    assert seen == [served_digest(tag)] == [report(file)["digest"]]
    assert run_image(tag, "linux/amd64").endswith(", 3 lines")


def test_no_cache_pushes_what_was_checked(tag: str, tmp_path: Path) -> None:
    folder = go_project(tmp_path / "p", "FROM busybox\nRUN head -c 32 /dev/urandom > /x\n")
    done = xbuild("build", *BOTH, "-t", tag, "--push", "--no-cache", "--quiet", folder)
    assert done.code == 0, done.err
    assert done.err == ""
    assert done.out.strip() == served_digest(tag)
    verified = xbuild("verify", "--json", tag)
    data = json.loads(verified.out)
    jsonschema.validate(data, schema("verification"))
    assert (verified.code, data["digest"], data["passed"]) == (0, served_digest(tag), True)


def test_files_that_name_what_was_delivered(tag: str, tmp_path: Path) -> None:
    folder = go_project(tmp_path / "p")
    iid, metadata = tmp_path / "iid", tmp_path / "metadata.json"
    flags = (*BOTH, "-t", tag, "--push", "-q", "--iidfile", iid, "--metadata-file", metadata)
    done = xbuild("build", *flags, folder)
    assert done.code == 0, done.err
    digest = served_digest(tag)
    assert (done.out.strip(), iid.read_text()) == (digest, digest)
    assert json.loads(metadata.read_text())["containerimage.digest"] == digest


def test_a_tar_file_on_standard_output(tmp_path: Path) -> None:
    folder = go_project(tmp_path / "p")
    command = [sys.executable, "-m", "xbuild", "build", "--platform", "linux/arm64", "-o", "-", str(folder)]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        found = archive.extractfile("app")
        assert found is not None
        assert found.read().startswith(b"for arm64 on x86_64")


def test_an_archive_and_a_dockerfile_on_standard_input(tag: str, tmp_path: Path) -> None:
    folder = go_project(tmp_path / "p")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.add(folder, ".")
    for argv, data in (
        (("-",), buffer.getvalue()),
        (("-f", "-", str(folder)), (folder / "Dockerfile").read_bytes()),
    ):
        done = xbuild("build", *BOTH, "-t", tag, "--push", *argv, stdin=data)
        assert done.code == 0, done.err
        assert "rewritten, verified, pushed" in done.err
    assert left_behind() == []


def test_questions_pass_through(tmp_path: Path) -> None:
    folder = go_project(tmp_path / "p", "FROM busybox AS one\nARG X=1\nFROM one as two\n")
    outline = xbuild("build", "--call", "outline", folder)
    assert (outline.code, "X" in outline.out) == (0, True)
    check = xbuild("build", "--check", folder)
    assert check.code == docker("buildx", "build", "--check", str(folder), check=False).returncode
    assert "FromAsCasing" in check.out + check.err


def test_dry_run_runs_nothing(tag: str, tmp_path: Path) -> None:
    folder = go_project(tmp_path / "p")
    flags = (*BOTH, "-t", tag, "--push", "--build-arg", "TOKEN=hunter2", "--iidfile", tmp_path / "iid")
    done = xbuild("build", "--dry-run", *flags, folder)
    assert (done.code, done.err) == (0, "")
    assert "+FROM --platform=$BUILDPLATFORM" in done.out
    assert "docker buildx build --tag" in done.out
    assert "TOKEN=***" in done.out
    assert "hunter2" not in done.out
    assert "TOKEN=hunter2" in xbuild("build", "--dry-run", "--show-values", *flags, folder).out
    assert served_digest(tag) is None
    assert not (tmp_path / "iid").exists()
    assert left_behind() == []


def test_no_rewrite_builds_and_verifies_the_file_as_it_is(tmp_path: Path) -> None:
    folder = go_project(tmp_path / "p")
    file = tmp_path / "r.json"
    flags = ("--platform", "linux/arm64", "--no-rewrite", "--no-cache")
    assert xbuild("build", *flags, "--report", file, folder).code == 0
    data = report(file)
    assert (data["rewritten"], data["why_not"]) == (False, "--no-rewrite")
    assert {step["how"] for step in data["steps"] if step["kind"] == "go build"} == {"emulated"}
    assert data["emulation"]
    assert data["verified"]


@pytest.mark.parametrize("kind", ["plain", "quiet", "rawjson", "tty", "auto"])
def test_progress(kind: str, tmp_path: Path) -> None:
    folder = go_project(tmp_path / "p")
    done = xbuild("build", *BOTH, "--no-cache", folder, BUILDKIT_PROGRESS=kind)
    assert done.code == 0, done.err
    first = done.err.splitlines()[0] if done.err else ""
    if kind == "rawjson":
        assert all(
            "vertexes" in line or "statuses" in line or "logs" in line for line in done.err.splitlines()[:3]
        )
        json.loads(first)
    elif kind == "quiet":
        assert (done.err, done.out.startswith("sha256:")) == ("", True)
    else:
        assert "\x1b" not in done.err
        assert re.search(r"^\[linux/arm64 builder \d/\d\] RUN .*go build", done.err, re.MULTILINE)
        assert "(cross)" in done.err


def test_a_failing_step_is_shown_in_the_users_file(tag: str, tmp_path: Path) -> None:
    folder = go_project(tmp_path / "p", broken__go="oops\n")
    done = xbuild("build", *BOTH, "-t", tag, "--push", folder)
    assert done.code == Exit.FAILED
    assert "broken.go:1:1: expected 'package'" in done.err
    assert f"{folder}/Dockerfile:6" in done.err
    assert "6 | >>> RUN CGO_ENABLED=0 go build -o /out/app ." in done.err
    assert "Traceback" not in done.err
    assert served_digest(tag) is None
    assert left_behind() == []


@pytest.mark.parametrize(
    ("text", "line"),
    [("FROM busybox\nBOGUS x\n", 2), ("FROM busybox\nCOPY\n", 2), ("FROM busybox\nCOPY nope /\n", 2)],
)
def test_what_only_the_builder_notices(text: str, line: int, tmp_path: Path) -> None:
    folder = go_project(tmp_path / "p", text)
    done = xbuild("build", folder)
    assert done.code in (Exit.FAILED, Exit.DOCKERFILE)
    assert f"Dockerfile:{line}" in done.err
    assert "Traceback" not in done.err


def test_an_empty_context(tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    done = xbuild("build", folder)
    assert done.code == Exit.DOCKERFILE
    assert is_one_message(done)


def test_no_emulator_is_found_before_building(tag: str, tmp_path: Path) -> None:
    folder = go_project(tmp_path / "p", "FROM busybox AS one\nFROM one\nRUN echo\n")
    done = xbuild("build", "--platform", "linux/amd64,linux/mips64le", "-t", tag, "--push", folder)
    assert done.code == Exit.ENGINE, done.err
    assert is_one_message(done)
    assert f"{folder}/Dockerfile:3: " in done.err
    assert "linux/mips64le" in done.err
    assert "binfmt" in done.err


def test_registries_that_refuse(tag: str, tmp_path: Path) -> None:
    folder = go_project(tmp_path / "p")
    done = xbuild("build", *BOTH, "-t", "127.0.0.1:1/cli/x:1", "-t", tag, "--push", folder)
    assert done.code == Exit.REGISTRY, done.err
    assert is_one_message(done)
    assert "127.0.0.1:1" in done.err
    assert served_digest(tag) is None, "no tag moves when one registry refuses"


@needs_a_login
def test_a_registry_that_wants_a_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = go_project(tmp_path / "p")
    private = f"{AUTH_REGISTRY}/cli-{uuid.uuid4().hex[:8]}:1"
    done = xbuild("build", *BOTH, "-t", private, "--push", folder)
    assert done.code == Exit.REGISTRY
    assert "docker login" in done.err
    with_login(tmp_path, monkeypatch)
    assert xbuild("build", *BOTH, "-t", private, "--push", folder).code == 0
    assert xbuild("verify", private).code == 0


@needs_a_login
@both_drivers
def test_a_credential_helper_is_asked(builder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = with_credential_helper(tmp_path, monkeypatch)
    folder = go_project(tmp_path / "p")
    private = f"{AUTH_REGISTRY}/cli-{uuid.uuid4().hex[:8]}:1"
    password = os.environ["XBUILD_TESTBED_AUTH_PASSWORD"]
    done = xbuild("build", *BOTH, "--builder", builder, "-t", private, "--push", folder)
    assert done.code == 0, done.err
    assert f"get {AUTH_REGISTRY}" in asked.read_text()
    asked.write_text("")
    verified = xbuild("verify", "--json", private)
    assert verified.code == 0, verified.err
    assert json.loads(verified.out)["passed"]
    assert f"get {AUTH_REGISTRY}" in asked.read_text()
    assert password not in done.out + done.err + verified.out + verified.err
    # what the helper says counts: with another password there is no way in
    monkeypatch.setenv("HELPER_PASSWORD", "wrong")
    for argv in (("build", *BOTH, "-t", private, "--push", str(folder)), ("verify", private)):
        refused = xbuild(*argv)
        assert refused.code == Exit.REGISTRY, refused.err
        assert "docker login" in refused.err


def test_a_push_by_digest_sets_no_tag(tag: str, tmp_path: Path) -> None:
    folder = go_project(tmp_path / "p")
    repository = tag.rpartition(":")[0]
    iid = tmp_path / "iid"
    output = f"type=image,name={repository},push-by-digest=true,name-canonical=true,push=true"
    done = xbuild("build", "--platform", "linux/arm64", "-o", output, "--iidfile", iid, folder)
    assert done.code == 0, done.err
    assert served_tags(repository) == []
    assert xbuild("verify", f"{repository}@{iid.read_text()}").code == 0
    assert xbuild("build", "--platform", "linux/arm64", "-t", tag, "--push", folder).code == 0
    assert served_tags(repository) == ["1"]


def served_tags(repository: str) -> list[str]:
    """A registry does not know a repository that has no tags."""
    host, _, name = repository.partition("/")
    try:
        with urllib.request.urlopen(f"http://{host}/v2/{name}/tags/list") as answer:
            return json.load(answer)["tags"] or []
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
        return []


@both_drivers
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing(builder: str, number: int, tag: str, tmp_path: Path) -> None:
    mark = f"7{uuid.uuid4().int % 10**6}"
    folder = go_project(tmp_path / "p", f"FROM busybox\nRUN sleep {mark}\n")
    flags = ("--builder", builder, "-t", tag, "--push", "--progress", "plain", str(folder))
    process = subprocess.Popen(
        [sys.executable, "-m", "xbuild", "build", *flags], stderr=subprocess.PIPE, text=True
    )
    with process:
        assert process.stderr is not None
        for line in process.stderr:
            if f"RUN sleep {mark}" in line:
                break
        time.sleep(1)
        process.send_signal(number)
        rest = process.stderr.read()
        assert process.wait(30) == Exit.CANCELLED
    assert rest.splitlines()[-1] == "xbuild: cancelled"
    assert served_digest(tag) is None
    assert left_behind() == []
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and _is_running(f"sleep {mark}"):
        time.sleep(0.5)
    assert not _is_running(f"sleep {mark}")


def _is_running(command: str) -> bool:
    found = subprocess.run(["pgrep", "-fx", command], capture_output=True, check=False)
    return found.returncode == 0


def test_a_builder_that_is_not_there(tmp_path: Path) -> None:
    done = xbuild("build", "--builder", "cli-nope", go_project(tmp_path / "p"))
    assert done.code == Exit.ENGINE
    assert is_one_message(done)
    assert "cli-nope" in done.err


def test_no_engine_answers(tmp_path: Path) -> None:
    done = xbuild("build", go_project(tmp_path / "p"), DOCKER_HOST="unix:///nonexistent/docker.sock")
    assert done.code == Exit.ENGINE
    assert is_one_message(done)


def test_warm_rebuilds_keep_the_cache_of_the_container_builder(tmp_path: Path) -> None:
    folder = go_project(tmp_path / "p")
    file = tmp_path / "r.json"
    flags = (*BOTH, "--builder", CONTAINER_BUILDER, "--report", file)
    assert xbuild("build", *flags, folder).code == 0
    assert xbuild("build", *flags, folder).code == 0
    assert not [step for step in report(file)["steps"] if step["executed"] and step["how"]]
