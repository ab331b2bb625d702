// compatibility-date: 2024-12-01
// Before 2024-12-16 a TransformStream takes what is written once it was read from.
import { equal } from "../assert.js";

const isDone = (promise) => Promise.race([promise.then(() => true), scheduler.wait(20).then(() => false)]);

export const writersDoNotWait = {
  async test() {
    const { readable, writable } = new TransformStream({}, { highWaterMark: 5 }, { highWaterMark: 3 });
    const writer = writable.getWriter();
    const writes = [];
    for (let i = 0; i < 9; i++) writes.push(writer.write(i));
    equal(await isDone(Promise.all(writes)), true);
    equal(writer.desiredSize, 5);
    const reader = readable.getReader();
    for (let i = 0; i < 9; i++) equal((await reader.read()).value, i);
    await writer.close();
    equal((await reader.read()).done, true);
  },
};

export const butForTheFirstRead = {
  async test() {
    const { readable, writable } = new TransformStream();
    const writer = writable.getWriter();
    const first = writer.write("a");
    equal(await isDone(first), false);
    const reader = readable.getReader();
    equal((await reader.read()).value, "a");
    equal(await isDone(first), true);
  },
};

export const controllersSeeIt = {
  async test() {
    const sizes = [];
    const { writable } = new TransformStream({
      transform(chunk, controller) {
        controller.enqueue(chunk);
        controller.enqueue(chunk);
        sizes.push(controller.desiredSize);
      },
    }, undefined, { highWaterMark: 1 });
    const writer = writable.getWriter();
    await Promise.all([writer.write(1), writer.write(2)]);
    equal(sizes.join(), "-1,-3");
  },
};

export const identityStreamsWait = {
  async test() {
    const { readable, writable } = new IdentityTransformStream();
    const writer = writable.getWriter();
    const first = writer.write(new Uint8Array(1));
    const reader = readable.getReader();
    await reader.read();
    await first;
    equal(await isDone(writer.write(new Uint8Array(1))), false);
    await reader.read();
  },
};
