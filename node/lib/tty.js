'use strict';
// `node:tty`: nobody sits at a terminal.
const { unsupportedClass } = require('internal/selvedge/unsupported');
module.exports = {
  isatty: () => false,
  ReadStream: unsupportedClass('tty', 'ReadStream'),
  WriteStream: unsupportedClass('tty', 'WriteStream'),
};
