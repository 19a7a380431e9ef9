"""Maven asked in the builder: what its projects are once every parent and profile is applied, and what they
take at run time, for the JVM of each platform in turn.

Maven runs natively and is told `os.arch` as the JVM of that platform says it: profiles by architecture, of
the project, its parents and the POMs of its dependencies, and expressions with it come out as they would.
`os.version` is told too, another one each time, so that what depends on it is seen.

Sources: Maven "Introduction to Build Profiles", `DefaultModelBuilder`, `plexus-utils` `Os`; the pages of
maven-help-plugin (`effective-pom`) and maven-dependency-plugin (`tree`, which needs no module to be built);
OpenJDK `System.getProperties` and its `os_cpu` folders (names of architectures).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

from xbuild.plan.model import Probe, sections
from xbuild.plan.table import words
from xbuild.plan.toolchain import shortened
from xbuild.plan.toolchains.java.build_tools import is_for_one, why_not_for_both
from xbuild.plan.toolchains.java.markup import Element, MarkupError, read_markup, told
from xbuild.plan.toolchains.java.maven_plugins import PLUGINS
from xbuild.plan.toolchains.java.poms import MavenProject, project_of
from xbuild.plan.toolchains.java.processors import SERVICES
from xbuild.platforms import Platform
from xbuild.text import expression, value

JVM_NAMES: Mapping[str, str] = {
    "amd64": "amd64",
    "arm64": "aarch64",
    "arm": "arm",
    "386": "i386",
    "ppc64le": "ppc64le",
    "s390x": "s390x",
    "riscv64": "riscv64",
}
"""`os.arch` by Docker's name of an architecture."""

_HELP = "org.apache.maven.plugins:maven-help-plugin:3.4.0:effective-pom"
_TREE = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:tree"
LARGEST_ANSWER = 8 << 20
"""Characters of an answer that are read at most, over all platforms."""
_PART = "# xbuild-part "
_EXIT = "xbuild: exit code "

_ASKS = (
    r"(@|\$\{)(os\.(arch|name|version|detected[a-z.]*)|sun\.[a-z.]+|env\.[A-Za-z_]+|java\.(home|vm\.[a-z.]+|"
    r"library\.path|io\.tmpdir)|user\.[a-z]+)"
    r"|quarkus\.(native\.enabled|package\.(jar\.)?type|package\.(create-appcds|jar\.(appcds|aot)\.enabled)"
    r"|container-image\.(build|push)) *[:=] *[a-z-]+"
    r"|<(directory|source|file|basedir|exists|missing)>/(usr|lib|opt|etc|var|root|bin|sbin|proc|sys)[^<]*"
)
"""Expressions for what differs between machines, settings of a framework that no POM tells, and files of the
machine that XML names: found by `grep -oE`, so that nothing else of a file is printed.
"""
_ACTIVATED = "<(exists|missing)>[^<]*(x86|amd64|aarch64|arm64|/proc/|/sys/|/lib64)[^<]*"
"""Profiles of POMs elsewhere that are there for a file of one machine."""
_SKIPPED = "-name .git -o -name target -o -name node_modules"
_OF_THE_ROOT = " ".join(
    f"-o -path ./{name}"
    for name in words("proc sys dev usr lib lib64 opt root var etc run tmp bin sbin boot")
)
_PROCESSORS = " -o ".join(f"-path '*/META-INF/services/{name}'" for name in SERVICES)


def maven_probe(assignments: Sequence[str], options: str, line: str, platforms: Sequence[Platform]) -> Probe:
    """`line` is Maven with its options, without goals; `assignments` stand in front of it, and `options` is
    what MAVEN_OPTS would be, all as in the script.
    """
    names = " ".join(f"({docker}) a={jvm} ;;" for docker, jvm in JVM_NAMES.items())
    front = " ".join((*assignments, f'MAVEN_OPTS={options}" -Dos.arch=$a -Dos.version=xbuild-$a"'))
    asked = (
        f"{front} {line} -B -X {_HELP} -Doutput=$d/pom {_TREE} -DoutputFile=$d/tree -DappendOutput=true"
        " > $d/log 2>&1 < /dev/null"
    )
    parts = (
        "grep -oE '(Java home|runtime): .*' $d/log | head -n 1",
        "sed -n 's/.*Using local repository at //p' $d/log | head -n 1",
        "grep -E '^.?.?.?.?.?.?.?.?.?ERROR' $d/log | head -n 1 | cut -c -300",
        f"find . \\( {_SKIPPED} $x \\) -prune -o -type f -size -2000k"
        f" -exec grep -oE '{_ASKS}' /dev/null {{}} + 2> /dev/null | head -n 2000",
        "r=$(sed -n 's/.*Using local repository at //p' $d/log | head -n 1); find ${r:-$d} -name '*.pom'"
        f" -exec grep -ohE '{_ACTIVATED}' {{}} + 2> /dev/null | sort -u | head -n 50",
        f"find . \\( {_SKIPPED} $x \\) -prune -o \\( {_PROCESSORS} \\) -print | head -n 20",
        "e=$(pwd); until [ -d $e/.mvn ] || [ $e = / ]; do e=$(dirname $e); done;"
        " cat $e/.mvn/extensions.xml ~/.m2/extensions.xml 2> /dev/null | head -c 100000",
        "cat $e/.mvn/maven.config $e/.mvn/jvm.config 2> /dev/null | head -c 100000",
        "pwd",
        "cat $d/tree",
        "sed '/<dependencyManagement>/,/<\\/dependencyManagement>/d;"
        " /<pluginManagement>/,/<\\/pluginManagement>/d; /<reporting>/,/<\\/reporting>/d' $d/pom",
    )
    told = "; ".join(f"echo '{_PART}{name}'; {part}" for name, part in zip(_PARTS, parts, strict=True))
    script = (
        f'case $TARGETARCH in {names} esac; d=$(mktemp -d); x=; [ "$(pwd)" != / ] ||'
        f" x='{_OF_THE_ROOT}'; c=0; {asked} || c=$?; echo '{_EXIT}'$c;"
        f" {{ {told}; }} 2> /dev/null; rm -rf $d"
    )
    architectures = dict.fromkeys(f"linux/{p.architecture}" for p in platforms)
    return Probe(script, tuple(architectures), is_exact=True, has_mounts=False)


_PARTS = words("java repository error asks activated processors extensions options folder tree pom")


@value()
class Answer:
    """What Maven said. `asks` are files, as seen from `folder`, with expressions for what differs between
    machines; `activated` are files that profiles look for; `processors` are files of the project that name
    annotation processors; `extensions` and `options` are the texts of `.mvn/extensions.xml`, and of the files
    of options beside it.
    """

    projects: tuple[MavenProject, ...]
    java: str
    repository: str
    folder: str
    asks: tuple[tuple[str, str], ...]
    activated: tuple[str, ...]
    processors: tuple[str, ...]
    extensions: str
    options: str


class UnlikeError(Exception):
    """Why the answer does not prove that every machine makes the same."""


def read_maven(answer: str, platforms: Sequence[str]) -> Answer:
    """The one answer, where it is the same for every platform. Raises UnlikeError, with the first thing
    that differs.
    """
    if len(answer) > LARGEST_ANSWER:
        raise UnlikeError(f"what Maven says is larger than {LARGEST_ANSWER >> 20} MiB")
    by_platform = sections(answer)
    read = [(name, _parts(by_platform.get(name, ""))) for name in platforms]
    first_name, first = read[0]
    roots = {name: _root(parts["pom"]) for name, parts in read}
    for name, parts in read[1:]:
        _compare_trees(first["tree"], parts["tree"], first_name, name)
        _compare_projects(roots[first_name], roots[name], first_name, name)
    projects = list(roots[first_name].iter("project"))
    asks = (line.removeprefix("./").partition(":") for line in first["asks"].splitlines())
    return Answer(
        tuple(project_of(each) for each in projects),
        first["java"].partition(": ")[2].rstrip("/").removesuffix("/jre"),
        first["repository"],
        first["folder"],
        tuple((file, text) for file, _, text in asks if text),
        tuple(line.rpartition(">")[2] for line in first["activated"].splitlines()),
        tuple(line.removeprefix("./") for line in first["processors"].splitlines()),
        first["extensions"],
        first["options"],
    )


def _parts(text: str) -> Mapping[str, str]:
    """The parts of what was said for one platform. Raises UnlikeError where Maven failed."""
    before, *rest = text.split(f"\n{_PART}")
    found = {name: body.strip() for name, _, body in (part.partition("\n") for part in rest)}
    if not before.strip().endswith(f"{_EXIT}0") or any(name not in found for name in _PARTS):
        error = _COLOUR.sub("", found.get("error", "")).partition("ERROR]")[2].strip()
        raise UnlikeError(f"Maven cannot tell{f': {shortened(error)}' if error else ''}")
    if not found["pom"] or not found["folder"].startswith("/"):
        raise UnlikeError("Maven does not tell")
    return found


_COLOUR = expression(r"\x1b\[[0-9;]*m")


def _root(text: str) -> Element:
    try:
        return read_markup(text, LARGEST_ANSWER)
    except MarkupError as error:
        raise UnlikeError(f"what Maven says cannot be read: {error}") from error


def _compare_trees(one: str, other: str, name: str, other_name: str) -> None:
    """What is taken at run time is the same, with its classifiers; what only tests take does not leave."""
    pairs = zip_longest(_kept(one), _kept(other), fillvalue="nothing")
    for left, right in pairs:
        if left != right:
            told = f"{shortened(left)} for {name}, and {shortened(right)} for {other_name}"
            raise UnlikeError(f"it takes {told}")


def _kept(tree: str) -> Iterator[str]:
    rows = (re.sub(r"^[\s|+\\-]+", "", line).strip() for line in tree.splitlines())
    return (row for row in rows if row and not re.search(r":test( \(optional\))?$", row))


def _compare_projects(one: Element, other: Element, name: str, other_name: str) -> None:
    """The POMs are the same, but for programs for the build machine."""
    for left, right in zip_longest(_lines(one), _lines(other), fillvalue=("", "")):
        _check_tool(left, right)
        if left == right or _may_differ(left, right):
            continue
        where = left[0] or right[0]
        raise UnlikeError(
            f"{where} is {shortened(left[1]) or 'empty'} for {name}, and "
            f"{shortened(right[1]) or 'empty'} for {other_name}"
        )


def _check_tool(left: tuple[str, str], right: tuple[str, str]) -> None:
    """Raises UnlikeError for a program for the build machine that is not there for amd64 and for arm64."""
    if left[0] != right[0] or not _is_tool(left[0]):
        return
    if left[1] == right[1] and is_for_one(left[1]):
        raise UnlikeError(f"{shortened(left[1])} runs on one machine alone")
    is_detected = left[1] != right[1] or "${os.detected." in left[1]
    why = why_not_for_both(left[1]) if is_detected else None
    if why is not None:
        raise UnlikeError(why)


def _is_tool(path: str) -> bool:
    plugin = _SETTING.fullmatch(path)
    row = PLUGINS.get(plugin[1]) if plugin else None
    return row is not None and plugin is not None and row.is_tool(plugin[2])


def _may_differ(left: tuple[str, str], right: tuple[str, str]) -> bool:
    """What os-maven-plugin tells of the machine, where nothing takes it; a tool for it; the time of day."""
    if left[0] != right[0]:
        return False
    if _DETECTED.fullmatch(left[0]) or _TEST.search(left[0]):
        return True
    texts = [re.sub(r"\d", "0", text) for _, text in (left, right)]
    is_time = texts[0] == texts[1] and texts[0].count("0") >= _DIGITS_OF_A_TIME
    if is_time and not _NAMES_WIDTH.search(left[1]):
        return True
    return _is_tool(left[0])


_DETECTED = expression(r"(.*/)?properties/os\.detected\.[\w.-]+")
_TEST = expression(r"(^|/)dependencies/dependency\[[^\]]*:test\]/")
_SETTING = expression(r"(?:.*/)?plugin\[([^\]]+)\]/(?:executions/execution/)?configuration/(.+)")
_DIGITS_OF_A_TIME = 8
_NAMES_WIDTH = expression(r"x86|i\d86|[_-](32|64)|bit")


def _lines(root: Element) -> Iterator[tuple[str, str]]:
    """Every text in POMs with its path, plugins and dependencies with their names."""
    pending: list[tuple[Element, str]] = [(root, "")]
    while pending:
        one, path = pending.pop()
        children = list(one)
        if not children:
            yield path, (one.text or "").strip()
        elif one.tag == "configuration":
            yield from told(one, path)
            continue
        pending += [(child, f"{path}/{_called(child)}".lstrip("/")) for child in reversed(children)]


def _called(element: Element) -> str:
    if element.tag not in ("plugin", "dependency", "project"):
        return element.tag
    parts = [element.findtext("groupId"), element.findtext("artifactId")]
    if element.tag == "plugin":
        parts[0] = parts[0] or "org.apache.maven.plugins"
    if element.tag == "dependency":
        parts.append(element.findtext("scope") or "compile")
    return f"{element.tag}[{':'.join(part or '' for part in parts)}]"
