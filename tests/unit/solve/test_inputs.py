"""Where Dockerfile and context come from; addresses lose what may be a credential."""

from __future__ import annotations

from pathlib import Path

import pytest

from xbuild.errors import ContextError, DockerfileError
from xbuild.solve.inputs import Inputs, read_inputs
from xbuild.solve.options import parse_build_arguments


def read(folder: Path, *argv: str) -> Inputs:
    return read_inputs(parse_build_arguments(argv, {}), None, folder)


def test_a_remote_context_s_credentials_stay_with_buildx(tmp_path: Path) -> None:
    address = "https://user:s3cr3t@h.example/r.git?token=s3cr3t#main"
    found = read(tmp_path, address)
    assert found.context == address
    assert "s3cr3t" not in found.reason + found.name + found.path
    assert "https://***@h.example/r.git?***#main" in found.reason


def test_a_remote_dockerfile_s_credentials_stay_with_buildx(tmp_path: Path) -> None:
    found = read(tmp_path, "-f", "https://s3cr3t@h.example/Dockerfile?sig=s3cr3t", str(tmp_path))
    assert "s3cr3t" not in found.reason + found.name + found.path


def test_what_is_no_context_is_shown_without_credentials(tmp_path: Path) -> None:
    with pytest.raises(ContextError) as caught:
        read(tmp_path, "ftp://user:s3cr3t@h.example/x")
    assert "s3cr3t" not in str(caught.value)


def test_names_that_are_too_long_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(ContextError, match="no folder"):
        read(tmp_path, "x" * 300)
    with pytest.raises(DockerfileError, match="cannot be read: File name too long"):
        read(tmp_path, "-f", "x" * 300, str(tmp_path))
