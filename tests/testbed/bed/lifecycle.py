"""Start and stop, from the parts."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import clients, engine, environment, gotools, machine, oci, packages, recipes
from .process import BedError, step
from .settings import CHECKOUT, Bed

GO_IN_DOCKERFILE = re.compile(r"^FROM\s+(?:--\S+\s+)*golang:([\w.]+)", re.MULTILINE | re.IGNORECASE)
RECIPES = {"debian": recipes.debian, "distroless": recipes.distroless, "busybox": recipes.busybox}
LEAST = ("debian", "distroless", "busybox", "golang:1.21")


def kind() -> str:
    """`engine`: the machine's own; `private`: the bed's."""
    asked = os.environ.get("XBUILD_TESTBED", "")
    if asked in ("private", "engine"):
        return asked
    return "engine" if machine.has_engine_and_hub() else "private"


def start(bed: Bed, images: Iterable[str] = ()) -> None:
    """Bring up whatever is not up; what was built once is kept for the next time."""
    if kind() == "engine":
        machine.start(bed)
        return
    if os.geteuid() != 0:
        raise BedError("the private engine needs root; or give Docker an engine that reaches an image hub")
    engine.start(bed)
    with ThreadPoolExecutor(1) as background:
        tools = background.submit(_build_tools, bed)
        make_images(bed, images or wanted_images())
        tools.result()
    kitchen = _kitchen(bed)
    _deliver(bed, kitchen, [*recipes.frontend(kitchen), *recipes.buildkit(kitchen)])
    clients.link_programs(bed)
    marker = kitchen.store.image("docker.io/moby/buildkit:buildx-stable-1")
    env = environment.apply(environment.variables(bed, "private"))
    clients.create_builder(bed, env, str(marker), mirrored=True)


def stop(bed: Bed) -> None:
    machine.stop(bed)
    engine.stop(bed)


def make_images(bed: Bed, names: Iterable[str]) -> None:
    """Make images (`debian`, `distroless`, `busybox`, `golang:1.24`), load and push them."""
    kitchen = _kitchen(bed)
    for name in names:
        made = (
            recipes.golang(kitchen, _go_tag(name)) if name.startswith("golang:") else _recipe(name)(kitchen)
        )
        _deliver(bed, kitchen, made)


def wanted_images() -> list[str]:
    """The usual ones, and the Go releases that the projects under tests/ ask for."""
    found = set()
    for path in (CHECKOUT / "tests/projects").glob("**/*Dockerfile*"):
        found.update(GO_IN_DOCKERFILE.findall(path.read_text(errors="replace")))
    return [*LEAST, *sorted({f"golang:{tag}" for tag in found if tag[0].isdigit()} - set(LEAST))]


def _build_tools(bed: Bed) -> None:
    gotools.build(bed, gotools.find_go(bed, lambda: packages.unpack_go(bed)))


def _kitchen(bed: Bed) -> recipes.Kitchen:
    return recipes.Kitchen(bed, lambda: packages.unpack_go(bed))


def _recipe(name: str) -> recipes.Recipe:
    if name not in RECIPES:
        raise BedError(f"no recipe for {name!r}: there are {', '.join(RECIPES)} and golang:VERSION")
    return RECIPES[name]


def _go_tag(name: str) -> str:
    return re.sub(r"-(bookworm|bullseye|trixie)$", "", name.removeprefix("golang:"))


def _deliver(bed: Bed, kitchen: recipes.Kitchen, names: list[str]) -> None:
    """Into the registry and the engine, unless they have these very images."""
    fresh = [name for name in names if not _is_delivered(bed, kitchen, name)]
    if not fresh:
        return
    with step(f"delivered {len(fresh)} name(s) like {fresh[0]}"):
        oci.push(kitchen.store, fresh, bed.registry)
        oci.load(kitchen.store, fresh, clients.docker(bed))
    for name in fresh:
        _delivered(bed, name).write_text(str(kitchen.store.image(name)))


def _is_delivered(bed: Bed, kitchen: recipes.Kitchen, name: str) -> bool:
    note = _delivered(bed, name)
    return note.exists() and note.read_text() == str(kitchen.store.image(name))


def _delivered(bed: Bed, name: str) -> Path:
    """Kept with the engine's data, and gone with it."""
    folder = bed.engine / "delivered"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / name.replace("/", "!")
