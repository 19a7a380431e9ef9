"""What of a page in Markdown may be code: tags, braces, scripts, imports, the settings at its head. Prose,
and code that is shown, become blank. Where that cannot be told, all that follows stays as it is.

Sources: CommonMark 0.31 (fenced code blocks, code spans, HTML blocks); VitePress "Using Vue in Markdown",
"Markdown Extensions"; MDX "Syntax" (ESM, expressions, JSX); mdx-js `micromark-extension-mdxjs-esm` (where an
import ends).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from xbuild.plan.table import words
from xbuild.text import expression

_LANGUAGES = words(
    "js jsx mjs cjs javascript ts tsx mts typescript vue html css scss sass less stylus json json5 jsonc "
    "yaml yml toml xml svg bash sh shell zsh fish console shellscript powershell ps1 bat cmd text txt "
    "plaintext md mdx markdown diff go rust rs python py java kotlin kt swift c cpp h cs csharp php ruby rb "
    "sql graphql gql docker dockerfile nginx ini env dotenv properties makefile make http proto lua dart "
    "svelte astro elixir haskell scala clojure groovy gradle r perl vim log csv hcl terraform solidity "
    "mermaid tex latex regex"
)
"""What a page shows, and no plugin is known to run."""
_CONTAINERS = words("tip info note warning danger details important caution code-group raw v-pre")
_SHOWN = expression(
    r"(?P<language>[\w+#.-]*)(?::(?:no-)?line-numbers(?:=\d+)?)?(?:\s*(?:\{[\d,\s-]*\}|\[[^\]\n]*\]|"
    r"(?:title|filename|caption|name|label|icon)=(?:\"[^\"]*\"|'[^']*'|\w+)|showLineNumbers|copy|wrap))*\s*"
)
_CONTAINER = expression(r"[ \t]*:{3,}[ \t]*([\w-]*)")
_ITEM = r"(?:[-*+]|\d{1,9}[.)])[ \t]+"
_FENCE = expression(rf"(?P<depth>[ \t]*(?:{_ITEM})*)(?P<mark>`{{3,}}(?=[^`]*$)|~{{3,}})(?P<told>.*)\n?")
_LINES = expression(r"[^\n]*\n|[^\n]+")
_MARKUP = expression(r"(?:[ \t>]|[-*+]|\d+[.)])*<[A-Za-z/!?]")
_MODULE = expression(r"(?:import|export)\b")
_IMPORTS = expression(
    r"""(?:(?:import\b[\w$\s{},*]*|export\b[\w$\s{},*]*\bfrom\s*)(?:"[^"\n]*"|'[^'\n]*')[ \t]*;?\s*)+"""
)
_BRACES = r"""\{\{?(?:[^{}"'`/\\]|"[^"{}\\]*"|'[^'{}\\]*')*\}\}?"""
_TAG = rf"""<(?:[A-Za-z]|/[A-Za-z])(?:"[^"]*"|'[^']*'|{_BRACES}|[^"'`<>{{}}])*>"""
_SIMPLE = expression(rf"{_TAG}|{_BRACES}")
_OPENS = r"[{}]|<[A-Za-z/!?]"
_OPEN = expression(_OPENS)
_INLINE = expression(
    r"\\.|(?<!`)(?P<ticks>`+)(?!`)(?P<span>[^\n]*?)(?<!`)(?P=ticks)(?!`)|(?P<tick>`)"
    rf"|(?P<code>{_TAG}|{_BRACES})|(?P<open>{_OPENS})"
)
# Elements whose text is no Markdown: the first end is theirs.
_RAW_START = expression(r"(?i)<(script|style|pre|textarea)\b|<!--")
_RAW_ENDS = {
    "": expression(r"-->"),
    **{name: expression(rf"(?i)</{name}\s*>") for name in words("script style pre textarea")},
}
_RAW = expression(r"(?is)<(script|style|pre|textarea)\b.*?</\1\s*>|<!--.*?-->")
_LONGEST = 10_000
"""Characters of a block that is looked into; a longer one stays as it is."""


def code_of(text: str) -> str:
    """The text with all that is surely no code blanked, so that lines are those of the file."""
    return "".join(_parts(_LINES.findall(text)))


def _parts(lines: Sequence[str]) -> Iterator[str]:
    at = _end_of_head(lines)
    yield from lines[:at]
    is_told = True
    while at < len(lines) and is_told:
        end = _end_of_fence(lines, at)
        if end is not None:
            yield from map(_blank, lines[at:end]) if _is_shown(lines[at]) else lines[at:end]
        else:
            end = _end_of_block(lines, at)
            kept, is_told = _code_in(lines[at:end])
            if _RAW_START.search(kept):
                end = _end_of_raw(lines, at, end)
                kept = "".join(lines[at:end])
                is_told = end <= len(lines) and _is_closed(_RAW.sub("", kept))
            is_told = is_told and not any(map(_is_unclear, lines[at:end]))
            yield kept
        at = end
    yield from lines[at:]


def _is_unclear(line: str) -> bool:
    """Whether a line may have what follows shown, or run, by what is not followed."""
    container = _CONTAINER.match(line)
    return _FENCE.fullmatch(line) is not None or (
        container is not None and container[1] not in (*_CONTAINERS, "")
    )


def _is_shown(line: str) -> bool:
    opened = _FENCE.fullmatch(line)
    told = _SHOWN.fullmatch(opened["told"].strip()) if opened is not None else None
    return told is not None and told["language"] in (*_LANGUAGES, "")


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def _end_of_head(lines: Sequence[str]) -> int:
    """Where the settings at the head end, in whatever language they are."""
    if not lines or not lines[0].startswith("---"):
        return 0
    return next((n + 1 for n, line in enumerate(lines) if n and line.rstrip() == "---"), len(lines))


def _end_of_fence(lines: Sequence[str], at: int) -> int | None:
    """Where the code ends that begins with a fence in this line; None for another line, and where that cannot
    be told: it ends with a list around it, too.
    """
    opened = _FENCE.fullmatch(lines[at])
    if opened is None or "\t" in opened["depth"]:
        return None
    depth, mark = len(opened["depth"]), opened["mark"]
    for number in range(at + 1, len(lines)):
        line = lines[number].rstrip()
        here = len(line) - len(line.lstrip(" "))
        if line.lstrip().startswith(mark) and not line.strip().strip(mark[0]):
            return number + 1 if here == depth else None
        if line and here < depth:
            return None
    return None


def _end_of_block(lines: Sequence[str], at: int) -> int:
    """Where a paragraph ends, or what else stands between blank lines."""
    is_markup = False
    for number in range(at, len(lines)):
        line = lines[number]
        if not line.strip():
            return number + 1
        is_markup = is_markup or _is_markup(line)
        if not is_markup and number > at and _FENCE.fullmatch(line):
            return number
    return len(lines)


def _is_markup(line: str) -> bool:
    return _MARKUP.match(line) is not None or _MODULE.match(line) is not None


def _end_of_raw(lines: Sequence[str], at: int, end: int) -> int:
    """Where the last element ends that begins in these lines, and the block that it ends in; the number of
    all lines and one more where that is nowhere.
    """
    wanted: re.Pattern[str] | None = None
    for number in range(at, len(lines)):
        rest = lines[number]
        while (found := (wanted or _RAW_START).search(rest)) is not None:
            rest = rest[found.end() :]
            wanted = _RAW_ENDS[(found[1] or "").lower()] if wanted is None else None
        if wanted is None and number + 1 >= end and not lines[number].strip():
            return number + 1
    return len(lines) + (wanted is not None)


def _code_in(lines: Sequence[str]) -> tuple[str, bool]:
    """What of a block may be code, the rest blanked, and whether it ends with the block."""
    text = "".join(lines)
    if any(map(_MODULE.match, lines)):
        return text, _IMPORTS.fullmatch(text) is not None
    if any(map(_MARKUP.match, lines)) or len(text) > _LONGEST:
        return text, _is_closed(text)
    parts = tuple(_INLINE.finditer(text))
    # A span may end in another line, but not in another cell of a table.
    if any(part["tick"] or "|" in (part["span"] or "") for part in parts):
        return text, _is_closed(text)
    kept = _blank(text)
    for part in parts:
        if part["open"] == "}":
            return text, False
        if part["open"]:
            rest = text[part.start() :]
            return kept[: part.start()] + rest, _is_closed(rest)
        if part["code"] or "{{" in (part["span"] or ""):  # Vue fills in what is shown in a line
            kept = kept[: part.start()] + part[0] + kept[part.end() :]
    return kept, True


def _is_closed(text: str) -> bool:
    """Whether no tag or brace is left open, or may be."""
    return _OPEN.search(_SIMPLE.sub("", text)) is None
