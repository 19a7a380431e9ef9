"""Runs a script in a throw-away copy of a root file system, and tells what it changed.

Linux, as root: an overlay over the root file system whose upper layer is in memory, namespaces of its own for
processes, network (with nothing in it), mounts, names; few capabilities, limits on time, memory, output and
processes. Sources: Linux `Documentation/filesystems/overlayfs.rst` ("whiteouts and opaque directories"),
unshare(1), setpriv(1).
"""

from __future__ import annotations

import ctypes
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SECONDS = 10
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CAPABILITIES = "-all,+chown,+dac_override,+fowner,+fsetid,+setgid,+setuid,+setfcap,+kill"
_LARGEST = 64 << 20
_LIMITS = (
    f"ulimit -t 5; ulimit -f {_LARGEST >> 10}; ulimit -v 4000000; ulimit -c 0; "
    'cd "$1" || exit 99; shift; exec "$@"'
)
_KILLED = frozenset((137, 152, 153))  # by a limit, which programs cannot tidy up after
_SCRATCH = "size=1g,mode=755"
_MOST_PROCESSES = 200
_DEEPEST = 100
_libc = ctypes.CDLL(None, use_errno=True)
_MS_NOATIME = 1 << 10
_MS_PRIVATE_REC = 0x4000 | (1 << 18)


@dataclass(frozen=True)
class Entry:
    """What stands at a path: `kind` is one of f, d, l, other; `data` a file's bytes or a link's target."""

    kind: str
    data: bytes
    mode: int
    owner: tuple[int, int]

    @property
    def content(self) -> tuple[str, bytes]:
        return self.kind, self.data

    @property
    def rights(self) -> tuple[int, tuple[int, int]]:
        return self.mode, self.owner


@dataclass(frozen=True)
class Change:
    """What stood at a path before and behind; None where nothing does."""

    before: Entry | None
    after: Entry | None


@dataclass(frozen=True)
class Outcome:
    """What a script did: its exit status (None when it was stopped), what it printed, the lines of its
    errors (sorted: those of a pipeline's commands come in any order), what stands behind at the paths
    that it changed.
    """

    status: int | None
    output: bytes
    errors: tuple[bytes, ...]
    changed: Mapping[str, Change] = field(default_factory=dict)


class Sandbox:
    """Runs scripts over `root`, with further trees laid over it; `enter` comes first, and `close` last."""

    def __init__(self, root: Path, scratch: Path) -> None:
        self.root, self.scratch, self.number = root, scratch, 0
        scratch.mkdir(parents=True, exist_ok=True)
        _mount("tmpfs", scratch, "tmpfs", _SCRATCH)
        self.group = _limit_processes()

    def close(self) -> None:
        """Leave nothing behind."""
        _unmount(self.scratch)
        self.scratch.rmdir()
        if self.group is not None:
            (self.group.parent / "cgroup.procs").write_text(str(os.getpid()))
            self.group.rmdir()

    def run(
        self,
        script: str,
        trees: Sequence[Path] = (),
        *,
        directory: str = "/",
        shell: Sequence[str] = ("/bin/sh", "-c"),
        environment: Mapping[str, str] | None = None,
        keep: Path | None = None,
        front: Sequence[str] = (),
    ) -> Outcome:
        """Run a script; with `keep` its upper layer becomes that folder, and the outcome tells no changes.

        `front` stands in front of it as a program does that runs another; it has all capabilities.
        """
        self.number += 1
        here = self.scratch / str(self.number)
        upper, work, merged = here / "upper", here / "work", here / "merged"
        for folder in (upper, work, merged):
            folder.mkdir(parents=True)
        lower = ":".join(str(t) for t in (*trees, self.root))
        options = f"lowerdir={lower},upperdir={upper},workdir={work},metacopy=off,redirect_dir=off,index=off"
        _mount("overlay", merged, "overlay", options)
        try:
            status = self._start((directory, *shell, script), merged, here, environment or {}, front)
        finally:
            _unmount(merged)
        output, errors = ((here / name).read_bytes() for name in ("output", "errors"))
        told = tuple(sorted(errors.splitlines()))
        if keep is not None:
            if status != 0:
                raise RuntimeError(f"{script} failed ({status}): {errors.decode(errors='replace')}")
            _remove(work)
            shutil.move(upper, keep)
            _remove(here)
            return Outcome(status, output, told)
        changed = dict(_changes(upper, [*trees, self.root]))
        _remove(here)
        if any(c.after is not None and len(c.after.data) >= _LARGEST for c in changed.values()):
            status = None  # in a pipeline, whose status is that of its last command
        return Outcome(status, output, told, changed)

    def entry(self, path: str, trees: Sequence[Path] = ()) -> Entry | None:
        """What stands at a path before anything is run."""
        found = _below(path, [*trees, self.root])
        return _entry(found) if found is not None else None

    def _start(
        self,
        words: Sequence[str],
        merged: Path,
        here: Path,
        environment: Mapping[str, str],
        front: Sequence[str],
    ) -> int | None:
        command = [
            "setpriv", "--pdeathsig=KILL",
            "unshare", "--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--kill-child",
            f"--root={merged}", "--mount-proc", *front,
            "setpriv", f"--bounding-set={_CAPABILITIES}", "--inh-caps=-all",
            "/bin/bash", "-c", _LIMITS, "limits", *words,
        ]  # fmt: skip
        told = {"PATH": PATH, "HOME": "/root", **environment}
        with (here / "output").open("wb") as output, (here / "errors").open("wb") as errors:
            try:
                done = subprocess.run(
                    command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, env=told, check=False,
                    timeout=SECONDS,
                )  # fmt: skip
            except subprocess.TimeoutExpired:
                return None
        return None if done.returncode in _KILLED else done.returncode


def enter() -> None:
    """Go into a mount namespace of one's own, so that nothing that is mounted here is seen, or stays."""
    if _libc.unshare(0x00020000) != 0 or _libc.mount(b"none", b"/", None, _MS_PRIVATE_REC, None) != 0:
        raise OSError(ctypes.get_errno(), "no mount namespace: the generator needs root on Linux")


def _mount(what: str, where: Path, kind: str, options: str) -> None:
    """Looking at files changes no time of theirs: archives tell it."""
    if _libc.mount(what.encode(), str(where).encode(), kind.encode(), _MS_NOATIME, options.encode()) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"cannot mount {kind}: {os.strerror(number)}", str(where))


def _unmount(where: Path) -> None:
    detach = 2
    if _libc.umount2(str(where).encode(), detach) != 0:
        raise OSError(ctypes.get_errno(), "cannot unmount", str(where))


def _limit_processes() -> Path | None:
    """No more than so many processes for this one and all below it; the control group that says so."""
    for parent in (Path("/sys/fs/cgroup/pids"), Path("/sys/fs/cgroup")):
        if not (parent / "cgroup.procs").exists():
            continue
        group = parent / f"xbuild-generator-{os.getpid()}"
        try:
            group.mkdir(exist_ok=True)
            (group / "pids.max").write_text(str(_MOST_PROCESSES))
            (group / "cgroup.procs").write_text(str(os.getpid()))
        except OSError as error:
            print(f"generator: processes are not limited: {error}", file=sys.stderr)
            return None
        return group
    return None


# -- what changed


def _changes(upper: Path, lower: Sequence[Path]) -> Iterator[tuple[str, Change]]:
    """Paths below the upper layer that differ from the layers below it: content, mode or owner."""
    for path, entry in _walk(upper):
        name = "/" + str(path.relative_to(upper))
        found = _below(name, lower)
        before = _entry(found) if found is not None else None
        is_whiteout = entry.kind == "other" and path.lstat().st_rdev == 0
        if is_whiteout:
            if before is not None:
                yield name, Change(before, None)
        elif before != entry:
            yield name, Change(before, entry)
        if found is not None and before is not None and before.kind == "d" and _is_opaque(path):
            yield from ((n, Change(_entry(p), None)) for n, p in _hidden(name, found, path))


def _walk(folder: Path, depth: int = _DEEPEST) -> Iterator[tuple[Path, Entry]]:
    """What a folder holds; one copied into itself is deeper than paths may be long."""
    for path in sorted(folder.iterdir()):
        entry = _entry(path)
        yield path, entry
        if entry.kind == "d" and depth:
            yield from _walk(path, depth - 1)


def _remove(folder: Path) -> None:
    subprocess.run(["rm", "-rf", "--", str(folder)], check=True)


def _entry(path: Path) -> Entry:
    told = path.lstat()
    if stat.S_ISREG(told.st_mode):
        kind, data = "f", path.read_bytes()
    elif stat.S_ISLNK(told.st_mode):
        kind, data = "l", str(path.readlink()).encode()
    else:
        kind, data = "d" if stat.S_ISDIR(told.st_mode) else "other", b""
    return Entry(kind, data, stat.S_IMODE(told.st_mode), (told.st_uid, told.st_gid))


def _below(name: str, lower: Sequence[Path]) -> Path | None:
    """What stands at a path in the topmost layer that has it; the layers themselves remove nothing."""
    return next((t / name[1:] for t in lower if os.path.lexists(t / name[1:])), None)


def _is_opaque(path: Path) -> bool:
    if path.is_symlink() or not path.is_dir():
        return False
    try:
        return os.getxattr(path, "trusted.overlay.opaque", follow_symlinks=False) == b"y"
    except OSError:
        return False


def _hidden(name: str, before: Path, now: Path) -> Iterator[tuple[str, Path]]:
    """What an opaque folder hides of the one below it."""
    for path in sorted(before.iterdir()):
        if not os.path.lexists(now / path.name):
            yield f"{name}/{path.name}", path
