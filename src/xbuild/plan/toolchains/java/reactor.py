"""The projects of one run of Maven, judged: every plugin that runs is known, with what it is told, and no
file in which expressions are replaced asks for what differs between machines.

Sources: Maven "Introduction to the Build Lifecycle", "Guide to Configuring Plugins", "Filtering"; the pages
of the plugins that `maven_plugins` names.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence

from xbuild.plan.facts.filesystem import is_within
from xbuild.plan.toolchains.java.effective import Answer
from xbuild.plan.toolchains.java.markup import MarkupError, read_markup
from xbuild.plan.toolchains.java.maven_plugins import EXTENSIONS, PLUGINS, REFUSED, MavenPlugin
from xbuild.plan.toolchains.java.poms import MavenProject, PluginUse, through
from xbuild.plan.toolchains.java.untold import BoundError
from xbuild.text import expression, value

Settings = tuple[tuple[str, str], ...]


@value()
class JudgedProject:
    """A project all of whose plugins are known: their rows, and whether its tests run."""

    project: MavenProject
    rows: tuple[MavenPlugin, ...]
    tests: bool

    def leaves(self, folder: str) -> Iterator[str]:
        """Where something of the machine is left: reports of tests only where these run."""
        base = self.project.directory or posixpath.join(folder, "target")
        rows = (row for row in self.rows if self.tests or not row.tests)
        yield from dict.fromkeys(posixpath.join(base, name) for row in rows for name in row.leaves)


class Reactor:
    """What Maven is asked for: phases and goals of a command line, and the properties that are set."""

    def __init__(self, goals: Sequence[str], defined: Settings) -> None:
        self.defined = defined
        self.phases = tuple(dict.fromkeys(p for goal in goals for p in through(goal)))
        self.direct = tuple(_direct(goal) for goal in goals if not through(goal))

    def judged(self, project: MavenProject, answer: Answer) -> JudgedProject:
        """Raises BoundError, with what may depend on the machine."""
        common = (*project.properties, *self.defined, ("packaging", project.packaging))
        _check_extensions(project, answer)
        _check_dependencies(project, answer)
        _check_own_programs(project, answer)
        _check_lines(project.name, common, REFUSED)
        rows = [
            row
            for plugin in project.plugins
            if (row := self._row_of(project, plugin, answer, common)) is not None
        ]
        others = [(n, g) for n, g in self.direct if not any(_is_called(p.name, n) for p in project.plugins)]
        for named, goal in others:
            row = _row_called(named)
            _check_goals(row.name, row, (goal,))
            rows.append(row)
        _check_filtering(project, answer, rows)
        tests = any(row.tests for row in rows) and not _is_skipping(common)
        return JudgedProject(project, tuple(rows), tests)

    def _row_of(
        self, project: MavenProject, plugin: PluginUse, answer: Answer, common: Settings
    ) -> MavenPlugin | None:
        """The row of a plugin; None for one that does not run, or is told to do nothing."""
        executions = plugin.runs(self.phases)
        direct = tuple(goal for named, goal in self.direct if _is_called(plugin.name, named))
        if not executions and not direct and not plugin.extends:
            return None
        row = PLUGINS.get(plugin.name)
        if row is None:
            raise BoundError(
                f"the plugin {plugin.name} runs in {project.name.partition(':')[2]}, and what it does is not "
                "known here",
                "do without it where the image is built, or in a profile of its own",
            )
        settings = (*plugin.settings, *(s for e in executions for s in e.settings))
        if row.why:
            _refuse(row, (*common, *settings))
            return None
        if not direct and row.phase and row.phase not in self.phases and not any(e.phase for e in executions):
            return None
        _check_goals(plugin.name, row, (*(g for e in executions for g in e.goals), *direct))
        _check_added(plugin, row)
        _check_lines(plugin.name, (*settings, *common), (*row.refused, *REFUSED))
        _check_settings(plugin.name, row, settings, answer)
        return row


def _refuse(row: MavenPlugin, settings: Settings) -> None:
    """Raises BoundError, unless the plugin is told to do nothing."""
    if not row.unless or not any(re.fullmatch(row.unless, line) for line in _lines(settings)):
        raise BoundError(f"the plugin {row.name} {row.why}", row.cure)


def _check_lines(name: str, settings: Settings, refused: Sequence[tuple[str, str]]) -> None:
    for line in _lines(settings):
        for pattern, why in refused:
            if re.fullmatch(pattern, line):
                raise BoundError(f"{name} {why} ({line.partition('=')[0]})")


def _lines(settings: Settings) -> list[str]:
    return [f"{name}={text}" for name, text in settings]


def _check_settings(name: str, row: MavenPlugin, settings: Settings, answer: Answer) -> None:
    """Nothing that it is told names the machine; nor do files that it reads by itself."""
    for path, text in settings:
        if answer.java and answer.java in text:
            raise BoundError(f"{name} is told where its Java lies ({path})")
        is_of_machine = _MACHINE.search(text) or _is_outside(text, answer.folder)
        if is_of_machine and not row.is_tool(path):
            raise BoundError(f"{name} is told of the machine by {path}")
    for path, text in answer.asks:
        for pattern, why in row.refused:
            if re.fullmatch(pattern, re.sub(r"\s*[:=]\s*", "=", text)):
                raise BoundError(f"{name} {why} ({path})")


def _is_outside(text: str, folder: str) -> bool:
    """Whether a text is the path of a file of the machine, and not of the project."""
    place = posixpath.normpath(posixpath.join(folder, text)) if text.startswith("..") else text
    return _OUTSIDE.match(place) is not None and not is_within(place, folder)


_OUTSIDE = expression(r"/(usr|lib|lib64|opt|etc|var|bin|sbin|proc|sys|root)(/|$)")
_MACHINE = expression(r"\$\{?(os|sun|env)\.|xbuild-(amd64|aarch64)")


def _check_extensions(project: MavenProject, answer: Answer) -> None:
    named = list(project.extensions)
    for text in re.findall(r"<extensions.*?</extensions>", answer.extensions, re.DOTALL):
        try:
            root = read_markup(text)
        except MarkupError as error:
            raise BoundError(f".mvn/extensions.xml is not read: {error}") from error
        named += [f"{e.findtext('groupId')}:{e.findtext('artifactId')}" for e in root.iter("extension")]
    bad = next((name for name in named if not EXTENSIONS.fullmatch(name)), None)
    if bad is not None:
        raise BoundError(f"the extension {bad} takes part in the build, and what it does is not known here")


def _check_dependencies(project: MavenProject, answer: Answer) -> None:
    """Nothing is taken from the machine: no file, no folder of resources, no profile that looks for one."""
    outside = next((f for f in project.resources if _is_outside(f, answer.folder)), None)
    named = next((text for _, text in answer.asks if text.startswith("<")), None)
    activated = next(iter(answer.activated), None)
    found = outside or activated or (named.rpartition(">")[2] if named is not None else None)
    if found is not None:
        raise BoundError(f"a file of the machine has a say in the build: {found}")
    for dependency in project.dependencies:
        is_own = dependency.file.startswith(f"{answer.folder}/")
        if dependency.scope == "system" and not is_own:
            raise BoundError(f"{dependency.name} is a file of the machine: {dependency.file}")
        if dependency.scope == "system":
            raise BoundError(f"{dependency.file} may hold a program that javac runs")
    if answer.processors:
        raise BoundError(f"{answer.processors[0]} has javac run a program of the project's own")


def _check_own_programs(project: MavenProject, answer: Answer) -> None:
    """No module of the project is a plugin, or a part of one."""
    if project.name in PLUGINS or EXTENSIONS.fullmatch(project.name):
        raise BoundError(f"{project.name} is a plugin that the project itself brings")
    if project.local:
        raise BoundError(f"programs that it runs may come from a folder ({project.local[0]})")
    own = {each.name for each in answer.projects}
    added = next((d for plugin in project.plugins for d in plugin.dependencies if d in own), None)
    if added is not None:
        raise BoundError(f"{added}, which the project itself brings, is added to a plugin")


def _check_filtering(project: MavenProject, answer: Answer, rows: Sequence[MavenPlugin]) -> None:
    """No file in which expressions are replaced asks for what differs between machines."""
    settings = [s for plugin in project.plugins for s in plugin.all_settings]
    folders = list(project.filtered)
    for row in rows:
        if row.templates:
            folders += [text for path, text in settings if re.fullmatch(row.templates, path)]
            folders += row.folders
    is_wide = any(path.endswith("filtering") and text == "true" for path, text in settings)
    for file, text in answer.asks:
        where = posixpath.join(answer.folder, file)
        is_there = is_wide or any(_is_below(where, folder) for folder in folders)
        if text.startswith(("@", "$")) and is_there:
            raise BoundError(f"{file} asks for what differs between machines ({text.strip('@${}')})")


def _is_below(path: str, folder: str) -> bool:
    if folder.startswith("/"):
        return is_within(path, folder)
    return f"/{folder.strip('/')}/" in f"{path}/"


def _is_skipping(common: Settings) -> bool:
    told = dict(common)
    return any(told.get(name, "false") in ("true", "") for name in ("skipTests", "maven.test.skip"))


def _direct(goal: str) -> tuple[str, str]:
    """The plugin and the goal that `prefix:goal` and `group:artifact[:version]:goal` name, without what is
    behind `@`.
    """
    parts = goal.partition("@")[0].split(":")
    if len(parts) == 2:
        return parts[0], parts[1]
    if len(parts) in (3, 4):
        return f"{parts[0]}:{parts[1]}", parts[-1]
    raise BoundError(f"{goal} is no phase of a build, and no goal", "name a phase: mvn package")


def _is_called(name: str, named: str) -> bool:
    row = PLUGINS.get(name, MavenPlugin(name))
    return named in (name, row.prefix)


def _row_called(named: str) -> MavenPlugin:
    rows = [row for row in PLUGINS.values() if _is_called(row.name, named)]
    row = next((r for r in rows if not r.why), rows[0] if rows else None)
    if row is None or row.why:
        why = row.why if row is not None else "is not known here"
        raise BoundError(f"the plugin {named} {why}", row.cure if row is not None else None)
    return row


def _check_goals(name: str, row: MavenPlugin, goals: Sequence[str]) -> None:
    bad = next((goal for goal in goals if not re.fullmatch(row.goals, goal)), None)
    if bad is not None:
        raise BoundError(f"what the goal {bad} of {name} does is not known here")


def _check_added(plugin: PluginUse, row: MavenPlugin) -> None:
    bad = next((d for d in plugin.dependencies if not row.takes(d)), None)
    if bad is not None:
        raise BoundError(f"{bad} is added to {plugin.name}, and what it does there is not known here")
