"""A layout as one tar file, for `docker load` and for the outputs `oci` and `docker`.

The archive is an OCI layout; with `style="docker"` (and one platform) a `manifest.json` makes it readable for
engines with the classic store too (moby `image/tarexport`), as BuildKit's docker exporter does.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from typing import IO, Any

from xbuild.errors import UsageError
from xbuild.solve.layout import OCI_INDEX, Layout

# containerd `images/annotations.go`, OCI image-spec annotations
_IMAGE_NAME = "io.containerd.image.name"
_REF_NAME = "org.opencontainers.image.ref.name"


def write_archive(
    layout: Layout, stream: IO[bytes], names: Sequence[str] = (), *, style: str = "oci"
) -> None:
    """Write the layout to `stream`, its image named `names` (full references)."""
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.USTAR_FORMAT) as archive:
        _add(archive, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        for blob in sorted((layout.path / "blobs").rglob("*")):
            if blob.is_file():
                info = _entry(str(blob.relative_to(layout.path)), blob.stat().st_size)
                with blob.open("rb") as file:
                    archive.addfile(info, file)
        if style == "docker":
            _add(archive, "manifest.json", json.dumps([_docker_manifest(layout, names)]).encode())
        _add(archive, "index.json", json.dumps(_index(layout, names)).encode())


def _index(layout: Layout, names: Sequence[str]) -> dict[str, Any]:
    kept = {key: value for key, value in layout.root.raw.items() if key != "annotations"}
    entries = [_named(kept, name) for name in names] or [kept]
    return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}


def _named(root: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {**root, "annotations": {_IMAGE_NAME: name, _REF_NAME: name.rpartition(":")[2]}}


def _docker_manifest(layout: Layout, names: Sequence[str]) -> dict[str, Any]:
    if len(layout.images) != 1:
        raise UsageError(
            f"the docker format holds one platform, and the image has {len(layout.images)}",
            expected="one --platform, or type=oci",
        )
    image = layout.images[0]
    return {
        "Config": _path(image.config_digest),
        "RepoTags": [name.removeprefix("docker.io/").removeprefix("library/") for name in names] or None,
        "Layers": [_path(layer.digest) for layer in image.layers],
    }


def _path(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/")


def _entry(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = size
    info.mode = 0o644
    return info


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    archive.addfile(_entry(name, len(data)), io.BytesIO(data))
