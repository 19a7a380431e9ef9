"""What may import what, and where the outside world is touched (CONTRIBUTING.md)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import xbuild
from xbuild.cli.main import COMMANDS

ROOT = Path(xbuild.__file__ or "").parent
FOOT = ("architectures", "errors", "platforms", "text")
# Each imports from itself, from those in front of it, and from the foot.
ORDER = (
    "dockerfile",
    "generate",
    "graph",
    "plan",
    "rewrite",
    "rules",
    "solve",
    "verify",
    "views",
    "pipeline",
)
# Doors: they import anything, and nothing in ORDER imports them.
DOORS = ("cli", "library", "__main__", "__init__")
STREAMS = ("sys.stdin", "sys.stdout", "sys.stderr")
OUTSIDE = ("solve", "verify", "pipeline", *DOORS)
HOMES = {
    "typer": ("cli",),
    "yaml": ("plan", "pipeline"),
    "python_on_whales": ("solve", "verify"),
    "packaging": ("generate", "plan", "verify"),
}

# Modules that touch files, processes, the network, the clock or the environment.
WORLD = {
    "os", "subprocess", "socket", "shutil", "tempfile", "time", "signal", "threading", "selectors",
    "urllib", "http", "pathlib", "random", "secrets", "multiprocessing", "asyncio", "ssl", "glob", "fcntl",
}  # fmt: skip


def modules() -> tuple[Path, ...]:
    """Without what a twin ships into foreign images: the files of its room beside `__init__.py`."""
    twins = ROOT / "plan/twins"
    found = sorted(ROOT.rglob("*.py"))
    return tuple(p for p in found if p.parent.parent != twins or p.name == "__init__.py")


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """All of a module's syntax tree."""
    return tuple(ast.walk(ast.parse(path.read_text("utf-8"))))


def package_of(path: Path) -> str:
    relative = path.relative_to(ROOT)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


@cache
def imports(path: Path) -> tuple[tuple[str, str], ...]:
    """(module, name) of every import, also inside functions; `import a.b` has an empty name."""
    found: list[tuple[str, str]] = []
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found += ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found += ((node.module or "", alias.name) for alias in node.names)
    return tuple(found)


def own(path: Path) -> Iterator[str]:
    """The packages of xbuild that a module imports from; its version is nobody's."""
    for module, name in imports(path):
        if (module, name) == ("xbuild", "__version__"):
            continue
        if module == "xbuild":
            yield name if (ROOT / name).is_dir() or (ROOT / f"{name}.py").exists() else "__init__"
        elif module.startswith("xbuild."):
            yield module.split(".")[1]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_come_from_above(path: Path) -> None:
    package = package_of(path)
    if package in DOORS:
        return
    for other in own(path):
        above = () if package in FOOT else ORDER[: ORDER.index(package) + 1]
        assert other in (*FOOT, *above), f"{package} imports {other}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_libraries_stay_in_their_homes(path: Path) -> None:
    for module, _ in imports(path):
        home = HOMES.get(module.split(".")[0])
        assert home is None or package_of(path) in home, f"{path} imports {module}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_only_some_packages_touch_the_outside_world(path: Path) -> None:
    if package_of(path) in OUTSIDE:
        return
    touched = {module.split(".")[0] for module, _ in imports(path)} & WORLD
    calls = {
        node.func.id
        for node in nodes(path)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("open", "print", "input")
    }
    assert not touched | calls, f"{path} uses {touched | calls}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_command_line_prints(path: Path) -> None:
    """All else is called as a library too, whose caller's standard streams are not ours to write to."""
    if package_of(path) in ("cli", "__main__"):
        return
    for node in nodes(path):
        called = node.func if isinstance(node, ast.Call) else None
        assert not (isinstance(called, ast.Name) and called.id in ("print", "input")), path
        is_ours = package_of(path) == "solve"  # `--output -` is written there
        if isinstance(node, ast.Attribute) and node.attr.startswith("std") and not is_ours:
            assert ast.unparse(node) not in STREAMS, path


# The rooms of `plan/`, and modules that stand by themselves there: each imports from those in front of it.
PLAN_ORDER = (
    "table", "model", "context", "facts", "toolchain", "programs", "demands", "cross", "recipes", "reading",
    "toolchains", "twins", "settings", "asking", "deciding",
)  # fmt: skip
# For the type checker alone: what a call and a description say of each other.
PLAN_TYPES = {("toolchain", "programs")}


@pytest.mark.parametrize(
    "path", [p for p in modules() if package_of(p) == "plan"], ids=lambda path: path.stem
)
def test_rooms_of_the_plan_import_in_order(path: Path) -> None:
    parts = path.relative_to(ROOT / "plan").parts
    own = parts[0].removesuffix(".py")
    if own == "__init__":
        return
    for module, _ in imports(path):
        if module.startswith("xbuild.plan."):
            other = module.split(".")[2]
            is_behind = PLAN_ORDER.index(other) > PLAN_ORDER.index(own)
            assert not is_behind or (own, other) in PLAN_TYPES, f"{own} imports {other}"


# What several packages may have: the vocabulary of each, and what puts each one's thing together.
SHARED_NAMES = ("__init__", "model", "build")


def test_one_name_for_one_thing() -> None:
    """No two modules have one name, but for doors, which are named as the command, and so as what it does."""
    found: dict[str, list[str]] = {}
    for path in modules():
        is_door = path.parent == ROOT / "cli" and path.stem in COMMANDS
        if path.stem not in SHARED_NAMES and not is_door:
            found.setdefault(path.stem, []).append(str(path.relative_to(ROOT)))
    assert not [paths for paths in found.values() if len(paths) > 1]


def test_one_class_for_one_name() -> None:
    """No two classes have one name, whatever their modules."""
    found: dict[str, list[str]] = {}
    for path in modules():
        for node in nodes(path):
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    assert not {name: paths for name, paths in found.items() if len(paths) > 1}


@pytest.mark.parametrize("package", ["plan/toolchains", "rules"])
def test_no_toolchain_and_no_rule_imports_another(package: str) -> None:
    found = (path for path in (ROOT / package).glob("*.py") if path.stem != "__init__")
    names = {path.stem for path in found if package != "rules" or "\nRULE = " in path.read_text("utf-8")}
    for path in (ROOT / package).glob("*.py"):
        if path.stem == "__init__":
            continue
        prefix = f"xbuild.{package.replace('/', '.')}."
        others = {m.removeprefix(prefix).split(".")[0] for m, _ in imports(path) if m.startswith(prefix)}
        assert path.stem not in names or not (others & names) - {path.stem}, f"{path} imports {others}"
