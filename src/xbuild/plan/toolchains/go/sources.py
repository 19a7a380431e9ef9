"""Whether a project's own code generator writes the same text on every platform, as its source tells.

It does when it consists of plain Go files that import nothing but packages of the standard library that do
not ask about the machine, start no program and reach no network, and when no word of it names the platform.
"""

from __future__ import annotations

import posixpath
import re

from xbuild.plan.context import Context
from xbuild.text import expression

_PURE = frozenset(
    [
        "bufio",
        "bytes",
        "cmp",
        "container/heap",
        "container/list",
        "embed",
        "encoding",
        "encoding/base32",
        "encoding/base64",
        "encoding/binary",
        "encoding/csv",
        "encoding/hex",
        "encoding/json",
        "encoding/xml",
        "errors",
        "flag",
        "fmt",
        "go/ast",
        "go/build/constraint",
        "go/constant",
        "go/doc",
        "go/format",
        "go/parser",
        "go/printer",
        "go/scanner",
        "go/token",
        "hash/crc32",
        "hash/fnv",
        "html",
        "html/template",
        "io",
        "io/fs",
        "io/ioutil",
        "iter",
        "log",
        "maps",
        "math",
        "math/big",
        "math/bits",
        "os",
        "path",
        "path/filepath",
        "regexp",
        "slices",
        "sort",
        "strconv",
        "strings",
        "text/scanner",
        "text/tabwriter",
        "text/template",
        "unicode",
        "unicode/utf16",
        "unicode/utf8",
        "crypto/md5",
        "crypto/sha1",
        "crypto/sha256",
        "crypto/sha512",
        "compress/gzip",
        "compress/zlib",
        "archive/zip",
        "archive/tar",
    ]
)
# Imports stand in front of every other declaration (Go specification, "Source file organization").
_DECLARATION = expression(r"^\s*(?:func|var|const|type)\b", re.MULTILINE)
_IMPORT = expression(r"^\s*import\b", re.MULTILINE)
_STRING = expression(r"\"([^\"\n]*)\"|`([^`]*)`")
_PLATFORM_WORDS = expression(
    r"GOARCH|GOOS|GOHOST|//go:build|// \+build|//go:linkname|Hostname|NumCPU|TARGET(?:ARCH|OS|PLATFORM)|uname"
    r"|os\.(?:Environ|Getpagesize)|MaxU?[Ii]nt\b|MinInt\b|U?[Ii]ntSize|uintptr|NativeEndian|\^uint\(|[\"`]/(?:bin|etc|lib|opt|proc|sys|usr|var)/"
)
_SUFFIX = expression(r"_(?:linux|amd64|arm64|arm|386|s390x|ppc64le|riscv64|unix|darwin|windows)\.go$")


def why_not_portable(context: Context, folder: str) -> str | None:
    """Why the generator in `folder` of the context may depend on the platform; None when it does not."""
    folder = posixpath.normpath(folder)
    names = [
        f
        for f in context.files(folder)
        if posixpath.dirname(f) == folder and f.endswith(".go") and not f.endswith("_test.go")
    ]
    if not names:
        return f"its source is not at {folder} of the build context"
    for name in names:
        text = context.read(name)
        if text is None:
            return f"{name} cannot be looked at"
        if _SUFFIX.search(name):
            return f"{name} is for one platform only"
        word = _PLATFORM_WORDS.search(text)
        if word is not None:
            return f"{name} names {word[0]}"
        why = _why_imports_matter(name, text)
        if why is not None:
            return why
    if any(
        posixpath.dirname(f) == folder and f.endswith((".s", ".c", ".syso")) for f in context.files(folder)
    ):
        return f"{folder} has more than Go files"
    return None


def why_arguments_matter(directive: str) -> str | None:
    """Why a `//go:generate` line itself asks for the platform: go generate fills in $GOARCH and $GOOS."""
    word = _PLATFORM_WORDS.search(directive)
    return f"it names {word[0]}" if word is not None else None


def _why_imports_matter(name: str, text: str) -> str | None:
    """Every string in front of the first declaration has to be a harmless import; comments are not told
    apart.
    """
    first = _DECLARATION.search(text)
    head = text[: first.start()] if first is not None else text
    rest = text[first.start() :] if first is not None else ""
    if "/*" in head or _IMPORT.search(rest) is not None:
        return f"the imports of {name} cannot be read without doubt"
    strings = (double or raw for double, raw in _STRING.findall(head))
    other = next((s for s in strings if s not in _PURE), None)
    return f"{name} imports {other}" if other is not None else None
