"""The slow panel: real projects, given as folders, built as they are and as xbuild builds them.

    tests/testbed/run panel FOLDER[:DOCKERFILE[:ARGUMENT,ARGUMENT…]]... [--panel-report FILE]

A project in which xbuild neither pins nor assists a stage is planned only, and its reasons go into the
report. For the others: original and rewritten are built cold on the same builder, their images compared (the
whole trees, where a stage has native twins), the real build is verified and pushed, and pulled images are
started on both platforms with the arguments given. A program that ends must end with the same exit code on
both; one that does not, such as a server, is looked at and stopped.
"""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.commands import xbuild
from tests.integration.solving import BOTH, REGISTRY, docker

pytestmark = pytest.mark.panel

LOOKS = 20
"""How often, a second apart, a started program is looked at before it counts as one that keeps running."""

STATE = "{{.State.Status}} {{.State.ExitCode}}"


@dataclass(frozen=True)
class Project:
    folder: Path
    dockerfile: str
    arguments: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Project:
        folder, _, rest = text.partition(":")
        dockerfile, _, arguments = rest.partition(":")
        words = tuple(arguments.split(",")) if arguments else ()
        return cls(Path(folder).resolve(), dockerfile or "Dockerfile", words)

    @property
    def options(self) -> tuple[str, ...]:
        return (*BOTH, "--file", str(self.folder / self.dockerfile), str(self.folder))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    given = metafunc.config.getoption("--project")
    metafunc.parametrize("text", given, ids=lambda text: Path(text.partition(":")[0]).name)


def test_project(text: str, pytestconfig: pytest.Config) -> None:
    project = Project.parse(text)
    row: dict[str, Any] = {"project": project.folder.name, "dockerfile": project.dockerfile}
    try:
        _measure(project, row)
    finally:
        _keep(row, pytestconfig.getoption("--panel-report"))


def _measure(project: Project, row: dict[str, Any]) -> None:
    done = xbuild("plan", "--json", *project.options)
    assert done.code == 0, done.err
    plan = json.loads(done.out)
    row["verdicts"] = {stage["name"]: stage["word"] for stage in plan["stages"]}
    row["reasons"] = [reason["text"] for stage in plan["stages"] for reason in stage["reasons"]]
    changed = {stage["word"] for stage in plan["stages"]} & {"cross", "portable", "assisted"}
    if not changed:
        return
    compare = ("--compare", "assist") if "assisted" in changed else ()
    benched = xbuild("bench", "-n", "1", "--cold-only", *compare, "--json", *project.options)
    assert benched.out, benched.err
    data = json.loads(benched.out)
    row["samples"] = {sample["variant"]: sample["seconds"] for sample in data["samples"]}
    row["ratio"] = round(row["samples"]["original"] / row["samples"]["rewritten"], 1)
    row["comparisons"] = data["comparisons"]
    row["verified"] = data["verified"]
    row["trees"] = data["trees"]
    assert benched.code == 0, benched.err
    assert data["verified"]["rewritten"]
    row["runs"] = _built_and_run(project)
    assert len({run["code"] for run in row["runs"].values()}) == 1, row["runs"]


def _built_and_run(project: Project) -> dict[str, Any]:
    """Exit code (or "running") and first output of the pulled image on each platform."""
    reference = f"{REGISTRY}/panel-{project.folder.name.lower()}:{uuid.uuid4().hex[:8]}"
    done = xbuild("build", "--tag", reference, "--push", *project.options)
    assert done.code == 0, done.err
    found: dict[str, Any] = {}
    for platform in ("linux/amd64", "linux/arm64"):
        docker("image", "rm", "--force", reference, check=False)
        docker("pull", "--quiet", "--platform", platform, reference)
        found[platform] = _started(reference, platform, project.arguments)
        assert "exec format error" not in found[platform]["output"]
    docker("image", "rm", "--force", reference, check=False)
    return found


def _started(reference: str, platform: str, arguments: tuple[str, ...]) -> dict[str, Any]:
    """What the program did in its first seconds."""
    name = f"panel-{uuid.uuid4().hex[:8]}"
    run = ("run", "--detach", "--name", name, "--platform", platform)
    started = docker(*run, reference, *arguments, check=False)
    if started.returncode != 0:
        return {"code": started.returncode, "output": started.stderr[:400]}
    try:
        code: int | str = "running"
        for _ in range(LOOKS):
            state = docker(
                "inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", name
            ).stdout.split()
            if state[0] == "exited":
                code = int(state[1])
                break
            time.sleep(1)
        logs = docker("logs", name)
        return {"code": code, "output": (logs.stdout + logs.stderr)[:400]}
    finally:
        docker("rm", "--force", name, check=False)


def _keep(row: dict[str, Any], report: Path | None) -> None:
    print(json.dumps(row, indent=2))
    if report is not None:
        with report.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
