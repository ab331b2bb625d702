// Service-worker syntax: listeners on the global object, and the events that
// they get. The event classes load when the first listener is added.
import { core, internals, primordials } from "ext:selvedge/core.js";
import { op_report_exception } from "ext:core/ops";
import { reportRejection } from "ext:selvedge/events/execution_context.js";
import { waitUntil } from "ext:selvedge/io_context.js";
import { lazy } from "ext:selvedge/lazy.js";

const {
  ArrayPrototypePush,
  ErrorPrototype,
  FunctionPrototypeCall,
  ObjectDefineProperty,
  ObjectPrototypeIsPrototypeOf,
  PromiseResolve,
  ReflectApply,
  SymbolToStringTag,
  TypeError,
} = primordials;

const consoles = lazy("ext:deno_web/01_console.js");
const events = lazy("ext:deno_web/02_event.js");
const exceptions = lazy("ext:deno_web/01_dom_exception.js");
const receivers = lazy("ext:selvedge/receivers.js");

/** What makes events, which no Worker can. */
const internal = { __proto__: null };
/** Kinds of events that were listened to at some time. */
const heard = { __proto__: null };
/** Holds the listeners of the global object. */
let target = null;
let classes = null;

function prepare() {
  const loaded = events();
  if (target === null) internals.globalTarget = target = new loaded.EventTarget();
  return loaded;
}

function addEventListener(type, _listener, _options = undefined) {
  const { EventTarget } = prepare();
  ReflectApply(EventTarget.prototype.addEventListener, target, arguments);
  heard[type] = true;
}

function removeEventListener(_type, _listener, _options = undefined) {
  const { EventTarget } = prepare();
  ReflectApply(EventTarget.prototype.removeEventListener, target, arguments);
}

function dispatchEvent(event) {
  const { EventTarget } = prepare();
  return FunctionPrototypeCall(EventTarget.prototype.dispatchEvent, target, event);
}

/** The same for an event of the platform's: what a listener throws is nobody's result. */
function dispatchOwn(event) {
  try {
    return dispatchEvent(event);
  } catch (error) {
    // (Only at compatibility dates at which it comes out.)
    reportException(error);
    return !event.defaultPrevented;
  }
}

/** Where the event classes report an exception first; `true`: nobody took it. */
const eventHub = {
  __proto__: null,
  dispatchEvent: (event) => hears(event.type) ? dispatchOwn(event) : true,
};

/** Takes what a listener of a fetch event throws: it is the handler's failure. */
let caught = null;

function reportException(error) {
  if (caught !== null) {
    caught.error ??= { error };
    return;
  }
  op_report_exception("Uncaught ", error);
}

function hears(type) {
  return heard[type] === true && prepare().listenerCount(target, type) > 0;
}

function eventClasses() {
  if (classes !== null) return classes;
  const Event = core.classOf(prepare().Event);

  class ExtendableEvent extends Event {
    #io = null;
    /** What was waited for, where a result is told after it. */
    #promises = null;

    constructor(type, mark) {
      if (mark !== internal) throw new TypeError("Illegal constructor");
      super(type);
    }

    waitUntil(promise) {
      if (this.#io === null) {
        const { DOMException } = exceptions();
        throw new DOMException("waitUntil() can only be called on trusted event.", "InvalidStateError");
      }
      waitUntil(this.#io, promise, reportRejection);
      if (this.#promises !== null) ArrayPrototypePush(this.#promises, promise);
    }

    static {
      setIo = (event, io) => {
        event.#io = io;
      };
      collectPromises = (event) => {
        event.#promises = [];
      };
      promisesOf = (event) => event.#promises;
    }
  }

  class FetchEvent extends ExtendableEvent {
    #request;
    #answer = undefined;
    #answered = false;

    constructor(type, mark, init) {
      super(type, mark);
      this.#request = init.request;
    }

    get request() {
      return this.#request;
    }

    respondWith(response) {
      if (this.#answered) {
        const { DOMException } = exceptions();
        throw new DOMException(
          "FetchEvent.respondWith() has already been called; it can only be called once.",
          "InvalidStateError",
        );
      }
      this.#answered = true;
      this.#answer = response;
      this.stopImmediatePropagation();
    }

    passThroughOnException() {
      void this.#answer;
    }

    static {
      answerOf = (event) => event.#answered ? PromiseResolve(event.#answer) : undefined;
    }
  }

  class ScheduledEvent extends ExtendableEvent {
    #cron;
    #time;

    constructor(type, mark, init) {
      super(type, mark);
      this.#cron = init.cron;
      this.#time = init.scheduledTime;
    }

    get cron() {
      return this.#cron;
    }

    get scheduledTime() {
      return this.#time;
    }

    noRetry() {
      void this.#time;
    }
  }

  /** A batch of messages: what a handler of modules gets as its argument. */
  class QueueEvent extends ExtendableEvent {
    #batch;

    constructor(type, mark, batch) {
      super(type, mark);
      this.#batch = batch;
    }

    get queue() {
      return this.#batch.queue;
    }

    get messages() {
      return this.#batch.messages;
    }

    get metadata() {
      return this.#batch.metadata;
    }

    ackAll() {
      this.#batch.ackAll();
    }

    retryAll(options = undefined) {
      this.#batch.retryAll(options);
    }
  }

  /** What other Workers did; the type is `tail` or `trace`. */
  class TailEvent extends ExtendableEvent {
    #traces;

    constructor(type, mark, traces) {
      super(type, mark);
      this.#traces = traces;
    }

    get events() {
      return this.#traces;
    }

    get traces() {
      return this.#traces;
    }
  }

  class EmailEvent extends ExtendableEvent {
    #message;

    constructor(type, mark, message) {
      super(type, mark);
      this.#message = message;
    }

    get message() {
      return this.#message;
    }
  }

  const tags = [
    [EmailEvent, "EmailEvent"],
    [ExtendableEvent, "ExtendableEvent"],
    [FetchEvent, "FetchEvent"],
    [QueueEvent, "QueueEvent"],
    [ScheduledEvent, "ScheduledEvent"],
    [TailEvent, "TailEvent"],
  ];
  for (let i = 0; i < tags.length; i++) {
    ObjectDefineProperty(tags[i][0].prototype, SymbolToStringTag, {
      __proto__: null,
      value: tags[i][1],
      configurable: true,
    });
  }
  const { checkReceivers } = receivers();
  for (let i = 0; i < tags.length; i++) checkReceivers(tags[i][0]);
  return classes = { EmailEvent, ExtendableEvent, FetchEvent, QueueEvent, ScheduledEvent, TailEvent };
}

let setIo, answerOf, collectPromises, promisesOf;

/** Gives an event to its listeners; the first exception of one is the handler's. */
function deliver(event) {
  caught = { error: null };
  dispatchOwn(event);
  const { error } = caught;
  caught = null;
  if (error !== null) throw error.error;
}

/**
 * A delivery of messages, traces or mail for listeners; done when all is that they
 * gave to `waitUntil()`. Whether somebody listens.
 */
async function handlerEvent(io, kind, argument) {
  const { EmailEvent, QueueEvent, TailEvent } = eventClasses();
  const types = kind === "tail" ? ["tail", "trace"] : [kind];
  const Kind = { __proto__: null, email: EmailEvent, queue: QueueEvent, tail: TailEvent }[kind];
  let heard = false;
  for (let i = 0; i < types.length; i++) {
    if (Kind === undefined || !hears(types[i])) continue;
    heard = true;
    const event = new Kind(types[i], internal, argument);
    setIo(event, io);
    collectPromises(event);
    deliver(event);
    // (More may come while these are waited for.)
    const promises = promisesOf(event);
    for (let j = 0; j < promises.length; j++) await promises[j];
  }
  return heard;
}

/** Gives a fetch event to the listeners; the promise of their response. */
function fetchEvent(io, request) {
  const { FetchEvent } = eventClasses();
  const event = new FetchEvent("fetch", internal, { request });
  setIo(event, io);
  deliver(event);
  const answer = answerOf(event);
  if (answer === undefined) {
    throw new TypeError("No event handler called respondWith() for this request.");
  }
  return answer;
}

function scheduledEvent(io, cron, scheduledTime) {
  const { ScheduledEvent } = eventClasses();
  const event = new ScheduledEvent("scheduled", internal, { cron, scheduledTime });
  setIo(event, io);
  dispatchOwn(event);
}

/** An exception that came out of a microtask: listeners first, then the log. */
function uncaught(error) {
  if (hears("error")) events().reportException(error);
  else reportException(error);
}

function rejectionEvent(type, init) {
  const PromiseRejectionEvent = core.classOf(prepare().PromiseRejectionEvent);
  return new PromiseRejectionEvent(type, init);
}

/** A rejection that nobody handled: listeners first, then the log. */
function unhandledRejection(promise, reason) {
  if (hears("unhandledrejection")) {
    const event = rejectionEvent("unhandledrejection", {
      __proto__: null,
      promise,
      reason,
      cancelable: true,
    });
    dispatchOwn(event);
    if (event.defaultPrevented) return true;
  }
  op_report_exception("Uncaught (in promise) ", reason);
  return true;
}

/** A rejection that was reported got a handler after all. */
function rejectionHandled(promise, reason) {
  if (!hears("rejectionhandled")) return;
  dispatchOwn(rejectionEvent("rejectionhandled", { __proto__: null, promise, reason }));
}

/**
 * The text for a thrown value that is no error: as `console.log` shows it.
 * `null`: the engine's own text says it well.
 */
function describeThrown(value) {
  const type = typeof value;
  if (value === null || (type !== "object" && type !== "function" && type !== "symbol")) return null;
  try {
    if (core.isNativeError(value) || ObjectPrototypeIsPrototypeOf(ErrorPrototype, value)) return null;
    return `Uncaught ${consoles().inspect(value)}`;
  } catch {
    // What it prints with threw, too.
    return null;
  }
}

export {
  describeThrown,
  addEventListener,
  dispatchEvent,
  eventClasses,
  eventHub,
  fetchEvent,
  handlerEvent,
  hears,
  removeEventListener,
  rejectionHandled,
  reportException,
  scheduledEvent,
  uncaught,
  unhandledRejection,
};
