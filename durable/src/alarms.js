// Alarms that go off: the events of objects that set them
// (https://developers.cloudflare.com/durable-objects/api/alarms/).
(function () {
const { core, internals, primordials } = __bootstrap;
const { op_do_alarm_end, op_do_alarm_get, op_do_alarm_start, op_report_exception } = core.ops;
const { DateNow, Error, NumberIsNaN, Promise, PromisePrototypeThen, PromiseResolve } = primordials;
const { ALARM, breakActor, call, find, flagged, hasClass, OVER_CPU, withStorage } = core.loadExtScript("ext:selvedge_durable/actor.js");
const { getAsyncContext, setAsyncContext } = core;
const { shared } = internals;

/** So often an alarm is tried again. */
const RETRIES = 6;
/** The first time after so long, then after twice as long each time. */
const RETRY_MS = 2000;
/** How long a handler may take. */
const HANDLER_MS = 15 * 60 * 1000;

const NO_HANDLER = "Attempted to run a scheduled alarm without a handler, did you remember to export an alarm() function?";
const TOO_LONG = "Alarm exceeded its allowed execution time";

/** What the scheduler is told: the index is right again; to come back; to come back, as often as for a failure. */
const SETTLED = 0;
const MOVED = 1;
const FAILED = 2;

/**
 * Runs the alarm of an object, if it still has one that is due. `lost` tells how
 * often the object did not get to the end of it.
 */
async function run(target, lost) {
  // The Worker's fault, and not the alarm's.
  if (!hasClass(target.home)) return FAILED;
  if (target.home.host !== "") return runHosted(target, lost);
  // Its isolate ended each time, perhaps in the constructor: that is not tried again.
  if (lost > RETRIES) return note(target, null, () => NaN);
  /** The alarm's time and how often it was tried, once its handler began. */
  const begun = { __proto__: null, time: null };
  let actor = null;
  try {
    actor = find(target.home, target);
    if (actor === null) return MOVED;
    const time = actor.storage === null ? NaN : op_do_alarm_get(actor.storage.number);
    // One that was taken back meanwhile is no event.
    const what = NumberIsNaN(time) ? null : { __proto__: null, kind: ALARM, text: "alarm", time };
    await call(actor, (instance, actor) => handle(actor, instance, lost, begun), undefined, what);
    return SETTLED;
  } catch {
    // It was reported where it was thrown.
  }
  if (shared.endsObjects) return MOVED;
  if (actor !== null && actor.broken === null) return FAILED;
  // The constructor failed, or the object ended in the middle.
  const isDropped = actor !== null && actor.dropsAlarm && begun.time !== null;
  return note(target, begun.time, (retryCount) => isDropped ? NaN : nextTry(retryCount + lost));
}

/**
 * The same of an object of the platform's own: it takes what time it needs, says
 * itself when it gives up, and learns how often it did not get to the end.
 */
async function runHosted(target, lost) {
  let actor = null;
  try {
    actor = find(target.home, target);
    if (actor === null) return MOVED;
    const time = op_do_alarm_get(actor.storage.number);
    const what = NumberIsNaN(time) ? null : { __proto__: null, kind: ALARM, text: "alarm", time };
    await call(actor, (instance, actor) => handleHosted(actor, instance, lost), undefined, what);
    return SETTLED;
  } catch {
    // It was reported where it was thrown.
  }
  if (shared.endsObjects) return MOVED;
  if (actor === null || actor.broken === null) return FAILED;
  if (actor.isReset || actor.broken.retryable === true) return MOVED;
  // What is the Worker's own fault is told, so that it is not done for ever.
  if (actor.broken.message !== OVER_CPU) return FAILED;
  try {
    const next = find(target.home, target);
    if (next !== null) await call(next, (instance) => instance.stopped(OVER_CPU));
    return MOVED;
  } catch {
    return FAILED;
  }
}

/** The event itself, of an object of the platform's own. */
async function handleHosted(actor, instance, lost) {
  const { number } = actor.storage;
  const alarm = op_do_alarm_start(number, DateNow());
  if (alarm === null || alarm === undefined) return;
  let again = NaN;
  try {
    await instance.alarm(lost);
  } catch (error) {
    if (actor.broken !== null) return;
    op_report_exception("Uncaught ", error);
    again = DateNow() + RETRY_MS;
  }
  if (actor.broken === null) op_do_alarm_end(number, again);
}

/**
 * Notes in storage what becomes of an alarm that was due, without an instance:
 * `next` gives the time of the next try, or NaN. With a `time`, an alarm that
 * was set for another one is left as it is.
 */
async function note(target, time, next) {
  let end = SETTLED;
  const write = (storage) => {
    if (time !== null && op_do_alarm_get(storage) !== time) {
      // It is to be found again.
      end = MOVED;
      return;
    }
    const alarm = op_do_alarm_start(storage, DateNow());
    if (alarm !== null && alarm !== undefined) op_do_alarm_end(storage, next(alarm[1]));
  };
  try {
    if (withStorage(target.home, target, write)) return end;
    // Somebody called it meanwhile.
    const actor = find(target.home, target);
    if (actor === null) return MOVED;
    await call(actor, (_, actor) => write(actor.storage.number));
    return end;
  } catch {
    return FAILED;
  }
}

/** The event itself. */
function handle(actor, instance, lost, begun) {
  if (actor.storage === null) return undefined;
  const alarm = op_do_alarm_start(actor.storage.number, DateNow());
  if (alarm === null || alarm === undefined) return undefined;
  begun.time = alarm[0];
  const retryCount = alarm[1] + lost;
  if (typeof instance.alarm !== "function") {
    op_report_exception("", new Error(NO_HANDLER));
    op_do_alarm_end(actor.storage.number, NaN);
    return undefined;
  }
  if (retryCount > RETRIES) {
    op_do_alarm_end(actor.storage.number, NaN);
    return undefined;
  }
  const before = getAsyncContext();
  setAsyncContext(undefined);
  const timer = core.createTimer(() => {
    breakActor(actor, flagged(new Error(TOO_LONG), "durableObjectReset"));
  }, HANDLER_MS, undefined, false, false);
  setAsyncContext(before);
  const failed = (error) => {
    core.cancelTimer(timer);
    if (actor.broken !== null) return;
    op_report_exception("Uncaught ", error);
    op_do_alarm_end(actor.storage.number, nextTry(retryCount));
  };
  const done = () => {
    core.cancelTimer(timer);
    if (actor.broken === null) op_do_alarm_end(actor.storage.number, NaN);
  };
  let result;
  try {
    result = instance.alarm({ retryCount, isRetry: retryCount > 0, scheduledTime: alarm[0] });
  } catch (error) {
    failed(error);
    return undefined;
  }
  // The promise of another realm or a thenable is waited for, too.
  return new Promise((resolve) => {
    PromisePrototypeThen(PromiseResolve(result), () => {
      done();
      resolve();
    }, (error) => {
      failed(error);
      resolve();
    });
  });
}

/** When an alarm that failed is tried again; NaN: it is given up. */
function nextTry(retryCount) {
  return retryCount < RETRIES ? DateNow() + RETRY_MS * 2 ** retryCount : NaN;
}

return { run };
})();
