// compatibility-date: 2022-05-01
// Before 2022-06-01 some values of a wrong type are taken for `null`.
import { equal, throws } from "../assert.js";

export const listeners = {
  test() {
    const target = new EventTarget();
    equal(target.addEventListener("x", 5), undefined);
    equal(target.addEventListener("x", "text"), undefined);
    equal(target.dispatchEvent(new Event("x")), true);
  },
};

export const signals = {
  test() {
    equal(new Request("https://example.com/", { signal: 5 }).signal.aborted, false);
    equal(new Request("https://example.com/", { signal: {} }).url, "https://example.com/");
  },
};

export const sockets = {
  test() {
    equal(new Response("text", { webSocket: 5 }).webSocket, null);
    equal(new Response("text", { webSocket: {} }).status, 200);
  },
};

export const othersAreWrong = {
  test() {
    throws(() => new Response("text", 5), TypeError);
    throws(() => new Request("https://example.com/", { cf: 5 }), TypeError);
  },
};
