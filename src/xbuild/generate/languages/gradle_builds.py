"""Gradle: what its build files say, in Groovy and in Kotlin."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xbuild.generate.excerpts import exec_form, exists, first_seen, line_of, plain, read_toml, table
from xbuild.generate.languages.java_images import (
    JAVA,
    JAVAS,
    is_for_a_machine,
    main_classes,
    newest_fit,
    port_of,
    release_of,
)
from xbuild.generate.shape import Candidate, EntryPoint, Seen, Shape, SourceTree, UnreadyError
from xbuild.generate.template import Values

MARKERS = ("settings.gradle", "settings.gradle.kts", "build.gradle", "build.gradle.kts")
_BUILDS = ("build.gradle", "build.gradle.kts")
_SETTINGS = ("settings.gradle", "settings.gradle.kts")
_WRAPPER = "gradle/wrapper/gradle-wrapper.properties"
_CATALOG = "gradle/libs.versions.toml"
# Plugins that make a program, by their identifiers; the first that is applied counts.
_BOOT = "org.springframework.boot"
_JAVAFX = "org.openjfx.javafxplugin"
# The first Gradle that runs on a release of Java, and the first Java that one needs.
# Source: Gradle's compatibility matrix.
_RUNS_ON = {8: (2, 0), 11: (5, 0), 17: (7, 3), 21: (8, 5), 25: (9, 1)}
_NEEDS_17 = (9, 0)
# Plugins that build a frontend, and where they are told its folder; without that it is the project's own.
_FRONTENDS = re.compile(
    r"[\"'](com\.github\.node-gradle\.node|com\.moowork\.node|org\.siouan\.frontend[\w-]*)[\"']"
)
_FRONTEND = re.compile(
    r"(?:nodeProjectDir|packageJsonDirectory)(?:\s*=\s*|\.set\(\s*|\s+)"
    r"(?:(?:project\.|rootProject\.)?file\(|(?:project\.)?layout\.projectDirectory\.dir\()\s*"
    r"[\"'](?:\$\{?(?:rootDir|projectDir|project\.projectDir|rootProject\.projectDir)\}?/)?([^\"'$]+)[\"']"
)
_TOOLCHAIN = re.compile(r"JavaLanguageVersion\.of\(\s*[\"']?(\w+)[\"']?\s*\)|jvmToolchain\(\s*(\w+)\s*\)")
_COMPATIBLE = re.compile(
    r"(?:sourceCompatibility|targetCompatibility|options\.release)(?:\s*=\s*|\.set\(\s*|\s+)"
    r"[\"']?((?:JavaVersion\.)?[\w.]+)"
)
_MAIN = re.compile(r"\bmainClass(?:Name)?(?:\s*=\s*|\.set\(\s*|\s+)[\"']([\w.$]+)[\"']")
_INCLUDED = re.compile(r"^\s*include\b\s*\(?((?:\s*[\"'][\w:./-]+[\"']\s*,?)+)", re.MULTILINE)
_STRING = re.compile(r"[\"']([^\"'\n]+)[\"']")


@dataclass(frozen=True)
class Build:
    """A project of Gradle's: its folder from the root project on, its build file, and that file's text."""

    place: str
    file: str
    text: str

    def applies(self, plugin: str, aliases: Sequence[str]) -> re.Match[str] | None:
        """Where a plugin is applied, by its identifier or an alias of the version catalog."""
        names = [rf"id\s*\(?\s*[\"']{re.escape(plugin)}[\"']\)?(?!.*\bapply\s*\(?\s*false)"]
        names += [
            rf"alias\s*\(?\s*libs\.plugins\.{re.escape(a)}\s*\)(?!.*\bapply\s*\(?\s*false)" for a in aliases
        ]
        names += [rf"apply\s+plugin:\s*[\"']{re.escape(plugin)}[\"']"]
        if "." not in plugin:
            names += [rf"^\s*`?{plugin}`?\s*$"]
        return re.search("|".join(names), self.text, re.MULTILINE)


def find_gradle(tree: SourceTree, folder: str) -> Candidate | None:
    """A build of its own: what settings.gradle of a folder above includes is part of that."""
    candidate = Candidate("java", folder, "")
    names = [name for name in (*_BUILDS, *_SETTINGS) if exists(tree, candidate.inside(name))]
    if not names or _is_included(tree, folder):
        return None
    candidate = Candidate("java", folder, candidate.inside(names[0]))
    entries = tuple(e for build in _builds(tree, candidate) for e in _entries(tree, candidate, build))
    return Candidate("java", folder, candidate.marker, entries)


def _is_included(tree: SourceTree, folder: str) -> bool:
    above = folder
    while above:
        above = posixpath.dirname(above)
        if any(exists(tree, posixpath.normpath(posixpath.join(above, name))) for name in _SETTINGS):
            return True
    return False


def _settings(tree: SourceTree, candidate: Candidate) -> tuple[str, str]:
    paths = [candidate.inside(name) for name in _SETTINGS]
    path = next((path for path in paths if exists(tree, path)), paths[0])
    return path, tree.read(path) or ""


def _builds(tree: SourceTree, candidate: Candidate) -> Iterator[Build]:
    """The root project and those that it includes."""
    _, settings = _settings(tree, candidate)
    names = [name for found in _INCLUDED.finditer(settings) for name in _STRING.findall(found[1])]
    for place in [".", *(name.strip(":").replace(":", "/") for name in names)]:
        for name in _BUILDS:
            path = candidate.inside(posixpath.join(place, name))
            text = tree.read(path)
            if text is not None:
                yield Build(posixpath.normpath(place), path, text)
                break


def _aliases(tree: SourceTree, candidate: Candidate, plugin: str) -> list[str]:
    """Names of the version catalog for a plugin, as build files spell them."""
    catalog = read_toml(tree, candidate.inside(_CATALOG))
    found = []
    for name, value in table(catalog, "plugins").items():
        told = value.get("id") if isinstance(value, dict) else str(value).partition(":")[0]
        if told == plugin:
            found.append(re.sub(r"[-_]", ".", name))
    return found


def _entries(tree: SourceTree, candidate: Candidate, build: Build) -> Iterator[EntryPoint]:
    name = posixpath.basename(build.place) if build.place != "." else _name(tree, candidate)
    own = () if build.place == "." else (build.place,)
    boot = build.applies(_BOOT, _aliases(tree, candidate, _BOOT))
    if boot is not None:
        seen = Seen("Spring Boot", build.file, line_of(build.text, boot.start()))
        yield EntryPoint(name, seen, ("boot", build.place, ""), own)
        return
    applied = build.applies("application", ())
    if applied is None:
        return
    main = _MAIN.search(build.text)
    if main is not None:
        seen = Seen(f"the program {main[1]}", build.file, line_of(build.text, main.start()))
        yield EntryPoint(name, seen, ("main", build.place, main[1]), own)
        return
    for full, seen in main_classes(tree, candidate.inside(build.place).removeprefix("./").strip(".")):
        yield EntryPoint(full.rpartition(".")[2], seen, ("main", build.place, full), own)


def _name(tree: SourceTree, candidate: Candidate) -> str:
    _, settings = _settings(tree, candidate)
    found = re.search(r"rootProject\.name\s*=\s*[\"']([^\"']+)", settings)
    return found[1] if found else posixpath.basename(candidate.folder) or "app"


def draw_gradle(tree: SourceTree, candidate: Candidate, entry: EntryPoint | None) -> Shape:
    """The shape of a build by Gradle."""
    builds = list(_builds(tree, candidate))
    if entry is None:
        raise UnreadyError(
            "no program was recognised: neither Spring Boot nor the plugin `application` is applied",
            file=candidate.marker,
            hint="a library needs no image",
        )
    kind, place, main = entry.target
    build = next(each for each in builds if each.place == place)
    gradle, gradle_seen = _gradle(tree, candidate)
    _check(tree, candidate, builds)
    java, java_seen = _java(builds, build, gradle, candidate)
    module = "" if place == "." else candidate.inside(place)
    port = port_of(tree, module, (build.file, candidate.inside(_CATALOG)))
    is_simple = (
        not tree.files(candidate.inside("buildSrc")) and "includeBuild" not in _settings(tree, candidate)[1]
    )
    files = [n for n in (*_SETTINGS, *_BUILDS, "gradle.properties") if exists(tree, candidate.inside(n))]
    inner = [plain(each.place, each.file, "the project's folder") for each in builds if each.place != "."]
    values: Values = {
        "java": str(java),
        "files": " ".join(files),
        "part": tuple(inner),
        "task": f"{'' if place == '.' else ':' + place.replace('/', ':') + ':'}",
        "build": posixpath.normpath(posixpath.join(place, "build")),
        "entrypoint": exec_form(
            ["java", "-jar", "/app/app.jar"] if kind == "boot" else ["java", "-cp", "/app/lib/*", main]
        ),
        "port": (port[0],) if port else (),
    }
    notes = list(_notes(build, port, is_simple=is_simple))
    seen = (java_seen, gradle_seen, entry.seen, *((port[1],) if port else ()))
    switches = frozenset({kind, *(("simple",) if is_simple else ())})
    ignored = ("build", ".gradle", *(f"{each}/build" for each in inner))
    return Shape("java-gradle", values, switches, seen, tuple(notes), ignored)


def _gradle(tree: SourceTree, candidate: Candidate) -> tuple[tuple[int, int], Seen]:
    """The Gradle that the wrapper brings."""
    path = candidate.inside(_WRAPPER)
    text = tree.read(path) or ""
    found = re.search(r"^distributionUrl=.*gradle-(\d+)\.(\d+)\S*-(?:bin|all)", text, re.MULTILINE)
    if found is None or not exists(tree, candidate.inside("gradlew")):
        raise UnreadyError(
            "there is no wrapper of Gradle, so that its version is not told",
            file=candidate.marker,
            expected=f"gradlew and {_WRAPPER}",
            hint="gradle wrapper",
        )
    version = int(found[1]), int(found[2])
    return version, Seen(f"Gradle {version[0]}.{version[1]}", path, line_of(text, found.start()))


def _java(
    builds: Sequence[Build], build: Build, gradle: tuple[int, int], candidate: Candidate
) -> tuple[int, Seen]:
    """The JDK's release: the toolchain's own, else one that compiles for what is asked; Gradle runs on it."""
    least = 17 if gradle >= _NEEDS_17 else 8
    running = [java for java in JAVAS if java >= least and gradle >= _RUNS_ON[java]]
    root = [each for each in builds if each.place == "." and each is not build]
    for each in (build, *root):
        for pattern, is_exact in ((_TOOLCHAIN, True), (_COMPATIBLE, False)):
            found = pattern.search(each.text)
            if found is None:
                continue
            told = next(group for group in found.groups() if group)
            seen = Seen(f"Java {told}", each.file, line_of(each.text, found.start()))
            release = release_of(told)
            if release is None:
                raise UnreadyError(
                    f"the version of Java is not understood: {told}", file=seen.file, line=seen.line
                )
            java = newest_fit(release, seen)
            fitting = [each for each in running if each >= java]
            if not fitting or (is_exact and fitting[0] != release):
                raise UnreadyError(
                    f"Gradle {gradle[0]}.{gradle[1]} does not run on Java {release}, or it has no image",
                    file=seen.file,
                    line=seen.line,
                    expected=", ".join(map(str, running)),
                    hint="name one of these, or a newer Gradle in the wrapper",
                )
            java = fitting[0]
            more = f", for {release}" if java != release else ""
            return java, Seen(f"Java {java}{more}", seen.file, seen.line)
    java = JAVA if JAVA in running else running[-1]
    return java, Seen(f"Java {java}: no version is asked for", candidate.marker, is_sure=False)


def _check(tree: SourceTree, candidate: Candidate, builds: Sequence[Build]) -> None:
    """Raises UnreadyError for what is made for one kind of machine."""
    by_hand = "write the Dockerfile as for one platform: xbuild build makes the rest of it"
    for build in builds:
        fx = build.applies(_JAVAFX, _aliases(tree, candidate, _JAVAFX))
        if fx is not None:
            line = line_of(build.text, fx.start())
            what = "JavaFX comes for one kind of machine at a time"
            raise UnreadyError(what, file=build.file, line=line, hint=by_hand)
        for found in _STRING.finditer(build.text):
            parts = found[1].split("@")[0].split(":")
            if len(parts) == 4 and is_for_a_machine(parts[3]):
                line = line_of(build.text, found.start())
                what = f"{':'.join(parts[:2])} comes for one kind of machine at a time"
                raise UnreadyError(what, file=build.file, line=line, hint=by_hand)
        found_detector = re.search(r"\bosdetector\b", build.text)
        if found_detector is not None:
            line = line_of(build.text, found_detector.start())
            what = "osdetector names the machine that builds"
            raise UnreadyError(what, file=build.file, line=line, hint=by_hand)


def _notes(build: Build, port: tuple[str, Seen] | None, *, is_simple: bool) -> Iterator[str]:
    if not is_simple:
        yield "dependencies have no layer of their own: buildSrc or another build is part of this one"
    arguments = re.search(r"applicationDefaultJvmArgs", build.text)
    if arguments is not None:
        line = line_of(build.text, arguments.start())
        yield f"{build.file}:{line}: applicationDefaultJvmArgs is left out: JAVA_TOOL_OPTIONS can hold it"
    if port is None:
        yield "EXPOSE is left out: no port was recognised in the program"
    yield "HEALTHCHECK is left out: the runtime image has no program that is sure to be there to ask"


def taken_in(tree: SourceTree, candidate: Candidate, output: str) -> Seen | None:
    """Where a build file copies a folder into the jar."""
    for build in _builds(tree, candidate):
        pattern = rf"\bfrom\s*\(?\s*(?:file\()?[\"'](?:\$(?:rootDir|projectDir)/)?{re.escape(output)}/?[\"']"
        if re.search(pattern, build.text) is not None:
            return first_seen(tree, build.file, pattern, f"{output}/ is part of the jar")
    return None


def built_by_gradle(tree: SourceTree, candidate: Candidate, folder: str) -> Seen | None:
    """Where a plugin is applied that builds the frontend of a folder; its tasks are not looked at."""
    for build in _builds(tree, candidate):
        applied = _FRONTENDS.search(build.text)
        if applied is None:
            continue
        told = _FRONTEND.search(build.text)
        base = candidate.inside(build.place)
        places = {posixpath.normpath(posixpath.join(base, told[1] if told else "."))}
        places |= {candidate.inside(told[1])} if told else set()
        if (folder or ".") in places:
            text = f"{posixpath.join(folder, 'package.json')} is built by {applied[1]}"
            return Seen(text, build.file, line_of(build.text, applied.start()), is_sure=False)
    return None
