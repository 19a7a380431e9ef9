"""Answering a plan's questions, then planning again: probes by one native solve of the builder stage, and by
one for each image that is asked; the others online.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from xbuild.errors import EngineError, RegistryError, SolveError
from xbuild.pipeline.project import Project, plan_project
from xbuild.plan.asking import settle as settle_plan
from xbuild.plan.model import IMAGE, NATIVE, Inspection, Knowledge, LookUp, Machines, Plan, Probe, Question
from xbuild.platforms import Platform

if TYPE_CHECKING:
    from xbuild.solve.engine import Engine
    from xbuild.solve.progress import Event

_STAGE = "xbuild-probe"
_FILE = "xbuild-probe.txt"
# What belongs to the delivered image, not to a probe of it.
_NOT_FOR_PROBES = (
    "target",
    "platform",
    "tag",
    "cache-to",
    "attest",
    "provenance",
    "sbom",
    "annotation",
    "no-cache",
)


@dataclass(frozen=True)
class Settled:
    """A plan after its questions were put; `problem` says why some could not be answered."""

    plan: Plan
    problem: str = ""


def settle(
    project: Project,
    plan: Plan | None,
    engine: Engine,
    folder: Path,
    on_event: Callable[[Event], None] | None = None,
    *,
    online: bool = True,
) -> Settled:
    """Ask and plan again; where that fails, with what can be told without it."""
    answerer = _Answerer(project, lambda: engine, folder, on_event, online=online)
    return answerer.settle(plan)


def plan_first(project: Project) -> Plan:
    """The plan whose questions will be asked."""
    return plan_project(project, Knowledge(may_ask=True))


def plan_settled(
    project: Project, folder: PathLike[str], *, offline: bool, online: bool, is_for_any: bool = False
) -> Settled:
    """For `plan` and `rewrite`: ask when an engine is there, and online when that is wanted. With
    `is_for_any` the plan holds whichever machine builds.
    """
    if offline:
        return Settled(plan_project(project))

    def engine() -> Engine:
        from xbuild.solve.engine import inspect_engine

        return inspect_engine(project.options.builder, bootstrap=False)

    return _Answerer(project, engine, Path(folder), None, online, is_for_any).settle(None)


@dataclass
class _Answerer:
    """Puts each question to who can answer it. After a failure nobody is asked again."""

    project: Project
    engine: Callable[[], Engine]
    folder: Path
    on_event: Callable[[Event], None] | None
    online: bool
    is_for_any: bool = False
    problems: list[str] = field(default_factory=list)
    round: int = 0

    def settle(self, first: Plan | None) -> Settled:
        plan = settle_plan(lambda known: plan_project(self.project, known), self.ask, first)
        return Settled(plan, "; ".join(self.problems))

    def ask(self, plan: Plan, questions: tuple[Question, ...]) -> dict[str, str]:
        if self.problems:
            return {}
        answers: dict[str, str] = {}
        try:
            asked = tuple(q for q in questions if isinstance(q.how, Probe) and not q.how.images)
            answers.update(self.probe(plan, asked))
            answers.update(self.probe_images(questions))
            answers.update(self.machines(questions))
        except SolveError as error:
            self.problems.append(f"the builder could not be asked: {error.message}")
        except EngineError as error:
            self.problems.append(f"not asked: {error.message}")
        for question in questions if self.online else ():
            try:
                answers.update(_online(question))
            except (RegistryError, EngineError) as error:
                self.problems.append(f"not looked up: {error.message}")
        return answers

    def machines(self, questions: tuple[Question, ...]) -> dict[str, str]:
        """The architectures that build, unless the plan is for whichever machine."""
        asked = [q.key for q in questions if isinstance(q.how, Machines) and not self.is_for_any]
        if not asked:
            return {}
        return dict.fromkeys(asked, " ".join(sorted({p.architecture for p in self.engine().natives})))

    def probe_images(self, questions: tuple[Question, ...]) -> dict[str, str]:
        """What is said in the images that questions name; an image where nothing could be had is left out."""
        named = {q: q.how.images for q in questions if isinstance(q.how, Probe) and q.how.images}
        answers = {q.key: "" for q in named}
        for image in dict.fromkeys(i for images in named.values() for i in images):
            asked = tuple(q for q, images in named.items() if image in images)
            try:
                if Platform.parse(image) == self.engine().native:
                    told = dict.fromkeys((q.key for q in asked), NATIVE)
                else:
                    told = self.probe(None, asked, Platform.parse(image))
            except (SolveError, RegistryError, EngineError):
                continue
            for key, text in told.items():
                answers[key] += f"{IMAGE}{image}\n{text}\n"
        return answers

    def probe(
        self, plan: Plan | None, questions: tuple[Question, ...], platform: Platform | None = None
    ) -> dict[str, str]:
        """Answers of one solve, native or else as for `platform`."""
        from xbuild.rewrite.probe import probe_dockerfile, read_answers
        from xbuild.solve.build import SolveRequest, solve

        dockerfile = self.project.dockerfile
        if not questions or dockerfile is None:
            return {}
        text = probe_dockerfile(dockerfile, plan, questions)
        if text is None:
            return {}
        engine = self.engine()
        self.round += 1
        options = self.project.options.without(*_NOT_FOR_PROBES)
        options = options.with_flags(("target", _STAGE), ("platform", str(platform or engine.native)))
        request = SolveRequest(
            options=options,
            inputs=self.project.inputs,
            engine=engine,
            folder=self.folder / f"probe-{self.round}",
            text=text.text,
            output="files",
        )
        result = solve(request, self.on_event)
        assert result.files is not None
        return read_answers((result.files / _FILE).read_text("utf-8", "replace"), questions)


def _online(question: Question) -> dict[str, str]:
    from xbuild.solve.online import inspect_image, look_up

    if isinstance(question.how, LookUp):
        return {question.key: look_up(question.how.url)}
    if isinstance(question.how, Inspection):
        return {question.key: inspect_image(question.how.reference)}
    return {}
