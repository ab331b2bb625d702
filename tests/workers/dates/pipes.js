// compatibility-date: 2026-11-01
// Before 2026-11-17 a pipe that waits for its source takes a broken destination for
// the end.
import { equal, rejects, same } from "../assert.js";

function ends() {
  const calls = [];
  let source, destination;
  const readable = new ReadableStream({
    start(controller) {
      source = controller;
    },
    cancel(reason) {
      calls.push(`cancel ${reason.message}`);
    },
  });
  const writable = new WritableStream({
    start(controller) {
      destination = controller;
    },
    write(chunk) {
      if (chunk === "bad") throw new Error("write");
      calls.push(chunk);
    },
  });
  return { calls, readable, writable, source, destination };
}

export const aBrokenDestinationEndsThePipe = {
  async test() {
    const { calls, readable, writable, source, destination } = ends();
    source.enqueue("a");
    const pipe = readable.pipeTo(writable);
    await scheduler.wait(5);
    destination.error(new Error("broken"));
    equal(await pipe, undefined);
    same(calls, ["a", "cancel broken"]);
    equal(readable.locked, false);
    equal(writable.locked, false);
  },
};

export const orIsNeverDone = {
  async test() {
    const { calls, readable, writable, destination } = ends();
    const pipe = readable.pipeTo(writable, { preventCancel: true });
    await scheduler.wait(5);
    destination.error(new Error("broken"));
    equal(await Promise.race([pipe, scheduler.wait(30).then(() => "pending")]), "pending");
    same(calls, []);
    equal(readable.locked, false);
    equal(writable.locked, false);
  },
};

export const whatIsWrittenFailsThePipe = {
  async test() {
    const { calls, readable, writable, source } = ends();
    const pipe = readable.pipeTo(writable);
    source.enqueue("a");
    source.enqueue("bad");
    equal((await rejects(pipe, Error)).message, "write");
    same(calls, ["a", "cancel write"]);
  },
};

export const aDestinationThatWasBrokenBeforeFailsThePipe = {
  async test() {
    const { readable, writable, destination } = ends();
    destination.error(new Error("before"));
    equal((await rejects(readable.pipeTo(writable), Error)).message, "before");
  },
};
