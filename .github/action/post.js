// After the job, also after a cancel: takes away what main.js has left.
'use strict';
const { spawnSync } = require('node:child_process');
const path = require('node:path');

const { STATE_python: python, STATE_builder: builder } = process.env;
if (python && builder) {
  const words = ['-I', path.join(__dirname, 'start.py'), 'post'];
  const done = spawnSync(python, words, { stdio: ['ignore', 1, 1] });
  process.exitCode = done.status ?? 1;
}
