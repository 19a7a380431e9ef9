"""`xbuild lint`: a Dockerfile linter for everything multi-arch.

Its options are read by argparse: an editor runs this at every save, and typer alone takes longer to import
than all else that it does (docs/decisions/0062-lint-starts-fast.md).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from xbuild.cli.main import COMMANDS
from xbuild.errors import UsageError
from xbuild.pipeline.files import write_whole
from xbuild.text import Source

if TYPE_CHECKING:
    from xbuild.rules.linter import Linted

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
    add("--diff", action="store_true", help="show what --fix would change, and change nothing")
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
    from xbuild.pipeline.linting import lint, lint_text
    from xbuild.pipeline.wishes import Wanted
    from xbuild.platforms import parse_platforms
    from xbuild.rules.rule import Level

    wanted = Wanted(
        parse_platforms(given.platform) if given.platform else None,
        given.target,
        given.context,
        _rules(given.select),
        _rules(given.ignore),
        Level(given.severity) if given.severity else None,
        tuple(given.exclude or ()),
        given.force_exclude,
        Level(given.fail_on) if given.fail_on else None,
        given.require_reason,
        given.config,
    )
    is_fixing = given.fix or given.diff
    paths = given.paths or ["."]
    if paths == ["-"]:
        name = given.stdin_filename or "-"
        text = sys.stdin.buffer.read()
        results = [lint_text(name, text, wanted, fix=is_fixing, unsafe=given.unsafe_fixes)]
    else:
        text = b""
        results = lint(paths, wanted, fix=is_fixing, unsafe=given.unsafe_fixes)
    return _report(given, results, text, is_stdin=paths == ["-"])


def _rules(given: Sequence[str] | None) -> tuple[str, ...]:
    from difflib import get_close_matches

    from xbuild.rules import BY_NAME

    names = tuple(name.strip() for text in given or () for name in text.split(",") if name.strip())
    for name in names:
        if name not in BY_NAME:
            near = get_close_matches(name, BY_NAME, 1)
            hint = f"is {near[0]} meant?" if near else "xbuild lint --list-rules"
            raise UsageError(f"there is no rule {name}", hint=hint)
    return names


def _tell(given: argparse.Namespace) -> int:
    from xbuild.rules import BY_NAME, RULES
    from xbuild.views.linted import rule_lines, rule_page

    if given.list_rules:
        sys.stdout.write("".join(f"{line}\n" for line in rule_lines(RULES)))
        return _CLEAN
    sys.stdout.write(rule_page(BY_NAME[_rules([given.explain])[0]]))
    return _CLEAN


def _report(given: argparse.Namespace, results: Sequence[Linted], text: bytes, *, is_stdin: bool) -> int:
    from xbuild.cli.screen.output import print_source, terminal_of
    from xbuild.views.linted import FORMATS, diff_of, shown, statistics_lines

    if given.format not in FORMATS:
        from difflib import get_close_matches

        near = get_close_matches(given.format, FORMATS, 1)
        hint = f"is {near[0]} meant?" if near else ", ".join(FORMATS)
        raise UsageError(f"there is no format {given.format}", hint=hint)
    if given.diff:
        for result in results:
            before = Source.from_bytes(result.path, text if is_stdin else _bytes(result))
            print_source(Source("diff", diff_of(before, result)))
    elif given.fix:
        _write_fixed(results, is_stdin=is_stdin)
    if not given.diff and not (given.fix and is_stdin):
        _show(given, shown(given.format, results, terminal_of(sys.stdout)))
    if given.statistics:
        sys.stdout.write("".join(f"{line}\n" for line in statistics_lines(results)))
    if any(result.problem is not None for result in results):
        return _WRONG
    is_failing = any(t.severity.rank <= r.fail_on.rank for r in results for t in r.judged.told)
    return _FOUND if is_failing and not given.exit_zero else _CLEAN


def _bytes(result: Linted) -> bytes:
    return Path(result.path).read_bytes() if result.problem is None else b""


def _show(given: argparse.Namespace, report: str) -> None:
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


def _write_fixed(results: Sequence[Linted], *, is_stdin: bool) -> None:
    from xbuild.cli.screen.output import print_source

    for result in results:
        if result.after is None:
            continue
        source = Source(result.path, result.after)
        if is_stdin:
            print_source(source)
        elif result.fixes:
            write_whole(Path(result.path), source.to_bytes())
