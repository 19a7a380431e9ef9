"""A baseline: what an earlier report of `xbuild lint`, as JSON or SARIF, has found already."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from xbuild.errors import UsageError
from xbuild.text import fresh, value


@value()
class KnownFindings:
    """The fingerprints of findings by file; a path is compared as seen from the current folder."""

    prints: Mapping[str, frozenset[str]] = fresh(dict)

    def of(self, path: str) -> frozenset[str]:
        return self.prints.get(_normal(path), frozenset())


def _normal(path: str) -> str:
    return os.path.normpath(path)


def read_baseline(path: str) -> KnownFindings:
    """That of a file. Raises UsageError where it is no report with fingerprints."""
    import json

    try:
        data = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", hint="correct --baseline") from error
    except ValueError as error:
        raise _no_report(path) from error
    prints: dict[str, set[str]] = {}
    try:
        for file, known in _sarif(data) if "runs" in data else _json(data):
            prints.setdefault(_normal(file), set()).update(known)
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise _no_report(path) from error
    return KnownFindings({file: frozenset(known) for file, known in prints.items()})


def _no_report(path: str) -> UsageError:
    expected = "a report of `xbuild lint --format json` or `--format sarif`"
    return UsageError(f"{path} is no report of xbuild lint", expected=expected, hint="correct --baseline")


def _json(data: Any) -> Iterator[tuple[str, Iterable[str]]]:
    for file in data["files"]:
        yield file["path"], [finding["fingerprint"] for finding in file["findings"]]


def _sarif(data: Any) -> Iterator[tuple[str, Iterable[str]]]:
    for run in data["runs"]:
        for result in run["results"]:
            place = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
            path = unquote(place.removeprefix("file://"), errors="surrogateescape")
            yield path, [result["partialFingerprints"]["xbuildFinding/v1"]]
