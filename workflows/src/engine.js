// The engine of an instance: what can be asked of it, from Workers and by the server.
// What it does of its own accord is in `life.js`.
(function () {
const { core, internals, primordials } = __bootstrap;
const { op_workflow_forget, op_workflow_is_there } = core.ops;
const { ArrayPrototypeSlice, DateNow, JSONParse, JSONStringify, MathMin, NumberIsFinite, String, StringPrototypeSlice } =
  primordials;
const { bodies, request: requests, response: responses } = internals.selvedge;
const { millis } = core.loadExtScript("ext:selvedge_workflows/durations.js");
const { COMPLETE, isFinal, isUndoing, Life, PAUSED, QUEUED, RUNNING, TERMINATED, WAITING, WAITING_FOR_PAUSE } =
  core.loadExtScript("ext:selvedge_workflows/life.js");
const { EVENTS, FACTS, isTooLarge, OUTPUT, pack, PARAMS, sortable, STEPS, UNDOS, unpack } =
  core.loadExtScript("ext:selvedge_workflows/records.js");
const { toUndo } = core.loadExtScript("ext:selvedge_workflows/rollback.js");
const { isEventType } = core.loadExtScript("ext:selvedge_workflows/step.js");
const { described, plain } = core.loadExtScript("ext:selvedge_workflows/view.js");

/** How long what an instance left is kept after its end, unless it says less: 30 days. */
const RETENTION_MS = 30 * 86400 * 1000;
/** Events that may wait for an instance. */
const MAX_EVENTS = 10000;
/** What steps are called in `restart({ from })`, and in their records. */
const KINDS = { __proto__: null, do: "step", sleep: "sleep", waitForEvent: "waitForEvent" };
/** What those learn who undo the steps of an instance that is terminated. */
const TERMINATED_CAUSE = { name: "Terminated", message: "Instance terminated during rollback" };

/** What a command is refused with. */
function refusal(code, message) {
  return { refused: { code, message } };
}

const NOT_FOUND = refusal("instance.not_found", "Instance does not exist");

class Engine extends Life {
  create({ id, params, retention, version }) {
    if (!op_workflow_is_there(this.actor.home.rid)) return refusal("workflow.not_found", "The Workflow was deleted");
    if (this.state !== undefined) return refusal("instance.already_exists", "Provided id already exists");
    if (isTooLarge(params)) return refusal("instance.params_too_large", "Params of a Workflow instance have up to 1MiB");
    const created = DateNow();
    const success = keptFor(retention?.successRetention);
    const error = keptFor(retention?.errorRetention);
    this.facts = { id, workflow: this.workflow, created, version, retention: { success, error } };
    this.records.write(FACTS, this.facts);
    this.records.put(PARAMS, params);
    this.#begin();
    return { id };
  }

  /** From the begin, as if nothing had been. */
  #begin() {
    this.state = {
      status: "",
      started: null,
      ended: null,
      error: null,
      paused: null,
      undo: null,
      undone: null,
      orders: 0,
      events: 0,
      crash: null,
      crashes: 0,
      isNoted: false,
    };
    this.become(QUEUED);
    this.wakeAt(DateNow());
  }

  status() {
    const state = this.state;
    if (state === undefined) return NOT_FOUND;
    const { status, error } = state;
    return { status, error, output: status === COMPLETE ? this.records.get(OUTPUT) : null };
  }

  pause() {
    const state = this.state;
    if (state === undefined) return NOT_FOUND;
    // What is undone is undone to the end.
    if (isUndoing(state)) return {};
    switch (state.status) {
      case RUNNING:
        this.become(WAITING_FOR_PAUSE);
        if (this.run === null) this.paused();
        else this.run.check();
        break;
      case QUEUED:
      case WAITING:
        this.paused();
        break;
    }
    return {};
  }

  resume() {
    const state = this.state;
    if (state === undefined) return NOT_FOUND;
    if (state.status === WAITING_FOR_PAUSE) {
      this.become(RUNNING);
      this.hold();
    } else if (state.status === PAUSED) {
      // What waited goes on waiting for as long as it had to.
      this.#shift(DateNow() - (state.paused ?? DateNow()));
      state.paused = null;
      this.become(QUEUED);
      this.wakeAt(DateNow());
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
    const state = this.state;
    if (state === undefined) return NOT_FOUND;
    if (isFinal(state.status)) {
      return refusal("instance.cannot_terminate", "Cannot terminate instance since its on a finite state");
    }
    if (rollback) return this.#terminateWithRollback();
    this.dropRun();
    this.end(TERMINATED);
    return {};
  }

  /** The code runs again for the functions that undo its steps: it may be anywhere now. */
  #terminateWithRollback() {
    const state = this.state;
    if (isUndoing(state)) return {};
    this.dropRun();
    if (toUndo(this.records).length === 0) {
      this.end(TERMINATED);
      return {};
    }
    state.undo = { status: TERMINATED, cause: TERMINATED_CAUSE };
    state.paused = null;
    this.become(QUEUED);
    this.save();
    this.wakeAt(DateNow());
    this.letGo();
    return {};
  }

  restart({ from } = {}) {
    const state = this.state;
    if (state === undefined) return NOT_FOUND;
    let again = this.records.steps();
    let before = [];
    if (from !== undefined && from !== null) {
      const at = placeOf(again, from);
      if (at < 0) return refusal("instance.cannot_restart", `Step "${from.name}" not found in execution history`);
      before = ArrayPrototypeSlice(again, 0, at);
      again = ArrayPrototypeSlice(again, at);
    }
    this.dropRun();
    for (let i = 0; i < again.length; i++) this.#forgetStep(again[i][0]);
    this.records.clear(UNDOS, EVENTS);
    this.records.delete(OUTPUT);
    this.#begin();
    // What was undone is not done any more, for who asks; but it gives what it gave.
    for (let i = 0; i < before.length; i++) {
      const { 0: key, 1: step } = before[i];
      this.state.orders = step.order;
      if (step.undone === undefined) continue;
      step.undone = undefined;
      this.records.write(key, step);
    }
    this.save();
    this.letGo();
    return {};
  }

  #forgetStep(key) {
    this.records.forget(StringPrototypeSlice(key, STEPS.length));
  }

  sendEvent({ type, payload }) {
    const state = this.state;
    if (state === undefined) return NOT_FOUND;
    if (!isEventType(type)) {
      return refusal("event.invalid_type", 'The type of an event has up to 100 letters, digits, "-" and "_"');
    }
    if (isTooLarge(payload)) return refusal("event.too_large", "The payload of an event has up to 1MiB");
    if (isFinal(state.status)) {
      return refusal("instance.cannot_send_event", "Cannot send event to instance since its on a finite state");
    }
    const event = { type, payload, timestamp: DateNow() };
    const waiter = state.status === RUNNING || state.status === WAITING ? this.run?.waiterFor(type) ?? null : null;
    if (waiter !== null) {
      this.run.remove(waiter);
      this.awake();
      waiter.take(event);
      this.run.check();
      return {};
    }
    if (state.events >= MAX_EVENTS) return refusal("event.too_many", `No more than ${MAX_EVENTS} events wait for an instance`);
    state.events++;
    state.orders++;
    this.save();
    this.records.write(`${EVENTS}${type}:${sortable(state.orders)}`, event);
    // It may wait for that, and not be in memory.
    if (this.run === null && state.status !== PAUSED) this.hold();
    return {};
  }

  /** Takes the instance out, whatever it does. */
  async remove() {
    if (this.state === undefined) return NOT_FOUND;
    const { id } = this.facts;
    this.dropRun();
    this.deleteAll();
    this.letGo();
    await op_workflow_forget(this.actor.home.rid, id);
    return {};
  }

  /** All of the instance, as Cloudflare's API tells it. */
  describe() {
    const state = this.state;
    if (state === undefined) return NOT_FOUND;
    return described(this.facts, state, this.records);
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

/** Where a step is among those that there are; -1 if it is none of them. */
function placeOf(steps, { name, count, type }) {
  const kind = KINDS[type ?? "do"];
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i][1];
    if (step.kind === kind && step.name === name && step.count === (count ?? 1)) return i;
  }
  return -1;
}

return { begin: (actor, Class) => new Engine(actor, Class) };
})();
