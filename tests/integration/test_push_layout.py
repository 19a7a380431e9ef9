"""What was verified is what is served: layouts pushed to real registries, and all else made from them."""

from __future__ import annotations

import json
import os
import shutil
import socket
import tarfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.integration.solving import (
    AUTH_REGISTRY,
    BOTH,
    BUILDERS,
    CONTAINER_BUILDER,
    REGISTRY,
    build,
    docker,
    engine,
    old_buildx,
    project,
    read_json,
    served_digest,
    with_login,
)

from xbuild.errors import RegistryError
from xbuild.solve.deliver import deliver
from xbuild.solve.push import PushError, push

both_drivers = pytest.mark.parametrize("builder", BUILDERS)


@pytest.fixture(autouse=True)
def _needs_an_engine() -> None:
    engine()


@pytest.fixture
def name() -> Iterator[str]:
    """A repository of this test's own."""
    found = f"solve-{uuid.uuid4().hex[:8]}"
    yield found
    for image in docker("images", "--format", "{{.Repository}}:{{.Tag}}").stdout.split():
        if found in image:
            docker("image", "rm", "--force", image, check=False)


@both_drivers
@pytest.mark.parametrize("platforms", [BOTH, ("--platform", "linux/amd64")])
@pytest.mark.parametrize(
    "provenance", [(), ("--provenance=false",), ("--provenance=mode=max", "--sbom=false")]
)
def test_the_served_digest_is_the_layout_s(
    builder: str, platforms: tuple[str, ...], provenance: tuple[str, ...], name: str, tmp_path: Path
) -> None:
    context = project(tmp_path / "p")
    tags = (f"{REGISTRY}/{name}:1", f"{REGISTRY}/{name}:2")
    flags = (*platforms, *provenance, "--tag", tags[0], "--tag", tags[1], "--push")
    result, options = build(tmp_path / "w", *flags, str(context), builder=builder)
    delivery = deliver(result, options, engine(builder))
    assert result.layout is not None
    assert [(o.reference, o.ok, o.digest) for o in delivery.pushed] == [
        (t, True, result.layout.digest) for t in tags
    ]
    assert {served_digest(tag) for tag in tags} == {result.layout.digest}
    docker("pull", "--quiet", tags[0])
    assert docker("run", "--rm", tags[0]).stdout == "for amd64 on x86_64\n"


@both_drivers
@pytest.mark.parametrize("flags", [(), ("--no-cache",)])
def test_a_change_after_the_build_changes_nothing(
    builder: str, flags: tuple[str, ...], name: str, tmp_path: Path
) -> None:
    context = project(tmp_path / "p")
    tag = f"{REGISTRY}/{name}:1"
    result, options = build(tmp_path / "w", *BOTH, *flags, "--push", "-t", tag, str(context), builder=builder)
    (context / "main.txt").write_text("changed between verifying and pushing")
    deliver(result, options, engine(builder))
    assert result.layout is not None
    assert served_digest(tag) == result.layout.digest


def test_several_registries_with_a_login(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_login(tmp_path, monkeypatch)
    context = project(tmp_path / "p")
    tags = (f"{REGISTRY}/{name}:1", f"{AUTH_REGISTRY}/{name}:1")
    result, options = build(tmp_path / "w", *BOTH, "--push", "-t", tags[0], "-t", tags[1], str(context))
    outcomes = deliver(result, options, engine()).pushed
    assert [(outcome.reference, outcome.ok) for outcome in outcomes] == [(tag, True) for tag in tags]
    assert result.layout is not None
    raw = docker("buildx", "imagetools", "inspect", "--raw", f"{tags[1]}@{result.layout.digest}").stdout
    assert json.loads(raw) == result.layout.read(result.layout.digest)


@pytest.mark.parametrize(
    ("refusing", "words"),
    [
        (AUTH_REGISTRY, f"docker login {AUTH_REGISTRY}"),
        ("127.0.0.1:9", "cannot be reached"),
        ("no-such-host.invalid", "cannot be reached"),
    ],
)
def test_no_tag_moves_when_another_registry_refuses(
    refusing: str, words: str, name: str, tmp_path: Path
) -> None:
    context = project(tmp_path / "p")
    good, bad = f"{REGISTRY}/{name}:1", f"{refusing}/{name}:1"
    result, options = build(tmp_path / "w", *BOTH, "--push", "-t", good, "-t", bad, str(context))
    iidfile = tmp_path / "iid"
    with pytest.raises(PushError) as caught:
        deliver(result, options.with_flags(("iidfile", str(iidfile))), engine())
    assert words in str(caught.value)
    assert isinstance(caught.value, RegistryError)
    assert [(outcome.reference, outcome.ok) for outcome in caught.value.outcomes] == [
        (good, False),
        (bad, False),
    ]
    assert served_digest(good) is None
    assert not iidfile.exists()


def test_a_registry_that_never_answers(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xbuild.solve.watch.PATIENCE_SECONDS", 1.0)
    monkeypatch.setattr("xbuild.solve.watch.ANSWER_SECONDS", 3.0)
    context = project(tmp_path / "p")
    # The kernel takes connections; nobody reads them.
    with socket.create_server(("127.0.0.1", 0)) as server:
        silent = f"127.0.0.1:{server.getsockname()[1]}"
        good, bad = f"{REGISTRY}/{name}:1", f"{silent}/{name}:1"
        result, options = build(tmp_path / "w", *BOTH, "--push", "-t", good, "-t", bad, str(context))
        started = time.monotonic()
        with pytest.raises(PushError, match=f"{silent} does not answer in time"):
            deliver(result, options, engine())
    assert time.monotonic() - started < 300  # the upload's own bound is an hour
    assert served_digest(good) is None


def test_the_fallback_of_an_old_buildx_through_the_engine(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = old_buildx(monkeypatch)
    monkeypatch.setattr(shutil, "which", lambda _name: None)  # without skopeo
    context = project(tmp_path / "p")
    tag = f"{REGISTRY}/{name}:1"
    result, options = build(tmp_path / "w", *BOTH, "--push", "-t", tag, str(context))
    assert deliver(result, options, found).pushed[0].ok
    assert result.layout is not None
    assert served_digest(tag) == result.layout.digest


@pytest.mark.skipif(not shutil.which("skopeo"), reason="skopeo is not installed")
def test_the_fallback_of_an_old_buildx_through_skopeo(name: str, tmp_path: Path) -> None:
    context = project(tmp_path / "p")
    tags = (f"{REGISTRY}/{name}-a:1", f"{REGISTRY}/{name}-b:1")
    result, _ = build(tmp_path / "w", *BOTH, str(context))
    assert result.layout is not None
    old = replace(engine(), buildx_version=(0, 29, 1))
    assert all(outcome.ok for outcome in push(result.layout, tags, old))
    assert {served_digest(tag) for tag in tags} == {result.layout.digest}
    with pytest.raises(PushError):
        push(result.layout, (f"{REGISTRY}/{name}-c:1", f"127.0.0.1:9/{name}:1"), old)
    assert served_digest(f"{REGISTRY}/{name}-c:1") is None


@both_drivers
@pytest.mark.parametrize("platforms", [BOTH, ("--platform", "linux/arm64")])
def test_loaded_images_keep_their_digest_and_run(
    builder: str, platforms: tuple[str, ...], name: str, tmp_path: Path
) -> None:
    context = project(tmp_path / "p")
    tag = f"{name}:1"
    result, options = build(tmp_path / "w", *platforms, "--load", "-t", tag, str(context), builder=builder)
    delivery = deliver(result, options, engine(builder))
    assert delivery.loaded
    assert docker("image", "inspect", "--format", "{{.Id}}", tag).stdout.strip() == delivery.digest
    said = docker("run", "--rm", "--platform", "linux/arm64", tag).stdout
    assert said == "for arm64 on x86_64\n"


def test_the_docker_driver_loads_without_being_asked_and_the_container_driver_does_not(
    name: str, tmp_path: Path
) -> None:
    context = project(tmp_path / "p")
    result, options = build(tmp_path / "1", "-t", f"{name}:1", str(context))
    assert deliver(result, options, engine()).loaded
    result, options = build(tmp_path / "2", "-t", f"{name}:2", str(context), builder=CONTAINER_BUILDER)
    delivery = deliver(result, options, engine(CONTAINER_BUILDER))
    assert not delivery.loaded
    assert "build cache" in delivery.notes[0]
    assert f"{name}:2" not in docker("images", "--format", "{{.Repository}}:{{.Tag}}").stdout


def test_an_image_without_a_name_is_loaded_too(tmp_path: Path) -> None:
    context = project(tmp_path / "p")
    result, options = build(tmp_path / "w", "--no-cache", str(context))
    digest = deliver(result, options, engine()).digest
    try:
        assert docker("run", "--rm", digest).stdout == "for amd64 on x86_64\n"
    finally:
        docker("image", "rm", digest, check=False)


FILES = """\
FROM --platform=$BUILDPLATFORM busybox AS builder
ARG TARGETARCH
RUN mkdir -p /out/bin /out/etc/deep && echo $TARGETARCH > /out/bin/tool && chmod 755 /out/bin/tool && \\
    ln -s bin/tool /out/link && ln /out/bin/tool /out/hard && echo gone > /out/etc/gone && \\
    chmod 700 /out/etc && chown 1000:1000 /out/bin/tool
FROM scratch
COPY --from=builder /out /
COPY main.txt /etc/deep/
"""


def _shape(folder: Path) -> dict[str, tuple[str, int, str]]:
    return {
        str(path.relative_to(folder)): (
            "link" if path.is_symlink() else "folder" if path.is_dir() else "file",
            path.lstat().st_mode & 0o7777,
            str(path.readlink()) if path.is_symlink() else path.read_text() if path.is_file() else "",
        )
        for path in folder.rglob("*")
    }


@both_drivers
@pytest.mark.parametrize("platforms", [BOTH, ("--platform", "linux/amd64")])
def test_local_and_tar_outputs_are_what_buildx_writes(
    builder: str, platforms: tuple[str, ...], tmp_path: Path
) -> None:
    context = project(tmp_path / "p", {}, FILES)
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    docker(
        "buildx", "build", "--builder", builder, *platforms, "-o", f"type=local,dest={theirs}",
        "-o", f"type=tar,dest={theirs}.tar", str(context),
    )  # fmt: skip
    outputs = ("-o", f"type=local,dest={ours}", "-o", f"type=tar,dest={ours}.tar")
    result, options = build(tmp_path / "w", *platforms, *outputs, str(context), builder=builder)
    delivery = deliver(result, options, engine(builder))
    assert delivery.written == (str(ours), f"{ours}.tar")
    assert not delivery.loaded
    assert _shape(ours) == _shape(theirs)
    with tarfile.open(f"{ours}.tar") as mine, tarfile.open(f"{theirs}.tar") as other:
        assert _members(mine) == _members(other)


def _members(archive: tarfile.TarFile) -> dict[str, tuple[int, int, int, bytes, str]]:
    return {
        member.name.strip("/"): (member.mode & 0o7777, member.uid, member.gid, member.type, member.linkname)
        for member in archive
    }


def test_oci_and_docker_archives_can_be_loaded(name: str, tmp_path: Path) -> None:
    context = project(tmp_path / "p")
    oci, old, folder = tmp_path / "oci.tar", tmp_path / "docker.tar", tmp_path / "layout"
    outputs = (f"type=oci,dest={oci}", f"type=docker,dest={old}", f"type=oci,tar=false,dest={folder}")
    flags = [word for output in outputs for word in ("-o", output)]
    result, options = build(tmp_path / "w", "--platform=linux/amd64", *flags, "-t", f"{name}:1", str(context))
    delivery = deliver(result, options, engine())
    assert not delivery.loaded
    assert (folder / "index.json").exists()
    for archive in (oci, old):
        assert f"{name}:1" in docker("load", "--input", str(archive)).stdout
        assert docker("run", "--rm", f"{name}:1").stdout == "for amd64 on x86_64\n"
        docker("image", "rm", f"{name}:1")
    assert result.layout is not None


@both_drivers
def test_records_name_what_was_delivered(
    builder: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BUILDX_METADATA_PROVENANCE", raising=False)
    context = project(tmp_path / "p")
    theirs, ours, iid = tmp_path / "theirs.json", tmp_path / "ours.json", tmp_path / "iid"
    tag = f"{REGISTRY}/{name}:1"
    docker(
        "buildx",
        "build",
        "--builder",
        builder,
        *BOTH,
        "--push",
        "-t",
        tag,
        "--metadata-file",
        str(theirs),
        str(context),
    )
    records = ("--metadata-file", str(ours), "--iidfile", str(iid))
    result, options = build(
        tmp_path / "w", *BOTH, "--push", "-t", tag, *records, str(context), builder=builder
    )
    deliver(result, options, engine(builder))
    assert iid.read_text() == served_digest(tag)
    mine, other = read_json(ours), read_json(theirs)
    assert mine["containerimage.digest"] == served_digest(tag)
    assert mine["image.name"] == other["image.name"]
    assert set(other) - set(mine) == set()
    for key in mine:
        if key.startswith("buildx.build.provenance"):
            assert mine[key].keys() == other[key].keys(), key


def test_a_login_is_never_shown(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_login(tmp_path, monkeypatch)
    context = project(tmp_path / "p")
    result, options = build(
        tmp_path / "w", "--push", "-t", f"{AUTH_REGISTRY}/{name}:1", "--platform=linux/amd64", str(context)
    )
    delivery = deliver(result, options, engine())
    password = os.environ["XBUILD_TESTBED_AUTH_PASSWORD"]
    assert password not in repr((delivery, result, options))
