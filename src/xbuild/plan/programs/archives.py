"""Programs that pack and unpack.

Sources: GNU tar 1.35 manual, bsdtar(1) where it agrees, unzip(1) 6.0, zip(1) 3.0, gzip 1.13, xz 5.8,
bzip2 1.0.8, zstd 1.5, BusyBox 1.37.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import replace

from xbuild.plan.facts.filesystem import EVERY, Kind, Write, join
from xbuild.plan.programs.grammar import Reading, Style
from xbuild.plan.programs.program import Program, plain, source_kind, taken_kind, word_kind, write
from xbuild.plan.toolchain import Call, Effect
from xbuild.text import expression

# What compresses is named by letter or name; `-I PROGRAM` runs one that may be anything.
_TAR = (
    "-x,--extract,--get -c,--create -t,--list -f,--file= "
    "-C,--directory=/ --one-top-level[=] -O,--to-stdout -v,--verbose -z,--gzip,--gunzip,--ungzip -j,--bzip2 "
    "-J,--xz --zstd --lzma -a,--auto-compress -p,--preserve-permissions,--same-permissions "
    "-k,--keep-old-files -m,--touch -h,--dereference -o -X,--exclude-from=< -T,--files-from= "
    "--strip-components,--strip= --transform,--xform= --owner= --group= --mode= --mtime= "
    "--exclude= --sort= --no-same-owner --same-owner --no-same-permissions --numeric-owner --overwrite "
    "--skip-old-files --wildcards --no-anchored --no-recursion --warning= --exclude-vcs "
    "--checkpoint[=]"
)


def _tar(call: Call, given: Reading) -> Effect | None:
    """Unpacks into each `-C`, `--one-top-level` or here, or to its output; packs what is named, seen from
    each `-C`.
    """
    if sum(given.has(mode) for mode in ("-x", "-c", "-t")) != 1:
        return None
    kind = _told(call, given)
    archive = given.value("-f", "-")
    if archive is not None and ":" in archive:
        return None  # of another host
    held = join((kind, source_kind(call, archive)))
    if given.has("-t") or (given.has("-x") and given.has("-O")):
        return plain(call, held, (), (archive,))
    if given.has("-x"):
        if given.has("-T"):
            return None  # its names land where it is read
        brought = _brought(call, archive)
        made = (replace(write(call, f, held), brought=brought) for f in _unpack_folders(given))
        return plain(call, held, made, (archive,))
    return _packed(call, given, archive)


_FETCHES = expression(r"\b(?:curl|wget)\b")


def _brought(call: Call, archive: str | None) -> frozenset[str]:
    """Programs of the project may have any name in an archive of the build context."""
    if archive in ("-", "/dev/stdin"):
        return frozenset() if _FETCHES.search(call.script) else frozenset((EVERY,))
    found = call.seen(archive)
    made = (call.writes.exactly(found)[-1:] or call.writes.covering(found)) if found is not None else ()
    is_own = found is None or any(w.is_context or w.brought for w in made)
    return frozenset((EVERY,)) if is_own else frozenset()


def _told(call: Call, given: Reading) -> Kind:
    """What words and lists of names say."""
    return join((word_kind(call), *(source_kind(call, p) for p in given.values("-T", "-X"))))


def _unpack_folders(given: Reading) -> tuple[str | None, ...]:
    """Where members land: in `--one-top-level` of each folder."""
    base = _folders(given)
    if not given.has("--one-top-level"):
        return base
    top = given.value("--one-top-level")
    if top is None:
        return base  # named after the archive, inside these
    return tuple(None if f is None else posixpath.join(f, top) for f in base)


def _folders(given: Reading) -> tuple[str | None, ...]:
    """What `-C` names; a later relative one is seen from the one before, and a member that is named in front
    of the first is here.
    """
    changes = [o for o in given.options if o.name == "-C"]
    is_named_before = bool(changes and given.places and given.places[0] < changes[0].at)
    folders: list[str | None] = ["."] if is_named_before else []
    here: str | None = "."
    for change in changes:
        here = None if here is None or change.value is None else posixpath.join(here, change.value)
        folders.append(here)
    return tuple(folders or ["."])


def _packed(call: Call, given: Reading, archive: str | None) -> Effect:
    is_listed = given.has("-T")
    kind = Kind.UNKNOWN if is_listed else _told(call, given)
    folders = (".", *_folders(given))
    read: list[str | None] = []
    for named in given.operands:
        if named is not None and named.startswith("/"):
            read.append(named)
        else:
            read += [None if f is None or named is None else posixpath.join(f, named) for f in folders]
    kind = join((kind, *(taken_kind(call, p) for p in read)))
    to_output = archive == "-"
    made = () if to_output else (write(call, archive, kind, is_file=True),)
    return plain(call, kind, made, [*read, None] if is_listed else read)


def _unzip(call: Call, given: Reading) -> Effect | None:
    """Into `-d` or here; `-p` and `-c` to its output; `-l` and `-t` only look. Of a file that is there
    already it asks what to do.
    """
    if not given.operands or len(given.values("-d")) > 1:
        return None
    if any((o.at > given.places[0]) is not (o.name == "-x") for o in given.options if o.name != "-d"):
        return None  # behind the archive others are names of members, and in front of it `-x` is none
    archive = given.operands[0]
    kind = join((word_kind(call), call.stdin, source_kind(call, archive)))
    if given.has("-p", "-c", "-l", "-t"):
        made = (replace(write(call, p, word_kind(call)), is_empty=True) for p in given.values("-d"))
        return plain(call, kind, made, (archive,))
    unpacked = replace(write(call, given.value("-d", "."), kind), brought=_brought(call, archive))
    return plain(call, kind, (unpacked,), (archive,))


def _zip(call: Call, given: Reading) -> Effect | None:
    archive, *named = given.operands or (None,)
    kind = join((word_kind(call), call.stdin, *(taken_kind(call, p) for p in named or (".",))))
    if archive == "-":
        return plain(call, kind, (), named)
    suffixed = (
        None if archive is None else archive if "." in posixpath.basename(archive) else f"{archive}.zip"
    )
    return plain(call, kind, (write(call, suffixed, kind),), named)


def _compresses(call: Call, given: Reading) -> Effect | None:
    """Beside each file it is given, or to its output; of the modes the last one given counts."""
    files = given.operands
    if any((call.texts[o.at + 1] or "").partition("o")[2] for o in given.options if o.name == "-o"):
        return None  # its value is always the next word
    kind = join((word_kind(call), call.stdin, *(source_kind(call, p) for p in files)))
    is_only_read = given.has("-t") and not given.has("-d", "-z")
    is_printed = given.has("-c") or is_only_read
    made: Iterable[Write] = ()
    if given.has("-o"):
        made = (write(call, given.value("-o"), kind, is_file=not is_printed),)
    elif not is_printed:
        made = (write(call, _beside(p), kind) for p in files if p != "-")
    return plain(call, kind, made, files)


def _beside(path: str | None) -> str | None:
    return None if path is None else posixpath.dirname(path) or "."


_DIGITS = "-0 -1 -2 -3 -4 -5 -6 -7 -8 -9"
_LEVELS = (
    "-c,--stdout,--to-stdout -d,--decompress,--uncompress -f,--force -k,--keep -q,--quiet -v,--verbose "
    "-t,--test"
)

PROGRAMS = (
    Program("tar", _TAR, does=_tar, style=Style.TAR, variables=("TAR_OPTIONS", "TAPE")),
    Program(
        "unzip",
        "-d=/ -p -c -l -t -o -n -q -j -x -qq",
        does=_unzip,
        variables=("UNZIP", "UNZIPOPT"),
    ),
    Program("zip", "-r -q -j -9 -0 -1 -X -y -D", does=_zip, variables=("ZIPOPT", "ZIP")),
    Program(
        "gzip gunzip pigz unpigz zcat",
        f"{_LEVELS} {_DIGITS} -n,--no-name -r,--recursive --best --fast -p,--processes=",
        does=_compresses,
        variables=("GZIP",),
    ),
    Program(
        "xz unxz xzcat lzma unlzma",
        f"{_LEVELS} {_DIGITS} -T,--threads= -e,--extreme -z,--compress",
        does=_compresses,
        variables=("XZ_OPT", "XZ_DEFAULTS"),
    ),
    Program(
        "bzip2 bunzip2 bzcat",
        f"{_LEVELS} {_DIGITS} -z,--compress --best --fast",
        does=_compresses,
        variables=("BZIP2", "BZIP"),
    ),
    Program(
        "zstd unzstd zstdcat",
        f"{_LEVELS} -NUM -o=/ -T,--threads= --ultra --long[=] --no-progress",
        does=_compresses,
    ),
)
