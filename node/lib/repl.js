'use strict';
// `node:repl`: code from strings does not run in a Worker.
const { stub } = require('internal/selvedge/unsupported');
const names = require('internal/selvedge/names');
const { Symbol } = primordials;
module.exports = {
  ...stub('repl', ['start', 'writer'], ['REPLServer', 'Recoverable']),
  REPL_MODE_SLOPPY: Symbol('repl-sloppy'),
  REPL_MODE_STRICT: Symbol('repl-strict'),
  _builtinLibs: names,
  builtinModules: names,
};
