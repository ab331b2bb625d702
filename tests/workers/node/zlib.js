import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import zlib from "node:zlib";
import { equal, ok, rejects, throws } from "../assert.js";

const text = "to be or not to be, that is the question. ".repeat(50);

export const what_is_packed_comes_out_again = {
  async test() {
    for (const [pack, unpack] of [["gzip", "gunzip"], ["deflate", "inflate"], ["deflateRaw", "inflateRaw"], ["brotliCompress", "brotliDecompress"], ["gzip", "unzip"], ["deflate", "unzip"], ["zstdCompress", "zstdDecompress"]]) {
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

export const zstandard_has_parameters = {
  test() {
    const { ZSTD_c_checksumFlag, ZSTD_c_compressionLevel, ZSTD_c_strategy, ZSTD_c_windowLog, ZSTD_d_windowLogMax } = zlib.constants;
    const sizes = [-5, 1, 19].map((level) => zlib.zstdCompressSync(text, { params: { [ZSTD_c_compressionLevel]: level } }).length);
    ok(sizes[0] > sizes[2], String(sizes));
    equal(zlib.zstdCompressSync("hello").toString("hex"), "28b52ffd200529000068656c6c6f");
    equal(zlib.zstdCompressSync("hello", { params: { [ZSTD_c_checksumFlag]: 1 } }).toString("hex"), "28b52ffd240529000068656c6c6fa36d9f88");
    const packed = zlib.zstdCompressSync(text, { params: { [ZSTD_c_strategy]: zlib.constants.ZSTD_btultra2, [ZSTD_c_windowLog]: 31 } });
    equal(zlib.zstdDecompressSync(packed, { params: { [ZSTD_d_windowLogMax]: 31 } }).toString(), text);
    for (const params of [{ 1: 1 }, { [ZSTD_c_windowLog]: 5 }, { 999: 1 }]) throws(() => zlib.zstdCompressSync(text, { params }), Error);
    throws(() => zlib.zstdDecompressSync(packed, { params: { [ZSTD_d_windowLogMax]: 5 } }), Error);
  },
};

export const zstandard_streams = {
  async test() {
    const packer = zlib.createZstdCompress();
    const unpacker = zlib.createZstdDecompress();
    packer.pipe(unpacker);
    packer.write("first");
    packer.flush();
    const chunk = await new Promise((resolve) => unpacker.once("data", resolve));
    equal(chunk.toString(), "first");
    packer.destroy();
    const out = [];
    await pipeline(Readable.from([text, text]), zlib.createZstdCompress(), zlib.createZstdDecompress(), async function (source) {
      for await (const chunk of source) out.push(chunk);
    });
    equal(Buffer.concat(out).toString(), text + text);
  },
};

export const broken_zstandard_is_an_error = {
  async test() {
    const packed = zlib.zstdCompressSync(text);
    equal(throws(() => zlib.zstdDecompressSync(packed.subarray(0, 20)), Error).message, "unexpected end of file");
    equal((await rejects(promisify(zlib.zstdDecompress)(packed.subarray(0, 3)), Error)).message, "unexpected end of file");
    ok(throws(() => zlib.zstdDecompressSync("nothing packed"), Error).message.endsWith("Unknown frame descriptor"));
    ok(throws(() => zlib.zstdDecompressSync(Buffer.from("28b52ffd00a0010000", "hex")), Error).message.endsWith("Frame requires too much memory for decoding"));
    throws(() => zlib.zstdDecompressSync(packed, { maxOutputLength: 10 }), RangeError);
    const packer = zlib.createZstdCompress({ pledgedSrcSize: 10 });
    const failed = new Promise((resolve) => packer.once("error", resolve));
    packer.resume();
    packer.write("hello");
    packer.end();
    ok((await failed).message.endsWith("Src size is incorrect"));
  },
};

export const errors_of_zstandard_have_codes = {
  test() {
    const error = throws(() => zlib.zstdDecompressSync("nothing packed"), Error);
    equal(error.message, "Unknown frame descriptor");
    equal(error.code, "ZSTD_error_prefix_unknown");
    equal(error.errno, zlib.constants.ZSTD_error_prefix_unknown);
    const wrong = throws(() => zlib.zstdCompressSync(text, { params: { [zlib.constants.ZSTD_c_windowLog]: 5 } }), Error);
    equal(wrong.code, "ERR_ZLIB_INITIALIZATION_FAILED");
    equal(wrong.message, "Setting parameter failed");
  },
};

export const zstandard_has_dictionaries = {
  test() {
    const dictionary = Buffer.from("the quick brown fox");
    const packed = zlib.zstdCompressSync("the quick brown fox jumps", { dictionary });
    ok(packed.length < 30, String(packed.length));
    equal(zlib.zstdDecompressSync(packed, { dictionary }).toString(), "the quick brown fox jumps");
    throws(() => zlib.zstdDecompressSync(packed), Error);
  },
};

export const strategies_and_memory_levels_act = {
  test() {
    const size = (options) => zlib.deflateSync(text, options).length;
    const { Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE } = zlib.constants;
    ok(size({ strategy: Z_HUFFMAN_ONLY }) > 5 * size({}), "no matches are looked for");
    ok(size({ strategy: Z_RLE }) > 5 * size({}), "only runs are looked for");
    for (const options of [{ memLevel: 1 }, { memLevel: 9 }, { strategy: Z_FIXED }, { strategy: Z_HUFFMAN_ONLY, memLevel: 3 }]) {
      equal(zlib.inflateSync(zlib.deflateSync(text, options)).toString(), text);
      equal(zlib.gunzipSync(zlib.gzipSync(text, options)).toString(), text);
    }
    // What is gathered before a block ends shows in how many blocks there are.
    const noise = Buffer.alloc(100_000, (Math.sqrt(2) * 1e15).toString(36));
    for (let index = 0; index < noise.length; index += 3) noise[index] = (index * 7919) >> 5;
    ok(zlib.deflateSync(noise, { memLevel: 1 }).length !== zlib.deflateSync(noise, { memLevel: 9 }).length);
  },
};

export const params_change_the_strategy = {
  async test() {
    const { Z_DEFAULT_STRATEGY, Z_HUFFMAN_ONLY, Z_RLE } = zlib.constants;
    for (const [make, unpack] of [[zlib.createDeflate, zlib.inflateSync], [zlib.createGzip, zlib.gunzipSync], [zlib.createDeflateRaw, zlib.inflateRawSync]]) {
      const packer = make({ strategy: Z_RLE });
      const out = [];
      packer.on("data", (chunk) => out.push(chunk));
      const sizes = [];
      const write = (strategy) => new Promise((resolve, reject) => {
        const before = Buffer.concat(out).length;
        packer.params(6, strategy, (error) => {
          if (error) return reject(error);
          packer.write(text, () => packer.flush(() => resolve(sizes.push(Buffer.concat(out).length - before))));
        });
      });
      await write(Z_RLE);
      await write(Z_DEFAULT_STRATEGY);
      await write(Z_HUFFMAN_ONLY);
      packer.end();
      await new Promise((resolve) => packer.on("end", resolve));
      ok(sizes[0] > 5 * sizes[1] && sizes[2] > 5 * sizes[1], sizes.join());
      equal(unpack(Buffer.concat(out)).toString(), text + text + text);
    }
  },
};
