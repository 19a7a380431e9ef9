"""Layouts and archives in every form they come in, and damage to each of their parts."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.verify.builder import (
    OCI_CONFIG,
    OCI_MANIFEST,
    Built,
    Item,
    Layout,
    compress,
    go_program,
    layer_tar,
    sparse_tar,
    write_archive,
    write_classic,
    write_layout,
)
from xbuild.errors import ImageError
from xbuild.platforms import Platform
from xbuild.verify.image import verify_layout
from xbuild.verify.oci import open_image
from xbuild.verify.scan import scan_layer
from xbuild.verify.spec import History

AMD64 = Built("linux/amd64", [[Item("app", go_program("amd64"))]], ["/app"])
ARM64 = Built("linux/arm64", [[Item("app", go_program("arm64"))]], ["/app"])


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize("docker_types", [True, False])
def test_a_layout(tmp_path: Path, nested: bool, docker_types: bool) -> None:
    with open_image(write_layout(tmp_path, AMD64, ARM64, nested=nested, docker_types=docker_types)) as image:
        assert [manifest.platform for manifest in image.manifests] == ["linux/amd64", "linux/arm64"]
        assert [item.what for item in image.skipped] == ["attestation", "attestation"]
        assert bool(image.digest) is nested


def test_the_config(tmp_path: Path) -> None:
    built = Built("linux/arm/v7", [[Item("a")]], ["/app"], ["serve"], working_dir="/w", created_by=["COPY a"])
    with open_image(write_layout(tmp_path, built)) as image:
        config = image.manifests[0].config
    assert config.platform == "linux/arm/v7"
    assert (config.entrypoint, config.cmd, config.working_dir) == (("/app",), ("serve",), "/w")
    assert config.variable("PATH") == "/usr/local/bin:/usr/bin:/bin"
    assert config.variable("HOME") is None
    assert (config.user, config.labels, config.exposed_ports) == ("65532", (("a", "b"),), ("8080/tcp",))
    assert config.layer_history() == (History("COPY a", "buildkit.dockerfile.v0"),)
    assert len(config.history) == 2


@pytest.mark.parametrize("how", ["gzip", "zstd", "plain"])
def test_layers_in_every_compression(tmp_path: Path, how: str) -> None:
    built = Built(
        "linux/amd64", [[Item("app", go_program("amd64")), Item("x", bytes(3_000_000))]], compression=how
    )
    with open_image(write_layout(tmp_path, built)) as image:
        scan = scan_layer(image, image.manifests[0].layers[0])
    assert [entry.path for entry in scan.entries] == ["app", "x"]
    assert scan.bytes > 3_000_000


def write_layer(tmp_path: Path, data: bytes) -> Path:
    layout = Layout(tmp_path)
    config = layout.json({"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": ["x"]}}, OCI_CONFIG)
    layer = layout.descriptor(data, "application/vnd.oci.image.layer.v1.tar")
    return layout.finish(layout.json({"config": config, "layers": [layer]}, OCI_MANIFEST))


def several_gzip_members(tar: bytes) -> bytes:
    return gzip.compress(tar[:700]) + gzip.compress(tar[700:]) + gzip.compress(b"") + bytes(40)


def several_zstd_frames(tar: bytes) -> bytes:
    skippable = b"\x50\x2a\x4d\x18\x04\0\0\0toc!"
    return skippable + compress(tar[:700], "zstd") + skippable + compress(tar[700:], "zstd") + skippable


@pytest.mark.parametrize("pack", [several_gzip_members, several_zstd_frames])
def test_compressed_layers_of_several_parts(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    tar = layer_tar([Item("a", b"x" * 5000), Item("b")])
    with open_image(write_layer(tmp_path, pack(tar))) as image:
        scan = scan_layer(image, image.manifests[0].layers[0])
    assert [entry.path for entry in scan.entries] == ["a", "b"]


@pytest.mark.parametrize("how", ["gzip", "zstd", "plain"])
def test_a_compressed_layer_that_breaks_off(tmp_path: Path, how: str) -> None:
    data = compress(layer_tar([Item("a", bytes(range(256)) * 40)]), how)
    with open_image(write_layer(tmp_path, data[: len(data) // 2])) as image, pytest.raises(ImageError):
        scan_layer(image, image.manifests[0].layers[0])


@pytest.mark.parametrize("start", [b"\x1f\x8b\x08\x00", b"\x28\xb5\x2f\xfd"])
def test_a_layer_of_damaged_compression(tmp_path: Path, start: bytes) -> None:
    with (
        open_image(write_layer(tmp_path, start + b"\xff" * 600)) as image,
        pytest.raises(ImageError, match=r"cannot be read|breaks off"),
    ):
        scan_layer(image, image.manifests[0].layers[0])


@pytest.mark.parametrize("pack", [lambda data: data, gzip.compress, lambda data: compress(data, "zstd")])
def test_an_archive_is_as_good_as_its_layout(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    layout = write_layout(tmp_path / "layout", AMD64, ARM64)
    archive = write_archive(tmp_path / "image.tar", layout)
    archive.write_bytes(pack(archive.read_bytes()))
    expected, found = verify_layout(layout, cache=None), verify_layout(archive, cache=None)
    assert found.passed
    assert found.platforms == expected.platforms
    assert found.digest == expected.digest


def test_the_classic_form_of_docker_save(tmp_path: Path) -> None:
    built = Built("linux/arm64", [[Item("app", go_program("arm64"))], [Item("x")], [Item("x")]], ["/app"])
    outcome = verify_layout(write_classic(tmp_path / "image.tar", built), cache=None)
    assert outcome.passed
    assert [platform.platform for platform in outcome.platforms] == ["linux/arm64"]
    assert outcome.platforms[0].counts.to_json()["go"] == 1


def test_docker_save_lists_platforms_that_it_does_not_hold(tmp_path: Path) -> None:
    layout = write_layout(tmp_path / "layout", AMD64, ARM64)
    with open_image(layout) as image:
        missing = image.manifests[1].descriptor.digest
    (layout / "blobs" / missing.replace(":", "/")).unlink()
    with pytest.raises(ImageError, match=r"is not there"):
        verify_layout(layout, cache=None)
    (layout / "manifest.json").write_text("[]")
    outcome = verify_layout(write_archive(tmp_path / "image.tar", layout), cache=None)
    assert [platform.platform for platform in outcome.platforms] == ["linux/amd64"]
    assert any("linux/arm64: not in the archive" in item for item in outcome.skipped)


def test_platforms_and_artifacts_that_are_not_judged(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    windows = layout.image(Built("windows/amd64", [[Item("a")]]))
    config = layout.json({}, "application/vnd.oci.empty.v1+json")
    signature = layout.json({"config": config, "layers": []}, OCI_MANIFEST)
    layout.finish(windows, signature, layout.image(AMD64))
    with open_image(tmp_path) as image:
        assert [item.what for item in image.skipped] == [
            "platform windows/amd64 is not judged",
            "not an image: application/vnd.oci.empty.v1+json",
        ]
        assert len(image.manifests) == 1
    outcome = verify_layout(tmp_path, cache=None)
    assert outcome.passed
    assert [check.message for check in outcome.warnings] == [
        "the image for windows/amd64 was not checked: xbuild knows no such Linux platform"
    ]
    assert not verify_layout(tmp_path, [Platform.parse("linux/amd64")], cache=None).warnings


@pytest.mark.parametrize("platform", ["windows/amd64", "linux/mips", "wasip1/wasm", "unknown/unknown"])
def test_an_image_of_which_nothing_can_be_judged(tmp_path: Path, platform: str) -> None:
    built = Built(platform, [[Item("app", go_program("amd64"))]], ["/app"])
    with pytest.raises(ImageError, match=f"nothing in it can be checked: {platform}"):
        verify_layout(write_layout(tmp_path / "layout", built), cache=None)
    with pytest.raises(ImageError, match=f"nothing in it can be checked: {platform}"):
        verify_layout(write_classic(tmp_path / "image.tar", built), cache=None)
    outcome = verify_layout(tmp_path / "layout", [Platform.parse("linux/amd64")], cache=None)
    assert not outcome.passed


def test_attestations_alone_are_no_image(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.finish(layout.attestation("sha256:" + "0" * 64))
    with pytest.raises(ImageError, match="nothing in it can be checked: attestation"):
        verify_layout(tmp_path, cache=None)


@pytest.mark.parametrize(
    "platform",
    [
        "linux/arm64/v8.2",
        "linux/arm64/v9",
        "linux/arm64/next",
        "linux/amd64/v5",
        "linux/arm/v8",
        "linux/386/x",
    ],
)
def test_a_linux_image_is_judged_whatever_its_variant(tmp_path: Path, platform: str) -> None:
    architecture = platform.split("/")[1]
    for name, program in (("good", architecture), ("bad", "s390x")):
        built = Built(platform, [[Item("app", go_program(program))]], ["/app"])
        outcome = verify_layout(write_layout(tmp_path / name, AMD64, built), cache=None)
        assert [found.platform for found in outcome.platforms] == ["linux/amd64", platform]
        assert outcome.passed is (name == "good")


def listed(tmp_path: Path, *platforms: dict[str, str] | None) -> Path:
    """An amd64 image, listed for each of these platforms."""
    layout = Layout(tmp_path)
    image = layout.image(AMD64)
    return layout.finish(layout.index([{**image, "platform": platform} for platform in platforms]))


def test_one_manifest_listed_for_several_platforms_is_judged_for_each(tmp_path: Path) -> None:
    amd64, arm64 = ({"os": "linux", "architecture": name} for name in ("amd64", "arm64"))
    outcome = verify_layout(listed(tmp_path, amd64, arm64, amd64), cache=None)
    assert [platform.platform for platform in outcome.platforms] == ["linux/amd64", "linux/arm64"]
    assert [platform.passed for platform in outcome.platforms] == [True, False]


def test_one_manifest_listed_more_than_once_for_the_same_platform(tmp_path: Path) -> None:
    forms = ({"os": "linux", "architecture": "amd64"}, {"os": "linux", "architecture": "x86_64"})
    outcome = verify_layout(
        listed(
            tmp_path, None, *forms, {"architecture": "amd64"}, {"os": "unknown", "architecture": "unknown"}
        ),
        cache=None,
    )
    assert [platform.platform for platform in outcome.platforms] == ["linux/amd64"]


def test_the_mark_of_attestations_does_not_hide_an_image(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    bad = layout.image(Built("linux/arm64", [[Item("app", go_program("amd64"))]], ["/app"]))
    marked = {**bad, "annotations": {"vnd.docker.reference.type": "attestation-manifest"}}
    layout.finish(layout.index([layout.image(AMD64), marked]))
    assert not verify_layout(tmp_path, cache=None).passed


def test_statements_are_skipped_even_when_they_are_not_marked(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    config = layout.json({"os": "unknown", "architecture": "unknown"}, OCI_CONFIG)
    for media_type, what in (
        ("application/vnd.in-toto+json", "attestation"),
        ("application/vnd.dev.cosign.simplesigning.v1+json", "not an image: layers of type"),
    ):
        statement = layout.json({"_type": media_type}, media_type)
        manifest = layout.json({"config": config, "layers": [statement]}, OCI_MANIFEST)
        layout.finish(manifest, layout.image(AMD64))
        outcome = verify_layout(tmp_path, cache=None)
        assert not outcome.warnings
        assert what in outcome.skipped[0]


@pytest.mark.parametrize("form", ["gnu", "0.0", "0.1", "1.0"])
def test_a_sparse_program_is_judged(tmp_path: Path, form: str) -> None:
    program = go_program("amd64") + bytes(9000) + b"x"
    tars = [sparse_tar("app", program, form, [(0, len(program) - 9001), (len(program) - 1, 1)])]
    for platform, passed in (("linux/amd64", True), ("linux/arm64", False)):
        built = Built(platform, [[]], ["/app"], tars=tars)
        outcome = verify_layout(write_layout(tmp_path / platform.replace("/", "-"), built), cache=None)
        assert outcome.passed is passed
        assert outcome.platforms[0].counts.to_json()["go"] == 1


def test_an_archive_with_sparse_members(tmp_path: Path) -> None:
    (tmp_path / "image.tar").write_bytes(sparse_tar("index.json", b"{}" + bytes(5000), "1.0", [(0, 2)]))
    with pytest.raises(ImageError, match="sparse"):
        verify_layout(tmp_path / "image.tar", cache=None)


@pytest.mark.parametrize("which", ["index", "manifest", "config", "layer"])
def test_every_blob_is_checked(tmp_path: Path, which: str) -> None:
    layout = write_layout(tmp_path, AMD64)
    with open_image(layout) as image:
        manifest = image.manifests[0]
        content = json.loads((tmp_path / "blobs" / manifest.descriptor.digest.replace(":", "/")).read_text())
        digests = {
            "index": image.digest,
            "manifest": manifest.descriptor.digest,
            "config": content["config"]["digest"],
            "layer": manifest.layers[0].digest,
        }
    blob = layout / "blobs" / digests[which].replace(":", "/")
    data = bytearray(blob.read_bytes())
    data[-1] ^= 1
    blob.write_bytes(data)
    with pytest.raises(ImageError, match=r"has the digest|cannot be read") as caught:
        verify_layout(layout, cache=None)
    assert caught.value.file is not None
    blob.unlink()
    with pytest.raises(ImageError, match=r"is not there"):
        verify_layout(layout, cache=None)


def test_a_blob_of_another_size(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    descriptor = layout.image(AMD64)
    layout.finish({**descriptor, "size": 7})
    with pytest.raises(ImageError, match=r"bytes, not 7"):
        verify_layout(tmp_path, cache=None)


@pytest.mark.parametrize(
    "index",
    [
        "",
        "[",
        "[]",
        "{}",
        '{"manifests": []}',
        '{"manifests": {}}',
        '{"manifests": [1]}',
        '{"manifests": [{"digest": "md5:x"}]}',
        '{"manifests": [{"digest": "sha256:../../../../etc/passwd"}]}',
        "[" * 100_000,
    ],
)
def test_an_index_that_cannot_be_read(tmp_path: Path, index: str) -> None:
    (tmp_path / "index.json").write_text(index)
    with pytest.raises(ImageError):
        verify_layout(tmp_path)


@pytest.mark.parametrize(
    "manifest",
    [
        [],
        {},
        {"config": 1},
        {"config": {"digest": "sha256:" + "0" * 64, "mediaType": OCI_CONFIG}, "layers": [1]},
    ],
)
def test_a_manifest_that_cannot_be_read(tmp_path: Path, manifest: Any) -> None:
    layout = Layout(tmp_path)
    layout.finish(layout.json(manifest, OCI_MANIFEST))
    with pytest.raises(ImageError):
        verify_layout(tmp_path)


def test_indexes_nested_without_end(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    descriptor = layout.image(AMD64)
    for _ in range(12):
        descriptor = layout.index([descriptor])
    layout.finish(descriptor)
    with pytest.raises(ImageError, match=r"nested too deep"):
        verify_layout(tmp_path)


def test_layers_and_config_that_disagree(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    config = layout.json({"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": []}}, OCI_CONFIG)
    layer = layout.descriptor(layer_tar([Item("a")]), "application/vnd.oci.image.layer.v1.tar")
    layout.finish(layout.json({"config": config, "layers": [layer]}, OCI_MANIFEST))
    with pytest.raises(ImageError, match=r"its config 0"):
        verify_layout(tmp_path)


def test_what_is_no_image(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"no index\.json"):
        verify_layout(tmp_path)
    with pytest.raises(ImageError, match=r"no such file"):
        verify_layout(tmp_path / "absent")
    for number, data in enumerate((b"", b"hello", b"root:x:0:0:root:/root:/bin/sh\n" * 40, b"\x7fELF" * 400)):
        file = tmp_path / f"file-{number}"
        file.write_bytes(data)
        with pytest.raises(ImageError, match=r"this is no archive\n  expected: a tar") as raised:
            verify_layout(file)
        assert raised.value.file == str(file)
    (tmp_path / "other.tar").write_bytes(layer_tar([Item("a", b"x")]))
    with pytest.raises(ImageError, match=r"neither an OCI archive"):
        verify_layout(tmp_path / "other.tar")


@pytest.mark.parametrize(
    "content",
    [b"{}", b"[]", b"[1]", b'[{"Config": "x.json", "Layers": []}]', b'[{"Config": 5}]', b"not json"],
)
def test_a_classic_archive_that_cannot_be_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "image.tar").write_bytes(layer_tar([Item("manifest.json", content)]))
    with pytest.raises(ImageError):
        verify_layout(tmp_path / "image.tar")
