"""Record what cargo really says: `python -m tests.record_crates CASE…` writes `answers.json`.

Each question of the case is put to the cargo of this machine, in a copy of the case's context that stands for
the stage. The packages of `tests/fixtures/crates/` stand for those of a registry; Cargo.lock is made here,
but not where `options.json` says `"lock": false`, or before the instruction of that number. pkg-config knows
the libraries that `libraries` names, and `replaced` has other words in place of some of the answer's.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.unit.rewrite.test_rewrite_fixtures import FIXTURES, Case, read
from xbuild.graph.build import build_graph
from xbuild.graph.model import Options
from xbuild.graph.scope import Scope
from xbuild.plan.asking import settle
from xbuild.plan.model import Plan, Probe, Question
from xbuild.rewrite.probe import asking

CRATES = FIXTURES / "crates"
_SOURCES = '[source.crates-io]\nreplace-with = "stubs"\n[source.stubs]\ndirectory = "{}"\n'


def main(names: list[str]) -> None:
    for name in names:
        case = Case.read(name)
        answers = recorded(case)
        text = json.dumps(answers, indent=2, sort_keys=True) + "\n"
        (case.folder / "answers.json").write_text(text)
        print(f"{name}: {len(answers)} answers")


def recorded(case: Case) -> dict[str, str]:
    """The answers to all that is asked of cargo."""
    dockerfile = read(case.folder / "before.Dockerfile")
    answers: dict[str, str] = {}

    def ask(_plan: Plan, questions: tuple[Question, ...]) -> dict[str, str]:
        graph = build_graph(dockerfile, Options(case.options.get("build_args", {})))
        found: dict[str, str] = {}
        for question in (q for q in questions if isinstance(q.how, Probe)):
            at = question.instruction - graph.stages[question.stage].position
            values = Scope(graph, question.stage, at).environment()
            given = {name: value.text for name, value in values.items() if value.text is not None}
            found[question.key] = said(case, question, given)
        answers.update(found)
        return found

    settle(lambda known: case.plan_with(dockerfile, known), ask)
    return answers


def said(case: Case, question: Question, given: dict[str, str]) -> str:
    """The answer, with the folders of the stage in place of the copy's."""
    with tempfile.TemporaryDirectory(prefix="xbuild-record-") as folder:
        root = Path(folder).resolve()
        lock = case.options.get("lock", True)
        has_lock = lock if isinstance(lock, bool) else question.instruction >= lock
        where = prepare(case, root, question.directory or "/", has_lock=has_lock)
        environment = {
            **{n: t for n, t in given.items() if n not in ("PATH", "CARGO_HOME", "RUSTUP_HOME")},
            "PATH": os.environ["PATH"],
            "HOME": os.environ["HOME"],
            "CARGO_HOME": str(root / "usr/local/cargo"),
            "PKG_CONFIG_LIBDIR": str(root / "usr/lib/x86_64-linux-gnu/pkgconfig"),
        }
        written = root / "written"
        script = asking(0, question, str(written)).replace(f"cd {question.directory}", f"cd {where}")
        subprocess.run(("sh", "-c", script), cwd=where, env=environment, check=True)
        text = written.read_text().split("\n", 1)[1].replace(str(root), "")
    text = without_sources(text)
    for here, there in case.options.get("replaced", {}).items():
        text = text.replace(here, there)
    return text


def prepare(case: Case, root: Path, directory: str, *, has_lock: bool) -> Path:
    """The stage, as far as cargo looks at it, and the folder in which it runs."""
    shutil.copytree(CRATES, root / "stubs")
    for stub in (root / "stubs").iterdir():
        (stub / ".cargo-checksum.json").write_text('{"files": {}}')
    (root / ".cargo").mkdir()
    (root / ".cargo/config.toml").write_text(_SOURCES.format(root / "stubs"))
    libraries = root / "usr/lib/x86_64-linux-gnu/pkgconfig"
    libraries.mkdir(parents=True)
    for name in case.options.get("libraries", ()):
        (libraries / f"{name}.pc").write_text(f"Name: {name}\nDescription: {name}\nVersion: 3\n")
    where = root / directory.lstrip("/")
    base = root / str(case.options.get("copied", directory)).lstrip("/")
    shutil.copytree(case.folder / "context", base, dirs_exist_ok=True)
    where.mkdir(parents=True, exist_ok=True)
    if has_lock:
        environment = {**os.environ, "CARGO_HOME": str(root / "usr/local/cargo")}
        subprocess.run(
            ("cargo", "generate-lockfile", "--offline", "-q"), cwd=where, env=environment, check=False
        )
    return where


def without_sources(text: str) -> str:
    """The answer without the settings that name the stubs."""
    lines = text.split("\n")
    at = lines.index("file /.cargo/config.toml")
    end = next(n for n in range(at + 1, len(lines)) if not lines[n].startswith("|"))
    return "\n".join((*lines[:at], *lines[end + 1 if not lines[end] else end :]))


if __name__ == "__main__":
    main(sys.argv[1:])
