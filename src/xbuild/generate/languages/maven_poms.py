"""Maven: what pom.xml and those of the modules say."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree

from xbuild.generate.excerpts import exec_form, exists, first_seen, line_of, plain
from xbuild.generate.languages.java_images import (
    JAVA,
    is_for_a_machine,
    main_classes,
    newest_fit,
    port_of,
    release_of,
)
from xbuild.generate.shape import Candidate, EntryPoint, Seen, Shape, SourceTree, UnreadyError
from xbuild.generate.template import Values

_BOOT = "spring-boot-maven-plugin"
_QUARKUS = "quarkus-maven-plugin"
# Plugins whose jar holds the dependencies.
_WHOLE = ("maven-shade-plugin", "maven-assembly-plugin")
_RELEASES = (
    "maven.compiler.release",
    "java.version",
    "maven.compiler.target",
    "maven.compiler.source",
    "kotlin.compiler.jvmTarget",
)
_MAINS = ("exec.mainClass", "start-class", "mainClass", "main.class", "micronaut.main.class")
# Plugins that read .git, and the property that keeps them from it.
_HISTORY = {"git-commit-id-maven-plugin": "maven.gitcommitid.skip", "git-commit-id-plugin": "skipGitCommitId"}
# Plugins that build a frontend, with a Node of their own, in this folder or in that of pom.xml.
_FRONTENDS = {"frontend-maven-plugin": "workingDirectory", "vaadin-maven-plugin": "npmFolder"}
_STAMP = "project.build.outputTimestamp"
_WRAPPER = ".mvn/wrapper/maven-wrapper.properties"
_DEEPEST = 5


@dataclass(frozen=True)
class Pom:
    """One pom.xml: its path, its elements, and the properties that hold in it."""

    marker: str
    root: ElementTree.Element
    properties: Mapping[str, str]

    def text(self, path: str) -> str | None:
        """The text of an element, with properties put in; None when there is none."""
        found = self.root.find(path)
        return self.expanded(found.text or "") if found is not None else None

    def expanded(self, text: str) -> str:
        """The text with properties put in, as far as they are known."""
        for _ in range(_DEEPEST):
            text, before = (
                re.sub(r"\$\{([\w.-]+)\}", lambda found: self.properties.get(found[1], found[0]), text),
                text,
            )
            if text == before:
                break
        return text.strip()

    @property
    def folder(self) -> str:
        return posixpath.dirname(self.marker)

    @property
    def artifact(self) -> str:
        return self.text("artifactId") or posixpath.basename(self.folder) or "app"

    @property
    def packaging(self) -> str:
        return self.text("packaging") or "jar"

    def plugin(self, name: str) -> ElementTree.Element | None:
        plugins = self.root.findall("build/plugins/plugin")
        return next((each for each in plugins if each.findtext("artifactId") == name), None)


def read_pom(tree: SourceTree, marker: str, above: Pom | None = None) -> Pom | None:
    """The file, None when it is not there. Raises UnreadyError for what is no pom.xml."""
    text = tree.read(marker)
    if text is None:
        return None
    try:
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise UnreadyError("the file declares entities", file=marker, hint="take them out")
        root = ElementTree.fromstring(text.removeprefix("\ufeff"))
    except ElementTree.ParseError as error:
        line = error.position[0]
        raise UnreadyError("the file is no XML", file=marker, line=line, hint="mend it") from error
    for element in root.iter():
        element.tag = str(element.tag).rpartition("}")[2]
    own = {each.tag: (each.text or "").strip() for each in root.findall("properties/*")}
    for name in ("artifactId", "version", "groupId"):
        value = root.findtext(name) or root.findtext(f"parent/{name}") or ""
        own[f"project.{name}"] = value.strip()
    return Pom(marker, root, {**(above.properties if above is not None else {}), **own})


def modules(tree: SourceTree, pom: Pom, above: tuple[str, ...] = ()) -> Iterator[Pom]:
    """The modules of a project, and those of them."""
    above = (*above, pom.marker)
    for element in pom.root.findall("modules/module"):
        place = posixpath.normpath(posixpath.join(pom.folder, (element.text or "").strip()))
        inner = read_pom(tree, place if place.endswith(".xml") else f"{place}/pom.xml", pom)
        if inner is not None and not place.startswith("..") and inner.marker not in above:
            yield inner
            yield from modules(tree, inner, above)


def find_maven(tree: SourceTree, folder: str) -> Candidate | None:
    """A project of its own: a module is part of the one above."""
    marker = posixpath.normpath(posixpath.join(folder, "pom.xml"))
    pom = read_pom(tree, marker)
    if pom is None or _is_module(tree, folder):
        return None
    parts = list(modules(tree, pom))
    entries = tuple(e for each in parts or [pom] for e in _entries(tree, each, pom))
    return Candidate("java", folder, marker, entries)


def _is_module(tree: SourceTree, folder: str) -> bool:
    above = folder
    while above:
        above = posixpath.dirname(above)
        pom = read_pom(tree, posixpath.normpath(posixpath.join(above, "pom.xml")))
        if pom is not None and any(each.folder == folder for each in modules(tree, pom)):
            return True
    return False


def _entries(tree: SourceTree, pom: Pom, root: Pom) -> Iterator[EntryPoint]:
    """What a module can be started with: kind, folder, class."""
    place = posixpath.relpath(pom.folder or ".", root.folder or ".")
    own = () if place == "." else (place, posixpath.basename(place))
    if pom.packaging == "pom":
        return
    mains = list(main_classes(tree, pom.folder))
    for plugin, kind in ((_BOOT, "boot"), (_QUARKUS, "quarkus")):
        inherited = place != "." and root.plugin(plugin) is not None and bool(mains)
        if pom.plugin(plugin) is not None or inherited:
            text = "Spring Boot" if kind == "boot" else "Quarkus"
            file = pom if pom.plugin(plugin) is not None else root
            seen = first_seen(tree, file.marker, rf"<artifactId>{plugin}</artifactId>", text)
            yield EntryPoint(pom.artifact, seen, (kind, place, ""), own)
            return
    if pom.packaging not in ("jar", "bundle"):
        yield EntryPoint(pom.artifact, Seen(pom.packaging, pom.marker), ("other", place, ""), own)
        return
    named = _named_main(tree, pom)
    if named is not None:
        yield EntryPoint(pom.artifact, named[1], ("main", place, named[0]), own)
        return
    for name, seen in mains:
        short = name.rpartition(".")[2]
        yield EntryPoint(short if len(mains) > 1 or own else pom.artifact, seen, ("main", place, name), own)


def _named_main(tree: SourceTree, pom: Pom) -> tuple[str, Seen] | None:
    for plugin in ("maven-jar-plugin", *_WHOLE, "exec-maven-plugin"):
        element = pom.plugin(plugin)
        for found in element.iter("mainClass") if element is not None else ():
            name = pom.expanded(found.text or "")
            if name and "$" not in name:
                return name, first_seen(tree, pom.marker, r"<mainClass>", f"the program {name}")
    for key in _MAINS:
        name = pom.expanded(pom.properties.get(key, ""))
        if name and "$" not in name:
            line = first_seen(tree, pom.marker, rf"<{re.escape(key)}>", f"the program {name}")
            return name, line
    return None


def built_by_maven(tree: SourceTree, candidate: Candidate, folder: str) -> Seen | None:
    """Where a plugin builds the frontend of a folder: at every build, or with a profile alone."""
    root = read_pom(tree, candidate.marker)
    for pom in (root, *modules(tree, root)) if root is not None else ():
        for plugin, profile in _plugins(pom):
            name = plugin.findtext("artifactId") or ""
            if name in _FRONTENDS and (folder or ".") in _places(pom, plugin, _FRONTENDS[name]):
                more = f", with the profile {profile} alone" if profile else ""
                seen = first_seen(tree, pom.marker, rf"<artifactId>{name}</artifactId>", "")
                text = f"{posixpath.join(folder, 'package.json')} is built by {name}{more}"
                return Seen(text, seen.file, seen.line, is_sure=not profile)
    return None


def _plugins(pom: Pom) -> Iterator[tuple[ElementTree.Element, str]]:
    """The plugins of a build, each with the profile that it takes, if it does."""
    yield from ((plugin, "") for plugin in pom.root.findall("build/plugins/plugin"))
    for profile in pom.root.findall("profiles/profile"):
        is_usual = (profile.findtext("activation/activeByDefault") or "").strip() == "true"
        name = "" if is_usual else profile.findtext("id") or "without a name"
        yield from ((plugin, name) for plugin in profile.findall("build/plugins/plugin"))


def _places(pom: Pom, plugin: ElementTree.Element, setting: str) -> tuple[str, ...]:
    """The folders that a plugin works in, from the root of the tree on."""
    told = [pom.expanded(each.text or "") for each in plugin.iter(setting)] or ["."]
    inner = (re.sub(r"^\$\{(?:project\.)?basedir\}/?", "", place) or "." for place in told)
    return tuple(posixpath.normpath(posixpath.join(pom.folder, each)) for each in inner)


def draw_maven(tree: SourceTree, candidate: Candidate, entry: EntryPoint | None) -> Shape:
    """The shape of a project of Maven's."""
    root = read_pom(tree, candidate.marker)
    assert root is not None
    parts = list(modules(tree, root))
    if entry is None:
        raise UnreadyError(
            "no program was recognised: no Spring Boot, no Quarkus, and no class with a `main`",
            file=candidate.marker,
            hint="a library needs no image",
        )
    kind, place, main = entry.target
    pom = next((each for each in parts if _place(each, root) == place), root)
    _check(tree, candidate, [root, *parts], pom, kind)
    java, java_seen = _java(tree, pom, root)
    is_local = re.search(r"<systemPath>|<url>\s*file:", tree.read(candidate.marker) or "") is not None
    is_alone = not parts and not is_local
    port = port_of(tree, pom.folder, tuple(dict.fromkeys((pom.marker, root.marker))))
    notes = list(_notes(tree, candidate, parts, port))
    flags = list(_flags([root, *parts], is_alone=not parts))
    selected = "" if place == "." else f"-pl {plain(place, pom.marker, 'the module')} -am "
    target = posixpath.normpath(posixpath.join(place, "target"))
    values: Values = {
        "java": str(java),
        "settings": (".mvn",) if tree.files(candidate.inside(".mvn")) else (),
        "options": " ".join(flags),
        "module": selected,
        "target": target,
        "jar": _jar(pom),
        "entrypoint": exec_form(_command(kind, main)),
        "port": (port[0],) if port else (),
    }
    switches = {kind if kind == "quarkus" else "jar", *(["alone"] if is_alone else [])}
    if kind == "main" and not any(pom.plugin(name) is not None for name in _WHOLE):
        switches.add("libraries")
    seen = [java_seen, Seen("Maven", candidate.marker), entry.seen, *([port[1]] if port else [])]
    return Shape("java-maven", values, frozenset(switches), tuple(seen), tuple(notes), ("**/target",))


def _place(pom: Pom, root: Pom) -> str:
    return posixpath.relpath(pom.folder or ".", root.folder or ".")


def _command(kind: str, main: str) -> list[str]:
    if kind == "quarkus":
        return ["java", "-jar", "/app/quarkus-run.jar"]
    if kind == "boot":
        return ["java", "-jar", "/app/app.jar"]
    return ["java", "-cp", "/app/app.jar:/app/lib/*", main]


def _check(tree: SourceTree, candidate: Candidate, poms: list[Pom], pom: Pom, kind: str) -> None:
    """Raises UnreadyError for what has no template, or is made for one kind of machine."""
    by_hand = "write the Dockerfile as for one platform: xbuild build makes the rest of it"
    if kind == "other":
        what = "a war, which needs a servlet container" if pom.packaging == "war" else pom.packaging
        hint = "make it executable with spring-boot-maven-plugin, or " + by_hand
        line = first_seen(tree, pom.marker, "<packaging>", "").line
        raise UnreadyError(f"there is no template for {what}", file=pom.marker, line=line, hint=hint)
    if kind == "quarkus":
        _check_quarkus(tree, pom, by_hand)
    parent = pom.root.findtext("parent/relativePath") or ""
    outside = posixpath.normpath(posixpath.join(pom.folder, parent)) if parent else ""
    if outside.startswith(".."):
        line = first_seen(tree, pom.marker, "<relativePath>", "").line
        hint = "run xbuild generate in the folder of the parent, with --entry"
        raise UnreadyError("the parent is outside of the folder", file=pom.marker, line=line, hint=hint)
    for each in poms:
        for dependency in each.root.iter("dependency"):
            group = each.expanded(dependency.findtext("groupId") or "")
            classifier = each.expanded(dependency.findtext("classifier") or "")
            if is_for_a_machine(classifier) or group == "org.openjfx":
                name = dependency.findtext("artifactId") or ""
                line = first_seen(tree, each.marker, rf"<artifactId>{re.escape(name)}<", "").line
                what = f"{group}:{name} comes for one kind of machine at a time"
                raise UnreadyError(what, file=each.marker, line=line, hint=by_hand)
        if "javacpp.platform" in each.properties:
            line = first_seen(tree, each.marker, "<javacpp.platform>", "").line
            raise UnreadyError(
                "javacpp.platform names one platform", file=each.marker, line=line, hint=by_hand
            )
    wrapper = candidate.inside(_WRAPPER)
    newer = re.search(
        r"^distributionUrl=.*apache-maven-([4-9]\S*?)-bin", tree.read(wrapper) or "", re.MULTILINE
    )
    if newer is not None:
        line = first_seen(tree, wrapper, "^distributionUrl", "").line
        raise UnreadyError(f"there is no image of Maven {newer[1]}", file=wrapper, line=line, hint=by_hand)


def _check_quarkus(tree: SourceTree, pom: Pom, hint: str) -> None:
    """Only the usual packaging has a template."""
    for path in (pom.marker, posixpath.join(pom.folder, "src/main/resources/application.properties")):
        text = tree.read(path) or ""
        found = re.search(r"quarkus\.package\.(?:jar\.)?type\s*[=>]\s*(?!fast-jar)([\w-]+)", text)
        if found is not None:
            line = line_of(text, found.start())
            raise UnreadyError(
                f"Quarkus's packaging {found[1]} has no template", file=path, line=line, hint=hint
            )


def _java(tree: SourceTree, pom: Pom, root: Pom) -> tuple[int, Seen]:
    for each in dict.fromkeys((pom.marker, root.marker)):
        one = pom if each == pom.marker else root
        for key, value in _told(one):
            seen = first_seen(tree, one.marker, rf"<{re.escape(key)}>", "")
            release = release_of(one.expanded(value))
            if release is None:
                raise UnreadyError(
                    f"the version of Java is not understood: {value}", file=one.marker, line=seen.line
                )
            java = newest_fit(release, seen)
            more = f", for {release}" if java != release else ""
            return java, Seen(f"Java {java}{more}", seen.file, seen.line)
    return JAVA, Seen(f"Java {JAVA}: no version is asked for", root.marker, is_sure=False)


def _told(pom: Pom) -> Iterator[tuple[str, str]]:
    """Where a pom.xml says for which release it is compiled."""
    plugin = pom.plugin("maven-compiler-plugin")
    for key in ("release", "target", "source"):
        value = plugin.findtext(f"configuration/{key}") if plugin is not None else None
        if value:
            yield key, value
    own = {each.tag for each in pom.root.findall("properties/*")}
    yield from ((key, pom.properties[key]) for key in _RELEASES if key in own)


def _jar(pom: Pom) -> str:
    """The file below `target`, as a pattern: its version changes with every release."""
    boot = pom.plugin(_BOOT)
    classifier = next(boot.iter("classifier"), None) if boot is not None else None
    more = f"-{classifier.text}" if classifier is not None and classifier.text else ""
    ending = "war" if pom.packaging == "war" else "jar"
    name = pom.text("build/finalName")
    if name is None or "$" in name:
        return f"{plain(pom.artifact, pom.marker, 'artifactId')}-*{more}.{ending}"
    version = pom.properties.get("project.version") or ""
    parts = name.split(version) if version else [name]
    return (
        f"{'*'.join(plain(each, pom.marker, 'finalName') if each else '' for each in parts)}{more}.{ending}"
    )


def _flags(poms: list[Pom], *, is_alone: bool) -> Iterator[str]:
    """Properties for the build: no tests, no history, the same bytes each time."""
    yield "-Dmaven.test.skip=true" if is_alone else "-DskipTests"
    if not any(_STAMP in pom.properties for pom in poms):
        yield f"-D{_STAMP}=2000-01-01T00:00:00Z"
    for plugin, name in _HISTORY.items():
        if any(pom.plugin(plugin) is not None for pom in poms):
            yield f"-D{name}=true"


def _notes(
    tree: SourceTree, candidate: Candidate, parts: list[Pom], port: tuple[str, Seen] | None
) -> Iterator[str]:
    if exists(tree, candidate.inside(_WRAPPER)):
        yield "the Maven of the image is used in place of the wrapper's"
    if parts:
        yield "dependencies have no layer of their own: the modules depend on each other"
    if port is None:
        yield "EXPOSE is left out: no port was recognised in the program"
    yield "HEALTHCHECK is left out: the runtime image has no program that is sure to be there to ask"
