"""Every typed error: exit code, message, where it is, what was expected and what to do next.

The command line prints an error as one message and exits with its code; library users catch `XbuildError`.
Exit codes are documented in `docs/reference/exit-codes.md`, which a test compares with `EXIT_CODES`.
"""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of the command line."""

    OK = 0
    FAILED = 1
    USAGE = 2
    DOCKERFILE = 3
    CONTEXT = 4
    ENGINE = 5
    REGISTRY = 6
    WRONG_ARCHITECTURE = 7
    CONFIG = 8
    INCOMPLETE = 9
    CANCELLED = 130


EXIT_CODES: dict[Exit, str] = {
    Exit.OK: "success",
    Exit.FAILED: "the build failed, `--check` would change something, or `bench` found that images differ",
    Exit.USAGE: "an option or argument is wrong",
    Exit.DOCKERFILE: "the Dockerfile is missing, unreadable or wrong",
    Exit.CONTEXT: "the build context is missing, empty or unreadable",
    Exit.ENGINE: "no usable engine, buildx, builder, image store, QEMU or disk space",
    Exit.REGISTRY: "a registry refused, timed out or wants a login",
    Exit.WRONG_ARCHITECTURE: "a binary in the image is not for the image's platform",
    Exit.CONFIG: "the configuration file is wrong",
    Exit.INCOMPLETE: "the image was delivered, but an output, file or report beside it was not",
    Exit.CANCELLED: "cancelled",
}


class XbuildError(Exception):
    """A failure that is worded for the reader.

    `message` says what failed, `expected` what was expected, `hint` what to do; `file` and `line` (from 1)
    say where, when there is a place.
    """

    exit_code: Exit = Exit.FAILED

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        line: int | None = None,
        expected: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.expected = expected
        self.hint = hint

    @property
    def place(self) -> str:
        """`file:line`, `file`, or nothing."""
        if self.file is None:
            return ""
        return self.file if self.line is None else f"{self.file}:{self.line}"

    def __str__(self) -> str:
        head = f"{self.place}: {self.message}" if self.place else self.message
        parts = [head]
        if self.expected:
            parts.append(f"expected: {self.expected}")
        if self.hint:
            parts.append(f"try: {self.hint}")
        return "\n  ".join(parts)


class UsageError(XbuildError):
    """An option or argument is wrong."""

    exit_code = Exit.USAGE


class PlatformError(UsageError):
    """A platform string that is not `os/architecture[/variant]` or names something unknown."""


class DockerfileError(XbuildError):
    """The Dockerfile is missing, unreadable or wrong."""

    exit_code = Exit.DOCKERFILE


class DockerfileSyntaxError(DockerfileError):
    """BuildKit's parser would refuse this Dockerfile."""


class StageError(DockerfileError):
    """A stage is unknown, cyclic or defined twice."""


class EditError(DockerfileError):
    """Edits overlap, or an edit did not have exactly the intended effect; nothing was written."""


class ContextError(XbuildError):
    """The build context is missing, empty or unreadable."""

    exit_code = Exit.CONTEXT


class EngineError(XbuildError):
    """No usable engine, buildx, builder, image store, QEMU or disk space."""

    exit_code = Exit.ENGINE


class SolveError(XbuildError):
    """buildx ran and the build failed."""


class RegistryError(XbuildError):
    """A registry refused, timed out or wants a login."""

    exit_code = Exit.REGISTRY


class ImageError(XbuildError):
    """An image, layout or archive cannot be read."""


class WrongArchitectureError(XbuildError):
    """A binary in the image is not for the image's platform."""

    exit_code = Exit.WRONG_ARCHITECTURE


class ConfigError(XbuildError):
    """The configuration file is wrong."""

    exit_code = Exit.CONFIG


class CancelledError(XbuildError):
    """The user interrupted."""

    exit_code = Exit.CANCELLED
