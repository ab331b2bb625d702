import { encode, equal, ok, rejects, same, streamOf, throws } from "../assert.js";

export const it_has_its_parts = {
  test() {
    const response = new Response("x", { status: 201, statusText: "Made", headers: { a: "b" } });
    equal(response.status, 201);
    equal(response.statusText, "Made");
    equal(response.ok, true);
    equal(response.headers.get("a"), "b");
    equal(response.headers.get("content-type"), "text/plain;charset=UTF-8");
    equal(response.type, "default");
    equal(response.redirected, false);
    equal(response.url, "");
    equal(new Response(null).body, null);
    equal(new Response("", { status: 404 }).ok, false);
  },
};

export const json_makes_json = {
  async test() {
    const response = Response.json({ a: [1, null] }, { status: 202, headers: { x: "y" } });
    equal(response.status, 202);
    equal(response.headers.get("content-type"), "application/json");
    equal(response.headers.get("x"), "y");
    same(await response.json(), { a: [1, null] });
    const typed = Response.json(1, { headers: { "content-type": "application/mine" } });
    equal(typed.headers.get("content-type"), "application/mine");
    throws(() => Response.json(1n), TypeError);
  },
};

export const what_json_cannot_say_is_refused = {
  test() {
    throws(() => Response.json(undefined), TypeError);
    throws(() => Response.json(() => {}), TypeError);
  },
};

export const redirect_has_a_location = {
  test() {
    const response = Response.redirect("https://example.com/a b", 301);
    equal(response.status, 301);
    equal(response.headers.get("location"), "https://example.com/a%20b");
    equal(Response.redirect("https://example.com/").status, 302);
    throws(() => Response.redirect("https://example.com/", 200), RangeError);
    throws(() => Response.redirect("/relative"), TypeError);
    throws(() => response.headers.set("a", "b"), TypeError);
  },
};

export const error_is_a_network_error = {
  test() {
    const response = Response.error();
    equal(response.type, "error");
    equal(response.status, 0);
  },
};

export const bad_statuses_are_refused = {
  test() {
    for (const status of [0, 100, 199, 600, 1000, -1]) {
      throws(() => new Response("", { status }), RangeError, `${status}`);
    }
    for (const status of [204, 205, 304]) {
      throws(() => new Response("body", { status }), TypeError, `${status}`);
      equal(new Response(null, { status }).status, status);
    }
    throws(() => new Response("", { statusText: "a\nb" }), TypeError);
  },
};

export const bodies_are_read_once = {
  async test() {
    const response = new Response("once");
    equal(await response.text(), "once");
    equal(response.bodyUsed, true);
    await rejects(response.text(), TypeError);
    await rejects(response.arrayBuffer(), TypeError);
  },
};

export const a_clone_can_be_read_as_well = {
  async test() {
    const response = new Response(streamOf(encode("one "), encode("two")), { status: 203 });
    const clone = response.clone();
    same([await response.text(), await clone.text(), clone.status], ["one two", "one two", 203]);
  },
};

export const text_is_utf_8_without_a_mark = {
  async test() {
    equal(await new Response(new Uint8Array([0xef, 0xbb, 0xbf, 0x61])).text(), "a");
    equal(await new Response(new Uint8Array([0x61, 0xff])).text(), "a\ufffd");
  },
};

export const a_locked_body_cannot_be_read = {
  async test() {
    const response = new Response("x");
    response.body.getReader();
    await rejects(response.text(), TypeError);
    equal(response.bodyUsed, false);
  },
};

export const a_response_made_of_another_takes_its_parts = {
  async test() {
    const first = new Response("body", { status: 299, headers: { a: "b" } });
    const second = new Response(first.body, first);
    equal(second.status, 299);
    equal(second.headers.get("a"), "b");
    equal(await second.text(), "body");
    ok(first.bodyUsed);
  },
};
