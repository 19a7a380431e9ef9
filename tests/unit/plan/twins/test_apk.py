"""What decides for `apk` on Alpine, by what busybox's shell reads: which apk is started, and how."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.plan.twins.mounting import OPENSSL, Mount, Root, mounted, sums
from xbuild.pipeline.helper import twin_files

SAYS = """\
#!/bin/sh
printf "%s" {kind}; printf "|%s" "$@"; echo
echo "${{LD_PRELOAD-none}} ${{XBUILD_7C1F-none}} ${{PATH%%:*}}"
"""
UNDERSTOOD = (
    "add curl",
    "add --no-cache curl ca-certificates",
    "--no-cache add curl",
    "--update add curl",
    "add -U --no-cache curl=8.1-r0 py3-pip~3.12 git@edge so:libz.so.1 !busybox",
    "add -Uq --virtual .build-deps gcc",
    "add --virtual=.build-deps gcc",
    "add -t .run gcc",
    "add -qt .run gcc",
    "add -t.run gcc",
    "add --no-network --allow-untrusted -X /packages --repository=https://x.example/v3.23/main ./a.apk",
    "add -- curl",
    "add",
    "del .build-deps",
    "del -r --purge x",
    "fix -r x",
    "update",
    "upgrade --available",
    "upgrade -a --no-self-upgrade",
    "cache clean",
    "info -e curl",
    "search -e curl",
)
NOT_UNDERSTOOD = (
    "",
    "-U",
    "--version",
    "--print-arch",
    "--root /x add curl",
    "-p /x add curl",
    "add --root=/x curl",
    "add --initdb curl",
    "add --arch aarch64 curl",
    "add --no-cach curl",
    "add --virtual",
    "add --virtual --root=/x curl",
    "add -t -p curl",
    "add -Up /x curl",
    "add --no-cache=yes curl",
    "add --preserve-env curl",
    "add -h",
    "-t x add curl",
    "-- add curl",
    "- add",
    "* curl",
    "audit --full",
    "add --no-cache\n--quiet curl",
    "upgrade --preupgrade-depends=x",
    "mkndx x.apk",
    "nosuch",
    "fix --virtual x",
)


class Container(Root):
    """A mount as it is with musl, an apk and its database."""

    def __init__(self, mount: Mount, root: Path) -> None:
        super().__init__(mount, root)
        mount.add_starter("apk/bin/apk")
        mount.add_tools()
        mount.write(
            "twin.sh",
            mount.moved("helper/twin.ash", {"--check --status": "-c -s", " -c -s ": " -c --status "}),
        )
        places = {
            name: f"{root}{name}"
            for name in ("/etc/apk/", "/etc/ld-musl", "/lib/apk/config", "/usr/sbin/uvol")
        }
        places["/lib /usr/local/lib /usr/lib"] = f"{root}/lib {root}/usr/local/lib {root}/usr/lib"
        mount.write("apk/decide", mount.moved("apk/decide", places))
        for name in ("hostile", "options"):
            mount.write(f"apk/{name}", twin_files()[f"apk/{name}"])
        mount.write("apk/own/apk", SAYS.format(kind="native"))
        mount.write("apk/openssl", f"{root}/etc/ssl/openssl.cnf\n")
        mount.write("apk/told", f"any64 {root}/sbin/apk\n")
        mount.write("apk/libraries", f"libapk.so.3 {root}/usr/lib/libapk.so.3\n")
        self.write("sbin/apk", SAYS.format(kind="own"))
        self.write("usr/lib/libapk.so.3", "library")
        self.write("etc/apk/arch", "any64\n")
        mount.write("apk/sums", sums(root / "sbin/apk", root / "usr/lib/libapk.so.3"))

    def start(self, *words: str, **environment: str) -> list[str]:
        path = f"{self.mount.folder}/apk/bin:{self.root}/sbin:{os.environ['PATH']}"
        apk = f"{self.mount.folder}/apk/bin/apk"
        done = subprocess.run(
            [apk, *words], capture_output=True, text=True, env={"PATH": path, **environment}
        )
        # What is preloaded is musl's, and not here.
        assert done.returncode == 0
        assert done.stderr == "" or "told.so" in done.stderr
        said, seen = done.stdout.rsplit("\n", 2)[:2]
        kind, *given = said.split("|")
        assert given == list(words) or not words
        assert seen.split()[-1] == f"{self.root}/sbin"
        return [kind, " ".join(seen.split()[:-1])]


@pytest.fixture
def container(tmp_path: Path) -> Iterator[Container]:
    with mounted() as mount:
        yield Container(mount, tmp_path / "root")


def split(text: str) -> list[str]:
    return [word.replace("\\n", "\n") for word in text.split(" ")] if text else []


@pytest.mark.parametrize("words", UNDERSTOOD)
def test_words_that_are_understood(container: Container, words: str) -> None:
    told = f"{container.mount.folder}/apk/told.so any64 {container.root}/sbin/apk"
    assert container.start(*split(words)) == ["native", told]


@pytest.mark.parametrize("words", NOT_UNDERSTOOD)
def test_words_that_are_not(container: Container, words: str) -> None:
    assert container.start(*split(words)) == ["own", "none none"]


def _other_apk(container: Container) -> None:
    container.write("sbin/apk", SAYS.format(kind="own") + "# newer\n")


def _other_library(container: Container) -> None:
    container.write("usr/lib/libapk.so.3", "newer")


def _library_before(container: Container) -> None:
    container.write("usr/local/lib/libapk.so.3", "another")


CHANGES: dict[str, Callable[[Container], object]] = {
    "apk brought up to date": _other_apk,
    "its library likewise": _other_library,
    "another library before it": _library_before,
    "another path of the loader": lambda c: c.write("etc/ld-musl-any.path", "/opt/lib"),
    "a configuration": lambda c: c.write("etc/apk/config", "no-cache\n"),
    "another configuration": lambda c: c.write("lib/apk/config", "no-cache\n"),
    "volumes": lambda c: c.write("usr/sbin/uvol", "#!/bin/sh\n"),
    "another architecture": lambda c: c.write("etc/apk/arch", "any32\n"),
    "two architectures": lambda c: c.write("etc/apk/arch", "any64\nnoarch\n"),
    "no architecture": lambda c: (c.root / "etc/apk/arch").unlink(),
    "another release": lambda c: c.mount.write("os-release", "ID=alpine\n"),
    "no list of sums": lambda c: (c.mount.folder / "apk/sums").unlink(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_makes_it_step_aside(container: Container, change: str) -> None:
    CHANGES[change](container)
    assert container.start("add", "curl") == ["own", "none none"]


@pytest.mark.parametrize(
    "variable", ["APK_CONFIG", "APK_PREUPGRADE_TOKEN", "LD_LIBRARY_PATH", "OPENSSL_CONF", "LD_x.y"]
)
def test_variables(container: Container, variable: str) -> None:
    assert container.start("add", "curl", **{variable: "/x"}) == ["own", "none none"]


@pytest.mark.parametrize(("variable", "value"), [("APK_CONFIG", ""), ("HTTP_PROXY", "x"), ("a.b", "LD_X=1")])
def test_variables_that_do_not_matter(container: Container, variable: str, value: str) -> None:
    assert container.start("add", "curl", **{variable: value})[0] == "native"


def test_a_variable_with_a_line_end(container: Container) -> None:
    """Its second line is no variable."""
    assert container.start("add", "curl", X="1\nAPK_CONFIG=/x", PS1="")[0] == "native"


@pytest.mark.parametrize("text", OPENSSL)
def test_what_openssl_loads(container: Container, text: str) -> None:
    if text:
        container.write("etc/ssl/openssl.cnf", text)
    assert container.start("add", "curl")[0] == ("own" if OPENSSL[text] else "native")


def test_another_apk_before_it(container: Container) -> None:
    container.write("bin/apk", SAYS.format(kind="other"))
    path = f"{container.mount.folder}/apk/bin:{container.root}/bin:{container.root}/sbin:{os.environ['PATH']}"
    apk = f"{container.mount.folder}/apk/bin/apk"
    done = subprocess.run([apk, "add", "x"], capture_output=True, text=True, env={"PATH": path})
    assert done.stdout.startswith("other|add|x\n")
