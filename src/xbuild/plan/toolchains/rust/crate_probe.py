"""What cargo and rustc are asked in the builder, natively, and what they say: the packages that are compiled
for each target, their build scripts, macros, files of settings.

`cargo metadata --filter-platform` fetches what is needed and names the files; `cargo tree` names the packages
of the build, with its features, for each target (The Cargo Book, "cargo metadata", "cargo tree"). The
metadata is JSON in one line whose fields are printed in a fixed order (cargo `core/package.rs`,
`SerializedPackage`; `core/manifest.rs`, `SerializedTarget`): the rows that matter are cut out of it. Where
they are not found the answer is not understood.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence

from xbuild.plan.model import Probe
from xbuild.plan.toolchains.rust.crate_tables import LIBRARIES, MACROS
from xbuild.text import expression, fresh, replace, value

MOST = 4_000_000
"""An answer of more characters than this is not read."""

_SCRIPT = r'"kind":\["custom-build"\],"crate_types":\["bin"\],"name":"[^"]*","src_path":"[^"]+"'
_ROWS = "|".join(
    (
        r'\{"name":"[^"]+","version":"[^"]+","id":"[^"]*"',
        _SCRIPT,
        r'"kind":\["proc-macro"\],"crate_types":\["proc-macro"\],"name":"[^"]*","src_path":"[^"]+"',
        r'"kind":\[("[a-z]+",)*"(bin|cdylib|staticlib)"(,"[a-z]+")*\],"crate_types":\[[a-z,"-]+\],"name":"[^"]*",'
        r'"src_path":"[^"]+","edition":"[0-9]+"(,"required-features":\[[^]]*\])?',
        r'"kind":\["(lib|rlib|dylib)"[^]]*\],"crate_types":\[[^]]*\],"name":"[^"]*"',
        r'"rename":"[^"]*"',
        r'"manifest_path":"[^"]*"',
        r'\{"id":"[^"]+","dependencies":\[[^]]*\]',
        r'"workspace_(default_)?members":\[[^]]*\]',
        r'"(target_directory|workspace_root)":"[^"]*"',
    )
)
# Words by which a macro could tell one machine from another, or read what is not of the project.
_TELLING = (
    r"(\b(consts::(ARCH|OS|FAMILY)|target_(arch|pointer_width|endian|feature|vendor|abi)|process::|Command::new"
    r"|env::vars?(_os)?(\(\"[A-Za-z_]*\")?|(option_)?env!(\(\"[A-Za-z_]*\")?|uname|hostname|libc::|asm!"
    r"|extern \"|size_of|(u|i)size::(MAX|MIN|BITS)|to_ne_bytes|from_ne_bytes|net::|available_parallelism)"
    r"|\"/(proc|sys|etc|dev|usr|lib|bin|opt)/[^\"]*)"
)
_INDENT = "s/^/| /"
_MODULE = r"s/^[[:space:]]*\(pub\(([a-z]*)\)* \)*mod \([a-z_0-9]*\);.*/\3/p"
_SECRET = 's/\\(token\\|secret[a-z-]*\\) *=.*/\\1 = "***"/'


def crates_probe(directory: str, selected: Sequence[str], triples: Sequence[str]) -> Probe:
    """`selected` are the options that tell packages and features, and the manifest. Where features are named
    the metadata are those of all features: cargo tells of no package beside them.
    """
    has_features = not {"--features", "--all-features"}.isdisjoint(selected)
    manifest = " ".join(
        (*map(shlex.quote, _manifest(selected)), *(["--all-features"] if has_features else []))
    )
    given = " ".join(map(shlex.quote, selected))
    filters = " ".join(f"--filter-platform {triple}" for triple in triples)
    script = "; ".join(
        (
            *_toolchain(directory),
            _libraries(),
            f"if ! cargo metadata --format-version 1 --locked {manifest} {filters} --filter-platform $h "
            "> $e/m 2> $e/e; then echo 'failed'; grep -E -A 2 '^error|not find|needs to be' $e/e | head -n 5"
            " | sed -e 's#://[^ ]*#://***#g' -e 's/^/| /'; exit 0; fi",
            f'for t in {" ".join(triples)} $h; do echo "tree $t"; cargo tree --locked --offline '
            "-e normal,build "
            f"--prefix none -f '{{p}}|{{f}}' --target $t {given} > $e/r 2>/dev/null || echo '| failed'; "
            "sed -e 's/ ([*])//' $e/r | sort -u | tee -a $e/t; done",
            _count(),
            _packages(),
            "echo end",
        )
    )
    return Probe(script.replace("do;", "do").replace("then;", "then"), has_mounts=False)


def toolchain_probe(directory: str) -> Probe:
    """The same without the packages."""
    return Probe("; ".join((*_toolchain(directory), "echo end")), has_mounts=False)


def _toolchain(directory: str) -> tuple[str, ...]:
    """Commands that print the compiler, its toolchain, where a standard library is from, and settings."""
    return (
        f"cd {shlex.quote(directory)} || exit 1",
        "e=$(mktemp -d)",
        "h=$(rustc -vV | sed -n 's/^host: //p')",
        'echo "rustc $h $(rustc --version)"',
        'echo "toolchain $(rustup show active-toolchain 2>/dev/null | head -n 1)"',
        "echo \"std $(dpkg-query -W -f '${Package} ' 'libstd-rust*-dev' 2>/dev/null)\"",
        _files(),
    )


def _manifest(selected: Sequence[str]) -> Iterator[str]:
    following = (*selected[1:], "")
    for at, text in enumerate(selected):
        if text == "--manifest-path":
            yield from (text, following[at])


def _files() -> str:
    """Files of settings from where cargo runs up to the root, and cargo's own (The Cargo Book,
    "Configuration"; The rustup Book, "Overrides").
    """
    names = ".cargo/config.toml .cargo/config rust-toolchain.toml rust-toolchain"
    shown = f"{{ echo \"file $f\"; sed -e '{_SECRET}' -e '{_INDENT}' \"$f\"; echo; }}"
    own = f'for f in "$c/config.toml" "$c/config"; do [ ! -f "$f" ] || {shown}; done'
    upwards = (
        f'd=$PWD; while :; do for n in {names}; do f="${{d%/}}/$n"; [ ! -f "$f" ] || {shown}; done; '
        '[ "$d" != / ] || break; d=${d%/*}; d=${d:-/}; done'
    )
    return f'c="${{CARGO_HOME:-$HOME/.cargo}}"; {own}; {upwards}'


def _libraries() -> str:
    names = " ".join(dict.fromkeys(row.name for row in LIBRARIES.values()))
    told = 'f=$(pkg-config --variable=pcfiledir "$l" 2>/dev/null) && echo "library $l $f"'
    return f"for l in {names}; do {told}; done"


def _count() -> str:
    """How many build scripts the metadata have, and how many of them have a row."""
    counts = ("$(grep -oF '\"custom-build\"' $e/m | wc -l)", f"$(grep -oE '{_SCRIPT}' $e/m | wc -l)")
    return f'echo "scripts {counts[0]} {counts[1]}"'


def _packages() -> str:
    """The rows of the metadata for packages of the build, with the text of each build script, and what each
    macro names that no table knows.
    """
    known = "|".join(sorted(MACROS))
    name = (
        'n=${l#*:\\"}; v=${n#*version\\":\\"}; n=${n%%\\"*}; v=${v%%\\"*}; u=; '
        'if grep -qF -- "$n v$v" $e/t; then u=1; echo "package $n $v"; '
        'i=${l##*\\":\\"}; i=${i%%\\"*}; echo "id $i"; fi'
    )
    path = 'f=${l##*src_path\\":\\"}; f=${f%%\\"*}'
    script = 'echo script; scan "$f"; echo'
    # A line of a comment is left out where it can end neither a longer one nor a text.
    text = f"sed -e 's/^[[:space:]]*//' -e '/^\\/\\/[^*\"]*$/d' -e '/^$/d' -e '{_INDENT}' \"$1\""
    # A module in a file of its own (The Rust Reference, "Module source filenames").
    scan = (
        f"scan() {{ {text}; for k in $(sed -n '{_MODULE}' \"$1\"); do "
        'for g in "${1%/*}/$k.rs" "${1%/*}/$k/mod.rs" "${1%.rs}/$k.rs"; do '
        'if [ -f "$g" ]; then echo; echo "module $k"; scan "$g"; fi; done; done; }; '
    )
    macro = (
        f'echo macro; case "$n" in {known}) ;; *) '
        f"grep -rhoE '{_TELLING}' \"${{f%/*}}\" | sort -u | sed -e '{_INDENT}'; "
        'for k in $(cargo tree --locked --offline -p "$n@$v" -e normal --prefix none --depth 1 '
        "-f '{p}' 2>/dev/null | sed -e '1d' -e 's/ .*//' | sort -u); do echo \"uses $k\"; done;; esac"
    )
    return (
        f"{scan}grep -oE '{_ROWS}' $e/m | while IFS= read -r l; do case \"$l\" in "
        '*\'"dependencies":[\'*) echo "$l";; '
        f"*'\"id\":'*) {name};; "
        f'*custom-build*) {path}; if [ -n "$u" ]; then {script}; fi;; '
        f'*\'"proc-macro"\'*) {path}; if [ -n "$u" ]; then {macro}; fi;; '
        '*manifest_path*/registry/src/*) if [ -n "$u" ]; then echo \'"manifest_path":""\'; fi;; '
        '*manifest_path*) if [ -n "$u" ]; then echo "$l"; fi;; '
        f'*members*|*target_directory*|*workspace_root*) echo "$l";; '
        '*) if [ -n "$u" ]; then echo "$l"; fi;; esac; done'
        # Where the registry is does not matter.
        " | sed -e '/^|/!s/\\(registry\\|sparse\\)+[^\"#]*#/#/g'"
    )


# -- the answer


@value()
class BuiltPackage:
    """A package of the build. `source` is "" for one of the registry that is cargo's default, else what tells
    it (a folder, an address). `script` is the text of its build script, or None, with that of `modules` in
    files of their own. `macro` are words that its macro names, None where it has no macro; `helpers` what the
    macro uses. `programs` and `libraries` (for C) are names of files that it makes; `id` is cargo's own name
    of it. `called` are names by which others use it that are not its own; `renamed` those by which it uses
    others.
    """

    name: str
    version: str
    source: str = ""
    id: str = ""
    features: frozenset[str] = frozenset()
    folder: str = ""
    script: str | None = None
    modules: tuple[str, ...] = ()
    macro: tuple[str, ...] | None = None
    helpers: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    called: tuple[str, ...] = ()
    renamed: tuple[str, ...] = ()

    @property
    def is_own(self) -> bool:
        return self.source.startswith("/")


@value()
class Crates:
    """What the builder says. `failed` is why cargo could not tell, else None. `files` are settings by path;
    `system` the libraries that pkg-config knows, with the folder of their files; `default` the folders of
    the packages that are built where none is named; `edges` are what packages depend on, by their ids.
    """

    host: str = ""
    release: str = ""
    toolchain: str = ""
    std: tuple[str, ...] = ()
    files: Mapping[str, str] = fresh(dict)
    system: Mapping[str, str] = fresh(dict)
    failed: str | None = None
    packages: tuple[BuiltPackage, ...] = ()
    default: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    target_folder: str = ""
    root: str = ""
    edges: Mapping[str, tuple[str, ...]] = fresh(dict)


def needed_for(crates: Crates, programs: Iterable[str]) -> Crates:
    """The same with no more packages than these programs can need: of a workspace cargo tree names those of
    all its packages. The same where it cannot be told.
    """
    roots = [[p.id for p in crates.packages if p.is_own and name in p.programs] for name in programs]
    if not crates.edges or not roots or any(len(ids) != 1 or ids[0] not in crates.edges for ids in roots):
        return crates
    pending = [ids[0] for ids in roots]
    for one in pending:
        pending += (other for other in crates.edges.get(one, ()) if other not in pending)
    found = set(pending)
    return replace(crates, packages=tuple(p for p in crates.packages if p.id in found))


class NotToldByCargoError(Exception):
    """The answer cannot be read."""


_HEAD = expression(r"\{\"name\":\"([^\"]+)\",\"version\":\"([^\"]+)\"")
_TREE = expression(r"(?P<name>\S+) v(?P<version>[^\s|]+)(?P<macro> \(proc-macro\))?(?: \((?P<source>.*)\))?")
_TARGET = expression(
    r'"kind":\[(?P<kinds>[^\]]*)\],"crate_types":\[[^\]]*\],"name":"(?P<name>[^"]*)","src_path":"[^"]+",'
    r'"edition":"\d+"(?P<required>,"required-features":\[[^\]]*\])?'
)
_LIBRARY = expression(
    r'"kind":\["(?:lib|rlib|dylib)"[^\]]*\],"crate_types":\[[^\]]*\],"name":"(?P<name>[^"]*)"'
)
_STRING = expression(r'"([^"]*)"')


def read_crates(answer: str) -> Crates:
    """Raises NotToldByCargoError."""
    if len(answer) > MOST:
        raise NotToldByCargoError(f"its answer has more than {MOST:,} characters")
    reader = _AnswerReader(answer.splitlines())
    if reader.rest.get("failed") is None and not reader.is_whole:
        raise NotToldByCargoError("its answer is not whole")
    return reader.crates()


class _AnswerReader:
    def __init__(self, lines: Iterable[str]) -> None:
        self.rest: dict[str, str] = {}
        self.system: dict[str, str] = {}
        self.texts: dict[tuple[str, str], list[str]] = {}
        self.used: dict[tuple[str, str], tuple[str, set[str]]] = {}
        self.found: dict[tuple[str, str], dict[str, list[str]]] = {}
        self.lists: dict[str, tuple[str, ...]] = {}
        self.edges: dict[str, tuple[str, ...]] = {}
        self.macros: set[tuple[str, str]] = set()
        self.is_whole = False
        self.own: dict[str, list[str]] = {}
        at: list[str] = []
        for line in lines:
            if line.startswith("|"):
                at.append(line[2:])
            else:
                at = self.read(line)

    def read(self, line: str) -> list[str]:
        """One row; the list to which what is quoted behind it goes."""
        word, _, rest = line.partition(" ")
        if word in ("rustc", "toolchain", "std"):
            self.rest[word] = rest
        elif word in ("failed", "file", "tree"):
            self.rest.setdefault(word, "")
            return self.texts.setdefault((word, rest), [])
        elif word == "library":
            name, _, folder = rest.partition(" ")
            self.system[name] = folder
        elif word == "package":
            name, _, version = rest.partition(" ")
            self.own = self.found.setdefault((name, version), {})
        elif word == "scripts":
            self.rest["scripts"] = rest
            # All build scripts of the metadata have a row, whatever cargo writes between its fields.
            if len(set(rest.split())) != 1:
                raise NotToldByCargoError("which packages have build scripts cannot be told")
        elif word == "end":
            self.is_whole = True
        elif word in ("id", "uses", "script", "macro", "module"):
            return self.of_package(word, rest)
        elif line.startswith(('"', "{")):
            self.metadata(line)
        elif match := _TREE.match(line):
            self.use(match, line)
        elif line:
            raise NotToldByCargoError(f"`{line[:60]}` is not understood")
        return []

    def of_package(self, word: str, rest: str) -> list[str]:
        """A row about the package that was named last."""
        if word in ("script", "macro"):
            return self.own.setdefault(word, [])
        self.own.setdefault(word, []).append(rest)
        return self.own.setdefault("script", []) if word == "module" else []

    def metadata(self, line: str) -> None:
        """A row that was cut out of cargo's metadata."""
        name, *rest = _STRING.findall(line)
        if name == "manifest_path":
            self.own.setdefault("folder", []).append(posixpath.dirname(rest[0]))
        elif name == "rename":
            self.own.setdefault("rename", []).append(rest[0])
        elif name == "id":
            self.edges[rest[0]] = tuple(rest[2:])
        elif name == "kind":
            self.target(self.own, line)
        else:
            self.lists[name] = tuple(rest)

    def use(self, match: re.Match[str], line: str) -> None:
        source = "" if match["source"] in (None, "*") else match["source"]
        if match["macro"]:
            self.macros.add((match["name"], match["version"]))
        features = line.rpartition("|")[2]
        _, known = self.used.setdefault((match["name"], match["version"]), (source.split("|")[0], set()))
        known.update(f for f in features.split(",") if f)

    @staticmethod
    def target(own: dict[str, list[str]], line: str) -> None:
        library = _LIBRARY.match(line)
        if library is not None:
            own.setdefault("called", []).append(library["name"])
        match = _TARGET.match(line)
        if match is None and library is not None:
            return
        if match is None:
            raise NotToldByCargoError(f"`{line[:60]}` is not understood")
        kinds = _STRING.findall(match["kinds"])
        if "bin" in kinds and match["required"] is None:
            own.setdefault("bin", []).append(match["name"])
        stem = match["name"].replace("-", "_")
        if "cdylib" in kinds:
            own.setdefault("lib", []).append(f"lib{stem}.so")
        if "staticlib" in kinds:
            own.setdefault("lib", []).append(f"lib{stem}.a")

    def crates(self) -> Crates:
        host, _, release = self.rest.get("rustc", "").partition(" ")
        told = self.texts.get(("failed", ""))
        return Crates(
            host,
            release,
            self.rest.get("toolchain", ""),
            tuple(self.rest.get("std", "").split()),
            {name: "\n".join(text) for (kind, name), text in self.texts.items() if kind == "file"},
            self.system,
            (" ".join(" ".join(told).split()) or "cargo failed") if told is not None else None,
            tuple(self.packages()),
            tuple(map(_folder_of, self.lists.get("workspace_default_members", ()))),
            tuple(map(_folder_of, self.lists.get("workspace_members", ()))),
            next(iter(self.lists.get("target_directory", ())), ""),
            next(iter(self.lists.get("workspace_root", ())), ""),
            self.edges,
        )

    def packages(self) -> Iterator[BuiltPackage]:
        if self.used and "scripts" not in self.rest:
            raise NotToldByCargoError("which packages have build scripts cannot be told")
        for (_, name), text in ((key, t) for key, t in self.texts.items() if key[0] == "tree"):
            if "failed" in text:
                raise NotToldByCargoError(f"cargo does not tell what is built for {name}")
        for (name, version), (source, features) in self.used.items():
            own = self.found.get((name, version))
            if own is None or "folder" not in own:
                raise NotToldByCargoError(f"where {name} {version} is cannot be told")
            script, macro = own.get("script"), own.get("macro")
            if (macro is None) == ((name, version) in self.macros):
                raise NotToldByCargoError(f"whether {name} {version} is a macro cannot be told")
            yield BuiltPackage(
                name,
                version,
                source,
                own.get("id", [""])[0],
                frozenset(features),
                own["folder"][0],
                "\n".join(script) if script is not None else None,
                tuple(own.get("module", ())),
                tuple(macro) if macro is not None else None,
                tuple(own.get("uses", ())),
                tuple(own.get("bin", ())),
                tuple(own.get("lib", ())),
                tuple(own.get("called", ())),
                tuple(own.get("rename", ())),
            )


def _folder_of(identity: str) -> str:
    """The folder in the id of a package of the workspace, in each of its forms."""
    found = re.search(r"path\+file://([^#)]*)", identity)
    return found[1] if found is not None else ""
