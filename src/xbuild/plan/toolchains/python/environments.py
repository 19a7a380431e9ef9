"""Into which environment an installer puts things: a virtual one made in the stage, or the image's own.

A virtual environment holds links to the interpreter, scripts that name it, and settings: the same for every
platform, as long as it is made of links (PEP 405; CPython `Lib/venv/__init__.py`, which links on POSIX unless
told `--copies`). What is installed into it is for the target; pip and the interpreter in it are not replaced
by that.

Sources: CPython `Lib/venv`, `Lib/venv/scripts/common/activate`; pip "Installation Report", `locations`.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import replace

from xbuild.plan.facts.filesystem import Kind, Write, is_within, overlaps
from xbuild.plan.programs.program import plain, word_kind, write
from xbuild.plan.toolchain import HELPERS, Call, Effect
from xbuild.plan.toolchains.python.pythons import SYSTEM, WITH_OWN, interpreter
from xbuild.text import expression, value

MADE = ("RUN", "virtual environment")
"""What is told to have written a virtual environment."""
OWN = expression(r"(python|pip)(3(\.\d+)?)?$")
_ACTIVATE = expression(r"(.+)/bin/activate$")


@value()
class Prefix:
    """Where an interpreter looks for what is installed: `folder` is /usr/local for the image's own."""

    folder: str
    version: tuple[int, int] | None

    @property
    def is_virtual(self) -> bool:
        return self.folder != SYSTEM

    @property
    def packages(self) -> str:
        """The folder of packages (sysconfig, scheme `posix_prefix`), or one around it where the version is
        not known.
        """
        if self.version is None:
            return f"{self.folder}/lib"
        return f"{self.folder}/lib/python{self.version[0]}.{self.version[1]}/site-packages"

    @property
    def folders(self) -> tuple[str, ...]:
        """What an installer may write: all of a virtual environment, or the folders of a wheel's schemes."""
        if self.is_virtual:
            return (self.folder,)
        own = (f"{self.folder}/{name}" for name in ("bin", "share", "etc", "include"))
        return (self.packages, *own)


def made(call: Call, path: str, kind: Kind | None = None) -> Effect:
    """The effect of making a virtual environment at `path`."""
    told = word_kind(call) if kind is None else kind
    base = write(call, path, told)
    return plain(call, told, (Write(base.path, told, call.place, call.spelled(), by=MADE),))


def is_virtual(call: Call, prefix: str) -> bool:
    """Whether the stage made a virtual environment exactly there."""
    return any(w.by == MADE for w in call.writes.exactly(prefix))


def searched(call: Call) -> tuple[str, ...] | None:
    """The folders of PATH where a command runs, or None when they cannot be told."""
    variable = call.variables.get("PATH")
    if variable is None or variable.text is None or "PATH" in call.assignments:
        return None
    folders = variable.text.split(":")
    return tuple(f.rstrip("/") for f in folders) if all(f.startswith("/") for f in folders) else None


def environment(call: Call, name: str | None = None) -> Prefix | None:
    """The environment of the pip or python that is called, or of `name` where PATH finds it; None when it
    cannot be told.

    A folder of PATH in front of it may hold a program of that name only if something is known to have been
    put there, by another than an installer.
    """
    version = interpreter(call.around.image)
    given = name or call.texts[0]
    own = OWN.match(posixpath.basename(given or ""))
    if version is None or given is None or (own and own[3] and own[3] != f".{version[1]}"):
        return None
    if "/" in given:
        folder = posixpath.dirname(call.seen(given) or "")
        return _of_folder(call, folder, version)
    for folder in searched(call) or ():
        found = _of_folder(call, folder, version)
        if found is not None:
            return found
        if folder in _DEBIANS or any(not _is_by_installer(w) for w in _touching(call, (folder,))):
            return None
    return None


def brought(call: Call) -> Prefix | None:
    """The environment of a pip that an image brings for its own generator, found by the image's own PATH."""
    is_named = call.texts[0] in ("pip", "pip3") and "PATH" not in call.assignments
    path = call.variables.get("PATH")
    is_set = path is not None and (path.text, path.instruction, path.origin) != (None, None, "env")
    if not is_named or is_set or call.around.image.name not in WITH_OWN:
        return None
    return Prefix(SYSTEM, None)


_DEBIANS = ("/usr/bin", "/bin")
"""Where a distribution has its own Python, in the image or by any of its packages."""


def _of_folder(call: Call, folder: str, version: tuple[int, int]) -> Prefix | None:
    prefix, name = posixpath.split(folder)
    if name == "bin" and (prefix == SYSTEM or is_virtual(call, prefix)):
        return Prefix(prefix, version)
    return None


def is_own(call: Call) -> bool:
    """Whether the program is the interpreter or pip of an environment, as they came: a link, a text, or the
    image's own, whatever was installed for the target beside it.
    """
    name = call.texts[0] or ""
    if OWN.match(posixpath.basename(name)) is None or "/" not in name:
        return False
    found = environment(call)
    return found is not None and replaced(call, found) is None


def replaced(call: Call, where: Prefix) -> Write | None:
    """What may have changed pip or the interpreter of an environment, or what they start with.

    Installers write beside them, and are known not to replace them (`by`).
    """
    own = (f"{where.folder}/{name}" for name in ("bin", "lib", "pyvenv.cfg", "pip.conf"))
    watched = (*own, f"{SYSTEM}/bin", f"{SYSTEM}/lib", *_SETTINGS)
    return next((w for w in _touching(call, watched) if not _is_by_installer(w)), None)


def _touching(call: Call, folders: tuple[str, ...]) -> Iterator[Write]:
    for one in call.writes:
        if one.is_package or (one.path is not None and is_within(one.path, HELPERS)):
            continue
        if one.path is None or any(_reaches(call, one, one.path, folder) for folder in folders):
            yield one


def _reaches(call: Call, one: Write, path: str, folder: str) -> bool:
    """Whether something was written there; not where an empty folder was made that the other lies in, or
    files of the build context were copied around it of which none lies in a folder of that name.
    """
    if not overlaps(path, folder):
        return False
    is_around = path != folder and is_within(folder, path)
    if not is_around or not one.is_context or one.by[:1] != ("COPY",):
        return not (is_around and one.is_empty)
    below = f"/{folder[len(path.rstrip('/')) + 1 :]}"
    files = call.around.context.files()
    return not files or any(f"{below}/" in f"/{name}/" for name in files)


# What pip and the interpreter start with (pip "Configuration"; CPython `Lib/site.py`).
_SETTINGS = ("/etc/pip.conf", "/etc/xdg/pip", "/root/.config/pip", "/root/.pip", "/root/.local/lib")
_INSTALLERS = expression(r"(python|pip)(3(\.\d+)?)?$|uv$|virtualenv$")


def _is_by_installer(one: Write) -> bool:
    """Whether it is an installer that wrote it, or it is a program of another name, beside them."""
    if one.path is None:
        return False
    if one.by == MADE or (one.by[:1] == ("RUN",) and one.by[1:2] and _INSTALLERS.match(one.by[1])):
        return True
    folder, name = posixpath.split(one.path)
    return one.is_file and folder.endswith("/bin") and OWN.match(name) is None


def activates(call: Call) -> Effect | None:
    """`. FOLDER/bin/activate`, which puts the environment in front of PATH."""
    if call.texts[0] not in (".", "source") or len(call.texts) != 2:
        return None
    found = _ACTIVATE.match(call.seen(call.texts[1] or "") or "")
    before = call.variables.get("PATH")
    if found is None or not is_virtual(call, found[1]) or before is None or before.text is None:
        return None
    sets = (("PATH", f"{found[1]}/bin:{before.text}"), ("VIRTUAL_ENV", found[1]))
    effect = plain(call, Kind.PORTABLE, reads=(f"{found[1]}/bin/activate",))
    return replace(effect, sets=sets)
