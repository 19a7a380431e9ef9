"""Lock files of npm, yarn, pnpm and bun: which packages there are, and what each format says of them.

| file | versions read | variants (os, cpu, libc) | install scripts |
| package-lock.json, npm-shrinkwrap.json | 1 | no | no |
| | 2, 3 | os, cpu | yes |
| yarn.lock | 1 | no | no |
| | berry (`__metadata`) 4 to 9 | yes (`conditions`) | no |
| pnpm-lock.yaml | 5 to 8 (lockfileVersion 5.3 to 6.1) | yes | yes (`requiresBuild`) |
| | 9 | yes | no |
| bun.lock | 0, 1 | yes | no |

Sources: npm "package-lock.json", npm/arborist `lib/shrinkwrap.js`; yarnpkg/berry `Project.ts`
(`generateLockfile`); pnpm/spec `lockfile/*.md`; oven-sh/bun `src/install/lockfile/bun.lock.zig`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache

from xbuild.plan.recipes.own_files import UntoldError
from xbuild.text import value

LARGEST = 16_000_000
"""Characters of a lock file that is read; a longer one is not."""


@value()
class NodePackage:
    """A package of a lock file. `is_variant`: it is for some machines alone; `is_elsewhere`: for none of
    Linux. `has_script`: it runs something when it is installed. `optional` are names of those that it takes
    where they fit. `is_built`: it comes from a repository, and is built when it is installed; `is_local`: it
    lies in the project. `is_dev`: it is not installed without what development takes.
    """

    name: str
    version: str = ""
    is_variant: bool = False
    is_elsewhere: bool = False
    has_script: bool = False
    optional: tuple[str, ...] = ()
    is_built: bool = False
    is_local: bool = False
    is_dev: bool = False


@value(slots=False)
class NodeLock:
    """A lock file: `says_all` tells that its format says which packages are for some machines alone, and
    which have install scripts; `says_machines` that it says the first. `wanted` are the names that its
    projects ask for, each with the range asked for (`name@range`); None where the format does not tell.
    """

    file: str
    form: str
    packages: tuple[NodePackage, ...]
    says_all: bool
    wanted: frozenset[str] | None = None
    says_machines: bool = False

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset(package.name for package in self.packages)

    def versions(self, name: str) -> tuple[str, ...]:
        return tuple(package.version for package in self.packages if package.name == name)


LockReader = Callable[[str, str], NodeLock]


def machines(os: object, cpu: object, libc: object = ()) -> tuple[bool, bool]:
    """Whether what is for these is for some machines alone, and whether it is for none of Linux.

    A name behind `!` is excluded (npm "package.json", os and cpu).
    """
    systems, processors, libraries = _listed(os), _listed(cpu), _listed(libc)
    is_elsewhere = "!linux" in systems or (
        any(not s.startswith("!") for s in systems) and "linux" not in systems
    )
    return bool(processors or libraries), is_elsewhere


def _listed(given: object) -> tuple[str, ...]:
    found = given if isinstance(given, (list, tuple)) else (given,) if given else ()
    return tuple(str(one) for one in found if one not in ("any", "none"))


def is_repository(text: str) -> bool:
    """Whether what a package was taken from is a repository, out of which it is packed by its own scripts."""
    return text.startswith(("git+", "git:", "git@", "github:", "gitlab:", "bitbucket:")) or ".git#" in text


@lru_cache(maxsize=16)
def read_lock(file: str, text: str) -> NodeLock:
    """A lock file, by its name. Raises UntoldError for one that cannot be read."""
    from xbuild.plan.toolchains.node import bun_lock, npm_lock, pnpm_lock, yarn_lock

    readers: Mapping[str, LockReader] = {
        "package-lock.json": npm_lock.read_npm,
        "npm-shrinkwrap.json": npm_lock.read_npm,
        "yarn.lock": yarn_lock.read_yarn,
        "pnpm-lock.yaml": pnpm_lock.read_pnpm,
        "bun.lock": bun_lock.read_bun,
    }
    if len(text) > LARGEST:
        raise UntoldError(f"{file} is longer than {LARGEST} characters, and is not read")
    if file == "bun.lockb":
        raise UntoldError("bun.lockb is not text", "bun install --save-text-lockfile writes bun.lock")
    try:
        return readers[file](file, text)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError) as error:
        raise UntoldError(f"{file} cannot be read: {str(error).splitlines()[0][:80]}") from error


FILES: Mapping[str, tuple[str, ...]] = {
    "npm": ("npm-shrinkwrap.json", "package-lock.json"),
    "yarn": ("yarn.lock",),
    "pnpm": ("pnpm-lock.yaml",),
    "bun": ("bun.lock", "bun.lockb"),
}
"""The lock files of a program, the one that counts first."""
