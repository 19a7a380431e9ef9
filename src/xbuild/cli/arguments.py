"""The options by which `plan`, `rewrite` and `bench` are told of a build, as one parameter."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, Signature, signature
from typing import Any, Concatenate, ParamSpec

from xbuild.cli import parameters
from xbuild.solve.options import BuildOptions, parse_build_arguments

P = ParamSpec("P")


def build_options(
    context: parameters.Context = ".",
    file: parameters.File = None,
    platform: parameters.PlatformList = None,
    target: parameters.Target = None,
    build_arg: parameters.BuildArgs = None,
    build_context: parameters.BuildContexts = None,
    builder: parameters.Builder = None,
    config: parameters.ConfigFile = None,
    no_cache_mounts: parameters.NoCacheMounts = False,
) -> BuildOptions:
    """What `xbuild build` would make of the same words."""
    single = (("file", file), ("target", target), ("builder", builder), ("config", config))
    several = (("platform", platform), ("build-arg", build_arg), ("build-context", build_context))
    words = [f"--{name}={value}" for name, value in single if value is not None]
    words += [f"--{name}={value}" for name, values in several for value in values or ()]
    words += ["--no-cache-mounts"] if no_cache_mounts else []
    return parse_build_arguments([*words, "--", context])


def with_build_options(command: Callable[Concatenate[BuildOptions, P], int]) -> Callable[..., int]:
    """`command`, with the parameters of `build_options` in place of its first one: typer reads them here."""
    shared = signature(build_options, eval_str=True).parameters
    own = list(signature(command, eval_str=True).parameters.values())[1:]

    def called(**values: Any) -> int:
        options = build_options(**{name: values.pop(name) for name in shared})
        return command(options, **values)  # type: ignore[call-arg]

    both: list[Parameter] = [*shared.values(), *own]
    called.__signature__ = Signature(both)  # type: ignore[attr-defined]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in both}
    called.__doc__ = command.__doc__
    return called
