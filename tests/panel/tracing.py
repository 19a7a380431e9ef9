"""What native programs of twins open in a step: strace beside it, natively, from a mount of its own.

Everything that the step starts is followed. A process belongs to a twin while its program lies in the mount
of twins; what emulated programs open (and the emulator for them) is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from xbuild.plan.twins.twin import MOUNT

FOLDER = "/.strace"
LOG = "/traced"
# Made for the build machine; its libraries lie beside it, and its loader is started by hand.
STAGES = """\
FROM --platform=$BUILDPLATFORM debian:bookworm AS strace-made
RUN apt-get update && apt-get install -y --no-install-recommends strace && mkdir /out \\
 && cp /usr/bin/strace /out \\
 && cp -L $(ldd /usr/bin/strace | sed -n 's,^[^/]*\\(/[^ ]*\\) (.*,\\1,p') /out && mv /out/ld-* /out/loader
FROM scratch AS strace
COPY --from=strace-made /out /
"""
MOUNTED = f"--mount=type=bind,from=strace,target={FOLDER}"
_CALLS = "execve,clone,clone3,fork,vfork,open,openat,openat2,mmap"
COMMAND = (
    f"{FOLDER}/loader --library-path {FOLDER} {FOLDER}/strace -f -qq -y -s 4096 --seccomp-bpf "
    f"-e trace={_CALLS} -e signal=none -o {LOG}"
)

_LINE = re.compile(r"^(\d+) +(.*)$")
_RESUMED = re.compile(r"^<\.\.\. \w+ resumed>(.*)$")
_CALL = re.compile(r"^(\w+)\((.*)\) += (\d\w*)(?:<(.*?)>)?(?:\(deleted\))?(?: .*)?$")
_UNFINISHED = " <unfinished ...>"
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')
_CODE = re.compile(r"PROT_EXEC.*, \d+<(.*?)>, ")


@dataclass
class Opened:
    """By path what programs of twins have opened, and what they have mapped as program code; by whom."""

    files: dict[str, set[str]] = field(default_factory=dict)
    code: dict[str, set[str]] = field(default_factory=dict)

    @property
    def programs(self) -> set[str]:
        return {program for programs in self.files.values() for program in programs}


def read(lines: Iterable[str]) -> Opened:
    """What strace has written."""
    found = Opened()
    programs: dict[int, str] = {}
    begun: dict[int, str] = {}
    for line in lines:
        matched = _LINE.match(line.rstrip("\n"))
        assert matched is not None, line
        number, text = int(matched[1]), matched[2]
        if text.endswith(_UNFINISHED):
            begun[number] = text.removesuffix(_UNFINISHED)
            continue
        resumed = _RESUMED.match(text)
        call = _CALL.match(begun.pop(number, "") + resumed[1].lstrip() if resumed is not None else text)
        if call is not None:
            _note(found, programs, number, call)
    return found


def _note(found: Opened, programs: dict[int, str], number: int, call: re.Match[str]) -> None:
    name, words, result, path = call.groups()
    program = programs.get(number, "")
    if name == "execve":
        text = _TEXT.search(words)
        assert text is not None, call[0]
        programs[number] = text[1]
    elif name in ("clone", "clone3", "fork", "vfork"):
        programs.setdefault(int(result), program)
    elif not program.startswith(f"{MOUNT}/"):
        return
    elif name == "mmap":
        code = _CODE.search(words)
        if code is not None:
            found.code.setdefault(code[1], set()).add(program)
    else:
        assert path is not None, call[0]
        found.files.setdefault(path, set()).add(program)
