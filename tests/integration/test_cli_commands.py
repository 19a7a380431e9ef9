"""`plan`, `rewrite`, `verify`, `doctor` and `bench` on a real engine; terminals; full disks."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import jsonschema
import pytest
from tests.integration.commands import NAIVE, WITH_MODULES, go_project, report, xbuild
from tests.integration.solving import (
    BOTH,
    BUILDERS,
    CONTAINER_BUILDER,
    REGISTRY,
    docker,
    engine,
    old_buildx,
    served_digest,
)

from xbuild.errors import Exit

SCHEMAS = Path(__file__).parents[2] / "src/xbuild/views/schemas"


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


def test_plan_and_rewrite_ask_an_engine_that_is_there(tmp_path: Path) -> None:
    folder = go_project(tmp_path / "p", NAIVE.replace("CGO_ENABLED=0 ", ""), go__mod=WITH_MODULES)
    offline = xbuild("plan", "--offline", folder)
    assert "cross, on a condition" in offline.out
    asked = xbuild("plan", folder)
    assert (asked.code, asked.err) == (0, "")
    assert "builder, line 1: cross: " in asked.out
    assert xbuild("rewrite", "--offline", folder).out == (folder / "Dockerfile").read_text()
    assert "CGO_ENABLED=0" in xbuild("rewrite", folder).out


def test_a_probe_that_fails_leaves_the_condition(tmp_path: Path) -> None:
    text = NAIVE.replace("CGO_ENABLED=0 ", "").replace("RUN go mod download", "RUN exit 3")
    folder = go_project(tmp_path / "p", text, go__mod=WITH_MODULES)
    done = xbuild("plan", folder)
    assert done.code == 0
    assert "on a condition" in done.out
    assert done.err.startswith("xbuild: warning: the builder could not be asked: ")
    built = xbuild("build", folder)
    assert built.code == Exit.FAILED
    assert "Dockerfile:4" in built.err


_MAKE = """\
FROM golang:1.21-bookworm AS builder
WORKDIR /src
COPY . .
RUN make app
FROM busybox
COPY --from=builder /src/app /app
CMD ["/app"]
"""


@pytest.mark.parametrize(
    ("said", "word", "why"),
    [
        ("gcc -dumpversion", "cross", ""),
        ("./width.sh", "cross", ""),
        (
            "uname -m",
            "assisted",
            "in the image for linux/arm64 it would run `CGO_ENABLED=0 go build -ldflags",
        ),
    ],
)
def test_what_a_makefile_asks_is_asked_in_the_image_of_the_target_too(
    said: str, word: str, why: str, tmp_path: Path
) -> None:
    lines = f"X := $(shell {said})\napp:\n\tCGO_ENABLED=0 go build -ldflags '-X main.x=$(X)' -o app .\n"
    folder = go_project(tmp_path / "p", _MAKE, Makefile=lines)
    script = folder / "width.sh"
    script.write_text("#!/bin/sh\ncase $(uname -m) in x86_64|aarch64) echo 64;; *) echo 32;; esac\n")
    script.chmod(0o755)
    done = xbuild("plan", *BOTH, folder)
    assert (done.code, done.err) == (0, "")
    assert f"builder, line 1: {word}" in done.out
    assert why in done.out.replace("\n", " ")
    if word == "assisted":
        assert "main.x=aarch64" in done.out


def test_verify_archives_and_layouts(tag: str, tmp_path: Path) -> None:
    folder = go_project(tmp_path / "p")
    archive, layout = tmp_path / "image.tar", tmp_path / "layout"
    outputs = ("-o", f"type=oci,dest={archive}", "-o", f"type=oci,tar=false,dest={layout}")
    assert xbuild("build", *BOTH, *outputs, "-t", tag, folder).code == 0
    for place in (archive, layout):
        done = xbuild("verify", "--json", place)
        assert done.code == 0, done.err
        jsonschema.validate(json.loads(done.out), schema("verification"))
        assert [each["platform"] for each in json.loads(done.out)["platforms"]] == [
            "linux/amd64",
            "linux/arm64",
        ]
    shown = xbuild("verify", "--platform", "linux/arm64", layout)
    assert re.search(r"^linux/arm64 +ok ", shown.out, re.MULTILINE)
    assert "linux/amd64 " not in shown.out
    missing = xbuild("verify", "--platform", "linux/s390x", layout)
    assert missing.code == Exit.WRONG_ARCHITECTURE
    assert "linux/s390x" in missing.out


def test_verify_says_what_is_wrong_with_an_image_it_did_not_build(tag: str, tmp_path: Path) -> None:
    folder = go_project(tmp_path / "p", 'FROM busybox\nCOPY tool /bin/tool\nENTRYPOINT ["/bin/tool"]\n')
    (folder / "tool").write_bytes(Path("/bin/true").read_bytes())
    docker("buildx", "build", *BOTH, "-t", tag, "--push", str(folder))
    done = xbuild("verify", tag)
    assert done.code == Exit.WRONG_ARCHITECTURE
    assert "linux/arm64: failure: /bin/tool: " in done.out
    assert "COPY tool /bin/tool" in done.out
    absent = xbuild("verify", f"{REGISTRY}/cli-absent:1")
    assert absent.code in (Exit.REGISTRY, Exit.FAILED)
    assert absent.err.count("xbuild: ") == 1


@pytest.mark.skipif(not shutil.which("skopeo"), reason="skopeo is not installed")
def test_an_older_buildx_pushes_and_pulls_through_skopeo(
    tag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old_buildx(monkeypatch)
    folder = go_project(tmp_path / "p")
    other = tag.replace("/cli-", "/cli-other-")
    iidfile = tmp_path / "iid"
    tags = ("-t", tag, "-t", other)
    done = xbuild("build", *BOTH, *tags, "--push", "--iidfile", str(iidfile), str(folder))
    assert done.code == 0, done.err
    assert served_digest(tag) == served_digest(other) == iidfile.read_text()
    verified = xbuild("verify", tag)
    assert verified.code == 0, verified.err
    assert re.search(r"^linux/arm64 +ok ", verified.out, re.MULTILINE)
    absent = xbuild("verify", f"{REGISTRY}/cli-absent:1")
    assert absent.code in (Exit.REGISTRY, Exit.FAILED)
    assert absent.err.count("xbuild: ") == 1


def test_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    done = xbuild("doctor", "--json", "--platform", ",".join(BOTH[1:]))
    data = json.loads(done.out)
    jsonschema.validate(data, schema("doctor"))
    states = {check["name"]: check["state"] for check in data["checks"]}
    assert states["buildx"] == states["store"] == states["emulation linux/arm64"] == "ok"
    assert done.code == {"ok": 0, "warning": 1, "critical": 2, "unknown": 3}[data["state"]]
    assert xbuild("doctor", "--check", "buildx").code == 0
    assert xbuild("doctor", "--check", "nope").code == 3
    login = xbuild("doctor", "--check", "login", "--registry", "registry.example")
    assert (login.code, "docker login registry.example" in login.out) == (1, True)
    missing = xbuild("doctor", "--check", "emulation", "--platform", "linux/mips64le")
    assert (missing.code, "binfmt" in missing.out) == (1, True)
    absent = xbuild("doctor", "--builder", "cli-nope")
    assert absent.code == 2
    assert re.search(r"^unknown +store", absent.out, re.MULTILINE)
    config = os.environ.get("XBUILD_TESTBED_OLD_BUILDX")
    if config:
        old_buildx(monkeypatch)
        assert xbuild("doctor", "--check", "buildx").code == 1


@pytest.fixture
def stopped_builder() -> Iterator[str]:
    """A builder of this test's own whose container was stopped."""
    name = f"cli-{uuid.uuid4().hex[:6]}"
    docker("buildx", "create", "--name", name, "--driver", "docker-container", "--bootstrap")
    try:
        docker("buildx", "stop", name)
        yield name
    finally:
        docker("buildx", "rm", "--force", name, check=False)


def test_doctor_starts_a_stopped_builder_only_when_asked(stopped_builder: str) -> None:
    def is_running() -> bool:
        state = ("inspect", "--format", "{{.State.Running}}", f"buildx_buildkit_{stopped_builder}0")
        return docker(*state).stdout.strip() == "true"

    assert not is_running()
    looked = xbuild("doctor", "--builder", stopped_builder, "--check", "builder")
    assert (looked.code, "the next build has to start it" in looked.out) == (1, True)
    everything = xbuild("doctor", "--builder", stopped_builder, "--platform", "linux/mips64le")
    assert "emulation linux/mips64le" in everything.out
    assert "cannot be looked at while the builder is not running" in everything.out
    assert not is_running()
    fixed = xbuild("doctor", "--builder", stopped_builder, "--check", "builder", "--fix")
    assert (fixed.code, f"starting builder {stopped_builder}" in fixed.err) == (0, True)
    assert is_running()


@pytest.mark.parametrize("builder", BUILDERS)
def test_bench(builder: str, tmp_path: Path) -> None:
    folder = go_project(tmp_path / "p")
    hand = tmp_path / "hand.Dockerfile"
    text = NAIVE.replace("FROM ", "FROM --platform=$BUILDPLATFORM ", 1)
    text = text.replace("RUN CGO", "ARG TARGETARCH\nRUN GOARCH=$TARGETARCH CGO")
    hand.write_text(text)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    done = xbuild("bench", "--builder", builder, *BOTH, "-n", "2", "--against", hand, "--json", folder)
    assert done.code == 0, done.err
    data = json.loads(done.out)
    jsonschema.validate(data, schema("bench"))
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    kinds = {(each["variant"], each["kind"], each["round"]) for each in data["samples"]}
    variants = ("original", "rewritten", "against")
    assert kinds == {(v, k, n) for v in variants for k in ("cold", "warm") for n in (1, 2)}
    ratios = {(each["left"], each["right"], each["kind"]): each for each in data["ratios"]}
    assert ratios["original", "rewritten", "cold"]["median"] > 1.2
    assert len(ratios["original", "rewritten", "cold"]["pairs"]) == 2
    assert all(each["is_equivalent"] for each in data["comparisons"])
    assert len(data["comparisons"]) == 2
    assert data["changed"] == "main.go"
    assert data["verified"] == dict.fromkeys(variants, True)
    downloads = [
        line for each in data["samples"] if (each["variant"], each["kind"]) == ("rewritten", "cold")
        for line in each["executed"] if line.startswith("builder:4 ")
    ]  # fmt: skip
    assert len(downloads) == 2, "once for all platforms in each round"
    file = tmp_path / "r.json"
    xbuild("build", "--builder", builder, *BOTH, "--no-cache", "--report", file, folder)
    assert report(file)["saved"]["kind"] == "recorded"


def test_bench_without_the_original_says_what_differs(tmp_path: Path) -> None:
    folder = go_project(tmp_path / "p")
    hand = tmp_path / "hand.Dockerfile"
    hand.write_text(NAIVE + "ENV EXTRA=1\nRUN echo > /etc/more; chmod 600 /etc/more\nUSER 1000\n")
    done = xbuild(
        "bench", "--platform", "linux/amd64", "-n", "1", "--skip-original", "--against", hand, folder
    )
    assert done.code == 0, done.err
    assert "original" not in done.out
    assert "images of against and rewritten: different" in done.out
    for said in ("EXTRA=1", "/etc/more: file 600 0:0 / missing", "User: 1000 / missing"):
        assert said in done.out


def in_a_terminal(*arguments: str | Path, columns: int = 100) -> str:
    """What a terminal gets."""
    main, other = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(columns), "LINES": "30", "TERM": "xterm"}
    command = [sys.executable, "-m", "xbuild", *map(str, arguments)]
    with subprocess.Popen(command, stdin=other, stdout=other, stderr=other, env=environment) as process:
        os.close(other)
        text = b""
        while process.poll() is None or select.select([main], [], [], 0.2)[0]:
            if select.select([main], [], [], 0.2)[0]:
                try:
                    text += os.read(main, 65536)
                except OSError:
                    break
    os.close(main)
    return text.decode()


def test_a_terminal_shows_what_runs_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = go_project(tmp_path / "p", "FROM busybox\nRUN sleep 2; echo output\n")
    text = in_a_terminal("build", *BOTH, "--no-cache", folder)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert re.search(r"linux/arm64 +RUN sleep 2; echo output +emulated +\d\.\d s", plain)
    assert re.search(r"linux/amd64 +RUN sleep 2; echo output +native", plain)
    assert "| output" not in plain
    assert re.search(r"\x1b\[3\dm", text)
    # the board is wiped: what stays is the report
    assert text.rindex("\x1b[J") < text.rindex("built as it is, verified")
    monkeypatch.setenv("NO_COLOR", "1")
    assert re.search(r"\x1b\[3\dm", in_a_terminal("build", *BOTH, folder)) is None


@pytest.mark.parametrize("columns", [20, 50])
def test_a_narrow_terminal(columns: int, tmp_path: Path) -> None:
    folder = go_project(tmp_path / "p", f"FROM busybox\nRUN sleep 1; echo {'long ' * 40}\n")
    text = in_a_terminal("build", *BOTH, "--no-cache", folder, columns=columns)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    frames = plain.split("\x1b[J")[1:-1]
    assert frames
    lines = [line for frame in frames for line in frame.split("\x1b[")[0].splitlines()]
    assert max(map(len, lines)) <= columns


@pytest.fixture
def small_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Path]:
    """A temporary folder of some MiB."""
    place = tmp_path / "small"
    place.mkdir()
    options = ("-o", f"size={request.param}m", "tmpfs", str(place))
    if subprocess.run(["mount", "-t", "tmpfs", *options], capture_output=True, check=False).returncode:
        pytest.skip("mounting needs root")
    monkeypatch.setenv("TMPDIR", str(place))
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=False)


@pytest.mark.parametrize("small_disk", [8, 40], indirect=True)
@pytest.mark.parametrize("builder", BUILDERS)
def test_not_enough_disk(builder: str, small_disk: Path, tag: str, tmp_path: Path) -> None:
    folder = go_project(tmp_path / "p", "FROM busybox\nRUN head -c 80000000 /dev/urandom > /x\n")
    iid = tmp_path / "iid"
    done = xbuild("build", "--builder", builder, "-t", tag, "--push", "--iidfile", iid, folder)
    assert done.code == Exit.ENGINE, done.err
    assert done.err.count("xbuild: ") == 1
    assert served_digest(tag) is None
    assert not iid.exists()
    assert list(small_disk.iterdir()) == []


class _Stalling(BaseHTTPRequestHandler):
    """A registry that has nothing and never finishes taking anything."""

    asked = threading.Event()
    over = threading.Event()

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/v2/" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        self.asked.set()
        self.over.wait(60)
        self.close_connection = True

    do_PUT = do_PATCH = do_POST  # noqa: N815

    def log_message(self, format: str, *arguments: object) -> None:
        """Quiet."""


@pytest.fixture
def stalling() -> Iterator[str]:
    """Host and port of a registry that stalls; uploads to it are told of in `_Stalling.asked`."""
    _Stalling.asked.clear()
    _Stalling.over.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Stalling)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}"
    _Stalling.over.set()
    server.shutdown()
    server.server_close()


def test_killed_while_uploading_leaves_no_tag(tag: str, stalling: str, tmp_path: Path) -> None:
    folder = go_project(tmp_path / "p", 'FROM busybox\nCMD ["true"]\n')
    command = [
        sys.executable,
        "-m",
        "xbuild",
        "build",
        "-t",
        tag,
        "-t",
        f"{stalling}/x:1",
        "--push",
        str(folder),
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        assert _Stalling.asked.wait(120), "the upload was never begun"
        process.kill()
    _Stalling.over.set()
    time.sleep(1)
    assert served_digest(tag) is None


def test_killed_halfway_leaves_no_tag(tag: str, tmp_path: Path) -> None:
    folder = go_project(tmp_path / "p", "FROM busybox\nRUN sleep 8641\n")
    command = [sys.executable, "-m", "xbuild", "build", "-t", tag, "--push", "--builder", CONTAINER_BUILDER]
    with subprocess.Popen([*command, str(folder)], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "sleep 8641" in line:
                break
        process.kill()
    assert served_digest(tag) is None
    deadline = time.monotonic() + 20
    while (
        time.monotonic() < deadline
        and subprocess.run(["pgrep", "-fx", "sleep 8641"], capture_output=True, check=False).returncode == 0
    ):
        time.sleep(0.5)
    assert subprocess.run(["pgrep", "-fx", "sleep 8641"], capture_output=True, check=False).returncode != 0
