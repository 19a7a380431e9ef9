"""What a JDK brings: compilers that make class files, archivers, and programs that make what is for one
machine.

Sources: Oracle "JDK Tool Specifications" (java, javac, jar, jlink, jpackage, jdeps, keytool); Spring Boot
"Packaging OCI Images" (layertools, tools) and its `JarModeLauncher`.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Sequence
from dataclasses import replace

from xbuild.dockerfile.script import Word
from xbuild.plan.facts.filesystem import Kind, join, kind_of
from xbuild.plan.programs.compilers import refuses
from xbuild.plan.programs.grammar import Reading, Style
from xbuild.plan.programs.program import Program, plain, source_kind, told_kind, word_kind, write
from xbuild.plan.toolchain import Call, Effect
from xbuild.plan.toolchains.java.homes import check_home, check_jvm, is_brought
from xbuild.plan.toolchains.java.processors import check_services
from xbuild.plan.toolchains.java.untold import BoundError, stays
from xbuild.text import expression

_OWN = "leave it to the image that is made, or to a stage for the target platform"


def _starts(call: Call, _given: Reading) -> Effect:
    """`java`: the modes of Spring Boot's own jars are known, and what asks the JVM about itself."""
    try:
        check_home(call)
        texts = call.texts[1:]
        if texts and all(text in _ABOUT for text in texts):
            return plain(call, Kind.BUILD)
        return _extracted(call, texts)
    except BoundError as error:
        return stays(call, error)


_ABOUT = ("-version", "--version", "-showversion", "-XshowSettings", "-help", "--help")
_MODE = expression(r"-Djarmode=(layertools|tools)")


def _extracted(call: Call, texts: Sequence[str | None]) -> Effect:
    """`java -Djarmode=tools -jar app.jar extract …`: what a jar holds, put into folders."""
    told = [text for text in texts if text is not None]
    if len(told) < len(texts) or "-jar" not in told[:-1]:
        raise BoundError("it runs a program, and what that makes cannot be told", _OWN)
    at = told.index("-jar")
    jar, rest = told[at + 1], told[at + 2 :]
    before = [t for t in told[:at] if _MODE.fullmatch(t) is None and not t.startswith(("-Xmx", "-Xms"))]
    if len(before) == at or before or rest[:1] not in (["extract"], ["list"], ["list-layers"]):
        raise BoundError("it runs a program, and what that makes cannot be told", _OWN)
    if rest[0] != "extract":
        return plain(call, source_kind(call, jar), (), (jar,))
    folder, is_known = _destination(rest[1:], jar)
    if not is_known:
        raise BoundError("what it is told to extract is not known", "java -Djarmode=tools -jar JAR extract")
    kind = join((told_kind(call), source_kind(call, jar)))
    made = tuple(replace(write(call, place, kind), adds=True) for place in dict.fromkeys((".", folder)))
    return replace(plain(call, kind, made, (jar,)), toolchain="java")


def _destination(words: Sequence[str], jar: str) -> tuple[str, bool]:
    """Where it is put; whether every word is known."""
    folder, at = posixpath.splitext(posixpath.basename(jar))[0], 0
    while at < len(words):
        name, equals, text = words[at].partition("=")
        if name in ("--destination", "--layers", "--libraries", "--application-filename"):
            is_apart = not equals and name != "--layers"
            value = words[at + 1] if is_apart and at + 1 < len(words) else text
            folder = value if name == "--destination" else folder
            at += 1 + is_apart
        elif name in ("--launcher", "--force") or not name.startswith("-"):
            at += 1
        else:
            return folder, False
    return folder, True


def _compiles(call: Call, given: Reading) -> Effect | None:
    """`javac`: class files, and headers for C, which are text."""
    try:
        check_home(call)
        if given.has("-processor", "-processorpath", "-Xplugin", "-A") or any(
            text is None or text.startswith("@") for text in given.operands
        ):
            raise BoundError("which programs it runs while it compiles cannot be told")
        for text in given.values("-J"):
            check_jvm("-J", text or "?")
        check_services(call, _class_path(call, given), runs_processors="none" not in _processing(given))
        kind = join((told_kind(call), *(source_kind(call, path) for path in given.operands)))
        kind = join(
            (
                kind,
                *(source_kind(call, p) for text in given.values("-cp") for p in (text or "").split(":") if p),
            )
        )
        folders = [o.value for o in given.options if o.name in ("-d", "-h", "-s")]
        made = tuple(replace(write(call, place, kind), adds=True) for place in folders or ["."])
        return replace(plain(call, Kind.BUILD, made, (".", *given.operands)), toolchain="java")
    except BoundError as error:
        return stays(call, error)


def _class_path(call: Call, given: Reading) -> tuple[str | None, ...]:
    """The folders and archives in which javac looks for programs that it runs; None for what is not told."""
    told: list[str | None] = [*given.values("-cp"), *given.values("-module-path")]
    if not given.has("-cp"):
        variable, front = call.variables.get("CLASSPATH"), call.assignments.get("CLASSPATH")
        told.append(front[0].value if front else variable.text if variable is not None else ".")
    return tuple(
        part for text in told for part in ((text or ".").split(":") if text is not None else (None,))
    )


def _processing(given: Reading) -> tuple[str, ...]:
    """What is said of annotation processors last: `none`, `only`, `full`."""
    return tuple((text or "").lstrip(":") for text in given.values("-proc")[-1:])


def _archives(call: Call, _given: Reading) -> Effect | None:
    """`jar`: a bundle of letters first, then what they need, in that order, or options."""
    texts = call.texts[1:]
    if any(text is None for text in texts) or not texts:
        return None
    words = [text or "" for text in texts]
    read = _read_long(words) if words[0].startswith("--") else _read_letters(words)
    if read is None:
        return None
    mode, archive, inputs = read
    base = join((_literal_kind(call), call.stdin))
    if mode == "x":
        kind = join((base, _taken_kind(call, archive)))
        return plain(call, kind, (replace(write(call, ".", kind), adds=True),), (archive,))
    if mode == "t":
        return plain(call, join((base, source_kind(call, archive))), (), (archive,))
    kind = join((base, *(source_kind(call, path) for path in inputs)))
    if mode == "u":
        kind = join((kind, source_kind(call, archive)))
    return plain(call, Kind.BUILD, (write(call, archive, kind, is_file=mode == "c"),), (*inputs, archive))


def _literal_kind(call: Call) -> Kind:
    """What its words depend on: a pattern that stands there as it is, on the names that it matches."""
    others = tuple(k for word, k in zip(call.words, call.kinds, strict=True) if not _is_pattern(word))
    patterns = (t for word, t in zip(call.words, call.texts, strict=True) if _is_pattern(word))
    names = (kind_of(call.writes, call.seen(text), is_name=True) for text in patterns)
    return join((word_kind(replace(call, kinds=others)), *names))


def _is_pattern(word: Word) -> bool:
    return word.is_glob and not word.expansions


def _taken_kind(call: Call, path: str) -> Kind:
    """The kind of an archive; of one that a pattern names, of what that stands for."""
    is_literal = all(
        _is_pattern(word) or "*" not in (t or "") for word, t in zip(call.words, call.texts, strict=True)
    )
    return kind_of(call.writes, call.seen(path), is_taken=is_literal)


def _read_letters(words: Sequence[str]) -> tuple[str, str, list[str]] | None:
    letters, rest = words[0].removeprefix("-"), list(words[1:])
    mode = next((letter for letter in letters if letter in "cxtu"), "")
    if not mode or any(letter not in "cxtufmevM0" for letter in letters) or "f" not in letters:
        return None
    given = {letter: rest.pop(0) for letter in letters if letter in "fme" and rest}
    inputs = [given["m"]] if "m" in given else []
    folder = "."
    while rest:
        word = rest.pop(0)
        if word == "-C" and rest:
            folder = rest.pop(0)
        elif word.startswith(("-", "@")):
            return None
        else:
            inputs.append(posixpath.join(folder, word))
            folder = "."
    return (mode, given["f"], inputs) if "f" in given else None


def _read_long(words: Sequence[str]) -> tuple[str, str, list[str]] | None:
    """`jar --create --file app.jar --main-class A -C classes .`"""
    mode, archive, inputs, rest = "", "", [], list(words)
    folder = "."
    while rest:
        name, equals, text = rest.pop(0).partition("=")
        if name in ("--create", "--extract", "--list", "--update"):
            mode = {"--create": "c", "--extract": "x", "--list": "t", "--update": "u"}[name]
        elif name in ("--file", "--main-class", "--manifest", "--release"):
            value = text if equals else (rest.pop(0) if rest else "")
            archive = value if name == "--file" else archive
            inputs += [value] if name == "--manifest" else []
        elif name == "--verbose":
            continue
        elif name == "-C" and rest:
            folder = rest.pop(0)
        elif name.startswith(("-", "@")):
            return None
        else:
            inputs.append(posixpath.join(folder, name))
            folder = "."
    return (mode, archive, inputs) if mode and archive else None


def _program(
    names: str, options: str, does: Callable[[Call, Reading], Effect | None], style: Style = Style.LONG
) -> Program:
    return Program(names, options, "text*", does=does, style=style, is_extra=True, brought_by=is_brought)


_JAVAC = (
    "-d= -h= -s= -cp,-classpath,-class-path= -sourcepath,-source-path= -source= -target= -release= "
    "-encoding= -g -g* -parameters -nowarn -verbose -deprecation -Werror -Xlint* -Xdoclint* -proc* -J* "
    "-implicit* -module-path,-p= -add-modules= -add-exports= -enable-preview -processor= "
    "-processorpath,-processor-path= -A* -Xplugin*"
)

PROGRAMS = (
    _program("java", "", _starts, Style.NONE),
    _program("javac", _JAVAC, _compiles),
    _program("jar", "", _archives, Style.NONE),
    refuses(
        "jlink", "makes a Java runtime for the machine that it runs on", "run jlink in a stage for the target"
    ),
    refuses(
        "jpackage", "packs a Java runtime for the machine that it runs on", "do that outside of the image"
    ),
    refuses(
        "native-image",
        "makes a native program for the machine that it runs on",
        "ship the jar, and run it by a JVM",
    ),
    refuses(
        "kotlinc-native scala-native",
        "makes a native program for the machine that it runs on",
        "ship the jar",
    ),
)
