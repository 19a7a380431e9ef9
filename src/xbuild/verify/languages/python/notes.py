"""Python's own files: bytes → notes. Pure and total: whatever the bytes, a note or None, never an exception.

- An interpreter holds the endings of the extension modules that it loads, as text: `_PyImport_DynLoadFiletab`
  (CPython `Python/dynload_shlib.c`), for PyPy its `so_ext`. What is called `python3.13` may need
  `libpython3.13.so.1.0`, which then has them. glibc says its version in the text that it prints when run.
- `WHEEL`, `METADATA`, `RECORD`: the binary distribution format and "Core metadata specifications" of
  packaging.python.org; `PKG-INFO` the same for setuptools' older folders. `pyvenv.cfg`: PEP 405.
- Compiled files begin with a number (CPython `Include/internal/pycore_magic_number.h`).
"""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Callable, Iterator
from enum import StrEnum

from xbuild.verify.built import Language, Note
from xbuild.verify.elf import Data, is_elf


class Noted(StrEnum):
    """What a note is of, and after the dash what its values are."""

    INTERPRETER = "python-interpreter"
    """The endings of the extension modules that it loads, but for `.so`."""
    C_LIBRARY = "python-c-library"
    """glibc's version."""
    WHEEL = "python-wheel"
    """The tags."""
    METADATA = "python-metadata"
    """Name, version, and each requirement."""
    PROJECT = "python-project"
    """Each requirement that a project names."""
    RECORD = "python-record"
    """Paths of code that belongs to it, from the folder that has it."""
    ENVIRONMENT = "python-environment"
    """The folder of the interpreter, and the version, both empty when not said."""
    BYTECODE = "python-bytecode"
    """The number in front, in a file that does not say for whom it is, or says another one than it is for."""
    UNREADABLE = "python-unreadable"
    """Why."""


_KIB, _MIB = 1 << 10, 1 << 20
_LARGEST_RECORD = 8 * _MIB
_MOST_ROWS = 200_000
_MOST_TAGS = 200
_MOST_ENDINGS = 20
_MOST_REQUIREMENTS = 5_000
_LONGEST_LINE = 4_096

_TABLE = re.compile(rb"\.(?:cpython-\d{2,3}[a-z]{0,4}|pypy\d{2,3}-pp\d+|abi3t?)[\w-]{0,64}\.so\0")
_GLIBC = re.compile(rb"GNU C Library \([^)\n]{0,200}\) [a-z]+ release version (\d+\.\d+)")
_SLIMMED = re.compile(r"(?:^|/)(?:tests?|testing|examples?|docs?|benchmarks?|samples?|idle_test)/")
_METADATA = re.compile(r"^[^/]+\.(?:dist|egg)-info/")
_CODE = re.compile(r"\.py$|\.so(?:\.[\w.]+)?$")
_CACHED = re.compile(r"/__pycache__/[^/]+\.(cpython|pypy)-?(\d)(\d+)(?:\.opt-\w+)?\.pyc$")


def wants(path: str) -> int:
    """How many bytes of the file at a path it takes; 0 when it is none of Python's."""
    folder, _, name = path.rpartition("/")
    if name.endswith(".pyc"):
        return 4
    found = _BY_NAME.get(name)
    if found is not None:
        ending = folder[-10:]
        is_metadata = ending.endswith((".dist-info", ".egg-info"))
        return found[0] if name in _ANYWHERE or is_metadata else 0
    if name.endswith(".egg-info"):
        return 64 * _KIB
    return 4 if name.startswith(("python", "libpython", "pypy", "libpypy", "libc.so.6", "libc-2.")) else 0


def note(path: str, data: Data, size: int) -> Note | None:
    """What is noted of one file; `data` are its first bytes, an ELF file's are all."""
    name = path.rpartition("/")[2]
    if is_elf(bytes(data[:4])):
        return _c_library(data) if name.startswith("libc") else _interpreter(data)
    if name.endswith(".pyc"):
        return _bytecode(path, bytes(data[:4]))
    if name.endswith(".egg-info"):
        return _metadata(_text(data), size > len(data))
    found = _BY_NAME.get(name)
    return found[1](_text(data), size > len(data)) if found is not None else None


def _text(data: Data) -> str:
    return bytes(data).decode("utf-8", "replace")


def _unreadable(why: str) -> Note:
    return Note(Noted.UNREADABLE, (why,))


def _interpreter(data: Data) -> Note | None:
    found: set[str] = set()
    for match in _TABLE.finditer(data):
        found.add(match[0][:-1].decode())
        if len(found) > _MOST_ENDINGS:
            return None
    return Note(Noted.INTERPRETER, tuple(sorted(found))) if found else None


def _c_library(data: Data) -> Note | None:
    found = _GLIBC.search(data)
    return None if found is None else Note(Noted.C_LIBRARY, (found[1].decode(),))


def _headers(text: str) -> Iterator[tuple[str, str]]:
    """The fields in front of a message's body, their names in small letters; other lines are passed over."""
    for line in text.splitlines():
        if not line.strip():
            return
        name, colon, value = line[:_LONGEST_LINE].partition(":")
        if colon and not line[0].isspace():
            yield name.strip().lower(), value.strip()


def _wheel(text: str, is_cut: bool) -> Note:
    if is_cut:
        return _unreadable("is too large to be read")
    tags = tuple(value for name, value in _headers(text) if name == "tag" and value)
    if not tags:
        return _unreadable("has no tag")
    return Note(Noted.WHEEL, tags) if len(tags) <= _MOST_TAGS else _unreadable("has too many tags")


def _metadata(text: str, _is_cut: bool) -> Note:
    fields = list(_headers(text))
    name, version = (
        next((value for key, value in fields if key == wanted), "") for wanted in ("name", "version")
    )
    if not name or not version:
        return _unreadable("has no name, or no version")
    required = tuple(value for key, value in fields if key == "requires-dist")[:_MOST_REQUIREMENTS]
    return Note(Noted.METADATA, (name, version, *required))


def _record(text: str, is_cut: bool) -> Note:
    """Only code, and of that only what no image does without: not what is outside, no tests, no examples."""
    if is_cut:
        return _unreadable("is too large to be read")
    lines = text.split("\n")
    if len(lines) > _MOST_ROWS:
        return _unreadable("has too many rows")
    try:
        paths = [row[0] for row in csv.reader(lines) if row]
    except csv.Error as error:
        return _unreadable(f"cannot be read ({error})")
    inside = (path for path in paths if len(path) < _LONGEST_LINE and path[:1] not in ("/", "\\"))
    code = (path for path in inside if _CODE.search(path) and ".." not in path.split("/"))
    kept = {path for path in code if not is_slimmed(path) and not _METADATA.search(path)}
    return Note(Noted.RECORD, tuple(sorted(kept)))


def is_slimmed(path: str) -> bool:
    """Whether a file lies in a folder that images do without: of tests, examples and the like."""
    return _SLIMMED.search(path) is not None


def _environment(text: str, _is_cut: bool) -> Note:
    """`key = value` lines; virtualenv says `version_info`, the standard library `version`."""
    pairs = (line[:_LONGEST_LINE].partition("=") for line in text.splitlines())
    values = {key.strip().lower(): value.strip() for key, equals, value in pairs if equals}
    version = re.match(r"\d+\.\d+", values.get("version") or values.get("version_info") or "")
    return Note(Noted.ENVIRONMENT, (values.get("home", ""), version[0] if version else ""))


def _requirements(text: str, _is_cut: bool) -> Note:
    """Lines of a requirements file (pip's reference, "Requirements File Format"); options are passed over."""
    lines = text.replace("\\\r\n", " ").replace("\\\n", " ").split("\n")
    bare = (re.split(r"(?:^|\s)(?:#|--)", line[:_LONGEST_LINE])[0].strip() for line in lines)
    found = tuple(line for line in bare if line and not line.startswith("-"))
    return Note(Noted.PROJECT, found[:_MOST_REQUIREMENTS])


def _project(text: str, is_cut: bool) -> Note | None:
    """`project.dependencies` of `pyproject.toml` (PEP 621)."""
    try:
        project = tomllib.loads(text).get("project") if not is_cut else None
    except (ValueError, RecursionError):
        return None
    found = project.get("dependencies") if isinstance(project, dict) else None
    if not isinstance(found, list):
        return None
    named = (each for each in found if isinstance(each, str) and len(each) < _LONGEST_LINE)
    return Note(Noted.PROJECT, tuple(named)[:_MOST_REQUIREMENTS])


_BEFORE_3_11 = {
    "3.6": range(3360, 3380),
    "3.7": range(3390, 3395),
    "3.8": range(3400, 3414),
    "3.9": range(3420, 3426),
    "3.10": range(3430, 3440),
}


def magic_numbers(version: str) -> range:
    """The numbers in front of what CPython of a version compiles; none for one that is not known."""
    major, _, minor = version.partition(".")
    if major != "3" or not minor.isdigit():
        return range(0)
    if int(minor) < 11:
        return _BEFORE_3_11.get(version, range(0))
    return range(2900 + 50 * int(minor), 2950 + 50 * int(minor))


def _bytecode(path: str, head: bytes) -> Note | None:
    magic = int.from_bytes(head[:2], "little") if head[2:] == b"\r\n" else 0
    found = _CACHED.search(f"/{path}")
    if found is not None:
        numbers = magic_numbers(f"{found[2]}.{found[3]}") if found[1] == "cpython" else range(0)
        return Note(Noted.BYTECODE, (str(magic),)) if numbers and magic not in numbers else None
    return None if "__pycache__" in path else Note(Noted.BYTECODE, (str(magic),))


_ANYWHERE = ("pyvenv.cfg", "requirements.txt", "pyproject.toml")
_BY_NAME: dict[str, tuple[int, Callable[[str, bool], Note | None]]] = {
    "WHEEL": (64 * _KIB, _wheel),
    "METADATA": (_MIB, _metadata),
    "PKG-INFO": (_MIB, _metadata),
    "RECORD": (_LARGEST_RECORD, _record),
    "pyproject.toml": (256 * _KIB, _project),
    "requirements.txt": (_MIB, _requirements),
    "pyvenv.cfg": (64 * _KIB, _environment),
}

LANGUAGE = Language("Python", wants=wants, note=note)
