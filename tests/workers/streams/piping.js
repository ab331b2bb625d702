// What pipes do when something goes wrong on one side, and how they wait
// (https://streams.spec.whatwg.org/#readable-stream-pipe-to).
import { collect, encode, equal, ok, rejects, same, streamOf } from "../assert.js";

/** A sink that notes what happens to it. */
function recording(extra = {}, strategy = undefined) {
  const events = [];
  const writable = new WritableStream({
    write: (chunk) => { events.push(chunk); },
    close: () => { events.push("close"); },
    abort: (reason) => { events.push(`abort ${reason?.message ?? reason}`); },
    ...extra,
  }, strategy);
  return { events, writable };
}

/** A source that notes its cancelling; the test drives it by `controller`. */
function driven(strategy = undefined) {
  const source = { cancelled: [] };
  source.readable = new ReadableStream({
    start: (controller) => { source.controller = controller; },
    cancel: (reason) => { source.cancelled.push(reason); },
  }, strategy);
  return source;
}

const turns = async (count = 20) => {
  for (let i = 0; i < count; i++) await undefined;
};

export const both_sides_are_locked_while_it_runs = {
  async test() {
    const source = driven();
    const { writable } = recording();
    const pipe = source.readable.pipeTo(writable);
    ok(source.readable.locked && writable.locked);
    source.controller.close();
    await pipe;
    ok(!source.readable.locked && !writable.locked);
  },
};

export const chunks_wait_for_the_sink = {
  async test() {
    let release;
    const { events, writable } = recording({
      write: (chunk) => {
        events.push(chunk);
        return new Promise((resolve) => { release = resolve; });
      },
    });
    const source = driven();
    const pipe = source.readable.pipeTo(writable);
    source.controller.enqueue("a");
    source.controller.enqueue("b");
    source.controller.enqueue("c");
    await turns();
    same(events, ["a"]);
    release();
    await turns();
    same(events, ["a", "b"]);
    source.controller.close();
    release();
    await turns();
    release();
    await pipe;
    same(events, ["a", "b", "c", "close"]);
  },
};

export const the_end_waits_for_the_last_write = {
  async test() {
    let release;
    let writing = false;
    const { events, writable } = recording({
      write: async () => {
        writing = true;
        await new Promise((resolve) => { release = resolve; });
        writing = false;
      },
      close: () => { events.push(writing ? "close too early" : "close"); },
    });
    const source = driven();
    const pipe = source.readable.pipeTo(writable);
    source.controller.enqueue("a");
    source.controller.close();
    await turns();
    same(events, []);
    release();
    await pipe;
    same(events, ["close"]);
  },
};

export const an_error_of_the_source_comes_after_its_chunks_were_written = {
  async test() {
    let release;
    const { events, writable } = recording({
      write: (chunk) => {
        events.push(chunk);
        return new Promise((resolve) => { release = resolve; });
      },
    });
    const source = driven();
    const pipe = source.readable.pipeTo(writable);
    source.controller.enqueue("a");
    await turns();
    source.controller.error(new RangeError("broken"));
    await turns();
    release();
    equal((await rejects(pipe, RangeError)).message, "broken");
    same(events, ["a", "abort broken"]);
  },
};

export const options_keep_the_other_side_open = {
  async test() {
    const ended = recording();
    await streamOf("a").pipeTo(ended.writable, { preventClose: true });
    same(ended.events, ["a"]);
    const writer = ended.writable.getWriter();
    await writer.write("b");
    await writer.close();
    same(ended.events, ["a", "b", "close"]);

    const kept = recording();
    const broken = new ReadableStream({ start: (controller) => controller.error(new RangeError("broken")) });
    await rejects(broken.pipeTo(kept.writable, { preventAbort: true }), RangeError);
    await kept.writable.close();
    same(kept.events, ["close"]);

    const source = driven();
    const refusing = new WritableStream({ start: (controller) => controller.error(new RangeError("full")) });
    await rejects(source.readable.pipeTo(refusing, { preventCancel: true }), RangeError);
    same(source.cancelled, []);
    source.controller.enqueue("still");
    equal((await source.readable.getReader().read()).value, "still");
  },
};

export const a_closed_sink_cancels_the_source = {
  async test() {
    const { writable } = recording();
    await writable.close();
    const source = driven();
    const error = await rejects(source.readable.pipeTo(writable), TypeError);
    equal(source.cancelled.length, 1);
    equal(source.cancelled[0], error);
  },
};

export const a_signal_stops_both_sides = {
  async test() {
    const abort = new AbortController();
    const source = driven();
    const { events, writable } = recording();
    const pipe = source.readable.pipeTo(writable, { signal: abort.signal });
    source.controller.enqueue("a");
    await turns();
    const reason = new RangeError("enough");
    abort.abort(reason);
    equal(await rejects(pipe, RangeError), reason);
    same(events, ["a", "abort enough"]);
    equal(source.cancelled[0], reason);
  },
};

export const an_aborted_signal_stops_before_anything_is_read = {
  async test() {
    for (const options of [{}, { preventAbort: true }, { preventCancel: true }, { preventAbort: true, preventCancel: true }]) {
      let pulls = 0;
      const cancelled = [];
      const readable = new ReadableStream({
        pull: () => { pulls++; },
        cancel: (reason) => { cancelled.push(reason); },
      }, { highWaterMark: 0 });
      const { events, writable } = recording();
      const signal = AbortSignal.abort(new RangeError("never"));
      await rejects(readable.pipeTo(writable, { signal, ...options }), RangeError);
      equal(pulls, 0);
      same(events, options.preventAbort ? [] : ["abort never"]);
      equal(cancelled.length, options.preventCancel ? 0 : 1);
    }
  },
};

export const a_signal_waits_for_the_write_under_way = {
  async test() {
    let release;
    const abort = new AbortController();
    const { events, writable } = recording({
      write: (chunk) => {
        events.push(chunk);
        return new Promise((resolve) => { release = resolve; });
      },
    });
    const source = driven();
    let settled = false;
    const pipe = source.readable.pipeTo(writable, { signal: abort.signal });
    pipe.catch(() => { settled = true; });
    source.controller.enqueue("a");
    await turns();
    abort.abort(new RangeError("enough"));
    await turns();
    ok(!settled, "the write has not ended");
    release();
    await rejects(pipe, RangeError);
    same(events, ["a", "abort enough"]);
  },
};

export const errors_of_cancel_and_abort_win = {
  async test() {
    const broken = new ReadableStream({ start: (controller) => controller.error(new RangeError("first")) });
    const sink = new WritableStream({ abort() { throw new TypeError("second"); } });
    equal((await rejects(broken.pipeTo(sink))).message, "second");

    const source = new ReadableStream({ cancel() { throw new TypeError("second"); } });
    const refusing = new WritableStream({ start: (controller) => controller.error(new RangeError("first")) });
    equal((await rejects(source.pipeTo(refusing))).message, "second");
  },
};

export const a_transform_waits_for_its_reader = {
  async test() {
    let pulled = 0;
    const source = new ReadableStream({
      pull(controller) {
        controller.enqueue(++pulled);
      },
    }, { highWaterMark: 0 });
    const reader = source.pipeThrough(new TransformStream()).getReader();
    await turns();
    ok(pulled <= 1, `${pulled} chunks were read for nobody`);
    equal((await reader.read()).value, 1);
    equal((await reader.read()).value, 2);
    await turns();
    ok(pulled <= 4, `${pulled} chunks were read for two`);
  },
};

export const cancelling_what_comes_out_cancels_the_source = {
  async test() {
    const source = driven();
    const reader = source.readable.pipeThrough(new TransformStream()).getReader();
    source.controller.enqueue("a");
    equal((await reader.read()).value, "a");
    const reason = new RangeError("enough");
    await reader.cancel(reason);
    await turns();
    equal(source.cancelled[0], reason);
  },
};

export const an_error_passes_a_chain_in_both_directions = {
  async test() {
    const source = driven();
    const chain = source.readable
      .pipeThrough(new TransformStream())
      .pipeThrough(new TransformStream({
        transform(chunk, controller) {
          if (chunk === "bad") throw new RangeError("bad chunk");
          controller.enqueue(chunk);
        },
      }))
      .pipeThrough(new TransformStream());
    const reader = chain.getReader();
    source.controller.enqueue("good");
    equal((await reader.read()).value, "good");
    source.controller.enqueue("bad");
    equal((await rejects(reader.read(), RangeError)).message, "bad chunk");
    await turns(40);
    equal(source.cancelled[0]?.message, "bad chunk");
  },
};

export const terminate_ends_the_readable_side = {
  async test() {
    const source = driven();
    const out = source.readable.pipeThrough(new TransformStream({
      transform(chunk, controller) {
        controller.enqueue(chunk);
        controller.terminate();
      },
    }));
    source.controller.enqueue("a");
    source.controller.enqueue("b");
    same(await collect(out), ["a"]);
    await turns();
    equal(source.cancelled.length, 1);
  },
};

export const many_chunks_keep_their_order = {
  async test() {
    let next = 0;
    const source = new ReadableStream({
      pull(controller) {
        for (let i = 0; i < 7 && next < 2000; i++) controller.enqueue(next++);
        if (next === 2000) controller.close();
      },
    }, { highWaterMark: 16 });
    const out = source
      .pipeThrough(new TransformStream())
      .pipeThrough(new TransformStream({
        transform: (chunk, controller) => chunk % 100 === 0
          ? scheduler.wait(0).then(() => controller.enqueue(chunk))
          : controller.enqueue(chunk),
      }))
      .pipeThrough(new TransformStream(undefined, { highWaterMark: 5 }, { highWaterMark: 3 }));
    const chunks = await collect(out);
    equal(chunks.length, 2000);
    ok(chunks.every((chunk, i) => chunk === i), "they are out of order");
  },
};

export const the_slower_half_of_a_tee_gets_all = {
  async test() {
    const [fast, slow] = streamOf(...Array.from({ length: 50 }, (_, i) => i)).tee();
    equal((await collect(fast)).length, 50);
    equal((await collect(slow.pipeThrough(new TransformStream()))).length, 50);
  },
};

export const a_tee_is_cancelled_when_both_halves_are = {
  async test() {
    const source = driven();
    const [first, second] = source.readable.tee();
    const one = first.cancel("one");
    await turns();
    same(source.cancelled, []);
    const two = second.cancel("two");
    await Promise.all([one, two]);
    same(source.cancelled, [["one", "two"]]);
  },
};

export const bytes_pipe_into_reads_of_any_size = {
  async test() {
    const source = new ReadableStream({
      type: "bytes",
      pull(controller) {
        controller.enqueue(encode("0123456789"));
        controller.close();
      },
    });
    const reader = source.getReader({ mode: "byob" });
    const sizes = [];
    let view = new Uint8Array(4);
    for (;;) {
      const { done, value } = await reader.read(view);
      if (done) break;
      sizes.push(value.length);
      view = new Uint8Array(value.buffer);
    }
    same(sizes, [4, 4, 2]);
  },
};

export const then_on_every_object_is_not_asked = {
  async test() {
    const asked = [];
    const { events, writable } = recording();
    const source = streamOf("a", "b");
    Object.defineProperty(Object.prototype, "then", {
      get() {
        asked.push(Object.keys(this).join());
        return undefined;
      },
      configurable: true,
    });
    let pipe;
    try {
      pipe = source.pipeTo(writable);
      await turns();
    } finally {
      delete Object.prototype.then;
    }
    await pipe;
    same(events, ["a", "b", "close"]);
    same(asked.filter((keys) => keys.includes("done")), [], "the chunks of a pipe can be seen");
  },
};
