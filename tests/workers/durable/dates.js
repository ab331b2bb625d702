// compatibility-date: 2021-01-01
// Stubs of Durable Objects as they were in 2021.
import { equal, same, throws } from "../assert.js";

export class Subject {
  constructor(state) {
    this.storage = state.storage;
  }

  async fetch(request) {
    if (request.url.endsWith("/wrong")) {
      const error = throws(() => this.storage.get(), TypeError);
      return new Response(error.message.split(":")[0]);
    }
    return Response.json([request.method, request.url, await request.text()]);
  }
}
export class Other extends Subject {}

const stub = ({ OBJECTS }) => OBJECTS.get(OBJECTS.idFromName("dates"));

export const urls_need_no_host = {
  async test(_, env) {
    const urlOf = async (url) => (await (await stub(env).fetch(url)).json())[1];
    equal(await urlOf("/foo"), "https://fake-host/foo");
    equal(await urlOf("foo?a#b"), "https://fake-host/foo?a");
    equal(await urlOf("?q"), "https://fake-host/?q");
    equal(await urlOf(""), "https://fake-host/");
    equal(await urlOf("//host/x"), "https://host/x");
    equal(await urlOf("http://x/a/../b"), "http://x/b");
  },
};

export const storages_throw_at_once = {
  async test(_, env) {
    equal(await stub(env).get("wrong"), "Failed to execute 'get' on 'DurableObjectStorage'");
    throws(() => stub(env).fetch(), TypeError);
  },
};

export const stubs_have_shortcuts = {
  async test(_, env) {
    same(await stub(env).get("a", "json"), ["GET", "https://fake-host/a", ""]);
    equal(await stub(env).put("a", "text"), undefined);
    equal(await stub(env).delete("a"), undefined);
  },
};
