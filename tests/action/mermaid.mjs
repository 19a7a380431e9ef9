// Parses the charts of a summary with Mermaid itself, and one that is none as a control: node mermaid.mjs PACKAGES FILE
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import path from 'node:path';

const [packages, file] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(createRequire(path.join(packages, 'x.js')).resolve(name)));
const { JSDOM } = await load('jsdom');
globalThis.window = new JSDOM('<!doctype html><body></body>').window;
globalThis.document = globalThis.window.document;
const { default: mermaid } = await import(pathToFileURL(path.join(packages, 'node_modules/mermaid/dist/mermaid.core.mjs')));
const text = fs.readFileSync(file, 'utf8');
for (const [, chart] of text.matchAll(/```mermaid\n([\s\S]*?)```/g)) {
  console.log((await mermaid.parse(chart)).diagramType);
}
try {
  await mermaid.parse('gantt\n  dateFormat');
  console.log('nonsense accepted');
} catch {
  console.log('nonsense refused');
}
