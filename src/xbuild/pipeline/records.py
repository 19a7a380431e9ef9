"""What xbuild remembers between runs, under `${XDG_STATE_HOME:-~/.local/state}/xbuild`.

`factors.json` holds slowdown factors by engine, kind of step and architecture; `baselines/` what the original
Dockerfile took, by everything that makes two builds the same; `builds/` the last report of each project;
`layers/` the digests of layers that hold no trace of native twins; `helpers.json` the images whose helper
failed to make any.
Nothing secret is kept: build args enter only as a keyed hash (the key is a random file beside the records, so
that short values cannot be guessed from it). Records are a convenience: one that cannot be read or written
never fails a build.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from xbuild.pipeline.files import write_whole

FORMAT = 1
_KEPT = 9  # factors of one kind; the oldest go
_KEPT_FILES = 200
_KEPT_LAYERS = 4000


def state_folder() -> Path:
    """XDG base directory specification: a relative XDG_STATE_HOME is to be ignored.

    A user without a home, as in a container, has no records: a place where nothing can be.
    """
    given = os.environ.get("XDG_STATE_HOME", "")
    try:
        base = Path(given) if given.startswith("/") else Path.home() / ".local" / "state"
    except RuntimeError:
        base = Path(os.devnull)
    return base / "xbuild"


def now() -> str:
    """The time in UTC, to the second, as records and reports have it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Subject:
    """Everything that must be the same for a measured baseline to count for a build."""

    project: str
    dockerfile: str
    platforms: tuple[str, ...]
    target: str | None
    build_args: tuple[tuple[str, str], ...]
    builder: str
    engine: str


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the original took: per line of the Dockerfile the seconds during which one of its steps ran."""

    date: str
    total: float
    lines: Mapping[int, float]


@dataclass(frozen=True)
class Factors:
    """Learnt slowdown factors of one engine, and when the newest was measured."""

    values: Mapping[tuple[str, str], tuple[float, ...]]
    date: str | None = None


class Records:
    """The records in a folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or state_folder()

    def baseline(self, subject: Subject) -> Baseline | None:
        """The baseline measured for exactly this subject."""
        data = self._read(self._baseline_path(subject))
        try:
            lines = {int(line): float(value) for line, value in data["lines"].items()}
            return Baseline(str(data["date"]), float(data["total"]), lines)
        except (KeyError, TypeError, ValueError, AttributeError):
            return None

    def keep_baseline(self, subject: Subject, total: float, lines: Mapping[int, float]) -> None:
        data = {
            "date": now(),
            "total": round(total, 3),
            "lines": {str(k): round(v, 3) for k, v in lines.items()},
        }
        self._write(self._baseline_path(subject), data)

    def factors(self, engine: str) -> Factors:
        """What was learnt about an engine."""
        values: dict[tuple[str, str], tuple[float, ...]] = {}
        dates: list[str] = []
        engines = self._read(self.folder / "factors.json").get("engines")
        entries = engines.get(engine) if isinstance(engines, dict) else None
        for entry in entries if isinstance(entries, list) else ():
            with contextlib.suppress(KeyError, TypeError, ValueError):
                key = (str(entry["kind"]), str(entry["architecture"]))
                values[key] = tuple(float(value) for value in entry["factors"])
                dates.append(str(entry["date"]))
        return Factors(values, max(dates, default="")[:10] or None)

    def learn(self, engine: str, found: Mapping[tuple[str, str], float]) -> None:
        """Add newly measured factors."""
        if not found:
            return
        path = self.folder / "factors.json"
        with self._lock():
            data = self._read(path)
            found_engines = data.get("engines")
            engines: dict[str, Any] = found_engines if isinstance(found_engines, dict) else {}
            known = {(e["kind"], e["architecture"]): e for e in self._entries(engines, engine)}
            for (kind, architecture), value in found.items():
                entry = known.get((kind, architecture), {"factors": []})
                factors = [*entry["factors"], round(value, 3)][-_KEPT:]
                known[kind, architecture] = {
                    "kind": kind,
                    "architecture": architecture,
                    "factors": factors,
                    "date": now(),
                }
            self._write(path, {"engines": {**engines, engine: list(known.values())}})

    def keep_build(self, subject: Subject, report: Mapping[str, Any]) -> None:
        """The last report of a project, replaced each time."""
        self._write(self.folder / "builds" / f"{self._name(subject.project)}.json", dict(report))
        self._thin(self.folder / "builds")

    def clean_layers(self, needle: bytes) -> frozenset[str]:
        """Digests of layers in which this text was not found."""
        found = self._read(self._layers_path(needle)).get("layers")
        return frozenset(d for d in found if isinstance(d, str)) if isinstance(found, list) else frozenset()

    def keep_clean_layers(self, needle: bytes, digests: Sequence[str]) -> None:
        with self._lock():
            kept = [d for d in sorted(self.clean_layers(needle)) if d not in digests]
            self._write(self._layers_path(needle), {"layers": [*kept, *digests][-_KEPT_LAYERS:]})

    def _layers_path(self, needle: bytes) -> Path:
        return self.folder / "layers" / f"{hashlib.sha256(needle).hexdigest()[:16]}.json"

    def failed_helpers(self, engine: str) -> frozenset[str]:
        """The images whose helper failed the last time on an engine."""
        return frozenset(self._failed_helpers().get(engine, ()))

    def keep_failed_helpers(self, engine: str, images: frozenset[str], *, is_failed: bool) -> None:
        """Remember, or forget, that the helpers of these images failed."""
        before = self.failed_helpers(engine)
        after = before | images if is_failed else before - images
        if after == before:
            return
        with self._lock():
            known = {**self._failed_helpers(), engine: sorted(after)}
            self._write(self.folder / "helpers.json", {"engines": {e: n for e, n in known.items() if n}})

    def _failed_helpers(self) -> dict[str, list[str]]:
        found = self._read(self.folder / "helpers.json").get("engines")
        return (
            {engine: [n for n in names if isinstance(n, str)] for engine, names in found.items()}
            if isinstance(found, dict) and all(isinstance(names, list) for names in found.values())
            else {}
        )

    @staticmethod
    def _entries(engines: Any, engine: str) -> list[dict[str, Any]]:
        entries = engines.get(engine)
        wanted = {"kind", "architecture", "factors"}
        return (
            [e for e in entries if isinstance(e, dict) and wanted <= e.keys()]
            if isinstance(entries, list)
            else []
        )

    def _baseline_path(self, subject: Subject) -> Path:
        args = [[name, self._hash(value)] for name, value in sorted(subject.build_args)]
        words = [
            subject.project,
            subject.dockerfile,
            sorted(subject.platforms),
            subject.target,
            args,
            subject.builder,
            subject.engine,
        ]
        return self.folder / "baselines" / f"{self._name(json.dumps(words))}.json"

    def _name(self, text: str) -> str:
        return self._hash(text)[:32]

    def _hash(self, text: str) -> str:
        return hmac.new(self._key(), text.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()

    def _key(self) -> bytes:
        path = self.folder / "key"
        with contextlib.suppress(OSError):
            return path.read_bytes()
        key = secrets.token_bytes(32)
        with contextlib.suppress(OSError):
            _replace(path, key)
        return key

    def _read(self, path: Path) -> dict[str, Any]:
        try:
            data = json.loads(path.read_bytes())
        except (OSError, ValueError):
            return {}
        return data if isinstance(data, dict) and data.get("format") == FORMAT else {}

    def _write(self, path: Path, data: Mapping[str, Any]) -> None:
        text = json.dumps({"format": FORMAT, **data}, indent=1)
        with contextlib.suppress(OSError):
            _replace(path, text.encode())

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """One writer at a time of a file that is read, changed and written."""
        import fcntl

        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = (self.folder / "lock").open("w")
        except OSError:
            yield
            return
        with handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    @staticmethod
    def _thin(folder: Path) -> None:
        with contextlib.suppress(OSError):
            files: Sequence[Path] = sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime)
            for file in files[:-_KEPT_FILES]:
                file.unlink(missing_ok=True)


def _replace(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(path, data, private=True)
