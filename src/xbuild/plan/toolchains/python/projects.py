"""A project that uv installs, as far as its files tell: settings, backend, the Python that it asks for, and
what its lock file has a wheel for.

Sources: uv's documentation, "Settings", "Project packaging", "Dependency groups"; PEP 517, 621 and 735; the
pages of the build backends.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from xbuild.plan.programs.grammar import Reading
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call
from xbuild.plan.toolchains.python.fitting import Target
from xbuild.plan.toolchains.python.locks import Lock, Selection, Sourcing, Unread, lack_of, needed, read
from xbuild.plan.toolchains.python.pythons import interpreter
from xbuild.plan.toolchains.python.told import UntoldError
from xbuild.plan.toolchains.python.wanted import context_file
from xbuild.text import expression

MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
"""What uv calls the architectures for which it has every level of manylinux."""


def context_text(call: Call, path: str) -> str | None:
    """The text of a file of the build context that stands at `path`: copied, or mounted for this RUN."""
    found = context_file(call, path)
    return call.around.context.read(found) if found is not None else None


def is_on(call: Call, *names: str) -> bool:
    """Whether one of these variables is set to what counts as true."""
    told = (call.variables[name].text for name in names if name in call.variables)
    return any((text or "").lower() in ("1", "true", "yes", "on") for text in told)


_SETTINGS = frozenset(
    words(
        "dev-dependencies default-groups dependency-groups sources index index-url extra-index-url "
        "index-strategy package managed link-mode compile-bytecode cache-keys required-version "
        "exclude-newer resolution prerelease override-dependencies constraint-dependencies "
        "build-constraint-dependencies conflicts environments required-environments build-backend "
        "concurrent-downloads concurrent-builds concurrent-installs python-downloads python-preference "
        "native-tls trusted-host publish-url check-url"
    )
)
"""Keys of [tool.uv] that change neither for which machine it installs nor that it takes wheels."""

# -- the project

# Backends whose wheels hold what lies in the project, and tables of theirs that have something else run.
_BACKENDS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "hatchling.build": (("hatch", "build", "hooks"), ("hatch", "build", "targets", "wheel", "hooks")),
    "uv_build": (),
    "flit_core.buildapi": (),
    "pdm.backend": (("pdm", "build", "run-setuptools"), ("pdm", "build", "custom-hook")),
    "poetry.core.masonry.api": (("poetry", "build"),),
}
_BUILDERS = frozenset(words("hatchling hatch-vcs uv-build flit-core pdm-backend poetry-core"))
_NAME = expression(r"[\w.-]+")


class UvProject:
    """A folder with a pyproject.toml, as far as it matters for what uv does there."""

    def __init__(self, call: Call, folder: str) -> None:
        text = context_text(call, f"{folder}/pyproject.toml")
        if text is None:
            raise UntoldError(
                f"{folder}/pyproject.toml is not in the build context, or may have been changed"
            )
        import tomllib

        try:
            self.data = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise UntoldError(f"{folder}/pyproject.toml cannot be read: {error}") from error
        self.folder, self.text = folder, text

    def table(self, *names: str) -> Mapping[str, object]:
        found: object = self.data
        for name in names:
            found = found.get(name) if isinstance(found, dict) else None
        return found if isinstance(found, dict) else {}

    def check(self, call: Call) -> None:
        """No setting has a say in the platform, and the image's Python is the one that is wanted."""
        unknown = next((key for key in self.table("tool", "uv") if key not in _SETTINGS), None)
        if unknown is not None:
            raise UntoldError(f"[tool.uv] sets {unknown}, which is not known to leave the platform alone")
        if context_text(call, f"{self.folder}/uv.toml") is not None:
            raise UntoldError("uv.toml is not looked into", "put its settings into pyproject.toml")
        has = interpreter(call.around.image)
        assert has is not None
        pinned = (context_text(call, f"{self.folder}/.python-version") or "").strip()
        wanted = re.fullmatch(r"(?:cpython@?|python)?(\d+)\.(\d+)", pinned)
        if pinned and (wanted is None or (int(wanted[1]), int(wanted[2])) != has):
            raise UntoldError(
                f".python-version asks for {pinned.splitlines()[0][:40]}, and the image has "
                f"Python {has[0]}.{has[1]}",
                f"write {has[0]}.{has[1]} there, or leave it out of the image by .dockerignore",
            )
        from packaging.specifiers import InvalidSpecifier, SpecifierSet

        asked = self.table("project").get("requires-python", "")
        try:
            is_met = SpecifierSet(str(asked)).contains(f"{has[0]}.{has[1]}.99")
        except InvalidSpecifier:
            is_met = False
        if not is_met:
            raise UntoldError(f"requires-python is {asked}, and the image has Python {has[0]}.{has[1]}")

    @property
    def is_built(self) -> bool:
        """Whether uv installs the project itself (uv's "Project packaging")."""
        told = self.table("tool", "uv").get("package")
        return bool(self.table("build-system")) if told is None else told is True

    @property
    def has_local_sources(self) -> bool:
        """Whether it requires what is built from another folder."""
        told = (one for given in self.table("tool", "uv", "sources").values() for one in _several(given))
        return any(not isinstance(one, dict) or not {"path", "workspace"}.isdisjoint(one) for one in told)

    @property
    def is_built_of_what_is_there(self) -> bool:
        """Whether its backend is known to run nothing, and to write nothing beside the project."""
        backend = self.table("build-system")
        hooks = _BACKENDS.get(str(backend.get("build-backend")))
        needs = backend.get("requires")
        found = [_NAME.match(str(n)) for n in needs] if isinstance(needs, list) else [None]
        names = {m[0].lower().replace("_", "-") if m else "" for m in found}
        is_known = hooks is not None and "backend-path" not in backend and names <= _BUILDERS
        return is_known and not any(self.table("tool", *h[:-1]).get(h[-1]) for h in hooks or ())


def _several(given: object) -> list[object]:
    return list(given) if isinstance(given, list) else [given]


# -- the lock file


def of_lock(call: Call, given: Reading, project: UvProject, level: int | None) -> str:
    """The evidence that uv.lock gives, or "": that of all it has to install there is a wheel for every
    platform. Without a level, for one that every release has.
    """
    is_frozen = given.has("--frozen", "--locked") or is_on(call, "UV_FROZEN", "UV_LOCKED")
    text = context_text(call, f"{project.folder}/uv.lock")
    if not is_frozen or text is None or project.has_local_sources:
        return ""
    lock = read("uv.lock", text, project.text)
    if isinstance(lock, Unread):
        return ""
    has = interpreter(call.around.image)
    assert has is not None
    names: set[str] = set()
    for platform in call.around.platforms or ():
        target = Target(has, MACHINES[platform.architecture], ("glibc", (2, level or _OLDEST)))
        found = needed(lock, target, _selection(call, given, lock))
        if isinstance(found, Unread):
            return ""
        others = [p for p in found if p.sourcing not in _OWN_SOURCES]
        if any(lack_of(package, target) is not None for package in others):
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
