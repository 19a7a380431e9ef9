"""The wrapper of apt and dpkg: when it takes over and when the author's own program is started, and how."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

FILES = Path(__file__).parents[4] / "src/xbuild/plan/twins"
MOUNT = "/.xbuild-7c1f"
SAYS = "#!/bin/bash\nprintf '%s %s' \"$0\" {kind}\nprintf ' %s' \"$@\"\necho\n"
RECORDED = "Package: apt\nVersion: 1\nPackage: dpkg\nVersion: 2\n"
# A trigger that waits for its turn is no other version.
STATUS = RECORDED.replace("Version", "Status: install ok triggers-pending\nVersion").replace("1\n", "1\n\n")


class Container:
    """A folder for the mount, one for the author's programs, and the files that the wrapper reads."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.mount = root / "mount"
        self.places = {
            MOUNT: str(self.mount),
            "/usr/bin/$name": f"{root}/author/$name",
            "/var/lib/dpkg/status": f"{root}/status",
            "/etc/": f"{root}/etc/",
        }
        self.write("etc/nsswitch.conf", "passwd: files\n")
        self.write("status", STATUS)
        for name in ("apt", "apt-get", "dpkg"):
            self.program(f"author/{name}", "own")
            self.write(f"mount/apt/bin/{name}", self.moved(FILES / "apt/wrapper"))
        for name in ("apt/own/apt-get", "apt/own/apt", "apt/dpkg/dpkg"):
            self.program(f"mount/{name}", "native")
        self.write("mount/apt/own/apt-config", f"#!/bin/sh\ncat {root}/configuration\n")
        self.write("configuration", 'Dir "/";\nDir::Cache "x";\n')
        self.write("mount/apt/apt.settings", 'Dir "/";\n')
        self.write("mount/apt/apt.conf", "")
        self.write("mount/twin.sh", self.moved(FILES / "helper/twin.sh"))
        self.write("mount/hostile", (FILES / "helper/hostile").read_text())
        for name in ("hostile", "options", "settings"):
            self.write(f"mount/apt/{name}", (FILES / "apt" / name).read_text())
        for name in ("bash", "sed", "grep", "sha256sum", "cat"):
            where = self.mount / "bin" / name
            where.parent.mkdir(exist_ok=True)
            where.symlink_to(shutil.which(name) or name)
        self.write("mount/apt/packages.versions", RECORDED)
        self.write("mount/apt/tools.versions", "")
        self.record()

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        return path

    def program(self, name: str, kind: str) -> Path:
        return self.write(name, SAYS.format(kind=kind))

    def moved(self, path: Path) -> str:
        text = path.read_text()
        for place, here in self.places.items():
            text = text.replace(place, here)
        return text

    def record(self) -> None:
        for name, programs in (("dpkg", ("dpkg",)), ("apt", ("apt", "apt-get")), ("tools", ())):
            paths = [self.root / "author" / program for program in programs]
            lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path}\n" for path in paths]
            self.write(f"mount/apt/{name}.sums", "".join(lines))

    @property
    def path(self) -> str:
        return f"{self.mount}/apt/bin:{self.root}/author:{os.environ['PATH']}"

    def start(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        found = self.mount / "apt/bin" / words[0]
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
def container(tmp_path: Path) -> Container:
    return Container(tmp_path)


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


OWN_OF_BASH = "UID RANDOM LINENO IFS BASH_ENV BASH_FUNC_x%% SHELLOPTS POSIXLY_CORRECT COMP_WORDS EPOCHSECONDS"
HOSTILE = (
    "LD_PRELOAD LD_LIBRARY_PATH LD_AUDIT LD_BIND_NOW GCONV_PATH APT_CONFIG DPKG_ROOT DPKG_ADMINDIR "
    "FAKEROOTKEY FAKETIME OPENSSL_CONF"
)


@pytest.mark.parametrize("variable", HOSTILE.split())
def test_hostile_variables(container: Container, variable: str) -> None:
    done = container.start("apt-get", "update", **{variable: "x"})
    assert done.stdout.split()[1] == "own"
    assert container.kind("apt-get", "update", **{variable: ""}) == "native"


@pytest.mark.parametrize("variable", OWN_OF_BASH.split())
def test_variables_that_bash_would_change(container: Container, variable: str) -> None:
    assert container.kind("apt-get", "update", **{variable: "1000"}) == "own"


def test_dpkg_as_apt_starts_it(container: Container) -> None:
    given = {
        "APT_CONFIG": f"{container.mount}/apt/apt.conf",
        "DPKG_FRONTEND_LOCKED": "true",
        "DPKG_COLORS": "never",
    }
    assert container.kind("dpkg", "--status-fd", "9", "--configure", "--pending", **given) == "native"
    given["APT_CONFIG"] = "/other"
    assert container.kind("dpkg", "--status-fd", "9", "--configure", "--pending", **given) == "own"


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


def test_another_version(container: Container) -> None:
    container.write("status", STATUS.replace("Version: 2", "Version: 2.1"))
    assert container.kind("apt-get", "update") == "own"
    assert container.kind("dpkg", "-a") == "own"


def test_another_file(container: Container) -> None:
    with (container.root / "author/apt-get").open("a") as file:
        file.write("true\n")
    assert container.kind("apt-get", "update") == "own"
    assert container.kind("dpkg", "-a") == "native"


def test_a_program_of_the_author_s_before(container: Container) -> None:
    mine = container.program("mine/apt-get", "mine")
    done = container.start("apt-get", "update", PATH=f"{mine.parent}:{container.path}")
    assert done.stdout.split()[1] == "mine"


def test_a_configuration_that_names_another_root(container: Container) -> None:
    container.write("configuration", 'Dir "/chroot";\nDir::Cache "x";\n')
    assert container.kind("apt-get", "update") == "own"
    container.write("etc/dpkg/dpkg.cfg.d/root", "# x\nroot=/chroot\n")
    assert container.kind("dpkg", "-a") == "own"


def test_what_the_program_sees(container: Container) -> None:
    show = "#!/bin/bash\nexec -a x /bin/sh -c 'echo \"$PATH|$APT_CONFIG\"; cat'\n"
    container.write("mount/apt/own/apt-get", show)
    found = f"{container.mount}/apt/bin/apt-get"
    environment = {"PATH": container.path}
    done = subprocess.run([found, "update"], input="in", capture_output=True, text=True, env=environment)
    seen, configuration = done.stdout.splitlines()[0].split("|")
    assert str(container.mount) not in seen
    assert configuration == f"{container.mount}/apt/apt.conf"
    assert done.stdout.splitlines()[1] == "in"


@pytest.mark.parametrize(
    ("text", "status"), [("exit 100", 100), ("kill -SEGV $$", 139), ("kill -TERM $$", -15)]
)
def test_how_it_ends(container: Container, text: str, status: int) -> None:
    container.write("mount/apt/own/apt-get", f"#!/bin/bash\n{text}\n")
    done = container.start("apt-get", "update")
    assert done.returncode == status
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_go_on(container: Container, number: signal.Signals) -> None:
    container.write("mount/apt/own/apt-get", "#!/bin/bash\necho up\nexec sleep 20\n")
    found = f"{container.mount}/apt/bin/apt-get"
    # What starts the tests may ignore signals (nohup), and a shell cannot take these back.
    words = ["env", "--default-signal", found, "update"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, env={"PATH": container.path}) as started:
        assert started.stdout is not None
        started.stdout.readline()
        before = time.monotonic()
        started.send_signal(number)
        assert started.wait() == -number
        assert time.monotonic() - before < 10
