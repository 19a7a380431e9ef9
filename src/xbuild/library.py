"""The library: `from xbuild import plan, rewrite`, on text and a context folder, without Docker.

The two functions share their names with the packages `xbuild.plan` and `xbuild.rewrite`. They are therefore
given out as objects that are called like functions and that hand every other attribute on to the package, so
that `import xbuild.plan.model` keeps meaning what it says, whichever comes first
(docs/decisions/0031-library.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xbuild.errors import UsageError

if TYPE_CHECKING:
    from xbuild.pipeline.project import Project
    from xbuild.plan.asking import Ask
    from xbuild.plan.model import Plan, Settings
    from xbuild.rewrite.render import Rewritten


class _Named:
    """Something callable that stands in for a package of the same name."""

    def __init__(self, package: str) -> None:
        self.__package = package

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self.__package), name)


class _Plan(_Named):
    def __call__(
        self,
        text: str | bytes,
        context: str | Path | None = None,
        *,
        platforms: str | Iterable[str] = (),
        target: str | None = None,
        build_args: Mapping[str, str] | None = None,
        build_contexts: Mapping[str, str] | None = None,
        cache_mounts: bool = True,
        path: str = "Dockerfile",
        ask: Ask | None = None,
        **settings: str,
    ) -> Plan:
        """Per stage a verdict, its evidence, and what would change.

        `text` is a Dockerfile, `context` the folder that would be built, if there is one; without `platforms`
        the plan is right for any. `ask` gets a plan and its new questions, and returns raw answers by key;
        without it nobody is asked. `settings` are those of the languages, which `.xbuild.yaml` has in a
        section for each (docs/reference/configuration.md). Raises XbuildError.
        """
        from xbuild.pipeline.project import plan_project
        from xbuild.plan.asking import settle
        from xbuild.plan.settings import settings_of

        own = _Plan.__call__.__kwdefaults__ or ()
        chosen = settings_of(settings, cache_mounts=cache_mounts, others=own)
        flags = _flags(target, build_args, build_contexts)
        project = _project(text, context, platforms, flags, chosen, path)
        if ask is None:
            return plan_project(project)
        return settle(lambda known: plan_project(project, known), ask)


class _Rewrite(_Named):
    def __call__(
        self,
        text: str | bytes,
        context: str | Path | None = None,
        *,
        conditional: bool = False,
        plan: Plan | None = None,
        **options: Any,
    ) -> Rewritten:
        """The new text (`.text.text`), whether it changed, and for each of its lines the line of `text`.

        Takes a `plan` of this very text, or makes one with the same options as `xbuild.plan`. Raises
        XbuildError.
        """
        import hashlib

        from xbuild.pipeline.project import readable
        from xbuild.rewrite.render import rewrite as render

        others = sorted(options.keys() - {"path", "build_args"})
        if plan is not None and (others or context is not None):
            named = ", ".join(others) or "context"
            raise UsageError(f"{named} and a plan, which was made with its own", hint="give one of them")
        flags = _flags(None, options.get("build_args"), None)
        project = _project(text, None, (), flags, None, options.get("path", "Dockerfile"))
        made = plan if plan is not None else _PLAN(text, context, **options)
        if made.sha256 and made.sha256 != hashlib.sha256(project.source.to_bytes()).hexdigest():
            raise UsageError("the plan was made for another text", hint="plan this text")
        return render(readable(project), made, conditional=conditional)


def _project(
    text: str | bytes,
    context: str | Path | None,
    platforms: str | Iterable[str],
    flags: Iterable[tuple[str, str]],
    settings: Settings | None,
    path: str,
) -> Project:
    """What a command line would name, read."""
    from xbuild.pipeline.config import Config
    from xbuild.pipeline.project import Project
    from xbuild.plan.model import Settings
    from xbuild.platforms import parse_platforms
    from xbuild.solve.inputs import Inputs
    from xbuild.solve.options import BuildOptions
    from xbuild.text import Source

    source = Source(path, text) if isinstance(text, str) else Source.from_bytes(path, text)
    folder = None if context is None else Path(context)
    inputs = Inputs(source, path, str(folder or "-"), folder)
    names = (platforms,) if isinstance(platforms, str) else platforms
    options = BuildOptions().with_flags(*flags)
    return Project(options, inputs, Config(), settings or Settings(), parse_platforms(names) or None)


def _flags(
    target: str | None, build_args: Mapping[str, str] | None, build_contexts: Mapping[str, str] | None
) -> Iterator[tuple[str, str]]:
    if target is not None:
        yield "target", target
    for flag, pairs in (("build-arg", build_args), ("build-context", build_contexts)):
        yield from ((flag, f"{name}={value}") for name, value in (pairs or {}).items())


_PLAN = _Plan("xbuild.plan")
plan = _PLAN
rewrite = _Rewrite("xbuild.rewrite")
