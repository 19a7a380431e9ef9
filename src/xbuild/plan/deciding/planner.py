"""Make the plan: which stages can run on the build platform, proved by what other stages take out of them.

The soundness rule: a stage is pinned only if everything that an unpinned stage takes out of it is right for
the target (`filesystem.Kind.is_right`), and if what its compilers read is accounted for likewise. The
largest set of stages for which that holds is found by starting from all candidates and dropping those that
fail until none does.
"""

from __future__ import annotations

from dataclasses import replace

from xbuild.dockerfile.model import Dockerfile
from xbuild.graph.build import build_graph
from xbuild.graph.model import Options
from xbuild.plan.context import Context
from xbuild.plan.deciding.conclusions import Conclusions
from xbuild.plan.deciding.groups import Group, candidates, rest
from xbuild.plan.deciding.soundness import Soundness
from xbuild.plan.deciding.survey import Survey
from xbuild.plan.model import Knowledge, Plan, Settings
from xbuild.plan.toolchains import TOOLCHAINS, image_facts
from xbuild.platforms import Platform


def make_plan(
    dockerfile: Dockerfile,
    options: Options,
    platforms: tuple[Platform, ...] | None,
    context: Context,
    settings: Settings | None = None,
    knowledge: Knowledge | None = None,
) -> Plan:
    """The plan for a Dockerfile. `platforms` None: right for any list. Without `options.target` every leaf
    stage with a command of its own counts as a target. Raises StageError and DockerfileError where BuildKit
    would refuse the stages.
    """
    graph = build_graph(dockerfile, replace(options, image_facts=image_facts))
    survey = Survey(graph, platforms, context, settings or Settings(), knowledge or Knowledge(), TOOLCHAINS)
    sound = Soundness(survey)
    groups = candidates(survey)
    dropped: dict[int, Group] = {}
    while failing := sound.give_up(groups):
        groups = [g for g in groups if g not in failing]
        for group in failing:
            left = rest(survey, group)
            dropped.update((s, group) for s in group.stages if left is None or s not in left.stages)
            groups += [left] if left is not None else []
    return Conclusions(sound, groups, dropped).plan()
