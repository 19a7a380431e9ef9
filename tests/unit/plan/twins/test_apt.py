"""The wrapper of apt and dpkg: when it takes over and when the author's own program is started, and how."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.plan.twins.mounting import OPENSSL, Mount, Root, mounted, native_file, sums

# An author's dpkg says by its PATH whether native programs are before its own.
SAYS = """#!/bin/bash
kind={kind}
case $PATH in {mount}/apt/dpkg*) kind=native ;; esac
printf '%s %s' "$0" $kind
printf ' %s' "$@"
echo
"""
RECORDED = "Package: apt\nVersion: 1\nPackage: dpkg\nVersion: 2\n"
# A trigger that waits for its turn is no other version.
STATUS = RECORDED.replace("Version", "Status: install ok triggers-pending\nVersion").replace("1\n", "1\n\n")


class Container(Root):
    """A mount, a folder for the author's programs, and the files that `decide` reads."""

    def __init__(self, mount: Mount, root: Path) -> None:
        super().__init__(mount, root)
        places = {
            "/usr/bin/$name": f"{root}/author/$name",
            "/var/lib/dpkg/status": f"{root}/status",
            "/etc/": f"{root}/etc/",
        }
        self.write("etc/nsswitch.conf", "passwd: files\n")
        self.write("etc/os-release", "ID=debian\n\nVERSION_ID=1\n")
        self.write("status", STATUS)
        for name in ("apt", "apt-get", "dpkg"):
            self.program(f"author/{name}", "own")
        mount.add_starter("apt/bin/apt", "apt/bin/apt-get", "apt/bin/dpkg")
        mount.add_tools()
        mount.write("os-release", (root / "etc/os-release").read_bytes())
        mount.write("twin.sh", mount.moved("helper/twin.sh", places))
        mount.write("apt/decide", mount.moved("apt/decide", places))
        mount.write("apt/settled.so", native_file("apt/settled"))
        for name in ("apt-get", "apt"):
            mount.write(f"apt/own/{name}", SAYS.format(kind="native", mount=mount.folder))
        mount.write("apt/own/apt-config", f"#!/bin/sh\ncat {root}/configuration\n")
        self.write("configuration", 'Dir "/";\nDir::Cache "x";\n')
        for configuration in ("apt", "tools"):
            mount.write(f"apt/{configuration}.settings", 'Dir "/";\n')
            mount.write(f"apt/{configuration}.conf", "")
        mount.write("apt/path", f"{root}/author:/usr/bin\n")
        for name in ("hostile", "options", "settings"):
            mount.write(f"apt/{name}", mount.moved(f"apt/{name}"))
        mount.write("apt/packages.versions", RECORDED)
        mount.write("apt/tools.versions", "")
        self.record()

    def program(self, name: str, kind: str) -> Path:
        return self.write(name, SAYS.format(kind=kind, mount=self.mount.folder))

    def record_dpkg(self) -> None:
        self.mount.write("apt/dpkg.sums", sums(self.root / "author/dpkg"))

    def record(self) -> None:
        for name, programs in (("dpkg", ("dpkg",)), ("apt", ("apt", "apt-get")), ("tools", ())):
            paths = [self.root / "author" / program for program in programs]
            self.mount.write(f"apt/{name}.sums", sums(*paths))

    @property
    def path(self) -> str:
        return f"{self.mount.folder}/apt/bin:{self.root}/author:{os.environ['PATH']}"

    def start(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        found = self.mount.folder / "apt/bin" / words[0]
        return subprocess.run(
            [str(found), *words[1:]],
            capture_output=True,
            text=True,
            env={"PATH": self.path, "HOME": str(self.root), **environment},
        )

    def kind(self, *words: str, **environment: str) -> str:
        done = self.start(*words, **environment)
        assert done.stderr == ""
        said = done.stdout.split()
        assert said[2:] == list(words[1:])
        return said[1]


@pytest.fixture
def container(tmp_path: Path) -> Iterator[Container]:
    with mounted() as mount:
        yield Container(mount, tmp_path)


UNDERSTOOD = (
    "apt-get update",
    "apt-get install -y --no-install-recommends curl",
    "apt-get -yqq install curl=1.2 ./local.deb other:any",
    "apt-get -q=2 install -t bookworm-backports x",
    "apt-get install --target-release=x y",
    "apt install -y x",
    "apt-get dist-upgrade -y",
    "apt-get -o Acquire::Retries=3 update",
    "apt-get install -y -oDPkg::Use-Pty=0 -o Dpkg::Options::=--force-confold x",
    "apt-get -o Dpkg::Options::=--force-confdef,confold dist-upgrade",
    "dpkg -i a.deb b.deb",
    "dpkg --status-fd 9 --force-depends --unpack x.deb",
    "dpkg --compare-versions 1 lt 2",
)
HANDED_OVER = (
    "apt-get",
    "apt-get --version",
    "apt-get -v",
    "apt-get -h",
    "apt-get moo",
    "apt-get source x",
    "apt-get -o Dir=/chroot install x",
    "apt-get install -oDir=/chroot x",
    "apt-get install x --option=Dir::State=/x",
    "apt-get update -o",
    "apt-get -o Acquire::Retries update",
    "apt-get -o Dpkg::Options::=--root=/x install x",
    "apt-get -o Dpkg::Options::=--force-confold,all install x",
    "apt-get -o Dpkg::Options::=--force-all install x",
    "apt-get -o DPkg::Pre-Install-Pkgs::=x install x",
    "dpkg -o Acquire::Retries=3 -i x.deb",
    "apt-get -c /etc/other install x",
    "apt-get --config-file=x install y",
    "apt-get -a arm64 build-dep x",
    "apt-get --host-architecture=arm64 build-dep x",
    "apt-get install -yo x",
    "apt-get --print-uris install x",
    "dpkg",
    "dpkg --version",
    "dpkg --print-architecture",
    "dpkg --add-architecture i386",
    "dpkg --root=/chroot -i x.deb",
    "dpkg --admindir=/x -i x.deb",
    "dpkg --instdir /x -i x.deb",
    "dpkg --force-all -i x.deb",
    "dpkg -l",
)


@pytest.mark.parametrize("line", UNDERSTOOD)
def test_what_is_understood_runs_natively(container: Container, line: str) -> None:
    assert container.kind(*line.split()) == "native"


@pytest.mark.parametrize("line", HANDED_OVER)
def test_any_other_word_is_the_author_s_program_s(container: Container, line: str) -> None:
    assert container.kind(*line.split()) == "own"


HOSTILE = (
    "LD_PRELOAD LD_LIBRARY_PATH LD_AUDIT LD_BIND_NOW GCONV_PATH APT_CONFIG DPKG_ROOT DPKG_ADMINDIR "
    "FAKEROOTKEY FAKETIME OPENSSL_CONF"
)


@pytest.mark.parametrize("variable", HOSTILE.split())
def test_hostile_variables(container: Container, variable: str) -> None:
    done = container.start("apt-get", "update", **{variable: "x"})
    assert done.stdout.split()[1] == "own"
    assert container.kind("apt-get", "update", **{variable: ""}) == "native"


def test_a_preloaded_library_of_the_whole_system(container: Container) -> None:
    container.write("etc/ld.so.preload", "x\n")
    assert container.kind("apt-get", "update") == "own"


def test_names_from_elsewhere(container: Container) -> None:
    container.write(
        "etc/nsswitch.conf", "passwd: files systemd [!UNAVAIL=return]\nhosts: files mdns4_minimal dns\n"
    )
    assert container.kind("apt-get", "update") == "native"
    container.write("etc/nsswitch.conf", "passwd: files ldap\n")
    assert container.kind("apt-get", "update") == "own"


def test_a_key_in_a_list_of_sources(container: Container) -> None:
    text = "Types: deb\nURIs: file:/x\nSuites: ./\n"
    container.write("etc/apt/sources.list.d/x.sources", text + "Signed-By: /etc/apt/keyrings/x.gpg\n")
    assert container.kind("apt-get", "update") == "native"
    key = "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n"
    container.write("etc/apt/sources.list.d/y.sources", text + key)
    assert container.kind("apt-get", "update") == "own"
    assert container.kind("dpkg", "-a") == "native"


def test_another_version(container: Container) -> None:
    container.write("status", STATUS.replace("Version: 2", "Version: 2.1"))
    assert container.kind("apt-get", "update") == "own"
    assert container.kind("dpkg", "-a") == "own"


def test_another_release(container: Container) -> None:
    for text in ("ID=debian\n\nVERSION_ID=2\n", ""):
        container.write("etc/os-release", text)
        assert container.kind("apt-get", "update") == container.kind("dpkg", "-a") == "own"
    (container.root / "etc/os-release").unlink()
    assert container.kind("apt-get", "update") == "own"


@pytest.mark.parametrize("text", OPENSSL)
def test_a_configuration_of_openssl_that_loads_code(container: Container, text: str) -> None:
    """Where apt has OpenSSL in it, as in trixie."""
    path = container.write("etc/ssl/openssl.cnf", text)
    assert container.kind("apt-get", "update") == "native"
    container.mount.write("apt/openssl", f"{path}\n")
    assert container.kind("apt-get", "update") == ("own" if OPENSSL[text] else "native")
    path.unlink()
    assert container.kind("apt-get", "update") == "native"


def test_another_file(container: Container) -> None:
    with (container.root / "author/apt-get").open("a") as file:
        file.write("true\n")
    assert container.kind("apt-get", "update") == "own"
    assert container.kind("dpkg", "-a") == "native"


def test_a_program_of_the_author_s_behind(container: Container) -> None:
    mine = container.program("mine/apt-get", "mine")
    path = f"{container.mount.folder}/apt/bin:{mine.parent}:{container.root}/author"
    assert container.start("apt-get", "update", PATH=path).stdout.split()[1] == "mine"


def test_a_tool_of_the_author_s_before_the_image_s(container: Container) -> None:
    tool = container.program("author/rm", "own")
    container.mount.write("apt/tools.sums", f"{hashlib.sha256(tool.read_bytes()).hexdigest()}  {tool}\n")
    show = "#!/bin/sh\necho $PATH\n"
    container.write("author/dpkg", show)
    container.record_dpkg()
    before = f"{container.mount.folder}/apt/dpkg:{container.mount.folder}/apt/tools:{container.root}/author"
    assert container.start("dpkg", "-a").stdout.startswith(before)
    mine = container.program("mine/rm", "mine")
    path = f"{container.mount.folder}/apt/bin:{mine.parent}:{container.root}/author"
    seen = container.start("dpkg", "-a", PATH=path).stdout
    assert seen == f"{container.mount.folder}/apt/dpkg:{mine.parent}:{container.root}/author\n"


def test_a_configuration_that_names_another_root(container: Container) -> None:
    container.write("configuration", 'Dir "/chroot";\nDir::Cache "x";\n')
    assert container.kind("apt-get", "update") == "own"


def test_what_the_program_sees(container: Container) -> None:
    """Its settings do not show in its environment, nor what brought them."""
    show = "#!/bin/sh\ncat; exec env\n"
    container.mount.write("apt/own/apt-get", show)
    found = f"{container.mount.folder}/apt/bin/apt-get"
    environment = {"PATH": container.path, "A": "b"}
    done = subprocess.run([found, "update"], input="in\n", capture_output=True, text=True, env=environment)
    seen = done.stdout.splitlines()
    assert seen[0] == "in"
    path = container.path.partition(":")[2]
    assert sorted(seen[1:]) == sorted([f"PATH={path}", "A=b", f"PWD={Path.cwd()}"])


@pytest.mark.parametrize(
    ("text", "status"), [("exit 100", 100), ("kill -SEGV $$", -11), ("kill -TERM $$", -15)]
)
def test_how_it_ends(container: Container, text: str, status: int) -> None:
    container.mount.write("apt/own/apt-get", f"#!/bin/bash\n{text}\n")
    done = container.start("apt-get", "update")
    assert done.returncode == status
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_go_on(container: Container, number: signal.Signals) -> None:
    container.mount.write("apt/own/apt-get", "#!/bin/bash\necho up\nexec sleep 20\n")
    found = f"{container.mount.folder}/apt/bin/apt-get"
    # What starts the tests may ignore signals (nohup), and a shell cannot take these back.
    words = ["env", "--default-signal", found, "update"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, env={"PATH": container.path}) as started:
        assert started.stdout is not None
        started.stdout.readline()
        before = time.monotonic()
        started.send_signal(number)
        assert started.wait() == -number
        assert time.monotonic() - before < 10
