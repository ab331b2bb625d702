// The context of a request in flight. V8 carries it along promise reactions,
// so that code knows at any point whose it is: `current()`. I/O objects belong
// to the context that made them; the global scope has none and may do no I/O.
import { bare, core, primordials } from "ext:selvedge/core.js";
import {
  op_body_close,
  op_context_done,
  op_context_resumed,
  op_context_touch,
} from "ext:core/ops";
import { isOff } from "ext:selvedge/shared.js";

const { getAsyncContext, setAsyncContext } = core;
const {
  ArrayPrototypeIndexOf,
  ArrayPrototypePop,
  ArrayPrototypePush,
  Error,
  MapPrototypeDelete,
  Promise,
  PromisePrototypeThen,
  PromiseResolve,
  SafeMap,
  SafeSet,
  SetPrototypeAdd,
  SetPrototypeDelete,
  SetPrototypeForEach,
} = primordials;

const GLOBAL_SCOPE = "Disallowed operation called within global scope. " +
  "Asynchronous I/O (ex: fetch() or connect()), setting a timeout, and " +
  "generating random values are not allowed within global scope. To fix this " +
  "error, perform this operation within a handler. " +
  "https://developers.cloudflare.com/workers/runtime-apis/handlers/";

const OTHER_REQUEST = "Cannot perform I/O on behalf of a different request. " +
  "I/O objects (such as streams, request/response bodies, and others) created " +
  "in the context of one request handler cannot be accessed from a different " +
  "request's handler. This is a limitation of Cloudflare Workers which allows " +
  "us to improve overall performance.";

/** The contexts that live, by their number. */
const live = bare();

/** The timers that are set, of all contexts, by their number. */
const activeTimers = new SafeMap();

class IoContext {
  /**
   * V8 carries the context along as it is, or spread into the frame of an
   * AsyncLocalStorage: `io` leads to it in both.
   */
  io = this;
  /** Its number, by which Rust knows it. The watchdog reads this property. */
  slot;
  /** `waitUntil` promises and other work that has not ended. */
  waiting = 0;
  /** The `Tasks` of one who asks how the `waitUntil` promises end. */
  tasks = null;
  answered = false;
  over = false;
  /** Things to undo at the end: timers, bodies nobody read. */
  timers = null;
  bodies = null;
  /** What a response is that the host still has whole: see `fromHost` of responses. */
  unseen = null;
  /** Called when the client goes away. */
  onGone = null;
  sockets = 0;
  /** Bodies that it sends. */
  sending = 0;
  /** Of a Durable Object: what its events pass. Such a context has `unconfirmed()`, too. */
  gate = null;
  /** Its remote calls: stubs, exported objects, answers to come. */
  rpc = null;

  constructor(slot) {
    this.slot = slot;
    live[slot] = this;
  }
}

function current() {
  const frame = getAsyncContext();
  return frame === undefined || frame === null ? undefined : frame.io;
}

/** How deep the present event is, in a context that has several; the host knows more. */
function eventDepth() {
  const frame = getAsyncContext();
  return frame === undefined || frame === null || frame.depth === undefined ? 0 : frame.depth;
}

/** The present context; throws in the global scope. */
function required() {
  const io = current();
  if (io === undefined) throw new Error(GLOBAL_SCOPE);
  return io;
}

/** The present context; throws when it is over, too: its number may be another's. */
function requiredOpen() {
  const io = required();
  if (io.over) throw new Error(OTHER_REQUEST);
  return io;
}

/** Throws unless the present context is the owner's. */
function checkOwner(owner) {
  const io = current();
  if (io !== owner) {
    if (io === undefined) throw new Error(GLOBAL_SCOPE);
    throw new Error(OTHER_REQUEST);
  }
  return io;
}

/** Runs a callback as part of a context; the caller catches what it throws. */
function runIn(io, callback, a, b) {
  const before = getAsyncContext();
  setAsyncContext(io);
  try {
    return callback(a, b);
  } finally {
    setAsyncContext(before);
  }
}

/** Notes that I/O of the context completed. */
function resumed(io) {
  op_context_resumed(io.slot);
}

/** Ends the context if nothing of it is left. */
function settle(io) {
  if (io.answered && io.waiting === 0 && io.sockets === 0) end(io);
}

function forget(io) {
  if (io.unseen !== null) io.unseen.see();
  io.over = true;
  live[io.slot] = undefined;
  if (io.timers !== null) {
    const timers = io.timers;
    io.timers = null;
    SetPrototypeForEach(timers, (timer) => {
      core.cancelTimer(timer);
      MapPrototypeDelete(activeTimers, timer._timerId);
    });
  }
  if (io.bodies !== null) {
    const bodies = io.bodies;
    io.bodies = null;
    for (let i = 0; i < bodies.length; i++) op_body_close(bodies[i]);
  }
  if (io.rpc !== null) io.rpc.end();
}

function end(io) {
  if (io.over) return;
  forget(io);
  op_context_done(io.slot);
}

/** The context holds a body until it is read or the context ends. */
function ownBody(io, rid) {
  if (io.bodies === null) io.bodies = [rid];
  else ArrayPrototypePush(io.bodies, rid);
}

/** The body is another context's from now on. */
function disownBody(io, rid) {
  if (io.bodies === null) return;
  const at = ArrayPrototypeIndexOf(io.bodies, rid);
  if (at < 0) return;
  const last = ArrayPrototypePop(io.bodies);
  if (at < io.bodies.length) io.bodies[at] = last;
}

function ownTimer(io, timer) {
  if (io.timers === null) io.timers = new SafeSet();
  SetPrototypeAdd(io.timers, timer);
}

function disownTimer(io, timer) {
  if (io.timers !== null) SetPrototypeDelete(io.timers, timer);
}

/** Keeps the context until the promise settles; `report` gets its rejection. */
function waitUntil(io, promise, report) {
  if (io.over) return;
  io.waiting++;
  op_context_touch(io.slot);
  const { tasks } = io;
  if (tasks !== null) tasks.open++;
  const done = () => {
    io.waiting--;
    settle(io);
    if (tasks !== null) tasks.ended();
  };
  const isPromise = !isOff("unwrap_custom_thenables") || core.isPromise(promise);
  PromisePrototypeThen(PromiseResolve(isPromise ? promise : undefined), done, (error) => {
    report(error);
    if (tasks !== null) tasks.failed = true;
    done();
  });
}

/** The `waitUntil` promises of a context from now on. */
class Tasks {
  open = 0;
  failed = false;
  #resolve = null;

  ended() {
    this.open--;
    if (this.open > 0 || this.#resolve === null) return;
    this.#resolve();
    this.#resolve = null;
  }

  /** Waits until they are settled; whether all of them were resolved. */
  async allResolved() {
    while (this.open > 0) await new Promise((resolve) => this.#resolve = resolve);
    return !this.failed;
  }
}

export {
  activeTimers,
  checkOwner,
  current,
  disownBody,
  disownTimer,
  end,
  eventDepth,
  forget,
  GLOBAL_SCOPE,
  IoContext,
  live,
  OTHER_REQUEST,
  ownBody,
  ownTimer,
  required,
  requiredOpen,
  resumed,
  runIn,
  settle,
  Tasks,
  waitUntil,
};
