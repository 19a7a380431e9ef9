"""node's twin on a real engine: package managers with and without it must leave one tree.

What is installed: packages made here (a script, a script that loads machine code first, one that fails and is
optional), and from the registry ones with a program for each processor, with scripts, and package managers.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.solving import build, docker, engine, file_in
from tests.integration.test_twins import MOUNT, SOURCE, Said, Tree, archive, helper, member, tree
from xbuild.solve.diagnosis import BuildFailedError
from xbuild.verify.trees import compare_layouts

pytestmark = pytest.mark.panel

BASE = "node:22-slim"
ALPINE = "node:22-alpine"
# As in official images for musl: what the target's build says of its folder, and of where it was released.
# What process.config has of both is in V8's snapshot, too, which stays.
RELEASED = r"""RUN <<"EOF"
#!/usr/local/bin/node
const fs = require('fs');
const file = '/usr/local/bin/node';
const place = 'https://nodejs.org/download/release/', other = place.replace('js', 'jz');
const text = fs.readFileSync(file, 'latin1').replaceAll(place, other);
const told = /("node_prefix": ")[^"]*(",[^}]*?"node_release_urlbase": ")"/;
const made = text.replace(told, (all, ...parts) => `${parts[0]}/${parts[1]}${other}"`.padEnd(all.length));
if (made === text || made.length !== text.length) process.exit(1);
fs.writeFileSync('/node', made, {encoding: 'latin1', mode: 0o755});
fs.renameSync('/node', file);
EOF
"""
BASES = ("node:20-slim", BASE, "node:24-slim", ALPINE, "node:24-alpine")
PROJECT = Path(__file__).parents[1] / "projects/node-service"
# Times in npm's and yarn's own caches and logs; bytecode of V8, which the twin never writes.
MAY_DIFFER = re.compile(
    r"root/\.npm/(_cacache/index-v5/.*|_logs/.*|_update-notifier-last-checked)|tmp/node-compile-cache.*"
    r"|tmp/v8-compile-cache-.*|usr/local/share/\.cache/yarn/.*/\.yarn-metadata\.json"
)
YARN_FOLDER = re.compile(r"yarn--\d+-0\.\d+")
# Shows what a script sees, and what of its process came from which root.
SCRIPT = """\
const fs = require('fs'), os = require('os'), dns = require('dns');
const report = process.report.getReport();
const seen = [process.arch, process.execPath, process.argv, os.machine(), os.arch(), process.config,
  process.versions, process.release, report.header.arch, report.header.osMachine, report.header.release,
  report.sharedObjects, process.env, process.title, process.execArgv];
fs.writeFileSync('seen.json', JSON.stringify(seen, null, 1).replace(/yarn--[0-9.-]+/g, 'yarn--N'));
dns.lookup('localhost', () => {
  const lines = fs.readFileSync('/proc/self/maps', 'utf8').split('\\n');
  const code = lines.filter((line) => line.includes('r-xp') && line.includes('/'));
  const opened = [...new Set(code.map((line) => line.split(/ +/)[5]))].sort();
  if (process.env.OPENED) fs.writeFileSync(process.env.OPENED, opened.join('\\n') + '\\n');
});
"""
FOREIGN = """\
try {
  require('./it.node');
} catch (error) {
  require('fs').writeFileSync('seen', `${error.code} ${error.message} ${process.arch}`);
}
"""
LATE = "require('fs').writeFileSync('begun', '');\n" + FOREIGN
NATIVE_CODE = b"\x7fELF" + bytes(60)


def packed(name: str, files: dict[str, bytes]) -> bytes:
    described = {"name": name, "version": "1.0.0", "scripts": {"install": "node install.js"}}
    return archive(
        member("package/package.json", json.dumps(described).encode()),
        *(member(f"package/{path}", content) for path, content in files.items()),
    )


PACKAGES = {
    "seen": {"install.js": SCRIPT.encode()},
    "foreign": {"install.js": FOREIGN.encode(), "it.node": NATIVE_CODE},
    "failing": {"install.js": b"process.exit(3)"},
    "late": {"install.js": LATE.encode(), "it.node": NATIVE_CODE},
}
LOCAL = {"seen": "file:/w/seen.tgz", "foreign": "file:/w/foreign.tgz"}
OPTIONAL = {"failing": "file:/w/failing.tgz"}
ROOT = {
    "name": "root",
    "version": "1.0.0",
    "private": True,
    "dependencies": LOCAL,
    "optionalDependencies": OPTIONAL,
    "scripts": {
        "postinstall": "node -p process.arch > own && npm run --silent more >> own",
        "more": "echo more",
    },
}
STEPS = f"""\
FROM {BASE}
COPY w /w
WORKDIR /service
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund --no-update-notifier && node_modules/.bin/esbuild --version
WORKDIR /native
RUN npm install --no-audit --no-fund --no-update-notifier lightningcss@1.29.1 \\
 && node -p 'require("lightningcss")' >said
WORKDIR /npm
COPY root.json package.json
RUN npm install --no-audit --no-fund --no-update-notifier
RUN npm ls; npm run more; npm nosuch >/said.npm 2>&1; echo $? >>/said.npm
WORKDIR /yarn
COPY root.json package.json
RUN yarn install --non-interactive
"""


@dataclass(frozen=True)
class Built:
    plain: Tree
    twins: Tree
    said: list[str]
    output: str


def written(folder: Path) -> None:
    (folder / "w").mkdir()
    for name, files in PACKAGES.items():
        (folder / f"w/{name}.tgz").write_bytes(packed(name, files))
    (folder / "root.json").write_text(json.dumps(ROOT))
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PROJECT / name, folder / name)


def assisted(text: str, base: str = BASE, change: str = "") -> str:
    made = helper(base, ("node",)).replace(" AS xbuild-target\n", f" AS xbuild-target\n{change}", 1)
    text = re.sub(r"^RUN ", f"RUN {MOUNT} {SOURCE} ", text, flags=re.MULTILINE)
    return made + text.replace(f"FROM {base}\n", f"FROM {base}\n{change}", 1)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    engine()
    folder = tmp_path_factory.mktemp("node")
    written(folder)
    (folder / "Dockerfile").write_text(STEPS)
    return folder


@pytest.fixture(scope="module", params=BASES)
def built(context: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Built:
    base = request.param
    if docker("image", "inspect", base, check=False).returncode:
        pytest.skip(f"no {base} here (tests/testbed/run images {base.removesuffix('-slim')})")
    folder, steps = tmp_path_factory.mktemp("built"), STEPS.replace(BASE, base)
    plain, _ = build(folder / "plain", "--platform=linux/arm64", str(context), text=steps)
    said = Said()
    arguments = ("--no-cache", "--platform=linux/arm64", str(context))
    twins, _ = build(folder / "twins", *arguments, text=assisted(steps, base), on_event=said)
    assert plain.exit_code == twins.exit_code == 0, said.output.decode()
    return Built(tree(plain), tree(twins), said.lines, said.output.decode())


def compared(found: Tree) -> Counter[tuple[object, ...]]:
    """Without what may differ; a folder of yarn's for a script goes without the random part of its name."""
    return Counter(
        (YARN_FOLDER.sub("yarn--N", name), *entry)
        for name, entry in found.items()
        if not MAY_DIFFER.fullmatch(name)
    )


def test_the_same_tree(built: Built) -> None:
    one, other = compared(built.plain), compared(built.twins)
    assert (sorted(map(str, one - other)), sorted(map(str, other - one))) == ([], [])
    for name in ("npm/node_modules/seen/seen.json", "npm/node_modules/foreign/seen", "npm/own", "yarn/own"):
        assert name in built.twins
    assert "npm/node_modules/failing" not in built.twins


def test_no_bytecode_of_the_build_machine_is_left(built: Built) -> None:
    """npm that was handed over has left some of the image's own."""
    folders = {name.split("/")[2] for name in built.twins if name.startswith("tmp/node-compile-cache/")}
    assert [name for name in folders if "-arm64-" not in name] == []
    assert not [name for name in built.twins if name.startswith("tmp/v8-compile-cache")]


def test_what_was_native(built: Built) -> None:
    assert built.said == [
        "node: native",
        "node: native",
        "node: native",
        "node: native",
        "node: own: run is not understood",
        "node: own: nosuch is not understood",
        "node: native",
    ]


def test_another_place_of_releases(context: Path, tmp_path: Path) -> None:
    """JavaScript is shown the target's, which its headers are fetched from."""
    text = f"FROM {ALPINE}\nCOPY w /w\nWORKDIR /npm\nRUN npm install --no-audit --no-fund /w/seen.tgz\n"
    arguments, said = ("--no-cache", "--platform=linux/arm64", str(context)), Said()
    texts = {
        "plain": text.replace("COPY w", f"{RELEASED}COPY w"),
        "twins": assisted(text, ALPINE, RELEASED),
    }
    seen = {}
    for name, changed in texts.items():
        made, _ = build(tmp_path / name, *arguments, text=changed, on_event=said)
        seen[name] = json.loads(file_in(made, "npm/node_modules/seen/seen.json", "linux/arm64"))
        del seen[name][5]
    assert said.lines == ["node: native"]
    assert seen["plain"] == seen["twins"]
    assert seen["plain"][6]["headersUrl"].startswith("https://nodejz.org/download/release/v")


def test_a_module_that_is_met_too_late_is_a_mark(context: Path, tmp_path: Path) -> None:
    """npm swallows what becomes of a package that is optional; the step fails all the same."""
    text = f"""\
FROM {BASE}
COPY w /w
WORKDIR /npm
RUN npm install --save-optional --no-audit --no-fund /w/late.tgz
"""
    said = Said()
    with pytest.raises(BuildFailedError, match="exit code: 97"):
        build(tmp_path, "--platform=linux/arm64", str(context), text=assisted(text), on_event=said)
    assert "node: mark: it.node is loaded, after writeFileSync" in said.lines


@pytest.mark.parametrize("base", [BASE, ALPINE])
def test_everything_that_runs_natively_comes_from_the_helper(
    context: Path, tmp_path: Path, base: str
) -> None:
    text = f"""\
FROM {base}
COPY w /w
WORKDIR /npm
RUN OPENED=/opened npm install --no-audit --no-fund /w/seen.tgz; cat /opened
"""
    said = Said()
    build(tmp_path, "--platform=linux/arm64", str(context), text=assisted(text, base), on_event=said)
    opened = [line for line in said.output.decode().splitlines() if line.startswith("/")]
    assert "/.xbuild-7c1f/node/node" in opened
    assert [path for path in opened if not path.startswith("/.xbuild-7c1f/")] == []


PINNED: dict[str, Any] = {
    "name": "pinned",
    "version": "1.0.0",
    "private": True,
    "dependencies": {"core-js": "3.39.0", "esbuild": "0.24.2", "seen": "file:/w/seen.tgz", "semver": "7.6.3"},
    "pnpm": {"onlyBuiltDependencies": ["core-js", "esbuild", "seen"]},
}
# Where corepack and yarn get what they fetch: the registry that npm is told of.
ASK = "IT=$(npm config get registry) && export COREPACK_NPM_REGISTRY=${IT%/} YARN_NPM_REGISTRY_SERVER=${IT%/}"
SETTINGS = "enableTelemetry: false\\nenableImmutableInstalls: false\\nnodeLinker: {linker}\\n"
START = f"""\
FROM {BASE}
COPY w /w
ENV COREPACK_INTEGRITY_KEYS=0
WORKDIR /app
COPY pinned.json package.json
"""
MANAGERS = {
    "npx": """\
RUN npx --yes semver@7.6.3 1.2.3 >/said
RUN npm install && npx esbuild --version >>/said
""",
    "pnpm 8, by npm": """\
RUN npm install -g pnpm@8.15.9 && pnpm install --lockfile-only
RUN pnpm install --frozen-lockfile && pnpm exec esbuild --version >/said
""",
    "pnpm 9, by corepack": """\
RUN corepack enable && corepack prepare pnpm@9.15.9 --activate && pnpm install --lockfile-only
RUN pnpm install --frozen-lockfile; pnpm nosuch; echo $? >/said
""",
    "pnpm 10, by corepack": """\
RUN corepack enable && corepack prepare pnpm@10.34.9 --activate && pnpm install --lockfile-only
RUN pnpm install --frozen-lockfile
""",
    "yarn 4, in node_modules, by its file": f"""\
RUN npm install --prefix /yarn @yarnpkg/cli-dist@4.18.1 && touch yarn.lock
RUN cp /yarn/node_modules/@yarnpkg/cli-dist/bin/yarn.js yarn.cjs \\
 && printf '{SETTINGS.format(linker="node-modules")}yarnPath: yarn.cjs\\n' >.yarnrc.yml
RUN {ASK} && yarn install
""",
    "yarn 4, plug and play, by corepack": f"""\
RUN printf '{SETTINGS.format(linker="pnp")}' >.yarnrc.yml && touch yarn.lock
RUN {ASK} && corepack enable && corepack prepare yarn@4.18.1 --activate && yarn
RUN node -r ./.pnp.cjs -p 'require("semver").valid("1.2.3")' >/said
""",
}
ONLY = ["node: native"]
SAID = {
    "pnpm 9, by corepack": [*ONLY, "node: own: nosuch is not understood"],
}


@pytest.mark.parametrize("base", [BASE, ALPINE])
@pytest.mark.parametrize("name", MANAGERS)
def test_other_package_managers(context: Path, tmp_path: Path, name: str, base: str) -> None:
    # yarn hands a folder of a random name to scripts, so that what `seen` shows differs.
    kept = {k: v for k, v in PINNED["dependencies"].items() if k != "seen" or not name.startswith("yarn")}
    (context / "pinned.json").write_text(json.dumps({**PINNED, "dependencies": kept}))
    text = START.replace(BASE, base) + MANAGERS[name]
    began = time.time() - 3600
    arguments = ("--no-cache", "--platform=linux/arm64", str(context))
    said = Said()
    twins, _ = build(tmp_path / "twins", *arguments, text=assisted(text, base), on_event=said)
    plain, _ = build(tmp_path / "plain", *arguments, text=text)
    assert plain.exit_code == twins.exit_code == 0, said.output.decode()
    assert plain.layout is not None
    assert twins.layout is not None
    (compared,) = compare_layouts(plain.layout.path, twins.layout.path, since=began)
    assert compared.differences == ()
    assert sorted(set(said.lines)) == sorted(SAID.get(name, ONLY))
