"""Go build information from the bytes of an ELF file: Go version, modules, build settings.

Layout: Go's `debug/buildinfo/buildinfo.go` (the 32-byte header; pointers before Go 1.18, inline strings
since) and `runtime/debug/mod.go` (the text). Pure and total: no build information is None, never an
exception. It survives `-ldflags "-s -w"` and `-trimpath`.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from xbuild.verify.elf import PF_W, PF_X, PT_LOAD, ElfFile

_SECTION = ".go.buildinfo"
_MAGIC = b"\xff Go buildinf:"
_ALIGN = 16
_HEADER = 32
_INLINE = 2
_BIG_ENDIAN = 1

# Sentinels around the module text: cmd/go/internal/modload infoStart and infoEnd are 16 bytes each.
_SENTINEL = 16

# Bounds: the text of the largest public Go programs is some 100 KB; data segments are some tens of MB.
_MAX_VERSION = 1 << 10
_MAX_TEXT = 16 << 20
_MAX_SEARCH = 256 << 20


@dataclass(frozen=True, slots=True)
class Module:
    """One module in the binary; `replaced_by` is the right-hand side of its `replace` line."""

    path: str
    version: str = ""
    sum: str = ""
    replaced_by: Module | None = None


@dataclass(frozen=True, slots=True)
class GoBuildInfo:
    """What the Go linker wrote about how the binary was built (`debug.BuildInfo`)."""

    go_version: str
    path: str = ""
    main: Module | None = None
    deps: tuple[Module, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()

    def setting(self, key: str) -> str | None:
        """A build setting such as `GOARCH` or `-tags`; None when it is not recorded."""
        return next((value for name, value in self.settings if name == key), None)


def read_build_info(elf: ElfFile) -> GoBuildInfo | None:
    """The build information of a Go program, or None when the file has none."""
    start, size = _area(elf)
    at = _find_header(elf, start, size)
    if at is None:
        return None
    header = elf.read(at, _HEADER)
    if len(header) < _HEADER:
        return None
    if header[15] & _INLINE:
        version, text = _inline(elf, at + _HEADER)
    else:
        version, text = _through_pointers(elf, header)
    if not version:
        return None
    return parse_text(version.decode("utf-8", "replace"), _unframe(text).decode("utf-8", "replace"))


def _area(elf: ElfFile) -> tuple[int, int]:
    """File range to search: the `.go.buildinfo` section, else the first writable data segment."""
    section = elf.section(_SECTION)
    if section is not None:
        return section.offset, section.size
    for segment in elf.segments:
        if segment.type == PT_LOAD and segment.flags & (PF_X | PF_W) == PF_W and segment.file_size:
            return segment.offset, segment.file_size
    return 0, 0


def _find_header(elf: ElfFile, start: int, size: int) -> int | None:
    """Offset of the first header aligned to 16 bytes within the area."""
    end = min(start + min(size, _MAX_SEARCH), len(elf.data))
    step = 1 << 20
    at = start
    while at < end:
        block = elf.read(at, min(step, end - at) + _HEADER)
        found = block.find(_MAGIC)
        while found >= 0:
            # Segments and sections are laid out so that file offset and address agree modulo 16.
            if (at - start + found) % _ALIGN == 0 or (at + found) % _ALIGN == 0:
                return at + found
            found = block.find(_MAGIC, found + 1)
        at += step
    return None


def _inline(elf: ElfFile, at: int) -> tuple[bytes, bytes]:
    version, at = _counted(elf, at, _MAX_VERSION)
    text, _ = _counted(elf, at, _MAX_TEXT)
    return version, text


def _counted(elf: ElfFile, at: int, limit: int) -> tuple[bytes, int]:
    """A string with its length in front as an unsigned varint, and the offset after it."""
    length = shift = 0
    for byte in elf.read(at, 10):
        at += 1
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    else:
        return b"", at
    if length > limit:
        return b"", at
    found = elf.read(at, length)
    return (found if len(found) == length else b""), at + length


def _through_pointers(elf: ElfFile, header: bytes) -> tuple[bytes, bytes]:
    size = header[14]
    if size not in (4, 8):
        return b"", b""
    order = ">" if header[15] & _BIG_ENDIAN else "<"
    pointer = struct.Struct(order + ("I" if size == 4 else "Q"))

    def string(address: int, limit: int) -> bytes:
        """A Go string at an address: a pointer to the bytes, then their length."""
        at = elf.offset_of(address)
        head = elf.read(at, 2 * size) if at is not None else b""
        if len(head) < 2 * size:
            return b""
        data, length = (value for (value,) in pointer.iter_unpack(head))
        start = elf.offset_of(data)
        if start is None or length > limit:
            return b""
        found = elf.read(start, length)
        return found if len(found) == length else b""

    (version,) = pointer.unpack_from(header, 16)
    (text,) = pointer.unpack_from(header, 16 + size)
    return string(version, _MAX_VERSION), string(text, _MAX_TEXT)


def _unframe(text: bytes) -> bytes:
    if len(text) >= 2 * _SENTINEL + 1 and text[-_SENTINEL - 1 : -_SENTINEL] == b"\n":
        return text[_SENTINEL:-_SENTINEL]
    return b""


def parse_text(go_version: str, text: str) -> GoBuildInfo:
    """The text form of build information (`go version -m`, not indented); unknown lines are passed over."""
    path = ""
    main: Module | None = None
    deps: list[Module] = []
    settings: list[tuple[str, str]] = []
    last = ""
    for line in text.split("\n"):
        word, _, rest = line.partition("\t")
        columns = [*rest.split("\t"), "", "", ""]
        if word == "path":
            path = rest
        elif word == "mod":
            main, last = _module(columns), word
        elif word == "dep":
            deps.append(_module(columns))
            last = word
        elif word == "=>":
            other = _module(columns)
            if last == "mod" and main is not None:
                main = Module(main.path, main.version, main.sum, other)
            elif last == "dep" and deps:
                old = deps[-1]
                deps[-1] = Module(old.path, old.version, old.sum, other)
        elif word == "build":
            pair = _setting(rest)
            if pair is not None:
                settings.append(pair)
    return GoBuildInfo(go_version, path, main, tuple(deps), tuple(settings))


def _module(columns: list[str]) -> Module:
    return Module(columns[0], columns[1], columns[2])


_QUOTED = r'"(?:[^"\\]|\\.)*"|`[^`]*`'
_SETTING = re.compile(rf"({_QUOTED}|[^=]*)=({_QUOTED}|.*)", re.DOTALL)


def _setting(text: str) -> tuple[str, str] | None:
    match = _SETTING.fullmatch(text)
    if match is None or not match[1]:
        return None
    return _unquote(match[1]), _unquote(match[2])


_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)", re.DOTALL)
_LETTERS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def _unquote(text: str) -> str:
    """A string as Go's `strconv.Quote` writes it, without its quotes."""
    if len(text) >= 2 and text[0] == text[-1] == "`":
        return text[1:-1]
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return _ESCAPE.sub(_escape, text[1:-1])
    return text


def _escape(match: re.Match[str]) -> str:
    code = match[1]
    if code[0] in "xuU" and len(code) > 1:
        number = int(code[1:], 16)
    elif len(code) == 3 and code.isdigit():
        number = int(code, 8)
    else:
        return _LETTERS.get(code, code)
    return chr(number) if number < 0x110000 else "�"
