// What crosses by copy, and what is refused.
import { exports, RpcStub, RpcTarget, WorkerEntrypoint } from "cloudflare:workers";
import { equal, ok, rejects, same } from "../assert.js";

class Foreign {
  field = 1;
}

export class Values extends WorkerEntrypoint {
  echo(value) {
    return value;
  }

  count(...args) {
    return args.length;
  }

  describe(value) {
    return [typeof value, Object.prototype.toString.call(value), value instanceof RpcStub];
  }

  foreign() {
    return { inner: new Foreign() };
  }

  bare() {
    return Object.create(null);
  }

  symbol() {
    return Symbol("q");
  }

  promise() {
    return { inner: Promise.resolve(1) };
  }

  generator() {
    return (function* () {})();
  }

  thenable() {
    return { then: (resolve) => resolve(6) };
  }

  long(length) {
    return "x".repeat(length);
  }

  bytes(length) {
    return new Uint8Array(length);
  }
}

const values = () => exports.Values;

export const primitives_come_back = {
  async test() {
    for (const value of [0, -1.5, "text", "", "\u20ac\ud83d\ude00", true, false, null, undefined, 12n]) {
      equal(await values().echo(value), value);
    }
    ok(Object.is(await values().echo(-0), -0));
    ok(Number.isNaN(await values().echo(NaN)));
  },
};

export const structures_are_copied = {
  async test() {
    const sent = {
      list: [1, "a", null, undefined, true],
      date: new Date(5),
      pattern: /a+/gi,
      map: new Map([["k", { v: 1 }], [{ key: 1 }, [2]]]),
      set: new Set([1, "two"]),
      big: 10n,
      boxed: Object("s"),
      deep: { er: { est: 1 } },
    };
    const got = await values().echo(sent);
    same(got.list, sent.list);
    equal(got.date.getTime(), 5);
    equal(String(got.pattern), "/a+/gi");
    equal(got.map.get("k").v, 1);
    equal(got.map.size, 2);
    ok(got.set.has("two"));
    equal(got.big, 10n);
    equal(String(got.boxed), "s");
    equal(got.deep.er.est, 1);
    ok(got !== sent && got.deep !== sent.deep);
  },
};

export const cycles_and_shared_parts_keep_their_shape = {
  async test() {
    const shared = { a: 1 };
    const sent = { one: shared, two: shared, map: new Map() };
    sent.self = sent;
    sent.map.set("self", sent);
    const got = await values().echo(sent);
    equal(got.self, got);
    equal(got.one, got.two);
    equal(got.map.get("self"), got);
  },
};

export const buffers_keep_their_views = {
  async test() {
    const buffer = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]).buffer;
    const sent = { buffer, part: new Uint8Array(buffer, 2, 3), wide: new Uint16Array(buffer, 4, 2), view: new DataView(buffer, 1, 2) };
    const got = await values().echo(sent);
    same([...got.part], [3, 4, 5]);
    equal(got.part.buffer, got.buffer);
    equal(got.wide.buffer, got.buffer);
    equal(got.view.getUint8(0), 2);
    got.part[0] = 9;
    equal(new Uint8Array(buffer)[2], 3);
  },
};

export const arrays_keep_holes_and_properties = {
  async test() {
    const sent = [1, , 3];
    sent.name = "n";
    const got = await values().echo(sent);
    equal(got.length, 3);
    equal(1 in got, false);
    equal(got.name, "n");
    const sparse = [];
    sparse.length = 100000;
    sparse[99999] = "end";
    const back = await values().echo(sparse);
    same([back.length, 5 in back, back[99999]], [100000, false, "end"]);
  },
};

export const a_key_named_proto_is_a_key = {
  async test() {
    const got = await values().echo(JSON.parse('{"__proto__": {"a": 1}, "b": 2}'));
    equal(Object.getPrototypeOf(got), Object.prototype);
    equal(Object.getOwnPropertyDescriptor(got, "__proto__").value.a, 1);
    equal(got.b, 2);
  },
};

export const getters_run_once_at_the_sender = {
  async test() {
    let runs = 0;
    const got = await values().echo({
      get computed() {
        return ++runs;
      },
    });
    equal(got.computed, 1);
    equal(runs, 1);
    const failing = {
      get computed() {
        throw new RangeError("mine");
      },
    };
    const error = await rejects(values().echo(failing), "RangeError");
    equal(error.message, "mine");
  },
};

export const errors_keep_class_name_and_properties = {
  async test() {
    const sent = new TypeError("wrong", { cause: new RangeError("deeper") });
    sent.code = 42;
    sent.details = { a: [1] };
    const got = await values().echo(sent);
    ok(got instanceof TypeError);
    same([got.message, got.code, got.details.a[0]], ["wrong", 42, 1]);
    ok(got.cause instanceof RangeError);
    equal(got.cause.message, "deeper");
    const named = new Error("m");
    named.name = "Custom";
    const back = await values().echo(named);
    same([back.name, back.constructor.name], ["Custom", "Error"]);
  },
};

export const dom_exceptions_cross = {
  async test() {
    const got = await values().echo(new DOMException("quit", "AbortError"));
    ok(got instanceof DOMException);
    same([got.name, got.message, got.code], ["AbortError", "quit", 20]);
  },
};

export const headers_and_blobs_cross = {
  async test() {
    const headers = await values().echo(new Headers([["a", "1"], ["set-cookie", "x"], ["set-cookie", "y"]]));
    same([...headers], [["a", "1"], ["set-cookie", "x"], ["set-cookie", "y"]]);
    headers.set("b", "2");
    const blob = await values().echo(new Blob(["ab", "c"], { type: "text/plain" }));
    same([blob.type, blob.size, await blob.text()], ["text/plain", 3, "abc"]);
  },
};

export const what_goes_by_reference_arrives_as_a_stub = {
  async test() {
    class Target extends RpcTarget {}
    for (const value of [() => 1, async () => 1, new Target(), new RpcStub(new Target()), new Proxy({ a: 1 }, {})]) {
      same(await values().describe(value), ["function", "[object JsRpcStub]", true]);
    }
  },
};

export const classes_of_ones_own_are_refused = {
  async test() {
    const text = 'Could not serialize object of type "Foreign". This type does not support serialization.';
    equal((await rejects(values().echo(new Foreign()), "DataCloneError")).message, text);
    const remote = await rejects(values().foreign(), "DataCloneError");
    equal(remote.message, text);
    equal(remote.remote, true);
    const bare = 'Could not serialize object of type "Object". This type does not support serialization.';
    equal((await rejects(values().bare(), "DataCloneError")).message, bare);
    equal((await rejects(values().count(Object.create(null)), "DataCloneError")).message, bare);
  },
};

export const platform_classes_that_cannot_cross_are_named = {
  async test() {
    const refused = [new URL("http://x/"), new URLSearchParams("a=1"), new FormData(), new TextEncoder(), new File([], "n")];
    for (const value of refused) {
      const error = await rejects(values().echo(value), "DataCloneError");
      equal(
        error.message,
        `Could not serialize object of type "${value.constructor.name}". This type does not support serialization.`,
      );
    }
  },
};

export const what_v8_cannot_clone_is_refused_in_its_words = {
  async test() {
    equal((await rejects(values().symbol(), "DataCloneError")).message, "Symbol(q) could not be cloned.");
    equal((await rejects(values().promise(), "DataCloneError")).message, "#<Promise> could not be cloned.");
    equal((await rejects(values().generator(), "DataCloneError")).message, "[object Generator] could not be cloned.");
    equal((await rejects(values().echo(new WeakMap()), "DataCloneError")).message, "#<WeakMap> could not be cloned.");
  },
};

export const proxies_of_other_classes_are_refused = {
  async test() {
    const error = await rejects(values().echo(new Proxy(new Foreign(), {})), "DataCloneError");
    equal(
      error.message,
      "Proxy could not be serialized because it is not a valid RPC receiver type. The Proxy must emulate either a " +
        "plain object or an RpcTarget, as indicated by the Proxy's prototype chain.",
    );
  },
};

export const promises_and_properties_of_stubs_are_refused = {
  async test() {
    const property = await rejects(values().echo(values().some), "DataCloneError");
    equal(property.message, 'Could not serialize object of type "RpcProperty". This type does not support serialization.');
    const promise = await rejects(values().echo(values().echo(1)), "DataCloneError");
    equal(promise.message, 'Could not serialize object of type "RpcPromise". This type does not support serialization.');
  },
};

export const thenables_that_are_returned_are_awaited = {
  async test() {
    equal(await values().thenable(), 6);
    equal(await values().count({ then() {} }), 1);
  },
};

export const messages_are_limited_to_32_mib = {
  async test() {
    equal((await values().long(33554420)).length, 33554420);
    const text = "Serialized RPC arguments or return values are limited to 32MiB, but the size of this value was: ";
    equal((await rejects(values().long(33554430), "Error")).message, `${text}33554437 bytes.`);
    equal((await rejects(values().bytes(33554440), "Error")).message, `${text}33554455 bytes.`);
    equal((await rejects(values().count("x".repeat(33554440)), "Error")).message, `${text}33554452 bytes.`);
  },
};

export const structured_clone_refuses_targets = {
  test() {
    class Target extends RpcTarget {}
    try {
      structuredClone(new Target());
    } catch (error) {
      same([error.name, error.message], ["DataCloneError", "Remote RPC references can only be serialized for RPC."]);
      return;
    }
    throw new Error("it was cloned");
  },
};
