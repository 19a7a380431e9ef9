"""Inputs of the action as options of a build: forms of lists, defaults, hostile values, secrets."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path

import pytest

from xbuild.cli.action.asked import (
    _FLAGS,
    INPUTS,
    Event,
    Form,
    Wishes,
    given_inputs,
    read_wishes,
    scrubbed,
    scrubber,
    unknown_inputs,
)
from xbuild.errors import UsageError
from xbuild.views.report import Outcome, Step

EVENT = Event("https://github.com/o/r.git#0123", "https://github.com/o/r/actions/runs/1")
MAX = "type=provenance,mode=max,builder-id=https://github.com/o/r/actions/runs/1"


def wishes(folder: Path, event: Event = EVENT, /, **inputs: str) -> Wishes:
    given = {f"INPUT_{name.replace('_', '-').upper()}": value for name, value in inputs.items()}
    return read_wishes(given_inputs(given), event, folder, {})


def argv(folder: Path, event: Event = EVENT, /, **inputs: str) -> list[str]:
    """Without the default attestation and the context."""
    *words, _ = wishes(folder, event, **{"provenance": "x=y,builder-id=z", **inputs}).options.to_argv()
    return words[:-2]


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({}, []),
        (
            {"platforms": "linux/amd64, linux/arm64\n\nlinux/arm/v7"},
            ["--platform", "linux/amd64,linux/arm64,linux/arm/v7"],
        ),
        (
            {"tags": "r.io/a/b:1\nr.io/a/b:2,r.io/a/c:3"},
            ["--tag", "r.io/a/b:1", "--tag", "r.io/a/b:2", "--tag", "r.io/a/c:3"],
        ),
        ({"build_args": "A=1,2\nB= x \n\n"}, ["--build-arg", "A=1,2", "--build-arg", "B= x"]),
        ({"build_args": '"A=one\ntwo"\nB="x"'}, ["--build-arg", "A=one\ntwo", "--build-arg", 'B="x"']),
        ({"build_args": '"A=say ""x"""'}, ["--build-arg", 'A=say "x"']),
        ({"build_args": "A=#x\r\nB=2\r\n"}, ["--build-arg", "A=#x", "--build-arg", "B=2"]),
        (
            {"outputs": 'type=image,"name=a,b",push=true,name=r.io/x/y'},
            ["--output", 'type=image,"name=a,b",push=true,name=r.io/x/y'],
        ),
        (
            {"outputs": "type=local,dest=a\ntype=tar,dest=b"},
            ["--output", "type=local,dest=a", "--output", "type=tar,dest=b"],
        ),
        ({"push": "true", "tags": "r.io/a/b"}, ["--push", "--tag", "r.io/a/b"]),
        ({"push": "FALSE", "pull": "True", "no_cache": "TRUE"}, ["--no-cache", "--pull"]),
        (
            {"build_contexts": "a={{defaultContext}}:x\nb=."},
            ["--build-context", "a=https://github.com/o/r.git#0123:x", "--build-context", "b=."],
        ),
        ({"secret_envs": "A=B,C=D"}, ["--secret", "id=A,env=B", "--secret", "id=C,env=D"]),
        ({"sbom": "true"}, []),
        (
            {"call": "check", "network": "none", "target": "t"},
            ["--call", "check", "--network", "none", "--target", "t"],
        ),
    ],
)
def test_words(inputs: dict[str, str], words: list[str], tmp_path: Path) -> None:
    found = argv(tmp_path, **inputs)
    assert (
        found == words
        if "sbom" not in inputs
        else found[:2] == ["--attest", "type=provenance,x=y,builder-id=z"]
    )


@pytest.mark.parametrize(
    ("inputs", "attests"),
    [
        ({}, [MAX]),
        ({"load": "true"}, []),
        ({"outputs": "type=docker,dest=x"}, []),
        ({"provenance": "false"}, ["type=provenance,disabled=true"]),
        ({"provenance": "true"}, ["type=provenance,builder-id=https://github.com/o/r/actions/runs/1"]),
        (
            {"provenance": "mode=min"},
            ["type=provenance,mode=min,builder-id=https://github.com/o/r/actions/runs/1"],
        ),
        ({"provenance": "mode=max,builder-id=mine"}, ["type=provenance,mode=max,builder-id=mine"]),
        ({"attests": "type=provenance,mode=max"}, [MAX]),
        ({"attests": "type=provenance,builder-id=mine"}, ["type=provenance,builder-id=mine"]),
        ({"attests": "type=sbom"}, [MAX, "type=sbom"]),
        ({"attests": "type=sbom,generator=x", "sbom": "true"}, [MAX, "type=sbom"]),
        ({"attests": "mode=min,type=provenance", "provenance": "mode=max"}, [MAX]),
        ({"sbom": "true"}, [MAX, "type=sbom"]),
        ({"sbom": "generator=a/b"}, [MAX, "type=sbom,generator=a/b"]),
    ],
)
def test_attestations_as_there(inputs: dict[str, str], attests: list[str], tmp_path: Path) -> None:
    assert list(wishes(tmp_path, **inputs).options.values("attest")) == attests


def test_no_default_provenance_where_buildx_is_told_so(tmp_path: Path) -> None:
    given = given_inputs({"INPUT_CONTEXT": "."})
    options = read_wishes(given, EVENT, tmp_path, {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}).options
    assert list(options.values("attest")) == []


def test_a_private_repository_s_provenance_is_small(tmp_path: Path) -> None:
    (attest,) = wishes(tmp_path, Event("", "", True), context=".").options.values("attest")
    assert attest == "type=provenance,mode=min,inline-only=true"


@pytest.mark.parametrize(
    ("context", "wanted"),
    [
        ("", "https://github.com/o/r.git#0123"),
        (".", "."),
        ("{{defaultContext}}", "https://github.com/o/r.git#0123"),
        ("{{ defaultContext }}:app", "https://github.com/o/r.git#0123:app"),
    ],
)
def test_contexts(context: str, wanted: str, tmp_path: Path) -> None:
    assert wishes(tmp_path, context=context).options.context == wanted


HOSTILE = (
    "a  b", "it's", 'say "x"', "one\ntwo", "$(touch CANARY)", "`touch CANARY`", "; touch CANARY", "| cat",
    "::set-output name=x::y", "%0A::error::x", "--load", "-", "${{ github.token }}", "é\\n",
)  # fmt: skip


@pytest.mark.parametrize("name", _FLAGS)
def test_hostile_values_are_given_as_they_are_or_refused(name: str, tmp_path: Path) -> None:
    flag, form = _FLAGS[name]
    for value in HOSTILE:
        if "\n" in value and form in (Form.WORDS, Form.PLAIN_LINES):
            continue  # two entries
        pair = name in ("build-args", "labels", "build-contexts", "annotations")
        entry = f"K={value}" if pair else value
        written = '"' + entry.replace('"', '""') + '"' if form is Form.LINES else entry
        given = {f"INPUT_{name.upper()}": written, "INPUT_CONTEXT": ".", "INPUT_PROVENANCE": "false"}
        try:
            options = read_wishes(given_inputs(given), EVENT, tmp_path, {}).options
        except UsageError:
            assert name not in ("build-args", "labels", "target", "cache-from", "cache-to", "ssh", "file")
            continue
        words = options.to_argv()
        at = words.index(f"--{flag}") if f"--{flag}" in words else -1
        assert at < 0 or words[at + 1] == entry, (name, value)
        assert options.context == "."
        assert not options.load
        assert words[-1] == "."


def test_secrets_are_in_files_of_their_own(tmp_path: Path) -> None:
    """With the white space at their end, as a key has it."""
    found = wishes(tmp_path, secrets='A=x,y\n"B=one\ntwo"\n"C=three\n\n"\n', context=".")
    values = [text.partition("src=")[2] for text in found.options.values("secret")]
    assert [Path(value).read_text() for value in values] == ["x,y", "one\ntwo", "three\n\n"]
    assert all(Path(value).stat().st_mode & 0o777 == 0o600 for value in values)
    assert found.hidden == ("x,y", "one\ntwo", "three\n\n")
    assert "x,y" not in repr(found) + " ".join(found.options.to_argv())


@pytest.mark.parametrize(
    ("inputs", "is_given"),
    [
        ({"github_token": "t"}, True),
        ({"github_token": "t", "context": "{{defaultContext}}:sub"}, True),
        ({"github_token": "t", "context": "."}, False),
        ({"github_token": "t", "context": "https://elsewhere/o/r.git"}, False),
        ({"github_token": "t", "context": "https://github.com/o/r.git.evil/x.git"}, False),
        ({"github_token": "t", "secrets": "GIT_AUTH_TOKEN=mine"}, False),
        ({}, False),
    ],
)
def test_the_workflow_s_token_is_for_its_own_repository(
    inputs: Mapping[str, str], is_given: bool, tmp_path: Path
) -> None:
    found = wishes(tmp_path, **inputs)
    assert (tmp_path / "secret-token").exists() is is_given
    named = [text for text in found.options.values("secret") if "secret-token" in text]
    assert named == [f"id=GIT_AUTH_TOKEN.github.com,src={tmp_path}/secret-token"] * is_given


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"secrets": "s3cr3t"}, "entry 1"),
        ({"secrets": "A=1\n=s3cr3t"}, "entry 2"),
        ({"secret_envs": "A="}, "entry 1"),
        ({"push": "1"}, "push"),
        ({"fail_on": "never"}, "fail-on"),
        ({"platforms": ","}, "platforms"),
        ({"tags": "app", "push": "true"}, "no registry"),
        ({"outputs": "type=registry", "tags": "app"}, "no registry"),
    ],
)
def test_what_is_refused(inputs: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=said) as raised:
        wishes(tmp_path, **{"context": ".", **inputs})
    assert "s3cr3t" not in str(raised.value)


def test_unknown_inputs() -> None:
    found = list(unknown_inputs({"INPUT_PLATFORM": "x", "INPUT_QQQQ": "x", "INPUT_TAGS": "x", "OTHER": "x"}))
    assert found == ["there is no input platform: is platforms meant?", "there is no input qqqq"]


def test_scrubbing_before_quoting() -> None:
    """In every text of a report, however deep: Markdown and JSON would write a secret in another form."""
    secret = 'a_b*"c"'
    step = Step("1", f"RUN {secret}", error=secret, twins=(secret,))
    outcome = Outcome("Dockerfile", (), "now", 1.0, steps=(step,), warnings=(secret,))
    found = scrubbed(outcome, scrubber((secret,)))
    assert isinstance(found, Outcome)
    assert secret not in repr(found)
    assert (found.steps[0].text, found.steps[0].twins, found.warnings) == ("RUN ***", ("***",), ("***",))
    assert found.total == 1.0


def test_every_input_is_read() -> None:
    """In lower case, as action.yml has them."""
    assert all(name == name.lower() and name.strip() == name for name in INPUTS)


def test_scrubbing() -> None:
    scrub = scrubber(("top-secret", "one-line\nother-line", "abc"))
    encoded = [base64.b64encode(text).decode() for text in (b"top-secret", b"top-secret\n", b"other-line")]
    text = scrub(f"top-secret one-line other-line abc {' '.join(encoded)}")
    assert text == "*** *** *** abc *** *** ***"
