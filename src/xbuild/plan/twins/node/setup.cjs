'use strict';
// In the helper's stage, by the image's node for the build machine: OUT TARGET-ROOT NODE THEIR-NODE LOADER NEW-LOADER
// THEIR-LOADER TRIPLET THEIR-TRIPLET. Compares it with the target's, makes the copy that starts in the foreign root,
// and notes what the twin asks and shows. Ends with 3 and a reason where they are not the same program.
const crypto = require('crypto');
const fs = require('fs');

function refuse(why) {
  process.stdout.write(`${why}\n`);
  process.exit(3);
}

// What the builds for two processors have different; all else of their description has to be equal. For musl they have
// different makers, too: the folder to be installed in, which stands nowhere but in the description, and the place of
// releases, from which node makes two addresses that are shown as the target's.
const PLACE = 'node_release_urlbase';
const MACHINE = new Set(['host_arch', 'target_arch', 'arm_fpu', 'gas_version', 'v8_enable_gdbjit',
  'v8_enable_short_builtin_calls', 'v8_enable_wasm_simd256_revec', 'node_prefix', PLACE]);

// The description that a build has of itself (process.config), as it stands in its program.
function configOf(data) {
  const at = data.indexOf('"target_defaults": {');
  const start = data.indexOf('{', data.lastIndexOf('\0', at));
  let end = data.indexOf('\0', at);
  if (at < 0 || start > at || end < 0) refuse('a node does not describe itself');
  const text = data.toString('latin1', start, end);
  let depth = 0;
  for (const {0: piece, index} of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}]/g)) {
    depth += {'{': 1, '}': -1}[piece] ?? 0;
    end = index + 1;
    if (depth === 0) break;
  }
  const words = {true: true, false: false};
  return JSON.parse(text.slice(0, end), (_, value) => words[value] ?? value);
}

// Names of variables, and others like them, as they stand in a program.
function variablesIn(data) {
  const found = [];
  for (let at = data.indexOf('NODE_'); at >= 0; at = data.indexOf('NODE_', at + 5)) {
    found.push(/^[A-Z0-9_]*/.exec(data.toString('latin1', at, at + 80))[0]);
  }
  return found;
}

// Where the OpenSSL in a node reads its configuration.
const settingsOf = (data) => {
  const at = data.indexOf('OPENSSLDIR: "');
  return at < 0 ? undefined : `${data.toString('latin1', at, at + 300).split('"')[1]}/openssl.cnf`;
};

// What process.release says there, where it is not the same.
function releaseOf(data, own, config) {
  const [from, to] = [own, config].map(({variables}) => variables[PLACE] || 'https://nodejs.org/download/release/');
  if (from === to) return {};
  const addresses = Object.entries(process.release).filter(([, value]) => value.includes('://'));
  if (!addresses.length || addresses.some(([, value]) => !value.startsWith(from))) refuse('node does not say where it was released');
  const found = Object.fromEntries(addresses.map(([name, value]) => [name, to + value.slice(from.length)]));
  if (!data.includes(`${found.headersUrl}\0`)) refuse('the target\'s node was not released where it says');
  return found;
}

function main([out, root, node, theirNode, loader, newLoader, theirLoader, triplet, theirTriplet]) {
  const ours = fs.readFileSync(node);
  const theirs = fs.readFileSync(theirNode);
  const header = (data) => data.toString('latin1', 0, 6);
  if (header(ours) !== header(theirs) || ours.readUInt16LE(18) === theirs.readUInt16LE(18)) {
    refuse('no node for another machine of the same kind');
  }
  const config = configOf(theirs);
  const own = configOf(ours);
  if (JSON.stringify(own) !== JSON.stringify(process.config) || own.variables.target_arch !== process.arch) {
    refuse('node shows another description than it has');
  }
  if (JSON.stringify(own.target_defaults) !== JSON.stringify(config.target_defaults)) refuse('another build of node');
  for (const name of Object.keys({...own.variables, ...config.variables})) {
    const same = JSON.stringify(own.variables[name]) === JSON.stringify(config.variables[name]);
    if (!same && !MACHINE.has(name)) refuse(`another build of node: ${name}`);
  }
  for (const [name, version] of Object.entries(process.versions)) {
    const text = Buffer.from(`\0${version}\0`, 'latin1');
    if (!theirs.includes(ours.includes(text) ? text : version)) refuse(`another version of ${name} on the target platform`);
  }
  const openssl = settingsOf(ours);
  if (openssl === undefined || settingsOf(theirs) !== openssl) refuse('node does not say where OpenSSL has its settings');
  const sums = {};
  const others = ['/etc/nsswitch.conf', '/etc/os-release'].map((file) => [file, root + file]);
  for (const [file, there] of [[node, theirNode], ...others]) {
    sums[file] = fs.existsSync(there) ? crypto.createHash('sha256').update(fs.readFileSync(there)).digest('hex') : '';
  }
  // The same length: nothing moves in the file.
  if (loader.length !== newLoader.length || !ours.includes(loader)) refuse(`node is no program of ${loader}`);
  for (let at = ours.indexOf(loader); at >= 0; at = ours.indexOf(loader, at)) ours.write(newLoader, at, 'latin1');
  fs.writeFileSync(`${out}/node`, ours, {mode: 0o755});
  const names = [ours, theirs].flatMap(variablesIn);
  const objects = process.report.getReport().sharedObjects.map((file) =>
    (file === loader ? theirLoader : file.replace(`/${triplet}/`, `/${theirTriplet}/`)));
  const recorded = {
    node, sums, openssl, arch: config.variables.target_arch, config, release: releaseOf(theirs, own, config), objects,
    reads: [...new Set(names)].sort(),
  };
  fs.writeFileSync(`${out}/recorded.json`, JSON.stringify(recorded));
}

try {
  main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error}\n`); // a full disk, say: the helper is made without this twin, and tried again
  process.exit(1);
}
