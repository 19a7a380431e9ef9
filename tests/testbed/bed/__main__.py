"""tests/testbed/run: see the README beside it."""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor

from . import engine, environment, lifecycle, machine, process, project
from .settings import Bed, current

COMMANDS = {
    "start": "bring the bed up (what is up stays up)",
    "stop": "take it down; what was built is kept for the next start",
    "status": "say what is up; exit code 1 if the bed is not",
    "env": 'print its environment, for eval "$(tests/testbed/run env)"',
    "exec": "run a command in its environment",
    "images": "make and load further base images, as golang:1.24",
    "demo": "build, verify and push the sample for two platforms (README, first command)",
    "check": "linter, types, unit and integration tests (README, second command)",
    "panel": "the slow tests, on the real projects in FOLDER..., too",
}


def main() -> int:
    arguments = _parse()
    try:
        return _dispatch(current(), arguments.command, arguments.rest)
    except (process.BedError, OSError) as error:
        process.say(f"error: {error}")
        return 2
    except KeyboardInterrupt:
        return 130


def _parse() -> argparse.Namespace:
    listing = "\n".join(f"  {name:8} {text}" for name, text in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="tests/testbed/run", epilog=listing, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("rest", nargs=argparse.REMAINDER)
    return parser.parse_args()


def _dispatch(bed: Bed, command: str, rest: list[str]) -> int:
    if command in ("start", "stop", "images"):
        with process.lock(bed.cache / "lock"):
            return _manage(bed, command, [word for word in rest if word != "--images"])
    if command == "status":
        return _status(bed)
    if command in ("demo", "check", "panel"):
        return _work(bed, command, rest)
    values = environment.variables(bed, lifecycle.choose(bed))
    if command == "env":
        print(environment.exports(values), end="")
        return 0
    if not rest:
        raise process.BedError("exec needs a command to run")
    return project.call(rest, environment.apply(values))


def _manage(bed: Bed, command: str, names: list[str]) -> int:
    if command == "stop":
        lifecycle.stop(bed)
    elif command == "start":
        with process.step("starting the test bed"):
            lifecycle.start(bed, names)
    else:
        lifecycle.make_images(bed, names)
    return 0


def _status(bed: Bed) -> int:
    choice = lifecycle.choose(bed)
    up = machine.is_up(bed, choice) if choice.kind == "engine" else engine.is_up(bed)
    part = choice.kind == "private" and engine.is_up(bed, classic=False)
    word = "up" if up else "up for the demonstration alone, `start` completes it" if part else "down"
    print(f"{choice.kind}: {word}; registry {bed.registry}; cache {bed.cache}")
    return 0 if up else 1


def _work(bed: Bed, command: str, rest: list[str]) -> int:
    demo = command == "demo"
    with process.lock(bed.cache / "lock"), ThreadPoolExecutor(1) as background:
        prepared = background.submit(project.prepare, bed, dev=not demo)
        choice = lifecycle.start(bed, demo=project.SAMPLE if demo else None)
        prepared.result()
        if command == "panel" and choice.kind == "private":
            lifecycle.make_images(bed, lifecycle.PANEL.read_text().split())
    env = environment.apply(environment.variables(bed, choice))
    if demo:
        return project.demo(bed, env)
    return project.check(env, rest) if command == "check" else project.panel(env, rest)


if __name__ == "__main__":
    sys.exit(main())
