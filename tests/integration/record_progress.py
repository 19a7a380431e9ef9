"""Records what buildx says, for tests/fixtures/progress/: a folder per case, from real builds.

Run by hand when BuildKit or buildx change: `python -m tests.integration.record_progress CASE ARGUMENTS`.
Names of temporary folders are replaced, so that a new recording differs only where the builder does.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from xbuild.errors import XbuildError
from xbuild.pipeline.files import Workspace
from xbuild.solve.build import SolveRequest, solve
from xbuild.solve.engine import docker, inspect_engine
from xbuild.solve.inputs import read_inputs
from xbuild.solve.options import parse_build_arguments
from xbuild.solve.run import run

FIXTURES = Path(__file__).parent.parent / "fixtures" / "progress"


def main(case: str, arguments: list[str]) -> None:
    folder = FIXTURES / case
    folder.mkdir(parents=True, exist_ok=True)
    options = parse_build_arguments(arguments)
    engine = inspect_engine(options.builder)
    lines: list[str] = []
    with Workspace() as space:
        temporary = Path(space)
        inputs = read_inputs(options, None, temporary)
        request = SolveRequest(options, inputs, engine, temporary)
        try:
            solve(request, on_raw=lines.append)
        except XbuildError as error:
            print(error)
        metadata = temporary / "solve-0" / "metadata.json"
        if metadata.exists():
            found = json.loads(metadata.read_bytes())
            _write_history(folder, engine.builder.name, found)
            (folder / "metadata.json").write_text(_plain(json.dumps(found, indent=1)) + "\n")
        native, names = str(engine.native), [str(platform) for platform in request.platforms]
        about = {"native": native, "platforms": names, "buildx": engine.buildx_version}
        (folder / "request.json").write_text(json.dumps(about) + "\n")
    (folder / "progress.txt").write_text(_plain("\n".join(lines)) + "\n")


def _write_history(folder: Path, builder: str, metadata: dict[str, Any]) -> None:
    """What `ask_history` would be told, for a buildx that leaves provenance out of the metadata file."""
    if any(key.startswith("buildx.build.provenance") for key in metadata):
        return
    identity = metadata["buildx.build.ref"].rpartition("/")[2]
    base = (
        *docker(),
        "buildx",
        "--builder",
        builder,
        "history",
        "inspect",
        "attachment",
        "--type",
        "provenance",
    )
    for platform in ("linux/amd64", "linux/arm64"):
        answer = run((*base, "--platform", platform, identity))
        (folder / f"provenance-{platform.replace('/', '-')}.json").write_bytes(answer.stdout)


def _plain(text: str) -> str:
    return re.sub(r"/tmp/xbuild-[a-z0-9_]+", "/tmp/xbuild", text)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
