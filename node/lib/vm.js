'use strict';
// `node:vm`: code from strings does not run in a Worker.
const { stub } = require('internal/selvedge/unsupported');
module.exports = {
  ...stub('vm', ['compileFunction', 'createContext', 'createScript', 'measureMemory', 'runInContext', 'runInNewContext', 'runInThisContext'], ['Module', 'Script', 'SourceTextModule', 'SyntheticModule']),
  isContext: () => false,
  constants: { __proto__: null, USE_MAIN_CONTEXT_DEFAULT_LOADER: Symbol('vm_dynamic_import_main_context_default'), DONT_CONTEXTIFY: Symbol('vm_context_no_contextify') },
};
