"""`xbuild lint`: which files, exit codes, formats, fixes, bad input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.unit.cli.command import Xbuild
from xbuild.cli import lint as lint_door
from xbuild.pipeline.lintees import find
from xbuild.pipeline.linting import lint
from xbuild.pipeline.wishes import Configs, Wanted
from xbuild.rules.linter import Linted

ROOT = Path(__file__).parents[3]
SCHEMA = json.loads((ROOT / "src/xbuild/views/schemas/lint.schema.json").read_text("utf-8"))
DEFAULT = "FROM --platform=$TARGETPLATFORM debian:bookworm-slim\nRUN apt-get update\n"
WRONG = 'FROM --platform=$BUILDPLATFORM debian:bookworm-slim\nRUN make\nCMD ["/app"]\n'
CLEAN = "FROM debian:bookworm-slim\nRUN apt-get update\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_exit_codes(here: Path, xbuild: Xbuild) -> None:
    write(here, "clean/Dockerfile", CLEAN)
    write(here, "info/Dockerfile", DEFAULT)
    write(here, "wrong/Dockerfile", WRONG)
    assert xbuild("lint", "clean").code == 0
    assert xbuild("lint", "info").code == 0
    assert xbuild("lint", "info", "--fail-on", "info").code == 1
    assert xbuild("lint", "wrong").code == 1
    assert xbuild("lint", "wrong", "--exit-zero").code == 0
    assert xbuild("lint", "wrong", "missing").code == 2
    assert xbuild("lint", "missing", "--exit-zero").code == 2


def test_text(here: Path, xbuild: Xbuild) -> None:
    write(here, "Dockerfile", DEFAULT)
    shown = xbuild("lint").out
    assert "Dockerfile:1:6: info redundant-target-platform: stage 0 names the platform" in shown
    assert "  | FROM --platform=$TARGETPLATFORM debian:bookworm-slim\n  |      " + "^" * 26 + "\n" in shown
    assert "fix (--fix): drop the flag" in shown
    assert shown.endswith("1 file: 1 info\n")


def test_json(here: Path, xbuild: Xbuild) -> None:
    write(here, "Dockerfile", WRONG)
    write(here, "broken/Dockerfile", "RUN echo\n")
    data = json.loads(xbuild("lint", "--format", "json").out)
    jsonschema.validate(data, SCHEMA)
    of = {file["path"]: file for file in data["files"]}
    assert [f["rule"] for f in of["Dockerfile"]["findings"]] == ["final-stage-pinned"]
    assert of["broken/Dockerfile"]["problem"]["line"] == 1


def test_other_formats(here: Path, xbuild: Xbuild) -> None:
    write(here, "a b/Dockerfile", WRONG)
    write(here, "broken/Dockerfile", "RUN <&\"'\n")
    run = json.loads(xbuild("lint", "--format", "sarif").out)["runs"][0]
    result = run["results"][0]
    assert (
        run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "final-stage-pinned"
    )
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%20b/Dockerfile"
    assert not run["invocations"][0]["executionSuccessful"]
    issues: list[dict[str, Any]] = json.loads(xbuild("lint", "--format", "gitlab").out)
    assert {issue["check_name"] for issue in issues} == {"final-stage-pinned", "input-error"}
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)
    assert (
        "::error file=a b/Dockerfile,line=1,col=6,endLine=1,title=final-stage-pinned::"
        in xbuild("lint", "--format", "github").out
    )
    checked = ET.fromstring(xbuild("lint", "--format", "checkstyle").out.partition("\n")[2])
    assert [e.get("source") for e in checked.iter("error")] == ["xbuild.final-stage-pinned", "xbuild.input"]
    suites = ET.fromstring(xbuild("lint", "--format", "junit").out.partition("\n")[2])
    assert (suites.get("tests"), suites.get("failures"), suites.get("errors")) == ("2", "1", "1")


def test_fingerprints_survive_moved_lines(here: Path, xbuild: Xbuild) -> None:
    def prints() -> list[str]:
        return [issue["fingerprint"] for issue in json.loads(xbuild("lint", "--format", "gitlab").out)]

    file = write(here, "Dockerfile", WRONG)
    before = prints()
    file.write_text(f"# one line more\n\n{WRONG}")
    assert prints() == before


def test_fix(here: Path, xbuild: Xbuild) -> None:
    file = write(here, "Dockerfile", DEFAULT.replace("\n", "\r\n"))
    assert "-FROM --platform=$TARGETPLATFORM" in xbuild("lint", "--diff").out
    assert file.read_bytes().startswith(b"FROM --platform")
    assert xbuild("lint", "--fix").out == "1 file: nothing found, 1 fixed\n"
    assert file.read_bytes() == CLEAN.replace("\n", "\r\n").encode()


def test_unsafe_fixes_are_asked_for(here: Path, xbuild: Xbuild) -> None:
    file = write(here, "Dockerfile", WRONG)
    assert xbuild("lint", "--fix").code == 1
    assert file.read_text() == WRONG
    assert xbuild("lint", "--fix", "--unsafe-fixes").code == 0
    assert file.read_text().startswith("FROM debian")


def test_a_fix_needs_no_second_run(here: Path, xbuild: Xbuild) -> None:
    text = "FROM debian:bookworm-slim\nENV NAME=$TARGETOS-$TARGETARCH\n"
    file = write(here, "Dockerfile", text)
    xbuild("lint", "--fix")
    assert sorted(file.read_text().splitlines()[1:3]) == ["ARG TARGETARCH", "ARG TARGETOS"]
    assert xbuild("lint", "--fix").out == "1 file: nothing found\n"


def test_standard_input() -> None:
    code = "from xbuild.cli.main import run; import sys; sys.exit(run(sys.argv[1:]))"
    words = [sys.executable, "-c", code, "lint", "-", "--stdin-filename", "x/Dockerfile"]
    done = subprocess.run(words, input=DEFAULT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.startswith("x/Dockerfile:1:6: info")) == (0, True)
    done = subprocess.run([*words, "--fix"], input=DEFAULT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, CLEAN)
    done = subprocess.run([*words, "--fix"], input="RUN x", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "RUN x")
    assert "x/Dockerfile:1: not linted" in done.stderr


def test_which_files(here: Path) -> None:
    named = ("Dockerfile", "sub/Containerfile", "sub/web.Dockerfile", "dockerfile.dev", "a/DOCKERFILE")
    for name in (*named, "Dockerfile.dockerignore", "notes/dockerfile.md", "docker/file", ".git/Dockerfile"):
        write(here, name, CLEAN)
    write(here, "out/Dockerfile", CLEAN)
    write(here, ".gitignore", "out/\n")
    (here / "loop").symlink_to(here)

    def files(*paths: str, exclude: tuple[str, ...] = (), force: bool = False) -> set[str]:
        wanted = Wanted(exclude=exclude, force_exclude=force)
        return {str(found) for found in find(paths, wanted, Configs(wanted))}

    assert files(".") == set(named)
    assert files(".", exclude=("sub",)) == {n for n in named if not n.startswith("sub")}
    assert files(".", exclude=("sub/*file",)) == set(named) - {"sub/Containerfile", "sub/web.Dockerfile"}
    assert files(".", exclude=("./sub/web.*", "**/DOCKERFILE")) == set(named) - {
        "sub/web.Dockerfile",
        "a/DOCKERFILE",
    }
    assert files("sub/web.Dockerfile", exclude=("sub",)) == {"sub/web.Dockerfile"}
    assert files("sub/web.Dockerfile", exclude=("sub",), force=True) == set()
    assert files("*/*.Dockerfile") == {"sub/web.Dockerfile"}


def test_one_bad_file_never_stops_the_others(here: Path) -> None:
    write(here, "Dockerfile", WRONG)
    (here / "binary.Dockerfile").write_bytes(b"FROM debian\0\xff")
    write(here, "long.Dockerfile", "FROM debian\nRUN " + "x" * 70_000 + "\n")
    write(here, "none.Dockerfile", "# nothing\n")
    write(here, "huge.Dockerfile", "# " + "x" * (2 << 20))
    (here / "gone.Dockerfile").symlink_to("nowhere")
    done = {result.path: result for result in lint(["."], Wanted())}
    assert done["Dockerfile"].judged.told
    assert {path for path, r in done.items() if r.problem} >= {
        "binary.Dockerfile", "none.Dockerfile", "huge.Dockerfile", "gone.Dockerfile",
    }  # fmt: skip


def test_many_files_in_any_order(here: Path) -> None:
    for number in range(40):
        write(here, f"{number}/Dockerfile", (WRONG, DEFAULT, CLEAN)[number % 3])
    names = [f"{number}/Dockerfile" for number in range(40)]

    def told(results: list[Linted]) -> dict[str, list[str]]:
        return {r.path: [t.rule.name for t in r.judged.told] for r in results}

    assert told(lint(names, Wanted())) == told(lint(names[::-1], Wanted()))


def test_unknown_names_get_the_nearest(here: Path, xbuild: Xbuild) -> None:
    """The files are linted all the same, but not changed: what a wrong name stands for is not known."""
    write(here, "Dockerfile", WRONG)
    done = xbuild("lint", "--select", "final-stage-pined,redundant-target-platform,final-stage-pinned")
    assert done.code == 2
    assert (
        "options: not linted: there is no rule final-stage-pined\n  try: is final-stage-pinned meant?"
        in done.out
    )
    assert "Dockerfile:1:6: error final-stage-pinned" in done.out
    assert "error" not in xbuild("lint", "--select", "final-stage-pined").out
    done = xbuild("lint", "--ignore", "final-stage-pined", "--fix", "--unsafe-fixes")
    assert (done.code, "is final-stage-pinned meant?" in done.err) == (2, True)
    assert (here / "Dockerfile").read_text() == WRONG
    assert "is final-stage-pinned meant?" in xbuild("lint", "--explain", "final-stage-pined").err
    assert "is sarif meant?" in xbuild("lint", "--format", "sarf").err
    assert xbuild("lint", "--no-such-option").code == 2


def test_select_and_ignore(here: Path, xbuild: Xbuild) -> None:
    write(here, "Dockerfile", WRONG)
    assert xbuild("lint", "--ignore", "final-stage-pinned").code == 0
    assert xbuild("lint", "--select", "redundant-target-platform").code == 0
    assert xbuild("lint", "--platform", "linux/amd64").code == 0


def test_explain_and_list(xbuild: Xbuild) -> None:
    assert "Why: the image that is published" in xbuild("lint", "--explain", "final-stage-pinned").out
    assert "final-stage-pinned" in xbuild("lint", "--list-rules").out


def test_the_report_goes_to_a_file(here: Path, xbuild: Xbuild) -> None:
    write(here, "Dockerfile", WRONG)
    done = xbuild("lint", "--format", "sarif", "--output", "found.sarif")
    assert (done.code, done.out) == (1, "")
    assert json.loads((here / "found.sarif").read_text())["version"] == "2.1.0"
    assert xbuild("lint", "--output", "no/such/folder").code == 2


def test_options_that_do_not_go_together(here: Path, xbuild: Xbuild) -> None:
    write(here, "Dockerfile", WRONG)
    for words in (["--unsafe-fixes"], ["--reason", "x"], ["-", "Dockerfile"], ["--stdin-filename", "x", "."]):
        assert xbuild("lint", *words).code == 2


def test_statistics(here: Path, xbuild: Xbuild) -> None:
    """Beside data they go to standard error."""
    write(here, "Dockerfile", WRONG)
    write(here, "b/Dockerfile", WRONG)
    write(here, "c/Dockerfile", DEFAULT)
    counts = "     2  final-stage-pinned\n     1  redundant-target-platform\n"
    assert xbuild("lint", "--statistics").out.endswith(counts)
    done = xbuild("lint", "--statistics", "--format", "json")
    assert (len(json.loads(done.out)["files"]), done.err) == (3, counts)


def test_a_diff_changes_no_exit_code(here: Path, xbuild: Xbuild) -> None:
    write(here, "Dockerfile", WRONG)
    done = xbuild("lint", "--diff", "--unsafe-fixes")
    assert (done.code, done.out.startswith("--- ")) == (1, True)
    write(here, "broken.Dockerfile", "RUN echo\n")
    done = xbuild("lint", "--diff", "--output", "report")
    assert (done.code, done.err) == (2, "")
    assert "broken.Dockerfile:1: not linted" in (here / "report").read_text()
    assert "broken.Dockerfile:1: not linted" in xbuild("lint", "--diff").err


def test_a_file_that_cannot_be_written(here: Path, xbuild: Xbuild, monkeypatch: pytest.MonkeyPatch) -> None:
    write(here, "a/Dockerfile", DEFAULT)
    write(here, "b/Dockerfile", DEFAULT)

    def refused(path: Path, data: bytes) -> None:
        if path.parent.name == "a":
            raise PermissionError(13, "Permission denied")
        path.write_bytes(data)

    monkeypatch.setattr(lint_door, "write_whole", refused)
    done = xbuild("lint", "--fix")
    assert (done.code, "a/Dockerfile: not linted: cannot be written: Permission denied" in done.out) == (
        2,
        True,
    )
    assert (here / "b/Dockerfile").read_text() == CLEAN


MANY = """\
# syntax=docker/dockerfile:1
ARG TARGETARCH=amd64
# the base
FROM --platform=$BUILDPLATFORM debian:bookworm-slim
  # xbuild ignore=redundant-target-platform mine
  RUN echo $TARGETVARIANT \\
    && echo $TARGETOS
CMD ["/app"]
"""


def test_add_ignores(here: Path, xbuild: Xbuild) -> None:
    file = write(here, "Dockerfile", MANY.replace("\n", "\r\n"))
    found = xbuild("lint", "--severity", "info").out
    assert "unused-ignore" in found
    assert xbuild("lint", "--add-ignores", "--diff").out.count("+# xbuild") == 2
    assert file.read_bytes() == MANY.replace("\n", "\r\n").encode()
    done = xbuild("lint", "--add-ignores", "--reason", "as it was")
    text = file.read_bytes().decode()
    assert text.count("\r\n") == text.count("\n") == MANY.count("\n") + 2
    assert "# xbuild ignore=platform-arg-default as it was\r\nARG TARGETARCH=amd64" in text
    assert "# the base\r\n# xbuild ignore=final-stage-pinned as it was\r\nFROM" in text
    assert "# xbuild ignore=redundant-target-platform,platform-arg-undeclared mine\r\n" in text
    assert "ignored from now on" in done.out
    assert {line.split()[2] for line in done.out.splitlines() if line.startswith("Dockerfile:")} == {
        "unused-ignore:"
    }
    xbuild("lint", "--add-ignores")
    assert file.read_bytes().decode() == text


def test_add_ignores_after_fixes(here: Path, xbuild: Xbuild) -> None:
    file = write(here, "Dockerfile", DEFAULT.replace("slim", "slim AS a") + WRONG)
    assert xbuild("lint", "--fix", "--add-ignores").code == 0
    first, second = file.read_text().split("# xbuild ignore=final-stage-pinned\n")
    assert (first, second) == (CLEAN.replace("slim", "slim AS a"), WRONG)


@pytest.mark.parametrize("name", ["json", "sarif"])
def test_baseline(name: str, here: Path, xbuild: Xbuild) -> None:
    """Known is what was found at a line that reads the same, wherever it is now."""
    file = write(here, "a b/Dockerfile", WRONG)
    write(here, "c/Dockerfile", CLEAN)
    xbuild("lint", "--format", name, "--output", "before")
    file.write_text(f"# more\n{WRONG}")
    done = xbuild("lint", ".", "--baseline", "before")
    assert (done.code, done.out) == (0, "2 files: nothing found, 1 in the baseline\n")
    assert xbuild("lint", "a b/Dockerfile", "--baseline", "before").code == 0
    assert xbuild("lint", "--baseline", "before", "--fix", "--unsafe-fixes").code == 0
    assert file.read_text() == f"# more\n{WRONG}"
    write(here, "c/Dockerfile", WRONG)
    done = xbuild("lint", "--baseline", "before")
    assert (done.code, "c/Dockerfile:1:6: error final-stage-pinned" in done.out) == (1, True)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": [{"path": "x", "findings": [{}]}]}', "3"])
def test_a_baseline_that_is_none(text: str, here: Path, xbuild: Xbuild) -> None:
    write(here, "before", text)
    done = xbuild("lint", "--baseline", "before")
    assert (done.code, "is no report of xbuild lint" in done.err) == (2, True)
    assert xbuild("lint", "--baseline", "gone").code == 2


def test_only_what_is_needed_is_imported(here: Path) -> None:
    write(here, "Dockerfile", CLEAN)
    code = (
        "import sys; from xbuild.cli.main import run; run(['lint', 'Dockerfile']);"
        "print(*sys.modules, file=sys.stderr)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    loaded = set(done.stderr.split())
    assert "xbuild.rules.linter" in loaded
    assert not loaded & {"typer", "click", "rich", "python_on_whales", "yaml", "pathspec", "asyncio"}
    assert not loaded & {"dataclasses", "inspect", "difflib", "tempfile", "importlib.resources"}
    assert not loaded & {
        "xbuild.plan.deciding.planner",
        "xbuild.plan.programs",
        "xbuild.plan.toolchains.every",
    }
