// The end of a turn of the event loop. deno_core's own would look into arrays for
// ticks of Node's kind, which nobody here makes, and for rejected promises: a
// Worker's elements of `Array.prototype` would be found there, and its setters
// handed the contexts of requests.
import { core } from "ext:core/mod.js";

/** Where Rust notes that a promise was rejected and has no handler. */
const REJECTED = 1;

/** Shared with Rust. */
let notes = null;

function setTickInfo(shared) {
  notes = shared;
}

/** Runs the microtasks. Rust reports rejections itself, right after. */
function drain() {
  notes[REJECTED] = 0;
  core.ops.op_run_microtasks();
}

export { drain, setTickInfo };
