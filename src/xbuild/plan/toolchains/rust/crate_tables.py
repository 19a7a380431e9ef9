"""Packages that are known by name: what of their build scripts is right all the same, what libraries of the
system they take, and macros that look at nothing but the code that they are given.

Rows rest on the sources of the packages, in the releases that were current in 2026, or on what they are known
for (build-time packages, and some macros): what is found in a build script is still looked for in the very
text that is built, and a row excuses findings of the kinds that it names, no others.
"""

from __future__ import annotations

from collections.abc import Mapping

from xbuild.plan.table import words
from xbuild.text import value

EXCUSED: Mapping[str, frozenset[str]] = {
    name: frozenset(words(kinds))
    for name, kinds in {
        # Asks for CC, which is not set where this row counts (`cargo_settings`).
        "alloca": "environment",
        # Walks through the variables that links of another package set (`DEP_AWS_LC_…`).
        "aws-lc-rs": "environment argument links",
        # Compiles by cc what its list says for the target; tries the compiler, and runs what it tried here
        # alone, against a fault of gcc 9 and 10. cmake and its own machine are for FIPS and other targets
        # (`HOLDS_FOR`), and for tests.
        "aws-lc-sys": "argument cfg cmake consts files folder host links native starts unsafe uses standard",
        # HOST is for Windows; the environment is changed for its own compiler.
        "blake3": "unsafe host",
        "bzip2-sys": "links host folder",
        # Tables of time zones, by the name of what it writes; of entities; of types of files.
        "chrono-tz": "uses",
        "markup5ever": "files uses",
        "mime_guess": "files uses",
        # What the target has, by a file that asks for it; a table of targets, by their names.
        "crossbeam-utils": "files",
        "libm": "environment files",
        "portable-atomic": "files starts",
        "target-lexicon": "files alias",
        # For BSD.
        "inotify-sys": "folder links starts",
        # Asks for other systems: their release, their compiler.
        "libc": "starts",
        # The host is asked for Windows alone; what it links with is what it takes or brings (`LIBRARIES`).
        "libgit2-sys": "links",
        "libmimalloc-sys": "links",
        "libsqlite3-sys": "host links cfg char unsafe standard",
        "libssh2-sys": "links cfg",
        "libz-sys": "environment host links compiler files folder",
        "lz4-sys": "links",
        "lzma-sys": "links",
        "zstd-sys": "links",
        # Its files ask for the target; without `vendored` it takes the library that pkg-config names.
        "openssl-sys": "environment folder files links host starts",
        # Assembly by the name of the target; HOST is for Windows.
        "psm": "host links uses",
        # nasm and perl are started for other systems and from its repository alone.
        "ring": "compiler links starts",
        # Starts rustc, behind its wrapper if there is one, to try what it understands, for the target.
        "anyhow": "starts",
        "eyre": "starts",
        "proc-macro2": "starts",
        "rustix": "starts",
        "thiserror": "starts",
        # Takes the release alone of what rustc says of itself (`-vV`).
        "getrandom": "host starts",
        # The release of rustc; the host is told to no one but itself.
        "rustversion": "files host starts",
    }.items()
}
"""By package the kinds of findings that do not matter (`build_scripts.BuildScript.findings`)."""

HOLDS_FOR: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "aws-lc-sys": (("amd64", "arm64"), ("bindgen", "fips", "ssl")),
}
"""By package the architectures for which its row holds, and features with which it does not."""

OPTIONAL: Mapping[str, tuple[str, ...]] = {
    "libsqlite3-sys": ("bindgen", "buildtime_bindgen"),
    "zstd-sys": ("bindgen", "cmake", "pkg-config"),
}
"""By package the features without which its build script does not use the package of that name."""

TEXT_ALONE = frozenset(
    words(
        "chrono-tz generic-array httparse libz-sys markup5ever mime_guess ring serde serde_core thiserror "
        "typenum zstd-sys"
    )
)
"""Packages whose build scripts write what does not depend on the size of a word or the order of bytes."""


@value()
class SystemLibrary:
    """A library that a package takes from the system: its name for pkg-config, Debian's package, and the
    features with which the package brings it itself. With `asks` it is taken only with one of these features.
    """

    name: str
    package: str
    bundled: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()


LIBRARIES: Mapping[str, SystemLibrary] = {
    "openssl-sys": SystemLibrary("openssl", "libssl-dev", ("vendored",)),
    "libz-sys": SystemLibrary("zlib", "zlib1g-dev", ("static", "zlib-ng")),
    "libsqlite3-sys": SystemLibrary("sqlite3", "libsqlite3-dev", ("bundled",)),
    "pq-sys": SystemLibrary("libpq", "libpq-dev", ("bundled",)),
    "zstd-sys": SystemLibrary("libzstd", "libzstd-dev", asks=("pkg-config",)),
    "bzip2-sys": SystemLibrary("bzip2", "libbz2-dev", ("static",)),
    "lzma-sys": SystemLibrary("liblzma", "liblzma-dev", ("static",)),
    "aws-lc-sys": SystemLibrary("libcrypto", "libssl-dev", asks=("system",)),
    "libgit2-sys": SystemLibrary("libgit2", "libgit2-dev", ("vendored",)),
    "libssh2-sys": SystemLibrary("libssh2", "libssh2-1-dev", ("vendored",)),
    "libdbus-sys": SystemLibrary("dbus-1", "libdbus-1-dev", ("vendored",)),
    "alsa-sys": SystemLibrary("alsa", "libasound2-dev"),
    "libudev-sys": SystemLibrary("libudev", "libudev-dev"),
}
"""By package what it takes."""

MACROS = frozenset(
    words(
        "actix-macros actix-web-codegen arg_enum_proc_macro askama_derive async-graphql-derive "
        "async-recursion async-stream-impl async-trait axum-macros bytemuck_derive clap_derive "
        "const-random-macro ctor curve25519-dalek-derive darling_macro derivative derive_builder_macro "
        "derive_more derive_more-impl diesel_derives displaydoc educe enum-as-inner enum_dispatch "
        "futures-macro include_dir_macros indoc monostate-impl multiversion_no_op num-derive num_enum_derive "
        "openssl-macros ouroboros_macro paste pear_codegen pest_derive phf_macros pin-project-internal "
        "poem-derive poem-openapi-derive proc-macro-error-attr prost-derive ref-cast-impl rocket_codegen "
        "rust-embed-impl rustversion schemars_derive sea-bae sea-orm-macros serde_derive serde_repr "
        "serde_with_macros smart-default snafu-derive sqlx-macros strum_macros thiserror-impl time-macros "
        "tokio-macros tracing-attributes typed-builder-macro typetag-impl utoipa-gen validator_derive "
        "wasm-bindgen-macro windows-implement windows-interface yoke-derive zerocopy-derive zerofrom-derive "
        "zeroize_derive zerovec-derive"
    )
)
"""Macros whose output follows from the code that they are given, and from files of the project alone."""

HELPERS = frozenset(
    words(
        "anyhow attribute-derive bitflags by_address convert_case darling darling_core darling_macro "
        "either fnv heck ident_case indexmap inflector Inflector itertools lazy_static litrs log "
        "logos-codegen manyhow once_cell proc-macro-crate proc-macro-error proc-macro-error2 proc-macro2 "
        "proc-macro2-diagnostics quote regex rustversion semver serde serde_derive serde_json strsim "
        "structmeta syn synstructure thiserror toml toml_edit unicode-ident unicode-segmentation "
        "unicode-xid "
    )
)
"""What a macro that no table names may use."""
