"""Build scripts of Gradle, in Groovy and Kotlin, as far as they are plain: blocks, and settings by literals.

A script is a program; one that does more than to name plugins, repositories, dependencies and settings is not
read, and says where it stops being plain. Nothing of it is evaluated.

Sources: Gradle "Build Script Basics", "Plugin Basics", "Declaring Dependencies", "Kotlin DSL Primer".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from xbuild.plan.table import words
from xbuild.text import expression, value

LARGEST = 256 << 10
"""Characters of a script that are read at most."""
_DEEPEST = 12
_MOST = 5_000
_LONGEST = 4_000


class UnplainError(Exception):
    """Where a script is not plain, and why."""


@value()
class Statement:
    """One statement: its text without blanks around it, the heads of the blocks that it stands in, its line,
    and whether a block follows it.
    """

    text: str
    blocks: tuple[str, ...]
    line: int
    opens: bool = False


def statements(script: str, name: str) -> tuple[Statement, ...]:
    """The statements of a script, the head of a block before what is in it. Raises UnplainError."""
    if len(script) > LARGEST:
        raise UnplainError(f"{name} is larger than {LARGEST >> 10} KiB")
    found = tuple(_StatementReader(script, name).read())
    escape = _ESCAPE.search(script)
    if escape is not None:
        raise UnplainError(f"{name} spells a character out ({escape[0]})")
    if len(found) > _MOST:
        raise UnplainError(f"{name} has more than {_MOST} statements")
    return found


# Groovy reads them before anything else, in comments too (Groovy "Syntax", "Unicode escape sequence").
_ESCAPE = expression(r"\\u+[0-9a-fA-F]{4}")
_TOKEN = expression(
    r"(?P<comment>//[^\n]*|/\*.*?\*/)"
    r"|(?P<text>\"\"\".*?\"\"\"|'''.*?'''|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*')"
    r"|(?P<end>[\n;])|(?P<open>\{)|(?P<close>\})|(?P<nest>[(\[])|(?P<unnest>[)\]])|(?P<other>[^\"'/\n;{}()\[\]]+|/)",
    re.DOTALL,
)
# A line that goes on with the next one.
_GOES_ON = expression(r"(?:[,=.:+&|?]|\bto|->)\s*$")


class _StatementReader:
    def __init__(self, script: str, name: str) -> None:
        self.script, self.name = script, name
        self.blocks: list[str] = []
        self.parts: list[str] = []
        self.start = 1

    def read(self) -> Iterator[Statement]:
        at, line, depth = 0, 1, 0
        while at < len(self.script):
            match = _TOKEN.match(self.script, at)
            if match is None:
                raise self.trouble(line, "a quote that is not closed")
            kind, text = match.lastgroup, match[0]
            at = match.end()
            if not self.parts and text.strip():
                self.start = line
            line += text.count("\n")
            if kind == "comment":
                continue
            if kind in ("nest", "unnest"):
                depth += 1 if kind == "nest" else -1
                self.parts.append(text)
            elif kind in ("open", "close") and depth > 0:
                raise self.trouble(line, "a closure in brackets")
            elif kind == "open":
                yield from self.opened()
            elif kind == "close":
                yield from self.closed(line)
            elif kind != "end":
                self.parts.append(text)
            elif depth == 0 and not _GOES_ON.search("".join(self.parts)):
                yield from self.ended()
            else:
                self.parts.append(" ")
        yield from self.ended()
        if self.blocks or depth:
            raise self.trouble(line, "a block that is not closed")

    def opened(self) -> Iterator[Statement]:
        head = self.taken()
        if not head or len(self.blocks) >= _DEEPEST:
            raise self.trouble(self.start, "a block without a name, or too deep")
        yield Statement(head, tuple(self.blocks), self.start, opens=True)
        self.blocks.append(head)

    def closed(self, line: int) -> Iterator[Statement]:
        yield from self.ended()
        if not self.blocks:
            raise self.trouble(line, "a bracket that was not opened")
        self.blocks.pop()

    def ended(self) -> Iterator[Statement]:
        text = self.taken()
        if text:
            yield Statement(text, tuple(self.blocks), self.start)

    def taken(self) -> str:
        text = re.sub(r"\s+", " ", "".join(self.parts)).strip()
        self.parts = []
        if len(text) > _LONGEST:
            raise self.trouble(self.start, f"a statement of more than {_LONGEST} characters")
        return text

    def trouble(self, line: int, what: str) -> UnplainError:
        return UnplainError(f"{self.name}:{line} has {what}")


TEXT = r"(?:\"(?:[^\"$\\]|\$\w+|\$\{[\w.]+\})*\"|'[^'\\]*')"
"""A text in which nothing but names is filled in."""
_WORD = r"[A-Za-z_][\w.]*"
_LITERAL = (
    rf"(?:{TEXT}|-?\d[\w.]*|true|false|null|JavaVersion\.\w+|JavaVersion\.toVersion\({TEXT}\)"
    rf"|JavaLanguageVersion\.of\((?:{TEXT}|\d+)\)|JvmTarget\.\w+|JvmVendorSpec\.\w+|DuplicatesStrategy\.\w+"
    r"|(?:org\.jetbrains\.kotlin\.gradle\.dsl\.)JvmTarget\.\w+)"
)
_LIST = rf"(?:listOf\(|setOf\(|\[)\s*(?:{_LITERAL}\s*,?\s*)*[)\]]"
_NAMES = r"(?:project\.|rootProject\.)?(?:version|name|group)|libs\.[\w.]+"
_VALUE = rf"(?:{_LITERAL}|{_LIST}|{_NAMES})"
_PART = rf"(?:{_VALUE}|(?:{_WORD}|{TEXT})\s*(?::|=|\bto\b)\s*{_VALUE})"
_MACHINE_PATH = expression(
    r"[\"'](?:\.\./)+(?:usr|lib64|etc|proc|sys|sbin)(?:/|[\"'])|"
    r"[\"'](?:file:)?/(?:usr|lib|lib64|opt|etc|var|proc|sys|bin|sbin|root|tmp)(?:/|[\"'])"
)


def literal(text: str) -> bool:
    """Whether a text is literals alone: one, several, or pairs; and no path of a file of the machine."""
    parts = [part.strip() for part in parted(text)]
    is_plain = all(re.fullmatch(_PART, part) is not None for part in parts if part)
    return is_plain and _MACHINE_PATH.search(text) is None and _LOADS.search(text) is None


# What has a compiler load a program.
_LOADS = expression(r"[\"']--?(?:processor|X?plugin|Xcompiler-plugin|Xbootclasspath)")


def takes_program(text: str) -> bool:
    """Whether a dependency may be a program that runs while it is built: it is not for a place that holds
    libraries.
    """
    name = re.match(r"(?:add\(\s*)?[\"']?(\w+)", text)
    return name is None or _LIBRARIES.fullmatch(name[1]) is None


def takes_own_program(text: str) -> bool:
    """Whether such a program is a file or project of the build's own, or named without coordinates."""
    is_nameless = re.search(r"\bname\s*[:=]", text) is not None and re.search(r"\bgroup\b", text) is None
    return takes_program(text) and (is_nameless or _OWN.search(text) is not None)


def hands_libraries_on(receiver: str, givers: str) -> bool:
    """Whether a configuration of programs extends one that may hold the project's own files."""
    names = re.findall(r"\w+", re.sub(r"configurations\.|\.get\(\)", "", givers))
    is_program = _PROCESSORS.fullmatch(receiver) is not None
    return is_program and any(_PROCESSORS.fullmatch(name) is None for name in names)


_PROCESSORS = expression(r"(?i)\w*(?:processor|kapt|ksp|plugin|classpath)\w*")
_LIBRARIES = expression(
    r"(?i)(?!\w*(?:processor|kapt|ksp|plugin|classpath))\w*"
    r"(?:implementation|api|compileOnly|compileOnlyApi|runtimeOnly|compile|runtime|provided|providedCompile"
    r"|providedRuntime|developmentOnly|archives|shadow|jacocoAggregation|testReportAggregation)"
)
_OWN = expression(r"\b(?:project|files|fileTree|testFixtures)\s*\(|\bprojects\.")


def is_local_repository(text: str) -> bool:
    """Whether a statement names a repository that is a folder, or one whose place cannot be told."""
    if re.match(r"flatDir|dirs?\b", text):
        return True
    told = re.match(r"(?:maven|ivy|url|setUrl)\b[^\"']*[\"'](.*?)[\"']", text)
    return told is not None and re.match(r"(?:https|http|s3|gcs)://", told[1]) is None


def parted(text: str) -> list[str]:
    """The parts between commas that stand in no text and no brackets."""
    found, depth, here = [], 0, ""
    for piece in re.findall(rf"{TEXT}|.", text):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(piece, 0)
        if piece == "," and depth == 0:
            found.append(here)
            here = ""
        else:
            here += piece
    return [*found, here]


_SETTING = expression(
    r"(?P<name>[a-z_][\w.]*)(?:\s*\+?=\s*(?P<set>.+)|\s*\((?P<call>.*)\)|\s+(?P<given>[\"'\d\[\w].*)|)"
)
_REFUSED = expression(
    r"(?i)(^|\.)(exec\w*|javaexec|commandline|executable|ant|dolast|dofirst|providers?|environment|systemprop\w*"
    r"|files?|filetree|filesmatching|ziptree|tartree|from|into|copy|sync|delete|expand|filter|tasks|apply|evaluate|usemodule|path"
    r"|load\w*|eachfile|rename|include(?:build)?|srcdirs?|resources|jni\w*|cinterop\w*|native\w*|launch\w*"
    r"|javalauncher|java_?home|forkoptions|bootstrap\w*|dockerbuild|upload\w*|println|create|register"
    r"|build_?(dir|file)\w*|projects?_?dir|includeflat|working_?dir|base_?dir|output_?location|destination"
    r"|(test|report|result)s?_?(report|result)?s?_?dir\w*)$"
)


def is_refused(name: str) -> bool:
    """Whether what is called so runs something, or brings files."""
    return _REFUSED.search(name) is not None


def is_setting(text: str) -> bool:
    """Whether a statement only sets something to a literal, or calls a method with literals."""
    match = _SETTING.fullmatch(text)
    if match is None or is_refused(match["name"]):
        return False
    return literal(match["set"] or match["call"] or match["given"] or "")


_FUNCTIONS = words(
    "enforcedPlatform platform kotlin project testFixtures files fileTree npm gradleApi localGroovy"
)


def is_dependency(text: str, names: Collection[str]) -> bool:
    """Whether a statement names what is taken: coordinates, projects, jars of the project; `names` are
    variables that hold such.
    """
    match = re.fullmatch(
        rf"(?:add\(\s*)?(?:[a-zA-Z]\w*|{TEXT})(?:\s*\((?P<call>.*)\)|\s+(?P<given>.+)|,\s*(?P<added>.+)\))",
        text,
    )
    if match is None or _MACHINE_PATH.search(text):
        return False
    return _are_dependencies(match["call"] or match["given"] or match["added"] or "", names, 4)


def _are_dependencies(text: str, names: Collection[str], depth: int) -> bool:
    for part in (each.strip() for each in parted(text)):
        called = re.fullmatch(rf"(?:{'|'.join(_FUNCTIONS)})\s*\((.*)\)", part)
        is_name = part in names or part.startswith("libs.")
        is_inner = called is not None and depth > 0 and _are_dependencies(called[1], names, depth - 1)
        if part and not (is_name or is_inner or re.fullmatch(_PART, part)):
            return False
    return True
