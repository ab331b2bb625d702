'use strict';
// What `util.inspect` and others ask of V8.
const { core, ops } = require('internal/selvedge/host');
const {
  ArrayPrototypePush, ObjectDefineProperty, ObjectGetOwnPropertyDescriptor, ObjectGetPrototypeOf,
  ObjectPrototypeHasOwnProperty, ReflectOwnKeys, RegExpPrototypeExec, String, Symbol, WeakRef, Error,
} = primordials;

const ALL_PROPERTIES = 0;
const ONLY_ENUMERABLE = 2;
const SKIP_SYMBOLS = 16;
const INDEX = /^(0|[1-9][0-9]{0,9})$/;

/** Own keys that are no elements. */
function getOwnNonIndexProperties(object, filter) {
  const keys = ReflectOwnKeys(object);
  const found = [];
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    if (typeof key === 'symbol') {
      if ((filter & SKIP_SYMBOLS) !== 0) continue;
    } else if (RegExpPrototypeExec(INDEX, key) !== null && +key < 4294967295) {
      continue;
    }
    if ((filter & ONLY_ENUMERABLE) !== 0 && !ObjectGetOwnPropertyDescriptor(object, key)?.enumerable) continue;
    ArrayPrototypePush(found, key);
  }
  return found;
}

const kPending = 0;
const kRejected = 2;

function getConstructorName(object) {
  while (object !== null) {
    const descriptor = ObjectGetOwnPropertyDescriptor(object, 'constructor');
    if (typeof descriptor?.value === 'function' && descriptor.value.name !== '') return String(descriptor.value.name);
    object = ObjectGetPrototypeOf(object);
  }
  return '';
}

function previewEntries(object, isIterator) {
  const [entries, isKeyValue] = ops.op_preview_entries(object, true);
  return isIterator ? [entries, isKeyValue] : entries;
}

/** Where a function was called from: the frames of a stack, without those above it. */
function getCallSites(count) {
  const { prepareStackTrace, stackTraceLimit } = Error;
  let sites = [];
  Error.stackTraceLimit = count + 1;
  Error.prepareStackTrace = (_, frames) => {
    sites = frames;
    return '';
  };
  const holder = {};
  Error.captureStackTrace(holder, getCallSites);
  void holder.stack;
  Error.prepareStackTrace = prepareStackTrace;
  Error.stackTraceLimit = stackTraceLimit;
  const list = [];
  for (let i = 0; i < sites.length && i < count; i++) {
    const site = sites[i];
    ArrayPrototypePush(list, {
      functionName: site.getFunctionName() ?? '',
      scriptId: '0',
      scriptName: site.getFileName() ?? '',
      lineNumber: site.getLineNumber() ?? 0,
      columnNumber: site.getColumnNumber() ?? 0,
      column: site.getColumnNumber() ?? 0,
    });
  }
  return list;
}

/** Properties that load when they are first read. */
function defineLazyProperties(target, id, keys, enumerable = true) {
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    const set = (value) =>
      ObjectDefineProperty(target, key, { __proto__: null, value, writable: true, enumerable, configurable: true });
    ObjectDefineProperty(target, key, {
      __proto__: null,
      get() {
        const value = require(id)[key];
        set(value);
        return value;
      },
      set,
      enumerable,
      configurable: true,
    });
  }
}

/** `.env` files: names and values. */
function parseEnv(content) {
  const values = {};
  const line =
    /^\s*(?:export\s+)?([\w.-]+)(?:\s*=\s*?|:\s+?)(\s*'(?:\\'|[^'])*'|\s*"(?:\\"|[^"])*"|\s*`(?:\\`|[^`])*`|[^#\r\n]+)?\s*(?:#.*)?$/mg;
  const text = content.replace(/\r\n?/mg, '\n');
  let match;
  while ((match = RegExpPrototypeExec(line, text)) !== null) {
    let value = (match[2] ?? '').trim();
    const quote = value[0];
    value = value.replace(/^(['"`])([\s\S]*)\1$/mg, '$2');
    if (quote === '"') value = value.replace(/\\n/g, '\n').replace(/\\r/g, '\r');
    values[match[1]] = value;
  }
  return values;
}

class WeakReference {
  #strong = null;
  #weak;
  #count = 0;
  constructor(object) {
    this.#weak = new WeakRef(object);
  }
  get() {
    return this.#weak.deref();
  }
  incRef() {
    if (++this.#count === 1) this.#strong = this.#weak.deref();
    return this.#count;
  }
  decRef() {
    if (--this.#count === 0) this.#strong = null;
    return this.#count;
  }
}

const names = [
  'arrow_message_private_symbol', 'contextify_context_private_symbol', 'decorated_private_symbol', 'transfer_mode_private_symbol',
  'host_defined_option_symbol', 'entry_point_module_private_symbol', 'module_source_private_symbol', 'napi_type_tag',
  'napi_wrap', 'untransferable_object_private_symbol', 'exit_info_private_symbol', 'promise_trace_id',
];
/** Keys that nobody else has: V8's private symbols are not at hand. */
const privateSymbols = { __proto__: null };
for (let i = 0; i < names.length; i++) privateSymbols[names[i]] = Symbol(names[i]);

module.exports = {
  constants: {
    ALL_PROPERTIES, ONLY_WRITABLE: 1, ONLY_ENUMERABLE, ONLY_CONFIGURABLE: 4, SKIP_STRINGS: 8, SKIP_SYMBOLS,
    kPending, kFulfilled: 1, kRejected, kExiting: 0, kExitCode: 1, kHasExitCode: 2,
    kDisallowCloneAndTransfer: 0, kTransferable: 1, kCloneable: 2,
  },
  arrayBufferViewHasBuffer: () => true,
  defineLazyProperties,
  getCallerLocation: () => undefined,
  getCallSites,
  getConstructorName,
  getExternalValue: () => 0n,
  getOwnNonIndexProperties,
  getPromiseDetails(promise) {
    const [state, result] = core.getPromiseDetails(promise);
    return state === kPending ? [kPending, undefined] : [state, result];
  },
  getProxyDetails(value, both = true) {
    if (!core.isProxy(value)) return undefined;
    const details = core.getProxyDetails(value);
    return both ? details : details[0];
  },
  getSystemErrorName: (number) => internalBinding('uv').errname(number),
  getSystemErrorMessage: (number) => internalBinding('uv').getErrorMessage(number),
  guessHandleType: () => 'UNKNOWN',
  isConstructor(value) {
    return typeof value === 'function' && ObjectPrototypeHasOwnProperty(value, 'prototype');
  },
  isInsideNodeModules: () => false,
  parseEnv,
  previewEntries,
  privateSymbols,
  shouldAbortOnUncaughtToggle: [0],
  sleep() {},
  toUSVString: (text) => primordials.StringPrototypeToWellFormed(`${text}`),
  WeakReference,
};
