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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from xbuild.dockerfile.model import Mount
from xbuild.plan.facts.filesystem import Kind, absolute, is_within, join
from xbuild.plan.model import Change, Evidence, OwnCache
from xbuild.plan.programs.grammar import Reading
from xbuild.plan.programs.program import Program, plain, told_kind, write
from xbuild.plan.recipes.own_files import UntoldError, own_text
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call, Effect, Need, Surroundings
from xbuild.plan.toolchains.java.gradle_plugins import SAME, WHY
from xbuild.plan.toolchains.java.gradle_scripts import (
    TEXT,
    Statement,
    UnplainError,
    is_dependency,
    is_refused,
    is_setting,
    literal,
    statements,
)
from xbuild.plan.toolchains.java.homes import (
    check_home,
    check_jvm,
    check_mounts,
    held,
    is_brought,
    own_folder,
)
from xbuild.plan.toolchains.java.untold import BoundError, stays
from xbuild.plan.toolchains.java.wrappers import check_wrapper
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


def runs_gradle(call: Call, given: Reading) -> Effect:
    """`gradle` and its wrapper."""
    try:
        return _made(call, given)
    except (BoundError, UntoldError) as error:
        found = error if isinstance(error, BoundError) else BoundError(str(error), error.cure)
        return stays(call, found)


def _made(call: Call, given: Reading) -> Effect:
    if call.program_name == "gradlew":
        check_wrapper(call)
    if given.has("-v", "-h"):
        return plain(call, Kind.BUILD)
    check_home(call)
    check_mounts(call, (*_HOMES, *(f"{home}/gradle.properties" for home in _HOMES)))
    _check_words(call, given)
    folder = _folder(call, given)
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
    caches = any(_is_cache_of_gradle(call, mount, homes) for mount in call.run.mounts)
    return replace(
        plain(call, Kind.BUILD, (made, *(write(call, path, Kind.BUILD) for path in left)), (folder,)),
        sees_environment=True,
        evidence=(Evidence("the scripts of Gradle are plain, and their plugins are known", call.place),),
        notes=(_NOTE.format(call.spelled()),) if is_testing else (),
        needs=(Need("BUILDARCH", call.instruction, "Gradle's cache"),) if caches else (),
        toolchain="java",
    )


_NOTE = "`{}` runs the project's tests on the build machine, not on the target platform"


def _skips_tests(given: Reading) -> bool:
    return any(value in ("test", "check", ":test", ":check") for value in given.values("-x"))


def _check_words(call: Call, given: Reading) -> None:
    for text in (*given.values("-D"), *given.values("-P")):
        name = (text or "").partition("=")[0]
        if (
            text is None
            or not name
            or re.match(r"org\.gradle\.(?!daemon|parallel|caching|jvmargs|workers)|os\.|java\.", name)
        ):
            raise BoundError(f"a property that is set for it is not known to change nothing ({name or '…'})")
    if given.has("-b", "-c"):
        raise BoundError("it is told to read other scripts", "leave them where Gradle looks for them")
    for made in call.writes:
        is_script = made.path is not None and re.search(
            r"/\.gradle/(init\.|init\.d)|/gradle/init\.d", made.path
        )
        if is_script and not made.is_package:
            raise BoundError(f"line {made.place.line} puts a script for every build into {made.path}")


def _folder(call: Call, given: Reading) -> str:
    told = given.value("-p")
    folder = call.seen(told) if told else call.directory
    if folder is None or (given.has("-p") and told is None):
        raise BoundError("where its project lies cannot be told")
    return folder


def _own_home(call: Call, given: Reading) -> str:
    """Where it keeps what it fetches and makes (GRADLE_USER_HOME)."""
    told = given.value("-g")
    variable = call.variables.get("GRADLE_USER_HOME")
    found = call.seen(told) if told else (variable.text if variable is not None else None)
    is_official = call.around.image.name == "gradle" and call.scope.user() in ("gradle", "1000")
    return found or ("/home/gradle/.gradle" if is_official else own_folder(call, ".gradle"))


# -- cache mounts


def _is_cache_of_gradle(call: Call, mount: Mount, homes: Sequence[str]) -> bool:
    told = call.scope.expand_known(mount.get("target") or "").text
    target = absolute(told, call.scope.workdir()) if told else None
    is_apart = "ARCH" in (mount.get("id") or "") or "PLATFORM" in (mount.get("id") or "")
    is_over = target is not None and any(is_within(target, home) or is_within(home, target) for home in homes)
    return mount.type == "cache" and is_over and not is_apart


def finish(calls: Sequence[Call], effects: Sequence[Effect], around: Surroundings) -> tuple[Change, ...]:
    """Gradle's own caches hold what was made on one machine: one for each that builds."""
    if around.is_pinned_by_author:
        return ()
    pairs = zip(calls, effects, strict=True)
    runs = {c.number: c for c, e in pairs if any(need.reason == "Gradle's cache" for need in e.needs)}
    return tuple(
        OwnCache(number, at, f"{mount.get('id') or posixpath.normpath(mount.get('target') or '')}-$BUILDARCH",
                 "what one machine's Gradle leaves is kept apart")
        for number, call in runs.items()
        for at, mount in enumerate(call.run.mounts)
        if _is_cache_of_gradle(call, mount, _HOMES)
    )  # fmt: skip


# -- the scripts


class GradleBuild:
    """The scripts of one build, in the build context; `projects` are the folders of its projects."""

    def __init__(self, call: Call, folder: str) -> None:
        self.call, self.folder = call, folder
        self.names: set[str] = set(self.properties())
        self.aliases = self.catalog()
        self.projects: list[str] = [folder]

    def text(self, *names: str) -> tuple[str, str] | None:
        """The first of these files that is there, with its text."""
        found = ((name, own_text(self.call, posixpath.join(self.folder, name))) for name in names)
        return next(((name, text) for name, text in found if text is not None), None)

    def properties(self) -> Iterator[str]:
        found = self.text("gradle.properties")
        for name, text in re.findall(r"^\s*([\w.]+)\s*[=:]\s*(.*)$", found[1] if found else "", re.MULTILINE):
            if name == "org.gradle.jvmargs":
                check_jvm(name, text)
            if "os.arch" in text or name.startswith("systemProp.os"):
                raise BoundError("gradle.properties names a machine")
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
            "/buildSrc/" in f"/{f}"
            or f"/{f}".endswith("/META-INF/services/javax.annotation.processing.Processor")
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

    def script(self, text: str, name: str, mode: str) -> None:
        for one in statements(text, name):
            own = mode
            for head in one.blocks:
                own = _inside(own, head) or ""
            self.statement(one, own, name)

    def statement(self, one: Statement, mode: str, name: str) -> None:
        if one.opens:
            if not _inside(mode, one.text) and not self.special(one, mode):
                raise UnplainError(f"{name}:{one.line} has `{one.text[:60]} {{`, which is not looked into")
        elif not any(self.fits(one.text, rule) for rule in _RULES.get(mode, ())):
            raise UnplainError(f"{name}:{one.line} is not plain: `{one.text[:60]}`")

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
            self.projects += [posixpath.join(self.folder, path.replace(":", "/")) for path in paths]
        return True

    def is_told(self, text: str) -> bool:
        """Whether all that is filled into its texts is a name whose value stands in a script as it is."""
        filled = re.findall(r"\$\{?([A-Za-z_][\w.]*)", text)
        return all(name in self.names or name in _OWN_NAMES or name.startswith("libs.") for name in filled)

    def plugin(self, name: str) -> None:
        if name in WHY:
            raise BoundError(f"the plugin {name} {WHY[name]}")
        if name not in SAME:
            raise BoundError(
                f"what the plugin {name} does is not known here", "do without it where the image is built"
            )


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
    "settings-file": ("import", "include", "assigned", "setting"),
    "management-of-plugins": ("setting",),
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
             r"(?:=\s*(?P<value>.+)|by (?:project|extra))",
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
    "tool": rf"(?:artifact|path)\s*=\s*{TEXT}|it\.generate\w+\s*=\s*(?:true|false)",
    "plain-name": r"[a-z]\w*(?:\(\))?|id\([\"']\w+[\"']\)|remove\(?\s*\w+\)?",
    "mode": r"repositoriesMode(?:\.set\(|\s*=\s*)RepositoriesMode\.\w+\)?",
}  # fmt: skip


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
    does=runs_gradle,
    is_extra=True,
    brought_by=is_brought,
    packages="gradle",
)
