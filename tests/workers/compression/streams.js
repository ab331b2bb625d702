import { bytes, collect, decode, encode, equal, ok, rejects, streamOf, throws } from "../assert.js";

async function through(stream, ...chunks) {
  const parts = await collect(streamOf(...chunks).pipeThrough(stream));
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

export const what_is_compressed_can_be_read_again = {
  async test() {
    const text = "again and ".repeat(1000);
    for (const format of ["gzip", "deflate", "deflate-raw"]) {
      const small = await through(new CompressionStream(format), encode(text), encode("end"));
      ok(small.length < text.length / 10, format);
      const back = await through(new DecompressionStream(format), small);
      equal(decode(back), text + "end");
      // In pieces of one byte.
      const pieces = Array.from(small, (byte) => bytes(byte));
      equal(decode(await through(new DecompressionStream(format), ...pieces)), text + "end");
    }
  },
};

export const broken_data_is_refused = {
  async test() {
    await rejects(through(new DecompressionStream("gzip"), encode("not gzip at all")), TypeError);
    const whole = await through(new CompressionStream("gzip"), encode("whole"));
    await rejects(through(new DecompressionStream("gzip"), whole.slice(0, -4)), TypeError);
    throws(() => new CompressionStream("zip"), TypeError);
  },
};
