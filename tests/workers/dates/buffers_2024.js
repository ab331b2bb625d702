// compatibility-date: 2024-05-01
// Before 2024-05-13 a read past the end of a stream of the platform gave no view;
// that of a Worker's own did.
import { equal } from "../assert.js";

export const theEndHasNoView = {
  async test() {
    const reader = new Response("hello").body.getReader({ mode: "byob" });
    const view = new Uint8Array(10);
    equal((await reader.read(view)).value.byteLength, 5);
    equal(view.byteLength, 0);
    const { value, done } = await reader.read(new Uint8Array(10));
    equal(done, true);
    equal(value, undefined);
  },
};

export const othersHaveOne = {
  async test() {
    const reader = new ReadableStream({
      type: "bytes",
      pull(controller) {
        controller.close();
        controller.byobRequest?.respond(0);
      },
    }).getReader({ mode: "byob" });
    const { value, done } = await reader.read(new Uint8Array(10));
    equal(done, true);
    equal(value.byteLength, 0);
  },
};
