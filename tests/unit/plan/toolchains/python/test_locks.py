"""Lock files as their tools wrote them: what is needed for a target, and what of it has no wheel."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from xbuild.plan.toolchains.python.fitting import Target
from xbuild.plan.toolchains.python.lockfiles.formats import FORMATS
from xbuild.plan.toolchains.python.lockfiles.texts import LARGEST
from xbuild.plan.toolchains.python.locks import (
    Lack,
    Lock,
    LockedPackage,
    Selection,
    Sourcing,
    Unread,
    Why,
    lack_of,
    lacking,
    needed,
    read,
)

FIXTURES = Path(__file__).parents[4] / "fixtures/python-locks"
CASES = sorted(path.name for path in FIXTURES.iterdir() if path.is_dir())
TARGETS = (
    Target((3, 12), "aarch64", ("glibc", (2, 36))),
    Target((3, 12), "x86_64", ("glibc", (2, 36))),
    Target((3, 12), "x86_64", ("glibc", (2, 17))),
    Target((3, 12), "aarch64", ("musl", (1, 2))),
    Target((3, 12, 4), "s390x", ("glibc", (2, 41))),
    Target((3, 10), "aarch64", ("glibc", (2, 36))),
)
SELECTIONS = (("main", Selection()), ("all", Selection(groups=None, extras=None)))


def lock_of(folder: Path) -> Lock | Unread:
    (path,) = [
        path for path in folder.iterdir() if any(re.fullmatch(row.files, path.name) for row in FORMATS)
    ]
    project = folder / "pyproject.toml"
    beside = project.read_text("utf-8") if project.exists() else None
    return read(path.name, path.read_text("utf-8"), beside)


def told(folder: Path) -> str:
    """All that is told of a lock, as `told.txt` has it."""
    lock = lock_of(folder)
    if isinstance(lock, Unread):
        return f"{lock.reason}\n"
    lines = [
        f"packages: {len(lock.packages)}",
        f"groups: {' '.join(lock.groups)}",
        f"default groups: {'not told' if lock.default_groups is None else ' '.join(lock.default_groups)}",
        f"extras: {' '.join(lock.extras)}",
        f"members: {' '.join(lock.members)}",
    ]
    for name, selection in SELECTIONS:
        for target in TARGETS:
            libc, version = target.libc
            python = ".".join(map(str, target.version))
            lines.append(f"\n{name}, Python {python} on {target.machine}, {libc} {version[0]}.{version[1]}")
            lines += told_of(lock, target, selection)
    return "".join(f"{line}\n" for line in lines)


def told_of(lock: Lock, target: Target, selection: Selection) -> list[str]:
    found, lacks = needed(lock, target, selection), lacking(lock, target, selection)
    if isinstance(found, Unread) or isinstance(lacks, Unread):
        assert found == lacks
        return [f"  {found.reason}"] if isinstance(found, Unread) else []
    return [
        f"  {', '.join(' '.join((one.name, one.version or 'of any version')) for one in found)}",
        *(f"  {lack.why.name}: {lack.text}" for lack in lacks),
    ]


@pytest.mark.parametrize("name", CASES)
def test_a_lock_as_its_tool_wrote_it(name: str) -> None:
    assert told(FIXTURES / name) == (FIXTURES / name / "told.txt").read_text("utf-8")


def test_at_least_five_of_each_format() -> None:
    for row in FORMATS:
        found = [
            path
            for name in CASES
            for path in (FIXTURES / name).iterdir()
            if re.fullmatch(row.files, path.name)
        ]
        assert len(found) >= 5, row.name


@pytest.mark.parametrize("name", CASES)
def test_more_that_is_asked_for_is_never_less(name: str) -> None:
    lock = lock_of(FIXTURES / name)
    if isinstance(lock, Unread):
        return
    for target in TARGETS:
        some, every = needed(lock, target), needed(lock, target, Selection(groups=None, extras=None))
        if not isinstance(some, Unread):
            assert not isinstance(every, Unread)
            assert set(some) <= set(every)


# -- what is not trusted


def changed(name: str, change: Callable[[str], str]) -> Lock | Unread:
    folder = FIXTURES / name
    (path,) = [
        path for path in folder.iterdir() if any(re.fullmatch(row.files, path.name) for row in FORMATS)
    ]
    before = path.read_text("utf-8")
    after = change(before)
    assert after != before
    return read(path.name, after)


BROKEN: dict[str, tuple[str, Callable[[str], str], str]] = {
    "uv, another version": (
        "uv-service",
        lambda text: text.replace("version = 1", "version = 2", 1),
        "its version is not 1",
    ),
    "uv, an unknown key": (
        "uv-service",
        lambda text: text.replace("revision", "installs", 1),
        "it has `installs`, which is not known",
    ),
    "uv, an unknown option": (
        "uv-service",
        lambda text: text.replace("[[package]]", '[options]\nlink-mode = "copy"\n\n[[package]]', 1),
        "`options` has `link-mode`, which is not known",
    ),
    "uv, an unknown key of a package": (
        "uv-service",
        lambda text: text.replace("sdist =", "source-dist =", 1),
        "`package` has `source-dist`, which is not known",
    ),
    "uv, an unknown source": (
        "uv-service",
        lambda text: text.replace("{ registry =", "{ mirror =", 1),
        "the source of annotated-types has `mirror`, which is not known",
    ),
    "uv, an unknown key of a dependency": (
        "uv-service",
        lambda text: text.replace('{ name = "greenlet" }', '{ name = "greenlet", when = "never" }', 1),
        "what sqlalchemy requires has `when`, which is not known",
    ),
    "uv, a package without a name": (
        "uv-service",
        lambda text: text.replace('name = "annotated-types"\n', "", 1),
        "a package has no name",
    ),
    "uv, a package twice": (
        "uv-service",
        lambda text: f"{text}\n[[package]]\n" + text.split("[[package]]\n")[1],
        "annotated-types stands twice in it",
    ),
    "uv, a list that is none": (
        "uv-service",
        lambda text: text.replace("[[package]]", "[package]", 1).split("[[package]]")[0],
        "`package` is not a list",
    ),
    "uv, nothing that is asked for": (
        "uv-service",
        lambda text: text.replace('editable = "."', 'editable = "elsewhere"'),
        "it does not say what is asked for",
    ),
    "uv, cut": ("uv-service", lambda text: text[: len(text) // 2], "it is no TOML"),
    "poetry, a newer version": (
        "poetry-service",
        lambda text: text.replace('lock-version = "2.1"', 'lock-version = "3.0"'),
        "its lock-version is 3.0",
    ),
    "poetry, without metadata": (
        "poetry-service",
        lambda text: text.partition("[metadata]")[0],
        "`metadata` is not a table",
    ),
    "poetry, without groups": (
        "poetry-service",
        lambda text: text.replace('groups = ["main"]\n', "", 1),
        "`groups` of annotated-types is not a list",
    ),
    "poetry, an unknown key": (
        "poetry-service",
        lambda text: text.replace("optional =", "replaces =", 1),
        "`package` has `replaces`, which is not known",
    ),
    "pdm, a newer version": (
        "pdm-service",
        lambda text: text.replace('lock_version = "4.5.1"', 'lock_version = "5.0"'),
        "its lock_version is 5.0",
    ),
    "pdm, an unknown strategy": (
        "pdm-service",
        lambda text: text.replace('["inherit_metadata"]', '["inherit_metadata", "as_needed"]'),
        "its strategy is as_needed",
    ),
    "pdm, a file that is a number": (
        "pdm-service",
        lambda text: re.sub(r'\{file = "[^"]*"', "{file = 1", text, count=1),
        "file of a file of colorama is not a text",
    ),
    "Pipfile, another spec": (
        "pipenv-service",
        lambda text: text.replace('"pipfile-spec": 6', '"pipfile-spec": 7'),
        "its pipfile-spec is not 6",
    ),
    "Pipfile, an unknown key": (
        "pipenv-service",
        lambda text: text.replace('"index"', '"only_binary"', 1),
        "numpy has `only_binary`, which is not known",
    ),
    "Pipfile, a key twice": (
        "pipenv-service",
        lambda text: text.replace('"_meta": {', '"_meta": {}, "_meta": {', 1),
        "something stands twice in it",
    ),
    "Pipfile, no object": ("pipenv-service", lambda _: "[]", "it is not a table"),
    "pylock, a newer version": (
        "pylock-service",
        lambda text: text.replace('lock-version = "1.0"', 'lock-version = "1.1"'),
        "its lock-version is 1.1",
    ),
    "pylock, several places": (
        "pylock-project",
        lambda text: text.replace("directory = {", 'archive = { url = "u" }\ndirectory = {', 1),
        "demo comes from several places",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_not_known_is_not_read(name: str) -> None:
    case, change, reason = BROKEN[name]
    found = changed(case, change)
    assert isinstance(found, Unread)
    assert found.reason.partition(" cannot be read: ")[2] == reason


BOMBS = {
    "many brackets": "a = " + "[" * 100_000,
    "many tables": "a = " + "{a=" * 100_000,
    "a key of many parts": ".".join("a" * 1_000_000) + " = 1",
    "a header of many parts": "[" + ".".join("a" * 1_000_000) + "]",
    "a line without an end": "a = '" + "a" * 2_000_000,
    "a large number": "version = " + "9" * 100_000,
    "much": "#" * (LARGEST + 1),
    "nothing": "",
    "a byte order mark": "\ufeffversion = 1",
    "a surrogate": "a = '\udcff'",
}


@pytest.mark.parametrize("row", FORMATS, ids=lambda row: row.name)
@pytest.mark.parametrize("name", BOMBS)
def test_what_is_made_to_break_a_reader_does_not(name: str, row: object) -> None:
    path = next(one.name for one in FORMATS if one is row)
    found = read(path, BOMBS[name])
    assert isinstance(found, Unread)
    assert len(found.reason) < 200


def test_a_json_of_many_brackets() -> None:
    found = read("Pipfile.lock", '{"_meta": ' + "[" * 200_000)
    assert found == Unread("Pipfile.lock cannot be read: it is nested too deep")


def test_too_many_packages_of_one_name() -> None:
    rows = "".join(
        f'[[package]]\nname = "a"\nversion = "{n}"\nsource = {{ registry = "r" }}\n' for n in range(1000)
    )
    found = read("uv.lock", f'version = 1\nrequires-python = ">=3"\n{rows}')
    assert found == Unread("uv.lock cannot be read: it has too many packages of one name")


def test_a_file_of_another_name() -> None:
    assert read("a/conda-lock.yml", "") == Unread("a/conda-lock.yml is no lock file that is known")


def test_something_required_that_is_not_locked() -> None:
    found = changed(
        "uv-service", lambda text: text.replace('{ name = "pydantic" }', '{ name = "pedantic" }', 1)
    )
    assert isinstance(found, Lock)
    reason = "uv.lock cannot be read: it has no pedantic as something requires it"
    assert needed(found, TARGETS[0]) == Unread(reason)


def test_a_pyproject_that_is_broken() -> None:
    text = (FIXTURES / "poetry-1.8-service/poetry.lock").read_text("utf-8")
    assert read("poetry.lock", text, "[") == Unread(
        "pyproject.toml beside poetry.lock cannot be read: it is no TOML"
    )


def test_without_its_project_all_of_an_old_lock_counts() -> None:
    text = (FIXTURES / "poetry-1.8-service/poetry.lock").read_text("utf-8")
    lock = read("poetry.lock", text)
    assert isinstance(lock, Lock)
    assert lock.default_groups is None
    assert needed(lock, TARGETS[0]) == lock.packages


def test_passwords_are_not_kept() -> None:
    text = json.dumps(
        {
            "_meta": {"pipfile-spec": 6, "sources": [{"url": "https://me:secret@index.example/simple"}]},
            "default": {"a": {"git": "https://me:secret@git.example/a?token=secret", "ref": "1"}},
        }
    )
    lock = read("Pipfile.lock", text)
    assert isinstance(lock, Lock)
    assert "secret" not in repr(lock)
    assert lock.packages[0].sourcing is Sourcing.GIT


# -- a member, an extra, a group


def test_a_group_alone() -> None:
    lock = lock_of(FIXTURES / "uv-service")
    assert isinstance(lock, Lock)
    found = needed(lock, TARGETS[0], Selection(groups=("Lint",), has_main=False))
    assert not isinstance(found, Unread)
    assert {package.name for package in found} == {
        "iniconfig", "packaging", "pluggy", "pygments", "pytest", "ruff",
    }  # fmt: skip


def test_a_member_alone() -> None:
    lock = lock_of(FIXTURES / "uv-workspace")
    assert isinstance(lock, Lock)
    found = needed(lock, TARGETS[1], Selection(members=("worker",)))
    assert not isinstance(found, Unread)
    assert {package.name for package in found} == {"numpy", "worker"}


def test_an_extra() -> None:
    lock = lock_of(FIXTURES / "uv-service")
    assert isinstance(lock, Lock)
    some, more = needed(lock, TARGETS[0]), needed(lock, TARGETS[0], Selection(extras=("postgres",)))
    assert not isinstance(some, Unread)
    assert not isinstance(more, Unread)
    assert {package.name for package in more} - {package.name for package in some} == {
        "psycopg", "psycopg-binary",
    }  # fmt: skip


# -- why there is no wheel


def package(*wheels: str) -> LockedPackage:
    return LockedPackage("a", "1", Sourcing.REGISTRY, "", wheels, True)


LACKS: dict[tuple[str, ...], str] = {
    ("a-1-cp312-cp312-manylinux_2_39_aarch64.whl",): "a 1 has no wheel for glibc 2.36, only for a newer one",
    ("a-1-cp312-cp312-musllinux_1_2_aarch64.whl",): "a 1 has no wheel for glibc, only for musl",
    ("a-1-cp311-cp311-manylinux_2_17_aarch64.whl",): "a 1 has no wheel for Python 3.12 on aarch64",
    ("a-1-cp312-cp312-manylinux_2_17_x86_64.whl",): "a 1 has no wheel for aarch64",
    ("a-1-cp312-cp312-win_amd64.whl",): "a 1 has no wheel for aarch64",
    ("a-1-py2-none-any.whl",): "a 1 has no wheel for aarch64",
    ("no wheel.whl",): "a 1 has no wheel for aarch64",
}


@pytest.mark.parametrize("wheels", LACKS)
def test_what_would_make_a_wheel_fit(wheels: tuple[str, ...]) -> None:
    assert lack_of(package(*wheels), TARGETS[0]) == Lack(package(*wheels), Why.WHEELS, LACKS[wheels])
