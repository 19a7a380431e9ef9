"""Other build programs of the Java world: their builds are programs, and are not followed.

Sources: sbt "Build definition", Leiningen's tutorial, Clojure "Deps and CLI"; Mill's
and Bazel's documentation.
"""

from __future__ import annotations

from functools import partial

from xbuild.plan.programs.grammar import Reading, Style
from xbuild.plan.programs.program import Program
from xbuild.plan.toolchain import Call, Effect
from xbuild.plan.toolchains.java.homes import is_brought
from xbuild.plan.toolchains.java.untold import BoundError, stays

_ASSIST = "copy finished jars, or build by Maven, plain Gradle or plain Ant"


def _refuses(why: str, call: Call, _given: Reading) -> Effect:
    return stays(call, BoundError(why, _ASSIST))


def _row(names: str, why: str) -> Program:
    does = partial(_refuses, why)
    return Program(names, style=Style.NONE, operands="text*", does=does, is_extra=True, brought_by=is_brought)


PROGRAMS = (
    _row("sbt sbtx", "its build is a program in Scala, and what that does is not followed"),
    _row("lein boot clojure clj", "its build is a program in Clojure, and what that does is not followed"),
    _row("mill bazel bazelisk", "its build is a program of its own, and what that does is not followed"),
)
