"""The formats of others, read by what reads them, or checked against what their documentation says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import junitparser
import pytest

from tests.unit.cli.command import Xbuild

# "Code Quality report format" of GitLab's documentation: the fields that it reads, and what they may be.
GITLAB: dict[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "additionalProperties": False,
        "properties": {
            "description": {"type": "string", "minLength": 1},
            "check_name": {"type": "string", "pattern": "^[a-z][a-z-]*$"},
            "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "additionalProperties": False,
                "properties": {
                    "path": {"type": "string", "pattern": "^[^/.]"},
                    "lines": {
                        "type": "object",
                        "required": ["begin"],
                        "properties": {
                            "begin": {"type": "integer", "minimum": 1},
                            "end": {"type": "integer"},
                        },
                    },
                },
            },
        },
    },
}
FILES = {
    "a b/Dockerfile": 'FROM --platform=$BUILDPLATFORM debian:bookworm-slim\nRUN make\nCMD ["/app"]\n' * 2,
    "Dockerfile": "FROM --platform=$TARGETPLATFORM debian:bookworm-slim\nRUN make '<&>'\n",
    "fine.Dockerfile": "FROM debian:bookworm-slim\nRUN apt-get update\n",
    "broken.Dockerfile": "RUN <&\"'\x01\n",
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("paths", [["."], ["./a b/Dockerfile", "broken.Dockerfile"]])
def test_gitlab(paths: list[str], xbuild: Xbuild) -> None:
    issues = json.loads(xbuild("lint", "--format", "gitlab", *paths).out)
    jsonschema.validate(issues, GITLAB)
    assert len({issue["fingerprint"] for issue in issues}) == len(issues) > 1


def test_junit(here: Path, xbuild: Xbuild) -> None:
    xbuild("lint", "--format", "junit", "--output", "report.xml")
    (suite,) = junitparser.JUnitXml.fromfile(str(here / "report.xml"))
    assert (suite.tests, suite.failures, suite.errors) == (4, 2, 1)
    cases = {case.name: case.result for case in suite}
    assert cases.keys() == FILES.keys()
    assert cases["fine.Dockerfile"] == []
    assert isinstance(cases["broken.Dockerfile"][0], junitparser.Error)
    assert "final-stage-pinned" in cases["a b/Dockerfile"][0].text


@pytest.mark.usefixtures("here")
def test_sarif_limits(xbuild: Xbuild, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as a reader takes, the worst first; paths as addresses, relative to where it was run."""
    monkeypatch.setattr("xbuild.views.exchange._MOST", 2)
    (run,) = json.loads(xbuild("lint", "--format", "sarif").out)["runs"]
    assert [result["level"] for result in run["results"]] == ["error", "note"]
    assert run["automationDetails"]["id"].endswith("/")
    for result in run["results"]:
        (place,) = result["locations"]
        assert not place["physicalLocation"]["artifactLocation"]["uri"].startswith(("/", ".", "file:"))
        assert result["partialFingerprints"]
    rules = run["tool"]["driver"]["rules"]
    assert all(rule["help"]["text"] and rule["id"] != rule["name"] for rule in rules)
