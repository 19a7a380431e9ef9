"""Layouts: read, merged, archived, exported as files."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from tests.unit.solve.images import Files, blob, make_layout
from xbuild.errors import ImageError, UsageError
from xbuild.platforms import Platform
from xbuild.solve.archive import write_archive
from xbuild.solve.export import export_files, export_tar
from xbuild.solve.layout import OCI_INDEX, Layout, merge_layouts, write_index

AMD64 = Platform.parse("linux/amd64")
ARM = Platform.parse("linux/arm/v7")


def test_images_and_their_attestations(tmp_path: Path) -> None:
    layout = make_layout(tmp_path, {"linux/amd64": [{"a": b"1"}], "linux/arm/v7": [{"a": b"2"}]})
    assert [image.platform for image in layout.images] == [AMD64, ARM]
    assert layout.root.is_index
    assert all(len(image.attestations) == 1 for image in layout.images)


def test_a_lone_manifest_gets_its_platform_from_the_config(tmp_path: Path) -> None:
    layout = make_layout(tmp_path, {"linux/arm/v7": [{"a": b"1"}]}, attested=False)
    assert not layout.root.is_index
    assert [image.platform for image in layout.images] == [ARM]


def test_what_is_no_layout(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no OCI image layout"):
        _ = Layout(tmp_path).root


def test_merged_layouts_keep_manifests_and_attestations(tmp_path: Path) -> None:
    one = make_layout(tmp_path / "1", {"linux/amd64": [{"a": b"1"}]})
    two = make_layout(tmp_path / "2", {"linux/arm/v7": [{"a": b"2"}]}, attested=False)
    merged = merge_layouts([one, two], tmp_path / "merged")
    assert [image.platform for image in merged.images] == [AMD64, ARM]
    assert {d.digest for d in merged.manifests} == {d.digest for part in (one, two) for d in part.manifests}
    assert [len(image.attestations) for image in merged.images] == [1, 0]
    for descriptor in merged.manifests:
        assert merged.blob(descriptor.digest).stat().st_size == descriptor.size


def annotated(layout: Layout, root: dict[str, str], **annotations: str) -> Layout:
    """The same image with annotations of its index, and of the descriptor that names it."""
    index = {**layout.read(layout.digest), "annotations": annotations}
    write_index(
        layout.path, {**blob(layout.path, json.dumps(index).encode(), OCI_INDEX), "annotations": root}
    )
    return Layout(layout.path)


def test_annotations_of_merged_indexes_are_kept(tmp_path: Path) -> None:
    one = annotated(make_layout(tmp_path / "1", {"linux/amd64": [{"a": b"1"}]}), {"of": "root"}, a="1", b="1")
    two = annotated(make_layout(tmp_path / "2", {"linux/arm/v7": [{"a": b"2"}]}), {}, b="2", c="2")
    merged = merge_layouts([one, two], tmp_path / "merged")
    assert merged.read(merged.digest)["annotations"] == {"a": "1", "b": "1", "c": "2"}
    assert merged.root.annotations == {"of": "root"}
    plain = merge_layouts([make_layout(tmp_path / "3", {"linux/amd64": [{}]})], tmp_path / "4")
    assert "annotations" not in plain.read(plain.digest)


def test_an_archive_is_the_layout_under_its_names(tmp_path: Path) -> None:
    layout = make_layout(tmp_path / "l", {"linux/amd64": [{"a": b"1"}]})
    stream = io.BytesIO()
    write_archive(layout, stream, ["docker.io/library/a:1", "host:5000/b:2"])
    stream.seek(0)
    with tarfile.open(fileobj=stream) as archive:
        archive.extractall(tmp_path / "out", filter="data")
    again = Layout(tmp_path / "out")
    assert again.digest == layout.digest
    entries = json.loads((tmp_path / "out" / "index.json").read_text())["manifests"]
    assert [entry["annotations"]["io.containerd.image.name"] for entry in entries] == [
        "docker.io/library/a:1",
        "host:5000/b:2",
    ]


def test_the_docker_format_holds_one_platform(tmp_path: Path) -> None:
    layout = make_layout(tmp_path / "l", {"linux/amd64": [{"a": b"1"}], "linux/arm64": [{"a": b"1"}]})
    with pytest.raises(UsageError, match="holds one platform"):
        write_archive(layout, io.BytesIO(), style="docker")
    single = make_layout(tmp_path / "s", {"linux/amd64": [{"a": b"1"}, {"b": b"2"}]})
    stream = io.BytesIO()
    write_archive(single, stream, ["docker.io/library/a:1"], style="docker")
    stream.seek(0)
    with tarfile.open(fileobj=stream) as archive:
        file = archive.extractfile("manifest.json")
        assert file is not None
        entry = json.load(file)[0]
        assert entry["RepoTags"] == ["a:1"]
        assert {entry["Config"], *entry["Layers"]} <= set(archive.getnames())


LAYERS: list[Files] = [
    {
        "etc/": None,
        "etc/a": b"old",
        "etc/gone": b"x",
        "dir/": None,
        "dir/in": b"x",
        "opaque/": None,
        "opaque/x": b"x",
    },
    {
        "etc/a": b"new",
        "etc/.wh.gone": b"",
        ".wh.dir": b"",
        "opaque/": None,
        "opaque/.wh..wh..opq": b"",
        "opaque/y": b"y",
        "link": ("symlink", "etc/a"),
        "hard": ("hardlink", "etc/a"),
    },
]


def test_layers_are_merged_with_whiteouts(tmp_path: Path) -> None:
    layout = make_layout(tmp_path / "l", {"linux/amd64": LAYERS})
    target = tmp_path / "out"
    export_files(layout, target)
    found = {str(path.relative_to(target)) for path in target.rglob("*")}
    assert found == {"etc", "etc/a", "opaque", "opaque/y", "link", "hard"}
    assert (target / "etc/a").read_bytes() == (target / "hard").read_bytes() == b"new"
    assert (target / "link").is_symlink()


def test_a_whiteout_and_a_new_file_in_one_layer(tmp_path: Path) -> None:
    layers: list[Files] = [{"d/": None, "d/old": b"x"}, {".wh.d": b"", "d": b"now a file"}]
    layout = make_layout(tmp_path / "l", {"linux/amd64": layers})
    export_files(layout, tmp_path / "out")
    assert (tmp_path / "out" / "d").read_bytes() == b"now a file"


def test_several_platforms_get_folders(tmp_path: Path) -> None:
    layout = make_layout(tmp_path / "l", {"linux/amd64": [{"a": b"1"}], "linux/arm/v7": [{"a": b"2"}]})
    export_files(layout, tmp_path / "out")
    assert (tmp_path / "out/linux_amd64/a").read_bytes() == b"1"
    assert (tmp_path / "out/linux_arm_v7/a").read_bytes() == b"2"
    stream = io.BytesIO()
    export_tar(layout, stream)
    stream.seek(0)
    with tarfile.open(fileobj=stream) as archive:
        assert archive.getnames() == ["linux_amd64", "linux_amd64/a", "linux_arm_v7", "linux_arm_v7/a"]


def test_one_platform_can_be_split_too(tmp_path: Path) -> None:
    layout = make_layout(tmp_path / "l", {"linux/amd64": [{"a": b"1"}]})
    export_files(layout, tmp_path / "out", split="true")
    assert (tmp_path / "out/linux_amd64/a").exists()


def test_a_file_does_not_leave_the_target_through_a_symlink(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    layers: list[Files] = [{"out": ("symlink", str(outside))}, {"out/evil": b"x"}]
    layout = make_layout(tmp_path / "l", {"linux/amd64": layers})
    export_files(layout, tmp_path / "target")
    assert not list(outside.iterdir())
    assert (tmp_path / "target/out/evil").read_bytes() == b"x"
    # nor through one that was there before
    (tmp_path / "again").mkdir()
    (tmp_path / "again/out").symlink_to(outside)
    export_files(layout, tmp_path / "again")
    assert not list(outside.iterdir())


def files_and_tar(tmp_path: Path, layers: list[Files]) -> dict[str, bytes]:
    """What `local` writes, after a look at whether `tar` says the same."""
    layout = make_layout(tmp_path / "l", {"linux/amd64": layers})
    export_files(layout, tmp_path / "out")
    stream = io.BytesIO()
    export_tar(layout, stream)
    stream.seek(0)
    with tarfile.open(fileobj=stream) as archive:
        archive.extractall(tmp_path / "untarred", filter="tar")
    written, untarred = (
        {
            str(path.relative_to(tmp_path / name)): path.read_bytes()
            for path in (tmp_path / name).rglob("*")
            if path.is_file()
        }
        for name in ("out", "untarred")
    )
    assert written == untarred
    return written


@pytest.mark.parametrize(
    ("layers", "found"),
    [
        ([{"a": b"1", "b": ("hardlink", "a")}, {"a": b"2"}], {"a": b"2", "b": b"1"}),
        ([{"a": b"1", "b": ("hardlink", "a")}, {".wh.a": b""}], {"b": b"1"}),
        ([{"a": b"1", "b": ("hardlink", "/a"), "c": ("hardlink", "b")}, {".wh.a": b""}],
         {"b": b"1", "c": b"1"}),
        ([{"a": b"1"}, {"b": ("hardlink", "a")}], {"a": b"1", "b": b"1"}),
        ([{"d/": None, "d/a": b"1", "b": ("hardlink", "d/a")}, {".wh.d": b""}, {"d": b"2"}],
         {"b": b"1", "d": b"2"}),
    ],
)  # fmt: skip
def test_a_hard_link_keeps_what_its_layer_linked(
    layers: list[Files], found: dict[str, bytes], tmp_path: Path
) -> None:
    assert files_and_tar(tmp_path, layers) == found


def test_links_that_stay_are_one_file(tmp_path: Path) -> None:
    files_and_tar(tmp_path, [{"a": b"1", "b": ("hardlink", "a")}, {"c": b""}])
    assert (tmp_path / "out/a").samefile(tmp_path / "out/b")
    assert (tmp_path / "untarred/a").samefile(tmp_path / "untarred/b")


def test_a_layer_may_go_through_a_symlink_of_a_lower_one(tmp_path: Path) -> None:
    layers: list[Files] = [{"usr/": None, "usr/lib/": None, "lib": ("symlink", "/usr/lib")}, {"lib/x": b"1"}]
    files_and_tar(tmp_path, layers)
    assert (tmp_path / "out/usr/lib/x").read_bytes() == b"1"
    assert (tmp_path / "out/lib").is_symlink()


def test_a_link_to_nothing_is_said(tmp_path: Path) -> None:
    layout = make_layout(tmp_path / "l", {"linux/amd64": [{"b": ("hardlink", "a")}]})
    with pytest.raises(ImageError, match="links b to a, which is not there"):
        export_files(layout, tmp_path / "out")


def test_long_names_get_their_folder_too(tmp_path: Path) -> None:
    name = "x" * 150
    layers: list[Files] = [{name: b"1", "y" * 150: ("hardlink", name)}]
    layout = make_layout(tmp_path / "l", {"linux/amd64": layers, "linux/arm64": layers})
    stream = io.BytesIO()
    export_tar(layout, stream)
    stream.seek(0)
    with tarfile.open(fileobj=stream) as archive:
        assert {each.partition("/")[0] for each in archive.getnames()} == {"linux_amd64", "linux_arm64"}
        assert archive.getmember(f"linux_arm64/{'y' * 150}").linkname == f"linux_arm64/{name}"


def test_a_path_with_dots_is_refused(tmp_path: Path) -> None:
    layout = make_layout(tmp_path / "l", {"linux/amd64": [{"../evil": b"x"}]})
    with pytest.raises(ImageError, match="outside the image"):
        export_files(layout, tmp_path / "target")
