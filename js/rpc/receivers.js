// Where calls begin on the callee's side: a fresh context with an instance of
// an entrypoint for each session, or a Durable Object's own
// (https://developers.cloudflare.com/workers/runtime-apis/rpc/).
(function () {
const { core, internals, primordials } = __bootstrap;
const { op_rpc_here, op_rpc_open, op_rpc_subrequest } = core.ops;
const {
  ArrayPrototypeJoin,
  PromisePrototypeThen,
  PromiseResolve,
  SetPrototypeAdd,
  SetPrototypeDelete,
} = primordials;
const { entrypoints, io: contexts } = internals.selvedge;
const { getAsyncContext, setAsyncContext } = core;
const { CANCELED } = core.loadExtScript("ext:selvedge/rpc/errors.js");
const { encodeThrown, failure } = core.loadExtScript("ext:selvedge/rpc/exceptions.js");
const { release } = core.loadExtScript("ext:selvedge/rpc/messages.js");
const { Capability, invoke, stateOf } = core.loadExtScript("ext:selvedge/rpc/capabilities.js");
const rpc = internals.rpc;

/** Runs something as a turn of a context that is nobody's but its own. */
function runSoon(io, event) {
  const before = getAsyncContext();
  setAsyncContext(io);
  PromisePrototypeThen(PromiseResolve(), () => {
    if (!io.over) contexts.resumed(io);
    event();
  });
  setAsyncContext(before);
}

/** Lets a call into a context: past its gate, if it has one. */
function deliver(io, answer, event) {
  if (io.gate !== null) {
    io.deliver(event, (error) => answer.fail(encodeThrown(error, io)));
    return;
  }
  runSoon(io, () => {
    if (io.over) answer.fail(failure(CANCELED));
    else event();
  });
}

/** The entrypoint of this Worker that a session begins with. It takes one call. */
class Entrypoint extends Capability {
  /** The state of the context that calls; `null` for another isolate's. */
  #caller;
  #name;
  #props;
  /** The number of what leads there, for the one call. */
  #via;
  /** Called with the state of the callee's context. */
  #opened;
  /** `env`, where the call has one of its own. */
  #env;

  constructor(caller, name, props, via, opened = null, env = undefined) {
    super();
    this.#caller = caller;
    this.#name = name;
    this.#props = props;
    this.#via = via;
    this.#opened = opened;
    this.#env = env;
  }

  send(path, args, answer) {
    const io = new contexts.IoContext(op_rpc_open(this.#name ?? "", ArrayPrototypeJoin(path, "."), this.#via));
    const state = stateOf(io);
    state.isCallee = true;
    if (this.#caller !== null) {
      state.parent = this.#caller;
      SetPrototypeAdd(this.#caller.children, state);
    }
    SetPrototypeAdd(state.running, answer);
    if (this.#opened !== null) {
      state.isRemote = true;
      this.#opened(state);
    }
    const env = this.#env;
    runSoon(io, () => {
      if (io.over) return;
      SetPrototypeDelete(state.running, answer);
      let scope;
      try {
        if (env !== undefined) setAsyncContext({ __proto__: null, io, slot: io.slot, env });
        scope = entrypoints.open(io, this.#name, this.#props, env);
      } catch (error) {
        if (args !== null) release(args);
        answer.fail(encodeThrown(error, io));
        state.settle();
        return;
      }
      invoke(io, scope, path, args, answer);
    });
  }

  dropped() {
    core.tryClose(this.#via);
  }
}

/** Gives each call a session with an entrypoint of this Worker, in this isolate. */
function connectHere(name, props) {
  return (io) => {
    op_rpc_subrequest(io.slot);
    return new Entrypoint(stateOf(io), name, props, op_rpc_here(io.slot, contexts.eventDepth()));
  };
}

/** A reference that something of a context holds until its end, or the context's. */
class Hold {
  cap;
  #state;

  constructor(io, cap) {
    this.cap = cap;
    this.#state = stateOf(io);
    SetPrototypeAdd(this.#state.children, this);
  }

  leave() {
    const { cap } = this;
    if (cap === null) return;
    this.cap = null;
    SetPrototypeDelete(this.#state.children, this);
    cap.release();
  }
}

rpc.deliver = deliver;
rpc.runSoon = runSoon;
rpc.hold = (io, cap) => new Hold(io, cap);

return { connectHere, Entrypoint };
})();
