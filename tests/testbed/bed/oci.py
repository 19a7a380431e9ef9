"""Images as blobs and descriptors on disk; from there into an engine and into a registry."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import io
import json
import subprocess
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from . import files
from .process import BedError

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
DATE = "2025-01-01T00:00:00Z"
LARGE = 100 << 20  # layers beyond this are not worth compressing for one machine
CHUNK = 1 << 20

Descriptor = dict[str, Any]


@dataclass(frozen=True)
class Layer:
    media_type: str
    digest: str
    size: int
    diff_id: str
    title: str


@dataclass(frozen=True)
class Platform:
    """`linux/arm/v7`, with Debian's name for it, and the Debian release that its images are made of."""

    name: str
    debian: str
    suite: str = "bookworm"

    @property
    def key(self) -> str:
        """Tells apart what is made for it."""
        return self.debian if self.suite == "bookworm" else f"{self.debian}-{self.suite}"

    @property
    def fields(self) -> dict[str, str]:
        words = self.name.split("/")
        found = {"os": words[0], "architecture": words[1]}
        return {**found, "variant": words[2]} if len(words) > 2 else found


@dataclass(frozen=True)
class Store:
    """All images together: `blobs` by digest, `images` by name, `layers` by what they were made from."""

    folder: Path

    def blob(self, digest: str) -> Path:
        return self.folder / "blobs" / digest.replace(":", "/")

    def put(self, content: bytes) -> tuple[str, int]:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        path = self.blob(digest)
        if not path.exists():
            files.write(path, content)
        return digest, len(content)

    def put_json(self, media_type: str, value: object) -> Descriptor:
        digest, size = self.put(json.dumps(value, separators=(",", ":")).encode())
        return {"mediaType": media_type, "digest": digest, "size": size}

    def get_json(self, digest: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.blob(digest).read_bytes())
        return found

    def known_layer(self, key: str) -> Layer | None:
        path = self.folder / "layers" / f"{key}.json"
        return Layer(**json.loads(path.read_text())) if path.exists() else None

    def add_layer(self, key: str, root: Path, title: str) -> Layer:
        """Pack a tree; remembered under `key` so that it need not be made again."""
        layer = _pack(self, root, title)
        files.write(self.folder / "layers" / f"{key}.json", json.dumps(asdict(layer)))
        return layer

    def add_image(self, names: Iterable[str], manifests: Iterable[Descriptor]) -> Descriptor:
        index = self.put_json(INDEX, {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(manifests)})
        for name in names:
            files.write(self._image(name), json.dumps(index))
        return index

    def image(self, name: str) -> Descriptor | None:
        path = self._image(name)
        if not path.exists():
            return None
        found: Descriptor = json.loads(path.read_text())
        return found

    def manifests(self, name: str) -> list[Descriptor]:
        """What that image has, a platform each."""
        index = self.image(name)
        found: list[Descriptor] = self.get_json(index["digest"])["manifests"] if index else []
        return found

    def sweep(self) -> None:
        """Remove what a kill left of a large file."""
        files.sweep(self.folder / "blobs/sha256")

    def _image(self, name: str) -> Path:
        return self.folder / "images" / f"{name.replace('/', '!')}.json"

    def blobs_of(self, index: Descriptor) -> Iterator[Descriptor]:
        """Everything an image consists of, parts before wholes."""
        for manifest in self.get_json(index["digest"])["manifests"]:
            parts = self.get_json(manifest["digest"])
            yield parts["config"]
            yield from parts["layers"]
            yield manifest
        yield index


def make_manifest(
    store: Store, platform: Platform, layers: Iterable[Layer], settings: Mapping[str, object]
) -> Descriptor:
    stack = list(layers)
    config = store.put_json(
        CONFIG,
        {
            "created": DATE,
            **platform.fields,
            "config": {key: value for key, value in settings.items() if value},
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in stack]},
            "history": [{"created": DATE, "created_by": layer.title} for layer in stack],
        },
    )
    described = [
        {"mediaType": layer.media_type, "digest": layer.digest, "size": layer.size} for layer in stack
    ]
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": described}
    return {**store.put_json(MANIFEST, manifest), "platform": platform.fields}


def load(store: Store, names: Iterable[str], docker: list[str | Path]) -> None:
    """Into an engine's containerd image store, every platform, in one stream."""
    process = subprocess.Popen([*docker, "load", "--quiet"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert process.stdin is not None
    # An engine that ends in the middle has said why.
    with (
        contextlib.suppress(BrokenPipeError),
        process.stdin,
        tarfile.open(fileobj=process.stdin, mode="w|") as archive,
    ):
        _write_archive(store, list(names), archive)
    if process.wait() != 0:
        raise BedError("the engine does not take the base images (docker load)")


def push(store: Store, names: Iterable[str], registry: str) -> None:
    """Into a registry, under the same names without the hub they come from."""
    repositories: dict[str, list[str]] = {}
    for name in names:
        repositories.setdefault(name.rpartition(":")[0].split("/", 1)[1], []).append(name)
    connection = http.client.HTTPConnection(registry, timeout=120)
    for repository, together in repositories.items():
        for name in together:
            _push(connection, store, name, f"/v2/{repository}")


def _push(connection: http.client.HTTPConnection, store: Store, name: str, path: str) -> None:
    tag = name.rpartition(":")[2]
    index = store.image(name)
    assert index is not None
    known = _ask(connection, "HEAD", f"{path}/manifests/{tag}", accept=INDEX)
    if known.get("docker-content-digest") == index["digest"]:
        return
    for blob in store.blobs_of(index):
        if blob["mediaType"] in (INDEX, MANIFEST):
            target = tag if blob is index else blob["digest"]
            content = store.blob(blob["digest"]).read_bytes()
            _send(connection, f"{path}/manifests/{target}", content, blob["mediaType"])
        elif not _ask(connection, "HEAD", f"{path}/blobs/{blob['digest']}"):
            _push_blob(connection, store, path, blob)


def _pack(store: Store, root: Path, title: str) -> Layer:
    """tar, then gzip if it is small, hashing both on the way."""
    blobs = store.folder / "blobs/sha256"
    size = int(subprocess.run(["du", "-sb", root], capture_output=True, check=True).stdout.split()[0])
    flags = "--sort=name --numeric-owner --format=posix --pax-option=delete=atime,delete=ctime --clamp-mtime"
    command = ["tar", *flags.split(), f"--mtime={DATE}", "-C", str(root), "-cf", "-", "."]
    with files.draft(blobs) as made:
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process, made.open("wb") as out:
            assert process.stdout is not None
            plain, packed, length = _squeeze(process.stdout, out, compress=size < LARGE)
        if process.returncode != 0:
            raise BedError(f"tar could not pack {root}")
        files.keep(made, blobs / packed)
    media_type = f"{LAYER}+gzip" if size < LARGE else LAYER
    return Layer(media_type, f"sha256:{packed}", length, f"sha256:{plain}", title)


def _squeeze(source: IO[bytes], target: IO[bytes], compress: bool) -> tuple[str, str, int]:
    plain, packed, length = hashlib.sha256(), hashlib.sha256(), 0
    squeezer = zlib.compressobj(3, wbits=31) if compress else None

    def put(piece: bytes) -> None:
        nonlocal length
        packed.update(piece)
        target.write(piece)
        length += len(piece)

    while piece := source.read(CHUNK):
        plain.update(piece)
        put(squeezer.compress(piece) if squeezer else piece)
    if squeezer:
        put(squeezer.flush())
    return plain.hexdigest(), packed.hexdigest(), length


def _write_archive(store: Store, names: list[str], archive: tarfile.TarFile) -> None:
    entries, written = [], set()
    for name in names:
        index = store.image(name)
        assert index is not None
        notes = {
            "io.containerd.image.name": name,
            "org.opencontainers.image.ref.name": name.rpartition(":")[2],
        }
        entries.append({**index, "annotations": notes})
        for blob in store.blobs_of(index):
            if blob["digest"] not in written:
                written.add(blob["digest"])
                archive.add(store.blob(blob["digest"]), f"blobs/{blob['digest'].replace(':', '/')}")
    top = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
    for path, value in {"index.json": top, "oci-layout": {"imageLayoutVersion": "1.0.0"}}.items():
        content = json.dumps(value).encode()
        member = tarfile.TarInfo(path)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))


def _push_blob(connection: http.client.HTTPConnection, store: Store, path: str, blob: Descriptor) -> None:
    place = _ask(connection, "POST", f"{path}/blobs/uploads/")["location"]
    mark = "&" if "?" in place else "?"
    with store.blob(blob["digest"]).open("rb") as content:
        target = f"{place}{mark}digest={blob['digest']}"
        _send(connection, target, content, "application/octet-stream", blob["size"])


def _send(
    connection: http.client.HTTPConnection,
    path: str,
    content: bytes | IO[bytes],
    kind: str,
    size: int | None = None,
) -> None:
    length = len(content) if isinstance(content, bytes) else size
    connection.request(
        "PUT", path, body=content, headers={"Content-Type": kind, "Content-Length": str(length)}
    )
    answer = connection.getresponse()
    told = answer.read()
    if answer.status not in (201, 202):
        raise BedError(f"the registry refuses {path}: {answer.status} {told.decode(errors='replace')[:500]}")


def _ask(
    connection: http.client.HTTPConnection, method: str, path: str, accept: str = "*/*"
) -> dict[str, str]:
    """Headers of the answer, in lower case; none if it was not a success."""
    connection.request(method, path, headers={"Accept": accept, "Content-Length": "0"})
    answer = connection.getresponse()
    answer.read()
    return {key.lower(): value for key, value in answer.getheaders()} if answer.status < 300 else {}
