"""Text for terminals and logs: widths, colours, tables, durations. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from xbuild.text import value

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


@value()
class Terminal:
    """What text is for: `width` None means lines of any length (a file, a CI log)."""

    is_interactive: bool = False
    has_colour: bool = False
    width: int | None = None

    def paint(self, text: str, *styles: str) -> str:
        """`text` in colour, where there is colour."""
        if not self.has_colour or not styles or not text:
            return text
        return f"\x1b[{';'.join(_CODES[style] for style in styles)}m{text}\x1b[0m"


@value()
class Cell:
    """One cell; `styles` are names for `Terminal.paint`."""

    text: str
    styles: tuple[str, ...] = ()


@value()
class Column:
    """A column's heading; `flexible` ones give way on narrow terminals."""

    title: str
    right: bool = False
    flexible: bool = False


def width_of(text: str) -> int:
    """Columns that `text` takes up."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def clean(text: str) -> str:
    """Text on one line without control characters: names come from files that others wrote."""
    return "".join(char if char.isprintable() else "?" for char in " ".join(text.split()))


def shorten(text: str, width: int) -> str:
    """`text` in at most `width` columns, `...` where something is missing."""
    if width_of(text) <= width:
        return text
    if width <= 3:
        return text[:width]
    kept, used = [], 0
    for char in text:
        used += width_of(char)
        if used > width - 3:
            break
        kept.append(char)
    return "".join(kept) + "..."


def table(
    columns: Sequence[Column], rows: Iterable[Sequence[Cell | str]], terminal: Terminal
) -> tuple[str, ...]:
    """Lines of a table; flexible columns are shortened to the width of the terminal."""
    cells = [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in rows]
    if not cells:
        return ()
    widths = [
        max(width_of(column.title), *(width_of(row[at].text) for row in cells))
        for at, column in enumerate(columns)
    ]
    _fit(widths, columns, terminal.width)
    heading = [Cell(column.title, ("dim",)) for column in columns]
    return tuple(_line(row, columns, widths, terminal) for row in [heading, *cells])


def _fit(widths: list[int], columns: Sequence[Column], width: int | None) -> None:
    """Make the line fit: flexible columns give way first, then all of them; the widest always first."""
    if width is None:
        return
    flexible = [at for at, column in enumerate(columns) if column.flexible]
    for some, least in ((flexible, 12), (flexible, 4), (list(range(len(columns))), 3)):
        while sum(widths) + 2 * (len(widths) - 1) > width:
            wide = [at for at in some if widths[at] > least]
            if not wide:
                break
            widths[max(wide, key=lambda at: widths[at])] -= 1


def _line(row: Sequence[Cell], columns: Sequence[Column], widths: Sequence[int], terminal: Terminal) -> str:
    parts = []
    for cell, column, width in zip(row, columns, widths, strict=True):
        text = shorten(cell.text, width)
        padding = " " * (width - width_of(text))
        painted = terminal.paint(text, *cell.styles)
        parts.append(padding + painted if column.right else painted + padding)
    return "  ".join(parts).rstrip()


def wrap(text: str, terminal: Terminal, indent: str = "") -> tuple[str, ...]:
    """`text` in lines of the terminal's width, all but the first indented."""
    if terminal.width is None:
        return (text,)
    lines, line = [], ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if line.strip() and width_of(longer) > max(terminal.width, 20):
            lines.append(line)
            line = indent + word
        else:
            line = longer
    return (*lines, line)


def seconds(value: float) -> str:
    """`0.4 s`, `33 s`, `3m 21s`."""
    if value < 9.95:
        return f"{value:.1f} s"
    if value < 99.5:
        return f"{value:.0f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes}m {rest:02d}s"
    return f"{minutes // 60}h {minutes % 60:02d}m"


def count(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
