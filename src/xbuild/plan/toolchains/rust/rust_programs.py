"""Programs that come with Rust or are made for it, beside cargo.

Sources: The rustup Book; The rustc Book.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from xbuild.plan.facts.filesystem import Kind, Write
from xbuild.plan.programs.grammar import Reading, Style
from xbuild.plan.programs.program import Program, plain, write
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call, Effect
from xbuild.plan.toolchains.rust.crate_judging import judge_crates
from xbuild.plan.toolchains.rust.crate_probe import NotToldByCargoError, read_crates
from xbuild.plan.toolchains.rust.triples import STRIP, TELLER

# `rustup --help`: what changes its own folder, or prints. `run` starts any program.
_MANAGING = frozenset(
    words(
        "install uninstall update check default toolchain target component override show set self which help"
    )
)


def _manages(call: Call, _given: Reading) -> Effect | None:
    """`rustup`: toolchains, components and standard libraries, for the machine that compiles. A toolchain
    that has the target's name runs there alone.
    """
    is_of_target = any(kind in (Kind.CROSS, Kind.TARGET) for kind in call.kinds)
    if is_of_target and call.texts[1:3] != ("target", "add"):
        return None
    if next((text for text in call.texts[1:] if text is None or text[:1] != "-"), "help") not in _MANAGING:
        return None
    variable = call.variables.get("RUSTUP_HOME")
    home = variable.text if variable is not None and variable.text else "/usr/local/rustup"
    made = Write(home, Kind.BUILD, call.place, call.spelled(), adds=True)
    return plain(call, Kind.BUILD, (made,))


def _tells(call: Call, _given: Reading) -> Effect | None:
    """Rust's name of the target, as xbuild has the stage print it."""
    return plain(call, Kind.TARGET)


def _starts(call: Call) -> Iterator[str]:
    """The programs that build scripts start, as far as cargo was asked for them; PROTOC names one of them."""
    answers = call.around.knowledge.answers.items()
    started = {name for key, text in answers if key.endswith(":crates") for name in _started(text)}
    yield from sorted(started)
    own = call.variables.get("PROTOC")
    if "protoc" in started and own is not None and own.text:
        yield own.text


@lru_cache(maxsize=64)
def _started(answer: str) -> frozenset[str]:
    try:
        return judge_crates(read_crates(answer), None).starts
    except NotToldByCargoError:
        return frozenset()


STRIP_OPTIONS = "-s,--strip-all -g,-S,-d,--strip-debug --strip-unneeded -x,--discard-all -v,--verbose"
"""GNU binutils, `strip --help`: what names no other file."""


def strip_effect(call: Call, given: Reading) -> Effect:
    """What is stripped is as much for the target as before."""
    made = (write(call, path, Kind.CROSS, is_file=True) for path in given.operands)
    return plain(call, Kind.PORTABLE, made, given.operands)


PROGRAMS = (
    Program(
        "cargo",
        style=Style.NONE,
        is_extra=True,
        packages="rustc rustup",
        brought_by=lambda _: True,
        takes_target=True,
        starts=_starts,
        still=words(
            "build b chef test t check c clippy doc bench nextest fetch tree metadata version fmt install "
            "audit deny locate-project pkgid search help"
        ),
    ),
    Program("rustup", style=Style.NONE, does=_manages, is_extra=True, brought_by=lambda _: True),
    Program(STRIP, STRIP_OPTIONS, does=strip_effect, is_extra=True, brought_by=lambda _: True),
    Program(TELLER, style=Style.NONE, does=_tells, is_extra=True, brought_by=lambda _: True),
)
