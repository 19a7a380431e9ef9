"""Images in registries: the tools are stand-ins that leave a layout behind, or say what the tools say."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.unit.verify.builder import Built, Item, go_program, write_layout
from xbuild.errors import EngineError, ImageError, RegistryError
from xbuild.platforms import Platform
from xbuild.verify.image import guess_base_layers, verify_layout, verify_reference
from xbuild.verify.oci import open_image
from xbuild.verify.scan import cache_directory

AMD64 = Built("linux/amd64", [[Item("app", go_program("amd64"))]], ["/app"])
ARM64 = Built("linux/arm64", [[Item("app", go_program("arm64"))]], ["/app"])


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An otherwise empty PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def tool(folder: Path, name: str, layout: Path | None, says: str = "") -> Path:
    """A stand-in that copies `layout` to where its `oci…:` argument points, or fails; it logs its call."""
    log = folder / f"{name}.log"
    script = [
        f"#!{sys.executable}",
        "import re, shutil, sys",
        f"open({str(log)!r}, 'a').write(' '.join(sys.argv[1:]) + '\\n')",
        f"sys.stderr.write({says!r})",
    ]
    if layout is None:
        script.append("sys.exit(1)")
    else:
        script.append("places = [word for word in sys.argv if word.startswith('oci')]")
        script.append("target = re.sub(r'^oci(-layout)?:(//)?|:latest$', '', places[-1])")
        script.append(f"shutil.copytree({str(layout)!r}, target)")
    path = folder / name
    path.write_text("\n".join(script) + "\n")
    path.chmod(0o755)
    return log


def test_buildx_pulls_all_platforms(tools: Path, tmp_path: Path) -> None:
    log = tool(tools, "docker", write_layout(tmp_path / "layout", AMD64, ARM64))
    outcome = verify_reference("registry.test/app:1")
    assert outcome.passed
    assert len(outcome.platforms) == 2
    words = log.read_text().split()
    assert words[:3] == ["buildx", "imagetools", "create"]
    assert words[-1] == "registry.test/app:1"


def test_only_some_platforms_are_pulled(tools: Path, tmp_path: Path) -> None:
    log = tool(tools, "docker", write_layout(tmp_path / "layout", ARM64))
    assert verify_reference("a/b", [Platform.parse("linux/arm64")]).passed
    assert "--platform linux/arm64" in log.read_text()


def test_an_older_buildx_leaves_it_to_skopeo(tools: Path, tmp_path: Path) -> None:
    tool(tools, "docker", None, "ERROR: failed to parse reference: invalid reference format")
    log = tool(tools, "skopeo", write_layout(tmp_path / "layout", AMD64))
    assert verify_reference("localhost:5000/app").passed
    assert "copy --all --quiet --src-tls-verify=false docker://localhost:5000/app" in log.read_text()


def test_without_any_tool(tools: Path) -> None:
    assert list(tools.iterdir()) == []
    with pytest.raises(EngineError, match="no tool to pull images with"):
        verify_reference("a/b")


@pytest.mark.parametrize(
    ("says", "message"),
    [
        ("ERROR: unauthorized: authentication required", "refuses access"),
        ("ERROR: pull access denied, repository does not exist", "refuses access"),
        ("ERROR: r.test/a:1: not found", "no such image"),
        ("ERROR: 429 Too Many Requests - toomanyrequests: rate limit", "limits how often"),
        ("ERROR: dial tcp 10.0.0.1:443: i/o timeout", "does not answer in time"),
        ("ERROR: dial tcp 127.0.0.1:1: connect: connection refused", "cannot be reached"),
        ("ERROR: dial tcp: lookup r.test: no such host", "cannot be reached"),
        ("ERROR: http: server gave HTTP response to HTTPS client", "not trusted"),
        ("ERROR: something else", "cannot be pulled: something else"),
        ("", "exit code 1"),
    ],
)
def test_what_registries_say(tools: Path, says: str, message: str) -> None:
    tool(tools, "docker", None, says)
    with pytest.raises(RegistryError, match=message) as caught:
        verify_reference("r.test/a:1")
    assert caught.value.hint


@pytest.mark.parametrize("reference", ["", "-x", "a b", "host/Upper", "a:b:c", "a@sha256:1", "a//b"])
def test_what_is_no_reference(reference: str) -> None:
    with pytest.raises(ImageError, match="not an image reference"):
        verify_reference(reference)


def test_cache_of_ones_own_and_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    layout = write_layout(tmp_path / "layout", AMD64)
    for cache in (True, False, None, tmp_path / "own"):
        assert verify_layout(layout, cache=cache).passed
    shutil.rmtree(layout)
    with pytest.raises(ImageError):
        verify_layout(layout)


@pytest.mark.parametrize(
    ("created_by", "expected"),
    [
        (["# debian.sh --arch 'arm64' out/ 'bookworm'", "COPY app /app"], 1),
        (["/bin/sh -c #(nop) ADD file:1 in / "], 0),
        (["bazel build", "bazel build"], 0),
        (["kaniko", "# debian.sh x"], 0),
        (["RUN /bin/sh -c x # buildkit"], 0),
    ],
)
def test_where_the_base_ends(tmp_path: Path, created_by: list[str], expected: int) -> None:
    contents = [[Item(f"f{n}")] for n in range(len(created_by))]
    built = Built("linux/amd64", contents, created_by=created_by, comment="")
    with open_image(write_layout(tmp_path, built)) as image:
        assert guess_base_layers(image.manifests[0]) == expected


def test_without_a_home_there_is_no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    assert cache_directory() is None
    assert verify_layout(write_layout(tmp_path, AMD64)).passed


@pytest.mark.parametrize("created_by", ["bazel build ...", "ko build ko://x", "Buildpacks Application Layer"])
def test_a_foreign_program_fails_whatever_made_its_layer(tmp_path: Path, created_by: str) -> None:
    layers = [[Item("app", go_program("arm64"))], [Item("usr/bin/tool", go_program("amd64"))]]
    built = Built("linux/arm64", layers, ["/app"], created_by=[created_by] * 2, comment="")
    assert not verify_layout(write_layout(tmp_path, built), cache=None).passed


def test_layers_of_buildkit_are_never_guessed_to_be_the_base(tmp_path: Path) -> None:
    built = Built("linux/amd64", [[Item("f")]], created_by=["anything"])
    with open_image(write_layout(tmp_path, built)) as image:
        assert guess_base_layers(image.manifests[0]) == 0


def test_a_missing_platform_is_told_which_there_are(tmp_path: Path) -> None:
    layout = write_layout(tmp_path / "layout", ARM64)
    outcome = verify_layout(layout, [Platform.parse("linux/amd64")])
    (check,) = (check for platform in outcome.platforms for check in platform.checks)
    assert (check.expected, check.found) == ("linux/amd64", "linux/arm64")
