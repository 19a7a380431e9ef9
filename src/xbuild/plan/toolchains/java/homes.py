"""Where Java and its build programs come from, what they read beside the project, and what a mount may bring.

Sources: docker-library/maven, gradle and openjdk, adoptium/containers (folders, variables); OpenJDK "The java
Command" (variables); Maven "Settings Reference", Gradle "Build Environment".
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from xbuild.plan.facts.filesystem import Kind, Write, absolute, is_within, join, overlaps
from xbuild.plan.recipes.own_files import context_file, link_out
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call
from xbuild.plan.toolchains.java.jvms import IMAGES
from xbuild.plan.toolchains.java.untold import BoundError
from xbuild.platforms import Platform, parse_platforms
from xbuild.text import expression

_ANY = parse_platforms(("amd64", "arm64", "ppc64le", "s390x", "riscv64", "linux/arm/v7", "386"))
_BUILDERS = parse_platforms(("amd64", "arm64"))
"""What may be the build machine."""
_PACKAGES = expression(
    r"(maven|gradle|ant|leiningen|sbt|clojure|scala|kotlin|default-j(dk|re)|openjdk|temurin|java-)"
    r"[\w.+-]*"
)
OWN_PROGRAMS = words("mvn mvnw gradle gradlew sbt ant lein java javac jar")


def asked_platforms(call: Call) -> tuple[Platform, ...]:
    """Of which a builder is asked: those that are wanted, and both that may be the builder's."""
    return tuple(dict.fromkeys((*(call.around.platforms or _ANY), *_BUILDERS)))


def is_brought(call: Call) -> bool:
    """Whether Java and its programs come with the base image or a package."""
    return call.around.image.row in IMAGES or any(_PACKAGES.fullmatch(p) for p in call.packages)


def check_home(call: Call) -> None:
    """It is known where the program runs, and the Java that runs it is the build machine's."""
    if call.directory is None:
        raise BoundError("where it runs cannot be told", "set WORKDIR")
    home = call.variables.get("JAVA_HOME")
    places = [home.text] if home is not None and home.text else []
    places += [place for place in HOMES if place not in places]
    for made in call.writes:
        is_for_target = made.kind in (Kind.TARGET, Kind.CROSS) and not made.is_package
        if is_for_target and made.path is not None and any(overlaps(made.path, p) for p in places):
            raise BoundError(
                f"line {made.place.line} puts what is for the target where its Java lies ({made.path})",
                "take Java from the image of the stage",
            )
    check_options(call)
    own = next((w for w in call.writes.called(call.program_name) if _is_strange(call, w)), None)
    if own is not None and call.program_name not in ("mvnw", "gradlew"):
        raise BoundError(f"line {own.place.line} puts a program of that name into {own.path}")
    _check_brought(call)
    _check_links(call)


def _check_links(call: Call) -> None:
    """No symbolic link of the project leads to files of the machine."""
    start = posixpath.dirname(context_file(call, posixpath.join(call.directory or "/", "pom.xml")) or "")
    link = link_out(call, call.directory or "/", start)
    if link is not None:
        raise BoundError(f"{link[0]} is a link to {link[1][:60]}, out of the project")


_INSTALLATIONS = words("JAVA_HOME M2_HOME MAVEN_HOME MAVEN_USER_HOME GRADLE_HOME")
_KEPT = expression(r"(.*/)?(wrapper/dists|caches/(modules|jars|transforms)-[\d.]+)/.*")


def _check_brought(call: Call) -> None:
    """Nothing of the project stands for a distribution of Maven or Gradle, or for what one has fetched."""
    kept = next((f for f in call.around.context.files() if _KEPT.fullmatch(f)), None)
    if kept is not None:
        raise BoundError(
            f"the build context brings what it would fetch ({kept})", "leave it out by .dockerignore"
        )
    for name in _INSTALLATIONS:
        told = call.assignments[name][0].value if name in call.assignments else None
        variable = call.variables.get(name)
        told = told if name in call.assignments or variable is None else variable.text
        is_set = name in call.assignments or variable is not None
        is_filled = _is_filled if name != "JAVA_HOME" else _is_of_context
        if is_set and told not in HOMES and (told is None or is_filled(call, told)):
            raise BoundError(f"{name} names a folder into which the stage put something", f"leave {name} out")


def _is_filled(call: Call, folder: str) -> bool:
    """Whether the stage put something there, packages aside."""
    return any(not made.is_package and not made.is_empty for made in call.writes.covering(folder))


def _is_of_context(call: Call, folder: str) -> bool:
    """Whether what stands there comes from the build context."""
    return any(made.is_context and not made.is_empty for made in call.writes.covering(folder))


def check_options(call: Call) -> None:
    """What variables tell the JVM changes nothing that is made: memory, properties, what modules open."""
    told = {name: call.variables[name].text for name in OPTIONS if name in call.variables}
    told |= {name: call.assignments[name][0].value for name in OPTIONS if name in call.assignments}
    for name, text in told.items():
        if text is None:
            raise BoundError(f"what {name} says cannot be told", f"write {name} out")
        check_jvm(name, text)


def check_jvm(name: str, text: str) -> None:
    """Raises BoundError for an option that has the JVM, or javac, load or run something else."""
    known = COMPILING if name == "JDK_JAVAC_OPTIONS" else _HARMLESS
    bad = next((word for word in text.split() if not known.fullmatch(word.strip("\"'"))), None)
    if bad is not None:
        raise BoundError(f"{name} has an option that is not known to change nothing: {bad[:40]}")


OPTIONS = words(
    "JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS _JAVA_OPTIONS JAVA_OPTS MAVEN_OPTS MAVEN_ARGS GRADLE_OPTS JVM_OPTS "
    "ANT_OPTS JDK_JAVAC_OPTIONS"
)
COMPILING = expression(
    r"-proc:none|-parameters|-nowarn|-deprecation|-Werror|-g(:\S+)?|-X(lint|doclint)\S*|-encoding|UTF-8|--release|\d+"
    r"|-J-Xm[xs]\w+"
)
_HARMLESS = expression(
    r"-X(mx|ms|ss|mn|verify:none|share:(auto|off))\w*|-XX:(?!.*(Archive|Shared|AOT|Compile|Flags|File|On[A-Z]))[\w:+=.%-]+"
    r"|-D(?!maven\.ext\.|gradle\.|user\.(home|dir)|os\.|java\.|sun\.|org\.gradle\.java)[\w.-]+(=\S*)?|--(add-(opens|exports|modules)|"
    r"enable-(native-access|preview))(=\S+)?|[\w.]+/[\w.]+=[\w.-]+|ALL-UNNAMED|ALL-SYSTEM|-ea|-da|-server|-B|-ntp"
    r"|--batch-mode|--no-transfer-progress|-T|[\d.]+C?|-q|-e|-U|-Djava\.(net|awt|security)[\w.]*=\S*"
    r"|-P[\w.,!+-]+|--show-version|-V|-X(?!\w)|--strict-checksums|--(fail-fast|errors|update-snapshots)"
)


def home_of(call: Call) -> str | None:
    """The home folder of who runs it; None where that cannot be told."""
    variable = call.variables.get("HOME")
    if "HOME" in call.assignments or (variable is not None and variable.text is None):
        return None
    if variable is not None and variable.origin != "shell":
        return variable.text
    return "/root" if call.scope.user() in ("", "root", "0", "0:0", "root:root") else None


def own_folder(call: Call, name: str) -> str:
    """A folder of that name in the home folder."""
    home = home_of(call)
    if home is None:
        raise BoundError("whose home folder it uses cannot be told", "run it as root")
    return f"{home.rstrip('/')}/{name}"


HOMES = words("/opt/java /usr/lib/jvm /opt/jdk /opt/maven /opt/gradle /usr/share/maven /usr/java")


def _is_strange(call: Call, made: Write) -> bool:
    """Whether the program may be one of the project's own."""
    is_called = "/" not in (call.texts[0] or "") or call.seen(call.texts[0]) == made.path
    return is_called and made.is_context and not made.is_package


def check_mounts(call: Call, places: Sequence[str]) -> None:
    """No mount brings settings that nobody sees who asks: a secret, or what is not of the build context."""
    for mount in call.run.mounts:
        told = mount.get("target") or ("/run/secrets" if mount.type in ("secret", "ssh") else "")
        target = absolute(call.scope.expand_known(told).text or "", call.scope.workdir()) if told else None
        if mount.type == "secret" and (target is None or any(overlaps(target, p) for p in places)):
            raise BoundError(
                "its settings come as a secret, which is not there when it is asked",
                "put what is secret alone into it, and read it by ${env.NAME} from settings that are copied",
            )
        is_kept_apart = mount.type in ("cache", "tmpfs") and target is not None
        if is_kept_apart and is_within(call.directory or "/", target or ""):
            raise BoundError(f"it runs in a {mount.type} mount, whose content is not known")


def held(call: Call, folder: str | None, apart: Sequence[str]) -> Kind:
    """The kind of what lies in a folder, but for what its own programs left there before, and what lies in
    folders `apart` that matter to none of it.
    """
    kinds = [Kind.PORTABLE]
    for made in call.writes:
        if made.path is None:
            kinds.append(made.kind)
            continue
        is_own = made.by[:1] == ("RUN",) and made.by[1:2] and made.by[1] in OWN_PROGRAMS
        is_apart = any(is_within(made.path, place) for place in apart)
        is_there = folder is None or overlaps(made.path, folder)
        if is_there and not is_own and not is_apart and not made.is_package:
            kinds.append(made.kind)
    return join(kinds)
