"""What the graph says without knowing the platform holds on every platform."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase

from hypothesis import assume, given
from hypothesis import strategies as st

from xbuild.dockerfile.parser import parse
from xbuild.errors import DockerfileError
from xbuild.graph.build import build_graph
from xbuild.graph.model import ImageFacts, Options, StageGraph
from xbuild.graph.platform import platform_values, runs_on
from xbuild.graph.reach import reachable
from xbuild.graph.scope import Scope
from xbuild.platforms import Platform
from xbuild.text import Source

NAMES = ("X", "Y", "TARGETARCH", "TARGETVARIANT", "TARGETPLATFORM", "BUILDPLATFORM", "BUILDARCH")
name = st.sampled_from(NAMES)
word = st.one_of(
    st.sampled_from(["a", "", "/b", "linux/amd64"]),
    st.builds("${}".format, name),
    st.builds(
        "${{{}{}{}}}".format, name, st.sampled_from([":-", "-", ":+", "+", "#", "%%"]), st.sampled_from("am*")
    ),
    st.builds("p-${{{}:-${}}}".format, name, name),
    st.builds("${{{}/a/${}}}".format, name, name),
)
arg = st.one_of(st.builds("ARG {}".format, name), st.builds("ARG {}={}".format, name, word))
instruction = st.one_of(
    arg,
    st.builds("ENV {}={}".format, name, word.filter(bool)),
    st.builds("WORKDIR {}".format, word.filter(bool)),
    st.builds("COPY --from={} {} x/".format, st.sampled_from(["s0", "0", "nginx"]), word.filter(bool)),
)
base = st.sampled_from(["golang", "scratch", "s0", "s-$TARGETARCH", "${X:-s0}", "s${TARGETVARIANT:+0}"])
pin = st.one_of(st.just(""), st.builds("--platform={} ".format, word.filter(bool)))
stage = st.tuples(pin, base, st.lists(instruction, max_size=4))
PAIRS = [
    (Platform.parse(f"linux/{build}"), Platform.parse(f"linux/{target}"))
    for build, target in (("amd64", "arm64"), ("arm64", "arm/v7"), ("amd64", "amd64"), ("arm64", "amd64/v3"))
]


@st.composite
def dockerfiles(draw: st.DrawFn) -> str:
    lines = draw(st.lists(arg, max_size=2))
    lines += [
        "FROM --platform=$BUILDPLATFORM a AS s0",
        *draw(st.lists(instruction.filter(_is_early), max_size=3)),
    ]
    for index, (platform, image, body) in enumerate(draw(st.lists(stage, min_size=1, max_size=3))):
        alias = draw(st.sampled_from(["s-amd64", "s-arm64", f"t{index}"]))
        lines += [f"FROM {platform}{image} AS {alias}", *body]
    return "\n".join(lines) + "\n"


def _is_early(line: str) -> bool:
    return "--from" not in line


def _end(graph: StageGraph, index: int) -> Scope:
    return Scope(graph, index, len(graph.stages[index].instructions))


def _covers(path: str | None, other: str | None) -> bool:
    """Whether a path that is known, perhaps in part, fits the one that it is for a platform."""
    return path is None or path == other or (other is not None and "*" in path and fnmatchcase(other, path))


@given(dockerfiles(), st.sampled_from(PAIRS), st.booleans())
def test_what_is_known_holds_on_every_platform(
    text: str, pair: tuple[Platform, Platform], has_facts: bool
) -> None:
    tree = parse(Source("Dockerfile", text))
    facts = ImageFacts(env={"Y": "image"})
    options = Options(platform_values=platform_values(*pair), image_facts=lambda _: facts)
    try:
        actual = build_graph(tree, options)
    except DockerfileError:
        assume(False)
    open_options = replace(options, platform_values={}, image_facts=(lambda _: facts) if has_facts else None)
    known = build_graph(tree, open_options)
    sides = {"build": str(pair[0]), "target": str(pair[1])}
    assert reachable(actual) <= reachable(known)
    for index in range(len(known.stages)):
        here, there = runs_on(known, index), runs_on(actual, index)
        if here is not None and there is not None:
            assert sides.get(here, here) == sides.get(there, there)
        for variable in NAMES:
            value, expected = _end(known, index).lookup(variable), _end(actual, index).lookup(variable)
            if value is None or value.is_unset:
                assert expected is None or expected.text is None
            elif value.text is not None:
                assert expected is not None
                assert value.text == expected.text
        assert _end(known, index).workdir() in (None, _end(actual, index).workdir())
    edges = {(e.consumer, e.instruction, e.kind): e for e in actual.edges}
    for edge in known.edges:
        found = edges[edge.consumer, edge.instruction, edge.kind]
        assert all(_covers(path, other) for path, other in zip(edge.paths, found.paths, strict=True))
        assert edge.destination in (None, found.destination)
