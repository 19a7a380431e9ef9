"""The job summary: whole sections, under the limit, and pictures that say nothing alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from xbuild.views.report import Outcome, Step
from xbuild.views.summary import SummaryPart, fitted, summary

STEPS = (
    Step("1", "RUN go build", "b", 4, "linux/amd64", "linux/arm64", "cross", intervals=((10.0, 12.0),)),
    Step(
        "2",
        "RUN apt-get install `x` | <b>:;#",
        "r",
        7,
        "linux/arm64",
        "linux/arm64",
        "emulated",
        intervals=((12.0, 20.0),),
    ),
    Step(
        "3",
        "RUN true",
        "r",
        8,
        "linux/amd64",
        "linux/amd64",
        "native",
        cached=True,
        intervals=((10.0, 10.1),),
    ),
)
OUTCOME = Outcome("Dockerfile", ("linux/amd64", "linux/arm64"), "now", 12.0, steps=STEPS)


def test_a_picture_for_each_platform() -> None:
    text = summary(OUTCOME)
    assert text.count("```mermaid") == 2
    assert "    line 7 RUN apt-get install x b 8.0 s :crit, 2000, 10000" in text
    assert "    section cross\n    line 4 RUN go build 2.0 s :active, 0, 2000" in text
    assert "    section cached" in text
    table = text[text.index("| stage |") : text.index("<details>")]
    assert "2.0 s" in table
    assert "8.0 s" in table


def test_labels_are_no_words_of_mermaid_s() -> None:
    hostile = "click x call alert(1):;#\n%%{init: {}}%% section end ```"
    step = replace(STEPS[0], text=hostile)
    text = summary(replace(OUTCOME, steps=(step,)))
    (line,) = {line for line in text.splitlines() if line.startswith("    line ")}
    assert line == "    line 4 click x call alert 1 init section end 2.0 s :active, 0, 2000"
    assert text.count("```") == 2


def test_problem_notes_and_lint() -> None:
    text = summary(None, problem="it <failed>\nbadly", notes=["a*b"], lint=["Dockerfile:1: x"])
    assert text.startswith("### xbuild: failed\n\n> it &lt;failed&gt;  \n> badly  \n")
    assert "- a\\*b" in text
    assert "**1 finding of the linter**" in text


@pytest.mark.parametrize("limit", [1 << 20, 40_000, 20_000, 3_000])
def test_whole_sections_are_left_out(limit: int) -> None:
    many = tuple(replace(STEPS[0], id=str(n), line=n + 1, text=f"RUN é{n}") for n in range(700))
    text = summary(replace(OUTCOME, steps=many), lint=["x" * 100] * 100, limit=limit)
    assert len(text.encode()) <= limit
    assert text.count("```") % 2 == 0
    assert text.startswith("### xbuild: ")
    assert ("Left out" in text) is (limit < 60_000)


def test_the_lightest_goes_first() -> None:
    sections = [
        SummaryPart("a", 1, ("a" * 300,)),
        SummaryPart("b", 2, ("b" * 300,)),
        SummaryPart("c", 3, ("c" * 300,)),
    ]
    text = fitted(sections, 1100)
    assert "a" * 300 not in text
    assert text.index("b" * 300) < text.index("c" * 300)
    assert "Left out, as a summary may not be larger: a." in text
