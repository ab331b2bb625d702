'use strict';
// `node:wasi`: a Worker has no system to give to WebAssembly.
const { stub } = require('internal/selvedge/unsupported');
module.exports = stub('wasi', [], ['WASI']);
