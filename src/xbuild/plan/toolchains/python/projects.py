"""What has a say in what uv does: variables, files of settings, and a project's own: backend, the Python that
it asks for, what its lock file has a wheel for.

Sources: uv's documentation, "Settings", "Project packaging", "Dependency groups"; PEP 517, 621 and 735; the
pages of the build backends.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping

from xbuild.plan.facts.positions import ancestors
from xbuild.plan.programs.grammar import Reading
from xbuild.plan.recipes.own_files import UntoldError, context_text, own_text
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call
from xbuild.plan.toolchains.python.fitting import Libc, Target
from xbuild.plan.toolchains.python.locks import Lock, Selection, Sourcing, Unread, lack_of, needed, read
from xbuild.plan.toolchains.python.pythons import interpreter
from xbuild.plan.toolchains.python.wanted import local_places
from xbuild.text import expression, value

MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
"""What uv calls the architectures for which it has every level of manylinux."""


def setting(call: Call, name: str) -> str | None:
    """The text of an exported variable; None where it is not set, or for the shell alone. Raises UntoldError
    where that cannot be told.
    """
    if name in call.assignments:
        raise UntoldError(f"{name} is set in front of it", f"set {name} by ENV")
    variable = call.variables.get(name)
    if variable is None or variable.origin == "shell":
        return None
    if variable.text is None:
        raise UntoldError(f"what {name} says cannot be told", f"set {name} by ENV")
    return variable.text


_SWITCH = {
    **dict.fromkeys(words("1 true t yes y on"), True),
    **dict.fromkeys(words("0 false f no n off"), False),
}


def is_on(call: Call, *names: str) -> bool:
    """Whether one of these variables is a switch that is on. Raises UntoldError where that cannot be told."""
    told = {name: text for name in names if (text := setting(call, name)) is not None}
    bad = next((name for name, text in told.items() if text.lower() not in _SWITCH), None)
    if bad is not None:
        raise UntoldError(f"{bad} is neither true nor false")
    return any(_SWITCH[text.lower()] for text in told.values())


_SETTINGS = frozenset(
    words(
        "dev-dependencies default-groups dependency-groups sources index index-url extra-index-url "
        "index-strategy package managed link-mode compile-bytecode cache-keys required-version "
        "exclude-newer resolution prerelease override-dependencies constraint-dependencies "
        "build-constraint-dependencies conflicts environments required-environments build-backend "
        "concurrent-downloads concurrent-builds concurrent-installs python-downloads native-tls "
        "trusted-host publish-url check-url"
    )
)
"""Keys of [tool.uv] that change neither for which machine it installs nor that it takes wheels."""

# -- the project


@value()
class Backend:
    """A build backend whose wheels hold what lies in the project: its table, settings that have something
    else run or taken from elsewhere (`a.b`, or `a.b=c` for one value), and what text in the table leads out
    of the project.
    """

    table: str
    refused: tuple[str, ...] = ()
    out: str = r"/|.*(^|/)\.\.(/|$)"


_BACKENDS: Mapping[str, Backend] = {
    "hatchling.build": Backend(
        "hatch.build",
        words(
            "hatch.build.hooks hatch.build.force-include hatch.build.targets.wheel.hooks "
            "hatch.build.targets.wheel.force-include hatch.build.targets.wheel.shared-data "
            "hatch.build.targets.wheel.shared-scripts hatch.build.targets.wheel.extra-metadata "
            "hatch.metadata.hooks hatch.version.source=code hatch.version.raw-options"
        ),
        r".*(^|/)\.\.(/|$)",  # a slash in front is that of the project
    ),
    "uv_build": Backend("uv.build-backend"),
    "flit_core.buildapi": Backend("flit"),
    "poetry.core.masonry.api": Backend("poetry", ("poetry.build",)),
}
FILES = ("pyproject.toml", "uv.toml", "uv.lock", ".python-version", ".python-versions")
"""What uv looks for where it runs, and above."""
_LEFT_OUT = "leave it out of the image by .dockerignore"
_ELSEWHERE = ("hatch.toml",)
"""Files that say such things beside pyproject.toml."""
_BUILDERS = frozenset(words("hatchling hatch-vcs uv-build flit-core poetry-core"))
_NAME = expression(r"[\w.-]+")
_PINNED = expression(r"(?:cpython@?|python)?(\d+)\.(\d+)")


def check_settings(call: Call) -> None:
    """No file of settings has a say in the platform or in the Python, from where it runs up to the root."""
    if call.directory is None:
        raise UntoldError("where it runs cannot be told")
    for folder in ancestors(call.directory):
        for name in ("uv.toml", ".python-versions"):
            if own_text(call, posixpath.join(folder, name)) is not None:
                raise UntoldError(f"{name} is not looked into", _LEFT_OUT)
        _check_pinned(call, (own_text(call, posixpath.join(folder, ".python-version")) or "").strip())
        project = UvProject.at(call, folder)
        if project is not None:
            project.check(call)


def _check_pinned(call: Call, pinned: str) -> None:
    has = interpreter(call.around.image)
    wanted = _PINNED.fullmatch(pinned)
    if pinned and (wanted is None or (int(wanted[1]), int(wanted[2])) != has):
        own = ".".join(map(str, has or ()))
        raise UntoldError(
            f".python-version asks for {pinned.splitlines()[0][:40]}, and the image has Python {own}",
            f"write {own} there, or leave it out of the image by .dockerignore",
        )


class UvProject:
    """A folder with a pyproject.toml, as far as it matters for what uv does there."""

    def __init__(self, folder: str, text: str) -> None:
        import tomllib

        try:
            self.data = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise UntoldError(f"{folder}/pyproject.toml cannot be read: {error}") from error
        self.folder, self.text = folder, text

    @classmethod
    def at(cls, call: Call, folder: str) -> UvProject | None:
        """That of a folder, if it is one."""
        text = own_text(call, posixpath.join(folder, "pyproject.toml"))
        return cls(folder, text) if text is not None else None

    def table(self, *names: str) -> Mapping[str, object]:
        found: object = self.data
        for name in names:
            found = found.get(name) if isinstance(found, dict) else None
        return found if isinstance(found, dict) else {}

    def check(self, call: Call) -> None:
        """No setting has a say in the platform, and the image's Python is one that is wanted."""
        unknown = next((key for key in self.table("tool", "uv") if key not in _SETTINGS), None)
        if unknown is not None:
            raise UntoldError(f"[tool.uv] sets {unknown}, which is not known to leave the platform alone")
        looked = [self.table("tool", "uv").get(key) for key in ("index", "index-url", "extra-index-url")]
        urls = (
            one.get("url") if isinstance(one, dict) else one for given in looked for one in _several(given)
        )
        if local_places(str(url) for url in urls if url is not None):
            raise UntoldError("[tool.uv] names a folder for an index", "put the wheels into an index")
        if not self.takes(call, 99):
            asked, has = self.table("project").get("requires-python"), interpreter(call.around.image) or ()
            own = ".".join(map(str, has))
            raise UntoldError(f"requires-python is {asked}, and the image has Python {own}")

    def takes(self, call: Call, patch: int) -> bool:
        """Whether it may be installed for this patch level of the image's Python."""
        from packaging.specifiers import InvalidSpecifier, SpecifierSet

        has = interpreter(call.around.image) or ()
        try:
            asked = SpecifierSet(str(self.table("project").get("requires-python", "")))
        except InvalidSpecifier:
            return False
        return asked.contains(".".join(map(str, (*has, patch))))

    def _listed(self, *keys: str) -> Iterator[str]:
        """What keys of [tool.uv] list: texts, or tables with a `url`."""
        given = (one for key in keys for one in _several(self.table("tool", "uv").get(key, [])))
        yield from (str(one.get("url", "")) if isinstance(one, dict) else str(one) for one in given)

    @property
    def is_built(self) -> bool:
        """Whether uv installs the project itself (uv's "Project packaging")."""
        told = self.table("tool", "uv").get("package")
        return bool(self.table("build-system")) if told is None else told is True

    @property
    def is_dynamic(self) -> bool:
        """Whether only its backend tells what it requires."""
        told = self.table("project").get("dynamic", ())
        return not isinstance(told, (list, tuple)) or any("dependencies" in str(name) for name in told)

    @property
    def required(self) -> tuple[str | None, ...]:
        """What it requires, and its extras; None for what is no text."""
        own = self.table("project").get("dependencies", [])
        extras = self.table("project", "optional-dependencies").values()
        found = [one for given in (own, *extras) for one in _several(given)]
        return tuple(one if isinstance(one, str) else None for one in found)

    @property
    def has_local_sources(self) -> bool:
        """Whether it requires what is built from another folder."""
        groups = (one for given in self.table("dependency-groups").values() for one in _several(given))
        listed = self._listed(*(key for key in _SETTINGS if key.endswith("dependencies")))
        if any(one is None or "@" in str(one) for one in (*self.required, *groups, *listed)):
            return True
        told = (one for given in self.table("tool", "uv", "sources").values() for one in _several(given))
        return any(not isinstance(one, dict) or not {"path", "workspace"}.isdisjoint(one) for one in told)

    def is_built_of_what_is_there(self, call: Call) -> bool:
        """Whether its backend is known to run nothing, and to write nothing beside the project."""
        told = self.table("build-system")
        backend = _BACKENDS.get(str(told.get("build-backend")))
        needs = told.get("requires")
        found = [_NAME.match(str(n)) for n in needs] if isinstance(needs, list) else [None]
        names = {m[0].lower().replace("_", "-") if m else "" for m in found}
        if backend is None or "backend-path" in told or not names <= _BUILDERS:
            return False
        is_alone = all(own_text(call, posixpath.join(self.folder, name)) is None for name in _ELSEWHERE)
        leads_out = any(
            re.match(backend.out, t) for t in _texts(self.table("tool", *backend.table.split(".")))
        )
        return is_alone and not leads_out and not any(map(self._says, backend.refused))

    def _says(self, told: str) -> bool:
        """Whether it sets what is named so (`a.b`), or to that value (`a.b=c`)."""
        path, _, wanted = told.partition("=")
        *folders, last = path.split(".")
        found = self.table("tool", *folders).get(last)
        return found == wanted if wanted else bool(found)


def _texts(given: object) -> Iterator[str]:
    """All texts in a table."""
    if isinstance(given, str):
        yield given
    elif isinstance(given, dict):
        for name, one in given.items():
            yield from (name, *_texts(one))
    elif isinstance(given, list):
        for one in given:
            yield from _texts(one)


def _several(given: object) -> list[object]:
    return list(given) if isinstance(given, list) else [given]


# -- the lock file


def of_lock(call: Call, given: Reading, project: UvProject, library: Libc | None) -> str:
    """The evidence that uv.lock gives, or "": that of all it has to install there is a wheel for every
    platform. Without a C library, for a glibc that every release of Debian has.
    """
    is_frozen = given.has("--frozen", "--locked") or is_on(call, "UV_FROZEN", "UV_LOCKED")
    text = context_text(call, posixpath.join(project.folder, "uv.lock"))
    is_as_locked = is_frozen and not given.has("-U") and not project.has_local_sources
    if text is None or not is_as_locked or not project.takes(call, 0):
        return ""
    lock = read("uv.lock", text, project.text)
    if isinstance(lock, Unread):
        return ""
    has = interpreter(call.around.image)
    assert has is not None
    names: set[str] = set()
    for platform in call.around.platforms or ():
        target = Target(has, MACHINES[platform.architecture], library or ("glibc", (2, _OLDEST)))
        found = needed(lock, target, _selection(call, given, lock))
        if isinstance(found, Unread):
            return ""
        others = [p for p in found if p.sourcing not in _OWN_SOURCES]
        if len(found) > len(others) + 1 or any(lack_of(package, target) is not None for package in others):
            return ""
        names |= {package.name for package in others}
    return f"uv.lock names a wheel for every platform for all {len(names)} packages"


def _selection(call: Call, given: Reading, lock: Lock) -> Selection:
    """What of the lock is installed; all of a kind where it is not quite plain."""
    asked = {option.name for option in given.options}
    groups = None if asked & _GROUPS else lock.default_groups
    if groups is not None and (given.has("--no-dev") or is_on(call, "UV_NO_DEV")):
        groups = tuple(group for group in groups if group != "dev")
    return Selection(groups, None if asked & {"--extra", "--all-extras"} else ())


_GROUPS = frozenset(words("--group --only-group --all-groups --only-dev --dev --no-default-groups"))
_OLDEST = 28  # Debian 10
# The project itself: there are no others in a folder.
_OWN_SOURCES = (Sourcing.VIRTUAL, Sourcing.EDITABLE, Sourcing.DIRECTORY)
