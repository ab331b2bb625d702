import { bytes, collect, decode, encode, equal, rejects, same, streamOf } from "../assert.js";

export const a_transform_changes_chunks = {
  async test() {
    const double = new TransformStream({
      start: (controller) => controller.enqueue("start"),
      transform(chunk, controller) {
        controller.enqueue(chunk);
        controller.enqueue(chunk * 2);
      },
      flush: (controller) => controller.enqueue("end"),
    });
    same(await collect(streamOf(1, 2).pipeThrough(double)), ["start", 1, 2, 2, 4, "end"]);
  },
};

export const writers_see_back_pressure = {
  async test() {
    const taken = [];
    const stream = new WritableStream({
      async write(chunk) {
        await scheduler.wait(1);
        taken.push(chunk);
      },
    }, { highWaterMark: 2 });
    const writer = stream.getWriter();
    equal(writer.desiredSize, 2);
    writer.write("a");
    writer.write("b");
    equal(writer.desiredSize, 0);
    await writer.ready;
    await writer.close();
    same(taken, ["a", "b"]);
  },
};

export const pipe_to_ends_with_the_source = {
  async test() {
    const taken = [];
    let closed = false;
    await streamOf("a", "b").pipeTo(new WritableStream({
      write: (chunk) => { taken.push(chunk); },
      close: () => { closed = true; },
    }));
    same([taken, closed], [["a", "b"], true]);
  },
};

export const pipe_to_passes_errors_on = {
  async test() {
    let aborted;
    const broken = new ReadableStream({ pull() { throw new RangeError("broken"); } });
    const sink = new WritableStream({ abort: (reason) => { aborted = reason; } });
    await rejects(broken.pipeTo(sink), RangeError);
    equal(aborted.message, "broken");

    let cancelled;
    const source = new ReadableStream({
      pull: (controller) => controller.enqueue("x"),
      cancel: (reason) => { cancelled = reason; },
    });
    const full = new WritableStream({ write() { throw new TypeError("full"); } });
    await rejects(source.pipeTo(full), TypeError);
    equal(cancelled.message, "full");
  },
};

export const a_pipe_can_be_aborted = {
  async test() {
    const controller = new AbortController();
    const endless = new ReadableStream({ pull: (it) => it.enqueue("x") });
    const slow = new WritableStream({ write: () => scheduler.wait(1) });
    setTimeout(() => controller.abort(), 5);
    await rejects(endless.pipeTo(slow, { signal: controller.signal }), "AbortError");
  },
};

export const identity_passes_bytes = {
  async test() {
    const { readable, writable } = new IdentityTransformStream();
    const writer = writable.getWriter();
    const done = (async () => {
      await writer.write(encode("one "));
      await writer.write(encode("two"));
      await writer.close();
    })();
    equal(await new Response(readable).text(), "one two");
    await done;
  },
};

export const a_fixed_length_stream_takes_exactly_so_much = {
  async test() {
    const { readable, writable } = new FixedLengthStream(4);
    const writer = writable.getWriter();
    const done = (async () => {
      await writer.write(bytes(1, 2));
      await writer.write(bytes(3, 4));
      await writer.close();
    })();
    equal((await new Response(readable).arrayBuffer()).byteLength, 4);
    await done;
  },
};

export const a_fixed_length_stream_takes_no_more = {
  async test() {
    const { readable, writable } = new FixedLengthStream(1);
    const reading = new Response(readable).text();
    const writing = writable.getWriter().write(bytes(1, 2));
    await rejects(Promise.all([reading, writing]), TypeError);
    await Promise.allSettled([reading, writing]);
  },
};

export const a_fixed_length_stream_takes_no_less = {
  async test() {
    const { readable, writable } = new FixedLengthStream(2);
    const reading = new Response(readable).text();
    const writer = writable.getWriter();
    const writing = writer.write(bytes(1)).then(() => writer.close());
    await rejects(Promise.all([reading, writing]), TypeError);
    await Promise.allSettled([reading, writing]);
  },
};

export const text_streams_encode_and_decode = {
  async test() {
    const encoded = await collect(streamOf("h\u00e9", "llo").pipeThrough(new TextEncoderStream()));
    equal(encoded.map((chunk) => decode(chunk)).join(""), "h\u00e9llo");
    // A character that is split over chunks.
    const split = streamOf(bytes(0x68, 0xc3), bytes(0xa9)).pipeThrough(new TextDecoderStream());
    equal((await collect(split)).join(""), "h\u00e9");
  },
};
