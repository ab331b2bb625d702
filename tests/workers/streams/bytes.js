import { bytes, equal, same, throws } from "../assert.js";

const source = (...chunks) => new ReadableStream({
  type: "bytes",
  pull(controller) {
    if (chunks.length === 0) {
      controller.close();
      controller.byobRequest?.respond(0);
    } else {
      controller.enqueue(chunks.shift());
    }
  },
});

export const byte_streams_can_be_read_into_a_buffer = {
  async test() {
    const reader = source(bytes(1, 2, 3), bytes(4)).getReader({ mode: "byob" });
    const first = await reader.read(new Uint8Array(2));
    same([...first.value], [1, 2]);
    const second = await reader.read(new Uint8Array(10));
    equal(second.value[0], 3);
  },
};

export const the_buffer_is_taken = {
  async test() {
    const reader = source(bytes(1)).getReader({ mode: "byob" });
    const view = new Uint8Array(8);
    await reader.read(view);
    equal(view.byteLength, 0);
  },
};

export const a_source_may_write_into_the_buffer = {
  async test() {
    let count = 0;
    const stream = new ReadableStream({
      type: "bytes",
      pull(controller) {
        const { byobRequest } = controller;
        byobRequest.view[0] = ++count;
        byobRequest.respond(1);
      },
    });
    const reader = stream.getReader({ mode: "byob" });
    same([...(await reader.read(new Uint8Array(4))).value], [1]);
    same([...(await reader.read(new Uint8Array(4))).value], [2]);
  },
};

export const bodies_are_byte_streams = {
  async test() {
    const reader = new Response("hello").body.getReader({ mode: "byob" });
    const { value } = await reader.read(new Uint8Array(3));
    equal(new TextDecoder().decode(value), "hel");
  },
};

export const default_streams_have_no_byob_reader = {
  test() {
    throws(() => new ReadableStream({}).getReader({ mode: "byob" }), TypeError);
  },
};
