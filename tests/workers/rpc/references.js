// What goes by reference: stubs, their disposal, streams, requests, signals.
import { exports, RpcStub, RpcTarget, WorkerEntrypoint } from "cloudflare:workers";
import { equal, ok, rejects, same } from "../assert.js";

class Counter extends RpcTarget {
  disposed = 0;
  #n;
  #onDispose = [];

  constructor(n = 0) {
    super();
    this.#n = n;
  }

  add(by) {
    return this.#n += by;
  }

  [Symbol.dispose]() {
    this.disposed++;
    for (const tell of this.#onDispose) tell();
  }

  whenDisposed() {
    return this.disposed > 0 ? undefined : new Promise((tell) => this.#onDispose.push(tell));
  }
}

export class References extends WorkerEntrypoint {
  counter(n) {
    return new Counter(n);
  }

  withCounter(n) {
    return { number: n, counter: new Counter(n), map: new Map([["c", new Counter(n + 1)]]) };
  }

  async addTo(counter, by) {
    return await counter.add(by);
  }

  echo(value) {
    return value;
  }

  async keep(counter) {
    const dup = counter.dup();
    return {
      counter,
      throughOriginal: () => counter.add(1),
      throughDup: () => dup.add(1),
      [Symbol.dispose]() {
        dup[Symbol.dispose]();
      },
    };
  }

  async read(stream) {
    return await new Response(stream).text();
  }

  async write(stream) {
    const writer = stream.getWriter();
    await writer.write(new TextEncoder().encode("one, "));
    await writer.write(new TextEncoder().encode("two"));
    await writer.close();
    return "written";
  }

  stream(...chunks) {
    return new ReadableStream({
      pull(controller) {
        if (chunks.length === 0) controller.close();
        else controller.enqueue(new TextEncoder().encode(chunks.shift()));
      },
    });
  }

  streams() {
    return [this.stream("a", "b"), this.stream("c")];
  }

  broken() {
    let first = true;
    return new ReadableStream({
      pull(controller) {
        if (first) controller.enqueue(new Uint8Array([65]));
        else controller.error(new RangeError("inside"));
        first = false;
      },
    });
  }

  objects() {
    return new ReadableStream({
      start(controller) {
        controller.enqueue({ a: 1 });
        controller.close();
      },
    });
  }

  async request(request) {
    return [request.method, request.url, request.headers.get("x-a"), await request.text()];
  }

  response() {
    return new Response("content", { status: 201, statusText: "Made", headers: { "x-b": "2" } });
  }

  async callAll(callbacks) {
    const results = [];
    for (const callback of callbacks) results.push(await callback());
    return results;
  }

  nothing() {}
}

const references = () => exports.References;
const DISPOSED = "RPC stub used after being disposed.";

export const loopback_stubs_call_their_object = {
  async test() {
    const counter = new Counter(4);
    const stub = new RpcStub(counter);
    equal(await stub.add(5), 9);
    stub[Symbol.dispose]();
    equal((await rejects(stub.add(1), "Error")).message, DISPOSED);
    await counter.whenDisposed();
    equal(counter.disposed, 1);
  },
};

export const plain_objects_and_functions_can_be_wrapped = {
  async test() {
    const stub = new RpcStub({ a: 1, f: (x) => x + 1 });
    equal(await stub.a, 1);
    equal(await stub.f(2), 3);
    equal((await rejects(stub.toFixed(), "TypeError")).message, 'The RPC receiver does not implement the method "toFixed".');
    equal(await new RpcStub((x) => x * 2)(4), 8);
  },
};

export const a_stub_that_is_passed_stays_the_callers = {
  async test() {
    const stub = new RpcStub(new Counter(1));
    equal(await references().addTo(stub, 2), 3);
    equal(await stub.add(1), 4);
  },
};

export const targets_in_arguments_are_disposed_after_the_call = {
  async test() {
    const counter = new Counter(1);
    equal(await references().addTo(counter, 2), 3);
    await counter.whenDisposed();
    equal(counter.disposed, 1);
  },
};

export const results_dispose_what_they_hold = {
  async test() {
    const result = await references().withCounter(5);
    equal(await result.counter.add(1), 6);
    equal(await result.map.get("c").add(1), 7);
    same(Object.keys(result), ["number", "counter", "map"]);
    equal(Object.getOwnPropertyDescriptor(result, Symbol.dispose).enumerable, false);
    result[Symbol.dispose]();
    equal((await rejects(result.counter.add(1), "Error")).message, DISPOSED);
    equal((await rejects(result.map.get("c").add(1), "Error")).message, DISPOSED);
  },
};

export const a_duplicate_outlives_its_original = {
  async test() {
    const counter = new Counter(1);
    const stub = new RpcStub(counter);
    const dup = stub.dup();
    stub[Symbol.dispose]();
    equal((await rejects(stub.add(1), "Error")).message, DISPOSED);
    equal(await dup.add(1), 2);
    equal(counter.disposed, 0);
    dup[Symbol.dispose]();
    await counter.whenDisposed();
    equal(counter.disposed, 1);
    const remote = await references().counter(4);
    const other = remote.dup();
    remote[Symbol.dispose]();
    equal(await other.add(1), 5);
  },
};

export const disposers_of_results_run_at_the_callee = {
  async test() {
    const counter = new Counter(3);
    const kept = await references().keep(counter);
    equal((await rejects(kept.throughOriginal(), "Error")).message, DISPOSED);
    equal(await kept.throughDup(), 4);
    equal(await kept.counter.add(1), 5);
    kept[Symbol.dispose]();
    equal((await rejects(kept.counter.add(1), "Error")).message, DISPOSED);
    await counter.whenDisposed();
    equal(counter.disposed, 1);
  },
};

export const a_promise_that_was_disposed_leads_nowhere = {
  async test() {
    const promise = references().withCounter(1);
    promise[Symbol.dispose]();
    equal((await promise).number, 1);
    equal((await rejects((async () => await promise.number)(), "Error")).message, "RPC promise used after being disposed.");
  },
};

export const an_awaited_promise_can_still_be_gone_along = {
  async test() {
    const promise = references().withCounter(8);
    await promise;
    equal(await promise.number, 8);
    equal(await promise.counter.add(1), 9);
  },
};

export const one_stub_stays_one = {
  async test() {
    const callback = () => 1;
    const [one, two] = await references().echo([callback, callback]);
    equal(one, two);
    same(await references().callAll([() => 1, async () => "b"]), [1, "b"]);
  },
};

export const readable_streams_cross = {
  async test() {
    equal(await references().read(new Response("from a body").body), "from a body");
    const { readable, writable } = new IdentityTransformStream();
    const reading = references().read(readable);
    const writer = writable.getWriter();
    await writer.write(new TextEncoder().encode("a"));
    await writer.write(new TextEncoder().encode("b"));
    await writer.close();
    equal(await reading, "ab");
    equal(await new Response(await references().stream("x", "y", "z")).text(), "xyz");
    const [one, two] = await references().streams();
    same([await new Response(two).text(), await new Response(one).text()], ["c", "ab"]);
  },
};

export const writable_streams_cross = {
  async test() {
    const { readable, writable } = new IdentityTransformStream();
    const writing = references().write(writable);
    equal(await new Response(readable).text(), "one, two");
    equal(await writing, "written");
  },
};

export const streams_of_a_round_trip_still_work = {
  async test() {
    const pair = new IdentityTransformStream();
    const readable = await references().echo(pair.readable);
    const writable = await references().echo(pair.writable);
    const text = new Response(readable).text();
    const writer = writable.getWriter();
    await writer.write(new TextEncoder().encode("around"));
    await writer.close();
    equal(await text, "around");
  },
};

export const streams_that_break_tell_it = {
  async test() {
    const LOST = "ReadableStream received over RPC disconnected prematurely.";
    equal((await rejects(new Response(await references().broken()).text(), "Error")).message, LOST);
    equal((await rejects(new Response(await references().objects()).text(), "Error")).message, LOST);
  },
};

export const errors_of_a_writable_stream_come_back = {
  async test() {
    const writable = new WritableStream({
      write() {
        throw new RangeError("full");
      },
    });
    equal((await rejects(references().write(writable), "RangeError")).message, "full");
  },
};

export const locked_streams_are_refused = {
  async test() {
    const { readable, writable } = new IdentityTransformStream();
    readable.getReader();
    writable.getWriter();
    equal((await rejects(references().read(readable), "TypeError")).message, "The ReadableStream has been locked to a reader.");
    equal((await rejects(references().write(writable), "TypeError")).message, "This WritableStream is currently locked to a writer.");
    const used = new Response("x");
    await used.text();
    equal((await rejects(references().echo(used), "TypeError")).message, "The ReadableStream has been locked to a reader.");
  },
};

export const requests_and_responses_cross = {
  async test() {
    const request = new Request("http://a/b?c", { method: "PUT", headers: { "x-a": "1" }, body: "sent" });
    same(await references().request(request), ["PUT", "http://a/b?c", "1", "sent"]);
    const response = await references().response();
    ok(response instanceof Response);
    same([response.status, response.statusText, response.headers.get("x-b"), await response.text()], [201, "Made", "2", "content"]);
    const back = await references().echo(new Response("echo"));
    equal(await back.text(), "echo");
  },
};
