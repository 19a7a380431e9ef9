'use strict';
// The first thing in a native node: JavaScript sees the image's own. What it starts finds natives below the mount,
// and what only the image's node can do is done by that, from the start, or leaves a mark.
//
// Copies of it are `manager` (of a package manager) and `script` (of a package that is being installed).
const childProcess = require('child_process');
const fs = require('fs');
const moduleApi = require('module');
const net = require('net');
const os = require('os');
const path = require('path');
const vm = require('vm');
const workers = require('worker_threads');

const HERE = __dirname;
const BELOW = `${HERE}/below`;
const MODE = path.basename(__filename, '.cjs');
const MARKED = 97;
const DESCRIPTOR = 9;
const understood = require('./understood.cjs');
const recorded = JSON.parse(fs.readFileSync(`${HERE}/recorded.json`, 'utf8'));
const startProcess = process.binding('process_wrap').Process.prototype;
const startSync = process.binding('spawn_sync');
const raw = {
  start: startProcess.spawn, startSync: startSync.spawn, open: fs.openSync, read: fs.readSync, write: fs.writeSync,
  readFile: fs.readFileSync, exit: process.reallyExit.bind(process), emitWarning: process.emitWarning,
  execve: process.execve?.bind(process), spawnSync: childProcess.spawnSync, kill: process.kill.bind(process),
};
const define = (object, name, value) => Object.defineProperty(object, name, {
  ...(Object.getOwnPropertyDescriptor(object, name) ?? {writable: true, enumerable: true, configurable: true}), value,
});

// -- a line for the report; that the starter marks what ends with 97 does not hang on it

const isHeard = (pid) => {
  try {
    const [, flags] = /^flags:\s*(\d+)$/m.exec(raw.readFile(`/proc/${pid}/fdinfo/${DESCRIPTOR}`, 'latin1'));
    return Boolean(parseInt(flags, 8) & fs.constants.O_APPEND) && fs.readlinkSync(`/proc/${pid}/fd/${DESCRIPTOR}`).startsWith('pipe:');
  } catch {
    return false;
  }
};
// What is started does not see it.
if (workers.isMainThread && isHeard('self')) fs.closeSync(DESCRIPTOR);

function say(text) {
  for (const pid of [process.ppid, 1].filter(isHeard)) {
    try {
      raw.write(raw.open(`/proc/${pid}/fd/${DESCRIPTOR}`, fs.constants.O_WRONLY | fs.constants.O_APPEND), `xbuild-twin: node: ${text}\n`);
      return;
    } catch {} // another user's
  }
}

// -- what only the image's own node can do

let begun = workers.isMainThread && !process.channel ? '' : 'start';
const begin = (what) => { begun ||= what; };

// The environment and the words as they came, less what was put in front of them.
const given = (name) => raw.readFile(`/proc/self/${name}`, 'latin1').split('\0').slice(0, -1);
const givenWords = given('cmdline'); // a process that names itself overwrites them
const bytes = (texts) => texts.map((text) => Buffer.from(text, 'latin1'));

// The image's own node instead, with everything as it came.
function replace(texts) {
  const decode = (list) => bytes(list).map((data) => data.toString('utf8'));
  const environment = Object.fromEntries(decode(texts).filter((entry) => entry.indexOf('=') > 0)
    .map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]));
  const [name, ...rest] = decode(givenWords).filter((word) => word !== `--require=${__filename}`);
  if (raw.execve) {
    process.emitWarning = () => {}; // it is called experimental
    raw.execve(recorded.node, [name, ...rest], environment);
  }
  startSync.spawn = raw.startSync;
  const done = raw.spawnSync(recorded.node, rest, {argv0: name, env: environment, stdio: 'inherit'});
  if (done.signal) raw.kill(process.pid, done.signal);
  raw.exit(done.status ?? 127);
}

function restart(happened, what, line) {
  const texts = given('environ');
  const isText = bytes([...texts, ...givenWords]).every((data) => data.equals(Buffer.from(data.toString('utf8'), 'utf8')));
  if (happened || !isText) {
    say(`mark: ${what}, after ${happened || 'words that are no text'}`);
    if (!workers.isMainThread) raw.kill(process.pid, 'SIGSYS'); // there an exit is that of the thread
    raw.exit(MARKED);
  }
  if (line !== undefined) say(line);
  replace(texts);
}
const foreign = (why) => restart(begun, why);
const handOver = (why) => restart('', why, `own: ${why}`);

// -- what JavaScript sees

const shown = (value) => {
  const ask = () => (typeof value === 'function' ? value() : value);
  ask[Symbol.toPrimitive] = ask;
  return ask;
};
let machine;
function machineOf() {
  if (machine === undefined) {
    const done = raw.startSync.call(startSync, {
      file: '/bin/uname', args: ['uname', '-m'], envPairs: ['LC_ALL=C'],
      stdio: [{type: 'ignore'}, {type: 'pipe', readable: false, writable: true}, {type: 'ignore'}],
    });
    machine = done.output?.[1]?.toString().trim();
    if (done.status !== 0 || !machine) foreign('uname');
  }
  return machine;
}
const freeze = (value) => {
  if (value !== null && typeof value === 'object') Object.values(value).forEach(freeze);
  return Object.freeze(value);
};

process.execArgv = process.execArgv.filter((word) => word !== `--require=${__filename}`);
process.argv[0] = recorded.node;
define(process, 'execPath', recorded.node);
define(process, 'arch', recorded.arch);
define(process, 'config', Object.isFrozen(process.config) ? freeze(recorded.config) : recorded.config);
for (const [name, value] of Object.entries(recorded.release)) define(process.release, name, value);
define(os, 'arch', shown(recorded.arch));
define(os, 'machine', shown(machineOf));
if (globalThis.navigator !== undefined) {
  const navigator = Object.getPrototypeOf(globalThis.navigator);
  const get = () => `Linux ${recorded.arch === 'x64' ? machineOf() : recorded.arch}`;
  Object.defineProperty(navigator, 'platform', {...Object.getOwnPropertyDescriptor(navigator, 'platform'), get});
}
if (process.report) {
  const {report} = process;
  const getReport = report.getReport;
  define(report, 'getReport', function (...rest) {
    const told = getReport.apply(this, rest);
    Object.assign(told.header, {arch: recorded.arch, osMachine: machineOf()});
    Object.assign(told.header.release ?? {}, recorded.release);
    if (told.header.commandLine) told.header.commandLine = told.header.commandLine.filter((word) => !word.includes(HERE));
    told.sharedObjects = recorded.objects;
    return told;
  });
  define(report, 'writeReport', () => foreign('a report'));
}

// -- caches of compiled code are the processor's

const disabled = {status: moduleApi.constants?.compileCacheStatus?.DISABLED};
for (const [name, value] of [['enableCompileCache', disabled], ['getCompileCacheDir'], ['flushCompileCache']]) {
  if (moduleApi[name] !== undefined) define(moduleApi, name, () => value);
}

// A package manager does without; a script may be there for nothing else.
function withoutCache(settings) {
  if (settings === null || typeof settings !== 'object' || !(settings.produceCachedData || settings.cachedData)) return settings;
  if (MODE === 'script') foreign('compiled code');
  const {cachedData, produceCachedData, ...rest} = settings;
  return rest;
}
define(vm, 'Script', new Proxy(vm.Script, {
  construct: (target, [code, settings], made) => Reflect.construct(target, [code, withoutCache(settings)], made),
}));
define(vm.Script.prototype, 'createCachedData', () => foreign('compiled code'));
const {compileFunction} = vm;
define(vm, 'compileFunction', (code, names, settings) => compileFunction(code, names, withoutCache(settings)));

// -- what is started: PATH leads to the native node where it leads to the image's

const search = (places) => places.find((place) => {
  try {
    fs.accessSync(`${place || '.'}/node`, fs.constants.X_OK);
    return fs.statSync(`${place || '.'}/node`).isFile();
  } catch {
    return false;
  }
});
const ledPaths = new Map();
function lead(value) {
  if (!ledPaths.has(value)) {
    const places = value.split(':');
    const place = search(places);
    const isOurs = place !== undefined && place.startsWith('/') && fs.realpathSync(`${place}/node`) === recorded.node;
    if (isOurs) places.splice(places.indexOf(place), 0, BELOW);
    ledPaths.set(value, isOurs ? places.join(':') : undefined);
  }
  return ledPaths.get(value);
}
// What is to be started in place of a file, and with which environment; nothing where it would not be the image's node.
function follow(file, envPairs) {
  begin(`the start of ${path.basename(String(file))}`);
  const at = Array.isArray(envPairs) ? envPairs.findIndex((entry) => entry.startsWith('PATH=')) : -1;
  const led = at < 0 ? undefined : lead(envPairs[at].slice(5));
  if (led === undefined) return undefined;
  return {
    file: {value: file === recorded.node ? `${BELOW}/node` : file},
    envPairs: {value: envPairs.map((entry, i) => (i === at ? `PATH=${led}` : entry))},
  };
}
// Not a copy: what is not enumerable counts, too.
function followed(options) {
  const found = follow(options.file, options.envPairs);
  return found === undefined ? options : Object.create(options, found);
}
define(startProcess, 'spawn', function (...given) {
  if (given.length === 1) return raw.start.call(this, followed(given[0]));
  const [file, words, folder, envPairs, ...rest] = given; // Node 24
  const found = follow(file, envPairs);
  return raw.start.call(this, found?.file.value ?? file, words, folder, found?.envPairs.value ?? envPairs, ...rest);
});
startSync.spawn = function (options) {
  return raw.startSync.call(this, followed(options));
};

// -- what cannot be taken back

function note(object, name, what = name, counts = () => true) {
  const plain = object[name];
  const noted = function (...rest) {
    if (counts(...rest)) begin(what);
    return new.target ? Reflect.construct(plain, rest, new.target) : plain.apply(this, rest);
  };
  Object.defineProperties(noted, Object.getOwnPropertyDescriptors(plain));
  define(object, name, noted);
}
// Of the functions for files those that only read; any other counts.
const READ = new Set(`access accessSync exists existsSync fstat fstatSync lstat lstatSync stat statSync statfs statfsSync
  read readSync readv readvSync readFile readFileSync readdir readdirSync readlink readlinkSync realpath realpathSync
  close closeSync opendir opendirSync createReadStream glob globSync watch watchFile unwatchFile openAsBlob
  Stats Dirent Dir ReadStream FileReadStream WriteStream FileWriteStream _toUnixTimestamp`.split(/\s+/));
const isReading = (flags) => flags === undefined || flags === null || ['r', 'rs', 'sr'].includes(flags) ||
  typeof flags === 'function' || (typeof flags === 'number' && !(flags & (fs.constants.O_WRONLY | fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_TRUNC)));
const STDIN = new Set([0, '/dev/stdin', '/proc/self/fd/0']);
for (const object of [fs, fs.promises]) {
  for (const name of ['read', 'readSync', 'readv', 'readvSync', 'readFile', 'readFileSync', 'createReadStream']) {
    if (typeof object[name] === 'function') note(object, name, 'stdin', (file) => STDIN.has(file));
  }
  for (const name of Object.keys(object)) {
    const descriptor = Object.getOwnPropertyDescriptor(object, name);
    if (READ.has(name) || typeof descriptor.value !== 'function') continue;
    note(object, name, name, name.startsWith('open') ? (_, flags) => !isReading(flags) : undefined);
  }
}
note(net.Socket.prototype, 'connect');
note(net.Server.prototype, 'listen');
note(require('dgram'), 'createSocket');
note(workers, 'Worker');
for (const name of ['chdir', 'umask', 'kill', 'setuid', 'setgid', 'seteuid', 'setegid', 'setgroups', 'abort', '_rawDebug', 'binding', 'execve']) {
  if (typeof process[name] === 'function') note(process, name);
}
for (const name of ['stdin', 'stdout', 'stderr']) {
  const {get, ...rest} = Object.getOwnPropertyDescriptor(process, name);
  let isWatched = false;
  Object.defineProperty(process, name, {...rest, get() {
    const stream = get.call(process);
    if (name === 'stdin') begin(name);
    else if (!isWatched) {
      isWatched = true;
      for (const each of ['write', 'end']) note(stream, each, name);
    }
    return stream;
  }});
}

// A module with machine code, whatever machine it is for: the image's node says what becomes of it.
const {dlopen} = process;
define(process, 'dlopen', function (module, file, ...rest) {
  let head = Buffer.alloc(4);
  try {
    head = raw.readFile(file).subarray(0, 4);
  } catch {} // node's own message tells of a file that is not there
  if (head.equals(Buffer.from('\x7fELF', 'latin1'))) foreign(`${path.basename(String(file))} is loaded`);
  return dlopen.call(this, module, file, ...rest);
});

// corepack has another package manager run in its process, once it is there. What is done by then would be done
// again, and is the same the second time: where that one is not understood, the image's node does it all.
if (MODE === 'manager' && workers.isMainThread) {
  const [, main] = process.argv;
  const {runMain} = moduleApi;
  define(moduleApi, 'runMain', function (file = process.argv[1], ...rest) {
    if (file !== main) {
      const found = understood.managerOf(fs.realpathSync(file)) ?? {why: `${path.basename(file)} is not known`};
      const word = found.why ?? found.ask(process.argv.slice(2), process.env);
      if (word !== undefined) handOver(found.why ?? `${word} is not understood`);
    }
    return runMain.call(this, file, ...rest);
  });
}

moduleApi.syncBuiltinESMExports();
for (const file of [__filename, `${HERE}/understood.cjs`]) delete require.cache[file];
