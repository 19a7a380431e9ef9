"""Options of the commands that are told of a build: read as buildx reads them, shown in their help."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.command import GO, Xbuild, project
from xbuild.cli import bench, plan, rewrite
from xbuild.cli.door import _OF_OURS, Door, build_help, run_door
from xbuild.errors import Exit, UsageError
from xbuild.solve.options import FLAGS, BuildOptions, Flags

DOORS = (plan.DOOR, rewrite.DOOR, bench.DOOR)


def read(door: Door, *words: str) -> tuple[BuildOptions, Flags]:
    """What the command is given."""
    found: list[tuple[BuildOptions, Flags]] = []

    def command(options: BuildOptions, own: Flags) -> int:
        found.append((options, own))
        return 0

    assert run_door(door, command, words) == 0
    return found[0]


def test_help_of_build_has_a_row_for_each_own_flag() -> None:
    assert {name for name, _, _ in _OF_OURS} == {flag.name for flag in FLAGS if flag.own}
    shown = "\n".join(build_help())
    assert all(f"--{flag.name}" in shown for flag in FLAGS if not flag.hidden)


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_a_flag_is_there_once_and_shown(door: Door, xbuild: Xbuild) -> None:
    flags = [flag for flag, _, _ in door.rows]
    assert len({flag.name for flag in flags}) == len(flags)
    shown = xbuild(door.name, "-h").out
    assert all(f"--{flag.name}" in shown for flag in flags)


def test_words_are_read_as_buildx_reads_them() -> None:
    words = ("--platform", "linux/amd64", "-fD", "--platform=linux/arm64", "--build-arg=A=b=c", "sub")
    options, own = read(plan.DOOR, *words, "--json=false")
    assert (options.file, options.platforms, options.context) == ("D", ("linux/amd64", "linux/arm64"), "sub")
    assert options.build_args == {"A": "b=c"}
    assert not own.flag("json")
    assert not own.flag("offline")
    assert read(plan.DOOR)[0].context == "."
    assert read(plan.DOOR, "--", "-x")[0].context == "-x"


def test_a_flag_of_the_command_is_not_one_of_the_build() -> None:
    options, own = read(rewrite.DOOR, "--check", "--no-cache-mounts")
    assert own.flag("check")
    assert not options.passes_through
    assert options.no_cache_mounts


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--push", "."), "option --push is not known"),
        (("-x",), "option -x is not known"),
        (("a", "b"), "plan takes one context, and 2 were given: a b"),
        (("--json=maybe",), "invalid value 'maybe' for --json"),
        (("--target",), "flag needs an argument: --target"),
        (("--build-arg", "=x"), "--build-arg '=x' has no name"),
    ],
)
def test_what_is_not_understood_is_refused(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read(plan.DOOR, *words)


@pytest.mark.parametrize("number", ["0", "x", "-1", "1.5"])
def test_rounds_are_a_number(number: str, xbuild: Xbuild) -> None:
    result = xbuild("bench", "-n", number)
    assert result.code == Exit.USAGE
    assert f"-n '{number}'" in result.err


def test_the_environment_counts_as_for_a_build(
    tmp_path: Path, xbuild: Xbuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_DEFAULT_PLATFORM", "linux/arm64")
    assert read(plan.DOOR)[0].platforms == ("linux/arm64",)
    monkeypatch.setenv("DOCKER_DEFAULT_PLATFORM", "linux/nope")
    assert xbuild("plan", "--offline", project(tmp_path, GO)).code == Exit.USAGE
