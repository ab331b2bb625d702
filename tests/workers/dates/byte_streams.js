// compatibility-date: 2026-11-01
// Byte streams give even default reads a `byobRequest`, which a flag without a date
// takes away.
import { equal } from "../assert.js";

export const readsHaveABuffer = {
  async test() {
    let length;
    const stream = new ReadableStream({
      type: "bytes",
      pull(controller) {
        length = controller.byobRequest.view.byteLength;
        controller.byobRequest.view[0] = 7;
        controller.byobRequest.respond(1);
      },
    });
    const { value } = await stream.getReader().read();
    equal(length, 4096);
    equal(value.byteLength, 1);
    equal(value[0], 7);
  },
};
