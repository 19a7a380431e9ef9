"""Programs that come with Go or are made for it, beside the go command itself.

Sources: the generators' own `--help`; mockgen compiles and runs a program of its own unless it is given
`-source` (mockgen, "reflect mode").
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from xbuild.plan.facts.filesystem import Kind
from xbuild.plan.programs.compilers import refuses
from xbuild.plan.programs.generators import generator
from xbuild.plan.programs.grammar import Reading, Style
from xbuild.plan.programs.program import Program, open_words, plain, word_kind, write
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call, Effect
from xbuild.plan.toolchains.go.plugins import plugins_of
from xbuild.text import expression

_TEXT = generator(
    "stringer mockgen mockery moq counterfeiter minimock enumer go-enum wire protoc-gen-go "
    "protoc-gen-go-grpc templ swag controller-gen deepcopy-gen client-gen lister-gen informer-gen "
    "conversion-gen defaulter-gen openapi-gen easyjson ffjson msgp oapi-codegen gqlgen jsonenums genny "
    "ifacemaker goyacc peg gen-crd-api-reference-docs go-swagger xo addlicense gofumpt goimports"
)
_EMBEDDING = generator("go-bindata statik packr packr2 rice esc", is_embedder=True)

GENERATORS = frozenset((*_TEXT.names.split(), "buf", "sqlc", *_EMBEDDING.names.split(), "protoc", "swagger"))
EMBEDDERS = frozenset(_EMBEDDING.names.split())
_COMPILING = frozenset(("mockgen", "easyjson", "ffjson", "buf"))


def runs_what_it_compiles(call: Call) -> bool:
    """Whether a generator compiles a program with go and runs it; mockgen does not for `-source`."""
    program = posixpath.basename(call.texts[0] or "")
    is_read_only = program == "mockgen" and any(
        t and t.lstrip("-").startswith("source") for t in call.texts[1:]
    )
    return program in _COMPILING and not is_read_only


def _fetches_modules(call: Call, _given: Reading) -> Effect | None:
    """The tools from before modules: sources into the vendor folder of the project."""
    return plain(call, word_kind(call), (write(call, ".", word_kind(call)),), (".",))


def _formats(call: Call, given: Reading) -> Effect | None:
    """`gofmt`: with `-w` and `-r` it changes sources, the same on every machine."""
    kind = word_kind(call)
    return plain(call, kind, (write(call, ".", kind),) if given.has("-w") else (), given.operands)


# What names a file that is written, or has sources changed.
_WRITING = expression(r"--?(o|w|out(?!-format=[\w,-]+$).*|.*(output|profile|trace|path|fix).*)(=.*)?")


def _lints(call: Call, _given: Reading) -> Effect | None:
    """What is found in sources depends on GOARCH."""
    opened = open_words(call)
    if opened or any(t is not None and _WRITING.fullmatch(t) for t in call.texts[1:]):
        return None
    return plain(call, Kind.BUILD)


_RUNNING_FLAGS = ("-toolexec", "-vettool", "-exec")
_ARCHIVE = expression(r"dl\.google\.com/go|go\.dev/dl|golang\.org/dl|/golang/|\bgo[-_]?[\d$][^\s/]*linux")


def _starts(call: Call) -> Iterator[str]:
    """What `-toolexec` and its kin have go run."""
    following = (*call.texts[1:], None)
    for at, text in enumerate(call.texts[1:], 1):
        flag, equals, value = (text or "").partition("=")
        if "-" + flag.lstrip("-") in _RUNNING_FLAGS:
            yield from ((value if equals else following[at]) or "").split()[:1]


def _plugins(call: Call) -> Iterator[str]:
    """buf and sqlc run the plugins that their own settings name."""
    found = {posixpath.basename(w.path) for w in call.writes if w.path is not None}
    yield from (n for n in sorted(found) if n.startswith("protoc-gen-"))
    yield from plugins_of(call, call.program_name or "")


def _is_brought(call: Call) -> bool:
    """Whether the go command comes with the base image or a package, and nothing else may bring one."""
    image = call.around.image
    has_go = image.name.rpartition("/")[2] == "golang" or not image.is_plain
    has_go = has_go or any(p.startswith("go") for p in call.packages)
    return has_go and not _names_archive(call.around.text)


@lru_cache(maxsize=64)
def _names_archive(text: str) -> bool:
    return _ARCHIVE.search(text) is not None


_CURE = "call go build in the Dockerfile"

PROGRAMS = (
    Program(
        "go xx-go",
        style=Style.NONE,
        is_extra=True,
        brought_by=_is_brought,
        starts=_starts,
        still=words("build install vet version env list test"),
    ),
    refuses(
        "mage ent kubebuilder",
        "runs a program of the project's own, and what that does cannot be told",
        _CURE,
    ),
    refuses("goreleaser", "decides by its own configuration what it builds", _CURE),
    _TEXT,
    replace(generator("buf sqlc"), starts=_plugins),
    _EMBEDDING,
    Program("gofmt", "-d -e -l -s -w -r=", does=_formats, style=Style.LONG),
    Program(
        "golangci-lint staticcheck gosec govulncheck golint revive misspell",
        style=Style.NONE,
        does=_lints,
        is_extra=True,
    ),
    Program("dep glide govendor godep", style=Style.NONE, does=_fetches_modules, is_extra=True),
)
