"""The library: `from xbuild import plan, rewrite`, on text and a context folder, without Docker.

The two functions share their names with the packages `xbuild.plan` and `xbuild.rewrite`. They are therefore
given out as objects that are called like functions and that hand every other attribute on to the package, so
that `import xbuild.plan.model` keeps meaning what it says, whichever comes first
(docs/decisions/0031-library.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xbuild.plan.model import Plan
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
        cgo: str = "auto",
        cache_mounts: bool = True,
        path: str = "Dockerfile",
    ) -> Plan:
        """Per stage a verdict, its evidence, and what would change.

        `text` is a Dockerfile, `context` the folder that would be built, if there is one; without `platforms`
        the plan is right for any. `cgo` is "auto", "keep" or "off". Raises XbuildError.
        """
        from xbuild.dockerfile.check import read
        from xbuild.errors import UsageError
        from xbuild.graph.model import Options
        from xbuild.plan.context import NoContext
        from xbuild.plan.make import make_plan
        from xbuild.plan.model import Knowledge, Settings
        from xbuild.platforms import parse_platforms
        from xbuild.solve.directory import DirectoryContext

        if cgo not in _CGO:
            raise UsageError(f"cgo={cgo!r} is not known", expected=", ".join(_CGO))
        names = (platforms,) if isinstance(platforms, str) else platforms
        return make_plan(
            read(_source(text, path), (build_args or {}).get("BUILDKIT_SYNTAX")),
            Options(build_args or {}, build_contexts or {}, target),
            parse_platforms(names) or None,
            NoContext() if context is None else DirectoryContext(Path(context)),
            Settings(cgo=cgo, cache_mounts=cache_mounts),
            Knowledge(),
        )


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

        from xbuild.dockerfile.check import read
        from xbuild.errors import UsageError
        from xbuild.rewrite.render import rewrite as render

        others = sorted(options.keys() - {"path", "build_args"})
        if plan is not None and (others or context is not None):
            named = ", ".join(others) or "context"
            raise UsageError(f"{named} and a plan, which was made with its own", hint="give one of them")
        source = _source(text, options.get("path", "Dockerfile"))
        dockerfile = read(source, (options.get("build_args") or {}).get("BUILDKIT_SYNTAX"))
        made = plan if plan is not None else _PLAN(text, context, **options)
        if made.sha256 and made.sha256 != hashlib.sha256(source.to_bytes()).hexdigest():
            raise UsageError("the plan was made for another text", hint="plan this text")
        return render(dockerfile, made, conditional=conditional)


def _source(text: str | bytes, path: str) -> Any:
    from xbuild.text import Source

    return Source(path, text) if isinstance(text, str) else Source.from_bytes(path, text)


_CGO = ("auto", "keep", "off")
_PLAN = _Plan("xbuild.plan")
plan = _PLAN
rewrite = _Rewrite("xbuild.rewrite")
