"""Templates: what stands for something else, parts that count, parts of another file, and what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from xbuild.dockerfile.check import read
from xbuild.errors import ConfigError
from xbuild.generate.template import declared_values, fill, named_switches
from xbuild.pipeline.generating import template_folder
from xbuild.text import Source

TEMPLATES = sorted(template_folder().glob("*.Dockerfile"))
BASE = """\
# syntax=docker/dockerfile:1
#: A comment on the template.
ARG image=alpine
ARG folder=a
ARG port=80

FROM ${image}
COPY ${folder} ./${folder}
#: if loud
# said
#: if port
EXPOSE ${port}
#: end
#: end
#: if not loud
# not said
#: end
RUN echo ${HOME} ${image}
"""
TEXTS = {
    "base": BASE,
    "outer": "#: include base\nUSER 1\n",
    "itself": "#: include itself\n",
    "unknown": "ARG a=1\nFROM ${b}\n",
    "open": "FROM a\n#: if x\n",
    "closed": "FROM a\n#: end\n",
    "pairs": "ARG a=1\nARG b=1\nFROM x\nCOPY ${a} ${b}\n",
}
VALUES: dict[str, str | tuple[str, ...]] = {"image": "debian", "folder": ("b", "c"), "port": "90"}
HEAD = "# syntax=docker/dockerfile:1\n\nFROM debian\n"


def test_values_and_parts() -> None:
    plain = fill("base", TEXTS.get, VALUES, frozenset())
    assert plain == f"{HEAD}COPY b ./b\nCOPY c ./c\n# not said\nRUN echo ${{HOME}} debian\n"
    without = fill("outer", TEXTS.get, {**VALUES, "folder": ()}, {"loud", "port"})
    assert without == f"{HEAD}# said\nEXPOSE 90\nRUN echo ${{HOME}} debian\nUSER 1\n"
    assert "EXPOSE" not in fill("base", TEXTS.get, VALUES, {"loud"})
    assert "EXPOSE" not in fill("base", TEXTS.get, VALUES, {"port"})


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("nothing", {}, "nothing.Dockerfile: there is no such template"),
        ("itself", {}, "itself.Dockerfile: the template includes itself"),
        ("unknown", {"a": "1"}, "unknown.Dockerfile:2: ${b} is not declared"),
        ("base", {"image": "x"}, "base.Dockerfile:8: there is nothing to put in place of ${folder}"),
        ("open", {}, "open.Dockerfile:2: there is no `#: end`"),
        ("closed", {}, "closed.Dockerfile:2: there is no `#: if` to end"),
        ("pairs", {"a": ("1",), "b": ("2",)}, "pairs.Dockerfile:4: two values of several in one line: a, b"),
        ("base", {**VALUES, "image": "x\nRUN y"}, "cannot be written into a Dockerfile"),
        ("base", {**VALUES, "image": "x\u2028y"}, "cannot be written into a Dockerfile"),
    ],
)
def test_what_is_wrong(name: str, values: dict[str, str | tuple[str, ...]], said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        fill(name, TEXTS.get, values, frozenset())
    assert said in str(raised.value)


def load(name: str) -> str | None:
    path = template_folder() / f"{name}.Dockerfile"
    return path.read_text("utf-8") if path.is_file() else None


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name.split(".")[0])
def test_a_template_is_a_dockerfile_as_it_stands(path: Path) -> None:
    """And with every part, each with the values that the template itself shows."""
    name = path.name.removesuffix(".Dockerfile")
    text = path.read_text("utf-8")
    # A part that a stage consists of begins in that stage.
    read(Source(str(path), text if "\nFROM " in text else f"FROM scratch\n{text}"))
    values = declared_values(name, load)
    switches = named_switches(name, load)
    # What comes from the frontend's stage needs that stage.
    for chosen in (frozenset[str](), switches, *({switch, "web"} & switches for switch in switches)):
        text = fill(name, load, values, chosen)
        assert "#:" not in text
        assert "${" not in text.replace("${TARGETVARIANT#v", "").replace("${t", "").replace("${TARGET", "")


def test_every_template_has_its_words_in_the_docs() -> None:
    page = (Path(__file__).parents[3] / "docs/reference/templates.md").read_text("utf-8")
    missing = [p.name for p in TEMPLATES if f"`{p.name.removesuffix('.Dockerfile')}`" not in page]
    assert not missing


def test_every_template_has_a_case() -> None:
    cases = Path(__file__).parents[2] / "fixtures/generate"
    said = "".join(path.read_text("utf-8") for path in cases.glob("*/said.txt"))
    parts = {"web", "site"}
    names = {p.name.removesuffix(".Dockerfile") for p in TEMPLATES} - parts
    assert not {name for name in names if f"template {name}\n" not in said}
