"""Layers merged: the filesystem of one platform, with the layer that put each file there.

Whiteouts: OCI image spec, `layer.md`. Links in parent paths are followed inside the root, as containerd's
`archive` package does when it unpacks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from xbuild.verify.scan import Entry, LayerScan


class File(NamedTuple):
    """A path of the merged filesystem: what is there, and the index of the layer that put it there."""

    path: str
    entry: Entry
    layer: int


class _LayerNode:
    """A place in the tree; `children` is None for all but directories."""

    __slots__ = ("children", "entry", "layer")

    def __init__(self, entry: Entry, layer: int) -> None:
        self.entry = entry
        self.layer = layer
        self.children: dict[str, _LayerNode] | None = {} if entry.kind == "dir" else None


_MAX_LINKS = 40
"""As many symbolic links as Linux follows in one path (`path_resolution(7)`)."""


class FileSystem:
    """The merged filesystem of one platform."""

    def __init__(self, scans: Sequence[LayerScan]) -> None:
        self._root = _LayerNode(Entry("", "dir", 0o755, 0, 0, 0), 0)
        # The folder of the entry before: tars list a folder's files one after the other.
        self._last: tuple[str, dict[str, _LayerNode]] | None = None
        for index, scan in enumerate(scans):
            self._apply(scan, index)

    def lookup(self, path: str, *, follow: bool = True) -> File | None:
        """What is at an absolute path, symbolic links followed inside the root; its real path."""
        found = self._find(path, follow=follow)
        return None if found is None else File("/" + found[0], found[1].entry, found[1].layer)

    def children(self, path: str) -> tuple[str, ...]:
        """The names in a directory, sorted; none when it is not one."""
        found = self._find(path, follow=True)
        return tuple(sorted(found[1].children)) if found and found[1].children else ()

    def __iter__(self) -> Iterator[File]:
        """Everything, each directory before what is in it, names sorted."""
        stack = [("", self._root)]
        while stack:
            path, node = stack.pop()
            if path:
                yield File(path, node.entry, node.layer)
            if node.children:
                names = sorted(node.children, reverse=True)
                stack.extend((f"{path}/{name}", node.children[name]) for name in names)

    def count(self) -> int:
        """How many files there are, folders not counted."""
        total, stack = 0, [self._root]
        while stack:
            for child in (stack.pop().children or {}).values():
                if child.children is None:
                    total += 1
                elif child.children:
                    stack.append(child)
        return total

    def contents(self) -> Iterator[File]:
        """The files that have facts, in no particular order."""
        stack = [("", self._root)]
        while stack:
            path, node = stack.pop()
            if node.children is not None:
                for name, child in node.children.items():
                    if child.children or child.entry.content is not None:
                        stack.append((f"{path}/{name}", child))
            elif node.entry.content is not None:
                yield File(path, node.entry, node.layer)

    def _find(self, path: str, *, follow: bool) -> tuple[str, _LayerNode] | None:
        pending = [part for part in reversed(path.split("/")) if part not in ("", ".")]
        trail: list[tuple[str, _LayerNode]] = []
        node, links = self._root, 0
        while pending:
            part = pending.pop()
            if part == "..":
                if trail:
                    trail.pop()
                node = trail[-1][1] if trail else self._root
                continue
            child = node.children.get(part) if node.children is not None else None
            if child is None:
                return None
            if child.entry.kind == "symlink" and (pending or follow):
                links += 1
                target = child.entry.link
                if links > _MAX_LINKS:
                    return None
                if target.startswith("/"):
                    trail, node = [], self._root
                pending.extend(p for p in reversed(target.split("/")) if p not in ("", "."))
                continue
            trail.append((part, child))
            node = child
        return "/".join(part for part, _ in trail), node

    def _apply(self, scan: LayerScan, index: int) -> None:
        for path in scan.opaque:
            found = self._find(path, follow=True)
            if found is not None and found[1].children:
                found[1].children.clear()
        for path in scan.whiteouts:
            folder, _, name = path.rpartition("/")
            found = self._find(folder, follow=True)
            if found is not None and found[1].children:
                found[1].children.pop(name, None)
        self._last = None
        for entry in scan.entries:
            self._put(entry, index)

    def _put(self, entry: Entry, index: int) -> None:
        folder, _, name = entry.path.rpartition("/")
        if not name:
            self._root.entry, self._root.layer = entry, index
            return
        if self._last is None or self._last[0] != folder:
            self._last = (folder, self._folder(folder, index))
        siblings = self._last[1]
        old = siblings.get(name)
        if old is not None and old.children is not None and entry.kind == "dir":
            old.entry, old.layer = entry, index
            return
        if old is not None:
            self._last = None  # a link or folder may have gone that led here
        if entry.kind == "hardlink":
            target = self._find(entry.link, follow=False)
            if target is not None and target[1].children is None:
                entry = target[1].entry
        siblings[name] = _LayerNode(entry, index)

    def _folder(self, path: str, index: int) -> dict[str, _LayerNode]:
        """The children of a directory, which is made when a layer does not list it."""
        found = self._find(path, follow=True)
        if found is not None and found[1].children is not None:
            return found[1].children
        node = self._root
        parts = path.split("/")
        for depth, name in enumerate(parts, 1):
            found = self._find("/".join(parts[:depth]), follow=True)
            if found is None or found[1].children is None:
                child = _LayerNode(Entry("/".join(parts[:depth]), "dir", 0o755, 0, 0, 0), index)
                assert node.children is not None  # only directories are walked into
                node.children[name] = child
                node = child
            else:
                node = found[1]
        assert node.children is not None
        return node.children
