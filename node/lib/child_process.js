'use strict';
// `node:child_process`: there are no processes to start.
const { stub } = require('internal/selvedge/unsupported');
module.exports = stub(
  'child_process',
  ['_forkChild', 'exec', 'execFile', 'execFileSync', 'execSync', 'fork', 'spawn', 'spawnSync'],
  ['ChildProcess'],
);
