"""Versions that a project asks for. Ranges by the table of npm's `semver`."""

from __future__ import annotations

import pytest

from xbuild.generate.versions import Version, minor, newest_node, newest_python, node_range


@pytest.mark.parametrize(
    ("text", "allowed", "others"),
    [
        (">=18", [(18, 0, 0), (24, 1, 2)], [(17, 9, 9)]),
        (">18", [(19, 0, 0)], [(18, 9, 9)]),
        ("<20", [(19, 9, 9)], [(20, 0, 0)]),
        ("<=20", [(20, 9, 9)], [(21, 0, 0)]),
        ("^20.3.1", [(20, 3, 1), (20, 9, 0)], [(20, 3, 0), (21, 0, 0)]),
        ("~20.3.1", [(20, 3, 1), (20, 3, 9)], [(20, 4, 0)]),
        ("~20", [(20, 9, 9)], [(21, 0, 0)]),
        ("20", [(20, 9, 9)], [(19, 0, 0), (21, 0, 0)]),
        ("20.x", [(20, 9, 9)], [(21, 0, 0)]),
        ("20.3", [(20, 3, 9)], [(20, 4, 0)]),
        ("=20.3.1", [(20, 3, 1)], [(20, 3, 2)]),
        ("18 || >=22 <24", [(18, 1, 1), (23, 9, 9)], [(20, 0, 0), (24, 0, 0)]),
        ("20 - 22", [(20, 0, 0), (22, 9, 9)], [(23, 0, 0)]),
        (">= 20.19", [(20, 19, 0)], [(20, 18, 9)]),
        ("*", [(1, 0, 0)], []),
    ],
)
def test_ranges(text: str, allowed: list[Version], others: list[Version]) -> None:
    allows = node_range(text)
    assert allows is not None
    assert all(allows(version) for version in allowed)
    assert not any(allows(version) for version in others)


@pytest.mark.parametrize("text", ["twenty", ">=a", "20 ||| 21", "1.2.3.4"])
def test_what_is_not_understood_allows_nothing(text: str) -> None:
    assert node_range(text) is None
    assert newest_node(text) is None


@pytest.mark.parametrize(
    ("text", "major"),
    [
        (">=18", "24"),
        ("^20", "20"),
        (">=25", "26"),
        ("22 || 20", "22"),
        ("<19", "18"),
        ("<16", None),
        ("lts/*", "24"),
    ],
)
def test_the_usual_version_comes_first(text: str, major: str | None) -> None:
    assert newest_node(text) == major


def test_minor_versions() -> None:
    assert minor("1.24.3") == "1.24"
    assert minor("v22.11") == "22.11"
    assert minor("22") is None
    assert minor("3.13t") is None


def test_the_newest_python_of_a_package() -> None:
    assert newest_python("django", "3.2.12") == "3.10"
    assert newest_python("django", "5.2") == "3.14"
    assert newest_python("numpy", "1.26.4") == "3.12"
    assert newest_python("numpy", "2") == "3.12"
    assert newest_python("numpy", "1.2") is None
    assert newest_python("django", "main") is None
    assert newest_python("flask", "3.1") is None
