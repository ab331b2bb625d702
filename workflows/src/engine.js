// The engine of an instance: an object of the platform's own that lives where the
// Durable Objects of the Worker do, with their storage and alarms.
//
// Whatever an instance has to do, it does while its alarm goes off: the alarm is
// under way as long as steps run, so that it comes again at once after the process
// or the object ended in the middle. When all that is left is to wait, the alarm is
// set for the first thing that is due, and the object may leave memory. Then the
// code runs again from its begin, and steps that are done give what they gave.
(function () {
const { core, internals, primordials } = __bootstrap;
const { op_report_exception, op_workflow_engine, op_workflow_forget, op_workflow_is_there, op_workflow_note } = core.ops;
const {
  Date,
  DateNow,
  JSONParse,
  JSONStringify,
  MathMin,
  NumberIsFinite,
  ObjectPrototypeIsPrototypeOf,
  Promise,
  PromisePrototypeThen,
  PromiseResolve,
  SetPrototypeGetSize,
  String,
  TypeError,
} = primordials;
const { bodies, entrypoints, request: requests, response: responses } = internals.selvedge;
const { reset } = core.loadExtScript("ext:selvedge_durable/actor.js");
const { millis } = core.loadExtScript("ext:selvedge_workflows/durations.js");
const {
  bareMessage,
  EVENTS,
  FACTS,
  isTooLarge,
  named,
  OUTPUT,
  pack,
  PARAMS,
  plainError,
  Records,
  RESULTS,
  sortable,
  STATE,
  STEPS,
  unpack,
} = core.loadExtScript("ext:selvedge_workflows/records.js");
const { described, plain } = core.loadExtScript("ext:selvedge_workflows/view.js");
const { later, never, Run } = core.loadExtScript("ext:selvedge_workflows/run.js");
const { isEventType, isNonRetryable, makeStep } = core.loadExtScript("ext:selvedge_workflows/step.js");

/** How long what an instance left is kept after its end, unless it says less: 30 days. */
const RETENTION_MS = 30 * 86400 * 1000;
/** So often an instance may end its object without getting any further. */
const MAX_CRASHES = 5;
/** Events that may wait for an instance. */
const MAX_EVENTS = 10000;

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

/** What a command is refused with. */
function refusal(code, message) {
  return { refused: { code, message } };
}

const NOT_FOUND = refusal("instance.not_found", "Instance does not exist");

class Engine extends entrypoints.DurableObject {
  #actor;
  #Class;
  records;
  /** The Workflow's name, and how many steps an instance may have. */
  #workflow;
  limit;
  #facts;
  #state;
  #run = null;
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
    this.#actor = actor;
    this.#Class = Class;
    this.records = new Records(actor.storage);
    const { name, steps } = op_workflow_engine(actor.home.rid);
    this.#workflow = name;
    this.limit = steps;
    this.#facts = this.records.read(FACTS);
    this.#state = this.records.read(STATE);
  }

  // ----- What is kept. -----

  #save() {
    this.records.write(STATE, this.#state);
  }

  /** Says what the instance is at, to itself and to the index. */
  #become(status) {
    const state = this.#state;
    if (state.status === status) return;
    state.status = status;
    this.#save();
    // Lists may be late; the end is told with care.
    if (!isFinal(status)) PromisePrototypeThen(this.#note(), undefined, () => {});
  }

  #note() {
    const { id, created, version } = this.#facts;
    const { status, started, ended } = this.#state;
    return op_workflow_note(this.#actor.home.rid, { instance: id, status, created, started, ended, version });
  }

  #wakeAt(time) {
    if (this.#alarm === time) return;
    this.#alarm = time;
    this.records.setAlarm(time);
  }

  /** Has an alarm under way, at once if none is. */
  #hold() {
    if (this.#holder === null) this.#wakeAt(DateNow());
  }

  #letGo() {
    const holder = this.#holder;
    this.#holder = null;
    if (holder !== null) holder();
  }

  /** The place of a step among all. */
  nextOrder() {
    const state = this.#state;
    state.orders++;
    this.#save();
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
    const state = this.#state;
    if (state === undefined) return;
    if (!isFinal(state.status) && lost > MAX_CRASHES) this.fail({ name: "Error", message: CRASHED });
    if (state.status === WAITING_FOR_PAUSE && this.#run === null) this.#paused();
    if (state.status === PAUSED) return;
    if (!isFinal(state.status)) {
      const held = new Promise((resolve) => {
        this.#holder = resolve;
      });
      if (this.#run === null) this.#start(lost);
      else {
        this.#run.wakeDue();
        this.#run.check();
      }
      await held;
    }
    if (isFinal(this.#state.status)) await this.#close();
  }

  /** The instance has ended: the index learns of it, and later all of it goes. */
  async #close() {
    const state = this.#state;
    if (!state.isNoted) {
      await this.#note();
      // It may have been restarted, or taken out.
      if (this.#state !== state) return;
      state.isNoted = true;
      this.#save();
    }
    const { success, error } = this.#facts.retention;
    const until = state.ended + (state.status === COMPLETE ? success : error);
    if (DateNow() < until) {
      this.#wakeAt(until);
      return;
    }
    await op_workflow_forget(this.#actor.home.rid, this.#facts.id);
    if (this.#state === state) this.#deleteAll();
  }

  #deleteAll() {
    this.records.deleteAll();
    this.records.setAlarm(NaN);
    this.#facts = undefined;
    this.#state = undefined;
  }

  // ----- The run. -----

  #start(lost) {
    const state = this.#state;
    // Once may be somebody else's fault in the same isolate.
    this.crash = state.crash ?? (lost > 1 ? STOPPED : null);
    state.crash = null;
    if (state.crashes > MAX_CRASHES) {
      this.fail({ name: "Error", message: this.crash ?? CRASHED });
      return;
    }
    state.started ??= DateNow();
    this.#become(RUNNING);
    const run = this.#run = new Run(this, this.#actor);
    let result;
    try {
      const { WorkflowEntrypoint } = core.loadExtScript("ext:selvedge/cloudflare_workers.js");
      const { className } = this.#actor.home;
      if (!ObjectPrototypeIsPrototypeOf(WorkflowEntrypoint.prototype, this.#Class.prototype)) {
        throw new TypeError(`The class "${className}" of the Workflow "${this.#workflow}" does not extend WorkflowEntrypoint.`);
      }
      const workflow = new this.#Class(internals.contextOf(this.#actor.io), internals.env());
      if (typeof workflow.run !== "function") {
        throw new TypeError(`The class "${className}" of the Workflow "${this.#workflow}" has no method run().`);
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
    const { id, created } = this.#facts;
    return {
      payload: unpack(this.records.get(PARAMS)),
      timestamp: new Date(created),
      instanceId: id,
      workflowName: this.#workflow,
    };
  }

  #returned(run, value) {
    if (run.over) return;
    let packed;
    try {
      packed = pack(value);
      if (isTooLarge(packed)) throw named("WorkflowInternalError", "The output of the Workflow is too large. Maximum allowed size is 1MiB.");
    } catch (error) {
      this.#threw(run, error);
      return;
    }
    this.records.put(OUTPUT, packed);
    this.#end(COMPLETE);
  }

  #threw(run, error) {
    if (run.over) return;
    op_report_exception("Uncaught ", error);
    const told = plainError(error);
    if (!isNonRetryable(told)) this.fail(told);
    else if (flag("workflows_preserve_non_retryable_error_message")) {
      this.fail({ name: "NonRetryableError", message: bareMessage(told) });
    } else this.fail({ name: "WorkflowFatalError", message: NON_RETRYABLE });
  }

  /** The instance ends with an error. */
  fail(error) {
    this.#state.error = error;
    this.#end(ERRORED);
  }

  #end(status) {
    const state = this.#state;
    state.ended = DateNow();
    state.isNoted = false;
    this.#become(status);
    this.records.clear(EVENTS);
    this.#stop();
    this.#hold();
    this.#letGo();
  }

  #stop() {
    const run = this.#run;
    this.#run = null;
    if (run !== null) run.stop();
  }

  // ----- What a run asks of its engine. -----

  /** Whether no step begins any more. */
  isHalting() {
    const status = this.#state?.status;
    return status !== RUNNING && status !== WAITING;
  }

  /** Something goes on. */
  awake() {
    if (this.#state.status === WAITING) this.#become(RUNNING);
    this.#hold();
  }

  /** A step was done: the instance gets further. */
  progressed() {
    const state = this.#state;
    if (state.crashes === 0) return;
    state.crashes = 0;
    this.#save();
  }

  /** The code came to rest: what now? */
  settle() {
    const run = this.#run;
    if (run === null) return;
    if (run.active > 0) {
      run.arm();
      return;
    }
    if (this.#state.status === WAITING_FOR_PAUSE) {
      this.#paused();
      return;
    }
    // Without a step it waits for something of its own.
    if (run.waiters.length === 0) return;
    run.disarm();
    this.#become(WAITING);
    this.#wakeAt(run.next());
    this.#letGo();
  }

  #paused() {
    this.#state.paused = DateNow();
    this.#become(PAUSED);
    this.#dropRun();
    this.#wakeAt(NaN);
    this.#letGo();
  }

  /** The first event of a type that nobody took. */
  takeEvent(type) {
    const found = this.records.list(`${EVENTS}${type}:`, 1);
    if (found.length === 0) return undefined;
    this.records.delete(found[0]);
    this.#state.events--;
    this.#save();
    return unpack(found[1]);
  }

  /** Its code was stopped, for it used too much: where it ran, that was an attempt. */
  stopped(text) {
    const state = this.#state;
    if (state === undefined || isFinal(state.status)) return;
    state.crash = text;
    state.crashes++;
    this.#save();
    this.#wakeAt(DateNow());
  }

  /**
   * Ends what the code still does, when what was written is on disk and all who
   * asked have their answers: the object begins anew.
   */
  #dropRun() {
    if (this.#run === null) return;
    this.#stop();
    this.#isDropped = true;
    const actor = this.#actor;
    const drop = () => {
      const waiting = SetPrototypeGetSize(actor.calls) - (this.#isAlarmParked ? 1 : 0);
      if (waiting > 0 || !actor.io.canRelease()) later(actor, 1, drop);
      else reset(actor, "The Workflow instance was stopped.");
    };
    later(actor, 0, drop);
  }

  // ----- Commands. -----

  create({ id, params, retention, version }) {
    if (!op_workflow_is_there(this.#actor.home.rid)) return refusal("workflow.not_found", "The Workflow was deleted");
    if (this.#state !== undefined) return refusal("instance.already_exists", "Provided id already exists");
    if (isTooLarge(params)) return refusal("instance.params_too_large", "Params of a Workflow instance have up to 1MiB");
    const created = DateNow();
    const success = keptFor(retention?.successRetention);
    const error = keptFor(retention?.errorRetention);
    this.#facts = { id, workflow: this.#workflow, created, version, retention: { success, error } };
    this.records.write(FACTS, this.#facts);
    this.records.put(PARAMS, params);
    this.#begin();
    return { id };
  }

  /** From the begin, as if nothing had been. */
  #begin() {
    this.#state = {
      status: "",
      started: null,
      ended: null,
      error: null,
      paused: null,
      orders: 0,
      events: 0,
      crash: null,
      crashes: 0,
      isNoted: false,
    };
    this.#become(QUEUED);
    this.#wakeAt(DateNow());
  }

  status() {
    const state = this.#state;
    if (state === undefined) return NOT_FOUND;
    const { status, error } = state;
    return { status, error, output: status === COMPLETE ? this.records.get(OUTPUT) : null };
  }

  pause() {
    const state = this.#state;
    if (state === undefined) return NOT_FOUND;
    switch (state.status) {
      case RUNNING:
        this.#become(WAITING_FOR_PAUSE);
        if (this.#run === null) this.#paused();
        else this.#run.check();
        break;
      case QUEUED:
      case WAITING:
        this.#paused();
        break;
    }
    return {};
  }

  resume() {
    const state = this.#state;
    if (state === undefined) return NOT_FOUND;
    if (state.status === WAITING_FOR_PAUSE) {
      this.#become(RUNNING);
      this.#hold();
    } else if (state.status === PAUSED) {
      // What waited goes on waiting for as long as it had to.
      this.#shift(DateNow() - (state.paused ?? DateNow()));
      state.paused = null;
      this.#become(QUEUED);
      this.#wakeAt(DateNow());
    }
    return {};
  }

  #shift(by) {
    const steps = this.records.steps();
    for (let i = 0; i < steps.length; i++) {
      const { 0: key, 1: step } = steps[i];
      if (step.done) continue;
      if (step.at !== undefined) step.at += by;
      if (typeof step.retryAt === "number") step.retryAt += by;
      this.records.write(key, step);
    }
  }

  terminate({ rollback } = {}) {
    const state = this.#state;
    if (state === undefined) return NOT_FOUND;
    if (rollback) return refusal("instance.cannot_terminate", "Selvedge does not roll back the steps of a Workflow");
    if (isFinal(state.status)) {
      return refusal("instance.cannot_terminate", "Cannot terminate instance since its on a finite state");
    }
    this.#dropRun();
    this.#end(TERMINATED);
    return {};
  }

  restart({ from } = {}) {
    const state = this.#state;
    if (state === undefined) return NOT_FOUND;
    if (from !== undefined && from !== null) {
      return refusal("instance.cannot_restart", "Selvedge restarts a Workflow instance from its begin, and from no other step");
    }
    this.#dropRun();
    this.records.clear(STEPS, RESULTS, EVENTS);
    this.records.delete(OUTPUT);
    this.#begin();
    this.#letGo();
    return {};
  }

  sendEvent({ type, payload }) {
    const state = this.#state;
    if (state === undefined) return NOT_FOUND;
    if (!isEventType(type)) {
      return refusal("event.invalid_type", 'The type of an event has up to 100 letters, digits, "-" and "_"');
    }
    if (isTooLarge(payload)) return refusal("event.too_large", "The payload of an event has up to 1MiB");
    if (isFinal(state.status)) {
      return refusal("instance.cannot_send_event", "Cannot send event to instance since its on a finite state");
    }
    const event = { type, payload, timestamp: DateNow() };
    const waiter = state.status === RUNNING || state.status === WAITING ? this.#run?.waiterFor(type) ?? null : null;
    if (waiter !== null) {
      this.#run.remove(waiter);
      this.awake();
      waiter.take(event);
      this.#run.check();
      return {};
    }
    if (state.events >= MAX_EVENTS) return refusal("event.too_many", `No more than ${MAX_EVENTS} events wait for an instance`);
    state.events++;
    state.orders++;
    this.#save();
    this.records.write(`${EVENTS}${type}:${sortable(state.orders)}`, event);
    // It may wait for that, and not be in memory.
    if (this.#run === null && state.status !== PAUSED) this.#hold();
    return {};
  }

  /** Takes the instance out, whatever it does. */
  async remove() {
    if (this.#state === undefined) return NOT_FOUND;
    const { id } = this.#facts;
    this.#dropRun();
    this.#deleteAll();
    this.#letGo();
    await op_workflow_forget(this.#actor.home.rid, id);
    return {};
  }

  /** All of the instance, as Cloudflare's API tells it. */
  describe() {
    const state = this.#state;
    if (state === undefined) return NOT_FOUND;
    return described(this.#facts, state, this.records);
  }

  // ----- Commands of the server, which are requests with JSON. -----

  async fetch(request) {
    const { body } = requests.partsOf(request);
    const { command, argument } = JSONParse(await bodies.consumeText(body));
    if (command === "create") argument.params = pack(argument.params);
    if (command === "sendEvent") argument.payload = pack(argument.payload);
    let answer = refusal("unknown", `There is no command "${String(command)}"`);
    if (COMMANDS[command] === true) answer = await this[command](argument ?? {});
    if (command === "status" && answer.refused === undefined) answer = { ...answer, output: plain(unpack(answer.output)) };
    return new responses.Response(JSONStringify(answer));
  }
}

/** What the server may ask for. */
const COMMANDS = {
  __proto__: null,
  create: true,
  describe: true,
  pause: true,
  remove: true,
  restart: true,
  resume: true,
  sendEvent: true,
  status: true,
  terminate: true,
};

/** For how long what an instance left is kept, in milliseconds. */
function keptFor(retention) {
  const ms = retention === undefined || retention === null ? RETENTION_MS : millis(retention);
  return NumberIsFinite(ms) && ms >= 0 ? MathMin(ms, RETENTION_MS) : RETENTION_MS;
}

function flag(name) {
  return JSONParse(internals.shared.flags)[name] === true;
}

return { begin: (actor, Class) => new Engine(actor, Class) };
})();
