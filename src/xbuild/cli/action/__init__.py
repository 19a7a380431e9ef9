"""The GitHub action: `.github/action/` finds Python and calls `xbuild __action main`, then `… post`.

Builds in this process as `xbuild build` does, and answers GitHub: outputs, annotations, the job summary. QEMU
is set up only where the plan leaves something to it, a builder made only where none can do the job
(docs/decisions/0072-github-action.md).
"""

from __future__ import annotations

import json
import os
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from xbuild.cli.action.asked import (
    Wishes,
    given_inputs,
    hidden_values,
    read_wishes,
    scrubbed,
    scrubber,
    unknown_inputs,
    with_builder,
)
from xbuild.cli.action.changed import before_event, changed_lines, in_order
from xbuild.cli.action.workflow import MOST_ANNOTATIONS, Workflow, take_variables
from xbuild.cli.failure import as_known, explain
from xbuild.cli.screen.live import Screen
from xbuild.cli.screen.output import say
from xbuild.errors import EngineError, Exit, UsageError
from xbuild.pipeline.background import Background
from xbuild.pipeline.files import Workspace, write_whole
from xbuild.pipeline.prepare import Prepared
from xbuild.solve.engine import Engine, inspect_engine
from xbuild.views.report import Outcome
from xbuild.views.terminal import count

if TYPE_CHECKING:
    from xbuild.pipeline.finish import BuildResult
    from xbuild.rules.linter import Linted
    from xbuild.rules.rule import Told

# What the cache service of GitHub asks for (`type=gha`): for the build alone
_CACHE = ("ACTIONS_RUNTIME_TOKEN", "ACTIONS_RESULTS_URL", "ACTIONS_CACHE_URL", "ACTIONS_CACHE_SERVICE_V2")
# What is for nobody here
_NOT_OURS = ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_RUNTIME_URL")
_BUILDER = "builder"
# What GitHub calls the levels of findings
_KINDS = {"error": "error", "warning": "warning", "info": "notice"}


def main(arguments: Sequence[str]) -> int:
    """`__action main` and `__action post`."""
    if list(arguments[1:]) == ["post"]:
        return _post(os.environ)
    return _main(dict(os.environ))


def _main(environ: dict[str, str]) -> int:
    inputs = given_inputs(environ)
    hidden: tuple[str, ...] = ()
    workflow = Workflow(environ)
    code = int(Exit.FAILED)
    watcher: _Watcher | None = None
    problem: BaseException | None = None
    with Workspace() as folder:
        place = Path(folder)
        try:
            hidden = hidden_values(inputs, environ)
            workflow.hide(hidden)
            workflow.scrub = scrubber(hidden)
            for warning in unknown_inputs(environ):
                workflow.annotate("warning", warning)
            take_variables([name for name in os.environ if name.startswith("INPUT_")])
            take_variables(_NOT_OURS)
            credentials = tuple(take_variables(_CACHE).items())
            wishes = read_wishes(inputs, workflow.event(), place, dict(os.environ))
            step = _Step(workflow, wishes, credentials, place)
            watcher = step.watcher
            code = step.run()
        except BaseException as error:
            problem = error
            with workflow.quiet():
                code = explain(error)
            _annotate_error(workflow, error, watcher)
            if watcher is not None and watcher.outcome is not None:
                workflow.output("report", step.reports(watcher.outcome))
        workflow.summary(_summary(workflow.scrub, problem, watcher))
    return code


def _post(environ: Mapping[str, str]) -> int:
    """Take away the builder that `main` has made; nothing else is left behind."""
    name = environ.get(f"STATE_{_BUILDER}", "")
    if not name:
        return 0
    from xbuild.solve.engine import docker
    from xbuild.solve.run import run

    answer = run((*docker(), "buildx", "rm", "--force", name), timeout=120)
    if not answer.ok and "no builder" not in answer.error_text:
        Workflow(environ).annotate("warning", f"builder {name} could not be removed: {answer.error_text}")
    return 0


def _annotate_error(workflow: Workflow, error: BaseException, watcher: _Watcher | None) -> None:
    known = as_known(error)
    if known is None:
        workflow.annotate("error", f"{type(error).__name__}: {error}")
        return
    file = watcher.shown(known.file) if watcher is not None and known.file else known.file or ""
    parts = [known.message]
    parts += [f"expected: {known.expected}"] if known.expected else []
    parts += [f"try: {known.hint}"] if known.hint else []
    workflow.annotate("error", "\n".join(parts), file=file, line=known.line)


def _summary(scrub: Callable[[str], str], problem: BaseException | None, watcher: _Watcher | None) -> str:
    from xbuild.views.summary import summary

    known = None if problem is None else as_known(problem)
    text = str(known) if known is not None else f"{type(problem).__name__}: {problem}" if problem else ""
    # Before Markdown quotes it: a secret in quotes is not found any more.
    text = scrub(text)
    if watcher is None:
        return summary(None, problem=text)
    notes, lint = scrubbed(watcher.notes, scrub), scrubbed(watcher.lint, scrub)
    return summary(watcher.outcome, problem=text, notes=notes, lint=lint)


class _Watcher(Screen):
    """Follows the build: lints, sets QEMU up where it is needed, keeps what there is to tell."""

    def __init__(self, workflow: Workflow, wishes: Wishes, folder: Path) -> None:
        options = wishes.options
        # A log is no terminal, also where a runner pretends that it is one.
        super().__init__(options if options.progress != "auto" else options.with_flags(("progress", "plain")))
        self.workflow = workflow
        self.wishes = wishes
        self.folder = folder
        self.prefix = ""
        self.prepared: Prepared | None = None
        self.outcome: Outcome | None = None
        self.notes: list[str] = []
        self.lint: list[str] = []
        self.findings: list[Linted] = []

    def shown(self, path: str) -> str:
        """A path of the context as GitHub shows it: from the root of the repository."""
        if os.path.isabs(path):  # noqa: PTH117
            return os.path.relpath(path)
        return os.path.normpath(f"{self.prefix}/{path}" if self.prefix else path)

    def ready(self, prepared: Prepared) -> None:
        is_first = self.prepared is None
        self.prepared = prepared
        inputs = prepared.project.inputs
        if inputs.is_inside and ":" in inputs.context.partition("#")[2]:
            self.prefix = inputs.context.partition("#")[2].partition(":")[2]
        if is_first and self.wishes.lint != "off":
            self._lint(prepared)
        self._set_up_emulation(prepared, is_first=is_first)

    def came_to(self, prepared: Prepared, outcome: Outcome) -> None:
        self.prepared = prepared
        self.outcome = scrubbed(outcome, self.workflow.scrub)

    # -- QEMU

    def _set_up_emulation(self, prepared: Prepared, *, is_first: bool) -> None:
        """Register handlers for just the platforms that need one and have none."""
        from xbuild.pipeline.preflight import foreign_runs
        from xbuild.solve.emulation import install_handlers, local_handler, probe_platforms

        needed = tuple(dict.fromkeys(foreign.platform for foreign in foreign_runs(prepared)))
        if not needed:
            foreign = [p for p in prepared.request.platforms if not prepared.engine.is_native(p)]
            if is_first and foreign and prepared.graph is not None:
                self.notes.append(
                    "QEMU was not set up, as no step needs it: no image pulled, no privileged container"
                )
                if prepared.engine.is_local and any(local_handler(platform) for platform in foreign):
                    self.notes.append(
                        "QEMU was there already, and nothing used it: the step that sets it up is superfluous"
                    )
            return
        probes = probe_platforms(prepared.engine, needed)
        missing = [platform for platform in needed if not probes[platform].ok]
        if missing:
            names = ", ".join(map(str, missing))
            say(f"xbuild: setting up QEMU for {names}")
            install_handlers(self.wishes.qemu_image, missing)
            self.notes.append(f"QEMU was set up for {names}: steps there are left to it")

    # -- the linter

    def _lint(self, prepared: Prepared) -> None:
        from dataclasses import replace

        from xbuild.pipeline.linting import lint_text
        from xbuild.pipeline.wishes import Wanted
        from xbuild.rules.rule import Level

        inputs, source = prepared.project.inputs, prepared.project.inputs.dockerfile
        if source is None:
            self.notes.append(f"not linted: {inputs.reason}")
            return
        name = (
            str(inputs.context_dir / inputs.name) if inputs.is_inside and inputs.context_dir else source.path
        )
        wanted = Wanted(
            prepared.request.platforms or None,
            prepared.project.options.target,
            str(inputs.context_dir) if inputs.context_dir else None,
            fail_on=Level(self.wishes.fail_on),
        )
        found = replace(lint_text(name, source.to_bytes(), wanted), path=self.shown(source.path))
        self.findings.append(found)
        own = self.workflow.event().git_context.partition("#")[0]
        is_own = inputs.is_inside and bool(own) and inputs.context.startswith(f"{own}#")
        self._tell(found, is_own_context=is_own)
        worst = Level(self.wishes.fail_on).rank
        bad = found.problem is not None or any(t.severity.rank <= worst for t in found.judged.told)
        if self.wishes.lint == "fail" and bad:
            raise UsageError(
                f"the linter found what fails (lint: fail, fail-on: {self.wishes.fail_on})",
                file=found.path,
                hint="xbuild lint --explain RULE; nothing was built",
            )

    def _tell(self, found: Linted, *, is_own_context: bool) -> None:
        """The first of each kind as annotations: errors, what was changed, the rest; the summary has all."""
        if found.problem is not None:
            self.notes.append(f"not linted: {found.problem.message}")
        room = {kind: MOST_ANNOTATIONS - self.workflow.shown[kind] for kind in _KINDS.values()}
        room["error"] -= 1  # kept for what fails the step
        counts = Counter(_KINDS[str(told.severity)] for told in found.judged.told)
        is_crowded = any(counts[kind] > room[kind] for kind in counts)
        changed = self._changed(found, is_own_context=is_own_context) if is_crowded else frozenset()
        for told in in_order(found.judged.told, changed):
            kind = _KINDS[str(told.severity)]
            if room[kind] > 0:
                self._annotate(kind, found.path, told)
            room[kind] -= 1
            self.lint.append(
                f"{found.path}:{told.line}: {told.severity} {told.rule.name}: {told.finding.message}"
            )
        left_out = sum(-number for number in room.values() if number < 0)
        if left_out:
            found_ones = count(left_out, "finding")
            self.notes.append(f"only here, as GitHub shows {MOST_ANNOTATIONS} of a kind: {found_ones}")

    def _changed(self, found: Linted, *, is_own_context: bool) -> frozenset[int]:
        """The lines of the linted file that the event has changed, where that can be told."""
        place = Path(mkdtemp(dir=self.folder, prefix="before-"))
        event, options = self.workflow.event(), self.wishes.options
        before = before_event(event, found.path, options, place, is_own_context=is_own_context)
        if before is None or found.source is None:
            return frozenset()
        return changed_lines(before, found.source.text)

    def _annotate(self, kind: str, path: str, told: Told) -> None:
        self.workflow.annotate(kind, told.finding.message, file=path, line=told.line, title=told.rule.name)


@dataclass
class _Step:
    """One step of a workflow."""

    workflow: Workflow
    wishes: Wishes
    credentials: tuple[tuple[str, str], ...] = field(repr=False)
    folder: Path
    watcher: _Watcher = field(init=False)

    def __post_init__(self) -> None:
        self.watcher = _Watcher(self.workflow, self.wishes, self.folder)

    def run(self) -> int:
        if self.wishes.options.passes_through:
            return self._ask()
        engine = self._engine()
        options = self.wishes.options
        files = {"metadata-file": self.folder / "metadata.json"}
        if not any(output.type in ("local", "tar") for output in options.outputs):
            files["iidfile"] = self.folder / "iid"
        options = options.with_flags(*((name, str(path)) for name, path in files.items()))
        from dataclasses import replace

        from xbuild.pipeline.flow import build

        options = replace(options, credentials=self.credentials)
        with self.workflow.quiet():
            built = build(options, self.folder, Background(lambda: engine), None, self.watcher)
            self._say(built)
        self._answer(files)
        if built.trouble is not None:
            raise built.trouble
        return self._left(built)

    def _ask(self) -> int:
        """`call` is a question for buildx, which builds nothing."""
        from xbuild.solve.build import call_buildx

        with self.workflow.quiet():
            code = call_buildx(self.wishes.options)
        if code:
            self.workflow.annotate("error", f"docker buildx build --call ended with {code}: its log says why")
        return code

    def _engine(self) -> Engine:
        """The builder that is selected, or one of this step's own where that cannot do the job."""
        engine, trouble = None, None
        with self.workflow.quiet():
            try:
                engine = inspect_engine(self.wishes.options.builder)
            except EngineError as error:
                if self.wishes.options.builder:
                    raise
                trouble = error
        if engine is not None and (engine.can_export_layout or self.wishes.options.value("builder")):
            return engine
        name = f"xbuild-{uuid.uuid4().hex[:12]}"
        self.workflow.state(_BUILDER, name)  # first: it is removed also after a cancel in between
        from xbuild.solve.builders import create_builder

        with self.workflow.quiet():
            say(f"xbuild: creating builder {name}")
            try:
                create_builder(name)
            except EngineError as error:
                raise trouble or error from error
            self.watcher.notes.append(f"builder {name} was made for this step, and is removed after the job")
            self.wishes = with_builder(self.wishes, name)
            return inspect_engine(name)

    def _say(self, built: BuildResult) -> None:
        from xbuild.views.outcome import outcome_lines
        from xbuild.views.terminal import Terminal

        for line in outcome_lines(built.outcome, Terminal()):
            say(line)

    def _answer(self, files: Mapping[str, Path]) -> None:
        for name, value in self._outputs(files):
            self.workflow.output(name, value)

    def _outputs(self, files: Mapping[str, Path]) -> Iterator[tuple[str, str]]:
        outcome, prepared = self.watcher.outcome, self.watcher.prepared
        assert outcome is not None
        assert prepared is not None
        yield "digest", outcome.digest or ""
        yield "imageid", _text(files["iidfile"]) if "iidfile" in files else ""
        yield "metadata", _text(files["metadata-file"])
        saved = outcome.saved
        is_counted = saved.kind != "none" and bool(saved.lines)
        yield "time-saved-seconds", f"{saved.low:.1f}" if is_counted else ""
        ratio = saved.original_low / saved.actual if is_counted and saved.actual > 0 else None
        yield "speedup", "" if ratio is None else f"{ratio:.1f}"
        yield "report", self.reports(outcome)
        yield "rewritten", self._rewritten(prepared)

    def reports(self, outcome: Outcome) -> str:
        """The reports that are asked for, and one as JSON for later steps; where that is."""
        from xbuild.views.data import outcome_data
        from xbuild.views.outcome import markdown

        data = json.dumps(outcome_data(outcome), indent=2) + "\n"
        kept = self._place("report.json")
        texts = {kept: data}
        texts |= {Path(n): data if n.endswith(".json") else markdown(outcome) for n in self.wishes.reports}
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, self.workflow.scrub(text).encode("utf-8", "backslashreplace"))
        return str(kept)

    def _rewritten(self, prepared: Prepared) -> str:
        """A copy of the Dockerfile that was built, which the build's own folder takes with it."""
        source = prepared.new or prepared.project.inputs.dockerfile
        if source is None:
            return ""
        path = self._place("Dockerfile")
        write_whole(path, source.to_bytes())
        return str(path)

    def _place(self, name: str) -> Path:
        """A file of this step's own in the runner's folder for what is temporary."""
        folder = (
            Path(self.workflow.environ.get("RUNNER_TEMP") or self.folder) / f"xbuild-{uuid.uuid4().hex[:8]}"
        )
        folder.mkdir(parents=True)
        return folder / name

    def _left(self, built: BuildResult) -> int:
        """What was asked for and did not come about, though the image is delivered."""
        for failure in built.delivery.failures:
            self.workflow.annotate("warning", f"the image is delivered, but {failure.error.message}")
        return int(built.exit_code)


def _text(path: Path) -> str:
    return path.read_text("utf-8") if path.is_file() else ""
