"""A build of nothing but the project's own packages, as Cargo.lock and the build context prove it without
anybody being asked: no package from elsewhere, no build script, no macro.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from functools import lru_cache

from xbuild.plan.facts.positions import ancestors
from xbuild.plan.recipes.own_files import UntoldError, own_text
from xbuild.plan.recipes.recipe import context_path
from xbuild.plan.toolchain import Call
from xbuild.plan.toolchains.rust.crate_probe import BuiltPackage, Crates
from xbuild.plan.toolchains.rust.rust_image import CHOOSES_TOOLCHAIN, is_rust

MOST = 1_000_000
"""A lock file of more characters is not read."""
_SETTINGS = (".cargo/config.toml", ".cargo/config", "rust-toolchain.toml", "rust-toolchain")


def crates_of_context(call: Call) -> Crates | None:
    """The packages, where the context proves what they are; None where it does not."""
    directory = call.directory
    files = call.around.context.files()
    if directory is None or not files or not is_rust(call.around.image):
        return None
    if "RUSTUP_TOOLCHAIN" in call.variables or CHOOSES_TOOLCHAIN.search(call.around.text):
        return None  # which toolchain it is, rustup knows
    manifest = _read(call, f"{directory}/Cargo.toml")
    lock = _read(call, f"{directory}/Cargo.lock")
    if manifest is None or lock is None or not _is_alone(lock) or "workspace" in manifest:
        return None
    if any(posixpath.basename(f) == "build.rs" for f in files) or not _is_plain(manifest):
        return None
    if not set(_paths(manifest)) <= {"."} or _may_have_settings(call, directory):
        return None
    package = manifest["package"]
    assert isinstance(package, dict)
    name = str(package.get("name"))
    told = manifest.get("bin", [])
    if not isinstance(told, list) or any("required-features" in one for one in told if isinstance(one, dict)):
        return None
    rows = [one for one in told if isinstance(one, dict)]
    is_there = context_path(call, f"{directory}/src/main.rs") is not None
    programs = [name] if is_there and _is_inferred(package, rows) else []
    programs += [str(one.get("name")) for one in rows]
    own = BuiltPackage(name, "", directory, folder=directory, programs=tuple(dict.fromkeys(programs)))
    return Crates(
        toolchain="the image's own",
        packages=(own,),
        default=(directory,),
        members=(directory,),
        target_folder=f"{directory}/target",
        root=directory,
    )


def _is_inferred(package: Mapping[str, object], rows: Sequence[Mapping[str, object]]) -> bool:
    """Whether `src/main.rs` is the program of the package's name (The Cargo Book, "Cargo Targets", "Target
    auto-discovery"): no row names that file, and before the edition of 2018 there is no row at all.
    """
    if package.get("autobins", True) is not True:
        return False
    paths = {posixpath.normpath(str(row.get("path", ""))) for row in rows}
    return not rows or ("src/main.rs" not in paths and str(package.get("edition", "2015")) > "2015")


def settings_places(directory: str, home: str) -> tuple[str, ...]:
    """Where cargo and rustup look for files of settings when they run in a folder; `home` is cargo's own."""
    return (
        *(posixpath.join(folder, name) for folder in ancestors(directory) for name in _SETTINGS),
        *(posixpath.join(home, name) for name in ("config.toml", "config")),
    )


def _may_have_settings(call: Call, directory: str) -> bool:
    """Whether a file of settings or a build script is there, or may be."""
    places = settings_places(directory, "/usr/local/cargo")
    try:
        return any(own_text(call, path) is not None for path in (*places, f"{directory}/build.rs"))
    except UntoldError:
        return True


def asks_for_nothing(call: Call) -> bool:
    """Whether the manifest of the build context asks for no package at all, where the command runs: then
    there is nothing that a lock file could fix (The Cargo Book, "The Manifest Format", its tables).
    """
    manifest = _read(call, f"{call.directory}/Cargo.toml")
    return manifest is not None and not any(manifest.get(table) for table in _ASKING)


_ASKING = (
    *("dependencies", "build-dependencies", "dev-dependencies", "build_dependencies", "dev_dependencies"),
    *("target", "workspace", "patch", "replace"),
)


def unreadable(call: Call) -> str | None:
    """The manifest or the lock file of the build context that is no TOML, where the command runs."""
    places = (context_path(call, f"{call.directory}/{name}") for name in ("Cargo.toml", "Cargo.lock"))
    texts = ((p, call.around.context.read(p) or "") for p in places if p is not None)
    return next((path for path, text in texts if len(text) <= MOST and _parsed(text) is None), None)


def _read(call: Call, path: str) -> Mapping[str, object] | None:
    place = context_path(call, path)
    text = call.around.context.read(place) if place is not None else None
    return _parsed(text) if text is not None and len(text) <= MOST else None


@lru_cache(maxsize=16)
def _parsed(text: str) -> Mapping[str, object] | None:
    import tomllib

    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_alone(lock: Mapping[str, object]) -> bool:
    """Whether a lock file names the project's own packages alone."""
    packages = lock.get("package")
    if not isinstance(packages, list) or not packages:
        return False
    return len(packages) == 1 and isinstance(packages[0], dict) and "source" not in packages[0]


def _is_plain(manifest: Mapping[str, object]) -> bool:
    """Whether a package has neither a build script nor a macro."""
    package, library = manifest.get("package"), manifest.get("lib", {})
    if not isinstance(package, dict) or not isinstance(library, dict):
        return False
    is_macro = library.get("proc-macro") or library.get("proc_macro") or "plugin" in library
    return package.get("build", False) is False and not is_macro and "patch" not in manifest


def _paths(manifest: Mapping[str, object]) -> list[str]:
    """Folders of packages that a manifest names."""
    tables = [manifest.get(name, {}) for name in ("dependencies", "build-dependencies", "dev-dependencies")]
    rows = [row for table in tables if isinstance(table, dict) for row in table.values()]
    return [str(row["path"]) for row in rows if isinstance(row, dict) and "path" in row]
