"""Outcomes of pushes, worded; the registry itself is in tests/integration/test_push_layout.py."""

from __future__ import annotations

import pytest

from xbuild.solve.push import PushOutcome, _nothing_moved, _outcomes, push_error
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
