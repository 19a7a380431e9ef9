"""Completion: answers in cobra's form, for every command, and what a shell makes of them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.cli.command import Xbuild
from xbuild.cli.completion import answer, options_of
from xbuild.cli.main import COMMANDS
from xbuild.solve.options import FLAGS


def told(*words: str) -> list[str]:
    """The words alone, and the directive."""
    return [line.partition("\t")[0] for line in answer(words)]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ((), [*COMMANDS, ":4"]),
        (("",), [*COMMANDS, ":4"]),
        (("ver",), ["verify", ":4"]),
        (("build", "--baselin"), ["--baseline", ":4"]),
        (("build", "--baseline", "e"), ["estimate", ":4"]),
        (("build", "--baseline=e"), ["estimate", ":4"]),
        (("build", "--baseline", "=", "e"), ["estimate", ":4"]),
        (("build", "--baseline", "="), ["none", "estimate", "measure", ":4"]),
        (("build", "--push", ""), [":16"]),
        (("build", "-f", ""), [":0"]),
        (("build", "--tag", "x"), [":4"]),
        (("lint", "--fail-on", ""), ["error", "warning", "info", ":4"]),
        (("lint", ""), [":0"]),
        (("plugin", "in"), ["install", ":4"]),
        (("completion", "z"), ["zsh", ":4"]),
        (("nothing", "--"), [":4"]),
    ],
)
def test_what_is_offered(words: tuple[str, ...], offered: list[str]) -> None:
    assert told(*words) == offered


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_a_command_is_in_its_help(command: str, xbuild: Xbuild) -> None:
    options = [option.word for option in options_of(command) if option.word.startswith("--")]
    assert "--help" in options
    shown = xbuild(command, "--help").out
    listed = set(re.findall(r"^  (?:-\w, )?(--[\w-]+)", shown, re.MULTILINE))
    assert listed <= set(options)
    assert [word for word in options if word not in shown and word != "--help"] == []


def test_all_flags_of_a_build_are_offered() -> None:
    assert {f"--{flag.name}" for flag in FLAGS if not flag.hidden} <= set(told("build", "--"))


def test_cobra_s_two_forms(xbuild: Xbuild) -> None:
    assert xbuild("__complete", "pla").out == f"plan\t{COMMANDS['plan']}\n:4\n"
    assert xbuild("__completeNoDesc", "pla").out == "plan\n:4\n"


def test_a_shell_that_is_not_known(xbuild: Xbuild) -> None:
    done = xbuild("completion", "tcsh")
    assert (done.code, done.out) == (2, "")


_ASK = {
    "bash": 'COMP_WORDS=(xbuild build --baselin); COMP_CWORD=2; _xbuild; echo "${COMPREPLY[@]}"',
    "fish": "complete -C 'xbuild build --baselin' | string split -f1 \\t",
}


@pytest.mark.parametrize("shell", _ASK)
def test_in_a_shell(shell: str, tmp_path: Path, xbuild: Xbuild) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed here")
    (tmp_path / "xbuild").write_text(f'#!/bin/sh\nexec {sys.executable} -m xbuild "$@"\n')
    (tmp_path / "xbuild").chmod(0o755)
    (tmp_path / "script").write_text(f"{xbuild('completion', shell).out}\n{_ASK[shell]}\n")
    source = Path(__file__).parents[3] / "src"
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(source)}
    done = subprocess.run([program, tmp_path / "script"], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "--baseline\n"
