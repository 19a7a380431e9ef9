"""The architectures of Linux images, each with its names everywhere: one row per architecture and variant.

Sources of the columns, in their order: containerd `platforms/database.go` (docker, spellings); Go's
`internal/goarch`; `uname(2)` as the kernel's `arch/*/Makefile` sets UTS_MACHINE; Debian's architectures and
multiarch tuples (dpkg `cputable` and `tupletable`, Debian wiki "Multiarch/Tuples"); Rust's "Platform
Support"; .NET's `PortableRuntimeIdentifierGraph.json`; PEP 600 and pypa/packaging (architectures of manylinux
wheels; those of musllinux, PEP 656, are called alike); Node.js `process.arch`, npm's `cpu` (`configure.py`,
`valid_arch`); QEMU `configs/targets/*-linux-user.mak`; glibc's wiki "ABIList" and musl's `configure` (dynamic
loaders); the System V gABI's registry of e_machine, and the psABIs. `tests/fixtures/architectures/` has what
the tools themselves say. A name that a project does not have is empty.
"""

from __future__ import annotations

from collections.abc import Mapping

from xbuild.text import replace, value


@value(order=True)
class Machine:
    """What an ELF header must say: e_machine (ELF gABI, EM_*), class in bits, byte order."""

    number: int
    bits: int
    little_endian: bool


@value(kw_only=True)
class Architecture:
    """One architecture, or one variant of it, and its names."""

    docker: str
    """`architecture[/variant]` in normal form."""
    goarch: str
    uname: str
    """What `uname -m` prints."""
    debian: str
    gnu: str
    """The triplet of GNU tools, as Debian names them."""
    multiarch: str
    """The folder of Debian's libraries below /usr/lib."""
    rust: str
    dotnet: str
    wheel: str
    npm: str
    qemu: str
    loaders: tuple[str, ...]
    """Where the dynamic loaders of glibc and musl are."""
    machine: Machine
    spellings: tuple[str, ...] = ()
    """Other names that Docker takes for it."""
    aliases: tuple[str, ...] = ()
    """What else it is called where files, images and downloads are named, and nothing else is."""

    @property
    def architecture(self) -> str:
        """Docker's name without the variant."""
        return self.docker.partition("/")[0]

    @property
    def variant(self) -> str:
        """Docker's variant, empty for most."""
        return self.docker.partition("/")[2]

    @property
    def names(self) -> frozenset[str]:
        """The names that stand for this architecture, whatever the variant, wherever one is met."""
        known = (self.architecture, self.goarch, self.debian, *self.spellings, *self.aliases)
        return frozenset(name for name in known if name and "/" not in name)


_AMD64 = Architecture(
    docker="amd64",
    goarch="amd64",
    uname="x86_64",
    debian="amd64",
    gnu="x86_64-linux-gnu",
    multiarch="x86_64-linux-gnu",
    rust="x86_64-unknown-linux-gnu",
    dotnet="linux-x64",
    wheel="x86_64",
    npm="x64",
    qemu="x86_64",
    loaders=("/lib64/ld-linux-x86-64.so.2", "/lib/ld-musl-x86_64.so.1"),
    machine=Machine(62, 64, True),
    spellings=("amd64/v1", "x86_64", "x86-64"),
    aliases=("x64",),
)
_ARM_V7 = Architecture(
    docker="arm/v7",
    goarch="arm",
    uname="armv7l",
    debian="armhf",
    gnu="arm-linux-gnueabihf",
    multiarch="arm-linux-gnueabihf",
    rust="armv7-unknown-linux-gnueabihf",
    dotnet="linux-arm",
    wheel="armv7l",
    npm="arm",
    qemu="arm",
    loaders=("/lib/ld-linux-armhf.so.3", "/lib/ld-musl-armhf.so.1"),
    machine=Machine(40, 32, True),
    spellings=("arm", "arm/7", "armhf"),
    aliases=("armv7", "armv7l", "armv7a", "armv7hf", "armv7hl", "arm32v7"),
)


def _alike(docker: str, uname: str, loaders: tuple[str, ...], machine: Machine) -> Architecture:
    """One that Debian, Go, .NET and Node call as Docker does, and all others as the kernel does."""
    gnu = f"{uname}-linux-gnu"
    return Architecture(
        docker=docker,
        goarch=docker,
        uname=uname,
        debian=docker,
        gnu=gnu,
        multiarch=gnu,
        rust=f"{uname}-unknown-linux-gnu",
        dotnet=f"linux-{docker}",
        wheel=uname,
        npm=docker,
        qemu=uname,
        loaders=loaders,
        machine=machine,
    )


ARCHITECTURES: tuple[Architecture, ...] = (
    _AMD64,
    *(replace(_AMD64, docker=f"amd64/{level}", spellings=(), aliases=()) for level in ("v2", "v3", "v4")),
    replace(
        _alike(
            "arm64",
            "aarch64",
            ("/lib/ld-linux-aarch64.so.1", "/lib/ld-musl-aarch64.so.1"),
            Machine(183, 64, True),
        ),
        spellings=("arm64/v8", "arm64/8", "aarch64"),
        aliases=("armv8", "arm64v8"),
    ),
    # Debian's armel is ARMv5TE with soft floats; its armhf is ARMv7, and nothing of Debian's is for arm/v6.
    replace(
        _ARM_V7,
        docker="arm/v5",
        uname="armv5tel",
        debian="armel",
        gnu="arm-linux-gnueabi",
        multiarch="arm-linux-gnueabi",
        rust="armv5te-unknown-linux-gnueabi",
        dotnet="",
        wheel="",
        loaders=("/lib/ld-linux.so.3", "/lib/ld-musl-arm.so.1"),
        spellings=("arm/5",),
        aliases=("armv5", "armv5l", "armv5te", "armv5tel", "arm32v5"),
    ),
    replace(
        _ARM_V7,
        docker="arm/v6",
        uname="armv6l",
        debian="",
        rust="arm-unknown-linux-gnueabihf",
        dotnet="linux-armv6",
        wheel="",
        spellings=("arm/6", "armel"),
        aliases=("armv6", "armv6l", "armv6hf", "arm32v6"),
    ),
    _ARM_V7,
    Architecture(
        docker="386",
        goarch="386",
        uname="i686",
        debian="i386",
        gnu="i686-linux-gnu",
        multiarch="i386-linux-gnu",
        rust="i686-unknown-linux-gnu",
        dotnet="linux-x86",
        wheel="i686",
        npm="ia32",
        qemu="i386",
        loaders=("/lib/ld-linux.so.2", "/lib/ld-musl-i386.so.1"),
        machine=Machine(3, 32, True),
        spellings=("i386", "i486", "i586", "i686"),
        aliases=("ia32",),
    ),
    replace(
        _alike(
            "ppc64le", "ppc64le", ("/lib64/ld64.so.2", "/lib/ld-musl-powerpc64le.so.1"), Machine(21, 64, True)
        ),
        debian="ppc64el",
        gnu="powerpc64le-linux-gnu",
        multiarch="powerpc64le-linux-gnu",
        rust="powerpc64le-unknown-linux-gnu",
        npm="ppc64",
        aliases=("powerpc64le",),
    ),
    _alike("s390x", "s390x", ("/lib/ld64.so.1", "/lib/ld-musl-s390x.so.1"), Machine(22, 64, False)),
    replace(
        _alike(
            "riscv64",
            "riscv64",
            ("/lib/ld-linux-riscv64-lp64d.so.1", "/lib/ld-musl-riscv64.so.1"),
            Machine(243, 64, True),
        ),
        rust="riscv64gc-unknown-linux-gnu",
        aliases=("riscv64gc",),
    ),
    replace(
        _alike(
            "loong64",
            "loongarch64",
            ("/lib64/ld-linux-loongarch-lp64d.so.1", "/lib/ld-musl-loongarch64.so.1"),
            Machine(258, 64, True),
        ),
        dotnet="linux-loongarch64",
        aliases=("loongarch64",),
    ),
    Architecture(
        docker="mips64le",
        goarch="mips64le",
        uname="mips64",
        debian="mips64el",
        gnu="mips64el-linux-gnuabi64",
        multiarch="mips64el-linux-gnuabi64",
        rust="mips64el-unknown-linux-gnuabi64",
        dotnet="",
        wheel="",
        npm="mips64el",
        qemu="mips64el",
        loaders=("/lib64/ld.so.1", "/lib/ld-musl-mips64el.so.1"),
        machine=Machine(8, 64, True),
    ),
)

BY_SPELLING: Mapping[str, Architecture] = {
    name: row for row in ARCHITECTURES for name in (row.docker, *row.spellings)
}
"""Every way to write an `architecture[/variant]` that Docker takes, and its row."""
