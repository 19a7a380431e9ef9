"""By which ways something of the machine may reach a bundle, and what looks alike."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from xbuild.dockerfile.parser import parse
from xbuild.graph.model import Options
from xbuild.plan.deciding.planner import make_plan
from xbuild.plan.model import StageVerdict
from xbuild.platforms import parse_platforms
from xbuild.solve.directory import DirectoryContext
from xbuild.text import Source

DOCKERFILE = """\
FROM node:22 AS build
WORKDIR /app
COPY package*.json ./
RUN npm ci
COPY . .
{before}RUN {run}
FROM nginx:1.27
COPY --from=build /app/dist /usr/share/nginx/html
"""
ARCH = "module.exports = () => process.arch\n"
SAME = "module.exports = () => 1\n"
ESBUILD = {
    "node_modules/esbuild": {
        "version": "0.25.0",
        "hasInstallScript": True,
        "optionalDependencies": {"@esbuild/linux-x64": "0.25.0", "@esbuild/linux-arm64": "0.25.0"},
    },
    "node_modules/@esbuild/linux-x64": {"version": "0.25.0", "optional": True, "cpu": ["x64"]},
    "node_modules/@esbuild/linux-arm64": {"version": "0.25.0", "optional": True, "cpu": ["arm64"]},
}


def planned(
    folder: Path,
    files: dict[str, str],
    *,
    script: str = "vite build",
    packages: str = "vite",
    before: str = "",
    run: str = "npm run build",
    more: Mapping[str, object] | None = None,
    head: str = "",
) -> StageVerdict:
    asked = dict.fromkeys(packages.split(), "1.0.0")
    manifest = {"name": "web", "scripts": {"build": script}, "devDependencies": asked, **(more or {})}
    entries = {f"node_modules/{name}": {"version": "1.0.0"} for name in asked}
    lock = {"lockfileVersion": 3, "packages": {"": {"devDependencies": asked}, **entries, **ESBUILD}}
    texts = {"package.json": json.dumps(manifest), "package-lock.json": json.dumps(lock), **files}
    for name, text in texts.items():
        path = folder / name.removesuffix("@")
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("@"):
            path.symlink_to(text)
        else:
            path.write_text(text, "utf-8")
    text = head + DOCKERFILE.format(before=before, run=run)
    dockerfile = parse(Source.from_bytes("Dockerfile", text.encode()))
    plan = make_plan(dockerfile, Options(), parse_platforms(("amd64", "arm64")), DirectoryContext(folder))
    return next(stage for stage in plan.stages if stage.name == "build")


def reasons(verdict: StageVerdict) -> str:
    return "\n".join(reason.text for reason in verdict.reasons)


BIND = "--mount=type=bind,source=docker/a.js,target=/app/vite.config.js npm run build"


@pytest.mark.parametrize("text", [ARCH, SAME], ids=["of the machine", "the same"])
@pytest.mark.parametrize(
    ("before", "run"),
    [
        ("COPY docker/a.js vite.config.js\n", "npm run build"),
        ("COPY docker/a.js /postcss.config.js\n", "npm run build"),
        ("COPY docker/named ./\n", "npm run build"),
        ("COPY docker/a.js /other/vite.config.js\n", "npx vite build ../other --outDir /app/dist"),
        ("", BIND),
    ],
)
def test_a_configuration_from_elsewhere_in_the_context(
    before: str, run: str, text: str, tmp_path: Path
) -> None:
    files = {"docker/a.js": text, "docker/named/tailwind.config.js": text}
    verdict = planned(tmp_path, files, before=before, run=run)
    assert ("uses process.arch" in reasons(verdict)) == (text == ARCH)
    assert (str(verdict.word) == "portable") == (text == SAME)


@pytest.mark.parametrize(
    "run",
    [
        "echo 'export default {}' > vite.config.ts && npm run build",
        "cp docker/a.js vite.config.js && npm run build",
        "mv docker/a.js postcss.config.js && npm run build",
        "ln -s docker/a.js vite.config.js && npm run build",
    ],
)
def test_a_configuration_that_a_command_makes(run: str, tmp_path: Path) -> None:
    assert str(planned(tmp_path, {"docker/a.js": ARCH}, run=run).word) == "unsure"


def test_a_configuration_in_a_heredoc(tmp_path: Path) -> None:
    before = "COPY <<EOF postcss.config.js\nmodule.exports = { a: process.arch }\nEOF\n"
    assert str(planned(tmp_path, {}, before=before).word) == "unsure"


def planned_by_babel(
    folder: Path, files: dict[str, str], more: dict[str, object] | None = None
) -> StageVerdict:
    packages = "@babel/cli @babel/core"
    return planned(folder, files, packages=packages, script="babel src -d dist", more=more)


@pytest.mark.parametrize("text", [ARCH, SAME], ids=["of the machine", "the same"])
@pytest.mark.parametrize("file", [".babelrc", ".babelrc.json", "babel.config.json"])
@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("module:./b.js", "b.js"),
        ("./plugins", "plugins/index.js"),
        ("./b.mjs", "b.mjs"),
        ("/app/b", "b.js"),
    ],
)
def test_a_plugin_named_in_data(file: str, name: str, own: str, text: str, tmp_path: Path) -> None:
    verdict = planned_by_babel(tmp_path, {file: json.dumps({"plugins": [name]}), own: text})
    assert ("uses process.arch" in reasons(verdict)) == (text == ARCH)
    assert (str(verdict.word) == "portable") == (text == SAME)


@pytest.mark.parametrize("name", ["module:./b.js", "./plugins", "/app/b"])
def test_a_plugin_named_in_package_json(name: str, tmp_path: Path) -> None:
    files = {"b.js": ARCH, "plugins/index.js": ARCH}
    verdict = planned_by_babel(tmp_path, files, {"babel": {"plugins": [name]}})
    assert "uses process.arch" in reasons(verdict)


def test_a_package_of_the_project_named_in_data(tmp_path: Path) -> None:
    files = {
        ".babelrc": '{"plugins": ["./plug"]}',
        "plug/package.json": '{"main": "z.js"}',
        "plug/z.js": ARCH,
    }
    assert "names the package ./plug" in reasons(planned_by_babel(tmp_path, files))


@pytest.mark.parametrize(
    ("file", "text", "packages", "script"),
    [
        (".postcssrc.yml", "plugins:\n  ./p.js: {}\n", "vite", "vite build"),
        (".postcssrc", "plugins:\n  - ./p.js\n", "vite", "vite build"),
        ("codegen.yml", "a:\n  plugins:\n    - ./p.js\n", "@graphql-codegen/cli", "graphql-codegen"),
        (".graphqlrc.yml", "a:\n  plugins:\n    - ./p.js\n", "@graphql-codegen/cli", "graphql-codegen"),
        ("a.css", "", "postcss-cli", "postcss a.css -o dist/a.css --use ./p.js"),
        ("a.css", "", "postcss-cli", "postcss a.css -o dist/a.css -u ./q.js ./p"),
        ("a.css", "", "postcss-cli", "postcss a.css -o dist/a.css --parser=./p"),
        ("a.js", "", "@babel/cli", "babel src -d dist --presets ./q.js,./p.js"),
        ("a.js", "", "react-app-rewired", "react-app-rewired build --config-overrides p"),
    ],
)
def test_a_plugin_without_quotes(file: str, text: str, packages: str, script: str, tmp_path: Path) -> None:
    for folder, own, is_found in (("machine", ARCH, True), ("same", SAME, False)):
        files = {file: text, "p.js": own, "q.js": SAME}
        verdict = planned(tmp_path / folder, files, packages=packages, script=script)
        assert ("p.js:1 uses process.arch" in reasons(verdict)) == is_found
        assert (str(verdict.word) == "portable") != is_found


@pytest.mark.parametrize(
    ("key", "path", "packages"),
    [
        ("cracoConfig", "c/own.js", "@craco/craco"),
        ("config-overrides-path", "c/own", "react-app-rewired"),
    ],
)
def test_a_configuration_named_in_package_json(key: str, path: str, packages: str, tmp_path: Path) -> None:
    script = f"{packages.rpartition('/')[2]} build"
    verdict = planned(tmp_path, {"c/own.js": ARCH}, packages=packages, script=script, more={key: path})
    assert "c/own.js:1 uses process.arch" in reasons(verdict)


@pytest.mark.parametrize("text", [ARCH, SAME], ids=["of the machine", "the same"])
@pytest.mark.parametrize(
    ("file", "sheet"),
    [
        ("src/a.less", '@plugin "plug";\n'),
        ("src/a.less", '@plugin (optimize) "plug.js";\n'),
        ("src/a.styl", 'use("plug.js")\n'),
        ("src/a.pcss", '@plugin "./plug";\n'),
        ("src/App.vue", '<style>\n@plugin "./plug.js";\n</style>\n'),
    ],
)
def test_a_plugin_of_a_style_sheet(file: str, sheet: str, text: str, tmp_path: Path) -> None:
    verdict = planned(tmp_path, {file: sheet, "src/plug.js": text})
    assert ("src/plug.js:1 uses process.arch" in reasons(verdict)) == (text == ARCH)
    assert (str(verdict.word) == "portable") == (text == SAME)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("src/a.less", "@a: ~`process.arch`;\n"),
        ("src/a.pug", "div\n  - var a = process.arch\n"),
        ("src/App.vue", '<template lang="pug">\np #{process.arch}\n</template>\n'),
    ],
)
def test_code_in_a_style_sheet_or_page(file: str, text: str, tmp_path: Path) -> None:
    assert "uses process.arch" in reasons(planned(tmp_path, {file: text}))
    (tmp_path / file).write_text(text.replace("process.arch", "1"), "utf-8")
    dockerfile = parse(
        Source.from_bytes("Dockerfile", DOCKERFILE.format(before="", run="npm run build").encode())
    )
    plan = make_plan(dockerfile, Options(), parse_platforms(("amd64", "arm64")), DirectoryContext(tmp_path))
    assert str(plan.stages[0].word) == "portable"


TAKEN = [
    ("src/main.js", "import u from 'esbuild/bin/esbuild?url'\n"),
    ("src/main.js", "const u = new URL('../node_modules/esbuild/bin/esbuild', import.meta.url)\n"),
    ("src/main.js", "import l from '../node_modules/.package-lock.json'\n"),
    ("src/main.js", "const m = import.meta.glob('/node_modules/@esbuild/*/package.json')\n"),
    ("src/a.css", ".a { background: url(../node_modules/esbuild/bin/esbuild) }\n"),
    ("vite.config.js", "export default { publicDir: 'node_modules' }\n"),
    ("vite.config.js", "export default { publicDir: '.' }\n"),
    ("vite.config.js", "export default { publicDir: '../' }\n"),
    ("vite.config.js", "export default { t: [{ src: 'node_modules/@esbuild/**', dest: 'b' }] }\n"),
    ("vite.config.js", "export default { t: [{ src: 'node_modules/.bin/x', dest: 'b' }] }\n"),
    ("vite.config.js", "export default { t: [{ src: './**/linux-*/**', dest: 'b' }] }\n"),
    (
        "vite.config.js",
        "export default { t: [{ src: path.join(__dirname, 'node_modules', 'esbuild', 'bin', '*') }] }\n",
    ),
    ("vite.config.js", "const place = require.resolve('esbuild/package.json')\n"),
]


@pytest.mark.parametrize(("file", "text"), TAKEN)
def test_what_is_installed_is_taken_along(file: str, text: str, tmp_path: Path) -> None:
    assert str(planned(tmp_path, {file: text}, packages="vite esbuild").word) == "unsure"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("src/main.js", "import u from './logo.svg?url'\n"),
        ("src/main.js", "import 'swiper/css'; import w from 'swiper/w.wasm?url'\n"),
        ("src/a.css", "@import '../node_modules/swiper/swiper.css';\n"),
        ("src/main.js", "// node_modules/.package-lock.json\n"),
        ("vite.config.js", "export default { publicDir: 'static' }\n"),
        ("vite.config.js", "export default { publicDir: '../public' }\n"),
        ("vite.config.js", "export default { publicDir: './public/' }\n"),
        ("vite.config.js", "export default { publicDir: '' }\n"),
        ("vite.config.js", "export default { t: [{ src: 'node_modules/swiper/a/*', dest: 'b' }] }\n"),
        ("vite.config.js", "const place = require.resolve('swiper/package.json')\n"),
        ("vite.config.js", "const [mode] = process.argv.slice(2); const one = process.argv[2]\n"),
        ("tailwind.config.js", "module.exports = { content: ['./**/*.html'] }\n"),
    ],
)
def test_what_looks_like_it_is_not(file: str, text: str, tmp_path: Path) -> None:
    verdict = planned(tmp_path, {file: text}, packages="vite esbuild swiper")
    assert str(verdict.word) == "portable", reasons(verdict)


@pytest.mark.parametrize(
    "text",
    [
        "fs.copyFileSync(process.argv[0], 'public/node')\n",
        "vm.runInThisContext(text)\n",
        "module._compile(text, 'a')\n",
        "const a = (() => {}).constructor('return 1')()\n",
        "const a = b.replace(/[//]/g, process.arch)\n",
        "const a = b.replace(/\\//g, process.arch)\n",
    ],
)
def test_a_configuration_with_code_that_is_made(text: str, tmp_path: Path) -> None:
    assert "uses" in reasons(planned(tmp_path, {"vite.config.js": text}))


@pytest.mark.parametrize(
    "entry",
    [
        {"resolved": "tools/vite", "link": True},
        {"version": "1.0.0", "resolved": "file:tools/vite.tgz"},
    ],
)
@pytest.mark.parametrize("name", ["vite", "plug"])
def test_a_package_that_lies_in_the_project(name: str, entry: dict[str, object], tmp_path: Path) -> None:
    asked = {"vite": "1.0.0", name: "file:tools/vite"}
    packages = {"": {"devDependencies": asked}, "node_modules/vite": {"version": "1.0.0"}}
    lock = {"lockfileVersion": 3, "packages": {**packages, f"node_modules/{name}": entry}}
    files = {
        "package-lock.json": json.dumps(lock),
        "tools/vite.tgz": "",
        "vite.config.js": "import p from 'plug'\n" if name == "plug" else "",
    }
    verdict = planned(tmp_path, files, more={"devDependencies": asked})
    told = "plug, which is not in the lock" if name == "plug" else "vite is a package of the project's own"
    assert told in reasons(verdict)


@pytest.mark.parametrize(
    ("before", "run"),
    [
        ("COPY vendor/vite node_modules/vite\n", "npm run build"),
        ("COPY vendor/vite/x.js node_modules/.bin/vite\n", "npm run build"),
        ("", "cp -r vendor/vite/x.js node_modules/vite/x.js && npm run build"),
        ("", "sed -i s/a/b/ node_modules/vite/x.js && npm run build"),
        ("", "ln -sf ../../vendor/vite/x.js node_modules/.bin/vite && npm run build"),
    ],
)
def test_files_put_among_what_is_installed(before: str, run: str, tmp_path: Path) -> None:
    verdict = planned(tmp_path, {"vendor/vite/x.js": ARCH}, before=before, run=run)
    assert "among what is installed" in reasons(verdict)


@pytest.mark.parametrize(
    "run",
    [
        "mkdir -p node_modules/.cache && npm run build",
        "chown -R node:node node_modules && npm run build",
        "rm -rf node_modules/.cache && npm run build",
    ],
)
def test_folders_made_among_what_is_installed(run: str, tmp_path: Path) -> None:
    verdict = planned(tmp_path, {}, run=run)
    assert str(verdict.word) == "portable", reasons(verdict)


@pytest.mark.parametrize("name", ["vite", "other"])
@pytest.mark.parametrize(
    ("before", "run"),
    [
        ("ENV PATH=/app/tools:$PATH\n", "vite build"),
        ("ENV PATH=/app/node_modules/.bin:/app/tools:$PATH\n", "npm run build"),
        ("", "PATH=./tools:$PATH vite build"),
    ],
)
def test_a_program_of_the_project_by_its_path(before: str, run: str, name: str, tmp_path: Path) -> None:
    verdict = planned(tmp_path, {f"tools/{name}": "#!/bin/sh\nuname -m > dist/a\n"}, before=before, run=run)
    assert ("/app/tools/vite is not known" in reasons(verdict)) == (name == "vite")
    assert (str(verdict.word) == "portable") == (name == "other")


@pytest.mark.parametrize("name", ["ESBUILD_BINARY_PATH", "NAPI_RS_NATIVE_LIBRARY_PATH"])
def test_a_variable_that_names_a_native_file(name: str, tmp_path: Path) -> None:
    assert f"{name} is set" in reasons(planned(tmp_path, {}, before=f"ENV {name}=/app/a\n"))


@pytest.mark.parametrize(
    ("told", "is_inside"),
    [("/usr/bin", False), ("../../usr/bin", False), ("/app/assets", True), ("assets", True)],
)
def test_a_link_out_of_the_project(told: str, is_inside: bool, tmp_path: Path) -> None:
    verdict = planned(tmp_path, {"public@": told, "assets/a.txt": ""})
    assert ("out of the project" in reasons(verdict)) != is_inside
    assert (str(verdict.word) == "portable") == is_inside


@pytest.mark.parametrize(
    ("settings", "is_same"),
    [
        ({"ts-node": {"require": ["./own.js"]}}, False),
        ({"ts-node": {"compiler": "./own.js"}}, False),
        ({"ts-node": {"files": True}}, True),
    ],
)
def test_what_ts_node_loads(settings: dict[str, object], is_same: bool, tmp_path: Path) -> None:
    files = {"tsconfig.json": json.dumps(settings), "own.js": ARCH, "b.ts": "console.log(1)\n"}
    verdict = planned(tmp_path, files, packages="ts-node typescript", script="ts-node b.ts")
    assert ("ts-node load" in reasons(verdict)) != is_same
    assert (str(verdict.word) == "portable") == is_same


@pytest.mark.parametrize(
    ("packages", "script"),
    [
        ("esbuild", "esbuild src/main.js --bundle --outfile=dist/a.js"),
        ("typescript esbuild", "tsc --outDir dist"),
    ],
)
def test_what_compiles_alone_takes_nothing_along(packages: str, script: str, tmp_path: Path) -> None:
    texts = ("import a from '../node_modules/.package-lock.json'\n", "import a from './x.json'\n")
    for folder, text in zip(("taken", "own"), texts, strict=True):
        verdict = planned(tmp_path / folder, {"src/main.js": text}, packages=packages, script=script)
        assert (str(verdict.word) == "portable") == (folder == "own"), reasons(verdict)


def test_a_native_program_as_an_entry(tmp_path: Path) -> None:
    script = "esbuild node_modules/esbuild/bin/esbuild --loader:=copy --outdir=dist"
    assert "takes files of a package" in reasons(planned(tmp_path, {}, packages="esbuild", script=script))


@pytest.mark.parametrize("folder", ["patches", ".yarn/patches"])
@pytest.mark.parametrize(("sign", "is_same"), [("+", False), ("-", True), (" ", True)])
def test_a_patch_of_a_package(folder: str, sign: str, is_same: bool, tmp_path: Path) -> None:
    text = f"--- a/x.js\n+++ b/x.js\n@@ -1 +1,2 @@\n a\n{sign}globalThis.A = process.arch\n"
    verdict = planned(tmp_path, {f"{folder}/vite+1.0.0.patch": text})
    assert ("vite+1.0.0.patch:5 uses process.arch" in reasons(verdict)) != is_same
    assert (str(verdict.word) == "portable") == is_same


@pytest.mark.parametrize(
    ("name", "is_same"), [("npm_config_user_agent", False), ("npm_package_version", True), ("NODE_ENV", True)]
)
def test_a_variable_of_npm_in_a_source(name: str, is_same: bool, tmp_path: Path) -> None:
    files = {"src/main.js": f"console.log(process.env.{name})\n"}
    verdict = planned(tmp_path, files, packages="parcel", script="parcel build index.html")
    assert (str(verdict.word) == "portable") == is_same, reasons(verdict)


@pytest.mark.parametrize(
    ("script", "other", "is_same"),
    [
        ('concurrently "vite build" "npm:other"', "uname -m > public/a", False),
        ('concurrently "vite build" "npm:other"', "echo 1 > public/a", True),
        ("run-p bundle other", "uname -m > public/a", False),
        ("npm-run-all -p bundle other", "uname -m > public/a", False),
        ("run-s bundle other", "uname -m > public/a", True),
    ],
)
def test_scripts_that_run_at_once(script: str, other: str, is_same: bool, tmp_path: Path) -> None:
    scripts = {"build": script, "bundle": "vite build", "other": other}
    packages = "vite concurrently npm-run-all"
    verdict = planned(tmp_path, {}, packages=packages, script=script, more={"scripts": scripts})
    assert (str(verdict.word) == "portable") == is_same, reasons(verdict)


@pytest.mark.parametrize(
    ("script", "is_same"),
    [
        ("node --experimental-loader ./same.mjs b.js", False),
        ("node --experimental-sea-config same.json", False),
        ("node --experimental-vm-modules same.mjs", True),
    ],
)
def test_options_of_node_with_a_value(script: str, is_same: bool, tmp_path: Path) -> None:
    files = {"same.mjs": "export default 1\n", "same.json": "{}", "b.js": ARCH}
    assert (str(planned(tmp_path, files, script=script).word) == "portable") == is_same


@pytest.mark.parametrize(("file", "is_same"), [("../proc/cpuinfo", False), ("../process/a.txt", True)])
def test_a_file_of_the_system_from_below(file: str, is_same: bool, tmp_path: Path) -> None:
    text = f"import fs from 'fs'; export default {{ a: fs.readFileSync('{file}', 'utf8') }}\n"
    assert (str(planned(tmp_path, {"vite.config.js": text}).word) == "portable") == is_same


@pytest.mark.parametrize(("other", "is_same"), [("$HOSTTYPE", False), ("$MACHTYPE", False), ("$OTHER", True)])
def test_a_variable_of_the_machine_behind_another(other: str, is_same: bool, tmp_path: Path) -> None:
    verdict = planned(tmp_path, {}, run=f'export VITE_A="$FIRST {other}" && npm run build')
    assert (str(verdict.word) == "portable") == is_same


def test_what_the_machine_says_behind_another_variable(tmp_path: Path) -> None:
    run = 'a=1 && b=$(uname -m) && echo "$a $b" > public/a && npm run build'
    assert str(planned(tmp_path, {}, run=run).word) == "unsure"


# -- loaders that a source names


@pytest.mark.parametrize(
    ("name", "is_same"),
    [
        ("raw-loader!./a.txt", True),
        ("-!raw-loader?x=1!./a.txt", True),
        ("text!./a.txt", True),
        ("@vendor/loader!./a.txt", True),
        ("./own!./a.txt", False),
        ("/app/own.js!./a.txt", False),
        ("raw-loader!../tools/own!./a.txt", False),
        ("@/own!./a.txt", False),
        ("~own/own.js!./a.txt", False),
        ("web!./a.txt", False),
        ("linked!./a.txt", False),
    ],
)
def test_a_loader_in_a_source(name: str, is_same: bool, tmp_path: Path) -> None:
    files = {"src/main.js": f"import text from '{name}'\n", "own/index.js": ARCH}
    more = {"dependencies": {"linked": "link:./own"}}
    verdict = planned(tmp_path, files, script="webpack", packages="webpack webpack-cli raw-loader", more=more)
    assert (str(verdict.word) == "portable") is is_same, reasons(verdict)
    assert is_same or "names the loader" in reasons(verdict)


# -- a project that is called as one of its packages is


@pytest.mark.parametrize(
    ("more", "files", "is_same"),
    [
        ({"name": "vite"}, {}, True),
        ({"name": "vite", "main": "own.js"}, {"own.js": ARCH}, True),
        ({"name": "vite", "exports": "./own.js"}, {"own.js": ARCH}, False),
        ({"name": "vite", "exports": {".": "./own.js"}}, {"own.js": ARCH}, False),
        ({"name": "vite", "workspaces": ["a"]}, {"a/package.json": '{"name": "a"}'}, False),
        ({"workspaces": ["a"]}, {"a/package.json": '{"name": "vite"}', "a/index.js": ARCH}, False),
    ],
)
def test_a_project_called_as_a_package(
    more: dict[str, object], files: dict[str, str], is_same: bool, tmp_path: Path
) -> None:
    config = "import { defineConfig } from 'vite'\nexport default defineConfig({})\n"
    verdict = planned(tmp_path, {"vite.config.js": config, **files}, more=more)
    assert (str(verdict.word) == "portable") is is_same, reasons(verdict)


# -- sources that are run, and what lies beside them

ASIDE = [
    ("tests/a.js", True),
    ("e2e/pages/a.js", True),
    ("src/lib/a.test.js", True),
    ("src/__tests__/a.js", True),
    ("vitest.config.js", True),
    (".vite/deps/a.js", True),
    ("docs/.vitepress/cache/deps/a.js", True),
    ("tests/a.md", False),
    ("tests/+page.js", False),
    ("src/pages/a.test.js", False),
    ("src/pages/tests/a.js", False),
    ("src/tests/a.js", False),
    (".vite/a.js", False),
]


@pytest.mark.parametrize(("file", "is_same"), ASIDE)
def test_what_is_for_tests_is_not_run(file: str, is_same: bool, tmp_path: Path) -> None:
    text = "{{ process.arch }}\n" if file.endswith(".md") else "export default process.arch\n"
    verdict = planned(tmp_path, {file: text}, script="vitepress build", packages="vitepress")
    assert (str(verdict.word) == "portable") is is_same, reasons(verdict)


@pytest.mark.parametrize(
    "text",
    [
        "import a from '../tests/a.js'\n",
        "import a from '../tests/a'\n",
        "import a from '@/../tests/a'\n",
        "import a from './lib/a.test'\n",
        "import a from './__tests__'\n",
        "import a from '../.vite/deps/a.js'\n",
        "const a = require('../vitest.config')\n",
        "new Worker(new URL('../tests/a.js', import.meta.url))\n",
        "const all = import.meta.glob('../**/*.js', { eager: true })\n",
        "const all = require.context('../', true, /js$/)\n",
    ],
)
def test_what_is_for_tests_is_imported(text: str, tmp_path: Path) -> None:
    aside = dict.fromkeys([file for file, is_same in ASIDE if is_same], ARCH)
    verdict = planned(
        tmp_path, {"src/main.js": text, **aside}, script="vitepress build", packages="vitepress"
    )
    assert str(verdict.word) == "unsure"


def test_a_source_among_tests_takes_what_is_installed(tmp_path: Path) -> None:
    files = {"src/main.js": "import './tests/a.js'\n", "src/tests/a.js": "import 'esbuild/bin/esbuild?url'\n"}
    assert str(planned(tmp_path, files, packages="vite esbuild").word) == "unsure"


# -- programs of the project's own


OTHER = "FROM debian:12 AS other\nRUN mkdir /x && echo 'uname -m' > /x/node && cp /x/node /x/vite\n"


@pytest.mark.parametrize(
    ("before", "run", "name"),
    [
        ("ENV PATH=/app/tools:$PATH\n", "node_modules/.bin/vite build", "node"),
        ("ENV PATH=/app/tools:$PATH\n", "./node_modules/.bin/vite build", "env"),
        ("ENV PATH=/app/tools:$PATH\n", "npm run build", "sh"),
        ("ENV PATH=/app/tools:$PATH\n", "npx vite build", "vite"),
        ("COPY tools /bin\n", "npx vite build", "env"),
        ("COPY tools /bin/\n", "npm run build", "env"),
        ("COPY tools/ /usr/local/sbin\n", "npm run build", "node"),
        ("RUN ln -s /app/tools/node /usr/local/sbin/node\n", "npm run build", "node"),
        ("RUN cp tools/sh /usr/local/bin/env\n", "npm run build", "sh"),
        ("COPY --from=other /x/node /usr/local/sbin/node\n", "npm run build", "other"),
        ("COPY --from=other /x/vite /usr/local/bin/vite\n", "npm run build", "other"),
    ],
)
def test_a_program_of_the_project_for_one_of_the_image(
    before: str, run: str, name: str, tmp_path: Path
) -> None:
    files = {f"tools/{name}": "#!/bin/sh\nuname -m\n"}
    head = OTHER if name == "other" else ""
    assert "is not known to be" in reasons(planned(tmp_path, files, before=before, run=run, head=head))


@pytest.mark.parametrize(
    "before", ["ENV PATH=/app/tools:$PATH\n", "COPY tools /bin\n", "COPY tools /tools\n"]
)
def test_a_program_of_the_project_of_another_name(before: str, tmp_path: Path) -> None:
    verdict = planned(tmp_path, {"tools/own": "#!/bin/sh\n"}, before=before)
    assert str(verdict.word) == "portable", reasons(verdict)
