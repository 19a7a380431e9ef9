"""The merged filesystem of a verified image as files or as a tar: the outputs `local` and `tar`.

Layers are applied in order with whiteouts (OCI image-spec `layer.md`): `.wh.NAME` removes NAME,
`.wh..wh..opq` removes what lower layers put into its folder. A hard link keeps what its name stood for when
its layer was applied, whatever later layers do to that name. As with BuildKit's exporters, several platforms
come out as `linux_amd64/...` (`exporter/local/export.go`); `local` files belong to the caller
(`client/solve.go`), `tar` keeps owners.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from xbuild.errors import ImageError
from xbuild.platforms import Platform
from xbuild.solve.layout import BuiltImage, Layout

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
    link = prefix + member.linkname if member.islnk() else member.linkname
    return member.replace(name=prefix + member.name, linkname=link, deep=False)


_Source = tuple[int, int]
"""Where content is: the index of a layer, and that of a member in it."""

_MAX_LINKS = 40  # as many as Linux follows in one path (`path_resolution(7)`)


class _ExportNode:
    """A place in the tree; `children` is None for all but folders. One that no layer lists has no member."""

    __slots__ = ("children", "member", "source")

    def __init__(self, member: tarfile.TarInfo | None, source: _Source | None) -> None:
        self.member = member
        self.source = source
        self.children: dict[str, _ExportNode] | None = {} if member is None or member.isdir() else None


def merged(layout: Layout, image: BuiltImage) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """Members of the merged filesystem under their real paths: folders, then all else, hard links after
    what they link to.

    Two passes: the first finds what stands at each path and which member of which layer holds its content,
    the second reads those members.
    """
    names: dict[_Source, list[tuple[str, tarfile.TarInfo]]] = {}
    for name, node in _walk(_tree(layout, image)):
        if node.children is not None:
            yield _named(node.member or _folder(name), name), None
        elif node.source is not None and node.member is not None:
            names.setdefault(node.source, []).append((name, node.member))
    for number, layer in enumerate(image.layers):
        if not any(source[0] == number for source in names):
            continue
        with _open_layer(layout, layer.digest) as archive:
            for at, member in enumerate(archive):
                yield from _under(names.get((number, at), ()), archive, member)


def _under(
    names: Iterable[tuple[str, tarfile.TarInfo]], archive: tarfile.TarFile, member: tarfile.TarInfo
) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """A member under all its names: a file once, the others as links to it."""
    first: str | None = None
    for name, found in names:
        if not member.isreg():
            yield _named(found, name), None
        elif first is None:
            first = name
            yield _named(found, name), archive.extractfile(member)
        else:
            link = _named(found, name)
            link.type, link.linkname, link.size = tarfile.LNKTYPE, first, 0
            yield link, None


def _named(member: tarfile.TarInfo, name: str) -> tarfile.TarInfo:
    """A copy under another name. Long names and sizes of the original's own header would win over it."""
    copy = member.replace(name=name, deep=False)
    own = ("path", "linkpath", "size")
    copy.pax_headers = {key: value for key, value in member.pax_headers.items() if key not in own}
    return copy


def _tree(layout: Layout, image: BuiltImage) -> _ExportNode:
    root = _ExportNode(None, None)
    for number, layer in enumerate(image.layers):
        with _open_layer(layout, layer.digest) as archive:
            members = [(_clean(member.name), member) for member in archive]
        for name, _ in members:
            _apply_whiteout(root, name)
        for at, (name, member) in enumerate(members):
            if name and not _is_whiteout(name):
                _put(root, name, member, (number, at))
    return root


def _walk(root: _ExportNode) -> Iterator[tuple[str, _ExportNode]]:
    """Everything, each folder before what is in it."""
    waiting = [("", root)]
    while waiting:
        path, node = waiting.pop()
        if path:
            yield path, node
        children = sorted((node.children or {}).items(), reverse=True)
        waiting += [(f"{path}/{name}".lstrip("/"), child) for name, child in children]


def _put(root: _ExportNode, path: str, member: tarfile.TarInfo, source: _Source) -> None:
    folder, _, name = path.rpartition("/")
    children = _make_folder(root, folder)
    old = children.get(name)
    if member.isdir() and old is not None and old.children is not None:
        old.member, old.source = member, source
        return
    node = _ExportNode(member, source)
    if member.islnk():
        found = _find(root, _clean(member.linkname), follow=False)
        if found is None or found.children is not None:
            raise ImageError(f"a layer links {path} to {member.linkname}, which is not there")
        node = _ExportNode(found.member, found.source)
    children[name] = node


def _find(root: _ExportNode, path: str, *, follow: bool) -> _ExportNode | None:
    """What is at a path; symbolic links in front of its last name (with `follow`: there too) are followed
    inside the image."""
    trail, links = [root], 0
    pending = _parts(path)
    while pending:
        part = pending.pop()
        if part == "..":
            trail = trail[:-1] or trail
            continue
        child = (trail[-1].children or {}).get(part)
        if child is None:
            return None
        if child.member is not None and child.member.issym() and (pending or follow):
            links += 1
            if links > _MAX_LINKS:
                return None
            trail = [root] if child.member.linkname.startswith("/") else trail
            pending += _parts(child.member.linkname)
            continue
        trail.append(child)
    return trail[-1]


def _parts(path: str) -> list[str]:
    """The names of a path, last one first."""
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]


def _make_folder(root: _ExportNode, path: str) -> dict[str, _ExportNode]:
    """What is in a folder; one that is not there is made, also in place of a file."""
    found = _find(root, path, follow=True)
    if found is not None and found.children is not None:
        return found.children
    above, _, name = path.rpartition("/")
    siblings = _make_folder(root, above)
    node = siblings[name] = _ExportNode(None, None)
    assert node.children is not None
    return node.children


def _apply_whiteout(root: _ExportNode, name: str) -> None:
    path = PurePosixPath(name)
    if not path.name.startswith(_WHITEOUT):
        return
    folder = _find(root, str(path.parent), follow=True)
    if folder is None or folder.children is None:
        return
    if path.name == _OPAQUE:
        folder.children.clear()
    else:
        folder.children.pop(path.name.removeprefix(_WHITEOUT), None)


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


def _extract(layout: Layout, image: BuiltImage, root: Path) -> None:
    folders: list[tuple[Path, int]] = []
    for member, content in merged(layout, image):
        path = root / member.name
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
        os.link(root / member.linkname, path, follow_symlinks=False)
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
