"""Why a build of Java's cannot be pinned, as an exception, and what then becomes of its stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from xbuild.plan.model import Question, Reason
from xbuild.plan.programs.grammar import Reading
from xbuild.plan.programs.program import anything
from xbuild.plan.recipes.own_files import UntoldError
from xbuild.plan.toolchain import Call, Effect


class BoundError(Exception):
    """Why what a command makes may depend on the machine, and what would help; `question` would tell."""

    def __init__(self, text: str, cure: str | None = None, question: Question | None = None) -> None:
        super().__init__(text)
        self.cure, self.question = cure, question


def stays(call: Call, error: BoundError) -> Effect:
    """Anything, and why."""
    reason = Reason(f"`{call.spelled()}`: {error}", call.place, cure=error.cure)
    questions = (error.question,) if error.question is not None else ()
    return replace(anything(call), reasons=(reason,), questions=questions, toolchain="java")


def or_stays(make: Callable[[Call, Reading], Effect]) -> Callable[[Call, Reading], Effect]:
    """The same, and where it raises why a build cannot be pinned: anything, and why."""

    def does(call: Call, given: Reading) -> Effect:
        try:
            return make(call, given)
        except BoundError as error:
            return stays(call, error)
        except UntoldError as error:
            return stays(call, BoundError(str(error), error.cure))

    return does
