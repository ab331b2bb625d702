import { equal, ok, rejects, same, throws } from "../assert.js";

const KEPT = { "cache-control": "max-age=60" };
const kept = (body, more = {}, status = 200) => new Response(body, { status, headers: { ...KEPT, ...more } });
const url = (name) => `http://cache.example/${name}`;

async function put(name, response) {
  await caches.default.put(url(name), response);
  return await caches.default.match(url(name));
}

export const the_objects_are_as_their_names_say = {
  test() {
    equal(String(caches), "[object CacheStorage]");
    equal(String(caches.default), "[object Cache]");
    ok(caches instanceof CacheStorage && caches.default instanceof Cache);
    ok(caches.default === caches.default);
    throws(() => new Cache(), TypeError, "Illegal constructor");
    throws(() => new CacheStorage(), TypeError, "Illegal constructor");
  },
};

export const what_was_put_is_matched_with_its_headers = {
  async test() {
    equal(await caches.default.match(url("nothing")), undefined);
    const etag = '"one"';
    const hit = await put("whole", kept("hello", { etag, "x-a": "b", "content-type": "text/x" }, 200));
    equal(hit.status, 200);
    equal(hit.statusText, "OK");
    equal(hit.url, "");
    equal(hit.headers.get("cache-control"), "max-age=60");
    equal(hit.headers.get("content-type"), "text/x");
    equal(hit.headers.get("x-a"), "b");
    equal(hit.headers.get("etag"), etag);
    equal(hit.headers.get("cf-cache-status"), "HIT");
    equal(hit.headers.get("age"), "0");
    equal(hit.headers.get("content-length"), "5");
    ok(Date.parse(hit.headers.get("date")) > 0);
    equal(await hit.text(), "hello");
    // Again: the first one took nothing away.
    equal(await (await caches.default.match(new Request(url("whole")))).text(), "hello");
  },
};

export const hits_are_looked_at_in_any_order = {
  async test() {
    await put("order", kept("hello", { "x-a": "b" }));
    const match = () => caches.default.match(url("order"));
    // Several at once, the body before the headers and the other way round.
    const [one, two, three, four] = await Promise.all([match(), match(), match(), match()]);
    equal(await one.text(), "hello");
    equal(one.headers.get("x-a"), "b");
    equal(one.bodyUsed, true);
    await rejects(() => one.text(), TypeError);
    equal(two.bodyUsed, false);
    const copy = two.clone();
    equal(await copy.text() + await two.text(), "hellohello");
    equal(copy.headers.get("x-a") + two.headers.get("x-a"), "bb");
    const reader = three.body.getReader();
    equal(new TextDecoder().decode((await reader.read()).value), "hello");
    equal(three.headers.get("x-a"), "b");
    const other = new Response(four.body, four);
    equal(other.headers.get("x-a"), "b");
    equal(await other.text(), "hello");
    equal(four.bodyUsed, true);
    equal([...(await match()).headers.keys()].includes("cf-cache-status"), true);
  },
};

export const headers_of_a_hit_cannot_be_changed = {
  async test() {
    const hit = await put("immutable", kept("x"));
    throws(() => hit.headers.set("a", "b"), TypeError);
    const own = new Response(hit.body, hit);
    own.headers.set("a", "b");
    equal(own.headers.get("a"), "b");
  },
};

export const other_statuses_are_kept_if_they_may_be = {
  async test() {
    equal((await put("404", kept("no", {}, 404))).status, 404);
    const moved = await put("302", kept("to", { location: "/x" }, 302));
    equal(moved.status, 302);
    equal(moved.headers.get("location"), "/x");
    equal(await put("500", kept("x", {}, 500)), undefined);
    equal(await put("304", new Response(null, { status: 304, headers: KEPT })), undefined);
  },
};

export const what_must_not_be_kept_is_not = {
  async test() {
    const control = (value) => new Response("x", { headers: { "cache-control": value } });
    equal(await put("plain", new Response("x")), undefined);
    equal(await put("no-store", control("no-store")), undefined);
    equal(await put("private", control("private, max-age=60")), undefined);
    equal(await put("zero", control("max-age=0")), undefined);
    equal((await put("shared", control("s-maxage=60, max-age=0"))).status, 200);
    const expires = new Date(Date.now() + 60_000).toUTCString();
    equal((await put("expires", new Response("x", { headers: { expires } }))).status, 200);
  },
};

export const cookies_are_not_kept = {
  async test() {
    equal(await put("cookie", kept("x", { "set-cookie": "a=b" })), undefined);
    const control = { "cache-control": "private=set-cookie, max-age=60", "set-cookie": "a=b" };
    const hit = await put("private-cookie", new Response("x", { headers: control }));
    equal(hit.status, 200);
    equal(hit.headers.get("set-cookie"), null);
  },
};

export const what_cannot_be_cached_is_refused = {
  async test() {
    const cache = caches.default;
    const post = new Request(url("post"), { method: "POST" });
    await rejects(cache.put(post, kept("x")), TypeError, "Cannot cache response to non-GET request.");
    await rejects(
      cache.put(url("206"), kept("x", {}, 206)),
      TypeError,
      "Cannot cache response to a range request (206 Partial Content).",
    );
    await rejects(
      cache.put(url("vary"), kept("x", { vary: "*" })),
      TypeError,
      "Cannot cache response with 'Vary: *' header.",
    );
    const used = kept("x");
    await used.text();
    await rejects(cache.put(url("used"), used), TypeError);
    await rejects(cache.put("nope", kept("x")), TypeError, "Invalid URL: nope");
    await rejects(cache.match("nope"), TypeError, "Invalid URL: nope");
    await rejects(
      cache.put(url("x"), "x"),
      TypeError,
      "Failed to execute 'put' on 'Cache': parameter 2 is not of type 'Response'.",
    );
    await rejects(
      cache.match(),
      TypeError,
      "Failed to execute 'match' on 'Cache': parameter 1 is not of type 'Request or string'.",
    );
  },
};

export const what_workers_do_not_have_says_so = {
  async test() {
    const text = (type, name) => `Failed to execute '${name}' on '${type}': the method is not implemented.`;
    for (const name of ["add", "addAll", "matchAll", "keys"]) {
      throws(() => caches.default[name](url("x")), Error, text("Cache", name));
    }
    for (const name of ["match", "has", "delete", "keys"]) {
      throws(() => caches[name]("x"), Error, text("CacheStorage", name));
    }
  },
};

export const only_get_is_matched_unless_the_method_is_ignored = {
  async test() {
    await put("method", kept("x"));
    const post = new Request(url("method"), { method: "POST" });
    equal(await caches.default.match(post), undefined);
    equal(await caches.default.match(new Request(url("method"), { method: "HEAD" })), undefined);
    equal(await (await caches.default.match(post, { ignoreMethod: true })).text(), "x");
    equal(await caches.default.delete(post), false);
    equal(await caches.default.delete(post, { ignoreMethod: true }), true);
    equal(await caches.default.delete(url("method")), false);
    equal(await caches.default.match(url("method")), undefined);
  },
};

export const conditions_are_answered = {
  async test() {
    const modified = "Tue, 01 Jan 2030 00:00:00 GMT";
    await put("conditions", kept("hello", { etag: '"x"', "last-modified": modified }));
    const ask = async (headers) => {
      const answer = await caches.default.match(new Request(url("conditions"), { headers }));
      await answer.text();
      return answer.status;
    };
    equal(await ask({ "if-none-match": '"x"' }), 304);
    equal(await ask({ "if-none-match": 'W/"x"' }), 304);
    equal(await ask({ "if-none-match": '"y"' }), 200);
    equal(await ask({ "if-modified-since": modified }), 304);
    equal(await ask({ "if-modified-since": "Tue, 01 Jan 2019 00:00:00 GMT" }), 200);
  },
};

export const ranges_are_cut = {
  async test() {
    await put("ranges", kept("hello"));
    const ask = async (range) => {
      const answer = await caches.default.match(new Request(url("ranges"), { headers: { range } }));
      return [answer.status, answer.headers.get("content-range"), await answer.text()];
    };
    same(await ask("bytes=1-2"), [206, "bytes 1-2/5", "el"]);
    same(await ask("bytes=-2"), [206, "bytes 3-4/5", "lo"]);
    same(await ask("bytes=3-"), [206, "bytes 3-4/5", "lo"]);
    same(await ask("bytes=100-200"), [416, "bytes */5", ""]);
  },
};

export const a_url_is_known_by_its_query_and_not_by_its_fragment = {
  async test() {
    await caches.default.put(url("named?a=1#one"), kept("x"));
    equal((await caches.default.match(url("named?a=1#two"))).status, 200);
    equal(await caches.default.match(url("named?a=2")), undefined);
    equal(await caches.default.match(url("named")), undefined);
  },
};

export const caches_that_were_opened_are_apart = {
  async test() {
    const one = await caches.open("one");
    equal(String(one), "[object Cache]");
    await one.put(url("apart"), kept("one"));
    equal(await (await (await caches.open("one")).match(url("apart"))).text(), "one");
    equal(await (await caches.open("two")).match(url("apart")), undefined);
    equal(await caches.default.match(url("apart")), undefined);
    equal(await (await caches.open("")).match(url("apart")), undefined);
    await rejects(
      caches.open(),
      TypeError,
      "Failed to execute 'open' on 'CacheStorage': parameter 1 is not of type 'string'.",
    );
  },
};

export const a_stream_is_kept_when_it_ends = {
  async test() {
    const { readable, writable } = new TransformStream();
    const putting = caches.default.put(url("stream"), kept(readable));
    const writer = writable.getWriter();
    await writer.write(new TextEncoder().encode("abc"));
    await writer.write(new TextEncoder().encode("def"));
    await writer.close();
    await putting;
    equal(await (await caches.default.match(url("stream"))).text(), "abcdef");
  },
};

export const a_stream_that_breaks_is_not_kept = {
  async test() {
    const { readable, writable } = new TransformStream();
    const putting = caches.default.put(url("broken"), kept(readable));
    const writer = writable.getWriter();
    writer.write(new TextEncoder().encode("abc")).catch(() => {});
    writer.abort(new Error("boom")).catch(() => {});
    await rejects(putting, Error, "boom");
    equal(await caches.default.match(url("broken")), undefined);
  },
};

export const large_bodies_come_back = {
  async test() {
    const bytes = new Uint8Array(3 * 1024 * 1024).map((_, at) => at % 251);
    await caches.default.put(url("large"), kept(bytes));
    const back = new Uint8Array(await (await caches.default.match(url("large"))).arrayBuffer());
    equal(back.length, bytes.length);
    ok(back.every((byte, at) => byte === at % 251));
    const headers = { range: "bytes=2000000-2000003" };
    const part = await caches.default.match(new Request(url("large"), { headers }));
    same([...new Uint8Array(await part.arrayBuffer())], [0, 1, 2, 3].map((n) => (2000000 + n) % 251));
  },
};

export const a_put_replaces_what_was_there = {
  async test() {
    await put("again", kept("one"));
    equal(await (await put("again", kept("two"))).text(), "two");
  },
};

export const a_kept_response_expires = {
  async test() {
    await put("soon", new Response("x", { headers: { "cache-control": "max-age=1" } }));
    equal((await caches.default.match(url("soon"))).status, 200);
    await scheduler.wait(1100);
    equal(await caches.default.match(url("soon")), undefined);
  },
};

/** What is checked first tells; workerd has this order. */
export const bad_input_is_refused_in_an_order = {
  async test() {
    const cache = caches.default;
    const post = new Request(url("order"), { method: "POST" });
    const part = new Response("x", { status: 206, headers: { vary: "*" } });
    const used = new Response("x");
    await used.text();
    const refuses = (promise, text) => rejects(promise, TypeError, text);
    const no = (what, at, type) => `Failed to execute '${what}' on 'Cache': parameter ${at} is not of type '${type}'.`;
    await refuses(cache.match(), no("match", 1, "Request or string"));
    await refuses(cache.delete(), no("delete", 1, "Request or string"));
    await refuses(cache.put(), no("put", 1, "Request or string"));
    await refuses(cache.put(Symbol("x"), "x"), "Cannot convert a Symbol value to a string");
    await refuses(cache.put("nope", "x"), no("put", 2, "Response"));
    await refuses(cache.put("nope", Response.error()), "Cache is unable to store an error response");
    await refuses(cache.put(undefined, kept("x")), "Invalid URL: undefined");
    await refuses(cache.match(null), "Invalid URL: null");
    await refuses(cache.put(post, part), "Cannot cache response to non-GET request.");
    await refuses(cache.put(url("order"), part), "Cannot cache response to a range request (206 Partial Content).");
    await refuses(
      cache.put(url("order"), new Response("x", { headers: { vary: "a*b" } })),
      "Cannot cache response with 'Vary: *' header.",
    );
    await refuses(cache.put("data:text/plain,x", used), "Body has already been used. It can only be used once. Use tee() first if you need to read it twice.");
    const bad = "Invalid URL. Cache API keys must be fully-qualified, valid URLs.";
    await refuses(cache.put("data:text/plain,x", kept("x")), bad);
    await refuses(cache.match("http://user:secret@cache.example/"), bad);
    await refuses(cache.delete("data:text/plain,x"), bad);
    await refuses(cache.match("ftp://cache.example/"), "Fetch API cannot load: ftp://cache.example/");
    await refuses(cache.match("nope", 5), no("match", 2, "CacheQueryOptions"));
    await cache.put(url("order"), kept("x"));
    equal(await cache.match(post, { ignoreMethod: 0 }), undefined);
    equal(await (await cache.match(post, { ignoreMethod: 1 })).text(), "x");
    // The body of a 304 is left alone.
    const none = new Response(null, { status: 304 });
    equal(await cache.put(url("none"), none), undefined);
    equal(none.bodyUsed, false);
  },
};
