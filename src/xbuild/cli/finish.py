"""After the solve: verify what was built, deliver exactly that, and report."""

from __future__ import annotations

import sys

from xbuild.cli.account import find_saved, gather, keep, write_reports
from xbuild.cli.checking import Checked, check, wrong_architecture
from xbuild.cli.clock import Clock
from xbuild.cli.live import terminal_of
from xbuild.cli.output import say, warn
from xbuild.cli.prepare import Prepared
from xbuild.cli.records import Records
from xbuild.cli.showing import showing_build
from xbuild.errors import CancelledError, Exit, XbuildError
from xbuild.solve.build import SolveResult
from xbuild.solve.deliver import Delivery, deliver, discard
from xbuild.solve.options import BuildOptions
from xbuild.solve.push import PushError
from xbuild.views.baseline import Saved
from xbuild.views.outcome import outcome_lines
from xbuild.views.report import Outcome


def finish(prepared: Prepared, result: SolveResult, clock: Clock) -> int:
    """Nothing is pushed, loaded or written unless every binary is right."""
    try:
        checked = _checked(prepared, result, clock)
        with clock.phase("deliver"):
            delivery = _delivered(prepared, result, checked, clock)
    except BaseException:
        discard(result)
        raise
    is_written = _report(prepared, result, checked, delivery, clock)
    if any(isinstance(failure.error, CancelledError) for failure in delivery.failures):
        return Exit.CANCELLED
    return Exit.OK if is_written and not delivery.failures else Exit.INCOMPLETE


def _checked(prepared: Prepared, result: SolveResult, clock: Clock) -> Checked | None:
    """Raise WrongArchitectureError, after the report is written, unless every binary is right."""
    if prepared.project.options.no_verify:
        return None
    with clock.phase("verify"):
        checked = check(prepared, result)
    if checked.verification.passed:
        return checked
    outcome = gather(prepared, result, checked, None, Saved("none"), clock)
    write_reports(outcome, prepared.project.options.reports)
    raise wrong_architecture(checked)


def _delivered(prepared: Prepared, result: SolveResult, checked: Checked | None, clock: Clock) -> Delivery:
    options = prepared.project.options
    try:
        return deliver(result, options, prepared.engine)
    except CancelledError:
        raise
    except XbuildError as error:
        outcomes = error.outcomes if isinstance(error, PushError) else ()
        delivery = Delivery(result.layout.digest, outcomes) if outcomes and result.layout else None
        write_reports(gather(prepared, result, checked, delivery, Saved("none"), clock), options.reports)
        raise


def _report(
    prepared: Prepared, result: SolveResult, checked: Checked | None, delivery: Delivery, clock: Clock
) -> bool:
    """After everything that was asked for is done; whether all reports could be written.

    The baseline may take long, and may fail or be interrupted: what was delivered is told all the same.
    """
    records = Records()
    total = clock.elapsed
    saved, trouble = Saved("none", basis="the comparison was not finished"), None
    try:
        saved = _saved(prepared, result, delivery, records)
    except (Exception, KeyboardInterrupt) as error:
        trouble = error
    clock.started += clock.elapsed - total  # the comparison is not part of the build
    outcome = gather(prepared, result, checked, delivery, saved, clock)
    keep(prepared, outcome, records)
    is_written = write_reports(outcome, prepared.project.options.reports)
    _tell(prepared.project.options, delivery, outcome)
    for failure in delivery.failures:
        warn(f"the image is delivered, but {failure.error.message}")
    if trouble is not None:
        raise trouble
    return is_written


def _saved(prepared: Prepared, result: SolveResult, delivery: Delivery, records: Records) -> Saved:
    options = prepared.project.options
    if any(isinstance(failure.error, CancelledError) for failure in delivery.failures):
        return Saved("none", basis="cancelled")
    with showing_build(prepared) as on_event:
        if options.baseline == "measure" and not options.quiet:
            say("xbuild: building the original for comparison, without cache")
        return find_saved(prepared, result, records, on_event)


def _tell(options: BuildOptions, delivery: Delivery, outcome: Outcome) -> None:
    if options.quiet:
        print(delivery.digest)
    elif options.progress not in ("rawjson", "none"):
        for line in outcome_lines(outcome, terminal_of(sys.stderr)):
            say(line)
