"""Commands, words and scopes of shell scripts, and the scripts that must not be edited."""

from __future__ import annotations

import subprocess
import sys

import pytest

from xbuild.dockerfile.script import Command, Word
from xbuild.dockerfile.shell import parse_script


def commands(text: str) -> tuple[Command, ...]:
    script = parse_script(text)
    assert not script.has_error
    for command in script.commands:
        for word in command.words:
            assert text[word.span.start : word.span.end] == word.raw
            assert word.span in command.span
    return script.commands


def raws(text: str) -> list[list[str]]:
    return [[word.raw for word in command.words] for command in commands(text)]


def word_of(text: str) -> Word:
    """The argument of `echo`."""
    (command, *_) = commands(f"echo {text}")
    assert len(command.words) == 2
    return command.words[1]


def kinds(text: str, name: str) -> list[str]:
    """Scopes of the command called `name`; a `?` marks a condition."""
    (command,) = [command for command in commands(text) if command.name == name]
    return [scope.kind + ("?" if scope.condition else "") for scope in command.scopes]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("go build ./...", [["go", "build", "./..."]]),
        ("a && b; c | d || e & f", [["a"], ["b"], ["c"], ["d"], ["e"], ["f"]]),
        ("cd /x && (a; b) && { c; }", [["cd", "/x"], ["a"], ["b"], ["c"]]),
        ("if a; then b; elif c; then d; else e; fi", [["a"], ["b"], ["c"], ["d"], ["e"]]),
        ("for x in 1 2; do a $x; done", [["a", "$x"]]),
        ("case $x in a|b) c ;; *) d;; esac", [["c"], ["d"]]),
        ("f() { a; }; f b", [["a"], ["f", "b"]]),
        ("time go build", [["time", "go", "build"]]),
        ("a `b c` $(d $(e))", [["a", "`b c`", "$(d $(e))"], ["b", "c"], ["d", "$(e)"], ["e"]]),
        ("a >f b 2>&1 c", [["a", "b", "c"]]),
        ("a b-$V.c d$", [["a", "b-$V.c", "d$"]]),
        ("(curl x/$V/y-$V.z)", [["curl", "x/$V/y-$V.z"]]),
        ("(curl x-`a`-`b`)", [["curl", "x-`a`-`b`"], ["a"], ["b"]]),
        ("export PATH=$PATH:$X/bin && cd $X", [["export", "PATH=$PATH:$X/bin"], ["cd", "$X"]]),
        (
            "[ -f x ] && [[ $a == b* ]] && (( a > 1 ))",
            [["[", "-f", "x", "]"], ["[[", "$a", "==", "b*", "]]"], ["(("]],
        ),
        ("cat <<EOF | grep a && b\n$(c)\nEOF\nd", [["cat"], ["grep", "a"], ["b"], ["c"], ["d"]]),
        ("cat <<EOF > x y\na b\nEOF\nd", [["cat", "y"], ["d"]]),
        ("cat <<'EOF'\n$(c)\nEOF\nd", [["cat"], ["d"]]),
        ("a # b\nc\n\n# d\ne \\\n  f", [["a"], ["c"], ["e", "f"]]),
        ('a "b $(c "d")"', [["a", '"b $(c "d")"'], ["c", '"d"']]),
        ("é ü && ñ", [["é", "ü"], ["ñ"]]),
        ("unset A; readonly B=c D", [["unset", "A"], ["readonly", "B=c", "D"]]),
        ("> f", [[]]),
        ("wget -O - 2>/dev/null x", [["wget", "-O", "-", "x"]]),
        ("a #b \\\nc", [["a"], ["c"]]),
        ("a\u00a0b c", [["a\u00a0b", "c"]]),
    ],
)
def test_commands_in_source_order(text: str, expected: list[list[str]]) -> None:
    assert raws(text) == expected


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("a", "a"),
        ("'a b'", "a b"),
        ('"a b"', "a b"),
        ("a\"b\"'c'", "abc"),
        ("a\\ b", "a b"),
        ('"a\\"b\\c\\$d"', 'a"b\\c$d'),
        ("$'a\\tb\\x41\\u00e9\\''", "a\tbAé'"),
        ('""', ""),
        ("--x='y z'", "--x=y z"),
        ("\\$a", "$a"),
        ("\\*", "*"),
        ("'*'", "*"),
        ("{}", "{}"),
        ("a=b", "a=b"),
        ("$", "$"),
        ("$a", None),
        ('"$a"', None),
        ("`a`", None),
        ("a*", None),
        ("[a]", None),
        ("~/a", None),
        ("{a,b}", None),
        ("{1..3}", None),
        ("$((1 + 2))", None),
    ],
)
def test_value_after_quote_removal(raw: str, value: str | None) -> None:
    word = word_of(raw)
    assert (word.raw, word.value) == (raw, value)


def test_globs() -> None:
    assert word_of("a*").is_glob
    assert word_of("'x'[ab]").is_glob
    assert not word_of("'a*'").is_glob
    assert not word_of("$a").is_glob


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("$A", [("variable", "A", "", False)]),
        ('"${A}"', [("variable", "A", "", True)]),
        ("${A:-amd64}", [("variable", "A", ":-amd64", False)]),
        ("${A#v}", [("variable", "A", "#v", False)]),
        ("${A%%-*}", [("variable", "A", "%%-*", False)]),
        ("${A/a/b}", [("variable", "A", "/a/b", False)]),
        ("${#A}", [("variable", "A", "#", False)]),
        ("${A:-$B}", [("variable", "A", ":-$B", False), ("variable", "B", "", False)]),
        ("$(uname -m)", [("substitution", "", "", False)]),
        ('"x`uname`"', [("substitution", "", "", True)]),
        ("$((A + $B))", [("arithmetic", "", "", False), ("variable", "B", "", False)]),
        ("<(a)", [("process", "", "", False)]),
        ("x-$A/y-$B", [("variable", "A", "", False), ("variable", "B", "", False)]),
    ],
)
def test_expansions(raw: str, expected: list[tuple[str, str, str, bool]]) -> None:
    found = word_of(raw).expansions
    assert [(e.kind, e.name, e.operator, e.quoted) for e in found] == expected
    for expansion in found:
        text = f"echo {raw}"[expansion.span.start : expansion.span.end]
        assert text[0] in "$`<"


def test_assignments_and_exports() -> None:
    first, second, third = commands("A=1 B=\"c d\" go build; C+=x; export D='e f' G")
    assert [(a.name, a.value.value, a.append) for a in first.assignments] == [
        ("A", "1", False),
        ("B", "c d", False),
    ]
    assert first.name == "go"
    assert (second.words, second.assignments[0].append) == ((), True)
    assert [(a.name, a.value.value) for a in third.exports] == [("D", "e f")]
    assert third.words[1].value == "D=e f"
    assert commands("A= b")[0].assignments[0].value.value == ""
    joined = commands("export P=$P:$Q/bin")[0].exports[0]
    assert (joined.value.raw, [e.name for e in joined.value.expansions]) == ("$P:$Q/bin", ["P", "Q"])


def test_redirects() -> None:
    (command,) = commands("a > b 2>&1 >> 'c d' < e")
    found = [(r.operator, r.descriptor, r.target.value if r.target else None) for r in command.redirects]
    assert found == [(">", "", "b"), (">&", "2", "1"), (">>", "", "c d"), ("<", "", "e")]
    (heredoc,) = commands("a <<-'EOF'\n\t b\n\tEOF\n")
    assert heredoc.redirects[0].heredoc == "\t b\n"
    assert heredoc.redirects[0].target is None
    last, *_ = [command for command in commands("a && b > c") if command.name == "b"]
    assert last.redirects[0].operator == ">"
    (group,) = commands("{ a; } > b")
    assert group.scopes[0].redirects[0].operator == ">"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x", []),
        ("a && x", ["and"]),
        ("a || x", ["or"]),
        ("a && b && x", ["and"]),
        ("x | a", ["pipeline"]),
        ("! x", ["negation"]),
        ("x &", ["background"]),
        ("(x)", ["subshell"]),
        ("{ x; }", ["group"]),
        ("if x; then a; fi", ["if?"]),
        ("if a; then x; fi", ["if"]),
        ("if a; then b; elif x; then c; fi", ["if", "elif?"]),
        ("if a; then b; else x; fi", ["if", "else"]),
        ("while x; do a; done", ["while?"]),
        ("until a; do x; done", ["until"]),
        ("for a in b; do x; done", ["for"]),
        ("for ((i=0; i<3; i++)); do x; done", ["for"]),
        ("case a in b) x;; esac", ["case", "item"]),
        ("f() { x; }", ["function", "group"]),
        ("a $(x)", ["substitution"]),
        ("A=`x`", ["substitution"]),
        ("a <<E\n$(x)\nE\n", ["substitution"]),
        ("x <<E | a\nE\n", ["pipeline"]),
        ("a && (if b; then c | x; fi)", ["and", "subshell", "if", "pipeline"]),
    ],
)
def test_scopes(text: str, expected: list[str]) -> None:
    assert kinds(text, "x") == expected


def test_loops_cases_and_functions() -> None:
    script = parse_script(
        'for a in b "c d" e-$f; do g; done; for h; do i; done; case "$j" in k) l;; esac; m() (n)'
    )
    assert [(loop.variable, loop.words and [w.value for w in loop.words]) for loop in script.loops] == [
        ("a", ["b", "c d", None]),
        ("h", None),
    ]
    assert [word.raw for word in script.case_words] == ['"$j"', "k"]
    assert script.functions == ("m",)


@pytest.mark.parametrize(
    "text",
    [
        "if a; then b",
        "a 'b",
        'a "b',
        "a $(b",
        "a && && b",
        "a \\ b",
        "a && \\ b",
        "a `b \\`c\\``",
        "a\rb",
        "! { a; }",
        "{{ a }} b",
        "a ${b-`c`}",
        "a) b",
        "<<EOF a\nEOF\n",
        "a <<EOF && b; c\nEOF\n",
        "(a --x [ b [ c ] ])",
        "a <<EOF\n  $(b)\nEOF\n",
        "test == 2>&1",
    ],
)
def test_misread_scripts_have_an_error(text: str) -> None:
    assert parse_script(text).has_error


def test_long_chains_do_not_exhaust_the_stack() -> None:
    script = parse_script(" && ".join(["a"] * 3000))
    assert len(script.commands) == 3000
    assert not script.has_error


def test_tree_sitter_is_loaded_late() -> None:
    code = (
        "import sys, xbuild.dockerfile.parser, xbuild.dockerfile.shell; print('tree_sitter' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("text", ["--mount=type=ssh (\\--mount=type=ssh \\"])
def test_what_the_parser_leaves_incomplete_is_an_error(text: str) -> None:
    assert parse_script(text).has_error


@pytest.mark.parametrize("between", [" ", "  ", "\t", "\n", " \\\n ", "-", " - "])
@pytest.mark.parametrize(
    ("first", "second", "kind", "name"),
    [
        ("$A", "$B", "variable", "B"),
        ("$A", "${B}", "variable", "B"),
        ("${A}", "$B", "variable", "B"),
        ("$A", "$(uname)", "substitution", ""),
        ("$(uname)", "$B", "variable", "B"),
        ("$A", "`uname`", "substitution", ""),
        ("$A", "$((1 + 1))", "arithmetic", ""),
    ],
)
def test_blanks_between_two_expansions_are_of_neither(
    first: str, second: str, kind: str, name: str, between: str
) -> None:
    text = f'echo "{first}{between}{second}"'
    script = parse_script(text)
    words = [word for command in script.commands for word in command.words if word.raw.startswith('"')]
    last = words[0].expansions[-1]
    assert (last.kind, last.name) == (kind, name)
    assert text[last.span.start : last.span.end] == second
