"""Two stages of one build compared in the build itself: every path of their roots, natively, and without an
image of either being exported.

The Dockerfile has stages `assisted` and `emulated`; both leave what was said in `/said/to`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from tests.integration.solving import docker, engine

from xbuild.verify.excuses import Aspect, Version
from xbuild.verify.languages.excused import EXCUSES
from xbuild.verify.layers import FileSystem

BASE = "python:3.11-slim-bookworm"

# By path, type, mode, owner, link and content. Contents that differ are handed out.
_COMPARE = """\
import hashlib, json, os, shutil, stat

def load(root):
    found = {}
    for folder, folders, names in os.walk(root):
        if folder == root:
            folders[:] = [name for name in folders if name not in ("proc", "sys", "dev")]
        for name in folders + names:
            path = os.path.join(folder, name)
            state = os.lstat(path)
            content = ""
            if stat.S_ISLNK(state.st_mode):
                content = os.readlink(path)
            elif stat.S_ISREG(state.st_mode):
                with open(path, "rb") as file:
                    data = file.read()
                if b".xbuild-7c1f" in data:
                    leaks.append(path)
                content = hashlib.sha256(data).hexdigest()
            found[os.path.relpath(path, root)] = (state.st_mode, state.st_uid, state.st_gid, content)
    return found

leaks, changed, differs = [], [], []
one, other = load("/assisted"), load("/emulated")
for path in sorted(one.keys() | other.keys()):
    left, right = one.get(path), other.get(path)
    if left == right:
        continue
    if left and right and left[:3] == right[:3] and stat.S_ISREG(left[0]):
        number = len(changed)
        changed.append(path)
        shutil.copyfile("/assisted/" + path, f"/result/{number}.assisted")
        shutil.copyfile("/emulated/" + path, f"/result/{number}.emulated")
    else:
        differs.append(path)
json.dump(dict(paths=sorted(one), changed=changed, differs=differs, leaks=leaks), open("/result/json", "w"))
shutil.copyfile("/assisted/said/to", "/result/said")
"""
STAGE = f"""\
FROM --platform=$BUILDPLATFORM {BASE} AS compared
COPY compare.py /
RUN mkdir /result
RUN --mount=from=assisted,target=/assisted --mount=from=emulated,target=/emulated ["python3", "/compare.py"]
"""


@dataclass(frozen=True)
class Compared:
    """`changed` are files whose contents differ, `differs` what differs otherwise."""

    paths: list[str]
    changed: list[str]
    differs: list[str]
    leaks: list[str]
    folder: Path
    log: str

    @property
    def said(self) -> str:
        return (self.folder / "said").read_text()

    @property
    def twins(self) -> list[str]:
        """What twins said, in the order of the steps."""
        lines = [line.partition("xbuild-twin: ")[2] for line in self.log.splitlines()]
        return [line for line in lines if line]

    def refused(self) -> dict[str, list[str | None]]:
        """What the table of the tree comparison says of contents that differ, where no row excuses them."""
        found: dict[str, list[str | None]] = {}
        for number, path in enumerate(self.changed):
            one, other = (
                Version(f"/{path}", (self.folder / f"{number}.{side}").read_bytes(), FileSystem([]))
                for side in ("assisted", "emulated")
            )
            rows = [row for row in EXCUSES if row.compare and row.fits(f"/{path}", Aspect.CONTENT)]
            said = [row.compare(one, other) for row in rows if row.compare]
            if None not in said:
                found[path] = said
        return found


def foreign(builder: str = "default") -> str:
    """A platform that the builder emulates."""
    return "linux/arm64" if str(engine(builder).native) == "linux/amd64" else "linux/amd64"


def compare(folder: Path, dockerfile: str, builder: str = "default") -> Compared:
    """Build the stages, and compare them. The last stage's files come out beside the result."""
    (folder / "Dockerfile").write_text(dockerfile)
    (folder / "compare.py").write_text(_COMPARE)
    out = folder / "out"
    # What twins say is in the output of a step, which a cached one has not.
    options = ("--builder", builder, "--progress", "plain", "--no-cache-filter", "assisted")
    place = ("--platform", foreign(builder), "--output", f"type=local,dest={out}")
    done = docker("buildx", "build", *options, *place, str(folder), check=False)
    assert done.returncode == 0, done.stderr
    return Compared(**json.loads((out / "json").read_text()), folder=out, log=done.stderr)
