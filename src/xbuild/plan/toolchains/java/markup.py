"""XML as projects have it, read with care: no entities, a bound on its size and on how deep it nests.

Sources: Extensible Markup Language 1.0 (section 4.2, entities: only a document type declares any).
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree

from xbuild.text import expression

LARGEST = 1 << 20
"""Characters of a file of the build context that are read at most."""
_DEEPEST = 100

Element = ElementTree.Element


# Markup is the same bytes in these as in UTF-8, as which files are read (section 4.3.3).
_ENCODING = expression(r"""<\?xml[^>]*?\sencoding\s*=\s*["']([^"']*)["']""")
_OF_ASCII = expression(r"(?i)utf-?8|us-ascii|ascii|iso-?8859-\d+|latin-?\d|(?:windows-|cp)125\d")


class MarkupError(Exception):
    """Why a text is not read."""


class _Builder(ElementTree.TreeBuilder):
    """Elements without their namespaces, and not too deep."""

    depth = 0

    def start(self, tag: str, attrs: dict[str, str]) -> Element:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise MarkupError(f"it nests deeper than {_DEEPEST} elements")
        return super().start(tag.rpartition("}")[2], attrs)

    def end(self, tag: str) -> Element:
        self.depth -= 1
        return super().end(tag.rpartition("}")[2])


def read_markup(text: str, largest: int = LARGEST) -> Element:
    """The root element, names without namespaces. Raises MarkupError."""
    if len(text) > largest:
        raise MarkupError(f"it is larger than {largest >> 10} KiB")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise MarkupError("it declares a document type or entities")
    encoding = _ENCODING.match(text.removeprefix("\ufeff").lstrip())
    if encoding is not None and not _OF_ASCII.fullmatch(encoding[1]):
        raise MarkupError(f"it is in the encoding {encoding[1][:20]}")
    parser = ElementTree.XMLParser(target=_Builder())
    try:
        parser.feed(text.removeprefix("\ufeff").lstrip())
        root = parser.close()
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise MarkupError("it is no XML") from error
    if not isinstance(root, Element):
        raise MarkupError("it is no XML")
    return root


def text_of(element: Element, path: str, default: str = "") -> str:
    """The text of the first element at a path, without blanks around it."""
    return (element.findtext(path) or default).strip()


def told(element: Element, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text and attribute in an element, with its path (`a/b`, `a/@c`); an empty one too, where nothing
    is below.
    """
    pending = [(element, path)]
    while pending:
        one, here = pending.pop()
        yield from ((f"{here}/@{name}".lstrip("/"), value) for name, value in sorted(one.attrib.items()))
        children = list(one)
        text = (one.text or "").strip()
        if text or not children:
            yield here, text
        yield from ((here, tail) for child in children if (tail := (child.tail or "").strip()))
        pending += [(child, f"{here}/{child.tag}".lstrip("/")) for child in reversed(children)]
