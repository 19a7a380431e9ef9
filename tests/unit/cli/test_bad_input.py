"""Bad input: one message with file and line, what was expected, a documented exit code, nothing half done."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from tests.unit.cli.command import Xbuild, project, unchanged
from xbuild.errors import Exit

COMMANDS = (("plan", "--offline"), ("rewrite", "--offline"), ("build",), ("build", "--dry-run"))


def is_one_message(err: str) -> bool:
    lines = err.strip("\n").split("\n")
    return lines[0].startswith("xbuild: ") and all(line.startswith("  ") for line in lines[1:])


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("FROM a\nRUN <<EOF\necho\n", 2, ""),
        ("FROM a\nFROM b\nCOPY --from=9 /x /y\n", 3, "9"),
        ("FROM a\nFROM b\nCOPY --from=nope/ /x /y\n", 3, "nope"),
        ("FROM a AS b\nCOPY --from=b /x /y\n", 2, "b"),
        ("RUN x\nFROM a\n", 1, ""),
        ("", None, ""),
        ("# only a comment\n", None, ""),
        ("FROM a\nRNU x\n", 2, "RNU"),
        ("FROM a\nCOPY --nope a b\n", 2, "--nope"),
        ("FROM a\nCOPY a\n", 2, "COPY"),
        ("FROM a\nEXPOSE\n", 2, "EXPOSE"),
        ("FROM a\nRUN --network=zzz x\n", 2, "zzz"),
    ],
)
def test_wrong_dockerfiles(
    command: tuple[str, ...], text: str, line: int | None, said: str, xbuild: Xbuild, tmp_path: Path
) -> None:
    folder = project(tmp_path, text)
    with unchanged(folder):
        result = xbuild(*command, folder)
    assert result.code == Exit.DOCKERFILE
    assert is_one_message(result.err)
    assert f"{folder}/Dockerfile{f':{line}' if line else ''}" in result.err
    assert said in result.err
    assert result.out == ""


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_dockerfile(command: tuple[str, ...], xbuild: Xbuild, tmp_path: Path) -> None:
    for flags, name in (((), "Dockerfile"), (("-f", str(tmp_path / "other")), "other")):
        result = xbuild(*command, *flags, tmp_path)
        assert result.code == Exit.DOCKERFILE
        assert is_one_message(result.err)
        assert f"{tmp_path}/{name}" in result.err


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_directory_and_binary_data(command: tuple[str, ...], xbuild: Xbuild, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "b").write_bytes(b"\x7fELF\0\0")
    for name in ("d", "b"):
        result = xbuild(*command, "-f", tmp_path / name, tmp_path)
        assert result.code == Exit.DOCKERFILE
        assert is_one_message(result.err)
        assert f"{tmp_path}/{name}: " in result.err


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_contexts(command: tuple[str, ...], xbuild: Xbuild, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("FROM a\n")
    for context in (tmp_path / "missing", file):
        result = xbuild(*command, context)
        assert result.code == Exit.CONTEXT
        assert is_one_message(result.err)
        assert str(context) in result.err


# Files that may not be read, or cannot be, by root either (proc(5)).
UNREADABLE = (
    ("/proc/sys/net/ipv4/route/flush", "Permission denied"),
    ("/proc/self/mem", "Input/output error"),
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(("unreadable", "reason"), UNREADABLE)
def test_an_unreadable_dockerfile(
    command: tuple[str, ...], unreadable: str, reason: str, xbuild: Xbuild, tmp_path: Path
) -> None:
    if not os.path.exists(unreadable):  # noqa: PTH110
        pytest.skip(f"no {unreadable} here")
    folder = project(tmp_path)
    (folder / "Dockerfile").unlink()
    (folder / "Dockerfile").symlink_to(unreadable)
    result = xbuild(*command, folder)
    assert result.code == Exit.DOCKERFILE
    assert is_one_message(result.err)
    assert f"{folder}/Dockerfile: the Dockerfile cannot be read: {reason}" in result.err


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (("build", "x" * 300), Exit.CONTEXT),
        (("plan", "--offline", "x" * 300), Exit.CONTEXT),
        (("plan", "--offline", "-f", "x" * 300, "."), Exit.DOCKERFILE),
    ],
)
def test_names_that_are_too_long(argv: tuple[str, ...], code: Exit, xbuild: Xbuild) -> None:
    result = xbuild(*argv)
    assert result.code == code
    assert is_one_message(result.err)
    assert "internal error" not in result.err


def test_a_folder_is_no_reference(xbuild: Xbuild, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "debian").mkdir()
    monkeypatch.chdir(tmp_path)
    result = xbuild("verify", "debian")
    assert result.code == Exit.FAILED
    assert is_one_message(result.err)
    assert "no OCI layout" in result.err
    assert "docker.io/library/debian" in result.err
    assert "internal error" not in xbuild("verify", "x" * 300).err


@pytest.mark.parametrize("command", [*COMMANDS, ("bench",)], ids=" ".join)
def test_credentials_of_an_address_are_not_shown(command: tuple[str, ...], xbuild: Xbuild) -> None:
    result = xbuild(*command, "https://user:s3cr3t@h.example/r.git?token=s3cr3t")
    assert "s3cr3t" not in result.out + result.err


@pytest.mark.parametrize("name", ["linux/foo", "windows/amd64", "linux/amd64/v9", "a/b/c/d", "linux/arm/v4"])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_unknown_platform(command: tuple[str, ...], name: str, xbuild: Xbuild, tmp_path: Path) -> None:
    result = xbuild(*command, "--platform", name, project(tmp_path))
    assert result.code == Exit.USAGE
    assert is_one_message(result.err)
    assert name in result.err


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_unknown_target(command: tuple[str, ...], xbuild: Xbuild, tmp_path: Path) -> None:
    result = xbuild(*command, "--target", "nope", project(tmp_path))
    assert result.code in (Exit.DOCKERFILE, Exit.USAGE)
    assert is_one_message(result.err)
    assert "nope" in result.err
    assert "builder" in result.err


def test_no_docker(xbuild: Xbuild, tmp_path: Path) -> None:
    folder = project(tmp_path)
    with unchanged(folder):
        result = xbuild("build", "-t", "x/y", "--push", "--iidfile", tmp_path / "id", folder)
    assert result.code == Exit.ENGINE
    assert is_one_message(result.err)
    assert "not installed" in result.err


def test_dry_run_needs_no_docker(xbuild: Xbuild, tmp_path: Path) -> None:
    folder = project(tmp_path)
    with unchanged(folder):
        result = xbuild("build", "--dry-run", "--build-arg", "TOKEN=hunter2", folder)
    assert result.code == 0
    assert "+FROM --platform=$BUILDPLATFORM" in result.out
    assert (
        "\n" + str(tmp_path / "no-such-docker") + " buildx build --build-arg 'TOKEN=***' --file "
        in result.out
    )
    assert "--output type=oci,tar=false,dest=" in result.out
    assert "the builder could not be asked: " in result.out
    assert "--builder: the name" in result.out
    assert "--platform: the builder's own" in result.out
    assert "hunter2" not in result.out + result.err


def test_dry_run_says_only_what_could_not_be_known(xbuild: Xbuild, tmp_path: Path) -> None:
    folder = project(tmp_path)
    flags = ("--builder", "mine", "--platform", "linux/amd64,linux/arm64", "-t", "x/y")
    result = xbuild("build", "--dry-run", *flags, folder)
    assert "buildx build --tag x/y --builder mine --file " in result.out
    assert "--platform linux/amd64,linux/arm64 " in result.out
    assert "the name of the selected one" not in result.out
    assert "the builder's own" not in result.out


@pytest.mark.parametrize("question", [("--check",), ("--call", "outline"), ("--call=targets",)])
def test_dry_run_of_a_question_only_prints_it(
    question: tuple[str, ...], xbuild: Xbuild, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xbuild.solve.build.pass_through", lambda *_: pytest.fail("docker was called"))
    result = xbuild("build", "--dry-run", *question, "--build-arg", "A=hunter2", project(tmp_path))
    words = " ".join(question).replace("=", " ")
    assert (result.code, result.err) == (0, "")
    assert result.out == f"{tmp_path}/no-such-docker buildx build {words} --build-arg 'A=***' {tmp_path}\n"


@pytest.mark.parametrize(
    "text",
    [
        "# syntax=example/frontend\nFROM a\nFETCH b\n",
        "# syntax=example/frontend\nINCLUDE b\nFROM a\n",
        "# syntax=example/frontend\nRUN <<EOF\n",
        "# syntax=docker/dockerfile:1.999\nFROM a\nCOPY --new a b\n",
    ],
)
def test_an_unknown_frontend_decides_for_itself(text: str, xbuild: Xbuild, tmp_path: Path) -> None:
    result = xbuild("build", "--dry-run", project(tmp_path, text))
    assert result.code == 0
    assert "not rewritten: " in result.out
    assert " buildx build --file " in result.out


def test_a_plan_needs_the_known_syntax(xbuild: Xbuild, tmp_path: Path) -> None:
    folder = project(tmp_path, "# syntax=example/frontend\nINCLUDE b\nFROM a\n")
    result = xbuild("plan", "--offline", folder)
    assert result.code == Exit.DOCKERFILE
    assert is_one_message(result.err)
    assert "the frontend example/frontend is not known" in result.err


def test_nothing_on_standard_input(xbuild: Xbuild, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Empty:
        buffer = io.BytesIO()

    monkeypatch.setattr(sys, "stdin", Empty())
    for argv, code in (
        (("plan", "--offline", "-"), Exit.CONTEXT),
        (("plan", "--offline", "-f", "-", str(tmp_path)), Exit.DOCKERFILE),
    ):
        result = xbuild(*argv)
        assert result.code == code
        assert is_one_message(result.err)


@pytest.mark.parametrize("argv", [("-",), ("-f", "-", ".")])
def test_binary_data_on_standard_input(
    argv: tuple[str, ...], xbuild: Xbuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Given:
        buffer = io.BytesIO(b"\x7fELF\0\0\0")

    monkeypatch.setattr(sys, "stdin", Given())
    result = xbuild("plan", "--offline", *argv)
    assert result.code == Exit.DOCKERFILE
    assert "binary data" in result.err


def test_a_dockerfile_on_standard_input(
    xbuild: Xbuild, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Given:
        buffer = io.BytesIO(
            b"FROM golang:1.21 AS b\nRUN CGO_ENABLED=0 go build -o /x .\nFROM scratch\nCOPY --from=b /x /x\n"
        )

    monkeypatch.setattr(sys, "stdin", Given())
    result = xbuild("rewrite", "--offline", "-f", "-", tmp_path)
    assert result.code == 0
    assert result.out.startswith("FROM --platform=$BUILDPLATFORM golang:1.21 AS b\n")


def test_an_image_that_is_none(xbuild: Xbuild, tmp_path: Path) -> None:
    (tmp_path / "index.json").write_text("{")
    (tmp_path / "oci-layout").write_text("{}")
    result = xbuild("verify", tmp_path)
    assert result.code == Exit.FAILED
    assert is_one_message(result.err)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert xbuild("verify", empty).code == Exit.FAILED
    garbage = tmp_path / "garbage.tar"
    garbage.write_bytes(b"garbage" * 100)
    assert xbuild("verify", garbage).code == Exit.FAILED


@pytest.mark.parametrize(
    "name", ["/nosuch/image", "./nosuch", "nosuch.tar", "/nosuch.tar", "../nosuch.tar.gz"]
)
def test_an_image_file_that_is_not_there(name: str, xbuild: Xbuild) -> None:
    result = xbuild("verify", name)
    assert result.code == Exit.FAILED
    assert is_one_message(result.err)
    assert result.err.startswith(f"xbuild: {name}: there is no such file")
