import { DurableObject } from "cloudflare:workers";
import { decode, encode, equal, ok, rejects, same, streamOf } from "../assert.js";

class Mine extends Error {
  name = "Mine";
}

export class Subject extends DurableObject {
  count = 0;

  async fetch(request) {
    const { pathname } = new URL(request.url);
    switch (pathname) {
      case "/echo":
        return new Response(request.body, { status: 201, headers: { "x-method": request.method, "x-seen": request.headers.get("x-sent") ?? "" } });
      case "/text":
        return new Response(`text ${await request.text()}`);
      case "/stream":
        return new Response(streamOf(encode("a"), encode("b"), encode("c")));
      case "/throw":
        throw new RangeError("no good");
      case "/own":
        throw new Mine("mine");
      case "/string":
        throw "text";
      case "/undefined":
        return undefined;
      case "/abort":
        this.ctx.abort("bye");
        break;
      case "/default-abort":
        this.ctx.abort();
        break;
      case "/typed-abort":
        this.ctx.abort(new TypeError("typed"));
        break;
      case "/block":
        await this.ctx.blockConcurrencyWhile(async () => {
          throw new Error("blocked");
        }).catch(() => {});
        break;
      case "/redirect":
        return Response.redirect("http://x/target");
      case "/see-other":
        return new Response(null, { status: 303, headers: { location: "/target" } });
      case "/loop":
        return Response.redirect("http://x/loop");
      case "/target":
        return new Response(`${request.method} target`);
    }
    return Response.json({ count: ++this.count });
  }
}

export class Other {
  constructor(state, env) {
    this.state = state;
    this.env = env;
    if (state.id.name === "broken") throw new Error("no constructor");
  }
  fetch() {
    return Response.json([typeof this.state.blockConcurrencyWhile, this.state.id.name, Object.keys(this.env).sort()]);
  }
}

async function refusal(promise) {
  const error = await rejects(promise);
  return [error.constructor.name, error.name, error.message, error.remote === true, error.durableObjectReset === true];
}

export const bodies_pass_both_ways = {
  async test(_, { OBJECTS }) {
    const stub = OBJECTS.getByName("bodies");
    const echo = async (body) => {
      const response = await stub.fetch("http://x/echo", { method: "POST", body, headers: { "x-sent": "yes" } });
      equal(response.status, 201);
      equal(response.headers.get("x-method"), "POST");
      equal(response.headers.get("x-seen"), "yes");
      return await response.text();
    };
    equal(await echo("text"), "text");
    equal(await echo(encode("bytes")), "bytes");
    equal(await echo(streamOf(encode("st"), encode("ream"))), "stream");
    equal(await echo(new URLSearchParams({ a: "b" })), "a=b");
    equal((await echo("x".repeat(1_000_000))).length, 1_000_000);
    equal((await echo(streamOf(...Array.from({ length: 64 }, () => new Uint8Array(16384))))).length, 1 << 20);
    equal(await (await stub.fetch("http://x/stream")).text(), "abc");
    equal(await (await stub.fetch("http://x/text", { method: "PUT", body: "in" })).text(), "text in");
  },
};

export const a_request_may_be_given_whole = {
  async test(_, { OBJECTS }) {
    const stub = OBJECTS.getByName("whole");
    const request = new Request("http://x/echo", { method: "PATCH", body: "patched" });
    const response = await stub.fetch(request);
    equal(response.headers.get("x-method"), "PATCH");
    equal(await response.text(), "patched");
    ok(request.bodyUsed);
    equal(response.url, "http://x/echo");
    await rejects(stub.fetch(request), TypeError);
  },
};

export const an_object_keeps_what_is_in_memory = {
  async test(_, { OBJECTS }) {
    const one = OBJECTS.getByName("one");
    const other = OBJECTS.getByName("two");
    for (let i = 1; i <= 3; i++) same(await (await one.fetch("http://x/")).json(), { count: i });
    same(await (await other.fetch("http://x/")).json(), { count: 1 });
    same(await (await OBJECTS.get(one.id).fetch("http://x/")).json(), { count: 4 });
  },
};

export const both_styles_of_classes_work = {
  async test(_, { OTHERS }) {
    same(await (await OTHERS.getByName("old").fetch("http://x/")).json(), ["function", "old", ["OBJECTS", "OTHERS"]]);
  },
};

export const errors_reach_the_caller = {
  async test(_, { OBJECTS }) {
    const stub = OBJECTS.getByName("errors");
    same(await refusal(stub.fetch("http://x/throw")), ["RangeError", "RangeError", "no good", true, false]);
    same(await refusal(stub.fetch("http://x/own")), ["Error", "Mine", "mine", true, false]);
    same(await refusal(stub.fetch("http://x/string")), ["Error", "Error", "text", true, false]);
    same(await refusal(stub.fetch("http://x/undefined")), [
      "TypeError",
      "TypeError",
      "Incorrect type for Promise: the Promise did not resolve to 'Response'.",
      true,
      false,
    ]);
    same(await (await stub.fetch("http://x/")).json(), { count: 1 }, "the object lives on");
  },
};

export const an_object_that_is_reset_begins_anew = {
  async test(_, { OBJECTS }) {
    const reasons = {
      abort: "bye",
      "default-abort": "Application called abort() to reset Durable Object.",
      "typed-abort": "TypeError: typed",
      block: "blocked",
    };
    for (const [path, message] of Object.entries(reasons)) {
      const stub = () => OBJECTS.getByName(`reset ${path}`);
      same(await (await stub().fetch("http://x/")).json(), { count: 1 });
      same(await refusal(stub().fetch(`http://x/${path}`)), ["Error", "Error", message, true, true]);
      same(await (await stub().fetch("http://x/")).json(), { count: 1 });
    }
  },
};

export const a_constructor_that_throws_fails_the_call = {
  async test(_, { OTHERS }) {
    for (let i = 0; i < 2; i++) {
      same(await refusal(OTHERS.getByName("broken").fetch("http://x/")), ["Error", "Error", "no constructor", true, true]);
    }
  },
};

export const redirects_are_followed = {
  async test(_, { OBJECTS }) {
    const stub = OBJECTS.getByName("redirects");
    const response = await stub.fetch("http://x/redirect");
    equal(await response.text(), "GET target");
    equal(response.url, "http://x/target");
    ok(response.redirected);
    equal(await (await stub.fetch("http://x/see-other", { method: "POST", body: "x" })).text(), "GET target");
    const manual = await stub.fetch("http://x/redirect", { redirect: "manual" });
    equal(manual.status, 302);
    ok((await rejects(stub.fetch("http://x/loop"))).message.startsWith("Too many redirects."));
  },
};

export const a_signal_reaches_the_object = {
  async test(_, { OBJECTS }) {
    const stub = OBJECTS.getByName("signals");
    const reason = await rejects(stub.fetch("http://x/", { signal: AbortSignal.abort() }), "AbortError");
    ok(reason.message.length > 0);
  },
};
void decode;
