"""The expressions of action, workflows and examples, evaluated by GitHub's own library, which npm gets."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.action.npm import installed
from tests.action.runner import ROOT, action, defaults, node

PACKAGES = ("@actions/expressions@0.3.61",)
FILES = (
    ROOT / "action.yml",
    *sorted(ROOT.glob(".github/workflows/*.yml")),
    *sorted(ROOT.glob("examples/*.yml")),
)
_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)


@pytest.fixture(scope="session")
def packages() -> Path:
    return installed(*PACKAGES)


def evaluated(packages: Path, *asked: tuple[str, dict[str, Any]]) -> list[Any]:
    lines = "".join(f"{json.dumps(each)}\n" for each in asked)
    script = Path(__file__).with_name("expressions.mjs")
    done = subprocess.run([node(), script, packages], input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def _contexts(job: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    """What an expression in a job may name, each with a text: only what the file itself or GitHub gives."""
    github = ("ref", "repository", "actor", "token", "sha", "ref_name")
    matrix = job.get("strategy", {}).get("matrix", {})
    rows = matrix.get("include", [matrix])
    needed = job.get("needs", [])
    jobs = whole.get("jobs", {})
    return {
        "github": {name: f"a {name}" for name in github},
        "matrix": {name: f"a {name}" for row in rows for name in row},
        "strategy": {"job-index": "a job-index"},
        "env": {name: f"a {name}" for name in {**whole.get("env", {}), **job.get("env", {})}},
        "steps": {
            step["id"]: {"outputs": dict.fromkeys(_outputs(step), "an output")}
            for step in job.get("steps", [])
            if "id" in step
        },
        "needs": {
            name: {"outputs": dict.fromkeys(jobs[name].get("outputs", {}), "an output")}
            for name in ([needed] if isinstance(needed, str) else needed)
        },
    }


def _outputs(step: dict[str, Any]) -> list[str]:
    """Those of this action, or what a script writes."""
    if str(step.get("uses", "")).startswith(("./", "OWNER/xbuild@")):
        outputs = action()["outputs"]
        assert isinstance(outputs, dict)
        return list(outputs)
    return re.findall(r"([\w-]+)=\S* *\"? *>> *\"\$GITHUB_OUTPUT\"", step.get("run", ""))


def _expressions() -> list[tuple[str, dict[str, Any]]]:
    found: list[tuple[str, dict[str, Any]]] = []
    for file in FILES:
        whole = yaml.safe_load(file.read_text("utf-8"))
        jobs = whole.pop("jobs", {})
        parts = [(whole, {})] + [(job, job) for job in jobs.values()]
        for part, job in parts:
            contexts = _contexts(job, {**whole, "jobs": jobs})
            texts = _EXPRESSION.findall(json.dumps(part, ensure_ascii=False))
            conditions = [step["if"] for step in (job, *job.get("steps", [])) if "if" in step]
            found += [(text, contexts) for text in (*texts, *conditions)]
    return found


def test_every_name_is_one(packages: Path) -> None:
    """None is empty: a context, an output, a value of the matrix that is misspelt would be."""
    asked = _expressions()
    assert len(asked) >= 28
    for (text, _), answer in zip(asked, evaluated(packages, *asked), strict=True):
        assert isinstance(answer, str), (text, answer)
        assert answer, text


def test_a_misspelt_name_is_empty(packages: Path) -> None:
    """The control of the test above."""
    contexts = {"github": {"token": "t"}}
    asked = ("github.token", "github.tokn", "githb.token", "github.token ==")
    found = evaluated(packages, *((text, contexts) for text in asked))
    assert found[:2] == ["t", None]
    assert all("error" in each for each in found[2:])


def test_the_runner_s_defaults_are_github_s(packages: Path) -> None:
    inputs = action()["inputs"]
    assert isinstance(inputs, dict)
    given = {name: str(about["default"]) for name, about in inputs.items() if "default" in about}
    contexts = {"github": {"token": "gh-t0k3n"}}
    for name, value in given.items():
        whole = _EXPRESSION.fullmatch(value)
        (answer,) = evaluated(packages, (whole[1], contexts)) if whole else (value,)
        assert answer == defaults()[name]


def test_the_index_is_only_published_to_under_a_name(packages: Path) -> None:
    release = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text("utf-8"))
    condition = release["jobs"]["index"]["if"]
    assert release["env"]["INDEX_NAME"] == ""
    contexts = [{"needs": {"switch": {"outputs": {"name": name}}}} for name in ("", "a-name")]
    assert evaluated(packages, *((condition, each) for each in contexts)) == ["false", "true"]
