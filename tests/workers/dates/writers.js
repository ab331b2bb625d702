// compatibility-date: 2026-03-01
// Before 2026-03-24: writers that are ready at first, and encodings that take a chunk
// before it is read.
import { equal, rejects } from "../assert.js";

/** What became of a promise by now. */
const state = (promise) =>
  Promise.race([
    promise.then(() => "fulfilled", (error) => `rejected: ${error.message}`),
    scheduler.wait(20).then(() => "pending"),
  ]);

const RELEASED = "This WritableStream writer has been released.";

export const writersAreReadyAtFirst = {
  async test() {
    const full = new WritableStream({}, { highWaterMark: 0 }).getWriter();
    equal(full.desiredSize, 0);
    equal(await state(full.ready), "fulfilled");
    const broken = new WritableStream({
      start(controller) {
        controller.error(new Error("broken"));
      },
    }).getWriter();
    equal(await state(broken.ready), "fulfilled");
    equal(await state(broken.closed), "rejected: broken");
  },
};

export const releasedWritersStayReady = {
  async test() {
    const writer = new WritableStream().getWriter();
    const { ready } = writer;
    writer.releaseLock();
    equal(await state(ready), "fulfilled");
    equal(await state(writer.ready), "fulfilled");
    equal(await state(writer.closed), `rejected: ${RELEASED}`);
    equal((await rejects(writer.write("x"), TypeError)).message, RELEASED);
  },
};

export const thoseThatWaitAreRejected = {
  async test() {
    const writer = new WritableStream({ write: () => new Promise(() => {}) }).getWriter();
    writer.write("x").catch(() => {});
    const { ready } = writer;
    writer.releaseLock();
    equal(await state(ready), `rejected: ${RELEASED}`);
  },
};

export const pipesStillWait = {
  async test() {
    let written = 0;
    const slow = new WritableStream({
      async write() {
        await scheduler.wait(1);
        written++;
      },
    }, { highWaterMark: 1 });
    await ReadableStream.from(["a", "b", "c"]).pipeTo(slow);
    equal(written, 3);
  },
};

export const encodingsTakeAChunkBeforeItIsRead = {
  async test() {
    for (const [stream, chunk] of [[new TextEncoderStream(), "a"], [new TextDecoderStream(), new Uint8Array([97])]]) {
      const writer = stream.writable.getWriter();
      const first = writer.write(chunk);
      const second = writer.write(chunk);
      equal(await state(first), "fulfilled");
      equal(await state(second), "pending");
      equal(writer.desiredSize, 0);
      const reader = stream.readable.getReader();
      await reader.read();
      await reader.read();
      equal(await state(second), "fulfilled");
    }
  },
};
