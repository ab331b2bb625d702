// The timers of an isolate, in place of deno_core's: those stand in an array that
// a Worker would be handed by a setter on `Array.prototype`. Rust tells when the
// first of them is due.
import { core, primordials } from "ext:core/mod.js";
import { bare } from "ext:selvedge/core/lists.js";
import { drain } from "ext:selvedge/core/ticks.js";

const { MathTrunc } = primordials;
const { op_timer_now, op_timer_schedule, op_timer_track, op_timer_untrack } = core.ops;

/** What `op_timer_schedule` takes besides milliseconds. */
const KEEP_LOOP = -1;
const RELEASE_LOOP = -2;

const MAX_MS = 2 ** 31 - 1;

/** A heap: each timer is due no later than those at twice its place and one or two further. */
const heap = bare();
let made = 0;
/** When Rust will call, in milliseconds. */
let wakeAt = Infinity;
/** Shared with Rust: how many timers keep the event loop. */
let keeping = null;

class Timer {
  /** How long it waits, in milliseconds, and when it is due. */
  after;
  due = 0;
  /** Among timers that are due together, who came first. */
  order = 0;
  /** Its place in the heap; -1 while it is not there. */
  place = -1;
  callback;
  repeats;
  /** Whether the event loop goes on for it. */
  keeps;
  over = false;
  /** The request that it belongs to, which timers.js notes here. */
  io = undefined;
  _timerId = ++made;

  constructor(callback, after, repeats, keeps) {
    this.callback = callback;
    this.after = after;
    this.repeats = repeats;
    this.keeps = keeps;
  }
}

function before(one, other) {
  return one.due < other.due || one.due === other.due && one.order < other.order;
}

function put(timer, place) {
  heap[place] = timer;
  timer.place = place;
}

function rise(timer, place) {
  while (place > 0) {
    const up = (place - 1) >> 1;
    if (!before(timer, heap[up])) break;
    put(heap[up], place);
    place = up;
  }
  put(timer, place);
}

function sink(timer, place) {
  for (;;) {
    let down = 2 * place + 1;
    if (down >= heap.length) break;
    if (down + 1 < heap.length && before(heap[down + 1], heap[down])) down++;
    if (!before(heap[down], timer)) break;
    put(heap[down], place);
    place = down;
  }
  put(timer, place);
}

function remove(timer) {
  const { place } = timer;
  if (place < 0) return;
  timer.place = -1;
  const last = heap[heap.length - 1];
  heap.length--;
  if (last === timer) return;
  if (place > 0 && before(last, heap[(place - 1) >> 1])) rise(last, place);
  else sink(last, place);
}

let orders = 0;

function start(timer, now) {
  timer.due = now + timer.after;
  timer.order = orders++;
  rise(timer, heap.length);
  if (timer.due < wakeAt) {
    op_timer_schedule(timer.after);
    wakeAt = timer.due;
  }
}

function keep(timer) {
  if (keeping[0]++ === 0) op_timer_schedule(KEEP_LOOP);
  timer.keeps = true;
}

function release(timer) {
  if (--keeping[0] === 0) op_timer_schedule(RELEASE_LOOP);
  timer.keeps = false;
}

function finish(timer) {
  timer.over = true;
  timer.callback = null;
  if (timer.keeps) release(timer);
  op_timer_untrack(timer._timerId);
}

/** As deno_core has it; nobody passes arguments for the callback. */
function createTimer(callback, after, _args, repeats, keeps, isSystem = false) {
  if (!(after >= 1 && after <= MAX_MS)) after = 1;
  const timer = new Timer(callback, MathTrunc(after), repeats, false);
  if (keeps) keep(timer);
  start(timer, op_timer_now());
  op_timer_track(timer._timerId, repeats, isSystem);
  return timer;
}

/** Of the platform's own, such as those of `AbortSignal.timeout()`. */
function createSystemTimer(callback, after, keeps) {
  return createTimer(callback, after, undefined, false, keeps, true);
}

function cancelTimer(timer) {
  if (timer.over) return;
  remove(timer);
  finish(timer);
}

function refTimer(timer) {
  if (!timer.over && !timer.keeps) keep(timer);
}

function unrefTimer(timer) {
  if (!timer.over && timer.keeps) release(timer);
}

/**
 * Calls what is due. Gives when the next one is, in milliseconds, less than zero
 * if no timer keeps the event loop; zero if there is none.
 */
function processTimers(now) {
  wakeAt = Infinity;
  for (let ran = 0; heap.length > 0 && heap[0].due <= now; ran++) {
    if (ran > 0) {
      drain();
      // One of those may have been the last.
      if (heap.length === 0 || heap[0].due > now) break;
    }
    const timer = heap[0];
    remove(timer);
    try {
      timer.callback();
    } catch (error) {
      core.__reportException(error);
    }
    if (timer.over) continue;
    if (timer.repeats) start(timer, now);
    else finish(timer);
  }
  if (heap.length === 0) return 0;
  wakeAt = heap[0].due;
  return keeping[0] > 0 ? wakeAt : -wakeAt;
}

function setTimerInfo(shared) {
  keeping = shared;
}

export { cancelTimer, createSystemTimer, createTimer, processTimers, refTimer, setTimerInfo, unrefTimer };
