// Node's library: its modules load when somebody asks for them, and get what Node
// gives them (`require`, `internalBinding`, `primordials`, `process`).
(function () {
const { core, internals, primordials: builtIns } = __bootstrap;
const {
  ArrayPrototypePushApply,
  ArrayPrototypeSlice,
  ObjectDefineProperty,
  ObjectFreeze,
  ObjectGetPrototypeOf,
  ObjectKeys,
  Promise,
  PromisePrototypeThen,
  PromiseResolve,
  RegExpPrototypeExec,
  StringPrototypeSlice,
  StringPrototypeStartsWith,
} = builtIns;

// ----- The built-ins that Node's library uses beside those of the platform. -----
const original = ObjectGetPrototypeOf(builtIns);
const settleAll = (promises, map, onFulfilled, onRejected, resolve) => {
  const { length } = promises;
  let left = length;
  if (length === 0) resolve();
  const done = (index, value) => {
    onFulfilled?.(value, index);
    if (--left === 0) resolve();
  };
  for (let i = 0; i < length; i++) {
    const promise = map !== undefined && map !== null ? map(promises[i], i) : promises[i];
    PromisePrototypeThen(
      PromiseResolve(promise),
      (value) => done(i, value),
      onRejected ?? (() => done(i)),
    );
  }
};
const primordials = ObjectFreeze({
  __proto__: builtIns,
  // Node's library passes what the platform's versions do not take.
  ArrayPrototypeConcat: original.ArrayPrototypeConcat,
  ArrayPrototypeFill: original.ArrayPrototypeFill,
  ArrayPrototypeFilter: original.ArrayPrototypeFilter,
  ArrayPrototypeMap: original.ArrayPrototypeMap,
  AsyncIteratorPrototype: ObjectGetPrototypeOf(
    ObjectGetPrototypeOf(async function* () {}).prototype,
  ),
  IteratorPrototype: ObjectGetPrototypeOf(original.ArrayIteratorPrototype),
  SafePromiseAllReturnArrayLike: (promises, map) =>
    new Promise((resolve, reject) => {
      const values = [];
      values.length = promises.length;
      settleAll(promises, map, (value, i) => values[i] = value, reject, () => resolve(values));
    }),
  SafePromiseAllReturnVoid: (promises, map) =>
    new Promise((resolve, reject) => settleAll(promises, map, undefined, reject, () => resolve())),
  SafePromiseAllSettledReturnVoid: (promises, map) =>
    new Promise((resolve) => settleAll(promises, map, undefined, undefined, () => resolve())),
  SafeArrayPrototypePushApply: (list, items) => {
    for (let i = 0; i < items.length; i += 0x10000) {
      ArrayPrototypePushApply(list, ArrayPrototypeSlice(items, i, i + 0x10000));
    }
    return list.length;
  },
  SafeStringPrototypeSearch: (text, pattern) => {
    pattern.lastIndex = 0;
    const match = RegExpPrototypeExec(pattern, text);
    return match === null ? -1 : match.index;
  },
  StringFromCharCodeApply: (codes) => builtIns.ReflectApply(builtIns.StringFromCharCode, undefined, codes),
  escape: globalThis.escape,
  hardenRegExp: (pattern) => pattern,
  unescape: globalThis.unescape,
});

// ----- Modules and bindings. -----
const modules = { __proto__: null };
const bindings = { __proto__: null };
/** What `process` is, for all; its module makes it whole. */
const process = {};

function run(script, module, load) {
  const define = core.loadExtScript(script);
  define(module.exports, load, module, process, internalBinding, primordials);
  return module.exports;
}

function internalBinding(name) {
  const known = bindings[name];
  if (known !== undefined) return known.exports;
  const module = bindings[name] = { __proto__: null, exports: {} };
  return run(`ext:selvedge_node/binding/${name}.js`, module, requireBuiltin);
}

function requireBuiltin(name) {
  const id = StringPrototypeStartsWith(name, "node:") ? StringPrototypeSlice(name, 5) : name;
  const known = modules[id];
  if (known !== undefined) return known.exports;
  const module = modules[id] = { __proto__: null, exports: {}, id };
  try {
    run(`ext:selvedge_node/${id}.js`, module, requireBuiltin);
    // Nobody sets NODE_DEBUG.
    if (id === "internal/util/debuglog") module.exports.initializeDebugEnv("");
    return module.exports;
  } catch (error) {
    delete modules[id];
    throw error;
  }
}

/** What modules of ours need that Node's have no place for. */
const host = {
  __proto__: null,
  // (Those who ask whether a script is loaded learn of it.)
  core: ObjectFreeze({ __proto__: core, loadExtScript: internals.load }),
  internals,
  // Compatibility flags, as `js/shared.js` tells of them.
  isOff: internals.isOff,
  isOn: internals.isOn,
  ops: core.ops,
};
modules["internal/selvedge/host"] = { __proto__: null, exports: host };

/** The module of this name as an ES module has it: its members and a default. */
function namespace(name) {
  const exports = requireBuiltin(name);
  const members = { __proto__: null };
  if (exports !== null && (typeof exports === "object" || typeof exports === "function")) {
    const keys = ObjectKeys(exports);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      if (key !== "default") members[key] = exports[key];
    }
  }
  members.default = exports;
  return members;
}

// `process` is there for Node's files before anybody asks for its module.
requireBuiltin("internal/selvedge/process_base")(process);

void ObjectDefineProperty;

return { namespace, primordials, process, require: requireBuiltin };
})();
