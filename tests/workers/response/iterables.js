import { equal, same, throws } from "../assert.js";

const bytes = (text) => new TextEncoder().encode(text);
const textOf = (init) => new Response(init).text();

export const what_can_be_iterated_is_a_body = {
  async test() {
    equal(await textOf([bytes("a"), bytes("b").buffer]), "ab");
    equal(await textOf(new Set([bytes("s")])), "s");
    equal(await textOf([Promise.resolve(bytes("p"))]), "p");
    equal(await textOf((function* () {
      yield bytes("g");
    })()), "g");
    equal(await textOf((async function* () {
      yield bytes("x");
      yield bytes("y");
    })()), "xy");
    equal(await textOf([]), "");
    const request = new Request("http://x.y/", { method: "POST", body: [bytes("r")] });
    equal(request.headers.get("content-type"), null);
    equal(await request.text(), "r");
  },
};

export const chunks_are_bytes = {
  async test() {
    const error = await textOf(["text"]).catch((error) => error);
    equal(`${error}`, "TypeError: This ReadableStream did not return bytes.");
    const reader = new Response([bytes("a"), "b"]).body.getReader();
    equal((await reader.read()).value.constructor, Uint8Array);
    equal((await reader.read()).value, "b");
  },
};

export const a_text_of_its_own_wins = {
  async test() {
    class Own {
      toString() {
        return "own";
      }
      *[Symbol.iterator]() {
        yield bytes("chunk");
      }
    }
    equal(await textOf(new Own()), "own");
    equal(await textOf({ [Symbol.toPrimitive]: () => "primitive", *[Symbol.iterator]() {} }), "primitive");
    equal(await textOf(new String("object")), "object");
    equal(await textOf(new Proxy([bytes("p")], {})), "112");
    const array = [bytes("chunk")];
    array.toString = () => "own";
    equal(await textOf(array), "chunk");
    class Async extends Own {
      async *[Symbol.asyncIterator]() {
        yield bytes("async");
      }
    }
    equal(await textOf(new Async()), "async");
  },
};

export const what_cannot_be_iterated_is_text = {
  async test() {
    equal(await textOf({}), "[object Object]");
    equal(await textOf({ [Symbol.iterator]: null }), "[object Object]");
    equal(await textOf({ [Symbol.iterator]: () => 5 }), "[object Object]");
    throws(() => new Response({
      [Symbol.iterator]() {
        throw new RangeError("now");
      },
    }), RangeError);
  },
};

export const errors_and_the_end_reach_the_iterator = {
  async test() {
    const error = await textOf((async function* () {
      yield bytes("a");
      throw new RangeError("late");
    })()).catch((error) => error);
    equal(`${error}`, "RangeError: late");
    const seen = [];
    const response = new Response((async function* () {
      try {
        yield bytes("a");
        yield bytes("b");
      } finally {
        seen.push("returned");
      }
    })());
    const reader = response.body.getReader();
    await reader.read();
    await reader.cancel();
    same(seen, ["returned"]);
  },
};
