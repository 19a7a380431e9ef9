"""What may differ between the trees of two builds of one Dockerfile: a table, and how each row is held to it.

A row excuses one aspect of the paths that its pattern names, and only what its function finds to be of the
kind that its reason tells: a log is compared with its times masked, a cache without its inode numbers, so
that any other difference is one. A row is here because two builds of the same text differ there as well, or
because the bytes that may differ are known (`grounds`). `docs/reference/tree-comparison.md` shows this table;
a test compares both.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import struct
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, Literal, NamedTuple

from xbuild.text import glob_pattern
from xbuild.verify.layers import FileSystem
from xbuild.verify.serialized import SerializedError, digest


class Aspect(StrEnum):
    """In what a path of two trees can differ."""

    PRESENCE = "presence"
    KIND = "kind"
    MODE = "mode"
    OWNER = "owner"
    LINK = "link"
    HARD_LINKS = "hard links"
    CONTENT = "content"
    DEVICE = "device"
    ATTRIBUTES = "attributes"
    TIME = "time of change"


class Version(NamedTuple):
    """A content in one of the two trees, and that tree."""

    path: str
    data: bytes
    files: FileSystem


@dataclass(frozen=True)
class Excuse:
    """One row: `compare` answers None when two contents differ only in what is excused, else in what more."""

    pattern: str
    what: Aspect
    reason: str
    grounds: str
    compare: Callable[[Version, Version], str | None] | None = None
    largest: int = 256 << 20
    """Larger contents are not excused: they are compared in memory."""

    @cached_property
    def _paths(self) -> re.Pattern[str]:
        return glob_pattern(self.pattern)

    def fits(self, path: str, what: Aspect) -> bool:
        return what is self.what and self._paths.fullmatch(path) is not None


# --- texts with times ---

_TIME_OF_LOG = re.compile(rb"\d{4}-\d\d-\d\d {1,2}\d\d:\d\d:\d\d")


def same_but_times(left: Version, right: Version) -> str | None:
    """Line by line, `2026-01-31 23:59:59` in both masked."""
    return _same_lines(*(_TIME_OF_LOG.sub(b"TIME", version.data) for version in (left, right)))


# apk-tools `src/app_add.c`, generate_version and create_virtual_package.
_VERSION_BY_TIME = re.compile(rb"(?<![\w.])20\d{6}\.\d{6}(?![\w.])")
_VIRTUAL = re.compile(rb"^C:Q1[A-Za-z0-9+/]{27}=(?=\n(?:[^\n]+\n)*?T:virtual meta package$)", re.MULTILINE)


def same_but_virtual(left: Version, right: Version) -> str | None:
    """The same, with the versions of virtual packages, which are times, and the sums of those masked too."""
    both = (_VERSION_BY_TIME.sub(b"TIME", version.data) for version in (left, right))
    masked = (
        version._replace(data=_VIRTUAL.sub(b"C:SUM", d))
        for version, d in zip((left, right), both, strict=True)
    )
    return same_but_times(*masked)


_FINGERPRINT = re.compile(rb"\bSHA256:[A-Za-z0-9+/]{43}(?![A-Za-z0-9+/])")


def same_but_times_and_fingerprints(left: Version, right: Version) -> str | None:
    """The same, and the fingerprints of new keys (`ssh-keygen(1)`) masked too."""
    masked = (version._replace(data=_FINGERPRINT.sub(b"KEY", version.data)) for version in (left, right))
    return same_but_times(*masked)


_DAY_OF_CHANGE = re.compile(rb"^([^:\n]*:[^:\n]*):\d+:", re.MULTILINE)


def same_but_days(left: Version, right: Version) -> str | None:
    """`shadow(5)`: the third field is the day on which the password was changed."""
    return _same_lines(*(_DAY_OF_CHANGE.sub(rb"\1:DAY:", version.data) for version in (left, right)))


def _same_lines(left: bytes, right: bytes) -> str | None:
    one, two = left.split(b"\n"), right.split(b"\n")
    for number, (a, b) in enumerate(zip(one, two, strict=False), 1):
        if a != b:
            return f"line {number}: {short(a)} / {short(b)}"
    return None if len(one) == len(two) else f"{len(one) - 1} lines / {len(two) - 1} lines"


def short(line: bytes) -> str:
    text = line.decode("utf-8", "backslashreplace")
    return repr(text if len(text) <= 60 else text[:57] + "...")


# --- random values of a fixed form ---

_MACHINE_ID = re.compile(rb"[0-9a-f]{32}\n")


def are_machine_ids(left: Version, right: Version) -> str | None:
    """`machine-id(5)`: 32 hexadecimal digits and a newline."""
    if all(_MACHINE_ID.fullmatch(version.data) for version in (left, right)):
        return None
    return "not an identifier on both sides"


_KEY = re.compile(
    rb"-----BEGIN OPENSSH PRIVATE KEY-----\n[A-Za-z0-9+/=\n]+-----END OPENSSH PRIVATE KEY-----\n"
    rb"|(?P<public>[a-z0-9-]+) [A-Za-z0-9+/=]+(?P<comment>( \S+)?\n)"
)


def are_keys(left: Version, right: Version) -> str | None:
    """`ssh-keygen(1)`: private keys of one length, or public ones of one kind and with one comment."""
    one, two = _KEY.fullmatch(left.data), _KEY.fullmatch(right.data)
    if one is None or two is None:
        return "not a key on both sides"
    alike = (len(left.data), *one.groups()) == (len(right.data), *two.groups())
    return None if alike else "keys of different kinds"


# --- headers with times ---


def same_but_gzip_time(left: Version, right: Version) -> str | None:
    """RFC 1952, 2.3: bytes 4 to 8 are the time of change of what was compressed."""
    if any(version.data[:3] != b"\x1f\x8b\x08" for version in (left, right)):
        return "not gzip on both sides"
    return _same_outside(left.data, right.data, ((4, 8),))


# What `pip install --target` compiles lies in a folder of a random name, which stays in the code; pip makes
# the name by Python's `tempfile`: eight of these characters.
_RANDOM_FOLDER = re.compile(rb"/tmp/pip-target-[a-z0-9_]{8}/")


def same_but_source_time(left: Version, right: Version) -> str | None:
    """PEP 552: bytes 8 to 12 of a .pyc are its source's time of change where the flags (4 to 8) are zero.

    Python takes it only when the time is that of the source, so both have to fit theirs, or neither.
    """
    one, two = (_RANDOM_FOLDER.sub(b"/tmp/pip-target-????????/", v.data) for v in (left, right))
    if one[4:8] != bytes(4):
        return _same_outside(one, two, ())
    if _is_fresh(left) != _is_fresh(right):
        return "one is for its source and would be used, the other not"
    return _same_outside(one, two, ((8, 12),))


def _is_fresh(version: Version) -> bool:
    """Whether the time in the header is the one of the source beside it (PEP 3147)."""
    folder, _, name = version.path.rpartition("/")
    parent, _, cache = folder.rpartition("/")
    source = f"{parent if cache == '__pycache__' else folder}/{name.split('.')[0]}.py"
    found = version.files.lookup(source)
    if found is None or found.entry.exact is None:
        return False
    return version.data[8:12] == struct.pack("<I", found.entry.exact.mtime & 0xFFFFFFFF)


def same_but_folder_time(left: Version, right: Version) -> str | None:
    """fontconfig `fccache.c`, struct _FcCache of 64 bits: time of change of the folder, its nanoseconds."""
    return _same_outside(left.data, right.data, ((48, 52), (56, 64)))


def _same_outside(left: bytes, right: bytes, ranges: tuple[tuple[int, int], ...]) -> str | None:
    if len(left) != len(right):
        return f"{len(left)} bytes / {len(right)} bytes"
    for at in _differing(left, right, 1):
        if not any(start <= at < end for start, end in ranges):
            return f"byte {at}"
    return None


def _differing(left: bytes, right: bytes, width: int) -> Iterator[int]:
    """Where pieces of a width differ, of two contents of one length."""
    for at in range(0, len(left), 4096):
        if left[at : at + 4096] != right[at : at + 4096]:
            for start in range(at, min(at + 4096, len(left)), width):
                if left[start : start + width] != right[start : start + width]:
                    yield start


# --- caches of ldconfig and apt ---

_AUX_MAGIC = re.compile(rb"glibc-ld\.so\.auxcache-[12]\.0")
_AUX_HEADER = struct.Struct("=24sII")
_AUX_ENTRY = struct.Struct("=QQQQiIII")


def same_libraries(left: Version, right: Version) -> str | None:
    """glibc `elf/cache.c`: per library inode, time, size, device, flags, name, OS version and padding.

    Size, flags, name and OS version count; entries stand in the order of a hash of the rest.
    """
    one, two = _libraries(left.data), _libraries(right.data)
    if one is None or two is None:
        return "not a cache of ldconfig's that can be read, on both sides"
    lost = sorted((one - two) | (two - one))
    return None if not lost else f"{lost[0][3].decode('utf-8', 'replace')}: an entry of only one side"


def _libraries(data: bytes) -> Counter[tuple[int, int, int, bytes]] | None:
    """The byte order is the machine's that wrote it; the one that gives the file's size is the right one."""
    for order in "<>":
        header = struct.Struct(order + _AUX_HEADER.format[1:])
        entry = struct.Struct(order + _AUX_ENTRY.format[1:])
        if len(data) < header.size:
            return None
        magic, count, size = header.unpack_from(data)
        start = header.size + count * entry.size
        if _AUX_MAGIC.fullmatch(magic) and start + size == len(data):
            names = data[start:]
            rows = entry.iter_unpack(data[header.size : start])
            return Counter(
                (length, flags, version, names[name:].split(b"\0", 1)[0])
                for _, _, length, _, flags, name, version, _ in rows
            )
    return None


_APT_SIGNATURE = 0x98FE76DC
_APT_PADDING = (21, 24)
"""In the header of version 16 (apt 2.6): between the last size, of one byte, and a number of four."""
_FIRST_TIME, _LAST_TIME = 978307200, 4102444800  # 2001 and 2100


def same_packages(left: Version, right: Version) -> str | None:
    """apt-pkg `pkgcache.h`: padding and checksum in the header, else only numbers that are times."""
    one, two = left.data, right.data
    if len(one) != len(two):
        return f"{len(one)} bytes / {len(two)} bytes"
    order = _signature(one)
    if len(one) < 24 or one[:10] != two[:10] or order is None:
        return "not a cache of apt's that can be read, on both sides"
    size = int.from_bytes(one[8:10], order)
    ranges = ((size - 4, size), *([_APT_PADDING] if one[4] == 16 else []))
    for at in _differing(one[:size], two[:size], 1):
        if not any(start <= at < end for start, end in ranges):
            return f"byte {at}, in the header"
    start = size + -size % 8
    if one[size:start] != two[size:start]:
        return f"byte {size}"
    for at in (start + at for at in _differing(one[start:], two[start:], 8)):
        values = (int.from_bytes(data[at : at + 8], order) for data in (one, two))
        if not all(_FIRST_TIME <= value < _LAST_TIME for value in values):
            return f"byte {at}"
    return None


def _signature(data: bytes) -> Literal["little", "big"] | None:
    """The byte order in which the signature stands."""
    orders: tuple[Literal["little", "big"], ...] = ("little", "big")
    return next((order for order in orders if int.from_bytes(data[:4], order) == _APT_SIGNATURE), None)


# --- npm's index of its cache ---

_TIMES_OF_ANSWER = ("date", "expires", "age")


def same_but_npm_times(left: Version, right: Version) -> str | None:
    """cacache `lib/entry-index.js`: lines of a SHA-1 and the JSON text of that sum, with times of answers."""
    one, two = _entries(left.data), _entries(right.data)
    if one is None or two is None:
        return "not an index of npm's that can be read, on both sides"
    return None if one == two else "other entries"


def _entries(data: bytes) -> list[Any] | None:
    found = []
    for line in filter(None, data.split(b"\n")):
        digest, _, text = line.partition(b"\t")
        if hashlib.sha1(text, usedforsecurity=False).hexdigest().encode() != digest:
            return None
        try:
            entry = json.loads(text)
            entry["time"] = None
            if "metadata" in entry:  # not for files of this machine
                entry["metadata"]["time"] = None
                headers = entry["metadata"]["resHeaders"]
                kept = {n: v for n, v in headers.items() if n not in _TIMES_OF_ANSWER}
                entry["metadata"]["resHeaders"] = kept
        except (ValueError, KeyError, TypeError, AttributeError):
            return None
        found.append(entry)
    return found


# --- pnpm's store and state ---

_MILLISECONDS = re.compile(rb'("(?:checkedAt|cachedAt|lastValidatedTimestamp)": ?)\d{13}(?=[,}\s])')
_ADDED = re.compile(rb',"dependencies":\{\}(?=\})')
_DAY = rb"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"
_DATES = re.compile(rb'("?(?:prunedAt|lastUpdateCheck)"?: "?)' + _DAY + rb"(?=[\"\n])")


def same_but_pnpm_times(left: Version, right: Version) -> str | None:
    """Five fields of JSON and YAML texts are times, in milliseconds or as a date; all else counts."""
    return _same_lines(_without_pnpm_times(left.data), _without_pnpm_times(right.data))


def same_but_pnpm_answers(left: Version, right: Version) -> str | None:
    """What the registry says of a package, and when; an empty entry that pnpm may have added by then."""
    return _same_lines(*(_ADDED.sub(b"", _without_pnpm_times(v.data)) for v in (left, right)))


def _without_pnpm_times(data: bytes) -> bytes:
    return _DATES.sub(rb"\1TIME", _MILLISECONDS.sub(rb"\1TIME", data))


def same_but_order(left: Version, right: Version) -> str | None:
    """yarn `Project.persistInstallStateFile`: maps and sets, filled as answers came, serialised, packed."""
    try:
        one, two = (digest(gzip.decompress(version.data)) for version in (left, right))
    except (OSError, EOFError, zlib.error, SerializedError):
        return "not a state of yarn's that can be read, on both sides"
    return None if one == two else "other entries"


# --- what uv notes of a project that it installs ---

_UV_TIME = re.compile(rb'("secs_since_epoch":)\d+(,"nanos_since_epoch":)\d{1,9}(?=})')
_UV_RECORD = re.compile(rb"(?m)^([^,\n]+\.dist-info/uv_cache\.json,sha256=)[A-Za-z0-9_-]{43},\d+$")


def same_but_uv_times(left: Version, right: Version) -> str | None:
    """uv `uv-cache-info`: when the project's files last changed (their inodes, so when they were copied)."""
    return _same_lines(*(_UV_TIME.sub(rb"\1TIME\2TIME", version.data) for version in (left, right)))


def same_but_uv_sum(left: Version, right: Version) -> str | None:
    """The sum and size of that file, in the list of a distribution's files."""
    return _same_lines(*(_UV_RECORD.sub(rb"\1SUM", version.data) for version in (left, right)))


# --- compiled JavaScript ---

_COMPILED_SAME = ((0, 8), (12, 16))


def same_source(left: Version, right: Version) -> str | None:
    """Node.js `src/compile_cache.cc`: magic number, size of the source, size, sum of the source, sum."""
    if min(len(left.data), len(right.data)) < 20:
        return "not compiled code on both sides"
    for start, end in _COMPILED_SAME:
        if left.data[start:end] != right.data[start:end]:
            return f"byte {start}: compiled from other sources"
    return None


def same_scripts(left: Version, right: Version) -> str | None:
    """v8-compile-cache: a sum of each source, and where its code lies in the file beside."""
    try:
        one, two = ({k: v[0] for k, v in json.loads(version.data).items()} for version in (left, right))
    except (ValueError, LookupError, AttributeError, TypeError, RecursionError):
        return "not a list of compiled scripts that can be read, on both sides"
    return None if one == two else "compiled from other sources"


def same_compiler(left: Version, right: Version) -> str | None:
    """V8 `SerializedCodeData`: magic number, version, size of the source, flags; 16 bytes."""
    if min(len(left.data), len(right.data)) < 16:
        return "not compiled code on both sides"
    return None if left.data[:16] == right.data[:16] else "by another V8, or from another source"


_BOTH_DIFFER = "two builds of the same text differ there as well, in nothing else"

_BY_TIME = "apk-tools src/app_add.c: the version is the time, the sum is of that and a process number"

EXCUSES: tuple[Excuse, ...] = (
    Excuse("/var/log/apt/history.log", Aspect.CONTENT, "times in apt's log", _BOTH_DIFFER, same_but_times),
    Excuse(
        "/var/log/apt/term.log",
        Aspect.CONTENT,
        "times and fingerprints of new keys in apt's log",
        _BOTH_DIFFER,
        same_but_times_and_fingerprints,
    ),
    Excuse("/var/log/dpkg.log", Aspect.CONTENT, "times in dpkg's log", _BOTH_DIFFER, same_but_times),
    Excuse(
        "/var/log/alternatives.log",
        Aspect.CONTENT,
        "times in update-alternatives' log",
        _BOTH_DIFFER,
        same_but_times,
    ),
    Excuse(
        "/var/log/apk.log",
        Aspect.CONTENT,
        "times in apk's log, versions of virtual packages among them",
        _BOTH_DIFFER,
        same_but_virtual,
    ),
    Excuse("/etc/apk/world", Aspect.CONTENT, "versions of virtual packages", _BY_TIME, same_but_virtual),
    *(
        Excuse(
            f"{folder}/apk/db/installed",
            Aspect.CONTENT,
            "versions and sums of virtual packages",
            _BY_TIME,
            same_but_virtual,
        )
        for folder in ("/lib", "/usr/lib")
    ),
    Excuse(
        "/var/cache/ldconfig/aux-cache",
        Aspect.CONTENT,
        "inode numbers, devices and times of libraries",
        "glibc elf/cache.c, struct aux_cache_file_entry: ino, ctime, dev and padding; all else is compared",
        same_libraries,
    ),
    Excuse(
        "/var/cache/apt/*pkgcache.bin",
        Aspect.CONTENT,
        "times of index files in apt's cache",
        "two builds differ in numbers that are times, in the checksum and in padding; all else is compared",
        same_packages,
    ),
    Excuse(
        "/**/*.pyc",
        Aspect.CONTENT,
        "the source's time in the header of compiled Python",
        "PEP 552: bytes 8 to 12, where the flags are zero; both fit their source, or neither. With `pip"
        " install --target` also the random name of the folder in which pip compiles",
        same_but_source_time,
    ),
    Excuse(
        "/**/*.gz",
        Aspect.CONTENT,
        "time in the header of gzip",
        "RFC 1952: bytes 4 to 8",
        same_but_gzip_time,
    ),
    Excuse(
        "/**/_cacache/index-v5/**",
        Aspect.CONTENT,
        "times of answers in the index of npm's cache",
        "cacache lib/entry-index.js: time, metadata.time, three headers, the sum over them; all else is"
        " compared",
        same_but_npm_times,
    ),
    Excuse(
        "/**/.npm/_logs/*-debug-*.log",
        Aspect.PRESENCE,
        "npm's log of a run, named by its time",
        "npm lib/utils/log-file.js: two builds of the same text have other names there",
    ),
    *(
        Excuse(
            pattern,
            Aspect.PRESENCE,
            "compiled JavaScript, which is the processor's",
            "Node.js `module.enableCompileCache`, and v8-compile-cache, which yarn 1 and pnpm have: made anew"
            " where it is missing; a native package manager leaves none",
        )
        for pattern in (
            "/tmp/node-compile-cache",
            "/tmp/node-compile-cache/**",
            "/tmp/v8-compile-cache-*",
            "/tmp/v8-compile-cache-*/**",
        )
    ),
    Excuse(
        "/**/*.dist-info/uv_cache.json",
        Aspect.CONTENT,
        "when the files of a project that uv installed last changed",
        _BOTH_DIFFER,
        same_but_uv_times,
    ),
    Excuse(
        "/**/*.dist-info/RECORD",
        Aspect.CONTENT,
        "the sum of uv_cache.json beside it",
        _BOTH_DIFFER,
        same_but_uv_sum,
    ),
    Excuse(
        "/tmp/node-compile-cache/**",
        Aspect.CONTENT,
        "which functions were compiled by then",
        "two runs of one program on one machine differ in every file; the source's size and sum are compared",
        same_source,
    ),
    Excuse(
        "/tmp/v8-compile-cache-*/*/*.MAP",
        Aspect.CONTENT,
        "which functions were compiled by then",
        "two builds of the same text differ there as well; names and sums of the scripts are compared",
        same_scripts,
    ),
    Excuse(
        "/tmp/v8-compile-cache-*/*/*.BLOB",
        Aspect.CONTENT,
        "which functions were compiled by then",
        "two builds of the same text differ there as well; V8's version and the source's size are compared",
        same_compiler,
    ),
    *(
        Excuse(
            pattern,
            Aspect.PRESENCE,
            "yarn 1's folder for a script, named by time and chance",
            "two builds of the same text have other names there",
        )
        for pattern in ("/tmp/yarn--*", "/tmp/yarn--*/*")
    ),
    *(
        Excuse(
            pattern,
            Aspect.CONTENT,
            f"when pnpm {what}",
            f"pnpm's source: {field} is the time then; all else is compared",
            same_but_pnpm_times,
        )
        for pattern, what, field in (
            ("/**/store/v*/index/*/*.json", "looked at the files of its store", "checkedAt"),
            ("/**/store/v*/files/*/*-index.json", "looked at the files of its store", "checkedAt"),
            ("/**/pnpm/pnpm-state.json", "looked for another pnpm", "lastUpdateCheck"),
            ("/**/node_modules/.modules.yaml", "last removed what is not needed", "prunedAt"),
            (
                "/**/node_modules/.pnpm-workspace-state*.json",
                "last looked at the project",
                "lastValidatedTimestamp",
            ),
        )
    ),
    Excuse(
        "/**/pnpm/metadata*/**/*.json",
        Aspect.CONTENT,
        "when pnpm asked for what it knows of a package, and how far it was when it wrote that down",
        "pnpm's source: cachedAt is the time then, and an empty list of dependencies is added to a release"
        " that is installed, before or after; four installations on one machine differ there; all else is"
        " compared",
        same_but_pnpm_answers,
    ),
    Excuse(
        "/**/.yarn/install-state.gz",
        Aspect.CONTENT,
        "the order in which yarn got its answers",
        "three installations of one lock file on one machine differ there; maps and sets are compared without"
        " their order, all else with it",
        same_but_order,
    ),
    Excuse(
        "/tmp",
        Aspect.TIME,
        "when something in the folder was made or removed",
        "the rows above; whatever is in it is compared by itself",
    ),
    Excuse(
        "/var/cache/fontconfig/*-le64.cache-*",
        Aspect.CONTENT,
        "times of folders in fontconfig's cache",
        "fontconfig fccache.c, struct _FcCache: bytes 48 to 52 and 56 to 64; two builds differ there",
        same_but_folder_time,
    ),
    Excuse(
        "/etc/shadow*",
        Aspect.CONTENT,
        "the day on which an account was made",
        "shadow(5): the third field, in days; builds on two sides of midnight differ there",
        same_but_days,
    ),
    Excuse(
        "/etc/machine-id",
        Aspect.CONTENT,
        "a random identifier",
        "machine-id(5): made at random by systemd's and dbus's scripts",
        are_machine_ids,
    ),
    Excuse(
        "/var/lib/dbus/machine-id",
        Aspect.CONTENT,
        "a random identifier",
        "machine-id(5): made at random by systemd's and dbus's scripts",
        are_machine_ids,
    ),
    Excuse(
        "/etc/ssh/ssh_host_*_key*",
        Aspect.CONTENT,
        "a random key",
        "made at random by openssh-server's script; kind, length and comment are compared",
        are_keys,
    ),
)  # fmt: skip
