"""Whether a project's own code generator writes the same text on every platform, as its source tells.

It does when it consists of plain Go files that import nothing but packages of the standard library that do
not ask about the machine, start no program and reach no network, and when no word of it names the platform.
"""

from __future__ import annotations

import posixpath
import re

from xbuild.plan.context import Context

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
_IMPORT_BLOCK = re.compile(r"^import\s*\(([^)]*)\)|^import\s+(.*)$", re.MULTILINE)
_PATH = re.compile(r'(?:^|[\s(])(?:[\w.]+\s+)?"([^"\n]+)"')
_PLATFORM_WORDS = re.compile(
    r"GOARCH|GOOS|GOHOST|//go:build|// \+build|//go:linkname|Hostname|NumCPU|TARGET(?:ARCH|OS|PLATFORM)|uname"
    r"|os\.(?:Environ|Getpagesize)|[\"`]/(?:bin|etc|lib|opt|proc|sys|usr|var)/"
)
_SUFFIX = re.compile(r"_(?:linux|amd64|arm64|arm|386|s390x|ppc64le|riscv64|unix|darwin|windows)\.go$")


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
        text = context.read(name) or ""
        if _SUFFIX.search(name):
            return f"{name} is for one platform only"
        word = _PLATFORM_WORDS.search(text)
        if word is not None:
            return f"{name} names {word[0]}"
        other = next((i for i in _imports(text) if i not in _PURE), None)
        if other is not None:
            return f"{name} imports {other}"
    return None


def _imports(text: str) -> tuple[str, ...]:
    found: list[str] = []
    for block, single in _IMPORT_BLOCK.findall(text):
        found += _PATH.findall("\n" + (block or single))
    return tuple(found)
