// What members of interfaces say that are called on something else.
import { equal, ok } from "../assert.js";

const TEXT = "Illegal invocation: function called with incorrect `this` reference. See " +
  "https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details.";

const INTERFACES = [
  Cache, CacheStorage, CloseEvent, CustomEvent, ErrorEvent, Event, EventSource, ExtendableEvent, FetchEvent, FormData,
  HTMLRewriter, MessageEvent, MessagePort, Performance, PerformanceEntry, PerformanceMark, PerformanceMeasure,
  PerformanceObserver, PerformanceObserverEntryList, PromiseRejectionEvent, ScheduledEvent, WebSocket,
  WebSocketRequestResponsePair,
];

function textOf(run) {
  try {
    run();
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
  return "nothing";
}

/** All members, as functions that call them on something. */
function* membersOf(Interface) {
  for (const key of Reflect.ownKeys(Interface.prototype)) {
    // (The DOM standard has isTrusted on each event, where it cannot be replaced.)
    if (key === "constructor" || key === "isTrusted" || typeof key === "symbol" && key !== Symbol.iterator) continue;
    const { value, get, set } = Object.getOwnPropertyDescriptor(Interface.prototype, key);
    if (typeof value === "function") yield [`${String(key)}()`, (self) => value.call(self)];
    if (get) yield [`get ${String(key)}`, (self) => get.call(self)];
    if (set) yield [`set ${String(key)}`, (self) => set.call(self, null)];
  }
}

export const a_wrong_receiver_is_told = {
  test() {
    for (const Interface of INTERFACES) {
      for (const [name, call] of membersOf(Interface)) {
        for (const self of [{}, undefined, new Headers()]) {
          equal(textOf(() => call(self)), `TypeError: ${TEXT}`, `${name} of ${Interface.name}`);
        }
      }
    }
  },
};

export const members_keep_their_names = {
  test() {
    equal(FormData.prototype.append.name, "append");
    ok(!("prototype" in WebSocket.prototype.send));
    const event = new CustomEvent("x", { detail: 5, cancelable: true });
    event.preventDefault();
    equal(event.detail, 5);
    equal(event.defaultPrevented, true);
    const form = new FormData();
    form.append("a", "b");
    equal(JSON.stringify([...form]), '[["a","b"]]');
  },
};

export const events_are_made_by_the_platform = {
  test() {
    for (const Interface of [ExtendableEvent, FetchEvent, ScheduledEvent]) {
      for (const init of [[], ["x"], ["x", {}]]) equal(textOf(() => new Interface(...init)), "TypeError: Illegal constructor");
    }
  },
};
