// compatibility-date: 2025-11-30
// Before 2025-12-03 results lack what they have no value for.
import { equal, same } from "../assert.js";

export const theEndOfAStreamHasNoValue = {
  async test() {
    const reader = new Response("a").body.getReader();
    same(Object.keys(await reader.read()).sort(), ["done", "value"]);
    same(Object.keys(await reader.read()), ["done"]);
    const values = ReadableStream.from([1]).values();
    await values.next();
    same(Object.keys(await values.next()), ["done"]);
  },
};

export const norHasThatOfAnIterator = {
  test() {
    same(Object.keys(new Headers().entries().next()), ["done"]);
    same(Object.keys(new URLSearchParams().keys().next()), ["done"]);
    same(Object.keys(new FormData().values().next()), ["done"]);
    same(Object.keys(new Headers({ a: "b" }).keys().next()).sort(), ["done", "value"]);
  },
};

export const keysHaveTheirFieldsOnly = {
  async test() {
    const key = await crypto.subtle.importKey("raw", new Uint8Array(16), "AES-GCM", true, ["encrypt"]);
    const jwk = await crypto.subtle.exportKey("jwk", key);
    same(Object.keys(jwk), ["kty", "key_ops", "alg", "ext", "k"]);
    equal("use" in jwk, false);
  },
};
