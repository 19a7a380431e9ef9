"""Each row of the table accepts what it is for, and nothing else at the same path."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import marshal
import re
import struct
import zipfile
from pathlib import Path

import pytest

from tests.unit.verify.builder import Item, layer_tar
from xbuild.verify.excuses import Aspect, Version
from xbuild.verify.languages.excused import EXCUSES
from xbuild.verify.layers import FileSystem
from xbuild.verify.scan import scan_tar
from xbuild.verify.tar import Stream

PAGE = Path(__file__).parents[3] / "docs/reference/tree-comparison.md"
NOW, LATER = 1_795_889_230, 1_795_892_774


def files(source_time: int, source: str = "usr/lib/a.py") -> FileSystem:
    tars = [layer_tar([Item(source, b"a = 1\n", mtime=source_time)])]
    return FileSystem([scan_tar(Stream(lambda: tars.pop() if tars else b"", ""), "", is_exact=True)])


def refused(path: str, left: bytes, right: bytes, times: tuple[int, int] = (NOW, LATER)) -> str | None:
    """What the rows for a path say of two contents; None when one of them accepts."""
    said = [
        row.compare(Version(path, left, files(times[0])), Version(path, right, files(times[1])))
        for row in EXCUSES
        if row.fits(path, Aspect.CONTENT) and row.compare is not None
    ]
    assert said, path
    return None if None in said else said[0]


def jar(year: int, content: bytes = b"b") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as out:
        out.writestr(zipfile.ZipInfo("A.class", (year, 1, 1, 0, 0, 0)), content)
    return made.getvalue()


def npm_entry(time: int, size: int = 3, **headers: str) -> bytes:
    told = {"resHeaders": {"date": str(time), **headers}, "time": time}
    return npm_line({"key": "x", "time": time, "size": size, "metadata": told})


def npm_line(entry: dict[str, object]) -> bytes:
    text = json.dumps(entry).encode()
    return b"\n" + hashlib.sha1(text, usedforsecurity=False).hexdigest().encode() + b"\t" + text


def pyc(time: int, code: int | str | tuple[int, ...] = 1, flags: int = 0) -> bytes:
    return b"\xa7\r\r\n" + struct.pack("<III", flags, time, 6) + marshal.dumps(code)


Library = tuple[str, int]


def aux_cache(ids: int, *libraries: Library, order: str = "<", flags: int = 0x303) -> bytes:
    names, entries = b"\0", b""
    for number, (name, size) in enumerate(libraries):
        identity = (ids + number, NOW + ids, size, 48 + ids)
        entries += struct.pack(order + "QQQQiIII", *identity, flags, len(names), 0, ids * 7)
        names += name.encode() + b"\0"
    head = struct.pack(order + "24sII", b"glibc-ld.so.auxcache-2.0", len(libraries), len(names))
    return head + entries + names


def apt_cache(time: int, padding: int = 0, more: bytes = b"x" * 24, checksum: int = 5) -> bytes:
    """A header of 40 bytes; then names, a time, and what else there is."""
    head = struct.pack("<IBBBBH", 0x98FE76DC, 16, 0, 0, 0, 40).ljust(21, b"\x18") + bytes([padding, 0, 0])
    return head.ljust(36, b"\1") + struct.pack("<I", checksum) + b"packages" + struct.pack("<Q", time) + more


def fontconfig(time: int, nanoseconds: int, fonts: bytes = b"/usr/share/fonts") -> bytes:
    return bytes(range(48)) + struct.pack("<QQ", time, nanoseconds) + fonts


DPKG = (
    b"2026-11-28 18:24:21 status installed tzdata:all 2024a\n2026-11-28 18:24:22 startup packages configure\n"
)
TERM = b"Log started: 2026-11-28  18:24:21\n3072 SHA256:" + b"a/+" * 14 + b"b root@x (RSA)\n"
SHADOW = b"root:*:20000:0:99999:7:::\napp:!:20420:0:99999:7:::\n"
LIBRARIES: tuple[Library, ...] = (("libc.so.6", 1000), ("libm.so.6", 2000))
RSA = b"ssh-rsa AAAA%s root@x\n"
PRIVATE = b"-----BEGIN OPENSSH PRIVATE KEY-----\n%s\n-----END OPENSSH PRIVATE KEY-----\n"


GO_ENTRY = b"v1 " + b"0a" * 32 + b" " + b"1b" * 32 + b"                   58  1795928022738980029\n"


def go_counts(end: bytes, program: bytes = b"cmd/asm", counts: bytes = bytes(16192)) -> bytes:
    meta = b"TimeBegin: 2026-11-29T00:00:00Z\nTimeEnd: " + end + b"T00:00:00Z\nProgram: " + program
    meta += b"\nVersion: go1.26.8\nGoVersion: go1.26.8\nGOOS: linux\nGOARCH: arm64\n\n"
    return b"# telemetry/counter file v1\n" + struct.pack("<I", 192) + meta + counts


def pnpm_index(time: int, size: int = 3, entry: str = "linux;arm64;node22") -> bytes:
    found = {"a.js": {"checkedAt": time * 1000, "mode": 420, "size": size}}
    return json.dumps({"files": found, "sideEffects": {entry: found}}, separators=(",", ":")).encode()


def compiled(sources: int, size: int, code: bytes, sum_of_code: int = 0) -> bytes:
    return struct.pack("<IIIII", 0x8ADFDBB2, sources, len(code), size, sum_of_code) + code


def serialized(*entries: bytes, end: bytes = b"") -> bytes:
    """An object with a map that has these entries, as V8 writes it (and yarn packs it)."""
    text = b'\xff\x0fo"\x01a;' + b"".join(entries) + b":" + bytes([2 * len(entries)]) + b"{\x01" + end
    return gzip.compress(text, mtime=0)


def stamped(data: bytes, time: int) -> bytes:
    return gzip.compress(data, mtime=time)


ENTRIES = b'"\x01xI\x02', b"\"\x01y'I\x04T,\x02"
STORE = "/root/.local/share/pnpm/store"
MODULES = b'{\n  "prunedAt": "Sun, 29 Nov 2026 13:40:12 GMT",\n  "layoutVersion": 5\n}'
# Path, a content, one that differs in what is excused, some that differ in more.
UV = (
    b'{"timestamp":{"secs_since_epoch":%d,"nanos_since_epoch":%d},"commit":null,"tags":null,"env":{},'
    b'"directories":{}}'
)
UV_RECORD = b"x.py,sha256=bc,12\nx-0.1.0.dist-info/uv_cache.json,sha256=%s,%d\nx-0.1.0.dist-info/RECORD,,\n"


def installed(
    sum_: bytes, version: bytes, of_curl: bytes = b"A", text: bytes = b"virtual meta package"
) -> bytes:
    """apk's list of a virtual package and another one."""
    return (
        b"C:Q1" + sum_ * 27 + b"=\nP:.deps\nV:" + version + b"\nA:noarch\nT:" + text + b"\nD:curl\n\n"
        b"C:Q1" + of_curl * 27 + b"=\nP:curl\nV:8.22.0-r0\nT:URL retrival utility and library\n\n"
    )


INSTALLED = (
    installed(b"X", b"20261130.180217"),
    installed(b"Y", b"20261130.180253"),
    (
        installed(b"X", b"20261130.180217", b"B"),
        installed(b"X", b"1.0"),
        installed(b"Y", b"20261130.180217", text=b"a package"),
        b"",
    ),
)
CASES: dict[str, tuple[bytes, bytes, tuple[bytes, ...]]] = {
    "/root/.npm/_cacache/index-v5/00/22/file": (
        npm_line({"key": "file:/x.tgz", "time": NOW, "size": 3}),
        npm_line({"key": "file:/x.tgz", "time": LATER, "size": 3}),
        (npm_line({"key": "file:/x.tgz", "time": NOW, "size": 4}), npm_entry(NOW)),
    ),
    f"{STORE}/v10/index/00/60-bcrypt@5.1.1.json": (
        pnpm_index(NOW),
        pnpm_index(LATER),
        (pnpm_index(NOW, size=4), pnpm_index(NOW, entry="linux;x64;node22"), pnpm_index(12)),
    ),
    f"{STORE}/v3/files/00/60-index.json": (
        pnpm_index(NOW),
        pnpm_index(LATER),
        (pnpm_index(NOW, size=4),),
    ),
    "/root/.cache/pnpm/metadata-v1.3/registry/pnpm.json": (
        b'{"versions":{"1.0.0":{"name":"pnpm"}},"cachedAt":1795889230123}',
        b'{"versions":{"1.0.0":{"name":"pnpm","dependencies":{}}},"cachedAt":1795892774123}',
        (
            b'{"versions":{"1.0.0":{"name":"pnpn"}},"cachedAt":1795889230123}',
            b'{"versions":{"1.0.0":{"name":"pnpm"}},"checked":1795889230123}',
            b'{"versions":{"1.0.0":{"name":"pnpm","dependencies":{"a":"1"}}},"cachedAt":1795889230123}',
            b'{"versions":{"1.0.0":{"name":"pnpm","devDependencies":{}}},"cachedAt":1795889230123}',
        ),
    ),
    "/root/.local/state/pnpm/pnpm-state.json": (
        b'{\n  "lastUpdateCheck": "Sun, 29 Nov 2026 13:40:12 GMT"\n}\n',
        b'{\n  "lastUpdateCheck": "Mon, 30 Nov 2026 01:02:03 GMT"\n}\n',
        (b'{\n  "lastUpdateCheck": "never"\n}\n',),
    ),
    "/app/.yarn/install-state.gz": (
        serialized(*ENTRIES),
        serialized(ENTRIES[1].replace(b"I\x04T", b"TI\x04"), ENTRIES[0]),
        (
            serialized(ENTRIES[0]),
            serialized(ENTRIES[0], ENTRIES[1].replace(b"T", b"F")),
            serialized(*ENTRIES, end=b"x"),
            serialized(b'"\x01x^\x00', ENTRIES[1]),
            serialized(b"?", ENTRIES[1]),
            serialized(*ENTRIES)[:-9],
        ),
    ),
    "/app/node_modules/.modules.yaml": (
        MODULES,
        MODULES.replace(b"13:40", b"14:41"),
        (MODULES.replace(b"5", b"6"), MODULES.replace(b"GMT", b"CET")),
    ),
    "/app/node_modules/.pnpm-workspace-state-v1.json": (
        b'{\n  "lastValidatedTimestamp": 1795889230123,\n  "projects": {}\n}',
        b'{\n  "lastValidatedTimestamp": 1795892774123,\n  "projects": {}\n}',
        (b'{\n  "lastValidatedTimestamp": 1795889230123,\n  "projects": {"/app": {}}\n}',),
    ),
    "/tmp/node-compile-cache/v22.1.0-arm64-2b4477fa-0/00bf0630": (
        compiled(9, 7, b"abc", 1),
        compiled(9, 7, b"abcde", 2),
        (compiled(8, 7, b"abc", 1), compiled(9, 8, b"abc", 1), b"short", bytes(30)),
    ),
    "/app/.venv/lib/python3.12/site-packages/x-0.1.0.dist-info/uv_cache.json": (
        UV % (1796010282, 38742991),
        UV % (1796010999, 1),
        (UV.replace(b"null", b'"abc"') % (1796010282, 38742991), b"{}"),
    ),
    "/app/.venv/lib/python3.12/site-packages/x-0.1.0.dist-info/RECORD": (
        UV_RECORD % (b"a" * 43, 194),
        UV_RECORD % (b"-" * 43, 193),
        (UV_RECORD.replace(b"=bc", b"=bd") % (b"a" * 43, 194), UV_RECORD % (b"a" * 42, 194)),
    ),
    "/tmp/v8-compile-cache-0/11.3/zSrootzSx.MAP": (
        b'{"/root/x.js":["ab12",0,2325152]}',
        b'{"/root/x.js":["ab12",0,2325200]}',
        (b'{"/root/x.js":["ab13",0,2325152]}', b'{"/root/y.js":["ab12",0,2325152]}', b"[]", b'{"x":3}'),
    ),
    "/tmp/v8-compile-cache-0/11.3/zSrootzSx.BLOB": (
        bytes(16) + b"code",
        bytes(16) + b"more code",
        (b"\1" + bytes(15) + b"code", bytes(15) + b"\1code", bytes(15)),
    ),
    "/root/.npm/_cacache/index-v5/00/11/x": (
        npm_entry(1, etag="a"),
        npm_entry(2, etag="a"),
        (
            npm_entry(1, size=4, etag="a"),
            npm_entry(1),
            npm_entry(1, etag="a") * 2,
            npm_entry(1, etag="a") + b"x",
            b"\nx\t{}",
        ),
    ),
    "/var/log/dpkg.log": (
        DPKG,
        DPKG.replace(b"18:24:2", b"18:25:0"),
        (DPKG.replace(b"2024a", b"2024b"), DPKG + b"more\n", b""),
    ),
    "/var/log/apt/history.log": (
        b"\nStart-Date: 2026-11-28  18:24:21\nInstall: a\n",
        b"\nStart-Date: 2026-11-29  01:04:01\nInstall: a\n",
        (b"\nStart-Date: 2026-11-28  18:24:21\nInstall: b\n", b"\nStart-Date: never\nInstall: a\n"),
    ),
    "/var/log/apt/term.log": (
        TERM,
        TERM.replace(b"a/+", b"/b+").replace(b":21", b":59"),
        (TERM.replace(b"(RSA)", b"(ECDSA)"), TERM.replace(b"a/+a", b"a"), TERM + b"W: fallen back\n"),
    ),
    "/var/log/alternatives.log": (
        b"update-alternatives 2026-11-28 18:24:21: run with --install /usr/bin/vi\n",
        b"update-alternatives 2026-11-28 18:24:40: run with --install /usr/bin/vi\n",
        (b"update-alternatives 2026-11-28 18:24:40: run with --install /usr/bin/ex\n",),
    ),
    "/var/log/apk.log": (
        b"\nRunning `apk add git` at 2026-11-30 14:34:36\napk-tools 3.0.8-r0, compiled for x86_64.\n",
        b"\nRunning `apk add git` at 2026-11-30 14:40:01\napk-tools 3.0.8-r0, compiled for x86_64.\n",
        (b"\nRunning `apk add git` at 2026-11-30 14:40:01\napk-tools 3.0.8-r0, compiled for aarch64.\n",),
    ),
    "/etc/apk/world": (
        b".build-deps=20261130.180217\ncurl\n",
        b".build-deps=20261130.180253\ncurl\n",
        (
            b".build-deps=20261130.180253\n",
            b".build-deps=1.0\ncurl\n",
            b".build-deps=20261130.180253-r1\ncurl\n",
            b".other-deps=20261130.180253\ncurl\n",
        ),
    ),
    "/lib/apk/db/installed": INSTALLED,
    "/usr/lib/apk/db/installed": INSTALLED,
    "/var/cache/ldconfig/aux-cache": (
        aux_cache(1, *LIBRARIES),
        aux_cache(2, *LIBRARIES[::-1]),
        (
            aux_cache(1, LIBRARIES[0]),
            aux_cache(1, LIBRARIES[0], ("libm.so.6", 2001)),
            aux_cache(1, LIBRARIES[0], ("libm.so.7", 2000)),
            aux_cache(1, *LIBRARIES, flags=0x304),
            aux_cache(1, *LIBRARIES)[:-1],
            b"",
        ),
    ),
    "/var/cache/apt/pkgcache.bin": (
        apt_cache(NOW),
        apt_cache(LATER, padding=0x55, checksum=6),
        (
            apt_cache(LATER, more=b"y" * 24),
            apt_cache(12),
            apt_cache(LATER) + b"1",
            apt_cache(NOW).replace(b"\x18", b"\x19", 1),
            apt_cache(NOW).replace(b"packages", b"packaged"),
            b"\0" + apt_cache(NOW)[1:],
        ),
    ),
    "/var/cache/apt/srcpkgcache.bin": (apt_cache(NOW), apt_cache(LATER), (apt_cache(0),)),
    "/usr/lib/__pycache__/a.cpython-311.pyc": (
        pyc(NOW),
        pyc(LATER),
        (pyc(LATER, 2), pyc(LATER, (1, 2)), pyc(NOW), pyc(LATER)[:12] + b"\7" + pyc(LATER)[13:]),
    ),
    "/usr/lib/a.pyc": (pyc(NOW), pyc(LATER), (pyc(LATER, 2),)),
    "/x/__pycache__/b.cpython-311.pyc": (  # without a source beside it, on either side
        pyc(NOW, "/tmp/pip-target-abcd_123/lib/python/six.py"),
        pyc(LATER, "/tmp/pip-target-efgh0456/lib/python/six.py"),
        (
            pyc(LATER, "/tmp/pip-target-efgh0456/lib/python/sox.py"),
            pyc(LATER, "/tmp/pip-build-efgh0456/lib/python/sixx.py"),
        ),
    ),
    "/usr/share/doc/x.gz": (
        stamped(b"text", NOW),
        stamped(b"text", LATER),
        (stamped(b"test", NOW), b"text", stamped(b"text", NOW)[:9] + b"\7" + stamped(b"text", NOW)[10:]),
    ),
    "/var/cache/fontconfig/ab-le64.cache-8": (
        fontconfig(NOW, 3),
        fontconfig(LATER, 999_999_999),
        (fontconfig(NOW, 3, b"/usr/share/fonds"), b"\1" + fontconfig(NOW, 3)[1:], fontconfig(NOW, 3) + b"1"),
    ),
    "/etc/shadow": (
        SHADOW,
        SHADOW.replace(b"20420", b"20421"),
        (SHADOW.replace(b"!", b"*"), SHADOW.replace(b"99999", b"99998"), SHADOW.replace(b"20420", b"")),
    ),
    "/etc/shadow-": (SHADOW, SHADOW.replace(b"20420", b"20421"), (b"",)),
    "/etc/machine-id": (
        b"0123456789abcdef" * 2 + b"\n",
        b"f" * 32 + b"\n",
        (b"", b"uninitialized\n", b"f" * 33 + b"\n"),
    ),
    "/var/lib/dbus/machine-id": (b"a" * 32 + b"\n", b"b" * 32 + b"\n", (b"b" * 31 + b"\n",)),
    "/etc/ssh/ssh_host_rsa_key": (PRIVATE % b"abc", PRIVATE % b"xyz", (PRIVATE % b"wxyz", b"", RSA % b"a")),
    "/etc/ssh/ssh_host_rsa_key.pub": (
        RSA % b"abc",
        RSA % b"xyz",
        (RSA % b"abcd", RSA.replace(b"rsa", b"dsa") % b"abc", RSA.replace(b"@x", b"@y") % b"abc"),
    ),
    "/root/.cache/go-build/0a/0a-a": (
        GO_ENTRY,
        GO_ENTRY.replace(b"1795928022738980029", b"1795928022738980030"),
        (GO_ENTRY.replace(b"58", b"59"), GO_ENTRY.replace(b"1b1b ", b"1b1c "), GO_ENTRY[:-1], b""),
    ),
    "/root/.cache/go-build/trim.txt": (b"1795927792", b"1795927475", (b"", b"1795927475\n", b"never")),
    "/root/.config/go/telemetry/local/weekends": (b"5\n", b"0\n", (b"7\n", b"", b"55\n")),
    "/root/.config/go/telemetry/local/asm@go1.26.8-go1.26.8-linux-arm64-2026-11-29.v1.count": (
        go_counts(b"2026-12-04"),
        go_counts(b"2026-12-05", counts=b"x" * 16192),
        (go_counts(b"2026-12-04", b"cmd/compile"), go_counts(b"2026-12-04")[1:], b""),
    ),
    "/app/app.jar": (jar(2024), jar(2025), (jar(2025, b"c"), jar(2025)[:-9], b"")),
    "/srv/a.war": (jar(2024), jar(2025), (jar(2025, b"c"),)),
    "/srv/a.ear": (jar(2024), jar(2025), (jar(2025, b"c"),)),
}  # fmt: skip


@pytest.mark.parametrize("path", CASES)
def test_what_is_excused(path: str) -> None:
    one, two, _ = CASES[path]
    assert one != two
    assert refused(path, one, two) is None
    assert refused(path, two, one, (LATER, NOW)) is None


WRONG = [(path, number) for path, (_, _, others) in CASES.items() for number in range(len(others))]


@pytest.mark.parametrize(("path", "number"), WRONG)
def test_what_is_not(path: str, number: int) -> None:
    one, _, others = CASES[path]
    assert refused(path, one, others[number])
    assert refused(path, others[number], one, (LATER, NOW))


def test_every_row_has_a_case() -> None:
    for row in EXCUSES:
        assert any(row.fits(path, row.what) for path in (*CASES, *NOT_COMPARED)), row.pattern


@pytest.mark.parametrize(
    "path",
    ["/var/log/apt.log", "/srv/var/log/dpkg.log", "/etc/passwd", "/etc/ssh/ssh_config", "/a/x.pyc.txt",
     "/var/cache/apt/archives/pkgcache.bin", "/var/cache/fontconfig/ab-le32d4.cache-8"],
)  # fmt: skip
def test_other_paths_have_no_row(path: str) -> None:
    assert not any(row.fits(path, aspect) for row in EXCUSES for aspect in Aspect)


def test_contents_are_compared_where_a_row_excuses_them() -> None:
    assert all((row.what is Aspect.CONTENT) == (row.compare is not None) for row in EXCUSES)


NOT_COMPARED = {
    "/root/.npm/_logs/2026-11-29T06_22_57_251Z-debug-0.log": {Aspect.PRESENCE},
    "/home/node/.npm/_logs/x-debug-12.log": {Aspect.PRESENCE},
    "/tmp/node-compile-cache": {Aspect.PRESENCE},
    "/tmp/node-compile-cache/v22.1.0-arm64-2b4477fa-0/00bf0630": {Aspect.PRESENCE, Aspect.CONTENT},
    "/tmp/v8-compile-cache-0": {Aspect.PRESENCE},
    "/tmp/v8-compile-cache-0/11.3/zSrootzSx.BLOB": {Aspect.PRESENCE, Aspect.CONTENT},
    "/tmp/v8-compile-cache-0/11.3/zSrootzSx.js": {Aspect.PRESENCE},
    "/tmp/yarn--1796010282791-0.343633329860493": {Aspect.PRESENCE},
    "/tmp/yarn--1796010282791-0.343633329860493/node": {Aspect.PRESENCE},
    "/tmp/yarn-cache": set(),
    "/tmp": {Aspect.TIME},
    "/root/.npm/_logs/notes.log": set(),
    "/tmp/node-compile-cache.js": set(),
    "/tmp/other": set(),
    "/srv/tmp": set(),
}


@pytest.mark.parametrize("path", NOT_COMPARED)
def test_what_may_be_missing(path: str) -> None:
    assert {a for row in EXCUSES for a in Aspect if row.fits(path, a)} == NOT_COMPARED[path]


def test_compiled_python_that_would_be_made_anew() -> None:
    """The header has to fit the source in both trees, or in neither."""
    path = "/usr/lib/__pycache__/a.cpython-311.pyc"
    assert refused(path, pyc(NOW), pyc(LATER), (NOW, NOW)) == (
        "one is for its source and would be used, the other not"
    )
    assert refused(path, pyc(NOW), pyc(LATER), (1, 2)) is None
    checked = (pyc(NOW, flags=1), pyc(LATER, flags=1))
    assert refused(path, *checked) == "byte 8"


def test_a_byte_order_is_found() -> None:
    big = aux_cache(1, *LIBRARIES, order=">"), aux_cache(2, *LIBRARIES, order=">")
    assert refused("/var/cache/ldconfig/aux-cache", *big) is None


def test_other_versions_of_apt_have_no_padding_there() -> None:
    one, two = apt_cache(NOW), apt_cache(NOW, padding=0x55)
    newer = one[:4] + b"\x19" + one[5:], two[:4] + b"\x19" + two[5:]
    assert refused("/var/cache/apt/pkgcache.bin", *newer) == "byte 21, in the header"


def test_the_page_has_the_table() -> None:
    shown = re.findall(r"^\| `(.+?)` \| (.+?) \| (.+?) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert shown == [(row.pattern, row.reason, row.grounds) for row in EXCUSES]
