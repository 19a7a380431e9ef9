"""Word expansion against what BuildKit's lexer does (`frontend/dockerfile/shell/lex.go`)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbuild.graph.expand import ExpansionError, RequiredError, expand, expand_known
from xbuild.graph.model import Value

VALUES = {
    "HOME": Value("/home", "env"),
    "EMPTY": Value("", "env"),
    "V": Value("v1.2.3", "arg"),
    "UNKNOWN": Value(None, "env"),
    "UNSET": Value(None, "arg", is_unset=True),
    "TARGETARCH": Value(None, "platform", depends_on=frozenset({"TARGETARCH"})),
    "TARGETVARIANT": Value(None, "platform", depends_on=frozenset({"TARGETVARIANT"})),
}


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("plain", "plain"),
        ("$HOME/bin", "/home/bin"),
        ("${HOME}bin", "/homebin"),
        ("$NONE.", "."),
        ("$1x", "x"),
        ("$.", "$."),
        ("a$", "a$"),
        ("'$HOME'", "$HOME"),
        ('"$HOME"', "/home"),
        (r"\$HOME", "$HOME"),
        (r'"\$HOME \n"', r"$HOME \n"),
        (r"a\b", "ab"),
        ("a\\", "a"),
        (r"'a\'", "a\\"),
        ("${NONE:-d}", "d"),
        ("${NONE-d}", "d"),
        ("${EMPTY:-d}", "d"),
        ("${EMPTY-d}", ""),
        ("${HOME:-d}", "/home"),
        ("${NONE:-${EMPTY:-$V}}", "v1.2.3"),
        ("${NONE:-'a b'}", "a b"),
        ("${HOME:+p}", "p"),
        ("${EMPTY:+p}", ""),
        ("${EMPTY+p}", "p"),
        ("${NONE+p}", ""),
        ("${UNSET:-d}", "d"),
        ("${V?gone}", "v1.2.3"),
        ("${V#v}", "1.2.3"),
        ("${V#*.}", "2.3"),
        ("${V##*.}", "3"),
        ("${V%.*}", "v1.2"),
        ("${V%%.*}", "v1"),
        ("${V#x}", "v1.2.3"),
        ("${V/./-}", "v1-2.3"),
        ("${V//./-}", "v1-2-3"),
        ("${V//?./_}", "v__3"),
        (r"${HOME/\/ho/x}", "xme"),
        ("${V//*/-}", "-"),
        ("${HOME/$NONE/x}", "x/home"),
        ("<<EOF", "<<EOF"),
    ],
)
def test_known_words(word: str, text: str) -> None:
    assert expand(word, VALUES.get).text == text


@pytest.mark.parametrize(
    "word",
    [
        *(
            "'open",
            '"open',
            "${}",
            "${",
            "${HOME",
            "${{HOME}",
            "${:-x}",
            "${HOME:=x}",
            "${HOME=x}",
            "${HOME:#x}",
        ),
        *("${HOME.}", "${HOME//x}", r"${HOME#\x}"),
    ],
)
def test_refused_words(word: str) -> None:
    with pytest.raises(ExpansionError) as caught:
        expand(word, VALUES.get)
    assert caught.value.expected
    assert caught.value.hint


@pytest.mark.parametrize("word", ["${NONE:?say it}", "${EMPTY:?say it}", "${NONE?say it}"])
def test_required_value_is_an_error_with_its_message(word: str) -> None:
    with pytest.raises(RequiredError, match="say it"):
        expand(word, VALUES.get)
    assert expand_known(word, VALUES.get).text is None


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("$UNKNOWN", None),
        ("a${UNKNOWN}b", None),
        ('"$UNKNOWN"', None),
        ("${UNKNOWN:-d}", None),
        ("${UNKNOWN:+p}", None),
        ("${UNKNOWN?e}", None),
        ("${UNKNOWN#a}", None),
        ("${UNKNOWN/a/b}", None),
        ("${V#$UNKNOWN}", None),
        ("${V/a/$UNKNOWN}", None),
        ("${V:-$UNKNOWN}", "v1.2.3"),
        ("${NONE:+$UNKNOWN}", ""),
        ("'$UNKNOWN'", "$UNKNOWN"),
        # Every platform has an architecture, not every one a variant.
        ("${TARGETARCH:+p}", "p"),
        ("${TARGETVARIANT:+p}", None),
        ("${TARGETVARIANT+p}", "p"),
    ],
)
def test_unknown_values_stay_unknown(word: str, text: str | None) -> None:
    assert expand(word, VALUES.get).text == text


def test_names_dependencies_and_what_is_missing() -> None:
    expanded = expand("$HOME-${TARGETARCH}${TARGETVARIANT:+-$TARGETVARIANT}-$NONE-${GONE:-x}", VALUES.get)
    assert expanded.text is None
    assert expanded.names == {"HOME", "TARGETARCH", "TARGETVARIANT", "NONE", "GONE"}
    assert expanded.depends_on == {"TARGETARCH", "TARGETVARIANT"}
    assert expanded.missing == {"NONE"}


def test_other_escape_character() -> None:
    assert expand(r"C:\app`$HOME", VALUES.get, "`").text == r"C:\app$HOME"


def test_deep_nesting_is_refused_not_a_crash() -> None:
    with pytest.raises(ExpansionError):
        expand("${A:-" * 5000 + "}" * 5000, VALUES.get)


@given(
    st.text(alphabet="ab$V{}:-+?#%/'\"\\*. \n", max_size=40) | st.text(max_size=20), st.sampled_from("\\`")
)
def test_any_text_expands_or_gives_the_typed_error(text: str, escape: str) -> None:
    try:
        expanded = expand(text, VALUES.get, escape)
    except ExpansionError:
        return
    assert expanded.text is None or isinstance(expanded.text, str)


@given(st.text(alphabet="ab$V{}:-+?#%/'\"\\*.", max_size=30), st.sampled_from(["", "a", "v7", "a/b"]))
def test_a_known_result_holds_whatever_the_unknown_value_is(text: str, actual: str) -> None:
    unknown = {"V": Value(None, "env"), "a": Value("b", "env")}
    known = {**unknown, "V": Value(actual, "env")}
    try:
        expected = expand(text, known.get)
        found = expand(text, unknown.get)
    except ExpansionError:
        return
    assert found.text in (None, expected.text)
