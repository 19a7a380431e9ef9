"""Gradle: what it makes is the same everywhere where its scripts are plain and all their plugins are known.

Nothing is asked: Gradle takes no profile of a POM that is there by the machine, so that what plain scripts
name is what is taken. A script that is more than plain, `buildSrc`, an included build and a plugin that no
row knows keep the stage, and are named.

Sources: Gradle "Command-Line Interface Reference", "Build Environment", "The Wrapper", "Supported Metadata
Formats" (of profiles in POMs only those that are active by default count).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from xbuild.dockerfile.model import Mount
from xbuild.plan.facts.filesystem import Kind, Write, join, overlaps
from xbuild.plan.facts.positions import ancestors
from xbuild.plan.model import Evidence
from xbuild.plan.programs.grammar import Reading
from xbuild.plan.programs.program import Program, plain, told_kind, write
from xbuild.plan.recipes.own_files import mount_target, own_text
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call, Effect, shortened
from xbuild.plan.toolchains.java.build_tools import is_for_one, why_not_for_both
from xbuild.plan.toolchains.java.gradle_plugins import SAME, WHY
from xbuild.plan.toolchains.java.gradle_scripts import (
    TEXT,
    Statement,
    UnplainError,
    hands_libraries_on,
    is_dependency,
    is_local_repository,
    is_refused,
    is_setting,
    literal,
    statements,
    takes_own_program,
    takes_program,
)
from xbuild.plan.toolchains.java.homes import (
    check_home,
    check_jvm,
    check_mounts,
    held,
    is_brought,
    own_folder,
)
from xbuild.plan.toolchains.java.processors import SERVICES
from xbuild.plan.toolchains.java.untold import BoundError, or_stays
from xbuild.plan.toolchains.java.wrappers import check_wrapper, read_properties
from xbuild.text import expression

_OPTIONS = (
    "-a -b,--build-file=< -c,--settings-file=< --build-cache --no-build-cache --configuration-cache "
    "--no-configuration-cache --configure-on-demand --console= --continue -D* -d,--debug --daemon "
    "--no-daemon -g,--gradle-user-home= -i,--info --max-workers= --no-parallel --parallel --offline -P* "
    "-p,--project-dir= "
    "--priority= -q,--quiet --refresh-dependencies --rerun-tasks -S,--full-stacktrace -s,--stacktrace "
    "-w,--warn --warning-mode= --watch-fs --no-watch-fs -x,--exclude-task= -v,--version -h,--help --no-scan"
)
_TASKS = expression(
    r"(?:[\w:-]*:)?(?:clean|build|assemble|classes|jar|war|bootJar|bootWar|shadowJar|installDist|installShadowDist|distTar"
    r"|distZip|check|test|compileJava|compileKotlin|processResources|buildFatJar|optimizedJitJarAll|buildLayers"
    r"|dependencies|help|tasks|resolveDependencies|generateProto|javadoc|sourcesJar|testClasses)"
)
_TESTING = expression(r"(?:[\w:-]*:)?(?:build|check|test)")
_FETCHING = expression(r"(?:[\w:-]*:)?(?:dependencies|help|tasks|resolveDependencies)")
_BUILDS = ("build.gradle", "build.gradle.kts")
_SETTINGS = ("settings.gradle", "settings.gradle.kts")
_HOMES = words("/root/.gradle /home/gradle/.gradle")
_CURE = "keep what is more than settings out of the image's build, or do it in a stage of its own"


def _made(call: Call, given: Reading) -> Effect:
    if call.program_name == "gradlew":
        check_wrapper(call)
    if given.has("-v", "-h"):
        return plain(call, Kind.BUILD)
    check_home(call)
    check_mounts(call, (*_HOMES, *(f"{home}/gradle.properties" for home in _HOMES)))
    _check_words(call, given)
    folder = _root(call, _folder(call, given))
    tasks = [task or "" for task in given.operands]
    bad = next((task for task in tasks if not _TASKS.fullmatch(task)), None)
    if bad is not None or not tasks:
        raise BoundError(
            f"what the task {bad or 'of its own'} does is not known here", "name one, as in gradle bootJar"
        )
    homes = (*_HOMES, _own_home(call, given))
    kind = join((told_kind(call), held(call, folder, homes)))
    if kind is Kind.UNKNOWN or kind is Kind.BUILD:
        return replace(plain(call, kind, (write(call, None, kind),), (folder,)), toolchain="java")
    left = [*homes, posixpath.join(folder, ".gradle")]
    for home in dict.fromkeys(homes):
        _check_home_of_gradle(call, home, folder)
    build = GradleBuild(call, folder)
    build.check()
    if all(_FETCHING.fullmatch(task) for task in tasks):
        return plain(call, Kind.BUILD, (write(call, place, Kind.BUILD) for place in left), (folder,))
    is_testing = any(_TESTING.fullmatch(t) for t in tasks) and not _skips_tests(given)
    left += [
        posixpath.join(project, "build", name)
        for project in build.projects
        for name in ("reports", "test-results", "jacoco", "tmp", "extracted-protos", "kotlin")
    ]
    made = replace(write(call, folder, kind), adds=True, is_listed=True)
    return replace(
        plain(call, Kind.BUILD, (made, *(write(call, path, Kind.BUILD) for path in left)), (folder,)),
        sees_environment=True,
        evidence=(Evidence("the scripts of Gradle are plain, and their plugins are known", call.place),),
        notes=(_NOTE.format(call.spelled()),) if is_testing else (),
        toolchain="java",
    )


_NOTE = "`{}` runs the project's tests on the build machine, not on the target platform"


def _skips_tests(given: Reading) -> bool:
    return any(value in ("test", "check", ":test", ":check") for value in given.values("-x"))


def _check_words(call: Call, given: Reading) -> None:
    for text in (*given.values("-D"), *given.values("-P")):
        name = (text or "").partition("=")[0]
        if text is None or not name or _REFUSED_PROPERTIES.match(name):
            raise BoundError(f"a property that is set for it is not known to change nothing ({name or '…'})")
        if name == "org.gradle.jvmargs":
            check_jvm(name, text.partition("=")[2])
    if given.has("-b", "-c"):
        raise BoundError("it is told to read other scripts", "leave them where Gradle looks for them")
    for made in call.writes:
        is_script = made.path is not None and re.search(
            r"/init\.gradle(\.kts)?$|^/(?!etc/).*/init\.d(/|$)", made.path
        )
        if is_script and not made.is_package:
            raise BoundError(f"line {made.place.line} puts a script for every build into {made.path}")


_REFUSED_PROPERTIES = expression(
    r"org\.gradle\.(?!daemon|parallel|caching|jvmargs|workers|internal|vfs)|os\.|java\.|user\.(home|dir)|gradle\.|sun\."
)


def _check_home_of_gradle(call: Call, home: str, folder: str) -> None:
    """Nothing stands in Gradle's home that has a say in every build: a script, settings that are not read."""
    if any(_is_bound(call, mount, home) for mount in call.run.mounts):
        raise BoundError(f"a mount brings what Gradle reads in {home}", "leave GRADLE_USER_HOME as it is")
    over = [w for w in call.writes if w.path is not None and overlaps(w.path, home) and not _is_left(w)]
    other = next((w for w in over if not w.is_context or w.by[:1] == ("ADD",)), None)
    if other is not None:
        raise BoundError(f"line {other.place.line} puts what is not looked into where Gradle reads ({home})")
    script = next((f for f in call.around.context.files() if _INIT_SCRIPT.search(f"/{f}")), None)
    if over and script is not None:
        raise BoundError(f"{script} may be a script for every build, in {home}", _CURE)
    settings = posixpath.join(home, "gradle.properties")
    for name, text in read_properties((own_text(call, settings) or "") if over else ""):
        if posixpath.normpath(home) != posixpath.normpath(folder):
            _check_property(name, text)


_INIT_SCRIPT = expression(r"/init\.gradle(\.kts)?$|/init\.d(/[^/]*\.gradle(\.kts)?)?$")


def _is_bound(call: Call, mount: Mount, home: str) -> bool:
    target = mount_target(call, mount)
    return mount.type in ("", "bind") and (target is None or overlaps(target, home))


def _is_left(made: Write) -> bool:
    """Whether it is Gradle's own, or puts nothing there."""
    is_own = made.by[:2] in (("RUN", "gradle"), ("RUN", "gradlew"))
    return is_own or made.is_package or made.is_empty or made.is_change


def _check_property(name: str, text: str) -> None:
    """Raises BoundError where a property of gradle.properties may change what is made."""
    if "os.arch" in text or name.startswith("systemProp.os"):
        raise BoundError("gradle.properties names a machine")
    if name in ("org.gradle.jvmargs", "kotlin.daemon.jvmargs"):
        check_jvm(name, text)
    is_system = name.startswith("systemProp.")
    if name.startswith("org.gradle.java.") or (
        is_system and _REFUSED_PROPERTIES.match(name.removeprefix("systemProp."))
    ):
        raise BoundError(f"gradle.properties sets {name}, which is not known to change nothing")


def _folder(call: Call, given: Reading) -> str:
    told = given.value("-p")
    folder = call.seen(told) if told else call.directory
    if folder is None or (given.has("-p") and told is None):
        raise BoundError("where its project lies cannot be told")
    return folder


def _root(call: Call, folder: str) -> str:
    """The folder of the build: that around which has a file of settings (Gradle "Initialization", "Locating
    the settings file"), or the folder itself.
    """
    names = ((place, posixpath.join(place, name)) for place in ancestors(folder) for name in _SETTINGS)
    return next((place for place, path in names if own_text(call, path) is not None), folder)


def _own_home(call: Call, given: Reading) -> str:
    """Where it keeps what it fetches and makes (GRADLE_USER_HOME)."""
    told = given.value("-g")
    variable, front = call.variables.get("GRADLE_USER_HOME"), call.assignments.get("GRADLE_USER_HOME")
    named = front[0].value if front else variable.text if variable is not None else None
    if (front or variable is not None) and named is None and not told:
        raise BoundError("where GRADLE_USER_HOME is cannot be told")
    found = call.seen(told or named) if told or named else None
    is_official = call.around.image.name == "gradle" and call.scope.user() in ("gradle", "1000")
    return found or ("/home/gradle/.gradle" if is_official else own_folder(call, ".gradle"))


# -- the scripts


class GradleBuild:
    """The scripts of one build, in the build context; `projects` are the folders of its projects."""

    def __init__(self, call: Call, folder: str) -> None:
        self.call, self.folder = call, folder
        self.names: set[str] = set(self.properties())
        self.aliases = self.catalog()
        self.projects: list[str] = [folder]
        self.takes_programs = False
        self.local: str | None = None

    def text(self, *names: str) -> tuple[str, str] | None:
        """The first of these files that is there, with its text."""
        found = ((name, own_text(self.call, posixpath.join(self.folder, name))) for name in names)
        return next(((name, text) for name, text in found if text is not None), None)

    def properties(self) -> Iterator[str]:
        found = self.text("gradle.properties")
        for name, text in read_properties(found[1] if found else ""):
            _check_property(name, text)
            yield name

    def catalog(self) -> Mapping[str, str]:
        """Identifiers of plugins by their aliases in the version catalog."""
        found = self.text("gradle/libs.versions.toml")
        if found is None:
            return {}
        import tomllib

        try:
            table = tomllib.loads(found[1]).get("plugins", {}) if len(found[1]) < 1 << 20 else None
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise BoundError("gradle/libs.versions.toml is not read") from error
        if not isinstance(table, dict):
            raise BoundError("gradle/libs.versions.toml is not read")
        told = {alias: one.get("id") if isinstance(one, dict) else one for alias, one in table.items()}
        return {re.sub(r"[-_]", ".", alias): str(one).partition(":")[0] for alias, one in told.items()}

    def check(self) -> None:
        """Raises BoundError where a script is not plain, or a plugin is not known."""
        files = self.call.around.context.files()
        inside = posixpath.join(self.folder, "buildSrc")
        if not files:
            raise BoundError("the build context cannot be looked at")
        if any(
            "/buildSrc/" in f"/{f}" or ("META-INF/services/" in f and posixpath.basename(f) in SERVICES)
            for f in files
        ):
            raise BoundError(
                f"{posixpath.basename(inside)}, or a processor of the project's own, runs while it is built",
                _CURE,
            )
        try:
            settings = self.text(*_SETTINGS)
            if settings is not None:
                self.script(settings[1], settings[0], "settings-file")
            root = self.text(*_BUILDS)
            if root is not None:
                self.script(root[1], root[0], "root")
            if root is None and settings is None:
                raise BoundError("no script of Gradle's is in the build context where it runs")
            for project in self.projects[1:]:
                place = posixpath.relpath(project, self.folder)
                own = self.text(*(f"{place}/{name}" for name in _BUILDS))
                if own is not None:
                    self.script(own[1], own[0], "root")
        except UnplainError as error:
            raise BoundError(str(error), _CURE) from error
        if self.local is not None and self.takes_programs:
            raise BoundError(f"programs that it runs may come from a folder ({self.local})", _CURE)

    def script(self, text: str, name: str, mode: str) -> None:
        for one in statements(text, name):
            own = mode
            for head in one.blocks:
                own = _inside(own, head) or ""
            self.statement(one, own, name)
            self.check_programs(one, own, name)

    def check_programs(self, one: Statement, mode: str, name: str) -> None:
        """Raises UnplainError where a program of the project's own runs while it is built."""
        where = f"{name}:{one.line} has a program of the project's own run: `{_shown(one)}`"
        if mode in ("dependencies", "classpath"):
            self.takes_programs |= takes_program(one.text)
            if takes_own_program(one.text):
                raise UnplainError(where)
        extends = re.fullmatch(
            r"(?:(?:configurations\.)?(\w+)(?:\.get\(\))?\.)?extendsFrom[ (](.+)", one.text
        )
        if extends is not None and hands_libraries_on(extends[1] or _configuration(one), extends[2]):
            raise UnplainError(where)
        if mode in ("repositories", "repository") and self.is_local(one.text):
            if {"buildscript", "pluginManagement"} & set(one.blocks):
                raise UnplainError(where)
            self.local = f"{name}:{one.line}"

    def is_local(self, text: str) -> bool:
        """Whether a statement names a repository that the project itself may fill."""
        return is_local_repository(text) or (text.startswith("mavenLocal") and self.fills_local())

    def fills_local(self) -> bool:
        """Whether the stage may have put something into Maven's local repository."""
        return any(".m2" in (w.path or ".m2") and not w.is_package for w in self.call.writes)

    def statement(self, one: Statement, mode: str, name: str) -> None:
        if one.opens:
            inner = _inside(mode, one.text)
            is_told = inner != "dependency" or mode == inner or self.fits(one.text, "dependency")
            if not (inner and is_told) and not self.special(one, mode):
                raise UnplainError(f"{name}:{one.line} has `{_shown(one)} {{`, which is not looked into")
        elif not any(self.fits(one.text, rule) for rule in _RULES.get(mode, ())):
            raise UnplainError(f"{name}:{one.line} is not plain: `{_shown(one)}`")

    def special(self, one: Statement, mode: str) -> bool:
        """A dependency or a plugin that has a block of its own."""
        return any(
            self.fits(one.text, rule) for rule in _RULES.get(mode, ()) if rule in ("dependency", "url")
        )

    def fits(self, text: str, rule: str) -> bool:
        """Whether a statement is what a rule allows; what it names is noted."""
        if rule == "setting":
            return is_setting(text) and self.is_told(text)
        if rule == "dependency":
            return is_dependency(text, self.names) and self.is_told(text)
        match = re.fullmatch(_STATEMENTS[rule], text)
        if match is None or not (rule == "tool" or self.is_told(text)):
            return False
        groups = match.groupdict()
        if groups.get("artifact") is not None:
            self.tool(groups["artifact"][1:-1])
        if groups.get("value") is not None and not literal(groups["value"]):
            return False
        if groups.get("name") is not None:
            if is_refused(groups["name"]):
                return False
            self.names.add(groups["name"].removeprefix("ext.").removeprefix("project."))
        if groups.get("plugin") is not None:
            self.plugin(groups["plugin"])
        if groups.get("alias") is not None:
            alias = re.sub(r"[-_]", ".", groups["alias"])
            self.plugin(self.aliases.get(alias, groups["alias"]))
        if groups.get("projects") is not None:
            paths = re.findall(r"[\"']:?([\w:./-]+)[\"']", groups["projects"])
            self.projects += [p for path in paths for p in self.included(path) if p not in self.projects]
        return True

    def included(self, path: str) -> Iterator[str]:
        """The folders of a project that is included, and of those in which it lies (Gradle's
        `Settings.include`: each part of a path is a project). Raises BoundError for one out of the build.
        """
        parts = path.split(":")
        if not all(parts) or ".." in path.replace("/", ":").split(":") or path.startswith("/"):
            raise BoundError(f"the project {path[:60]} lies out of the build")
        yield from (posixpath.join(self.folder, *parts[:at]) for at in range(1, len(parts) + 1))

    def is_told(self, text: str) -> bool:
        """Whether all that is filled into its texts is a name whose value stands in a script as it is."""
        filled = re.findall(r"\$\{?([A-Za-z_][\w.]*)", text)
        return all(name in self.names or name in _OWN_NAMES or name.startswith("libs.") for name in filled)

    def tool(self, artifact: str) -> None:
        """Raises BoundError for a program for the build machine that is not there for amd64 and for arm64."""
        why = why_not_for_both(artifact)
        if is_for_one(artifact) or why is not None:
            raise BoundError(why or f"{artifact[:60]} runs on one machine alone")

    def plugin(self, name: str) -> None:
        if name in WHY:
            raise BoundError(f"the plugin {name} {WHY[name]}")
        if name not in SAME:
            raise BoundError(
                f"what the plugin {name} does is not known here", "do without it where the image is built"
            )


def _configuration(one: Statement) -> str:
    """The configuration in whose block a statement stands."""
    found = re.findall(r"\w+", one.blocks[-1]) if one.blocks else []
    return found[-1] if found else ""


_OWN_NAMES = words(
    "version project.version rootProject.name project.name project.group group rootProject.version"
)

# What may stand in a block, by its mode, and which blocks may stand there: a pattern and the mode inside.
_BLOCKS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "root": (
        (r"plugins|buildscript\.plugins", "plugins"),
        (r"(allprojects|subprojects|project\([\"'][\w:-]+[\"']\))", "root"),
        (r"buildscript", "buildscript"),
        (r"repositories", "repositories"),
        (r"dependencies", "dependencies"),
        (r"(?:ext|extra)", "names"),
        (r"dependencyManagement", "management"),
        (r"configurations", "configurations"),
        (r"protobuf", "protobuf"),
        (
            r"java|application|kotlin|springBoot|jacoco|checkstyle|pmd|spotbugs|bootJar|jar|war|bootWar|shadowJar|test"
            r"|compileJava|compileTestJava|compileKotlin|compileTestKotlin|processResources|javadoc|jacocoTestReport"
            r"|jacocoTestCoverageVerification|sonar(qube)?|idea|eclipse|allOpen|noArg|lombok|ktlint|detekt|micronaut|ktor"
            r"|base|testing|dependencyCheck|avro|kapt|ksp|distributions|bootRun|run|dependencyLocking|wrapper|tasks"
            r"|tasks\.(bootJar|jar|war|bootWar|shadowJar|test|compileJava|compileKotlin|compileTestKotlin|javadoc"
            r"|processResources|jacocoTestReport|check|build|assemble)"
            r"|tasks\.(named|withType|getByName)(<[\w.]+>)?(\([^()]*\))?|(withType|named)(<[\w.]+>)?\([^()]*\)",
            "settings",
        ),
    ),
    "settings": ((r"[A-Za-z_][\w.]*(?:<[\w.]+>)?(?:\s*\([^()]*\))?", "settings"),),
    "buildscript": ((r"repositories", "repositories"), (r"dependencies", "classpath"), (r"ext", "names")),
    "repositories": (
        (rf"(maven|ivy|flatDir|mavenCentral\(\)|exclusiveContent|google\(\)|maven\({TEXT}\))", "repository"),
    ),
    "repository": (
        (
            r"(credentials(\(.*\))?|content|authentication|filter|forRepository|metadataSources|mavenContent)",
            "any",
        ),
    ),
    "dependencies": ((r"constraints", "dependencies"),),
    "dependency": ((r"version|attributes", "dependency"),),
    "management": ((r"imports|dependencies|dependencySet\(.*\)", "managed"),),
    "configurations": ((r"[\w.]+", "configuration"), (r"all|configureEach", "configuration")),
    "configuration": ((r"resolutionStrategy", "settings"),),
    "protobuf": (
        (
            r"protoc|plugins|generateProtoTasks|\w+|id\(.*\)|create\(.*\)|all\(\)\*\.plugins|all\(\)\.\w+|it\.plugins",
            "protobuf",
        ),
    ),
}
_SETTINGS_BLOCKS: tuple[tuple[str, str], ...] = (
    (r"pluginManagement", "management-of-plugins"),
    (r"plugins", "plugins"),
    (r"dependencyResolutionManagement", "resolution"),
)
_RULES: Mapping[str, tuple[str, ...]] = {
    "root": ("import", "apply", "assigned", "named", "variable", "setting"),
    "plugins": ("plugin-id", "plugin-alias", "plugin-kotlin", "plugin-name"),
    "repositories": ("repository", "setting"),
    "repository": ("url", "setting"),
    "any": ("secret", "setting"),
    "dependencies": ("dependency",),
    "dependency": ("exclusion", "setting"),
    "classpath": ("dependency",),
    "names": ("assigned", "named", "set-name"),
    "management": ("setting",),
    "managed": ("setting",),
    "configurations": ("extends", "exclusion", "setting"),
    "configuration": ("extends", "exclusion", "setting"),
    "settings": ("setting", "fat", "exclusion"),
    "buildscript": ("named", "assigned"),
    "protobuf": ("tool", "setting", "plain-name"),
    "settings-file": ("import", "include", "assigned", "named", "setting"),
    "management-of-plugins": ("named", "setting"),
    "resolution": ("setting", "mode"),
}
_VERSION = rf"(?:\s*\.?version\s*\(?\s*(?:{TEXT}|\w+)\s*\)?)?(?:\s*\.?apply\s*\(?\s*false\s*\)?)?"
_SECRET = (
    rf"\(?(?:System\.getenv\({TEXT}\)|(?:project\.)?(?:findProperty|property)\s*\({TEXT}\)|{TEXT}|\w+)\)?"
)
_STATEMENTS: Mapping[str, str] = {
    "import": r"import [\w.*]+",
    "apply": r"apply\s*\(?\s*plugin\s*[:=]\s*[\"'](?P<plugin>[\w.-]+)[\"']\s*\)?",
    "assigned": r"(?P<name>[a-z_]\w*(?:\.[A-Za-z_]\w*)*)\s*=\s*(?P<value>.+)",
    "named": r"(?:def|val|var|String)\s+(?P<name>\w+)(?:\s*:\s*[\w?]+)?\s*"
             r"(?:=\s*(?P<value>.+)|by (?:project|extra|settings))",
    "variable": r"(?:ext|extra)(?:\.|\[[\"'])(?P<name>[\w.]+)(?:[\"']\])?\s*=\s*(?P<value>.+)",
    "set-name": r"set\([\"'](?P<name>[\w.]+)[\"'],\s*(?P<value>.+)\)",
    "plugin-id": rf"id\s*\(?\s*[\"'](?P<plugin>[\w.-]+)[\"']\s*\)?{_VERSION}",
    "plugin-alias": rf"alias\s*\(?\s*libs\.plugins\.(?P<alias>[\w.]+?)\s*\)?{_VERSION}",
    "plugin-kotlin": rf"kotlin\([\"'](?:jvm|kapt|plugin\.[\w.]+)[\"']\){_VERSION}",
    "plugin-name": r"`?(?P<plugin>[a-z][\w-]*)`?",
    "repository": rf"maven\s*\(?\s*(?:url\s*[:=]\s*)?(?:uri\()?{TEXT}\)*",
    "url": rf"(?:url|name|setUrl|dirs?|(?:isA|a)llowInsecureProtocol)\s*[=(]?\s*(?:uri\()?"
           rf"(?:{TEXT}|true|false)\)*",
    "secret": rf"\w+\s*=?\s*{_SECRET}(?:\s*(?:\?:|as\??)\s*(?:{_SECRET}|String))*\)*",
    "extends": r"(?:[\w.]*\.)?extendsFrom[ (][\w., ]+\)?",
    "exclusion": r"(?:[\w.]+\.)?exclude\s*\(?(?P<value>[^()]*)\)?",
    "fat": r"from\(?\s*(?:sourceSets\.main\.(?:get\(\)\.)?output"
           r"|configurations\.runtimeClasspath(?:\.get\(\))?)\s*\)?",
    "include": r"include\s*\(?\s*(?P<projects>(?:[\"'][\w:./-]+[\"']\s*,?\s*)+)\)?",
    "tool": rf"artifact\s*=\s*(?P<artifact>{TEXT})|path\s*=\s*[\"'][\w.-]+[\"']"
            r"|it\.generate\w+\s*=\s*(?:true|false)",
    "plain-name": r"[a-z]\w*(?:\(\))?|id\([\"']\w+[\"']\)|remove\(?\s*\w+\)?",
    "mode": r"repositoriesMode(?:\.set\(|\s*=\s*)RepositoriesMode\.\w+\)?",
}  # fmt: skip


_PRIVATE = expression(r"(?i)pass|token|secret|credential|key|auth")
_LITERAL = expression(r"""(["'])[^"'\n]*(?:\1|$)""")


def _shown(one: Statement) -> str:
    """A statement for readers: without its texts where it is about a password."""
    is_private = any(_PRIVATE.search(text) for text in (one.text, *one.blocks))
    return shortened(_LITERAL.sub(r"\1…\1", one.text) if is_private else one.text)


_CONTROLS = expression(r"(?:if|else|for|while|do|switch|when|try|catch|finally|synchronized|return)\b")
_COMPUTED = expression(r"\$|\b(?:System|osdetector|OperatingSystem)\b")
"""A block that is there by a condition, or whose name is not what stands in the script."""


def _inside(mode: str, head: str) -> str | None:
    """The mode inside a block, or None where none of that name may stand there."""
    if mode == "settings-file":
        rows = _SETTINGS_BLOCKS
    elif mode in ("management-of-plugins", "resolution"):
        rows = (
            (r"repositories", "repositories"),
            (r"plugins", "plugins"),
            (r"resolutionStrategy", "settings"),
        )
    else:
        rows = _BLOCKS.get(mode, ())
    name = re.sub(r"[(<].*", "", head).strip()
    if _CONTROLS.match(head) or _COMPUTED.search(head):
        return None
    if mode == "settings" and is_refused(name):
        return None
    found = next((inner for pattern, inner in rows if re.fullmatch(pattern, head)), None)
    if found is None and mode in ("dependencies", "classpath") and re.match(r"\w+\s*[ (]", head):
        return "dependency"
    return found


GRADLE = Program(
    "gradle gradlew",
    _OPTIONS,
    "text*",
    does=or_stays(_made),
    is_extra=True,
    brought_by=is_brought,
    packages="gradle",
)
