"""An image of the classic store as a layout, by way of `docker save`.

Engines from 25.0 on save an OCI layout; older ones save `manifest.json` with a config and layer tars,
from which a layout is made here. The layers are uncompressed in both, so digests of manifests are not
those a push will have: with the classic store the image is the same by its config digest, which is the
image ID.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
from pathlib import Path

from xbuild.errors import ImageError
from xbuild.solve.engine import docker, engine_error
from xbuild.solve.layout import Layout, write_index
from xbuild.solve.run import run

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"


def layout_of_image(identity: str, folder: Path) -> Layout:
    """`docker save IDENTITY`, unpacked below `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / "image.tar"
    answer = run((*docker(), "save", "--output", str(archive), identity))
    if not answer.ok:
        raise engine_error(answer.error_text)
    saved = folder / "layout"
    try:
        with tarfile.open(archive) as opened:
            opened.extractall(saved, filter="data")
    except (tarfile.TarError, OSError) as error:
        raise ImageError(f"what docker save wrote cannot be read: {error}") from error
    finally:
        archive.unlink(missing_ok=True)
    return Layout(saved) if (saved / "index.json").exists() else from_docker_archive(saved, folder / "made")


def from_docker_archive(saved: Path, folder: Path) -> Layout:
    """A layout from `manifest.json`, its config and its layer tars."""
    entry = json.loads((saved / "manifest.json").read_bytes())[0]
    config = _take(saved / entry["Config"], folder, _CONFIG)
    layers = [_take(saved / name, folder, _LAYER) for name in entry["Layers"]]
    manifest = {"schemaVersion": 2, "mediaType": _MANIFEST, "config": config, "layers": layers}
    path = folder / "manifest.json"
    path.write_text(json.dumps(manifest), encoding="utf-8")
    write_index(folder, _take(path, folder, _MANIFEST))
    return Layout(folder)


def _take(file: Path, folder: Path, media_type: str) -> dict[str, object]:
    """Move a file to the place of its digest; several names for one file are one blob."""
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    blob = folder / "blobs" / "sha256" / digest
    blob.parent.mkdir(parents=True, exist_ok=True)
    size = file.stat().st_size
    if not blob.exists():
        shutil.copyfile(file, blob)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": size}
