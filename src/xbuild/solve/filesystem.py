"""The merged filesystem of a verified image as files or as a tar: the outputs `local` and `tar`.

Layers are applied in order with whiteouts (OCI image-spec `layer.md`): `.wh.NAME` removes NAME,
`.wh..wh..opq` removes what lower layers put into its folder. As with BuildKit's exporters, several
platforms come out as `linux_amd64/...` (`exporter/local/export.go`); `local` files belong to the caller
(`client/solve.go`), `tar` keeps owners.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from xbuild.errors import ImageError
from xbuild.platforms import Platform
from xbuild.solve.layout import Image, Layout

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_ZSTD = b"\x28\xb5\x2f\xfd"
_GZIP = b"\x1f\x8b"


def folder_name(platform: Platform) -> str:
    """`linux_arm_v7` (BuildKit `exporter/local/fs.go`, `PlatformIDToPath`)."""
    return str(platform).replace("/", "_")


def is_split(layout: Layout, split: str | None) -> bool:
    """Whether each platform gets a folder: with several, unless `platform-split=` says otherwise."""
    return len(layout.images) > 1 if split is None else split.lower() in ("1", "t", "true")


def export_files(layout: Layout, target: Path, *, split: str | None = None) -> None:
    """Write the files of every platform below `target`; what is there and not in the image stays."""
    for image in layout.images:
        root = target / folder_name(image.platform) if is_split(layout, split) else target
        root.mkdir(parents=True, exist_ok=True)
        _extract(layout, image, root)


def export_tar(layout: Layout, stream: IO[bytes], *, split: str | None = None) -> None:
    """The same as one tar file, owners kept."""
    with tarfile.open(fileobj=stream, mode="w|") as archive:
        for image in layout.images:
            prefix = ""
            if is_split(layout, split):
                prefix = folder_name(image.platform) + "/"
                archive.addfile(_folder(prefix))
            for member, content in merged(layout, image):
                archive.addfile(_prefixed(member, prefix), content)


def _folder(name: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = tarfile.DIRTYPE
    info.mode = 0o755
    return info


def _prefixed(member: tarfile.TarInfo, prefix: str) -> tarfile.TarInfo:
    link = prefix + _clean(member.linkname) if member.islnk() else member.linkname
    return member.replace(name=prefix + _clean(member.name), linkname=link, deep=False)


def merged(layout: Layout, image: Image) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """Members of the merged filesystem, each once, folders before what is in them.

    Two passes: the first finds which layer has the last word on each path, the second reads those.
    """
    owner = _owners(layout, image)
    for number, layer in enumerate(image.layers):
        with _open_layer(layout, layer.digest) as archive:
            for member in archive:
                name = _clean(member.name)
                if owner.get(name) == number and not _is_whiteout(name):
                    yield member, archive.extractfile(member) if member.isreg() else None


def _owners(layout: Layout, image: Image) -> dict[str, int]:
    owner: dict[str, int] = {}
    for number, layer in enumerate(image.layers):
        with _open_layer(layout, layer.digest) as archive:
            names = {_clean(member.name): member.isdir() for member in archive}
        for name in names:
            _apply_whiteout(owner, name)
        for name, is_folder in names.items():
            if name and not _is_whiteout(name):
                if not is_folder and name in owner:
                    _remove(owner, name, itself=False)
                owner[name] = number
    return owner


def _apply_whiteout(owner: dict[str, int], name: str) -> None:
    path = PurePosixPath(name)
    if path.name == _OPAQUE:
        _remove(owner, str(path.parent), itself=False)
    elif path.name.startswith(_WHITEOUT):
        _remove(owner, str(path.parent / path.name.removeprefix(_WHITEOUT)), itself=True)


def _remove(owner: dict[str, int], name: str, *, itself: bool) -> None:
    inside = "" if name == "." else name + "/"
    for path in [path for path in owner if path.startswith(inside)]:
        del owner[path]
    if itself:
        owner.pop(name, None)


def _is_whiteout(name: str) -> bool:
    return PurePosixPath(name).name.startswith(_WHITEOUT)


def _clean(name: str) -> str:
    """A path without leading slash or `./`; `..` is refused."""
    path = PurePosixPath("/", name)
    if ".." in path.parts:
        raise ImageError(f"a layer holds a path outside the image: {name}")
    return str(path).lstrip("/")


@contextlib.contextmanager
def _open_layer(layout: Layout, digest: str) -> Iterator[tarfile.TarFile]:
    blob = layout.blob(digest)
    try:
        with (
            blob.open("rb") as raw,
            _decompressed(raw) as stream,
            tarfile.open(fileobj=stream, mode="r|") as archive,
        ):
            yield archive
    except (OSError, tarfile.TarError, EOFError) as error:
        raise ImageError(f"layer {digest} cannot be read: {error}", file=str(layout.path)) from error


def _decompressed(raw: IO[bytes]) -> Any:
    magic = raw.read(4)
    raw.seek(0)
    if magic.startswith(_GZIP):
        return gzip.GzipFile(fileobj=raw)
    if magic == _ZSTD:
        return _zstd(raw)
    return contextlib.nullcontext(raw)


def _zstd(raw: IO[bytes]) -> Any:
    """Python has it from 3.14 on."""
    try:
        from compression import zstd  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        import zstandard

        return zstandard.ZstdDecompressor().stream_reader(raw)
    return zstd.ZstdFile(raw)


def _extract(layout: Layout, image: Image, root: Path) -> None:
    folders: list[tuple[Path, int]] = []
    for member, content in merged(layout, image):
        path = root / _clean(member.name)
        _inside(root, path.parent)
        path.parent.mkdir(parents=True, exist_ok=True)
        if member.isdir():
            if path.is_symlink() or (path.exists() and not path.is_dir()):
                path.unlink()
            path.mkdir(exist_ok=True)
            folders.append((path, member.mode & 0o7777))
            continue
        _clear(path)
        _write(member, content, path, root)
    for path, mode in reversed(folders):  # last, so that a read-only folder can be filled
        path.chmod(mode)


def _write(member: tarfile.TarInfo, content: IO[bytes] | None, path: Path, root: Path) -> None:
    if member.issym():
        path.symlink_to(member.linkname)
    elif member.islnk():
        os.link(root / _clean(member.linkname), path, follow_symlinks=False)
    elif content is not None:
        with path.open("wb") as file:
            shutil.copyfileobj(content, file)
        path.chmod(member.mode & 0o7777)
        os.utime(path, (member.mtime, member.mtime))
    # device nodes need root and make no sense in a folder: BuildKit's receiver leaves them out as well


def _clear(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)


def _inside(root: Path, folder: Path) -> None:
    """A symlink from a lower layer must not lead a file out of the target folder."""
    if folder.exists() and not folder.resolve().is_relative_to(root.resolve()):
        raise ImageError(f"{folder} leads out of the image through a symlink")


def read_file(layout: Layout, image: Image, name: str) -> bytes | None:
    """One regular file of the merged filesystem."""
    for member, content in merged(layout, image):
        if _clean(member.name) == _clean(name) and content is not None:
            return io.BytesIO(content.read()).getvalue()
    return None
