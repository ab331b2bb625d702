// A step that is done, or undone, in attempts: with a delay between them, and what
// came of each kept.
(function () {
const { core, primordials } = __bootstrap;
const { op_do_event, op_workflow_step } = core.ops;
const {
  ArrayPrototypePush,
  ArrayPrototypeShift,
  DateNow,
  Error,
  Promise,
  PromisePrototypeThen,
  PromiseResolve,
  StringPrototypeStartsWith,
} = primordials;
const { backedOff, DYNAMIC, millis, shown } = core.loadExtScript("ext:selvedge_workflows/durations.js");
const { isTooLarge, named, pack, plainError, RESULTS, STEPS, UNDOS, unpack } = core.loadExtScript(
  "ext:selvedge_workflows/records.js",
);
const { later, never, nextTurn } = core.loadExtScript("ext:selvedge_workflows/run.js");

/** Attempts that are kept of a step: the last ones. */
const MAX_ATTEMPTS_KEPT = 50;
/** How long a function may take that gives a delay. */
const DELAY_FUNCTION_MS = 5000;

const BAD_DELAY =
  'returned an invalid delay value (expected a number of ms or a duration string like "30 seconds")';
const LOST = { name: "WorkflowInternalError", message: "Attempt failed due to internal workflows error" };

/** Whether an error ends the step at once. */
function isNonRetryable({ name, message }) {
  return name === "NonRetryableError" || StringPrototypeStartsWith(message, "NonRetryableError");
}

/** The error as it is kept: itself, or what is told of it where that is all that can be. */
function packError(error) {
  try {
    const packed = pack(error);
    if (!isTooLarge(packed)) return packed;
  } catch {
    // It holds something that cannot be kept.
  }
  const { name, message } = plainError(error);
  return pack(named(name, message));
}

/** What the callback and a delay function see of a step. */
function contextOf({ name, count, config, attempted }) {
  return { step: { name, count }, attempt: attempted, config: shown(config) };
}

/** A step that is done in attempts. */
class Doing {
  #run;
  #records;
  #key;
  #step;
  #delay;
  #callback;
  #isUndo;

  /** What undoes a step keeps its record apart from that of the step, and no result. */
  constructor(run, key, step, delay, callback, isUndo = false) {
    this.#run = run;
    this.#records = run.engine.records;
    this.#key = key;
    this.#step = step;
    this.#delay = delay;
    this.#callback = callback;
    this.#isUndo = isUndo;
  }

  #save() {
    this.#records.write((this.#isUndo ? UNDOS : STEPS) + this.#key, this.#step);
  }

  #keepResult(packed) {
    if (!this.#isUndo) this.#records.put(RESULTS + this.#key, packed);
  }

  #halts() {
    return this.#run.engine.isHalting(this.#isUndo);
  }

  /** Runs the step to its end: gives its result, or throws its error. */
  async finish() {
    const step = this.#step;
    const run = this.#run;
    const lost = run.engine.crash;
    const last = step.attempts[step.attempts.length - 1];
    if (last !== undefined && last.end === null) {
      // The process, or the object, ended in the middle of it.
      this.#attemptFailed(lost === null ? LOST : { name: "Error", message: lost }, null);
      if (lost !== null) {
        const { backoff, limit } = step.config.retries;
        if (step.attempted > limit) return this.#giveUp(named("Error", lost));
        step.retryAt = DateNow() + (backedOff(backoff, step.attempted, fixedDelay(step.config)) || 0);
      }
      this.#save();
    }
    for (;;) {
      if (step.retryAt !== null) await run.until(step.retryAt);
      if (run.over || this.#halts()) return never();
      const { ok, value, stream, bad } = await this.#attempt();
      if (run.over) return never();
      if (ok) return this.#succeeded(value, stream);
      if (bad !== undefined) return this.#badStream(bad);
      const error = await this.#failed(value);
      if (error !== undefined) throw error;
    }
  }

  /** Runs the callback once. */
  async #attempt() {
    const step = this.#step;
    const run = this.#run;
    run.begin();
    step.retryAt = null;
    step.attempted++;
    op_workflow_step();
    if (step.attempts.length >= MAX_ATTEMPTS_KEPT) ArrayPrototypeShift(step.attempts);
    ArrayPrototypePush(step.attempts, { start: DateNow(), end: null, ok: false });
    this.#save();
    // That is committed before its code runs, which may be stopped.
    await nextTurn(run.actor);
    if (run.over) return never();
    // Its CPU time and subrequests are its own.
    op_do_event(run.actor.io.slot);
    const ms = millis(step.config.timeout);
    let callOff = null;
    /** A stream that is being kept. */
    let keeping = null;
    const result = await new Promise((resolve) => {
      const failed = (error) => resolve({ __proto__: null, ok: false, value: error });
      callOff = later(run.actor, ms, () => failed(named("WorkflowTimeoutError", `Execution timed out after ${ms}ms`)));
      const gave = (value) => {
        keeping = this.#streamed(value);
        if (keeping === null) resolve({ __proto__: null, ok: true, value });
        else {
          const kept = (stream) => resolve({ __proto__: null, ok: stream.bad === undefined, value: undefined, stream, bad: stream.bad });
          PromisePrototypeThen(keeping.promise, kept, failed);
        }
      };
      try {
        PromisePrototypeThen(PromiseResolve(this.#callback(contextOf(this.#step))), gave, failed);
      } catch (error) {
        failed(error);
      }
    });
    callOff();
    keeping?.stop(result.value);
    return result;
  }

  /** Keeps the value if it is a stream; `null`: it is none. */
  #streamed(value) {
    if (this.#isUndo || typeof value !== "object" || value === null) return null;
    const { isStream, keep } = core.loadExtScript("ext:selvedge_workflows/streams.js");
    if (!isStream(value)) return null;
    return keep(this.#run.actor.io, this.#records, this.#key, value);
  }

  /** The stream that the callback gave is none that can be kept: that ends the instance. */
  #badStream({ name, message }) {
    const step = this.#step;
    this.#attemptFailed({ name, message }, null);
    step.done = step.failed = true;
    step.end = DateNow();
    this.#save();
    this.#run.engine.fail({
      name: "WorkflowFatalError",
      message: `The execution of the Workflow instance was terminated, as the step "${step.name}" returned an invalid ReadableStream output. ${message}`,
    });
    return never();
  }

  /** The callback gave a value: it is kept, and given as it was kept. */
  #succeeded(value, stream) {
    const step = this.#step;
    const run = this.#run;
    let packed;
    try {
      packed = pack(value);
    } catch {
      this.#attemptFailed({ name: "WorkflowFatalError", message: `Value returned from step "${step.name}" is not serialisable` }, null);
      step.done = step.failed = true;
      step.end = DateNow();
      this.#save();
      run.engine.fail({
        name: "WorkflowFatalError",
        message: `The execution of the Workflow instance was terminated, as the step "${step.name}" returned a value which is not serialisable`,
      });
      return never();
    }
    if (isTooLarge(packed)) {
      const text = `Step ${step.name}-${step.count} output is too large. Maximum allowed size is 1MiB.`;
      return PromisePrototypeThen(this.#failed(named("WorkflowInternalError", text)), (error) => {
        if (error !== undefined) throw error;
        return this.finish();
      });
    }
    const attempt = step.attempts[step.attempts.length - 1];
    attempt.end = step.end = DateNow();
    attempt.ok = step.done = true;
    if (stream === undefined) this.#keepResult(packed);
    else step.stream = { bytes: stream.bytes, pieces: stream.pieces };
    this.#save();
    run.engine.progressed();
    const halts = this.#halts();
    run.end();
    if (halts) return never();
    return stream === undefined ? unpack(packed) : this.#records.result(this.#key, step);
  }

  /** An attempt has failed: gives the error with which the step ends, if it does. */
  async #failed(error) {
    const step = this.#step;
    const run = this.#run;
    const told = plainError(error);
    if (isNonRetryable(told)) {
      this.#attemptFailed(told, null);
      return this.#gaveUp(error);
    }
    if (step.attempted > step.config.retries.limit) {
      this.#attemptFailed(told, null);
      return this.#gaveUp(error);
    }
    let wait;
    try {
      wait = backedOff(step.config.retries.backoff, step.attempted, await this.#delayAfter(error));
      if (!(wait >= 0)) throw new Error(BAD_DELAY);
    } catch (reason) {
      this.#attemptFailed(told, null);
      const text = `The delay function for step "${step.name}-${step.count}" ${reason.message}`;
      return this.#gaveUp(named("NonRetryableDelayError", text));
    }
    if (run.over) return never();
    this.#attemptFailed(told, wait);
    step.retryAt = DateNow() + wait;
    this.#save();
    run.end();
    return undefined;
  }

  #attemptFailed(error, retryDelay) {
    const attempt = this.#step.attempts[this.#step.attempts.length - 1];
    attempt.end = DateNow();
    attempt.error = error;
    if (retryDelay !== null) attempt.retryDelay = retryDelay;
  }

  #gaveUp(error) {
    const step = this.#step;
    step.done = step.failed = true;
    step.end = DateNow();
    this.#keepResult(packError(error));
    this.#save();
    const halts = this.#halts();
    this.#run.end();
    return halts ? never() : error;
  }

  /** The same of a step whose code does not run. */
  #giveUp(error) {
    this.#run.active++;
    throw this.#gaveUp(error);
  }

  /** The delay that the configuration names, or its function gives. */
  async #delayAfter(error) {
    const { config } = this.#step;
    if (config.retries.delay !== DYNAMIC) return config.retries.delay;
    if (typeof this.#delay !== "function") return this.#delay ?? 1000;
    const given = await new Promise((resolve) => {
      const callOff = later(this.#run.actor, DELAY_FUNCTION_MS, () => {
        resolve({ __proto__: null, ok: false, text: `did not return within ${DELAY_FUNCTION_MS / 1000} seconds` });
      });
      const failed = (reason) => {
        callOff();
        resolve({ __proto__: null, ok: false, text: `threw an error: ${plainError(reason).message}` });
      };
      try {
        PromisePrototypeThen(PromiseResolve(this.#delay({ ctx: contextOf(this.#step), error })), (value) => {
          callOff();
          resolve({ __proto__: null, ok: true, value });
        }, failed);
      } catch (reason) {
        failed(reason);
      }
    });
    if (!given.ok) throw new Error(given.text);
    return given.value;
  }
}

function fixedDelay(config) {
  return config.retries.delay === DYNAMIC ? 1000 : config.retries.delay;
}

return { contextOf, Doing, isNonRetryable };
})();
