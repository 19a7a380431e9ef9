"""The door: help, version, dispatch, failures, the Docker CLI plugin."""

from __future__ import annotations

import errno
import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tests.unit.cli.command import Xbuild
from xbuild import __version__
from xbuild.cli import main
from xbuild.cli.failure import explain
from xbuild.cli.main import COMMANDS, help_text
from xbuild.errors import EXIT_CODES, ConfigError, Exit

ROOT = Path(__file__).parents[3]


def test_help_lists_exactly_the_commands(xbuild: Xbuild) -> None:
    shown = re.findall(r"^  ([a-z]+)  ", xbuild("--help").out, re.MULTILINE)
    assert tuple(shown) == tuple(COMMANDS)
    assert all((ROOT / "src/xbuild/cli" / f"{name}.py").exists() for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_says_what_each_command_says_of_itself(name: str, xbuild: Xbuild) -> None:
    shown = xbuild(name, "--help")
    assert shown.code == 0
    if name != "build":
        assert COMMANDS[name] in shown.out
    assert f"Usage: xbuild {name}" in shown.out
    assert callable(import_module(f"xbuild.cli.{name}").main)


def test_help_imports_next_to_nothing() -> None:
    code = (
        "import sys; from xbuild.cli.main import run; run(['--help']); print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {
        "typer",
        "click",
        "rich",
        "yaml",
        "dataclasses",
        "typing",
        "re",
        "json",
        "argparse",
        "tree_sitter",
    }
    assert not heavy & set(done.stderr.split())


def test_a_plan_without_an_engine_imports_what_it_needs() -> None:
    code = (
        "import sys; from xbuild.cli.main import run; code = run(['plan', '--offline', sys.argv[1]])\n"
        "print(*sys.modules, file=sys.stderr); sys.exit(code)"
    )
    sample = str(ROOT / "tests/projects/go-server")
    done = subprocess.run([sys.executable, "-c", code, sample], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert not loaded & {"typer", "click", "rich", "pydantic", "python_on_whales", "asyncio", "yaml"}
    assert not loaded & {"subprocess", "tarfile", "xbuild.solve.engine", "xbuild.views.report"}


def test_version(xbuild: Xbuild) -> None:
    assert xbuild("--version").out == f"xbuild {__version__}\n"


def test_no_command_shows_the_help_and_fails(xbuild: Xbuild) -> None:
    assert (xbuild().code, xbuild().out) == (2, help_text())


@pytest.mark.parametrize(
    "argv", [("frob",), ("--frob",), ("plan", "--frob"), ("verify",), ("bench", "-n", "x")]
)
def test_usage_errors_are_one_message(argv: tuple[str, ...], xbuild: Xbuild) -> None:
    result = xbuild(*argv)
    assert result.code == Exit.USAGE
    assert result.out == ""
    assert result.err.startswith("xbuild: ")
    assert "Traceback" not in result.err


def test_an_unexpected_error_is_one_line_and_how_to_report_it(
    xbuild: Xbuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_argv: list[str]) -> int:
        raise ValueError("oh")

    monkeypatch.setattr(main, "_dispatch", broken)
    result = xbuild("plan")
    assert result.code == 1
    assert result.err.splitlines()[0] == "xbuild: internal error: ValueError: oh"
    assert "XBUILD_DEBUG=1" in result.err
    assert "Traceback" not in result.err
    monkeypatch.setenv("XBUILD_DEBUG", "1")
    assert "Traceback" in xbuild("plan").err


def test_interrupt(xbuild: Xbuild, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_argv: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(main, "_dispatch", interrupted)
    assert xbuild("plan") == type(xbuild("plan"))(130, "", "xbuild: cancelled\n")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), Exit.ENGINE),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), Exit.CONTEXT),
        (ConfigError("m", file="f", line=3), Exit.CONFIG),
        (SystemExit(4), 4),
    ],
)
def test_failures_have_codes(error: BaseException, code: int) -> None:
    assert explain(error) == code


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    command = f"{sys.executable} -m xbuild plan --offline tests/projects/go-server | head -c 1 >/dev/null"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, cwd=ROOT)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("--help >&-", 0),
        ("--version >&- 2>&-", 0),
        ("plan --offline nope >&- 2>&-", Exit.CONTEXT),
        ("--help >/dev/full", Exit.ENGINE),
        ("--version >/dev/full", Exit.ENGINE),
    ],
)
def test_an_output_that_takes_nothing(command: str, code: int) -> None:
    line = f"{sys.executable} -m xbuild {command}"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True)
    assert done.returncode == code
    assert done.stderr.count("xbuild: ") == done.stderr.count("\n  try: ") == (code == Exit.ENGINE)
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


def test_plugin_metadata() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import sys; sys.argv = ['/x/docker-xbuild', 'docker-cli-plugin-metadata'];"
         "from xbuild.cli.main import main; sys.exit(main())"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    metadata = json.loads(done.stdout)
    assert metadata["SchemaVersion"] == "0.1.0"
    assert metadata["Vendor"]


def test_exit_codes_are_documented() -> None:
    page = (ROOT / "docs/reference/exit-codes.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| (\d+) \| (.+?) \|$", page, re.MULTILINE))
    assert rows == {str(int(code)): text for code, text in EXIT_CODES.items()}
