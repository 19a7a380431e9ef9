"""A stage with twins and the same stage without: the whole trees are compared, and what the steps said.

Packages are made here, so that no index of packages is asked.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest
from tests.integration.solving import build, engine

from xbuild.pipeline.helper import twin_files
from xbuild.solve.build import SolveResult
from xbuild.solve.export import merged
from xbuild.solve.progress import Event, LogEvent

BASE = "debian:bookworm"
# trixie has apt 3, which has OpenSSL in it, and sqv.
BASES = (BASE, "python:3.13-slim-trixie")
MOUNT = "--mount=type=bind,from=xbuild-twins,target=/.xbuild-7c1f"
SOURCE = ". /.xbuild-7c1f/env;"
# Times in logs, and caches with times of change in them: two builds without twins differ there too.
MAY_DIFFER = re.compile(
    r"var/log/(dpkg\.log|apt/.*\.log|alternatives\.log)|var/cache/(ldconfig/aux-cache|apt/.*\.bin)"
)


@pytest.fixture(autouse=True)
def _needs_an_engine() -> None:
    engine()


def helper(base: str, twins: tuple[str, ...] = ("apt",)) -> str:
    """The stages in front of an author's."""
    lines = [
        f"FROM {base} AS xbuild-target",
        f"FROM --platform=$BUILDPLATFORM {base} AS xbuild-native",
        "ARG BUILDARCH",
        "ARG TARGETARCH",
        "USER root",
    ]
    for name, text in twin_files().items():
        room, _, place = name.partition("/")
        if room in ("helper", *twins):
            place = place if room == "helper" else name
            lines += [f'COPY <<"XBUILD-7C1F" /.xbuild-helper/{place}', text + "XBUILD-7C1F"]
    words = json.dumps(["/bin/sh", "/.xbuild-helper/prepare.sh", *twins])
    lines += [
        f"RUN --mount=type=bind,from=xbuild-target,target=/.xbuild-target {words}",
        "FROM scratch AS xbuild-twins",
        "COPY --from=xbuild-native /.xbuild-out/ /",
    ]
    return "\n".join(lines) + "\n"


def assisted(text: str) -> str:
    """`RUN` with the mount, and the shell of each step with `env` in front."""
    text = re.sub(r"^RUN \[", f'RUN {MOUNT} ["/.xbuild-7c1f/exec", ', text, flags=re.MULTILINE)
    text = re.sub(r"^RUN <<(.*)$", rf"RUN {MOUNT} <<\1\n{SOURCE}", text, flags=re.MULTILINE)
    return re.sub(r"^RUN (?!--mount)", f"RUN {MOUNT} {SOURCE} ", text, flags=re.MULTILINE)


def member(name: str, content: bytes, mode: int = 0o644) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = len(content), mode, 1_700_000_000
    info.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
    return info, content


def archive(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as written:
        for info, content in members:
            written.addfile(info, io.BytesIO(content))
    return gzip.compress(stream.getvalue(), mtime=0)


def package(name: str, *files: tuple[tarfile.TarInfo, bytes], **scripts: str) -> bytes:
    """A .deb (deb(5)): an ar archive of three members."""
    control = (
        f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n"
    )
    parts = {
        "debian-binary": b"2.0\n",
        "control.tar.gz": archive(
            member("./control", control.encode()),
            *(member(f"./{script}", text.encode(), 0o755) for script, text in scripts.items()),
        ),
        "data.tar.gz": archive(*files),
    }
    made = b"!<arch>\n"
    for part, content in parts.items():
        made += f"{part:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
        made += content + b"\n" * (len(content) % 2)
    return made


TOOLS = package(
    "tools",
    member("./usr/share/tools/", b"", 0o755),
    member("./usr/share/tools/data", b"1 2 3\n" * 2000),
    member("./usr/share/tools/run", b"#!/bin/sh\n", 0o755),
    postinst="""#!/bin/sh
set -e
find /usr/share/tools -type f | sort | xargs sha256sum > /usr/share/tools/sums
sed -n '1p;$p' /usr/share/tools/data | tr 1 x > /usr/share/tools/changed
dpkg --print-architecture > /usr/share/tools/architecture
uname -m >> /usr/share/tools/architecture
echo "$DPKG_MAINTSCRIPT_ARCH $DPKG_MAINTSCRIPT_NAME" >> /usr/share/tools/architecture
env | grep -v ^PATH= | sort > /usr/share/tools/environment
update-alternatives --install /usr/bin/tools-run tools-run /usr/share/tools/run 10
chown nobody:nogroup /usr/share/tools/changed
ldconfig
[ ! -e /said/purged ] || echo "with PATH=$PATH"
""",
)
BROKEN = package(
    "broken", member("./usr/share/broken", b"x"), postinst="#!/bin/sh\necho broken here\nexit 7\n"
)
# One brings a tool that the scripts of the other call, in the same run of dpkg.
BRINGS = package("brings", member("./usr/bin/cut", b'#!/bin/sh\necho "its own cut $*" >> /said/cut\n', 0o755))
CALLS = package("calls", member("./usr/share/calls", b"x"), postinst="#!/bin/sh\necho a b | cut -c1\n")
STEPS = f"""\
FROM {BASE}
COPY tools.deb broken.deb brings.deb calls.deb /
RUN mkdir /said; apt-get install -y nosuchpackage > /said/missing 2>&1; echo "status $?" >> /said/missing; \\
    apt-get install -y /tools.deb > /said/installed 2> /dev/null
RUN dpkg -i /tools.deb > /said/again 2> /dev/null; dpkg -i /broken.deb > /said/broken 2>&1; echo $? > /code
RUN LD_PRELOAD=/nosuch.so dpkg -P broken 2> /dev/null; dpkg --print-architecture > /said/architecture
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
RUN <<EOF
set -u
apt-get -yq purge tools | tail -n 2 > /said/purged
EOF
RUN ["apt-get", "install", "-y", "/tools.deb"]
RUN dpkg -i --force-overwrite /brings.deb /calls.deb > /said/called 2>&1
"""
Tree = dict[str, tuple[object, ...]]


def tree(result: SolveResult) -> Tree:
    assert result.layout is not None
    found: Tree = {}
    for image in result.layout.images:
        for info, content in merged(result.layout, image):
            name = info.name.lstrip("/")
            data = b"" if content is None else content.read()
            seen = (
                data if name.startswith(("said/", "usr/share/tools/")) else hashlib.sha256(data).hexdigest()
            )
            found[name] = (info.type, info.mode, info.uid, info.gid, info.linkname, seen)
    return found


class Said:
    """What the twins said, in the order of the steps."""

    def __init__(self) -> None:
        self.output = b""

    def __call__(self, event: Event) -> None:
        if isinstance(event, LogEvent):
            self.output += event.data

    @property
    def lines(self) -> list[str]:
        lines = [line.partition("xbuild-twin: ")[2] for line in self.output.decode().splitlines()]
        return [line for line in lines if line]


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("twins")
    (folder / "tools.deb").write_bytes(TOOLS)
    (folder / "broken.deb").write_bytes(BROKEN)
    (folder / "brings.deb").write_bytes(BRINGS)
    (folder / "calls.deb").write_bytes(CALLS)
    (folder / "Dockerfile").write_text(STEPS)
    return folder


def config(result: SolveResult) -> dict[str, Any]:
    """Of the one image, with the number of its layers; without times, what they hold, and what made them."""
    assert result.layout is not None
    (image,) = result.layout.images
    found: dict[str, Any] = {name: value for name, value in image.config.items() if name != "created"}
    told = ("created", "created_by")
    found["history"] = [{k: v for k, v in row.items() if k not in told} for row in found["history"]]
    found["rootfs"] = [len(found["rootfs"]["diff_ids"]), len(image.layers)]
    return found


@pytest.mark.parametrize("base", BASES)
def test_the_same_tree(context: Path, tmp_path: Path, base: str) -> None:
    arguments = ("--platform=linux/arm64", str(context))
    steps = STEPS.replace(BASE, base)
    plain, _ = build(tmp_path / "plain", *arguments, text=steps)
    said = Said()
    text = helper(base) + assisted(steps)
    twins, _ = build(tmp_path / "twins", "--no-cache", *arguments, text=text, on_event=said)
    assert plain.exit_code == twins.exit_code == 0
    assert config(plain) == config(twins)
    one, other = tree(plain), tree(twins)
    different = {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}
    assert {
        name: (one.get(name), other.get(name)) for name in different if not MAY_DIFFER.fullmatch(name)
    } == {}
    assert one["said/cut"] == other["said/cut"]
    native = "/.xbuild-7c1f/apt/dpkg:/.xbuild-7c1f/apt/tools:"
    assert f"with PATH={native}" in said.output.decode()
    assert said.lines == [
        "apt: native",
        "apt: native",
        "apt: native",
        "apt: native",
        "apt: own: LD_PRELOAD is set",
        "apt: own: options that are not understood",
        "apt: native",
        "apt: native",
        "apt: native",
    ]


MADE = """\
FROM golang:1.21-bookworm AS made
RUN apt-get update && apt-get install -y --no-install-recommends gcc-x86-64-linux-gnu gcc-aarch64-linux-gnu
COPY . /rooms
RUN mkdir /made && sh /rooms/helper/make-native /made
FROM scratch
COPY --from=made /made /made
"""


def test_programs_are_what_their_sources_make(tmp_path: Path) -> None:
    """What is shipped in base64 comes from the source beside it, byte for byte."""
    shutil.copytree(Path(__file__).parents[2] / "src/xbuild/plan/twins", tmp_path / "rooms")
    (tmp_path / "rooms/Dockerfile").write_text(MADE)
    result, _ = build(tmp_path / "b", "--platform=linux/amd64", str(tmp_path / "rooms"))
    assert result.layout is not None
    made = {
        info.name.removeprefix("made/"): content.read().decode()
        for info, content in merged(result.layout, result.layout.images[0])
        if content is not None
    }
    assert sorted(made) == [
        f"{name}.{m}" for name in ("apk/told", "apt/settled", "helper/starter") for m in ("amd64", "arm64")
    ]
    assert made == {name: twin_files()[name] for name in made}
