"""Record what make, just and task really say: `python -m tests.record_answers CASE…` writes `answers.json`.

Each question of the case is put to the program of this machine, in a copy of the case's context that stands
for the stage; what `go list` would say is left to the case. Nothing of a recipe is run. The image for arm64
says the same, but for what `elsewhere` of `options.json` replaces.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.unit.rewrite.test_rewrite_fixtures import Case, read
from xbuild.dockerfile.model import Dockerfile
from xbuild.graph.build import build_graph
from xbuild.graph.model import Options
from xbuild.graph.scope import Scope
from xbuild.plan.asking import settle
from xbuild.plan.model import IMAGE, NATIVE, Plan, Probe, Question
from xbuild.rewrite.probe import asking


def main(names: list[str]) -> None:
    for name in names:
        case = Case.read(name)
        answers: dict[str, str] = {}
        for file in ("before.Dockerfile", "after.Dockerfile"):
            if (case.folder / file).exists():
                record(case, read(case.folder / file), answers)
        (case.folder / "answers.json").write_text(json.dumps(answers, indent=2, sort_keys=True) + "\n")
        print(f"{name}: {len(answers)} answers")


def record(case: Case, dockerfile: Dockerfile, answers: dict[str, str]) -> None:
    def ask(_plan: Plan, questions: tuple[Question, ...]) -> dict[str, str]:
        asked = [q for q in questions if isinstance(q.how, Probe) and q.how.is_exact]
        found = {q.key: said_by_images(case, dockerfile, q) for q in asked}
        answers.update(found)
        return found

    settle(lambda known: case.plan_with(dockerfile, known), ask)


def said_by_images(case: Case, dockerfile: Dockerfile, question: Question) -> str:
    """The answer; as the builder's own, and each other image would give it, if these are asked."""
    assert isinstance(question.how, Probe)
    told = said(case, dockerfile, question)
    other = told
    for here, there in case.options.get("elsewhere", {}).items():
        other = other.replace(here, there)
    answers = (f"{IMAGE}{i}\n{NATIVE if i == 'linux/amd64' else other}\n" for i in question.how.images)
    return "".join(answers) or told


def said(case: Case, dockerfile: Dockerfile, question: Question) -> str:
    """The answer, with the folder of the stage in place of the copy's."""
    graph = build_graph(dockerfile, Options(case.options.get("build_args", {})))
    at = question.instruction - graph.stages[question.stage].position
    values = Scope(graph, question.stage, at).environment()
    environment = {name: value.text for name, value in values.items() if value.text is not None}
    with tempfile.TemporaryDirectory(prefix="xbuild-record-") as folder:
        root = Path(folder).resolve()
        where = root / (question.directory or "/").lstrip("/")
        shutil.copytree(case.folder / "context", where, dirs_exist_ok=True)
        written = root / "written"
        path = {"PATH": os.environ["PATH"], "HOME": "/root"}
        script = asking(0, question, str(written))
        subprocess.run(("sh", "-c", script), cwd=where, env={**path, **environment}, check=True)
        text = written.read_text().split("\n", 1)[1]
    return text.replace(str(root), "").replace(path["PATH"], "/usr/bin")


if __name__ == "__main__":
    main(sys.argv[1:])
