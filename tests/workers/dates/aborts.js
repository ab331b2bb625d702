// compatibility-date: 2024-09-01
// Before 2024-09-02 `abort()` of an IdentityTransformStream waits for what is written.
import { equal } from "../assert.js";

const state = (promise) =>
  Promise.race([
    promise.then(() => "fulfilled", (error) => `rejected: ${error.message}`),
    scheduler.wait(20).then(() => "pending"),
  ]);

export const abortsWait = {
  async test() {
    for (const stream of [new IdentityTransformStream(), new FixedLengthStream(10)]) {
      const writer = stream.writable.getWriter();
      const written = writer.write(new Uint8Array(1));
      await scheduler.wait(1);
      const aborted = writer.abort(new Error("aborted"));
      written.catch(() => {});
      equal(await state(aborted), "pending");
      equal(await state(written), "pending");
      await stream.readable.getReader().read().catch(() => {});
      equal(await state(aborted), "fulfilled");
    }
  },
};

export const whereNothingWaitsTheyDoNot = {
  async test() {
    const { writable } = new IdentityTransformStream();
    equal(await state(writable.abort(new Error("aborted"))), "fulfilled");
  },
};
