"""Trees with Python in them: interpreters, packages as installers leave them, environments."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.unit.verify.builder import Built, Elf, Item, symlink, write_layout
from xbuild.platforms import Platform
from xbuild.verify.checks import Allow, Check, Severity, Verification
from xbuild.verify.image import BaseLayers, verify_layout

MACHINES = {"amd64": "x86_64", "arm64": "aarch64", "386": "i686"}
C_LIBRARIES = {"gnu": "libc.so.6", "musl": "libc.musl-any.so.1"}


@dataclass(frozen=True)
class Python:
    """What an image is for, and which Python it has; `libc` as triplets have it."""

    architecture: str = "arm64"
    version: str = "3.13"
    libc: str = "gnu"
    prefix: str = "usr/local"
    flags: str = ""
    """As `t` in `cp313t`."""

    @property
    def platform(self) -> str:
        return f"linux/{self.architecture}"

    @property
    def tag(self) -> str:
        return f"cp{self.version.replace('.', '')}{self.flags}"

    @property
    def triplet(self) -> str:
        machine = {"386": "i386"}.get(self.architecture) or MACHINES[self.architecture]
        return f"{machine}-linux-{self.libc}"

    @property
    def suffix(self) -> str:
        return f".cpython-{self.tag[2:]}-{self.triplet}.so"

    @property
    def site(self) -> str:
        return f"{self.prefix}/lib/python{self.version}{self.flags}/site-packages"

    @property
    def wheel(self) -> str:
        """The tag of a wheel for it."""
        level = {"gnu": "manylinux_2_17", "musl": "musllinux_1_2"}[self.libc]
        return f"{self.tag.removesuffix(self.flags)}-{self.tag}-{level}_{MACHINES[self.architecture]}"

    def program(self) -> bytes:
        """An interpreter: it holds the endings of the modules that it loads."""
        stable = b"" if self.flags else b"\0.abi3.so"
        return self.library() + stable + b"\0" + self.suffix.encode() + b"\0"

    def library(self, *needed: str, runpath: str | None = None, rpath: str | None = None) -> bytes:
        """A shared library for its machine and its C library; so is a module."""
        names = (*needed, C_LIBRARIES[self.libc])
        return Elf(self.architecture, kind=3, needed=names, runpath=runpath, rpath=rpath).build()

    def installation(self) -> list[Item]:
        """As the official image has it: a program, its links, and how it was built."""
        folder = f"{self.prefix}/bin"
        return [
            Item(f"{folder}/python{self.version}", self.program()),
            symlink(f"{folder}/python3", f"python{self.version}"),
            symlink(f"{folder}/python", "python3"),
            Item(
                f"{self.prefix}/lib/python{self.version}/_sysconfigdata_{self.flags}_linux_{self.triplet}.py",
                b"x",
            ),
            Item(
                f"{self.prefix}/lib/python{self.version}/lib-dynload/_ssl{self.suffix}",
                self.library("libssl.so.3"),
            ),
        ]

    def numpy(self, site: str | None = None) -> list[Item]:
        """A package with modules, and a library that its wheel brought along."""
        return package(
            "numpy",
            "2.1.0",
            {
                "numpy/__init__.py": b"",
                f"numpy/core{self.suffix}": self.library(
                    "libblas-0cf96a72.so.3", runpath="$ORIGIN/../numpy.libs"
                ),
                "numpy.libs/libblas-0cf96a72.so.3": self.library(),
            },
            tags=[self.wheel],
            site=site or self.site,
        )

    def pure(self, name: str, version: str = "1.0", requires: Sequence[str] = ()) -> list[Item]:
        """A package without modules of its own."""
        return package(name, version, {f"{name}/__init__.py": b""}, requires, site=self.site)

    def venv(self, at: str, *, python: str = "", home: str = "", version: str = "") -> list[Item]:
        """An environment made of this interpreter, or of what is said; its `python` leads there."""
        home = home or f"/{self.prefix}/bin"
        config = (
            f"home = {home}\ninclude-system-site-packages = false\nversion = {version or self.version}.1\n"
        )
        return [
            Item(f"{at}/pyvenv.cfg", config.encode(), 0o644),
            symlink(f"{at}/bin/python", python or f"{home}/python{self.version}"),
            symlink(f"{at}/bin/python3", "python"),
            symlink(f"{at}/lib64", "lib"),
        ]


def package(
    name: str,
    version: str,
    files: Mapping[str, bytes],
    requires: Sequence[str] = (),
    tags: Sequence[str] = ("py3-none-any",),
    *,
    site: str,
    record: str | None = None,
) -> list[Item]:
    """What an installer leaves: files, and a folder that tells of them."""
    info = f"{name}-{version}.dist-info"
    lines = [f"Requires-Dist: {each}\n" for each in requires]
    listed = "".join(f"{path},sha256=x,1\n" for path in files) + f"{info}/RECORD,,\n../../../bin/{name},,\n"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{''.join(lines)}\nLong: text\n"
    wheel = "Wheel-Version: 1.0\nRoot-Is-Purelib: false\n" + "".join(f"Tag: {tag}\n" for tag in tags)
    return [
        *(Item(f"{site}/{path}", content or b"#", 0o644) for path, content in files.items()),
        Item(f"{site}/{info}/METADATA", metadata.encode(), 0o644),
        Item(f"{site}/{info}/WHEEL", wheel.encode(), 0o644),
        Item(f"{site}/{info}/RECORD", (listed if record is None else record).encode(), 0o644),
        Item(f"{site}/{info}/INSTALLER", b"pip\n", 0o644),
    ]


def without(items: Iterable[Item], *parts: str) -> list[Item]:
    """All items but those whose paths have one of these parts."""
    return [item for item in items if not any(part in item.path for part in parts)]


def verify(
    *images: tuple[Python, Sequence[Item]],
    allow: Sequence[Allow] = (),
    env: Sequence[str] = (),
    base: Sequence[Item] = (),
    base_layers: BaseLayers = 0,
) -> Verification:
    """Verify an image with these platforms; `base` is the first layer of each, if there is any."""
    path = "PATH=/usr/local/bin:/usr/bin:/bin"
    built = [
        Built(python.platform, [*([base] if base else []), items], env=[path, *env])
        for python, items in images
    ]
    with tempfile.TemporaryDirectory() as folder:
        layout = write_layout(Path(folder) / "layout", *built)
        wanted = [Platform.parse(image.platform) for image in built]
        return verify_layout(layout, wanted, allow, base_layers=base_layers, cache=None)


def told(outcome: Verification) -> list[str]:
    """Every failure and warning, and what was let pass across platforms, each as one line."""
    alone = [(platform.platform, check) for platform in outcome.platforms for check in platform.checks]
    every = [(where, check) for where, check in alone if check.severity is not Severity.OK]
    return [_line(where, check) for where, check in (*every, *(("across", each) for each in outcome.across))]


def _line(where: str, check: Check) -> str:
    found = f" ({check.expected} | {check.found})" if check.expected or check.found else ""
    reason = f"; {check.reason}" if check.reason else ""
    return f"{where} {check.severity} {check.kind} {check.path}: {check.message}{found}{reason}"
