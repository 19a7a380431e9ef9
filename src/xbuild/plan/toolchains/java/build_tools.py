"""Programs for the build machine that plugins fetch from a repository, by the machine's classifier: which of
them there are for amd64 and for arm64, for either may be the build machine.

Source: Maven Central, where each was asked for by `dependency:copy` with the classifier `linux-aarch_64`:
protoc 3.4.0 is not there and 3.5.0 is, protoc-gen-grpc-java 1.25.0 is not there and 1.26.0 is.
"""

from __future__ import annotations

from xbuild.text import expression

_FIRST_FOR_BOTH = {"com.google.protobuf:protoc": (3, 5), "io.grpc:protoc-gen-grpc-java": (1, 26)}
_ARTIFACT = expression(r"(?P<name>[\w.-]+:[\w.-]+):(?P<version>[^:@]*)(?::[^@]*)?(?P<type>@\w+)?")
_MACHINE = expression(r"(?:linux|osx|windows)-\w+")


def why_not_for_both(artifact: str) -> str | None:
    """Why an artifact of which there is one for each machine may be missing for amd64 or arm64; None where it
    is there, or what is named is none (a path, a name without a version, a jar).
    """
    found = _ARTIFACT.fullmatch(artifact.strip())
    if found is None or found["type"] == "@jar":
        return None
    first = _FIRST_FOR_BOTH.get(found["name"])
    if first is None:
        return f"whether there is {found['name']} for both amd64 and arm64 is not known here"
    given = tuple(int(part) for part in found["version"].split(".")[:2] if part.isdecimal())
    if len(given) == 2 and given < first:
        return (
            f"there is no {found['name']} {found['version']} for arm64 (there is since {first[0]}.{first[1]})"
        )
    return None


def is_for_one(artifact: str) -> bool:
    """Whether an artifact is named for one machine, whichever builds."""
    found = _ARTIFACT.fullmatch(artifact.strip())
    return found is not None and any(_MACHINE.fullmatch(part) for part in artifact.strip().split(":"))
