'use strict';
// Nothing of Node's own crosses between isolates.
const { core } = require('internal/selvedge/host');
const { Symbol } = primordials;

module.exports = {
  kClone: Symbol('kClone'),
  kDeserialize: Symbol('kDeserialize'),
  kTransfer: Symbol('kTransfer'),
  kTransferList: Symbol('kTransferList'),
  markTransferMode() {},
  setup() {},
  structuredClone: core.loadExtScript('ext:deno_web/13_message_port.js').structuredClone,
};
