'use strict';
// There are no pipes.
const { unsupportedClass } = require('internal/selvedge/unsupported');
module.exports = {
  constants: { SOCKET: 0, SERVER: 1, IPC: 2, UV_READABLE: 1, UV_WRITABLE: 2 },
  Pipe: unsupportedClass('net', 'Pipe'),
  PipeConnectWrap: class PipeConnectWrap {},
};
