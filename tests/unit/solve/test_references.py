"""References as docker reads them."""

from __future__ import annotations

import pytest

from xbuild.errors import UsageError
from xbuild.solve.references import is_name_only, parse_reference


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("debian", "docker.io/library/debian:latest"),
        ("debian:12", "docker.io/library/debian:12"),
        ("user/app", "docker.io/user/app:latest"),
        ("docker.io/debian", "docker.io/library/debian:latest"),
        ("index.docker.io/user/app:1", "docker.io/user/app:1"),
        ("localhost/app", "localhost/app:latest"),
        ("localhost:5000/a/b/c:v1.2-x", "localhost:5000/a/b/c:v1.2-x"),
        ("ghcr.io/owner/app:1", "ghcr.io/owner/app:1"),
        ("no.such.host.example/x:1", "no.such.host.example/x:1"),
        ("127.0.0.1:5000/x__y/z---w", "127.0.0.1:5000/x__y/z---w:latest"),
        ("[::1]:5000/x", "[::1]:5000/x:latest"),
        ("HOST/x", "HOST/x:latest"),
    ],
)
def test_full_names(text: str, full: str) -> None:
    assert str(parse_reference(text)) == full


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A",
        "a:",
        "a:-x",
        "host.example/",
        "a//b",
        "a b",
        "host.example/A",
        "a:" + "x" * 129,
        "-a",
        "a/",
        "/a",
    ],
)
def test_what_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no image reference"):
        parse_reference(text)


def test_loopback() -> None:
    names = ("localhost/a", "localhost:5000/a", "127.0.0.1:5000/a", "[::1]:5000/a", "[::1]/a")
    assert all(parse_reference(name).is_loopback for name in names)
    assert not any(parse_reference(name).is_loopback for name in ("a", "h.example:5000/a", "128.0.0.1/a"))


def test_by_digest() -> None:
    digest = "sha256:" + "0" * 64
    assert parse_reference("host.example/a:1").at(digest) == f"host.example/a@{digest}"
    assert parse_reference(f"a@{digest}").digest == digest
    assert str(parse_reference(f"a@{digest}")) == f"docker.io/library/a@{digest}"
    assert str(parse_reference(f"a:1@{digest}")) == f"docker.io/library/a:1@{digest}"


def test_names_only() -> None:
    assert all(map(is_name_only, ("a", "h.example/a", "localhost:5000/a/b")))
    assert not any(map(is_name_only, ("a:1", "localhost:5000/a:1", f"a@sha256:{'0' * 64}")))
