"""Where Go keeps things: programs, modules, its build cache.

Sources: `go help install`, `go help environment`, docker-library/golang (GOPATH).
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from xbuild.plan.facts.filesystem import absolute
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call
from xbuild.plan.toolchains.go.arguments import environment_text

# Official images that say nothing of Go.
_WITHOUT_GO_ENVIRONMENT = frozenset(
    words(
        "debian ubuntu alpine buildpack-deps node python rust gcc fedora rockylinux almalinux amazonlinux "
        "centos archlinux ruby php perl maven gradle photon"
    )
)


def gopath_of(call: Call) -> str | None:
    """The first folder of GOPATH; None when it is not known."""
    told, text = environment_text(call, "GOPATH")
    if told and text != "":
        return text.split(":")[0] if text is not None else None
    image = call.around.image
    if image.name.rpartition("/")[2] == "golang":
        return "/go"
    home = _home(call.variables, call.scope.user())
    if "HOME" in call.assignments or image.name not in _WITHOUT_GO_ENVIRONMENT:
        return None
    return posixpath.join(home, "go") if home else None


def install_folder(call: Call) -> str | None:
    told, text = environment_text(call, "GOBIN")
    if told and text != "":
        return absolute(text, None) if text is not None else None
    gopath = gopath_of(call)
    return posixpath.join(gopath, "bin") if gopath else None


def module_cache(call: Call) -> str | None:
    variable = call.variables.get("GOMODCACHE")
    if variable is not None:
        return variable.text
    gopath = gopath_of(call)
    return posixpath.join(gopath, "pkg/mod") if gopath else None


def _home(variables: Mapping[str, object], user: str | None) -> str | None:
    home = variables.get("HOME")
    if home is not None:
        return getattr(home, "text", None)
    return "/root" if user in ("", "root", "0", "0:0", "root:root") else None


def go_cache(variables: Mapping[str, object], user: str | None = "") -> str | None:
    for name, suffix in (("GOCACHE", ""), ("XDG_CACHE_HOME", "/go-build")):
        variable = variables.get(name)
        if variable is not None:
            text = getattr(variable, "text", None)
            return None if not text or text == "off" else text + suffix
    home = _home(variables, user)
    return f"{home}/.cache/go-build" if home else None
