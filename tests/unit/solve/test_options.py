"""Command lines of `build`, read as buildx reads them."""

from __future__ import annotations

import pytest

from xbuild.errors import UsageError
from xbuild.solve.options import (
    FLAGS,
    BuildOptions,
    Kind,
    Output,
    display_command,
    join_fields,
    parse_build_arguments,
    parse_output,
)


def parse(*argv: str, **environ: str) -> BuildOptions:
    return parse_build_arguments(argv, environ)


@pytest.mark.parametrize(
    ("argv", "tags"),
    [
        (("--tag", "a:1", "."), ("a:1",)),
        (("--tag=a:1", "."), ("a:1",)),
        (("-t", "a:1", "."), ("a:1",)),
        (("-ta:1", "."), ("a:1",)),
        (("-t=a:1", "."), ("a:1",)),
        (("-qta:1", "."), ("a:1",)),
        ((".", "-t", "a:1", "-t", "b"), ("a:1", "b")),
        (("--tag", "a", "--tag", "a", "."), ("a",)),
    ],
)
def test_a_value_in_all_its_forms(argv: tuple[str, ...], tags: tuple[str, ...]) -> None:
    options = parse(*argv)
    assert options.tags == tags
    assert options.context == "."


@pytest.mark.parametrize(
    ("argv", "push", "quiet", "debug"),
    [
        (("--push", "."), True, False, False),
        (("--push=false", "."), False, False, False),
        (("--push", "--push=0", "."), False, False, False),
        (("-q", "."), False, True, False),
        (("-qD", "."), False, True, True),
        (("-q=false", "-D=true", "."), False, False, True),
    ],
)
def test_a_boolean_in_all_its_forms(argv: tuple[str, ...], push: bool, quiet: bool, debug: bool) -> None:
    options = parse("-t", "x", *argv)
    assert (options.push, options.quiet, options.flag("debug")) == (push, quiet, debug)


def test_a_boolean_takes_no_word_behind_it() -> None:
    with pytest.raises(UsageError, match="exactly one context"):
        parse("--load", "false", ".")


def test_the_last_scalar_counts_and_a_value_may_begin_with_a_dash() -> None:
    options = parse("--target", "a", "--target", "-b", ".")
    assert options.target == "-b"


def test_two_dashes_end_the_flags() -> None:
    options = parse("-t", "x", "--", "--push")
    assert options.context == "--push"
    assert not options.push
    assert options.to_argv() == ("--tag", "x", "--", "--push")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("--future=1", "."), ("--future=1", ".")),
        (("--future", "."), ("--future", ".")),
        (("--future", "1", "."), ("--future", "1", ".")),
        ((".", "--future", "1"), ("--future", "1", ".")),
        (("--one", "1", "--two", "2", "."), ("--one", "1", "--two", "2", ".")),
        (("-z", "."), ("-z", ".")),
    ],
)
def test_unknown_flags_pass_through(argv: tuple[str, ...], words: tuple[str, ...]) -> None:
    assert parse(*argv).to_argv() == words


def test_own_flags_do_not_reach_buildx() -> None:
    options = parse(
        "--dry-run", "--no-rewrite", "--no-verify", "--show-values", "--report", "a.json", "--report=b.md",
        "--baseline", "none", "--config", "c.yaml", "--no-cache-mounts", "--pull", ".",
    )  # fmt: skip
    assert options.to_argv() == ("--pull", ".")
    assert options.reports == ("a.json", "b.md")
    assert (options.baseline, options.config) == ("none", "c.yaml")
    assert options.dry_run
    assert options.no_rewrite
    assert options.no_verify
    assert options.show_values
    assert options.no_cache_mounts


def test_platforms_from_flags_and_from_the_environment() -> None:
    assert parse("--platform", "linux/amd64,linux/arm64", "--platform=arm", ".").platforms == (
        "linux/amd64",
        "linux/arm64",
        "arm",
    )
    assert parse(".", DOCKER_DEFAULT_PLATFORM="linux/arm64").platforms == ("linux/arm64",)
    assert parse("--platform", "linux/386", ".", DOCKER_DEFAULT_PLATFORM="x").platforms == ("linux/386",)
    assert parse(".").platforms == ()


def test_build_args_fall_back_to_the_environment() -> None:
    options = parse(
        "--build-arg",
        "A=1",
        "--build-arg",
        "B",
        "--build-arg",
        "C",
        "--build-arg",
        "D=",
        ".",
        B="2",
        OTHER="3",
    )
    assert options.build_args == {"A": "1", "B": "2", "D": ""}
    assert "OTHER" not in dict(options.environment)
    assert parse(".", SOURCE_DATE_EPOCH="5").build_args == {"SOURCE_DATE_EPOCH": "5"}


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("out", Output("local", "out")),
        ("-", Output("tar", "-")),
        ("type=local,dest=out", Output("local", "out")),
        ("type=oci,dest=a.tar,compression=zstd", Output("oci", "a.tar", (("compression", "zstd"),))),
        ('type=image,"name=a,b",push=true', Output("image", None, (("name", "a,b"), ("push", "true")))),
        ("TYPE=docker", Output("local", "TYPE=docker")),
        ("type=registry", Output("registry")),
    ],
)
def test_outputs(text: str, output: Output) -> None:
    assert parse_output(text) == output


def test_what_an_output_asks_for() -> None:
    assert parse("-o", "type=registry,name=a/b", ".").references == ("a/b",)
    assert parse("-o", 'type=image,push=true,"name=a,b"', "-t", "c", ".").references == ("c",)
    assert parse("-t", "c", ".").references == ()
    assert parse("-o", "type=docker", ".").loads
    assert not parse("-o", "type=docker,dest=x.tar", ".").loads


@pytest.mark.parametrize(
    ("argv", "call"),
    [
        (("--check",), "check"),
        (("--check=false",), None),
        (("--call", "outline"), "outline"),
        (("--call=targets,format=json",), "targets"),
        (("--call", "build"), None),
        ((), None),
    ],
)
def test_questions_for_buildx(argv: tuple[str, ...], call: str | None) -> None:
    options = parse(*argv, ".")
    assert options.call == call
    assert options.passes_through is (call is not None)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ((), "exactly one context, and none was given"),
        (("a", "b"), "exactly one context, and 2 was given"),
        ((".", "--tag"), "flag needs an argument: --tag"),
        ((".", "-t"), "flag needs an argument: -t, --tag"),
        (("--push=perhaps", "."), "invalid value 'perhaps' for --push"),
        (("--=x", "."), "bad flag syntax"),
        (("--push", "."), "needs a name"),
        (("--build-arg", "=x", "."), "has no name"),
        (("--build-context", "x", "."), "has no value"),
        (("--call", "dance", "."), "not known"),
        (("--baseline", "guess", "."), "not known"),
        (("--progress", "loud", "."), "not known"),
        (("--progress=plain", "-q", "."), "cannot be used together"),
        (("--report", "r.txt", "."), "kind is not known"),
        (("-o", "type=local,dest=x", "--iidfile", "i", "."), "no image ID"),
        (("-o", "dest=x,push=true", "."), "no type"),
        (("-o", "type=local,x", "."), "cannot be read"),
        (("-f", "-", "-"), "cannot be both"),
        (("-t", "A:b", "."), "no image reference"),
    ],
)
def test_what_is_refused(argv: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse(*argv)


def test_values_and_credentials_are_masked() -> None:
    argv = (
        "docker", "buildx", "build", "--build-arg", "TOKEN=s3cr3t", "--build-arg=OTHER=hidden",
        "--build-arg", "BARE", "--tag", "a:1",
        "--cache-to", "type=s3,bucket=b,secret_access_key=s3cr3t,access_key_id=s3cr3t",
        "https://user:s3cr3t@example.org/repo.git",
    )  # fmt: skip
    shown = display_command(argv)
    assert "s3cr3t" not in shown
    assert "hidden" not in shown
    assert "TOKEN=***" in shown.replace("'", "")
    assert "BARE" in shown
    assert "bucket=b" in shown
    assert display_command(argv, show_values=True).count("s3cr3t") == 4


def test_the_environment_is_not_shown() -> None:
    assert "s3cr3t" not in repr(parse("--build-arg", "TOKEN", ".", TOKEN="s3cr3t"))


def test_flags_are_added_and_taken_away() -> None:
    options = parse("-t", "a", "--push", "-f", "x", ".")
    changed = options.without("push", "file").with_flags(("file", "y"), ("no-cache", "true"))
    assert changed.to_argv() == ("--tag", "a", "--file", "y", "--no-cache", ".")


def test_joined_fields_come_back() -> None:
    pairs = (("type", "oci"), ("dest", "/tmp/a,b"), ("name", 'x"y'))
    assert parse_output(join_fields(pairs)) == Output("oci", "/tmp/a,b", (("name", 'x"y'),))


def test_names_and_letters_are_unique() -> None:
    names = [flag.name for flag in FLAGS]
    letters = [flag.short for flag in FLAGS if flag.short]
    assert len(names) == len(set(names))
    assert len(letters) == len(set(letters))
    assert not [flag for flag in FLAGS if flag.kind is Kind.BOOLEAN and flag.repeatable]
