// Exceptions of structuredClone(): their types and texts are workerd's.
import { throwsTexts } from "../assert.js";


/** What each throws, or its promise is rejected with. */
const CASES = {
  sc_none: [() => structuredClone(), "TypeError: Failed to execute 'structuredClone' on 'ServiceWorkerGlobalScope': parameter 1 is not of type 'Value'."],
  sc_fn: [() => structuredClone(() => {}), "DataCloneError: () => {} could not be cloned."],
  sc_fn2: [() => structuredClone(function foo() {}), "DataCloneError: function foo() {} could not be cloned."],
  sc_nested: [() => structuredClone({a: () => {}}), "DataCloneError: () => {} could not be cloned."],
  sc_sym: [() => structuredClone(Symbol("x")), "DataCloneError: Symbol(x) could not be cloned."],
  sc_symn: [() => structuredClone({a: Symbol("x")}), "DataCloneError: Symbol(x) could not be cloned."],
  sc_url: [() => structuredClone(new URL("http://x")), "DataCloneError: Could not serialize object of type \"URL\". This type does not support serialization."],
  sc_promise: [() => structuredClone(Promise.resolve()), "DataCloneError: #<Promise> could not be cloned."],
  sc_weakmap: [() => structuredClone(new WeakMap()), "DataCloneError: #<WeakMap> could not be cloned."],
  sc_proxy: [() => structuredClone(new Proxy({}, {})), "DataCloneError: #<Object> could not be cloned."],
  sc_transfer: [() => structuredClone(1, {transfer: 5}), "TypeError: Incorrect type for the 'transfer' field on 'StructuredCloneOptions': the provided value is not of type 'Array'."],
  sc_detached: [() => { const b = new ArrayBuffer(2); b.transfer(); structuredClone(b); }, "DataCloneError: An ArrayBuffer is detached and could not be cloned."],
  sc_opts: [() => structuredClone(1, 5), "TypeError: Failed to execute 'structuredClone' on 'ServiceWorkerGlobalScope': parameter 2 is not of type 'StructuredCloneOptions'."],
  sc_et: [() => structuredClone(new EventTarget()), "DataCloneError: Could not serialize object of type \"EventTarget\". This type does not support serialization."],
  sc_event: [() => structuredClone(new Event("a")), "DataCloneError: Could not serialize object of type \"Event\". This type does not support serialization."],
};

export const texts = {
  async test() {
    await throwsTexts(CASES);
  },
};
