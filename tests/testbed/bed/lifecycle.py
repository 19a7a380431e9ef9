"""Start and stop, from the parts."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import (
    alpine_images,
    clients,
    engine,
    environment,
    files,
    gotools,
    languages,
    machine,
    oci,
    packages,
    python,
    recipes,
    uv,
)
from .choice import Choice, forget, note, noted
from .oci import Platform
from .process import BedError, say, step
from .settings import ARCHITECTURES, CHECKOUT, HOST_ARCHITECTURE, Bed

PROJECTS = CHECKOUT / "tests/projects"
# Projects without a Dockerfile; of those that are built by default, what is generated is written down.
TEMPLATES = CHECKOUT / "tests/templates"
# The images that only the panel needs, one a line.
PANEL = CHECKOUT / "tests/panel/images.txt"
VERSIONED = re.compile(
    r"^FROM\s+(?:--\S+\s+)*((?:golang|node):\d[\w.]*(?:-alpine[\d.]*\b)?|alpine:[\w.]+|python:\d[\w.]*(?:-slim)?(?:-(?:bookworm|trixie)\b)?)",
    re.MULTILINE | re.IGNORECASE,
)
UV = re.compile(
    rf"(?:^FROM\s+(?:--\S+\s+)*|from=)({re.escape(uv.HUB)}:[\w.-]+)", re.MULTILINE | re.IGNORECASE
)
RECIPES = {
    "debian": recipes.debian,
    "distroless": recipes.distroless,
    "busybox": recipes.busybox,
    "tonistiigi/binfmt": recipes.qemu,
}
VERSIONED_RECIPES = {
    "alpine": alpine_images.images,
    "golang": recipes.golang,
    "python": recipes.python_images,
    "node": recipes.node_images,
    uv.HUB: recipes.uv_images,
    **languages.RECIPES,
}
# What a machine may lack, and the images that nothing else can fetch.
FETCHED_WITH = {
    "mvn": re.compile(
        rf"(?:python|{re.escape(uv.HUB)}):(?:.*python)?"
        rf"(?:{'|'.join(re.escape(name) for name, each in python.RELEASES.items() if each.build)})(?![\d.])"
    ),
}
# For all tests; for the demonstration, whose project names its own Go.
LEAST = ("debian", "distroless", "busybox", "tonistiigi/binfmt", "golang:1.21")
DEMO = ("debian", "distroless")
NEEDED = ("apt-get", "apt-cache", "dpkg-deb", "tar", "nsenter", "mount")


def choose(bed: Bed) -> Choice:
    """The engine noted at the start, else the one asked for, else the machine's own if it will do."""
    asked = os.environ.get("XBUILD_TESTBED", "")
    if asked not in ("", "private", "engine"):
        raise BedError(f"XBUILD_TESTBED is `private` or `engine`, not {asked!r}")
    if found := noted(bed):
        if asked not in ("", found.kind):
            raise BedError(f"XBUILD_TESTBED={asked}, but the bed runs as `{found.kind}`: stop it first")
        return found
    if asked:
        return Choice("private") if asked == "private" else machine.find_engine()
    try:
        found = machine.find_engine()
        if not machine.has_hub():
            raise BedError("no image hub answers")
    except BedError as error:
        say(f"a private engine is used: {error}")
        return Choice("private")
    return found


def start(bed: Bed, images: Iterable[str] = (), demo: Path | None = None) -> Choice:
    """Bring up whatever is not up; what was built once is kept for the next time.

    With a project to demonstrate, only what building that one for two platforms uses; the rest another time.
    """
    choice = choose(bed)
    if demo is None:
        packages.unpack_make(bed)
    if choice.kind == "engine":
        note(bed, choice)
        machine.start(bed, choice, whole=demo is None)
    else:
        _check_machine()
        note(bed, choice)
        if demo is None:
            _start_private(bed, choice, images)
        else:
            _start_demo(bed, demo)
    return choice


def stop(bed: Bed) -> None:
    choice = noted(bed)
    if choice and choice.kind == "engine":
        machine.stop(bed, choice)
    else:
        engine.stop(bed)
    forget(bed)


def _check_machine() -> None:
    """What a private engine cannot do without."""
    instead = "or give Docker an engine that reaches an image hub"
    if os.geteuid() != 0:
        raise BedError(f"the private engine needs root; {instead}")
    if HOST_ARCHITECTURE not in ARCHITECTURES.values():
        raise BedError(f"there is no private engine for {HOST_ARCHITECTURE} machines; {instead}")
    if missing := [name for name in NEEDED if shutil.which(name) is None]:
        raise BedError(f"the private engine needs Debian; here is no {', '.join(missing)}; {instead}")


def _start_demo(bed: Bed, project: Path) -> None:
    """Debian's own buildx, no builder, images of two platforms, and compilers for this machine alone."""
    if not bed.store.exists():
        say(f"the first time takes some minutes, and 5 GB in {bed.cache}")
    kitchen = _kitchen(bed, recipes.COMPILERS, recipes.HOST)
    names = (*DEMO, *images_asked_for(project))
    _make_images(kitchen, names, first=lambda: engine.start(bed, classic=False))
    clients.link_clients(bed)


def _start_private(bed: Bed, choice: Choice, images: Iterable[str]) -> None:
    engine.start(bed)
    kitchen = _kitchen(bed)
    with ThreadPoolExecutor(1) as background:
        tools = background.submit(gotools.build, bed, kitchen.go)
        _make_images(kitchen, images or wanted_images())
        tools.result()
    _deliver(kitchen, [*recipes.frontend(kitchen), *recipes.buildkit(kitchen)])
    clients.link_clients(bed)
    clients.link_programs(bed)
    marker = kitchen.store.image("docker.io/moby/buildkit:buildx-stable-1")
    env = environment.apply(environment.variables(bed, choice))
    clients.create_builder(bed, env, str(marker), mirrored=True)


def make_images(bed: Bed, names: Iterable[str]) -> None:
    """Make images (`debian`, `busybox`, `golang:1.24`, `python:3.11`, uv's …), load and push them."""
    if choose(bed).kind == "engine":
        raise BedError("images are made for the private engine only: this one pulls what it needs")
    _make_images(_kitchen(bed), names)


def _make_images(
    kitchen: recipes.Kitchen, names: Iterable[str], first: Callable[[], object] = lambda: None
) -> None:
    """Make one after the other, and meanwhile do what comes first and hand over what has been made."""
    with ThreadPoolExecutor(1) as hands:
        begun = [hands.submit(first)]
        for name in names:
            begun.append(hands.submit(_deliver, kitchen, _make(kitchen, name)))
            for each in begun:
                if each.done():
                    each.result()
        for each in begun:
            each.result()


def _make(kitchen: recipes.Kitchen, name: str) -> list[str]:
    made = _recipe(name)(kitchen)
    if ":" in name and not {name, f"docker.io/{name}", f"docker.io/library/{name}"} & {*made}:
        raise BedError(f"no recipe for {name!r}: there are {', '.join(made)}")
    return made


def wanted_images() -> list[str]:
    """The usual ones, and the releases of languages that the projects under tests/ ask for."""
    named = dict.fromkeys(name for f in (PROJECTS, TEMPLATES) for name in images_asked_for(f))
    asked = [name for name in named if name not in LEAST]
    for program, images in FETCHED_WITH.items():
        left_out = [name for name in asked if images.match(name)]
        if left_out and shutil.which(program) is None:
            say(f"no {program} to fetch {', '.join(left_out)} with; tests that need them are skipped")
            asked = [name for name in asked if name not in left_out]
    return [*LEAST, *asked]


def images_asked_for(folder: Path) -> list[str]:
    """The images of languages that Dockerfiles anywhere in that folder are built on."""
    texts = [path.read_text(errors="replace") for path in folder.glob("**/*Dockerfile*")]
    named = {name for text in texts for name in VERSIONED.findall(text)}
    # Both kinds of a Python are made together.
    whole = {name.replace("-slim", "") for name in named}
    return sorted(whole | {name for text in texts for name in UV.findall(text)})


def _kitchen(
    bed: Bed,
    runtime: tuple[Platform, ...] = recipes.RUNTIME,
    compilers: tuple[Platform, ...] = recipes.COMPILERS,
) -> recipes.Kitchen:
    go = gotools.find_go(bed, lambda: packages.unpack_go(bed))
    return recipes.Kitchen(bed, go, runtime, compilers)


def _recipe(name: str) -> recipes.Recipe:
    kind, _, tag = name.partition(":")
    if kind in alpine_images.RECIPES and "-alpine" in tag:
        return lambda kitchen: alpine_images.RECIPES[kind](kitchen, tag)
    if kind in VERSIONED_RECIPES and tag:
        return lambda kitchen: VERSIONED_RECIPES[kind](kitchen, tag)
    if name not in RECIPES:
        kinds = ", ".join((*RECIPES, *(f"{kind}:VERSION" for kind in VERSIONED_RECIPES)))
        raise BedError(f"no recipe for {name!r}: there are {kinds}")
    return RECIPES[name]


def _deliver(kitchen: recipes.Kitchen, names: list[str]) -> None:
    """Into the registry and the engine, unless they have these very images."""
    bed = kitchen.bed
    held = clients.image_names(bed)
    fresh = [name for name in names if not (name in held and _is_delivered(bed, kitchen, name))]
    if not fresh:
        return
    with step(f"handing {len(fresh)} name(s) like {fresh[0]} to registry and engine"):
        oci.push(kitchen.store, fresh, bed.registry)
        oci.load(kitchen.store, fresh, clients.docker(bed))
    for name in fresh:
        files.write(_delivered(bed, name), str(kitchen.store.image(name)))


def _is_delivered(bed: Bed, kitchen: recipes.Kitchen, name: str) -> bool:
    record = _delivered(bed, name)
    return record.exists() and record.read_text() == str(kitchen.store.image(name))


def _delivered(bed: Bed, name: str) -> Path:
    """Kept with the engine's data, and gone with it."""
    return bed.engine / "delivered" / name.replace("/", "!")
