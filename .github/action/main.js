// Finds Python 3.11 or later and hands over to start.py; a stop of the runner's is handed on. No input is read here.
'use strict';
const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const ASK = 'import sys; print(sys.executable if sys.version_info[:2] >= (3, 11) else "")';
const MESSAGE = 'xbuild needs Python 3.11 or later, and there is none on PATH, in the tool cache or from uv: ' +
  'add a step with actions/setup-python, or use ubuntu-24.04 (ubuntu-22.04 has 3.10)';

// The path of this Python if it is new enough, else nothing.
function ask(program, words = []) {
  const done = spawnSync(program, [...words, '-I', '-c', ASK], { encoding: 'utf8', timeout: 30000 });
  return done.status === 0 ? done.stdout.trim() : '';
}

function* inToolCache() {
  const folder = path.join(process.env.RUNNER_TOOL_CACHE || '', 'Python');
  if (!process.env.RUNNER_TOOL_CACHE || !fs.existsSync(folder)) return;
  const versions = fs.readdirSync(folder).sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  for (const version of versions) {
    for (const arch of ['x64', 'arm64']) yield path.join(folder, version, arch, 'bin', 'python3');
  }
}

function fromUv() {
  const words = ['python', 'find', '--no-project', '>=3.11'];
  const done = spawnSync('uv', words, { encoding: 'utf8', timeout: 60000 });
  return done.status === 0 ? done.stdout.trim() : '';
}

function findPython() {
  const named = ['python3', 'python', ...[14, 13, 12, 11].map((minor) => `python3.${minor}`)];
  for (const program of [...named, ...inToolCache()]) {
    const found = ask(program);
    if (found) return found;
  }
  const last = fromUv();
  return last && ask(last);
}

const python = findPython();
if (!python) {
  console.log(`::error title=xbuild::${MESSAGE}`);
  process.exit(5);
}
const { GITHUB_STATE } = process.env;
if (GITHUB_STATE) fs.appendFileSync(GITHUB_STATE, `python=${python}\n`);
// One stream for both: what switches the runner's commands off must come before what it is about.
const child = spawn(python, ['-I', path.join(__dirname, 'start.py'), 'main'], { stdio: ['ignore', 1, 1] });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('error', (error) => {
  console.log(`::error title=xbuild::${python} cannot be started (${error.code})`);
  process.exitCode = 5;
});
child.on('exit', (code, signal) => { process.exitCode = signal ? 130 : code; });
