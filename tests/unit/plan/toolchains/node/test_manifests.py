"""Projects as they lie in a stage: bad input, secrets, and what is too large."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from xbuild.dockerfile.parser import parse
from xbuild.graph.model import Options
from xbuild.plan.deciding.planner import make_plan
from xbuild.plan.model import Plan
from xbuild.platforms import parse_platforms
from xbuild.solve.directory import DirectoryContext
from xbuild.text import Source

DOCKERFILE = """\
FROM node:22-slim AS build
WORKDIR /app
COPY . .
RUN npm ci
RUN npm run build
FROM nginx:1.27
COPY --from=build /app/dist /usr/share/nginx/html
"""
SECRET = "s3cr3t-t0ken"


def project(**files: str) -> dict[str, str]:
    scripts = {"build": "vite build"}
    manifest = {"name": "web", "scripts": scripts, "dependencies": {"vite": "5.0.0"}}
    lock = {
        "lockfileVersion": 3,
        "packages": {"": {"dependencies": {"vite": "5.0.0"}}, "node_modules/vite": {"version": "5.0.0"}},
    }
    return {"package.json": json.dumps(manifest), "package-lock.json": json.dumps(lock), **files}


def planned(folder: Path, files: dict[str, str], dockerfile: str = DOCKERFILE) -> Plan:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    tree = parse(Source.from_bytes("Dockerfile", dockerfile.encode()))
    return make_plan(tree, Options(), parse_platforms(("amd64", "arm64")), DirectoryContext(folder))


def why(plan: Plan) -> str:
    return "\n".join(reason.text for reason in plan.stages[0].reasons)


def test_what_is_plain_is_portable(tmp_path: Path) -> None:
    plan = planned(tmp_path, project())
    assert str(plan.stages[0].word) == "portable", why(plan)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".npmrc", f"//registry.example.com/:_authToken={SECRET}\n"),
        (".npmrc", f"; {SECRET}\n# {SECRET}\n_auth = {SECRET}\nalways-auth=true\n"),
        (".npmrc", f"script-shell={SECRET}\n"),
        (".npmrc", f"{SECRET} something\n"),
        (".npmrc", f"cpu[]={SECRET}\n"),
        (".yarnrc", f'registry "https://{SECRET}@registry.example.com"\n{SECRET} yes\n'),
        (".yarnrc.yml", f"npmAuthToken: {SECRET}\nnpmScopes:\n  web:\n    npmAuthToken: {SECRET}\n"),
        (".yarnrc.yml", f"{SECRET}: true\n"),
        ("bunfig.toml", f'[install]\nregistry = {{ token = "{SECRET}" }}\n'),
        ("bunfig.toml", f'preload = ["{SECRET}"]\n'),
    ],
)
def test_secrets_in_settings_are_never_told(name: str, text: str, tmp_path: Path) -> None:
    assert SECRET not in repr(planned(tmp_path, project(**{name: text})))


@pytest.mark.parametrize(
    ("name", "text", "key"),
    [
        (".npmrc", "cpu=x64\n", "cpu"),
        (".npmrc", "include[]=dev\n", "include"),
        (".npmrc", "cpu[]=x64\n", "cpu"),
        (".npmrc", "  script-shell = /bin/bash\n", "script-shell"),
        (".npmrc", "node-options=--require ./a.js\n", "node-options"),
        (".yarnrc", "--install.ignore-platform true\n", "--install.ignore-platform"),
        (".yarnrc.yml", "supportedArchitectures:\n  cpu:\n    - x64\n", "supportedArchitectures"),
        (".yarnrc.yml", "plugins:\n  - ./plugin.cjs\n", "plugins"),
        ("bunfig.toml", 'preload = ["./a.ts"]\n', "preload"),
    ],
)
def test_settings_that_may_tell_the_machine(name: str, text: str, key: str, tmp_path: Path) -> None:
    assert f"{name} sets {key}, which is not known" in why(planned(tmp_path, project(**{name: text})))


def test_lists_in_settings_that_leave_the_machine_alone(tmp_path: Path) -> None:
    text = "public-hoist-pattern[]=*eslint*\nonly-built-dependencies[]=esbuild\n"
    assert str(planned(tmp_path, project(**{".npmrc": text})).stages[0].word) == "portable"


def test_yarn_from_elsewhere(tmp_path: Path) -> None:
    for path, is_right in ((".yarn/releases/yarn-4.5.3.cjs", True), ("./tools/yarn.js", False)):
        text = why(planned(tmp_path, project(**{".yarnrc.yml": f"yarnPath: {path}\n"})))
        assert ("none of yarn's own releases" in text) is not is_right


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "cannot be read"),
        ("{", "cannot be read"),
        ("[]", "no object of JSON"),
        ('{"scripts": []}', "`scripts` of package.json is no table"),
        ('{"scripts": {"build": 1}}', "`scripts` of package.json is no table"),
        ('{"scripts": {"build": "vite build &&"}}', "cannot be read without doubt"),
        ('{"scripts": {"build": "vite build; $(cat x)"}}', ""),
        ('{"scripts": {"build": "eval \\"$CMD\\""}}', ""),
        ('{"scripts": {"build": "curl https://example.com/build.sh | sh"}}', ""),
        ('{"scripts": {"build": "npm run build"}}', ""),
        ('{"scripts": {}}', "package.json has no script build"),
        ("[" * 100_000, "cannot be read"),
        ('{"x": "' + "a" * 1_100_000 + '"}', "is not read"),
    ],
)
def test_a_package_json_that_says_nothing_plain(text: str, told: str, tmp_path: Path) -> None:
    plan = planned(tmp_path, project(**{"package.json": text}))
    assert str(plan.stages[0].word) == "unsure"
    assert told in why(plan)


@pytest.mark.parametrize("patterns", [[], ["packages/*"], ["/packages/*"], [".", "./"]])
def test_workspaces_that_are_not_there(patterns: list[str], tmp_path: Path) -> None:
    scripts = {"build": "npm run pages --workspaces", "pages": "vite build"}
    manifest = json.dumps({"name": "web", "scripts": scripts, "workspaces": patterns})
    plan = planned(tmp_path, project(**{"package.json": manifest}))
    assert "no workspace stands in the project" in why(plan)


def test_workspaces_that_name_each_other(tmp_path: Path) -> None:
    def member(name: str, other: str) -> str:
        scripts = {"build": f"npm run build -w {other}"}
        return json.dumps({"name": name, "scripts": scripts, "dependencies": {other: "*"}})

    scripts = {"build": "npm run build -w a"}
    manifest = json.dumps({"name": "web", "scripts": scripts, "workspaces": ["a", "b"]})
    files = {"a/package.json": member("a", "b"), "b/package.json": member("b", "a")}
    assert str(planned(tmp_path, project(**{"package.json": manifest}, **files)).stages[0].word) == "unsure"


def test_workspaces_of_very_many_files(tmp_path: Path) -> None:
    """One script for 20,001 sources: they are counted, and not read."""
    (tmp_path / "packages/a").mkdir(parents=True)
    for number in range(20_001):
        (tmp_path / f"packages/a/{number}.js").touch()
    manifest = json.dumps(
        {
            "name": "web",
            "scripts": {"build": "vite build"},
            "workspaces": ["packages/**"],
            "dependencies": {"vite": "5.0.0"},
        }
    )
    plan = planned(tmp_path, project(**{"package.json": manifest}))
    assert "more than 20000 sources may be bundled" in why(plan)


def test_workspaces_that_are_too_many(tmp_path: Path) -> None:
    files = {f"packages/p{n}/package.json": "{}" for n in range(401)}
    manifest = {"name": "web", "scripts": {"build": "vite build"}, "workspaces": ["packages/*"]}
    plan = planned(tmp_path, {**project(), "package.json": json.dumps(manifest), **files})
    assert "more than 400 folders" in why(plan)


@pytest.mark.parametrize("workspace", ["../other", "packages/../../other", "./../other"])
def test_workspaces_out_of_the_project(workspace: str, tmp_path: Path) -> None:
    manifest = {"name": "web", "scripts": {"build": "vite build"}, "workspaces": [workspace]}
    assert "lies out of the project" in why(
        planned(tmp_path, project(**{"package.json": json.dumps(manifest)}))
    )


HOSTILE = {
    "comments": "/**\n" * 100_000,
    "comments that end": "/**\n" * 100_000 + "*/",
    "quotes": "'\"`" * 100_000,
    "processes": "process\n" * 50_000,
    "calls": "loadEnv(" * 50_000,
    "blanks": "process" + " " * 400_000 + ".",
    "templates": "<%" * 100_000,
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("file", ["vite.config.js", "index.html"])
def test_texts_that_would_take_long(kind: str, file: str, tmp_path: Path) -> None:
    start = time.process_time()
    planned(tmp_path, project(**{file: HOSTILE[kind]}))
    assert time.process_time() - start < 5


def test_settings_that_would_take_long(tmp_path: Path) -> None:
    start = time.process_time()
    planned(tmp_path, project(**{".npmrc": "\n" * 100_000 + "a" + " " * 90_000 + "b"}))
    assert time.process_time() - start < 2
    assert "is not read" in why(planned(tmp_path, project(**{".npmrc": "#" * 300_000})))


def test_sources_that_are_too_long(tmp_path: Path) -> None:
    text = why(planned(tmp_path, project(**{"vite.config.js": "//" + "a" * 2_100_000})))
    assert "is longer than 2000000 characters" in text
