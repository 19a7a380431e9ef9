"""The action, run as GitHub runs it, with a stand-in for docker: what it starts, answers and hides."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.action.runner import ROOT, Runner, action, defaults
from tests.unit.cli.command import project
from tests.unit.cli.standin import Docker
from tests.unit.solve.gitserver import commit, git, publish, repository, serving
from xbuild import __version__
from xbuild.cli.action.asked import INPUTS, QEMU_IMAGE, Form
from xbuild.solve.emulation import tiny_elf

SECRET = "s3cr3t_$(id)_*é* \"of\" 'mine'"
LINES = "first-l1ne\nsecond-l1ne"


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    found = Docker(tmp_path / "docker", monkeypatch)
    names = ("linux/amd64", "linux/arm64")
    programs = {name: [{"usr/bin/app": tiny_elf(name.rpartition("/")[2])}] for name in names}
    for name in names:
        found.image(name, {name: programs[name]})
    found.image("linux/amd64,linux/arm64", programs)
    return found


@pytest.fixture
def runner(tmp_path: Path, tools: Path) -> Iterator[Runner]:
    found = Runner(tmp_path / "runner", tools=tools)
    project(found.workspace, "FROM scratch\nCOPY Dockerfile /\n")
    yield found
    assert not list((tmp_path / "runner").rglob("CANARY"))
    assert not (ROOT / "CANARY").exists()


def test_inputs_are_those_of_the_table() -> None:
    inputs = action()["inputs"]
    assert isinstance(inputs, dict)
    assert list(inputs) == sorted(inputs, key=list(inputs).index)
    assert set(inputs) == set(INPUTS)
    assert defaults()["qemu-image"] == QEMU_IMAGE


def test_a_build(runner: Runner, docker: Docker) -> None:
    ran = runner.run(
        {"context": ".", "platforms": "linux/amd64,linux/arm64", "tags": "r.example/a/b:1", "push": "true"}
    )
    assert ran.code == 0, ran.log
    (build,) = docker.calls("buildx", "build")
    assert build[build.index("--platform") :][:2] == ["--platform", "linux/amd64,linux/arm64"]
    assert "--push" not in build
    digest = ran.outputs["digest"]
    assert re.fullmatch("sha256:[0-9a-f]{64}", digest)
    assert ran.outputs["imageid"] == digest
    assert json.loads(ran.outputs["metadata"])["containerimage.digest"] == digest
    assert json.loads(Path(ran.outputs["report"]).read_text())["digest"] == digest
    assert Path(ran.outputs["rewritten"]).read_text() == "FROM scratch\nCOPY Dockerfile /\n"
    assert "pushed" in ran.summary
    assert "QEMU was not set up" in ran.summary
    assert docker.calls("imagetools", "create")
    assert ran.annotations == []
    assert not docker.calls("buildx", "create", "--name")
    assert ran.files["GITHUB_ENV"] == ran.files["GITHUB_PATH"] == ""


# Each in one input at a time; what a shell, a command line, a list or the log could take for its own
HOSTILE = (
    "a  b", "it's", 'say "x"', "one\ntwo", "$(touch CANARY)", "`touch CANARY`", "x; touch CANARY",
    "| touch CANARY", "::set-output name=digest::x", "a%0Ab", "--load", "\\$HOME/é",
)  # fmt: skip
ALL = " ".join(HOSTILE)
IN_A_LINE = " ".join(value for value in HOSTILE if "\n" not in value)
# Where a value has a form of its own, that with the hostile text in it
_SHAPES = {
    **dict.fromkeys(("build-args", "secrets", "secret-envs", "secret-files"), "A={}"),
    **dict.fromkeys(("labels", "annotations", "build-contexts"), "a={}"),
    **dict.fromkeys(("cache-from", "cache-to"), "type=gha,scope={}"),
    "attests": "type=sbom,generator={}",
    "add-hosts": "a:{}",
    "ssh": "default={}",
    "outputs": "type=local,dest={}",
}


@pytest.mark.parametrize("name", INPUTS)
def test_hostile_values_reach_nobody_else(name: str, runner: Runner, docker: Docker) -> None:
    """All in one value, where a line ends no entry: buildx is given it byte for byte, or nothing is built."""
    has_entries = INPUTS[name] in (Form.WORDS, Form.PLAIN_LINES)
    value = _SHAPES.get(name, "{}").format(IN_A_LINE if has_entries else ALL)
    given = {"context": ".", name: value}
    if INPUTS[name] is Form.LINES:
        given[name] = '"' + value.replace('"', '""') + '"'
    ran = runner.run(given)
    calls = docker.calls("buildx", "build") if (docker.folder / "calls").exists() else []
    if ran.code != 0:
        assert any(each.kind == "error" for each in ran.annotations), ran.log
        assert not [call for call in calls if "--metadata-file" in call]
        return
    assert "digest" not in {each.kind for each in ran.annotations}
    assert ran.outputs["digest"].startswith("sha256:")
    if name in PASSED:
        (build,) = calls
        assert value in build, build


# What buildx is told as it was given
PASSED = (
    "allow", "annotations", "build-args", "build-contexts", "cache-from", "cache-to", "cgroup-parent",
    "labels", "network", "no-cache-filters", "shm-size", "ssh", "ulimit",
)  # fmt: skip


def test_secrets_are_seen_nowhere(runner: Runner, docker: Docker) -> None:
    """Also when the build prints them, and when it fails with them in its mouth."""
    encoded = base64.b64encode(SECRET.encode()).decode()
    said = f"ERROR: failed: {SECRET} {encoded} second-l1ne in-a-f1le in-a-v4riable ::error::gh-t0k3n"
    docker.fail(("*", 0, 1, said))
    runner.environment["ACTIONS_RUNTIME_TOKEN"] = "c4che-t0k3n"
    (runner.folder / "file").write_text("in-a-f1le\n")
    runner.environment["MY_VALUE"] = "in-a-v4riable"
    secrets = f'"A={SECRET.replace(chr(34), chr(34) * 2)}"\n"B={LINES}"'
    beside = {"secret-envs": "C=MY_VALUE", "secret-files": f"D={runner.folder / 'file'}"}
    ran = runner.run({"context": ".", "secrets": secrets, "report": "report.json", **beside})
    assert ran.code == 1
    (build,) = docker.calls("buildx", "build")
    told = ran.log + ran.summary + json.dumps([ran.outputs, build]) + repr(ran.annotations)
    for hidden in (
        SECRET,
        encoded,
        "s3cr3t",
        "in-a-f1le",
        "in-a-v4riable",
        "first-l1ne",
        "second-l1ne",
        "gh-t0k3n",
        "c4che-t0k3n",
    ):
        assert hidden not in told, hidden
    assert "c4che-t0k3n" not in "".join(ran.files.values())
    files = [word.partition("src=")[2] for word in build if word.startswith(("id=A", "id=B"))]
    assert len(files) == 2
    assert not any(Path(name).exists() for name in files)


def test_the_cache_s_token_reaches_builds_alone(runner: Runner, docker: Docker, tmp_path: Path) -> None:
    program = docker.folder / "docker"
    noting = (
        f"open({str(tmp_path / 'seen')!r}, 'a').write(json.dumps([words, "
        "os.environ.get('ACTIONS_RUNTIME_TOKEN'), [n for n in os.environ if n.startswith('INPUT_')]])"
        " + chr(10))"
    )
    first = "words = sys.argv[1:]\n"
    program.write_text(program.read_text().replace(first, f"{first}{noting}\n"))
    runner.environment["ACTIONS_RUNTIME_TOKEN"] = "c4che-t0k3n"
    ran = runner.run({"context": ".", "cache-to": "type=gha,mode=max", "cache-from": "type=gha"})
    assert ran.code == 0, ran.log
    seen = [json.loads(line) for line in (tmp_path / "seen").read_text().splitlines()]
    assert {token for words, token, _ in seen if words[:2] != ["buildx", "build"]} == {None}
    assert [token for words, token, _ in seen if words[:2] == ["buildx", "build"]] == ["c4che-t0k3n"]
    assert not any(inputs for _, _, inputs in seen)
    (build,) = docker.calls("buildx", "build")
    assert "type=gha,mode=max" in build


def test_a_binary_for_the_wrong_machine(runner: Runner, docker: Docker) -> None:
    docker.image("linux/arm64", {"linux/arm64": [{"usr/bin/app": tiny_elf("amd64")}]})
    ran = runner.run({"context": ".", "platforms": "linux/arm64", "tags": "r.example/a/b:1", "push": "true"})
    assert ran.code == 7, ran.log
    (error,) = [each for each in ran.annotations if each.kind == "error"]
    assert error.properties["file"] == "Dockerfile"
    assert "would not run" in error.message
    assert "failed" in ran.summary
    assert "digest" not in ran.outputs
    assert Path(ran.outputs["report"]).is_file()
    assert not docker.calls("imagetools", "create")


def test_lint(runner: Runner, docker: Docker) -> None:
    (runner.workspace / "Dockerfile").write_text(
        "FROM --platform=linux/amd64 debian AS x\nFROM debian\nRUN echo\n" * 3
    )
    warned = runner.run(
        {"context": ".", "lint": "fail", "fail-on": "info", "platforms": "linux/amd64,linux/arm64"}
    )
    assert warned.code == 2
    assert not docker.calls("buildx", "build")
    assert [each for each in warned.annotations if each.properties.get("title") != "xbuild"]
    assert "of the linter" in warned.summary
    off = runner.run({"context": ".", "lint": "off"})
    assert not [each for each in off.annotations if each.properties.get("title") != "xbuild"]


# Thirty warnings on as many lines
MANY = "".join(f"FROM --platform=linux/amd64 debian AS s{n}\n" for n in range(30))


def _pushed(runner: Runner, before: str) -> None:
    """The event is a push on top of that commit."""
    (runner.folder / "event.json").write_text(json.dumps({"before": before}))


def _findings(runner: Runner) -> tuple[list[str], str]:
    """Lines of the annotations of the linter, and the summary."""
    ran = runner.run({"context": ".", "platforms": "linux/amd64,linux/arm64"})
    assert ran.code == 0, ran.log
    return [each.properties["line"] for each in ran.annotations], ran.summary


@pytest.mark.usefixtures("docker")
def test_lines_that_the_event_changed_are_annotated_first(runner: Runner) -> None:
    shutil.rmtree(runner.workspace)
    work = repository(runner.workspace)
    first = commit(work, {"Dockerfile": f"{MANY}FROM scratch\nCOPY Dockerfile /\n"})
    text = MANY.replace("debian AS s27", "ubuntu AS s27").replace("debian AS s20", "ubuntu AS s20")
    commit(work, {"Dockerfile": f"{text}FROM scratch\nCOPY Dockerfile /\n"})
    plain = [str(number) for number in range(1, 11)]
    lines, shown = _findings(runner)
    assert lines == plain
    assert "only here, as GitHub shows 10 of a kind: 20 findings" in shown
    assert all(f"- Dockerfile:{number}: warning constant-platform" in shown for number in range(1, 31))
    _pushed(runner, first)
    assert _findings(runner)[0] == ["21", "28", *plain[:8]]
    # A clone without history: the order of lines
    other = runner.folder / "other"
    git(runner.folder, "clone", "--quiet", "--depth=1", f"file://{work}", str(other))
    shutil.rmtree(work)
    other.rename(work)
    assert _findings(runner)[0] == plain


def test_the_event_s_context_is_compared_with_the_commit_before(
    runner: Runner, docker: Docker, tmp_path: Path
) -> None:
    """Which the workspace has not: it is empty."""
    work = repository(tmp_path / "work")
    first = commit(work, {"app/Dockerfile": f"{MANY}FROM scratch\nCOPY Dockerfile /\n"})
    text = MANY.replace("debian AS s27", "ubuntu AS s27")
    last = commit(work, {"app/Dockerfile": f"{text}FROM scratch\nCOPY Dockerfile /\n"})
    _pushed(runner, first)
    with serving(tmp_path / "served", "gh-t0k3n") as server:
        publish(work, server, "o/r.git")
        runner.environment |= {
            "GITHUB_SERVER_URL": server.url, "GITHUB_REPOSITORY": "o/r", "GITHUB_SHA": last,
        }  # fmt: skip
        ran = runner.run({"context": "{{defaultContext}}:app", "platforms": "linux/amd64,linux/arm64"})
    assert ran.code == 0, ran.log
    places = [(each.properties["file"], each.properties["line"]) for each in ran.annotations]
    assert places == [("app/Dockerfile", line) for line in ("28", *map(str, range(1, 10)))]
    assert docker.calls("buildx", "build")


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"platforms": ", ,"}, "names no platform"),
        ({"platforms": "linux/nope"}, "is not known"),
        ({"tags": "app:1", "push": "true"}, "names no registry"),
        ({"push": "true"}, "a push needs a name"),
        ({"context": "nowhere"}, "there is no folder nowhere"),
        ({"build-args": "=x"}, "has no name"),
        ({"secrets": "no-value"}, "entry 1 is not NAME=VALUE"),
        ({"secret-files": "A=nowhere"}, "there is no file nowhere"),
        ({"load": "yes"}, "input load is 'yes'"),
        ({"lint": "maybe"}, "input lint is 'maybe'"),
        ({"report": "report.txt"}, ".json or .md"),
        ({"version": "999.0"}, "999.0"),
        ({"version": "--upload-pack=touch CANARY"}, "is none"),
        ({"assist": "perhaps"}, "is not known"),
        ({"file": "nowhere"}, "no such Dockerfile"),
    ],
)
def test_bad_input_is_one_annotation(
    inputs: dict[str, str], said: str, runner: Runner, docker: Docker
) -> None:
    ran = runner.run({"context": ".", **inputs})
    assert ran.code != 0
    assert [each.kind for each in ran.annotations] == ["error"]
    assert said in ran.annotations[0].message
    if (docker.folder / "calls").exists():
        assert not docker.calls("buildx", "build")
        assert not docker.calls("imagetools", "create")


def test_an_input_that_is_none(runner: Runner, docker: Docker) -> None:
    ran = runner.run({"context": ".", "platform": "linux/arm64"})
    assert ran.code == 0
    assert ran.annotations[0].message == "there is no input platform: is platforms meant?"
    assert docker.calls("buildx", "build")


def test_its_own_version(runner: Runner, docker: Docker) -> None:
    assert runner.run({"context": ".", "version": f"v{__version__}"}).code == 0
    assert docker.calls("buildx", "build")


def test_another_version_is_its_tag_of_the_action_s_repository(
    runner: Runner, docker: Docker, tmp_path: Path
) -> None:
    """Which is this one, with other numbers; each says in its log which one it is."""
    work = repository(tmp_path / "work")
    for name in ("src", ".github/action"):
        shutil.copytree(ROOT / name, work / name, ignore=shutil.ignore_patterns("__pycache__"))
    start = (work / "src/xbuild/cli/main.py").read_text()
    for version in ("7.0.0", "7.1.0"):
        commit(work, {
            "pyproject.toml": f'[project]\nname = "xbuild"\nversion = "{version}"\n',
            "src/xbuild/cli/main.py": f"print('this is {version}', flush=True)\n{start}",
        })  # fmt: skip
        git(work, "tag", f"v{version}")
    with serving(tmp_path / "served") as server:
        publish(work, server, "owner/xbuild.git")
        runner.environment |= {
            "GITHUB_SERVER_URL": server.url,
            "GITHUB_ACTION_REPOSITORY": "owner/xbuild",
        }
        for given, wanted in (("7.0.0", "7.0.0"), ("v7.1.0", "7.1.0")):
            ran = runner.run({"context": ".", "version": given})
            assert ran.code == 0, ran.log
            assert f"this is {wanted}\n" in ran.unmasked
            assert ran.outputs["digest"].startswith("sha256:")
        built = len(docker.calls("buildx", "build"))
        assert built == 2
        ran = runner.run({"context": ".", "version": "7.2.0"})
    assert (ran.code, len(docker.calls("buildx", "build"))) == (5, built)
    (error,) = ran.annotations
    assert error.message.startswith("there is no version 7.2.0 of owner/xbuild: ")


def test_a_builder_of_its_own_is_removed(runner: Runner, docker: Docker) -> None:
    """The docker driver with the classic store can do too little."""
    docker.builder("linux/amd64, linux/arm64", driver="docker")
    info = json.loads((docker.folder / "info").read_text())
    (docker.folder / "info").write_text(json.dumps({**info, "DriverStatus": []}))
    ran = runner.run({"context": "."})
    (made,) = docker.calls("buildx", "create")
    name = ran.states["builder"]
    assert name in made
    (removed,) = docker.calls("buildx", "rm")
    assert removed[-1] == name


def test_no_docker(runner: Runner, docker: Docker) -> None:
    """What is said is why there is no engine, not why no builder can be made there either."""
    (docker.folder / "docker").unlink()
    ran = runner.run({"context": "."})
    assert ran.code == 5
    (error,) = ran.annotations
    assert "is not installed, or not on PATH" in error.message


def test_the_event_s_commit_is_the_context(runner: Runner, docker: Docker, tmp_path: Path) -> None:
    """What the workspace has does not count; the token of the workflow opens the repository."""
    work = repository(tmp_path / "work")
    wanted = commit(work, {"Dockerfile": "FROM scratch\nCOPY right /\n", "right": ""})
    (runner.workspace / "Dockerfile").write_text("FROM wrong\n")
    with serving(tmp_path / "served", "gh-t0k3n") as server:
        publish(work, server, "o/r.git")
        commit(work, {"Dockerfile": "FROM later\n"})
        publish(work, server, "o/r.git")
        runner.environment |= {
            "GITHUB_SERVER_URL": server.url, "GITHUB_REPOSITORY": "o/r", "GITHUB_SHA": wanted,
            "GITHUB_REF": "refs/heads/main", "GITHUB_RUN_ID": "7", "GITHUB_RUN_ATTEMPT": "1",
        }  # fmt: skip
        ran = runner.run({"build-contexts": "other={{ defaultContext }}:x"})
    assert ran.code == 0, ran.log
    (build,) = docker.calls("buildx", "build")
    assert build[-1] == f"{server.url}/o/r.git#{wanted}"
    assert Path(ran.outputs["rewritten"]).read_text() == "FROM scratch\nCOPY right /\n"
    assert f"other={server.url}/o/r.git#{wanted}:x" in build
    assert f"type=provenance,mode=max,builder-id={server.url}/o/r/actions/runs/7/attempts/1" in build
    host = server.url.partition("://")[2]  # the only one that is to get it
    assert [word for word in build if word.startswith(f"id=GIT_AUTH_TOKEN.{host},src=")]
    assert not [word for word in build if word.startswith("id=GIT_AUTH_TOKEN,")]
    assert "gh-t0k3n" not in ran.unmasked + json.dumps(docker.calls())


def test_a_token_goes_to_no_other_repository(runner: Runner, docker: Docker, tmp_path: Path) -> None:
    work = repository(tmp_path / "work")
    commit(work, {"Dockerfile": "FROM scratch\n"})
    with serving(tmp_path / "served") as server:
        publish(work, server, "other.git")
        runner.environment |= {
            "GITHUB_SERVER_URL": server.url,
            "GITHUB_REPOSITORY": "o/r",
            "GITHUB_SHA": "0" * 40,
        }
        ran = runner.run({"context": f"{server.url}/other.git"})
        assert ran.code == 0, ran.log
        assert set(server.authorizations) == {""}
    (build,) = docker.calls("buildx", "build")
    assert not [word for word in build if "GIT_AUTH_TOKEN" in word]


def test_the_caller_s_folder_lends_no_modules(runner: Runner, docker: Docker) -> None:
    for name in ("xbuild", "json", "typing", "sitecustomize"):
        (runner.workspace / f"{name}.py").write_text("raise SystemExit('taken from here')")
    runner.environment["PYTHONPATH"] = str(runner.workspace)
    assert runner.run({"context": "."}).code == 0
    assert docker.calls("buildx", "build")


def test_a_question_for_buildx(runner: Runner, docker: Docker) -> None:
    assert runner.run({"context": ".", "call": "check", "platforms": "linux/amd64"}).code == 0
    (build,) = docker.calls("buildx", "build")
    assert build[build.index("--call") :][:2] == ["--call", "check"]


# -- Python


def _bin(folder: Path, **programs: str) -> str:
    """A PATH of these programs, and git."""
    folder.mkdir()
    for name, script in programs.items():
        (folder / name.replace("_", ".")).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name.replace("_", ".")).chmod(0o755)
    for name in ("git", "sh", "env"):
        found = next(p for d in os.environ["PATH"].split(":") if (p := Path(d) / name).exists())
        (folder / name).symlink_to(found)
    return str(folder)


def test_no_python(runner: Runner, docker: Docker, tmp_path: Path) -> None:
    runner.environment["PATH"] = _bin(tmp_path / "bin", python3="exit 1", uv="exit 1")
    ran = runner.run({"context": "."})
    assert ran.code == 5
    assert "Python 3.11 or later" in ran.annotations[0].message
    assert not (docker.folder / "calls").exists()


def test_an_old_python_first(runner: Runner, docker: Docker, tmp_path: Path) -> None:
    real = f'exec {sys.executable} "$@"'
    runner.environment["PATH"] = _bin(tmp_path / "bin", python3="echo", python3_12=real)
    assert runner.run({"context": "."}).code == 0
    assert docker.calls("buildx", "build")


def test_a_python_of_the_tool_cache(runner: Runner, docker: Docker, tmp_path: Path) -> None:
    """As actions/setup-python lays them: the newest one is taken."""
    cache = tmp_path / "cache"
    seen = tmp_path / "seen"
    for version, real in (
        ("3.9.1", "exit 1"),
        ("3.11.9", "exit 1"),
        ("3.13.1", f'exec {sys.executable} "$@"'),
    ):
        program = cache / f"Python/{version}/x64/bin/python3"
        program.parent.mkdir(parents=True)
        program.write_text(f"#!/bin/sh\necho {version} >> {seen}\n{real}\n")
        program.chmod(0o755)
    assert runner.tools is not None
    (cache / "xbuild").symlink_to(runner.tools / "xbuild")
    (runner.tools / "xbuild").mkdir(parents=True, exist_ok=True)
    runner.tools = cache
    runner.environment["PATH"] = _bin(tmp_path / "bin", python3="exit 1")
    assert runner.run({"context": "."}).code == 0
    assert docker.calls("buildx", "build")
    assert seen.read_text() == "3.13.1\n"


def test_a_python_of_uv_s(runner: Runner, docker: Docker, tmp_path: Path) -> None:
    answer = f'[ "$*" = "python find --no-project >=3.11" ] && echo {sys.executable}'
    runner.environment["PATH"] = _bin(tmp_path / "bin", python3="exit 1", uv=answer)
    assert runner.run({"context": "."}).code == 0
    assert docker.calls("buildx", "build")


# -- what is kept in two places


def test_the_libraries_are_those_of_the_project() -> None:
    """Every requirement is pinned with hashes, and fits what pyproject.toml asks for."""
    import tomllib

    from packaging.requirements import Requirement

    lock = (ROOT / ".github/action/requirements.txt").read_text("utf-8")
    pinned = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", lock, re.MULTILINE))
    wanted = map(
        Requirement, tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    )
    assert all(pinned[each.name] in each.specifier for each in wanted)
    assert len(re.findall(r"^[a-z]", lock, re.MULTILINE)) == len(
        re.findall(r"==.*\\\n    --hash=sha256:", lock)
    )
    assert "pip" in pinned


def test_every_input_and_output_is_documented() -> None:
    page = (ROOT / "docs/reference/action.md").read_text("utf-8")
    outputs = action()["outputs"]
    assert isinstance(outputs, dict)
    words = set(re.findall(r"[\w-]+", page))
    assert {*INPUTS, *outputs} <= words
