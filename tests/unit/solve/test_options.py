"""Command lines of `build`, read as buildx reads them."""

from __future__ import annotations

import pytest

from xbuild.errors import UsageError
from xbuild.solve.options import (
    FLAGS,
    BuildOptions,
    FlagKind,
    Output,
    display_command,
    join_fields,
    mask,
    parse_build_arguments,
    parse_output,
    redact,
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


def test_progress_falls_back_to_the_environment() -> None:
    assert parse(".", BUILDKIT_PROGRESS="rawjson").progress == "rawjson"
    assert parse("--progress=plain", ".", BUILDKIT_PROGRESS="rawjson").progress == "plain"
    assert parse(".").progress == "auto"


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
    assert parse("-t", "c", "-o", "type=local,dest=x", "--push", ".").references == ("c",)
    assert parse("-o", "type=image,name=a", "-o", "type=registry,name=b", ".").references == ("b",)
    assert parse("-o", "type=docker", ".").loads
    assert not parse("-o", "type=docker,dest=x.tar", ".").loads


@pytest.mark.parametrize(
    "argv",
    [
        ("-o", "type=image,name=h.example/app,push-by-digest=true,name-canonical=true,push=true"),
        ("-t", "h.example/app", "-o", "type=image,push-by-digest=true,name-canonical=true,push="),
        ("-t", "h.example/app", "-o", "type=image,push-by-digest=true", "--push"),
        ("-o", "type=registry,name=h.example/app,push-by-digest=true"),
    ],
)
def test_a_push_by_digest_sets_no_tag(argv: tuple[str, ...]) -> None:
    options = parse(*argv, ".")
    assert options.pushes
    assert (options.references, options.repositories) == ((), ("h.example/app",))


def test_stores_of_other_contexts() -> None:
    assert parse("-o", "type=docker,context=far", "-o", "type=docker", ".").load_contexts == ("far", "")
    assert parse("-o", "type=docker,context=far", "--load", ".").load_contexts == ("far",)
    assert parse("--load", ".").load_contexts == ("",)
    assert parse("-o", "type=docker,dest=x.tar", ".").load_contexts == ()


@pytest.mark.parametrize(
    ("argv", "call"),
    [
        (("--check",), "check"),
        (("--check=false",), None),
        (("--call", "outline"), "outline"),
        (("--call=targets,format=json",), "targets"),
        (("--call", "lint"), "lint"),
        (("--call", "format=json,check"), "check"),
        (("--call", "format=json"), ""),
        (("--call", "subrequests.describe"), "subrequests.describe"),
        (("--call", "build,format=json"), None),
        (("--call", ""), None),
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
        (("-t", "h.example/a@sha256:" + "0" * 64, "."), "names a digest"),
        (("-o", "type=image,name=a:1,push-by-digest=true,push=true", "."), "sets no tag"),
        (("-o", "type=registry,name=h.example/a,registry.insecure=true", "."), "registry.insecure"),
        (("-o", "type=image,name=a", "-o", "type=registry", "."), "needs a name"),
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


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("https://user:s3cr3t@h.example/r.git#main", "https://***@h.example/r.git#main"),
        ("https://s3cr3t@h.example/r.git", "https://***@h.example/r.git"),
        ("https://user:s3c@r3t@h.example/r.git", "https://***@h.example/r.git"),
        ("https://h.example/c.tgz?private_token=s3cr3t,s3cr3t", "https://h.example/c.tgz?***"),
        ("HTTPS://h.example/c?X-Amz-Signature=s3cr3t#x", "HTTPS://h.example/c?***#x"),
        ("src=https://u:s3cr3t@h.example/r.git?access_token=s3cr3t", "src=https://***@h.example/r.git?***"),
        (
            'type=s3,bucket=b,"secret_access_key=a,s3cr3t",region=r',
            "type=s3,bucket=b,secret_access_key=***,region=r",
        ),
        ("type=x,access_token=s3cr3t,mode=max", "type=x,access_token=***,mode=max"),
        ("type=gha,GHTOKEN=s3cr3t", "type=gha,GHTOKEN=***"),
        ('type=x,password=a"s3cr3t,b', "type=x,password=***,b"),
        ("--future=token=s3cr3t", "--future=token=***"),
        ("docker-image://alpine@sha256:0", "docker-image://alpine@sha256:0"),
        ("git@github.com:o/r.git", "git@github.com:o/r.git"),
        ("id=npm_token,src=/run/x", "id=npm_token,src=/run/x"),
        ("type=local,dest=a,b", "type=local,dest=a,b"),
    ],
)
def test_what_is_masked_in_a_word(word: str, shown: str) -> None:
    assert mask((word,)) == (shown,)


def test_addresses_in_a_text() -> None:
    said = "read from https://u:p@h.example/a?t=1 and ssh://git@h.example/b"
    assert redact(said) == "read from https://***@h.example/a?*** and ssh://***@h.example/b"


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
    assert not [flag for flag in FLAGS if flag.kind is FlagKind.BOOLEAN and flag.repeatable]
