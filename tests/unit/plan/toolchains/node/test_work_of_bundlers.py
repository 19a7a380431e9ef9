"""What several bundlers of a project need is found once for a plan: files are read, patterns compiled and
sources looked into once, however many commands ask.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.plan.test_work import lines_run
from xbuild.dockerfile.parser import parse
from xbuild.graph.model import Options
from xbuild.plan.deciding.planner import make_plan
from xbuild.plan.model import Plan
from xbuild.platforms import parse_platforms
from xbuild.solve import ignore
from xbuild.solve.directory import DirectoryContext
from xbuild.text import Source

IGNORED = "node_modules\n**/*.log\n!kept/*.log\n"
CONFIG = "import plugin from './tools/plugin.js';\nexport default { plugins: [plugin()] };\n"


def project(folder: Path, sources: int) -> None:
    lock = {
        "lockfileVersion": 3,
        "packages": {"": {"dependencies": {"vite": "5.0.0"}}, "node_modules/vite": {"version": "5.0.0"}},
    }
    texts = {
        "package.json": json.dumps({"name": "web", "dependencies": {"vite": "5.0.0"}}),
        "package-lock.json": json.dumps(lock),
        "vite.config.js": CONFIG,
        "tools/plugin.js": "module.exports = () => ({ name: 'own' });\n",
        ".dockerignore": IGNORED,
        **{f"src/f{n % 20}/s{n}.ts": f"export const n{n} = {n};\n" for n in range(sources)},
        **{f"src/f{n % 20}/s{n}.css": f".c{n} {{ color: red }}\n" for n in range(sources)},
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")


def plan(folder: Path, builds: int) -> Plan:
    runs = "".join(f"RUN npx vite build --mode m{n}\n" for n in range(builds))
    text = f"FROM node:22-slim AS build\nWORKDIR /app\nCOPY . .\nRUN npm ci\n{runs}"
    text += "FROM nginx:1.27\nCOPY --from=build /app/dist /usr/share/nginx/html\n"
    dockerfile = parse(Source.from_bytes("Dockerfile", text.encode()))
    return make_plan(dockerfile, Options(), parse_platforms(("amd64", "arm64")), DirectoryContext(folder))


def test_files_are_read_and_patterns_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project(tmp_path, 100)
    read, compiled, matched = Counter[str](), Counter[str](), Counter[str]()
    plain_read, plain_compile, plain_match = Path.read_text, ignore._compile, ignore.Ignore.match

    def counted(path: Path, encoding: str | None = None, errors: str | None = None) -> str:
        read[str(path)] += 1
        return plain_read(path, encoding, errors)

    def compiling(text: str) -> Callable[[str], bool]:
        compiled[text] += 1
        return plain_compile(text)

    def matching(self: ignore.Ignore, path: str, parent: ignore.Match) -> ignore.Match:
        matched[path] += 1
        return plain_match(self, path, parent)

    monkeypatch.setattr(Path, "read_text", counted)
    monkeypatch.setattr(ignore, "_compile", compiling)
    monkeypatch.setattr(ignore.Ignore, "match", matching)
    assert str(plan(tmp_path, 5).stages[0].word) == "portable"
    assert len(read) > 200
    assert set(read.values()) == set(compiled.values()) == {1}
    # Once where the folder is walked, once where a file is read.
    assert max(matched.values()) == 2


def test_more_bundlers_do_not_look_into_all_sources_again(tmp_path: Path) -> None:
    def of_more(sources: int) -> int:
        """The work of eight bundlers more."""
        folder = tmp_path / str(sources)
        project(folder, sources)
        assert str(plan(folder, 9).stages[0].word) == "portable"
        return lines_run(lambda: plan(folder, 9)) - lines_run(lambda: plan(folder, 1))

    few, many = of_more(30), of_more(300)
    assert few > 8 * 1000
    assert many < 1.1 * few
