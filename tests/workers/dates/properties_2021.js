// compatibility-date: 2022-01-01
// Before 2022-01-31 what has a getter is a property of each object.
import { equal, ok, same, throws } from "../assert.js";

export const propertiesAreListed = {
  test() {
    const keys = Object.keys(new Request("https://example.com/"));
    for (const key of ["url", "method", "headers", "redirect", "signal", "body", "bodyUsed"]) ok(keys.includes(key), key);
    same(Object.keys(new AbortController()), ["signal"]);
    ok(Object.keys(new URL("https://example.com/")).includes("hostname"));
    ok(Object.keys(new WebSocketPair()[0]).includes("readyState"));
  },
};

export const objectsCanBeCopied = {
  test() {
    const { status, statusText, ok: isOk } = { ...new Response("x", { status: 404, statusText: "none" }) };
    same([status, statusText, isOk], [404, "none", false]);
    equal(JSON.parse(JSON.stringify(new Request("https://example.com/a"))).url, "https://example.com/a");
  },
};

export const classesThatExtendThemAreNotAsked = {
  test() {
    class Own extends Request {
      get url() {
        return "own";
      }

      get extra() {
        return `extra ${super.clone().url}`;
      }
    }
    const own = new Own("https://example.com/");
    equal(own.url, "https://example.com/");
    equal(own.extra, "extra https://example.com/");
    ok(own instanceof Own);
  },
};

export const theyAreReadOnly = {
  test() {
    const request = new Request("https://example.com/");
    throws(() => {
      request.url = "other";
    }, TypeError);
    const url = new URL("https://example.com/");
    url.pathname = "/path";
    equal(url.href, "https://example.com/path");
  },
};

export const thoseOfThePlatformHaveThem = {
  async test() {
    const controller = new AbortController();
    const event = await new Promise((resolve) => {
      controller.signal.addEventListener("abort", resolve);
      controller.abort();
    });
    ok(Object.keys(event).includes("type"));
    same(Object.keys(controller.signal).sort(), ["aborted", "reason"]);
    same(Object.keys(new URLSearchParams("a=b")), []);
    ok(Object.keys(new Request("https://example.com/").clone()).includes("url"));
  },
};
