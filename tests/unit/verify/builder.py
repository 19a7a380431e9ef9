"""Builds what the tests read: ELF files, Go build information, layers, and images in every form on disk."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import struct
import sys
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xbuild.platforms import MACHINES

if sys.version_info >= (3, 14):
    from compression import zstd

    def zstd_compress(data: bytes) -> bytes:
        return zstd.compress(data)
else:
    import zstandard

    def zstd_compress(data: bytes) -> bytes:
        return zstandard.ZstdCompressor().compress(data)


# --- ELF ---


@dataclass(frozen=True)
class Elf:
    """An ELF file to be: `architecture` gives machine, class and byte order unless they are given."""

    architecture: str = "amd64"
    kind: int = 2
    machine: int | None = None
    bits: int | None = None
    little: bool | None = None
    osabi: int = 0
    flags: int = 0
    interpreter: str | None = None
    needed: tuple[str, ...] = ()
    runpath: str | None = None
    rpath: str | None = None
    soname: str | None = None
    versions: tuple[tuple[str, tuple[str, ...]], ...] = ()
    x86_level: int = 0
    arm_arch: int | None = None
    arm_vfp: int | None = None
    go: bytes | None = None
    go_old: tuple[str, str] | None = None

    def build(self) -> bytes:
        return _Writer(self).build()


class _Writer:
    """Lays segments out one after the other, file offset equal to address."""

    def __init__(self, elf: Elf) -> None:
        machine = MACHINES[elf.architecture]
        self.elf = elf
        self.number = machine.number if elf.machine is None else elf.machine
        self.wide = (elf.bits or machine.bits) == 64
        self.little = machine.little_endian if elf.little is None else elf.little
        self.order = "<" if self.little else ">"
        self.body = bytearray()
        self.segments: list[tuple[int, int, int, int]] = []
        self.sections: list[tuple[str, int, int, int]] = []
        self.base = 64 + 8 * 56

    def put(self, data: bytes, align: int = 16) -> int:
        self.body += bytes(-(self.base + len(self.body)) % align)
        at = self.base + len(self.body)
        self.body += data
        return at

    def word(self, *values: int) -> bytes:
        return struct.pack(self.order + ("Q" if self.wide else "I") * len(values), *values)

    def build(self) -> bytes:
        elf = self.elf
        if elf.interpreter is not None:
            raw = elf.interpreter.encode() + b"\0"
            self.segments.append((3, 4, self.put(raw), len(raw)))
        if elf.needed or elf.soname or elf.runpath or elf.rpath or elf.kind == 3:
            self.dynamic()
        if elf.x86_level:
            self.note()
        if elf.arm_arch is not None or elf.arm_vfp is not None:
            self.attributes()
        if elf.go_old is not None:
            self.old_go(*elf.go_old)
        if elf.go is not None:
            at = self.put(elf.go)
            self.sections.append((".go.buildinfo", 1, at, len(elf.go)))
        return self.file()

    def dynamic(self) -> None:
        elf = self.elf
        table = bytearray(b"\0")
        entries: list[int] = []
        pairs = [(1, name) for name in elf.needed]
        pairs += [(tag, text) for tag, text in ((14, elf.soname), (15, elf.rpath), (29, elf.runpath)) if text]
        for tag, text in pairs:
            entries += [tag, len(table)]
            table += text.encode() + b"\0"
        if elf.versions:
            entries += [0x6FFFFFFE, self.put(self.wanted(table)), 0x6FFFFFFF, len(elf.versions)]
        at = self.put(bytes(table))
        raw = self.word(*entries, 5, at, 10, len(table), 0, 0)
        self.segments.append((2, 6, self.put(raw), len(raw)))

    def wanted(self, table: bytearray) -> bytes:
        """`.gnu.version_r`: a record per library, each followed by those of its versions."""
        blocks = []
        for number, (library, versions) in enumerate(self.elf.versions, 1):
            size = 16 * (1 + len(versions))
            following = size if number < len(self.elf.versions) else 0
            blocks.append(struct.pack(self.order + "HHIII", 1, len(versions), len(table), 16, following))
            table += library.encode() + b"\0"
            for place, version in enumerate(versions, 1):
                step = 16 if place < len(versions) else 0
                blocks.append(struct.pack(self.order + "IHHII", 0, 0, place + 1, len(table), step))
                table += version.encode() + b"\0"
        return b"".join(blocks)

    def note(self) -> None:
        bits = (1 << self.elf.x86_level) - 1
        value = struct.pack(self.order + "III", 0xC0008002, 4, bits) + (b"\0" * 4 if self.wide else b"")
        raw = struct.pack(self.order + "III", 4, len(value), 5) + b"GNU\0" + value
        self.segments.append((4, 4, self.put(raw), len(raw)))

    def attributes(self) -> None:
        tags = b""
        if self.elf.arm_arch is not None:
            tags += bytes([5]) + b"name\0" + bytes([6, self.elf.arm_arch])
        if self.elf.arm_vfp is not None:
            tags += bytes([28, self.elf.arm_vfp])
        body = b"\x01" + struct.pack(self.order + "I", len(tags) + 5) + tags
        section = b"aeabi\0" + body
        raw = b"A" + struct.pack(self.order + "I", len(section) + 4) + section
        self.sections.append((".ARM.attributes", 0x70000003, self.put(raw), len(raw)))

    def old_go(self, version: str, text: str) -> None:
        """Build information as Go before 1.18 wrote it: pointers to Go strings."""
        framed = b"\x01" * 16 + text.encode() + b"\x02" * 16
        strings = [self.put(self.word(self.put(raw), len(raw))) for raw in (version.encode(), framed)]
        size = 8 if self.wide else 4
        head = b"\xff Go buildinf:" + bytes([size, 0 if self.little else 1]) + self.word(*strings)
        at = self.put(head.ljust(32, b"\0"))
        self.sections.append((".go.buildinfo", 1, at, 32))

    def file(self) -> bytes:
        names = bytearray(b"\0")
        rows = [(0, 0, 0, 0)]
        for name, kind, at, size in [*self.sections, (".shstrtab", 3, 0, 0)]:
            rows.append((len(names), kind, at, size))
            names += name.encode() + b"\0"
        rows[-1] = (rows[-1][0], 3, self.put(bytes(names)), len(names))
        section_format = self.order + ("IIQQQQIIQQ" if self.wide else "IIIIIIIIII")
        packed = [struct.pack(section_format, n, k, 0, a, a, s, 0, 0, 1, 0) for n, k, a, s in rows]
        section_at = self.put(b"".join(packed))
        total = self.base + len(self.body)
        segments = [(1, 6, 0, total), *self.segments]
        rows_of_segments = b"".join(self.segment(*segment) for segment in segments)
        ident = (
            b"\x7fELF" + bytes([2 if self.wide else 1, 1 if self.little else 2, 1, self.elf.osabi]) + bytes(8)
        )
        header_size, segment_size = (64, 56) if self.wide else (52, 32)
        header = struct.pack(
            self.order + ("HHIQQQIHHHHHH" if self.wide else "HHIIIIIHHHHHH"),
            self.elf.kind,
            self.number,
            1,
            0,
            header_size,
            section_at,
            self.elf.flags,
            header_size,
            segment_size,
            len(segments),
            64 if self.wide else 40,
            len(rows),
            len(rows) - 1,
        )
        head = ident + header + rows_of_segments
        return head + bytes(self.base - len(head)) + bytes(self.body)

    def segment(self, kind: int, flags: int, at: int, size: int) -> bytes:
        if self.wide:
            return struct.pack(self.order + "IIQQQQQQ", kind, flags, at, at, at, size, size, 16)
        return struct.pack(self.order + "IIIIIIII", kind, at, at, at, size, size, flags, 16)


def go_blob(version: str, text: str) -> bytes:
    """Build information as Go 1.18 and later write it: inline."""
    framed = b"\x01" * 16 + text.encode() + b"\x02" * 16 if text else b""
    head = b"\xff Go buildinf:" + bytes([8, 2]) + bytes(16)
    return head + _counted(version.encode()) + _counted(framed)


def _counted(data: bytes) -> bytes:
    length, size = len(data), bytearray()
    while True:
        size.append(length & 0x7F | (0x80 if length > 0x7F else 0))
        length >>= 7
        if not length:
            return bytes(size) + data


def go_text(deps: Iterable[str] = (), **settings: str) -> str:
    """The text of build information with these `dep` columns and settings (`tags` stands for `-tags`)."""
    lines = ["path\texample.com/app", "mod\texample.com/app\t(devel)\t"]
    lines += ["dep\t" + dep for dep in deps]
    lines += [f"build\t{'-tags' if key == 'tags' else key}={value}" for key, value in settings.items()]
    return "\n".join(lines) + "\n"


def go_program(
    architecture: str, deps: Iterable[str] = (), version: str = "go1.23.4", **settings: str
) -> bytes:
    """A static Go program for an architecture; settings override the fitting ones."""
    values = {"CGO_ENABLED": "0", "GOARCH": architecture, "GOOS": "linux", **settings}
    return Elf(architecture, go=go_blob(version, go_text(deps, **values))).build()


# --- layers ---


@dataclass(frozen=True)
class Item:
    """One member of a layer."""

    path: str
    content: bytes = b""
    mode: int = 0o755
    kind: bytes = tarfile.REGTYPE
    link: str = ""
    uid: int = 0
    gid: int = 0
    mtime: int = 0
    device: tuple[int, int] = (0, 0)
    records: tuple[tuple[str, str], ...] = ()
    """Pax records."""


def folder(path: str, mode: int = 0o755) -> Item:
    return Item(path, mode=mode, kind=tarfile.DIRTYPE)


def symlink(path: str, target: str) -> Item:
    return Item(path, kind=tarfile.SYMTYPE, link=target)


def hardlink(path: str, target: str) -> Item:
    return Item(path, kind=tarfile.LNKTYPE, link=target)


def layer_tar(items: Iterable[Item], form: int = tarfile.PAX_FORMAT) -> bytes:
    """An uncompressed layer."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as tar:
        for item in items:
            info = tarfile.TarInfo(item.path)
            info.type, info.mode, info.linkname = item.kind, item.mode, item.link
            info.uid, info.gid, info.mtime = item.uid, item.gid, item.mtime
            info.devmajor, info.devminor = item.device
            info.pax_headers = dict(item.records)
            info.size = len(item.content) if item.kind == tarfile.REGTYPE else 0
            tar.addfile(info, io.BytesIO(item.content))
    return buffer.getvalue()


def _sealed(header: bytes) -> bytes:
    """A tar header with its checksum."""
    blank = header[:148] + b" " * 8 + header[156:]
    return blank[:148] + b"%06o\0 " % sum(blank) + blank[156:]


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 512)


def _pax_records(records: Iterable[tuple[str, object]]) -> bytes:
    block = b""
    for key, value in records:
        rest = f" {key}={value}\n".encode()
        length = len(rest) + 1
        while len(str(length)) + len(rest) != length:
            length = len(str(length)) + len(rest)
        block += str(length).encode() + rest
    info = tarfile.TarInfo("PaxHeaders/x")
    info.type, info.size = tarfile.XHDTYPE, len(block)
    return info.tobuf(tarfile.USTAR_FORMAT) + _padded(block)


def sparse_tar(name: str, content: bytes, form: str, segments: Sequence[tuple[int, int]]) -> bytes:
    """A tar with one sparse file; `segments` are the parts that are stored, the rest of `content` is zeros.

    `form` is `gnu` for the old one, else the version of the pax form (GNU tar manual, "Sparse Formats").
    """
    data = b"".join(content[offset : offset + length] for offset, length in segments)
    numbers = [number for segment in segments for number in segment]
    info = tarfile.TarInfo(name)
    info.mode = 0o755
    if form == "gnu":
        return _gnu_sparse(info, data, numbers, len(content)) + bytes(1024)
    flat = ",".join(map(str, numbers))
    records: list[tuple[str, object]]
    if form == "0.0":
        keys = ("GNU.sparse.offset", "GNU.sparse.numbytes")
        records = [("GNU.sparse.size", len(content)), ("GNU.sparse.numblocks", len(segments))]
        records += [(keys[at % 2], number) for at, number in enumerate(numbers)]
    elif form == "0.1":
        records = [("GNU.sparse.size", len(content)), ("GNU.sparse.name", name), ("GNU.sparse.map", flat)]
    else:
        data = _padded("".join(f"{number}\n" for number in (len(segments), *numbers)).encode()) + data
        records = [("GNU.sparse.major", 1), ("GNU.sparse.minor", 0), ("GNU.sparse.name", name)]
        records.append(("GNU.sparse.realsize", len(content)))
    info.size = len(data)
    if form != "0.0":
        info.name = "GNUSparseFile.1/" + name
    return _pax_records(records) + info.tobuf(tarfile.USTAR_FORMAT) + _padded(data) + bytes(1024)


def _gnu_sparse(info: tarfile.TarInfo, data: bytes, numbers: Sequence[int], size: int) -> bytes:
    info.type, info.size = tarfile.GNUTYPE_SPARSE, len(data)
    fields = [b"%011o\0" % number for number in numbers]
    first, rest = b"".join(fields[:8]), fields[8:]
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[386 : 386 + len(first)] = first
    header[482] = bool(rest)
    header[483:495] = b"%011o\0" % size
    blocks = b""
    while rest:
        table, rest = b"".join(rest[:42]), rest[42:]
        blocks += table.ljust(504, b"\0") + bytes([bool(rest)]) + bytes(7)
    return _sealed(bytes(header)) + blocks + _padded(data)


# --- images ---

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"


@dataclass(frozen=True)
class Built:
    """One platform of an image: its layers from the first, and the config fields that matter."""

    platform: str
    layers: Sequence[Sequence[Item]]
    entrypoint: Sequence[str] = ()
    cmd: Sequence[str] = ()
    env: Sequence[str] = ("PATH=/usr/local/bin:/usr/bin:/bin",)
    working_dir: str = "/"
    config_platform: str | None = None
    created_by: Sequence[str] = ()
    tars: Sequence[bytes] | None = None
    """Layers as they are, instead of `layers`."""
    compression: str = "gzip"
    comment: str = "buildkit.dockerfile.v0"

    def config(self, diff_ids: Sequence[str]) -> dict[str, Any]:
        names = ("os", "architecture", "variant")
        claimed = self.platform if self.config_platform is None else self.config_platform
        created_by = self.created_by or [f"COPY layer{n} / # buildkit" for n in range(len(self.layers))]
        return {
            **dict(zip(names, claimed.split("/"), strict=False)),
            "config": {
                "Env": list(self.env),
                "Entrypoint": list(self.entrypoint) or None,
                "Cmd": list(self.cmd) or None,
                "WorkingDir": self.working_dir,
                "User": "65532",
                "Labels": {"a": "b"},
                "ExposedPorts": {"8080/tcp": {}},
            },
            "history": [
                *({"created_by": text, "comment": self.comment} for text in created_by),
                {"created_by": "CMD", "empty_layer": True, "comment": "buildkit.dockerfile.v0"},
            ],
            "rootfs": {"type": "layers", "diff_ids": list(diff_ids)},
        }


def compress(data: bytes, how: str) -> bytes:
    if how == "gzip":
        return gzip.compress(data, 1)
    return zstd_compress(data) if how == "zstd" else data


@dataclass
class Layout:
    """An OCI layout directory in the making."""

    root: Path
    docker_types: bool = False
    entries: list[dict[str, Any]] = field(default_factory=list)

    def blob(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        path = self.root / "blobs" / "sha256" / digest
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return f"sha256:{digest}"

    def descriptor(self, data: bytes, media_type: str, **more: Any) -> dict[str, Any]:
        return {"mediaType": media_type, "digest": self.blob(data), "size": len(data), **more}

    def json(self, value: Any, media_type: str, **more: Any) -> dict[str, Any]:
        return self.descriptor(json.dumps(value).encode(), media_type, **more)

    def image(self, built: Built) -> dict[str, Any]:
        """Write one platform; its descriptor."""
        tars = built.tars or [layer_tar(items) for items in built.layers]
        diff_ids = ["sha256:" + hashlib.sha256(tar).hexdigest() for tar in tars]
        layer_type = DOCKER_LAYER + ".gzip" if self.docker_types else OCI_LAYER + "+" + built.compression
        layers = [self.descriptor(compress(tar, built.compression), layer_type) for tar in tars]
        config_type = DOCKER_CONFIG if self.docker_types else OCI_CONFIG
        manifest = {
            "schemaVersion": 2,
            "config": self.json(built.config(diff_ids), config_type),
            "layers": layers,
        }
        names = ("os", "architecture", "variant")
        platform = dict(zip(names, built.platform.split("/"), strict=False))
        return self.json(manifest, DOCKER_MANIFEST if self.docker_types else OCI_MANIFEST, platform=platform)

    def attestation(self, subject: str) -> dict[str, Any]:
        """An attestation manifest as BuildKit adds one per platform."""
        config = self.json({"subject": subject}, OCI_CONFIG)
        manifest = {"schemaVersion": 2, "config": config, "layers": []}
        return self.json(
            manifest,
            OCI_MANIFEST,
            platform={"os": "unknown", "architecture": "unknown"},
            annotations={
                "vnd.docker.reference.type": "attestation-manifest",
                "vnd.docker.reference.digest": subject,
            },
        )

    def index(self, manifests: Sequence[dict[str, Any]]) -> dict[str, Any]:
        media_type = DOCKER_INDEX if self.docker_types else OCI_INDEX
        return self.json(
            {"schemaVersion": 2, "mediaType": media_type, "manifests": list(manifests)}, media_type
        )

    def finish(self, *manifests: dict[str, Any]) -> Path:
        (self.root / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        (self.root / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": list(manifests)}))
        return self.root


def write_layout(root: Path, *images: Built, nested: bool = True, docker_types: bool = False) -> Path:
    """An OCI layout with these platforms, each with an attestation, below one index as BuildKit writes it."""
    root.mkdir(parents=True, exist_ok=True)
    layout = Layout(root, docker_types)
    manifests = [layout.image(built) for built in images]
    manifests += [layout.attestation(manifest["digest"]) for manifest in list(manifests)]
    return layout.finish(*([layout.index(manifests)] if nested else manifests))


def write_archive(path: Path, layout: Path) -> Path:
    """The OCI archive of a layout."""
    with tarfile.open(path, "w") as tar:
        tar.add(layout, arcname=".")
    return path


def write_classic(path: Path, built: Built) -> Path:
    """What `docker save` wrote before engine 25; equal layers are links to the first one."""
    tars = [layer_tar(items) for items in built.layers]
    diff_ids = ["sha256:" + hashlib.sha256(tar).hexdigest() for tar in tars]
    config = json.dumps(built.config(diff_ids)).encode()
    name = hashlib.sha256(config).hexdigest() + ".json"
    folders = [f"{number:064d}" for number in range(len(tars))]
    listed = [
        {"Config": name, "RepoTags": ["app:1"], "Layers": [f"{folder}/layer.tar" for folder in folders]}
    ]
    items = [Item(name, config), Item("manifest.json", json.dumps(listed).encode())]
    for number, (layer, diff_id) in enumerate(zip(folders, diff_ids, strict=True)):
        first = diff_ids.index(diff_id)
        if first < number:
            items.append(symlink(f"{layer}/layer.tar", f"../{folders[first]}/layer.tar"))
        else:
            items.append(Item(f"{layer}/layer.tar", tars[number]))
    path.write_bytes(layer_tar(items))
    return path
