"""Scopes, platforms and edges against BuildKit's own conversion of a Dockerfile.

Its Go module does that without an engine; needs Go.
"""

from __future__ import annotations

import json
import posixpath
import random
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from xbuild.dockerfile.model import Copy, Instruction, Run
from xbuild.dockerfile.parser import parse
from xbuild.errors import DockerfileError
from xbuild.graph.build import build_graph
from xbuild.graph.model import Edge, ImageBase, ImageFacts, Options, StageGraph
from xbuild.graph.platform import platform_values, runs_on, source_platform
from xbuild.graph.reach import reachable, takes
from xbuild.graph.scope import Scope
from xbuild.platforms import Platform
from xbuild.text import Source

HERE = Path(__file__).parent
FACTS = ImageFacts(workdir="/go", user="u", env={"PATH": "/p", "GOPATH": "/go", "X": "img"})
NAMES = (
    "X",
    "Y",
    "Z",
    "TARGETARCH",
    "TARGETVARIANT",
    "TARGETPLATFORM",
    "BUILDPLATFORM",
    "BUILDARCH",
    "GOPATH",
    "PATH",
)
Ask = Callable[[str, Options, Platform, Platform], dict[str, Any]]

CASES = {
    "pin-on-derived-stage": "FROM a AS b\nFROM --platform=$BUILDPLATFORM b\nRUN x\n",
    "pin-on-scratch": "FROM --platform=$BUILDPLATFORM scratch\nRUN x\n",
    "pin-down-the-chain": "FROM --platform=$BUILDPLATFORM a AS b\nFROM b AS c\nRUN y\nFROM c\nRUN x\n",
    "default-on-build-platform": "ARG BUILDPLATFORM=linux/386\nFROM --platform=$BUILDPLATFORM a\nRUN x\n",
    "default-on-platform-arg": "FROM a\nARG TARGETARCH=amd64\nRUN x\n",
    "global-default-on-platform-arg": "ARG TARGETARCH=amd64\nFROM a\nARG TARGETARCH\nRUN x\n",
    "global-platform-arg-without-default": "ARG TARGETARCH\nFROM a\nARG TARGETARCH\nRUN x\n",
    "platform-arg-not-declared": "FROM a\nRUN x\nENV Y=$TARGETARCH\nRUN x\n",
    "arg-after-env": "FROM a\nENV Y=1\nARG Y=2\nRUN x\n",
    "env-after-arg": "FROM a\nARG Y=2\nENV Y=1\nRUN x\n",
    "bare-arg-after-env": "FROM a\nENV Y=1\nARG Y\nRUN x\n",
    "arg-inherited-along-from": "FROM a AS b\nARG Y=2\nFROM b\nRUN x\n",
    "arg-over-image-env-not-inherited": "FROM a AS b\nARG X=2\nRUN y\nFROM b\nRUN x\n",
    "copy-from-image-in-pinned-stage": "FROM --platform=$BUILDPLATFORM a\nCOPY --from=nginx /x y/\nRUN x\n",
    "copy-from-later-stage": "FROM a AS b\nCOPY --from=c /x /x\nFROM a AS c\nCOPY --from=b /x /x\n",
    "copy-from-later-stage-not-needed": "FROM a AS b\nCOPY --from=c /x /x\nFROM a AS c\nRUN x\n",
    "copy-from-itself": "FROM a AS b\nCOPY --from=b /x /x\n",
    "copy-from-unknown-number": "FROM a\nCOPY --from=5 /x /x\n",
    "copy-from-variable": "ARG S=b\nFROM a AS b\nFROM a\nCOPY --from=$S /x /x\n",
    "copy-from-other-case": "FROM a AS b\nFROM a\nCOPY --from=B /x /x\n",
    "from-other-case": "FROM a AS b\nFROM B\nRUN x\n",
    "name-given-twice": "FROM a AS b\nFROM --platform=$BUILDPLATFORM a AS b\nFROM b\nCOPY --from=b /x /x\n",
    "onbuild": "FROM a AS b\nONBUILD ENV Y=1\nONBUILD WORKDIR /w\nFROM b AS c\nRUN x\nFROM c\nRUN x\n",
    "onbuild-copy": "FROM a AS t\nFROM a AS b\nONBUILD COPY --from=t /x /x\nFROM b\nRUN x\n",
    "mounts": "FROM a AS b\nFROM a\nENV Y=/m\nRUN --mount=from=b,src=/o,dst=$Y --mount=from=n,target=r x\n",
    "mount-from-number": "FROM a AS b\nFROM a\nRUN --mount=from=0,target=/x x\n",
    "blank-base": "FROM $NONE\n",
    "no-from": "ARG A=1\n",
    "instruction-before-from": "RUN x\nFROM a\n",
    "base-by-platform": "FROM a AS s-arm\nFROM a AS s-amd64\nENV Y=1\nFROM s-$TARGETARCH\nRUN x\n",
}


@pytest.fixture(scope="session")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """A running converter, built from BuildKit's module."""
    if shutil.which("go") is None:
        pytest.skip("Go is not installed")
    program = tmp_path_factory.mktemp("convert") / "convert"
    built = subprocess.run(
        ["go", "build", "-o", program, "."], cwd=HERE / "buildkit_convert", capture_output=True, text=True
    )
    if built.returncode:
        pytest.skip(f"BuildKit's module cannot be built: {built.stderr[-300:]}")
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def ask(text: str, options: Options, build: Platform, target: Platform) -> dict[str, Any]:
            assert process.stdin is not None
            assert process.stdout is not None
            request = {
                "Dockerfile": text,
                "BuildArgs": dict(options.build_args),
                "Target": options.target or "",
                "Platform": str(target),
                "Build": str(build),
                "Env": [f"{name}={value}" for name, value in FACTS.env.items()],
                "Workdir": FACTS.workdir,
                "User": FACTS.user,
            }
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            answer: dict[str, Any] = json.loads(process.stdout.readline())
            return answer

        yield ask


def compare(ask: Ask, text: str, options: Options, build: str, target: str) -> str:
    """`same`, `refused` by both or `open`: refused by BuildKit for want of a value. Or AssertionError."""
    pair = Platform.parse(build), Platform.parse(target)
    answer = ask(text, options, *pair)
    full = Options(
        options.build_args,
        target=options.target,
        image_facts=lambda _: FACTS,
        platform_values=platform_values(*pair),
    )
    try:
        graph = build_graph(parse(Source("Dockerfile", text)), full)
    except DockerfileError as error:
        if not answer["Error"]:
            raise AssertionError(f"only refused here: {error}") from error
        return "refused"
    if answer["Error"]:
        assert _is_open(graph, answer["Error"]), f"only refused by BuildKit: {answer['Error']}"
        return "open"
    steps: dict[tuple[int, str], list[dict[str, Any]]] = defaultdict(list)
    for step in answer["Steps"] or []:
        steps[step["Line"], step["Kind"]].append(step)
    for index in sorted(reachable(graph)):
        for position, instruction in enumerate(graph.stages[index].instructions):
            _compare_step(graph, index, position, instruction, steps, pair)
    return "same"


def _is_open(graph: StageGraph, message: str) -> bool:
    """An ARG that has no value yet: BuildKit refuses, the graph leaves it open."""
    if any(isinstance(stage.base, ImageBase) and stage.base.reference is None for stage in graph.stages):
        return True
    return "platform" in message or "is not allowed to be" in message


def _compare_step(
    graph: StageGraph,
    index: int,
    position: int,
    instruction: Instruction,
    steps: dict[tuple[int, str], list[dict[str, Any]]],
    pair: tuple[Platform, Platform],
) -> None:
    edges = [edge for edge in takes(graph, index, position) if not edge.is_onbuild]
    found = steps.get((instruction.first_line, "run" if isinstance(instruction, Run) else "copy"), [])
    if isinstance(instruction, Run) and found:
        (step,) = found
        scope = Scope(graph, index, position)
        assert dict(entry.split("=", 1) for entry in step["Env"]) == {
            name: value.text for name, value in scope.environment().items()
        }
        assert _clean(step["Cwd"]) == scope.workdir()
        assert step["User"] == (scope.user() or "")
        assert tuple(step["Args"][:-1]) == scope.shell()
        platform = _resolve(runs_on(graph, index), pair)
        assert platform is None or Platform.parse(step["Platform"]) == platform
    if isinstance(instruction, Copy) and instruction.from_ and found:
        assert any(_transfers(step) == _paths(edges) for step in found)
    elif isinstance(instruction, Run) and found:
        assert sorted(_transfers(found[0])) == sorted(_paths(edges))
    for edge in edges:
        for step in found:
            images = {Platform.parse(t["Image"]) for t in step["Transfers"] or [] if t["Image"]}
            if isinstance(edge.source, ImageBase):
                assert images == {_resolve(source_platform(graph, edge), pair)}


def _resolve(platform: str | None, pair: tuple[Platform, Platform]) -> Platform | None:
    if platform in ("build", "target"):
        return pair[platform == "target"]
    return Platform.parse(platform) if platform is not None else None


def _clean(path: str) -> str:
    return "/" + posixpath.normpath("/" + path).lstrip("/")


def _transfers(step: dict[str, Any]) -> list[tuple[str, str]]:
    return [(_clean(t["Path"]), _clean(t["Here"])) for t in step["Transfers"] or []]


def _paths(edges: list[Edge]) -> list[tuple[str, str]]:
    return [(path or "?", _clean(edge.destination or "?")) for edge in edges for path in edge.paths]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    ("build", "target"), [("linux/amd64", "linux/arm/v7"), ("linux/arm64", "linux/amd64")]
)
@pytest.mark.parametrize(
    "build_args", [{}, {"Y": "given"}, {"TARGETARCH": "s390x"}], ids=["", "Y", "TARGETARCH"]
)
def test_same_as_buildkit(ask: Ask, case: str, build: str, target: str, build_args: dict[str, str]) -> None:
    compare(ask, CASES[case], Options(build_args), build, target)


@pytest.mark.parametrize(("target", "outcome"), [("0", "refused"), ("1", "refused"), ("b", "same")])
def test_a_target_is_no_number(ask: Ask, target: str, outcome: str) -> None:
    text = "FROM a AS b\nFROM a AS c\n"
    assert compare(ask, text, Options(target=target), "linux/amd64", "linux/arm64") == outcome


def test_generated_dockerfiles(ask: Ask) -> None:
    """A thousand files of every instruction that matters here, with a fixed seed."""
    generator = _Generator(random.Random(20260821))
    outcomes: dict[str, int] = defaultdict(int)
    for _ in range(1000):
        text, options, build, target = generator.dockerfile()
        try:
            outcomes[compare(ask, text, options, build, target)] += 1
        except AssertionError as error:
            pytest.fail(f"{error}\n{options}\n{build} -> {target}\n{text}")
    assert outcomes["same"] > 500


class _Generator:
    def __init__(self, source: random.Random) -> None:
        self.random = source

    def pick(self, *choices: str) -> str:
        return self.random.choice(choices)

    def name(self) -> str:
        return self.random.choice(NAMES)

    def word(self) -> str:
        name, other = self.name(), self.name()
        return self.pick(
            *(
                f"${name}",
                f"${{{name}}}",
                f"${{{name}:-d}}",
                f"${{{name}-e}}",
                f"${{{name}:+p}}",
                f"${{{name}+${other}}}",
            ),
            *(
                f"'${name}'",
                f'"q${name}"',
                f"\\${name}",
                f"${{{name}#a}}",
                f"${{{name}%%6*}}",
                f"${{{name}/a/b}}",
            ),
            *(
                f"${{{name}//r/${other}}}",
                f"/abs/${name}",
                f"x-${{{name}:-${other}}}",
                "a",
                "k",
                "/",
                ".",
                "l/m",
            ),
        )

    def instruction(self, stages: list[str]) -> str:
        source = self.pick("alpine", "busybox", *stages)
        if self.random.random() < 0.02:
            source = self.pick("s0", "s1", "0", "1", "9", "S0", "No", "$X")
        return self.pick(
            *(
                f"ARG {self.name()}",
                f"ARG {self.name()}={self.word()}",
                f"ARG {self.name()}={self.word()} {self.name()}",
            ),
            *(
                f"ENV {self.name()}={self.word()} {self.name()}={self.word()}",
                f"ENV {self.name()} {self.word()} tail",
            ),
            *(f"WORKDIR {self.word()}", f"USER {self.word()}", 'SHELL ["/bin/bash", "-ec"]'),
            *(f"RUN echo {self.random.random()}", f"COPY --from={source} {self.word()} {self.word()}"),
            f"RUN --mount=from={source},source=/etc,target={self.pick('/m', 'r', '/m/$Y')} {self.name()}",
        )

    def dockerfile(self) -> tuple[str, Options, str, str]:
        lines = [
            f"ARG {self.name()}{self.pick('', '=' + self.word())}" for _ in range(self.random.randint(0, 2))
        ]
        stages: list[str] = []
        for index in range(self.random.randint(1, 4)):
            image = self.pick(
                "golang:1", "debian", "scratch", "golang:${X:-1}", "s${TARGETVARIANT:+0}", *stages, *stages
            )
            pin = self.pick(
                "", "", "$BUILDPLATFORM", "${BUILDPLATFORM}", "$TARGETPLATFORM", "linux/$TARGETARCH"
            )
            stage = f"s{index}" if self.random.random() < 0.9 else "s0"
            lines.append(f"FROM {f'--platform={pin} ' if pin else ''}{image} AS {stage}")
            for _ in range(self.random.randint(1, 8)):
                line = self.instruction(stages)
                is_onbuild = self.random.random() < 0.07
                lines.append(f"ONBUILD {line}" if is_onbuild else line)
            lines.append(f"RUN end {index}")
            stages.append(stage)
        args = {
            self.name(): self.pick("ba", "linux/arm64", "") for _ in range(self.random.choice((0, 0, 1, 2)))
        }
        target = self.random.choice((None, None, None, "s0", "S0"))
        platform = self.pick("linux/arm64", "linux/arm/v7", "linux/amd64")
        options = Options(args, target=target)
        return "\n".join(lines) + "\n", options, self.pick("linux/amd64", "linux/arm64"), platform


def solve(folder: Path, text: str, *options: str) -> subprocess.CompletedProcess[str]:
    """One real build into `folder/out`; skips the test without an engine."""
    if shutil.which("docker") is None or subprocess.run(["docker", "info"], capture_output=True).returncode:
        pytest.skip("no engine")
    (folder / "Dockerfile").write_text(text)
    command = [
        "docker",
        "buildx",
        "build",
        "--progress=plain",
        f"--output={folder / 'out'}",
        *options,
        str(folder),
    ]
    return subprocess.run(command, capture_output=True, text=True)


def test_a_context_stands_in_for_a_stage_on_the_engine(tmp_path: Path) -> None:
    """The conversion above has no named contexts, so this is for real: the stage never runs."""
    context = tmp_path / "context"
    context.mkdir()
    (context / "f").write_text("from the context")
    text = "FROM scratch AS build\nRUN fails\nFROM build\nCOPY --from=Build /f /g\n"
    done = solve(tmp_path, text, f"--build-context=build={context}")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "f").read_text() == "from the context"
    assert (tmp_path / "out" / "g").read_text() == "from the context"
    graph = build_graph(parse(Source("Dockerfile", text)), Options(build_contexts={"build": str(context)}))
    assert reachable(graph) == {1}


def test_target_takes_no_number_on_the_engine(tmp_path: Path) -> None:
    text = "FROM scratch AS build\nCOPY Dockerfile /\nFROM build\n"
    done = solve(tmp_path, text, "--target=0")
    assert done.returncode != 0
    assert 'target stage "0" could not be found' in done.stderr
