"""A folder of packages that is taken: the same everywhere by what the lock file says, or not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from xbuild.dockerfile.parser import parse
from xbuild.graph.model import Options
from xbuild.plan.deciding.planner import make_plan
from xbuild.plan.model import StageVerdict
from xbuild.platforms import parse_platforms
from xbuild.solve.directory import DirectoryContext
from xbuild.text import Source

TEXT = {"version": "1.0.0"}
SCRIPT = {"version": "1.0.0", "hasInstallScript": True}
VARIANT = {"version": "1.0.0", "cpu": ["x64"], "os": ["linux"], "optional": True}
ELSEWHERE = {"version": "1.0.0", "os": ["darwin"], "hasInstallScript": True, "optional": True}
REPOSITORY = {"version": "1.0.0", "resolved": "git+ssh://git@github.com/a/b.git#c"}
LOCAL = {"version": "1.0.0", "resolved": "own", "link": True}
PNPM = """\
lockfileVersion: '{version}'

importers:

  .:
    dependencies:
      a:
        specifier: 1.0.0
        version: 1.0.0

packages:

  {name}:
    resolution: {{integrity: sha512-a}}
{more}
snapshots:

  {name}: {{}}
"""


def planned(folder: Path, runs: str, files: dict[str, str]) -> StageVerdict:
    package = json.dumps({"name": "web", "dependencies": {"a": "1.0.0"}})
    for name, text in {"package.json": package, **files}.items():
        (folder / name).write_text(text, "utf-8")
    text = f"FROM node:22-slim AS build\nWORKDIR /app\nCOPY . .\n{runs}FROM node:22-slim\nWORKDIR /app\n"
    text += "COPY --from=build /app/node_modules ./node_modules\n"
    dockerfile = parse(Source.from_bytes("Dockerfile", text.encode()))
    plan = make_plan(dockerfile, Options(), parse_platforms(("amd64", "arm64")), DirectoryContext(folder))
    return plan.stages[0]


def reasons(verdict: StageVerdict) -> str:
    return "\n".join(reason.text for reason in verdict.reasons)


@pytest.mark.parametrize(
    ("entry", "run", "is_same"),
    [
        (TEXT, "npm ci", True),
        (TEXT, "npm ci --omit=dev", True),
        (ELSEWHERE, "npm ci", True),
        (SCRIPT, "npm ci", False),
        (SCRIPT, "npm ci --ignore-scripts", True),
        (SCRIPT, "npm ci --omit=dev --ignore-scripts=true", True),
        (SCRIPT, "npm ci --ignore-scripts && npm ci", False),
        (SCRIPT, "npm ci --ignore-scripts=false", False),
        (SCRIPT, "npm ci --ignore-scripts --ignore-scripts=false", False),
        (SCRIPT, "npm ci --ignore-scripts false", False),
        (SCRIPT, "npm ci --ignore-scripts=no", False),
        (SCRIPT, "npm ci --no-ignore-scripts", False),
        (SCRIPT, "npm ci --ignore-scripts && npm rebuild", False),
        (SCRIPT, "npm ci --ignore-scripts && npm rebuild a", False),
        (VARIANT, "npm ci --ignore-scripts", False),
        (REPOSITORY, "npm ci --ignore-scripts", False),
        (LOCAL, "npm ci --ignore-scripts", False),
        ({**SCRIPT, "dev": True}, "npm ci --omit=dev", True),
        ({**SCRIPT, "dev": True}, "npm ci --omit=optional --omit=dev", True),
        ({**SCRIPT, "dev": True}, "npm ci --production --production=false", False),
        ({**SCRIPT, "dev": True}, "npm ci --omit=dev --include=dev", False),
        ({**SCRIPT, "dev": True}, "npm ci --only=prod --only=dev", False),
        ({**SCRIPT, "devOptional": True}, "npm ci --omit=dev", False),
    ],
)
def test_by_a_lock_file_of_npm(entry: dict[str, object], run: str, is_same: bool, tmp_path: Path) -> None:
    packages = {"": {"dependencies": {"a": "1.0.0"}}, "node_modules/a": entry}
    lock = {"lockfileVersion": 3, "packages": packages}
    verdict = planned(tmp_path, f"RUN {run}\n", {"package-lock.json": json.dumps(lock)})
    assert (str(verdict.word) == "portable") is is_same, reasons(verdict)


BUN = """\
{"lockfileVersion": 1, "workspaces": {"": {"name": "web", "dependencies": {"a": "1.0.0"}}},
 "packages": {"a": ["a@1.0.0", "", {}, "sha512-a"]}}
"""
CACHE = "--mount=type=cache,target=/pnpm/store "


@pytest.mark.parametrize(
    ("version", "more", "run", "is_same"),
    [
        ("6.0", "", "pnpm install --frozen-lockfile", True),
        ("6.0", "    requiresBuild: true\n", "pnpm install --frozen-lockfile", False),
        ("6.0", "    requiresBuild: true\n", "pnpm install --frozen-lockfile --ignore-scripts", True),
        ("9.0", "", "pnpm install --frozen-lockfile", False),
        ("9.0", "", "pnpm install --frozen-lockfile --ignore-scripts", True),
        ("9.0", "", "pnpm install --frozen-lockfile --prod --ignore-scripts", True),
        ("9.0", "    cpu: [arm64]\n", "pnpm install --frozen-lockfile --ignore-scripts", False),
        ("9.0", "    libc: [musl]\n", "pnpm install --frozen-lockfile --ignore-scripts", False),
        ("9.0", "    os: [darwin]\n", "pnpm install --frozen-lockfile --ignore-scripts", True),
        # pnpm's store keeps what scripts have made, and takes it from there.
        ("9.0", "", f"{CACHE}pnpm install --frozen-lockfile --ignore-scripts", False),
        ("9.0", "", "pnpm i --frozen-lockfile && pnpm i --frozen-lockfile --ignore-scripts", False),
        ("9.0", "", "pnpm install --frozen-lockfile --ignore-scripts && pnpm rebuild", False),
    ],
)
def test_by_a_lock_file_of_pnpm(version: str, more: str, run: str, is_same: bool, tmp_path: Path) -> None:
    name = "a@1.0.0" if version == "9.0" else "/a@1.0.0"
    lock = PNPM.format(version=version, name=name, more=more)
    verdict = planned(tmp_path, f"RUN corepack enable\nRUN {run}\n", {"pnpm-lock.yaml": lock})
    assert (str(verdict.word) == "portable") is is_same, reasons(verdict)


def test_what_a_lock_file_does_not_say_is_told(tmp_path: Path) -> None:
    lock = PNPM.format(version="9.0", name="a@1.0.0", more="")
    verdict = planned(tmp_path, "RUN pnpm install --frozen-lockfile\n", {"pnpm-lock.yaml": lock})
    assert "pnpm-lock.yaml 9 does not say which packages have install scripts" in reasons(verdict)


@pytest.mark.parametrize(
    ("file", "text", "run"),
    [
        (
            "yarn.lock",
            '# yarn lockfile v1\n\n\na@1.0.0:\n  version "1.0.0"\n',
            "yarn install --frozen-lockfile",
        ),
        ("bun.lock", BUN, "bun install"),
        ("package-lock.json", '{"dependencies": {"a": {"version": "1.0.0"}}}', "npm ci"),
    ],
)
def test_a_lock_file_that_does_not_say_which_are_for_some_machines(
    file: str, text: str, run: str, tmp_path: Path
) -> None:
    verdict = planned(tmp_path, f"RUN {run} --ignore-scripts\n", {file: text})
    assert "does not say which packages have something native" in reasons(verdict)
