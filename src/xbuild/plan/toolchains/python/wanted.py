"""What pip is asked to install, as far as it is releases and nothing that would be built.

Sources: pip "Requirements File Format", "Requirement Specifiers".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from xbuild.plan.programs.grammar import Reading
from xbuild.plan.programs.program import source_kind
from xbuild.plan.recipes.own_files import UntoldError, context_file
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call, shown
from xbuild.plan.toolchains.python.locks import Sourcing, Unread
from xbuild.plan.toolchains.python.requirements import Address, FileOption, Item, Named, Strange, requirements
from xbuild.text import expression

# What is no release, and what would help.
_RELEASE = "name a release: NAME==VERSION"
_HERE = "install it in the stage that runs it"
_OTHERS: Mapping[Sourcing, tuple[str, str]] = {
    Sourcing.URL: ("comes from an address", _RELEASE),
    Sourcing.PATH: ("is an archive", _RELEASE),
    Sourcing.GIT: ("comes from a repository, and is built here", _RELEASE),
    Sourcing.DIRECTORY: ("is built here", f"{_HERE}, or ship its source"),
    Sourcing.EDITABLE: ("is installed as it is worked on", _HERE),
}
# Options of a file that say where and how to look.
_LOOKING = frozenset(
    words("--index-url --extra-index-url --trusted-host --pre --prefer-binary --require-hashes --only-binary")
)


# Options that say what cannot be done without building, or for another machine than is asked for.
REFUSED: Mapping[str, tuple[str, str]] = {
    "-e": ("an editable project is built where it lies", "install it in the stage that runs it"),
    "--no-binary": ("what --no-binary names is built here", "drop it where there are wheels"),
    "--platform": ("--platform has markers of the machine that it runs on", "drop it: xbuild tells pip"),
    "--root": ("what --root puts where is not known", "use --prefix or --target"),
}


def check_options(given: Reading) -> None:
    """Raises UntoldError for an option that asks for what is built, or for another machine."""
    for name, (text, cure) in REFUSED.items():
        if given.has(name):
            raise UntoldError(text, cure)


def named_on_line(names: Sequence[str | None]) -> tuple[str, ...]:
    """The releases that are named on the command line. Raises UntoldError for what is none."""
    found: list[str] = []
    for name in names:
        if name is None:
            raise UntoldError("what it installs cannot be told", "name the releases, or put them into a file")
        # A part that is not known stands there as `*`: a version, for instance.
        items = next((i for text in (name, name.replace("*", "0")) if (i := _items(text)) is not None), None)
        for item in items if items is not None else _read(name):
            found += _release(item, "")
    return tuple(found)


def _read(text: str) -> tuple[Item, ...]:
    read = requirements("-", lambda _path: text)
    return read if not isinstance(read, Unread) else ()


def _items(text: str) -> tuple[Item, ...] | None:
    """None where a part of it is not understood."""
    read = _read(text)
    return None if any(isinstance(item, Strange) for item in read) else read


def named_in_file(call: Call, path: str | None) -> tuple[str, ...]:
    """The same for a file of requirements or constraints, and those that it names.

    One that was made in the stage is read by pip alone; one of the build context is looked into.
    """
    where = call.seen(path)

    def read(name: str) -> str | None:
        found = context_file(call, call.seen(name))
        return call.around.context.read(found) if found is not None else None

    if path is None or where is None or (read(path) is None and not _is_made(call, where)):
        raise UntoldError(f"{shown(path or '') or 'its file of requirements'} is not in the build context")
    items = requirements(path, read) if read(path) is not None else ()
    if isinstance(items, Unread):
        raise UntoldError(items.reason, "COPY the files that it names, too")
    return tuple(name for item in items for name in _release(item, f" in {item.line.file}"))


def _release(item: Item, where: str) -> tuple[str, ...]:
    """The name of the release; () for what says where to look. Raises UntoldError for anything else."""
    text = f"`{item.line.text[:40]}`{where}"
    if isinstance(item, Named) and not item.settings:
        return (item.name,)
    is_far = isinstance(item, FileOption) and not (item.value and local_places((item.value,)))
    if isinstance(item, FileOption) and item.option in _LOOKING and (is_far or "index" not in item.option):
        return ()
    if isinstance(item, Address):
        why, cure = _OTHERS[Sourcing.EDITABLE if item.is_editable else item.sourcing]
        raise UntoldError(f"{text} {why}", cure)
    reason = f": {item.reason}" if isinstance(item, Strange) else ""
    raise UntoldError(f"{text} is not plain{reason}", f"{_RELEASE}, with markers or hashes")


def _is_made(call: Call, path: str) -> bool:
    """Whether the stage made the file, the same for every platform or right for the target."""
    made = call.writes.covering(path)
    return bool(made) and not made[-1].is_context and source_kind(call, path).is_right


def set_names(call: Call) -> Iterator[str]:
    """The variables that are set where a command runs, secrets that come as one included."""
    yield from (*call.assignments, *call.variables)
    yield from (name for mount in call.run.mounts if (name := mount.get("env")))


def local_places(values: Iterable[str | None]) -> tuple[str, ...]:
    """The folders among places to look in: what is no address of another machine."""
    told = (value.partition("=")[2] if _NAMED.match(value) else value for value in values if value)
    return tuple(p.removeprefix("file:").removeprefix("//") for p in told if _FAR.match(p) is None)


_NAMED = expression(r"[\w.-]+=")  # an index of uv's
_FAR = expression(r"(?!file:)[\w+.-]+://|[$*]")


def places_set(call: Call, *names: str) -> tuple[str, ...]:
    """The same of variables that hold such places."""
    given = [call.assignments[name][0].value for name in names if name in call.assignments]
    given += [call.variables[name].text for name in names if name in call.variables]
    return local_places(place for text in given if text for place in text.split())
