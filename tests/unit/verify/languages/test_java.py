"""Java's archives in images: planted faults, and what must not raise an alarm."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

import pytest

from tests.unit.verify.builder import Item
from tests.unit.verify.languages.java_trees import archive, library, told, verify
from xbuild.platforms import Platform
from xbuild.verify.checks import Allow
from xbuild.verify.elf import ElfFacts, ElfFile, facts_of, open_elf
from xbuild.verify.languages.java import jars
from xbuild.verify.languages.java.jars import Native
from xbuild.verify.languages.java.native_libraries import library_name
from xbuild.verify.mismatch import mismatch_of

AMD, ARM = library("amd64"), library("arm64")
PE, MACH_O = b"MZ" + bytes(100), b"\xcf\xfa\xed\xfe" + bytes(100)


def on_both(path: str, data: bytes) -> list[str]:
    """What is said of a file that is in the image for both platforms."""
    return told(verify({name: [Item(path, data, 0o644)] for name in ("linux/amd64", "linux/arm64")}))


def fat(jars: Mapping[str, bytes]) -> bytes:
    """A jar with others in it."""
    return archive({f"BOOT-INF/lib/{name}": data for name, data in jars.items()}, "org.example")


# --- planted faults ---


def test_a_library_of_the_build_machine_in_a_nested_jar() -> None:
    inner = archive({"META-INF/native/libhello.so": AMD, "a/Hello.class": b"\xca\xfe\xba\xbe"}, "org.example")
    assert on_both("app/app.jar", fat({"hello-1.0.jar": inner})) == [
        "linux/arm64 failure /app/app.jar: has hello for other machines alone: "
        "BOOT-INF/lib/hello-1.0.jar!/META-INF/native/libhello.so (64-bit x86-64)"
    ]


def test_an_artifact_that_the_machine_chose() -> None:
    epoll = archive({"META-INF/native/libnetty_transport_native_epoll_x86_64.so": AMD}, "io.netty")
    name = "netty-transport-native-epoll-4.1.114.Final-linux-x86_64.jar"
    for data in (fat({name: epoll}), fat({"shaded.jar": epoll})):
        (line,) = on_both("app.jar", data)
        assert line.startswith("linux/arm64 failure /app.jar: has netty-transport-native-epoll for other")
    (line,) = on_both(f"lib/{name}", epoll)
    assert "linux/arm64 failure" in line


def test_javafx_for_one_machine() -> None:
    graphics = archive({"libprism_es2.so": AMD, "libglass.so": AMD})
    lines = on_both("app/lib/javafx-graphics-21-linux.jar", graphics)
    assert [line.split(":")[0] for line in lines] == [
        "linux/arm64 failure /app/lib/javafx-graphics-21-linux.jar"
    ] * 2


def test_a_deeper_one_and_a_war() -> None:
    inner = fat({"hello.jar": archive({"libhello.so": AMD})})
    war = archive({"WEB-INF/lib/inner.jar": inner})
    (line,) = on_both("usr/local/tomcat/webapps/app.war", war)
    assert "WEB-INF/lib/inner.jar!/BOOT-INF/lib/hello.jar!/libhello.so (64-bit x86-64)" in line


def test_a_program_in_a_jar() -> None:
    (line,) = on_both("tool.jar", archive({"bin/protoc": AMD}))
    assert "linux/arm64 failure /tool.jar: has protoc for other machines alone: bin/protoc" in line


@pytest.mark.parametrize("ending", ["hpi", "jpi", "nar"])
def test_jars_in_a_plugin(ending: str) -> None:
    members = {"WEB-INF/lib/hello.jar": archive({"libhello.so": AMD})}
    (line,) = on_both(f"plugins/own.{ending}", archive(members))
    assert "has hello for other machines alone: WEB-INF/lib/hello.jar!/libhello.so" in line
    right = {"WEB-INF/lib/hello.jar": archive({"amd64/libhello.so": AMD, "arm64/libhello.so": ARM})}
    assert on_both(f"plugins/own.{ending}", archive(right)) == []


def test_a_jar_that_is_a_script_too() -> None:
    data = b"#!/bin/sh\nexec java -jar $0\n" + archive({"libhello.so": AMD})
    found = told(verify({"linux/arm64": [Item("app.jar", data), Item("bin/sh", ARM)]}))
    assert any("has hello for other machines alone" in line for line in found)


@pytest.mark.parametrize("magic", [b"\xa2\xab\x0b\xf0", b"\xa8\xab\x0b\xf0", b"\xf0\x0b\xab\xa2"])
@pytest.mark.parametrize("name", ["app.jsa", "app.aot", "app.archive", "classes"])
def test_class_data_of_the_build_machine(magic: bytes, name: str) -> None:
    text = b"OpenJDK 64-Bit Server VM (25+9-LTS) for linux-amd64 JRE (25+9-LTS), built on 2026-04-21"
    data = magic + bytes(600) + text + bytes(5000)
    assert on_both(f"app/{name}", data) == [
        f"linux/arm64 failure /app/{name}: is class data of a virtual machine for another architecture"
        " (amd64)"
    ]
    assert on_both(f"app/{name}", b"\0" + data) == []
    arm = data.replace(b"linux-amd64", b"linux-aarch64")
    assert told(verify({"linux/arm64": [Item("a.jsa", arm)]})) == []


@pytest.mark.parametrize(("platform", "name"), [("s390x", "s390"), ("ppc64le", "ppc64le"), ("386", "x86")])
def test_class_data_is_of_the_name_that_hotspot_has_for_an_architecture(platform: str, name: str) -> None:
    text = f"OpenJDK 64-Bit Server VM (25+9-LTS) for linux-{name} JRE (25+9-LTS)".encode()
    data = b"\xa2\xab\x0b\xf0" + bytes(600) + text
    assert told(verify({f"linux/{platform}": [Item("a.jsa", data)]})) == []
    assert len(told(verify({"linux/arm64": [Item("a.jsa", data)]}))) == 1


def test_class_data_of_a_virtual_machine_for_musl() -> None:
    text = b"OpenJDK 64-Bit Server VM (25+9-LTS) for linux-amd64-musl JRE (25+9-LTS)"
    (line,) = on_both("app/app.jsa", b"\xa2\xab\x0b\xf0" + bytes(600) + text)
    assert "linux/arm64 failure" in line
    assert "(amd64)" in line


# --- what is right ---


@pytest.mark.parametrize(
    "members",
    [
        {"Linux/x86_64/libsql.so": AMD, "Linux/aarch64/libsql.so": ARM, "Windows/x86_64/sql.dll": PE},
        {"win/hello.dll": PE, "mac/libhello.dylib": MACH_O},
        {"linux-android/amd64/libhello.so": AMD, "freebsd-x86-64/libhello.so": AMD},
        {"libhello-linux64.so": AMD, "libhello-linux-aarch64-musl.so": ARM},
        {"a/A.class": b"\xca\xfe\xba\xbe\0\0\0\x34", "a.txt": b"\x7fELF", "empty.so": b""},
        {"libhello.so_linux_amd64": AMD, "libhello.so_linux_arm64": ARM, "libhello.so_osx_universal": MACH_O},
    ],
)
def test_no_alarm(members: Mapping[str, bytes]) -> None:
    data = archive(members)
    assert on_both("app/lib/hello.jar", data) == []
    assert on_both("app/app.jar", fat({"hello.jar": data})) == []


def test_libraries_are_looked_for_in_all_jars_of_a_program() -> None:
    amd, arm = (archive({f"META-INF/native/libnetty_transport_native_epoll_{name}.so": data})
                for name, data in (("x86_64", AMD), ("aarch_64", ARM)))  # fmt: skip
    names = ("epoll-linux-x86_64.jar", "epoll-linux-aarch_64.jar")
    assert on_both("app.jar", fat(dict(zip(names, (amd, arm), strict=True)))) == []
    items = [Item("app/lib/main/" + names[0], amd), Item("app/lib/boot/" + names[1], arm)]
    assert told(verify({"linux/amd64": items, "linux/arm64": items})) == []
    apart = [Item("one/lib/" + names[0], amd), Item("two/lib/" + names[1], arm)]
    assert len(told(verify({"linux/amd64": apart, "linux/arm64": apart}))) == 2


@pytest.mark.parametrize(
    ("members", "name", "group"),
    [
        (
            {"native/linux32/libldb.so": library("386"), "native/linux64/libldb.so": AMD},
            "ldb-all-1.8.jar",
            "org.f",
        ),
        ({"libcon.so": AMD, "con.dll": PE}, "con-uber-2.5.jar", "org.c"),
        ({"libqat.so": AMD}, "qat-1.0.jar", "com.other"),
    ],
)
def test_what_is_published_for_some_machines_alone_is_a_warning(
    members: Mapping[str, bytes], name: str, group: str
) -> None:
    (line,) = on_both("app.jar", fat({name: archive(members, group)}))
    assert line.startswith("linux/arm64 warning /app.jar: has ")


def test_what_came_with_the_base_image() -> None:
    ours = [Item("usr/share/java/hello.jar", archive({"libhello.so": AMD})), Item("app.txt", b"x")]
    (line,) = told(verify({"linux/arm64": ours}, base=1))
    assert line.startswith("linux/arm64 warning")
    several = archive({"libhello.so": AMD, "hello.dll": PE})
    assert told(verify({"linux/arm64": [Item("usr/share/java/hello.jar", several), ours[1]]}, base=1)) == []


def test_an_exception() -> None:
    data = archive({"libhello.so": AMD})
    allow = [Allow("/app.jar", "loaded as data")]
    assert told(verify({"linux/arm64": [Item("app.jar", data)]}, allow)) == []
    by_name = [Allow("libhello.so", "loaded as data")]
    assert told(verify({"linux/arm64": [Item("app.jar", data)]}, by_name)) == []


# --- damage, and what is too much ---


def test_what_is_not_opened_is_said() -> None:
    whole = archive({"libhello.so": AMD})
    for data in (
        b"PK\x03\x04" + bytes(40),
        b"no archive",
        whole[:-30],
        whole.replace(b"PK\x01\x02", b"PK\x01\x03"),
    ):
        (line,) = told(verify({"linux/arm64": [Item("app.jar", data)]}))
        assert "linux/arm64 warning /app.jar: was not opened, or not all of it (it cannot be read" in line


def test_jars_that_lie_too_deep() -> None:
    data = archive({"libhello.so": ARM})
    for _ in range(5):
        data = archive({"inner.jar": data})
    (line,) = told(verify({"linux/arm64": [Item("app.jar", data)]}))
    assert "lies too deep to be opened" in line


def test_what_unpacks_to_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jars, "_MOST_READ", 1 << 20)
    bomb = archive({f"lib{n}.so": AMD + bytes(300 << 10) for n in range(10)})
    assert len(bomb) < 100 << 10
    assert any(
        "is larger than is read of it" in line
        for line in told(verify({"linux/amd64": [Item("a.jar", bomb)]}))
    )
    monkeypatch.setattr(jars, "_MOST_NATIVES", 3)
    lines = told(verify({"linux/amd64": [Item("a.jar", archive({f"lib{n}.so": AMD for n in range(5)}))]}))
    assert any("more than 3 native files" in line for line in lines)


def test_a_jar_larger_than_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    data = archive({"libhello.so": AMD})
    monkeypatch.setattr(jars, "LARGEST", 100)
    (line,) = told(verify({"linux/arm64": [Item("app.jar", data)]}))
    assert "was not opened" in line


def test_a_size_that_is_a_lie() -> None:
    data = archive({"libhello.so": AMD})
    at = data.index(b"PK\x01\x02")
    lie = data[: at + 24] + (5).to_bytes(4, "little") + data[at + 28 :]
    assert zipfile.is_zipfile(io.BytesIO(lie))
    assert told(verify({"linux/arm64": [Item("app.jar", lie)]}))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("org/sqlite/native/Linux/x86_64/libsqlitejdbc.so", "sqlitejdbc"),
        ("org/sqlite/native/Windows/x86_64/sqlitejdbc.dll", "sqlitejdbc"),
        ("META-INF/native/libnetty_tcnative_linux_aarch_64.so", "netty-tcnative"),
        ("META-INF/native/netty_tcnative_windows_x86_64.dll", "netty-tcnative"),
        ("librocksdbjni-linux64-musl.so", "rocksdbjni"),
        ("librocksdbjni-osx-arm64.jnilib", "rocksdbjni"),
        ("libduckdb_java.so_linux_amd64", "duckdb-java"),
        ("com/sun/jna/linux-x86-64/libjnidispatch.so", "jnidispatch"),
        ("libharmless.so", "harmless"),
        ("bin/protoc.exe", "protoc"),
    ],
)
def test_a_library_is_called_alike_on_every_machine(path: str, name: str) -> None:
    assert library_name(path) == name


def _facts(data: bytes) -> ElfFacts:
    elf = open_elf(data)
    assert isinstance(elf, ElfFile)
    return facts_of(elf)


@pytest.mark.parametrize("architecture", ["amd64", "arm64", "arm", "386", "s390x", "ppc64le"])
def test_what_is_noted_reads_as_it_was(architecture: str) -> None:
    facts = _facts(library(architecture))
    native = Native("a\tb.jar", "org.example", "lib/a b\t.so", facts)
    again = Native.from_text(native.to_text())
    assert again == native._replace(archive="a b.jar", elf=again.elf)
    platform = Platform.parse(f"linux/{architecture}")
    assert again.elf is not None
    assert mismatch_of(again.elf, platform) is None
