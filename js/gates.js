// Input gates: what keeps the events of a Durable Object apart
// (https://developers.cloudflare.com/durable-objects/reference/in-memory-state/).
//
// An object has one gate, and all that ever wakes its code passes it: calls,
// messages, timers, and the completion of what it waited for. One event enters
// at a time, and the next one when the microtasks of the last are done. While
// a critical section holds the gate, only what began inside of it enters.
//
// Async ops pass without anybody's help: where one ends, the frame that
// started it is looked up here, at the one place where deno_core resolves
// their promises.
import { core, primordials } from "ext:selvedge/core.js";

const { getAsyncContext, setAsyncContext } = core;
const {
  ArrayBufferIsView,
  ArrayBufferPrototypeSlice,
  ArrayPrototypePush,
  ArrayPrototypeShift,
  MapPrototypeDelete,
  MapPrototypeGet,
  MapPrototypeGetSize,
  MapPrototypeSet,
  ObjectDefineProperty,
  PromisePrototypeThen,
  ReflectApply,
  SafeMap,
  StringPrototypeStartsWith,
  TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeGetByteOffset,
  TypedArrayPrototypeGetSymbolToStringTag,
  Uint8Array,
} = primordials;

/** Numbers the turns of JavaScript: each call from the host begins one. */
let turn = 0;

function beginTurn() {
  turn = (turn + 1) & 0x3fffffff;
}

/** A stretch of an object's life in which nothing else enters. */
class Section {
  parent;
  over = false;

  constructor(parent) {
    this.parent = parent;
  }
}

/** Whether a section is this one or began inside of it. */
function isWithin(section, outer) {
  for (; section !== null && section !== undefined; section = section.parent) {
    if (section === outer) return true;
  }
  return false;
}

class Gate {
  /** The section that holds the gate. */
  section = null;
  /** The turn in which something entered last. */
  #entered = -1;
  /** What waits: the section that it belongs to, and what it does. */
  #queue = [];
  #scheduled = false;

  /** How much waits. */
  get waiting() {
    return this.#queue.length;
  }

  /** Runs `enter` now if it may enter, or else when it may. */
  admit(section, enter) {
    if (this.#entered !== turn && this.#admits(section) && (this.section !== null || this.#queue.length === 0)) {
      this.#entered = turn;
      enter();
      return;
    }
    ArrayPrototypePush(this.#queue, [section, enter]);
    this.#schedule();
  }

  /** Something entered in this turn: the next event comes in another. */
  occupy() {
    this.#entered = turn;
  }

  #admits(section) {
    return this.section === null || isWithin(section, this.section);
  }

  /** Takes the gate for a section inside of `parent`, now or later. */
  lock(parent, locked) {
    const section = new Section(parent ?? null);
    if (this.section === section.parent) {
      this.section = section;
      locked(section);
      return;
    }
    ArrayPrototypePush(this.#queue, [section.parent, () => {
      this.section = section;
      locked(section);
    }]);
    this.#schedule();
  }

  /** The section is over. */
  unlock(section) {
    section.over = true;
    while (this.section !== null && this.section.over) this.section = this.section.parent;
    if (this.#queue.length > 0) this.#schedule();
  }

  /** The object is gone: nothing enters any more. */
  close() {
    this.#queue = [];
  }

  #schedule() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    ArrayPrototypePush(due, this);
    wake();
  }

  /** Lets one in. */
  static drain(gate) {
    gate.#scheduled = false;
    const queue = gate.#queue;
    let at = 0;
    while (at < queue.length && !gate.#admits(queue[at][0])) at++;
    if (at === queue.length) return;
    if (gate.#entered === turn) {
      gate.#schedule();
      return;
    }
    const enter = queue[at][1];
    // Without `splice`: it would ask the array what class it is of.
    for (; at > 0; at--) queue[at] = queue[at - 1];
    ArrayPrototypeShift(queue);
    gate.#entered = turn;
    if (queue.length > 0) gate.#schedule();
    enter();
  }
}

/** Gates that have something to let in. */
let due = [];
let woken = false;
/** Those whose turn it is, and which of them comes next. */
let draining = [];
let next = 0;

/** Asks for a turn. */
function wake() {
  if (woken) return;
  woken = true;
  const before = getAsyncContext();
  setAsyncContext(undefined);
  PromisePrototypeThen(core.ops.op_void_async_deferred(), () => {
    woken = false;
    draining = due;
    due = [];
    next = 0;
    while (next < draining.length) Gate.drain(draining[next++]);
    draining = [];
  });
  setAsyncContext(before);
}

/** JavaScript was stopped in the middle, which may have lost a turn: asks for it again. */
function wakeAgain() {
  for (; next < draining.length; next++) ArrayPrototypePush(due, draining[next]);
  draining = [];
  woken = false;
  if (due.length > 0) wake();
}

/** Runs what comes back to a frame: its gate, if it has one, lets it in. */
function admit(frame, enter) {
  const io = frame === undefined || frame === null ? undefined : frame.io;
  if (io === undefined || io.gate === null) enter();
  else if (!io.over) io.gate.admit(frame.section, enter);
}

/** Ops that objects started and that have not ended: the frame of each. */
let held = null;
/** The async ops, with what deno_core makes of each. */
let asyncOps = [];

/** Takes note of the async ops, once, when the snapshot is made. */
function knowAsyncOps(ops) {
  asyncOps = ops;
}

const resolveOps = core.__eventLoopTick;

/** Called by the host with the ops that ended: number, success, value of each. */
function tick() {
  beginTurn();
  if (held === null || MapPrototypeGetSize(held) === 0) {
    ReflectApply(resolveOps, undefined, arguments);
    return;
  }
  for (let i = 0; i < arguments.length; i += 3) {
    const id = arguments[i];
    const frame = MapPrototypeGet(held, id);
    if (frame === undefined) {
      resolveOps(id, arguments[i + 1], arguments[i + 2]);
      continue;
    }
    MapPrototypeDelete(held, id);
    const isOk = arguments[i + 1];
    const result = arguments[i + 2];
    admit(frame, () => resolveOps(id, isOk, result));
  }
}

// The host looks this name up when an isolate starts; deno_core's own object is
// frozen.
globalThis.Deno = { __proto__: null, core: { __proto__: core, __eventLoopTick: tick } };

/** The bytes of a view, in a buffer of their own. */
function copied(view) {
  if (TypedArrayPrototypeGetSymbolToStringTag(view) === undefined) return view;
  const start = TypedArrayPrototypeGetByteOffset(view);
  const end = start + TypedArrayPrototypeGetByteLength(view);
  return new Uint8Array(ArrayBufferPrototypeSlice(TypedArrayPrototypeGetBuffer(view), start, end));
}

/** Ops that nobody outside of an object notices: they need not wait for its writes. */
function isSilent(name) {
  return StringPrototypeStartsWith(name, "op_do_") || StringPrototypeStartsWith(name, "op_void_") ||
    StringPrototypeStartsWith(name, "op_body_read");
}

/**
 * From now on async ops that an object starts end at its gate, and begin when
 * its writes are on disk. An isolate without objects does not pay for it.
 */
function holdOps() {
  if (held !== null) return;
  held = new SafeMap();
  for (let i = 0; i < asyncOps.length; i++) {
    const op = asyncOps[i][0];
    const stub = asyncOps[i][1];
    const silent = isSilent(op.name);
    ObjectDefineProperty(op, "call", {
      __proto__: null,
      value(self, ...args) {
        const frame = getAsyncContext();
        const io = frame === undefined || frame === null ? undefined : frame.io;
        if (io === undefined || io.gate === null) return ReflectApply(op, self, args);
        const writes = silent ? null : io.unconfirmed();
        if (writes !== null) {
          ArrayPrototypeShift(args);
          // What is sent is what was there when it was asked for.
          for (let i = 0; i < args.length; i++) {
            if (ArrayBufferIsView(args[i])) args[i] = copied(args[i]);
          }
          return PromisePrototypeThen(writes, () => {
            const before = getAsyncContext();
            setAsyncContext(frame);
            try {
              return ReflectApply(stub, undefined, args);
            } finally {
              setAsyncContext(before);
            }
          });
        }
        const result = ReflectApply(op, self, args);
        if (result === undefined) MapPrototypeSet(held, args[0], frame);
        return result;
      },
      configurable: true,
    });
  }
}

export { admit, beginTurn, Gate, holdOps, knowAsyncOps, wakeAgain };
