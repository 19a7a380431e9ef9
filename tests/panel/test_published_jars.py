"""Published jars with native libraries, as Maven brings them, in trees for both platforms and C libraries: no
false alarm."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.unit.verify.builder import Item, symlink
from tests.unit.verify.languages.java_trees import archive, told, verify
from tests.unit.verify.test_judge import library

pytestmark = pytest.mark.panel

_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"
# Those that have libraries for both platforms, or for none of Linux.
_FOR_BOTH = """
io.grpc:grpc-netty-shaded:1.68.1
org.xerial:sqlite-jdbc:3.47.0.0
net.java.dev.jna:jna:5.15.0
net.java.dev.jna:jna:4.5.2
org.xerial.snappy:snappy-java:1.1.10.7
org.rocksdb:rocksdbjni:9.7.3
com.github.luben:zstd-jni:1.5.6-8
org.lz4:lz4-java:1.8.0
com.github.jnr:jffi:1.3.13:jar:native
org.fusesource.jansi:jansi:2.4.1
org.jline:jline-native:3.27.1
org.duckdb:duckdb_jdbc:1.1.3
software.amazon.awssdk.crt:aws-crt:0.33.0
com.microsoft.onnxruntime:onnxruntime:1.19.2
com.kohlschutter.junixsocket:junixsocket-native-common:2.10.1
io.github.java-native:jssc:2.9.6
com.fazecast:jSerialComm:2.11.0
net.openhft:affinity:3.23.3
com.uber:h3:4.1.1
tools.profiler:async-profiler:3.0
com.goterl:lazysodium-java:5.1.4
org.apache.arrow:arrow-c-data:18.0.0
io.netty:netty-transport-native-kqueue:4.1.114.Final:jar:osx-aarch_64
io.netty:netty-tcnative-boringssl-static:2.0.66.Final:jar:windows-x86_64
"""
# Those of which there is one for each machine: for amd64, and for arm64.
_ONE_EACH = """
io.netty:netty-transport-native-epoll:4.1.114.Final:jar:linux-x86_64 linux-aarch_64
io.netty:netty-tcnative-boringssl-static:2.0.66.Final:jar:linux-x86_64 linux-aarch_64
org.lwjgl:lwjgl:3.3.4:jar:natives-linux natives-linux-arm64
org.bytedeco:javacpp:1.5.10:jar:linux-x86_64 linux-arm64
org.usb4java:libusb4java:1.3.0:jar:linux-x86-64 linux-aarch64
com.aayushatharva.brotli4j:native-linux-x86_64:1.17.0 com.aayushatharva.brotli4j:native-linux-aarch64:1.17.0
org.openjfx:javafx-graphics:17.0.2:jar:linux linux-aarch64
"""
# Those that have none for arm64, whoever builds with them.
_FOR_SOME = """
org.fusesource.leveldbjni:leveldbjni-all:1.8
org.conscrypt:conscrypt-openjdk-uber:2.5.2
org.fusesource.jansi:jansi:1.18
org.xerial:sqlite-jdbc:3.7.2
"""
PLATFORMS = ("linux/amd64", "linux/arm64")


def fetched(folder: Path, artifact: str) -> Path:
    """The jar of an artifact."""
    place = folder / artifact.replace(":", "_")
    command = ("mvn", "-q", "-B", "-ntp", _COPY, f"-Dartifact={artifact}", f"-DoutputDirectory={place}")
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    (found,) = place.iterdir()
    return found


def pair(line: str) -> tuple[str, str]:
    """The artifacts for the two platforms that a line names."""
    one, other = line.split()
    return one, other if ":" in other else f"{one.rpartition(':')[0]}:{other}"


def alpine(platform: str) -> list[Item]:
    """What makes a tree one with musl."""
    architecture = platform.removeprefix("linux/")
    name = {"amd64": "x86_64", "arm64": "aarch64"}[architecture]
    soname = f"libc.musl-{name}.so.1"
    loader = Item(f"lib/ld-musl-{name}.so.1", library(architecture, soname=soname))
    return [loader, symlink(f"lib/{soname}", f"ld-musl-{name}.so.1")]


def said(jars: list[Path], platform: str, base: Sequence[Item] = ()) -> list[str]:
    """What is said of these jars in a folder, and in one jar."""
    plain = [Item(f"app/lib/{jar.name}", jar.read_bytes(), 0o644) for jar in jars]
    fat = Item("fat.jar", archive({f"BOOT-INF/lib/{jar.name}": jar.read_bytes() for jar in jars}), 0o644)
    return [line for items in (plain, [fat]) for line in told(verify({platform: [*base, *items]}))]


@pytest.mark.parametrize("artifact", _FOR_BOTH.split())
def test_for_both(artifact: str, tmp_path: Path) -> None:
    jar = fetched(tmp_path, artifact)
    for platform in PLATFORMS:
        assert said([jar], platform) == []
        assert said([jar], platform, alpine(platform)) == []


@pytest.mark.parametrize("line", _ONE_EACH.strip().splitlines())
def test_one_for_each_machine(line: str, tmp_path: Path) -> None:
    jars = [fetched(tmp_path, artifact) for artifact in pair(line)]
    for own, other, platform in zip(jars, reversed(jars), PLATFORMS, strict=True):
        assert said([own], platform) == []
        assert said(jars, platform) == []
        wrong = said([other], platform)
        assert wrong
        assert all(f"{platform} failure" in text for text in wrong)


@pytest.mark.parametrize("artifact", _FOR_SOME.split())
def test_for_some_machines_alone(artifact: str, tmp_path: Path) -> None:
    jar = fetched(tmp_path, artifact)
    assert said([jar], "linux/amd64") == []
    lines = said([jar], "linux/arm64")
    assert len(lines) == 2
    assert all("linux/arm64 warning" in line for line in lines)
