"""Shell text → Script, with tree-sitter-bash.

The text is what the shell sees (`Run.script`), not the raw lines of the Dockerfile. tree-sitter-bash reads
a few things otherwise than a shell; those that can be told apart are put right here, the others set
`has_error`. tree-sitter costs 20 ms to import, so it is loaded by the first call.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from xbuild.dockerfile.script import Assignment, Command, Construct, Expansion, Loop, Redirect, Script, Word
from xbuild.text import Span, expression

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

_BLANKS = expression(r"(?:[ \t]|\\\n)*")
_DASH = expression(r"(?:[ \t]|\\\n)+(-)(?:[ \t]|\\\n)+")
# tree-sitter-bash takes an escaped blank between tokens, and blanks that are none to a shell, for space.
_ODD_BLANK = expression(r"\\[ \t]|[\v\f\r\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]")
_ODD_ASCII_BLANKS = ("\\ ", "\\\t", "\v", "\f", "\r")
_SURROGATE = expression("[\ud800-\udfff]")
_NOT_PLAIN = expression(r"[\\*?\[{~\s;&|<>()'\"$`]")
_NOT_IN_WORD = expression(r"[ \t\n;&|<>()'\"`]")
_SUBSTITUTION = expression(r"`|\$\(")
_QUOTES = expression(r"['\"\\]")
_SUBSTITUTES = expression(r"`|\$[({A-Za-z_]")
_NOT_IN_PATTERN = expression(r"[ \t\n;&]")
_NAME = expression(r"[A-Za-z_][A-Za-z0-9_]*")
_ESCAPED = expression(r"\\(.)", re.DOTALL)
_ESCAPED_IN_QUOTES = expression(r'\\([$`"\\\n])')
_REMOVED = expression(r"\\[$`\\]")
_REMOVED_IN_QUOTES = expression(r'\\[$`\\"]')
_BRACES = expression(r"\{[^{}]*(?:,|\.\.)[^{}]*\}")
_GLOB = expression(r"[*?\[]")
_IN_PATTERN = expression(r"(?<!\\)\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)([^}]*)\})")
_ANSI_C = expression(
    r"\\(?:([abeEfnrtv\\'\"?])|([0-7]{1,3})|x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|c(.))",
    re.DOTALL,
)
_ANSI_C_LETTERS = dict(zip("abeEfnrtv\\'\"?", "\a\b\x1b\x1b\f\n\r\t\v\\'\"?", strict=True))


# As many as one Dockerfile has: what is kept longer costs the garbage collector more than it saves.
@lru_cache(maxsize=256)
def parse_script(text: str) -> Script:
    """The commands of a shell script in source order. Never raises: see `Script.has_error`."""
    return _ScriptReader(text).read()


@lru_cache(maxsize=1)
def _parser() -> Parser:
    import tree_sitter

    return tree_sitter.Parser(tree_sitter.Language(_grammar()))


def _grammar() -> object:
    """That of `tree_sitter_bash`, without what else that package imports: it takes as long as Python itself
    to start.
    """
    from importlib.machinery import PathFinder
    from importlib.util import find_spec, module_from_spec

    package = find_spec("tree_sitter_bash")
    folders = package.submodule_search_locations if package is not None else None
    found = PathFinder.find_spec("_binding", folders) if folders else None
    if found is None or found.loader is None:
        import tree_sitter_bash

        return tree_sitter_bash.language()
    binding = module_from_spec(found)
    found.loader.exec_module(binding)
    grammar: object = binding.language()
    return grammar


class _ScriptReader:
    """Walks over the tree of one script and collects its commands."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.characters: array[int] | None = None
        if text.isascii():
            data = text.encode()
        else:
            clean = _SURROGATE.sub("\ufffd", text)
            data = clean.encode()
            self.characters = _character_offsets(clean)
        self.root = _parser().parse(data).root_node
        self.commands: list[Command] = []
        # Commands inside substitutions are found before the command around them.
        self.is_in_order = True
        self.functions: list[str] = []
        self.loops: list[Loop] = []
        self.case_words: list[Word] = []
        self.has_error = self.root.has_error

    def read(self) -> Script:
        try:
            self._block(self.root.children, ())
        except RecursionError:
            self.has_error = True
        if _has_odd_blank(self.text) and not self._has_clean_gaps():
            self.has_error = True
        if not self.is_in_order:
            self.commands.sort(key=_position)
        return Script(
            self.text,
            tuple(self.commands),
            self.has_error,
            tuple(self.functions),
            tuple(self.loops),
            tuple(self.case_words),
        )

    # Positions

    def _span(self, node: Node) -> Span:
        characters = self.characters
        if characters is None:
            return Span(node.start_byte, node.end_byte)
        return Span(characters[node.start_byte], characters[node.end_byte])

    def _has_clean_gaps(self) -> bool:
        """Whether only what a shell takes for space stands between the tokens."""
        at = 0
        text = self.text
        for leaf in _leaves(self.root):
            span = self._span(leaf)
            if text[at : span.start].replace("\\\n", "").strip(" \t\n"):
                return False
            at = max(at, span.end)
        return not text[at:].replace("\\\n", "").strip(" \t\n")

    # Statements

    def _block(self, nodes: Sequence[Node], scopes: tuple[Construct, ...]) -> None:
        """Statements and the tokens between them."""
        last = len(nodes) - 1
        for index, node in enumerate(nodes):
            handler = _STATEMENTS.get(node.type)
            if handler is None:
                if node.is_named and node.type != "comment":
                    self._block(node.children, scopes)
            elif index < last and nodes[index + 1].type == "&":
                handler(self, node, (*scopes, Construct("background", self._span(node))), ())
            else:
                handler(self, node, scopes, ())

    def _statement(self, node: Node, scopes: tuple[Construct, ...], redirects: Sequence[Node]) -> None:
        handler = _STATEMENTS.get(node.type)
        if handler is not None:
            handler(self, node, scopes, redirects)
        elif node.is_named and node.type != "comment":
            self._block(node.children, scopes)

    def _list(self, node: Node, scopes: tuple[Construct, ...], redirects: Sequence[Node]) -> None:
        # Chains lean to the left: walk down them in a loop, they can be longer than Python's stack.
        rights: list[tuple[str, Node]] = []
        while node.type == "list":
            children = node.children
            rights.append(
                (next(child.type for child in children if child.type in ("&&", "||")), children[-1])
            )
            node = children[0]
        self._statement(node, scopes, ())
        for operator, right in reversed(rights[1:]):
            self._statement(right, (*scopes, self._chained(operator, right)), ())
        operator, right = rights[0]
        self._statement(right, (*scopes, self._chained(operator, right)), redirects)

    def _chained(self, operator: str, node: Node) -> Construct:
        return Construct("and" if operator == "&&" else "or", self._span(node))

    def _pipeline(self, node: Node, scopes: tuple[Construct, ...], redirects: Sequence[Node]) -> None:
        inside = (*scopes, Construct("pipeline", self._span(node)))
        *firsts, last = node.children
        self._block(firsts, inside)
        self._statement(last, inside, redirects)

    def _negation(self, node: Node, scopes: tuple[Construct, ...], redirects: Sequence[Node]) -> None:
        inside = (*scopes, Construct("negation", self._span(node)))
        self._statement(node.children[-1], inside, redirects)

    def _subshell(self, node: Node, scopes: tuple[Construct, ...], redirects: Sequence[Node]) -> None:
        self._block(node.children, (*scopes, self._scope("subshell", node, scopes, redirects)))

    def _group(self, node: Node, scopes: tuple[Construct, ...], redirects: Sequence[Node]) -> None:
        if node.children[0].type == "((":
            self._test(node, scopes, redirects)
        else:
            self._block(node.children, (*scopes, self._scope("group", node, scopes, redirects)))

    def _scope(
        self,
        kind: str,
        node: Node,
        scopes: tuple[Construct, ...],
        redirects: Sequence[Node],
        condition: bool = False,
    ) -> Construct:
        if not redirects:
            return Construct(kind, self._span(node), condition)
        found: list[Redirect] = []
        for redirect in redirects:
            self._redirect(redirect, scopes, found, [])
        return Construct(kind, self._span(node), condition, tuple(found))

    def _if(self, node: Node, scopes: tuple[Construct, ...], redirects: Sequence[Node]) -> None:
        self._conditional("if", "then", node, scopes, redirects)

    def _elif(self, node: Node, scopes: tuple[Construct, ...], redirects: Sequence[Node]) -> None:
        self._conditional("elif", "then", node, scopes, redirects)

    def _else(self, node: Node, scopes: tuple[Construct, ...], _redirects: Sequence[Node]) -> None:
        self._block(node.children, (*scopes, Construct("else", self._span(node))))

    def _while(self, node: Node, scopes: tuple[Construct, ...], redirects: Sequence[Node]) -> None:
        kind = "until" if node.children[0].type == "until" else "while"
        self._conditional(kind, "do_group", node, scopes, redirects)

    def _conditional(
        self, kind: str, border: str, node: Node, scopes: tuple[Construct, ...], redirects: Sequence[Node]
    ) -> None:
        """A condition up to the node of type `border`, then what hangs on it."""
        children = node.children
        middle = next((index for index, child in enumerate(children) if child.type == border), len(children))
        scope = self._scope(kind, node, scopes, redirects)
        self._block(children[:middle], (*scopes, Construct(kind, scope.span, True, scope.redirects)))
        inside = (*scopes, scope)
        if border == "do_group":
            self._block([inner for child in children[middle:] for inner in child.children], inside)
        else:
            self._block(children[middle:], inside)

    def _for(self, node: Node, scopes: tuple[Construct, ...], redirects: Sequence[Node]) -> None:
        scope = self._scope("for", node, scopes, redirects)
        words: list[Word] = []
        variable = ""
        has_words = False
        body: list[Node] = []
        for child in node.children:
            kind = child.type
            if kind in ("do_group", "compound_statement"):
                body = child.children
            elif kind == "variable_name" and not has_words:
                variable = self.text[self._slice(child)]
            elif kind == "in":
                has_words = True
            elif has_words and kind not in (";", "\n", "comment"):
                word = self._word(child, scopes)
                if words and words[-1].span.end == word.span.start:
                    self._join(words, word)
                else:
                    words.append(word)
        self.loops.append(Loop(variable, tuple(words) if has_words else None, scope.span))
        self._block(body, (*scopes, scope))

    def _c_style_for(self, node: Node, scopes: tuple[Construct, ...], redirects: Sequence[Node]) -> None:
        scope = self._scope("for", node, scopes, redirects)
        names = [name for name in _descend(node) if name.type in ("variable_name", "word")]
        self.loops.append(Loop(self.text[self._slice(names[0])] if names else "", None, scope.span))
        for child in node.children:
            if child.type in ("do_group", "compound_statement"):
                self._block(child.children, (*scopes, scope))
            elif child.is_named:
                self._inside(child, scopes, [])

    def _case(self, node: Node, scopes: tuple[Construct, ...], redirects: Sequence[Node]) -> None:
        inside = (*scopes, self._scope("case", node, scopes, redirects))
        for child in node.children:
            if child.type == "case_item":
                self._case_item(child, inside)
            elif child.is_named and child.type != "comment":
                self.case_words.append(self._word(child, scopes))

    def _case_item(self, node: Node, scopes: tuple[Construct, ...]) -> None:
        children = node.children
        middle = next((index for index, child in enumerate(children) if child.type == ")"), len(children))
        scopes = (*scopes, Construct("item", self._span(node)))
        self.case_words += (self._word(pattern, scopes) for pattern in children[:middle] if pattern.is_named)
        self._block(children[middle + 1 :], scopes)

    def _function(self, node: Node, scopes: tuple[Construct, ...], redirects: Sequence[Node]) -> None:
        scope = self._scope("function", node, scopes, redirects)
        name = node.child_by_field_name("name")
        if name is not None:
            self.functions.append(self.text[self._slice(name)])
        body = node.child_by_field_name("body")
        if body is not None:
            self._statement(body, (*scopes, scope), ())

    def _redirected(self, node: Node, scopes: tuple[Construct, ...], redirects: Sequence[Node]) -> None:
        children = node.children
        body = children[0]
        if body.type.endswith("_redirect"):
            self._simple(node, scopes, redirects)
            return
        for redirect in children[1:]:
            if redirect.type == "heredoc_redirect":
                # `a <<X | b`: tree-sitter hangs `| b` below the heredoc.
                pipes = [child for child in redirect.children if child.type == "pipeline"]
                if pipes:
                    scopes = (
                        *scopes,
                        Construct("pipeline", Span(self._start(body), self._span(pipes[0]).end)),
                    )
        self._statement(body, scopes, (*children[1:], *redirects))

    # Simple commands

    def _simple(self, node: Node, scopes: tuple[Construct, ...], redirects: Sequence[Node]) -> None:
        """A command with assignments, words and redirects."""
        assignments: list[Assignment] = []
        words: list[Word] = []
        found: list[Redirect] = []
        text = self.text
        start = at = self._start(node)
        is_ascii = self.characters is None
        for child in node.children:
            kind = child.type
            if kind == "word" and is_ascii:
                # Most words are plain ones with one space in front: no need for anything more.
                begin, end = child.start_byte, child.end_byte
                raw = text[begin:end]
                if begin == at + 1 and text[at] == " " and not _NOT_PLAIN.search(raw):
                    words.append(Word(Span(begin, end), raw, raw))
                    at = end
                    continue
            if kind in _NEVER_WORDS:
                self.has_error = True
                self._block((child,), scopes)
                continue
            begin = self._start(child)
            if begin != at and (begin != at + 1 or text[at] != " "):
                self._gap(at, begin, words)
            if kind == "variable_assignment":
                self.has_error |= begin == at != start
                assignment = self._assignment(child, scopes)
                assignments.append(assignment)
                at = assignment.span.end
            elif kind.endswith("_redirect"):
                self.has_error |= begin == at and _ends_in_digits(words)
                at = self._redirect(child, scopes, found, words)
            else:
                word = self._word((kind == "command_name" and child.child(0)) or child, scopes)
                if begin == at != start:
                    self._join(words, word)
                else:
                    words.append(word)
                at = word.span.end
        for redirect in redirects:
            begin = self._start(redirect)
            self.has_error |= begin == at and _ends_in_digits(words)
            if begin > at:
                self._gap(at, begin, words)
            at = max(at, self._redirect(redirect, scopes, found, words))
        if words and words[0].raw in _RESERVED:
            self.has_error = True
        self._add(start, at, words, assignments, (), found, scopes)

    def _gap(self, start: int, end: int, words: list[Word]) -> None:
        """Checks what stands between two tokens; tree-sitter-bash loses a `-` in front of a redirect."""
        if _BLANKS.fullmatch(self.text, start, end):
            return
        dash = _DASH.fullmatch(self.text, start, end)
        if dash:
            words.append(Word(Span(*dash.span(1)), "-", "-"))
        else:
            self.has_error = True

    def _join(self, words: list[Word], word: Word) -> None:
        """Puts together what tree-sitter-bash splits although nothing stands between: `a-$`, `NAME`."""
        if not words or words[-1].span.end != word.span.start:
            self.has_error = True
            words.append(word)
            return
        first = words.pop()
        span = Span(first.span.start, word.span.end)
        value = None if first.value is None or word.value is None else first.value + word.value
        expansions = (*first.expansions, *word.expansions)
        name = _NAME.match(word.raw)
        if name and first.raw.endswith("$"):
            at = word.span.start - 1
            variable = Expansion("variable", Span(at, at + 1 + name.end()), name[0])
            expansions = (*first.expansions, variable, *word.expansions)
            value = None
        words.append(Word(span, first.raw + word.raw, value, expansions, first.is_glob or word.is_glob))

    def _add(
        self,
        start: int,
        end: int,
        words: Iterable[Word],
        assignments: Iterable[Assignment],
        exports: Iterable[Assignment],
        redirects: Iterable[Redirect],
        scopes: tuple[Construct, ...],
    ) -> None:
        commands = self.commands
        if commands and start <= commands[-1].span.start:
            self.is_in_order = False
        commands.append(
            Command(
                Span(start, end), tuple(words), tuple(assignments), tuple(exports), tuple(redirects), scopes
            )
        )

    def _assign(self, node: Node, scopes: tuple[Construct, ...], redirects: Sequence[Node]) -> None:
        """Assignments without a command."""
        nodes = node.children if node.type == "variable_assignments" else (node,)
        assignments = [self._assignment(child, scopes) for child in nodes]
        words: list[Word] = []
        found: list[Redirect] = []
        end = assignments[-1].span.end
        for redirect in redirects:
            end = max(end, self._redirect(redirect, scopes, found, words))
        self._add(assignments[0].span.start, end, words, assignments, (), found, scopes)

    def _declare(self, node: Node, scopes: tuple[Construct, ...], redirects: Sequence[Node]) -> None:
        """`export`, `local`, `readonly`, `declare`, `typeset`, `unset`."""
        words: list[Word] = []
        exports: list[Assignment] = []
        found: list[Redirect] = []
        for child in node.children:
            if child.type == "variable_assignment":
                assignment = self._assignment(child, scopes)
                self.has_error |= words[-1].span.end == assignment.span.start
                exports.append(assignment)
                words.append(self._assignment_word(assignment))
                continue
            word = self._word(child, scopes)
            if not words or words[-1].span.end != word.span.start:
                words.append(word)
                continue
            if exports and exports[-1].span.end == word.span.start:
                last = exports[-1]
                value = [last.value]
                self._join(value, word)
                exports[-1] = Assignment(
                    last.name, value[0], Span(last.span.start, word.span.end), last.append
                )
            self._join(words, word)
        end = words[-1].span.end
        for redirect in redirects:
            end = max(end, self._redirect(redirect, scopes, found, words))
        self._add(words[0].span.start, end, words, (), exports, found, scopes)

    def _assignment_word(self, assignment: Assignment) -> Word:
        head = self.text[assignment.span.start : assignment.value.span.start]
        value = assignment.value.value
        raw = self.text[assignment.span.start : assignment.span.end]
        return Word(
            assignment.span,
            raw,
            None if value is None else head + value,
            assignment.value.expansions,
            assignment.value.is_glob,
        )

    def _test(self, node: Node, scopes: tuple[Construct, ...], redirects: Sequence[Node]) -> None:
        """`[ … ]`, `[[ … ]]` and `(( … ))`."""
        words: list[Word] = []
        found: list[Redirect] = []
        span = self._span(node)
        if node.children[0].type == "((":
            words.append(self._token(node.children[0]))
            expansions: list[Expansion] = []
            for child in node.children[1:-1]:
                self._inside(child, scopes, expansions)
        else:
            for child in node.children:
                self._test_words(child, scopes, words)
        end = span.end
        for redirect in redirects:
            end = max(end, self._redirect(redirect, scopes, found, words))
        self._add(span.start, end, words, (), (), found, scopes)

    def _test_words(self, node: Node, scopes: tuple[Construct, ...], words: list[Word]) -> None:
        if node.type in _TEST_OPERATIONS:
            for child in node.children:
                self._test_words(child, scopes, words)
        else:
            words.append(self._word(node, scopes))

    def _token(self, node: Node) -> Word:
        span = self._span(node)
        raw = self.text[span.start : span.end]
        return Word(span, raw, raw)

    def _assignment(self, node: Node, scopes: tuple[Construct, ...]) -> Assignment:
        span = self._span(node)
        children = node.children
        if len(children) < 2:  # tree-sitter found no operator, and says nothing of an error
            self.has_error = True
            return Assignment("", Word(span, self.text[span.start : span.end], None), span)
        name = self._slice(children[0])
        operator = children[1]
        end = self._span(operator).end
        value = self._word(children[2], scopes) if len(children) > 2 else Word(Span(end, end), "", "")
        if len(children) > 3 or value.span.start != end or name.start != span.start:
            self.has_error = True
        return Assignment(self.text[name], value, span, operator.type == "+=")

    # Redirects

    def _redirect(
        self, node: Node, scopes: tuple[Construct, ...], found: list[Redirect], words: list[Word]
    ) -> int:
        """Adds the redirect of `node` to `found`, and to `words` what tree-sitter takes for more targets.

        Returns where it ends.
        """
        if node.type == "heredoc_redirect":
            return self._heredoc(node, scopes, found, words)
        descriptor = operator = ""
        target: Word | None = None
        span = self._span(node)
        end = span.end
        for child in node.children:
            kind = child.type
            if kind == "file_descriptor":
                descriptor = self.text[self._slice(child)]
            elif not operator:
                operator = kind
            elif target is None:
                target = self._word(child, scopes)
                end = target.span.end
            else:
                word = self._word(child, scopes)
                if word.span.start == end:
                    joined = [target]
                    self._join(joined, word)
                    target = joined[0]
                    end = target.span.end
                elif words and words[-1].span.end == word.span.start:
                    self._join(words, word)
                else:
                    words.append(word)
        found.append(Redirect(operator, descriptor, target, Span(span.start, end)))
        return span.end

    def _heredoc(
        self, node: Node, scopes: tuple[Construct, ...], found: list[Redirect], words: list[Word]
    ) -> int:
        """A heredoc; tree-sitter hangs the rest of its line below it."""
        descriptor = operator = body = ""
        start = self._start(node)
        at = own_end = start
        later: list[tuple[Node, tuple[Construct, ...]]] = []
        place = len(found)
        chained = ""
        is_quoted = False
        for child in node.children:
            kind = child.type
            if kind == "file_descriptor":
                descriptor = self.text[self._slice(child)]
            elif kind in ("<<", "<<-"):
                operator = kind
            elif kind == "heredoc_start":
                at = own_end = self._span(child).end
                is_quoted = _QUOTES.search(self.text, self._start(child), own_end) is not None
            elif kind == "heredoc_body":
                body = self._heredoc_body(child, scopes, is_chomped=operator == "<<-", is_quoted=is_quoted)
            elif kind in ("&&", "||"):
                chained = kind
            elif kind.endswith("_redirect"):
                at = max(at, self._redirect(child, scopes, found, words))
            elif kind in _STATEMENTS:
                self.has_error |= not chained and kind != "pipeline"
                later.append((child, (*scopes, self._chained(chained, child)) if chained else scopes))
            elif child.is_named and kind not in ("heredoc_end", "comment"):
                word = self._word(child, scopes)
                words.append(word)
                at = max(at, word.span.end)
        found.insert(place, Redirect(operator, descriptor, None, Span(start, own_end), body))
        for statement, inside in later:
            self._statement(statement, inside, ())
        return at

    def _heredoc_body(
        self, node: Node, scopes: tuple[Construct, ...], *, is_chomped: bool, is_quoted: bool
    ) -> str:
        """The body as it stands; tree-sitter leaves out the space in front of its first word."""
        span = self._span(node)
        start = self.text.index("\n", len(self.text[: span.start].rstrip())) + 1
        body = self.text[start : span.end]
        expansions: list[Expansion] = []
        self._inside(node, scopes, expansions)
        if not is_quoted:
            # tree-sitter also overlooks a substitution at the very start.
            rest = list(body)
            for expansion in expansions:
                rest[expansion.span.start - start : expansion.span.end - start] = " " * len(expansion.span)
            if _SUBSTITUTION.search(_ESCAPED.sub("x", "".join(rest))):
                self.has_error = True
        # What is left at the end are the tabs in front of the terminator.
        return body.rstrip("\t") if is_chomped else body

    # Words

    def _start(self, node: Node) -> int:
        return node.start_byte if self.characters is None else self.characters[node.start_byte]

    def _slice(self, node: Node) -> slice:
        span = self._span(node)
        return slice(span.start, span.end)

    def _word(self, node: Node, scopes: tuple[Construct, ...]) -> Word:
        kind = node.type
        span = self._span(node)
        raw = self.text[span.start : span.end]
        if kind == "word":
            if not _NOT_PLAIN.search(raw):
                return Word(span, raw, raw)
        elif kind == "raw_string":
            return Word(span, raw, raw[1:-1])
        elif kind in _BRACKETS:
            return Word(span, raw, raw)
        expansions: list[Expansion] = []
        value: list[str] = []
        bare: list[str] = []
        if kind == "extglob_pattern":  # what it expands, tree-sitter-bash leaves in its text
            expansions += (
                Expansion(
                    "variable", Span(span.start + m.start(), span.start + m.end()), m[1] or m[2], m[3] or ""
                )
                for m in _IN_PATTERN.finditer(raw)
            )
        is_literal = self._pieces(node, scopes, expansions, value, bare)
        unquoted = "".join(bare)
        is_glob = _GLOB.search(unquoted) is not None
        if is_glob or unquoted[:1] == "~" or _BRACES.search(unquoted):
            is_literal = False
        return Word(span, raw, "".join(value) if is_literal else None, tuple(expansions), is_glob)

    def _pieces(
        self,
        node: Node,
        scopes: tuple[Construct, ...],
        expansions: list[Expansion],
        value: list[str],
        bare: list[str],
    ) -> bool:
        """Adds the literal text of a word's part to `value` and what is unquoted in it to `bare`.

        Quoted and escaped characters and expansions stand as `x` in `bare`. Tells whether all of it is
        literal.
        """
        kind = node.type
        raw = self.text[self._slice(node)]
        if kind == "concatenation":
            at = node.start_byte
            is_literal = True
            for child in node.children:
                if child.start_byte != at:
                    self.has_error = True
                at = child.end_byte
                is_literal &= self._pieces(child, scopes, expansions, value, bare)
            return is_literal
        if kind == "raw_string":
            value.append(raw[1:-1])
        elif kind == "ansi_c_string":
            value.append(_ANSI_C.sub(_ansi_c, raw[2:-1]))
        elif kind in ("string", "translated_string"):
            before = len(expansions)
            self._inside(node, scopes, expansions, quoted=True)
            value.append(_ESCAPED_IN_QUOTES.sub(_unescaped, raw[raw.index('"') + 1 : -1]))
            bare.append("x")
            return len(expansions) == before
        elif kind in _EXPANSIONS:
            self._expansion(node, scopes, expansions, quoted=False)
            bare.append("x")
            return False
        elif kind == "brace_expression" or node.child_count:
            self._inside(node, scopes, expansions)
            bare.append("x")
            return False
        else:
            unquoted = _ESCAPED.sub("x", raw)
            if (_NOT_IN_WORD if kind == "word" else _NOT_IN_PATTERN).search(unquoted):
                self.has_error = True
            value.append(_ESCAPED.sub(_unescaped, raw))
            bare.append(unquoted)
            return kind != "regex"
        bare.append("x")
        return True

    def _inside(
        self, node: Node, scopes: tuple[Construct, ...], expansions: list[Expansion], quoted: bool = False
    ) -> None:
        """Adds the expansions somewhere below `node`, and the commands of substitutions."""
        if node.type in _EXPANSIONS:
            self._expansion(node, scopes, expansions, quoted)
            return
        for child in node.children:
            self._inside(child, scopes, expansions, quoted or child.type == "string")

    def _without_blanks(self, span: Span) -> Span:
        """The place of an expansion. tree-sitter-bash gives the blanks between two of them in quotes to the
        second one.
        """
        found = _BLANKS.match(self.text, span.start, span.end)
        return Span(found.end(), span.end) if found is not None else span

    def _expansion(
        self, node: Node, scopes: tuple[Construct, ...], expansions: list[Expansion], quoted: bool
    ) -> None:
        kind = node.type
        span = self._without_blanks(self._span(node))
        if kind == "simple_expansion":
            expansions.append(Expansion("variable", span, self.text[span.start + 1 : span.end], "", quoted))
        elif kind == "expansion":
            self._braced(node, span, scopes, expansions, quoted)
        elif kind == "arithmetic_expansion":
            expansions.append(Expansion("arithmetic", span, "", "", quoted))
            for child in node.children:
                self._inside(child, scopes, expansions, quoted)
        else:
            is_process = kind == "process_substitution"
            expansions.append(Expansion("process" if is_process else "substitution", span, "", "", quoted))
            if self.text[span.start] == "`":
                # Inside backticks the shell first removes some backslashes; tree-sitter-bash does not.
                removed = _REMOVED_IN_QUOTES if quoted else _REMOVED
                if removed.search(self.text, span.start, span.end):
                    self.has_error = True
            self._block(node.children, (*scopes, Construct("substitution", span)))

    def _braced(
        self, node: Node, span: Span, scopes: tuple[Construct, ...], expansions: list[Expansion], quoted: bool
    ) -> None:
        """`${NAME…}`: a prefix operator (`#`, `!`) counts as the operator when nothing follows the name."""
        name = ""
        prefix = ""
        after = span.end - 1
        inner: list[Node] = []
        for child in node.children:
            kind = child.type
            if not name and kind in ("variable_name", "special_variable_name", "subscript"):
                whole = self._span(child)
                name = self.text[whole.start : whole.end].partition("[")[0]
                after = whole.start + len(name)
                if kind == "subscript":
                    index = Span(after, whole.end)
                    expansions.append(Expansion("arithmetic", index, "", "", quoted))
                    inner += child.named_children[1:]
            elif not name and kind in ("#", "!"):
                prefix = kind
            elif child.is_named:
                inner.append(child)
        operator = self.text[after : span.end - 1] or prefix
        if not name:
            name, operator = self.text[span.start + 2 : span.end - 1], ""
        expansions.append(Expansion("variable", span, name, operator, quoted))
        for child in inner:
            if not child.child_count and _SUBSTITUTES.search(self.text[self._slice(child)]):
                self.has_error = True
            self._inside(child, scopes, expansions, quoted)


def _position(command: Command) -> tuple[int, int]:
    return command.span.start, -command.span.end


def _ends_in_digits(words: Sequence[Word]) -> bool:
    """Whether a redirect right behind these words would take the last one for its descriptor."""
    return bool(words) and words[-1].raw.isdecimal()


def _has_odd_blank(text: str) -> bool:
    if text.isascii():
        return any(blank in text for blank in _ODD_ASCII_BLANKS)
    return _ODD_BLANK.search(text) is not None


def _character_offsets(text: str) -> array[int]:
    """For each byte offset of the UTF-8 form of `text` the offset of its character."""
    offsets = array("L")
    for index, character in enumerate(text):
        code = ord(character)
        offsets.append(index)
        if code > 0x7F:
            offsets.extend([index] * (1 if code < 0x800 else 2 if code < 0x10000 else 3))
    offsets.append(len(text))
    return offsets


def _leaves(node: Node) -> Iterable[Node]:
    """Tokens in source order; the text of strings and heredocs counts as one token."""
    if not node.child_count or node.type in ("string", "heredoc_body", "comment"):
        yield node
        return
    for child in node.children:
        yield from _leaves(child)


def _descend(node: Node) -> Iterable[Node]:
    yield node
    for child in node.children:
        yield from _descend(child)


def _unescaped(found: re.Match[str]) -> str:
    return "" if found[1] == "\n" else found[1]


def _ansi_c(found: re.Match[str]) -> str:
    letter, octal, *hexadecimal, control = found.groups()
    if letter:
        return _ANSI_C_LETTERS[letter]
    if octal:
        return chr(int(octal, 8) & 0xFF)
    if control:
        return chr(ord(control) & 0x1F)
    code = int(next(digits for digits in hexadecimal if digits), 16)
    return chr(code) if code < 0x110000 else found[0]


_BLANKS = expression(r"(?:\s|\\\r?\n)+")
_EXPANSIONS = frozenset(
    {"simple_expansion", "expansion", "command_substitution", "arithmetic_expansion", "process_substitution"}
)
_RESERVED = frozenset(
    [
        *(
            "!",
            "{",
            "}",
            "if",
            "then",
            "elif",
            "else",
            "fi",
            "for",
            "while",
            "until",
            "do",
            "done",
            "case",
            "esac",
        ),
        *("in", "function", "select"),
    ]
)
_BRACKETS = frozenset({"[", "[[", "]", "]]"})
_TEST_OPERATIONS = frozenset(
    {
        "binary_expression",
        "unary_expression",
        "parenthesized_expression",
        "negated_expression",
        "test_expression",
    }
)
_NEVER_WORDS = frozenset({"subshell", "ERROR", "compound_statement"})

_STATEMENTS: dict[str, Callable[[_ScriptReader, Node, tuple[Construct, ...], Sequence[Node]], None]] = {
    "c_style_for_statement": _ScriptReader._c_style_for,
    "case_statement": _ScriptReader._case,
    "command": _ScriptReader._simple,
    "compound_statement": _ScriptReader._group,
    "declaration_command": _ScriptReader._declare,
    "elif_clause": _ScriptReader._elif,
    "else_clause": _ScriptReader._else,
    "for_statement": _ScriptReader._for,
    "function_definition": _ScriptReader._function,
    "if_statement": _ScriptReader._if,
    "list": _ScriptReader._list,
    "negated_command": _ScriptReader._negation,
    "pipeline": _ScriptReader._pipeline,
    "redirected_statement": _ScriptReader._redirected,
    "subshell": _ScriptReader._subshell,
    "test_command": _ScriptReader._test,
    "unset_command": _ScriptReader._declare,
    "variable_assignment": _ScriptReader._assign,
    "variable_assignments": _ScriptReader._assign,
    "while_statement": _ScriptReader._while,
}
