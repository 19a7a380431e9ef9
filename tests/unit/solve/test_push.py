"""Outcomes of pushes, worded; the registry itself is in tests/integration/test_push_layout.py."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.unit.solve.fake import FakeDocker
from tests.unit.solve.images import make_layout
from xbuild.errors import CancelledError, EngineError, UsageError
from xbuild.solve.engine import Builder, Engine
from xbuild.solve.layout import Layout
from xbuild.solve.push import (
    PushError,
    PushOutcome,
    _interrupted,
    _nothing_moved,
    _outcomes,
    check_way,
    push,
    push_error,
)
from xbuild.solve.references import parse_reference
from xbuild.solve.run import Completed

DIGEST = "sha256:" + "a" * 64
REFERENCES = tuple(map(parse_reference, ("h.example/a:1", "h.example/a:2", "h.example/a:3")))


def answer(text: str, code: int = 1) -> Completed:
    return Completed((), code, b"", text.encode(), 0.1)


def test_tags_before_the_one_that_failed_have_moved() -> None:
    refused = f"ERROR: publish {DIGEST} to h.example/a:2: unexpected status: 403 Forbidden"
    text = f"#1 pushing {DIGEST} to h.example/a:2\n{refused}"
    found = _outcomes(REFERENCES, answer(text), DIGEST)
    assert [outcome.ok for outcome in found] == [True, False, False]
    assert found[1].error == "unexpected status: 403 Forbidden"


def test_another_digest_is_no_success() -> None:
    other = "sha256:" + "b" * 64
    found = _outcomes(REFERENCES[:1], answer(f"#1 0.1 pushing {other} to h.example/a:1", 0), DIGEST)
    assert not found[0].ok
    assert other in found[0].error


def test_when_one_repository_refuses_no_tag_moves() -> None:
    repositories = {"h.example/a": REFERENCES, "g.example/b": (parse_reference("g.example/b:1"),)}
    found = _nothing_moved(repositories, {"g.example/b": "401 Unauthorized"}, DIGEST)
    assert not any(outcome.ok for outcome in found)
    error = push_error(found)
    assert error.message.startswith("g.example/b:1 was not pushed: g.example wants a login")
    assert error.message.endswith("no tag was moved")
    assert error.hint == "docker login g.example"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("401 Unauthorized", "docker login h.example"),
        ("push access denied", "may push"),
        ("dial tcp 1.2.3.4:443: connect: connection refused", "cannot be reached"),
        ("net/http: TLS handshake timeout", "does not answer"),
        ("http: server gave HTTP response to HTTPS client", "insecure registry"),
        ("x509: certificate signed by unknown authority", "certificate"),
        ("507 Insufficient Storage", "no space"),
        ("teapot", "own words"),
        (f"dial tcp: lookup x: no such host {'sha256:' + '401403' * 10}", "cannot be reached"),
    ],
)
def test_refusals_are_worded(said: str, words: str) -> None:
    assert words in str(push_error([PushOutcome("h.example/a:1", DIGEST, False, said)]))


def test_what_was_delivered_is_said() -> None:
    outcomes = [
        PushOutcome("h.example/a:1", DIGEST, True),
        PushOutcome("h.example/a:2", DIGEST, False, "timeout"),
    ]
    assert "already delivered: h.example/a:1" in push_error(outcomes).message


def test_signed_addresses_are_cut() -> None:
    said = 'ERROR: failed: Put "https://cdn.example/upload?X-Signature=s3cr3t&a=b": EOF'
    found = _outcomes(REFERENCES[:1], answer(said), DIGEST)
    assert "s3cr3t" not in found[0].error
    assert "https://cdn.example/upload" in found[0].error


CONTAINERD = {"ServerVersion": "26.1", "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]}
CLASSIC = {"ServerVersion": "26.1"}


def engine(version: str = "0.38.2", info: Mapping[str, object] = CONTAINERD, driver: str = "x") -> Engine:
    first, second, third = map(int, version.split("."))
    return Engine(Builder("b", driver), (first, second, third), info)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return make_layout(tmp_path / "layout", {"linux/amd64": [{"a": b"1"}], "linux/arm64": [{"a": b"2"}]})


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    return FakeDocker(tmp_path / "docker", monkeypatch)


def test_by_digest_no_tag_is_set(fake: FakeDocker, layout: Layout) -> None:
    outcomes = push(layout, (), engine(), by_digest=("h.example/app",))
    assert [(o.reference, o.ok) for o in outcomes] == [(f"h.example/app@{layout.digest}", True)]
    assert len(fake.calls) == 1
    assert f"--tag h.example/app@{layout.digest} " in fake.calls[0]
    assert "latest" not in fake.calls[0]
    push(layout, ("h.example/app:1",), engine(), by_digest=("h.example/app",))
    assert f"--tag h.example/app:1 --tag h.example/app@{layout.digest} " in fake.calls[1]


def test_an_interrupt_among_tags_says_which_have_moved() -> None:
    names = (("h.example/a:1", "h.example/a:2", "h.example/a:3"), ("g.example/b:1",))
    said = f"#1 0.1 pushing {DIGEST} to h.example/a:1\n#1 0.2 pushing {DIGEST} to h.example/a:2\n"
    error = _interrupted(names, (answer(said, -2), answer("", 0)))
    assert error.message == (
        "cancelled while pushing; already moved: h.example/a:1, g.example/b:1; perhaps moved: h.example/a:2"
    )
    assert _interrupted(names, (answer("", -2),)).message == "cancelled while pushing; no tag was moved"
    assert error.exit_code == 130


def test_an_interrupt_of_the_upload_is_one_error(fake: FakeDocker, layout: Layout) -> None:
    fake.does("echo '#1 0.1 pushing sha256:x to h.example/a:1' >&2; exec sleep 30")

    def interrupt() -> None:
        while not fake.calls:
            time.sleep(0.05)
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(CancelledError, match=r"perhaps moved: h\.example/a:1"):
        push(layout, ("h.example/a:1", "h.example/a:2"), engine())


def without_skopeo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)


def test_a_way_to_push_is_looked_for_before_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    check_way(engine(), 2, by_digest=True)
    without_skopeo(monkeypatch)
    check_way(engine("0.32.0"), 2, by_digest=False)
    check_way(engine("0.32.0", CLASSIC), 1, by_digest=False)
    check_way(engine("0.32.0", CLASSIC, "docker"), 1, by_digest=False)
    for old, platforms, by_digest, said in (
        (engine("0.32.0", CLASSIC), 2, False, "buildx 0.32.0 and the classic image store"),
        (engine("0.32.0", {}), 1, False, "no docker engine"),
        (engine("0.32.0"), 2, True, "by digest"),
        (engine("0.38.0", CLASSIC, "docker"), 1, True, "by digest"),
    ):
        with pytest.raises(EngineError, match=said):
            check_way(old, platforms, by_digest=by_digest)


def test_a_layout_that_docker_cannot_take_is_an_error_and_no_hang(
    fake: FakeDocker, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_skopeo(monkeypatch)
    fake.does('case "$1" in load) exec cat >/dev/null;; esac')
    with pytest.raises(UsageError, match="one platform, and the image has 2"):
        push(layout, ("h.example/a:1",), engine("0.32.0", CLASSIC))


def test_through_the_engine_names_move_only_with_the_push(
    fake: FakeDocker, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_skopeo(monkeypatch)
    old, new = "sha256:" + "1" * 64, "sha256:" + "2" * 64
    (fake.names / "h.example_a:1").write_text(old)
    loaded = "".join(f"echo {new} > $names/h.example_{name}; " for name in ("a:1", "b:1"))
    script = f"""case "$1" in load) cat >/dev/null; {loaded} exit;;
push) case "$2" in REFUSED) echo denied >&2; exit 1;; esac
    echo "digest: {layout.digest} size: 1"; exit;; esac"""
    fake.does(script.replace("REFUSED", "h.example/*"))
    with pytest.raises(PushError):
        push(layout, ("h.example/a:1", "h.example/b:1"), engine("0.32.0"))
    assert fake.named == {"h.example_a:1": old}
    fake.does(script)
    assert all(o.ok for o in push(layout, ("h.example/a:1", "h.example/b:1"), engine("0.32.0")))
    assert fake.named == {"h.example_a:1": new, "h.example_b:1": new}
    fake.does(script.replace(f"digest: {layout.digest}", f"digest: {new}"))
    with pytest.raises(PushError, match="was pushed instead"):
        push(layout, ("h.example/a:1",), engine("0.32.0"))


def test_the_classic_store_s_digest_is_the_registry_s(
    fake: FakeDocker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_skopeo(monkeypatch)
    single = make_layout(tmp_path / "one", {"linux/amd64": [{"a": b"1"}]}, attested=False)
    fake.does(
        f"""case "$1" in load) exec cat >/dev/null;; push) echo "digest: {DIGEST} size: 1"; exit;; esac"""
    )
    assert push(single, ("h.example/a:1",), engine("0.32.0", CLASSIC))[0].digest == DIGEST


def test_a_registry_that_stops_answering_is_given_up(
    fake: FakeDocker, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xbuild.solve.watch.PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr("xbuild.solve.watch.ANSWER_SECONDS", 1.0)
    fake.does('case "$*" in *h.example*) exec sleep 60;; esac; exit 0')
    started = time.monotonic()
    with pytest.raises(PushError, match=r"h\.example does not answer in time") as caught:
        push(layout, ("h.example/a:1", "g.example/b:1"), engine())
    assert time.monotonic() - started < 50
    assert [outcome.ok for outcome in caught.value.outcomes] == [False, False]
    # slow, but it answers, even if only to refuse
    fake.does('case "$*" in *inspect*) exit 1;; esac; sleep 0.5; exit 0')
    assert push(layout, ("h.example/a:1",), engine())[0].ok
