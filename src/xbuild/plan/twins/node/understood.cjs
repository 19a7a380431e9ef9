'use strict';
// What a command line and an environment must be for a package manager to run natively, and which script is one's.
//
// Every command, option and variable that is not listed hands over. Names are those of npm 10 and 11 (its
// reference, "config"), yarn 1 (`yarn help`), yarn 4 and pnpm 8 to 10 (`COMMAND --help`), corepack 0.20 to
// 0.36; `=` takes a value. Left out on purpose: what runs scripts of the project by their names (run, test, start,
// init), what compresses (pack, publish), what names another program (--script-shell, --shell, --git,
// --node-options), and what asks at a terminal.
const fs = require('fs');
const path = require('path');

const words = (text) => text.trim().split(/\s+/);

// Whether each name takes a value: "-r,--requirement= --pre".
const options = (text) => new Map(words(text).flatMap((word) =>
  word.replace(/=$/, '').split(',').map((name) => [name, word.endsWith('=')])));

const NPM = `
  -h,--help -v,--version -d -dd -ddd -q,--quiet -s,--silent --verbose --loglevel= -f,--force -g,--global
  -L,--location= -y,--yes -n -l,--long --json -p,--parseable -a,--all -C,--prefix= -w,--workspace= -ws,--workspaces
  --include-workspace-root --iwr
  -S,--save -D,--save-dev -O,--save-optional -P,--save-prod -E,--save-exact -B,--save-bundle --save-peer
  --save-prefix= --tag= --omit= --include= --only= --also= --dev --production --optional --package-lock
  --package-lock-only --shrinkwrap --lockfile-version= --legacy-peer-deps --strict-peer-deps --legacy-bundling
  --global-style --install-strategy= --install-links --prefer-dedupe --ignore-scripts --foreground-scripts
  --bin-links --audit --audit-level= --fund --engine-strict --dry-run --before= --depth= --omit-lockfile-registry-resolved
  --replace-registry-host= --format-package-lock --rebuild-bundle --unsafe-perm --allow-git= --min-release-age=
  --cache= --cache-min= --cache-max= --prefer-offline --prefer-online --offline --registry= --scope= --userconfig=
  --globalconfig= --cafile= --strict-ssl --proxy= --https-proxy= --noproxy= --maxsockets= --fetch-retries=
  --fetch-retry-factor= --fetch-retry-mintimeout= --fetch-retry-maxtimeout= --fetch-timeout= --network-timeout=
  --color --progress --unicode --timing --update-notifier --logs-dir= --logs-max= --heading= --user-agent= --umask=
  --cpu= --os= --libc= --package= -c,--call=
`;
const NPM_COMMANDS = `
  install i in ins inst insta instal isnt isnta isntal isntall add exec x
  ci clean-install ic install-clean isntall-clean
  uninstall un unlink remove rm r update up upgrade udpate prune dedupe ddp rebuild rb
  cache config c get set pkg ls list la ll outdated view info show v root prefix ping help
`;
const YARN = `
  -h,--help -v,--version --verbose -s,--silent --offline --prefer-offline --enable-pnp,--pnp --disable-pnp
  --json --ignore-scripts --har --ignore-platform --ignore-engines --ignore-optional --force --skip-integrity-check
  --check-files --no-bin-links --flat --prod,--production --no-lockfile --pure-lockfile --frozen-lockfile
  --update-checksums --link-duplicates --link-folder= --global-folder= --modules-folder= --preferred-cache-folder=
  --cache-folder= --mutex= --emoji= --no-emoji --registry= --no-progress --network-concurrency= --network-timeout=
  --non-interactive --no-node-version-check --focus --otp= --no-default-rc --cwd= --proxy= --https-proxy= --audit
  -W,--ignore-workspace-root-check -D,--dev -P,--peer -O,--optional -E,--exact -T,--tilde -A,--audit
  --latest --pattern= --scope= -C,--caret --prefix= --all
`;
const YARN_COMMANDS = 'install add remove upgrade cache config global list info why help';
const BERRY = `
  -h,--help -v,--version --cwd= --json --immutable --immutable-cache --refresh-lockfile --check-cache
  --check-resolutions --inline-builds --mode= -F,--fixed -E,--exact -T,--tilde -C,--caret -D,--dev -P,--peer
  -O,--optional --prefer-dev --cached -A,--all -R,--recursive --production --mirror --no-defaults -s,--strategy=
  -c,--check -H,--home --why --frozen-lockfile --non-interactive --network-timeout= --cache-folder= --silent
  --prefer-offline --registry=
`;
const BERRY_COMMANDS = 'install add remove up dedupe rebuild cache config info why workspaces help';
const PNPM = `
  -h,--help -v,--version -C,--dir= --color -s,--silent --loglevel= --reporter= --use-stderr --aggregate-output --stream
  -w,--workspace-root -r,--recursive -F,--filter= --filter-prod= --fail-if-no-match --ignore-workspace
  --frozen-lockfile --prefer-frozen-lockfile --fix-lockfile --lockfile --lockfile-only --lockfile-dir=
  --merge-git-branch-lockfiles -P,--prod,--production -D,--dev,--save-dev -O,--save-optional --optional --save-prod
  -E,--save-exact --save-peer --save-workspace-protocol --workspace --ignore-workspace-root-check,-W --ignore-scripts
  --ignore-pnpmfile --offline --prefer-offline --force --hoist --hoist-pattern= --public-hoist-pattern=
  --shamefully-hoist --strict-peer-dependencies --resolution-only --modules-dir= --virtual-store-dir= --store-dir=
  --package-import-method= --network-concurrency= --child-concurrency= --side-effects-cache
  --side-effects-cache-readonly --verify-store-integrity --optimistic-repeat-install -g,--global --global-dir=
  --allow-build= --registry= --cpu= --os= --libc= -L,--latest --depth= --long --parseable --json
`;
const PNPM_COMMANDS = `
  install i add remove rm uninstall un update up upgrade prune fetch import list ls la ll why root bin store config c
  get set outdated rebuild rb help
`;
const COREPACK = '-h,--help -v,--version --activate --json --all -g,--global --install-directory=';
const COREPACK_COMMANDS = 'enable disable prepare install use up hydrate cache';
// What corepack runs in its own process: the words are looked at again, as those of that one, before it does.
const FETCHED = words('npm npx pnpm pnpx yarn yarnpkg');

const NPM_OPTIONS = options(NPM);
// Of each program: its options, whether `--no-NAME` and `--NAME true` are options as well, its commands, those that
// have second words of which others do something else, and what no command at all means. Words of the program that
// is run stand behind `--` for commands in `passing`, behind the command for those in `starting`, and for npx
// (`isStarting`) behind the first that is no option.
const PROGRAMS = {
  npm: {
    known: NPM_OPTIONS, negated: true, commands: words(NPM_COMMANDS), passing: ['exec', 'x'],
    second: {cache: 'add clean clear rm verify ls', config: 'get set delete rm ls list', c: 'get set delete rm ls list', pkg: 'get set delete fix'},
  },
  npx: {known: new Map([...NPM_OPTIONS, ...options('-p= --no-install')]), negated: true, isStarting: true},
  yarn: {
    known: options(YARN), commands: words(YARN_COMMANDS), bare: 'install',
    second: {cache: 'clean dir list', config: 'get set delete list', global: 'add remove upgrade list bin dir'},
  },
  berry: {
    known: options(BERRY), negated: true, commands: words(BERRY_COMMANDS), bare: 'install',
    second: {cache: 'clean', config: 'get set unset', workspaces: 'focus list'},
  },
  pnpm: {
    known: options(PNPM), negated: true, commands: words(PNPM_COMMANDS),
    starting: ['exec'],
    second: {store: 'prune path status add', config: 'get set delete list', c: 'get set delete list'},
  },
  corepack: {known: options(COREPACK), commands: words(COREPACK_COMMANDS), second: {cache: 'clean clear'}},
};

// The first word that is not understood, or undefined.
function misread({known, negated = false, commands, second = {}, bare, passing = [], starting = [], isStarting = false}, given) {
  const rest = given.slice();
  const operands = [];
  let isTold = false;
  let isCalled = false;
  while (rest.length) {
    const word = rest.shift();
    if (word === '--' && passing.includes(operands[0])) break;
    if (word === '--') return word;
    if (word[0] !== '-' || word === '-') {
      if (isStarting || (!operands.length && starting.includes(word))) return undefined;
      operands.push(word);
      continue;
    }
    let [, option, value] = /^(--[^=]*)(=[^]*)?$/.exec(word) ?? [null, word, undefined];
    isTold ||= ['-v', '--version', '-h', '--help'].includes(option);
    isCalled ||= ['-c', '--call'].includes(option);
    if (negated && !known.has(option) && /^--no-/.test(option)) option = '--' + option.slice(5);
    if (!known.has(option)) return word;
    if (value !== undefined) continue;
    const takes = known.get(option);
    if (takes && !rest.length) return word;
    if (takes || (negated && ['true', 'false', 'null'].includes(rest[0]))) rest.shift();
  }
  if (isStarting) return isTold || isCalled ? undefined : 'no command';
  const command = operands[0] ?? (isTold ? undefined : bare);
  if (command === undefined) return isTold ? undefined : 'no command';
  if (!commands.includes(command)) return command;
  if (Object.hasOwn(second, command) && !words(second[command]).includes(operands[1])) return `${command} ${operands[1] ?? ''}`.trim();
  return undefined;
}

const ask = (name) => (given) => misread(PROGRAMS[name], given);
const fetched = () => undefined;
const corepack = (given) => (FETCHED.includes((given[0] ?? '').split('@', 1)[0]) ? undefined : ask('corepack')(given));

// By the name in its package.json: which of its releases, and what understands the words of its programs, which also
// gets the environment.
const MANAGERS = {
  npm: {releases: /^1[01]\./, programs: {'bin/npm-cli.js': ask('npm'), 'bin/npx-cli.js': ask('npx')}},
  yarn: {releases: /^1\.22\./, programs: {'bin/yarn.js': (given, variables) => ask(isLed(process.cwd(), variables) ? 'berry' : 'yarn')(given)}},
  pnpm: {releases: /^([89]|10)\./, programs: {'bin/pnpm.cjs': ask('pnpm')}},
  corepack: {
    releases: /^0\.[23]\d\./,
    programs: {'dist/corepack.js': corepack, ...Object.fromEntries(FETCHED.map((name) => [`dist/${name}.js`, fetched]))},
  },
};
// yarn 2 and later is one file, of any name: its beginning, and what it says of itself.
const BERRY_HEAD = '#!/usr/bin/env node\n/* eslint-disable */\n//prettier-ignore\n';
const BERRY_SELF = /name:"@yarnpkg\/cli",version:"([^"]*)"/;
const BERRY_RELEASES = /^4\./;

const readIfThere = (file) => {
  try {
    return fs.readFileSync(file, 'latin1');
  } catch {
    return '';
  }
};

// Whether yarn 1 starts the yarn of the project instead of itself, in a folder: then that one is looked at again.
function isLed(folder, {YARN_IGNORE_PATH: isIgnored = ''}) {
  for (let place = folder; isIgnored === ''; place = path.dirname(place)) {
    if (/^yarnPath:/m.test(readIfThere(path.join(place, '.yarnrc.yml')))) return true;
    if (place === path.dirname(place)) break;
  }
  return false;
}

function berryOf(text) {
  if (!text.startsWith(BERRY_HEAD)) return undefined;
  const version = BERRY_SELF.exec(text)?.[1];
  if (version === undefined) return undefined;
  return BERRY_RELEASES.test(version) ? {ask: ask('berry')} : {why: `yarn ${version} is not known`};
}

// What understands the words of a script (`ask`), or why nothing does; undefined where it is no package manager's.
function managerOf(file) {
  for (const folder of [path.dirname(file), path.dirname(path.dirname(file))]) {
    let told;
    try {
      told = JSON.parse(fs.readFileSync(`${folder}/package.json`, 'utf8'));
    } catch {
      continue;
    }
    const row = Object.hasOwn(MANAGERS, told.name) ? MANAGERS[told.name] : undefined;
    const program = path.relative(folder, file);
    if (row === undefined || !Object.hasOwn(row.programs, program)) break;
    return row.releases.test(told.version) ? {ask: row.programs[program]} : {why: `${told.name} ${told.version} is not known`};
  }
  return berryOf(readIfThere(file));
}

// Scripts of a shell that do no more than start node with the yarn.js beside them, by their sums (yarn 1.22).
const LAUNCHERS = new Set(['9207642def40f4e6a8ebf027d89a2fbc4e874db2c1bd1b85f097bf49ab40fae6']);

// Flags of node's own that change nothing of what is loaded, on its command line and in NODE_OPTIONS.
const FLAGS = options(`
  --no-warnings --no-deprecation --trace-warnings --trace-deprecation --throw-deprecation --max-old-space-size=
  --max_old_space_size= --max-semi-space-size= --max-http-header-size= --dns-result-order= --use-openssl-ca
  --use-bundled-ca --use-system-ca --openssl-legacy-provider --no-network-family-autoselection
  --network-family-autoselection-attempt-timeout= --unhandled-rejections= --enable-source-maps --stack-trace-limit=
  --no-experimental-fetch --no-experimental-require-module --experimental-vm-modules --no-experimental-strip-types
`);

// The first flag that is not understood, or undefined; values only behind "=".
const flag = (given) => given.find((word) => {
  const [, name, value] = /^([^=]*)(=[^]*)?$/.exec(word);
  return !FLAGS.has(name) || FLAGS.get(name) !== (value !== undefined);
});

// `node FLAG... (FILE | -e CODE) ARGUMENT...`: the file, or "" for code; undefined for anything else.
function program(given) {
  let at = 0;
  while (at < given.length && given[at][0] === '-' && given[at].length > 1) {
    if (['-e', '--eval', '-p', '--print', '-pe'].includes(given[at])) return given.length > at + 1 ? '' : undefined;
    if (flag([given[at]])) return undefined;
    at += 1;
  }
  return at < given.length && given[at] !== '-' ? given[at] : undefined;
}

// Variables that node reads and that do not change what it loads or leaves. Of those that it reads, every other
// hands over; which it reads is found in its program (`recorded.reads`).
const VARIABLES = new Set(words(`
  NODE_ENV NODE_VERSION NODE_EXTRA_CA_CERTS NODE_TLS_REJECT_UNAUTHORIZED NODE_NO_WARNINGS NODE_OPTIONS NODE_PATH
  NODE_DISABLE_COLORS NODE_USE_ENV_PROXY NODE_USE_SYSTEM_CA NODE_DISABLE_COMPILE_CACHE NODE_CHANNEL_FD
  NODE_CHANNEL_SERIALIZATION_MODE NODE_REPL_HISTORY
`));

// Why the environment hands over, or undefined.
function environment(variables, reads) {
  for (const name of Object.keys(variables).sort()) {
    if (variables[name] === '') continue;
    if (/^NODE_/.test(name) && reads.has(name) && !VARIABLES.has(name)) return name;
  }
  const given = variables.NODE_OPTIONS ?? '';
  if (/["\\]/.test(given)) return 'NODE_OPTIONS';
  return flag(given.split(/ +/).filter(Boolean)) === undefined ? undefined : 'NODE_OPTIONS';
}

// Lists of names and patterns of variables, one a line, as twin.sh reads them.
function hostile(variables, lists) {
  for (const line of lists.join('\n').split('\n')) {
    const [pattern] = line.split('#', 1)[0].trim().split(/\s+/);
    if (!pattern) continue;
    const fits = pattern.endsWith('*') ? (name) => name.startsWith(pattern.slice(0, -1)) : (name) => name === pattern;
    const found = Object.keys(variables).sort().find((name) => variables[name] !== '' && fits(name));
    if (found !== undefined) return found;
  }
  return undefined;
}

module.exports = {LAUNCHERS, environment, flag, hostile, managerOf, program};
