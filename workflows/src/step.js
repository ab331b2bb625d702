// `step`: what a Workflow's run() does its work with
// (https://developers.cloudflare.com/workflows/build/workers-api/#workflowstep).
// What a step gave is kept when the step's promise settles, and given again by each
// later run without running the step.
(function () {
const { core, primordials } = __bootstrap;
const {
  Date,
  DateNow,
  DatePrototypeGetTime,
  Error,
  MapPrototypeSet,
  NumberIsFinite,
  ObjectDefineProperty,
  Promise,
  RegExpPrototypeExec,
  SafeRegExp,
  String,
  SymbolToStringTag,
  TypeError,
} = primordials;
const { Doing } = core.loadExtScript("ext:selvedge_workflows/doing.js");
const { filled, isConfig, MAX_WAIT_MS, millis } = core.loadExtScript("ext:selvedge_workflows/durations.js");
const { named, pack, RESULTS, STEPS, unpack } = core.loadExtScript("ext:selvedge_workflows/records.js");
const { parsedRollback } = core.loadExtScript("ext:selvedge_workflows/rollback.js");
const { never } = core.loadExtScript("ext:selvedge_workflows/run.js");

const MAX_NAME = 256;
const MAX_TYPE = 100;
const EVENT_TIMEOUT = "24 hours";
const CONTROL = new SafeRegExp("[\\u0000-\\u001f\\u007f]");
const TYPE = new SafeRegExp("^[a-zA-Z0-9_][a-zA-Z0-9-_]*$");
const HELP = "See https://developers.cloudflare.com/workflows/build/sleeping-and-retrying/";

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

/** A record that a step begins with. */
function begun(engine, kind, name, count, more) {
  return { kind, name, count, order: engine.nextOrder(), start: DateNow(), end: null, done: false, failed: false, ...more };
}

// ----- step.do(). -----

/** What `step.do` was called with. */
function parsed(name, args) {
  const first = args[0];
  const hasConfig = typeof first !== "function";
  const callback = hasConfig ? args[1] : first;
  if (typeof callback !== "function") throw fatal(`Step "${name}" requires a callback function`);
  const undoer = parsedRollback(name, args[hasConfig ? 2 : 1]);
  return { __proto__: null, callback, config: hasConfig ? first ?? {} : {}, undoer };
}

function doStep(run, name, args) {
  const { engine } = run;
  const { callback, config, undoer } = parsed(String(name), args);
  if (++run.steps > engine.limit) {
    throw fatal(`The limit of ${engine.limit} steps has been reached. This limit can be changed in your worker configuration.`);
  }
  checkName(name);
  if (!isConfig(config)) throw fatal(`Step config for "${name}" is in a invalid format. ${HELP}`);
  const count = run.count("do", name);
  const key = `do:${count}:${name}`;
  let step = engine.records.read(STEPS + key);
  if (undoer !== null) MapPrototypeSet(run.undoers, key, undoer);
  if (step !== undefined && step.done) {
    const result = engine.records.result(key, step);
    if (step.failed) throw result;
    return result;
  }
  if (run.isReplay) return run.rest();
  step ??= begun(engine, "step", name, count, {
    config: filled(config),
    attempted: 0,
    attempts: [],
    retryAt: null,
    hasRollback: undoer !== null,
  });
  return new Doing(run, key, step, config.retries?.delay, callback).finish();
}

// ----- What waits. -----

function sleepUntil(run, name, at, isPast) {
  const { engine } = run;
  const count = run.count("sleep", name);
  const key = `sleep:${count}:${name}`;
  let step = engine.records.read(STEPS + key);
  if (step !== undefined && step.done) return undefined;
  if (run.isReplay) return run.rest();
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
  if (run.isReplay) return run.rest();
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
    if (run.over && run.engine.isInRollback()) throw fatal("Cannot execute steps during rollback phase");
    if (run.over || run.engine.isHalting() && !run.isReplay) {
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

return { isEventType, makeStep: (run) => new WorkflowStep(internal, run) };
})();
