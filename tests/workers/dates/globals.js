// compatibility-date: 2024-02-01
// What was a global, or was none, in the winter of 2024.
import { equal, throws } from "../assert.js";

export const weakReferencesCameIn2025 = {
  test() {
    equal(typeof WeakRef, "undefined");
    equal(typeof FinalizationRegistry, "undefined");
    equal("WeakRef" in globalThis, false);
  },
};

export const messageChannelsCameIn2025 = {
  test() {
    equal(typeof MessageChannel, "undefined");
    equal(typeof MessagePort, "undefined");
  },
};

export const temporalIsNotThere = {
  test() {
    equal(typeof Temporal, "undefined");
    equal(new Date().toTemporalInstant, undefined);
  },
};

export const navigatorHasNoLanguage = {
  test() {
    equal(navigator.language, undefined);
    equal(navigator.languages, undefined);
    equal("language" in navigator, false);
    equal(navigator.userAgent, "Cloudflare-Workers");
  },
};

export const importScriptsIsThereAndThrows = {
  test() {
    equal(importScripts.name, "importScripts");
    const text = "Failed to execute 'importScripts' on 'WorkerGlobalScope': the method is not implemented.";
    equal(throws(() => importScripts("x.js"), Error).message, text);
  },
};

export const objectsHaveNoTag = {
  test() {
    const tag = (value) => Object.prototype.toString.call(value);
    for (const value of [
      new Headers(),
      new Request("https://example.com/"),
      new Response(),
      new URL("https://example.com/"),
      new URLSearchParams(),
      new Blob([]),
      new FormData(),
      new Event("x"),
      new AbortController().signal,
      new ReadableStream(),
      new TextDecoder(),
      new WebSocketPair()[0],
      crypto,
      crypto.subtle,
      caches.default,
      navigator,
      scheduler,
      new HTMLRewriter(),
      new IdentityTransformStream(),
    ]) {
      equal(tag(value), "[object Object]", value.constructor.name);
      equal(value[Symbol.toStringTag], undefined, value.constructor.name);
    }
    equal(tag(new Headers().entries()), "[object Iterator]");
    equal(tag(new URLSearchParams().entries()), "[object Iterator]");
    equal(tag(new FormData().entries()), "[object Iterator]");
    equal(tag(new Map()), "[object Map]");
  },
};

export const theContextHasNoTag = {
  test(_controller, _env, ctx) {
    equal(Object.prototype.toString.call(ctx), "[object Object]");
  },
};
