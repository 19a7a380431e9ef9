"""How planning grows: `python -m tests.benchmarks.planning` prints CPU seconds for files of growing size.

Reading and checking the file is not counted, nor is start-up; the best of three runs is shown.
`tests/unit/plan/test_work.py` holds the growth, in lines of code run instead of seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from xbuild.dockerfile.check import check
from xbuild.dockerfile.model import Dockerfile
from xbuild.dockerfile.parser import parse
from xbuild.graph.model import Options
from xbuild.plan.context import NoContext
from xbuild.plan.deciding.planner import make_plan
from xbuild.plan.model import Plan
from xbuild.platforms import parse_platforms
from xbuild.text import Source

PLATFORMS = parse_platforms(["linux/amd64", "linux/arm64"])

_COMMANDS = (
    "mkdir -p /out/d{n}",
    "cp /src/a /out/d{n}/f",
    "echo {n} > /out/t{n}",
    "ln -s /out/t{n} /usr/bin/l{n}",
    "cat /out/t{n} | grep x > /out/g{n}",
    "export V{n}=$(cat /out/t{n})",
)


def commands(number: int) -> str:
    """One RUN of many commands."""
    lines = "\n".join(_COMMANDS[n % len(_COMMANDS)].format(n=n) for n in range(number))
    stage = f"FROM debian:12 AS build\nCOPY a /src/a\nRUN <<EOF\n{lines}\nEOF\n"
    return f"{stage}FROM scratch\nCOPY --from=build /src/a /a\n"


def builds(number: int) -> str:
    """One RUN of many `go build`."""
    lines = "\n".join(f"go build -o /out/app{n} ./cmd/app{n}" for n in range(number))
    stage = f"FROM golang:1.22 AS build\nWORKDIR /src\nCOPY . .\nENV CGO_ENABLED=0\nRUN <<EOF\n{lines}\nEOF\n"
    return f"{stage}FROM scratch\nCOPY --from=build /out /out\n"


def derived(number: int) -> str:
    """Stages, each derived from the one before it."""
    stages = "".join(f"FROM s{n - 1} AS s{n}\nRUN echo {n} > /f{n}\n" for n in range(1, number))
    end = f"FROM scratch\nCOPY --from=s{number - 1} /f1 /f\n"
    return f"FROM debian:12 AS s0\nRUN echo 0 > /f0\n{stages}{end}"


def kept(number: int) -> str:
    """The same, where the last one is the base of the image, so that none is pinned."""
    return derived(number).rpartition("FROM scratch")[0] + f'FROM s{number - 1}\nCMD ["sh"]\n'


def copied(number: int, first: str = "echo 0") -> str:
    """Stages, each of which takes a file from the one before it."""
    stages = "".join(
        f"FROM debian:12 AS s{n}\nCOPY --from=s{n - 1} /f{n - 1} /f{n - 1}\nRUN cp /f{n - 1} /f{n}\n"
        for n in range(1, number)
    )
    end = f"FROM scratch\nCOPY --from=s{number - 1} /f{number - 1} /f\n"
    return f"FROM debian:12 AS s0\nRUN {first} > /f0\n{stages}{end}"


def doubted(number: int) -> str:
    """The same, where what the first stage makes is for the build machine."""
    return copied(number, "uname -m")


SHAPES: dict[Callable[[int], str], tuple[int, ...]] = {
    commands: (300, 600, 1200),
    builds: (75, 150, 300),
    derived: (50, 100, 200),
    kept: (50, 100, 200),
    copied: (20, 40, 80),
    doubted: (20, 40, 80),
}


def read(text: str) -> Dockerfile:
    dockerfile = parse(Source("Dockerfile", text))
    check(dockerfile)
    return dockerfile


def plan(dockerfile: Dockerfile) -> Plan:
    return make_plan(dockerfile, Options(), PLATFORMS, NoContext())


def seconds(dockerfile: Dockerfile) -> float:
    start = time.process_time()
    plan(dockerfile)
    return time.process_time() - start


def main() -> None:
    plan(read(commands(1)))
    for shape, sizes in SHAPES.items():
        figures = []
        for number in sizes:
            dockerfile = read(shape(number))
            figures.append(f"{number}: {min(seconds(dockerfile) for _ in range(3)):.2f} s")
        print(f"{shape.__name__:10}{'   '.join(figures)}")


if __name__ == "__main__":
    main()
