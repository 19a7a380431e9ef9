"""Ant: what it makes is the same everywhere where all that its build file has it do is known to be.

Sources: Apache Ant 1.10 manual ("Running Ant") and its start script; `java.lang.System.getProperties`.
"""

from __future__ import annotations

from dataclasses import replace

from xbuild.plan.facts.filesystem import Kind, Write, is_within, join, overlaps
from xbuild.plan.model import Evidence
from xbuild.plan.programs.grammar import Reading, Style
from xbuild.plan.programs.program import Program, plain, told_kind, write
from xbuild.plan.recipes.own_files import mount_target, own_text, path_folders
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call, Effect
from xbuild.plan.toolchains.java.ant_tasks import AntBuild
from xbuild.plan.toolchains.java.homes import OPTIONS, check_home, check_mounts, held, is_brought, own_folder
from xbuild.plan.toolchains.java.untold import BoundError, or_stays
from xbuild.text import expression

_OPTIONS = "-f,-file,-buildfile=< -D* -q,-quiet -S,-silent -v,-verbose -d,-debug -e,-emacs -noinput"
_PACKAGES = words("ant apache-ant")
_VARIABLES = words(
    "ANT_HOME ANT_ARGS JAVACMD CLASSPATH CLASSPATH_OVERRIDE LOCALCLASSPATH OPT_JAR_LIST rpm_mode usejikes"
)
_PLACES = words("/etc/ant.conf /etc/ant.d /usr/share/ant /usr/share/java")
"""Where it takes settings and programs from, beside the user's home."""
_FOLDERS = words("/usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin")
_SETS_PROPERTY = expression(r"-D(?!file\.encoding|java\.(?:awt|net)\.)")


def _made(call: Call, given: Reading) -> Effect:
    file = call.seen(given.value("-f", "build.xml"))
    if file is None or call.directory is None or any("*" in (t or "*") for t in (file, *given.operands)):
        raise BoundError("what it is asked for cannot be told", "name its targets: ant jar")
    _check_told(call)
    text = own_text(call, file)
    if text is None or not call.around.context.files():
        raise BoundError(f"{file} is not in the build context")
    build = AntBuild(call, file, text, given.values("-D"))
    _check_project(call, build.folder)
    kind = join((told_kind(call), held(call, build.folder, ())))
    if kind is Kind.UNKNOWN or kind is Kind.BUILD:
        return replace(plain(call, kind, (write(call, None, kind),), (build.folder,)), toolchain="java")
    build.reports += [w.path for w in call.writes if w.path and _is_left(w, build.folder)]
    build.run(tuple(target or "" for target in given.operands))
    folder = replace(write(call, build.folder, kind), adds=True, is_listed=True)
    made = (write(call, place, kind) for place in build.made)
    left = (write(call, place, Kind.BUILD) for place in build.reports)
    return replace(
        plain(call, Kind.BUILD, (folder, *made, *left), (build.folder,)),
        evidence=(Evidence("the tasks of its build file make the same everywhere", call.place),),
        notes=(_NOTE.format(call.spelled()),) if build.is_testing else (),
        sees_environment=True,
        toolchain="java",
    )


_NOTE = "`{}` runs the project's tests on the build machine, not on the target platform"


def _is_left(made: Write, folder: str) -> bool:
    """Whether it is what an earlier build left for the machine."""
    return not made.kind.is_right and not made.is_package and is_within(made.path or "/", folder)


def _check_told(call: Call) -> None:
    """It is a package's Ant, and neither variables nor files tell it more than its build file does."""
    folders = (*path_folders(call), *_FOLDERS) if call.texts[0] == "ant" else ()
    found = (w for folder in folders for w in call.writes.covering(f"{folder}/ant"))
    own = next((w for w in found if not (w.is_package or w.is_empty or w.is_change)), None)
    if not call.packages & {*_PACKAGES} or not folders or own is not None:
        raise BoundError("which Ant it is cannot be told", "install the package ant, and call that")
    variables = {name: variable.text for name, variable in call.variables.items()}
    variables |= {name: word.value for name, (word, _) in call.assignments.items()}
    told = next((name for name in _VARIABLES if name in variables), None)
    told = told or next((n for n in OPTIONS if _SETS_PROPERTY.search(variables.get(n) or "")), None)
    if told is not None:
        raise BoundError(f"{told} is set, which may change what it does", f"leave {told} out")
    places = (*_PLACES, own_folder(call, ".ant"), own_folder(call, ".antrc"))
    made = (w for w in call.writes if not (w.is_package or w.is_empty or w.is_change))
    put = [*((w.path, f"line {w.place.line}") for w in made)]
    put += [(mount_target(call, mount), "a mount") for mount in call.run.mounts]
    who = next((who for path, who in put if any(_is_at(path, place) for place in places)), None)
    if who is not None:
        raise BoundError(f"{who} may put there what Ant reads or runs ({', '.join(places[-2:])} …)")


def _check_project(call: Call, folder: str) -> None:
    """What lies in the project's folder is known, and leads nowhere else."""
    here = replace(call, directory=folder)
    check_home(here)
    check_mounts(here, ())
    for mount in call.run.mounts:
        is_context = mount.type in ("", "bind") and mount.get("from") is None
        if not is_context and _is_at(mount_target(call, mount), folder):
            raise BoundError("a mount brings what is not looked into to its project")
    made = (w for w in call.writes if _is_at(w.path, folder) and w.by[:2] != ("RUN", "ant"))
    link = next((w for w in made if w.is_unseen or (w.link is not None and not w.is_context)), None)
    if link is not None:
        raise BoundError(f"line {link.place.line} may put a symbolic link into its project")


def _is_at(path: str | None, folder: str) -> bool:
    return path is None or overlaps(path, folder)


ANT = Program(
    "ant",
    _OPTIONS,
    "text*",
    does=or_stays(_made),
    style=Style.LONG,
    is_extra=True,
    brought_by=is_brought,
)
