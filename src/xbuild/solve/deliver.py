"""Everything that leaves the machine or appears on it, made from the verified layout, never by a solve.

`--push`, `--load` and the outputs `registry`, `image`, `docker`, `oci`, `local` and `tar`; then
`--iidfile` and `--metadata-file`, which name what was delivered. Pushes come first: when a registry
refuses, nothing else appears.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from xbuild.errors import EngineError, UsageError, XbuildError
from xbuild.solve.archive import write_archive
from xbuild.solve.build import SolveResult
from xbuild.solve.engine import Engine, docker, engine_error
from xbuild.solve.filesystem import export_files, export_tar
from xbuild.solve.layout import Layout
from xbuild.solve.options import BuildOptions, Output
from xbuild.solve.push import PushOutcome, load, push, push_loaded
from xbuild.solve.references import parse_reference
from xbuild.solve.run import run

_PROVENANCE_KEY = "buildx.build.provenance"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What was delivered: the digest, each reference's outcome, files written, whether the engine has it."""

    digest: str
    pushed: tuple[PushOutcome, ...] = ()
    written: tuple[str, ...] = ()
    loaded: bool = False
    notes: tuple[str, ...] = ()


def deliver(
    result: SolveResult, options: BuildOptions, engine: Engine, *, stdout: IO[bytes] | None = None
) -> Delivery:
    """Do all that the options ask for. Raises RegistryError (`PushError`), EngineError, UsageError."""
    layout = result.layout
    if layout is None:
        raise UsageError("there is no layout to deliver")
    check_outputs(options, layout)
    if loads_into_engine(options, engine):
        _check_load(layout, engine)
    names = tuple(str(parse_reference(name)) for name in options.names)
    if result.image_id is not None:
        return _deliver_classic(result, result.image_id, options, names)
    pushed = push(layout, options.references, engine) if options.references else ()
    written = _write_all(options, layout, names, stdout or sys.stdout.buffer)
    loads = loads_into_engine(options, engine)
    if loads:
        _load(layout, names, engine)
    delivery = Delivery(layout.digest, pushed, written, loads, _notes(options, engine))
    write_records(result, delivery.digest, options)
    return delivery


def loads_into_engine(options: BuildOptions, engine: Engine) -> bool:
    """`--load`, `type=docker`; with the docker driver also `type=image` and no output at all."""
    if options.loads:
        return True
    if engine.builder.driver != "docker" or options.push:
        return any(output.type == "image" for output in options.outputs) and engine.builder.driver == "docker"
    return not options.outputs or any(output.type == "image" for output in options.outputs)


def _notes(options: BuildOptions, engine: Engine) -> tuple[str, ...]:
    nothing = not (options.outputs or options.push or loads_into_engine(options, engine))
    return (
        ("no output was asked for: the image stays in the build cache (--push or --load)",) if nothing else ()
    )


def check_outputs(options: BuildOptions, layout: Layout | None = None) -> None:
    """Refuse what cannot be delivered; before the build with `layout` None. Raises UsageError."""
    known = ("cacheonly", "docker", "image", "local", "oci", "registry", "tar")
    platforms = len(layout.images) if layout else len(options.platforms)
    for output in options.outputs:
        if output.type not in known:
            raise UsageError(f"output type {output.type!r} is not known", expected=", ".join(known))
        if output.type in ("local", "tar") and not output.dest:
            raise UsageError(f"output type={output.type} has no destination", hint="add dest=PATH")
        if _is_file(output) and Path(output.dest or "-").is_dir():
            raise UsageError(f"destination {output.dest} is a folder", expected="a file name")
        if output.type == "docker" and output.dest and platforms > 1:
            raise UsageError(
                "the docker format holds one platform, and several are asked for",
                expected="type=oci, or one --platform",
            )


def _write_all(
    options: BuildOptions, layout: Layout, names: tuple[str, ...], stdout: IO[bytes]
) -> tuple[str, ...]:
    """All outputs that are files; their places."""
    written: list[str] = []
    for output in options.outputs:
        try:
            place = _write(output, layout, names, stdout)
        except OSError as error:
            raise XbuildError(
                f"output {output.dest or '-'} cannot be written: {error.strerror or error}",
                file=error.filename,
                hint="check the permissions and the space there",
            ) from error
        written += [place] if place else []
    return tuple(written)


def _is_file(output: Output) -> bool:
    return output.type in ("tar", "docker", "oci") and output.attribute("tar") not in ("false", "0")


def _write(output: Output, layout: Layout, names: tuple[str, ...], stdout: IO[bytes]) -> str | None:
    """One output that is files; the place, or None for the kinds handled elsewhere."""
    split = output.attribute("platform-split")
    writers: dict[str, Callable[[IO[bytes]], None]] = {
        "tar": lambda stream: export_tar(layout, stream, split=split),
        "oci": lambda stream: write_archive(layout, stream, names),
        "docker": lambda stream: write_archive(layout, stream, names, style="docker"),
    }
    if output.type == "local" and output.dest:
        export_files(layout, Path(output.dest), split=split)
    elif output.type == "oci" and output.dest and output.attribute("tar") in ("false", "0"):
        shutil.copytree(layout.path, output.dest, dirs_exist_ok=True)
    elif output.type in writers and (output.dest or output.type != "docker"):
        _to_file(output.dest or "-", writers[output.type], stdout)
    else:
        return None
    return output.dest or "-"


def _to_file(dest: str, write: Callable[[IO[bytes]], None], stdout: IO[bytes]) -> None:
    if dest == "-":
        if stdout.isatty():
            raise UsageError(
                "a tar file is not written to a terminal", hint="redirect the output, or use dest=FILE"
            )
        write(stdout)
        stdout.flush()
        return
    path = Path(dest)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.xbuild-{os.getpid()}")
    try:
        with unfinished.open("wb") as stream:
            write(stream)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _check_load(layout: Layout, engine: Engine) -> None:
    """Before anything is delivered."""
    if not engine.server_version:
        raise engine_error("Cannot connect to the Docker daemon")
    if not engine.containerd_store and len(layout.images) > 1:
        raise EngineError(
            "the classic image store cannot hold an image for several platforms",
            expected="the containerd image store, or one --platform with --load",
            hint='set {"features": {"containerd-snapshotter": true}} in /etc/docker/daemon.json',
        )


def _load(layout: Layout, names: tuple[str, ...], engine: Engine) -> None:
    answer = load(layout, names, engine)
    if not answer.ok:
        raise engine_error(answer.error_text or answer.text)


def _deliver_classic(
    result: SolveResult, identity: str, options: BuildOptions, names: tuple[str, ...]
) -> Delivery:
    """The classic store already has the image: name it, push by name."""
    for name in names:
        answer = run((docker(), "tag", identity, name))
        if not answer.ok:
            raise engine_error(answer.error_text)
    digest, pushed = identity, ()  # type: tuple[str, tuple[PushOutcome, ...]]
    if options.references:
        pushed = push_loaded([parse_reference(name) for name in options.references], identity)
        failed = [outcome for outcome in pushed if not outcome.ok]
        if failed:
            from xbuild.solve.push import push_error

            raise push_error(pushed)
        digest = pushed[0].digest
    assert result.layout is not None
    layout = result.layout
    written = _write_all(options, layout, names, sys.stdout.buffer)
    write_records(result, digest, options)
    return Delivery(digest, pushed, written, True)


def discard(result: SolveResult) -> None:
    """Forget an image that failed its check: only the classic store has it already, without a name."""
    if result.image_id:
        run((docker(), "image", "rm", result.image_id))


def write_records(result: SolveResult, digest: str, options: BuildOptions) -> None:
    """`--iidfile` and `--metadata-file`: the delivered digest."""
    try:
        if options.iidfile:
            Path(options.iidfile).write_text(digest, encoding="ascii")
        if options.metadata_file:
            data = json.dumps(metadata_for_user(result, digest, options), indent=2, sort_keys=True)
            Path(options.metadata_file).write_text(data, encoding="utf-8")
    except OSError as error:
        raise XbuildError(f"{error.filename} cannot be written: {error.strerror}") from error


def metadata_for_user(result: SolveResult, digest: str, options: BuildOptions) -> dict[str, Any]:
    """What buildx would have written, for the image as delivered."""
    mode = os.environ.get("BUILDX_METADATA_PROVENANCE", "min").lower()
    found = {
        key: _provenance(value, mode) if key.partition("/")[0] == _PROVENANCE_KEY else value
        for key, value in result.metadata.items()
        if key.partition("/")[0] != _PROVENANCE_KEY or mode not in ("disabled", "false", "0")
    }
    found["containerimage.digest"] = digest
    if result.layout is not None and result.image_id is None:
        kept = ("mediaType", "digest", "size")
        found["containerimage.descriptor"] = {key: result.layout.root.raw.get(key) for key in kept}
    if options.names:
        found["image.name"] = ",".join(str(parse_reference(name)) for name in options.names)
    return found


def _provenance(value: Any, mode: str) -> Any:
    """`min` leaves out the build's steps and timings, as buildx does (`build/provenance.go`)."""
    if mode == "max" or not isinstance(value, Mapping):
        return value
    return {key: part for key, part in value.items() if key not in ("buildConfig", "metadata")}
