"""The outcome of verifying, as values: checks, how heavily they weigh, and what they were made on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from xbuild.platforms import Platform
from xbuild.text import glob_pattern, name_pattern
from xbuild.verify.built import Built
from xbuild.verify.layers import File, FileSystem
from xbuild.verify.spec import ImageConfig

_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Severity(StrEnum):
    """How heavily a check weighs."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


class CheckKind(StrEnum):
    """What a check is about."""

    PLATFORM = "platform"
    MACHINE = "machine"
    CLASS = "class"
    BYTE_ORDER = "byte-order"
    ABI = "abi"
    CPU = "cpu"
    OS = "os"
    UNREADABLE = "unreadable"
    COMMAND = "command"
    INTERPRETER = "interpreter"
    LIBRARY = "library"
    BUILD = "build"
    DIFFERS = "differs"
    PACKAGE = "package"
    EXCEPTION = "exception"


@dataclass(frozen=True, slots=True)
class Layer:
    """Where a file came from; `added` unless the layer belongs to the base image."""

    index: int
    digest: str
    created_by: str
    added: bool = True


@dataclass(frozen=True, slots=True)
class Allow:
    """An exception: files at paths like `path` (`*` within a folder, `**` across) may be foreign, and lack
    what they need; a library that is missing may also be named itself.
    """

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked, and how it came out."""

    kind: CheckKind
    severity: Severity
    message: str
    path: str = ""
    expected: str = ""
    found: str = ""
    layer: Layer | None = None
    reason: str = ""
    """Why a mismatch weighs less than a failure."""
    needed_by: str = ""

    def to_json(self) -> dict[str, Any]:
        """The check as JSON values; `layer` and empty texts left out."""
        texts = ("kind", "severity", "message", "path", "expected", "found", "reason", "needed_by")
        result: dict[str, Any] = {name: str(getattr(self, name)) for name in texts if getattr(self, name)}
        if self.layer is not None:
            result["layer"] = {
                "index": self.layer.index,
                "digest": self.layer.digest,
                "created_by": self.layer.created_by,
                "added": self.layer.added,
            }
        return result


@dataclass(frozen=True, slots=True)
class Objection:
    """What a language has to say about an image as a whole; the layer of `file` tells who put it there."""

    kind: CheckKind
    severity: Severity
    """At most: a failure that came with the base image is a warning."""
    message: str
    file: File
    expected: str = ""
    found: str = ""
    reason: str = ""
    names: tuple[str, ...] = ()
    """What else an exception may call it by."""

    def weigh(self, layer: Layer | None, exceptions: Exceptions) -> Check:
        """The check that comes of it; a failure that came with the base image is a warning."""
        severity, reason = self.severity, self.reason
        allowed = exceptions.reason_for(self.file.path, *self.names) if severity is not Severity.OK else None
        if allowed is not None:
            severity, reason = Severity.OK, f"allowed: {allowed}"
        elif severity is Severity.FAILURE and layer is not None and not layer.added:
            severity, reason = Severity.WARNING, "came with the base image"
        return Check(
            self.kind, severity, self.message, self.file.path, self.expected, self.found, layer, reason
        )


@dataclass(frozen=True, slots=True)
class Objections:
    """What a language has to say about the platforms of an image: of each by itself, and across them."""

    alone: tuple[tuple[Objection, ...], ...]
    """As many as there are platforms."""
    across: tuple[tuple[PlatformImage, Objection], ...] = ()
    """Each with the platform whose layers its file is in."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How much was looked at."""

    files: int = 0
    elf: int = 0
    programs: int = 0
    libraries: int = 0
    objects: int = 0
    scripts: int = 0
    foreign_os: int = 0
    built: tuple[tuple[str, int], ...] = ()
    """Programs that say how they were built, by the name of their language."""

    def to_json(self) -> dict[str, int]:
        plain = {name: getattr(self, name) for name in Counts.__dataclass_fields__ if name != "built"}
        return plain | {language.lower(): number for language, number in self.built}


@dataclass(frozen=True, slots=True)
class PlatformVerification:
    """The outcome for one platform; `checks` holds failures and warnings, and what the image runs."""

    platform: str
    digest: str
    checks: tuple[Check, ...]
    counts: Counts = Counts()
    layers: tuple[Layer, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.failures

    @property
    def failures(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.severity is Severity.FAILURE)

    @property
    def warnings(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.severity is Severity.WARNING)

    def to_json(self) -> dict[str, Any]:
        return {
            "platform": self.platform,
            "digest": self.digest,
            "passed": self.passed,
            "counts": self.counts.to_json(),
            "checks": [check.to_json() for check in self.checks],
        }


@dataclass(frozen=True, slots=True)
class Verification:
    """The outcome for a whole image; `across` compares its platforms."""

    digest: str
    platforms: tuple[PlatformVerification, ...]
    across: tuple[Check, ...] = ()
    skipped: tuple[str, ...] = ()
    seconds: float = 0.0
    bytes: int = 0

    @property
    def passed(self) -> bool:
        return not self.failures

    @property
    def failures(self) -> tuple[Check, ...]:
        return self._all(Severity.FAILURE)

    @property
    def warnings(self) -> tuple[Check, ...]:
        return self._all(Severity.WARNING)

    def _all(self, severity: Severity) -> tuple[Check, ...]:
        every = [check for platform in self.platforms for check in platform.checks]
        return tuple(check for check in (*every, *self.across) if check.severity is severity)

    def to_json(self) -> dict[str, Any]:
        """The outcome as JSON values."""
        return {
            "digest": self.digest,
            "passed": self.passed,
            "platforms": [platform.to_json() for platform in self.platforms],
            "across": [check.to_json() for check in self.across],
            "skipped": list(self.skipped),
            "seconds": round(self.seconds, 3),
            "bytes": self.bytes,
        }


@dataclass(frozen=True)
class PlatformImage:
    """What is judged: one platform's config and files, and which platform the index says it is for."""

    platform: Platform
    digest: str
    config: ImageConfig
    layers: tuple[Layer, ...]
    files: FileSystem

    @cached_property
    def contents(self) -> tuple[File, ...]:
        """The files with facts, by path."""
        return tuple(sorted(self.files.contents(), key=lambda file: file.path))

    @cached_property
    def command_folders(self) -> tuple[str, ...]:
        """The folders of PATH as the config has them, or what container runtimes use without (moby
        `oci/defaults`).
        """
        return _folders(self.config.variable("PATH") or _DEFAULT_PATH)

    @cached_property
    def library_folders(self) -> tuple[str, ...]:
        """The folders of LD_LIBRARY_PATH (`ld.so(8)`)."""
        return _folders((self.config.variable("LD_LIBRARY_PATH") or "").replace(";", ":"))

    def is_command(self, file: File) -> bool:
        """Whether a file lies in a folder of PATH."""
        return file.path.rpartition("/")[0] in self._real_command_folders

    def is_searched(self, file: File) -> bool:
        """Whether a file lies in a folder of PATH or of LD_LIBRARY_PATH."""
        return self.is_command(file) or file.path.rpartition("/")[0] in self._real_library_folders

    @cached_property
    def _real_command_folders(self) -> frozenset[str]:
        return self._real(self.command_folders)

    @cached_property
    def _real_library_folders(self) -> frozenset[str]:
        return self._real(self.library_folders)

    def _real(self, folders: Sequence[str]) -> frozenset[str]:
        found = (self.files.lookup(folder) for folder in folders)
        return frozenset(file.path for file in found if file is not None)

    def built(self) -> Iterator[tuple[File, Built]]:
        """The programs among the files that say how they were built."""
        for file in self.contents:
            content = file.entry.content
            if content is not None and content.built is not None:
                yield file, content.built


def _folders(text: str) -> tuple[str, ...]:
    return tuple(folder for folder in text.split(":") if folder)


class Exceptions:
    """The user's exceptions, and which of them were needed.

    An entry names files by their path, as glob_pattern reads it; one without a slash names a file in the root
    folder, and anything that is known by a name only, as a library that is missing.
    """

    def __init__(self, allow: Sequence[Allow]) -> None:
        self._patterns = [(entry, glob_pattern(entry.path), name_pattern(entry.path)) for entry in allow]
        self._used: set[Allow] = set()

    def reason_for(self, *subjects: str) -> str | None:
        """Why something is allowed that has these paths and names; an empty one is none."""
        for entry, path, name in self._patterns:
            if any((path if each.startswith("/") else name).fullmatch(each) for each in subjects if each):
                self._used.add(entry)
                return entry.reason or "allowed"
        return None

    def unused(self) -> Iterator[Check]:
        for entry, *_ in self._patterns:
            if entry not in self._used:
                yield Check(
                    CheckKind.EXCEPTION,
                    Severity.WARNING,
                    f"the exception for {entry.path} was not needed",
                    path=entry.path,
                    reason=entry.reason,
                )
