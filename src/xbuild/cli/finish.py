"""After the solve: verify what was built, deliver exactly that, and report."""

from __future__ import annotations

import sys

from xbuild.cli.account import find_saved, gather, keep, write_reports
from xbuild.cli.checking import Checked, check, wrong_architecture
from xbuild.cli.clock import Clock
from xbuild.cli.live import terminal_of
from xbuild.cli.output import say
from xbuild.cli.prepare import Prepared
from xbuild.cli.records import Records
from xbuild.cli.showing import showing_build
from xbuild.errors import RegistryError
from xbuild.solve.build import SolveResult
from xbuild.solve.deliver import Delivery, deliver
from xbuild.views.baseline import Saved
from xbuild.views.outcome import outcome_lines


def finish(prepared: Prepared, result: SolveResult, clock: Clock) -> int:
    """Nothing is pushed, loaded or written unless every binary is right."""
    checked = _checked(prepared, result, clock)
    with clock.phase("deliver"):
        delivery = _delivered(prepared, result, checked, clock)
    _report(prepared, result, checked, delivery, clock)
    return 0


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
    except RegistryError:
        write_reports(gather(prepared, result, checked, None, Saved("none"), clock), options.reports)
        raise


def _report(
    prepared: Prepared, result: SolveResult, checked: Checked | None, delivery: Delivery, clock: Clock
) -> None:
    """After everything that was asked for is done: the baseline may take long, and may be interrupted."""
    options = prepared.project.options
    records = Records()
    total = clock.elapsed
    with showing_build(prepared) as on_event:
        if options.baseline == "measure" and not options.quiet:
            say("xbuild: building the original for comparison, without cache")
        saved = find_saved(prepared, result, records, on_event)
    clock.started += clock.elapsed - total  # the comparison is not part of the build
    outcome = gather(prepared, result, checked, delivery, saved, clock)
    keep(prepared, outcome, records)
    write_reports(outcome, options.reports)
    if options.quiet:
        print(delivery.digest)
    elif options.progress not in ("rawjson", "none"):
        for line in outcome_lines(outcome, terminal_of(sys.stderr)):
            say(line)
