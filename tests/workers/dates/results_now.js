// compatibility-date: 2025-12-03
// From 2025-12-03 on they have it as `undefined`.
import { equal, same } from "../assert.js";

export const theEndHasAnUndefinedValue = {
  async test() {
    const reader = new Response("").body.getReader();
    same(Object.keys(await reader.read()).sort(), ["done", "value"]);
    equal("value" in new Headers().entries().next(), true);
  },
};

export const keysHaveAllFields = {
  async test() {
    const key = await crypto.subtle.importKey("raw", new Uint8Array(16), "AES-GCM", true, ["encrypt"]);
    const jwk = await crypto.subtle.exportKey("jwk", key);
    const names = "kty use key_ops alg ext crv x y d n e p q dp dq qi oth k pub priv".split(" ");
    same(Object.keys(jwk), names);
    same(Object.keys(JSON.parse(JSON.stringify(jwk))), ["kty", "key_ops", "alg", "ext", "k"]);
  },
};
