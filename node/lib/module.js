'use strict';
// `node:module`: what there is to import, and `require` for ES modules.
const { internals } = require('internal/selvedge/host');
const { stub, unsupported } = require('internal/selvedge/unsupported');
const { isURL, fileURLToPath } = require('internal/url');
const { ERR_INVALID_ARG_VALUE } = require('internal/errors').codes;
const { StringPrototypeReplace, StringPrototypeSlice, StringPrototypeStartsWith, ObjectAssign } = primordials;
const names = require('internal/selvedge/names');

/** Modules that are there with the prefix `node:` only. */
const PREFIXED = { __proto__: null, sqlite: true, test: true };
const bare = names.filter((name) => PREFIXED[name] === undefined);

function createRequire(filename) {
  const isFile = isURL(filename) || typeof filename === 'string' && StringPrototypeStartsWith(filename, 'file:');
  if (!isFile && !(typeof filename === 'string' && StringPrototypeStartsWith(filename, '/'))) {
    throw new ERR_INVALID_ARG_VALUE('filename', filename, 'must be a file URL object, file URL string, or absolute path string');
  }
  const path = isFile ? fileURLToPath(filename) : filename;
  const from = StringPrototypeReplace(path, /^\/(bundle\/)?/, '');
  const made = (specifier) => internals.requireFrom(from, `${specifier}`);
  return ObjectAssign(made, { cache: {}, extensions: {}, main: undefined, resolve: unsupported('module', 'require.resolve') });
}

function Module(id = '') {
  this.id = id;
  this.exports = {};
  this.loaded = false;
  this.children = [];
}

module.exports = ObjectAssign(
  Module,
  stub('module', [
    '_findPath', '_initPaths', '_load', '_nodeModulePaths', '_preloadModules', '_resolveFilename', '_resolveLookupPaths', 'enableCompileCache',
    'findPackageJSON', 'flushCompileCache', 'register', 'registerHooks', 'runMain', 'stripTypeScriptTypes',
  ], ['SourceMap']),
  {
    Module,
    _cache: {},
    _debug() {},
    _extensions: {},
    _pathCache: {},
    builtinModules: bare,
    constants: {},
    createRequire,
    findSourceMap: () => undefined,
    getCompileCacheDir: () => undefined,
    getSourceMapsSupport: () => ({ __proto__: null, enabled: false, nodeModules: false, generatedCode: false }),
    globalPaths: [],
    isBuiltin: (name) => StringPrototypeStartsWith(name, 'node:') ? names.includes(StringPrototypeSlice(name, 5)) : bare.includes(name),
    setSourceMapsSupport() {},
    syncBuiltinESMExports() {},
    wrap: (script) => `(function (exports, require, module, __filename, __dirname) { ${script}\n});`,
  },
);
