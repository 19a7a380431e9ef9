"""Upload a verified layout, byte for byte: everything to every registry by digest first, the tags last.

`docker buildx imagetools create` reads a layout from 0.33 on, copies manifests and blobs as they are,
attestations included, and uses the user's registry logins (buildx `commands/imagetools/create.go`).
Within one repository it uploads everything before it sets a tag; over several repositories it does them
side by side, so a tag could move at one while another refuses. Therefore, with several repositories, a
first round names the digest instead of tags (`-t REPOSITORY@sha256:...`), and only when all have taken it
a second round sets the tags, which uploads nothing.

Before 0.33: `skopeo copy --all --preserve-digests`, in the same two rounds. Without skopeo: `docker load` and
`docker push`, which keeps digests with the containerd store, but cannot upload without setting the tag.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from xbuild.errors import CancelledError, EngineError, RegistryError
from xbuild.solve.archive import write_archive
from xbuild.solve.engine import Engine, docker
from xbuild.solve.layout import Layout, write_index
from xbuild.solve.references import Reference, parse_reference
from xbuild.solve.run import Completed, InterruptedCallsError, Invocation, run, run_all
from xbuild.solve.watch import Watch

_TIMEOUT = 3600.0


@dataclass(frozen=True, slots=True)
class PushOutcome:
    """What became of one reference. `ok`: the tag names `digest` at the registry."""

    reference: str
    digest: str
    ok: bool
    error: str = ""


class PushError(RegistryError):
    """At least one reference was not delivered; `outcomes` says which."""

    def __init__(self, outcomes: Sequence[PushOutcome], message: str, hint: str) -> None:
        super().__init__(message, expected="every registry takes the image", hint=hint)
        self.outcomes = tuple(outcomes)


class PushCancelledError(CancelledError):
    """The user interrupted while tags were set: the message says which have moved."""

    def __init__(self, moved: Sequence[str], unsure: Sequence[str] = ()) -> None:
        words = [f"already moved: {', '.join(moved)}"] if moved else []
        words += [f"perhaps moved: {', '.join(unsure)}"] if unsure else []
        super().__init__(f"cancelled while pushing; {'; '.join(words) or 'no tag was moved'}")


def push(
    layout: Layout, references: Sequence[str], engine: Engine, *, by_digest: Sequence[str] = ()
) -> tuple[PushOutcome, ...]:
    """All content first, tags last; to the repositories `by_digest` without a tag.

    Raises PushError when any reference is not delivered, CancelledError when the user interrupts.
    """
    tagged = map(parse_reference, references)
    untagged = (replace(parse_reference(name), tag="", digest=layout.digest) for name in by_digest)
    parsed = tuple(dict.fromkeys((*tagged, *untagged)))
    outcomes = _way(engine)(layout, _by_repository(parsed), engine)
    failed = [outcome for outcome in outcomes if not outcome.ok]
    if failed:
        raise push_error(outcomes)
    return outcomes


Repositories = Mapping[str, tuple[Reference, ...]]
_Way = Callable[[Layout, Repositories, Engine], tuple[PushOutcome, ...]]


def _way(engine: Engine) -> _Way:
    if engine.can_push_layout:
        return _with_imagetools
    return _with_skopeo if shutil.which("skopeo") else _with_docker


def check_way(engine: Engine, platforms: int, *, by_digest: bool) -> None:
    """Before the build: whether the upload is possible. Raises EngineError."""
    expected = "buildx 0.33 or later, or skopeo"
    if engine.can_export_layout and (engine.can_push_layout or shutil.which("skopeo")):
        return
    if by_digest:
        message = "this docker client and image store cannot push by digest"
        raise EngineError(message, expected=expected, hint="a newer docker-buildx-plugin, or skopeo")
    if not engine.can_export_layout or engine.containerd_store:
        return
    version = ".".join(map(str, engine.buildx_version))
    if not engine.server_version or platforms > 1:
        store = "the classic image store" if engine.server_version else "no docker engine to go through"
        raise EngineError(
            f"a verified image for {platforms or 'several'} platforms cannot be pushed with buildx {version}"
            f" and {store}",
            expected=f"{expected}, or the containerd image store",
            hint="a newer docker-buildx-plugin, or skopeo",
        )


def _by_repository(references: Sequence[Reference]) -> Repositories:
    names = dict.fromkeys(reference.repository for reference in references)
    return {name: tuple(r for r in references if r.repository == name) for name in names}


def _with_imagetools(layout: Layout, repositories: Repositories, engine: Engine) -> tuple[PushOutcome, ...]:
    source = f"oci-layout://{layout.path}@{layout.digest}"
    # A lone manifest (no attestations, one platform) stays one; by default it would be wrapped in an index.
    base = (*docker(), "buildx", "--builder", engine.builder.name, "imagetools", "create", "--progress=plain",
            f"--prefer-index={str(layout.root.is_index).lower()}")  # fmt: skip

    def commands(names: Mapping[str, tuple[str, ...]]) -> list[tuple[str, ...]]:
        return [(*base, *(w for name in tags for w in ("--tag", name)), source) for tags in names.values()]

    questions = [(*docker(), "buildx", "--builder", engine.builder.name, "imagetools", "inspect",
                  found[0].at(layout.digest)) for found in repositories.values()]  # fmt: skip
    if len(repositories) > 1:
        digests = {name: (found[0].at(layout.digest),) for name, found in repositories.items()}
        refused = _refused(repositories, _run(commands(digests), questions))
        if refused:
            return _nothing_moved(repositories, refused, layout.digest)
    tags = {name: tuple(map(str, found)) for name, found in repositories.items()}
    try:
        answers = _run(commands(tags), questions)
    except InterruptedCallsError as error:
        raise _interrupted(tuple(tags.values()), error.completed) from error
    return tuple(
        outcome
        for (name, found), answer in zip(repositories.items(), answers, strict=True)
        for outcome in _outcomes(found, answer, layout.digest)
    )


def _run(
    commands: Sequence[tuple[str, ...]], questions: Sequence[tuple[str, ...]] = ()
) -> tuple[Completed, ...]:
    """To the end, unless the registry of a command leaves its question without an answer."""
    with Watch(questions) as watch:
        return run_all([Invocation(argv) for argv in commands], timeout=_TIMEOUT, given_up=watch.silent)


def _interrupted(repositories: Sequence[tuple[str, ...]], answers: Sequence[Completed]) -> PushCancelledError:
    """imagetools says `pushing DIGEST to NAME` before each tag: those before the last one said are set."""
    moved: list[str] = []
    unsure: list[str] = []
    for names, answer in zip(repositories, answers, strict=False):
        begun = [name for name in names if f" to {name}\n" in answer.error_text + "\n"]
        moved += names if answer.ok else begun[:-1]
        unsure += [] if answer.ok else begun[-1:]
    return PushCancelledError(moved, unsure)


def _refused(repositories: Repositories, answers: Sequence[Completed]) -> dict[str, str]:
    return {
        name: _reason(answer) for name, answer in zip(repositories, answers, strict=True) if not answer.ok
    }


def _nothing_moved(
    repositories: Repositories, refused: Mapping[str, str], digest: str
) -> tuple[PushOutcome, ...]:
    """The first round failed somewhere: no tag was set anywhere."""
    others = ", ".join(refused)
    return tuple(
        PushOutcome(
            str(reference), digest, False, refused.get(name) or f"not tagged, because {others} refused"
        )
        for name, found in repositories.items()
        for reference in found
    )


def _outcomes(references: Sequence[Reference], answer: Completed, digest: str) -> tuple[PushOutcome, ...]:
    """imagetools sets the tags of a repository in order and stops at the first that fails."""
    text = answer.error_text
    other = {found for found in re.findall(r"pushing (sha256:[0-9a-f]{64}) to ", text) if found != digest}
    if answer.ok:
        error = f"{', '.join(other)} was pushed instead" if other else ""
        return tuple(PushOutcome(str(reference), digest, not other, error) for reference in references)
    stopped = re.search(r"publish \S+ to (\S+?):? ", text)
    names = [str(reference) for reference in references]
    done = names.index(stopped[1]) if stopped and stopped[1] in names else 0
    reason = _reason(answer)
    return tuple(
        PushOutcome(name, digest, number < done, "" if number < done else reason)
        for number, name in enumerate(names)
    )


@contextlib.contextmanager
def _named_once(layout: Layout) -> Iterator[Path]:
    """The same blobs under an `index.json` with one entry: BuildKit writes one for each tag, and of several
    skopeo would have to choose (containers/image `oci/layout/oci_transport.go`, `ErrMoreThanOneImage`).
    """
    with tempfile.TemporaryDirectory(prefix="xbuild-push-") as name:
        folder = Path(name)
        (folder / "blobs").symlink_to((layout.path / "blobs").resolve())
        root = {key: value for key, value in layout.root.raw.items() if key != "annotations"}
        write_index(folder, root)
        yield folder


def _with_skopeo(layout: Layout, repositories: Repositories, _engine: Engine) -> tuple[PushOutcome, ...]:
    with _named_once(layout) as folder:
        return _copied_by_skopeo(folder, layout, repositories)


def _copied_by_skopeo(folder: Path, layout: Layout, repositories: Repositories) -> tuple[PushOutcome, ...]:
    def command(reference: Reference, name: str) -> tuple[str, ...]:
        plain = ("--dest-tls-verify=false",) if reference.is_loopback else ()
        return (
            "skopeo",
            "copy",
            "--all",
            "--preserve-digests",
            *plain,
            f"oci:{folder}",
            f"docker://{name}",
        )

    if len(repositories) > 1:
        firsts = [found[0] for found in repositories.values()]
        refused = _refused(repositories, _run([command(r, r.at(layout.digest)) for r in firsts]))
        if refused:
            return _nothing_moved(repositories, refused, layout.digest)
    references = [reference for found in repositories.values() for reference in found]

    def one(reference: Reference) -> PushOutcome:
        answer = run(command(reference, str(reference)), timeout=_TIMEOUT)
        return PushOutcome(str(reference), layout.digest, answer.ok, "" if answer.ok else _reason(answer))

    return _one_by_one(references, one)


def _one_by_one(
    references: Sequence[Reference], push_one: Callable[[Reference], PushOutcome]
) -> tuple[PushOutcome, ...]:
    outcomes: list[PushOutcome] = []
    for reference in references:
        try:
            outcomes.append(push_one(reference))
        except CancelledError as error:
            moved = [outcome.reference for outcome in outcomes if outcome.ok]
            raise PushCancelledError(moved, [str(reference)]) from error
    return tuple(outcomes)


def _with_docker(layout: Layout, repositories: Repositories, engine: Engine) -> tuple[PushOutcome, ...]:
    references = [reference for found in repositories.values() for reference in found]
    with local_names(references) as keep:
        loaded = load(layout, tuple(map(str, references)), engine)
        if not loaded.ok:
            return tuple(PushOutcome(str(r), layout.digest, False, _reason(loaded)) for r in references)
        outcomes = push_loaded(references, layout.digest)
        if engine.containerd_store:  # the classic one compresses the layers anew
            outcomes = tuple(_only(outcome, layout.digest) for outcome in outcomes)
        keep.update(outcome.reference for outcome in outcomes if outcome.ok)
    return outcomes


def _only(outcome: PushOutcome, digest: str) -> PushOutcome:
    if not outcome.ok or outcome.digest == digest:
        return outcome
    return replace(outcome, ok=False, error=f"{outcome.digest} was pushed instead")


@contextlib.contextmanager
def local_names(references: Sequence[Reference]) -> Iterator[set[str]]:
    """Names in the engine's store that `docker push` needs; put back unless added to what this yields."""
    names = list(map(str, references))
    held = {name: f"xbuild-held:{os.getpid()}-{number}" for number, name in enumerate(names)}
    # A name that moves may be the last that its image has: another holds it meanwhile.
    before = {name: run((*docker(), "tag", name, held[name])).ok for name in names}
    keep: set[str] = set()
    try:
        yield keep
    finally:
        for name, existed in before.items():
            if existed and name not in keep:
                run((*docker(), "tag", held[name], name))
            elif name not in keep:
                run((*docker(), "image", "rm", name))
            if existed:
                run((*docker(), "image", "rm", held[name]))


def push_loaded(references: Sequence[Reference], digest: str) -> tuple[PushOutcome, ...]:
    """`docker push` of images in the engine's store, one after the other; the digest is what docker says."""

    def one(reference: Reference) -> PushOutcome:
        answer = run((*docker(), "push", str(reference)), timeout=_TIMEOUT)
        said = re.search(r"digest: (sha256:[0-9a-f]{64})", answer.text)
        error = "" if answer.ok else _reason(answer)
        return PushOutcome(str(reference), said[1] if said else digest, answer.ok, error)

    return _one_by_one(references, one)


def load(layout: Layout, names: Sequence[str], engine: Engine, context: str = "") -> Completed:
    """`docker load` under these names (full references); digests stay with the containerd store."""
    style = "oci" if engine.containerd_store else "docker"
    return run_all(
        [
            Invocation(
                (*docker(*context_flag(context)), "load"),
                stdin=lambda pipe: write_archive(layout, pipe, names, style=style),
            )
        ],
        timeout=_TIMEOUT,
    )[0]


def context_flag(context: str) -> tuple[str, ...]:
    """The selected docker context needs no words."""
    return ("--context", context) if context else ()


def _reason(answer: Completed) -> str:
    """The error line of what was said, without the progress around it."""
    if answer.timed_out:
        return f"no answer within {answer.seconds:.0f} s"
    lines = [line for line in answer.error_text.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"(?:#\d+ )?(?:ERROR|FATA|time=.*level=fatal)", line)]
    text = (errors or lines or [f"exit code {answer.exit_code}"])[-1]
    logged = re.search(r'msg="((?:[^"\\]|\\.)*)"', text)
    text = logged[1].replace('\\"', '"') if logged else text
    for noise, instead in _NOISE:
        text = re.sub(noise, instead, text)
    return text.strip()


_NOISE = (
    (r"^(?:#\d+ )?ERROR:? (?:[\d.]+ )?", ""),
    (r"^(?:copy \S+ from \S+ to \S+|publish \S+ to \S+): ", ""),
    (r"(https?://[^\s\"?]+)\?[^\s\"]*", r"\1"),  # signed addresses are nobody's business
)


@dataclass(frozen=True, slots=True)
class _Refusal:
    pattern: str
    message: str
    hint: str


_REFUSALS = (
    _Refusal(
        r"\b401\b|unauthorized|no basic auth|authentication required|authorization failed"
        r"|failed to authorize",
        "{host} wants a login",
        "docker login {login}",
    ),
    _Refusal(
        r"\b403\b|denied|forbidden|insufficient_scope",
        "{host} does not let this login write to {repository}",
        "docker login {login} with an account that may push, or correct --tag",
    ),
    _Refusal(
        r"connection refused|no such host|network is unreachable|no route to host",
        "{host} cannot be reached",
        "check the name, the port and the network",
    ),
    _Refusal(
        r"timeout|timed out|deadline exceeded|no answer within",
        "{host} does not answer in time",
        "try again, or check the network",
    ),
    _Refusal(
        r"HTTP response to HTTPS client|x509|tls:",
        "{host} has no valid certificate",
        "add its certificate, or list it as an insecure registry for the engine and the builder",
    ),
    _Refusal(
        r"no space left|\b507\b|quota", "{host} has no space left", "make room there, or use another registry"
    ),
)


def push_error(outcomes: Sequence[PushOutcome]) -> PushError:
    """Worded after the first refusal that has a reason of its own."""
    first = next(o for o in outcomes if not o.ok and not o.error.startswith("not tagged"))
    reference = parse_reference(first.reference)
    words = {"host": reference.host, "login": reference.login_host, "repository": reference.path}
    known = next((r for r in _REFUSALS if re.search(r.pattern, first.error, re.IGNORECASE)), None)
    message = known.message.format(**words) if known else f"{reference.host} refused"
    hint = known.hint.format(**words).strip() if known else "the registry's own words are above"
    moved = [outcome.reference for outcome in outcomes if outcome.ok]
    after = f"; already delivered: {', '.join(moved)}" if moved else "; no tag was moved"
    return PushError(outcomes, f"{first.reference} was not pushed: {message} ({first.error}){after}", hint)
