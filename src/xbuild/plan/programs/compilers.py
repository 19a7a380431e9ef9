"""C compilers and binutils: what they make is for the machine they run on.

Sources: GCC 15 manual ("Invoking GCC"), clang 21 command line reference, GNU binutils 2.45, glibc
`elf/ldd.bash.in`, file(1).
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import replace

from xbuild.plan.facts.filesystem import Kind
from xbuild.plan.model import Reason
from xbuild.plan.programs.grammar import Reading, Style
from xbuild.plan.programs.program import Program, anything, plain, source_kind, where, write
from xbuild.plan.toolchain import Call, Effect
from xbuild.text import expression

# What names a plugin, a file of options or of measurements is left out.
_GCC = (
    "-o=> -MF=> -MT= -MD -MMD -M -MM -MP -c -S -E -v -pipe -pthread -static -static-libgcc "
    "-static-libstdc++ -shared -rdynamic -nostdlib -nodefaultlibs -nostartfiles -pie -no-pie -s -w -ansi -x= "
    "-include= -isystem= -I* -L* -l* -D* -U* -O* -g* -std* -W* -m* -f* -dumpmachine "
    "-dumpversion -dumpfullversion -print* --print* --sysroot* -target= --target*"
)
_OTHER_FILES = ("-Wl,-Map", "-Wp,", "-Wa,", "-fdump", "-fplugin", "-fprofile", "-fcallgraph",
    "-ftest-coverage",
                "-fstack-usage", "-fauto-profile", "-fbranch", "-fcompare-debug", "-fcrash", "-fsave",
                    "-gsplit")  # fmt: skip


# A linker option or another that names a file to write, by what it may be called.
_NAMES_FILE = expression(
    r"-Wl.*(Map|,-o|file=|,@|plugin|,--out|implib).*|-f(?!\w+-prefix-map=)[^=]*=.*/.*", re.DOTALL
)


def _compiles(call: Call, given: Reading) -> Effect | None:
    """For the machine it runs on, unless it is only asked something."""
    if (
        given.options
        and not given.operands
        and all(
            o.name in ("-dumpmachine", "-dumpversion", "-dumpfullversion", "-print", "--print", "-v")
            for o in given.options
        )
    ):
        return plain(call, Kind.BUILD)
    if any(
        t is None or t.startswith((*_OTHER_FILES, "@")) or _NAMES_FILE.fullmatch(t) for t in call.texts[1:]
    ):
        return None
    made = [write(call, o.value, Kind.BUILD) for o in given.options if o.kind == "=>"]
    if given.has("-MD", "-MMD"):  # beside the output, if no other name is given
        folders = (None if v is None else posixpath.dirname(v) or "." for v in given.values("-o"))
        made += [write(call, folder, Kind.BUILD) for folder in folders]
    return plain(call, Kind.BUILD, (*made, write(call, ".", Kind.BUILD)), given.operands)


def _loads(call: Call, given: Reading) -> Effect | None:
    """`ldd` asks the program's loader, and `objdump -d` reads the instructions of its own machine: both fail
    for a program of another. Of a static one ldd says the same everywhere.
    """
    is_alike = call.program_name == "objdump" and not given.has("-d", "-D", "-S")
    paths = [where(call, p) for p in given.operands]
    made = [w for p in paths if p is not None for w in call.writes.exactly(p)]
    is_static = bool(made) and all(w.is_static for w in made)
    read = next((t for t in given.operands if source_kind(call, t) in (Kind.CROSS, Kind.TARGET)), None)
    if read is None or is_alike or (is_static and call.program_name == "ldd"):
        return plain(call, Kind.PORTABLE if is_static else Kind.BUILD, (), given.operands)
    text = f"`{call.spelled()}` asks a tool of the build machine about `{read}`, which is made for the target"
    cure = "drop it, or use readelf, which reads programs of every machine"
    return replace(anything(call), reasons=(Reason(text, call.place, cure=cure),))


def refuses(names: str, text: str, cure: str) -> Program:
    """A row for programs that are known not to work in a pinned stage, and why."""

    def does(call: Call, _given: Reading) -> Effect:
        return replace(anything(call), reasons=(Reason(f"`{call.spelled()}` {text}", call.place, cure=cure),))

    return Program(names, style=Style.NONE, does=does, is_extra=True)


PROGRAMS = (
    Program(
        "gcc cc g++ c++ clang clang++ c99",
        _GCC,
        does=_compiles,
        variables=("CPATH", "LIBRARY_PATH", "DEPENDENCIES_OUTPUT", "SUNPRO_DEPENDENCIES", "GCC_EXEC_PREFIX"),
    ),
    Program("ldd", "-v,--verbose", does=_loads),
    Program("objdump", "-a -f -p -h -x -d -D -S -t -T -r -R -s -C -j= -w", does=_loads),
    Program("file", "-b,--brief -i,--mime -L,--dereference --mime-type", "read*"),
    Program("readelf", "-a -h -l -S -s -d -r -n -V -W --dyn-syms", "read*"),
    refuses(
        "strip",
        "runs the build machine's binutils, which cannot read other machines' files",
        "drop it, and have the compiler leave the symbols out",
    ),
    refuses(
        "upx",
        "packs a binary with a tool that xbuild cannot vouch for on other platforms",
        "drop it, or pack in a stage of its own",
    ),
)
