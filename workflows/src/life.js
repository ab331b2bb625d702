// The life of an instance: an object of the platform's own that lives where the
// Durable Objects of the Worker do, with their storage and alarms.
//
// Whatever an instance has to do, it does while its alarm goes off: the alarm is
// under way as long as steps run, so that it comes again at once after the process
// or the object ended in the middle. When all that is left is to wait, the alarm is
// set for the first thing that is due, and the object may leave memory. Then the
// code runs again from its begin, and steps that are done give what they gave.
//
// An instance that fails, or is to end so, first undoes its steps, see `rollback.js`.
// Where that goes on in another process, the code runs again for the functions that
// do it, as far as it came, and no step begins.
(function () {
const { core, internals, primordials } = __bootstrap;
const { op_report_exception, op_workflow_engine, op_workflow_forget, op_workflow_note } = core.ops;
const {
  Date,
  DateNow,
  ObjectPrototypeIsPrototypeOf,
  Promise,
  PromisePrototypeThen,
  PromiseResolve,
  SetPrototypeGetSize,
  TypeError,
} = primordials;
const { entrypoints } = internals.selvedge;
const { reset } = core.loadExtScript("ext:selvedge_durable/actor.js");
const { bareMessage, EVENTS, FACTS, isTooLarge, named, OUTPUT, pack, PARAMS, plainError, Records, STATE, unpack } =
  core.loadExtScript("ext:selvedge_workflows/records.js");
const { isNonRetryable } = core.loadExtScript("ext:selvedge_workflows/doing.js");
const { knowsAll, toUndo, undoAll } = core.loadExtScript("ext:selvedge_workflows/rollback.js");
const { later, never, Run } = core.loadExtScript("ext:selvedge_workflows/run.js");
const { makeStep } = core.loadExtScript("ext:selvedge_workflows/step.js");

/** So often an instance may end its object without getting any further. */
const MAX_CRASHES = 5;
/** How long code that runs again for its rollbacks has to come where it was, in milliseconds. */
const REPLAY_MS = 5000;
/** How often it is looked whether it did. */
const REPLAY_LOOK_MS = 100;

const QUEUED = "queued";
const RUNNING = "running";
const PAUSED = "paused";
const ERRORED = "errored";
const TERMINATED = "terminated";
const COMPLETE = "complete";
const WAITING = "waiting";
const WAITING_FOR_PAUSE = "waitingForPause";

const NON_RETRYABLE =
  "The execution of the Workflow instance was terminated, as a step threw an NonRetryableError and it was not handled";
const STOPPED = "The code of the step was stopped: it used too much CPU time or memory, or its isolate was lost.";
const CRASHED = "The Workflow instance ended its isolate each time that it ran: it used too much memory, or the isolate was lost.";

function isFinal(status) {
  return status === ERRORED || status === TERMINATED || status === COMPLETE;
}

class Life extends entrypoints.DurableObject {
  actor;
  #Class;
  records;
  /** The Workflow's name, and how many steps an instance may have. */
  workflow;
  limit;
  facts;
  state;
  run = null;
  /** Ends the alarm that is under way. */
  #holder = null;
  /** Whether the object ends as soon as nobody waits for it, and whether its alarm waits for that. */
  #isDropped = false;
  #isAlarmParked = false;
  /** When the object is woken, as it was last set. */
  #alarm = NaN;
  /** Why the last run was stopped, if that was its own fault. */
  crash = null;

  constructor(actor, Class) {
    super(actor.ctx, internals.env());
    this.actor = actor;
    this.#Class = Class;
    this.records = new Records(actor.storage);
    const { name, steps } = op_workflow_engine(actor.home.rid);
    this.workflow = name;
    this.limit = steps;
    this.facts = this.records.read(FACTS);
    this.state = this.records.read(STATE);
  }

  // ----- What is kept. -----

  save() {
    this.records.write(STATE, this.state);
  }

  /** Says what the instance is at, to itself and to the index. */
  become(status) {
    const state = this.state;
    if (state.status === status) return;
    state.status = status;
    this.save();
    // Lists may be late; the end is told with care.
    if (!isFinal(status)) PromisePrototypeThen(this.#note(), undefined, () => {});
  }

  #note() {
    const { id, created, version } = this.facts;
    const { status, started, ended } = this.state;
    return op_workflow_note(this.actor.home.rid, { instance: id, status, created, started, ended, version });
  }

  wakeAt(time) {
    if (this.#alarm === time) return;
    this.#alarm = time;
    this.records.setAlarm(time);
  }

  /** Has an alarm under way, at once if none is. */
  hold() {
    if (this.#holder === null) this.wakeAt(DateNow());
  }

  letGo() {
    const holder = this.#holder;
    this.#holder = null;
    if (holder !== null) holder();
  }

  /** The place of a step among all. */
  nextOrder() {
    const state = this.state;
    state.orders++;
    this.save();
    return state.orders;
  }

  // ----- The alarm. -----

  /** It went off; `lost` tells how often the object did not get to the end of it. */
  async alarm(lost) {
    this.#alarm = NaN;
    if (this.#isDropped) {
      this.#isAlarmParked = true;
      await never();
    }
    const state = this.state;
    if (state === undefined) return;
    if (!isFinal(state.status) && lost > MAX_CRASHES) this.#crashed(CRASHED);
    if (state.status === WAITING_FOR_PAUSE && this.run === null) this.paused();
    if (state.status === PAUSED) return;
    if (!isFinal(state.status)) {
      const held = new Promise((resolve) => {
        this.#holder = resolve;
      });
      if (this.run === null) this.#start(lost);
      else {
        this.run.wakeDue();
        this.run.check();
      }
      await held;
    }
    if (isFinal(this.state.status)) await this.#close();
  }

  /** The instance has ended: the index learns of it, and later all of it goes. */
  async #close() {
    const state = this.state;
    if (!state.isNoted) {
      await this.#note();
      // It may have been restarted, or taken out.
      if (this.state !== state) return;
      state.isNoted = true;
      this.save();
    }
    const { success, error } = this.facts.retention;
    const until = state.ended + (state.status === COMPLETE ? success : error);
    if (DateNow() < until) {
      this.wakeAt(until);
      return;
    }
    await op_workflow_forget(this.actor.home.rid, this.facts.id);
    if (this.state === state) this.deleteAll();
  }

  deleteAll() {
    this.records.deleteAll();
    this.records.setAlarm(NaN);
    this.facts = undefined;
    this.state = undefined;
  }

  // ----- The run. -----

  #start(lost) {
    const state = this.state;
    // Once may be somebody else's fault in the same isolate.
    this.crash = state.crash ?? (lost > 1 ? STOPPED : null);
    state.crash = null;
    if (state.crashes > MAX_CRASHES) {
      this.#crashed(this.crash ?? CRASHED);
      return;
    }
    state.started ??= DateNow();
    this.become(RUNNING);
    const run = this.run = new Run(this, this.actor);
    run.isReplay = isUndoing(state);
    let result;
    try {
      const { WorkflowEntrypoint } = core.loadExtScript("ext:selvedge/cloudflare_workers.js");
      const { className } = this.actor.home;
      if (!ObjectPrototypeIsPrototypeOf(WorkflowEntrypoint.prototype, this.#Class.prototype)) {
        throw new TypeError(`The class "${className}" of the Workflow "${this.workflow}" does not extend WorkflowEntrypoint.`);
      }
      const workflow = new this.#Class(internals.contextOf(this.actor.io), internals.env());
      if (typeof workflow.run !== "function") {
        throw new TypeError(`The class "${className}" of the Workflow "${this.workflow}" has no method run().`);
      }
      result = workflow.run(this.#event(), makeStep(run));
    } catch (error) {
      this.#threw(run, error);
      return;
    }
    PromisePrototypeThen(
      PromiseResolve(result),
      (value) => this.#returned(run, value),
      (error) => this.#threw(run, error),
    );
    run.check();
  }

  /** What run() is called with. */
  #event() {
    const { id, created } = this.facts;
    return {
      payload: unpack(this.records.get(PARAMS)),
      timestamp: new Date(created),
      instanceId: id,
      workflowName: this.workflow,
    };
  }

  #returned(run, value) {
    if (run.over) return;
    if (run.isReplay) {
      this.#undo(run);
      return;
    }
    let packed;
    try {
      packed = pack(value);
      if (isTooLarge(packed)) throw named("WorkflowInternalError", "The output of the Workflow is too large. Maximum allowed size is 1MiB.");
    } catch (error) {
      this.#threw(run, error);
      return;
    }
    this.records.put(OUTPUT, packed);
    this.end(COMPLETE);
  }

  #threw(run, error) {
    if (run.over) return;
    if (run.isReplay) {
      this.#undo(run);
      return;
    }
    op_report_exception("Uncaught ", error);
    const told = plainError(error);
    if (!isNonRetryable(told)) this.fail(told);
    else if (!internals.isOff("workflows_preserve_non_retryable_error_message")) {
      this.fail({ name: "NonRetryableError", message: bareMessage(told) }, told);
    } else this.fail({ name: "WorkflowFatalError", message: NON_RETRYABLE }, told);
  }

  /** The instance ends with an error, when its steps are undone; `cause` is what those learn who do it. */
  fail(error, cause = error) {
    const state = this.state;
    state.error = error;
    if (toUndo(this.records).length === 0) {
      this.end(ERRORED);
      return;
    }
    state.undo = { status: ERRORED, cause };
    this.save();
    this.#undo(this.run);
  }

  /** It cannot run any more, so that nothing is undone, or not all of it. */
  #crashed(message) {
    const state = this.state;
    if (isUndoing(state)) {
      state.undone = "failed";
      this.end(state.undo.status);
      return;
    }
    state.error = { name: "Error", message };
    this.end(ERRORED);
  }

  /** Undoes the steps, with the functions that a run knows. What its code still does has no effect. */
  #undo(known) {
    const { status, cause } = this.state.undo;
    known.stop();
    const run = this.run = new Run(this, this.actor);
    run.undoers = known.undoers;
    if (this.state.status !== RUNNING) this.become(RUNNING);
    this.hold();
    PromisePrototypeThen(undoAll(run, cause), (outcome) => {
      if (run.over) return;
      this.state.undone = outcome;
      this.end(status);
    });
  }

  end(status) {
    const state = this.state;
    state.ended = DateNow();
    state.isNoted = false;
    this.become(status);
    this.records.clear(EVENTS);
    this.#stop();
    this.hold();
    this.letGo();
  }

  #stop() {
    const run = this.run;
    this.run = null;
    if (run !== null) run.stop();
  }

  // ----- What a run asks of its engine. -----

  /** Whether no step begins any more, or none is undone. */
  isHalting(isUndo = false) {
    const state = this.state;
    if (state === undefined || isUndoing(state) !== isUndo) return true;
    return state.status !== RUNNING && state.status !== WAITING;
  }

  /** Whether its steps are being undone. */
  isInRollback() {
    const state = this.state;
    return state !== undefined && isUndoing(state) && !isFinal(state.status);
  }

  /** Something goes on. */
  awake() {
    if (this.state.status === WAITING) this.become(RUNNING);
    this.hold();
  }

  /** A step was done: the instance gets further. */
  progressed() {
    const state = this.state;
    if (state.crashes === 0) return;
    state.crashes = 0;
    this.save();
  }

  /** The code came to rest: what now? */
  settle() {
    const run = this.run;
    if (run === null) return;
    if (run.isReplay) {
      this.#settleReplay(run);
      return;
    }
    if (run.active > 0) {
      run.arm();
      return;
    }
    if (this.state.status === WAITING_FOR_PAUSE) {
      this.paused();
      return;
    }
    // Without a step it waits for something of its own.
    if (run.waiters.length === 0) return;
    run.disarm();
    this.become(WAITING);
    this.wakeAt(run.next());
    this.letGo();
  }

  /** The code came as far as it can without beginning a step: all that it did is undone. */
  #settleReplay(run) {
    if (!run.isAtRest) return;
    run.since ??= DateNow();
    if (knowsAll(run) || DateNow() - run.since >= REPLAY_MS) this.#undo(run);
    else later(this.actor, REPLAY_LOOK_MS, () => run.check());
  }

  paused() {
    this.state.paused = DateNow();
    this.become(PAUSED);
    this.dropRun();
    this.wakeAt(NaN);
    this.letGo();
  }

  /** The first event of a type that nobody took. */
  takeEvent(type) {
    const found = this.records.list(`${EVENTS}${type}:`, 1);
    if (found.length === 0) return undefined;
    this.records.delete(found[0]);
    this.state.events--;
    this.save();
    return unpack(found[1]);
  }

  /** Its code was stopped, for it used too much: where it ran, that was an attempt. */
  stopped(text) {
    const state = this.state;
    if (state === undefined || isFinal(state.status)) return;
    state.crash = text;
    state.crashes++;
    this.save();
    this.wakeAt(DateNow());
  }

  /**
   * Ends what the code still does, when what was written is on disk and all who
   * asked have their answers: the object begins anew.
   */
  dropRun() {
    if (this.run === null) return;
    this.#stop();
    this.#isDropped = true;
    const actor = this.actor;
    const drop = () => {
      const waiting = SetPrototypeGetSize(actor.calls) - (this.#isAlarmParked ? 1 : 0);
      if (waiting > 0 || !actor.io.canRelease()) later(actor, 1, drop);
      else reset(actor, "The Workflow instance was stopped.");
    };
    later(actor, 0, drop);
  }
}

/** Whether the steps of an instance are being undone. */
function isUndoing(state) {
  return state.undo !== undefined && state.undo !== null;
}

return {
  isFinal,
  isUndoing,
  Life,
  COMPLETE,
  PAUSED,
  QUEUED,
  RUNNING,
  TERMINATED,
  WAITING,
  WAITING_FOR_PAUSE,
};
})();
