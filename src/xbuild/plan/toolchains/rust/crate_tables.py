"""Packages that are known by name: what of their build scripts is right all the same, what libraries of the
system they take, and macros that look at nothing but the code that they are given.

Each row rests on the source of the package, in the releases that were current in 2026: what is found in a
build script is still looked for in the very text that is built, and a row excuses findings of the kinds that
it names, no others.
"""

from __future__ import annotations

from collections.abc import Mapping

from xbuild.plan.table import words
from xbuild.text import value

EXCUSED: Mapping[str, frozenset[str]] = {
    name: frozenset(words(kinds))
    for name, kinds in {
        # Walks through the variables that links of another package set (`DEP_AWS_LC_…`).
        "aws-lc-rs": "environment argument links",
        # Asks for other systems: their release, their compiler.
        "libc": "starts",
        # The host is asked for Windows alone; what it links with is what it takes or brings (`LIBRARIES`).
        "libsqlite3-sys": "host links cfg unsafe standard",
        "libz-sys": "host links compiler files folder",
        "zstd-sys": "links",
        "lz4-sys": "links",
        "bzip2-sys": "links host folder",
        "lzma-sys": "links",
        "libgit2-sys": "links",
        "libssh2-sys": "links",
        "libmimalloc-sys": "links",
        # Its files ask for the target; without `vendored` it takes the library that pkg-config names.
        "openssl-sys": "environment files links host starts",
        # nasm and perl are started for other systems and from its repository alone.
        "ring": "compiler links starts",
        # Starts rustc, behind its wrapper if there is one, to try what it understands, for the target.
        "anyhow": "starts",
        "eyre": "starts",
        "proc-macro2": "starts",
        "rustix": "starts",
        "thiserror": "starts",
        # The release of rustc; the host is told to no one but itself.
        "rustversion": "files host starts",
        # A table of targets and a list of atomic widths, by the name of the target.
        "crossbeam-utils": "files",
        "portable-atomic": "files starts",
    }.items()
}
"""By package the kinds of findings that do not matter (`build_scripts.BuildScript.findings`)."""

TEXT_ALONE = frozenset(
    words("serde serde_core thiserror httparse typenum generic-array libz-sys zstd-sys ring")
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
    "libdbus-sys": SystemLibrary("dbus-1", "libdbus-1-dev", ("vendored",)),
    "alsa-sys": SystemLibrary("alsa", "libasound2-dev"),
    "libudev-sys": SystemLibrary("libudev", "libudev-dev"),
}
"""By package what it takes."""

MACROS = frozenset(
    words(
        "actix-macros actix-web-codegen anstyle-query arg_enum_proc_macro askama_derive async-attributes "
        "async-graphql-derive async-recursion async-stream-impl async-trait auto_impl axum-macros "
        "bitflags-derive borsh-derive bytecheck_derive bytemuck_derive clap_derive cached_proc_macro "
        "const-random-macro ctor curve25519-dalek-derive darling_macro data-encoding-macro-internal "
        "derivative derive-new derive_arbitrary derive_builder_core derive_builder_macro derive_more "
        "derive_more-impl derive_utils diesel_derives displaydoc document-features dynosaur educe "
        "ed25519-derive enum-as-inner enum-iterator-derive enum-map-derive enumflags2_derive "
        "enum_dispatch ethnum-macros failure_derive foreign-types-macros function_name futures-macro "
        "fastrace-macro getset gloo-worker-macros hyper-derive impl-tools include_dir_macros indoc "
        "inventory-impl jiff-static juniper_codegen leptos_macro linkme-impl lazy-regex-proc_macros "
        "macro_rules_attribute-proc_macro maplit2 match_cfg miette-derive mockall_derive monostate-impl "
        "multiversion_no_op musli-macros nanoid-macro nom-derive-impl num-derive num_enum_derive "
        "openssl-macros ouroboros_macro packed_struct_codegen paste pear_codegen phf_macros "
        "pin-project-internal poem-derive poem-openapi-derive prefix-parse proc-macro-error-attr "
        "proc-macro-error-attr2 proc-macro-hack procfs-core-derive prometheus-client-derive-encode "
        "prost-derive ptr_meta_derive pyo3-macros quick-error-derive ref-cast-impl rhai_codegen "
        "rkyv_derive rocket_codegen rstest_macros rust-embed-impl rustversion salvo_macros "
        "schemars_derive sea-bae sea-orm-macros sea-query-derive secrecy-derive serde_derive "
        "serde_derive_internals serde_repr serde_with_macros smart-default snafu-derive "
        "sqlx-macros-core-derive stability static_assertions_derive strum_macros supports-derive "
        "synstructure tabled_derive test-log-macros thiserror-impl time-macros tinystr-derive "
        "tokio-macros tonic-derive tosserror tracing-attributes tracing-test-macro typed-builder-macro "
        "typetag-impl uniffi_macros utoipa-gen uuid-macro-internal validator_derive valuable-derive "
        "vergen-macros-none wasm-bindgen-macro windows-implement windows-interface yoke-derive "
        "zerocopy-derive zerofrom-derive zeroize_derive zerovec-derive"
    )
)
"""Macros whose output follows from the code that they are given, and from files of the project alone."""

HELPERS = frozenset(
    words(
        "anyhow attribute-derive bitflags convert_case darling darling_core darling_macro either fnv heck "
        "ident_case indexmap inflector Inflector itertools lazy_static log manyhow once_cell "
        "proc-macro-crate proc-macro-error proc-macro-error2 proc-macro2 proc-macro2-diagnostics quote regex "
        "rustversion semver serde serde_derive serde_json strsim structmeta syn synstructure thiserror toml "
        "toml_edit unicode-ident unicode-segmentation unicode-xid"
    )
)
"""What a macro that no table names may use."""
