import { collect, equal, rejects, same, streamOf, throws } from "../assert.js";

export const chunks_come_in_order = {
  async test() {
    same(await collect(streamOf("a", 1, { b: 2 })), ["a", 1, { b: 2 }]);
  },
};

export const they_can_be_iterated = {
  async test() {
    const seen = [];
    for await (const chunk of streamOf(1, 2, 3)) seen.push(chunk);
    same(seen, [1, 2, 3]);
    let cancelled;
    const stream = new ReadableStream({
      pull: (controller) => controller.enqueue("x"),
      cancel: () => { cancelled = true; },
    });
    for await (const _ of stream) break;
    equal(cancelled, true);
  },
};

export const pull_respects_the_high_water_mark = {
  async test() {
    let pulls = 0;
    const stream = new ReadableStream(
      { pull: (controller) => { pulls++; controller.enqueue(pulls); } },
      { highWaterMark: 3 },
    );
    await new Promise((resolve) => setTimeout(resolve, 1));
    equal(pulls, 3);
    const reader = stream.getReader();
    equal((await reader.read()).value, 1);
  },
};

export const pull_waits_until_it_is_wanted = {
  async test() {
    let pulls = 0;
    const stream = new ReadableStream(
      { pull: (controller) => { controller.enqueue(++pulls); } },
      { highWaterMark: 0 },
    );
    await new Promise((resolve) => setTimeout(resolve, 1));
    equal(pulls, 0);
    equal((await stream.getReader().read()).value, 1);
  },
};

export const errors_reach_the_reader = {
  async test() {
    const reason = new RangeError("mine");
    const stream = new ReadableStream({ start: (controller) => controller.error(reason) });
    equal(await rejects(stream.getReader().read(), RangeError), reason);
    const thrown = new ReadableStream({ pull() { throw reason; } });
    equal(await rejects(thrown.getReader().read(), RangeError), reason);
  },
};

export const a_reader_locks_the_stream = {
  async test() {
    const stream = streamOf("a", "b");
    const reader = stream.getReader();
    equal(stream.locked, true);
    throws(() => stream.getReader(), TypeError);
    await rejects(stream.cancel(), TypeError);
    equal((await reader.read()).value, "a");
    reader.releaseLock();
    equal(stream.locked, false);
    await rejects(reader.read(), TypeError);
    same(await collect(stream), ["b"]);
  },
};

export const cancel_tells_the_source_why = {
  async test() {
    let reason;
    const stream = new ReadableStream({ cancel: (given) => { reason = given; } });
    await stream.cancel("enough");
    equal(reason, "enough");
    equal((await stream.getReader().read()).done, true);
  },
};

export const tee_gives_two_streams = {
  async test() {
    const [left, right] = streamOf("a", "b").tee();
    same(await Promise.all([collect(left), collect(right)]), [["a", "b"], ["a", "b"]]);
  },
};

export const from_makes_a_stream_of_anything = {
  async test() {
    same(await collect(ReadableStream.from(["a", "b"])), ["a", "b"]);
    async function* generate() { yield 1; yield 2; }
    same(await collect(ReadableStream.from(generate())), [1, 2]);
  },
};
