"""What a shell script does, as far as syntax tells: its commands in order, with spans into the script text.

These are the values; `shell.parse_script` makes them with tree-sitter-bash.
"""

from __future__ import annotations

from xbuild.text import Span, value


@value()
class Expansion:
    """`$NAME`, `${NAME…}`, `$(…)`, `` `…` ``, `$((…))` or `<(…)` inside a word.

    `kind` is "variable", "substitution", "arithmetic" or "process". `name` is the variable's name;
    `operator` is what follows it in braces, raw (`#v`, `:-amd64`, ``/a/b``), "" for a plain use, and `#` or
    `!` for a length or an indirect one. `quoted` tells whether it stands in double quotes. For a
    substitution the commands inside are in `Script.commands` with a scope of its span.
    """

    kind: str
    span: Span
    name: str = ""
    operator: str = ""
    quoted: bool = False


@value()
class Word:
    """A shell word. `value` is its text after quote removal if it is wholly literal, else None.

    `is_glob` tells that an unquoted `*`, `?` or `[` stands in it; `value` is then None too.
    """

    span: Span
    raw: str
    value: str | None
    expansions: tuple[Expansion, ...] = ()
    is_glob: bool = False


@value()
class Assignment:
    """`NAME=value` before a command or alone, or an argument of `export`, `local`…; `append` for `+=`."""

    name: str
    value: Word
    span: Span
    append: bool = False


@value()
class Redirect:
    """`>`, `>>`, `<`, `2>`, `&>`, `<<EOF`, …; `operator` without the descriptor.

    A heredoc has no `target` but its raw body in `heredoc`; `span` is that of `<<NAME` alone.
    """

    operator: str
    descriptor: str
    target: Word | None
    span: Span
    heredoc: str | None = None


@value()
class Construct:
    """A construct around a command, with its span in the script.

    `kind`: subshell `(…)`, group `{…}`, if, elif, else, while, until, for, case, item (one of a case),
    function, substitution, pipeline (more than one command joined by `|`), negation, background (`&`),
    and, or (the right side of `&&`, `||`). `condition` tells that the command stands in the condition of
    an if/while/until.
    `redirects` are those of the construct as a whole (`{ …; } > file`).
    """

    kind: str
    span: Span
    condition: bool = False
    redirects: tuple[Redirect, ...] = ()


@value()
class Command:
    """A simple command: assignments, then words. `words` is empty for assignments alone.

    `export A=b C` keeps its arguments in `words` and, where they are assignments, in `exports`.
    A `[[ … ]]` or `(( … ))` test is a command whose first word is `[[` or `((`; it may have no further words.
    A redirect alone (`> file`) is a command without words. `scopes` runs from the outermost construct to the
    innermost. `span` covers assignments, words and redirects, but not the bodies of heredocs.
    """

    span: Span
    words: tuple[Word, ...]
    assignments: tuple[Assignment, ...] = ()
    exports: tuple[Assignment, ...] = ()
    redirects: tuple[Redirect, ...] = ()
    scopes: tuple[Construct, ...] = ()

    @property
    def name(self) -> str | None:
        """The literal command name, or None when it is not literal or there is none."""
        return self.words[0].value if self.words else None

    def is_inside(self, kind: str) -> bool:
        return any(scope.kind == kind for scope in self.scopes)


@value()
class Loop:
    """`for NAME in WORDS`: needed to know what a loop variable can be. `words` None for C-style loops."""

    variable: str
    words: tuple[Word, ...] | None
    span: Span


@value()
class Script:
    """All commands of a script in source order, those inside substitutions included.

    `has_error` tells that the tree has an error or a missing node: such a script must never be edited.
    `functions` are the names defined in it. `case_words` are the words after `case` and the
    patterns of its items.
    """

    text: str
    commands: tuple[Command, ...]
    has_error: bool
    functions: tuple[str, ...] = ()
    loops: tuple[Loop, ...] = ()
    case_words: tuple[Word, ...] = ()
