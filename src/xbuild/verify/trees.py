"""The whole trees of two images, path by path: what differs, and what of it has an excuse.

Compared are kind, mode, owner, link (symbolic and hard), content, device number, extended attributes, and the
time of change of whatever is older than the builds. A file that a build makes has the time of the making,
which says nothing; one that a build takes from a package, an archive or the context has the time that it had
there, and both builds have to agree: a twin that forgets to set it is found out.
"""

from __future__ import annotations

import mmap
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from xbuild.platforms import Platform
from xbuild.verify.blobs import decompressed
from xbuild.verify.elf import ElfFacts, Unreadable, facts_of, is_elf, open_elf
from xbuild.verify.excuses import Aspect, Excuse, Version
from xbuild.verify.languages.excused import EXCUSES
from xbuild.verify.layers import File, FileSystem
from xbuild.verify.oci import ImageIndex, open_image
from xbuild.verify.scan import Entry, Exact, LayerScan, check_layer_count, normal_path, scan_layer
from xbuild.verify.spec import Descriptor
from xbuild.verify.tar import Stream, TarReader
from xbuild.verify.variants import read_platform

_BLOCK = 1 << 20
_MAGIC = 4
_MISSING = "missing"
_UNKNOWN = Exact()


@dataclass(frozen=True, slots=True)
class PathDifference:
    """One respect in which a path differs; `offset` is that of the first byte, of a content."""

    path: str
    what: Aspect
    left: str
    right: str
    offset: int | None = None
    note: str = ""
    """Why the excuse that its path has does not hold."""
    program: str = ""
    """Of a program or library in both: in what of its linkage it differs, or that it does not."""


@dataclass(frozen=True, slots=True)
class Excused:
    """What one row of the table excused."""

    pattern: str
    what: Aspect
    reason: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TreeComparison:
    """The trees of one platform; `paths` are those that either image has."""

    platform: str
    paths: int
    excused: tuple[Excused, ...] = ()
    differences: tuple[PathDifference, ...] = ()
    has_times: bool = False
    """Whether times of change were compared."""

    @property
    def is_equal(self) -> bool:
        """Whether all that differs has an excuse."""
        return not self.differences


def compare_layouts(
    original: str | Path,
    other: str | Path,
    *,
    since: float | None = None,
    excuses: Sequence[Excuse] = EXCUSES,
) -> tuple[TreeComparison, ...]:
    """Compare the images of two OCI layouts or archives, for every platform that either has.

    `since`: when the older build began, or some time before (as the machine that built tells the time); what
    changed later was made by a build. Without it times are not compared. Raises ImageError when an image
    cannot be read.
    """
    with open_image(Path(original)) as left, open_image(Path(other)) as right:
        scans: dict[str, LayerScan] = {}
        trees = _trees(left, scans), _trees(right, scans)
        scans.clear()
        platforms = sorted(trees[0].keys() | trees[1].keys(), key=str)
        return tuple(
            _Comparing(
                platform,
                _Side(left, trees[0].get(platform)),
                _Side(right, trees[1].get(platform)),
                since,
                excuses,
            ).result()
            for platform in platforms
        )


class _Tree(NamedTuple):
    """The merged files of one platform, and its layers by digest."""

    files: FileSystem
    layers: Mapping[str, Descriptor]


def _trees(image: ImageIndex, scans: dict[str, LayerScan]) -> dict[Platform, _Tree]:
    chosen = {p: m for m in image.manifests if (p := read_platform(m.platform)) is not None}
    for manifest in chosen.values():
        check_layer_count(manifest.layers, manifest.config.diff_ids, image.blobs.name)
    layers = {layer.digest: layer for manifest in chosen.values() for layer in manifest.layers}
    new = [layer for digest, layer in layers.items() if digest not in scans]
    with ThreadPoolExecutor(4) as pool:
        for scan in pool.map(lambda layer: scan_layer(image, layer, is_exact=True), new):
            scans[scan.digest] = scan
    return {
        platform: _Tree(
            FileSystem([scans[layer.digest] for layer in manifest.layers]),
            {layer.digest: layer for layer in manifest.layers},
        )
        for platform, manifest in chosen.items()
    }


class _Side:
    """One of the two images, for one platform."""

    def __init__(self, image: ImageIndex, tree: _Tree | None) -> None:
        self.image = image
        self.tree = tree or _Tree(FileSystem(()), {})
        self.files = {file.path: file for file in self.tree.files}
        self.names = _names(self.files.values())
        self.contents: dict[str, Path] = {}

    def extract(self, paths: Iterable[str], folder: Path) -> None:
        """Write the contents of these paths to files, for as long as `folder` lasts."""
        wanted: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for path in paths:
            entry = self.files[path].entry
            wanted[_exact(entry).layer][entry.path].append(path)
        folder.mkdir()
        for digest, names in wanted.items():
            self._extract(self.tree.layers[digest], names, folder)

    def _extract(self, layer: Descriptor, names: Mapping[str, list[str]], folder: Path) -> None:
        where = f"{self.image.blobs.name}: layer {layer.digest}"
        with self.image.open_layer(layer) as source:
            reader = TarReader(Stream(decompressed(source, where), where))
            for member in reader:
                paths = names.get(normal_path(member.name)) if member.kind == "file" else None
                if not paths:
                    continue
                # Named twice in one layer: the last one stays.
                target = self.contents.get(paths[0]) or folder / str(len(self.contents))
                with target.open("wb") as file:
                    while block := reader.content(_BLOCK):
                        file.write(block)
                self.contents.update(dict.fromkeys(paths, target))


def _names(files: Iterable[File]) -> dict[str, str]:
    """Path → the other names of the same file: hard links."""
    same: dict[int, list[str]] = defaultdict(list)
    for file in files:
        if file.entry.kind == "file":
            same[id(file.entry)].append(file.path)
    return {
        path: " ".join(other for other in paths if other != path)
        for paths in same.values()
        if len(paths) > 1
        for path in paths
    }


def _exact(entry: Entry) -> Exact:
    return entry.exact or _UNKNOWN  # a folder that no layer lists


class _Comparing:
    """The work on one platform."""

    def __init__(
        self, platform: Platform, left: _Side, right: _Side, since: float | None, excuses: Sequence[Excuse]
    ) -> None:
        self._platform = platform
        self._left, self._right = left, right
        self._since = since
        self._excuses = excuses
        self._excused: dict[Excuse, list[str]] = defaultdict(list)

    def result(self) -> TreeComparison:
        paths = sorted(self._left.files.keys() | self._right.files.keys())
        found = [difference for path in paths for difference in self._at(path)]
        contents = [each.path for each in found if each.what is Aspect.CONTENT]
        with tempfile.TemporaryDirectory(prefix="xbuild-") as folder:
            for name, side in (("left", self._left), ("right", self._right)):
                side.extract(contents, Path(folder, name))
            differences = tuple(kept for each in found for kept in self._judged(each))
        return TreeComparison(
            str(self._platform),
            len(paths),
            tuple(
                Excused(excuse.pattern, excuse.what, excuse.reason, tuple(self._excused[excuse]))
                for excuse in self._excuses
                if excuse in self._excused
            ),
            differences,
            self._since is not None,
        )

    def _at(self, path: str) -> Iterator[PathDifference]:
        left, right = self._left.files.get(path), self._right.files.get(path)
        if left is None or right is None:
            one, two = (_MISSING if file is None else _shown(file.entry) for file in (left, right))
            yield PathDifference(path, Aspect.PRESENCE, one, two)
        elif left.entry.kind != right.entry.kind:
            yield PathDifference(path, Aspect.KIND, left.entry.kind, right.entry.kind)
        else:
            facts = zip(self._facts(self._left, left), self._facts(self._right, right), strict=True)
            for (what, fact, shown), (_, other, other_shown) in facts:
                if fact != other and not (what is Aspect.TIME and self._are_new(left, right)):
                    yield PathDifference(path, what, shown, other_shown)

    def _facts(self, side: _Side, file: File) -> Iterator[tuple[Aspect, object, str]]:
        """Aspect, what is compared, how it is shown."""
        entry, exact = file.entry, _exact(file.entry)
        yield Aspect.MODE, entry.mode, f"{entry.mode:o}"
        yield Aspect.OWNER, (entry.uid, entry.gid), f"{entry.uid}:{entry.gid}"
        if entry.kind == "symlink":
            yield Aspect.LINK, entry.link, entry.link
        if entry.kind == "file":
            names = side.names.get(file.path, "")
            yield Aspect.HARD_LINKS, names, names or "none"
            yield Aspect.CONTENT, exact.digest, f"{entry.size} bytes"
        yield Aspect.DEVICE, exact.device, "{}:{}".format(*exact.device)
        yield Aspect.ATTRIBUTES, exact.attributes, " ".join(f"{k}={v}" for k, v in exact.attributes) or "none"
        yield Aspect.TIME, exact.mtime, str(exact.mtime)

    def _are_new(self, left: File, right: File) -> bool:
        """Whether both builds made this anew, or nothing is known of it."""
        if self._since is None or left.entry.exact is None or right.entry.exact is None:
            return True
        return min(left.entry.exact.mtime, right.entry.exact.mtime) >= self._since

    def _judged(self, found: PathDifference) -> Iterator[PathDifference]:
        """The difference, unless a row excuses it; of a content also where it begins."""
        notes = []
        for excuse in self._excuses:
            if excuse.fits(found.path, found.what):
                refusal = self._refusal(excuse, found)
                if refusal is None:
                    self._excused[excuse].append(found.path)
                    return
                notes.append(refusal)
        note = "; ".join(notes)
        if found.what is Aspect.CONTENT:
            yield replace(
                found, offset=self._offset(found.path), note=note, program=self._program(found.path)
            )
        else:
            yield replace(found, note=note)

    def _program(self, path: str) -> str:
        left, right = (_linkage(side.contents[path]) for side in (self._left, self._right))
        if left is None or right is None:
            return ""
        differing = [name for name, fact in _LINKAGE.items() if fact(left) != fact(right)]
        return f"{'another' if differing else 'the same'} {', '.join(differing or _LINKAGE)}"

    def _refusal(self, excuse: Excuse, found: PathDifference) -> str | None:
        if excuse.compare is None or found.what is not Aspect.CONTENT:
            return None
        sides = (self._left, self._right)
        if any(side.contents[found.path].stat().st_size > excuse.largest for side in sides):
            return f"larger than {excuse.largest >> 20} MiB"
        left, right = (
            Version(found.path, side.contents[found.path].read_bytes(), side.tree.files) for side in sides
        )
        return excuse.compare(left, right)

    def _offset(self, path: str) -> int:
        at = 0
        with self._left.contents[path].open("rb") as left, self._right.contents[path].open("rb") as right:
            while True:
                one, two = left.read(_BLOCK), right.read(_BLOCK)
                if one != two or not one:
                    pairs = enumerate(zip(one, two, strict=False))
                    return at + next((n for n, (a, b) in pairs if a != b), min(len(one), len(two)))
                at += len(one)


_LINKAGE: Mapping[str, Callable[[ElfFacts], object]] = {
    "machine": lambda facts: (facts.machine, facts.bits, facts.little_endian, facts.flags, facts.x86_level),
    "loader": lambda facts: facts.interpreter,
    "list of needed libraries": lambda facts: (facts.needed, facts.rpath, facts.runpath),
    "list of symbol versions": lambda facts: facts.versions,
}


def _linkage(content: Path) -> ElfFacts | None:
    """Of a program or a library that can be read as a whole."""
    with content.open("rb") as file:
        if not is_elf(file.read(_MAGIC)):
            return None
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            elf = open_elf(data)
            facts = None if isinstance(elf, Unreadable) else facts_of(elf)
    return facts if facts is not None and facts.problem is None else None


def _shown(entry: Entry) -> str:
    words = [entry.kind, f"{entry.mode:o}", f"{entry.uid}:{entry.gid}"]
    if entry.kind == "file":
        words.append(f"{entry.size} bytes")
    return " ".join(words) + (f" -> {entry.link}" if entry.link else "")
