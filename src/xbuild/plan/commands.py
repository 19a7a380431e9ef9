"""Options of make and task."""

from __future__ import annotations

from collections.abc import Iterable

from xbuild.plan.toolchain import Call


def operands(call: Call, with_value: Iterable[str] = ()) -> tuple[str | None, ...]:
    """The arguments that are no options; `with_value` are options whose value is the next word."""
    found: list[str | None] = []
    takes_value = frozenset(with_value)
    skip = rest = False
    for text in call.texts[1:]:
        if skip:
            skip = False
        elif rest or text is None or not text.startswith("-") or text == "-":
            found.append(text)
        elif text == "--":
            rest = True
        elif text in takes_value:
            skip = True
    return tuple(found)


def option(call: Call, *names: str) -> tuple[bool, str | None]:
    """Whether an option stands there, and its value: `-o X`, `-oX`, `--output X`, `--output=X`."""
    texts = call.texts
    for at, text in enumerate(texts[1:], 1):
        if text is None:
            continue
        for name in names:
            if text == name:
                return True, texts[at + 1] if at + 1 < len(texts) else None
            if name.startswith("--") and text.startswith(name + "="):
                return True, text[len(name) + 1 :]
            if not name.startswith("--") and len(name) == 2 and text.startswith(name) and len(text) > 2:
                return True, text[2:]
    return False, None
