'use strict';
// `node:os`: nothing of the host, so that most of it is empty.
const { os: constants } = internalBinding('constants');
const { ERR_INVALID_ARG_TYPE } = require('internal/errors').codes;
const { validateInt32 } = require('internal/validators');

module.exports = {
  EOL: '\n',
  arch: () => 'x64',
  availableParallelism: () => 1,
  constants,
  cpus: () => [],
  devNull: '/dev/null',
  endianness: () => 'LE',
  freemem: () => 0,
  getPriority(pid = 0) {
    validateInt32(pid, 'pid');
    return 0;
  },
  homedir: () => '/tmp/',
  hostname: () => 'localhost',
  loadavg: () => [0, 0, 0],
  machine: () => 'x86_64',
  networkInterfaces: () => ({}),
  platform: () => 'linux',
  release: () => '',
  setPriority(pid, priority = undefined) {
    if (typeof pid !== 'number') throw new ERR_INVALID_ARG_TYPE('pid', 'number', pid);
    if (priority === undefined) priority = pid;
    validateInt32(priority, 'priority', -20, 19);
  },
  tmpdir: () => '/tmp/',
  totalmem: () => 0,
  type: () => 'Linux',
  uptime: () => 0,
  userInfo: () => ({ uid: -1, gid: -1, username: '', homedir: '/tmp/', shell: null }),
  version: () => '',
};
