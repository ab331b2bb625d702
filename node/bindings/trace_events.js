'use strict';
// Nobody traces a Worker that way.
const { Uint8Array } = primordials;
module.exports = {
  getCategoryEnabledBuffer: () => new Uint8Array(1),
  isTraceCategoryEnabled: () => false,
  setLog() {},
  setTraceCategoryStateUpdateHandler() {},
  trace() {},
  available: false,
};
