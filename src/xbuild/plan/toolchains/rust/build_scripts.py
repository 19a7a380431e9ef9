"""What a build script (`build.rs`) asks of the machine that it runs on, as its text tells.

A build script runs on the build machine and decides for the target. It is trusted if all that it names is
known not to depend on that machine: the packages and the parts of the standard library that it uses, the
programs that it starts, the files that it names by an absolute path. What is not understood is a finding.

Sources: The Cargo Book, "Build Scripts" and "Environment Variables"; The Rust Reference, "Tokens" (literals,
comments) and "Conditional compilation"; the pages of the packages named here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from xbuild.plan.table import words
from xbuild.text import expression, value


@value()
class BuildScript:
    """A build script as far as it matters: `findings` are what speaks against running it elsewhere, by a name
    that tables use, and as it stands there. `uses` are the packages that it names; `has_cxx` tells that it
    compiles C++. `is_of_words` tells that what it does may depend on the size of a word or on the order of
    bytes, or that it writes files. `starts` are the programs that it starts, or that what it uses does.
    """

    findings: tuple[tuple[str, str], ...] = ()
    uses: frozenset[str] = frozenset()
    has_cxx: bool = False
    is_of_words: bool = False
    starts: frozenset[str] = frozenset()


# Parts of the standard library that say the same on every machine, or that are looked at by themselves: the
# modules of numbers hold constants (doc.rust-lang.org/std, "Modules"); those of `usize` differ by machine.
_STANDARD = frozenset(
    words(
        "any array ascii borrow boxed cell char clone cmp collections convert default env error ffi fmt fs "
        "f32 f64 hash i8 i16 i32 i64 i128 io iter marker mem num ops option os path prelude process rc "
        "result slice str string sync thread time u8 u16 u32 u64 u128 vec"
    )
)
_LANGUAGE = frozenset(
    words(
        "std core alloc self crate super bool char str u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize "
        "f32 f64"
    )
)
USED = frozenset(
    words(
        "anyhow autocfg base64 camino cargo_metadata cc cfg_aliases chrono clap clap_complete clap_mangen "
        "cmake convert_case csv dotenvy dunce fs_extra glob heck hex indoc itertools lalrpop lazy_static "
        "minijinja once_cell openssl_src pbjson_build phf_codegen pkg_config prettyplease proc_macro2 "
        "prost prost_build prost_types protoc_bin_vendored protox quote regex rustc_version rustversion "
        "semver serde serde_json serde_yaml sha2 string_cache_codegen syn thiserror time toml toml_edit "
        "tonic_build tonic_prost_build vcpkg version_check walkdir "
    )
)
"""Packages that a build script may use: they ask for the target, or for nothing of the machine."""
PROGRAMS = frozenset(words("git rustc protoc date"))
"""Programs that a build script may start: what they say is the same on every machine."""
_STARTED_BY = {
    "cmake": words("cmake make"),
    "openssl_src": words("perl make"),
    "pbjson_build": ("protoc",),
    "pkg_config": ("pkg-config",),
    "prost_build": ("protoc",),
    "tonic_build": ("protoc",),
    "tonic_prost_build": ("protoc",),
}
"""By package the programs that it starts."""
_SYSTEM = frozenset(words("c m dl rt pthread util gcc_s gcc atomic"))
"""Libraries of the C library and the compiler, which are there for every target."""
_WINDOWS = frozenset(
    words("advapi32 bcrypt bcryptprimitives kernel32 ntdll ole32 psapi shell32 user32 userenv ws2_32")
)
"""Windows' own, which are asked for there alone: nothing links with them elsewhere."""

_TOKEN = expression(
    r"//[^\n]*|/\*.*?\*/|b?r(?P<hash>#*)\".*?\"(?P=hash)|[bc]?\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\\n])'",
    re.DOTALL,
)
_CONDITION = expression(r"\bcfg(?:_attr|_select|_match)?\s*!?\s*(?=[(\[{])")
# System, C library and vendor are the same for all targets here (`*-unknown-linux-gnu*`).
_OF_MACHINE = expression(r"\btarget_(?:arch|pointer_width|endian|feature|has_atomic\w*|abi)\b|\$\w+")
_WORD = expression(r"\bsize_of\b|\busize::|\bisize::|\bto_ne_bytes\b|\bfrom_ne_bytes\b")
_WRITES = expression(r"\bfs::write\b|\bFile::(?:create|options)|\bOpenOptions\b|\bfs::copy\b|\bwrite_all\b")
# Attributes, but for conditions: what they name is read by the compiler and its tools.
_ATTRIBUTE = expression(r"#!?\[(?!\s*cfg)[^\[\]]*(?:\[[^\]]*\])?[^\[\]]*\]")
_KEYWORDS = frozenset(words("as const dyn else if impl in let match move mut ref return static where while"))
_ROOT = expression(r"(?<![\w:.$#])(?:::)?([a-z_]\w*)\s*::(?!\s*<)")
_ITEMS = expression(r"\b(?:use\s+|::)?\b(?:std|core|alloc)::(\{[^;]*?\}|\w+)", re.DOTALL)
_LOCAL = expression(r"\b(?:mod|fn|let|use)\s+(?:mut\s+)?([a-z_]\w*)")
_INLINE = expression(r"\bmod\s+(\w+)\s*\{")
_MODULE = expression(r"\bmod\s+(\w+)\s*;")
_IN_FILES = expression(r"\bmod\s+\w+\s*;|\binclude!|#\[path\b")
# Frameworks are Apple's: for other targets rustc does not know them (E0455).
_LINKED = expression(
    r"rustc-link-lib=(?!framework(?::[\w+,-]+)?=)(?:(?:dylib|static)(?::[\w+,-]+)?=)?([^\"\s]*)"
)
_FOLDER = expression(
    r"^/(?:bin|boot|dev|etc|home|lib(?:x?32|64)?|opt|proc|root|run|sbin|srv|sys|usr|var)\b"
    r"|(?:\S*/)?\.\./(?:dev|etc|proc|root|run|sys|usr|var)\b"
)
_FROM_ROOT = expression(r"\bPath(?:Buf)?\s*::\s*(?:new|from)\s*\(\s*\"(\d+)\"")
# What rustc says of the machine that it runs on, or for which it compiles where it is not told.
_ASKS_RUSTC = expression(r"-vV|-Vv|--verbose|--print(?:=.*)?")
_TOLD_AT_COMPILE_TIME = expression(r"\b(?:option_)?env!\s*\(\s*\"(\d+)\"")
_STARTED = expression(r"\bCommand\s*::\s*new\s*\(([^()]*(?:\([^()]*\)[^()]*)*)\)")


def read_script(text: str, modules: Collection[str] = ()) -> BuildScript:
    """What the text of a build script says, with that of these modules that are in files of their own."""
    code, strings = _taken_apart(text)
    code = _MODULE.sub(lambda m: f"mod {m[1]} {{" if m[1] in modules else m[0], code)
    uses = _uses(code)
    findings = tuple(
        dict.fromkeys(
            (
                *_in_code(code),
                *_in_strings(strings),
                *_printed(code, strings),
                *_compiled_in(code, strings),
                *_starts(code, strings),
            )
        )
    )
    others = sorted(uses - USED)
    built = (("cmake", "cmake compiles something, which tries more of its machine than the compiler"),)
    return BuildScript(
        (*findings, *(("uses", f"it uses {name}") for name in others), *(built if "cmake" in uses else ())),
        uses,
        "cmake" in uses or re.search(r"\.cpp\s*\(\s*true|\blink_cplusplus\b|\bcxx_build\b", code) is not None,
        _WORD.search(code) is not None or _WRITES.search(code) is not None,
        _started(code, strings, uses),
    )


def _taken_apart(text: str) -> tuple[str, list[str]]:
    """The code, with `"N"` in place of its Nth literal and without comments; and the literals."""
    strings: list[str] = []

    def replaced(match: re.Match[str]) -> str:
        token = match[0]
        if token.startswith(("//", "/*")):
            return " "
        strings.append(token.lstrip("bcr#").rstrip("#")[1:-1])
        return f'"{len(strings) - 1}"'

    return _ATTRIBUTE.sub(" ", _TOKEN.sub(replaced, text)), strings


def _in_code(code: str) -> Iterator[tuple[str, str]]:
    for condition in _CONDITION.finditer(code):
        found = _OF_MACHINE.search(_enclosed(code, condition.end()))
        if found is not None:
            yield "cfg", f"it asks for its own {found[0]}"
    for name, pattern, told in _ASKING:
        found = pattern.search(code)
        if found is not None:
            yield name, told.format(" ".join(found[0].split()))
    for match in _ITEMS.finditer(code):
        for item in re.findall(r"\w+", _heads(match[1]) if match[1][0] == "{" else match[1]):
            if item not in _STANDARD and not item[:1].isupper() and item != "self":
                yield "standard", f"it uses std::{item}"


def _enclosed(code: str, at: int) -> str:
    """What the bracket at `at` encloses; all that follows where it is not closed."""
    depth = 0
    for match in _BRACKET.finditer(code, at):
        depth += 1 if match[0] in "([{" else -1
        if depth == 0:
            return code[at : match.end()]
    return code[at:]


_BRACKET = expression(r"[()\[\]{}]")


def _heads(group: str) -> str:
    """Of `{a::b, c, d::{e, f}}` the words `a c d`."""
    inner, depth, found = group[1:-1], 0, ""
    for part in re.split(r"([{},])", inner):
        depth += (part == "{") - (part == "}")
        if depth == 0 and part not in ("}", ","):
            found += " " + part.partition("::")[0]
    return found


_ASKING = (
    ("consts", expression(r"\bconsts\s*::|\bconsts\b"), "it asks for std::env::{}"),
    ("environment", expression(r"\benv\s*::\s*vars(?:_os)?\b"), "it reads the whole environment"),
    (
        "program",
        expression(r"\bcurrent_exe\b|\benv\s*::\s*args(?:_os)?\b"),
        "it asks for its own program by {}",
    ),
    ("unsafe", expression(r"\bunsafe\b|\bextern\s+\"|\b(?:global_)?asm!"), "it has `{}` in it"),
    ("files", _IN_FILES, "it is in several files (`{}`)"),
    ("compiler", expression(r"\.to_command\s*\("), "it starts the C compiler itself"),
    ("compiler", expression(r"\.(?:compiler|archiver|linker|target|host)\s*\("), "it sets `{}…)` by itself"),
    ("alias", expression(r"\bCommand\s+as\b|\benv\s+as\b|\bstd\s+as\b"), "it names `{}`"),
    (
        "host",
        expression(r"\b(?:version_meta\w*|VersionMeta)\b(?=.*\bhost\b)", re.DOTALL),
        "it asks rustc for its host by {}",
    ),
    ("host", expression(r"\btriples\b"), "it asks rustc for its host by {}"),
    ("char", expression(r"\bc_char\b"), "it asks for {} of its own machine"),
    ("features", expression(r"\bis_\w+_feature_detected!"), "it asks what its own processor can do"),
)


def _uses(code: str) -> frozenset[str]:
    """The packages that are named: what stands in front of `::` and is neither the language's own, nor of
    the script, nor a part of the standard library that a `use` brings.
    """
    local = {*_LOCAL.findall(code), *_INLINE.findall(code)}
    named = set(_ROOT.findall(code)) | set(re.findall(r"\bextern\s+crate\s+(\w+)", code))
    named |= set(re.findall(r"\buse\s+(?:::)?([a-z_]\w*)\s*(?:;|\bas\b)", code))
    own = set(re.findall(r"\b(?:mod|fn)\s+([a-z_]\w*)", code))
    return frozenset(named - _LANGUAGE - _KEYWORDS - (_STANDARD | {"consts"}) - (local & own))


_OWN_FOLDER = "has the name of its own machine in it"
_SET_BY_CARGO = {
    "CARGO": _OWN_FOLDER,
    "CARGO_BUILD_TARGET": "is set where cargo is told a target",
    "LD_LIBRARY_PATH": _OWN_FOLDER,
    "RUSTC_LINKER": "is set where cargo is told a target",
    "RUSTUP_TOOLCHAIN": _OWN_FOLDER,
}
"""Variables that cargo and rustup set, and what is in them (The rustup Book, "Environment variables")."""
_ARGUMENT = expression(r"\brustc-(?:cdylib-)?link-arg|\brustc-flags\b")


def _in_strings(strings: list[str]) -> Iterator[tuple[str, str]]:
    for text in strings:
        if text == "HOST":
            yield "host", "it asks for HOST"
        if text in ("HOSTNAME", "USER", "LOGNAME"):
            yield "environment", f"it asks for {text}"
        if text in _SET_BY_CARGO:
            yield "told", f"it asks for {text}, which {_SET_BY_CARGO[text]}"
        if _FOLDER.match(text):
            yield "folder", f"it names {text.splitlines()[0][:40]}"
        if re.search(r"\bnative\b", text) and re.search(r"-m(?:arch|cpu|tune)|target-cpu", text):
            yield "native", f"it asks for {text[:40]}"
        if _ARGUMENT.search(text):
            yield "argument", "it has the linker do something"
        for linked in _LINKED.findall(text):
            if linked.partition(":")[0] not in _SYSTEM | _WINDOWS:
                yield "links", f"it links with {linked or 'a library'}"


def _printed(code: str, strings: list[str]) -> Iterator[tuple[str, str]]:
    """All that rustc says of itself, printed as it stands: the host is in it."""
    if "version_meta" in code and any(_DEBUG.search(text) for text in strings):
        yield "host", "it prints all of version_meta"


_DEBUG = expression(r":#?\?\}")


def _compiled_in(code: str, strings: list[str]) -> Iterator[tuple[str, str]]:
    """Variables that are read when the build script is compiled, and paths that begin at the root."""
    for match in _FROM_ROOT.finditer(code):
        if strings[int(match[1])].strip("/.") == "" and strings[int(match[1])].startswith("/"):
            yield "folder", "it names /"
    for match in _TOLD_AT_COMPILE_TIME.finditer(code):
        name = strings[int(match[1])]
        if not name.startswith("CARGO_"):
            yield "environment", f"it asks for {name} when it is compiled"


def _starts(code: str, strings: list[str]) -> Iterator[tuple[str, str]]:
    for match in _STARTED.finditer(code):
        literal = re.fullmatch(r"\s*\"(\d+)\"\s*", match[1])
        name = strings[int(literal[1])] if literal is not None else None
        is_rustc = name is None and re.search(r"rustc", _filled(match[1], strings), re.IGNORECASE) is not None
        if name not in PROGRAMS and not is_rustc:
            yield "starts", f"it starts {name or 'a program whose name is not told'}"
    # Further mentions are those of `use` and of types.
    plain = re.sub(r"\buse\b[^;]*;|&\s*(?:mut\s+)?(?:\w+::)*Command\b|->\s*(?:\w+::)*Command\b", "", code)
    if re.search(r"\bCommand\b(?!\s*::\s*new\s*\()(?!\s*[>,)])", plain):
        yield "starts", "it starts a program in a way that is not followed"
    is_verbose = "-v" in strings and not {"--version", "-V"}.isdisjoint(strings)
    asked = next((text for text in strings if _ASKS_RUSTC.fullmatch(text)), "-v" if is_verbose else None)
    if asked is not None:
        yield "host", f"it asks rustc for its host, or for what it compiles by itself ({asked})"


def _started(code: str, strings: list[str], uses: frozenset[str]) -> frozenset[str]:
    """The programs that it starts by a name that is known, and those of the packages that it uses."""
    literals = (re.fullmatch(r"\s*\"(\d+)\"\s*", match[1]) for match in _STARTED.finditer(code))
    own = {strings[int(literal[1])] for literal in literals if literal is not None}
    return frozenset((own & PROGRAMS) - {"rustc"}).union(*(_STARTED_BY.get(name, ()) for name in uses))


def _filled(expression_text: str, strings: list[str]) -> str:
    return re.sub(r"\"(\d+)\"", lambda m: strings[int(m[1])], expression_text)
