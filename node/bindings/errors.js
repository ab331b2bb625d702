'use strict';
const { internals } = require('internal/selvedge/host');
module.exports = {
  exitCodes: { __proto__: null, kNoFailure: 0, kGenericUserError: 1 },
  noSideEffectsToString: (value) => primordials.String(value),
  triggerUncaughtException: (error) => internals.reportException(error),
  setPrepareStackTraceCallback() {},
};
