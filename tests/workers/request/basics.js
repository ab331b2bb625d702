import { bytes, decode, encode, equal, ok, rejects, same, streamOf, throws } from "../assert.js";

const URL_TEXT = "https://example.com/path?query";

export const it_has_its_parts = {
  test() {
    const request = new Request(URL_TEXT, { method: "post", headers: { a: "b" }, body: "x" });
    equal(request.method, "POST");
    equal(request.url, URL_TEXT);
    equal(request.headers.get("a"), "b");
    equal(request.headers.get("content-type"), "text/plain;charset=UTF-8");
    equal(request.bodyUsed, false);
    equal(request.redirect, "follow");
    ok(request.signal instanceof AbortSignal);
    equal(new Request(new URL(URL_TEXT)).url, URL_TEXT);
  },
};

export const methods_are_normalised = {
  test() {
    for (const method of ["get", "Head", "OPTIONS", "delete"]) {
      equal(new Request(URL_TEXT, { method }).method, method.toUpperCase());
    }
  },
};

export const bodies_are_read_once = {
  async test() {
    const request = new Request(URL_TEXT, { method: "POST", body: '{"a":1}' });
    same(await request.json(), { a: 1 });
    equal(request.bodyUsed, true);
    await rejects(request.text(), TypeError);
    throws(() => request.clone(), TypeError);
  },
};

export const bodies_of_every_kind_can_be_read = {
  async test() {
    const make = (body) => new Request(URL_TEXT, { method: "PUT", body });
    equal(await make("text").text(), "text");
    equal(await make(encode("bytes")).text(), "bytes");
    equal(decode(await make(bytes(104, 105).buffer).arrayBuffer()), "hi");
    equal(await make(new Blob(["blob"])).text(), "blob");
    equal(await make(new URLSearchParams({ a: "b c" })).text(), "a=b+c");
    equal(await make(streamOf(encode("a"), encode("b"))).text(), "ab");
    equal((await make("blob").blob()).size, 4);
    equal(decode(await make("bytes").bytes()), "bytes");
    equal(await new Request(URL_TEXT).text(), "");
    equal(new Request(URL_TEXT).body, null);
  },
};

export const bad_json_is_a_syntax_error = {
  async test() {
    await rejects(new Request(URL_TEXT, { method: "POST", body: "{" }).json(), SyntaxError);
  },
};

export const a_clone_can_be_read_as_well = {
  async test() {
    const request = new Request(URL_TEXT, { method: "POST", body: "twice", headers: { a: "b" } });
    const clone = request.clone();
    equal(await clone.text(), "twice");
    equal(await request.text(), "twice");
    equal(clone.headers.get("a"), "b");
    clone.headers.set("a", "c");
    equal(request.headers.get("a"), "b");
  },
};

export const a_request_made_of_another_takes_its_parts = {
  async test() {
    const first = new Request(URL_TEXT, { method: "POST", body: "body", headers: { a: "b" } });
    const second = new Request("https://other.example/", first);
    equal(second.url, "https://other.example/");
    equal(second.method, "POST");
    equal(second.headers.get("a"), "b");
    equal(await second.text(), "body");
    const third = new Request(new Request(URL_TEXT, { headers: { a: "b" } }), { headers: { c: "d" } });
    equal(third.headers.get("a"), null);
    equal(third.headers.get("c"), "d");
  },
};

export const what_is_not_valid_is_refused = {
  test() {
    throws(() => new Request("/relative"), TypeError);
    throws(() => new Request(""), TypeError);
    throws(() => new Request(URL_TEXT, { body: "x" }), TypeError);
    throws(() => new Request(URL_TEXT, { method: "HEAD", body: "x" }), TypeError);
    throws(() => new Request(URL_TEXT, { redirect: "sideways" }), TypeError);
    throws(() => Request(URL_TEXT), TypeError);
  },
};

export const redirect_and_signal_are_kept = {
  test() {
    const controller = new AbortController();
    const request = new Request(URL_TEXT, { redirect: "manual", signal: controller.signal });
    equal(request.redirect, "manual");
    controller.abort();
    equal(request.signal.aborted, true);
  },
};
