'use strict';
// Timers as objects, over the platform's, which belong to the request that sets them.
const { internals } = require('internal/selvedge/host');
const { ReflectApply, Symbol, SymbolDispose, SymbolToPrimitive, MathTrunc } = primordials;
const base = internals.selvedge.timers;

const TIMEOUT_MAX = 2 ** 31 - 1;
const kTimeout = Symbol('timeout');
const kRefresh = Symbol('refresh');

class Timeout {
  #id;
  #callback;
  #delay;
  #args;
  #repeats;
  #isRefed = true;
  #over = false;
  #isCleared = false;

  constructor(callback, delay, args, repeats) {
    this.#callback = callback;
    delay = +delay;
    this.#delay = delay >= 1 && delay <= TIMEOUT_MAX ? MathTrunc(delay) : 1;
    this.#args = args;
    this.#repeats = repeats;
    this.#start();
  }

  #start() {
    this.#over = false;
    const fire = () => {
      if (!this.#repeats) this.#over = true;
      ReflectApply(this.#callback, this, this.#args);
    };
    this.#id = this.#repeats ? base.setInterval(fire, this.#delay) : base.setTimeout(fire, this.#delay);
  }

  get _destroyed() {
    return this.#over;
  }

  get _idleTimeout() {
    return this.#over ? -1 : this.#delay;
  }

  refresh() {
    if (this.#isCleared) return this;
    base.clearTimeout(this.#id);
    this.#start();
    return this;
  }

  [kRefresh]() {
    this.refresh();
  }

  ref() {
    this.#isRefed = true;
    return this;
  }

  unref() {
    this.#isRefed = false;
    return this;
  }

  hasRef() {
    return this.#isRefed;
  }

  close() {
    this.#over = true;
    this.#isCleared = true;
    base.clearTimeout(this.#id);
    return this;
  }

  [SymbolToPrimitive]() {
    return this.#id;
  }

  [SymbolDispose]() {
    this.close();
  }
}

class Immediate {
  #id;
  #isRefed = true;

  constructor(callback, args) {
    this.#id = base.setImmediate(() => ReflectApply(callback, this, args));
  }

  ref() {
    this.#isRefed = true;
    return this;
  }

  unref() {
    this.#isRefed = false;
    return this;
  }

  hasRef() {
    return this.#isRefed;
  }

  [SymbolToPrimitive]() {
    return this.#id;
  }

  [SymbolDispose]() {
    base.clearImmediate(this.#id);
  }
}

function setUnrefTimeout(callback, after) {
  return new Timeout(callback, after, [], false).unref();
}

function getTimerDuration(msecs, name) {
  // (Most who want a timer need nothing of what this loads.)
  require('internal/validators').validateNumber(msecs, name);
  if (msecs < 0 || !(msecs < Infinity)) {
    const { ERR_OUT_OF_RANGE } = require('internal/errors').codes;
    throw new ERR_OUT_OF_RANGE(name, 'a non-negative finite number', msecs);
  }
  return msecs > TIMEOUT_MAX ? TIMEOUT_MAX : msecs;
}

module.exports = { getTimerDuration, Immediate, kRefresh, kTimeout, setUnrefTimeout, Timeout, TIMEOUT_MAX };
