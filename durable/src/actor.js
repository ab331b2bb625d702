// The Durable Objects that live in this isolate: how they begin, how events
// enter, what they send, how they end
// (https://developers.cloudflare.com/durable-objects/concepts/durable-object-lifecycle/).
(function () {
const { core, internals, primordials } = __bootstrap;
const { op_context_touch, op_do_call_begin, op_do_call_is, op_do_class, op_do_event, op_do_event_begin, op_do_event_end, op_do_facet, op_do_facet_close, op_do_facet_end, op_do_facet_over, op_do_facet_wait, op_do_host, op_do_idle, op_do_leave, op_do_leave_all, op_do_namespace, op_do_open, op_do_take, op_report_exception } = core.ops;
const {
  ArrayPrototypePush,
  ArrayPrototypeShift,
  DateNow,
  Error,
  MathMax,
  MathMin,
  MapPrototypeDelete,
  MapPrototypeForEach,
  MapPrototypeGet,
  MapPrototypeGetSize,
  MapPrototypeSet,
  Promise,
  PromisePrototypeThen,
  PromiseReject,
  PromiseResolve,
  SafeMap,
  SafeSet,
  SetPrototypeAdd,
  SetPrototypeDelete,
  SetPrototypeForEach,
  SetPrototypeGetSize,
  TypeError,
} = primordials;
const { entrypoints, gates, io: contexts } = internals.selvedge;
const { isOff, shared } = internals;
const { getAsyncContext, setAsyncContext } = core;
const { tunnelled } = core.loadExtScript("ext:selvedge_durable/errors.js");

/**
 * An object without events that waits for a timer or for what `waitUntil()` has leaves
 * memory after so many times what others get: fifteen minutes, at old dates about one.
 */
const HELD_IDLE = 90;
const HELD_IDLE_BEFORE = 7;
/** How often idle objects are looked for, at most. */
const SWEEP_MS = 1000;
/** Events that may wait for one object. */
const MAX_WAITING = 10000;
/** How long a critical section may take. */
const SECTION_MS = 30000;
/** Critical sections inside of each other. */
const MAX_SECTIONS = 64;

const OVERLOADED = "Durable Object is overloaded. Too many requests queued.";
const OVER_CPU = "Durable Object exceeded its CPU time limit and was reset.";
const OVER_MEMORY = "Durable Object's isolate exceeded its memory limit and was reset.";
const TOO_DEEP = "blockConcurrencyWhile() calls are nested too deeply.";
const SECTION_TIMEOUT =
  "A call to blockConcurrencyWhile() in a Durable Object waited for too long. The call was canceled and the Durable Object was reset.";
const EVICTED = "Durable Object was evicted by its operator.";
const UPDATED = "Durable Object reset because its code was updated.";

/**
 * What an event is, for those who count and follow: the `kind` of `{ kind, text,
 * url, time }`.
 */
const FETCH = 0;
const RPC = 1;
const ALARM = 2;
const WEBSOCKET = 3;
const CONNECT = 4;

/** The context of all events of one object. */
class ActorContext extends contexts.IoContext {
  actor;
  /** Of the frame: outside of all critical sections. */
  section = null;

  constructor(slot, actor) {
    super(slot);
    this.gate = new gates.Gate();
    this.actor = actor;
  }

  /** `null`, or a promise that settles when what was written is on disk. */
  unconfirmed() {
    const { facets, storage } = this.actor;
    const written = storage === null ? null : storage.unconfirmed();
    const work = facets === null ? null : facets.work;
    if (work === null || written === null) return work ?? written;
    const both = PromisePrototypeThen(work, () => written);
    PromisePrototypeThen(both, undefined, nothing);
    return both;
  }

  /** What is to leave, in order, when what was written before it is on disk. */
  #leaving = null;

  /** Whether something may leave at once. */
  canRelease() {
    return this.#leaving === null && this.unconfirmed() === null;
  }

  /** Lets something leave when it may. */
  release(send) {
    const entry = [this.unconfirmed(), send];
    if (this.#leaving !== null) {
      ArrayPrototypePush(this.#leaving, entry);
      return;
    }
    this.#leaving = [entry];
    this.#next();
  }

  #next() {
    while (this.#leaving.length > 0) {
      const entry = this.#leaving[0];
      const writes = entry[0];
      if (writes !== null) {
        entry[0] = null;
        // What does not get to the disk must not leave.
        PromisePrototypeThen(writes, () => this.#next(), () => {});
        return;
      }
      ArrayPrototypeShift(this.#leaving);
      if (!this.over) entry[1]();
    }
    this.#leaving = null;
  }

  /**
   * Runs a remote call in the object; `failed` learns why there is no answer.
   * `canMove`: it may run in another instance of the object instead; `what` it
   * is, and the slot of who calls, where that is to be told of.
   */
  deliver(event, failed, canMove = false, what = null, caller = -1) {
    // Not on the stack of the caller's: see `call`.
    soon(() => {
      const { actor } = this;
      if (actor.broken !== null || this.over) {
        failed(actor.broken ?? flagged(new Error("Durable Object was evicted."), "durableObjectReset", "retryable"));
        return;
      }
      const waiting = { __proto__: null, frame: undefined, resolve() {}, reject: failed, receive: undefined, event: null, canMove, over: false, what, followed: 0, span: spanOf(actor, what, caller) };
      enter(actor, waiting, event);
    });
  }

  /** The host stopped the object's code: it used too much time. */
  discarded() {
    breakActor(this.actor, flagged(new Error(OVER_CPU), "durableObjectReset"));
  }
}

class Actor {
  /** Where it belongs: its namespace in this isolate. */
  home;
  /** Its id, as text and as the Worker sees it. */
  hex;
  id;
  io = null;
  instance = null;
  ctx = null;
  storage = null;
  /** Why it ended, if it was not for idleness. */
  broken = null;
  /** Whether the alarm that runs is not tried again: `ctx.abort()` said so. */
  dropsAlarm = false;
  /** Callers that wait for an answer. */
  calls = new SafeSet();
  /** Events in it. */
  events = 0;
  /** When it was found idle. */
  idleSince = 0;
  /** Why its alarm is to come again at once, if the platform reset it on purpose. */
  isReset = false;
  /** Its sockets that stay when it leaves memory, once somebody asked. */
  sockets = null;
  /** Its facets, once it asked for one. */
  facets = null;

  constructor(home, target) {
    this.home = home;
    this.hex = target.hex;
    this.id = home.facet === null ? target.id : home.facet.id;
  }
}

/** The objects of one namespace in this isolate. */
class Home {
  namespace;
  /** The host's number of the namespace. */
  rid;
  className;
  /** The script of the platform that makes the objects; "": they are instances of the class. */
  host;
  /** How long an object stays without events, in milliseconds. */
  idle;
  /** What its one facet is told, if it has no objects but that. */
  facet = null;
  /** Whether the object of the facet is in this isolate, and ends it. */
  isOwned = false;
  /** Whether somebody waits for the end of the facet. */
  #watched = false;
  actors = new SafeMap();

  constructor(namespace, className, rid) {
    this.namespace = namespace;
    this.rid = rid;
    this.idle = op_do_idle(rid);
    this.host = op_do_host(rid);
    this.className = className;
    const told = op_do_facet(rid);
    if (told === null || told === undefined) return;
    const { idGiven } = core.loadExtScript("ext:selvedge_durable/namespace.js");
    this.facet = { __proto__: null, id: idGiven(this, told.id), props: told.props, depth: told.depth };
  }

  /** Ends the facet here when it is over, wherever that is decided. */
  watch() {
    if (this.facet === null || this.isOwned || this.#watched) return;
    this.#watched = true;
    const before = getAsyncContext();
    setAsyncContext(undefined);
    PromisePrototypeThen(op_do_facet_wait(this.rid), () => {
      if (!isHome(this)) return;
      endHome(this, overOf(this));
      op_do_facet_close(this.rid);
    }, nothing);
    setAsyncContext(before);
  }
}

const homes = [];
/** Calls of objects that have no answer yet. */
let underWay = 0;
let sweeper = null;

/** The home of a namespace's objects, however many bindings lead there. */
function homeOf(namespace, className, rid) {
  for (let i = 0; i < homes.length; i++) {
    if (homes[i].namespace === namespace) return homes[i];
  }
  const home = new Home(namespace, className, rid);
  homes[homes.length] = home;
  return home;
}

/** Those that there are now: the end of an object is that of its facets' homes. */
function allHomes() {
  const all = [];
  for (let i = 0; i < homes.length; i++) all[i] = homes[i];
  return all;
}

/** The home of a facet that is to begin. Who asks ends it. */
function newHome(rid) {
  const home = homeOf(op_do_namespace(rid), op_do_class(rid), rid);
  home.isOwned = true;
  return home;
}

function isHome(home) {
  for (let i = 0; i < homes.length; i++) if (homes[i] === home) return true;
  return false;
}

/** A facet is over: it ends, if it is here. */
function endHome(home, error) {
  MapPrototypeForEach(home.actors, (actor) => breakActor(actor, error));
  for (let i = 0; i < homes.length; i++) {
    if (homes[i] !== home) continue;
    homes[i] = homes[homes.length - 1];
    homes.length--;
    return;
  }
}

/** Why a facet is over; `null` if it is not. */
function overOf(home) {
  const over = home.facet === null ? null : op_do_facet_over(home.rid);
  if (over === null || over === undefined) return null;
  const error = new Error(over[1]);
  error.name = over[0];
  return over[2] ? flagged(error, "durableObjectReset") : error;
}

/** An error with one of the properties that tell callers what they may do. */
function flagged(error, ...names) {
  for (let i = 0; i < names.length; i++) error[names[i]] = true;
  return error;
}

/**
 * The object of this id, made if it does not live. `null`: it lives in another
 * isolate, or is to live there.
 */
function find(home, target) {
  const live = MapPrototypeGet(home.actors, target.hex);
  if (live !== undefined) return live;
  if (shared.endsObjects || !op_do_take(home.rid, target.hex)) return null;
  return begin(home, target);
}

/** Whether the Worker exports the class of a home. */
function hasClass(home) {
  return typeof entrypoints.entry.named[home.className] === "function";
}

/** The class of a facet. */
function classOfFacet(home) {
  const over = overOf(home);
  if (over !== null) throw over;
  const Class = entrypoints.objectClass(home.className);
  if (Class !== null) return Class;
  throw new Error(home.className === "" ? "Worker has no default actor class." : `Worker has no such actor class: ${home.className}`);
}

function classOf(home, target) {
  if (home.facet === null) {
    if (hasClass(home)) return entrypoints.entry.named[home.className];
    op_do_leave(home.rid, target.hex);
    const kind = home.host === "" ? "Durable Object" : "Workflow";
    throw new TypeError(`The Worker does not export a ${kind} class named "${home.className}".`);
  }
  try {
    return classOfFacet(home);
  } catch (error) {
    op_do_leave(home.rid, target.hex);
    throw error;
  }
}

function begin(home, target) {
  const Class = classOf(home, target);
  gates.holdOps();
  home.watch();
  const actor = new Actor(home, target);
  const slot = op_do_open();
  actor.io = new ActorContext(slot, actor);
  MapPrototypeSet(home.actors, target.hex, actor);
  watchIdle();
  // Its first event comes in a turn of its own.
  actor.io.gate.occupy();
  const { makeState } = core.loadExtScript("ext:selvedge_durable/state.js");
  const { openStorage } = core.loadExtScript("ext:selvedge_durable/storage.js");
  const before = getAsyncContext();
  setAsyncContext(actor.io);
  try {
    actor.storage = openStorage(actor);
    actor.ctx = makeState(actor);
    actor.instance = home.host === ""
      ? new Class(actor.ctx, internals.env())
      : core.loadExtScript(home.host).begin(actor, Class);
  } catch (error) {
    report(error);
    const reset = flagged(tunnelled(error), "durableObjectReset");
    breakActor(actor, reset);
    throw reset;
  } finally {
    setAsyncContext(before);
  }
  return actor;
}

/** Takes an object of the platform's own out of memory, whatever it does; its alarm comes again. */
function reset(actor, text) {
  if (actor.broken !== null) return;
  actor.isReset = true;
  breakActor(actor, flagged(new Error(text), "durableObjectReset", "retryable"));
}

/**
 * Does something with the storage of an object that is not in memory, without
 * making an instance of its class. `false`: the object lives, here or elsewhere.
 */
function withStorage(home, target, act) {
  if (MapPrototypeGet(home.actors, target.hex) !== undefined || shared.endsObjects) return false;
  if (!op_do_take(home.rid, target.hex)) return false;
  const actor = new Actor(home, target);
  actor.io = new ActorContext(op_do_open(), actor);
  try {
    const { openStorage } = core.loadExtScript("ext:selvedge_durable/storage.js");
    actor.storage = openStorage(actor);
    if (actor.storage !== null) act(actor.storage.number);
  } finally {
    leave(actor);
  }
  return true;
}

/**
 * Runs `event` in an object, with its instance, and gives the caller a promise
 * of the result. `receive` makes of that what the caller gets, in his context;
 * `what` tells of the event: see `FETCH`.
 * The object's code does not run on the stack of the caller's: where it is
 * stopped, the caller goes on.
 */
function call(actor, event, receive = undefined, what = null) {
  const frame = getAsyncContext();
  const io = frame?.io;
  const caller = io === undefined || io === null || io.over ? -1 : io.slot;
  return new Promise((resolve, reject) => {
    const waiting = { __proto__: null, frame, resolve, reject, receive, event: null, canMove: true, over: false, what, followed: 0, span: spanOf(actor, what, caller) };
    soon(() => {
      if (actor.broken === null) enter(actor, waiting, event);
      else {
        endSpan(waiting);
        reject(tunnelled(actor.broken));
      }
    });
  });
}

/** What is traced of a call, for who makes it in the context `caller`. */
function spanOf(actor, what, caller) {
  if (what === null || caller < 0) return -1;
  const span = op_do_call_begin(caller);
  if (span >= 0) op_do_call_is(span, actor.home.className, what.text);
  return span;
}

function endSpan(waiting) {
  if (waiting.span >= 0) core.tryClose(waiting.span);
  waiting.span = -1;
}

/**
 * Runs something two microtasks later: when the caller has begun to wait for it.
 * Where it is stopped, V8 forgets the microtasks that are still to come.
 */
function soon(run) {
  PromisePrototypeThen(PromisePrototypeThen(PromiseResolve(), nothing), run);
}

function nothing() {}

/** Lets an event into an object. */
function enter(actor, waiting, event) {
  const { gate } = actor.io;
  if (gate.waiting >= MAX_WAITING) {
    endSpan(waiting);
    waiting.reject(flagged(new Error(OVERLOADED), "overloaded"));
    return;
  }
  SetPrototypeAdd(actor.calls, waiting);
  underWay++;
  actor.idleSince = 0;
  if (waiting.canMove) waiting.event = event;
  gate.admit(null, () => {
    if (waiting.over) return;
    waiting.event = null;
    const caller = waiting.frame?.io;
    if (caller !== undefined && !caller.over) op_context_touch(caller.slot);
    actor.events++;
    const { what } = waiting;
    const attention = op_do_event(actor.io.slot);
    if (attention > 0 && what !== null) {
      const { kind, text, url, time } = what;
      waiting.followed = attention > 1
        ? op_do_event_begin(actor.io.slot, actor.home.className, actor.hex, kind, text, url ?? "", time ?? 0)
        : op_do_event_begin(actor.io.slot, "", "", kind, "", "", 0);
    }
    const before = getAsyncContext();
    setAsyncContext(frameOf(actor.io, what));
    let result;
    try {
      result = event(actor.instance, actor);
    } catch (error) {
      setAsyncContext(before);
      ended(actor, waiting, false, error);
      return;
    }
    if (core.isPromise(result)) {
      PromisePrototypeThen(
        result,
        (value) => ended(actor, waiting, true, value),
        (error) => ended(actor, waiting, false, error),
      );
    } else {
      ended(actor, waiting, true, result);
    }
    setAsyncContext(before);
  });
}

/** What an event's code runs in: the object's context, and how deep the event is. */
function frameOf(io, what) {
  if (what === null || what.depth === undefined) return io;
  return { __proto__: null, io, slot: io.slot, depth: what.depth };
}

/** An event is over: its caller learns of it when what it wrote is on disk. */
function ended(actor, waiting, ok, value) {
  actor.events--;
  if (waiting.over) return;
  if (!ok) report(value);
  if (waiting.followed > 0) op_do_event_end(actor.io.slot, waiting.followed, ok);
  const writes = actor.broken === null ? actor.io.unconfirmed() : null;
  if (writes === null) settle(actor, waiting, ok, value);
  else PromisePrototypeThen(writes, () => settle(actor, waiting, ok, value), (error) => breakActor(actor, error));
}

/** What another context threw has been reported there. */
function report(error) {
  try {
    if (typeof error === "object" && error !== null && error.remote === true) return;
  } catch {
    // Its getter throws.
  }
  op_report_exception("Uncaught ", error);
}

function settle(actor, waiting, ok, value) {
  if (waiting.over) return;
  waiting.over = true;
  endSpan(waiting);
  underWay--;
  SetPrototypeDelete(actor.calls, waiting);
  const { frame, receive } = waiting;
  resume(frame, () => {
    if (!ok) {
      waiting.reject(tunnelled(value));
      return;
    }
    try {
      waiting.resolve(receive === undefined ? value : receive(value));
    } catch (error) {
      waiting.reject(error);
    }
  });
}

/** Goes on in the context that called. */
function resume(frame, run) {
  gates.admit(frame, () => {
    const io = frame === undefined || frame === null ? undefined : frame.io;
    if (io !== undefined) {
      if (io.over) return;
      contexts.resumed(io);
    }
    const before = getAsyncContext();
    setAsyncContext(frame);
    try {
      run();
    } finally {
      setAsyncContext(before);
    }
  });
}

/** Ends an object in the middle of what it does: all who wait learn why. */
function breakActor(actor, error) {
  if (actor.broken !== null) return;
  actor.broken = error;
  leave(actor);
  actor.instance = null;
  SetPrototypeForEach(actor.calls, (waiting) => settle(actor, waiting, false, error));
}

/** Takes an object out of memory. */
function leave(actor) {
  MapPrototypeDelete(actor.home.actors, actor.hex);
  actor.io.gate.close();
  endFacets(actor);
  const sockets = core.loadExtScript("ext:selvedge_durable/sockets.js");
  if (actor.broken === null) sockets.hibernate(actor);
  else sockets.cut(actor);
  if (actor.storage !== null) actor.storage.close(actor.broken !== null);
  contexts.end(actor.io);
  // From here on it may begin elsewhere.
  op_do_leave(actor.home.rid, actor.hex);
}

/** Facets end with their object; one that broke is over for its own. */
function endFacets(actor) {
  const { broken, home } = actor;
  if (actor.facets !== null) {
    actor.facets.endAll(broken ?? flagged(new Error("Durable Object was evicted."), "durableObjectReset", "retryable"));
  }
  if (home.facet !== null && broken !== null) {
    const copy = tunnelled(broken);
    op_do_facet_end(home.rid, `${copy.name}`, `${copy.message}`, true);
  }
}

function depthOf(section) {
  let depth = 0;
  for (; section !== null && section !== undefined; section = section.parent) depth++;
  return depth;
}

/** `ctx.blockConcurrencyWhile()`. */
function block(actor, callback) {
  const frame = getAsyncContext();
  const { gate } = actor.io;
  if (depthOf(frame?.section) >= MAX_SECTIONS) {
    const error = flagged(new Error(TOO_DEEP), "durableObjectReset");
    breakActor(actor, error);
    return PromiseReject(error);
  }
  return new Promise((resolve, reject) => {
    gate.lock(frame?.section ?? null, (section) => {
      const inside = { __proto__: null, io: actor.io, slot: actor.io.slot, depth: frame?.depth, section };
      const timer = core.createTimer(() => {
        if (!section.over) breakActor(actor, flagged(new Error(SECTION_TIMEOUT), "durableObjectReset"));
      }, SECTION_MS, undefined, false, false);
      const done = (ok, value) => {
        core.cancelTimer(timer);
        if (actor.broken !== null) return;
        gate.unlock(section);
        if (ok) resume(frame, () => resolve(value));
        else {
          // What it wrote stays; what is in memory cannot be trusted.
          breakActor(actor, flagged(tunnelled(value), "durableObjectReset"));
          reject(value);
        }
      };
      const before = getAsyncContext();
      setAsyncContext(inside);
      try {
        PromisePrototypeThen(PromiseResolve(callback()), (value) => done(true, value), (error) => done(false, error));
      } catch (error) {
        done(false, error);
      }
      setAsyncContext(before);
    });
  });
}

/** `ctx.abort()`. Unless `retriesAlarm`, the alarm that runs is not tried again. */
function abort(actor, text, retriesAlarm) {
  const error = flagged(new Error(text), "remote", "durableObjectReset");
  if (actor.broken === null) actor.dropsAlarm = !retriesAlarm;
  breakActor(actor, error);
  throw error;
}

/** Whether nothing goes on in an object. */
function isIdle(actor) {
  return actor.io.waiting === 0 && isAlone(actor);
}

/** Whether nobody waits for an object. */
function isAlone(actor) {
  return actor.events === 0 && SetPrototypeGetSize(actor.calls) === 0 &&
    actor.io.sending === 0 && (actor.io.rpc === null || actor.io.rpc.isIdle()) && actor.io.gate.section === null && actor.io.gate.waiting === 0 &&
    actor.io.unconfirmed() === null && (actor.facets === null || !actor.facets.live());
}

function watchIdle() {
  if (sweeper !== null) return;
  const before = getAsyncContext();
  setAsyncContext(undefined);
  sweeper = core.createTimer(sweep, sweepMs(), undefined, true, false);
  setAsyncContext(before);
}

function sweepMs() {
  let ms = SWEEP_MS;
  for (let i = 0; i < homes.length; i++) ms = MathMin(ms, homes[i].idle / 4);
  return MathMax(ms, 1);
}

/** Evicts objects that have been idle for long, or at all where none is to stay. */
function sweep() {
  const now = DateNow();
  const heldIdle = isOff("durable_object_io_tasks_prevent_eviction") ? HELD_IDLE_BEFORE : HELD_IDLE;
  let count = 0;
  const all = allHomes();
  for (let i = 0; i < all.length; i++) {
    const { actors, idle } = all[i];
    MapPrototypeForEach(actors, (actor) => {
      if (shared.endsObjects ? !isIdle(actor) : !isAlone(actor)) {
        actor.idleSince = 0;
        return;
      }
      if (shared.endsObjects) {
        leave(actor);
        return;
      }
      if (actor.idleSince === 0) {
        actor.idleSince = now;
        return;
      }
      const { timers, sockets, waiting } = actor.io;
      if (sockets > 0 || heldBySockets(actor)) return;
      const isHeld = waiting > 0 || timers !== null && SetPrototypeGetSize(timers) > 0;
      if (now - actor.idleSince >= (isHeld ? idle * heldIdle : idle)) leave(actor);
    });
    count += MapPrototypeGetSize(actors);
  }
  if (count === 0 && sweeper !== null) {
    core.cancelTimer(sweeper);
    sweeper = null;
  }
}

function heldBySockets(actor) {
  return actor.sockets !== null && core.loadExtScript("ext:selvedge_durable/sockets.js").areHeld(actor);
}

/** The object of a namespace that this isolate has, by the ids of both. */
function findByName(namespace, hex) {
  for (let i = 0; i < homes.length; i++) {
    const home = homes[i];
    if (home.namespace !== namespace) continue;
    const { idOf } = core.loadExtScript("ext:selvedge_durable/namespace.js");
    return find(home, { __proto__: null, hex, id: idOf(home, hex) });
  }
  return undefined;
}

/**
 * Ends the objects, and none begins here any more: now, as another version of
 * the Worker takes over, or each when nothing goes on in it.
 */
function end(atOnce) {
  if (!atOnce) {
    sweep();
    return;
  }
  const all = allHomes();
  for (let i = 0; i < all.length; i++) {
    MapPrototypeForEach(all[i].actors, (actor) => {
      breakActor(actor, flagged(new Error(UPDATED), "durableObjectReset", "retryable"));
    });
  }
  // Those, too, of which only sockets are here.
  op_do_leave_all();
}

/**
 * The isolate ran out of memory: all objects of it are reset. Calls that none of
 * them has seen yet go to new ones. Gives how many callers there are.
 */
function overMemory() {
  const unseen = [];
  let callers = 0;
  const all = allHomes();
  for (let i = 0; i < all.length; i++) {
    MapPrototypeForEach(all[i].actors, (actor) => {
      callers += SetPrototypeGetSize(actor.calls);
      SetPrototypeForEach(actor.calls, (waiting) => {
        if (waiting.event === null) return;
        SetPrototypeDelete(actor.calls, waiting);
        underWay--;
        ArrayPrototypePush(unseen, actor, waiting);
      });
      breakActor(actor, flagged(new Error(OVER_MEMORY), "durableObjectReset", "overloaded"));
    });
  }
  for (let i = 0; i < unseen.length; i += 2) {
    const { home, hex, id } = unseen[i];
    const waiting = unseen[i + 1];
    // When there is room again.
    PromisePrototypeThen(PromiseResolve(), () => callAgain({ __proto__: null, home, hex, id }, waiting));
  }
  return callers;
}

/** Sends a call to the object again that had not entered it. */
function callAgain(target, waiting) {
  let actor;
  try {
    actor = find(target.home, target);
  } catch (error) {
    waiting.reject(tunnelled(error));
    return;
  }
  if (actor !== null) enter(actor, waiting, waiting.event);
  else waiting.reject(flagged(new Error("Network connection lost."), "durableObjectReset", "retryable"));
}

/**
 * Takes an object out of memory if nothing goes on in it, or all of a namespace
 * where `hex` is empty. With `force` those in which something goes on are reset.
 * `counts` is told how many ended, and how many stay.
 */
function evict(namespace, hex, force, counts) {
  let ended = 0;
  let busy = 0;
  const all = allHomes();
  for (let i = 0; i < all.length; i++) {
    const { actors } = all[i];
    if (all[i].namespace !== namespace) continue;
    MapPrototypeForEach(actors, (actor) => {
      if (hex !== "" && actor.hex !== hex) return;
      const rests = isIdle(actor) && actor.io.sockets === 0 && !heldBySockets(actor);
      if (rests) leave(actor);
      else if (force) breakActor(actor, flagged(new Error(EVICTED), "durableObjectReset", "retryable"));
      else {
        busy++;
        return;
      }
      ended++;
    });
  }
  counts[0] = ended;
  counts[1] = busy;
}

// The host calls it. Who waits for an object may be answered after its next
// event, so that nobody here hangs for sure.
internals.objects = { __proto__: null, end, evict, areBusy: () => underWay > 0, overMemory };

return { abort, ALARM, block, breakActor, call, CONNECT, endHome, enter, FETCH, find, findByName, flagged, hasClass, homeOf, newHome, overOf, OVER_CPU, OVERLOADED, reset, resume, RPC, WEBSOCKET, withStorage };
})();
