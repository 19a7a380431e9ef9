"""Real builds: both drivers, what reaches buildx, what comes back, errors, interrupts."""

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
from pathlib import Path

import pytest
from tests.integration.solving import (
    BOTH,
    BUILDERS,
    CONTAINER_BUILDER,
    DOCKERFILE,
    build,
    docker,
    engine,
    file_in,
    old_buildx,
    project,
)

from xbuild.errors import DockerfileError, EngineError, RegistryError, UsageError
from xbuild.solve.diagnosis import BuildFailedError
from xbuild.solve.options import FLAGS, FlagKind

both_drivers = pytest.mark.parametrize("builder", BUILDERS)


@pytest.fixture(autouse=True)
def _needs_an_engine() -> None:
    engine()


def test_the_flags_are_those_of_this_buildx() -> None:
    text = docker("buildx", "build", "--help").stdout
    shown = {
        (found["name"], found["short"] or "", found["type"] is None)
        for found in re.finditer(
            r"^ +(?:-(?P<short>\w), |    )?--(?P<name>[a-z-]+)(?: (?P<type>[a-z]\S+))?(?: |$)",
            text,
            re.MULTILINE,
        )
        if found["name"] != "help"
    }
    known = {(f.name, f.short, f.kind is FlagKind.BOOLEAN) for f in FLAGS if not f.own and not f.hidden}
    assert shown - known == set(), "buildx has flags that the table lacks"
    if engine().buildx_version >= (0, 38, 0):
        assert known - shown == set()


@both_drivers
def test_two_platforms(builder: str, tmp_path: Path) -> None:
    context = project(tmp_path / "p")
    result, _ = build(tmp_path / "w", *BOTH, "--no-cache", str(context), builder=builder)
    assert result.layout is not None
    assert [str(image.platform) for image in result.layout.images] == ["linux/amd64", "linux/arm64"]
    assert all(len(image.attestations) == 1 for image in result.layout.images)
    assert file_in(result, "out", "linux/arm64") == "for arm64 on x86_64\n"
    runs = [vertex for vertex in result.vertices if vertex.instruction == "RUN"]
    assert {(str(v.platform), str(v.target_platform), v.lines, v.emulated, v.executed) for v in runs} == {
        ("linux/amd64", "linux/amd64", (5, 5), False, True),
        ("linux/amd64", "linux/arm64", (5, 5), False, True),
    }
    assert 0 < result.seconds <= result.seconds_in_client
    assert result.reference


@both_drivers
def test_the_second_time_everything_is_cached(builder: str, tmp_path: Path) -> None:
    context = project(tmp_path / "p")
    first, _ = build(tmp_path / "1", *BOTH, str(context), builder=builder)
    second, _ = build(tmp_path / "2", *BOTH, str(context), builder=builder)
    assert first.layout is not None
    assert second.layout is not None
    assert [i.descriptor.digest for i in first.layout.images] == [
        i.descriptor.digest for i in second.layout.images
    ]
    assert not [v for v in second.vertices if v.instruction in ("RUN", "COPY") and v.executed]
    assert second.seconds < 60


@both_drivers
def test_the_rewritten_text_is_built_and_the_folder_untouched(builder: str, tmp_path: Path) -> None:
    context = project(tmp_path / "p", {".dockerignore": "secret.txt\n", "secret.txt": "s"})
    before = {path: path.read_bytes() for path in context.rglob("*")}
    text = DOCKERFILE.replace("echo ", "echo rewritten ")
    result, _ = build(tmp_path / "w", str(context), builder=builder, text=text)
    assert file_in(result, "out", "linux/amd64") == "rewritten for amd64 on x86_64\n"
    assert file_in(result, "list", "linux/amd64").split() == [".dockerignore", "Dockerfile", "main.txt"]
    assert {path: path.read_bytes() for path in context.rglob("*")} == before


def test_the_ignore_file_of_the_dockerfile_wins(tmp_path: Path) -> None:
    files = {
        ".dockerignore": "main.txt\n",
        "docker/app.Dockerfile": DOCKERFILE,
        "docker/app.Dockerfile.dockerignore": "*\n!main.txt\n",
    }
    context = project(tmp_path / "p", files)
    file = context / "docker/app.Dockerfile"
    result, _ = build(tmp_path / "w", "-f", str(file), str(context), text=DOCKERFILE + "LABEL a=b\n")
    assert file_in(result, "list", "linux/amd64").split() == ["main.txt"]


def test_dockerfile_on_standard_input(tmp_path: Path) -> None:
    context = project(tmp_path / "p", {".dockerignore": "Dockerfile\n", "Dockerfile.dockerignore": "*\n"})
    result, _ = build(tmp_path / "w", "-f", "-", str(context), stdin=DOCKERFILE.encode())
    listed = file_in(result, "list", "linux/amd64").split()
    assert listed == [".dockerignore", "Dockerfile.dockerignore", "main.txt"]


def test_an_archive_on_standard_input_is_not_filtered(tmp_path: Path) -> None:
    context = project(tmp_path / "p", {".dockerignore": "main.txt\n", "sub/x": "x"})
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        archive.add(context, ".")
    result, _ = build(tmp_path / "w", "-", stdin=stream.getvalue())
    assert file_in(result, "list", "linux/amd64").split() == [
        ".dockerignore",
        "Dockerfile",
        "main.txt",
        "sub",
    ]


def test_an_archive_with_a_named_dockerfile(tmp_path: Path) -> None:
    context = project(tmp_path / "p", {"sub/x.Dockerfile": DOCKERFILE + "LABEL x=y\n"})
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.add(context, ".")
    result, _ = build(tmp_path / "w", "-f", "sub/x.Dockerfile", "-", stdin=stream.getvalue())
    assert result.layout is not None
    assert result.layout.images[0].config["config"]["Labels"] == {"x": "y"}


def test_a_dockerfile_on_standard_input_with_no_context(tmp_path: Path) -> None:
    result, _ = build(tmp_path / "w", "-", stdin=b"FROM busybox\nRUN echo hi > /out\n")
    assert file_in(result, "out", "linux/amd64") == "hi\n"


def test_flags_reach_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "FROM busybox AS wanted\nARG FROM_ENV\nARG GIVEN\n"
        "RUN --mount=type=secret,id=s cat /run/secrets/s > /secret; echo $FROM_ENV $GIVEN > /out\n"
        "COPY --from=other other.txt /\nLABEL in=file\n"
        "FROM busybox AS last\nRUN false\n"
    )
    context = project(tmp_path / "p", {"s.txt": "hidden"}, text)
    other = project(tmp_path / "other", {"other.txt": "from the other"})
    monkeypatch.setenv("FROM_ENV", "environment")
    result, _ = build(
        tmp_path / "w", "--build-arg", "FROM_ENV", "--build-arg=GIVEN=flag", "--target", "wanted",
        "--secret", f"id=s,src={context / 's.txt'}", "--build-context", f"other={other}",
        "--label", "on=line", "--annotation", "what=annotated", "--platform", "linux/amd64", str(context),
    )  # fmt: skip
    assert file_in(result, "out", "linux/amd64") == "environment flag\n"
    assert file_in(result, "secret", "linux/amd64") == "hidden"
    assert file_in(result, "other.txt", "linux/amd64") == "from the other"
    assert result.layout is not None
    assert result.layout.images[0].config["config"]["Labels"] == {"in": "file", "on": "line"}
    assert result.layout.images[0].manifest["annotations"]["what"] == "annotated"


@both_drivers
def test_the_cache_is_exported_by_this_one_solve(builder: str, tmp_path: Path) -> None:
    context = project(tmp_path / "p")
    cache = tmp_path / "cache"
    result, _ = build(
        tmp_path / "w", "--cache-to", f"type=local,dest={cache}", *BOTH, str(context), builder=builder
    )
    assert (cache / "index.json").exists()
    assert [v.name for v in result.vertices if "exporting cache" in v.name] == [
        "exporting cache to client directory"
    ]


def test_attributes_of_outputs_that_change_the_image(tmp_path: Path) -> None:
    context = project(tmp_path / "p")
    output = "type=image,name=example.org/x:1,push=true,compression=zstd,force-compression=true"
    result, options = build(tmp_path / "w", "-o", output, "--provenance=false", str(context))
    assert options.references == ("example.org/x:1",)
    assert result.layout is not None
    assert {layer.media_type.rpartition("+")[2] for layer in result.layout.images[0].layers} == {"zstd"}
    assert not result.layout.root.is_index


def test_files_of_a_stage(tmp_path: Path) -> None:
    text = "FROM busybox AS b\nRUN echo found > /answer\nFROM scratch\nCOPY --from=b /answer /\n"
    context = project(tmp_path / "p", {}, text)
    result, _ = build(tmp_path / "w", str(context), output="files")
    assert result.files is not None
    assert (result.files / "answer").read_text() == "found\n"
    assert result.layout is None


def test_without_an_output(tmp_path: Path) -> None:
    context = project(tmp_path / "p")
    result, _ = build(tmp_path / "w", *BOTH, str(context), output="none")
    assert result.layout is None
    assert [v for v in result.vertices if v.instruction == "RUN"]


FAILING = """\
FROM busybox
ARG ADDED_BY_A_REWRITE
RUN echo "to stdout" && \\
    echo "to stderr" >&2 && \\
    exit 7
"""


@both_drivers
def test_a_failure_points_at_the_user_s_file(builder: str, tmp_path: Path) -> None:
    original = FAILING.replace("ARG ADDED_BY_A_REWRITE\n", "")
    context = project(tmp_path / "p", {}, original)

    def line_map(line: int) -> int | None:
        return line if line < 2 else None if line == 2 else line - 1

    with pytest.raises(BuildFailedError) as caught:
        build(tmp_path / "w", "--no-cache", str(context), builder=builder, text=FAILING, line_map=line_map)
    error = caught.value
    assert (error.file, error.line) == (str(context / "Dockerfile"), 2)
    assert sorted(error.log) == ["to stderr", "to stdout"]  # two pipes, read in any order
    assert "exit code: 7" in error.message
    assert ">>> RUN echo" in error.excerpt
    assert "ADDED_BY_A_REWRITE" not in str(error)


def test_a_syntax_error_that_only_buildkit_sees(tmp_path: Path) -> None:
    context = project(tmp_path / "p", {}, "FROM busybox\nRUNN true\n")
    with pytest.raises(BuildFailedError, match="unknown instruction: RUNN") as caught:
        build(tmp_path / "w", str(context))
    assert caught.value.line == 2


def test_an_unknown_flag_is_refused_by_buildx(tmp_path: Path) -> None:
    context = project(tmp_path / "p")
    with pytest.raises(UsageError, match="unknown flag: --no-such-flag"):
        build(tmp_path / "w", "--no-such-flag", str(context))


def test_a_base_image_that_cannot_be_had(tmp_path: Path) -> None:
    context = project(tmp_path / "p", {}, "FROM 127.0.0.1:9/no/such:1\n")
    with pytest.raises(RegistryError, match=r"127\.0\.0\.1:9") as caught:
        build(tmp_path / "w", str(context))
    assert caught.value.line == 1


def test_an_unknown_builder() -> None:
    from xbuild.solve.engine import inspect_engine

    with pytest.raises(EngineError, match="no such builder"):
        inspect_engine("solve-no-such-builder")


def test_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    from xbuild.solve.engine import inspect_engine

    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(EngineError, match="no docker engine answers"):
        inspect_engine("default")


def test_no_buildx(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from xbuild.solve.engine import inspect_engine

    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    if subprocess.run(["docker", "buildx", "version"], capture_output=True, check=False).returncode == 0:
        pytest.skip("buildx is installed for all users here")
    with pytest.raises(EngineError, match="no buildx plugin"):
        inspect_engine()


def test_no_dockerfile(tmp_path: Path) -> None:
    with pytest.raises(DockerfileError, match="no such Dockerfile"):
        build(tmp_path / "w", str(tmp_path))


INTERRUPTED = """
import signal
import sys
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)
from tests.integration.solving import build
from xbuild.errors import CancelledError
try:
    build(Path(sys.argv[1]), "--no-cache", sys.argv[2], builder=sys.argv[3])
except CancelledError:
    sys.exit(130)
"""


@both_drivers
def test_an_interrupt_ends_buildx_and_its_steps(builder: str, tmp_path: Path) -> None:
    seconds = {"default": "6781"}.get(builder, "6782")
    context = project(tmp_path / "p", {}, f"FROM busybox\nRUN sleep {seconds}\n")
    work = tmp_path / "w"
    process = subprocess.Popen([sys.executable, "-c", INTERRUPTED, str(work), str(context), builder])
    _wait_for(lambda: _running(f"sleep {seconds}"), 120)
    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 130
    _wait_for(lambda: not _running(f"sleep {seconds}"), 60)
    assert not _running(str(work))


def _running(text: str) -> bool:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            except OSError:
                continue
            if text in words and "INTERRUPTED" not in words and "-c" not in words.split()[:2]:
                return True
    return False


def _wait_for(condition: object, seconds: float) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.05)


def test_old_buildx_has_its_record_in_the_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old_buildx(monkeypatch)
    context = project(tmp_path / "p")
    result, _ = build(tmp_path / "w", *BOTH, str(context))
    runs = [v for v in result.vertices if v.instruction == "RUN"]
    assert {v.lines for v in runs} == {(5, 5)}
    assert all(v.platform for v in runs)


def test_a_farm_is_built_platform_by_platform_and_merged(tmp_path: Path) -> None:
    engine(CONTAINER_BUILDER)
    name, second = "solve-farm", "solve-second"
    config = Path(os.environ["BUILDX_CONFIG"]) / "buildkitd.toml"
    options = ("--driver-opt", "network=host", "--buildkitd-config", str(config), "--bootstrap")
    node = ("buildx", "create", "--name", name, "--driver", "remote", "--platform")
    try:
        docker("buildx", "create", "--name", second, "--driver", "docker-container", *options)
        docker(*node, "linux/amd64", f"docker-container://buildx_buildkit_{CONTAINER_BUILDER}0")
        docker(*node, "linux/arm64", "--append", f"docker-container://buildx_buildkit_{second}0")
        context = project(tmp_path / "p")
        more = ("--annotation", "index:a=b", "--cache-to", f"type=local,dest={tmp_path / 'cache'}")
        result, _ = build(tmp_path / "w", *BOTH, *more, str(context), builder=name)
        assert result.layout is not None
        assert result.layout.read(result.layout.digest)["annotations"] == {"a": "b"}
        assert len(json.loads((tmp_path / "cache/index.json").read_text())["manifests"]) == 1
        assert [note.partition(" only")[0] for note in result.notes] == [
            "--cache-to exported the steps for linux/amd64"
        ]
        assert [str(image.platform) for image in result.layout.images] == ["linux/amd64", "linux/arm64"]
        assert all(len(image.attestations) == 1 for image in result.layout.images)
        assert file_in(result, "out", "linux/arm64").startswith("for arm64")
        assert len({vertex.digest for vertex in result.vertices}) == len(result.vertices)
    finally:
        docker("buildx", "rm", name, check=False)
        docker("buildx", "rm", second, check=False)
        engine.cache_clear()
