"""`xbuild build --help`: xbuild's own flags in words, buildx's by name (its own help explains them)."""

from __future__ import annotations

from xbuild.solve.options import FLAGS, Flag, Kind
from xbuild.views.terminal import Terminal, wrap

_OWN = {
    "baseline": "none, estimate or measure: what the time saved is counted against (default: estimate)",
    "config": "settings (default: .xbuild.yaml in the context)",
    "dry-run": "print plan, diff and the exact buildx command; run nothing",
    "no-cache-mounts": "add no cache mounts",
    "no-rewrite": "build the Dockerfile as it is",
    "no-verify": "do not check the binaries",
    "report": "write the report to a file, .json or .md (repeatable)",
    "show-values": "show the values of build args in --dry-run",
}


def build_help() -> str:
    """The whole text."""
    own = [flag for flag in FLAGS if flag.own]
    theirs = [_named(flag) for flag in FLAGS if not flag.own and not flag.hidden]
    width = max(len(_named(flag)) for flag in own) + 2
    names = wrap(", ".join(theirs), Terminal(width=98))
    return "\n".join(
        [
            "Usage: xbuild build [OPTIONS] PATH | URL | -",
            "",
            "Rewrites the Dockerfile to cross-compile, builds it into an OCI layout, checks every binary",
            "for its platform, then pushes, loads or writes that very layout. Your file stays as it is.",
            "",
            "Own options:",
            *(f"  {_named(flag):<{width}}{_OWN[flag.name]}" for flag in own),
            "",
            "Options of `docker buildx build`, with the same names and meaning (docker buildx build --help):",
            *(f"  {line}" for line in names),
            "Unknown options are passed on to buildx.",
            "",
            "Exit codes: 0 ok, 1 the build failed, 2 usage, 3 Dockerfile, 4 context, 5 engine, 6 registry,",
            "7 a binary is for the wrong platform, 8 configuration, 9 delivered, but not what",
            "was asked for beside it, 130 cancelled.",
        ]
    )


def _named(flag: Flag) -> str:
    short = f"-{flag.short}, " if flag.short else ""
    return f"{short}--{flag.name}" + (" VALUE" if flag.own and flag.kind is Kind.VALUE else "")
