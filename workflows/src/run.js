// One run of an instance's code: from its begin, or its begin again, to its end.
// It knows which steps run, and what the others wait for.
(function () {
const { core, primordials } = __bootstrap;
const {
  ArrayPrototypePush,
  DateNow,
  MapPrototypeGet,
  MapPrototypeSet,
  MathMax,
  MathMin,
  Promise,
  SafeMap,
} = primordials;
const { getAsyncContext, setAsyncContext } = core;
const { resume } = core.loadExtScript("ext:selvedge_durable/actor.js");

/** What a timer can wait for, in milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Runs `act` in an object some time later, if it lives then. Gives a function that calls it off. */
function later(actor, ms, act) {
  const before = getAsyncContext();
  setAsyncContext(undefined);
  const wait = MathMin(MathMax(ms, 0), MAX_TIMER_MS);
  const timer = core.createTimer(() => {
    if (actor.broken === null && !actor.io.over) resume(actor.io, act);
  }, wait, undefined, false, false);
  setAsyncContext(before);
  return () => core.cancelTimer(timer);
}

/** Waits for another turn of an object: what it wrote in this one is committed. */
function nextTurn(actor) {
  return new Promise((resolve) => resume(actor.io, resolve));
}

/** A promise that nothing settles: the code that waits for it goes no further. */
function never() {
  return new Promise(() => {});
}

class Run {
  engine;
  actor;
  /** Whether its code is to go no further. */
  over = false;
  /** Steps whose code runs. */
  active = 0;
  /** Steps, as their limit counts them. */
  steps = 0;
  /** What waits: until when, and what happens then; `type`: for such an event. */
  waiters = [];
  /** What undoes steps, by their keys. */
  undoers = new SafeMap();
  /** It runs only for `undoers`: no step begins. */
  isReplay = false;
  /** Such a run has come to a step that was not done, and since when that is looked at. */
  isAtRest = false;
  since = undefined;
  #counts = new SafeMap();
  #isChecked = false;
  #callOff = null;

  constructor(engine, actor) {
    this.engine = engine;
    this.actor = actor;
  }

  /** Which step of this kind and name it is. */
  count(kind, name) {
    const key = `${kind}:${name}`;
    const count = (MapPrototypeGet(this.#counts, key) ?? 0) + 1;
    MapPrototypeSet(this.#counts, key, count);
    return count;
  }

  /** A run that is for `undoers` goes no further here. */
  rest() {
    this.isAtRest = true;
    this.check();
    return never();
  }

  /** A step's code begins. */
  begin() {
    this.active++;
    this.engine.awake();
  }

  /** It has ended. */
  end() {
    this.active--;
    this.check();
  }

  /** Calls `due` at a time, unless `remove` comes before. */
  wait(at, due, type = undefined) {
    const waiter = { __proto__: null, at, due, type };
    ArrayPrototypePush(this.waiters, waiter);
    this.check();
    return waiter;
  }

  remove(waiter) {
    const rest = [];
    for (let i = 0; i < this.waiters.length; i++) {
      if (this.waiters[i] !== waiter) ArrayPrototypePush(rest, this.waiters[i]);
    }
    this.waiters = rest;
  }

  /** Waits until a time. */
  until(at) {
    return new Promise((resolve) => this.wait(at, resolve));
  }

  /** When the first of what waits is due. */
  next() {
    let next = Infinity;
    for (let i = 0; i < this.waiters.length; i++) next = MathMin(next, this.waiters[i].at);
    return next;
  }

  /** Wakes what is due, the earliest first. */
  wakeDue() {
    const now = DateNow();
    for (;;) {
      let first = null;
      for (let i = 0; i < this.waiters.length; i++) {
        const waiter = this.waiters[i];
        if (waiter.at <= now && (first === null || waiter.at < first.at)) first = waiter;
      }
      if (first === null) return;
      this.remove(first);
      this.engine.awake();
      first.due();
      this.check();
    }
  }

  /** The first that waits for such an event. */
  waiterFor(type) {
    for (let i = 0; i < this.waiters.length; i++) {
      if (this.waiters[i].type === type) return this.waiters[i];
    }
    return null;
  }

  /** Has the engine look what there is to do, when the code has come to rest. */
  check() {
    if (this.#isChecked || this.over) return;
    this.#isChecked = true;
    resume(this.actor.io, () => {
      this.#isChecked = false;
      if (!this.over) this.engine.settle();
    });
  }

  /** While steps run, what is due is woken by a timer. */
  arm() {
    this.disarm();
    const next = this.next();
    if (next === Infinity) return;
    this.#callOff = later(this.actor, next - DateNow(), () => {
      this.#callOff = null;
      if (this.over) return;
      this.wakeDue();
      this.check();
    });
  }

  disarm() {
    if (this.#callOff !== null) this.#callOff();
    this.#callOff = null;
  }

  /** Its code goes no further. */
  stop() {
    this.over = true;
    this.waiters = [];
    this.disarm();
  }
}

return { later, never, nextTurn, Run };
})();
