"""Everything that leaves the machine or appears on it, made from the verified layout, never by a solve.

`--push`, `--load` and the outputs `registry`, `image`, `docker`, `oci`, `local` and `tar`; then
`--iidfile` and `--metadata-file`, which name what was delivered. Pushes come first: when a registry
refuses, nothing else appears. What fails after something was delivered does not unmake it: it is reported
beside it (`Delivery.failures`).
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import IO, Any

from xbuild.errors import CancelledError, UsageError, XbuildError
from xbuild.solve.archive import write_archive
from xbuild.solve.build import SolveResult
from xbuild.solve.engine import Engine, docker, engine_error
from xbuild.solve.export import export_files, export_tar
from xbuild.solve.layout import Layout
from xbuild.solve.options import BuildOptions, Output
from xbuild.solve.push import (
    PushOutcome,
    check_way,
    load,
    local_names,
    push,
    push_error,
    push_loaded,
)
from xbuild.solve.references import parse_reference
from xbuild.solve.run import run
from xbuild.solve.stores import check_stores, loads_into_engine

_PROVENANCE_KEY = "buildx.build.provenance"


@dataclass(frozen=True, slots=True)
class Failure:
    """What was asked for and did not come about. `kind` is "file" or "load", `name` says which."""

    kind: str
    name: str
    error: XbuildError


@dataclass(frozen=True, slots=True)
class Delivery:
    """What was delivered: the digest, each reference's outcome, files written, whether the engine has it."""

    digest: str
    pushed: tuple[PushOutcome, ...] = ()
    written: tuple[str, ...] = ()
    loaded: bool = False
    notes: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing has left the build."""
        return not (self.written or self.loaded or any(outcome.ok for outcome in self.pushed))


def deliver(
    result: SolveResult, options: BuildOptions, engine: Engine, *, stdout: IO[bytes] | None = None
) -> Delivery:
    """Do all that the options ask for. Raises RegistryError (`PushError`), EngineError, UsageError, and
    whatever else fails while nothing is delivered yet.
    """
    layout = result.layout
    if layout is None:
        raise UsageError("there is no layout to deliver")
    check_outputs(options, layout)
    stores = check_stores(options, engine, len(layout.images))
    names = tuple(str(parse_reference(name)) for name in options.names)
    if result.image_id is not None:
        return _deliver_classic(result, result.image_id, options, names)
    pushed: tuple[PushOutcome, ...] = ()
    if options.pushes:
        pushed = push(layout, options.references, engine, by_digest=options.repositories)
    rest = _Rest()
    for output in options.outputs:
        rest.write(output, layout, names, stdout or sys.stdout.buffer)
    loaded = [
        rest.attempt(
            "load", context or "the engine's image store", partial(_load, layout, names, store, context)
        )
        for context, store in stores.items()
    ]
    # The classic store, when a push had to go through it, compresses anew: what the registry has counts.
    digest = pushed[0].digest if pushed else layout.digest
    delivery = Delivery(digest, pushed, tuple(rest.written), any(loaded), _notes(options, engine))
    return rest.end(delivery, result, options)


def _notes(options: BuildOptions, engine: Engine) -> tuple[str, ...]:
    nothing = not (options.outputs or options.push or loads_into_engine(options, engine))
    return (
        ("no output was asked for: the image stays in the build cache (--push or --load)",) if nothing else ()
    )


def check_delivery(options: BuildOptions, engine: Engine, platforms: int) -> None:
    """Before the build: whether all that is asked for can be done. Raises UsageError, EngineError."""
    check_outputs(options)
    check_stores(options, engine, platforms)
    if options.pushes:
        check_way(engine, platforms, by_digest=bool(options.repositories))


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


@dataclass
class _Rest:
    """What comes after the push: each thing is tried, and what fails is kept. After an interrupt nothing more
    is begun.
    """

    written: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    interrupted: bool = False

    def attempt(self, kind: str, name: str, do: Callable[[], None]) -> bool:
        """Whether it worked."""
        if self.interrupted:
            return False
        try:
            do()
        except (KeyboardInterrupt, CancelledError):
            self.interrupted = True
            self.failures.append(Failure(kind, name, CancelledError("cancelled")))
        except OSError as error:
            said = XbuildError(
                f"{name} cannot be written: {error.strerror or error}",
                file=error.filename,
                hint="check the permissions and the space there",
            )
            self.failures.append(Failure(kind, name, said))
        except XbuildError as error:
            self.failures.append(Failure(kind, name, error))
        else:
            return True
        return False

    def write(self, output: Output, layout: Layout, names: tuple[str, ...], stdout: IO[bytes]) -> None:
        def do() -> None:
            place = _write(output, layout, names, stdout)
            self.written += [place] if place else []

        self.attempt("file", f"output {output.dest or '-'}", do)

    def end(self, delivery: Delivery, result: SolveResult, options: BuildOptions) -> Delivery:
        """Records of what was delivered; a first failure is an error unless something was delivered."""
        if delivery.is_empty and self.failures:
            raise self.failures[0].error
        for name, do in _records(result, delivery.digest, options):
            self.attempt("file", name, do)
        delivery = replace(delivery, failures=tuple(self.failures))
        if delivery.is_empty and self.failures:
            raise self.failures[0].error
        return delivery


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
    if path.exists() and not path.is_file():  # a device or a pipe stays what it is
        with path.open("wb") as stream:
            write(stream)
        return
    unfinished = path.with_name(f".{path.name}.xbuild-{os.getpid()}")
    try:
        with unfinished.open("wb") as stream:
            write(stream)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _load(layout: Layout, names: tuple[str, ...], engine: Engine, context: str) -> None:
    answer = load(layout, names, engine, context)
    if not answer.ok:
        raise engine_error(answer.error_text or answer.text)


def _deliver_classic(
    result: SolveResult, identity: str, options: BuildOptions, names: tuple[str, ...]
) -> Delivery:
    """The classic store already has the image, without a name: push it, then give it its names."""
    digest, pushed = identity, ()  # type: tuple[str, tuple[PushOutcome, ...]]
    references = [parse_reference(name) for name in options.references]
    with local_names(references) as keep:
        for name in map(str, references):
            _tag(identity, name)  # `docker push` knows no other way
        if references:
            pushed = push_loaded(references, identity)
            keep.update(outcome.reference for outcome in pushed if outcome.ok)
    if pushed:
        if not all(outcome.ok for outcome in pushed):
            raise push_error(pushed)
        digest = pushed[0].digest
    assert result.layout is not None
    layout = result.layout
    for name in names:
        _tag(identity, name)
    rest = _Rest()
    for output in options.outputs:
        rest.write(output, layout, names, sys.stdout.buffer)
    return rest.end(Delivery(digest, pushed, tuple(rest.written), True), result, options)


def _tag(identity: str, name: str) -> None:
    answer = run((*docker(), "tag", identity, name))
    if not answer.ok:
        raise engine_error(answer.error_text)


def discard(result: SolveResult) -> None:
    """Forget an image that is not delivered: only the classic store has it already, without a name.

    An image that has a name was there before: the same content is the same image.
    """
    if not result.image_id:
        return
    found = run((*docker(), "image", "inspect", "--format", "{{json .RepoTags}}", result.image_id))
    if found.ok and found.text.strip() in ("[]", "null"):
        run((*docker(), "image", "rm", result.image_id))


def _records(
    result: SolveResult, digest: str, options: BuildOptions
) -> Iterator[tuple[str, Callable[[], None]]]:
    """`--iidfile` and `--metadata-file`: the delivered digest. Their names, and what writes them."""

    def iid() -> None:
        Path(options.iidfile or "").write_text(digest, encoding="ascii")

    def metadata() -> None:
        data = json.dumps(metadata_for_user(result, digest, options), indent=2, sort_keys=True)
        Path(options.metadata_file or "").write_text(data, encoding="utf-8")

    if options.iidfile:
        yield options.iidfile, iid
    if options.metadata_file:
        yield options.metadata_file, metadata


def metadata_for_user(result: SolveResult, digest: str, options: BuildOptions) -> dict[str, Any]:
    """What buildx would have written, for the image as delivered."""
    mode = os.environ.get("BUILDX_METADATA_PROVENANCE", "min").lower()
    found = {
        key: _provenance(value, mode) if key.partition("/")[0] == _PROVENANCE_KEY else value
        for key, value in result.metadata.items()
        if key.partition("/")[0] != _PROVENANCE_KEY or mode not in ("disabled", "false", "0")
    }
    found["containerimage.digest"] = digest
    if result.layout is not None and result.layout.digest == digest:
        kept = ("mediaType", "digest", "size")
        found["containerimage.descriptor"] = {key: result.layout.root.raw.get(key) for key in kept}
    if options.names:
        bare = options.repositories
        parsed = ((name, parse_reference(name)) for name in options.names)
        found["image.name"] = ",".join(r.repository if name in bare else str(r) for name, r in parsed)
    return found


def _provenance(value: Any, mode: str) -> Any:
    """`min` leaves out the build's steps and timings, as buildx does (`build/provenance.go`)."""
    if mode == "max" or not isinstance(value, Mapping):
        return value
    return {key: part for key, part in value.items() if key not in ("buildConfig", "metadata")}
