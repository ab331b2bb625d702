import { DurableObject } from "cloudflare:workers";
import { equal, ok, rejects, same, throws } from "../assert.js";

export class Subject extends DurableObject {
  fetch() {
    const { id } = this.ctx;
    return Response.json({ id: id.toString(), name: id.name ?? null });
  }
}
export class Other extends DurableObject {}

function refusal(act) {
  const error = throws(act);
  return `${error.constructor.name}: ${error.message}`;
}

export const a_name_always_has_the_same_id = {
  test(_, { OBJECTS, OTHERS }) {
    const id = OBJECTS.idFromName("a");
    ok(/^[0-9a-f]{64}$/.test(id.toString()));
    equal(String(id), id.toString());
    equal(id.name, "a");
    ok(id.equals(OBJECTS.idFromName("a")));
    ok(!id.equals(OBJECTS.idFromName("b")));
    ok(!id.equals(OTHERS.idFromName("a")));
    equal(OBJECTS.idFromName("").name, "");
  },
};

export const ids_come_back_from_text = {
  test(_, { OBJECTS }) {
    const id = OBJECTS.idFromName("a");
    const again = OBJECTS.idFromString(id.toString());
    ok(again.equals(id));
    ok(OBJECTS.idFromString(id.toString().toUpperCase()).equals(id));
  },
};

export const unique_ids_are_unique = {
  test(_, { OBJECTS }) {
    const ids = new Set(Array.from({ length: 50 }, () => OBJECTS.newUniqueId().toString()));
    equal(ids.size, 50);
    const id = OBJECTS.newUniqueId();
    equal(id.name, undefined);
    ok(OBJECTS.idFromString(id.toString()).equals(id));
  },
};

export const what_is_no_id_of_the_namespace_is_refused = {
  test(_, { OBJECTS, OTHERS }) {
    const malformed = "TypeError: Invalid Durable Object ID: must be 64 hex digits";
    const foreign = "TypeError: Durable Object ID is not valid for this namespace.";
    const wrong = (method, type) =>
      `TypeError: Failed to execute '${method}' on 'DurableObjectNamespace': parameter 1 is not of type '${type}'.`;
    equal(refusal(() => OBJECTS.idFromString("")), malformed);
    equal(refusal(() => OBJECTS.idFromString("abc")), malformed);
    equal(refusal(() => OBJECTS.idFromString("g".repeat(64))), malformed);
    equal(refusal(() => OBJECTS.idFromString("0".repeat(64))), foreign);
    equal(refusal(() => OBJECTS.idFromString(OTHERS.idFromName("a").toString())), foreign);
    equal(refusal(() => OBJECTS.get("a")), wrong("get", "DurableObjectId"));
    equal(refusal(() => OBJECTS.get()), wrong("get", "DurableObjectId"));
    equal(refusal(() => OBJECTS.getByName()), wrong("getByName", "string"));
    equal(refusal(() => OBJECTS.idFromName()), wrong("idFromName", "string"));
    equal(refusal(() => OBJECTS.idFromString()), wrong("idFromString", "string"));
    equal(
      refusal(() => OBJECTS.idFromName("a").equals("a")),
      "TypeError: Failed to execute 'equals' on 'DurableObjectId': parameter 1 is not of type 'DurableObjectId'.",
    );
    equal(refusal(() => new OBJECTS.constructor()), "TypeError: Illegal constructor");
  },
};

export const an_id_of_another_namespace_opens_nothing = {
  test(_, { OBJECTS, OTHERS }) {
    equal(
      refusal(() => OBJECTS.get(OTHERS.idFromName("a"))),
      "TypeError: Durable Object ID is not valid for this namespace.",
    );
  },
};

export const stubs_tell_whose_they_are = {
  async test(_, { OBJECTS }) {
    const id = OBJECTS.idFromName("a");
    const stub = OBJECTS.get(id);
    ok(stub.id.equals(id));
    equal(stub.name, "a");
    equal(OBJECTS.getByName("b").name, "b");
    equal(OBJECTS.get(OBJECTS.newUniqueId()).name, undefined);
    const seen = await (await stub.fetch("http://x/")).json();
    same(seen, { id: id.toString(), name: "a" });
    equal(Object.prototype.toString.call(stub), "[object DurableObject]");
    equal(Object.prototype.toString.call(id), "[object DurableObjectId]");
    equal(Object.prototype.toString.call(OBJECTS), "[object DurableObjectNamespace]");
    same(Object.keys(stub).sort(), ["id", "name"]);
    equal(stub.constructor.name, "DurableObject");
    equal(new URL((await stub.fetch("http://x/")).url).host, "x");
  },
};

export const jurisdictions_have_objects_of_their_own = {
  test(_, { OBJECTS }) {
    const eu = OBJECTS.jurisdiction("eu");
    equal(eu.idFromName("a").jurisdiction, "eu");
    equal(eu.newUniqueId().jurisdiction, "eu");
    equal(OBJECTS.newUniqueId({ jurisdiction: "fedramp" }).jurisdiction, "fedramp");
    ok(!eu.idFromName("a").equals(OBJECTS.idFromName("a")));
    throws(() => OBJECTS.jurisdiction("mars"), TypeError);
    throws(() => OBJECTS.newUniqueId({ jurisdiction: "mars" }), TypeError);
  },
};

export const options_are_taken = {
  async test(_, { OBJECTS }) {
    for (const options of [undefined, {}, { locationHint: "weur" }, { routingMode: "primary-only" }]) {
      equal((await OBJECTS.getByName("hint", options).fetch("http://x/")).status, 200);
      equal((await OBJECTS.get(OBJECTS.idFromName("hint"), options).fetch("http://x/")).status, 200);
    }
    await rejects(OBJECTS.getByName("a").fetch("nonsense"), TypeError);
  },
};
