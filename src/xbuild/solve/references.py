"""Image references: `[HOST/]REPOSITORY[:TAG][@DIGEST]` as docker reads them (distribution/reference)."""

from __future__ import annotations

from dataclasses import dataclass

from xbuild.errors import UsageError
from xbuild.text import expression

_HOST = expression(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::\d+)?")
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REST = expression(
    rf"(?P<path>{_COMPONENT}(?:/{_COMPONENT})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference in full: `docker.io/library/debian:latest`; with a digest `tag` may be empty."""

    host: str
    path: str
    tag: str
    digest: str = ""

    @property
    def repository(self) -> str:
        return f"{self.host}/{self.path}"

    @property
    def login_host(self) -> str:
        """What `docker login` wants to hear; the hub needs no name."""
        return "" if self.host == "docker.io" else self.host

    @property
    def is_loopback(self) -> bool:
        """Whether docker and buildx would also speak plain HTTP with it (containerd `MatchLocalhost`)."""
        name = self.host.rpartition(":")[0] if self.host.rpartition(":")[2].isdigit() else self.host
        return name in ("localhost", "[::1]") or name.startswith("127.")

    def at(self, digest: str) -> str:
        return f"{self.repository}@{digest}"

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.repository}{tag}" + (f"@{self.digest}" if self.digest else "")


def parse_reference(text: str) -> Reference:
    """Raises UsageError for what docker would refuse."""
    first, slash, rest = text.partition("/")
    # the first part is a host when it looks like one (distribution/reference `splitDockerDomain`)
    has_host = slash and ("." in first or ":" in first or first == "localhost" or first != first.lower())
    host = first if has_host else "docker.io"
    match = _REST.fullmatch(rest if has_host else text)
    if match is None or _HOST.fullmatch(host) is None:
        raise UsageError(
            f"{text!r} is no image reference",
            expected="[HOST/]REPOSITORY[:TAG], lower case",
            hint="correct --tag",
        )
    host = "docker.io" if host == "index.docker.io" else host
    path = match["path"]
    if host == "docker.io" and "/" not in path:
        path = f"library/{path}"
    digest = match["digest"] or ""
    return Reference(host, path, match["tag"] or ("" if digest else "latest"), digest)


def is_name_only(text: str) -> bool:
    """Whether a reference has neither tag nor digest. Raises UsageError for what is none."""
    parse_reference(text)
    return "@" not in text and ":" not in text.rpartition("/")[2]
