'use strict';
// What a command line and an environment must be for a package manager to run natively.
//
// Every command, option and variable that is not listed hands over. Names are those of npm 10 and 11 (its
// reference, "config") and of yarn 1 (`yarn help`); `=` takes a value. Left out on purpose: what runs programs of
// the project (run, test, start, exec, init), what compresses (pack, publish), what names another program
// (--script-shell, --shell, --git, --node-options), and what asks at a terminal.

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
  --cpu= --os= --libc=
`;
const NPM_COMMANDS = `
  install i in ins inst insta instal isnt isnta isntal isntall add
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
// Second words of commands of which others do something else.
const SECOND = {
  npm: {cache: 'add clean clear rm verify ls', config: 'get set delete rm ls list', c: 'get set delete rm ls list', pkg: 'get set delete fix'},
  yarn: {cache: 'clean dir list', config: 'get set delete list', global: 'add remove upgrade list bin dir'},
};

const NPM_OPTIONS = options(NPM);
const YARN_OPTIONS = options(YARN);

// The first word that is not understood, or undefined. `bare`: what no command at all means.
function manager(name, {known, commands, bare, negated}, given) {
  const listed = new Set(words(commands));
  const rest = given.slice();
  const operands = [];
  let isTold = false;
  while (rest.length) {
    const word = rest.shift();
    if (word === '--') return word;
    if (word[0] !== '-' || word === '-') {
      operands.push(word);
      continue;
    }
    let [, option, value] = /^(--[^=]*)(=[^]*)?$/.exec(word) ?? [null, word, undefined];
    isTold ||= ['-v', '--version', '-h', '--help'].includes(option);
    if (negated && !known.has(option) && /^--no-/.test(option)) option = '--' + option.slice(5);
    if (!known.has(option)) return word;
    if (value !== undefined) continue;
    const takes = known.get(option);
    if (takes && !rest.length) return word;
    if (takes || (negated && ['true', 'false', 'null'].includes(rest[0]))) rest.shift();
  }
  const command = operands[0] ?? (isTold ? undefined : bare);
  if (command === undefined) return isTold ? undefined : 'no command';
  if (!listed.has(command)) return command;
  const second = SECOND[name][command];
  if (second !== undefined && !words(second).includes(operands[1])) return `${command} ${operands[1] ?? ''}`.trim();
  return undefined;
}

// By the name in its package.json: which of its releases, what its main program is called, and what is understood.
const MANAGERS = {
  npm: {
    releases: /^1[01]\./,
    programs: ['bin/npm-cli.js'],
    ask: (given) => manager('npm', {known: NPM_OPTIONS, commands: NPM_COMMANDS, negated: true}, given),
  },
  yarn: {
    releases: /^1\.22\./,
    programs: ['bin/yarn.js'],
    ask: (given) => manager('yarn', {known: YARN_OPTIONS, commands: YARN_COMMANDS, bare: 'install'}, given),
  },
};

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

module.exports = {LAUNCHERS, MANAGERS, environment, flag, hostile, options, program};
