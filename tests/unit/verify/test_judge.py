"""The judgement: planted wrong binaries by kind, and what must not raise an alarm."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.verify.builder import (
    Built,
    Elf,
    Item,
    go_program,
    go_text,
    hardlink,
    symlink,
    write_layout,
)
from xbuild.platforms import Platform
from xbuild.text import glob_pattern
from xbuild.verify.checks import Allow, Check, CheckKind, Severity, Verification
from xbuild.verify.image import BaseLayers, verify_layout

LOADERS = {
    "amd64": "/lib64/ld-linux-x86-64.so.2",
    "arm64": "/lib/ld-linux-aarch64.so.1",
    "arm": "/lib/ld-armhf.so.3",
}
SUM = "09d9b4357780da9ea3a7dfb833a1f1ff439b4052"
YARN = f"usr/local/share/.cache/yarn/v6/npm-@esbuild-linux-x64-0.21.5-{SUM}-integrity/node_modules/@esbuild"


def verify(
    *images: Built,
    allow: Sequence[Allow] = (),
    base_layers: BaseLayers = 0,
    platforms: Sequence[str] | None = None,
) -> Verification:
    wanted = None if platforms is None else [Platform.parse(name) for name in platforms]
    with tempfile.TemporaryDirectory() as folder:
        layout = write_layout(Path(folder) / "layout", *images)
        return verify_layout(layout, wanted, allow, base_layers=base_layers, cache=None)


def static(architecture: str, flags: int = 0) -> bytes:
    return Elf(architecture, flags=flags).build()


def dynamic(architecture: str, *needed: str, **more: str) -> bytes:
    loader = more.pop("interpreter", LOADERS.get(architecture, "/lib/ld.so"))
    elf = Elf(architecture, kind=3, interpreter=loader, needed=needed, runpath=more.get("runpath"))
    return elf.build()


def library(architecture: str, *needed: str, soname: str | None = None) -> bytes:
    return Elf(architecture, kind=3, needed=needed, soname=soname).build()


def userland(architecture: str) -> list[Item]:
    """A C library and its loader, as in a glibc image."""
    triplet = {"amd64": "x86_64", "arm64": "aarch64"}[architecture] + "-linux-gnu"
    return [
        Item(LOADERS[architecture], library(architecture)),
        Item(f"usr/lib/{triplet}/libc.so.6", library(architecture)),
        symlink("lib/" + triplet, f"/usr/lib/{triplet}"),
        Item("bin/sh", dynamic(architecture, "libc.so.6")),
    ]


def arm64(*layers: Sequence[Item], entrypoint: Sequence[str] = ("/app",)) -> Built:
    """An arm64 image with a fitting entrypoint and what is planted on top."""
    return Built("linux/arm64", [[Item("app", static("arm64"))], *layers], entrypoint)


def failures(outcome: Verification) -> list[tuple[CheckKind, str]]:
    return [(check.kind, check.path) for check in outcome.failures]


def only(checks: Sequence[Check]) -> Check:
    (check,) = checks
    return check


# --- planted wrong binaries ---


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("app", static("amd64")),
        ("usr/local/bin/tool", static("amd64")),
        ("usr/lib/aarch64-linux-gnu/libfoo.so.1", library("amd64")),
        ("srv/node_modules/bcrypt/lib/binding/bcrypt.node", library("amd64")),
        ("srv/node_modules/esbuild/bin/esbuild", static("amd64")),
        ("srv/node_modules/@esbuild/linux-x64/bin/esbuild", static("amd64")),
        ("srv/node_modules/@img/sharp-linux-x64/lib/sharp-linux-x64.node", library("amd64")),
        ("usr/lib/python3/site-packages/x.cpython-311-x86_64-linux-gnu.so", library("amd64")),
        ("opt/go", go_program("amd64")),
        ("opt/upx", static("amd64")[:120]),
        ("opt/s390x", static("s390x")),
        ("opt/static32", static("386")),
        ("opt/arm", go_program("arm")),
    ],
)
@pytest.mark.parametrize("compression", ["gzip", "zstd", "plain"])
def test_a_binary_for_another_machine(path: str, content: bytes, compression: str) -> None:
    image = replace(arm64([Item(path, content, 0o644 if "lib" in path else 0o755)]), compression=compression)
    check = only(verify(image).failures)
    assert check.kind is CheckKind.MACHINE
    assert check.path == "/" + path
    assert check.layer is not None
    assert (check.layer.index, check.layer.created_by) == (1, "COPY layer1 / # buildkit")
    assert check.expected == "64-bit AArch64"
    assert check.found


def test_wrong_class_and_byte_order_of_the_right_machine() -> None:
    planted = [Item("a", Elf("arm64", bits=32).build()), Item("b", Elf("arm64", little=False).build())]
    outcome = verify(arm64(planted))
    assert failures(outcome) == [(CheckKind.CLASS, "/a"), (CheckKind.BYTE_ORDER, "/b")]


def test_another_operating_system() -> None:
    assert failures(verify(arm64([Item("a", Elf("arm64", osabi=9).build())]))) == [(CheckKind.OS, "/a")]


def test_the_file_that_counts_is_the_merged_one() -> None:
    good, bad = static("arm64"), static("amd64")
    assert verify(arm64([Item("x", bad)], [Item("x", good)])).passed
    assert failures(verify(arm64([Item("x", good)], [Item("x", bad)]))) == [(CheckKind.MACHINE, "/x")]
    assert verify(arm64([Item("d/x", bad)], [Item("d/.wh.x")])).passed
    assert verify(arm64([Item("d/x", bad)], [Item(".wh.d")])).passed


def test_busybox_style_links_name_each_path_once() -> None:
    image = arm64(
        [
            Item("bin/busybox", static("amd64")),
            symlink("bin/ls", "busybox"),
            hardlink("bin/cp", "bin/busybox"),
        ]
    )
    assert {path for _, path in failures(verify(image))} == {"/bin/busybox", "/bin/cp"}


def test_setuid_programs_are_judged_too() -> None:
    assert failures(verify(arm64([Item("usr/bin/su", static("amd64"), 0o4755)]))) == [
        (CheckKind.MACHINE, "/usr/bin/su")
    ]


@pytest.mark.parametrize(
    ("platform", "settings", "found"),
    [
        ("linux/amd64", {"GOAMD64": "v3"}, "GOAMD64=v3"),
        ("linux/amd64/v2", {"GOAMD64": "v3"}, "GOAMD64=v3"),
        ("linux/arm/v6", {"GOARM": "7"}, "GOARM=7"),
        ("linux/arm/v6", {"GOARM": "7,hardfloat"}, "GOARM=7"),
        ("linux/arm/v5", {"GOARM": "6"}, "GOARM=6"),
        ("linux/arm64", {"GOARM64": "v8.2,lse"}, "GOARM64=v8.2,lse"),
        ("linux/arm64/v8.2", {"GOARM64": "v8.3"}, "GOARM64=v8.3"),
        ("linux/arm64/v8.2", {"GOARM64": "v8.2,crypto"}, "GOARM64=v8.2,crypto"),
        ("linux/arm64/v9.0", {"GOARM64": "v9.1"}, "GOARM64=v9.1"),
        ("linux/amd64/v5", {"GOARCH": "arm64"}, "GOARCH=arm64"),
        ("linux/ppc64le", {"GOPPC64": "power10"}, "GOPPC64=power10"),
        ("linux/riscv64", {"GORISCV64": "rva22u64"}, "GORISCV64=rva22u64"),
        ("linux/amd64", {"GOARCH": "arm64"}, "GOARCH=arm64"),
        ("linux/amd64", {"GOOS": "android"}, "GOOS=android"),
    ],
)
def test_go_programs_built_for_another_cpu(platform: str, settings: dict[str, str], found: str) -> None:
    architecture = platform.split("/")[1]
    image = Built(platform, [[Item("app", go_program(architecture, **settings))]], ["/app"])
    check = only(verify(image).failures)
    assert (check.kind, check.found) == (CheckKind.BUILD, found)


@pytest.mark.parametrize(
    ("platform", "settings", "warnings"),
    [
        ("linux/amd64/v3", {"GOAMD64": "v1"}, 1),
        ("linux/amd64/v3", {"GOAMD64": "v3"}, 0),
        ("linux/amd64", {"GOAMD64": "v1"}, 0),
        ("linux/arm/v7", {"GOARM": "6"}, 1),
        ("linux/arm/v7", {"GOARM": "7"}, 0),
        ("linux/arm/v6", {"GOARM": "6,softfloat"}, 0),
        ("linux/arm64", {"GOARM64": "v8.0"}, 0),
        ("linux/arm64/v8.2", {"GOARM64": "v8.2,lse"}, 0),
        ("linux/arm64/v9.0", {"GOARM64": "v8.5"}, 0),
        ("linux/amd64/v5", {"GOAMD64": "v4"}, 0),
        ("linux/arm/v8", {"GOARM": "7"}, 0),
        ("linux/riscv64/rva22u64", {"GORISCV64": "rva22u64"}, 0),
        ("linux/s390x", {}, 0),
        ("linux/mips64le", {"GOMIPS64": "hardfloat"}, 0),
    ],
)
def test_go_programs_that_run(platform: str, settings: dict[str, str], warnings: int) -> None:
    architecture = platform.split("/")[1]
    outcome = verify(Built(platform, [[Item("app", go_program(architecture, **settings))]], ["/app"]))
    assert outcome.passed
    assert len(outcome.warnings) == warnings


def test_a_go_program_before_build_settings_were_recorded() -> None:
    old = Elf("arm", go_old=("go1.17", go_text(["m\tv1\tx"]))).build()
    assert verify(Built("linux/arm/v7", [[Item("app", old)]], ["/app"])).passed


@pytest.mark.parametrize(
    ("platform", "elf", "kind"),
    [
        ("linux/arm/v6", Elf("arm", kind=3, arm_arch=10, flags=0x5000400), CheckKind.CPU),
        ("linux/arm/v7", Elf("arm", kind=3, arm_arch=14, flags=0x5000400), CheckKind.CPU),
        ("linux/arm/v7", Elf("arm", kind=3, flags=0x5000200), CheckKind.ABI),
        ("linux/arm/v5", Elf("arm", kind=3, flags=0x5000400), CheckKind.ABI),
        ("linux/arm/v5", Elf("arm", flags=0x5000400), CheckKind.ABI),
        ("linux/ppc64le", Elf("ppc64le", flags=1), CheckKind.ABI),
        ("linux/riscv64", Elf("riscv64", kind=3, flags=1), CheckKind.ABI),
        ("linux/amd64", Elf("amd64", x86_level=3), CheckKind.CPU),
        ("linux/amd64/v2", Elf("amd64", x86_level=4), CheckKind.CPU),
    ],
)
def test_wrong_abi_and_cpu_level(platform: str, elf: Elf, kind: CheckKind) -> None:
    assert failures(verify(Built(platform, [[Item("lib.so", elf.build())]]))) == [(kind, "/lib.so")]


@pytest.mark.parametrize(("level", "passed"), [(6, True), (10, False)])
def test_arm_libraries_that_choose_by_cpu(level: int, passed: bool) -> None:
    """Debian's armhf is ARMv7 throughout, wrong for v6; Alpine's v6 has single libraries with ARMv7 code."""
    loader = Elf("arm", kind=3, arm_arch=level, flags=0x5000400).build()
    fast = Elf("arm", kind=3, arm_arch=10, flags=0x5000400).build()
    items = [Item("lib/ld-linux-armhf.so.3", loader), Item("usr/lib/libcrypto.so.3", fast)]
    assert verify(Built("linux/arm/v6", [items])).passed is passed
    static_program = Elf("arm", arm_arch=10, flags=0x5000400).build()
    assert not verify(Built("linux/arm/v6", [[*items, Item("app", static_program)]])).passed


@pytest.mark.parametrize(
    ("platform", "elf"),
    [
        ("linux/arm/v6", Elf("arm", kind=3, arm_arch=6, flags=0x5000400)),
        ("linux/arm/v7", Elf("arm", kind=3, arm_arch=10, flags=0x5000400)),
        ("linux/arm/v8", Elf("arm", kind=3, arm_arch=14, flags=0x5000400)),
        ("linux/amd64/v5", Elf("amd64", x86_level=4)),
        ("linux/arm/v7", Elf("arm", flags=0x5000200)),
        ("linux/arm/v5", Elf("arm", kind=3, arm_arch=4, flags=0x5000200)),
        ("linux/ppc64le", Elf("ppc64le", flags=2)),
        ("linux/riscv64", Elf("riscv64", kind=3, flags=5)),
        ("linux/amd64/v3", Elf("amd64", x86_level=3)),
        ("linux/386", Elf("386")),
        ("linux/loong64", Elf("loong64", flags=0x43)),
        ("linux/s390x", Elf("s390x", flags=1)),
    ],
)
def test_right_abi_and_cpu_level(platform: str, elf: Elf) -> None:
    outcome = verify(Built(platform, [[Item("lib.so", elf.build())]]))
    assert not outcome.failures
    assert not outcome.warnings


# --- where it came from, where it lies ---


def test_the_base_image_only_warns() -> None:
    image = arm64([Item("opt/x", static("amd64"))])
    check = only(verify(image, base_layers={Platform.parse("linux/arm64"): 2}).warnings)
    assert (check.path, check.reason) == ("/opt/x", "came with the base image")
    assert check.layer is not None
    assert not check.layer.added
    assert not verify(image, base_layers=1).passed
    assert not verify(image, base_layers={Platform.parse("linux/amd64"): 2}).passed


def test_layers_of_a_distribution_are_taken_for_the_base() -> None:
    image = replace(arm64([Item("opt/x", static("amd64"))]), created_by=["debootstrap", "COPY x"])
    assert not verify(image, base_layers=None).passed


@pytest.mark.parametrize(
    "path",
    [
        "srv/node_modules/bcrypt/prebuilds/linux-x64/bcrypt.node",
        "usr/lib/x86_64-linux-gnu/libz.so.1",
        "usr/x86_64-linux-gnu/lib/libc.so.6",
        "usr/lib/gcc-cross/x86_64-linux-gnu/12/cc1",
        "usr/local/rustup/toolchains/stable/lib/rustlib/x86_64-unknown-linux-gnu/lib/libstd.so",
        "usr/local/go/src/debug/elf/testdata/gcc-amd64-linux-exec",
        "go/pkg/mod/example.com/m@v1.0.0/bin/x",
        "src/app/testdata/hello",
        "src/app/test/fixtures/hello",
        "src/app/__fixtures__/hello",
        "usr/lib/firmware/x.bin",
        "usr/lib/debug/usr/bin/x.debug",
        "usr/bin/qemu-aarch64-static",
        "usr/lib/python3/dist-packages/debugpy/_vendored/pydevd/pydevd_attach_to_process/attach_linux_amd64.so",
        f"{YARN}/linux-x64/bin/esbuild",
        f"usr/local/share/.cache/yarn/v4/npm-x-linux-x64-1.0.0-{SUM}/node_modules/x-linux-x64/x.node",
    ],
)
def test_places_made_for_foreign_files(path: str) -> None:
    outcome = verify(arm64([Item(path, library("amd64"))]))
    assert outcome.passed
    assert only(outcome.warnings).reason


@pytest.mark.parametrize(
    ("platform", "path", "content"),
    [
        ("linux/arm64", "srv/node_modules/x/prebuilds/linux-arm64/x.node", library("amd64")),
        ("linux/arm64", "srv/node_modules/x/prebuilds/linux-riscv64/x.node", library("amd64")),
        ("linux/arm64", "srv/node_modules/x/prebuilds/linux/x.node", library("amd64")),
        ("linux/arm64", "usr/s390x-linux-gnu/lib/libc.so.6", library("amd64")),
        ("linux/amd64", "usr/lib/x86_64-linux-gnu/libz.so.1", library("arm64")),
        ("linux/amd64", "opt/x86_64-linux-musl/bin/tool", static("arm64")),
        ("linux/arm64", "usr/local/bin/qemu-app", static("amd64")),
        ("linux/arm64", "srv/node_modules/@esbuild/linux-x64/bin/esbuild", static("amd64")),
        ("linux/arm64", f"srv/v6/npm-x-1.0.0-{SUM[1:]}/node_modules/x/x", static("amd64")),
    ],
)
def test_a_name_excuses_only_what_it_fits(platform: str, path: str, content: bytes) -> None:
    assert failures(verify(Built(platform, [[Item(path, content)]]))) == [(CheckKind.MACHINE, "/" + path)]


@pytest.mark.parametrize(
    ("platform", "path", "content"),
    [
        ("linux/arm64", "srv/dist/a_linux_amd64_v1/a", go_program("amd64")),
        ("linux/amd64", "srv/dist/a_linux_arm64_v8.0/a", go_program("arm64")),
        ("linux/amd64", "srv/dist/a_linux_arm_6/a", go_program("arm")),
        ("linux/amd64", "srv/dist/a_linux_386_sse2/a", go_program("386")),
        ("linux/amd64", "srv/dist/a_linux_ppc64le_power8/a", go_program("ppc64le")),
        ("linux/amd64", "srv/dist/a_linux_amd64_v3/a", go_program("amd64", GOAMD64="v3")),
        ("linux/arm/v6", "srv/dist/a_linux_arm_7/a", go_program("arm", GOARM="7")),
        ("linux/arm64", "srv/dist/a_linux_arm64_v9.0/a", go_program("arm64", GOARM64="v9.0")),
        ("linux/amd64", "srv/dist/a_freebsd_amd64_v1/a", Elf("amd64", osabi=9).build()),
        ("linux/arm64", "srv/linux/amd64/a", static("amd64")),
        ("linux/arm64", "srv/native/linux-x86_32/a", static("386")),
        ("linux/amd64", "srv/native/linux-aarch_64/liba.so", library("arm64")),
        ("linux/amd64", "srv/native/linux-ppcle_64/liba.so", library("ppc64le")),
        ("linux/amd64", "srv/native/linux-s390_64/liba.so", library("s390x")),
        ("linux/arm64", "srv/runtimes/linux-musl-x64/native/liba.so", library("amd64")),
        ("linux/arm64", "srv/rg-14.1-x86_64-unknown-linux-musl/rg", static("amd64")),
    ],
)
def test_folders_named_for_another_platform(platform: str, path: str, content: bytes) -> None:
    image = Built(platform, [[Item(path, content)]])
    outcome = verify(image)
    assert outcome.passed
    assert only(outcome.warnings).reason.endswith("names another platform")
    folder = "/" + path.rpartition("/")[0]
    for variable in ("PATH", "LD_LIBRARY_PATH"):
        assert not verify(replace(image, env=[f"{variable}=/bin:{folder}"])).passed
    assert not verify(replace(image, entrypoint=["/" + path])).passed
    package = Item(path.replace("srv/", "srv/node_modules/"), content)
    assert not verify(Built(platform, [[package]])).passed


@pytest.mark.parametrize(
    ("platform", "path", "content"),
    [
        ("linux/arm64", "srv/dist/a_linux_arm64_v8.0/a", static("amd64")),
        ("linux/arm64", "srv/dist/a_linux_386_sse2/a", static("arm")),
        ("linux/arm64", "srv/dist/amd64/a", static("amd64")),
        ("linux/arm64", "srv/dist/linux/a_amd64", static("amd64")),
        ("linux/arm64", "srv/linux-amd64/for-arm64/a", static("amd64")),
        ("linux/arm64", "srv/gems/x-1.16-x86_64-linux/lib/x.so", library("amd64")),
        ("linux/amd64", "srv/dist/a_linux_amd64_v1/a", go_program("amd64", GOAMD64="v3")),
        ("linux/amd64/v2", "srv/dist/a_linux_amd64_v2/a", go_program("amd64", GOAMD64="v3")),
        ("linux/arm/v6", "srv/dist/a_linux_arm_6/a", go_program("arm", GOARM="7")),
        ("linux/arm64", "srv/dist/a_linux_arm64_v8.0/a", go_program("arm64", GOARM64="v9.0")),
        ("linux/amd64", "srv/dist/a_linux_amd64_v1/a", Elf("amd64", osabi=9).build()),
        ("linux/amd64", "srv/dist/a_linux_amd64_v3/a", Elf("amd64", osabi=9).build()),
    ],
)
def test_folders_that_do_not_say_that_they_are_for_another_platform(
    platform: str, path: str, content: bytes
) -> None:
    assert not verify(Built(platform, [[Item(path, content)]])).passed


def test_downloads_for_every_platform() -> None:
    names = {"amd64_v1": "amd64", "arm64_v8.0": "arm64", "arm_6": "arm", "386_sse2": "386"}
    items = [Item(f"dist/a_linux_{name}/a", static(arch)) for name, arch in names.items()]
    for platform in ("linux/amd64", "linux/arm64", "linux/s390x"):
        outcome = verify(Built(platform, [items]))
        assert outcome.passed
        assert len(outcome.warnings) == 4 - any(name in platform for name in ("amd64", "arm64"))


@pytest.mark.parametrize("folder", ["testdata", "fixtures", "opt/x86_64-linux-gnu/bin"])
def test_no_place_excuses_what_is_on_path(folder: str) -> None:
    image = Built("linux/arm64", [[Item(f"{folder}/a", static("amd64")), symlink("tools", "/" + folder)]])
    assert verify(image).passed
    assert failures(verify(replace(image, env=["PATH=/tools"]))) == [(CheckKind.MACHINE, f"/{folder}/a")]


def test_no_place_excuses_the_entrypoint() -> None:
    image = Built("linux/arm64", [[Item("src/testdata/app", static("amd64"))]], ["/src/testdata/app"])
    assert failures(verify(image)) == [(CheckKind.MACHINE, "/src/testdata/app")]


def test_files_for_several_platforms_side_by_side() -> None:
    several = [Item(f"opt/tool-{name}", static(name)) for name in ("amd64", "arm64")]
    outcome = verify(arm64(several))
    assert outcome.passed
    assert only(outcome.warnings).path == "/opt/tool-amd64"
    several = [
        Item(f"lib/attach_linux_{name}.so", library(arch))
        for name, arch in (("amd64", "amd64"), ("x86", "386"))
    ]
    assert len(verify(arm64(several)).warnings) == 2
    several = [
        Item(f"opt/sharp-linux-{name}/lib/sharp-linux-{name}.node", library(arch))
        for name, arch in (("x64", "amd64"), ("arm64", "arm64"))
    ]
    assert verify(arm64(several)).passed


@pytest.mark.parametrize("platform", ["linux/amd64", "linux/arm64", "linux/s390x"])
@pytest.mark.parametrize("path", ["usr/bin/app-{}", "opt/linux-arm64/app-{}", "opt/{0}/{0}/app"])
def test_files_for_several_platforms_that_were_swapped(platform: str, path: str) -> None:
    swapped = [
        Item(path.format(name), static(other)) for name, other in (("amd64", "arm64"), ("arm64", "amd64"))
    ]
    found = failures(verify(Built(platform, [swapped])))
    assert (CheckKind.MACHINE, "/" + path.format(platform.split("/")[1].replace("s390x", "amd64"))) in found


@pytest.mark.parametrize("machine", [0, 6, 10, 88, 94, 999])
def test_machines_that_nobody_expects_are_foreign(machine: int) -> None:
    program = Elf("amd64", machine=machine).build()
    assert failures(verify(arm64([Item("usr/bin/x", program)]))) == [(CheckKind.MACHINE, "/usr/bin/x")]
    assert failures(verify(arm64([Item("lib/x.so", Elf("amd64", 3, machine).build(), 0o644)])))
    outcome = verify(arm64([Item("opt/firmware.elf", program, 0o644)]))
    assert outcome.passed
    assert only(outcome.warnings).reason


@pytest.mark.parametrize(
    "content",
    [
        Elf("amd64", machine=247, kind=1).build(),
        Elf("amd64", machine=190).build(),
        Elf("amd64", machine=224, kind=3).build(),
        b"MZ" + bytes(100),
        b"\xcf\xfa\xed\xfe" + bytes(100),
        b"!<arch>\n",
        b"\xca\xfe\xba\xbe\0\0\0\x34",
        Elf("amd64", kind=4).build(),
    ],
)
def test_files_that_are_for_no_cpu_of_ours(content: bytes) -> None:
    outcome = verify(arm64([Item("opt/x", content)]))
    assert not outcome.failures
    assert not outcome.warnings


def test_objects_and_damaged_files_warn() -> None:
    outcome = verify(arm64([Item("a.o", Elf("amd64", kind=1).build()), Item("b", b"\x7fELF\x09")]))
    assert outcome.passed
    assert [(check.kind, check.path) for check in outcome.warnings] == [
        (CheckKind.MACHINE, "/a.o"),
        (CheckKind.UNREADABLE, "/b"),
    ]


def test_32_bit_programs_with_a_userland_of_their_own() -> None:
    old = [
        Item("lib/ld-linux.so.2", library("386")),
        Item("opt/game", dynamic("386", interpreter="/lib/ld-linux.so.2")),
        Item("opt/libgame.so", library("386")),
    ]
    image = Built("linux/amd64", [[Item("app", static("amd64"))], old], ["/app"])
    outcome = verify(image)
    assert outcome.passed
    assert {check.path for check in outcome.warnings} == {
        "/lib/ld-linux.so.2",
        "/opt/game",
        "/opt/libgame.so",
    }
    assert verify(replace(image, entrypoint=["/opt/game"])).passed
    assert not verify(Built("linux/amd64", [old[1:2]], ["/opt/game"])).passed


def test_exceptions_and_unused_ones() -> None:
    image = arm64([Item("opt/x/y", static("amd64"))])
    outcome = verify(image, allow=[Allow("/opt/**", "needed on the host"), Allow("/usr/*", "old")])
    assert outcome.passed
    allowed = only([check for check in outcome.platforms[0].checks if check.path == "/opt/x/y"])
    assert (allowed.severity, allowed.reason) == (Severity.OK, "allowed: needed on the host")
    unused = only(outcome.warnings)
    assert (unused.kind, unused.path) == (CheckKind.EXCEPTION, "/usr/*")
    assert not verify(image, allow=[Allow("/opt/*", "one folder only")]).passed


@pytest.mark.parametrize(
    ("allowed", "used"),
    [
        ("libcuda.so.1", True),
        ("libcuda*", True),
        ("/app", True),
        ("app", True),
        ("/a*", True),
        ("**/libcuda.so.1", True),
        ("/libcuda.so.1", False),
        ("/*.so.1", False),
        ("libcudart*", False),
        ("/usr/**", False),
    ],
)
@pytest.mark.parametrize("where", ["app", "usr/bin/app"])
def test_exceptions_for_a_missing_library(allowed: str, used: bool, where: str) -> None:
    """By the library's name or the path of the program that lacks it, whether the image runs that or not."""
    items = [Item("app", static("arm64")), Item(where, dynamic("arm64", "libc.so.6", "libcuda.so.1"))]
    if where != "app":
        allowed = allowed.replace("/a", "/usr/bin/a") if allowed != "app" else "usr/bin/app"
        used = used or allowed == "/usr/**"
    outcome = verify(glibc(*items), allow=[Allow(allowed, "mounted by the runtime")])
    found = only([check for check in outcome.platforms[0].checks if check.kind is CheckKind.LIBRARY])
    unused = [check for check in outcome.across if check.kind is CheckKind.EXCEPTION]
    assert (found.severity is Severity.OK, not unused) == (used, used)
    assert (found.reason == "allowed: mounted by the runtime") is used


def test_exceptions_for_a_missing_loader_and_interpreter() -> None:
    app = [Item("app", dynamic("arm64", "libc.so.6"))]
    script = [Item("app", b"#!/usr/bin/env node\n"), Item("usr/bin/env", static("arm64"))]
    for items, names in ((app, ("/app", LOADERS["arm64"])), (script, ("/app", "node"))):
        image = Built("linux/arm64", [items], ["/app"])
        assert not verify(image).passed
        for name in names:
            assert verify(image, allow=[Allow(name, "")]).passed
    foreign = glibc(Item("app", dynamic("arm64", "liba.so")), Item("usr/lib/liba.so", library("amd64")))
    checks = verify(foreign, allow=[Allow("liba.so", "")]).failures
    assert [(check.kind, check.path) for check in checks] == [(CheckKind.MACHINE, "/usr/lib/liba.so")]


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("/a/*.so", "/a/b.so", True),
        ("/a/*.so", "/a/b/c.so", False),
        ("/a/**/c.so", "/a/c.so", True),
        ("/a/**/c.so", "/a/b/b/c.so", True),
        ("a/b?", "/a/bc", True),
        ("**/x", "/a/x", True),
        ("/a.b", "/aXb", False),
    ],
)
def test_patterns_of_exceptions(pattern: str, path: str, expected: bool) -> None:
    assert bool(glob_pattern(pattern).fullmatch(path)) is expected


# --- what the image runs ---


def glibc(*items: Item, entrypoint: Sequence[str] = ("/app",), cmd: Sequence[str] = (), **more: str) -> Built:
    env = ["PATH=/usr/local/bin:/usr/bin:/bin", *(f"{key}={value}" for key, value in more.items())]
    return Built("linux/arm64", [userland("arm64"), list(items)], entrypoint, cmd, env=env)


def test_a_whole_chain_is_ok() -> None:
    outcome = verify(glibc(Item("app", dynamic("arm64", "libc.so.6"))))
    assert outcome.passed
    assert not outcome.warnings
    assert [check.path for check in outcome.platforms[0].checks] == [
        "/app",
        LOADERS["arm64"],
        "/usr/lib/aarch64-linux-gnu/libc.so.6",
    ]


@pytest.mark.parametrize("base_layers", [0, 1, 5])
def test_a_missing_library_fails_wherever_it_should_have_come_from(base_layers: int) -> None:
    check = only(verify(glibc(Item("app", dynamic("arm64", "libz.so.1"))), base_layers=base_layers).failures)
    assert (check.kind, check.path, check.needed_by) == (CheckKind.LIBRARY, "libz.so.1", "/app")


def test_a_library_of_a_library() -> None:
    items = [
        Item("app", dynamic("arm64", "liba.so")),
        Item("usr/lib/liba.so", library("arm64", "libb.so")),
        Item("usr/lib/libb.so", library("amd64")),
    ]
    outcome = verify(glibc(*items))
    assert {(check.kind, check.path) for check in outcome.failures} == {
        (CheckKind.LIBRARY, "/usr/lib/libb.so"),
        (CheckKind.MACHINE, "/usr/lib/libb.so"),
    }
    assert "only as 64-bit x86-64" in next(c.message for c in outcome.failures if c.kind is CheckKind.LIBRARY)


def test_a_foreign_library_is_passed_over_when_the_right_one_follows() -> None:
    items = [
        Item("app", dynamic("arm64", "liba.so")),
        Item("etc/ld.so.conf", b"include /etc/ld.so.conf.d/*.conf\n"),
        Item("etc/ld.so.conf.d/x.conf", b"# all\n/usr/lib/x86_64-linux-gnu\n/opt/lib\n"),
        Item("usr/lib/x86_64-linux-gnu/liba.so", library("amd64")),
        Item("opt/lib/liba.so", library("arm64")),
    ]
    outcome = verify(glibc(*items))
    assert outcome.passed
    assert [check.path for check in outcome.warnings] == ["/usr/lib/x86_64-linux-gnu/liba.so"]


@pytest.mark.parametrize(
    ("elf", "where", "env"),
    [
        (Elf("arm64", kind=3, needed=("liba.so",), runpath="$ORIGIN/../lib"), "srv/lib/liba.so", {}),
        (Elf("arm64", kind=3, needed=("liba.so",), rpath="${ORIGIN}"), "srv/bin/liba.so", {}),
        (
            Elf("arm64", kind=3, needed=("liba.so",), rpath="/opt/$LIB"),
            "opt/lib/aarch64-linux-gnu/liba.so",
            {},
        ),
        (Elf("arm64", kind=3, needed=("liba.so",)), "opt/liba.so", {"LD_LIBRARY_PATH": "/none:/opt"}),
        (Elf("arm64", kind=3, needed=("/opt/liba.so",)), "opt/liba.so", {}),
        (Elf("arm64", kind=3, needed=("liba.so",)), "usr/lib64/liba.so", {}),
    ],
)
def test_where_libraries_are_looked_for(elf: Elf, where: str, env: dict[str, str]) -> None:
    program = replace(elf, interpreter=LOADERS["arm64"]).build()
    good = glibc(
        Item("srv/bin/app", program), Item(where, library("arm64")), entrypoint=["/srv/bin/app"], **env
    )
    assert verify(good).passed
    assert not verify(glibc(Item("srv/bin/app", program), entrypoint=["/srv/bin/app"], **env)).passed


def test_musl() -> None:
    loader = "/lib/ld-musl-aarch64.so.1"
    needed = ("libc.musl-aarch64.so.1", "libz.so.1")
    app = Elf("arm64", kind=3, interpreter=loader, needed=needed).build()
    items = [Item("app", app), Item(loader, library("arm64")), Item("opt/libz.so.1", library("arm64"))]
    assert not verify(Built("linux/arm64", [items], ["/app"])).passed
    path = Item("etc/ld-musl-aarch64.path", b"/lib\n/opt\n")
    assert verify(Built("linux/arm64", [[*items, path]], ["/app"])).passed


def test_a_missing_loader_and_a_foreign_one() -> None:
    app = Item("app", dynamic("arm64", "libc.so.6"))
    check = only(verify(Built("linux/arm64", [[app]], ["/app"])).failures)
    assert (check.kind, check.path, check.needed_by) == (CheckKind.INTERPRETER, LOADERS["arm64"], "/app")
    foreign = Item(LOADERS["arm64"], library("amd64"))
    outcome = verify(Built("linux/arm64", [[foreign], [app]], ["/app"]), base_layers=1)
    assert (CheckKind.MACHINE, LOADERS["arm64"]) in failures(outcome)


def test_programs_on_path_with_missing_libraries_warn() -> None:
    items = [Item("app", static("arm64")), Item("usr/bin/x", dynamic("arm64", "libnone.so"))]
    outcome = verify(glibc(*items))
    assert outcome.passed
    assert only(outcome.warnings).kind is CheckKind.LIBRARY
    elsewhere = verify(glibc(items[0], Item("opt/x", dynamic("arm64", "libnone.so"))))
    assert not elsewhere.warnings


@pytest.mark.parametrize(
    ("items", "entrypoint", "kind", "path"),
    [
        ([], ["/app"], CheckKind.COMMAND, "/app"),
        ([], ["serve"], CheckKind.COMMAND, "serve"),
        ([Item("app", static("arm64"), 0o644)], ["/app"], CheckKind.COMMAND, "/app"),
        ([Item("app", b"text")], ["/app"], CheckKind.COMMAND, "/app"),
        ([Item("app", b"MZ" + bytes(99))], ["/app"], CheckKind.COMMAND, "/app"),
        ([Item("app", b"\x7fELF\x05")], ["/app"], CheckKind.UNREADABLE, "/app"),
        ([Item("app", b"#!/bin/none\n")], ["/app"], CheckKind.INTERPRETER, "/bin/none"),
        (
            [Item("app", b"#!/usr/bin/env node\n"), Item("usr/bin/env", static("arm64"))],
            ["/app"],
            CheckKind.INTERPRETER,
            "node",
        ),
        ([Item("app", b"#!/app\n")], ["/app"], CheckKind.MACHINE, ""),
        ([Item("app", b"#!/bin/x\n"), Item("bin/x", static("amd64"))], ["/app"], CheckKind.MACHINE, "/bin/x"),
        ([Item("usr/bin/serve", static("amd64"))], ["serve"], CheckKind.MACHINE, "/usr/bin/serve"),
        ([symlink("app", "bin/x"), Item("bin/x", static("amd64"))], ["/app"], CheckKind.MACHINE, "/bin/x"),
        ([symlink("app", "nowhere")], ["/app"], CheckKind.COMMAND, "/app"),
        ([Item("bin/sh", static("arm64"))], ["/bin/sh", "-c", "exec A=1 /app --x"], CheckKind.MACHINE, ""),
        (
            [Item("tini", static("arm64")), Item("x", static("386"))],
            ["/tini", "--", "/x"],
            CheckKind.MACHINE,
            "/x",
        ),
    ],
)
def test_commands(items: Sequence[Item], entrypoint: Sequence[str], kind: CheckKind, path: str) -> None:
    found = failures(verify(Built("linux/arm64", [items], entrypoint)))
    if path:
        assert (kind, path) in found
    else:
        assert not found


def test_env_and_arguments_of_interpreters() -> None:
    items = [
        Item("usr/bin/node", static("arm64")),
        Item("usr/bin/env", static("arm64")),
        Item("run", b"#!/usr/bin/env -S A=1 node --x\n"),
    ]
    outcome = verify(
        Built("linux/arm64", [items], ["run"], ["node", "index.js"], working_dir="/", env=["PATH=/:/usr/bin"])
    )
    assert outcome.passed
    assert [check.path for check in outcome.platforms[0].checks] == ["/usr/bin/env", "/usr/bin/node"]


def test_relative_commands_and_the_working_folder() -> None:
    image = Built("linux/arm64", [[Item("srv/app", static("amd64"))]], ["./app"], working_dir="/srv")
    assert failures(verify(image)) == [(CheckKind.MACHINE, "/srv/app")]


def test_the_command_counts_when_it_is_a_program() -> None:
    items = [Item("entry", static("arm64")), Item("usr/bin/x", static("amd64"))]
    image = Built("linux/arm64", [items], ["/entry"], ["x", "--flag"])
    assert failures(verify(image, base_layers=1)) == [(CheckKind.MACHINE, "/usr/bin/x")]
    assert verify(replace(image, cmd=["--help"]), base_layers=1).passed


def test_the_program_inside_a_shell_command() -> None:
    items = [Item("bin/sh", static("arm64")), Item("opt/x", static("amd64"))]
    image = Built("linux/arm64", [items], [], ["/bin/sh", "-c", "exec /opt/x --flag"])
    assert failures(verify(image, base_layers=1)) == [(CheckKind.MACHINE, "/opt/x")]
    gone = verify(replace(image, cmd=["/bin/sh", "-c", "/opt/gone"]), base_layers=1)
    assert (
        only(gone.failures + tuple(c for c in gone.warnings if c.kind is CheckKind.COMMAND)).path
        == "/opt/gone"
    )
    assert verify(replace(image, cmd=["/bin/sh", "-c", "$RUN 'unclosed"]), base_layers=1).passed


def test_an_image_without_a_command() -> None:
    assert verify(Built("linux/arm64", [[Item("x", static("arm64"))]])).passed


# --- platforms ---


def test_a_missing_platform() -> None:
    outcome = verify(arm64(), platforms=["linux/arm64", "linux/amd64"])
    check = only(outcome.failures)
    assert (check.kind, check.expected, check.found) == (CheckKind.PLATFORM, "linux/amd64", "linux/arm64")


def test_only_the_platforms_asked_for() -> None:
    bad = Built("linux/amd64", [[Item("app", static("arm64"))]], ["/app"])
    assert verify(arm64(), bad, platforms=["linux/arm64"]).passed
    assert not verify(arm64(), bad).passed


@pytest.mark.parametrize(
    ("index", "config", "passed"),
    [
        ("linux/arm64", "linux/amd64", False),
        ("linux/arm/v6", "linux/arm/v7", False),
        ("linux/arm/v7", "linux/arm", True),
        ("linux/arm64/v8", "linux/arm64", True),
        ("linux/amd64/v3", "linux/amd64", True),
        ("linux/arm64", "plan9/mips", False),
    ],
)
def test_index_and_config_agree(index: str, config: str, passed: bool) -> None:
    outcome = verify(Built(index, [[]], config_platform=config))
    assert outcome.passed is passed
    assert all(check.kind is CheckKind.PLATFORM for check in outcome.failures)


# --- across platforms ---


def pair(
    one: dict[str, str], two: dict[str, str], *deps: Sequence[str], versions: Sequence[str] = ("go1", "go1")
) -> Verification:
    images = [
        Built(f"linux/{name}", [[Item("app", go_program(name, dep, version, **settings))]], ["/app"])
        for name, settings, dep, version in zip(
            ("amd64", "arm64"), (one, two), deps or ([], []), versions, strict=True
        )
    ]
    return verify(*images)


@pytest.mark.parametrize(
    ("one", "two", "message"),
    [
        ({"CGO_ENABLED": "1"}, {"CGO_ENABLED": "0"}, "platforms differ in cgo"),
        ({"tags": "a,b"}, {"tags": "a"}, "platforms differ in build tags"),
    ],
)
def test_go_programs_built_differently_fail(one: dict[str, str], two: dict[str, str], message: str) -> None:
    check = only(pair(one, two).failures)
    assert (check.kind, check.message, check.path) == (CheckKind.DIFFERS, message, "/app")
    assert check.expected.startswith("linux/amd64: ")
    assert check.found.startswith("linux/arm64: ")


def test_other_modules_fail_and_additional_ones_warn() -> None:
    outcome = pair({}, {}, ["a\tv1\ts", "b\tv1\ts"], ["a\tv2\ts", "b\tv1\ts"])
    assert only(outcome.failures).message == "platforms differ in module a"
    outcome = pair({}, {}, ["a\tv1\ts", "b\tv1\ts"], ["a\tv1\ts"])
    assert outcome.passed
    assert only(outcome.warnings).message == "only some platforms have b"


def test_equal_go_programs_say_nothing() -> None:
    same = {"CGO_ENABLED": "0", "vcs.revision": "1"}
    outcome = pair({**same, "tags": "a,b"}, {**same, "tags": "b,a"}, ["a\tv1\ts"], ["a\tv1\ts"])
    assert outcome.passed
    assert not outcome.warnings


def test_other_revisions_and_go_versions_warn() -> None:
    assert len(pair({"vcs.revision": "1"}, {"vcs.revision": "2"}).warnings) == 1
    assert len(pair({}, {}, versions=["go1.21", "go1.22"]).warnings) == 1


def test_differences_of_the_base_image_warn() -> None:
    images = [
        Built(f"linux/{name}", [[Item("usr/bin/x", go_program(name, CGO_ENABLED=cgo))]])
        for name, cgo in (("amd64", "1"), ("arm64", "0"))
    ]
    assert verify(*images, base_layers=1).passed
    assert not verify(*images).passed
    assert verify(*images, allow=[Allow("/usr/bin/x", "known")]).passed


def test_json() -> None:
    outcome = verify(arm64([Item("x", static("amd64"))])).to_json()
    assert outcome["passed"] is False
    (platform,) = outcome["platforms"]
    assert platform["platform"] == "linux/arm64"
    assert platform["counts"]["elf"] == 2
    first = platform["checks"][0]
    assert (first["severity"], first["path"], first["layer"]["index"]) == ("failure", "/x", 1)
