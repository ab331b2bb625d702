// What all scripts of the platform stand on: deno_core and the built-ins of the
// language, with what a Worker's changes to prototypes would reach replaced. The
// scripts of others and Rust get these, too.
import { core as denoCore, internals } from "ext:core/mod.js";
import { bare, primordials } from "ext:selvedge/core/lists.js";
import { drain, setTickInfo } from "ext:selvedge/core/ticks.js";
import { classOf, decorateObjects, expose, exposeExports, Given, lockPrototypes, untag } from "ext:selvedge/core/interfaces.js";
import * as timers from "ext:selvedge/core/timers.js";

const {
  ErrorCaptureStackTrace,
  ObjectAssign,
  ObjectDefineProperty,
  ObjectFreeze,
  SymbolFor,
  TypeError,
  Uint8Array,
} = primordials;
const { op_utf8_length, op_utf8_write } = denoCore.ops;

/** What an op throws: an error of a class that is registered, with properties of its own. */
function buildCustomError(name, message, properties) {
  const error = denoCore.buildCustomError(name, message);
  if (typeof error !== "object") return error;
  ErrorCaptureStackTrace(error, buildCustomError);
  if (properties) {
    const keys = [];
    for (let i = 0; i < properties.length; i++) {
      const key = properties[i][0];
      if (key in error) continue;
      primordials.ArrayPrototypePush(keys, key);
      const value = properties[i][1];
      ObjectDefineProperty(error, key, { __proto__: null, ...open, value });
    }
    ObjectDefineProperty(error, SymbolFor("errorAdditionalPropertyKeys"), { __proto__: null, value: keys });
  }
  return error;
}

/** A shorter text is encoded faster by one op of deno_core's. */
const LONG = 2048;

/** A text as UTF-8. */
function encode(text) {
  if (typeof text !== "string" || text.length < LONG) return denoCore.encode(text);
  const length = op_utf8_length(text);
  if (length < 0) return denoCore.encode(text);
  const bytes = new Uint8Array(length);
  op_utf8_write(text, bytes);
  return bytes;
}

/** What is thrown where a member is called on something else than an object of its class. */
function illegalInvocation() {
  return new TypeError(denoCore.loadExtScript("ext:selvedge/wording.js").ILLEGAL_INVOCATION);
}

/** Scripts that were loaded, by name. */
const scripts = { __proto__: null };

/** As deno_core has it. Classes of other people's scripts are shown as Cloudflare's. */
function loadExtScript(specifier) {
  const known = scripts[specifier];
  if (known !== undefined) return known;
  const exports = denoCore.loadExtScript(specifier);
  if (exposeExports(specifier, exports)) {
    denoCore.loadExtScript("ext:selvedge/receivers.js").checkExports(exports);
  }
  scripts[specifier] = exports;
  const changes = waiting[specifier];
  if (changes !== undefined) {
    for (let i = 0; i < changes.length; i++) changes[i](exports);
  }
  return exports;
}

/** What changes scripts when they load, by name. */
const waiting = { __proto__: null };

/** Calls a function with a script's exports as soon as it is loaded, before anyone else sees them. */
function whenLoaded(specifier, change) {
  const known = scripts[specifier];
  if (known !== undefined) {
    change(known);
    return;
  }
  const changes = waiting[specifier] ??= bare();
  changes[changes.length] = change;
}

const open = { __proto__: null, writable: true, enumerable: true, configurable: true };

const transferable = { __proto__: null };
const own = {
  __proto__: null,
  buildCustomError,
  classOf,
  cancelTimer: timers.cancelTimer,
  createSystemTimer: timers.createSystemTimer,
  createTimer: timers.createTimer,
  decorateObjects,
  encode,
  expose,
  Given,
  getTransferableResource: (name) => transferable[name],
  illegalInvocation,
  loadExtScript,
  lockPrototypes,
  refTimer: timers.refTimer,
  registerTransferableResource: (name, send, receive) => {
    transferable[name] = { __proto__: null, send, receive };
  },
  runNextTicks: drain,
  unrefTimer: timers.unrefTimer,
  untag,
  whenLoaded,
  // Rust looks for these when an isolate starts.
  __drainNextTickAndMacrotasks: drain,
  __processTimers: timers.processTimers,
  __setTickInfo: setTickInfo,
  __setTimerInfo: timers.setTimerInfo,
};

const ops = ObjectAssign({ __proto__: null }, denoCore.ops);
const core = ObjectFreeze(ObjectAssign({ __proto__: null }, denoCore, own));
// As deno_core does it, with a list of ops of their own for scripts that load later.
denoCore.ops.op_set_captured_bootstrap({
  __proto__: null,
  core: ObjectAssign({ __proto__: null }, core, { __proto__: null, ops }),
  internals,
  primordials,
});
globalThis.Deno = { __proto__: null, core };

export { bare, core, internals, primordials };
