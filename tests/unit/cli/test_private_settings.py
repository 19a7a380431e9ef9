"""Tokens in a project's settings are in nothing that is printed, rewritten or asked; and what planning starts
by itself.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.unit.cli.command import Xbuild, unchanged
from tests.unit.rewrite.test_rewrite_fixtures import FIXTURES
from xbuild.dockerfile.model import Run
from xbuild.dockerfile.parser import parse
from xbuild.graph.model import Options
from xbuild.plan.deciding.planner import make_plan
from xbuild.plan.model import Knowledge, Plan
from xbuild.platforms import parse_platforms
from xbuild.rewrite.probe import probe_dockerfile
from xbuild.solve.directory import DirectoryContext
from xbuild.text import Source

SECRET = "t0p-s3cr3t"
TOOLCHAINS = FIXTURES / "toolchains"


@dataclass(frozen=True)
class Private:
    """A case of a language, files of settings that go with it, and where the builder takes them."""

    case: str
    files: dict[str, str] = field(hash=False)
    copy: str = ""


_SERVERS = (
    "<settings><servers><server><id>own</id><username>me</username><password>{0}</password></server></servers>"
    "<profiles><profile><id>x</id><repositories><repository><id>own</id><url>https://me:{0}@h.test/m</url>"
    "</repository></repositories></profile></profiles></settings>"
)
PRIVATE = {
    "npm": Private("node/node-npm-ci-and-vite", {".npmrc": "//h.test/:_authToken={0}\n_auth={0}\n"}),
    "npm, of the user": Private(
        "node/node-npm-ci-and-vite", {"home/npmrc": "//h.test/:_authToken={0}\n"}, "home/npmrc /root/.npmrc"
    ),
    "npm, broken": Private("node/node-npm-ci-and-vite", {".npmrc": "{0}\n[{0}\nscript-shell={0}\n"}),
    "yarn": Private(
        "node/node-yarn-1-not-looked-at", {".yarnrc": 'registry "https://me:{0}@h.test"\n{0} x\n'}
    ),
    "yarn berry": Private(
        "node/node-yarn-berry-not-looked-at",
        {".yarnrc.yml": "npmAuthToken: {0}\nnpmRegistries:\n  //h.test:\n    npmAuthToken: {0}\n? {0}\n"},
    ),
    "pnpm": Private("node/node-pnpm-9-not-looked-at", {".npmrc": "//h.test/:_authToken={0}\n"}),
    "bun": Private(
        "node/node-bun-looked-at", {"bunfig.toml": '[install]\nregistry = {{ token = "{0}" }}\n{0}\n'}
    ),
    "maven": Private(
        "java/maven-not-asked", {"settings.xml": _SERVERS}, "settings.xml /root/.m2/settings.xml"
    ),
    "maven, broken": Private(
        "java/maven-one-file", {"pom.xml": "<project><url>https://me:{0}@h.test</project>"}
    ),
    "maven, by options": Private(
        "java/maven-one-file", {".mvn/maven.config": "-Dtoken={0}\n-Drepo=https://me:{0}@h\n"}
    ),
    "gradle": Private(
        "java/gradle-kotlin", {"gradle.properties": "ownPassword={0}\nsystemProp.own={0}\n{0}\n"}
    ),
    "gradle, in a script": Private(
        "java/gradle-kotlin",
        {"settings.gradle.kts": 'maven {{ url = uri("https://me:{0}@h.test/m") }}\n'},
    ),
    "gradle, not plain": Private(
        "java/gradle-kotlin", {"build.gradle.kts": 'val deployToken = listOf("{0}").first()\n'}
    ),
    "gradle, in a block": Private(
        "java/gradle-kotlin",
        {"build.gradle.kts": 'publishing {{\n  credentials {{\n    own("me", "{0}")\n  }}\n}}\n'},
    ),
    "gradle, in an address": Private(
        "java/gradle-kotlin", {"build.gradle.kts": 'own("https://me:{0}@h.test/m") {{\n}}\n'}
    ),
    "cargo": Private(
        "rust/rust-not-asked",
        {".cargo/credentials.toml": '[registry]\ntoken = "{0}"\n'},
        ".cargo/credentials.toml /usr/local/cargo/credentials.toml",
    ),
    "cargo, in its settings": Private(
        "rust/rust-nothing-from-elsewhere",
        {".cargo/config.toml": '[registries.own]\nindex = "https://me:{0}@h.test"\ntoken = "{0}"\n[{0}]\n'},
    ),
    "cargo, broken": Private("rust/rust-nothing-from-elsewhere", {"Cargo.toml": "[package]\nname = {0}\n"}),
    "pip": Private(
        "sites/mkdocs-by-pip",
        {
            "pip.conf": "[global]\nindex-url = https://me:{0}@h.test/simple\n",
            "netrc": "machine h password {0}\n",
        },
        "pip.conf netrc /root/",
    ),
    "pip, in its list": Private(
        "sites/mkdocs-by-pip", {"requirements.txt": "--index-url https://me:{0}@h/simple\nmkdocs\n"}
    ),
    "mkdocs, broken": Private("sites/mkdocs-by-pip", {"mkdocs.yml": "site_name: {0}\nplugins: [\n  {0}\n"}),
    "composer": Private(
        "sites/composer-without-scripts", {"auth.json": '{{"github-oauth": {{"github.com": "{0}"}}}}\n'}
    ),
    "bundler": Private("sites/jekyll-by-bundler", {".bundle/config": "BUNDLE_GEMS__EXAMPLE: me:{0}\n"}),
}


def folder_of(private: Private, folder: Path) -> Path:
    """The project, with the tokens in its settings."""
    case = TOOLCHAINS / private.case
    shutil.copytree(case / "context", folder)
    text = (case / "before.Dockerfile").read_text()
    lines = text.splitlines(keepends=True)
    (folder / "Dockerfile").write_text(
        text if not private.copy else "".join((lines[0], f"COPY {private.copy}\n", *lines[1:]))
    )
    for name, content in private.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content.format(SECRET))
    return folder


def planned(folder: Path) -> tuple[Plan, str]:
    """The plan whose questions are to be asked, and the Dockerfile that asks them."""
    dockerfile = parse(Source.from_bytes("Dockerfile", (folder / "Dockerfile").read_bytes()))
    plan = make_plan(
        dockerfile,
        Options(),
        parse_platforms(("linux/amd64", "linux/arm64")),
        DirectoryContext(folder),
        knowledge=Knowledge(may_ask=True),
    )
    probe = probe_dockerfile(dockerfile, plan, plan.questions)
    return plan, probe.text if probe is not None else ""


COMMANDS = (
    ("plan", "--offline"),
    ("plan", "--offline", "--json"),
    ("rewrite", "--offline"),
    ("rewrite", "--offline", "--diff"),
    ("lint",),
    ("lint", "--format", "json"),
)


@pytest.mark.parametrize("name", PRIVATE)
def test_tokens_are_never_told(name: str, xbuild: Xbuild, tmp_path: Path) -> None:
    folder = folder_of(PRIVATE[name], tmp_path / "p")
    with unchanged(folder):
        for command in COMMANDS:
            place = folder / "Dockerfile" if command[0] == "lint" else folder
            result = xbuild(*command, "--platform", "linux/amd64,linux/arm64", place)
            assert result.out or result.err or command[-1] == "--diff", command
            assert SECRET not in result.out + result.err, command
        plan, probe = planned(folder)
    assert SECRET not in repr(plan)
    assert SECRET not in probe


# -- what asks

ASKING = (
    "node/node-yarn-1-not-looked-at",
    "node/node-yarn-berry-not-looked-at",
    "node/node-pnpm-9-not-looked-at",
    "java/maven-not-asked",
    "rust/rust-not-asked",
    "rust/rust-chef-not-asked",
)
MOUNTS = "--mount=type=secret,id=token --mount=type=ssh --mount=type=cache,target=/root/.own "


@pytest.mark.parametrize("case", ASKING)
def test_what_asks_has_no_mounts_of_secrets_keys_and_caches(case: str, tmp_path: Path) -> None:
    folder = folder_of(Private(case, {}), tmp_path / "p")
    text = (folder / "Dockerfile").read_text()
    (folder / "Dockerfile").write_text(text.replace("RUN --mount", "RUN").replace("RUN ", f"RUN {MOUNTS}"))
    plan, probe = planned(folder)
    assert plan.questions
    runs = [i for i in parse(Source("Dockerfile", probe)).instructions if isinstance(i, Run)]
    asking = [run for run in runs if run.script is not None and "# xbuild-question" in run.script.text]
    assert asking
    assert [mount.type for run in asking for mount in run.mounts] == []
    assert (
        "mount"
        not in "".join(probe[run.span.start : run.span.end] for run in asking).partition("xbuild-q")[0]
    )


@pytest.mark.parametrize("case", ASKING)
def test_a_plan_without_an_engine_says_what_asking_would_tell(
    case: str, xbuild: Xbuild, tmp_path: Path
) -> None:
    folder = folder_of(Private(case, {}), tmp_path / "p")
    result = xbuild("plan", "--offline", "--platform", "linux/amd64,linux/arm64", folder)
    assert "in the builder" in result.out
    assert "plan or build with an engine" in result.out
    told = json.loads(xbuild("plan", "--offline", "--json", folder).out)
    questions = [question for stage in told["stages"] for question in stage["questions"]]
    assert [question["how"]["kind"] for question in questions] == ["probe"] * len(questions)
    assert questions


# -- what is started

_WATCHED: list[list[str]] = []
_STARTS = (
    "subprocess.Popen",
    "os.exec",
    "os.posix_spawn",
    "os.system",
    "os.fork",
    "socket.connect",
    "socket.getaddrinfo",
)


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if _WATCHED and event in _STARTS:
        _WATCHED[-1].append(f"{event}: {arguments!r:.200}")


@pytest.fixture
def started() -> Iterator[list[str]]:
    """What is started, or called over a network, while a test runs. (A hook stays for good, and sleeps.)"""
    sys.addaudithook(_watch)
    _WATCHED.append([])
    yield _WATCHED[-1]
    _WATCHED.pop()


CASES = (*ASKING, *sorted({private.case for private in PRIVATE.values()} - set(ASKING)))


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_started_without_an_engine(
    case: str, xbuild: Xbuild, started: list[str], tmp_path: Path
) -> None:
    """Neither a program of the project nor one of the machine, and nobody is called."""
    folder = folder_of(Private(case, {}), tmp_path / "p")
    for command in (("plan", "--offline"), ("rewrite", "--offline"), ("plan", "--offline", "--json")):
        assert xbuild(*command, folder).out
    planned(folder)
    assert started == []


def test_what_is_started_is_seen(started: list[str]) -> None:
    """The control of the test above."""
    import subprocess

    subprocess.run(["true"], check=True)
    assert [line.partition(":")[0] for line in started][:1] == ["subprocess.Popen"]
