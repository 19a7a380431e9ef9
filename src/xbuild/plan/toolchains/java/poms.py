"""What a POM says that matters here: which plugins run with which settings, where it builds, what it filters.

Of a POM as Maven itself completes it (`help:effective-pom`) this is the whole truth; of a file it is, where
that has no parent and no profiles.

Sources: Maven "POM Reference", "Introduction to the Build Lifecycle", "Lifecycles Reference",
`maven-4.0.0.xsd`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from xbuild.plan.table import words
from xbuild.plan.toolchains.java.markup import Element, text_of, told
from xbuild.text import value

PHASES = words(
    "validate initialize generate-sources process-sources generate-resources process-resources compile "
    "process-classes generate-test-sources process-test-sources generate-test-resources "
    "process-test-resources test-compile process-test-classes test prepare-package package "
    "pre-integration-test integration-test post-integration-test verify install deploy"
)
"""The default lifecycle, in order."""
CLEANING = words("pre-clean clean post-clean")
_GROUP = "org.apache.maven.plugins"


@value()
class Execution:
    """What a plugin is told to do: goals, in a phase ("" for that of the goal), with settings by path."""

    goals: tuple[str, ...]
    phase: str = ""
    settings: tuple[tuple[str, str], ...] = ()


@value()
class PluginUse:
    """A plugin of a project: `name` is group:artifact, `settings` are those of all its executions,
    `dependencies` what is added to it. `extends`: it takes part in the build without being executed.
    """

    name: str
    executions: tuple[Execution, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    dependencies: tuple[str, ...] = ()
    extends: bool = False

    def runs(self, phases: Iterable[str]) -> tuple[Execution, ...]:
        """Those of its executions that may run when Maven goes through these phases."""
        named = frozenset(phases)
        return tuple(e for e in self.executions if not e.phase or e.phase in named)

    @property
    def all_settings(self) -> tuple[tuple[str, str], ...]:
        """Its own, and those of all its executions."""
        return (*self.settings, *(setting for each in self.executions for setting in each.settings))


@value()
class MavenDependency:
    """What a project names: group:artifact, its classifier, scope, and the file of one of scope `system`."""

    name: str
    classifier: str = ""
    scope: str = "compile"
    file: str = ""


@value()
class MavenProject:
    """One POM. `directory` is where it builds, "" for the usual place; `filtered` are folders of resources in
    which expressions are replaced; `properties` by name; `local` are repositories that are folders.
    """

    name: str
    packaging: str
    directory: str
    plugins: tuple[PluginUse, ...]
    extensions: tuple[str, ...]
    dependencies: tuple[MavenDependency, ...]
    properties: tuple[tuple[str, str], ...]
    resources: tuple[str, ...]
    filtered: tuple[str, ...]
    local: tuple[str, ...] = ()


def project_of(root: Element) -> MavenProject:
    """What a `project` element says."""
    resources = [r for at in ("build/resources/resource",) for r in root.findall(at)]
    folders = [(text_of(r, "directory"), text_of(r, "filtering") == "true") for r in resources]
    return MavenProject(
        _named(root, ""),
        text_of(root, "packaging", "jar"),
        text_of(root, "build/directory"),
        tuple(_plugin(each) for each in root.findall("build/plugins/plugin")),
        tuple(_named(each, "") for each in root.findall("build/extensions/extension")),
        tuple(_dependency(each) for each in root.findall("dependencies/dependency")),
        tuple((each.tag, (each.text or "").strip()) for each in root.findall("properties/*")),
        tuple(folder for folder, _ in folders if folder),
        tuple(folder for folder, is_filtered in folders if is_filtered and folder),
        tuple(
            url for url in _repositories(root) if not url.startswith(("http:", "https:", "s3:", "gs:", "$"))
        ),
    )


def _repositories(root: Element) -> Iterator[str]:
    for path in ("repositories/repository", "pluginRepositories/pluginRepository"):
        yield from (text_of(each, "url") for each in root.findall(path))


def _named(element: Element, group: str) -> str:
    return f"{text_of(element, 'groupId', group)}:{text_of(element, 'artifactId')}"


def _dependency(element: Element) -> MavenDependency:
    return MavenDependency(
        _named(element, ""),
        text_of(element, "classifier"),
        text_of(element, "scope", "compile"),
        text_of(element, "systemPath"),
    )


def _plugin(element: Element) -> PluginUse:
    return PluginUse(
        _named(element, _GROUP),
        tuple(_execution(each) for each in element.findall("executions/execution")),
        tuple(_settings(element)),
        tuple(_named(each, "") for each in element.findall("dependencies/dependency")),
        text_of(element, "extensions") == "true",
    )


def _execution(element: Element) -> Execution:
    goals = tuple((each.text or "").strip() for each in element.findall("goals/goal"))
    return Execution(goals, text_of(element, "phase"), tuple(_settings(element)))


def _settings(element: Element) -> Iterator[tuple[str, str]]:
    """What stands below `configuration`, and below `goals` where that holds more than names."""
    for each in element.findall("configuration"):
        yield from told(each)


def through(last: str) -> tuple[str, ...]:
    """The phases that Maven goes through when it is asked for one."""
    for lifecycle in (PHASES, CLEANING):
        if last in lifecycle:
            return lifecycle[: lifecycle.index(last) + 1]
    return ()
