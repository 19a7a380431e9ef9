"""The start that build, plan, rewrite and bench share: options → inputs → settings → tree → graph → plan."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import IO, TYPE_CHECKING

from xbuild.dockerfile.model import Dockerfile
from xbuild.errors import DockerfileError, EditError
from xbuild.graph.model import Options
from xbuild.pipeline.config import Config, load_config
from xbuild.plan.context import Context, NoContext
from xbuild.plan.model import Knowledge, Plan, Settings
from xbuild.platforms import Platform, parse_platforms
from xbuild.solve.directory import DirectoryContext
from xbuild.solve.inputs import Inputs, is_remote, read_inputs
from xbuild.solve.options import BuildOptions
from xbuild.text import Source

if TYPE_CHECKING:
    from xbuild.solve.engine import Engine


@dataclass(frozen=True)
class Project:
    """What a command line names, read. `platforms` is None when none were asked for."""

    options: BuildOptions
    inputs: Inputs
    config: Config
    settings: Settings
    platforms: tuple[Platform, ...] | None

    @property
    def dockerfile(self) -> Dockerfile | None:
        """The parsed file, or None when only the builder can read it. Raises DockerfileError."""
        return self._read[0]

    @property
    def reason(self) -> str:
        """Why there is no parsed file."""
        return self._read[1]

    @cached_property
    def _read(self) -> tuple[Dockerfile | None, str]:
        from xbuild.dockerfile.check import read
        from xbuild.dockerfile.frontend import detect_syntax, is_known
        from xbuild.graph.build import build_graph

        source = self.inputs.dockerfile
        if source is None:
            return None, self.inputs.reason
        syntax = self.options.build_args.get("BUILDKIT_SYNTAX") or detect_syntax(source.text)
        if is_known(syntax):
            return read(source, syntax), ""
        try:
            dockerfile = read(source, syntax)
            build_graph(dockerfile, self.graph_options)
        except DockerfileError as error:
            # A frontend of its own may have a language of its own: the builder decides.
            return None, f"the frontend {syntax} is not known, and without it: {error.message}"
        return dockerfile, ""

    @cached_property
    def context(self) -> Context:
        folder = self.inputs.context_dir
        return NoContext() if folder is None else DirectoryContext(folder, self.inputs.ignore)

    @property
    def graph_options(self) -> Options:
        return Options(
            build_args=self.options.build_args,
            build_contexts=self.options.build_contexts,
            target=self.options.target,
        )

    @property
    def source(self) -> Source:
        """The user's text. Raises DockerfileError when it cannot be read from here."""
        if self.inputs.dockerfile is None:
            raise DockerfileError(
                self.inputs.reason, file=self.inputs.name, hint="fetch the context, and give its folder"
            )
        return self.inputs.dockerfile


def open_project(options: BuildOptions, folder: os.PathLike[str], stdin: IO[bytes] | None) -> Project:
    """Read what the options name; what came on standard input is kept in `folder`."""
    if is_remote(options.context):
        from xbuild.solve.gitcontext import with_git_token

        options = with_git_token(options, os.environ)
    inputs = read_inputs(options, stdin, folder)
    config = load_config(options.config, inputs.context_dir)
    names = options.platforms
    asked = parse_platforms(_local(names)) if names else config.platforms
    is_assisted = (options.assist or config.assist or "auto") == "auto"
    settings = config.settings(assist=is_assisted, cache_mounts=not options.no_cache_mounts)
    return Project(options, inputs, config, settings, asked or None)


def _local(names: Sequence[str]) -> tuple[str, ...]:
    """`local` is this machine's platform, as in buildx."""
    return tuple(f"linux/{os.uname().machine}" if name.lower() == "local" else name for name in names)


def with_engine(project: Project, engine: Engine) -> Project:
    """With the platforms that will be built: those asked for, else the builder's own."""
    platforms = project.platforms or (engine.native,)
    options = project.options.without("platform").with_flags(("platform", ",".join(map(str, platforms))))
    # Where every platform has a machine of its own nothing is emulated.
    assist = project.settings.assist and not all(engine.is_native(p) for p in platforms)
    settings = replace(project.settings, assist=assist)
    return Project(options, project.inputs, project.config, settings, platforms)


def without_assist(project: Project) -> Project:
    """With pins alone."""
    settings = replace(project.settings, assist=False)
    return Project(project.options, project.inputs, project.config, settings, project.platforms)


def without_helpers(project: Project) -> Project:
    """With no small files that tell a program of the target: with what an engineer would write."""
    settings = replace(project.settings, helpers=False)
    return replace(project, settings=settings)


def without_pin(project: Project, stages: Mapping[str, str]) -> Project:
    """With these stages on the target platform, and why."""
    stay = {**project.settings.without_pin, **stages}
    return replace(project, settings=replace(project.settings, without_pin=stay))


def with_assist(project: Project, *, without: Iterable[str] = ()) -> Project:
    """With twins wherever they fit, but for these stages."""
    left = project.settings.without | frozenset(without)
    settings = replace(project.settings, assist=True, without=left)
    return Project(project.options, project.inputs, project.config, settings, project.platforms)


@dataclass(frozen=True)
class Fresh:
    """A project without the twins that xbuild has once written into its file. `line_of` gives the line of the
    file for one of the text without them; `problem` says why the text is still the file's.
    """

    project: Project
    line_of: Callable[[int], int] = lambda line: line
    problem: str = ""


def without_written_twins(project: Project) -> Fresh:
    """With the text as it was before twins were written into it, or as it is where that cannot be told."""
    from xbuild.plan.twins.twin import MOUNT

    dockerfile = project.dockerfile
    if dockerfile is None or MOUNT not in dockerfile.source.text:
        return Fresh(project)
    from xbuild.rewrite.undo import without_twins

    problem = f"the file names {MOUNT} in a form that xbuild does not write, so its twins stay as they are"
    try:
        made = without_twins(dockerfile)
    except EditError as error:
        return Fresh(project, problem=f"{problem}: {error.message}")
    if MOUNT in made.text.text:
        return Fresh(project, problem=problem)
    return Fresh(replace(project, inputs=replace(project.inputs, dockerfile=made.text)), made.line_map)


def check_dockerfile(project: Project) -> None:
    """Raise DockerfileError for what can be told from the text: syntax, stages, the target."""
    from xbuild.graph.build import build_graph

    if project.dockerfile is not None:
        build_graph(project.dockerfile, project.graph_options)


def plan_project(project: Project, knowledge: Knowledge | None = None) -> Plan:
    """The plan. Raises DockerfileError for anything wrong with the file, changed or not."""
    from xbuild.plan.deciding.planner import make_plan

    return make_plan(
        readable(project),
        project.graph_options,
        project.platforms,
        project.context,
        project.settings,
        knowledge or Knowledge(),
    )


def readable(project: Project) -> Dockerfile:
    """The parsed file. Raises DockerfileError, also where only the builder could read it."""
    source = project.source
    if project.dockerfile is None:
        raise DockerfileError(
            project.reason,
            file=source.path,
            expected="the syntax of docker/dockerfile",
            hint="xbuild build hands the file to its frontend as it is",
        )
    return project.dockerfile
