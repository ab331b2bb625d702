// compatibility-date: 2024-09-02
// From 2024-09-02 on it drops what is written.
import { equal } from "../assert.js";

const state = (promise) =>
  Promise.race([
    promise.then(() => "fulfilled", (error) => `rejected: ${error.message}`),
    scheduler.wait(20).then(() => "pending"),
  ]);

export const abortsDropWhatWaits = {
  async test() {
    for (const stream of [new IdentityTransformStream(), new FixedLengthStream(10)]) {
      const writer = stream.writable.getWriter();
      const first = writer.write(new Uint8Array(1));
      const second = writer.write(new Uint8Array(1));
      const aborted = writer.abort(new Error("aborted"));
      equal(await state(aborted), "fulfilled");
      equal(await state(first), "rejected: aborted");
      equal(await state(second), "rejected: aborted");
      equal(await state(writer.closed), "rejected: aborted");
      equal((await state(stream.readable.getReader().read())).startsWith("rejected"), true);
    }
  },
};
