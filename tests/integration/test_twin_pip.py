"""pip's twin on a real engine: a stage for a foreign platform, assisted and emulated, must be one tree.

One wheel made for the machine, one for all, and a virtual environment through the replaced command word.
"""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest
from tests.integration.comparing import STAGE, Compared, compare
from tests.integration.solving import engine

TWINS = Path(__file__).parents[2] / "src/xbuild/plan/twins"
MOUNT = "/.xbuild-7c1f"
BASE = "python:3.11-slim-bookworm"
ASSISTED = f"RUN --mount=type=bind,from=helper,target={MOUNT} . {MOUNT}/env; "
WORD = f"{MOUNT}/pip/python "
STEPS = (
    "pip install --no-cache-dir markupsafe==3.0.3 idna==3.10",
    "pip install --no-index --no-deps /w/constants-1-py3-none-any.whl",
    WORD + "python -m venv /v",
    f". /v/bin/activate && {WORD}pip install --no-cache-dir six==1.17.0 && deactivate",
    "mkdir /said; { pip --version; pip list; pip freeze --all; pip install nosuch --no-index; echo $?; } "
    ">/said/to 2>&1",
)

# Constants whose last digit may depend on the machine that compiles them.
CONSTANTS = (
    "\n".join(f"C{n} = (1.{n}1 + 2.3{n}j) * (3.7{n} - 4.{n}9j)" for n in range(20)) + "\nP = 10.0**-5\n"
)

# At its end: what it has opened as program code, name service and certificates included.
OPENED = """\
import atexit, pwd, socket, ssl

def show():
    ssl.create_default_context()
    pwd.getpwnam("root")
    try:
        socket.getaddrinfo("nosuch.invalid", 80)
    except OSError:
        pass
    with open("/proc/self/maps") as file:
        code = [line.split(None, 5) for line in file if "r-xp" in line and "/" in line]
    print("\\n".join(sorted({words[5].strip() for words in code})))

atexit.register(show)
"""


def stage(name: str, steps: tuple[str, ...], *, is_assisted: bool) -> str:
    lines = [f"FROM target AS {name}", "ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore"]
    lines += ["COPY constants-1-py3-none-any.whl /w/"]
    lines += [ASSISTED + step if is_assisted else f"RUN {step.replace(WORD, '')}" for step in steps]
    return "\n".join(lines)


def dockerfile(base: str = BASE, before: str = "", steps: tuple[str, ...] = STEPS) -> str:
    """`before`: lines of both the target's image and the build machine's."""
    return f"""\
# syntax=docker/dockerfile:1
FROM {base} AS target
{before}
FROM --platform=$BUILDPLATFORM {base} AS native
{before}
FROM native AS make
COPY twins/helper /.xbuild-helper
COPY twins/pip /.xbuild-helper/pip
ARG BUILDARCH TARGETARCH
RUN --mount=type=bind,from=target,target=/.xbuild-target ["/bin/sh", "/.xbuild-helper/prepare.sh", "pip"]
FROM scratch AS helper
COPY --from=make /.xbuild-out/ /
{stage("assisted", steps, is_assisted=True)}
{stage("emulated", steps, is_assisted=False)}
FROM assisted AS opened
COPY sitecustomize.py /opened/
{ASSISTED}PYTHONPATH=/opened PYTHONDONTWRITEBYTECODE=1 pip --version >/opened/list
{STAGE}\
FROM scratch
COPY --from=compared /result/ /
COPY --from=opened /opened/list /
"""


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Compared:
    engine()
    return built(tmp_path_factory.mktemp("pip"), dockerfile())


def built(folder: Path, text: str) -> Compared:
    shutil.copytree(TWINS, folder / "twins")
    (folder / "sitecustomize.py").write_text(OPENED)
    with zipfile.ZipFile(folder / "constants-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("constants.py", CONSTANTS)
        about = "constants-1.dist-info"
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: constants\nVersion: 1\n")
        tags = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        wheel.writestr(f"{about}/WHEEL", tags)
        wheel.writestr(f"{about}/RECORD", "")
    return compare(folder, text)


def test_the_tree_is_that_of_the_emulated_build(compared: Compared) -> None:
    assert compared.differs == []
    assert compared.refused() == {}
    assert len(compared.paths) > 5000
    assert sum(path.endswith(".pyc") for path in compared.paths) > 300


def test_nothing_of_the_mount_is_left(compared: Compared) -> None:
    assert compared.leaks == []


def test_every_call_was_native_and_said_so_nowhere_else(compared: Compared) -> None:
    assert set(compared.twins) == {"pip: native"}
    assert len(compared.twins) >= 9  # and what makes an environment calls pip
    assert "xbuild-twin" not in compared.said
    assert "No matching distribution found for nosuch\n1\n" in compared.said


def test_program_code_comes_from_the_mount_alone(compared: Compared) -> None:
    version, *opened = (compared.folder / "list").read_text().splitlines()
    assert version.startswith("pip ")
    assert len(opened) > 10
    assert [path for path in opened if not path.startswith(MOUNT + "/")] == []
