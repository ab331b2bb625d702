'use strict';
// Between KeyObjects and the platform's CryptoKeys there is no way yet.
const { notImplemented } = require('internal/selvedge/unsupported');
const { Proxy } = primordials;
module.exports = {
  converters: new Proxy({}, {
    __proto__: null,
    get() {
      throw notImplemented('KeyObject.toCryptoKey');
    },
  }),
};
