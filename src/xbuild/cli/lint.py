"""`xbuild lint`: a Dockerfile linter for everything multi-arch.

Its options are read by argparse: an editor runs this at every save, and typer alone takes longer to import
than all else that it does (docs/decisions/0062-lint-starts-fast.md).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from xbuild import __version__
from xbuild.cli.main import COMMANDS
from xbuild.errors import UsageError
from xbuild.pipeline.files import write_whole
from xbuild.text import Source, replace

if TYPE_CHECKING:
    from xbuild.pipeline.wishes import Wanted
    from xbuild.rules.linter import Judged, Linted

_CLEAN, _FOUND, _WRONG = 0, 1, 2
_LEVELS = ("error", "warning", "info")


class _LintParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint="xbuild lint --help")


def _parser() -> argparse.ArgumentParser:
    parser = _LintParser(
        "xbuild lint",
        description=f"{COMMANDS['lint']}.",
        epilog="Exit codes: 0 clean, 1 findings, 2 usage or input error (the report is whole all the same).",
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("paths", nargs="*", metavar="PATH", help="files, folders, patterns, or - (default: .)")
    add("--stdin-filename", metavar="NAME", help="what the text on standard input is called")
    add("--platform", action="append", metavar="LIST", help="platforms, comma-separated or repeated")
    add("--target", metavar="STAGE", help="stage that becomes the image (default: the last)")
    add("--context", metavar="FOLDER", help="build context (default: the file's folder)")
    add("--config", metavar="FILE", help="settings (default: the nearest .xbuild.yaml or pyproject.toml)")
    add("--select", action="append", metavar="RULES", help="these rules alone")
    add("--ignore", action="append", metavar="RULES", help="all rules but these")
    add("--severity", choices=_LEVELS, help="the least that is shown (default: info)")
    add("--fail-on", choices=_LEVELS, help="the least that fails (default: warning)")
    add("--require-reason", action="store_true", help="an ignore comment must give a reason")
    add("--exit-zero", action="store_true", help="findings do not fail")
    add("--exclude", action="append", metavar="PATTERN", help="files and folders to leave out")
    add("--force-exclude", action="store_true", help="leave them out also where they are named by hand")
    add(
        "--format",
        default="text",
        metavar="NAME",
        help="text, json, sarif, github, gitlab, checkstyle, junit",
    )
    add("--output", metavar="FILE", help="write the report to a file")
    add("--statistics", action="store_true", help="count findings by rule")
    add("--fix", action="store_true", help="make the safe fixes")
    add("--unsafe-fixes", action="store_true", help="with --fix or --diff: the others too")
    add(
        "--diff",
        action="store_true",
        help="show what --fix (or --add-ignores) would change, and change nothing",
    )
    add("--add-ignores", action="store_true", help="write comments that ignore what is found today")
    add("--reason", metavar="TEXT", default="", help="with --add-ignores: the reason that they give")
    add("--baseline", metavar="FILE", help="an earlier report (json, sarif): what it has is not shown again")
    add("--online", action="store_true", help="ask registries for which platforms base images are there")
    add("--with-buildkit-checks", action="store_true", help="add docker build --check, for each platform")
    add("--explain", metavar="RULE", help="print a rule's page")
    add("--list-rules", action="store_true", help="list all rules")
    return parser


def main(arguments: Sequence[str]) -> int:
    if "--help" in arguments or "-h" in arguments:
        sys.stdout.write(_parser().format_help().replace("usage:", "Usage:", 1))
        return _CLEAN
    given = _parser().parse_args(list(arguments))
    if given.explain is not None or given.list_rules:
        return _tell(given)
    _check(given)
    from xbuild.cli.screen.output import warn
    from xbuild.pipeline.known import KnownFindings, read_baseline
    from xbuild.pipeline.linting import lint, lint_text

    wanted = _wanted(given)
    baseline = read_baseline(given.baseline) if given.baseline else KnownFindings()
    strange = _strange((*wanted.select, *wanted.ignore))
    if strange and wanted.is_changing:
        assert strange[0].problem is not None
        raise UsageError(strange[0].problem.message, hint=strange[0].problem.hint)
    if given.paths != ["-"]:
        return _report(given, [*strange, *lint(given.paths or ["."], wanted, baseline, warn)])
    text = _standard_input()
    result = lint_text(given.stdin_filename or "-", text, wanted, baseline, warn)
    return _report(given, [*strange, result], text)


def _check(given: argparse.Namespace) -> None:
    """Raise UsageError for options that do not go together."""
    from xbuild.views.linted import FORMATS

    if given.format not in FORMATS:
        from difflib import get_close_matches

        near = get_close_matches(given.format, FORMATS, 1)
        hint = f"is {near[0]} meant?" if near else ", ".join(FORMATS)
        raise UsageError(f"there is no format {given.format}", hint=hint)
    if given.unsafe_fixes and not (given.fix or given.diff):
        raise UsageError("--unsafe-fixes alone fixes nothing", hint="add --fix or --diff")
    if given.reason and not given.add_ignores:
        raise UsageError("--reason goes with --add-ignores", hint="add it")
    if "-" in given.paths and given.paths != ["-"]:
        raise UsageError("- stands for standard input, and goes with no other path", hint="drop the others")
    if given.stdin_filename is not None and given.paths != ["-"]:
        raise UsageError("--stdin-filename goes with -", hint="xbuild lint - --stdin-filename NAME")


def _wanted(given: argparse.Namespace) -> Wanted:
    from xbuild.pipeline.wishes import Wanted
    from xbuild.platforms import parse_platforms
    from xbuild.rules.rule import Level

    return Wanted(
        parse_platforms(given.platform) if given.platform else None,
        given.target,
        given.context,
        _names(given.select),
        _names(given.ignore),
        Level(given.severity) if given.severity else None,
        tuple(given.exclude or ()),
        given.force_exclude,
        Level(given.fail_on) if given.fail_on else None,
        given.require_reason,
        given.config,
        fix=given.fix or (given.diff and not given.add_ignores),
        unsafe=given.unsafe_fixes,
        add_ignores=given.add_ignores,
        reason=" ".join(given.reason.split()),
        online=given.online,
        with_buildkit=given.with_buildkit_checks,
    )


def _standard_input() -> bytes:
    from xbuild.cli.screen.output import stdin

    stream = stdin()
    if stream is None:
        raise UsageError("standard input is closed", hint="give a file, or pipe one in")
    return stream.read()


def _names(given: Iterable[str] | None) -> tuple[str, ...]:
    return tuple(name.strip() for text in given or () for name in text.split(",") if name.strip())


def _strange(names: Iterable[str]) -> list[Linted]:
    """An entry for each name that is no rule's: whatever else is asked for is done all the same."""
    from xbuild.rules import BY_NAME

    strange = [name for name in names if name not in BY_NAME]
    if not strange:
        return []
    from difflib import get_close_matches

    from xbuild.rules.linter import Linted, Unlinted

    near = {name: get_close_matches(name, BY_NAME, 1) for name in strange}
    hints = {
        name: f"is {near[name][0]} meant?" if near[name] else "xbuild lint --list-rules" for name in near
    }
    return [Linted("options", problem=Unlinted(f"there is no rule {n}", None, hints[n])) for n in strange]


def _tell(given: argparse.Namespace) -> int:
    from xbuild.rules import BY_NAME, RULES
    from xbuild.views.linted import rule_lines, rule_page

    if given.list_rules:
        sys.stdout.write("".join(f"{line}\n" for line in rule_lines(RULES)))
        return _CLEAN
    for wrong in _strange([given.explain]):
        assert wrong.problem is not None
        raise UsageError(wrong.problem.message, hint=wrong.problem.hint)
    sys.stdout.write(rule_page(BY_NAME[given.explain]))
    return _CLEAN


def _report(given: argparse.Namespace, results: list[Linted], text: bytes | None = None) -> int:
    """Show or write what came of it; `text` is that of standard input. The exit code."""
    from xbuild.views.linted import statistics_lines

    is_printing = given.diff or (text is not None and (given.fix or given.add_ignores))
    if given.diff:
        _print_diff(results, text)
    elif text is not None and is_printing:
        _print_text(results[-1], text)
    elif given.fix or given.add_ignores:
        results = [_written(result) for result in results]
    _show(given, results, is_beside=is_printing)
    if given.statistics:
        is_alone = given.output is not None or (given.format == "text" and not is_printing)
        stream = sys.stdout if is_alone else sys.stderr
        stream.write("".join(f"{line}\n" for line in statistics_lines(results)))
    if any(result.problem is not None for result in results):
        return _WRONG
    is_failing = any(t.severity.rank <= r.fail_on.rank for r in results for t in _left(given, r).told)
    return _FOUND if is_failing and not given.exit_zero else _CLEAN


def _left(given: argparse.Namespace, result: Linted) -> Judged:
    """What is found in the file as it is now."""
    return result.first if given.diff and result.first is not None else result.judged


def _print_diff(results: Iterable[Linted], text: bytes | None) -> None:
    from xbuild.cli.screen.output import print_source
    from xbuild.views.linted import diff_of

    for result in results:
        if result.after is not None:
            before = Path(result.path).read_bytes() if text is None else text
            print_source(Source("diff", diff_of(Source.from_bytes(result.path, before), result)))


def _print_text(result: Linted, text: bytes) -> None:
    """The new text, or the old one where it could not be linted: an editor takes what comes."""
    from xbuild.cli.screen.output import print_source

    is_new = result.after is not None
    print_source(Source(result.path, result.after or "") if is_new else Source.from_bytes(result.path, text))


def _show(given: argparse.Namespace, results: Sequence[Linted], *, is_beside: bool) -> None:
    """The report: to a file, or on standard output. Beside a text or a diff there standard error tells what
    could not be linted.
    """
    from xbuild.cli.screen.output import terminal_of
    from xbuild.views.linted import shown

    if is_beside and given.output is None:
        failed = [result for result in results if result.problem is not None]
        if failed:
            sys.stderr.write(shown("text", failed, terminal_of(sys.stderr)))
        return
    report = shown(given.format, results, terminal_of(sys.stdout), __version__)
    data = report.encode("utf-8", "backslashreplace")
    if given.output is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    try:
        write_whole(Path(given.output), data)
    except OSError as error:
        raise UsageError(
            f"{given.output} cannot be written: {error.strerror}", hint="correct --output"
        ) from error


def _written(result: Linted) -> Linted:
    """With the new text in its file; a file that cannot be written to is an entry like any other."""
    if result.after is None or not (result.fixes or result.ignores):
        return result
    from xbuild.rules.linter import Unlinted

    try:
        write_whole(Path(result.path), Source(result.path, result.after).to_bytes())
    except OSError as error:
        problem = Unlinted(f"cannot be written: {error.strerror}", hint="check its permissions")
        return replace(result, problem=problem)
    return result
