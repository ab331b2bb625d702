// Rolling back: steps say how they are undone, and when their instance has failed
// that is done, the last one that began first
// (https://developers.cloudflare.com/workflows/build/rollback-options/).
(function () {
const { core, primordials } = __bootstrap;
const {
  ArrayIsArray,
  ArrayPrototypePush,
  DateNow,
  MapPrototypeDelete,
  MapPrototypeGet,
  MapPrototypeHas,
  StringPrototypeSlice,
} = primordials;
const { contextOf, Doing } = core.loadExtScript("ext:selvedge_workflows/doing.js");
const { filled, isConfig } = core.loadExtScript("ext:selvedge_workflows/durations.js");
const { named, STEPS, UNDOS } = core.loadExtScript("ext:selvedge_workflows/records.js");
const { never } = core.loadExtScript("ext:selvedge_workflows/run.js");

const HELP = "See https://developers.cloudflare.com/workflows/build/sleeping-and-retrying/";

function fatal(message) {
  return named("WorkflowFatalError", message);
}

/** What a step says of its rollback; null: nothing. */
function parsedRollback(name, options) {
  if (options === undefined) return null;
  if (typeof options !== "object" || options === null || ArrayIsArray(options)) {
    throw fatal(`Rollback options for "${name}" must be an object`);
  }
  const { rollback, rollbackConfig } = options;
  if (typeof rollback !== "function") throw fatal(`Rollback for "${name}" must be a function`);
  if (rollbackConfig !== undefined && !isConfig(rollbackConfig)) {
    throw fatal(`Rollback config for "${name}" is in a invalid format. ${HELP}`);
  }
  return { __proto__: null, rollback, config: rollbackConfig ?? {} };
}

/** The steps that are to be undone, as keys and records, the last one first. */
function toUndo(records) {
  const steps = records.steps();
  const found = [];
  for (let i = steps.length - 1; i >= 0; i--) {
    const step = steps[i][1];
    if (step.hasRollback === true && step.undone === undefined) ArrayPrototypePush(found, steps[i]);
  }
  return found;
}

/** Whether a run has the functions for all of them. */
function knowsAll(run) {
  const steps = toUndo(run.engine.records);
  for (let i = 0; i < steps.length; i++) {
    if (!MapPrototypeHas(run.undoers, StringPrototypeSlice(steps[i][0], STEPS.length))) return false;
  }
  return true;
}

/**
 * Undoes them one after the other. Gives what came of it: "complete", or "failed"
 * where one could not be undone, and those before it were left as they are.
 */
async function undoAll(run, { name, message }) {
  const { records } = run.engine;
  const steps = toUndo(records);
  for (let i = 0; i < steps.length; i++) {
    const { 0: place, 1: step } = steps[i];
    const key = StringPrototypeSlice(place, STEPS.length);
    const undoer = MapPrototypeGet(run.undoers, key);
    const isDone = undoer !== undefined && await undo(run, key, step, undoer, named(name, message));
    if (run.over) return never();
    step.undone = isDone;
    records.write(place, step);
    if (!isDone) return "failed";
    MapPrototypeDelete(run.undoers, key);
  }
  return "complete";
}

/** Undoes one step; whether that worked. */
async function undo(run, key, step, { rollback, config }, error) {
  const { records } = run.engine;
  const record = records.read(UNDOS + key) ?? {
    kind: "rollback",
    name: step.name,
    count: step.count,
    order: run.engine.nextOrder(),
    start: DateNow(),
    end: null,
    done: false,
    failed: false,
    config: filled(config),
    attempted: 0,
    attempts: [],
    retryAt: null,
  };
  if (record.done) return !record.failed;
  const callback = async () => {
    await rollback({
      ctx: contextOf(step),
      error,
      output: step.done && !step.failed ? records.result(key, step) : undefined,
      stepName: `${step.name}-${step.count}`,
    });
  };
  try {
    await new Doing(run, key, record, config.retries?.delay, callback, true).finish();
    return true;
  } catch {
    return false;
  }
}

return { knowsAll, parsedRollback, toUndo, undoAll };
})();
