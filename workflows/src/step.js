// `step`: what a Workflow's run() does its work with
// (https://developers.cloudflare.com/workflows/build/workers-api/#workflowstep).
// What a step gave is kept when the step's promise settles, and given again by each
// later run without running the step.
(function () {
const { core, internals, primordials } = __bootstrap;
const { op_do_event, op_workflow_step } = core.ops;
const {
  ArrayPrototypePush,
  ArrayPrototypeShift,
  Date,
  DateNow,
  DatePrototypeGetTime,
  NumberIsFinite,
  ObjectDefineProperty,
  Error,
  Promise,
  PromisePrototypeThen,
  PromiseResolve,
  RegExpPrototypeExec,
  SafeRegExp,
  String,
  StringPrototypeStartsWith,
  SymbolToStringTag,
  TypeError,
} = primordials;
const { backedOff, DYNAMIC, filled, isConfig, MAX_WAIT_MS, millis, shown } = core.loadExtScript(
  "ext:selvedge_workflows/durations.js",
);
const { isTooLarge, named, pack, plainError, RESULTS, STEPS, unpack } = core.loadExtScript(
  "ext:selvedge_workflows/records.js",
);
const { later, never, nextTurn } = core.loadExtScript("ext:selvedge_workflows/run.js");

const MAX_NAME = 256;
const MAX_TYPE = 100;
/** Attempts that are kept of a step: the last ones. */
const MAX_ATTEMPTS_KEPT = 50;
/** How long a function may take that gives a delay. */
const DELAY_FUNCTION_MS = 5000;
const EVENT_TIMEOUT = "24 hours";
const CONTROL = new SafeRegExp("[\\u0000-\\u001f\\u007f]");
const TYPE = new SafeRegExp("^[a-zA-Z0-9_][a-zA-Z0-9-_]*$");
const HELP = "See https://developers.cloudflare.com/workflows/build/sleeping-and-retrying/";

const BAD_DELAY =
  'returned an invalid delay value (expected a number of ms or a duration string like "30 seconds")';
const LOST = { name: "WorkflowInternalError", message: "Attempt failed due to internal workflows error" };

const internal = { __proto__: null };

function fatal(message) {
  return named("WorkflowFatalError", message);
}

function checkName(name) {
  if (typeof name === "string" && name.length <= MAX_NAME && RegExpPrototypeExec(CONTROL, name) === null) return;
  throw fatal(`Step name "${String(name)}" exceeds max length (${MAX_NAME} chars) or invalid characters found`);
}

function isEventType(type) {
  return typeof type === "string" && type.length <= MAX_TYPE && RegExpPrototypeExec(TYPE, type) !== null;
}

/** Whether an error ends the step at once. */
function isNonRetryable({ name, message }) {
  return name === "NonRetryableError" || StringPrototypeStartsWith(message, "NonRetryableError");
}

/** A record that a step begins with. */
function begun(engine, kind, name, count, more) {
  return { kind, name, count, order: engine.nextOrder(), start: DateNow(), end: null, done: false, failed: false, ...more };
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

// ----- step.do(). -----

/** A step that is done in attempts. */
class Doing {
  #run;
  #records;
  #key;
  #step;
  #delay;
  #callback;

  constructor(run, key, step, delay, callback) {
    this.#run = run;
    this.#records = run.engine.records;
    this.#key = key;
    this.#step = step;
    this.#delay = delay;
    this.#callback = callback;
  }

  #save() {
    this.#records.write(STEPS + this.#key, this.#step);
  }

  /** What the callback and a delay function see. */
  #context() {
    const { name, count, config, attempted } = this.#step;
    return { step: { name, count }, attempt: attempted, config: shown(config) };
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
      if (run.over || run.engine.isHalting()) return never();
      const { ok, value } = await this.#attempt();
      if (run.over) return never();
      if (ok) return this.#succeeded(value);
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
    const result = await new Promise((resolve) => {
      const failed = (error) => resolve({ __proto__: null, ok: false, value: error });
      callOff = later(run.actor, ms, () => failed(named("WorkflowTimeoutError", `Execution timed out after ${ms}ms`)));
      try {
        const value = this.#callback(this.#context());
        PromisePrototypeThen(PromiseResolve(value), (value) => resolve({ __proto__: null, ok: true, value }), failed);
      } catch (error) {
        failed(error);
      }
    });
    callOff();
    return result;
  }

  /** The callback gave a value: it is kept, and given as it was kept. */
  #succeeded(value) {
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
    this.#records.put(RESULTS + this.#key, packed);
    this.#save();
    run.engine.progressed();
    const halts = run.engine.isHalting();
    run.end();
    return halts ? never() : unpack(packed);
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
    this.#records.put(RESULTS + this.#key, packError(error));
    this.#save();
    const halts = this.#run.engine.isHalting();
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
        PromisePrototypeThen(PromiseResolve(this.#delay({ ctx: this.#context(), error })), (value) => {
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

/** What `step.do` was called with. */
function parsed(name, args) {
  const first = args[0];
  const hasConfig = typeof first !== "function";
  const callback = hasConfig ? args[1] : first;
  if (typeof callback !== "function") throw fatal(`Step "${name}" requires a callback function`);
  const rollback = args[hasConfig ? 2 : 1];
  if (rollback !== undefined) {
    throw fatal(`Step "${name}" asks for a rollback, which Selvedge does not do: undo it in a step of its own`);
  }
  return { __proto__: null, callback, config: hasConfig ? first ?? {} : {} };
}

function doStep(run, name, args) {
  const { engine } = run;
  const { callback, config } = parsed(String(name), args);
  if (++run.steps > engine.limit) {
    throw fatal(`The limit of ${engine.limit} steps has been reached. This limit can be changed in your worker configuration.`);
  }
  checkName(name);
  if (!isConfig(config)) throw fatal(`Step config for "${name}" is in a invalid format. ${HELP}`);
  const count = run.count("do", name);
  const key = `do:${count}:${name}`;
  let step = engine.records.read(STEPS + key);
  if (step !== undefined && step.done) {
    const result = engine.records.read(RESULTS + key);
    if (step.failed) throw result;
    return result;
  }
  step ??= begun(engine, "step", name, count, { config: filled(config), attempted: 0, attempts: [], retryAt: null });
  return new Doing(run, key, step, config.retries?.delay, callback).finish();
}

// ----- What waits. -----

function sleepUntil(run, name, at, isPast) {
  const { engine } = run;
  const count = run.count("sleep", name);
  const key = `sleep:${count}:${name}`;
  let step = engine.records.read(STEPS + key);
  if (step !== undefined && step.done) return undefined;
  if (step === undefined) {
    const problem = isPast();
    if (problem !== null) throw problem;
    step = begun(engine, "sleep", name, count, { at });
    engine.records.write(STEPS + key, step);
  }
  return new Promise((resolve) => {
    run.wait(step.at, () => {
      step.done = true;
      step.end = DateNow();
      engine.records.write(STEPS + key, step);
      resolve();
    });
  });
}

function sleep(run, name, duration) {
  checkName(name);
  const ms = millis(duration);
  if (!NumberIsFinite(ms) || ms < 0) {
    throw fatal(`The duration of the sleep "${name}" is neither a number of milliseconds nor a text like "30 seconds". ${HELP}`);
  }
  if (ms > MAX_WAIT_MS) throw fatal(`The sleep "${name}" is longer than 365 days.`);
  return sleepUntil(run, name, DateNow() + ms, () => null);
}

function sleepUntilTime(run, name, time) {
  checkName(name);
  let at = time;
  if (core.isDate(time)) at = DatePrototypeGetTime(time);
  return sleepUntil(run, name, at, () => {
    if (typeof at !== "number" || !NumberIsFinite(at)) return fatal(`The time until which "${name}" sleeps is neither a Date nor a number of milliseconds.`);
    const now = DateNow();
    if (at < now) return new Error("You can't sleep until a time in the past, time-traveler");
    return at - now > MAX_WAIT_MS ? fatal(`The sleep "${name}" is longer than 365 days.`) : null;
  });
}

/** An event as a Worker gets it. */
function eventOf({ payload, timestamp, type }) {
  return { payload: unpack(payload), type, timestamp: new Date(timestamp) };
}

function waitForEvent(run, name, options) {
  const { engine } = run;
  checkName(name);
  const type = options?.type;
  if (!isEventType(type)) {
    throw fatal(`The type of the event that "${name}" waits for has up to ${MAX_TYPE} letters, digits, "-" and "_".`);
  }
  const ms = millis(options.timeout || EVENT_TIMEOUT);
  if (!NumberIsFinite(ms) || ms < 0 || ms > MAX_WAIT_MS) {
    throw fatal(`The timeout of "${name}" is no duration of up to 365 days. ${HELP}`);
  }
  const count = run.count("event", name);
  const key = `event:${count}:${name}`;
  const { records } = engine;
  let step = records.read(STEPS + key);
  if (step !== undefined && step.done) {
    const kept = records.read(RESULTS + key);
    if (step.failed) throw kept;
    return eventOf(kept);
  }
  if (step === undefined) {
    step = begun(engine, "waitForEvent", name, count, { type, timeout: ms, at: DateNow() + ms });
    records.write(STEPS + key, step);
  }
  const end = (result, failed) => {
    step.done = true;
    step.failed = failed;
    step.end = DateNow();
    records.put(RESULTS + key, result);
    records.write(STEPS + key, step);
  };
  const early = engine.takeEvent(type);
  if (early !== undefined) {
    end(pack(early), false);
    return eventOf(early);
  }
  return new Promise((resolve, reject) => {
    const waiter = run.wait(step.at, () => {
      const error = named("WorkflowTimeoutError", `Execution timed out after ${step.timeout}ms`);
      end(pack(error), true);
      reject(error);
    }, type);
    waiter.take = (event) => {
      end(pack(event), false);
      resolve(eventOf(event));
    };
  });
}

// ----- The class. -----

class WorkflowStep {
  #run;

  constructor(marker, run) {
    if (marker !== internal) throw new TypeError("Illegal constructor");
    this.#run = run;
  }

  /** Runs one of the functions above, unless the run goes no further. */
  async #during(act, name, rest) {
    const run = this.#run;
    if (run.over || run.engine.isHalting()) {
      run.check();
      return never();
    }
    return act(run, name, rest);
  }

  do(name, ...rest) {
    return this.#during(doStep, name, rest);
  }

  sleep(name, duration) {
    return this.#during(sleep, name, duration);
  }

  sleepUntil(name, timestamp) {
    return this.#during(sleepUntilTime, name, timestamp);
  }

  waitForEvent(name, options) {
    return this.#during(waitForEvent, name, options);
  }
}
ObjectDefineProperty(WorkflowStep.prototype, SymbolToStringTag, {
  __proto__: null,
  value: "WorkflowStep",
  configurable: true,
});

return { isEventType, isNonRetryable, makeStep: (run) => new WorkflowStep(internal, run) };
})();
