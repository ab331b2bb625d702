'use strict';
// `node:console`: the platform's console, and one over streams.
const global = require('internal/console/global');
const { format, inspect } = require('internal/util/inspect');
const { ERR_CONSOLE_WRITABLE_STREAM } = require('internal/errors').codes;
const { ObjectAssign, ObjectKeys } = primordials;

/** Writes to streams of its owner's. */
class Console {
  #counts = { __proto__: null };
  #groups = '';

  constructor(options, stderr = undefined) {
    const given = typeof options?.write === 'function' ? { stdout: options, stderr } : options ?? {};
    const out = given.stdout;
    const err = given.stderr ?? out;
    if (typeof out?.write !== 'function') throw new ERR_CONSOLE_WRITABLE_STREAM('stdout');
    if (typeof err?.write !== 'function') throw new ERR_CONSOLE_WRITABLE_STREAM('stderr');
    const to = (stream) => (...args) => {
      const text = format(...args);
      stream.write(`${this.#groups === '' ? text : this.#groups + text.split('\n').join(`\n${this.#groups}`)}\n`);
    };
    this.log = this.info = this.debug = this.dirxml = to(out);
    this.warn = this.error = this.trace = to(err);
    this.dir = (value, shown) => this.log(inspect(value, { customInspect: false, ...shown }));
    this.assert = (condition, ...args) => {
      if (condition) return;
      if (typeof args[0] === 'string') args[0] = `Assertion failed: ${args[0]}`;
      else args.unshift('Assertion failed');
      this.warn(...args);
    };
    this.group = (...label) => {
      if (label.length > 0) this.log(...label);
      this.#groups += '  ';
    };
    this.groupCollapsed = this.group;
    this.groupEnd = () => {
      this.#groups = this.#groups.slice(2);
    };
    this.count = (label = 'default') => {
      this.#counts[label] = (this.#counts[label] ?? 0) + 1;
      this.log(`${label}: ${this.#counts[label]}`);
    };
    this.countReset = (label = 'default') => {
      this.#counts[label] = 0;
    };
    const times = { __proto__: null };
    const since = (label) => `${label}: ${(globalThis.performance.now() - times[label]).toFixed(3)}ms`;
    this.time = (label = 'default') => {
      times[label] = globalThis.performance.now();
    };
    this.timeLog = (label = 'default', ...args) => this.log(since(label), ...args);
    this.timeEnd = (label = 'default') => {
      this.log(since(label));
      delete times[label];
    };
    this.table = (value) => this.log(inspect(value));
  }
}

const members = {};
for (const key of ObjectKeys(global)) members[key] = global[key];
module.exports = ObjectAssign(members, {
  Console,
  clear() {},
  context: (_name) => global,
  createTask: (_name) => ({ run: (callback) => callback() }),
  profile() {},
  profileEnd() {},
  timeStamp() {},
});
