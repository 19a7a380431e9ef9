"""Programs that make, copy, move and remove files.

Sources: GNU coreutils 9.7 manual, rsync(1) 3.4, BusyBox 1.37 (whose options are among these).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import replace

from xbuild.plan.facts.filesystem import TOOL_FOLDERS, Write, absolute, join, links_taken, without_glob
from xbuild.plan.programs.grammar import Reading
from xbuild.plan.programs.program import (
    Program,
    changed,
    plain,
    source_kind,
    taken_kind,
    where,
    word_kind,
    write,
)
from xbuild.plan.toolchain import Call, Effect

_INTO = "-t,--target-directory=/"
_WHOLE_TREES = ("-r", "-a")
# With these a symbolic link is copied as one; with -L what it leads to is.
_LINKS = ("-r", "-a", "-d", "-P", "-l")
# With these, what was there may stay.
_KEEPS = ("-n",)


def _copies(call: Call, given: Reading) -> Effect | None:
    """The last operand, or `-t`, gets what the others hold."""
    into_folder = given.has("-t")
    paths = given.operands
    if not paths:
        return plain(call, word_kind(call))
    sources = paths if into_folder else paths[:-1]
    destination = given.value("-t") if into_folder else paths[-1]
    lists = tuple(o.value for o in given.options if o.kind == "=<")
    keeps = not given.has("-L")
    held = (taken_kind(call, p, keeps_links=keeps) for p in (*sources, *lists))
    kind = join((word_kind(call), *held))
    is_whole = call.program_name != "rsync" and not given.has(*_KEEPS)
    told = kind if given.has(*_KEEPS) else word_kind(call)
    moved = changed(call, sources, told) if call.program_name == "mv" else ()
    is_folder = into_folder and not given.has("-D")
    # Of one folder a copy is made by that name, where there is none yet: `cp -r folder new/`.
    is_tree = len(sources) == 1 and not is_folder and (call.program_name == "mv" or given.has(*_WHOLE_TREES))
    names = _names_in_folder(call, sources, destination, is_folder=is_folder)
    if is_tree and names is not None and not _is_there(call, destination):
        names, is_whole = None, False
    if names is not None and not given.has("-T", "--parents", "-R"):
        is_whole = is_whole and not given.has(*_WHOLE_TREES)
        pairs = zip(names, sources, strict=True)
        made = tuple(_copy(call, write(call, name, kind, is_file=is_whole), (of,)) for name, of in pairs)
    else:
        is_one = len(sources) == 1 and not into_folder and not given.has("--parents", "-R")
        made = (_copy(call, write(call, destination, kind, is_file=is_one and is_whole), sources),)
    if keeps and (call.program_name == "mv" or given.has(*_LINKS)):
        made = (*made, *_links_along(call, sources, destination))
    # What was in the way is told of.
    in_the_way = (source_kind(call, w.path) for w in made if given.has("-v"))
    return plain(call, join((kind, *in_the_way)), (*made, *moved), (*sources, *lists))


def _copy(call: Call, made: Write, sources: Sequence[str | None]) -> Write:
    return replace(made, copy_of=tuple(found for s in sources if (found := call.seen(s)) is not None))


def _links_along(call: Call, sources: Sequence[str | None], destination: str | None) -> Iterator[Write]:
    """Known symbolic links among what is copied, where they may be from then on: below the destination, or
    below a folder of the source's name in it.
    """
    for source in sources if destination is not None else ():
        path = call.seen(source)
        name = posixpath.basename(path or "")
        is_pattern = without_glob(name) != name
        own = [(".", link.link) for link in call.writes.exactly(path or "/") if link.link is not None]
        for below, held in (*own, *links_taken(call.writes, path, kept=int(is_pattern)).held):
            for place in (below,) if is_pattern else (below, posixpath.join(name, below)):
                made = write(call, posixpath.join(destination or ".", place), word_kind(call))
                yield replace(made, link=held)


def _is_there(call: Call, destination: str | None) -> bool:
    """Whether a folder is there in any case."""
    found = call.seen(destination)
    return found in TOOL_FOLDERS


def _names_in_folder(
    call: Call, sources: Sequence[str | None], destination: str | None, *, is_folder: bool
) -> tuple[str, ...] | None:
    """What `cp a b folder/` and `mv a b /usr/local/bin` make in the folder, if all names are known."""
    found = call.seen(destination)
    if found is None or destination is None:
        return None
    if not (is_folder or destination.endswith("/") or found in TOOL_FOLDERS):
        return None
    names = [posixpath.basename(s) if s is not None else "" for s in sources]
    if any(n in ("", ".", "..") or without_glob(n) != n for n in names):
        return None
    return tuple(posixpath.join(found, n) for n in names)


def _installs(call: Call, given: Reading) -> Effect | None:
    """`install -d` makes folders; else it copies."""
    if given.has("-d"):
        made = (replace(write(call, p, word_kind(call)), is_empty=True) for p in given.operands)
        seen = join((word_kind(call), *(source_kind(call, p) for p in given.operands)))
        return plain(call, seen, made)
    return _copies(call, given)


def _links(call: Call, given: Reading) -> Effect | None:
    """`ln`; the target of a symbolic link is seen from where the link stands."""
    into_folder = given.has("-t")
    paths = given.operands if into_folder or len(given.operands) != 1 else (*given.operands, "./")
    sources = paths if into_folder else paths[:-1]
    destination = given.value("-t") if into_folder else paths[-1] if paths else None
    if not sources:
        return None
    kind = join((word_kind(call), *(taken_kind(call, p) for p in sources)))
    made: list[Write] = []
    is_one = len(sources) == 1 and not into_folder and (destination or "/")[-1] != "/"
    for source in sources if not is_one or not given.has("-T") else ():
        name = posixpath.basename(source) if source is not None else ""
        is_named = destination is not None and name not in ("", ".", "..")
        place = posixpath.join(destination or "/", name) if is_named else destination
        made.append(_linked(call, given, write(call, place, kind), source))
    if is_one:
        made.append(_linked(call, given, write(call, destination, kind, is_file=True), sources[0]))
    return plain(call, kind, made, sources)


def _linked(call: Call, given: Reading, made: Write, source: str | None) -> Write:
    """With what it holds; what is written to one hard link is seen at the other, as with a symbolic one."""
    if made.path is None:
        return made
    if not given.has("-s"):
        return replace(made, link=where(call, source) or "/")
    seen_from = call.directory if given.has("-r") else posixpath.dirname(made.path)
    target = absolute(source, seen_from) if source is not None and without_glob(source) == source else None
    kind = join((made.kind if target is None else word_kind(call), source_kind(call, target)))
    held = posixpath.relpath(target, posixpath.dirname(made.path)) if target and given.has("-r") else source
    return replace(made, link=held if target else "/", kind=kind)


def _synchronises(call: Call, given: Reading) -> Effect | None:
    """rsync between local folders; with a host in it it brings what is not known."""
    if any(p is None or ":" in p for p in given.operands) or len(given.operands) < 2:
        return None
    return _copies(call, given)


def _makes_node(call: Call, given: Reading) -> Effect | None:
    """`mktemp` prints a name of its own making: never twice the same."""
    folder = given.value("-p", ".") if given.has("-p") else "/tmp"
    template = given.operands[0] if given.operands else None
    if template is not None and not given.has("-t", "-p"):
        folder = posixpath.dirname(template) or "."
    return plain(call, word_kind(call), (write(call, folder, word_kind(call)),))


PROGRAMS = (
    Program(
        "cp",
        f"-a,--archive {_INTO} -f,--force -L,--dereference -n,--no-clobber -P,--no-dereference -p "
        "--preserve[=] --no-preserve= --parents -r,-R,--recursive --reflink[=] --remove-destination "
        "-T,--no-target-directory -v,--verbose -x,--one-file-system -d",
        does=_copies,
        puts_into_folders=True,
    ),
    Program(
        "mv",
        f"{_INTO} -f,--force -n,--no-clobber -T,--no-target-directory -v,--verbose",
        does=_copies,
        puts_into_folders=True,
    ),
    Program(
        "install",
        f"{_INTO} -c -d,--directory -D -g,--group= -m,--mode= -o,--owner= -p,--preserve-timestamps "
        "-T,--no-target-directory -v,--verbose",
        does=_installs,
        puts_into_folders=True,
    ),
    Program(
        "ln",
        f"{_INTO} -f,--force -n,--no-dereference -r,--relative -s,--symbolic -T,--no-target-directory "
        "-v,--verbose",
        does=_links,
        puts_into_folders=True,
    ),
    Program(
        "rsync",
        "-a,--archive -r,--recursive -q,--quiet -l,--links -L,--copy-links "
        "-p,--perms -o,--owner -g,--group -t,--times -D -H,--hard-links -x,--one-file-system --delete "
        "--exclude= --include= --exclude-from=< --chmod= --chown= --no-owner --no-group --no-perms "
        "-z,--compress -R,--relative",
        does=_synchronises,
        variables=("RSYNC_RSH",),
        puts_into_folders=True,
    ),
    Program("mkdir", "-p,--parents -m,--mode= -v,--verbose", "make*"),
    Program(
        "touch",
        "-a -c,--no-create -d,--date= -h,--no-dereference -m -r,--reference=< -t=",
        "make*",
    ),
    Program("truncate", "-s,--size=", "make*"),
    Program("mktemp", "-d,--directory -u,--dry-run -q,--quiet -p,--tmpdir= -t --suffix=", does=_makes_node),
    Program(
        "rm",
        "-f,--force -r,-R,--recursive -d,--dir -v,--verbose",
        "change*",
    ),
    Program("rmdir", "-p,--parents -v,--verbose --ignore-fail-on-non-empty", "change*"),
    Program("unlink", "", "change"),
    Program(
        "chmod",
        "-R,--recursive -c,--changes -f,--silent,--quiet -v,--verbose -x -w -r",
        "text change*",
    ),
    Program(
        "chown chgrp",
        "-R,--recursive -c,--changes -f,--silent,--quiet -v,--verbose -h,--no-dereference",
        "text change*",
    ),
    Program("setcap", "-r -q", "text change*"),
)
