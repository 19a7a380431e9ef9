"""Images on Alpine, made only when they are asked for: Alpine itself, Go and Node.js, by the hub's names."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from pathlib import Path

from . import alpine, alpine_packages, musl_python, node, rootfs
from .debian import Apt, unpack_one
from .oci import Descriptor, Layer, Platform, make_manifest
from .process import BedError, run
from .recipes import (
    GO_PATH,
    HOST,
    PATH,
    PYTHON_PATH,
    Kitchen,
    _go_version,
    _image,
    _is_newest,
    debian_layer,
    go_layer,
    host_variables,
    python_layer,
)

CODE = ("rootfs.py", "alpine_images.py", *alpine_packages.CODE)
_one_at_a_time = threading.Lock()
# Tags of Alpine's own image.
TAGS = (alpine.RELEASE, alpine.VERSION, alpine.RELEASE.partition(".")[0], "latest")
SUFFIXES = ("-alpine", f"-alpine{alpine.RELEASE}")


def images(kitchen: Kitchen, tag: str) -> list[str]:
    """Alpine's own image."""
    if tag not in TAGS:
        raise BedError(f"no recipe for alpine:{tag}: there are {', '.join(TAGS)}")

    def manifest(platform: Platform) -> Descriptor:
        settings = {"Env": [PATH, *host_variables()], "Cmd": ["/bin/sh"]}
        return make_manifest(kitchen.store, platform, base(kitchen, platform), settings)

    return _image(kitchen, [f"docker.io/library/alpine:{each}" for each in TAGS], kitchen.compilers, manifest)


def golang(kitchen: Kitchen, tag: str) -> list[str]:
    """`1.26-alpine`: the release that the images on Debian have, which is linked statically, on Alpine."""
    asked = _asked("golang", tag)
    version = _go_version(kitchen, asked)

    def manifest(platform: Platform) -> Descriptor:
        layers = [
            *base(kitchen, platform),
            packages(kitchen, platform, "ca-certificates"),
            go_layer(kitchen, platform, version),
        ]
        env = [GO_PATH, f"GOLANG_VERSION={version}", "GOTOOLCHAIN=local", "GOPATH=/go", *host_variables()]
        settings = {"Env": env, "Cmd": ["/bin/sh"], "WorkingDir": "/go"}
        return make_manifest(kitchen.store, platform, layers, settings)

    tags = {asked, version} | ({version.rpartition(".")[0]} if _is_newest(kitchen, version) else set())
    names = [f"docker.io/library/golang:{each}{more}" for each in sorted(tags) for more in SUFFIXES]
    return _image(kitchen, names, kitchen.compilers, manifest)


def node_images(kitchen: Kitchen, tag: str) -> list[str]:
    """`24-alpine`: Node.js, npm, corepack and yarn 1, and the user `node`."""
    version = node.release_on_musl(_asked("node", tag))

    def fill(architecture: str, below: Path, root: Path) -> None:
        node.install_on_musl(kitchen.bed, version, architecture, below, root)

    def manifest(platform: Platform) -> Descriptor:
        layers = [*base(kitchen, platform), packages(kitchen, platform, "libstdc++")]
        below, architecture = kitchen.store.blob(layers[0].digest), platform.fields["architecture"]
        name = f"node-{version}-alpine-{platform.key}"
        layers.append(
            kitchen.layer(name, f"node {version}", lambda root: fill(architecture, below, root), "node.py")
        )
        env = [PATH, f"NODE_VERSION={version}", f"YARN_VERSION={node.YARN}", *host_variables()]
        return make_manifest(kitchen.store, platform, layers, {"Env": env, "Cmd": ["node"]})

    tags = (version.partition(".")[0], version.rpartition(".")[0], version)
    names = [f"docker.io/library/node:{each}{more}" for each in tags for more in SUFFIXES]
    return _image(kitchen, names, kitchen.compilers, manifest)


def python_images(kitchen: Kitchen, tag: str) -> list[str]:
    """`3.13-alpine`: compiled for musl, once."""
    asked = _asked("python", tag)
    if asked not in (musl_python.VERSION, musl_python.RELEASE):
        raise BedError(f"no recipe for python:{tag}: of Python on Alpine there is {musl_python.VERSION}")

    def manifest(platform: Platform) -> Descriptor:
        made = _compiled(kitchen, platform.fields["architecture"])
        layers = [
            *base(kitchen, platform),
            packages(kitchen, platform, "ca-certificates", "tzdata"),
            kitchen.layer(
                f"python-{musl_python.RELEASE}-alpine-{platform.key}",
                f"python {musl_python.RELEASE} in /usr/local",
                lambda root: musl_python.install(made, root),
                "musl_python.py",
                "python.py",
            ),
        ]
        env = [PYTHON_PATH, f"PYTHON_VERSION={musl_python.RELEASE}", *host_variables()]
        return make_manifest(kitchen.store, platform, layers, {"Env": env, "Cmd": ["python3"]})

    tags = (musl_python.VERSION, musl_python.RELEASE)
    names = [f"docker.io/library/python:{each}{more}" for each in tags for more in SUFFIXES]
    return _image(kitchen, names, kitchen.compilers, manifest)


def _compiled(kitchen: Kitchen, architecture: str) -> Path:
    """Python's tree for musl on that architecture, compiled once and kept in the cache."""
    folder = kitchen.bed.cache / "musl-python" / f"{architecture}-{musl_python.RELEASE}"
    with _one_at_a_time:
        if not folder.exists():
            fresh = folder.with_name(f"{folder.name}.new")
            shutil.rmtree(fresh, ignore_errors=True)
            musl_python.compile_python(_workshop(kitchen, architecture, fresh)).rename(folder)
            shutil.rmtree(fresh)
    return folder


def _workshop(kitchen: Kitchen, architecture: str, folder: Path) -> musl_python.Workshop:
    """With sources, headers, and the Python of the same version that runs on this machine."""
    target = next(each for each in kitchen.compilers if each.fields["architecture"] == architecture)
    there, native = (replace(each, suite="trixie") for each in (target, HOST[0]))
    python, headers, sources = folder / "native", folder / "headers", folder / "sources"
    for each in (python, headers):
        each.mkdir(parents=True)
    for layer in (debian_layer(kitchen, native), python_layer(kitchen, native, musl_python.VERSION)):
        run("tar", "-C", python, "-xf", kitchen.store.blob(layer.digest))
    debs = kitchen.tree(f"archives-musl-python-{architecture}")
    for deb in kitchen.apt(there).download(["libssl-dev"], debs):
        if deb.name.startswith("libssl-dev_"):
            unpack_one(deb, headers)
    shutil.rmtree(debs)
    lines = [line.replace("deb ", "deb-src ", 1) for line in kitchen.archive.sources(native.suite)]
    apt = Apt(kitchen.bed.cache / "apt/source", native.debian, lines)
    apt.update()
    musl_python.fetch_sources(apt, sources)
    return musl_python.Workshop(kitchen.bed, architecture, folder, sources, python, headers)


def _asked(image: str, tag: str) -> str:
    release, _, system = tag.partition("-")
    if f"-{system}" not in SUFFIXES:
        raise BedError(f"no recipe for {image}:{tag}: of Alpine there is {alpine.RELEASE}")
    return release


def base(kitchen: Kitchen, platform: Platform) -> list[Layer]:
    """Alpine, and the packages that apk finds in it."""
    architecture = platform.fields["architecture"]

    def fill(root: Path) -> None:
        alpine.fill(kitchen.bed, architecture, root)
        rootfs.add_certificates(root)

    name = f"alpine-{alpine.VERSION}-{platform.key}"
    layer = kitchen.layer(name, f"alpine {alpine.VERSION}", fill, *CODE)
    return [layer, alpine_packages.layer(kitchen)]


def packages(kitchen: Kitchen, platform: Platform, *names: str) -> Layer:
    """What `apk add` of those packages changes, but for what their scripts would do."""
    architecture = platform.fields["architecture"]

    def fill(root: Path) -> None:
        below = kitchen.tree(f"{root.name}-below")
        run("tar", "-C", below, "-xf", kitchen.store.blob(base(kitchen, platform)[0].digest))
        alpine.copy(below, root)
        repository, keys = alpine_packages.repository(kitchen), alpine.key(kitchen.bed).parent
        found = ("--repository", repository, "--keys-dir", keys)
        alpine.tools(kitchen.bed).at(root, alpine.NAMES[architecture], "add", *found, *names)
        alpine.keep_changes(below, root)
        shutil.rmtree(below)

    name = f"alpine-{'-'.join(names)}-{platform.key}"
    return kitchen.layer(name, f"apk add {' '.join(names)}", fill, *CODE)


# On images whose tag names Alpine; those of other systems have recipes of the same names elsewhere.
RECIPES = {"golang": golang, "node": node_images, "python": python_images}
