"""Programs that come with Go or are made for it, beside the go command itself.

Sources: the generators' own `--help`; mockgen compiles and runs a program of its own unless it is given
`-source` (mockgen, "reflect mode").
"""

from __future__ import annotations

import posixpath

from xbuild.plan.programs.generators import generator
from xbuild.plan.programs.grammar import Reading, Style
from xbuild.plan.programs.program import Prints, Program, plain, word_kind, write
from xbuild.plan.toolchain import Call, Effect

_TEXT = generator(
    "stringer mockgen mockery moq counterfeiter minimock enumer go-enum wire protoc-gen-go "
    "protoc-gen-go-grpc buf sqlc templ swag controller-gen deepcopy-gen client-gen lister-gen informer-gen "
    "conversion-gen defaulter-gen openapi-gen easyjson ffjson msgp oapi-codegen gqlgen jsonenums genny "
    "ifacemaker goyacc peg gen-crd-api-reference-docs go-swagger kubebuilder xo ent addlicense gofumpt "
    "goimports"
)
_EMBEDDING = generator("go-bindata statik packr packr2 rice esc", is_embedder=True)

GENERATORS = frozenset(
    (*_TEXT.names.split(), *_EMBEDDING.names.split(), "protoc", "thrift", "ragel", "swagger")
)
EMBEDDERS = frozenset(_EMBEDDING.names.split())
_COMPILING = frozenset(("mockgen", "easyjson", "ffjson", "ent", "kubebuilder", "buf"))


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


PROGRAMS = (
    _TEXT,
    _EMBEDDING,
    Program("gofmt", "-d -e -l -s -w -r=", does=_formats, style=Style.LONG),
    Program(
        "golangci-lint staticcheck gosec govulncheck golint revive misspell",
        style=Style.NONE,
        operands="text*",
        prints=Prints.WORDS,
        is_extra=True,
    ),
    Program("dep glide govendor godep", style=Style.NONE, does=_fetches_modules, is_extra=True),
)
