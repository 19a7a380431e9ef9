"""Every row of the table of bundlers, in the smallest project that has it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from xbuild.dockerfile.parser import parse
from xbuild.graph.model import Options
from xbuild.plan.deciding.planner import make_plan
from xbuild.plan.model import OwnCache, StageVerdict
from xbuild.plan.toolchains.node.bundlers import BUNDLERS, BundlerRow, bundler_of
from xbuild.plan.toolchains.node.native_packages import Part, needed_variants, row_of
from xbuild.platforms import parse_platforms
from xbuild.solve.directory import DirectoryContext
from xbuild.text import Source

DOCKERFILE = """\
FROM node:22-slim AS build
WORKDIR /app
COPY . .
RUN npm ci
RUN npm run build
FROM nginx:1.27
COPY --from=build /app/dist /usr/share/nginx/html
"""
# What some rows look for in the project.
FILES = {
    "next": {"next.config.mjs": "export default { output: 'export' }\n"},
    "ng": {
        "angular.json": json.dumps({"projects": {"a": {"build": {"builder": "@angular/build:application"}}}})
    },
    "nest": {"nest-cli.json": "{}"},
}


def planned(folder: Path, script: str, packages: tuple[str, ...], files: dict[str, str]) -> StageVerdict:
    manifest = {"name": "web", "scripts": {"build": script}, "dependencies": dict.fromkeys(packages, "1.0.0")}
    entries = {f"node_modules/{name}": {"version": "15.0.0"} for name in packages}
    lock = {"lockfileVersion": 3, "packages": {"": {"dependencies": manifest["dependencies"]}, **entries}}
    texts = {"package.json": json.dumps(manifest), "package-lock.json": json.dumps(lock), **files}
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    dockerfile = parse(Source.from_bytes("Dockerfile", DOCKERFILE.encode()))
    plan = make_plan(dockerfile, Options(), parse_platforms(("amd64", "arm64")), DirectoryContext(folder))
    return plan.stages[0]


def reasons(verdict: StageVerdict) -> str:
    return "\n".join(reason.text for reason in verdict.reasons)


def command(row: BundlerRow) -> tuple[str, str]:
    name = row.names.split()[0]
    return name, f"{name} {row.verbs[0] if row.verbs else '.'}"


@pytest.mark.parametrize("row", BUNDLERS, ids=lambda row: row.names.split()[0])
def test_its_output_is_portable(row: BundlerRow, tmp_path: Path) -> None:
    name, script = command(row)
    verdict = planned(tmp_path, script, (row.package,), FILES.get(name, {}))
    assert str(verdict.word) == "portable", reasons(verdict)


@pytest.mark.parametrize("row", BUNDLERS, ids=lambda row: row.names.split()[0])
def test_without_its_package_it_is_unsure(row: BundlerRow, tmp_path: Path) -> None:
    name, script = command(row)
    verdict = planned(tmp_path, script, ("left-pad",), FILES.get(name, {}))
    assert f"{row.package} is not in package-lock.json" in reasons(verdict)


CONFIGURED = [
    (row, pattern) for row in BUNDLERS for pattern in row.configs.split() if not pattern.endswith("json")
]


@pytest.mark.parametrize(("row", "pattern"), CONFIGURED, ids=lambda one: getattr(one, "names", one))
def test_the_machine_in_its_configuration_is_found(row: BundlerRow, pattern: str, tmp_path: Path) -> None:
    name, script = command(row)
    file = (
        pattern.replace("*.webpack.*", "extra.webpack.js")
        .replace("/*", "/a")
        .replace(".*", ".js")
        .replace("*", ".js")
    )
    text = FILES.get(name, {}).get(file.replace(".js", ".mjs"), "") + "export const arch = process.arch\n"
    verdict = planned(tmp_path, script, (row.package,), {**FILES.get(name, {}), file: text})
    assert f"{file}:" in reasons(verdict)
    assert "uses process.arch" in reasons(verdict)


@pytest.mark.parametrize(
    "row", [r for r in BUNDLERS if r.runs_packages], ids=lambda row: row.names.split()[0]
)
def test_an_unknown_native_package_beside_it_is_named(row: BundlerRow, tmp_path: Path) -> None:
    name, script = command(row)
    verdict = planned(tmp_path, script, (row.package,), FILES.get(name, {}))
    lock = json.loads((tmp_path / "package-lock.json").read_text("utf-8"))
    lock["packages"]["node_modules/strange"] = {"version": "1.0.0", "hasInstallScript": True}
    (tmp_path / "package-lock.json").write_text(json.dumps(lock), "utf-8")
    dockerfile = parse(Source.from_bytes("Dockerfile", DOCKERFILE.encode()))
    plan = make_plan(dockerfile, Options(), parse_platforms(("amd64", "arm64")), DirectoryContext(tmp_path))
    assert str(verdict.word) == "portable"
    assert "strange may have something native" in reasons(plan.stages[0])


@pytest.mark.parametrize("row", [r for r in BUNDLERS if r.runs_sources], ids=lambda row: row.names.split()[0])
@pytest.mark.parametrize("file", ["src/a.ts", "src/pages/a.tsx", "docs/a.vue", "src/deep/er/a.mjs"])
def test_the_machine_in_sources_that_are_run_is_found(row: BundlerRow, file: str, tmp_path: Path) -> None:
    name, script = command(row)
    files = {**FILES.get(name, {}), file: "import { arch } from 'node:os'\n"}
    assert f"{file}:1 uses the module os" in reasons(planned(tmp_path, script, (row.package,), files))


@pytest.mark.parametrize(
    "row", [r for r in BUNDLERS if not r.runs_sources], ids=lambda row: row.names.split()[0]
)
def test_what_is_bundled_alone_may_ask_the_machine_that_it_runs_on(row: BundlerRow, tmp_path: Path) -> None:
    name, script = command(row)
    files = {**FILES.get(name, {}), "src/a.ts": "import { arch } from 'node:os'\n"}
    assert str(planned(tmp_path, script, (row.package,), files).word) == "portable"


@pytest.mark.parametrize("package", ["@sveltejs/kit", "@react-router/dev", "vike", "@analogjs/platform"])
def test_sources_are_looked_into_where_a_plugin_makes_pages_of_them(package: str, tmp_path: Path) -> None:
    config = f"import plugin from '{package}/vite'\nexport default {{ plugins: [plugin()] }}\n"
    files = {"vite.config.js": config, "src/a.ts": "import { arch } from 'node:os'\n"}
    verdict = planned(tmp_path, "vite build", ("vite", package), files)
    assert "src/a.ts:1 uses the module os" in reasons(verdict)


@pytest.mark.parametrize(
    ("key", "word"),
    [("prerender", "unsure"), ("ssr", "unsure"), ("outputMode", "unsure"), ("sourceMap", "portable")],
)
def test_sources_are_looked_into_where_angular_makes_pages(key: str, word: str, tmp_path: Path) -> None:
    told = {"builder": "@angular/build:application", "options": {key: True}}
    files = {
        "angular.json": json.dumps({"projects": {"a": {"architect": {"build": told}}}}),
        "src/a.ts": "import { arch } from 'node:os'\n",
    }
    assert str(planned(tmp_path, "ng build", ("@angular/cli",), files).word) == word


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "angular.json cannot be read"),
        ('{"projects": ', "angular.json cannot be read"),
        ("[]", "angular.json is no object of JSON"),
        ("[" * 100_000, "angular.json cannot be read"),
        ('{"x": "' + "a" * 1_000_000 + '"}', "angular.json is longer than 1000000 characters"),
        ('{"\\u0062uilder": "./own:build"}', "angular.json names the builder ./own:build"),
        ('{"a": [{"builder": "./own:build"}]}', "angular.json names the builder ./own:build"),
        ('{"codePl\\u0075gins": []}', "angular.json names plugins"),
        ('{"x": "' + '\\"' * 400_000, "angular.json cannot be read"),
        ("{" + "/*" * 400_000, "angular.json cannot be read"),
        ('{"a": "//", "b": "/*", "builder": "./own:build"}', "angular.json names the builder ./own:build"),
        ('{ // how it is built\n  "builder": "@angular/build:application", /* all */\n}', ""),
    ],
)
def test_settings_of_angular(text: str, told: str, tmp_path: Path) -> None:
    verdict = planned(tmp_path, "ng build", ("@angular/cli",), {"angular.json": text})
    assert str(verdict.word) == ("unsure" if told else "portable")
    assert told in reasons(verdict)


@pytest.mark.parametrize("package", ["preval.macro", "@vanilla-extract/vite-plugin", "val-loader"])
def test_sources_are_looked_into_where_a_package_has_them_run(package: str, tmp_path: Path) -> None:
    files = {"src/a.ts": "import { arch } from 'node:os'\n"}
    verdict = planned(tmp_path, "vite build", ("vite", package), files)
    assert "src/a.ts:1 uses the module os" in reasons(verdict)


def test_a_patched_compiler_is_not_followed(tmp_path: Path) -> None:
    verdict = planned(tmp_path, "tsc", ("typescript", "ts-patch"), {})
    assert "ts-patch has the compiler run transformers" in reasons(verdict)


def test_plugins_that_package_json_names_are_looked_into(tmp_path: Path) -> None:
    verdict = planned(tmp_path, "vite build", ("vite",), {"plugins/a.js": "module.exports = process.arch\n"})
    assert str(verdict.word) == "portable"
    manifest = json.loads((tmp_path / "package.json").read_text("utf-8"))
    manifest["babel"] = {"plugins": ["./plugins/a"]}
    (tmp_path / "package.json").write_text(json.dumps(manifest), "utf-8")
    dockerfile = parse(Source.from_bytes("Dockerfile", DOCKERFILE.encode()))
    plan = make_plan(dockerfile, Options(), parse_platforms(("amd64", "arm64")), DirectoryContext(tmp_path))
    assert "plugins/a.js:1 uses process.arch" in reasons(plan.stages[0])


@pytest.mark.parametrize("file", [".env", ".env.production"])
def test_a_file_of_variables_that_names_those_of_npm(file: str, tmp_path: Path) -> None:
    text = "# the agent\nVITE_AGENT=$npm_config_user_agent\n"
    verdict = planned(tmp_path, "vite build", ("vite",), {file: text})
    assert f"{file}:2 uses npm_config_user_agent" in reasons(verdict)


def test_a_script_that_may_not_be_there(tmp_path: Path) -> None:
    planned(tmp_path, "vite build", ("vite",), {})
    for name, word in (
        ("build", "portable"),
        ("none --if-present && npm run build", "portable"),
        ("none", "unsure"),
    ):
        text = DOCKERFILE.replace("npm run build", f"npm run {name}")
        dockerfile = parse(Source.from_bytes("Dockerfile", text.encode()))
        plan = make_plan(
            dockerfile, Options(), parse_platforms(("amd64", "arm64")), DirectoryContext(tmp_path)
        )
        assert str(plan.stages[0].word) == word


def test_a_program_of_the_project_among_those_of_the_system(tmp_path: Path) -> None:
    planned(tmp_path, "vite build", ("vite",), {"tools/vite": "#!/bin/sh\n"})
    text = DOCKERFILE.replace("RUN npm ci", "COPY tools/vite /usr/local/bin/vite\nRUN npm ci")
    dockerfile = parse(Source.from_bytes("Dockerfile", text.encode()))
    plan = make_plan(dockerfile, Options(), parse_platforms(("amd64", "arm64")), DirectoryContext(tmp_path))
    assert "/usr/local/bin/vite is not known to be the vite of the image" in reasons(plan.stages[0])


def test_code_in_templates_is_looked_into(tmp_path: Path) -> None:
    page = "<p>process.arch</p>\n<p><%= process.arch %></p>\n"
    verdict = planned(tmp_path, "webpack", ("webpack",), {"public/index.html": page})
    assert "public/index.html:2 uses process.arch" in reasons(verdict)
    page = "<p>process.arch</p>\n<p><%= htmlWebpackPlugin.options.title %></p>\n"
    assert str(planned(tmp_path, "webpack", ("webpack",), {"public/index.html": page}).word) == "portable"


def test_the_sample_project_is_made_once() -> None:
    folder = Path(__file__).parents[4] / "projects/node-site"
    dockerfile = parse(Source.from_bytes("Dockerfile", (folder / "Dockerfile").read_bytes()))
    plan = make_plan(dockerfile, Options(), parse_platforms(("amd64", "arm64")), DirectoryContext(folder))
    assert [str(stage.word) for stage in plan.stages] == ["portable", "emulated"]
    (note,) = plan.stages[0].notes
    assert note == "what esbuild, lightningcss, rollup's parser compute comes from the build machine"
    assert [change.id for change in plan.stages[0].changes if isinstance(change, OwnCache)] == [
        "/src/packages/site/node_modules/.vite-$BUILDARCH"
    ]


def test_a_verb_that_makes_nothing_is_not_known() -> None:
    assert bundler_of("vite", ("dev",)) is None
    assert bundler_of("vite", (None,)) is None
    assert bundler_of("tsc", ()) is not None


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("esbuild", Part.COMPUTES),
        ("@esbuild/linux-x64", Part.COMPUTES),
        ("@rollup/rollup-linux-arm64-musl", Part.COMPUTES),
        ("@img/sharp-libvips-linux-x64", Part.COMPUTES),
        ("fsevents", Part.ASIDE),
        ("core-js", Part.TEXT),
        ("@prisma/client", Part.MACHINE),
        ("puppeteer", Part.MACHINE),
        ("bcrypt", None),
        ("@esbuild", None),
        ("not-esbuild", None),
    ],
)
def test_native_packages(name: str, part: Part | None) -> None:
    row = row_of(name)
    assert (row.part if row is not None else None) == part


def test_variants_of_build_machines() -> None:
    names = (
        "@esbuild/linux-x64", "@esbuild/linux-arm64", "@esbuild/linux-arm", "@esbuild/darwin-arm64",
        "@rollup/rollup-linux-x64-gnu", "@rollup/rollup-linux-arm64-musl", "lightningcss-linux-x64-gnu",
        "@rollup/rollup-win32-x64-msvc", "linux-x64-tool", "fsevents",
    )  # fmt: skip
    assert needed_variants(names) == (names[0], names[1], *names[4:7])


@pytest.mark.parametrize("file", ["apps/web/vite.config.ts", "src/.babelrc.js", "config/postcss.config.cjs"])
def test_configuration_below_is_looked_into(file: str, tmp_path: Path) -> None:
    verdict = planned(tmp_path, "vite build apps/web", ("vite",), {file: "export default process.arch\n"})
    assert f"{file}:1 uses process.arch" in reasons(verdict)


def test_configuration_above_is_looked_into(tmp_path: Path) -> None:
    planned(tmp_path / "web", "vite build", ("vite",), {})
    (tmp_path / "postcss.config.js").write_text("module.exports = process.arch\n", "utf-8")
    text = DOCKERFILE.replace("WORKDIR /app\nCOPY . .", "WORKDIR /app/web\nCOPY . /app").replace(
        "app/dist", "app/web/dist"
    )
    dockerfile = parse(Source.from_bytes("Dockerfile", text.encode()))
    plan = make_plan(dockerfile, Options(), parse_platforms(("amd64", "arm64")), DirectoryContext(tmp_path))
    assert "postcss.config.js:1 uses process.arch" in reasons(plan.stages[0])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("@import 'tailwindcss';\n@plugin './a.js';\n", "styles/a.js:1 uses process.arch"),
        ('@config "./a";\n', "styles/a.js:1 uses process.arch"),
        ("@plugin './none.js';\n", "names the plugin ./none.js, which is not in the build context"),
        ("@plugin '@tailwindcss/typography';\n", ""),
    ],
)
def test_plugins_of_style_sheets_are_looked_into(text: str, told: str, tmp_path: Path) -> None:
    files = {"styles/main.css": text, "styles/a.js": "module.exports = process.arch\n"}
    verdict = planned(tmp_path, "vite build", ("vite",), files)
    assert told in reasons(verdict)
    assert (str(verdict.word) == "portable") is not bool(told)


def test_native_files_named_in_a_configuration(tmp_path: Path) -> None:
    for name, word in (("esbuild", "unsure"), ("plain", "portable")):
        config = f"export default {{ copy: [{{ src: 'node_modules/{name}/bin/a', dest: '.' }}] }}\n"
        planned(tmp_path, "vite build", ("vite", "esbuild", "plain"), {"vite.config.js": config})
        lock = json.loads((tmp_path / "package-lock.json").read_text("utf-8"))
        lock["packages"]["node_modules/esbuild"]["hasInstallScript"] = True
        (tmp_path / "package-lock.json").write_text(json.dumps(lock), "utf-8")
        dockerfile = parse(Source.from_bytes("Dockerfile", DOCKERFILE.encode()))
        platforms = parse_platforms(("amd64", "arm64"))
        plan = make_plan(dockerfile, Options(), platforms, DirectoryContext(tmp_path))
        assert str(plan.stages[0].word) == word, reasons(plan.stages[0])


def test_sources_of_the_project_beside_are_looked_into(tmp_path: Path) -> None:
    other = json.dumps({"name": "shared", "version": "1.0.0"})
    files = {
        "packages/site/package.json": json.dumps(
            {"name": "site", "scripts": {"build": "astro build"}, "dependencies": {"shared": "1.0.0"}}
        ),
        "packages/shared/package.json": other,
        "packages/shared/index.ts": "import { arch } from 'node:os'\n",
        "packages/server/package.json": json.dumps({"name": "server"}),
        "packages/server/index.ts": "import { cpus } from 'node:os'\n",
    }
    planned(tmp_path, "npm run build -w site", ("astro",), files)
    manifest = json.loads((tmp_path / "package.json").read_text("utf-8"))
    (tmp_path / "package.json").write_text(json.dumps({**manifest, "workspaces": ["packages/*"]}), "utf-8")
    text = DOCKERFILE.replace("/app/dist", "/app/packages/site/dist")

    def plan() -> StageVerdict:
        dockerfile = parse(Source.from_bytes("Dockerfile", text.encode()))
        platforms = parse_platforms(("amd64", "arm64"))
        return make_plan(dockerfile, Options(), platforms, DirectoryContext(tmp_path)).stages[0]

    assert "packages/shared/index.ts:1 uses the module os" in reasons(plan())
    (tmp_path / "packages/shared/index.ts").write_text("export const a = 1\n", "utf-8")
    assert str(plan().word) == "portable", reasons(plan())
    (tmp_path / "packages/site/page.ts").write_text("import { a } from '../server/index'\n", "utf-8")
    assert "imports ../server/index, which is not looked into" in reasons(plan())
