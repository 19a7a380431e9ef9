"""Java: the images of its releases, and what a project's text says of release, port and machine."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from xbuild.generate.excerpts import line_of, search
from xbuild.generate.shape import Seen, SourceTree, UnreadyError

# The releases with long support: only these keep images that are made anew.
JAVAS = (8, 11, 17, 21, 25)
JAVA = 21

# Dependencies for one kind of machine: by their classifier, or by their name.
_MACHINE = re.compile(
    r"\$\{(?:os\.detected|javafx\.platform|native)[\w.]*\}|osdetector|"
    r"^(?:linux|win|mac|windows|osx)(?:[-_](?:x86|x86_64|amd64|aarch_?64|arm64|arm\w*|ppc\w*|s390\w*))?$|"
    r"(?:linux|windows|osx|macosx)[-_](?:x86_64|x86_32|x64|amd64|aarch_?64|arm64|arm\w*|ppcle_64|s390\w*)"
)
_PORTS = (
    (r"^\s*server\.port\s*[=:]\s*(?:\$\{\w+:)?(\d{2,5})", "properties"),
    (r"^\s*(?:quarkus\.http|micronaut\.server)\.port\s*[=:]\s*(?:\$\{\w+:)?(\d{2,5})", "properties"),
    (r"^server:\s*\n(?:[ \t]+.*\n)*?[ \t]+port:\s*(?:\$\{\w+:)?(\d{2,5})", "yml"),
    (r"^micronaut:\s*\n(?:[ \t]+.*\n)*?[ \t]+port:\s*(?:\$\{\w+:)?(\d{2,5})", "yml"),
)
_LISTENS = re.compile(
    r"(?:new (?:[a-z]+\.)*(?:ServerSocket|InetSocketAddress)|\.listen|\.start|\bport|HttpServer\.create)"
    r"\(\s*(?:\"[\w.:]*\",\s*)?(\d{4,5})\b"
)
# Frameworks that serve on a port of their own unless they are told another.
_SERVING = re.compile(
    r"spring-boot-starter-(?:web|webflux|webmvc|jersey|websocket|graphql|jetty|tomcat|undertow)\b|"
    r"quarkus-(?:rest|resteasy|vertx-http|undertow|reactive-routes)|micronaut-http-server"
)
_SOURCES = (".java", ".kt")


def release_of(text: str) -> int | None:
    """`1.8` and `8`, `17`, `VERSION_1_8`, `VERSION_17`; None for what is no number."""
    found = re.fullmatch(r"(?:JavaVersion\.)?(?:VERSION_)?(?:1[._])?(\d{1,2})", text.strip())
    return int(found[1]) if found else None


def newest_fit(release: int, seen: Seen) -> int:
    """The first release with images that compiles for that one. Raises UnreadyError."""
    fitting = [java for java in JAVAS if java >= release]
    if not fitting:
        raise UnreadyError(
            f"no image of Java is known for {release}",
            file=seen.file,
            line=seen.line,
            expected=", ".join(map(str, JAVAS)),
            hint="name one of these",
        )
    return fitting[0]


def is_for_a_machine(classifier: str) -> bool:
    """Whether a dependency's classifier names a system or a processor."""
    return _MACHINE.search(classifier) is not None


def main_classes(tree: SourceTree, folder: str) -> Iterator[tuple[str, Seen]]:
    """Every class with a `main`, by its full name, of the sources below a module's folder."""
    prefix = f"{folder}/" if folder else ""
    for path in tree.files(f"{prefix}src/main"):
        if not path.endswith(_SOURCES):
            continue
        text = tree.read(path) or ""
        is_kotlin = path.endswith(".kt")
        pattern = r"^fun main\(" if is_kotlin else r"\bpublic\s+static\s+void\s+main\s*\("
        start = re.search(pattern, text, re.MULTILINE)
        if start is None:
            continue
        package = re.search(r"^package\s+([\w.]+)", text, re.MULTILINE)
        name = path.rpartition("/")[2].rpartition(".")[0] + ("Kt" if is_kotlin else "")
        full = f"{package[1]}.{name}" if package else name
        yield full, Seen(f"the program {full}", path, line_of(text, start.start()))


def port_of(tree: SourceTree, module: str, builds: Sequence[str]) -> tuple[str, Seen] | None:
    """The port that a service is likely to listen on; `builds` are the files that name its dependencies."""
    prefix = f"{module}/" if module else ""
    resources = tree.files(f"{prefix}src/main/resources")
    for pattern, ending in _PORTS:
        for path in resources:
            name = path.rpartition("/")[2]
            if re.fullmatch(rf"application\.(?:{ending}|yaml)", name):
                found = re.search(pattern, tree.read(path) or "", re.MULTILINE)
                if found is not None:
                    line = line_of(tree.read(path) or "", found.start(1))
                    return found[1], Seen(f"port {found[1]}", path, line)
    for path, found, line in search(tree, builds, _SERVING):
        return "8080", Seen(f"port 8080, of {found[0]}", path, line, is_sure=False)
    sources = [path for path in tree.files(f"{prefix}src/main") if path.endswith(_SOURCES)]
    for path, found, line in search(tree, sources, _LISTENS):
        if 0 < int(found[1]) < 65536:
            return found[1], Seen(f"port {found[1]}", path, line, is_sure=False)
    return None
