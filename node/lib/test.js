'use strict';
// `node:test`: tests are run from outside.
const { stub } = require('internal/selvedge/unsupported');
module.exports = {
  ...stub('test', ['after', 'afterEach', 'before', 'beforeEach', 'describe', 'it', 'run', 'suite', 'test'], ['MockFunctionContext', 'MockTracker']),
  mock: stub('test.mock', ['fn', 'getter', 'method', 'module', 'reset', 'restoreAll', 'setter']),
};
