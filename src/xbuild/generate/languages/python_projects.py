"""Python: packages by uv for the target's machine, from whatever lock file there is, on the slim image."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from xbuild.generate.excerpts import copied, exec_form, exists, first_seen, plain, read_toml, search, table
from xbuild.generate.languages.python_layouts import makes_a_package, starting_folder
from xbuild.generate.shape import Candidate, EntryPoint, ProjectKind, Seen, Shape, SourceTree, UnreadyError
from xbuild.generate.template import Values
from xbuild.generate.versions import DISTROLESS, LEVELS, PYTHON, PYTHONS, minor, newest_python

MARKERS = ("pyproject.toml", "requirements.txt", "setup.py", "manage.py")
_PORT = "8000"
# uv's names of machines.
_MACHINE = "$(case $TARGETARCH in (amd64) echo x86_64 ;; (arm64) echo aarch64 ;; esac)"
_ASIDE = frozenset(
    {"tests", "test", "docs", "examples", "scripts", "migrations", ".venv", "venv", "node_modules"}
)
# An application, made by its class, or by a function of the project's.
_APPLICATION = r"^(\w+)(?:\s*:\s*[\w.]+)?\s*=\s*(?:\w+\.)?({}|(?:create|make|build)_app(?:lication)?)\("
_OF_TESTS = re.compile(r"tests?\.py|test_.*\.py|.*_test\.py|conftest\.py|setup\.py")
_SETTINGS = re.compile(r"DJANGO_SETTINGS_MODULE[\"'],\s*[\"']([\w.]+)\.settings")
_STARTS = re.compile(r"^if __name__ == [\"']__main__[\"']:", re.MULTILINE)
_REQUIRED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)", re.MULTILINE)
# A version in a lock file, or among requirements for pip.
_PINNED = re.compile(
    r"^name = \"([^\"]+)\"\nversion = \"([^\"]+)\"|^([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*==\s*([\w.]+)",
    re.MULTILINE,
)
_ADDRESS = re.compile(r"^\s*(?:-e\s|--editable\b|git\+|.*\s@\s|\.{1,2}/|/)", re.MULTILINE)

# Packages without wheels that need a compiler and a library: what Debian calls the library's headers, and the
# library itself. Source: the packages' own installation notes.
_COMPILED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "psycopg2": (("libpq-dev",), ("libpq5",)),
    "mysqlclient": (("default-libmysqlclient-dev", "pkg-config"), ("libmariadb3",)),
    "python-ldap": (("libldap-dev", "libsasl2-dev"), ("libldap2", "libsasl2-2")),
    "pycairo": (("libcairo2-dev", "pkg-config"), ("libcairo2",)),
    "pygraphviz": (("libgraphviz-dev",), ("graphviz",)),
    "uwsgi": ((), ()),
}
# Programs that start as a module, too.
_MODULES = {
    "fastapi": "fastapi",
    "flask": "flask",
    "gunicorn": "gunicorn",
    "hypercorn": "hypercorn",
    "uvicorn": "uvicorn",
    "waitress-serve": "waitress",
}
# What was called otherwise in Debian 12.
_OLDER = {"libldap2": "libldap-2.5-0"}


@dataclass(frozen=True)
class Framework:
    """What an application is made with: its call, and how it is started with the server that is required
    beside it (the first that is), `{}` being the module and the name of the application.
    """

    name: str
    package: str
    call: str
    servers: tuple[tuple[str, tuple[str, ...]], ...]
    doubt: str = ""


_UVICORN = ("uvicorn", ("uvicorn", "{module}:{name}", "--host", "0.0.0.0", "--port", _PORT))
_HYPERCORN = ("hypercorn", ("hypercorn", "--bind", f"0.0.0.0:{_PORT}", "{module}:{name}"))
_GUNICORN = ("gunicorn", ("gunicorn", "--bind", f"0.0.0.0:{_PORT}", "{module}:{name}"))
_WAITRESS = ("waitress", ("waitress-serve", "--listen", f"0.0.0.0:{_PORT}", "{module}:{name}"))
_FASTAPI = ("fastapi-cli", ("fastapi", "run", "--host", "0.0.0.0", "--port", _PORT, "{file}"))
_FLASK_RUN = ("flask", ("flask", "--app", "{module}:{name}", "run", "--host", "0.0.0.0", "--port", _PORT))
FRAMEWORKS = (
    Framework("FastAPI", "fastapi", "FastAPI", (_UVICORN, _HYPERCORN, _FASTAPI)),
    Framework("Starlette", "starlette", "Starlette", (_UVICORN, _HYPERCORN)),
    Framework("Litestar", "litestar", "Litestar", (_UVICORN, _HYPERCORN)),
    Framework(
        "Flask",
        "flask",
        "Flask",
        (_GUNICORN, _WAITRESS, _FLASK_RUN),
        "its server is for development: require gunicorn",
    ),
    Framework("Dash", "dash", "Dash", ()),
)


def find(tree: SourceTree, folder: str) -> Candidate | None:
    marker = next(
        (p for m in MARKERS if exists(tree, p := posixpath.normpath(posixpath.join(folder, m)))), None
    )
    if marker is None:
        return None
    candidate = Candidate("python", folder, marker)
    return Candidate("python", folder, marker, tuple(_entries(tree, candidate)))


def _project(tree: SourceTree, candidate: Candidate) -> dict[str, Any]:
    return read_toml(tree, candidate.inside("pyproject.toml"))


def _sources(tree: SourceTree, candidate: Candidate) -> list[str]:
    """The project's modules, the shallow ones first."""
    found = [p for p in tree.files(candidate.folder) if p.endswith(".py") and not _ASIDE & set(p.split("/"))]
    return sorted(found, key=lambda path: (path.count("/"), path))


def _entries(tree: SourceTree, candidate: Candidate) -> Iterator[EntryPoint]:
    known = _required(tree, candidate)
    project = _project(tree, candidate)
    manage = candidate.inside("manage.py")
    if exists(tree, manage):
        yield from _django(tree, manage, known)
        return
    applications = list(_applications(tree, candidate, known))
    if applications:
        yield from applications
        return
    scripts = table(project, "project", "scripts") or table(project, "tool", "poetry", "scripts")
    if scripts and makes_a_package(tree, candidate, project):
        marker = candidate.inside("pyproject.toml")
        for name in scripts:
            yield EntryPoint(
                name, first_seen(tree, marker, rf"^\"?{re.escape(name)}\"?\s*=", "a console script"), (name,)
            )
        return
    yield from _modules(tree, candidate)


def _django(tree: SourceTree, manage: str, known: frozenset[str]) -> Iterator[EntryPoint]:
    found = _SETTINGS.search(tree.read(manage) or "")
    if found is None:
        raise UnreadyError(
            "manage.py does not name the settings", file=manage, expected="DJANGO_SETTINGS_MODULE"
        )
    seen = first_seen(tree, manage, r"DJANGO_SETTINGS_MODULE", "Django")
    module = found[1]
    words: tuple[str, ...]
    if "gunicorn" in known:
        words = ("gunicorn", "--bind", f"0.0.0.0:{_PORT}", f"{module}.wsgi")
    elif "uvicorn" in known:
        words = ("uvicorn", f"{module}.asgi:application", "--host", "0.0.0.0", "--port", _PORT)
    else:
        words = ("python", "manage.py", "runserver", "--noreload", f"0.0.0.0:{_PORT}")
        doubt = "Django, by its server for development: require gunicorn"
        seen = Seen(doubt, seen.file, seen.line, is_sure=False)
    yield EntryPoint(module.split(".")[0], seen, words)


def _applications(tree: SourceTree, candidate: Candidate, known: frozenset[str]) -> Iterator[EntryPoint]:
    sources = [p for p in _sources(tree, candidate) if not _OF_TESTS.fullmatch(posixpath.basename(p))]
    for framework in FRAMEWORKS:
        used = re.compile(rf"^\s*(?:from|import)\s+{framework.package}\b", re.MULTILINE)
        if framework.package not in known or not any(search(tree, sources, used)):
            continue
        call = re.compile(_APPLICATION.format(framework.call), re.MULTILINE)
        for path, found, line in search(tree, sources, call):
            words = _served(framework, known, _from_its_folder(tree, candidate, path), path, found[1])
            if words is None:
                raise UnreadyError(
                    f"{framework.name} is used, and no server for it is required",
                    file=path,
                    line=line,
                    hint=f"require {' or '.join(name for name, _ in framework.servers) or 'a server'}",
                )
            is_sure = words[0] != "flask"
            text = framework.name if is_sure else f"{framework.name}: {framework.doubt}"
            yield EntryPoint(_module(candidate, path), Seen(text, path, line, is_sure), words, (path,))
        if any(tree.read(path) and call.search(tree.read(path) or "") for path in sources):
            return


def _served(
    framework: Framework, known: frozenset[str], candidate: Candidate, path: str, name: str
) -> tuple[str, ...] | None:
    for package, words in framework.servers:
        if package in known or (package == "fastapi-cli" and "fastapi[standard]" in known):
            place = {
                "module": _module(candidate, path),
                "name": name,
                "file": posixpath.relpath(path, candidate.folder or "."),
            }
            return tuple(word.format(**place) for word in words)
    return None


def _from_its_folder(tree: SourceTree, candidate: Candidate, path: str) -> Candidate:
    """The project as a program sees it that is started in the folder of the modules that it imports."""
    return replace(candidate, folder=candidate.inside(starting_folder(tree, candidate, path)))


def _module(candidate: Candidate, path: str) -> str:
    """The dotted name of a module, from the folder that holds the code on (`src/` is not part of it)."""
    place = posixpath.relpath(path, candidate.folder or ".").removesuffix(".py").removeprefix("src/")
    return place.removesuffix("/__init__").replace("/", ".")


def _modules(tree: SourceTree, candidate: Candidate) -> Iterator[EntryPoint]:
    """What Python is started with: `__main__.py` of a package, or a module with a main part."""
    sources = _sources(tree, candidate)
    for path in sources:
        if posixpath.basename(path) == "__main__.py":
            package = _module(candidate, posixpath.dirname(path) + ".py")
            yield EntryPoint(package, Seen("a package that can be started", path), ("python", "-m", package))
    names = ("main.py", "app.py", "server.py", "run.py", "bot.py")
    top = [p for p in sources if posixpath.dirname(p) == candidate.folder]
    top = [p for p in top if _OF_TESTS.fullmatch(posixpath.basename(p)) is None]
    starts = [p for p in top if _STARTS.search(tree.read(p) or "")]
    usual = [p for n in names for p in top if posixpath.basename(p) == n]
    for path in usual[:1] or starts:
        file = posixpath.basename(path)
        yield EntryPoint(
            file.removesuffix(".py"),
            Seen("a module that is started", path, is_sure=False),
            ("python", file),
            (file,),
        )


def _required(tree: SourceTree, candidate: Candidate) -> frozenset[str]:
    """Names of all packages that are required, directly or by a lock file, as PEP 503 spells them."""
    project = _project(tree, candidate)
    words = (
        [str(w) for w in project.get("project", {}).get("dependencies", [])] if "project" in project else []
    )
    words += table(project, "tool", "poetry", "dependencies")
    for name in ("requirements.txt", "requirements.in"):
        words += (tree.read(candidate.inside(name)) or "").splitlines()
    for lock in ("uv.lock", "poetry.lock"):
        words += re.findall(r'^name = "([^"]+)"', tree.read(candidate.inside(lock)) or "", re.MULTILINE)
    found = {_normal(match[1]) for word in words if (match := _REQUIRED.match(word.strip())) is not None}
    extras = (
        {"fastapi[standard]"}
        if any(w.replace(" ", "").startswith("fastapi[standard]") for w in words)
        else set()
    )
    return frozenset(found | extras)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def draw(tree: SourceTree, candidate: Candidate, entry: EntryPoint | None) -> Shape:
    if entry is None:
        raise UnreadyError(
            "no program was recognised: no application, console script or module that is started",
            file=candidate.marker,
            hint="name a module with --entry, such as --entry main.py",
        )
    template, lock, more = _installed(tree, candidate)
    version, version_seen = _version(tree, candidate)
    seen = [version_seen, Seen(more, lock), entry.seen]
    suite = PYTHONS[version]
    known = _required(tree, candidate)
    compiled = [name for name in _COMPILED if name in known]
    headers = sorted({package for name in compiled for package in _COMPILED[name][0]})
    named = _OLDER if suite == "bookworm" else {}
    libraries = sorted({named.get(p, p) for name in compiled for p in _COMPILED[name][1]})
    notes: list[str] = []
    if compiled:
        notes.append(f"{', '.join(compiled)}: compiled where the image runs, as there is no wheel of it")
    is_served = any(word == _PORT or word.endswith(f":{_PORT}") for word in entry.target)
    if not is_served:
        notes.append("EXPOSE and HEALTHCHECK are left out: no port was recognised in the program")
    for file in (candidate.inside("requirements.txt"),) if template == "python-pip" else ():
        for found in _ADDRESS.finditer(tree.read(file) or ""):
            raise UnreadyError(
                f"a requirement by its address: {found[0].strip()}",
                file=file,
                line=(tree.read(file) or "").count("\n", 0, found.start()) + 1,
                hint="publish it, or write the Dockerfile as for one platform",
            )
    is_package = makes_a_package(tree, candidate, _project(tree, candidate))
    is_script = is_package and len(entry.target) == 1
    # python itself looks beside the file that it is given.
    is_by_itself = is_script or entry.target[0] == "python"
    folder = "" if is_by_itself else starting_folder(tree, candidate, entry.seen.file)
    if folder:
        seen.append(Seen(f"started in {folder}/, where the modules are that it imports", entry.seen.file))
    if not is_package and "build-system" in _project(tree, candidate):
        notes.append("the project is not installed as a package: its build would find no modules for one")
    files = ("pyproject.toml", "uv.lock", "requirements.txt", ".python-version")
    wanted = {"python-pip": files[2:3]}.get(template, (*files[:2], files[3]))
    source = bool(tree.files(candidate.inside("src"))) and not is_package
    values: Values = {
        "python": version,
        "files": copied("", [f for f in wanted if exists(tree, candidate.inside(f))]),
        "headers": " ".join(["gcc", "libc6-dev", *headers]),
        "libraries": " ".join(libraries),
        "reason": ", ".join(compiled),
        "suite": suite,
        "for_target": "" if compiled else f' --python-platform "{_MACHINE}-{LEVELS[suite]}"',
        "source": ("/app/src",) if source else (),
        "folder": (f"/app/{plain(folder, entry.seen.file, 'the folder')}",) if folder else (),
        "command": exec_form(entry.target),
        "port": (_PORT,) if is_served else (),
        "check": (_check("python"),) if is_served else (),
        "distroless": DISTROLESS.get(version, ""),
        "distroless_check": (_check("/usr/bin/python3"),) if is_served else (),
        "source_path": ":/app/src" if source else "",
        "module": exec_form(_as_module(entry.target)),
    }
    holds = {"compiled": compiled, "libraries": libraries, "package": is_package, "code": not is_script}
    switches = frozenset(name for name, is_so in holds.items() if is_so)
    runtimes = {"distroless": _no_distroless(version, libraries, entry.target)}
    return Shape(template, values, switches, tuple(seen), tuple(notes), runtimes=runtimes)


def _as_module(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words behind the interpreter that start the same; none where that is not known."""
    if words[0] == "python":
        return words[1:]
    module = _MODULES.get(words[0])
    return ("-m", module, *words[1:]) if module is not None else ()


def _no_distroless(version: str, libraries: Sequence[str], words: tuple[str, ...]) -> str:
    """What keeps the image without a shell and a package manager away."""
    if version not in DISTROLESS:
        return f"its Pythons are {' and '.join(DISTROLESS)}, and the project's is {version}"
    if libraries:
        return f"it cannot install {', '.join(libraries)}"
    return "" if _as_module(words) else f"{words[0]} is not known to start as a module of Python"


def _check(program: str) -> str:
    script = f"import socket; socket.create_connection(('127.0.0.1', {_PORT}), 3)"
    return exec_form([program, "-c", script])


def _installed(tree: SourceTree, candidate: Candidate) -> tuple[str, str, str]:
    """The template, the lock file that it installs from, and a word on that."""
    rows = (
        ("uv.lock", "python-uv", "uv, by its lock file"),
        ("poetry.lock", "python-poetry", "poetry, by its lock file"),
        ("requirements.txt", "python-pip", "requirements for pip"),
    )
    for name, template, text in rows:
        path = candidate.inside(name)
        if exists(tree, path):
            if name.endswith(".lock"):
                read_toml(tree, path)
            return template, path, text
    unfit = next((n for n in ("pdm.lock", "Pipfile.lock") if exists(tree, candidate.inside(n))), None)
    if unfit is not None:
        raise UnreadyError(
            f"there is no template for {unfit}",
            file=candidate.inside(unfit),
            hint="pdm export -o requirements.txt"
            if unfit == "pdm.lock"
            else "pipenv requirements > requirements.txt",
        )
    raise UnreadyError(
        "there is no lock file, so that the packages' versions are not told",
        file=candidate.marker,
        expected="uv.lock, poetry.lock or requirements.txt",
        hint="uv lock",
    )


def _version(tree: SourceTree, candidate: Candidate) -> tuple[str, Seen]:
    for name, prefix in ((".python-version", ""), ("runtime.txt", "python-")):
        path = candidate.inside(name)
        lines = (line.strip() for line in (tree.read(path) or "").splitlines())
        asked = [line for line in lines if line and not line.startswith("#")]
        if asked:
            version = minor(asked[0].removeprefix(prefix))
            if version in PYTHONS:
                return version, Seen(f"Python {version}", path, 1)
            raise UnreadyError(
                f"no image of Python is known for {asked[0]!r}",
                file=path,
                line=1,
                expected=", ".join(PYTHONS),
            )
    newest, limit = _limit(tree, candidate)
    order = sorted(PYTHONS, key=lambda v: v != PYTHON)
    order.sort(key=lambda v: limit is not None and _numbers(v) > _numbers(newest))
    project = _project(tree, candidate)
    marker = candidate.inside("pyproject.toml")
    poetry = table(project, "tool", "poetry", "dependencies").get("python")
    wanted = table(project, "project").get("requires-python") or (_of_poetry(str(poetry)) if poetry else None)
    if not wanted and limit is not None and _numbers(newest) < _numbers(PYTHON):
        return order[0], replace(limit, text=f"Python {order[0]}: {limit.text}")
    if not wanted:
        return PYTHON, Seen(f"Python {PYTHON}: no version is asked for", candidate.marker, is_sure=False)
    line = first_seen(tree, marker, r"^(?:requires-python|python)\s*=", "").line
    try:
        allowed = SpecifierSet(str(wanted))
    except InvalidSpecifier as error:
        raise UnreadyError(f"{wanted!r} is no version of Python", file=marker, line=line) from error
    version = next((v for v in order if allowed.contains(f"{v}.99") or allowed.contains(f"{v}.0")), None)
    if version is None:
        raise UnreadyError(
            f"no image of Python is known for {wanted!r}", file=marker, line=line, expected=", ".join(PYTHONS)
        )
    return version, Seen(f"Python {version}, of {wanted}", marker, line)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _limit(tree: SourceTree, candidate: Candidate) -> tuple[str, Seen | None]:
    """The newest Python that the packages run on at the versions that are required, and which one says so.

    A lock file may hold several versions of a package, for several Pythons: the newest counts.
    """
    found: dict[str, tuple[str, Seen]] = {}
    for name in ("uv.lock", "poetry.lock", "requirements.txt"):
        path = candidate.inside(name)
        for _, match, line in search(tree, (path,), _PINNED):
            package, version = match[1] or match[3], match[2] or match[4]
            newest = newest_python(_normal(package), version)
            if newest is None or _numbers(newest) < _numbers(found.get(package, ("0",))[0]):
                continue
            seen = Seen(f"{package} {version} runs on none newer", path, line, is_sure=False)
            found[package] = (newest, seen)
    return min(found.values(), key=lambda pair: _numbers(pair[0]), default=(PYTHON, None))


def _of_poetry(text: str) -> str:
    """poetry's caret and tilde as PEP 440 has them; what is not understood comes back as it is."""
    found = re.fullmatch(r"([\^~])\s*(\d+)\.(\d+)(?:\.\d+)?", text)
    if found is None:
        return text
    sign, major, second = found.groups()
    return (
        f">={major}.{second},<{int(major) + 1}"
        if sign == "^"
        else f">={major}.{second},<{major}.{int(second) + 1}"
    )


LANGUAGE = ProjectKind("python", MARKERS, find, draw, {".py": "python"})
