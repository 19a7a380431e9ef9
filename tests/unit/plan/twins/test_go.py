"""What decides for `go` and for its tools: which `go` is started, with which words, and which tool."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.plan.twins.mounting import Mount, Root, mounted, sums
from xbuild.pipeline.helper import twin_files

SAYS = '#!/bin/sh\nprintf "%s" {kind}; printf "|%s" "$@"; echo; echo "GOFLAGS ${{GOFLAGS-none}}"\n'
TOOLS = ("asm", "cgo", "compile", "cover", "link", "vet")
FOLDER = "pkg/tool/linux_any"


class Container(Root):
    """A mount, a Go, and what `decide` reads."""

    def __init__(self, mount: Mount, root: Path, library: str = "twin.sh") -> None:
        super().__init__(mount, root)
        self.go = root / "go"
        mount.add_starter("go/bin/go", "go/word", "go/tool")
        mount.add_tools()
        # busybox's words for what is GNU's here.
        moved = mount.moved(f"helper/{library}", {"--check --status": "-c -s", " -c -s ": " -c --status "})
        mount.write("twin.sh", moved if library == "twin.ash" else mount.moved("helper/twin.sh"))
        mount.write("go/decide", mount.moved("go/decide", {"/usr/local/go": str(self.go)}))
        mount.write("go/stat", f'#!/bin/sh\nexec {shutil.which("stat")} "$@"\n')
        for name in ("hostile", "options"):
            mount.write(f"go/{name}", twin_files()[f"go/{name}"])
        self.write("go/bin/go", SAYS.format(kind="own"))
        self.write("go/go.env", "GOTOOLCHAIN=auto\n")
        for tool in TOOLS:
            self.write(f"go/{FOLDER}/{tool}", SAYS.format(kind="own"))
            mount.write(f"go/own/{tool}", SAYS.format(kind="native"))
        self.record()

    def record(self) -> None:
        tools = [self.go / FOLDER / tool for tool in TOOLS]
        self.mount.write("go/sums", sums(*tools, self.go / "bin/go"))
        lines = [
            f"{p} {p.stat().st_size} {p.stat().st_mtime_ns // 10**9}.{p.stat().st_mtime_ns % 10**9:09}\n"
            for p in tools
        ]
        self.mount.write("go/tools", "".join(lines))

    def start(self, *words: str, **environment: str) -> list[str]:
        path = f"{self.mount.folder}/go/bin:{self.go}/bin:{os.environ['PATH']}"
        done = subprocess.run(
            words, capture_output=True, text=True, env={"PATH": path, "HOME": str(self.root), **environment}
        )
        assert (done.stderr, done.returncode) == ("", 0)
        return done.stdout.splitlines()

    def command(self, *words: str, **environment: str) -> list[str]:
        """What `go` is started with, our own word by its name."""
        said, flags = self.start(f"{self.mount.folder}/go/bin/go", *words, **environment)
        assert flags == f"GOFLAGS {environment.get('GOFLAGS', 'none')}"
        kind, *seen = said.replace(f"-toolexec={self.mount.folder}/go/tool", "TOOLEXEC").split("|")
        assert kind == "own"
        return seen

    def tool(self, name: str, *words: str, **environment: str) -> str:
        target = {"GOOS": "linux", "GOARCH": "any", **environment}
        path = str(self.go / FOLDER / name)
        said, _ = self.start(f"{self.mount.folder}/go/tool", path, *words, **target)
        kind, *seen = said.split("|")
        assert seen == list(words)
        return kind


@pytest.fixture(params=["twin.sh", "twin.ash"], ids=["glibc", "musl"])
def container(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Container]:
    with mounted() as mount:
        yield Container(mount, tmp_path, request.param)


TOLD = (
    ("build", "TOOLEXEC", "./..."),
    ("build", "TOOLEXEC"),
    ("install", "TOOLEXEC", "-v", "x@v1"),
    ("test", "TOOLEXEC", "-run", "X", "./...", "-args", "a"),
    ("run", "TOOLEXEC", ".", "a b", ""),
    ("vet", "TOOLEXEC", "./..."),
    ("list", "TOOLEXEC", "-export", "x"),
    ("-C", "d", "build", "TOOLEXEC", "-o", "x"),
    ("build", "-C", "d", "TOOLEXEC", "-o", "x"),
    ("build", "-C=d", "TOOLEXEC"),
    ("build", "TOOLEXEC", "-ldflags", "-s -w -X main.n=1", "-gcflags=-N -l"),
)


@pytest.mark.parametrize("words", TOLD, ids=" ".join)
def test_it_is_told_how_to_start_its_tools(container: Container, words: tuple[str, ...]) -> None:
    assert container.command(*(w for w in words if w != "TOOLEXEC")) == list(words)


def test_the_first_of_two_is_the_author_s(container: Container) -> None:
    """The same through its path, in front of which a word was put."""
    words = (f"{container.mount.folder}/go/word", f"{container.go}/bin/go", "build", ".")
    assert container.start(*words)[0] == f"own|build|-toolexec={container.mount.folder}/go/tool|."


LEFT: tuple[tuple[str, ...], ...] = (
    ("env",),
    ("mod", "download"),
    ("tool", "compile"),
    ("version", "-m", "x"),
    ("help", "build"),
    ("build", "-x"),
    ("build", "--x", "."),
    ("build", "-n=true"),
    ("build", "-toolexec=own", "."),
    ("build", "-toolexec", "own a", "."),
    ("build", "-debug-actiongraph=f", "."),
    ("build", "-C"),
    ("-C", "d"),
    ("-x", "build"),
)


@pytest.mark.parametrize("words", LEFT, ids=" ".join)
def test_commands_that_are_left_alone(container: Container, words: tuple[str, ...]) -> None:
    assert container.command(*words) == list(words)


@pytest.mark.parametrize(
    "environment",
    [
        {"GOFLAGS": "-toolexec=own"},
        {"GOFLAGS": "-mod=mod '-toolexec=own a'"},
        {"GOFLAGS": "-v -x"},
        {"LD_PRELOAD": "libnone.so"},
        {"TEST_TELEMETRY_DIR": "/d"},
        {"GOSSAFUNC": "main"},
    ],
)
def test_environments_that_are_left_alone(container: Container, environment: dict[str, str]) -> None:
    found = f"{container.mount.folder}/go/decide"
    words = (found, f"{container.mount.folder}/go/bin/go", f"{container.go}/bin/go", "go", "build")
    assert decided(container, *words, **environment).startswith("own ")


def decided(container: Container, *words: str, **environment: str) -> str:
    """What `decide` prints; it looks at the environment of what started it."""
    starts = ["bash", "-c", '"$@"; :', "bash", *words]
    given = {"PATH": os.environ["PATH"], "HOME": str(container.root), **environment}
    return subprocess.run(starts, capture_output=True, text=True, check=True, env=given).stdout


@pytest.mark.parametrize(
    "environment", [{"GOFLAGS": "-mod=mod -trimpath"}, {"GODEBUG": "x=1"}, {"GOENV": "off"}]
)
def test_environments_that_change_nothing(container: Container, environment: dict[str, str]) -> None:
    assert container.command("build", **environment) == ["build", "TOOLEXEC"]


@pytest.mark.parametrize("place", [".config/go/env", "xdg/go/env", "named"])
def test_settings_of_the_author_s(container: Container, place: str) -> None:
    environment = {"xdg/go/env": {"XDG_CONFIG_HOME": f"{container.root}/xdg"}}.get(place, {})
    environment |= {"named": {"GOENV": f"{container.root}/named"}}.get(place, {})
    container.write(place, "GOPROXY=off\nGOFLAGS=-mod=mod")
    assert container.command("build", **environment) == ["build", "TOOLEXEC"]
    container.write(place, "GOFLAGS=-mod=mod -toolexec=own\n")
    assert container.command("build", **environment) == ["build"]


def test_what_generators_start(container: Container) -> None:
    option = f"-toolexec={container.mount.folder}/go/tool"
    found = f"{container.mount.folder}/go/bin/go"
    assert container.start(found, "generate", "./...") == ["own|generate|./...", f"GOFLAGS {option}"]
    said = container.start(found, "generate", GOFLAGS="-mod=mod")
    assert said == ["own|generate", f"GOFLAGS -mod=mod {option}"]
    container.write(".config/go/env", "GOFLAGS=-mod=mod\n")
    assert container.start(found, "generate") == ["own|generate", "GOFLAGS none"]


@pytest.mark.parametrize("name", ["bin/go", f"{FOLDER}/compile", f"{FOLDER}/vet"])
def test_another_go(container: Container, name: str) -> None:
    path = container.go / name
    path.write_text(path.read_text() + "# replaced\n")
    assert container.command("build") == ["build"]


def test_another_release(container: Container) -> None:
    container.mount.write("os-release", "ID=debian\nVERSION_ID=1\n")
    assert container.command("build") == ["build"]


def test_a_go_before_it_in_path(container: Container) -> None:
    mine = container.write("mine/go", SAYS.format(kind="mine"))
    path = f"{container.mount.folder}/go/bin:{mine.parent}:{container.go}/bin:{os.environ['PATH']}"
    assert container.start(f"{container.mount.folder}/go/bin/go", "build", PATH=path)[0] == "mine|build"


NATIVE = (
    ("compile", "-o", "x", "-trimpath", "a=>b", "-p", "main", "-std", "-+", "-c=4", "-pack", "a.go", "-x"),
    ("compile", "-l=4", "-N", "-d", "panic", "-d=checkptr", "-spectre=all", "a.go"),
    ("asm", "-p", "runtime", "-I", "d", "-D", "GOOS_linux", "-gensymabis", "-o", "x", "a.s"),
    (
        "link",
        "-o",
        "x",
        "-s",
        "-w",
        "-X=main.a=b",
        "-X",
        "main.c=d -v",
        "-extldflags=-static",
        "-buildid=x",
        "a",
    ),
    ("cgo", "-objdir", "d", "-importpath", "p", "-import_syscall=false", "--", "-g", "-O2", "a.go"),
    ("cover", "-pkgcfg", "x", "-mode=set", "-outfilelist", "y", "a.go"),
    ("vet", "-unsafeptr=false", "-anything", "vet.cfg"),
)


@pytest.mark.parametrize("words", NATIVE, ids=" ".join)
def test_native_tools(container: Container, words: tuple[str, ...]) -> None:
    assert container.tool(*words) == "native"


OWN = (
    ("compile", "-V=full"),
    ("vet", "-V=full"),
    ("compile", "-bench=x", "a.go"),
    ("compile", "-cpuprofile", "x", "a.go"),
    ("compile", "-o"),
    ("link", "--benchmark=cpu", "a"),
    ("link", "-v", "a"),
    ("cgo", "-godefs", "a.go"),
)


@pytest.mark.parametrize("words", OWN, ids=" ".join)
def test_tools_that_are_left_alone(container: Container, words: tuple[str, ...]) -> None:
    assert container.tool(*words) == "own"


def test_a_tool_for_no_machine(container: Container) -> None:
    assert container.tool("compile", "a.go", GOARCH="") == "own"
    assert container.tool("compile", "a.go", GOOS="") == "own"


def test_a_tool_that_was_exchanged(container: Container) -> None:
    path = container.go / FOLDER / "link"
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
    assert container.tool("link", "a") == "own"
    assert container.tool("compile", "a.go") == "native"


def test_tools_of_another_go(container: Container) -> None:
    """One that was fetched as the module asked for it, and the C compiler, which is asked for its version."""
    other = container.write(f"other/{FOLDER}/compile", SAYS.format(kind="other"))
    starter = f"{container.mount.folder}/go/tool"
    assert container.start(starter, str(other), "a.go", GOOS="linux", GOARCH="any")[0] == "other|a.go"
    container.write("go/bin/gcc", SAYS.format(kind="gcc"))
    assert container.start(starter, "gcc", "-###", GOOS="linux", GOARCH="any")[0] == "gcc|-###"


def test_what_a_tool_sees(container: Container) -> None:
    container.mount.write("go/own/compile", "#!/bin/sh\nexec env\n")
    path = f"{container.go}/bin:{os.environ['PATH']}"
    given = {"GOOS": "linux", "GOARCH": "any", "TOOLEXEC_IMPORTPATH": "p", "PATH": path}
    words = (f"{container.mount.folder}/go/tool", f"{container.go}/{FOLDER}/compile", "a.go")
    seen = {line for line in container.start(*words, **given) if not line.startswith(("PWD=", "_=", "HOME="))}
    assert seen == {*(f"{name}={text}" for name, text in given.items()), "TEST_TELEMETRY_DIR=/dev/null"}
