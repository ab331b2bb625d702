import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import zlib from "node:zlib";
import { equal, ok, rejects, throws } from "../assert.js";

const text = "to be or not to be, that is the question. ".repeat(50);

export const what_is_packed_comes_out_again = {
  async test() {
    for (const [pack, unpack] of [["gzip", "gunzip"], ["deflate", "inflate"], ["deflateRaw", "inflateRaw"], ["brotliCompress", "brotliDecompress"], ["gzip", "unzip"], ["deflate", "unzip"]]) {
      const packed = zlib[`${pack}Sync`](text);
      ok(packed.length < text.length / 4, pack);
      equal(zlib[`${unpack}Sync`](packed).toString(), text, unpack);
      equal((await promisify(zlib[unpack])(await promisify(zlib[pack])(text))).toString(), text, unpack);
    }
  },
};

export const the_platform_s_streams_agree = {
  async test() {
    const packed = await new Response(new Response(text).body.pipeThrough(new CompressionStream("gzip"))).arrayBuffer();
    equal(zlib.gunzipSync(packed).toString(), text);
    const stream = new Response(zlib.deflateSync(text)).body.pipeThrough(new DecompressionStream("deflate"));
    equal(await new Response(stream).text(), text);
  },
};

export const streams = {
  async test() {
    const out = [];
    await pipeline(Readable.from([text, text]), zlib.createGzip({ level: 1 }), zlib.createGunzip(), async function (source) {
      for await (const chunk of source) out.push(chunk);
    });
    equal(Buffer.concat(out).toString(), text + text);
  },
};

export const flushing_gives_what_there_is = {
  async test() {
    const packer = zlib.createGzip();
    const unpacker = zlib.createGunzip();
    packer.pipe(unpacker);
    packer.write("first");
    packer.flush();
    const chunk = await new Promise((resolve) => unpacker.once("data", resolve));
    equal(chunk.toString(), "first");
    packer.destroy();
  },
};

export const broken_data_is_an_error = {
  async test() {
    const packed = zlib.gzipSync(text);
    equal(throws(() => zlib.gunzipSync(packed.subarray(0, 20)), Error).code, "Z_BUF_ERROR");
    equal(throws(() => zlib.gunzipSync("nothing packed"), Error).code, "Z_DATA_ERROR");
    equal((await rejects(promisify(zlib.inflate)(packed), Error)).message, "incorrect header check");
    throws(() => zlib.brotliDecompressSync(Buffer.from([255, 255, 255])), Error);
    throws(() => zlib.gunzipSync(packed, { maxOutputLength: 10 }), RangeError);
  },
};

export const checksums = {
  test() {
    equal(zlib.crc32("hello"), 0x3610a686);
    equal(zlib.crc32("lo", zlib.crc32("hel")), 0x3610a686);
    equal(zlib.constants.Z_FINISH, 4);
  },
};

export const several_members = {
  test() {
    equal(zlib.gunzipSync(Buffer.concat([zlib.gzipSync("one, "), zlib.gzipSync("two")])).toString(), "one, two");
    const dictionary = Buffer.from("the quick brown fox");
    const packed = zlib.deflateSync("the quick brown fox jumps", { dictionary });
    equal(zlib.inflateSync(packed, { dictionary }).toString(), "the quick brown fox jumps");
  },
};
