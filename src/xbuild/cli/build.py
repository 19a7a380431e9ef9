"""`xbuild build`: rewrite, build, verify, and only then push, load and write what was verified.

Modules are imported as late as they are needed, most of them while docker is being waited for: all together
they take as long as a build whose steps are cached.
"""

from __future__ import annotations

from collections.abc import Sequence

from xbuild.cli.background import Background
from xbuild.solve.engine import inspect_engine
from xbuild.solve.options import BuildOptions, display_command, parse_build_arguments


def main(arguments: Sequence[str]) -> int:
    if "--help" in arguments or "-h" in arguments:
        from xbuild.cli.build_help import build_help

        print(build_help())
        return 0
    options = parse_build_arguments(arguments)
    if options.passes_through:
        return _pass_on(options)
    asking = Background(lambda: inspect_engine(options.builder, bootstrap=not options.dry_run))
    from xbuild.solve.build import workspace

    with workspace() as folder:
        if options.dry_run:
            from xbuild.cli.dry_run import dry_run

            return dry_run(options, folder, asking)
        from xbuild.cli.flow import build

        return build(options, folder, asking)


def _pass_on(options: BuildOptions) -> int:
    """A question for buildx (`--call`, `--check`) is asked as it was given; with --dry-run it is shown."""
    from xbuild.solve.build import buildx_command, call_buildx

    if not options.dry_run:
        return call_buildx(options)
    from xbuild.cli.output import print_lines

    print_lines([display_command(buildx_command(options), show_values=options.show_values)])
    return 0
