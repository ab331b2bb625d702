// compatibility-date: 2026-11-17
// compatibility-flags: js_rpc
// Methods of classes that do not extend DurableObject, before there was such a class.
import { DurableObject } from "cloudflare:workers";
import { equal } from "../assert.js";

export class Subject {
  own = 1;
  hi(name) {
    return `hi ${name}`;
  }
  fetch() {
    return new Response("fetched");
  }
}

export class Other extends DurableObject {}

export const anyClassHasMethods = {
  async test(_ctrl, { OBJECTS }) {
    const stub = OBJECTS.getByName("plain");
    equal(await stub.hi("you"), "hi you");
    equal(await (await stub.fetch("http://x/")).text(), "fetched");
  },
};
