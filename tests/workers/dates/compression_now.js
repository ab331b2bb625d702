// compatibility-date: 2023-08-01
// From 2023-08-01 on it does not.
import { bytes, equal, rejects } from "../assert.js";

async function deflated(format, text) {
  return new Uint8Array(await new Response(new Response(text).body.pipeThrough(new CompressionStream(format))).arrayBuffer());
}

const inflated = (format, data) =>
  new Response(new Response(data).body.pipeThrough(new DecompressionStream(format))).text();

export const whatFollowsIsRefused = {
  async test() {
    for (const format of ["gzip", "deflate", "deflate-raw"]) {
      const data = await deflated(format, "hello");
      equal(await inflated(format, data), "hello", format);
      const error = await rejects(inflated(format, bytes(...data, 1, 2, 3)), TypeError);
      equal(error.message, "Trailing bytes after end of compressed data", format);
    }
  },
};

export const whatIsMissingIsToo = {
  async test() {
    for (const format of ["gzip", "deflate", "deflate-raw"]) {
      const data = await deflated(format, "hello");
      for (const part of [data.slice(0, -2), data.slice(0, 4), new Uint8Array(0)]) {
        const error = await rejects(inflated(format, part), TypeError);
        equal(error.message, "Called close() on a decompression stream with incomplete data", format);
      }
    }
  },
};
