// Exceptions of events and signals: their types and texts are workerd's.
import { throwsTexts } from "../assert.js";


/** What each throws, or its promise is rejected with. */
const CASES = {
  et_add: [() => new EventTarget().addEventListener(), "TypeError: Failed to execute 'addEventListener' on 'EventTarget': parameter 1 is not of type 'string'."],
  et_add1: [() => new EventTarget().addEventListener("a"), "TypeError: Failed to execute 'addEventListener' on 'EventTarget': parameter 2 is not of type 'function or HandlerObject'."],
  et_add5: [() => new EventTarget().addEventListener("a", 5), "TypeError: Failed to execute 'addEventListener' on 'EventTarget': parameter 2 is not of type 'function or HandlerObject'."],
  et_addstr: [() => new EventTarget().addEventListener("a", "x"), "TypeError: Failed to execute 'addEventListener' on 'EventTarget': parameter 2 is not of type 'function or HandlerObject'."],
  et_addsignal: [() => new EventTarget().addEventListener("a", () => {}, {signal:5}), "TypeError: Incorrect type for the 'signal' field on 'AddEventListenerOptions': the provided value is not of type 'AbortSignal'."],
  et_addsignalnull: [() => new EventTarget().addEventListener("a", () => {}, {signal:null}), "TypeError: Incorrect type for the 'signal' field on 'AddEventListenerOptions': the provided value is not of type 'AbortSignal'."],
  et_remove: [() => new EventTarget().removeEventListener("a"), "TypeError: Failed to execute 'removeEventListener' on 'EventTarget': parameter 2 is not of type 'Object'."],
  et_dispatch: [() => new EventTarget().dispatchEvent(), "TypeError: Failed to execute 'dispatchEvent' on 'EventTarget': parameter 1 is not of type 'Event'."],
  et_dispatchobj: [() => new EventTarget().dispatchEvent({type:"a"}), "TypeError: Failed to execute 'dispatchEvent' on 'EventTarget': parameter 1 is not of type 'Event'."],
  et_this: [() => EventTarget.prototype.addEventListener.call({}, "a", () => {}), "TypeError: Illegal invocation: function called with incorrect `this` reference. See https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details."],
  ev_none: [() => new Event(), "TypeError: Failed to construct 'Event': constructor parameter 1 is not of type 'string'."],
  cev_none: [() => new CustomEvent(), "TypeError: Failed to construct 'CustomEvent': constructor parameter 1 is not of type 'string'."],
  mev_none: [() => new MessageEvent(), "TypeError: Failed to construct 'MessageEvent': constructor parameter 1 is not of type 'string'."],
  as_new: [() => new AbortSignal(), "TypeError: Illegal constructor"],
  as_timeout: [() => AbortSignal.timeout(), "TypeError: Failed to execute 'timeout' on 'AbortSignal': parameter 1 is not of type 'number'."],
  as_any: [() => AbortSignal.any(), "TypeError: Failed to execute 'any' on 'AbortSignal': parameter 1 is not of type 'Array'."],
  as_any5: [() => AbortSignal.any(5), "TypeError: Failed to execute 'any' on 'AbortSignal': parameter 1 is not of type 'Array'."],
  as_anybad: [() => AbortSignal.any([5]), "TypeError: Incorrect type for array element 0: the provided value is not of type 'AbortSignal'."],
  as_throw: [() => AbortSignal.abort().throwIfAborted(), "AbortError: The operation was aborted"],
  as_this: [() => AbortSignal.prototype.throwIfAborted.call({}), "TypeError: Illegal invocation: function called with incorrect `this` reference. See https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details."],
  ac_this: [() => AbortController.prototype.abort.call({}), "TypeError: Illegal invocation: function called with incorrect `this` reference. See https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details."],
  as_timedout: [async () => { const s = AbortSignal.timeout(1); await new Promise((d) => s.onabort = d); s.throwIfAborted(); }, "TimeoutError: The operation was aborted due to timeout"],
};

export const texts = {
  async test() {
    await throwsTexts(CASES);
  },
};
