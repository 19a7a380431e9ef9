"""Maven: what it makes is the same everywhere, where every plugin that runs is known to make it so, and
nothing that it takes is chosen by the machine.

Which plugins run and what is taken is asked of Maven itself (`effective`), but for a project that one file
tells of wholly: no parent, no modules, no profiles, nothing taken at run time.

Sources: `mvn --help` of 3.9 and 4.0, Maven "Configuring Apache Maven", "Settings Reference",
"Core Extensions".
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from xbuild.plan.facts.filesystem import Kind, Write, is_within, join, overlaps
from xbuild.plan.model import Evidence, Probe, Question
from xbuild.plan.programs.grammar import Reading, Takes
from xbuild.plan.programs.program import Program, plain, told_kind, write
from xbuild.plan.recipes.own_files import context_file, mount_target
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call, Effect
from xbuild.plan.toolchains.java.effective import Answer, UnlikeError, maven_probe, read_maven
from xbuild.plan.toolchains.java.homes import (
    asked_platforms,
    check_home,
    check_jvm,
    check_mounts,
    held,
    home_of,
    is_brought,
    own_folder,
)
from xbuild.plan.toolchains.java.markup import MarkupError, read_markup
from xbuild.plan.toolchains.java.maven_plugins import PLUGINS
from xbuild.plan.toolchains.java.poms import Execution, PluginUse, project_of
from xbuild.plan.toolchains.java.reactor import Reactor
from xbuild.plan.toolchains.java.untold import BoundError, or_stays
from xbuild.plan.toolchains.java.wrappers import check_wrapper
from xbuild.text import expression

_OPTIONS = (
    "-am,--also-make -amd,--also-make-dependents -B,--batch-mode,--non-interactive -b,--builder= "
    "-C,--strict-checksums -c,--lax-checksums -cpu,--check-plugin-updates -D,--define= -e,--errors "
    "-f,--file=< "
    "-fae,--fail-at-end -ff,--fail-fast -fn,--fail-never -gs,--global-settings=< -l,--log-file=> "
    "-llr,--legacy-local-repository -N,--non-recursive -npr,--no-plugin-registry -npu,--no-plugin-updates "
    "-nsu,--no-snapshot-updates -ntp,--no-transfer-progress -o,--offline -P,--activate-profiles= "
    "-pl,--projects= -q,--quiet -rf,--resume-from= -s,--settings=< -T,--threads= -U,--update-snapshots "
    "-up,--update-plugins -V,--show-version -X,--debug,--verbose --color= "
    "-itr,--ignore-transitive-repositories -ssu,--suppress-snapshot-updates -v,--version -h,--help"
)
_NOT_ASKED = words("-l -o -T -rf -fn -fae -ff -v -h -V -B -X")
"""Options that are left out when Maven is asked: they change only how it goes about it."""
_NO_BUILD = words("-v -h")
_REFUSED_PROPERTIES: tuple[tuple[str, str], ...] = (
    (r"maven\.ext\.class\.path|maven\.multiModuleProjectDirectory", "loads what is not looked into"),
    (r"output|outputFile|appendOutput|scope|includes|excludes|os\.[\w.]+|sun\.[\w.]+|java\.(?!net\.|awt\.|security\.)[\w.]+",
     "is a property that changes what Maven can be asked"),
)  # fmt: skip

# Goals that only fill the local repository, or say something.
_FETCHING = expression(
    r"(?:org\.apache\.maven\.plugins:maven-|)dependency(?:-plugin)?(?::[\w.]+)?:"
    r"(go-offline|resolve|resolve-plugins|get|sources|list|tree|collect|purge-local-repository"
    r"|build-classpath)|(?:org\.apache\.maven\.plugins:maven-|)help(?:-plugin)?(?::[\w.]+)?:[\w-]+"
    r"|de\.qaware\.maven:go-offline-maven-plugin(?::[\w.]+)?:resolve-dependencies"
)
SHELLS = words("sh bash")
"""What a wrapper may be given to."""
_CONTROL = words("MAVEN_OPTS MAVEN_ARGS MAVEN_CONFIG MAVEN_CLI_OPTS JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS")
_ASK = "plan or build with an engine"


def _made(call: Call, given: Reading) -> Effect:
    if call.program_name == "mvnw":
        check_wrapper(call)
    if given.has(*_NO_BUILD):
        return plain(call, Kind.BUILD)
    goals = tuple(given.operands)
    if not goals or any(goal is None for goal in goals):
        raise BoundError("what it is asked for cannot be told", "name its phases: mvn package")
    check_home(call)
    _check_own_extensions(call)
    check_mounts(call, _settings_places(call, given))
    if all(_FETCHING.fullmatch(goal or "") for goal in goals):
        fetched = (*_local_places(given, own_folder(call, ".m2")), *_named_places(given))
        made = (write(call, place, Kind.BUILD) for place in fetched)
        return plain(call, _printed(call, given, goals), made, (".",))
    named = [text for name, text in _defined(call, given) if name == "maven.repo.local"]
    _check_repositories(call, [f"{own_folder(call, '.m2')}/repository", *named])
    apart = ("/root/.m2", f"{home_of(call) or '/root'}/.m2")
    kind = join((told_kind(call), held(call, call.directory, apart)))
    if kind is Kind.UNKNOWN or kind is Kind.BUILD:
        return replace(plain(call, kind, (write(call, None, kind),), (".",)), toolchain="java")
    _check_words(call, given)
    answer, evidence = _answered(call, given)
    _check_repositories(call, [answer.repository] if answer.repository else [])
    check_jvm("a file of options in .mvn", answer.options)
    defined = (*_defined(call, given), *_pairs(answer.options))
    _check_properties(name for name, _ in defined)
    reactor = Reactor(tuple(goal or "" for goal in goals), defined)
    found = [reactor.judged(project, answer) for project in answer.projects]
    folders = [each.project.directory for each in found if each.project.directory]
    outside = tuple(folder for folder in folders if not is_within(folder, answer.folder))
    read = [f for project in answer.projects for f in project.resources if not is_within(f, answer.folder)]
    kind = join((kind, *(held(call, folder, apart) for folder in (*map(posixpath.dirname, outside), *read))))
    places = (".", *outside, *_named_places(given))
    made = (replace(write(call, path, kind), adds=True, is_listed=True) for path in places)
    left: list[str | None] = [path for each in found for path in each.leaves(answer.folder)]
    left += _local_places(given, answer.repository or own_folder(call, ".m2"))
    return replace(
        plain(call, Kind.BUILD, (*made, *(write(call, path, Kind.BUILD) for path in left)), (".",)),
        sees_environment=True,
        evidence=(Evidence(evidence, call.place),),
        notes=(_NOTE.format(call.spelled()),) if any(each.tests for each in found) else (),
        toolchain="java",
    )


def _check_own_extensions(call: Call) -> None:
    """Nothing is put where Maven itself takes its programs from."""
    made = next((w for w in call.writes if not w.is_package and _EXTENDS.search(w.path or "")), None)
    if made is not None:
        raise BoundError(f"line {made.place.line} puts a program into Maven ({made.path})")


def _check_repositories(call: Call, places: Sequence[str]) -> None:
    """No local repository holds jars of the build context, which may be plugins, and hold processors."""
    files = call.around.context.files()
    jar = next((f for f in files if f.endswith(".jar") and posixpath.basename(f) != _WRAPPER), None)
    put = [w.path for w in call.writes if w.is_context]
    put += [mount_target(call, mount) for mount in call.run.mounts if mount.type in ("", "bind")]
    is_there = any(overlaps(path or "/", call.seen(place) or "/") for path in put for place in places)
    if is_there and (jar is not None or not files):
        raise BoundError(
            f"{jar or 'the build context'} may bring a program to the local repository of Maven",
            "have Maven fetch what it takes",
        )


_WRAPPER = "maven-wrapper.jar"
_EXTENDS = expression(r"/lib/ext(/|$)|^/usr/share/maven/(lib|bin|boot)(/|$)|/\.mavenrc$|^/etc/mavenrc$")
_NOTE = "`{}` runs the project's tests on the build machine, not on the target platform"


def _printed(call: Call, given: Reading, goals: Sequence[str | None]) -> Kind:
    """What it prints: a version or name of the project, as its own pom.xml has it; else the machine's."""
    told = [text.partition("=")[2] for text in given.values("-D") if text and text.startswith("expression=")]
    is_asked = all(_EVALUATE.fullmatch(goal or "") for goal in goals) and given.has("-q") and len(told) == 1
    name = re.fullmatch(r"project\.(version|artifactId|groupId|packaging)", told[0]) if is_asked else None
    text = _text(call, posixpath.join(call.directory or "", "pom.xml"))
    if name is None or text is None or given.has("-f", "-P"):
        return Kind.BUILD
    try:
        found = read_markup(text).findtext(name[1])
    except MarkupError:
        return Kind.BUILD
    return told_kind(call) if found and "$" not in found else Kind.BUILD


_EVALUATE = expression(r"(?:org\.apache\.maven\.plugins:maven-|)help(?:-plugin)?(?::[\w.]+)?:evaluate")


def _local_places(given: Reading, repository: str) -> tuple[str | None, ...]:
    """The local repository, whose artifacts may be those of the machine, and the log."""
    told = (text.partition("=")[::2] for text in given.values("-D") if text is not None)
    named = [text for name, text in told if name == "maven.repo.local"]
    logs = (o.value for o in given.options if o.kind is Takes.WRITES)
    return tuple(dict.fromkeys((repository, "/root/.m2", *named, *logs)))


def _named_places(given: Reading) -> tuple[str, ...]:
    """What properties of a goal may name to be written."""
    told = (text.partition("=")[::2] for text in given.values("-D") if text is not None)
    return tuple(text for name, text in told if _NAMES_PLACE.search(name) and text)


_NAMES_PLACE = expression(r"[oO]utput|[dD]irectory$|[fF]ile$|[dD]est")


def _settings_places(call: Call, given: Reading) -> tuple[str, ...]:
    """Where Maven looks for settings."""
    named = (call.seen(path) for path in given.values("-s", "-gs"))
    return (*(path for path in named if path), "/root/.m2/settings.xml", "/usr/share/maven/conf")


def _check_words(call: Call, given: Reading) -> None:
    for name, word in ((n, w) for n, (w, _) in call.assignments.items()):
        if not name.isidentifier() or "\n" in word.raw:
            raise BoundError(f"{name} is set in front of it")
    names = [(text or "").partition("=")[0] for text in given.values("-D")]
    if "" in names:
        raise BoundError("a property that is set for it cannot be told")
    _check_properties(names)
    if given.has("-fn"):
        raise BoundError("it goes on where a step fails", "drop --fail-never")


def _check_properties(names: Iterable[str]) -> None:
    for name in names:
        why = next((why for pattern, why in _REFUSED_PROPERTIES if re.fullmatch(pattern, name)), None)
        if why is not None:
            raise BoundError(f"-D{name} {why}")


def _defined(call: Call, given: Reading) -> tuple[tuple[str, str], ...]:
    """Properties of the command line, those that variables for Maven bring, and the settings of frameworks
    that stand in variables.
    """
    texts = [f"-D{value}" for value in given.values("-D") if value is not None]
    texts += [call.variables[name].text or "" for name in _CONTROL if name in call.variables]
    texts += [call.assignments[name][0].value or "" for name in _CONTROL if name in call.assignments]
    variables = {name: variable.text or "" for name, variable in call.variables.items()}
    variables |= {name: word.value or "" for name, (word, _) in call.assignments.items()}
    own = ((n.lower().replace("_", "."), v) for n, v in variables.items() if n.startswith(_FRAMEWORKS))
    return (*(pair for text in texts for pair in _pairs(text)), *own)


_FRAMEWORKS = ("QUARKUS_", "MICRONAUT_")


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    """The properties that options for a JVM, or for Maven, set."""
    found = (each.partition("=") for each in re.findall(r"(?:^|\s)-D(\S+)", text))
    return tuple((name, value if equals else "true") for name, equals, value in found)


# -- what Maven says, or one file


def _answered(call: Call, given: Reading) -> tuple[Answer, str]:
    """What the projects are. Raises BoundError with the question where it has to be asked."""
    known = _of_file(call, given)
    if known is not None:
        return known, "its pom.xml takes nothing that depends on the machine, and its plugins are known"
    question = _question(call, given)
    told = call.around.knowledge.answers.get(question.key)
    if told is None:
        text = "which plugins run and what they take is not told here: Maven has to be asked, in the builder"
        raise BoundError(text, _ASK, question)
    assert isinstance(question.how, Probe)
    try:
        answer = read_maven(told, question.how.platforms)
    except UnlikeError as error:
        raise BoundError(str(error), "take what is the same for every platform") from error
    if answer.folder != call.directory:
        raise BoundError("where it runs cannot be told")
    return answer, "Maven takes the same for every platform, and its plugins are known"


def _question(call: Call, given: Reading) -> Question:
    script = call.run.script
    if not call.is_editable or script is None or script.text != call.script:
        raise BoundError("Maven can be asked only where a RUN calls it, in shell form")
    front = {name: word.raw for name, (word, _) in call.assignments.items()}
    options = front.pop("MAVEN_OPTS", '"${MAVEN_OPTS-}"')
    parts = [*(f"{name}={raw}" for name, raw in front.items()), options, *_kept_words(call, given)]
    if any("\n" in part for part in parts):
        raise BoundError("words of several lines cannot be put to Maven", "write each on one")
    return Question(
        call.around.stage,
        call.number,
        f"maven {call.spelled()}",
        f"which plugins `{call.spelled()}` of line {call.place.line} runs, and what it takes where",
        maven_probe(parts[: len(front)], options, " ".join(parts[len(front) + 1 :]), asked_platforms(call)),
        call.command.span.start,
        call.directory,
    )


def _kept_words(call: Call, given: Reading) -> list[str]:
    """The words of the command without its goals, and without options that matter to none of the answers."""
    left_out = {at + 1 for at in given.places}
    for option in given.options:
        if option.name in _NOT_ASKED:
            left_out.add(option.at + 1)
            is_apart = option.value is not None and call.texts[option.at + 1] in _APART
            left_out |= {option.at + 2} if is_apart else set()
    own = call.command.words
    at = own.index(call.words[0]) if call.words[0] in own else 0
    shell = [word.raw for word in own[max(at - 1, 0) : at] if word.value in SHELLS]
    return [*shell, *(word.raw for at, word in enumerate(call.words) if at not in left_out)]


_APART = words("-l --log-file -T --threads -rf --resume-from")
"""Spellings behind which the value is a word of its own."""


def _of_file(call: Call, given: Reading) -> Answer | None:
    """A project that its pom.xml tells of wholly; None where Maven knows more."""
    options = {o.name for o in given.options}
    path = posixpath.join(call.directory or "", "pom.xml")
    if (
        call.directory is None
        or home_of(call) != "/root"
        or options & {"-f", "-P", "-s", "-gs", "-pl", "-am"}
        or call.run.mounts
    ):
        return None
    text = _text(call, path)
    if text is None or any(_is_setting(w) for w in call.writes) or _is_beside(call):
        return None
    try:
        root = read_markup(text)
    except MarkupError as error:
        raise BoundError(f"pom.xml is not read: {error}") from error
    project = project_of(root)
    is_whole = not any(root.find(tag) is not None for tag in ("parent", "modules", "profiles"))
    is_alone = all(d.scope == "test" for d in project.dependencies) and not project.extensions
    known = (PLUGINS.get(plugin.name) for plugin in project.plugins)
    is_plain = all(row is not None and not row.templates and not row.refused for row in known)
    is_plain = is_plain and _told_names(text) <= {f"project.{n}" for n in _OWN} | {
        n for n, _ in project.properties
    }
    if root.tag != "project" or project.packaging != "jar" or project.filtered:
        return None
    if not (is_whole and is_alone and is_plain):
        return None
    folder = call.directory
    directory = posixpath.join(folder, project.directory or "target")
    own = replace(project, directory=directory, plugins=_with_defaults(project.plugins))
    return Answer((own,), "", "", folder, (), (), (), "", "")


_OWN = words("version groupId artifactId name build.directory build.outputDirectory basedir build.finalName")


def _told_names(text: str) -> set[str]:
    """The names in expressions."""
    return set(re.findall(r"\$\{([^}]*)\}", text))


def _text(call: Call, path: str) -> str | None:
    found = context_file(call, path)
    return call.around.context.read(found) if found is not None else None


def _is_setting(made: Write) -> bool:
    """Whether it may be settings of Maven's."""
    if made.path is None:
        return True
    places = ("/root/.m2/settings.xml", "/root/.m2/settings-security.xml", "/root/.mavenrc", "/etc/mavenrc")
    is_own = made.by[:1] == ("RUN",) and made.by[1:2] in (("mvn",), ("mvnw",))
    folders = (*places, "/usr/share/maven/conf", "/etc/maven")
    return not made.is_package and not is_own and any(overlaps(made.path, p) for p in folders)


def _is_beside(call: Call) -> bool:
    """Whether there may be files of Maven's own settings, or a program for javac, beside the project."""
    files = call.around.context.files()
    made = (w.path or "" for w in call.writes if not w.is_context)
    told = any(_BESIDE.search(f"/{path}/") for path in (*files, *made))
    return not files or told


_BESIDE = expression(
    r"/\.mvn/|/META-INF/services/(javax\.annotation\.processing\.Processor|com\.sun\.source\.util\.Plugin)/"
)


def _with_defaults(plugins: Sequence[PluginUse]) -> tuple[PluginUse, ...]:
    """The plugins of a jar's lifecycle, with what the file says of them (Maven "Lifecycles Reference")."""
    told = {plugin.name: plugin for plugin in plugins}
    for name, phase, goal in _JAR:
        own = told.get(name, PluginUse(name))
        told[name] = replace(own, executions=(Execution((goal,), phase), *own.executions))
    return tuple(told.values())


_JAR = tuple(
    (f"org.apache.maven.plugins:maven-{name}-plugin", phase, goal)
    for name, phase, goal in (
        ("clean", "clean", "clean"),
        ("resources", "process-resources", "resources"),
        ("compiler", "compile", "compile"),
        ("resources", "process-test-resources", "testResources"),
        ("compiler", "test-compile", "testCompile"),
        ("surefire", "test", "test"),
        ("jar", "package", "jar"),
        ("install", "install", "install"),
        ("deploy", "deploy", "deploy"),
    )
)

MAVEN = Program(
    "mvn mvnw",
    _OPTIONS,
    "text*",
    does=or_stays(_made),
    is_extra=True,
    brought_by=is_brought,
    packages="maven",
)
