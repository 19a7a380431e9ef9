"""XML of projects: read with bounds, or not at all."""

from __future__ import annotations

import time

import pytest

from xbuild.plan.toolchains.java.markup import LARGEST, MarkupError, read_markup, text_of, told

_BOMB = "<!DOCTYPE p [" + "".join(
    f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "ha"}">' for n in range(12)
) + "]><p>&e11;</p>"  # fmt: skip


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no XML"),
        ("<project>", "no XML"),
        ("<project><a></project></a>", "no XML"),
        ("{}", "no XML"),
        ("<p>\x00</p>", "no XML"),
        ('<?xml version="1.0" encoding="UTF-7"?><p/>', "in the encoding UTF-7"),
        ("\ufeff<?xml version='1.0'  encoding = 'utf-16'?><p/>", "in the encoding utf-16"),
        ("<p>&unknown;</p>", "no XML"),
        (_BOMB, "entities"),
        ('<!DOCTYPE p SYSTEM "file:///etc/passwd"><p/>', "entities"),
        ("<a>" * 5000 + "</a>" * 5000, "deeper"),
        ("<p>" + "a" * LARGEST + "</p>", "larger"),
    ],
)
def test_what_is_not_read(text: str, why: str) -> None:
    start = time.process_time()
    with pytest.raises(MarkupError, match=why):
        read_markup(text)
    assert time.process_time() - start < 1


def test_names_are_without_their_namespace() -> None:
    root = read_markup('\ufeff<?xml version="1.0"?>\n<a:p xmlns:a="urn:x"><a:b> one </a:b><c d="2"/></a:p>')
    assert (root.tag, text_of(root, "b"), text_of(root, "z", "none")) == ("p", "one", "none")
    assert list(told(root)) == [("b", "one"), ("c/@d", "2"), ("c", "")]


@pytest.mark.parametrize("encoding", ["UTF-8", "utf8", "ISO-8859-1", "US-ASCII", "windows-1252", "Cp1252"])
def test_encodings_in_which_markup_is_the_same(encoding: str) -> None:
    assert read_markup(f'<?xml version="1.0" encoding="{encoding}"?><p/>').tag == "p"


def test_text_behind_an_element_is_told() -> None:
    assert ("", "behind") in list(told(read_markup("<p><b/>behind</p>")))
