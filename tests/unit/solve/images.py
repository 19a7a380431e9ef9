"""Layouts made by hand, for tests."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xbuild.platforms import Platform
from xbuild.solve.layout import OCI_INDEX, Layout, platform_object, write_index

MANIFEST = "application/vnd.oci.image.manifest.v1+json"

Files = Mapping[str, bytes | tuple[str, str] | None]


def layer(files: Files) -> bytes:
    """A tar: bytes are a file, None a folder, (kind, target) a `symlink` or `hardlink`."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.mode = 0o755 if content is None else 0o644
            if content is None:
                info.type = tarfile.DIRTYPE
                archive.addfile(info)
            elif isinstance(content, tuple):
                info.type = {"symlink": tarfile.SYMTYPE, "hardlink": tarfile.LNKTYPE}[content[0]]
                info.linkname = content[1]
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def blob(folder: Path, data: bytes, media_type: str) -> dict[str, Any]:
    digest = hashlib.sha256(data).hexdigest()
    path = folder / "blobs" / "sha256" / digest
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}


def image(folder: Path, platform: str, layers: Sequence[Files]) -> dict[str, Any]:
    """The descriptor of a manifest whose layers are gzip."""
    words = platform_object(Platform.parse(platform))
    kind = "application/vnd.oci.image.layer.v1.tar+gzip"
    tars = [layer(files) for files in layers]
    blobs = [blob(folder, gzip.compress(data, mtime=0), kind) for data in tars]
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(data).hexdigest()}" for data in tars]}
    data = json.dumps({**words, "rootfs": rootfs}).encode()
    config = blob(folder, data, "application/vnd.oci.image.config.v1+json")
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": blobs}
    return {**blob(folder, json.dumps(manifest).encode(), MANIFEST), "platform": words}


def attestation(folder: Path, subject: str) -> dict[str, Any]:
    config = blob(folder, b"{}", "application/vnd.oci.image.config.v1+json")
    statement = blob(folder, json.dumps({"subject": subject}).encode(), "application/vnd.in-toto+json")
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [statement]}
    data = json.dumps(manifest).encode()
    return {
        **blob(folder, data, MANIFEST),
        "platform": {"os": "unknown", "architecture": "unknown"},
        "annotations": {
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": subject,
        },
    }


def make_layout(folder: Path, images: Mapping[str, Sequence[Files]], *, attested: bool = True) -> Layout:
    """An index of images by platform, or a lone manifest when there is one and nothing is attested."""
    manifests = [image(folder, platform, layers) for platform, layers in images.items()]
    if len(manifests) == 1 and not attested:
        write_index(folder, {key: manifests[0][key] for key in ("mediaType", "digest", "size")})
        return Layout(folder)
    if attested:
        manifests += [attestation(folder, found["digest"]) for found in list(manifests)]
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}
    write_index(folder, blob(folder, json.dumps(index).encode(), OCI_INDEX))
    return Layout(folder)
