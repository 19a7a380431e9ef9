"""Two archives of one build each: only times, and the order of members, may differ."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

import pytest

from xbuild.verify.excuses import Version
from xbuild.verify.languages.java import members
from xbuild.verify.languages.java.members import same_members


def archive(files: Mapping[str, bytes], year: int = 2024, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as out:
        for name, data in files.items():
            out.writestr(zipfile.ZipInfo(name, (year, 1, 1, 0, 0, 0)), data)
    return made.getvalue()


def compared(left: bytes, right: bytes) -> str | None:
    return same_members(*(Version("/app.jar", data, None) for data in (left, right)))  # type: ignore[arg-type]


FILES = {"A.class": b"a", "B.class": b"b"}


def test_times_and_order() -> None:
    other = dict(reversed(FILES.items()))
    assert archive(FILES) != archive(other, 2025)
    assert compared(archive(FILES), archive(other, 2025)) is None


def test_archives_in_archives() -> None:
    inner, later = archive(FILES), archive(FILES, 2025)
    assert compared(archive({"lib/x.jar": inner}), archive({"lib/x.jar": later})) is None
    changed = archive({**FILES, "B.class": b"c"}, 2025)
    said = compared(archive({"lib/x.jar": inner}), archive({"lib/x.jar": changed}))
    assert said == "lib/x.jar!/B.class differs"


def test_the_time_that_properties_begin_with() -> None:
    left, right = (
        archive({"META-INF/maven/a/b/pom.properties": b"#" + when + b"\nversion=1\n"})
        for when in (b"Mon", b"Tue")
    )
    assert compared(left, right) is None
    other = archive({"META-INF/maven/a/b/pom.properties": b"#Tue\nversion=2\n"})
    assert compared(left, other) == "META-INF/maven/a/b/pom.properties differs"


@pytest.mark.parametrize(
    ("left", "right", "said"),
    [
        (FILES, {"A.class": b"a"}, "B.class is in one of them alone"),
        (FILES, {**FILES, "A.class": b"x"}, "A.class differs"),
        ({"lib.so": b"#1\n"}, {"lib.so": b"#2\n"}, "lib.so differs"),
    ],
)
def test_what_is_a_difference(left: dict[str, bytes], right: dict[str, bytes], said: str) -> None:
    assert compared(archive(left), archive(right)) == said


def test_no_archive() -> None:
    assert "not an archive" in (compared(b"PK nothing", archive(FILES)) or "")


def test_what_expands_too_far(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "_LARGEST", 10)
    big = archive({"A": b"x" * 100})
    assert "when unpacked" in (compared(big, archive({"A": b"y" * 100})) or "")
