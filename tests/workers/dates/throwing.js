// compatibility-date: 2022-10-30
// Asynchronous methods that throw at once what is wrong with their arguments.
import { equal, ok } from "../assert.js";

/** "thrown" or "rejected", and what. */
async function outcome(act) {
  let promise;
  try {
    promise = act();
  } catch (error) {
    return `thrown: ${error.message}`;
  }
  return promise.then(() => "fulfilled", (error) => `rejected: ${error.message}`);
}

export const wrong_types_are_thrown = {
  async test() {
    const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 128 }, true, ["encrypt"]);
    const calls = [
      () => fetch(),
      () => fetch("http://h/", { signal: 5 }),
      () => new Response("x").body.pipeTo(),
      () => new Response("x").body.getReader({ mode: "byob" }).read(),
      () => crypto.subtle.digest(),
      () => crypto.subtle.digest("SHA-256", "text"),
      () => crypto.subtle.encrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, key, "text"),
      () => caches.open(),
      () => scheduler.wait(),
    ];
    for (const call of calls) ok((await outcome(call)).startsWith("thrown: "), String(call));
    equal(await outcome(() => caches.open()), "thrown: Failed to execute 'open' on 'CacheStorage': parameter 1 is not of type 'string'.");
  },
};

export const other_failures_reject = {
  async test() {
    const used = new Response("x");
    await used.text();
    const calls = [
      () => fetch("http://h/", { method: "a b" }),
      () => fetch("http://h/", { body: "x" }),
      () => used.text(),
      () => new Response("{").json(),
      () => crypto.subtle.digest("foo", new Uint8Array(1)),
      () => new Response("x").formData(),
    ];
    for (const call of calls) ok((await outcome(call)).startsWith("rejected: "), String(call));
  },
};
