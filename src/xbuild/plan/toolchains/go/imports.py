"""Which files of the build context a Go build compiles on every platform, as far as imports tell.

Source: `go help packages`, `go help buildconstraint`, Go specification, "Source file organization": imports
stand in front of all else.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence

from xbuild.plan.context import Context
from xbuild.plan.recipes.recipe import context_path
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call
from xbuild.text import expression

_MODULE = expression(r"^module[ \t]+\"?([^\s\"]+)", re.MULTILINE)
_COMMENT = expression(r"/\*.*?\*/", re.DOTALL)
_DECLARATION = expression(r"^(?:func|type|var|const)\b", re.MULTILINE)
_IMPORT = expression(
    r"^import[ \t]+(?:[\w.]+[ \t]+)?[\"`]([^\"`]+)[\"`]|^import[ \t]*\(([^)]*)\)", re.MULTILINE
)
_IMPORTED = expression(r"^[ \t]*(?:[\w.]+[ \t]+)?[\"`]([^\"`]+)[\"`]", re.MULTILINE)
_CONSTRAINT = expression(r"^//(?:go:build|[ \t]*\+build)\b", re.MULTILINE)
# The last words of a file's name that may choose a platform (Go `src/internal/syslist/syslist.go`).
_PLATFORMS = frozenset(
    words(
        "aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 solaris "
        "wasip1 windows zos 386 amd64 arm arm64 loong64 mips mipsle mips64 mips64le ppc64 ppc64le riscv64 "
        "s390x sparc64 wasm"
    )
)


def c_importer(call: Call, packages: Sequence[str | None]) -> str | None:
    """A file of the build context that is compiled for these packages, and that imports C; None if none is
    seen.
    """
    folder = call.directory
    while folder not in (None, "/", "") and context_path(call, f"{folder}/go.mod") is None:
        folder = posixpath.dirname(folder or "/")
    manifest = context_path(call, f"{folder}/go.mod")
    if folder is None or manifest is None:
        return None
    context, root = call.around.context, posixpath.dirname(manifest)
    named = _MODULE.search(context.read(manifest) or "")
    module = named[1] if named is not None else ""
    here = posixpath.normpath(posixpath.join(root, posixpath.relpath(call.directory or folder, folder)))
    told = [p for p in packages or (".",) if p is not None and "*" not in p and "@" not in p]
    files = [f for p in told for f in _files(context, p, here, root, module)]
    seen: set[str] = set()
    for file in files:
        if file not in seen and _is_compiled(file):
            imports = _imports(context.read(file) or "")
            place = posixpath.join(folder, posixpath.relpath(file, root or "."))
            if "C" in imports and context_path(call, place) == file:
                return file
            own = (path for path in imports if module and f"{path}/".startswith(f"{module}/"))
            files += [f for path in own for f in _files(context, path, root, root, module)]
        seen.add(file)
    return None


def _files(context: Context, package: str, here: str, root: str, module: str) -> Iterator[str]:
    """The Go files of a package, by its path or pattern, seen from a folder of the context."""
    if package == module or (module and package.startswith(module + "/")):
        place = posixpath.join(root, package[len(module) + 1 :])
    elif package.startswith(("./", "../")) or package in (".", "..") or package.endswith(".go"):
        place = posixpath.join(here, package)
    else:
        return
    place = posixpath.normpath(place)
    is_tree = place.endswith("...")
    folder = place.removesuffix("...").strip("/") if is_tree else place
    for file in context.files():
        own = posixpath.dirname(file) or "."
        is_below = folder in (".", "") or own == folder or own.startswith(folder + "/")
        if file.endswith(".go") and (place in (file, own) or (is_tree and is_below)):
            yield file


def _is_compiled(file: str) -> bool:
    """Whether the name of a file lets it be part of a build for every platform."""
    *folders, name = file.split("/")
    is_left_out = any(f.startswith(("_", ".")) or f in ("testdata", "vendor") for f in folders)
    parts = name.removesuffix(".go").split("_")[1:]
    return not is_left_out and not name.startswith(("_", ".")) and not {*parts[-2:]} & {*_PLATFORMS, "test"}


def _imports(text: str) -> tuple[str, ...]:
    """What a file imports; nothing if a constraint may leave it out."""
    head = text[: found.start()] if (found := _DECLARATION.search(text)) is not None else text
    if _CONSTRAINT.search(head):
        return ()
    matches = _IMPORT.findall(_COMMENT.sub("", head))
    return tuple(p for one, block in matches for p in ((one,) if one else _IMPORTED.findall(block)))
