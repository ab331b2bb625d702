// compatibility-date: 2021-01-01
// compatibility-flags: enable_ctx_exports rpc
// Requests as they were in 2021.
import { exports, WorkerEntrypoint } from "cloudflare:workers";
import { equal, same, throws } from "../assert.js";

export class Service extends WorkerEntrypoint {
  async fetch(request) {
    const { cf, signal } = request;
    const isShared = new Request(request).signal === signal;
    return Response.json({ cf, isShared, aborted: signal.aborted, same: request.signal === signal });
  }
}

export const case_counts_in_methods = {
  test() {
    const method = (method) => new Request("http://h/", { method }).method;
    same(["get", "Post", "oPTIONS", "PATCH", "PURGE"].map(method), ["GET", "POST", "OPTIONS", "PATCH", "PURGE"]);
    for (const name of ["patch", "purge", "trace", "query"]) {
      equal(throws(() => method(name), TypeError).message, `Invalid HTTP method string: ${name}`);
    }
  },
};

export const requests_say_nothing_of_the_cache = {
  test() {
    const request = new Request("http://h/");
    equal("cache" in request, false);
    for (const cache of ["no-store", "no-cache", "default"]) {
      const error = throws(() => new Request("http://h/", { cache }), Error);
      equal(error.message, "The 'cache' field on 'RequestInitializerDict' is not implemented.");
    }
    new Request("http://h/", { cache: undefined });
  },
};

export const bots_are_rated = {
  async test() {
    const { cf } = await (await exports.Service.fetch("http://h/", { cf: { a: 1 } })).json();
    same(cf.botManagement, {
      corporateProxy: false,
      verifiedBot: false,
      jsDetection: { passed: false },
      staticResource: false,
      detectionIds: {},
      score: 99,
    });
    same(new Request("http://h/", { cf: { a: 1 } }).cf, { a: 1 });
  },
};

export const signals_tell_nothing_of_clients = {
  async test() {
    const answer = await (await exports.Service.fetch("http://h/")).json();
    same([answer.isShared, answer.aborted, answer.same], [false, false, true]);
    const { signal } = new AbortController();
    const request = new Request("http://h/", { signal });
    equal(request.signal, signal);
    equal(new Request(request).signal, signal);
    const plain = new Request("http://h/");
    equal(plain.signal === new Request(plain).signal, false);
  },
};

export class Echo extends WorkerEntrypoint {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    const body = await request.text();
    const status = Number(pathname.slice(1)) || 200;
    return new Response(`${request.method} ${searchParams} ${body}`, { status, statusText: "So So" });
  }
}

export const bindings_have_shortcuts = {
  async test() {
    const { Echo } = exports;
    equal(await Echo.get("http://h/?a=1"), "GET a=1 ");
    equal((await Echo.get("http://h/", "arrayBuffer")).byteLength, 5);
    equal(await new Response(await Echo.get("http://h/", "stream")).text(), "GET  ");
    equal(await Echo.get("http://h/404"), null);
    equal(await Echo.put("http://h/", "text"), undefined);
    equal(await Echo.delete("http://h/"), undefined);
    const failure = (promise) => promise.then(() => "none", (error) => error.message);
    equal(await failure(Echo.get("http://h/500")), "HTTP GET request failed: 500 So So");
    equal(await failure(Echo.put("http://h/404", "x")), "HTTP PUT request failed: 404 So So");
    equal(await failure(Echo.delete("http://h/404")), "HTTP DELETE request failed: 404 So So");
    throws(() => Echo.fetch(), TypeError);
    throws(() => Echo.get(), TypeError);
    equal(await failure(Echo.get("http://h/", "foo")), 'Unknown response type. Possible types are "text", "arrayBuffer", "json", and "stream".');
  },
};
