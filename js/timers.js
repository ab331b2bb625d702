// Timers that belong to their request: they end with it, and the global scope
// may set none.
import { core, primordials } from "ext:selvedge/core.js";
import { op_report_exception } from "ext:core/ops";
import {
  activeTimers,
  current,
  disownTimer,
  ownTimer,
  required,
  resumed,
} from "ext:selvedge/io_context.js";
import { lazy } from "ext:selvedge/lazy.js";

const { getAsyncContext, setAsyncContext } = core;
const {
  MapPrototypeDelete,
  MapPrototypeGet,
  MapPrototypeSet,
  Number,
  ObjectDefineProperty,
  Promise,
  PromiseReject,
  ReflectApply,
  SetPrototypeGetSize,
  SymbolToStringTag,
  TypeError,
} = primordials;

/** As many timers may be active in one request. */
const MAX_TIMERS = 10000;

const exceptions = lazy("ext:deno_web/01_dom_exception.js");

function start(callback, delay, args, repeat) {
  const io = required();
  if (typeof callback !== "function") {
    throw new TypeError(
      "Failed to execute 'setTimeout': parameter 1 is not of type 'Function'.",
    );
  }
  if (io.timers !== null && SetPrototypeGetSize(io.timers) >= MAX_TIMERS) {
    const { DOMException } = exceptions();
    throw new DOMException(
      `You have exceeded the number of active timeouts you may set. max active timeouts: ${MAX_TIMERS}, current active timeouts: ${SetPrototypeGetSize(io.timers)}`,
      "QuotaExceededError",
    );
  }
  delay = Number(delay);
  // NaN, negative and huge delays fire at once, as in browsers.
  if (!(delay >= 0 && delay <= 2147483647)) delay = 0;
  const frame = getAsyncContext();
  let id = 0;
  let timer = null;
  const fire = () => {
    if (!repeat) {
      MapPrototypeDelete(activeTimers, id);
      disownTimer(io, timer);
    }
    if (io.over) return;
    if (io.gate === null) run();
    else io.gate.admit(frame.section, run);
  };
  const run = () => {
    if (io.over) return;
    resumed(io);
    const before = getAsyncContext();
    setAsyncContext(frame);
    try {
      ReflectApply(callback, undefined, args);
    } catch (error) {
      op_report_exception("Uncaught ", error);
    } finally {
      setAsyncContext(before);
    }
  };
  timer = core.createTimer(fire, delay, undefined, repeat, true);
  id = timer._timerId;
  timer.io = io;
  MapPrototypeSet(activeTimers, id, timer);
  ownTimer(io, timer);
  return id;
}

function setTimeout(callback, delay = 0, ...args) {
  return start(callback, delay, args, false);
}

function setInterval(callback, delay = 0, ...args) {
  return start(callback, delay, args, true);
}

function clear(id) {
  const timer = MapPrototypeGet(activeTimers, Number(id));
  if (timer === undefined) return;
  core.cancelTimer(timer);
  MapPrototypeDelete(activeTimers, timer._timerId);
  disownTimer(timer.io, timer);
}

function clearTimeout(id = 0) {
  clear(id);
}

function clearInterval(id = 0) {
  clear(id);
}

function setImmediate(callback, ...args) {
  return start(callback, 0, args, false);
}

function clearImmediate(id = 0) {
  clear(id);
}

/** `scheduler.wait(ms, { signal })`. */
const scheduler = {
  wait(delay, options = undefined) {
    if (arguments.length === 0) {
      return PromiseReject(
        new TypeError("Failed to execute 'wait' on 'Scheduler': parameter 1 is not of type 'number'."),
      );
    }
    return new Promise((resolve, reject) => {
      const signal = options?.signal;
      if (signal !== undefined && signal !== null && typeof signal.addEventListener !== "function") {
        throw new TypeError(
          "Incorrect type for the 'signal' field on 'WaitOptions': the provided value is not of type 'AbortSignal'.",
        );
      }
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const id = setTimeout(resolve, delay);
      if (signal !== undefined && signal !== null) {
        signal.addEventListener("abort", () => {
          clear(id);
          reject(signal.reason);
        }, { __proto__: null, once: true });
      }
    });
  },
};

ObjectDefineProperty(scheduler, SymbolToStringTag, { __proto__: null, value: "Scheduler", configurable: true });

void current;

export {
  clearImmediate,
  clearInterval,
  clearTimeout,
  scheduler,
  setImmediate,
  setInterval,
  setTimeout,
};
