// Reads into views: what they give at the end, and of which streams.
import { equal, rejects, same } from "../assert.js";

const byob = (stream) => stream.getReader({ mode: "byob" });

/** A result as its class and bytes. */
function shown({ value, done }) {
  return [value.constructor.name, ...new Uint8Array(value.buffer, value.byteOffset, value.byteLength), done];
}

function ofChunks(...chunks) {
  return new ReadableStream({
    type: "bytes",
    start(controller) {
      for (const chunk of chunks) controller.enqueue(new Uint8Array(chunk));
      controller.close();
    },
  });
}

/** An identity stream with these chunks on their way. */
function passing(...chunks) {
  const { readable, writable } = new IdentityTransformStream();
  const writer = writable.getWriter();
  const written = chunks.map((chunk) => writer.write(new Uint8Array(chunk)));
  return { reader: byob(readable), writer, written: Promise.all([...written, writer.close()]) };
}

export const theLastReadGetsWhatIsLeft = {
  async test() {
    for (const stream of [ofChunks([1, 2, 3], [4, 5]), new Response(new Uint8Array([1, 2, 3, 4, 5])).body]) {
      const reader = byob(stream);
      same(shown(await reader.readAtLeast(4, new Uint8Array(4))), ["Uint8Array", 1, 2, 3, 4, false]);
      same(shown(await reader.readAtLeast(4, new Uint8Array(4))), ["Uint8Array", 5, false]);
      same(shown(await reader.readAtLeast(4, new Uint8Array(4))), ["Uint8Array", true]);
    }
    const reader = byob(ofChunks([1, 2, 3]));
    same(shown(await reader.read(new Uint8Array(8), { min: 5 })), ["Uint8Array", 1, 2, 3, false]);
    same(shown(await reader.read(new Uint8Array(8))), ["Uint8Array", true]);
  },
};

export const aReadThatWaitsGetsWhatCameBeforeTheEnd = {
  async test() {
    const chunks = [[1, 2, 3], [4, 5]];
    const reader = byob(
      new ReadableStream({
        type: "bytes",
        async pull(controller) {
          const chunk = chunks.shift();
          if (chunk !== undefined) return controller.enqueue(new Uint8Array(chunk));
          controller.close();
          controller.byobRequest?.respond(0);
        },
      }),
    );
    same(shown(await reader.readAtLeast(8, new Uint8Array(8))), ["Uint8Array", 1, 2, 3, 4, 5, false]);
    same(shown(await reader.read(new Uint8Array(8))), ["Uint8Array", true]);
  },
};

export const elementsAreWhole = {
  async test() {
    const reader = byob(ofChunks([1, 2, 3], [4, 5]));
    same(shown(await reader.read(new Uint16Array(8))), ["Uint16Array", 1, 2, 3, 4, false]);
    same(shown(await reader.read(new Uint16Array(8))), ["Uint16Array", true]);
    same(shown(await byob(ofChunks([1, 2])).read(new Uint32Array(2))), ["Uint32Array", true]);
  },
};

export const streamsOfThePlatformGiveBytes = {
  async test() {
    for (const View of [Uint16Array, Float64Array, DataView, Int8Array]) {
      const reader = byob(new Response("abcde").body);
      same(shown(await reader.read(new View(new ArrayBuffer(16)))), ["Uint8Array", 97, 98, 99, 100, 101, false]);
      same(shown(await reader.read(new View(new ArrayBuffer(16)))), ["Uint8Array", true]);
    }
  },
};

export const identityStreamsReadIntoViews = {
  async test() {
    const { reader, written } = passing([1, 2, 3], [], [4, 5]);
    same(shown(await reader.read(new Uint8Array(2))), ["Uint8Array", 1, 2, false]);
    same(shown(await reader.readAtLeast(3, new Uint8Array(8))), ["Uint8Array", 3, 4, 5, false]);
    same(shown(await reader.read(new Uint8Array(8))), ["Uint8Array", true]);
    await written;
    await reader.closed;
  },
};

export const fixedLengthStreamsDo = {
  async test() {
    const { readable, writable } = new FixedLengthStream(5);
    const written = new Response("hello").body.pipeTo(writable);
    const reader = byob(readable);
    same(shown(await reader.readAtLeast(8, new Uint8Array(8))), ["Uint8Array", 104, 101, 108, 108, 111, false]);
    same(shown(await reader.read(new Uint8Array(1))), ["Uint8Array", true]);
    await written;
  },
};

export const writersKeepTheirBuffers = {
  async test() {
    const { readable, writable } = new IdentityTransformStream();
    const bytes = new Uint8Array([1, 2, 3, 4]);
    const written = writable.getWriter().write(bytes.subarray(1, 3));
    const { value } = await readable.getReader().read();
    await written;
    same([bytes.length, [...value]], [4, [2, 3]]);
    bytes.fill(9);
    same([...value], [2, 3], "it has a copy");
  },
};

export const endsAndErrorsReachWhoReads = {
  async test() {
    const { readable, writable } = new IdentityTransformStream();
    const [one, two] = readable.tee();
    const writer = writable.getWriter();
    writer.write(new Uint8Array([1, 2])).catch(() => {});
    same(shown(await byob(one).read(new Uint8Array(4))), ["Uint8Array", 1, 2, false]);
    same(shown(await byob(two).read(new Uint8Array(4))), ["Uint8Array", 1, 2, false]);

    const broken = new IdentityTransformStream();
    const read = byob(broken.readable).read(new Uint8Array(2));
    broken.writable.abort(new RangeError("enough"));
    equal((await rejects(read, RangeError)).message, "enough");

    const left = new IdentityTransformStream();
    const written = left.writable.getWriter().write(new Uint8Array(1));
    await byob(left.readable).cancel(new RangeError("no more"));
    equal((await rejects(written, RangeError)).message, "no more");
  },
};
