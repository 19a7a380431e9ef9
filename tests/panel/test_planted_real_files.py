"""Faults as compilers and package managers make them, in images of a real engine: each is named."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.integration.solving import engine, served_digest
from tests.integration.test_planted_files import NODE, Built, build, machine
from tests.panel.test_published_jars import fetched
from tests.unit.verify.languages.java_trees import archive
from xbuild.errors import Exit

pytestmark = pytest.mark.panel

_OSMOSE = {"amd64": "x86_64", "arm64": "aarch_64"}


def made(folder: Path, *command: str) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def packages(folder: Path, *names: str) -> Path:
    """Where npm puts packages."""
    (folder / "package.json").write_text("{}")
    made(folder, "npm", "install", "--no-audit", "--no-fund", *names)
    return folder / "node_modules"


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Built:
    engine()
    folder = tmp_path_factory.mktemp("made")
    name = f"rollup-linux-{NODE[machine()]}-gnu"
    installed = packages(folder, f"@rollup/{name}@4.24.0", "bytenode@1.5.6")
    (folder / "server.js").write_text("module.exports = (a) => a + 1\n")
    made(folder, "node", str(installed / "bytenode/lib/cli.js"), "--compile", "server.js")
    made(folder, "java", "-Xshare:dump", f"-XX:SharedArchiveFile={folder}/app.jsa")
    (folder / "main.rs").write_text('fn main() { println!("ready") }\n')
    made(folder, "rustc", "-O", "main.rs")
    epoll = f"netty-transport-native-epoll:4.1.114.Final:jar:linux-{_OSMOSE[machine()]}"
    jar = fetched(folder, f"io.netty:{epoll}")
    (addon,) = (installed / "@rollup" / name).glob("*.node")
    files = {
        "dist/rollup.node": addon.read_bytes(),
        "dist/bundle.jsc": (folder / "server.jsc").read_bytes(),
        "jars/app.jar": archive({f"BOOT-INF/lib/{jar.name}": jar.read_bytes()}),
        "jars/app.jsa": (folder / "app.jsa").read_bytes(),
        "target/release/app": (folder / "main").read_bytes(),
        "_site/tool": (folder / "main").read_bytes(),
    }
    return build(tmp_path_factory.mktemp("planted"), files)


def test_nothing_of_it_is_pushed(planted: Built) -> None:
    assert planted.done.code == Exit.WRONG_ARCHITECTURE, planted.done.err
    assert served_digest(planted.reference) is None


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/srv/dist/rollup.node", "is for"),
        ("/srv/dist/bundle.jsc", "is a code cache of V8, and the same for"),
        ("/srv/jars/app.jar", "netty-transport-native-epoll for other machines alone"),
        ("/srv/jars/app.jsa", "is class data of a virtual machine for another architecture"),
        ("/usr/local/bin/app", "is for"),
        ("/srv/_site/tool", "is for"),
    ],
)
def test_each_is_named(path: str, said: str, planted: Built) -> None:
    told = [line for line in planted.failures.splitlines() if path in line]
    assert any(said in line for line in told), planted.failures
    assert path in planted.done.err


def test_what_is_right_is_pushed(tmp_path: Path) -> None:
    """A published jar with natives for both in a jar, and WebAssembly from the npm registry."""
    installed = packages(tmp_path, "@rollup/wasm-node@4.24.0")
    jar = fetched(tmp_path, "org.xerial:sqlite-jdbc:3.47.0.0")
    files = {
        "jars/app.jar": archive({f"BOOT-INF/lib/{jar.name}": jar.read_bytes()}),
        "dist/module.wasm": next(installed.rglob("*.wasm")).read_bytes(),
    }
    dockerfile = """\
FROM --platform=$BUILDPLATFORM debian:bookworm-slim AS made
COPY . /src
FROM debian:bookworm-slim
COPY --from=made /src/dist /srv/dist
COPY --from=made /src/jars /srv/jars
"""
    found = build(tmp_path / "build", files, dockerfile)
    assert found.done.code == 0, found.done.err
    assert (found.failures, found.right) == ("", True)
    assert served_digest(found.reference) is not None
