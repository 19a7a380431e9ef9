"""Archives from Maven Central, each fetched once with mvn."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

from .process import BedError, run, step
from .settings import Bed

_one_at_a_time = threading.Lock()


def jar(bed: Bed, group: str, name: str, version: str, classifier: str) -> Path:
    """The archive of that name; mvn compares it with the checksum beside it."""
    home = bed.cache / "maven"
    file = f"{name}-{version}-{classifier}.jar"
    path = home / group.replace(".", "/") / name / version / file
    with _one_at_a_time:
        if not path.exists():
            if shutil.which("mvn") is None:
                raise BedError(f"{file} is fetched with Maven (mvn), which this machine does not have")
            with step(f"fetching {file} with Maven"):
                run(
                    "mvn", "--batch-mode", "--quiet", f"-Dmaven.repo.local={home}", "dependency:get",
                    "-Dtransitive=false", f"-Dartifact={group}:{name}:{version}:jar:{classifier}",
                )  # fmt: skip
    return path
