// Capabilities: what a stub, or an answer that is still to come, leads to. Each
// has `send(path, args, answer)`: go from it along the property names of
// `path`, call what is there with the message `args` (`null`: only read it), and
// tell the `Answer`. References are counted; the last `release()` ends one.
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  ArrayPrototypeJoin,
  ArrayPrototypePush,
  FunctionPrototypeToString,
  ObjectGetPrototypeOf,
  ObjectPrototype,
  Promise,
  PromisePrototypeThen,
  PromiseResolve,
  ReflectApply,
  ReflectDeleteProperty,
  ReflectIsExtensible,
  SafeSet,
  SetPrototypeAdd,
  SetPrototypeDelete,
  SetPrototypeForEach,
  SetPrototypeGetSize,
  SymbolDispose,
  TypeError,
} = primordials;
const { gates, io: contexts } = internals.selvedge;
const { op_rpc_done, op_rpc_failed } = core.ops;
const { getAsyncContext, setAsyncContext } = core;
const { CANCELED, GONE, notCloneable } = core.loadExtScript("ext:selvedge/rpc/errors.js");
const { decodeThrown, encodeThrown, failure } = core.loadExtScript("ext:selvedge/rpc/exceptions.js");
const { decode, release } = core.loadExtScript("ext:selvedge/rpc/messages.js");
const { encode, plainMessage } = core.loadExtScript("ext:selvedge/rpc/values.js");
const { lookup } = core.loadExtScript("ext:selvedge/rpc/lookup.js");
const rpc = internals.rpc;

// ----- What a context has to do with remote calls. -----

class ContextState {
  io;
  /** Stubs of the context that were not disposed. */
  stubs = new SafeSet();
  /** Its objects, and stubs that it handed on, to which others hold references. */
  exports = new SafeSet();
  /** Calls that run in it, and calls that it waits for. */
  running = new SafeSet();
  waiting = new SafeSet();
  /** What ends with it: the contexts that its calls opened, channels. */
  children = new SafeSet();
  /** Whether a caller's session made it; it ends with that. */
  isCallee = false;
  /** Whether another isolate holds that session: it says when it is over. */
  isRemote = false;
  /** Whether that session is over. */
  isLeft = false;
  /** The state of the context that called. */
  parent = null;

  constructor(io) {
    this.io = io;
  }

  /** Whether nobody holds anything of the context, and it of nobody. */
  isIdle() {
    return SetPrototypeGetSize(this.exports) === 0 && SetPrototypeGetSize(this.stubs) === 0 &&
      SetPrototypeGetSize(this.waiting) === 0 && SetPrototypeGetSize(this.children) === 0;
  }

  /** The session that made the context needs it no more, when nothing leads there. */
  settle() {
    if (!this.isCallee || this.isRemote || this.isLeft) return;
    if (
      SetPrototypeGetSize(this.running) > 0 || SetPrototypeGetSize(this.exports) > 0 ||
      SetPrototypeGetSize(this.stubs) > 0
    ) {
      return;
    }
    this.leave();
  }

  /** The caller is gone: only `waitUntil` keeps the context. */
  leave() {
    if (!this.isCallee || this.isLeft || this.io.over) return;
    this.isLeft = true;
    this.io.answered = true;
    op_rpc_done(this.io.slot);
    contexts.settle(this.io);
  }

  /** The context ended. */
  end(reason = undefined) {
    this.isLeft = true;
    if (this.parent !== null) SetPrototypeDelete(this.parent.children, this);
    const error = reason ?? failure(CANCELED);
    const { running, waiting, stubs, exports, children } = this;
    // Those who wait for an object learn from it why it ended.
    if (this.io.gate === null) SetPrototypeForEach(running, (answer) => answer.fail(error));
    SetPrototypeForEach(waiting, (answer) => answer.abandon());
    SetPrototypeForEach(stubs, (stub) => stub.dispose());
    SetPrototypeForEach(exports, (cap) => cap.broke?.());
    SetPrototypeForEach(children, (child) => child.leave());
  }
}

function stateOf(io) {
  return io.rpc ??= new ContextState(io);
}

// ----- Answers. -----

/** The way of an answer to the one who called, and what he asks of it before. */
class Answer {
  /** What calls along the answer go to, once it is known. */
  pipeline = null;
  failure = null;
  /** Calls that wait for that: path, arguments, answer in turn. */
  queue = [];
  /** Whether calls along the answer may still come when it is there. */
  isLong = false;
  isOver = false;
  #dropped = false;

  send(path, args, answer) {
    if (this.pipeline !== null) this.pipeline.send(path, args, answer);
    else if (this.failure !== null) {
      if (args !== null) release(args);
      answer.fail(this.failure);
    } else ArrayPrototypePush(this.queue, path, args, answer);
  }

  /** Takes over a reference to what calls along the answer go to. */
  lead(cap) {
    if (this.#dropped && this.queue.length === 0) {
      cap.release();
      return;
    }
    this.pipeline = cap;
    const { queue } = this;
    this.queue = [];
    for (let i = 0; i < queue.length; i += 3) cap.send(queue[i], queue[i + 1], queue[i + 2]);
    if (this.#dropped) this.#letGo();
  }

  /** Nobody goes along the answer any more. */
  drop() {
    this.#dropped = true;
    this.#letGo();
  }

  #letGo() {
    const cap = this.pipeline;
    this.pipeline = null;
    if (cap !== null) cap.release();
  }

  /** The result is there; it has a disposer of its own, or not. */
  fulfil(message, hasDisposer) {
    if (this.isOver) {
      release(message);
      return;
    }
    this.isOver = true;
    this.deliver(message, hasDisposer);
  }

  /** The call failed; the message can be decoded more than once. */
  fail(message) {
    if (this.isOver) return;
    this.isOver = true;
    this.failure = message;
    const { queue } = this;
    this.queue = [];
    for (let i = 0; i < queue.length; i += 3) {
      if (queue[i + 1] !== null) release(queue[i + 1]);
      queue[i + 2].fail(message);
    }
    this.refuse(message);
  }

  /** The output gate: answers of an object leave when what it wrote is on disk. */
  finish(io, act) {
    if (io.gate === null || io.over || io.canRelease()) act();
    else io.release(act);
  }

  /** The one who called is gone. */
  abandon() {
    this.isOver = true;
    this.drop();
  }
}

/** Goes on in the context that called. */
function resume(io, frame, run) {
  if (io.gate !== null) {
    gates.admit(frame, () => runResumed(io, frame, run));
  } else {
    runResumed(io, frame, run);
  }
}

function runResumed(io, frame, run) {
  if (io.over) return;
  contexts.resumed(io);
  const before = getAsyncContext();
  setAsyncContext(frame);
  try {
    run();
  } finally {
    setAsyncContext(before);
  }
}

/** The answer to a call of this isolate: a promise of its context. */
class LocalAnswer extends Answer {
  io;
  frame;
  promise;
  #resolve;
  #reject;
  /** Called with the result, for what belongs to it. */
  onResult = null;
  /** What learns that the object which was called is gone. */
  bond = null;

  constructor(io) {
    super();
    this.io = io;
    this.frame = getAsyncContext();
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    SetPrototypeAdd(stateOf(io).waiting, this);
  }

  deliver(message, hasDisposer) {
    resume(this.io, this.frame, () => {
      SetPrototypeDelete(stateOf(this.io).waiting, this);
      let value;
      try {
        value = rpc.receiveResult(this, message, hasDisposer);
      } catch (error) {
        this.#reject(error);
        return;
      }
      if (this.onResult !== null) this.onResult(value);
      this.#resolve(value);
    });
  }

  refuse(message) {
    resume(this.io, this.frame, () => {
      SetPrototypeDelete(stateOf(this.io).waiting, this);
      this.drop();
      let error;
      try {
        error = decodeThrown(message, this.io);
      } catch (reason) {
        error = reason;
      }
      if (this.bond !== null && core.isNativeError(error) && error.durableObjectReset === true) this.bond.broken ??= error;
      this.#reject(error);
    });
  }
}

// ----- Where calls end. -----

class Capability {
  refs = 1;
  /** Of the first call through a stub: what learns that the stub broke. */
  bond = null;

  addRef() {
    this.refs++;
    return this;
  }

  release() {
    if (--this.refs === 0) this.dropped();
  }
}

/** An object of a context of this isolate. */
class Target extends Capability {
  io;
  object;
  /** As `wrappable()` tells: "plain", "target", "function"; "service"; "internal": the platform's own. */
  kind;
  #dispose;
  /** Stubs to dispose with it. */
  #given;

  constructor(io, object, kind, dispose = undefined, given = null) {
    super();
    this.io = io;
    this.object = object;
    this.kind = kind;
    this.#dispose = dispose;
    this.#given = given;
    SetPrototypeAdd(stateOf(io).exports, this);
  }

  send(path, args, answer) {
    if (this.io.over) {
      if (args !== null) release(args);
      answer.fail(failure(GONE));
      return;
    }
    this.addRef();
    const scope = { __proto__: null, object: this.object, isOpen: this.kind !== "target" && this.kind !== "service", isEntrypoint: false, insert: null };
    rpc.deliver(this.io, answer, () => {
      const running = invoke(this.io, scope, path, args, answer);
      if (running === undefined) this.release();
      else PromisePrototypeThen(running, () => this.release());
      return running;
    });
  }

  dropped() {
    if (this.io.over) return;
    const state = stateOf(this.io);
    SetPrototypeDelete(state.exports, this);
    const dispose = this.#dispose;
    const given = this.#given;
    if (typeof dispose !== "function" && given === null) {
      state.settle();
      return;
    }
    // The disposer runs in a turn of the context, which lives as long as that takes.
    this.io.waiting++;
    rpc.runSoon(this.io, () => {
      try {
        if (typeof dispose === "function") ReflectApply(dispose, this.object, []);
      } catch (error) {
        internals.reportRejection(error);
      }
      if (given !== null) for (let i = 0; i < given.length; i++) given[i].dispose();
      this.io.waiting--;
      state.settle();
      contexts.settle(this.io);
    });
  }

  /** The context ended: who holds the object learns of it when he calls. */
  broke() {
    this.onBroken?.();
  }
}

/**
 * A reference that a context hands on. It holds while the context lives, and
 * holds the context while somebody has it.
 */
class Forwarded extends Capability {
  io;
  inner;

  constructor(io, inner) {
    super();
    this.io = io;
    this.inner = inner;
    SetPrototypeAdd(stateOf(io).exports, this);
  }

  send(path, args, answer) {
    if (this.inner === null) {
      if (args !== null) release(args);
      answer.fail(failure(GONE));
      return;
    }
    this.inner.send(path, args, answer);
  }

  dropped() {
    const { inner } = this;
    this.inner = null;
    if (inner !== null) inner.release();
    if (this.io.over) return;
    const state = stateOf(this.io);
    SetPrototypeDelete(state.exports, this);
    state.settle();
  }

  broke() {
    const { inner } = this;
    this.inner = null;
    if (inner !== null) inner.release();
  }
}

/** Leads nowhere. */
class Broken extends Capability {
  #message;

  constructor(message) {
    super();
    this.#message = message;
  }

  send(_path, args, answer) {
    if (args !== null) release(args);
    answer.fail(this.#message);
  }

  dropped() {}
}

/**
 * Calls what `path` leads to, in the context `io`, whose turn it is. Gives the
 * promise of the end, or nothing if the end is there.
 */
function invoke(io, scope, path, args, answer) {
  const state = stateOf(io);
  const group = args !== null && args.externals !== null ? new rpc.Group() : null;
  /** Whether the Worker's code ran. */
  let isTheirs = false;
  let result;
  try {
    const found = lookup(scope, path);
    if (args === null) {
      result = found.value;
    } else {
      const name = path.length === 0 ? "(this)" : ArrayPrototypeJoin(path, ".");
      if (typeof found.value !== "function") throw new TypeError(`"${name}" is not a function.`);
      let list = decode(args, io, group);
      args = null;
      if (scope.insert !== null) list = withEnv(found.value, list, scope.insert, name);
      isTheirs = true;
      result = ReflectApply(found.value, found.self, list);
    }
  } catch (error) {
    if (args !== null) release(args);
    failed(io, group, answer, error, isTheirs);
    return undefined;
  }
  if ((typeof result !== "object" || result === null) && typeof result !== "function") {
    returned(io, group, answer, result);
    return undefined;
  }
  SetPrototypeAdd(state.running, answer);
  let promise;
  try {
    promise = PromiseResolve(result);
  } catch (error) {
    SetPrototypeDelete(state.running, answer);
    failed(io, group, answer, error, true);
    return undefined;
  }
  return PromisePrototypeThen(
    promise,
    (value) => {
      SetPrototypeDelete(state.running, answer);
      returned(io, group, answer, value);
    },
    (error) => {
      SetPrototypeDelete(state.running, answer);
      failed(io, group, answer, error, true);
    },
  );
}

/** `isTheirs`: the Worker's code threw it, which tells what object it is of. */
function failed(io, group, answer, error, isTheirs) {
  if (group !== null) group.dispose();
  if (isTheirs && !io.over) op_rpc_failed(io.slot, error);
  answer.finish(io, () => {
    const thrown = encodeThrown(error, io);
    if (isTheirs && io.gate !== null && !internals.isOff("enhanced_error_serialization")) name(thrown, error, io.actor.hex);
    answer.fail(thrown);
  });
  if (!io.over) stateOf(io).settle();
}

/** Says in an error which object threw it, if it lets itself be marked. */
function name(thrown, error, hex) {
  try {
    if (typeof error !== "object" || error === null || !ReflectIsExtensible(error)) return;
  } catch {
    return;
  }
  const { externals, root } = thrown;
  if (externals !== null && externals.length > 0 && externals[0].kind === "error" && externals[0].slots[0] === thrown) {
    externals[0].data.props.durableObjectId = hex;
  } else if (typeof root === "object" && root !== null) {
    root.durableObjectId = hex;
  }
}

/** Sends a result; what calls along the answer go to is made of it. */
function returned(io, group, answer, value) {
  if (io.over) return;
  const state = stateOf(io);
  const plain = plainMessage(value);
  if (plain !== undefined && group === null && !answer.isLong && answer.queue.length === 0) {
    answer.finish(io, () => answer.fulfil(plain, false));
    state.settle();
    return;
  }
  let message;
  let dispose = undefined;
  const given = [];
  let isPlain = false;
  try {
    isPlain = typeof value === "object" && value !== null && !core.isProxy(value) &&
      ObjectGetPrototypeOf(value) === ObjectPrototype;
    if (isPlain) {
      dispose = value[SymbolDispose];
      ReflectDeleteProperty(value, SymbolDispose);
    }
    message = plain ?? encode(value, io, false, given);
  } catch (error) {
    failed(io, group, answer, error, true);
    return;
  }
  const hasDisposer = typeof dispose === "function";
  const single = singleCap(message);
  let pipeline = null;
  if (hasDisposer || given.length > 0 || answer.isLong || answer.queue.length > 0) {
    if (single !== null) {
      pipeline = single.addRef();
      for (let i = 0; i < given.length; i++) given[i].dispose();
    } else {
      const kind = rpc.kindOf(value) === "service" ? "service" : "plain";
      const object = isPlain || kind === "service" ? value : { __proto__: null };
      pipeline = new Target(io, object, kind, dispose, given.length > 0 ? given : null);
    }
  }
  if (group !== null) group.dispose();
  answer.finish(io, () => {
    if (pipeline !== null) answer.lead(pipeline);
    answer.fulfil(message, hasDisposer);
  });
  state.settle();
}

/** The one capability that a message consists of, if it is one. */
function singleCap(message) {
  const { externals } = message;
  if (externals === null || externals.length !== 1 || externals[0].kind !== "stub") return null;
  return externals[0].slots[0] === message ? externals[0].cap : null;
}

/** The arguments of a handler that is no class: its caller's, `env`, `ctx`. */
function withEnv(handler, list, insert, name) {
  const arity = handler.length;
  if (!(arity >= 0 && arity < 256)) {
    throw new TypeError(`RPC function has unreasonable length attribute: ${arity}`);
  }
  if (arity > 3) {
    throw new TypeError(
      `Cannot call handler function "${name}" over RPC because it has the wrong number of arguments. A simple ` +
        "function handler can only be called over RPC if it has exactly the arguments (arg, env, ctx), where only " +
        "the first argument comes from the client. To support multi-argument RPC functions, use class-based syntax " +
        "(extending WorkerEntrypoint) instead.",
    );
  }
  if (list.length !== 1) {
    throw new TypeError(
      `Attempted to call RPC function "${name}" with the wrong number of arguments. When calling a top-level ` +
        "handler function that is not declared as part of a class, you must always send exactly one argument. In " +
        "order to support variable numbers of arguments, the server must use class-based syntax (extending " +
        "WorkerEntrypoint) instead.",
    );
  }
  return [list[0], insert.env, insert.ctx];
}

rpc.exportFunction = (io, object) => {
  if (io === null) throw notCloneable(`${FunctionPrototypeToString(object)} could not be cloned.`);
  return new Target(io, object, "function", object[SymbolDispose]);
};
rpc.exportObject = (io, object, kind) => new Target(io, object, kind, object[SymbolDispose]);
rpc.contextState = stateOf;

return { Answer, Broken, Capability, Forwarded, invoke, LocalAnswer, resume, stateOf, Target };
})();
