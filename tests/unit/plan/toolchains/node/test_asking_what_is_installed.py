"""The question what of all that is installed is native: where it is put, and that its answer is found."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from xbuild.dockerfile.parser import parse
from xbuild.graph.model import Options
from xbuild.plan.deciding.planner import make_plan
from xbuild.plan.model import Knowledge, Plan, Probe, Settings
from xbuild.platforms import parse_platforms
from xbuild.rewrite.probe import probe_dockerfile
from xbuild.solve.directory import DirectoryContext
from xbuild.text import Source

PACKAGE = {
    "name": "web",
    "scripts": {"build": "npm run pages", "pages": "tsc && vite build"},
    "dependencies": {"vite": "5.0.0", "typescript": "5.0.0"},
}
LOCK = """\
# yarn lockfile v1


typescript@5.0.0:
  version "5.0.0"

vite@5.0.0:
  version "5.0.0"
"""
RUNS = (
    "RUN yarn install --frozen-lockfile\nRUN yarn build",
    "RUN yarn install --frozen-lockfile && yarn build",
)


def planned(folder: Path, runs: str, answers: dict[str, str] | None = None) -> tuple[Plan, Source | None]:
    (folder / "package.json").write_text(json.dumps(PACKAGE), "utf-8")
    (folder / "yarn.lock").write_text(LOCK, "utf-8")
    text = f"FROM node:22-slim AS build\nWORKDIR /app\nCOPY . .\n{runs}\nFROM nginx:1.27\n"
    text += "COPY --from=build /app/dist /usr/share/nginx/html\n"
    tree = parse(Source.from_bytes("Dockerfile", text.encode()))
    known = Knowledge(answers or {})
    platforms = parse_platforms(("amd64", "arm64"))
    plan = make_plan(tree, Options(), platforms, DirectoryContext(folder), Settings(), known)
    return plan, probe_dockerfile(tree, plan, plan.questions) if plan.questions else None


@pytest.mark.parametrize("runs", RUNS)
def test_it_is_put_behind_the_installation(runs: str, tmp_path: Path) -> None:
    plan, source = planned(tmp_path, runs)
    assert str(plan.stages[0].word) == "unsure"
    assert source is not None
    (line,) = (line for line in source.text.splitlines() if "node -e" in line)
    before, _, behind = line.partition("{ ( echo")
    assert "yarn install --frozen-lockfile" in source.text.partition("{ ( echo")[0]
    assert "yarn build" not in before
    assert behind.endswith("yarn build")


@pytest.mark.parametrize("runs", RUNS)
@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ("read\n", "portable"),
        ("script esbuild\nfile @esbuild/linux-x64\nread\n", "portable"),
        ("gyp bcrypt\nread\n", "unsure"),
        ("unread strange\nread\n", "unsure"),
        ("script esbuild\n", "unsure"),
        ("", "unsure"),
    ],
)
def test_its_answer_is_found(runs: str, answer: str, word: str, tmp_path: Path) -> None:
    plan, _ = planned(tmp_path, runs)
    again, source = planned(tmp_path, runs, {question.key: answer for question in plan.questions})
    assert str(again.stages[0].word) == word
    assert source is None


def test_what_the_script_of_the_question_finds(tmp_path: Path) -> None:
    """It is run as it is put, by this machine's node, over packages of each kind."""
    plan, _ = planned(tmp_path, RUNS[0])
    (question,) = plan.questions
    assert isinstance(question.how, Probe)
    program = b"\x7fELF" + bytes(60)
    files = {
        "plain/package.json": b'{"name": "plain", "scripts": {"test": "x", "prepare": "y"}}',
        "plain/index.js": b"",
        "@s/scripted/package.json": b'{"name": "@s/scripted", "scripts": {"postinstall": "x"}}',
        "@s/variant/package.json": b'{"name": "@s/variant", "os": ["linux"], "cpu": ["x64"]}',
        "alias/package.json": b'{"name": "real", "scripts": {"install": "x"}}',
        "gyp/package.json": b"{}",
        "gyp/binding.gyp": b"",
        "gyp/deps/binding.gyp": b"",
        "addon/package.json": b"{}",
        "addon/build/Release/a.node": program,
        "program/package.json": b"{}",
        "program/bin/tool": program,
        "library/package.json": b"{}",
        "library/lib/libx.so.1": program,
        "windows/package.json": b"{}",
        "windows/a.node": b"MZ" + bytes(60),
        "broken/package.json": b"{",
        "plain/node_modules/inner/package.json": b'{"name": "inner", "libc": ["musl"]}',
        "plain/test/package.json": b'{"name": "of a test", "scripts": {"install": "x"}}',
    }
    for name, data in files.items():
        file = tmp_path / "node_modules" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    script = question.how.script.replace(" /app", f" {tmp_path}")
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    if done.returncode == 127:
        pytest.skip("node is not installed here")
    assert set(done.stdout.splitlines()) == {
        "script @s/scripted", "variant @s/variant", "script real", "gyp gyp", "file addon", "file program",
        "file library", "unread broken", "variant inner", "read",
    }  # fmt: skip
