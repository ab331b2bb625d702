// Workflows: a Workflow in `env`, and its instances, as
// https://developers.cloudflare.com/workflows/build/workers-api/ has them. What is
// asked of an instance goes to its object, wherever that lives.
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  op_do_class,
  op_do_id_named,
  op_do_namespace,
  op_workflow_call,
  op_workflow_namespace,
} = core.ops;
const {
  ArrayIsArray,
  ArrayPrototypePush,
  Error,
  Number,
  ObjectDefineProperty,
  Promise,
  PromisePrototypeThen,
  PromiseReject,
  ReflectApply,
  RegExpPrototypeExec,
  SafeRegExp,
  String,
  SymbolToStringTag,
  TypeError,
} = primordials;
const { homeOf } = core.loadExtScript("ext:selvedge_durable/actor.js");
const { idOf } = core.loadExtScript("ext:selvedge_durable/namespace.js");
const { remoteStub } = core.loadExtScript("ext:selvedge_durable/rpc.js");
const { millis } = core.loadExtScript("ext:selvedge_workflows/durations.js");
const { named, pack, unpack } = core.loadExtScript("ext:selvedge_workflows/records.js");

const internal = { __proto__: null };

/** Instances that one call makes, at most. */
const MAX_BATCH = 100;
const ID = new SafeRegExp("^[a-zA-Z0-9_][a-zA-Z0-9-_]*$");
const MAX_ID = 100;

const ILLEGAL_INVOCATION = "Illegal invocation: function called with incorrect `this` reference. " +
  "See https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details.";

function workflowError({ code, message }) {
  return named("WorkflowError", `(${code}) ${message}`);
}

/** Asks the object of an instance: `command` is one of its engine's. */
async function ask(home, id, command, argument) {
  op_workflow_call();
  const hex = op_do_id_named(home.rid, id, "");
  const target = { __proto__: null, home, hex, id: idOf(home, hex, id), name: id, jurisdiction: undefined };
  // A new one each time: one that broke leads nowhere any more.
  const stub = remoteStub({ __proto__: null }, { __proto__: null }, target, { __proto__: null, broken: null }, null, true);
  const answer = ReflectApply(stub[command], undefined, argument === undefined ? [] : [argument]);
  return await new Promise((resolve, reject) => answer.then(resolve, reject));
}

/** The same; what is refused is thrown. */
async function asked(home, id, command, argument) {
  const answer = await ask(home, id, command, argument);
  if (answer.refused !== undefined) throw workflowError(answer.refused);
  return answer;
}

function isObject(value) {
  return typeof value === "object" && value !== null;
}

/** The options of a new instance, as its engine takes them. */
function newInstance(options) {
  if (options !== undefined && options !== null && !isObject(options)) {
    throw new TypeError("The options of a Workflow instance are not an object.");
  }
  const { id, params, retention } = options ?? {};
  const name = id === undefined ? core.loadExtScript("ext:selvedge/crypto.js").crypto.randomUUID() : id;
  if (typeof name !== "string" || name.length > MAX_ID || RegExpPrototypeExec(ID, name) === null) {
    throw named("WorkflowError", "Workflow instance has invalid id");
  }
  return { id: name, params: pack(params === undefined ? {} : params), retention: checkedRetention(retention) };
}

function checkedRetention(retention) {
  if (retention === undefined || retention === null) return undefined;
  const checked = {};
  const names = ["successRetention", "errorRetention"];
  for (let i = 0; i < names.length; i++) {
    const value = retention[names[i]];
    if (value === undefined) continue;
    if (!(millis(value) >= 0)) throw named("WorkflowError", `${names[i]} of a Workflow instance is no duration`);
    checked[names[i]] = value;
  }
  return checked;
}

class InstanceImpl {
  #home;

  constructor(marker, home, id) {
    if (marker !== internal) throw new TypeError("Illegal constructor");
    this.#home = home;
    this.id = id;
  }

  static async #ask(self, command, argument = undefined) {
    if (!isObject(self) || !(#home in self)) throw new TypeError(ILLEGAL_INVOCATION);
    return await asked(self.#home, String(self.id), command, argument);
  }

  async pause() {
    await InstanceImpl.#ask(this, "pause");
  }

  async resume() {
    await InstanceImpl.#ask(this, "resume");
  }

  async terminate(options = undefined) {
    await InstanceImpl.#ask(this, "terminate", { rollback: options?.rollback === true });
  }

  async restart(options = undefined) {
    await InstanceImpl.#ask(this, "restart", { from: plainFrom(options?.from) });
  }

  async status() {
    const { status, error, output } = await InstanceImpl.#ask(this, "status");
    const told = { status };
    if (error !== null) told.error = { name: error.name, message: error.message };
    told.output = unpack(output);
    return told;
  }

  async sendEvent(event) {
    if (!isObject(event)) throw new TypeError("The event for a Workflow instance is not an object.");
    const { type, payload } = event;
    await InstanceImpl.#ask(this, "sendEvent", { type: String(type), payload: pack(payload) });
  }
}

/** The step from which an instance begins again, as its engine takes it; null: the first one. */
function plainFrom(from) {
  if (from === undefined || from === null) return null;
  if (!isObject(from) || typeof from.name !== "string") {
    throw new TypeError("The step to restart a Workflow instance from is no object with a name.");
  }
  const { name, count, type } = from;
  return { name, count: count === undefined ? 1 : Number(count), type: type === undefined ? "do" : String(type) };
}

class WorkflowImpl {
  #home;

  constructor(marker, home) {
    if (marker !== internal) throw new TypeError("Illegal constructor");
    this.#home = home;
  }

  static #homeOf(self) {
    if (!isObject(self) || !(#home in self)) throw new TypeError(ILLEGAL_INVOCATION);
    return self.#home;
  }

  async get(id) {
    const home = WorkflowImpl.#homeOf(this);
    const name = String(id);
    const answer = await ask(home, name, "status");
    if (answer.refused !== undefined) throw new Error(answer.refused.code);
    return new InstanceImpl(internal, home, name);
  }

  async create(options = undefined) {
    const home = WorkflowImpl.#homeOf(this);
    const instance = newInstance(options);
    await asked(home, instance.id, "create", instance);
    return new InstanceImpl(internal, home, instance.id);
  }

  async createBatch(batch) {
    const home = WorkflowImpl.#homeOf(this);
    if (!ArrayIsArray(batch)) throw new TypeError("The batch of Workflow instances is not an array.");
    if (batch.length === 0) throw new Error("WorkflowError: batchCreate should have at least 1 instance");
    if (batch.length > MAX_BATCH) throw new Error(`WorkflowError: batchCreate should have at most ${MAX_BATCH} instances`);
    const wanted = [];
    for (let i = 0; i < batch.length; i++) ArrayPrototypePush(wanted, newInstance(batch[i]));
    const answers = [];
    for (let i = 0; i < wanted.length; i++) ArrayPrototypePush(answers, ask(home, wanted[i].id, "create", wanted[i]));
    // One that is there already is left as it is, and not among the results.
    const made = [];
    for (let i = 0; i < answers.length; i++) {
      const { refused } = await answers[i];
      if (refused === undefined) ArrayPrototypePush(made, new InstanceImpl(internal, home, wanted[i].id));
      else if (refused.code !== "instance.already_exists") throw workflowError(refused);
    }
    return made;
  }
}

const classes = [[WorkflowImpl, "WorkflowImpl"], [InstanceImpl, "InstanceImpl"]];
for (let i = 0; i < classes.length; i++) {
  ObjectDefineProperty(classes[i][0].prototype, SymbolToStringTag, {
    __proto__: null,
    value: classes[i][1],
    configurable: true,
  });
}

function bind(rid, _name) {
  const namespace = op_workflow_namespace(rid);
  return new WorkflowImpl(internal, homeOf(op_do_namespace(namespace), op_do_class(namespace), namespace));
}

return { bind };
})();
