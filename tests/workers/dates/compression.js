// compatibility-date: 2023-07-01
// Before 2023-08-01 a DecompressionStream takes what is too short or too long.
import { bytes, equal, rejects } from "../assert.js";

async function deflated(format, text) {
  return new Uint8Array(await new Response(new Response(text).body.pipeThrough(new CompressionStream(format))).arrayBuffer());
}

const inflated = (format, data) =>
  new Response(new Response(data).body.pipeThrough(new DecompressionStream(format))).text();

export const whatFollowsIsIgnored = {
  async test() {
    for (const format of ["gzip", "deflate", "deflate-raw"]) {
      const data = await deflated(format, "hello");
      equal(await inflated(format, bytes(...data, 1, 2, 3)), "hello", format);
      equal(await inflated(format, bytes(...data, ...data)), "hello", format);
    }
  },
};

export const whatIsMissingIsMissed = {
  async test() {
    for (const format of ["gzip", "deflate"]) {
      const data = await deflated(format, "hello");
      equal(await inflated(format, data.slice(0, -2)), "hello", format);
      equal(await inflated(format, new Uint8Array(0)), "", format);
    }
  },
};

export const whatIsWrongIsRefused = {
  async test() {
    await rejects(inflated("gzip", bytes(9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9)), TypeError);
  },
};
