"""A mount of the test's own: its path is as long as the real one's, and can take its place in programs."""

from __future__ import annotations

import base64
import hashlib
import platform
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xbuild.architectures import ARCHITECTURES
from xbuild.pipeline.helper import twin_files
from xbuild.plan.twins.twin import MOUNT

MEMORY = f"/dev/shm{MOUNT}"  # as in helper/env.sh and starter.c
TOOLS = ("bash", "cat", "grep", "od", "sed", "sha256sum")


class Mount:
    """Files are those of the helper, with this folder in place of the real mount."""

    def __init__(self, folder: Path) -> None:
        assert len(str(folder)) == len(MOUNT)
        self.folder = folder

    @property
    def memory(self) -> str:
        """What stands for the place in memory, whose path is as long."""
        return f"{self.folder}/memory."

    def moved(self, name: str, places: dict[str, str] | None = None) -> str:
        """The text of a file of the helper (`apt/decide`) for this mount and other places."""
        text = twin_files()[name]
        for place, here in {MEMORY: self.memory, MOUNT: str(self.folder), **(places or {})}.items():
            text = text.replace(place, here)
        return text

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(0o755)
        return path

    def add_tools(self) -> None:
        """What every script of a twin has."""
        (self.folder / "bin").mkdir()
        for name in TOOLS:
            (self.folder / "bin" / name).symlink_to(shutil.which(name) or name)
        self.write("twin.sh", self.moved("helper/twin.sh"))
        self.write("hostile", twin_files()["helper/hostile"])
        self.write("openssl", twin_files()["helper/openssl"])
        self.write("os-release", Path("/etc/os-release").read_bytes())

    def add_starter(self, *names: str) -> None:
        program = native_file("helper/starter")
        for place, here in ((MEMORY, self.memory), (MOUNT, str(self.folder))):
            program = program.replace(place.encode(), here.encode())
        for name in names:
            self.write(name, program)


# What OpenSSL's configuration may say, and whether it has code loaded then.
OPENSSL = {
    "": False,
    "openssl_conf = init\n[init]\nproviders = p\n[p]\ndefault = d\n[d]\n# activate = 1\n": False,
    "[tsa]\ncrypto_device = builtin # OpenSSL engine\nengines_of_mine = x\nmodules = y\n": False,
    "[ssl]\nCipherString = DEFAULT@SECLEVEL=1\n": False,
    "[d]\n  activate=1": True,
    "[init]\nengines = e\n": True,
    "[e]\n\tdynamic_path = /x.so\n": True,
    "module=/x.so": True,
    ".include /etc/more\n": True,
    "x = y\n.include = more.cnf\n": True,
}


class Root:
    """A folder that stands for the root of the author's container, beside a mount."""

    def __init__(self, mount: Mount, root: Path) -> None:
        self.mount, self.root = mount, root

    def write(self, name: str | Path, text: str) -> Path:
        """A program, or a file; by a path in the root."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        return path


def sums(*paths: Path) -> str:
    """What `sha256sum` says of files."""
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path}\n" for path in paths)


def native_file(name: str) -> bytes:
    """A program of the helper for this machine."""
    machine = next(each.goarch for each in ARCHITECTURES if each.uname == platform.machine())
    return base64.b64decode(twin_files()[f"{name}.{machine}"])


@contextmanager
def mounted() -> Iterator[Mount]:
    folder = Path(tempfile.mkdtemp(prefix="", dir="/tmp"))
    folder.chmod(0o755)
    try:
        yield Mount(folder)
    finally:
        shutil.rmtree(folder)
        Path(f"{folder}-mark").unlink(missing_ok=True)
