"""Java, Kotlin, Scala, Clojure: class files and jars are the same for every platform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xbuild.plan.table import Work

if TYPE_CHECKING:
    from xbuild.plan.toolchains.java.java_toolchain import TOOLCHAIN as TOOLCHAIN

WORK = (Work("java build", "mvn, mvnw, gradle, gradlew, sbt, ant, lein, javac", is_compiler=True),)


def __getattr__(name: str) -> Any:
    if name == "TOOLCHAIN":
        from xbuild.plan.toolchains.java.java_toolchain import TOOLCHAIN

        return TOOLCHAIN
    raise AttributeError(name)
