"""Whatever way a file takes from stage to stage, the plan changes nothing about what a target holds.

Random Dockerfiles in which some stages write the machine's name into a file and others take it on; a
simulation tells which machine's name each stage holds, before and after the pins of the plan.
"""

from __future__ import annotations

import random

import pytest

from xbuild.dockerfile.parser import parse
from xbuild.graph.model import Options
from xbuild.plan.context import NoContext
from xbuild.plan.deciding.planner import make_plan
from xbuild.platforms import parse_platforms
from xbuild.text import Source

PLATFORMS = parse_platforms(["linux/amd64", "linux/arm64"])
# Base, whether its author pinned it (None: as its base), what it does to /x, the stage it takes from.
Made = tuple[int | None, bool | None, str, int | None]


def some(chance: random.Random) -> list[Made]:
    stages: list[Made] = [(None, False, "uname", None)]
    for number in range(1, chance.randrange(3, 8)):
        base = chance.randrange(number) if chance.random() < 0.3 else None
        pinned = chance.random() < 0.4 if base is None else None
        what = chance.choice(("copy", "copy", "mount", "run", "uname", "text"))
        stages.append((base, pinned, what, chance.randrange(number)))
    return stages


def written(stages: list[Made]) -> str:
    lines = []
    for number, (base, pinned, what, source) in enumerate(stages):
        image = f"s{base}" if base is not None else "debian:12"
        lines.append(f"FROM {'--platform=$BUILDPLATFORM ' if pinned else ''}{image} AS s{number}")
        lines += {
            "uname": ["RUN uname -m > /x"],
            "text": ["RUN echo hello > /x"],
            "copy": [f"COPY --from=s{source} /x /x"],
            "mount": [f"RUN --mount=type=bind,from=s{source},target=/m cp /m/x /x"],
            "run": [f"COPY --from=s{source} /x /y", "RUN cp /y /x"],
        }[what]
    return "\n".join((*lines, 'CMD ["cat", "/x"]', ""))


def held(stages: list[Made], natives: set[int]) -> list[str]:
    """What /x names in each stage, if these stages run on the build platform."""
    found: list[str] = []
    for number, (_, _, what, source) in enumerate(stages):
        own = "build" if number in natives else "target"
        taken = found[source] if source is not None else ""
        found.append({"uname": own, "text": "text"}.get(what, taken))
    return found


@pytest.mark.parametrize("seed", range(150))
def test_a_target_holds_what_it_held(seed: int) -> None:
    stages = some(random.Random(seed))
    plan = make_plan(parse(Source("Dockerfile", written(stages))), Options(), PLATFORMS, NoContext())
    authored: set[int] = set()
    for number, (base, pinned, _, _) in enumerate(stages):
        if pinned or base in authored:
            authored.add(number)
    before = held(stages, authored)
    after = held(stages, authored | {v.stage for v in plan.stages if v.is_pinned})
    for verdict in plan.stages:
        if verdict.is_target or not verdict.is_pinned:
            assert before[verdict.stage] == after[verdict.stage]
    assert any(v.is_target for v in plan.stages)


def test_some_are_pinned_and_some_are_not() -> None:
    words: set[str] = set()
    for seed in range(60):
        text = written(some(random.Random(seed)))
        plan = make_plan(parse(Source("Dockerfile", text)), Options(), PLATFORMS, NoContext())
        words |= {str(v.word) for v in plan.stages}
    assert words >= {"portable", "unsure", "already", "emulated"}
