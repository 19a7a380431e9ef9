"""What in a text may take something from the machine, and what looks like it."""

from __future__ import annotations

import pytest

from xbuild.plan.toolchains.node.machine_facts import expansion_of, facts_of

TELLING = {
    "process.arch": "process.arch",
    "process?.arch": "process?.arch",
    "const { arch } = process;": "process as a whole",
    "const { arch } = process": "process as a whole",
    "f(process)": "process as a whole",
    "return process;": "process as a whole",
    "({ ...process })": "process as a whole",
    "const p = globalThis.process": "process as a whole",
    "const { process: p } = globalThis": "all that is global",
    "f((global), (a) => a)": "all that is global",
    "((a, b = global) => a)()": "all that is global",
    "(function (global) { f(global) })(this)": "all that is global",
    "(function (global, factory) { factory() })(globalThis, g)": "all that is global",
    "h('a').g // function\n(global)": "all that is global",
    "f(global) // (global) =>": "all that is global",
    "const f = function (a) { return g(a, process) }": "process as a whole",
    "f(globalThis)": "all that is global",
    "process['arch']": "process by a computed name",
    "process[name]": "process by a computed name",
    "globalThis['process']": "a global by a computed name",
    "process.versions.v8": "process.versions",
    "process.config.variables": "process.config",
    "process.report.getReport()": "process.report",
    "process.binding('os')": "process.binding",
    "process.getBuiltinModule('os')": "process.getBuiltinModule",
    "import os from 'os'": "the module os",
    'import { arch } from "node:os"': "the module os",
    "const os = require('os')": "the module os",
    "const os = await import(`os`)": "the module os",
    "createRequire(import.meta.url)('node:os')": "the module os",
    "import { execSync } from 'child_process'": "the module child_process",
    "import process from 'process'": "the module process",
    "import { arch } from 'node:process'": "the module process",
    "import { execa } from 'execa'": "the module execa",
    "import puppeteer from 'puppeteer'": "the module puppeteer",
    "import x from 'execa/lib/a.js'": "the module execa",
    "eval(text)": "code that is made",
    "new Function('return process')()": "code that is made",
    "readFileSync('/proc/cpuinfo')": "a file of the system",
    'readFileSync("/usr/lib/os-release")': "a file of the system",
    "require('./build/Release/a.node')": "a native module",
    "import(name)": "an import by a computed name",
    "import(`${'o'}s`)": "an import by a computed name",
    "require('o' + 's')": "a module by a computed name",
    "import('node:' + 'os')": "a module by a computed name",
    "<p>http://a {process.arch}</p>": "process.arch",
    "<p>// {process.arch}</p>": "process.arch",
    "// {{ process.arch }}": "process.arch",
    "require(name)": "a require by a computed name",
    "require(`os`)": "the module os",
    "process.env.npm_config_user_agent": "npm_config_user_agent",
    "process.env.HOSTTYPE": "HOSTTYPE",
    "navigator.hardwareConcurrency": "navigator.hardwareConcurrency",
    "navigator.platform": "navigator.platform",
    "globalThis.navigator?.platform": "navigator?.platform",
    "navigator[name]": "navigator by a computed name",
    "const { platform } = navigator": "navigator.platform or its like",
    "const n = navigator;": "navigator as a whole",
    "f(globalThis.navigator)": "navigator as a whole",
    "process.availableMemory()": "process.availableMemory",
    "process.constrainedMemory()": "process.constrainedMemory",
    "define: { 'process.env': process.env }": "process.env as a whole",
    "JSON.stringify(process.env)": "process.env as a whole",
    "({ ...process.env })": "process.env as a whole",
    "process.env[name]": "process.env as a whole",
    "Object.keys(process.env).filter(f)": "process.env as a whole",
    "const env = loadEnv(mode, process.cwd(), '')\nx = { 'process.env': env }": "process.env as a whole",
    "const env = loadEnv(mode, process.cwd(), '')\nx = { ...env }": "process.env as a whole",
    "const env = loadEnv(mode, process.cwd(), '')\nx = env[name]": "process.env as a whole",
    "x = { env: loadEnv(mode, process.cwd(), '') }": "process.env as a whole",
    "const env = loadEnv(mode, process.cwd(), ['VITE_', 'npm_'])\nx = { env }": "process.env as a whole",
    "const env = loadEnv(mode, process.cwd(), prefix)\nx = { env }": "process.env as a whole",
    "envPrefix: ['VITE_', 'npm_']": "what a prefix takes of the environment",
    "'envPrefix': 'n'": "what a prefix takes of the environment",
    "envPrefix: prefixes": "what a prefix takes of the environment",
    "{ envPrefix, plugins }": "what a prefix takes of the environment",
    "readdirSync('node_modules/@esbuild')": "what is installed",
    "fs.readdir(path.join(root, 'node_modules'))": "what is installed",
    "fs.existsSync('node_modules/@esbuild/linux-x64')": "what is installed",
    "existsSync(path.join(process.cwd(), 'node_modules', name))": "what is installed",
    "lstatSync(root + '/node_modules/a')": "what is installed",
    "globSync(['./node_modules/*/package.json'])": "what is installed",
    "const here = resolve('node_modules')\nfs.readdirSync(here)": "what is installed",
    "const here = 'node_modules'\nfs.existsSync(join(here, name))": "what is installed",
    "const x = 'a // b' + process.arch": "process.arch",
    "const x = `\n// ${process.arch}\n`": "process.arch",
    "const x = `\n/** ${process.arch} */\n`": "process.arch",
    "a(/[/]/) // b\nprocess.arch": "process.arch",
    "const x = '/* no comment', y = process.arch": "process.arch",
    "const x = /\\/*$/, y = process.arch": "process.arch",
    "const x = 'https://example.com', y = process.arch": "process.arch",
    "process /* of node */ .arch": "process, and a comment in the way",
    "Bun.spawnSync(['uname', '-m'])": "what bun brings along",
    "Deno.build.arch": "what deno brings along",
}


@pytest.mark.parametrize("text", TELLING)
def test_found(text: str) -> None:
    assert TELLING[text] in [fact.what for fact in facts_of(text)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "process.env.NODE_ENV === 'production'",
        "process.env['API_URL']",
        "process.env?.API_URL",
        "process.cwd()",
        "process.platform === 'win32'",
        "process.exit(1)",
        "process.argv.slice(2)",
        "// process.arch tells it",
        "x() // process.arch tells it",
        "a / b // process.arch tells it",
        "  // it's what process.arch tells",
        "/**\n * process.arch tells it\n */\nx()",
        "new DefinePlugin({ 'process.env.API': JSON.stringify(process.env.API) })",
        "new ProvidePlugin({ process: 'process/browser' })",
        "define: { 'process.env': {} }",
        "Object.assign(process.env, loadEnv(mode, process.cwd()))",
        "process.env = { ...process.env, ...loadEnv(mode, process.cwd()) }",
        "typeof process.env === 'object'",
        "const env = loadEnv(mode, process.cwd(), '')\nx = { api: env.API_URL, other: env?.OTHER }",
        "const env = loadEnv(mode, process.cwd())\nx = { env }",
        "const env = loadEnv(mode, process.cwd(), ['VITE_', 'APP_'])\nx = { env }",
        "envPrefix: 'VITE_'",
        "envPrefix: ['VITE_', 'TAURI_ENV_*']",
        "glob('src/**', { ignore: ['node_modules/**'] })",
        "globSync(['!node_modules/**', 'src/**'])",
        "const aside = ['node_modules']\nfs.readdirSync('src')",
        "readFileSync('node_modules/a/a.css')",
        "navigator.userAgent.includes('jsdom')",
        "typeof navigator === 'undefined'",
        "import { resolve } from 'node:path'",
        "import('./pages/a.js')",
        "import(`./pages/a.js`)",
        "require.resolve('a')",
        "alias: { '@': '/src' }",
        "platform: 'browser'",
        "const cluster = 'cluster'",
        "globalThis.process?.env.A",
        "function process(text) {}\nreturn { process, other }",
        "preprocess.arch",
        "made with Bun. It is quick",
        "subprocess(process.env.A)",
        "(function (global, factory) { factory() })(this, f)",
        "const f = (a, global) => a + global.b",
        "function* f(a, process) {}",
        "list.map((navigator) => navigator.userAgent)",
    ],
)
def test_not_found(text: str) -> None:
    assert list(facts_of(text)) == []


def test_the_line_is_told() -> None:
    assert [fact.line for fact in facts_of("a()\n// b\n/**\n * c\n */\nprocess.arch\n")] == [6]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("A=$HOSTNAME", "$HOSTNAME"),
        ("A=${HOSTTYPE}", "$HOSTTYPE"),
        ("HOSTNAME=a\nA=x-$HOSTNAME", "$HOSTNAME"),
        ('A="${ MACHTYPE:-a}"', "$MACHTYPE"),
        ("A=$(uname -m)", "what a command prints"),
    ],
)
def test_a_file_of_variables_takes(text: str, what: str) -> None:
    found = expansion_of(text)
    assert found is not None
    assert (found.what, found.line) == (what, text.count("\n") + 1)


@pytest.mark.parametrize("text", ["", "A=1\nB=$A", "A=\\$HOSTNAME", "# A=$HOSTNAME", "A=HOSTNAME", "A=$HOME"])
def test_a_file_of_variables_takes_nothing(text: str) -> None:
    assert expansion_of(text) is None
