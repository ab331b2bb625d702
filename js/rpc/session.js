// A session between two isolates, over a channel of the host: calls, answers,
// and who holds which references. Each side numbers what it gives away
// (`exports`) and what it asks (`questions`); the other side names it by that
// number. The caller's side opens a session for one call to an entrypoint, and
// closes it when neither side holds anything of the other.
(function () {
const { core, internals, primordials } = __bootstrap;
const { op_rpc_attach, op_rpc_receive, op_rpc_send, op_rpc_take, op_rpc_writable } = core.ops;
const {
  ArrayPrototypePush,
  ArrayPrototypeShift,
  MapPrototypeDelete,
  MapPrototypeForEach,
  MapPrototypeGet,
  MapPrototypeGetSize,
  MapPrototypeSet,
  PromisePrototypeThen,
  SafeMap,
  SetPrototypeAdd,
  SetPrototypeDelete,
} = primordials;
const { getAsyncContext, setAsyncContext } = core;
const { CANCELED } = core.loadExtScript("ext:selvedge/rpc/errors.js");
const { encodeThrown, failure } = core.loadExtScript("ext:selvedge/rpc/exceptions.js");
const { External, messageOfBytes, release, toBytes } = core.loadExtScript("ext:selvedge/rpc/messages.js");
const { Answer, Broken, Capability, stateOf } = core.loadExtScript("ext:selvedge/rpc/capabilities.js");
const { Entrypoint } = core.loadExtScript("ext:selvedge/rpc/receivers.js");
const { blobBytes, blobOf, toSource } = core.loadExtScript("ext:selvedge/rpc/platform_objects.js");
const rpc = internals.rpc;

const CALL = 0;
const RETURN = 1;
const THROW = 2;
const RELEASE = 3;
const FINISH = 4;

/** What a call goes to: something the other side exports, or an answer of its. */
const TO_EXPORT = 0;
const TO_ANSWER = 1;

class Session {
  rid;
  /** The state of the context that it belongs to, once there is one. */
  state = null;
  isClosed = false;
  #isClient;
  #exports = new SafeMap();
  #nextExport = 1;
  #questions = new SafeMap();
  #nextQuestion = 0;
  /** Questions whose answers calls may still go along. */
  #open = 0;
  /** References that this side has to exports of the other. */
  #imports = 0;
  #answers = new SafeMap();
  /** Messages that wait for room in the channel: what they are, their values, ways that go along. */
  #queue = [];
  /** Ways that go along with the next message. */
  #ways = [];
  #isWaiting = false;

  constructor(rid, isClient) {
    this.rid = rid;
    this.#isClient = isClient;
  }

  // ----- Out. -----

  #send(head, payload = null) {
    const ways = this.#ways;
    if (ways.length > 0) this.#ways = [];
    if (this.isClosed) {
      closeAll(ways);
      return;
    }
    const bytes = core.serialize(head);
    if (this.#queue.length > 0 || !this.#sendNow(bytes, payload, ways)) {
      ArrayPrototypePush(this.#queue, bytes, payload, ways);
      this.#drain();
    }
  }

  #sendNow(bytes, payload, ways) {
    for (let i = 0; i < ways.length; i++) op_rpc_attach(this.rid, ways[i]);
    if (!op_rpc_send(this.rid, bytes, payload)) return false;
    closeAll(ways);
    return true;
  }

  #drain() {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    outside(() => {
      PromisePrototypeThen(op_rpc_writable(this.rid), () => {
        this.#isWaiting = false;
        while (this.#queue.length > 0 && !this.isClosed) {
          if (!this.#sendNow(this.#queue[0], this.#queue[1], this.#queue[2])) {
            this.#drain();
            return;
          }
          for (let i = 0; i < 3; i++) ArrayPrototypeShift(this.#queue);
        }
      }, () => {});
    });
  }

  /** Asks something of the other side. */
  ask(kind, id, path, args, answer) {
    if (this.isClosed) {
      if (args !== null) release(args);
      answer.fail(lost());
      return;
    }
    let packed = null;
    if (args !== null) {
      try {
        packed = toBytes(args, (made) => this.#describe(made));
      } catch (error) {
        this.#dropWays();
        answer.fail(encodeThrown(error, answer.io));
        return;
      }
    }
    const question = this.#nextQuestion++;
    MapPrototypeSet(this.#questions, question, answer);
    this.#open++;
    this.#send([CALL, question, kind, id, path, packed === null ? null : packed.externals], packed?.bytes ?? null);
    // What waits for the answer goes after the question.
    answer.lead(new RemoteAnswer(this, question));
  }

  /** Nothing goes along the answer any more. */
  finish(question) {
    this.#send([FINISH, question]);
    this.#open--;
    this.#settle();
  }

  /** Lets go of an export of the other side. */
  letGo(id) {
    this.#send([RELEASE, id]);
    this.#imports--;
    this.#settle();
  }

  answer(question, message, hasDisposer) {
    let packed;
    try {
      packed = toBytes(message, (made) => this.#describe(made));
    } catch (error) {
      this.#dropWays();
      this.refuse(question, encodeThrown(error, null));
      return;
    }
    this.#send([RETURN, question, hasDisposer, packed.externals], packed.bytes);
  }

  refuse(question, message) {
    this.#send([THROW, question, message.isRemote], toBytes(message, () => null).bytes);
  }

  // ----- References. -----

  #dropWays() {
    closeAll(this.#ways);
    this.#ways = [];
  }

  #export(cap) {
    const own = unwrapped(cap, this);
    if (own !== null) {
      const { id } = own;
      cap.release();
      return -1 - id;
    }
    const id = this.#nextExport++;
    MapPrototypeSet(this.#exports, id, cap);
    return id;
  }

  #import(id) {
    if (id < 0) {
      const cap = MapPrototypeGet(this.#exports, -1 - id);
      return cap === undefined ? new Broken(lost()) : cap.addRef();
    }
    this.#imports++;
    return new Remote(this, id);
  }

  /** Tells the other side of an external, and gives it away. */
  #describe(made) {
    const { cap, data } = made;
    made.cap = null;
    const id = cap === null ? 0 : this.#export(cap);
    switch (made.kind) {
      case "readable":
        return [made.kind, id, this.#describeBody(data)];
      case "request":
      case "response":
        return [made.kind, id, { ...data, body: this.#describeBody(data.body) }, cap !== null];
      case "blob":
        return [made.kind, 0, blobBytes(data)];
      case "service":
        ArrayPrototypePush(this.#ways, data.way());
        return ["way", this.#ways.length - 1, null, false];
      default:
        return [made.kind, id, data, cap !== null];
    }
  }

  #describeBody(packed) {
    const source = toSource(packed);
    if (source === null) return null;
    if (source.kind !== "source") return { kind: source.kind, source: source.source };
    const { cap } = source;
    source.cap = null;
    return { kind: "source", id: this.#export(cap), length: source.length };
  }

  #known(described, ways) {
    const externals = [];
    for (let i = 0; i < described.length; i++) ArrayPrototypePush(externals, this.#knownExternal(described[i], ways));
    return externals;
  }

  #knownExternal(described, ways) {
    const kind = described[0];
    const data = described[2];
    switch (kind) {
      case "way": {
        // The script of its binding, and what names it there: a Worker, or an object.
        const { 0: script, 1: namespace, 2: id, 3: name, 4: jurisdiction } = ways[described[1]];
        const { passedHere } = core.loadExtScript(script);
        return new External("service", null, passedHere(namespace, id, name ?? undefined, jurisdiction ?? undefined));
      }
      case "readable":
        return new External(kind, null, this.#knownBody(data));
      case "request":
      case "response":
        return new External(kind, described[3] ? this.#import(described[1]) : null, {
          ...data,
          body: this.#knownBody(data.body),
        });
      case "blob":
        return new External(kind, null, blobOf(data));
      default:
        return new External(kind, described[3] ? this.#import(described[1]) : null, data);
    }
  }

  #knownBody(body) {
    if (body === null || body.kind !== "source") return body === null ? null : { ...body, cap: null };
    return { __proto__: null, kind: "source", rid: -1, cap: this.#import(body.id), length: body.length };
  }

  // ----- In. -----

  /** Takes messages until the channel is closed. */
  listen() {
    outside(() => {
      PromisePrototypeThen(op_rpc_receive(this.rid), (isOpen) => {
        if (!isOpen) {
          this.close();
          return;
        }
        for (;;) {
          const message = this.isClosed ? null : op_rpc_take(this.rid);
          if (message === null || message === undefined) break;
          this.#handle(core.deserialize(message[0]), message[1], message[2]);
        }
        if (!this.isClosed) this.listen();
      }, () => this.close());
    });
  }

  #handle(head, payload, ways) {
    switch (head[0]) {
      case CALL: {
        const question = head[1];
        const answer = new RemoteCallAnswer(this, question);
        MapPrototypeSet(this.#answers, question, answer);
        const args = head[5] === null ? null : messageOfBytes(payload, this.#known(head[5], ways));
        const to = head[2] === TO_EXPORT ? MapPrototypeGet(this.#exports, head[3]) : MapPrototypeGet(this.#answers, head[3]);
        if (to === undefined) {
          if (args !== null) release(args);
          answer.fail(lost());
        } else {
          to.send(head[4], args, answer);
        }
        break;
      }
      case RETURN: {
        const answer = this.#settled(head[1]);
        const externals = this.#known(head[3], ways);
        answer?.fulfil(messageOfBytes(payload, externals), head[2]);
        this.#settle();
        break;
      }
      case THROW: {
        const answer = this.#settled(head[1]);
        const thrown = messageOfBytes(payload, []);
        thrown.isRemote = head[2];
        answer?.fail(thrown);
        this.#settle();
        break;
      }
      case RELEASE: {
        const cap = MapPrototypeGet(this.#exports, head[1]);
        MapPrototypeDelete(this.#exports, head[1]);
        if (cap !== undefined) cap.release();
        this.#settle();
        break;
      }
      case FINISH: {
        const answer = MapPrototypeGet(this.#answers, head[1]);
        MapPrototypeDelete(this.#answers, head[1]);
        answer?.drop();
        break;
      }
    }
  }

  #settled(question) {
    const answer = MapPrototypeGet(this.#questions, question);
    MapPrototypeDelete(this.#questions, question);
    return answer;
  }

  /** The side that opened the session closes it when nothing is left. */
  #settle() {
    if (
      this.#isClient && !this.isClosed && this.#open === 0 && this.#imports === 0 &&
      MapPrototypeGetSize(this.#questions) === 0 && MapPrototypeGetSize(this.#exports) === 0 &&
      MapPrototypeGetSize(this.#answers) === 0 && this.#queue.length === 0
    ) {
      this.close();
    }
  }

  /** What the first call of the session goes to. */
  begin(cap) {
    MapPrototypeSet(this.#exports, 0, cap);
  }

  root() {
    this.#imports++;
    return new Remote(this, 0);
  }

  /** The context that the session belongs to ends with it, or it with the context. */
  belong(state) {
    this.state = state;
    SetPrototypeAdd(state.children, this);
  }

  /** The context ended. */
  leave() {
    this.close();
  }

  close() {
    if (this.isClosed) return;
    this.isClosed = true;
    core.tryClose(this.rid);
    const { state } = this;
    if (state !== null) SetPrototypeDelete(state.children, this);
    const questions = this.#questions;
    const exports = this.#exports;
    const answers = this.#answers;
    this.#questions = new SafeMap();
    this.#exports = new SafeMap();
    this.#answers = new SafeMap();
    for (let i = 2; i < this.#queue.length; i += 3) closeAll(this.#queue[i]);
    this.#queue = [];
    if (MapPrototypeGetSize(questions) > 0) {
      const error = lost();
      MapPrototypeForEach(questions, (answer) => answer.fail(error));
    }
    MapPrototypeForEach(answers, (answer) => answer.abandon());
    MapPrototypeForEach(exports, (cap) => cap.release());
    // The caller is gone.
    if (!this.#isClient && state !== null) state.leave();
  }
}

/** Closes ways that were opened for a message. */
function closeAll(ways) {
  for (let i = 0; i < ways.length; i++) core.tryClose(ways[i]);
}

/** What was waited for will not come. */
function lost() {
  return failure(CANCELED);
}

/** Something that the other side of a session exports. */
class Remote extends Capability {
  session;
  id;

  constructor(session, id) {
    super();
    this.session = session;
    this.id = id;
  }

  send(path, args, answer) {
    this.session.ask(TO_EXPORT, this.id, path, args, answer);
  }

  dropped() {
    this.session.letGo(this.id);
  }
}

/** An answer of the other side that is to come: calls may go along it. */
class RemoteAnswer extends Capability {
  #session;
  #question;

  constructor(session, question) {
    super();
    this.#session = session;
    this.#question = question;
  }

  send(path, args, answer) {
    this.#session.ask(TO_ANSWER, this.#question, path, args, answer);
  }

  dropped() {
    this.#session.finish(this.#question);
  }
}

/** The answer to a call that came over a session. */
class RemoteCallAnswer extends Answer {
  #session;
  #question;

  constructor(session, question) {
    super();
    this.isLong = true;
    this.#session = session;
    this.#question = question;
  }

  deliver(message, hasDisposer) {
    this.#session.answer(this.#question, message, hasDisposer);
  }

  refuse(message) {
    this.#session.refuse(this.#question, message);
  }
}

/** The other side's own export that a reference leads to, if it is one. */
function unwrapped(cap, session) {
  while (cap !== null && cap.inner !== undefined && cap.inner !== null) cap = cap.inner;
  return cap instanceof Remote && cap.session === session ? cap : null;
}

/** Runs something that is no context's. */
function outside(act) {
  const before = getAsyncContext();
  setAsyncContext(undefined);
  try {
    act();
  } finally {
    setAsyncContext(before);
  }
}

/** A session to what a channel leads to, for one call of the context `io`. */
function connect(io, rid) {
  const session = new Session(rid, true);
  session.belong(stateOf(io));
  session.listen();
  return session.root();
}

/** The same for a call that another isolate sent here: no context waits for its answer. */
function connectForOthers(rid) {
  const session = new Session(rid, true);
  session.listen();
  return session.root();
}

/** A session that another isolate began, with an entrypoint of this Worker; `via` leads there. */
function accept(rid, via, entrypoint, props, env) {
  const session = new Session(rid, false);
  acceptFor(session, new Entrypoint(null, entrypoint, props, via, (state) => session.belong(state), env));
}

/** Begins a session with what its first call goes to. */
function acceptFor(session, cap) {
  session.begin(cap);
  session.listen();
}

/** The same, for something of this isolate: calls go to `cap`. */
function acceptObject(rid, cap) {
  acceptFor(new Session(rid, false), cap);
}

return { accept, acceptObject, connect, connectForOthers };
})();
