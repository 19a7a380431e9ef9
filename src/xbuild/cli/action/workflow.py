"""GitHub's side of an action: what it says of the run, and the files and lines by which it is answered.

docs.github.com, "Workflow commands for GitHub Actions" and "Default environment variables".
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xbuild.cli.action.asked import Event, shapes
from xbuild.cli.action.changed import base_commit
from xbuild.solve.options import is_true

# A step may show so many annotations of a kind; more are dropped without a word.
MOST_ANNOTATIONS = 10


@dataclass
class Workflow:
    """Answers go to files that `environ` names, texts through `scrub` first; `shown` counts annotations."""

    environ: Mapping[str, str]
    scrub: Callable[[str], str] = str
    stopped: str = ""
    shown: Counter[str] = field(default_factory=Counter)

    # -- what is known

    def event(self) -> Event:
        server = self.environ.get("GITHUB_SERVER_URL") or "https://github.com"
        repository = self.environ.get("GITHUB_REPOSITORY", "")
        run = self.environ.get("GITHUB_RUN_ID", "")
        attempt = self.environ.get("GITHUB_RUN_ATTEMPT", "")
        base = base_commit(self.payload())
        if not repository:
            return Event(base=base)
        run_url = f"{server}/{repository}/actions/runs/{run}" if run else ""
        run_url += f"/attempts/{attempt}" if run and attempt else ""
        context = f"{server}/{repository}.git#{self._reference()}"
        return Event(context, run_url, self._is_private(), base)

    def _reference(self) -> str:
        """As docker/actions-toolkit `Build.gitContext`: the event's commit, or a pull request's own."""
        name, commit = self.environ.get("GITHUB_REF", ""), self.environ.get("GITHUB_SHA", "")
        wants_head = is_true(self.environ.get("DOCKER_DEFAULT_GIT_CONTEXT_PR_HEAD_REF", ""))
        if not (name.startswith("refs/pull/") and wants_head):
            return commit or name
        request = self.payload().get("pull_request")
        head = request.get("head") if isinstance(request, dict) else None
        found = head.get("sha") if isinstance(head, dict) else None
        return found if isinstance(found, str) and found else f"{name.removesuffix('/merge')}/head"

    def payload(self) -> Mapping[str, Any]:
        """What happened, as GitHub tells it."""
        try:
            found = json.loads(Path(self.environ.get("GITHUB_EVENT_PATH", "")).read_bytes())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _is_private(self) -> bool:
        repository = self.payload().get("repository")
        return bool(repository.get("private")) if isinstance(repository, dict) else False

    # -- answers in files

    def output(self, name: str, value: str) -> None:
        self._keep("GITHUB_OUTPUT", name, self.scrub(value))

    def state(self, name: str, value: str) -> None:
        """Is there again in `post`."""
        self._keep("GITHUB_STATE", name, value)

    def summary(self, text: str) -> None:
        self._append("GITHUB_STEP_SUMMARY", self.scrub(text))

    def _keep(self, file: str, name: str, value: str) -> None:
        """A delimiter that nobody can foresee: a value holds no other value."""
        delimiter = f"xbuild-{uuid.uuid4()}"
        self._append(file, f"{name}<<{delimiter}\n{value}\n{delimiter}\n")

    def _append(self, file: str, text: str) -> None:
        name = self.environ.get(file)
        if name:
            with Path(name).open("ab") as stream:
                stream.write(text.encode("utf-8", "backslashreplace"))

    # -- answers in lines

    def annotate(
        self, kind: str, message: str, *, file: str = "", line: int | None = None, title: str = "xbuild"
    ) -> None:
        """`kind`: error, warning or notice."""
        self.shown[kind] += 1
        properties = {"file": file, "line": str(line or "") if file else "", "title": title}
        shown = ",".join(f"{key}={_property(value)}" for key, value in properties.items() if value)
        with self._loud():
            _write(f"::{kind} {shown}::{_data(self.scrub(message))}")

    def hide(self, values: tuple[str, ...]) -> None:
        """What the log shows as *** from now on."""
        for shape in sorted(shapes(values)):
            _write(f"::add-mask::{_data(shape)}")

    @contextlib.contextmanager
    def quiet(self) -> Iterator[None]:
        """Nothing that is printed meanwhile is a command, whatever a build prints."""
        self._stop()
        try:
            yield
        finally:
            self._go_on()

    @contextlib.contextmanager
    def _loud(self) -> Iterator[None]:
        """A line of our own in between is one all the same."""
        was_stopped = bool(self.stopped)
        self._go_on()
        try:
            yield
        finally:
            if was_stopped:
                self._stop()

    def _stop(self) -> None:
        sys.stderr.flush()
        self.stopped = f"xbuild-{uuid.uuid4()}"
        _write(f"::stop-commands::{self.stopped}")

    def _go_on(self) -> None:
        sys.stderr.flush()
        if self.stopped:
            _write(f"::{self.stopped}::")
        self.stopped = ""


def _write(line: str) -> None:
    print(line.encode("utf-8", "backslashreplace").decode(), flush=True)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def take_variables(names: Sequence[str]) -> dict[str, str]:
    """Variables that no program that is started shall see, out of the environment."""
    return {name: os.environ.pop(name) for name in names if name in os.environ}
