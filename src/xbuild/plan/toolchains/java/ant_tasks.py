"""The build file of Ant: data, gone through as Ant goes through it. What stands outside of targets comes
first, then the targets that are asked for, each behind those that it depends on.

All that runs is a task of a table, with attributes and elements of a table, told by literals; nothing leads
out of the project's folder. A property keeps what it was set to first. One that is set neither in the file,
nor by `-D`, nor by a file of properties, may be the machine's (`os.arch`).

Sources: Apache Ant 1.10 manual ("Using Ant", "Properties", "Targets", each task's page).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence

from xbuild.plan.facts.filesystem import is_within, overlaps
from xbuild.plan.recipes.own_files import own_text
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call
from xbuild.plan.toolchains.java.homes import COMPILING
from xbuild.plan.toolchains.java.markup import Element, MarkupError, read_markup
from xbuild.plan.toolchains.java.processors import check_project, is_service
from xbuild.plan.toolchains.java.untold import BoundError
from xbuild.plan.toolchains.java.wrappers import read_properties
from xbuild.text import expression

_CURE = "keep what is more out of the image's build, or do it in a stage of its own"
_MAKING = words(
    "jar war ear zip tar gzip copy move sync unzip unjar unwar concat echo replace fixcrlf touch manifest "
    "checksum"
)
_QUIET = words(
    "path fileset dirset filelist patternset filterset filter tstamp available condition uptodate fail mkdir "
    "loadfile basename dirname pathconvert manifestclasspath"
)
"""Tasks and types that change no file."""
_TASKS = (*_MAKING, *_QUIET, *words("property javac javadoc delete junit junitreport"))
_PARTS = words(
    """
    fileset dirset zipfileset zipgroupfileset tarfileset filelist file patternset include exclude filename
    srcfiles classpath path pathelement src sourcepath compilerarg manifest attribute section metainf classes
    lib webinf filterset filter formatter test batchtest format mapper flattenmapper identitymapper report not
    and or isset equals available istrue isfalse contains uptodate package
    """
)
"""What may stand in a task. Ant itself refuses what stands in the wrong one."""
_TEXTS = words(
    "value message token description windowtitle doctitle header footer bottom title else string substring "
    "arg1 arg2 pathsep dirsep line"
)
"""Attributes that are no paths."""
_OTHERS = words(
    """
    id dir file todir tofile destfile destdir srcdir src dest location basedir zipfile jarfile warfile
    earfile webxml appxml manifest path classpath sourcepath name includes excludes casesensitive
    defaultexcludes type append level overwrite preservelastmodified flatten includeemptydirs failonerror
    quiet verbose filtering encoding outputencoding compress update whenempty duplicate filesetmanifest
    keepcompression roundup filesonly prefix fullpath source target release debug debuglevel deprecation
    optimize nowarn includeantruntime includejavaruntime listfiles fork memoryinitialsize
    memorymaximumsize createmissingpackageinfoclass pattern timezone locale offset unit printsummary
    haltonfailure haltonerror forkmode showoutput maxmemory timeout usefile extension trim packagenames
    author version use access splitindex nodeprecated failonwarning srcfile targetfile eol fixlast
    fixlastline mkdirs algorithm fileext forceoverwrite compression longfile needxmlfile summary format
    granularity index
    """
)
"""All others that are known: what they say must not lead out of the project, whatever it is."""
_INNER = ("prefix", "fullpath")
"""Those that name what is in an archive."""
_REFERENCES = words("refid classpathref sourcepathref")
_DESTINATIONS = words("todir tofile dest destfile destdir zipfile jarfile warfile earfile file srcdir dir")
_WANTED = {
    ("mapper", "type"): r"flatten|identity",
    ("formatter", "type"): r"xml|plain|brief",
    ("report", "format"): r"frames|noframes",
    **{(name, "fork"): r"true|yes|on" for name in ("junit", "test", "batchtest")},
}
"""What an attribute must be, where it stands."""
_SPEAKING = words("echo concat fail")
"""Those with a text of their own."""
_PROPERTIES = (("name", "value"), ("location", "name"), ("file",))
"""How properties are set."""
_SYSTEM = expression(
    r"(?:os|sun|jdk|ant|awt|native|env|user|stdin|stdout|stderr)\..*|java\.(?!(?:src|source|target|build)\b).*"
    r"|(?:file|path|line)\.(?:separator|encoding).*|basedir|build\.(?:compiler|sysclasspath|rmic).*"
)
"""Properties that are there, or mean something, whatever the file says."""
_SETTABLE = words("ant.build.javac.source ant.build.javac.target")
_SAME = words(
    "user.name java.version java.vendor java.specification.version ant.version ant.java.version "
    "line.separator"
)
"""The same in the image for every platform, as far as its packages are."""
_LATER = "\0"
"""Stands for a text that is the same everywhere, and is not known here."""
_ESCAPED = expression(r"\\(?:u+([0-9A-Fa-f]{4})|(.))")
_FILLED = expression(r"\$\{([^{}]*)\}")
_MOST = 2_000
_DEEPEST = 50


def _unescaped(found: re.Match[str]) -> str:
    """What a character in an escape is (java.util.Properties); a blank or tab need not be told apart."""
    return chr(int(found[1], 16)) if found[1] else found[2]


Places = dict[tuple[Element, str], tuple[str, ...]]
"""What is named by the attributes of a task and of the elements in it."""


class AntBuild:
    """One run of a build file. `made` are places that it writes to, `reports` those of what tests report."""

    def __init__(self, call: Call, file: str, text: str, given: Sequence[str | None]) -> None:
        self.call, self.name, self.where = call, posixpath.basename(file), ""
        try:
            self.root = read_markup(text)
        except MarkupError as error:
            raise self.trouble(f"is not read: {error}") from error
        told = self.attributes(self.root)
        if self.root.tag != "project" or "xmlns" in text or told.keys() - {"name", "default", "basedir"}:
            raise self.trouble("is no plain project, or takes tasks from elsewhere (xmlns)")
        base = told.get("basedir", ".")
        self.folder = posixpath.normpath(posixpath.join(posixpath.dirname(file), base))
        if "$" in base or "\\" in base or self.folder == "/":
            raise self.trouble("has a basedir that cannot be told")
        self.read: set[str] = set()
        self.default = told.get("default", "")
        self.properties = dict.fromkeys(_SAME, _LATER)
        self.properties |= {"basedir": self.folder, "file.separator": "/", "path.separator": ":"}
        self.properties["ant.project.name"] = told.get("name", "")
        for name, equals, value in ((each or "").partition("=") for each in given):
            if not equals or "$" in value:
                raise BoundError("a property that is set for it cannot be told", "write it -Dname=value")
            self.set(name, _LATER if "*" in value else value)  # which may stand for anything
        self.targets = {one.get("name", ""): one for one in self.root if one.tag == "target"}
        self.places: dict[str, tuple[str, ...]] = {}
        self.made: list[str] = []
        self.reports: list[str] = []
        self.is_testing = self.has_unpacked = self.has_worked = False
        self.runs = 0

    def run(self, targets: Sequence[str]) -> None:
        """Raises BoundError where something that runs is not known to make the same everywhere."""
        for one in self.root:
            if one.tag not in ("target", "description"):
                self.task(one, is_sure=True)
        for name in targets or ((self.default,) if self.default else ()):
            self.target(name, set(), 0)

    def target(self, name: str, done: set[str], depth: int) -> None:
        one = self.targets.get(name)
        told = self.attributes(one) if one is not None else {}
        if one is None or depth > _DEEPEST or told.keys() - {*words("name depends if unless description")}:
            raise self.trouble(f"has no target {name[:40]} that can be followed")
        for other in (part.strip() for part in told.get("depends", "").split(",")):
            if other and other not in done:
                self.target(other, done, depth + 1)
        done.add(name)
        is_wanted = [self.is_set(told[key], key == "if") for key in ("if", "unless") if key in told]
        if False not in is_wanted:
            self.where = f" of the target {name}"
            for each in one:
                self.task(each, is_sure=None not in is_wanted)
            self.where = ""

    def is_set(self, name: str, wanted: bool) -> bool | None:
        """Whether a property is set, or is not, as wanted; None where that is not known here."""
        if self.filled(name) != name:
            return None
        if _SYSTEM.fullmatch(name):
            raise self.trouble(f"asks for {name[:40]}")
        value = self.properties.get(name)
        is_open = name in self.read or (value is not None and _LATER in value)
        return None if is_open else (value is not None) is wanted

    def set(self, name: str, value: str, *, is_sure: bool = True) -> None:
        """The first value stays. One that may be set, or not, may be anything that is the same everywhere."""
        if name not in _SETTABLE and (_SYSTEM.fullmatch(name) or not re.fullmatch(r"[\w.-]+", name)):
            raise self.trouble(f"sets {name[:40]}, which may be the machine's")
        self.properties.setdefault(name, value if is_sure else _LATER)

    def filled(self, text: str) -> str:
        """A text with the values of properties in it."""
        unknown = next((n for n in _FILLED.findall(text) if n not in self.properties), None)
        if unknown is not None:
            raise self.trouble(f"has ${{{unknown[:40]}}}, which is not set in it")
        found = _FILLED.sub(lambda match: self.properties[match[1]], text)
        if "$$" in text or "${" in found or "@{" in found:
            raise self.trouble(f"has what is not read: {text.strip()[:40]}")
        return found

    def attributes(self, one: Element) -> dict[str, str]:
        """The attributes of an element, whose names may be written in any case."""
        found = {name.lower(): value for name, value in one.attrib.items()}
        if len(found) < len(one.attrib):
            raise self.trouble(f"names an attribute of <{one.tag}> twice")
        return found

    def trouble(self, what: str) -> BoundError:
        return BoundError(f"{self.name} {what}", _CURE)

    def unknown(self, what: str) -> BoundError:
        return self.trouble(f"has <{what[:60]}>{self.where}, which is not known to make the same everywhere")

    # -- tasks

    def task(self, one: Element, *, is_sure: bool) -> None:
        """Raises BoundError unless it makes the same everywhere; what it makes and sets is noted."""
        self.runs += 1
        if one.tag not in _TASKS or self.runs > _MOST:
            raise self.unknown(one.tag)
        if one.tag == "property":
            self.property(one, is_sure=is_sure)
            return
        found: Places = dict(self.checked(one))
        places = tuple(place for named in found.values() for place in named)
        for name in (each.get("id") for each in one.iter()):
            if name is not None:
                self.places[name] = (*self.places.get(name, ()), *places)
        if one.tag == "tstamp":
            for name in ("DSTAMP", "TSTAMP", "TODAY"):
                prefix = self.attributes(one).get("prefix")
                self.set(f"{self.filled(prefix)}.{name}" if prefix else name, _LATER)
        self.has_worked |= one.tag not in _QUIET
        if one.tag == "javac":
            self.compiles(one)
        elif one.tag in ("junit", "junitreport"):
            self.tests(one, found)
        elif one.tag in _MAKING:
            self.makes(one, found)

    def property(self, one: Element, *, is_sure: bool) -> None:
        told = {name: value for name, value in self.attributes(one).items() if name != "description"}
        if tuple(sorted(told)) not in _PROPERTIES or list(one) or (one.text or "").strip():
            raise self.unknown(f"property {' '.join(told)}")
        if "file" in told:
            path = self.within(self.filled(told["file"]), told["file"])[0]
            if self.has_worked:
                raise self.trouble(f"reads {path} after it made files")
            for name, text in dict(read_properties(own_text(self.call, path) or "")).items():
                value = self.filled(_ESCAPED.sub(_unescaped, text))
                self.set(name, _LATER if "\\" in text else value, is_sure=is_sure)
                self.read.add(name)
            return
        value = self.filled(told.get("value", told.get("location", "")))
        if "location" in told:
            value = self.within(value, told["location"])[0]
        self.set(self.filled(told["name"]), value, is_sure=is_sure)

    def checked(self, one: Element) -> Iterator[tuple[tuple[Element, str], tuple[str, ...]]]:
        """What every attribute of an element, and of those in it, names."""
        for name, raw in self.attributes(one).items():
            yield (one, name), self.named(one.tag, name, raw)
        text = "".join((one.text or "", *(child.tail or "" for child in one)))
        if self.filled(text).strip() and one.tag not in _SPEAKING:
            raise self.unknown(f"{one.tag}>…</{one.tag}")
        for child in one:
            if child.tag not in _PARTS:
                raise self.unknown(f"{child.tag}> in <{one.tag}")
            yield from self.checked(child)

    def named(self, tag: str, name: str, raw: str) -> tuple[str, ...]:
        """The places that an attribute names; the property that it sets is noted."""
        value = self.filled(raw)
        wanted = _WANTED.get((tag, name))
        if is_service(value) or (wanted is not None and not re.fullmatch(wanted, value)):
            raise self.unknown(f"{tag} {name}={raw}")
        if name in _OTHERS:
            return self.within(value.lstrip("/") if name in _INNER else value, raw)
        if name == "property":  # of a condition: whatever it says
            self.set(value, _LATER)
        elif name in ("if", "unless"):
            self.is_set(value, wanted=True)
        elif name not in (*_TEXTS, *_REFERENCES) or (name in _REFERENCES and value not in self.places):
            raise self.unknown(f"{tag} {name}")
        return self.places[value] if name in _REFERENCES else ()

    def within(self, value: str, raw: str) -> tuple[str, ...]:
        """The places that a value names, itself first, none of which leads out of the project."""
        parts = (value, *re.split(r"[:;,\s]+", value))
        found = tuple(posixpath.normpath(posixpath.join(self.folder, p.replace("\\", "/"))) for p in parts)
        if _LATER in value or not all(is_within(path, self.folder) for path in found):
            raise self.trouble(f"leads out of its project, or to what is not known{self.where}: {raw[:40]}")
        return found

    def compiles(self, one: Element) -> None:
        """No program of the project's own runs in javac."""
        given = [self.attributes(child) for child in one if child.tag == "compilerarg"]
        texts = [self.filled(told.get("value", "")) for told in given if "line" not in told]
        texts += [text for told in given for text in self.filled(told.get("line", "")).split()]
        bad = next((text for text in texts if not COMPILING.fullmatch(text)), None)
        if bad is not None or any(len(told) != 1 for told in given):
            raise self.unknown(f"compilerarg {bad}")
        runs_processors = "-proc:none" not in texts
        if self.has_unpacked and runs_processors:
            raise self.trouble("unpacks what may hold a program that runs while it compiles")
        check_project(self.call, self.folder, runs_processors=runs_processors)

    def tests(self, one: Element, found: Places) -> None:
        """Tests run in a Java of their own, and what they report has a folder of its own."""
        self.is_testing |= one.tag == "junit"
        if one.tag == "junit" and (one, "fork") not in found:
            raise self.unknown("junit> without <fork")
        for each in one.iter():
            is_silent = one.tag == "junit" and one.find(".//formatter") is None
            if each.tag in ("test", "batchtest", "junitreport", "report") and not is_silent:
                self.reports += found.get((each, "todir"), (self.folder,))
        if self.folder in self.reports:
            raise self.trouble(f"puts what tests report among its other files{self.where}")

    def makes(self, one: Element, found: Places) -> None:
        """Nothing of what tests report gets into it."""
        for (element, name), places in found.items():
            if any(overlaps(place, report) for place in places for report in self.reports):
                raise self.trouble(f"takes what tests report{self.where}")
            if element is one and name in _DESTINATIONS:
                self.made += [place for place in places if place not in self.made]
        self.has_unpacked |= one.tag in ("unzip", "unjar", "unwar")
