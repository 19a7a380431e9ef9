"""Node: a service, Next.js, or a frontend that is built to files."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from xbuild.generate.excerpts import (
    copied,
    exec_form,
    exists,
    first_seen,
    is_member,
    plain,
    read_json,
    search,
    table,
)
from xbuild.generate.languages.node_managers import Installing, installing
from xbuild.generate.ports import is_own
from xbuild.generate.shape import (
    Bundle,
    Candidate,
    EntryPoint,
    ProjectKind,
    Seen,
    Shape,
    SourceTree,
    UnreadyError,
)
from xbuild.generate.template import Values
from xbuild.generate.unchecked import NO_CHECK
from xbuild.generate.versions import NODE, NODE_FIRST, NODE_TOLD, NODES, SUITE, minor, newest_node

_LISTEN = re.compile(
    r"\.listen\(\s*(\d{2,5})\b|\b(?i:port)\s*(?:\|\||\?\?|=)\s*[\"']?(\d{2,5})\b|\bport:\s*(\d{4,5})\b"
)
_SOURCES = (".js", ".mjs", ".cjs", ".ts", ".mts")
# What a service is made with: with one of these, files for a web server are not all that is built.
_SERVERS = (
    "express", "fastify", "koa", "@nestjs/core", "@hapi/hapi", "hono", "@hono/node-server", "restify",
    "polka", "@adonisjs/core", "socket.io", "apollo-server", "@apollo/server", "ws", "micro", "h3",
    "@feathersjs/feathers",
)  # fmt: skip
# What makes a server of its own out of the build, and has no template here.
_SERVER_BUILDS = (
    "nuxt",
    "@remix-run/node",
    "@react-router/node",
    "@sveltejs/adapter-node",
    "@astrojs/node",
    "@angular/ssr",
)


@dataclass(frozen=True)
class Bundler:
    """A tool that builds files for a web server: its package, where they go, and what answers for addresses
    that are no file (a page of the application itself, or 404). `option` finds another folder in `settings`,
    `base` the path that the pages are made to be served below; `said` finds that in the script `build`, which
    comes first.
    """

    package: str
    output: str
    fallback: str = "/index.html"
    settings: tuple[str, ...] = ()
    option: str = ""
    base: str = ""
    said: str = ""


_ENDINGS = ("ts", "js", "mts", "mjs", "cjs")
_VITE = tuple(f"vite.config.{end}" for end in _ENDINGS)
# A path of production, where it depends on that.
_PATH = r"(/[\w./-]+)"
_ON_PRODUCTION = rf"(?:process\.env\.NODE_ENV\s*===?\s*[\"']production[\"']\s*\?\s*)?[\"']{_PATH}[\"']"


def _named(key: str) -> str:
    """A setting of a file in JavaScript, on a line of its own."""
    return rf"^[ \t]*{key}:\s*{_ON_PRODUCTION}"


def _flag(*names: str) -> str:
    """An option of a command line."""
    return rf"(?:{'|'.join(names)})[ =][\"']?{_PATH}"


_BASE = _named("base")
# The first that a project depends on counts: vite is below many others.
BUNDLERS = (
    Bundler(
        "vitepress",
        "docs/.vitepress/dist",
        "=404",
        tuple(f"docs/.vitepress/config.{end}" for end in _ENDINGS),
        base=_BASE,
        said=_flag("--base"),
    ),
    Bundler(
        "@docusaurus/core",
        "build",
        "/404.html",
        tuple(f"docusaurus.config.{end}" for end in _ENDINGS),
        base=_named("baseUrl"),
    ),
    Bundler("@11ty/eleventy", "_site", "=404"),
    Bundler("gatsby", "public", "/404.html"),
    Bundler(
        "astro",
        "dist",
        "=404",
        tuple(f"astro.config.{end}" for end in _ENDINGS),
        r"\boutDir:\s*[\"']([^\"']+)",
        _BASE,
        _flag("--base"),
    ),
    Bundler(
        "@sveltejs/adapter-static",
        "build",
        settings=("svelte.config.js",),
        base=rf"\bbase:\s*{_ON_PRODUCTION}",
    ),
    Bundler(
        "react-scripts",
        "build",
        settings=("package.json",),
        # Of an address the path alone counts (react-dev-utils, getPublicUrlOrPath).
        base=rf'"homepage"\s*:\s*"(?:https?://[^/"]+)?{_PATH}"',
        said=_flag(r"\bPUBLIC_URL"),
    ),
    Bundler(
        "@angular/cli",
        "dist",
        settings=("angular.json",),
        base=rf'"(?:options|production)"\s*:\s*\{{(?:[^{{}}]|\{{[^{{}}]*\}})*?"baseHref"\s*:\s*"{_PATH}"',
        said=_flag("--base-href"),
    ),
    Bundler(
        "@vue/cli-service",
        "dist",
        "/index.html",
        ("vue.config.js",),
        r"\boutputDir:\s*[\"']([^\"']+)",
        _named("publicPath"),
    ),
    Bundler("parcel", "dist", said=_flag("--public-url")),
    Bundler(
        "vite",
        "dist",
        "/index.html",
        _VITE,
        r"\boutDir:\s*[\"']([^\"']+)",
        _named("base"),
        _flag("--base"),
    ),
    Bundler("webpack", "dist"),
)


def find(tree: SourceTree, folder: str) -> Candidate | None:
    marker = posixpath.normpath(posixpath.join(folder, "package.json"))
    package = read_json(tree, marker)
    scripts = table(package, "scripts")
    candidate = Candidate("node", folder, marker)
    is_site = "build" in scripts and _bundler(package) is not None and not _is_service(package)
    entries = tuple(_entries(tree, candidate, package))
    if not entries and not is_site and "next" not in _dependencies(package):
        return None
    return Candidate("node", folder, marker, entries, is_site)


def _dependencies(package: Mapping[str, Any]) -> dict[str, Any]:
    return {**table(package, "devDependencies"), **table(package, "dependencies")}


def _bundler(package: Mapping[str, Any]) -> Bundler | None:
    known = _dependencies(package)
    return next((bundler for bundler in BUNDLERS if bundler.package in known), None)


def _is_service(package: Mapping[str, Any]) -> bool:
    known = table(package, "dependencies")
    return any(name in known for name in _SERVERS) or "next" in known or _started(package) is not None


def _started(package: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The words of the script `start`, or the like for production, if it is node with a file."""
    scripts = table(package, "scripts")
    for name in ("start:prod", "start:production", "start"):
        words = _words(str(scripts.get(name) or ""))
        is_plain = len(words) > 1 and all(_is_simple(word) for word in words)
        if words[:1] == ("node",) and is_plain:
            return words
        # What starts the program anew at every change of a file is for its developers.
        if words[:1] == ("nodemon",) and is_plain and not any(word.startswith("-") for word in words):
            return ("node", *words[1:])
    return None


def _words(script: str) -> tuple[str, ...]:
    """A simple command without settings in front; empty for what a shell would have to read."""
    if re.search(r"[|&;<>$`(){}*?\\]", script):
        return ()
    try:
        words = shlex.split(script)
    except ValueError:
        return ()
    while words and re.match(r"\w+=", words[0]):
        words = words[1:]
    return tuple(words[1:] if words[:1] == ["cross-env"] else words)


def _is_simple(word: str) -> bool:
    return re.fullmatch(r"[\w./@:+=,-]+", word) is not None


def _entries(tree: SourceTree, candidate: Candidate, package: Mapping[str, Any]) -> Iterator[EntryPoint]:
    """The project's own program, or those of its workspaces."""
    name = str(package.get("name") or posixpath.basename(candidate.folder) or "app")
    words = _command(tree, candidate, package)
    if words:
        yield EntryPoint(name, first_seen(tree, candidate.marker, r'"start[\w:]*"\s*:', "the program"), words)
        return
    for folder in _workspaces(tree, candidate, package):
        inner = Candidate(
            "node", posixpath.join(candidate.folder, folder), candidate.inside(f"{folder}/package.json")
        )
        data = read_json(tree, inner.marker)
        started = _command(tree, inner, data)
        if started and "next" not in _dependencies(data):
            seen = first_seen(tree, inner.marker, r'"start[\w:]*"\s*:', "a workspace's program")
            own = str(data.get("name") or folder)
            yield EntryPoint(own, seen, started, (folder, posixpath.basename(folder)))


def _command(tree: SourceTree, candidate: Candidate, package: Mapping[str, Any]) -> tuple[str, ...]:
    """The words that start a service: the start script's, else node with the main file."""
    started = _started(package)
    if started is not None:
        return started
    scripts = table(package, "scripts")
    if "start" in scripts and any(name in table(package, "dependencies") for name in _SERVERS):
        name = next(n for n in ("start:prod", "start:production", "start") if n in scripts)
        return ("npm", "run", name)
    is_server = any(name in table(package, "dependencies") for name in _SERVERS)
    mains = (str(package.get("main") or ""), *(("server.js", "index.js", "app.js") if is_server else ()))
    main = next((m for m in mains if m and _is_simple(m) and exists(tree, candidate.inside(m))), None)
    return ("node", main) if main is not None else ()


def _workspaces(tree: SourceTree, candidate: Candidate, package: Mapping[str, Any]) -> tuple[str, ...]:
    """Folders of the project's workspaces, from its own on."""
    told = package.get("workspaces")
    patterns = told.get("packages") if isinstance(told, dict) else told
    if patterns is None:
        text = tree.read(candidate.inside("pnpm-workspace.yaml")) or ""
        patterns = re.findall(r"^\s*-\s*[\"']?([^\"'\s]+)", text, re.MULTILINE)
    folders: list[str] = []
    for path in tree.files(candidate.folder):
        place = posixpath.relpath(posixpath.dirname(path) or ".", candidate.folder or ".")
        if posixpath.basename(path) == "package.json" and place != ".":
            folders += [place] if any(is_member(place, str(p)) for p in patterns or ()) else []
    return tuple(folders)


def draw(tree: SourceTree, candidate: Candidate, entry: EntryPoint | None) -> Shape:
    package = read_json(tree, candidate.marker)
    known = _dependencies(package)
    unfit = next((name for name in _SERVER_BUILDS if name in known), None)
    if unfit is not None:
        raise UnreadyError(
            f"{unfit} builds a server of its own, for which there is no template",
            file=candidate.marker,
            hint="write the Dockerfile as for one platform: xbuild build makes the rest of it",
        )
    if "next" in table(package, "dependencies"):
        return _next(tree, candidate, package)
    if candidate.is_site:
        return _site(tree, candidate)
    assert entry is not None
    return _service(tree, candidate, package, entry)


def _service(tree: SourceTree, candidate: Candidate, package: Mapping[str, Any], entry: EntryPoint) -> Shape:
    image, version_seen = _image(tree, candidate, package)
    how = _on(image, installing(tree, candidate, package))
    inner = _folder_of(entry)
    data = read_json(tree, candidate.inside(f"{inner}/package.json"))
    scripts = table(data, "scripts")
    _check_starts(data, entry)
    seen = [version_seen, how.seen, entry.seen]
    notes = list(how.notes)
    built = _built(tree, candidate, inner, entry, scripts)
    switches = _switches(how) | ({"build"} if built else frozenset())
    if "build" in scripts and not built:
        notes.append("the script `build` is not run: nothing of what starts the program comes from it")
    workspaces = _workspaces(tree, candidate, package)
    port = _port(tree, candidate, f"{inner}/{entry.target[-1]}")
    if port is None:
        notes.append("EXPOSE and HEALTHCHECK are left out: no port was recognised in the program")
    else:
        seen.append(port[1])
    run = (
        f"{how.manager.name} run build"
        if inner == "."
        else f"{how.manager.name} run build --workspace={inner}"
    )
    values: Values = {
        "image": image,
        "files": copied("", how.files),
        "parts": ("prisma",) if tree.files(candidate.inside("prisma")) else (),
        "workspace": tuple(plain(w, candidate.marker, "the workspace") for w in workspaces),
        "manager": how.prepare,
        "cache": how.manager.cache,
        "settings": how.settings,
        "install": how.manager.install,
        "install_production": how.production,
        "reason": how.reason,
        "build": run,
        "built": (built,) if built else (),
        "folder": () if inner == "." else (f"/app/{inner}",),
        "command": exec_form(entry.target),
        "port": (port[0],) if port else (),
        "check": (_check(port[0]),) if port else (),
    }
    return Shape("node-service", values, switches, tuple(seen), tuple(notes), _ignored(candidate, how, built))


def _check_starts(package: Mapping[str, Any], entry: EntryPoint) -> None:
    """Raises UnreadyError for a script that starts what only developers have."""
    is_script = entry.target[:2] == ("npm", "run")
    tool = _words(str(table(package, "scripts").get(entry.target[2]) or ""))[:1] if is_script else ()
    missing = set(tool) & set(table(package, "devDependencies")) - set(table(package, "dependencies"))
    for name in missing:
        raise UnreadyError(
            f"the script `{entry.target[2]}` starts {name}, one of the devDependencies: they are not shipped",
            file=entry.seen.file,
            line=entry.seen.line,
            hint=f"let it start node with the program that is built, or require {name}",
        )


def _folder_of(entry: EntryPoint) -> str:
    """The workspace of an entry, `.` for the project itself."""
    return entry.other_names[0] if entry.other_names else "."


def _built(
    tree: SourceTree, candidate: Candidate, inner: str, entry: EntryPoint, scripts: Mapping[str, Any]
) -> str:
    """The folder that the build makes and the program is started from, from the project's folder on."""
    if "build" not in scripts:
        return ""
    if entry.target[0] == "npm":
        return "dist" if re.search(r"\bnest\b|\btsc\b|tsup|esbuild", str(scripts["build"])) else ""
    for word in entry.target[1:]:
        top = posixpath.normpath(word).split("/")[0]
        # A built file may be named without its ending: node dist/main
        if not word.startswith("-") and top not in (".", ".."):
            has_it = any(exists(tree, candidate.inside(f"{inner}/{word}{end}")) for end in ("", ".js"))
            return "" if has_it else posixpath.normpath(f"{inner}/{top}")
    return ""


def _switches(how: Installing) -> frozenset[str]:
    return frozenset({"compiled"} if how.reason else ())


def _ignored(candidate: Candidate, how: Installing, built: str = "") -> tuple[str, ...]:
    """What is built anyway is left out; `.npmrc` without a secret is not."""
    is_kept = ".npmrc" in how.files
    return (*((built,) if built else ()), *((f"!{candidate.inside('.npmrc')}",) if is_kept else ()))


def _check(port: str) -> str:
    ends = ".on('connect',()=>process.exit(0)).on('error',()=>process.exit(1))"
    script = f"require('net').connect({port},'127.0.0.1'){ends}"
    return exec_form(["node", "-e", script])


def _next(tree: SourceTree, candidate: Candidate, package: Mapping[str, Any]) -> Shape:
    names = [f"next.config.{end}" for end in ("js", "mjs", "ts", "cjs")]
    config = next((n for n in names if exists(tree, candidate.inside(n))), None)
    text = tree.read(candidate.inside(config)) or "" if config else ""
    output = re.search(r"\boutput:\s*[\"'](\w+)[\"']", text)
    if output is not None and output[1] == "export":
        return _site(
            tree, candidate, Bundler("next", "out", "/404.html", tuple(names), base=_named("basePath"))
        )
    if "build" not in table(package, "scripts"):
        raise UnreadyError(
            "Next.js is required, and there is no script `build`",
            file=candidate.marker,
            expected='"build": "next build" among the scripts',
            hint="name the folder of the site",
        )
    image, version_seen = _image(tree, candidate, package)
    how = _on(image, installing(tree, candidate, package))
    seen = [version_seen, how.seen, first_seen(tree, candidate.marker, r'"next"\s*:', "Next.js")]
    is_alone = output is not None and output[1] == "standalone"
    if is_alone and config:
        seen.append(first_seen(tree, candidate.inside(config), r"\boutput:", "Next.js, standalone"))
    values: Values = {
        "image": image,
        "files": copied("", how.files),
        "parts": ("prisma",) if tree.files(candidate.inside("prisma")) else (),
        "manager": how.prepare,
        "cache": how.manager.cache,
        "settings": how.settings,
        "install": how.manager.install,
        "install_production": how.production,
        "reason": how.reason,
        "build": f"{how.manager.name} run build",
        "config": (config,) if config and not is_alone else (),
        "public": ("public",) if tree.files(candidate.inside("public")) else (),
        "port": "3000",
        "check": _check("3000"),
    }
    switches = _switches(how) | ({"standalone"} if is_alone else frozenset())
    return Shape("node-next", values, switches, tuple(seen), how.notes, (".next", *_ignored(candidate, how)))


def _site(tree: SourceTree, candidate: Candidate, bundler: Bundler | None = None) -> Shape:
    package = read_json(tree, candidate.marker)
    made = bundle(tree, candidate, bundler)
    used = bundler or _bundler(package)
    assert used is not None
    base, seen = _base(tree, candidate, used)
    return Shape(
        "node-site",
        {**made.values, "base": base, "fallback": used.fallback.replace("/", f"{base}/", 1)},
        made.switches | ({"below"} if base else frozenset()),
        (*made.seen, *seen),
        (NO_CHECK,),
        (made.output, *made.ignored),
    )


def _base(tree: SourceTree, candidate: Candidate, bundler: Bundler) -> tuple[str, tuple[Seen, ...]]:
    """The path that the pages are made to be served below, without a slash at its end."""
    script = str(table(read_json(tree, candidate.marker), "scripts").get("build") or "")
    for path, pattern, text in (
        (candidate.marker, bundler.said, script),
        *((path, bundler.base, tree.read(path) or "") for path in map(candidate.inside, bundler.settings)),
    ):
        found = re.search(pattern, text, re.MULTILINE) if pattern else None
        if found is not None:
            base = posixpath.normpath(found[1]).rstrip("/")
            seen = first_seen(tree, path, pattern, f"served below {base}/")
            return base, (seen,) if base else ()
    return "", ()


def bundle(tree: SourceTree, candidate: Candidate, bundler: Bundler | None = None) -> Bundle:
    """How a frontend is built, for the part `web` of templates. Raises UnreadyError."""
    package = read_json(tree, candidate.marker)
    used = bundler or _bundler(package)
    assert used is not None
    how = installing(tree, candidate, package)
    image, version_seen = _image(tree, candidate, package)
    output, output_seen = _output(tree, candidate, used)
    folder = plain(candidate.folder or ".", candidate.marker, "the folder")
    values: Values = {
        "web_image": image,
        "web_folder": folder,
        "web_place": posixpath.normpath(f"/src/{folder}"),
        "web_output": output,
        "web_files": copied(candidate.folder, how.files),
        "web_manager": how.prepare,
        "web_cache": how.manager.cache,
        "web_install": how.settings + how.manager.install,
        "web_build": f"{how.manager.name} run build",
    }
    seen = (
        version_seen,
        how.seen,
        first_seen(
            tree, candidate.marker, rf'"{re.escape(used.package)}"\s*:', f"a frontend by {used.package}"
        ),
        output_seen,
    )
    return Bundle(output, values, frozenset(), seen, ignored=_ignored(candidate, how))


def _output(tree: SourceTree, candidate: Candidate, bundler: Bundler) -> tuple[str, Seen]:
    """The folder that a frontend is built to, from the root on."""
    if bundler.package == "@angular/cli":
        return _angular(tree, candidate)
    for name in bundler.settings if bundler.option else ():
        path = candidate.inside(name)
        found = re.search(bundler.option, tree.read(path) or "")
        if found is not None:
            output = candidate.inside(plain(found[1], path, "the output folder"))
            return output, first_seen(tree, path, bundler.option, f"built to {output}")
    output = candidate.inside(bundler.output)
    return output, Seen(f"built to {output}", candidate.marker, is_sure=False)


def _angular(tree: SourceTree, candidate: Candidate) -> tuple[str, Seen]:
    path = candidate.inside("angular.json")
    projects = table(read_json(tree, path), "projects")
    for name, project in projects.items():
        build = table(project, "architect", "build")
        told = table(build, "options").get("outputPath", f"dist/{name}")
        output = str(told.get("base", f"dist/{name}") if isinstance(told, dict) else told)
        if str(build.get("builder", "")).endswith(":application"):
            output = posixpath.join(output, "browser")
        return candidate.inside(plain(output, path, "the output folder")), Seen(f"built to {output}", path)
    raise UnreadyError("angular.json names no project", file=path)


def _image(tree: SourceTree, candidate: Candidate, package: Mapping[str, Any]) -> tuple[str, Seen]:
    """The image of Node, and where its version was read."""
    for name in (".nvmrc", ".node-version"):
        path = candidate.inside(name)
        path = path if exists(tree, path) else name
        version = (tree.read(path) or "").strip()
        if version:
            return _chosen(version, path, 1)
    told = table(package, "volta").get("node") or table(package, "engines").get("node")
    if told:
        line = first_seen(tree, candidate.marker, r'"node"\s*:', "").line
        return _chosen(str(told), candidate.marker, line)
    seen = Seen(f"Node {NODE}: no version is asked for", candidate.marker, is_sure=False)
    return f"node:{NODES[NODE]}-{SUITE}", seen


def _on(image: str, how: Installing) -> Installing:
    """How packages are installed in an image whose npm may be too old to be told of another processor."""
    version = minor(image.removeprefix("node:").removesuffix(f"-{SUITE}")) or ""
    major, _, part = version.partition(".")
    if how.manager.name != "npm" or how.reason or int(part or 0) >= NODE_TOLD.get(major, 0):
        return how
    return replace(how, reason=f"the npm of Node {version}, which cannot be told of another processor")


def _chosen(asked: str, file: str, line: int | None) -> tuple[str, Seen]:
    exact = minor(asked)
    major, _, part = (exact or "").partition(".")
    is_exact = exact is not None and re.fullmatch(r"v?[\d.]+", asked) is not None
    if is_exact and major in NODE_FIRST and int(part) < NODE_FIRST[major]:
        seen = Seen(f"Node {NODES[major]}: {exact} is not there on {SUITE}", file, line, is_sure=False)
        return f"node:{NODES[major]}-{SUITE}", seen
    if is_exact and (major in NODES or int(major) > max(map(int, NODE_FIRST))):
        return f"node:{exact}-{SUITE}", Seen(f"Node {exact}", file, line)
    newest = newest_node(asked)
    if newest is None:
        raise UnreadyError(
            f"no image of Node is known for {asked!r}",
            file=file,
            line=line,
            expected=f"a version of {', '.join(NODES)}",
            hint="name one in .nvmrc",
        )
    return f"node:{NODES[newest]}-{SUITE}", Seen(f"Node {NODES[newest]}", file, line)


def _port(tree: SourceTree, candidate: Candidate, program: str) -> tuple[str, Seen] | None:
    """The port that the service is likely to listen on; the file that it is started with comes first."""
    own = candidate.inside(program)
    sources = sorted(_programs(tree.files(candidate.folder)), key=lambda p: p not in (own, f"{own}.js"))
    for path, found, line in search(tree, sources, _LISTEN):
        port = next(group for group in found.groups() if group)
        if is_own(port):
            return port, Seen(f"port {port}", path, line, is_sure=False)
    return None


def _programs(files: Sequence[str]) -> list[str]:
    aside = {"test", "tests", "__tests__", "spec", "node_modules", "dist", "examples"}
    return [p for p in files if p.endswith(_SOURCES) and not aside & set(p.split("/"))]


LANGUAGE = ProjectKind("node", ("package.json",), find, draw, dict.fromkeys((".js", ".mjs", ".cjs"), "node"))
