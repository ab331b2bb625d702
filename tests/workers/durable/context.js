// What the context of an object and its namespace have, and what they refuse.
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
import { equal, ok, rejects, same, throws } from "../assert.js";

const told = (error) => `${error.name}: ${error.message}`;

export class Subject extends DurableObject {
  async exported() {
    const { exports, props } = this.ctx;
    return [
      Object.keys(exports),
      props,
      await exports.Other.getByName("x").hello(),
      await exports.Service.hello(),
      await exports.Service({ props: { a: 1 } }).props(),
    ];
  }

  async deep(levels) {
    const go = async (depth) => {
      if (depth < levels) await this.ctx.blockConcurrencyWhile(() => go(depth + 1));
      return depth;
    };
    await go(0);
    return levels;
  }

  async noFunction(value) {
    await this.ctx.blockConcurrencyWhile(value);
  }

  async innerThrows() {
    try {
      await this.ctx.blockConcurrencyWhile(async () => {
        await this.ctx.blockConcurrencyWhile(async () => {
          throw new RangeError("inner");
        });
      });
    } catch {
      return "caught";
    }
  }

  eventTimeouts(values) {
    return values.map((value) => {
      try {
        this.ctx.setHibernatableWebSocketEventTimeout(value);
        return this.ctx.getHibernatableWebSocketEventTimeout();
      } catch (error) {
        return told(error);
      }
    });
  }

  tags(tags) {
    const [, socket] = Object.values(new WebSocketPair());
    this.ctx.acceptWebSocket(socket, tags);
    return [this.ctx.getTags(socket), this.ctx.getWebSockets(tags[0]).length];
  }

  noAttachment() {
    const [, socket] = Object.values(new WebSocketPair());
    socket.serializeAttachment();
  }

  async options() {
    const { storage } = this.ctx;
    const all = { allowConcurrency: true, allowUnconfirmed: true, noCache: true };
    await storage.put("x", 1, all);
    await storage.put({ y: 2, z: 3 }, all);
    const values = [await storage.get("x", all), (await storage.get(["x", "y"], all)).size, (await storage.list({ ...all, limit: 2 })).size];
    await storage.setAlarm(Date.now() + 3600000, all);
    values.push(await storage.getAlarm(all) > 0, await storage.deleteAlarm(all));
    values.push(await storage.delete("x", all), await storage.delete(["y", "z"], all), await storage.deleteAll(all));
    return values.map((value) => value ?? null);
  }

  alarm() {}

  async circular() {
    const { storage } = this.ctx;
    const object = { list: [] };
    object.list.push(object);
    const map = new Map();
    map.set("self", map);
    await storage.put({ object, map });
    const got = await storage.get(["object", "map"]);
    return got.get("object").list[0] === got.get("object") && got.get("map").get("self") === got.get("map");
  }
}

export class Other extends DurableObject {
  fetch() {
    const [client, server] = Object.values(new WebSocketPair());
    this.ctx.acceptWebSocket(server);
    this.ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
    return new Response(null, { status: 101, webSocket: client });
  }

  webSocketMessage(socket, message) {
    const answered = this.ctx.getWebSocketAutoResponseTimestamp(socket);
    socket.send(`${message} ${answered instanceof Date}`);
  }

  hello() {
    return `other ${this.ctx.id.name} ${JSON.stringify(this.ctx.props)}`;
  }
}

export class Service extends WorkerEntrypoint {
  hello() {
    return "service";
  }

  props() {
    return this.ctx.props;
  }
}

export const an_object_has_the_exports_of_its_worker = {
  async test(_, { OBJECTS, OTHERS }, ctx) {
    const [names, ...values] = await OBJECTS.getByName("exports").exported();
    same(names.filter((name) => /^[A-Z]/.test(name)), ["Service", "Other", "Subject"]);
    equal(names[0], "default");
    same(values, [{}, "other x {}", "service", { a: 1 }]);
    ok(ctx.exports.Other.idFromName("a").equals(OTHERS.idFromName("a")));
  },
};

export const critical_sections_are_64_deep_at_most = {
  async test(_, { OBJECTS }) {
    equal(await OBJECTS.getByName("deep").deep(60), 60);
    const error = await rejects(OBJECTS.getByName("too deep").deep(70));
    same([error.message, error.durableObjectReset], ["blockConcurrencyWhile() calls are nested too deeply.", true]);
  },
};

export const a_critical_section_is_a_function = {
  async test(_, { OBJECTS }) {
    for (const value of [undefined, 5]) {
      equal(
        (await rejects(OBJECTS.getByName("function").noFunction(value), TypeError)).message,
        "Failed to execute 'blockConcurrencyWhile' on 'DurableObjectState': parameter 1 is not of type 'function'.",
      );
    }
  },
};

export const a_section_in_a_section_that_throws_resets_the_object = {
  async test(_, { OBJECTS }) {
    const error = await rejects(OBJECTS.getByName("inner").innerThrows());
    same([error.message, error.durableObjectReset], ["inner", true]);
  },
};

export const event_timeouts_are_whole_milliseconds = {
  async test(_, { OBJECTS }) {
    const values = [undefined, 0, 5, -1, 604800000, 604800001, "7", NaN, null];
    same(await OBJECTS.getByName("timeouts").eventTimeouts(values), [
      null,
      null,
      5,
      "TypeError: The value cannot be converted because it is negative and this API expects a positive number.",
      604800000,
      "Error: Event timeout should not exceed 604800000 ms.",
      7,
      "TypeError: The value cannot be converted because it is not an integer.",
      null,
    ]);
  },
};

export const sockets_have_ten_tags_of_256_characters = {
  async test(_, { OBJECTS }) {
    const tags = (list) => OBJECTS.getByName("tags").tags(list);
    const numbered = (count) => Array.from({ length: count }, (_, i) => `t${i}`);
    same(await tags(numbered(10)), [numbered(10), 1]);
    same(await tags(Array.from({ length: 33 }, (_, i) => `d${i % 3}`)), [["d0", "d1", "d2"], 1]);
    for (const count of [11, 33]) {
      equal((await rejects(tags(numbered(count)))).message, "a Hibernatable WebSocket cannot have more than 10 tags");
    }
    equal((await tags(["x".repeat(256)]))[0][0].length, 256);
    for (const tag of ["x".repeat(257), "\u00e4".repeat(200)]) {
      equal((await rejects(tags([tag]))).message, `"${tag}" is longer than the max tag length (256 characters).`);
    }
    equal(
      (await rejects(tags("abc"), TypeError)).message,
      "Failed to execute 'acceptWebSocket' on 'DurableObjectState': parameter 2 is not of type 'Array'.",
    );
    equal(
      (await rejects(OBJECTS.getByName("tags").noAttachment(), TypeError)).message,
      "Failed to execute 'serializeAttachment' on 'WebSocket': parameter 1 is not of type 'Value'.",
    );
  },
};

export const options_of_storage_are_taken = {
  async test(_, { OBJECTS }) {
    same(await OBJECTS.getByName("options").options(), [1, 2, 2, true, null, true, 2, null]);
  },
};

export const circular_values_are_stored = {
  async test(_, { OBJECTS }) {
    equal(await OBJECTS.getByName("circular").circular(), true);
  },
};

export const options_of_namespaces_are_checked = {
  test(_, { OBJECTS }) {
    const id = OBJECTS.idFromName("a");
    const wrong = (method, position, type) =>
      `TypeError: Failed to execute '${method}' on 'DurableObjectNamespace': parameter ${position} is not of type '${type}'.`;
    equal(told(throws(() => OBJECTS.get(id, 5))), wrong("get", 2, "GetDurableObjectOptions"));
    equal(told(throws(() => OBJECTS.getByName("a", 5))), wrong("getByName", 2, "GetDurableObjectOptions"));
    equal(told(throws(() => OBJECTS.newUniqueId(5))), wrong("newUniqueId", 1, "NewUniqueIdOptions"));
    equal(told(throws(() => OBJECTS.get(id, { routingMode: "elsewhere" }))), "RangeError: unknown routingMode: elsewhere");
    OBJECTS.get(id, { locationHint: "anywhere" });
  },
};

export const a_jurisdiction_has_ids_of_its_own = {
  test(_, { OBJECTS }) {
    const eu = OBJECTS.jurisdiction("eu");
    const id = eu.idFromName("a");
    eu.get(id);
    OBJECTS.get(id);
    equal(OBJECTS.idFromString(id.toString()).jurisdiction, "eu");
    equal(eu.idFromString(eu.newUniqueId().toString()).jurisdiction, "eu");
    for (const other of [OBJECTS.idFromName("a"), OBJECTS.jurisdiction("us").idFromName("a"), OBJECTS.newUniqueId()]) {
      equal(
        told(throws(() => eu.get(other))),
        "TypeError: get called on jurisdictional subnamespace with an ID from a different jurisdiction",
      );
    }
    equal(OBJECTS.jurisdiction().idFromName("a").jurisdiction, undefined);
  },
};

export const automatic_responses_wake_nobody = {
  async test(_, { OTHERS }) {
    const { webSocket: socket } = await OTHERS.getByName("auto").fetch("http://x/", { headers: { upgrade: "websocket" } });
    socket.accept();
    const messages = [];
    const three = new Promise((resolve) => {
      socket.addEventListener("message", ({ data }) => messages.push(data) === 3 && resolve());
    });
    for (const message of ["first", "ping", "last"]) {
      socket.send(message);
      await scheduler.wait(20);
    }
    await three;
    same(messages, ["first false", "pong", "last true"]);
  },
};
