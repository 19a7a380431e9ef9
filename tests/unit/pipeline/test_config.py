"""`.xbuild.yaml`: settings, and mistakes with their lines."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import yaml

from tests.unit.cli.command import Xbuild, project
from xbuild.errors import ConfigError, Exit
from xbuild.pipeline.config import AllowedFile, Config, load_config, parse_config, schema
from xbuild.pipeline.project import open_project
from xbuild.plan.settings import SETTINGS
from xbuild.plan.toolchains import TOOLCHAINS
from xbuild.platforms import Platform
from xbuild.solve.options import BuildOptions

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/reference/configuration.md"
BASE = json.loads((ROOT / "src/xbuild/pipeline/schemas/config.schema.json").read_text("utf-8"))

FULL = b"""\
platforms: [linux/amd64, arm64, linux/amd64]
go:
  cgo: keep
cache_mounts: false
verify:
  allow:
    - path: /opt/**
      reason: firmware
"""


def test_everything() -> None:
    assert parse_config("c", FULL) == Config(
        "c",
        (Platform("linux", "amd64"), Platform("linux", "arm64")),
        {"go.cgo": "keep"},
        False,
        (AllowedFile("/opt/**", "firmware"),),
    )
    jsonschema.validate(yaml.safe_load(FULL), schema())
    jsonschema.Draft202012Validator.check_schema(schema())


def test_everything_as_toml() -> None:
    text = """\
[tool.xbuild]
platforms = ["linux/amd64", "arm64", "linux/amd64"]
cache-mounts = false
go.cgo = "keep"
[[tool.xbuild.verify.allow]]
path = "/opt/**"
reason = "firmware"
"""
    assert parse_config("pyproject.toml", text.encode()) == replace(
        parse_config("c", FULL), path="pyproject.toml"
    )


@pytest.mark.parametrize("data", [b"", b"[project]\nname = 'xbuild'\n", b"[tool.other]\n"])
def test_toml_without_settings(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(data)
    assert load_config(None, tmp_path) == Config()


def test_the_nearest_counts_within_the_repository(tmp_path: Path) -> None:
    folder = tmp_path / "repository/images/app"
    folder.mkdir(parents=True)
    (tmp_path / ".xbuild.yaml").write_text("mistake: 1\n")
    (tmp_path / "repository/.git").mkdir()
    assert load_config(None, folder) == Config()
    settings = tmp_path / "repository/pyproject.toml"
    settings.write_text("[tool.xbuild]\ncache_mounts = false\n")
    assert load_config(None, folder) == Config(str(settings), cache_mounts=False)
    (folder / ".xbuild.yaml").write_text("go: {cgo: keep}\n")
    assert load_config(None, folder) == Config(str(folder / ".xbuild.yaml"), chosen={"go.cgo": "keep"})
    (folder / "pyproject.toml").write_text("[tool.xbuild]\n")
    with pytest.raises(ConfigError, match=r"in \.xbuild\.yaml too"):
        load_config(None, folder)


@pytest.mark.parametrize("data", [b"", b"# nothing\n", b"---\n"])
def test_nothing(data: bytes) -> None:
    assert parse_config("c", data) == Config("c")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("go:\n  cgo: auto\n  cog: off\n", 3, "'cog' is not known in go"),
        ("cache_mount: true\n", 1, "'cache_mount' is not known"),
        ("go:\n  cgo: maybe\n", 2, "'maybe' is not known"),
        ("go:\n  cgo: 3\n", 2, "go.cgo must be text"),
        ("assist:\n  silence: -1\n", 2, "assist.silence must be at least 0"),
        ("assist:\n  silence: soon\n", 2, "assist.silence must be a whole number, and is text"),
        ("assist:\n  gcc: exact\n", 2, "assist.gcc: 'exact' is not known"),
        ("assist:\n  apt: release\n", 2, "'apt' is not known in assist"),
        ("assist:\n  with_twins: [apt, gc]\n", 2, "assist.with_twins[1]: 'gc' is not known"),
        ("assist:\n  without_twins:\n    - nmp\n", 3, "assist.without_twins[0]: 'nmp' is not known"),
        ("go: off\n", 1, "go must be keys with values"),
        ("cache_mounts: 3\n", 1, "true or false"),
        ("# c\nplatforms:\n  - linux/amd64\n  - linux/foo\n", 4, "linux/foo"),
        ("platforms: linux/amd64\n", 1, "must be a list"),
        ("platforms: []\n", 1, "empty"),
        ("platforms:\n  -\n", 2, "must be text"),
        ("verify:\n  allow:\n    - path: /x\n", 3, "has no reason"),
        ("verify:\n  allow:\n    - path: ''\n      reason: x\n", 3, "empty"),
        ("go:\n  cgo: keep\ngo:\n  cgo: off\n", 3, "twice"),
        ("- a\n", 1, "keys with values"),
        ("a: [b\n", 2, ""),
        ("a: b: c\n", 1, ""),
        ("a: !!python/object:os.system x\n", 1, "is not known"),
        ("1: 2\n", 1, "'1' is not known"),
        ("? [a, b]\n: 2\n", 1, "a key must be text, and is a list"),
        ("go:\n  {a: b}: 2\n", 2, "a key must be text, and is keys with values"),
    ],
)
def test_mistakes_have_lines(text: str, line: int, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config("c.yaml", text.encode())
    assert caught.value.line == line
    assert said in caught.value.message


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"a: \x01", b"\x80"])
def test_no_text_is_one_error(data: bytes) -> None:
    with pytest.raises(ConfigError):
        parse_config("c", data)


def test_where_it_is_found(tmp_path: Path) -> None:
    assert load_config(None, tmp_path) == Config()
    (tmp_path / ".xbuild.yaml").write_bytes(b"cache_mounts: false\n")
    assert load_config(None, tmp_path).cache_mounts is False
    with pytest.raises(ConfigError, match="no such file"):
        load_config(str(tmp_path / "other"), tmp_path)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(str(tmp_path), tmp_path)


def test_a_context_elsewhere_has_no_settings(
    xbuild: Xbuild, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".xbuild.yaml").write_text("mistake: 1\n")
    assert load_config(None, None) == Config()
    assert xbuild("verify", tmp_path / "nope.tar").code == Exit.CONFIG
    assert xbuild("plan", "--offline", "https://example.com/x.git").code == Exit.DOCKERFILE


def test_a_mistake_ends_the_command(xbuild: Xbuild, tmp_path: Path) -> None:
    folder = project(tmp_path / "p")
    (folder / ".xbuild.yaml").write_text("plattforms: [linux/amd64]\n")
    result = xbuild("plan", "--offline", folder)
    assert result.code == Exit.CONFIG
    assert f"{folder}/.xbuild.yaml:1: key 'plattforms' is not known" in result.err
    assert "platforms" in result.err.partition("try:")[2]


def test_settings_reach_the_plan(xbuild: Xbuild, tmp_path: Path) -> None:
    folder = project(tmp_path / "p")
    (folder / ".xbuild.yaml").write_text("platforms: [linux/amd64, linux/s390x]\ncache_mounts: false\n")
    result = xbuild("plan", "--offline", folder)
    assert "linux/amd64, linux/s390x" in result.out
    assert "--mount" not in result.out


def test_yaml_is_imported_only_for_a_file(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from xbuild.pipeline.config import load_config; "
        f"load_config(None, Path({str(tmp_path)!r})); print('yaml' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_the_page_shows_a_file_that_is_right() -> None:
    block = re.search(r"```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert block is not None
    config = parse_config("page", block[1].encode())
    assert config.allow
    assert len(config.platforms) == 2


def test_the_page_tells_the_settings_of_every_language() -> None:
    rows = re.findall(r"^\| `(.+)` \| `(.+)` \| (.+) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert rows == [(s.key, value, meaning) for s in SETTINGS for value, meaning in s.choices]


def test_a_setting_is_in_the_section_of_its_language_and_a_keyword_of_its_own() -> None:
    for toolchain in TOOLCHAINS:
        assert {setting.section for setting in toolchain.settings} <= {toolchain.name}
    names = [setting.name for setting in SETTINGS]
    assert len(names) == len(set(names))
    assert not {setting.section for setting in SETTINGS} & set(BASE["properties"])


@pytest.mark.parametrize(
    ("text", "stages", "twins"),
    [
        ("", set(), set()),
        ("assist:\n  with_twins: [gcc]\n", set(), set()),
        ("assist:\n  without_stages: [apt]\n  without_twins: [pip]\n", {"apt"}, {"pip"}),
    ],
)
def test_stages_and_twins_that_do_without(
    text: str, stages: set[str], twins: set[str], tmp_path: Path
) -> None:
    """A stage may have the name of a twin."""
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / ".xbuild.yaml").write_text(text)
    settings = open_project(BuildOptions(context=str(tmp_path)), tmp_path, None).settings
    assert (set(settings.without), set(settings.without_twins)) == (stages, twins)
