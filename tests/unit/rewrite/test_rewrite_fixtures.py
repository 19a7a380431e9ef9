"""Each folder of a room in `tests/fixtures/` is one case: a Dockerfile, what becomes of it, and why.

The rooms: `deciding/` (which stages), `reading/` (what their instructions and commands do), `recipes/`
(scripts, make, just, task), `assisting/` (native twins, with files that stand for theirs),
`toolchains/LANGUAGE/`.

`before.Dockerfile`; `after.Dockerfile`, absent when it comes out unchanged; `plan.json`, per stage name the
verdict word, whether it is proved, and parts of what its reasons, notes or conditions say; optional
`options.json`; optional `context/`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from xbuild.dockerfile.check import check
from xbuild.dockerfile.model import Dockerfile
from xbuild.dockerfile.parser import parse
from xbuild.graph.model import Options
from xbuild.plan.asking import settle
from xbuild.plan.context import Context, NoContext
from xbuild.plan.deciding.planner import make_plan
from xbuild.plan.model import Assistance, Knowledge, Plan, Question, StageVerdict
from xbuild.plan.settings import settings_of
from xbuild.platforms import parse_platforms
from xbuild.rewrite.render import rewrite
from xbuild.solve.directory import DirectoryContext
from xbuild.text import Source

FIXTURES = Path(__file__).parents[2] / "fixtures"
ROOMS = (
    "deciding",
    "reading",
    "recipes",
    "assisting",
    *(f"toolchains/{p.name}" for p in (FIXTURES / "toolchains").iterdir()),
)
FOLDERS = {p.name: p for room in ROOMS for p in (FIXTURES / room).iterdir() if p.is_dir()}
CASES = sorted(FOLDERS)
assert len(CASES) == sum(p.is_dir() for room in ROOMS for p in (FIXTURES / room).iterdir()), (
    "a name stands twice"
)


@dataclass(frozen=True)
class Case:
    """One folder, read."""

    folder: Path
    options: dict[str, Any]

    @classmethod
    def read(cls, name: str) -> Case:
        file = FOLDERS[name] / "options.json"
        return cls(FOLDERS[name], json.loads(file.read_text()) if file.exists() else {})

    @property
    def context(self) -> Context:
        folder = self.folder / "context"
        return DirectoryContext(folder) if folder.is_dir() else NoContext()

    @property
    def twins(self) -> dict[str, str] | None:
        """Files that stand for those of twins, in their own room."""
        rooms = ("apk/decide", "apt/wrapper", "node/decide", "pip/wrapper", "gcc/decide", "go/decide")
        names = ("helper/prepare.sh", *rooms)
        return {name: f"# {name}\n" for name in names} if self.folder.parent.name == "assisting" else None

    @property
    def conditional(self) -> bool:
        return bool(self.options.get("conditional"))

    def plan(self, dockerfile: Dockerfile) -> Plan:
        """The plan after its questions were put, where the case has answers: an `answer` in the options is
        given to every one, those in `answers.json` to the questions of their key.
        """
        answer, answers = self.options.get("answer"), self.answers
        if answer is None and not answers:
            return self.plan_with(dockerfile, Knowledge())

        def ask(_plan: Plan, questions: tuple[Question, ...]) -> dict[str, str]:
            told = {q.key: answer if answer is not None else answers.get(q.key) for q in questions}
            return {key: text for key, text in told.items() if text is not None}

        return settle(lambda known: self.plan_with(dockerfile, known), ask)

    @property
    def answers(self) -> dict[str, str]:
        """What make and the like (`python -m tests.record_answers CASE`) and cargo (`tests.record_crates`)
        really said, and which machines build.
        """
        file = self.folder / "answers.json"
        return json.loads(file.read_text()) if file.exists() else {}

    def plan_with(self, dockerfile: Dockerfile, known: Knowledge) -> Plan:
        platforms = self.options.get("platforms", ["linux/amd64", "linux/arm64"])
        options = Options(
            self.options.get("build_args", {}),
            self.options.get("build_contexts", {}),
            self.options.get("target"),
        )
        settings = settings_of(
            self.options.get("settings", {}), cache_mounts=self.options.get("cache_mounts", True)
        )
        settings = replace(settings, helpers=self.options.get("helpers", True))
        if self.twins is not None:
            without = frozenset(self.options.get("without_twins", ()))
            accepted = self.options.get("accepted", {})
            settings = replace(settings, assist=True, without_twins=without, accepted=accepted)
        wanted = parse_platforms(platforms) if platforms else None
        return make_plan(dockerfile, options, wanted, self.context, settings, known)


@cache
def planned(name: str) -> tuple[Case, Dockerfile, Plan]:
    """A case, its Dockerfile and its plan, which every test of it looks at."""
    case = Case.read(name)
    before = read(case.folder / "before.Dockerfile")
    return case, before, case.plan(before)


def read(file: Path) -> Dockerfile:
    return tree(Source.from_bytes(file.name, file.read_bytes()))


def tree(source: Source) -> Dockerfile:
    dockerfile = parse(source)
    check(dockerfile)
    return dockerfile


def said(verdict: StageVerdict) -> dict[str, str]:
    """All that a verdict says, by kind."""
    assistance = verdict.assistance or Assistance()
    reasons = [" | ".join(filter(None, (r.text, r.path, r.cure))) for r in verdict.reasons]
    return {
        "reasons": "\n".join(reasons),
        "notes": "\n".join(verdict.notes),
        "conditions": "\n".join(verdict.conditions),
        "evidence": "\n".join(e.text for e in verdict.evidence),
        "native": "\n".join(f"{line}: {', '.join(names)}" for line, names in assistance.runs),
        "emulated": "\n".join(f"{r.place.line}: {r.text}" for r in assistance.left),
    }


@pytest.mark.parametrize("name", CASES)
def test_plan(name: str) -> None:
    case, _, plan = planned(name)
    verdicts = {v.name: v for v in plan.stages}
    for stage, wanted in json.loads((case.folder / "plan.json").read_text()).items():
        verdict = verdicts[stage]
        assert (str(verdict.word), verdict.is_proved) == (wanted["word"], wanted.get("is_proved", True)), (
            said(verdict)
        )
        for kind, text in said(verdict).items():
            for part in wanted.get(kind, ()):
                assert part in text


@pytest.mark.parametrize("name", [n for n in CASES if (FOLDERS[n] / "answers.json").exists()])
def test_nobody_answers(name: str) -> None:
    """Without an engine what make, cargo and the like would say is not told: the stage stays, and what to ask
    is said.
    """
    case = Case.read(name)
    before = read(case.folder / "before.Dockerfile")
    plan = case.plan_with(before, Knowledge())
    assert plan.questions
    assert {q.key for q in plan.questions} <= case.answers.keys()
    assert {str(v.word) for v in plan.stages if v.questions} == {"unsure"}
    said = ("has to be asked, in the builder", "and another may build")
    assert any(text in r.text for v in plan.stages for r in v.reasons for text in said)
    assert not [change for v in plan.stages if v.questions for change in v.changes]


@pytest.mark.parametrize("name", CASES)
def test_rewrite(name: str) -> None:
    case, before, plan = planned(name)
    after = case.folder / "after.Dockerfile"
    expected = (after if after.exists() else case.folder / "before.Dockerfile").read_bytes()
    made = rewrite(before, plan, conditional=case.conditional, twins=case.twins)
    assert made.text.to_bytes().decode() == expected.decode()
    assert made.changed == after.exists()


@pytest.mark.parametrize("name", [n for n in CASES if (FOLDERS[n] / "after.Dockerfile").exists()])
def test_again(name: str) -> None:
    """What was rewritten is left alone, and is still sure."""
    case, _, first = planned(name)
    after = read(case.folder / "after.Dockerfile")
    plan = case.plan(after)
    again = rewrite(after, plan, conditional=case.conditional, twins=case.twins)
    assert again.text == after.source
    cross = {v.name for v in first.stages if v.word == "cross" and (v.is_proved or case.conditional)}
    unsure = {v.name for v in plan.stages if v.word == "unsure"}
    assisted = {v.name for v in first.stages if v.word == "assisted" and not v.name.startswith("stage ")}
    assert assisted <= {v.name for v in plan.stages if v.word == "assisted"}
    assert all(names for v in plan.stages if v.assistance is not None for _, names in v.assistance.runs)
    assert not cross & unsure
