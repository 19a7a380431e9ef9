"""Whether packages may be compiled elsewhere: what tables excuse, and for whom."""

from __future__ import annotations

from dataclasses import replace

import pytest

from xbuild.plan.toolchains.rust.crate_judging import CrateJudgement, judge_crates
from xbuild.plan.toolchains.rust.crate_probe import BuiltPackage, Crates
from xbuild.plan.toolchains.rust.crate_tables import EXCUSED, HELPERS, HOLDS_FOR, LIBRARIES, MACROS
from xbuild.platforms import parse_platforms

BOTH = ("linux/amd64", "linux/arm64")
ASKS_FOR_HOST = 'fn main() { std::env::var("HOST"); }'


def judged(*packages: BuiltPackage, platforms: tuple[str, ...] = BOTH) -> CrateJudgement:
    return judge_crates(Crates(packages=packages), parse_platforms(platforms))


def test_a_row_excuses_what_it_names() -> None:
    known = BuiltPackage("psm", "0.1.0", script=ASKS_FOR_HOST)
    assert not judged(known).refused
    assert judged(replace(known, name="other")).refused
    assert judged(replace(known, script="fn main() { std::env::consts::ARCH; }")).refused


@pytest.mark.parametrize("source", ["/src/psm", "https://git.example/psm#1", "registry `own`"])
def test_a_row_is_for_the_default_registry(source: str) -> None:
    assert judged(BuiltPackage("psm", "0.1.0", source, script=ASKS_FOR_HOST)).refused
    assert judged(BuiltPackage("serde_derive", "1.0.0", source, macro=("Command::new",))).refused


def test_a_row_that_holds_for_some() -> None:
    known = BuiltPackage("aws-lc-sys", "0.30.0", script=ASKS_FOR_HOST)
    assert not judged(known).refused
    assert judged(known, platforms=("linux/amd64", "linux/ppc64le")).refused
    assert judged(replace(known, features=frozenset({"fips"}))).refused
    assert set(HOLDS_FOR) <= set(EXCUSED)


def test_a_package_that_is_not_there_is_not_used() -> None:
    script = "fn main() { vergen::emit(); }"
    own = BuiltPackage("own", "1.0.0", "/src", script=script)
    assert not judged(own).refused
    assert judged(own, BuiltPackage("vergen", "8.0.0")).refused


def test_the_release_of_what_rustc_says_of_itself() -> None:
    script = 'fn main() { let rustc = 1; std::process::Command::new(rustc).arg("-vV").output(); }'
    known = BuiltPackage("getrandom", "0.3.4", script=script)
    assert not judged(known).refused
    assert judged(replace(known, name="other")).refused


def test_a_package_of_another_name_is_used() -> None:
    script = "fn main() { machine::own(); }"
    own = BuiltPackage("own", "1.0.0", "/src", script=script)
    assert judged(replace(own, renamed=("machine",))).refused
    assert judged(own, BuiltPackage("own-machine", "1.0.0", called=("machine",))).refused
    assert not judged(own, BuiltPackage("own-machine", "1.0.0", called=("own_machine",))).refused


def test_a_name_of_a_table_that_stands_for_another_package() -> None:
    own = BuiltPackage("own", "1.0.0", "/src", script="fn main() { glob::glob(); }")
    assert not judged(own).refused
    (why,) = (text for text, _ in judged(replace(own, renamed=("glob",))).refused)
    assert "another package by that name" in why


def test_an_optional_package_is_used_with_its_feature() -> None:
    known = BuiltPackage("zstd-sys", "2.0.0", script='fn main() { cmake::build("zstd"); }')
    cmake = BuiltPackage("cmake", "0.1.0")
    assert not judged(known, cmake).refused
    assert judged(replace(known, features=frozenset({"cmake"})), cmake).refused
    assert judged(replace(known, name="other"), cmake).refused


def test_a_library_of_the_system() -> None:
    package = BuiltPackage("openssl-sys", "0.9.0")
    crates = Crates(packages=(package,), system={"openssl": "/usr/lib/x86_64-linux-gnu/pkgconfig"})
    platforms = parse_platforms(BOTH)
    assert judge_crates(crates, platforms).libraries == {"libssl-dev"}
    vendored = replace(package, features=frozenset({"vendored"}))
    assert not judge_crates(replace(crates, packages=(vendored,)), platforms).libraries
    assert not judge_crates(replace(crates, system={}), platforms).libraries
    own = replace(crates, system={"openssl": "/usr/local/lib/pkgconfig"})
    assert judge_crates(own, platforms).refused


def test_macros() -> None:
    unknown = BuiltPackage("unknown-macro", "1.0.0", macro=(), helpers=("quote",))
    assert not judged(unknown).refused
    assert judged(unknown, platforms=("linux/amd64", "linux/arm/v7")).refused
    assert judged(replace(unknown, macro=("consts::ARCH",))).refused
    assert not judged(replace(unknown, macro=('env::var("CARGO_MANIFEST_DIR"',))).refused
    assert judged(replace(unknown, macro=('env::var("HOME"',))).refused
    assert judged(replace(unknown, macro=("env::var",))).refused
    assert judged(replace(unknown, helpers=("other",))).refused
    known = replace(unknown, name="serde_derive", macro=("env!",), helpers=("other",))
    assert not judged(known, platforms=("linux/amd64", "linux/arm/v7")).refused


def test_words_of_another_size_or_order() -> None:
    writing = BuiltPackage("own", "1.0.0", "/src", script='fn main() { std::fs::write("a", "b"); }')
    assert not judged(writing).refused
    for platform in ("linux/arm/v7", "linux/386", "linux/s390x"):
        assert judged(writing, platforms=("linux/amd64", platform)).refused
    assert judge_crates(Crates(packages=(writing,)), None).refused


def test_tables_name_packages_of_a_kind() -> None:
    assert not MACROS & set(EXCUSED) - {"rustversion"}
    assert not set(LIBRARIES) & (MACROS | HELPERS)
