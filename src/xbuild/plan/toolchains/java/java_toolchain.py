"""What the planner knows of Java and the languages of its machine."""

from __future__ import annotations

import posixpath
from dataclasses import replace

from xbuild.plan.programs.program import by_name
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call, Effect, EqualCache, SourceFiles, Toolchain
from xbuild.plan.toolchains.java import WORK, jdk, unfollowed
from xbuild.plan.toolchains.java.ant import ANT
from xbuild.plan.toolchains.java.gradle import GRADLE
from xbuild.plan.toolchains.java.homes import HOMES
from xbuild.plan.toolchains.java.jvms import IMAGES
from xbuild.plan.toolchains.java.maven import MAVEN, SHELLS

PROGRAMS = (MAVEN, GRADLE, ANT, *unfollowed.PROGRAMS, *jdk.PROGRAMS)
_BY_NAME = by_name(PROGRAMS)
_WRAPPERS = words("mvnw gradlew")


def judge(call: Call) -> Effect | None:
    """What the descriptions cannot say: programs by their paths, and wrappers that a shell is given."""
    if call.texts[0] in SHELLS and posixpath.basename((*call.texts, "", "")[1] or "") in _WRAPPERS:
        call = replace(call, words=call.words[1:], texts=call.texts[1:], kinds=call.kinds[1:])
    program = _BY_NAME.get(call.program_name)
    return program.effect(call) if program is not None else None


TOOLCHAIN = Toolchain(
    name="java",
    judge=judge,
    programs=PROGRAMS,
    # What the start scripts of Maven, Gradle and Ant call.
    started=words("java javac mvn gradle sh bash env uname sed readlink basename dirname which"),
    images=IMAGES,
    folders=tuple(f"{home}{rest}" for home in HOMES for rest in ("", "/bin")),
    caches=("/root/.m2", "/root/.gradle", "/home/gradle/.gradle", "/root/.ivy2", "/root/.sbt"),
    cache_variables=("GRADLE_USER_HOME",),
    # Maven "Repository Layout": files by coordinates, classifiers included.
    equal_caches=(EqualCache(r".*/\.m2(/repository)?", "artifacts by coordinates"),),
    work=WORK,
    sources=(SourceFiles(".java", '// xbuild bench "{}"', start="static void main(", tests="Test.java"),),
)
