import { equal, ok, same, throws } from "../assert.js";

export const values_are_copied_deeply = {
  test() {
    const value = {
      list: [1, "a", null, undefined, true], date: new Date(5), pattern: /a+/gi,
      map: new Map([["k", { v: 1 }]]), set: new Set([1, 2]), bytes: new Uint8Array([1, 2]), big: 10n,
      nested: { deep: { er: 1 } },
    };
    const copy = structuredClone(value);
    ok(copy !== value && copy.nested !== value.nested);
    equal(copy.date.getTime(), 5);
    equal(String(copy.pattern), "/a+/gi");
    equal(copy.map.get("k").v, 1);
    equal(copy.set.has(2), true);
    same([...copy.bytes], [1, 2]);
    equal(copy.big, 10n);
    equal(copy.list[3], undefined);
    equal(copy.nested.deep.er, 1);
  },
};

export const cycles_and_errors_survive = {
  test() {
    const value = {};
    value.self = value;
    const copy = structuredClone(value);
    equal(copy.self, copy);
    const error = structuredClone(new RangeError("mine"));
    ok(error instanceof RangeError);
    equal(error.message, "mine");
  },
};

export const functions_cannot_be_copied = {
  test() {
    throws(() => structuredClone(() => {}), "DataCloneError");
    throws(() => structuredClone({ a: Symbol() }), "DataCloneError");
  },
};


export const transferred_buffers_are_detached = {
  test() {
    const buffer = new Uint8Array([1, 2, 3, 4]).buffer;
    const other = new ArrayBuffer(2);
    const copy = structuredClone({ view: new Uint8Array(buffer, 1, 2), buffer }, { transfer: [buffer, other] });
    same([...copy.view], [2, 3]);
    equal(copy.view.buffer, copy.buffer);
    equal(copy.buffer.byteLength, 4);
    ok(buffer.detached && other.detached);
    equal(buffer.byteLength, 0);
  },
};

export const a_clone_that_fails_detaches_nothing = {
  test() {
    const buffer = new ArrayBuffer(3);
    throws(() => structuredClone({ buffer, act() {} }, { transfer: [buffer] }), "DataCloneError");
    equal(buffer.byteLength, 3);
  },
};

export const what_cannot_be_transferred_is_refused = {
  test() {
    const buffer = new ArrayBuffer(3);
    const memory = new WebAssembly.Memory({ initial: 1 }).buffer;
    for (const transfer of [[{}], [buffer, buffer], [new Uint8Array(3)], [buffer, new Headers()], [memory]]) {
      throws(() => structuredClone(1, { transfer }), "DataCloneError");
    }
    equal(buffer.byteLength, 3);
    structuredClone(1, { transfer: [buffer] });
    throws(() => structuredClone(1, { transfer: [buffer] }), "DataCloneError");
  },
};

export const ports_transfer_buffers = {
  async test() {
    const { port1, port2 } = new MessageChannel();
    const got = new Promise((resolve) => { port2.onmessage = (event) => resolve(event.data); });
    const buffer = new Uint8Array([7]).buffer;
    port1.postMessage({ buffer }, [buffer]);
    ok(buffer.detached);
    same([...new Uint8Array((await got).buffer)], [7]);
    port1.close();
  },
};

export const streams_and_ports_can_be_transferred = {
  async test() {
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue("a");
        controller.close();
      },
    });
    const copy = structuredClone(stream, { transfer: [stream] });
    ok(copy instanceof ReadableStream && stream.locked);
    equal((await copy.getReader().read()).value, "a");
    const { port1, port2 } = new MessageChannel();
    const moved = structuredClone(port1, { transfer: [port1] });
    const got = new Promise((resolve) => { moved.onmessage = (event) => resolve(event.data); });
    port2.postMessage("hello");
    equal(await got, "hello");
    port2.close();
  },
};
