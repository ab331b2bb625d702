// compatibility-flags: streams_no_default_auto_allocate_chunk_size
import { equal } from "../assert.js";

export const readsHaveNoBuffer = {
  async test() {
    let request;
    const stream = new ReadableStream({
      type: "bytes",
      pull(controller) {
        request = controller.byobRequest;
        controller.enqueue(new Uint8Array([7]));
      },
    });
    const { value } = await stream.getReader().read();
    equal(request, null);
    equal(value[0], 7);
  },
};
