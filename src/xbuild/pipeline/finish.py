"""After the solve: verify what was built, deliver exactly that, and report."""

from __future__ import annotations

from dataclasses import dataclass

from xbuild.errors import CancelledError, Exit, XbuildError
from xbuild.pipeline.account import find_saved, gather, keep, write_reports
from xbuild.pipeline.checking import Checked, check, wrong_architecture
from xbuild.pipeline.flow import Clock
from xbuild.pipeline.prepare import Prepared
from xbuild.pipeline.records import Records
from xbuild.pipeline.watching import Watcher
from xbuild.solve.build import SolveResult
from xbuild.solve.deliver import Delivery, deliver, discard
from xbuild.solve.push import PushError
from xbuild.views.baseline import Saved
from xbuild.views.report import Outcome


@dataclass(frozen=True)
class BuildResult:
    """What was delivered, and what it came to.

    `trouble` is what ended the comparison with the original early, after everything else was done.
    """

    outcome: Outcome
    delivery: Delivery
    is_reported: bool
    trouble: BaseException | None = None

    @property
    def is_cancelled(self) -> bool:
        return any(isinstance(failure.error, CancelledError) for failure in self.delivery.failures)

    @property
    def exit_code(self) -> Exit:
        """Whether everything that was asked for beside the image is there too."""
        if self.is_cancelled:
            return Exit.CANCELLED
        return Exit.OK if self.is_reported and not self.delivery.failures else Exit.INCOMPLETE


def finish(prepared: Prepared, result: SolveResult, clock: Clock, watcher: Watcher) -> BuildResult:
    """Nothing is pushed, loaded or written unless every binary is right."""
    try:
        checked = _checked(prepared, result, clock, watcher)
        with clock.phase("deliver"):
            delivery = _delivered(prepared, result, checked, clock, watcher)
    except BaseException:
        discard(result)
        raise
    return _report(prepared, result, checked, delivery, clock, watcher)


def _checked(prepared: Prepared, result: SolveResult, clock: Clock, watcher: Watcher) -> Checked | None:
    """Raise WrongArchitectureError, after the report is written, unless every binary is right."""
    if prepared.project.options.no_verify:
        return None
    with clock.phase("verify"):
        checked = check(prepared, result)
    if checked.verification.passed:
        return checked
    outcome = gather(prepared, result, checked, None, Saved("none"), clock)
    _told(prepared, outcome, watcher)
    raise wrong_architecture(checked)


def _delivered(
    prepared: Prepared, result: SolveResult, checked: Checked | None, clock: Clock, watcher: Watcher
) -> Delivery:
    options = prepared.project.options
    try:
        return deliver(result, options, prepared.engine)
    except CancelledError:
        raise
    except XbuildError as error:
        outcomes = error.outcomes if isinstance(error, PushError) else ()
        delivery = Delivery(result.layout.digest, outcomes) if outcomes and result.layout else None
        outcome = gather(prepared, result, checked, delivery, Saved("none"), clock)
        _told(prepared, outcome, watcher)
        raise


def _report(
    prepared: Prepared,
    result: SolveResult,
    checked: Checked | None,
    delivery: Delivery,
    clock: Clock,
    watcher: Watcher,
) -> BuildResult:
    """After everything that was asked for is done.

    The baseline may take long, and may fail or be interrupted: what was delivered is told all the same.
    """
    records = Records()
    total = clock.elapsed
    saved, trouble = Saved("none", basis="the comparison was not finished"), None
    try:
        saved = _saved(prepared, result, delivery, records, watcher)
    except (Exception, KeyboardInterrupt) as error:
        trouble = error
    clock.started += clock.elapsed - total  # the comparison is not part of the build
    outcome = gather(prepared, result, checked, delivery, saved, clock)
    keep(prepared, outcome, records)
    is_reported = _told(prepared, outcome, watcher)
    return BuildResult(outcome, delivery, is_reported, trouble)


def _told(prepared: Prepared, outcome: Outcome, watcher: Watcher) -> bool:
    """Whether all reports that are asked for could be written."""
    watcher.came_to(prepared, outcome)
    return write_reports(outcome, prepared.project.options.reports, watcher)


def _saved(
    prepared: Prepared, result: SolveResult, delivery: Delivery, records: Records, watcher: Watcher
) -> Saved:
    if any(isinstance(failure.error, CancelledError) for failure in delivery.failures):
        return Saved("none", basis="cancelled")
    return find_saved(prepared, result, records, watcher)
