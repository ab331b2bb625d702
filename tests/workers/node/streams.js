import { Duplex, PassThrough, pipeline as pipe, Readable, Transform, Writable, finished } from "node:stream";
import { buffer, json, text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import * as web from "node:stream/web";
import { equal, ok, same } from "../assert.js";

const upper = () => new Transform({ transform: (chunk, _, done) => done(null, chunk.toString().toUpperCase()) });

export const a_pipeline_ends = {
  async test() {
    const out = [];
    const sink = new Writable({ write(chunk, _, done) {
      out.push(chunk.toString());
      done();
    } });
    await pipeline(Readable.from(["a", "b"]), upper(), new PassThrough(), sink);
    equal(out.join(""), "AB");
  },
};

export const an_error_destroys_all_of_a_pipeline = {
  async test() {
    const source = new Readable({ read() {} });
    source.push("x");
    const broken = new Transform({ transform: (_, __, done) => done(new Error("broken")) });
    const error = await pipeline(source, broken, new PassThrough()).catch((error) => error);
    equal(error.message, "broken");
    ok(source.destroyed && broken.destroyed);
  },
};

export const back_pressure = {
  async test() {
    const slow = new Writable({ highWaterMark: 2, write: (_, __, done) => setTimeout(done, 1) });
    equal(slow.write("a"), true);
    equal(slow.write("b"), false);
    await new Promise((resolve) => slow.once("drain", resolve));
    slow.end();
    await new Promise((resolve, reject) => finished(slow, (error) => error ? reject(error) : resolve()));
  },
};

export const consumers = {
  async test() {
    equal(await text(Readable.from(["a", "b"])), "ab");
    same(await json(Readable.from(["{\"a\":", "1}"])), { a: 1 });
    ok((await buffer(Readable.from([Buffer.from("x")]))) instanceof Buffer);
  },
};

export const operators = {
  async test() {
    const doubled = await Readable.from([1, 2, 3, 4]).filter((x) => x % 2 === 0).map(async (x) => x * 2).toArray();
    equal(doubled.join(), "4,8");
    equal(await Readable.from([1, 2, 3]).reduce((sum, x) => sum + x, 0), 6);
  },
};

export const streams_of_the_web_and_back = {
  async test() {
    ok(web.ReadableStream === ReadableStream);
    const readable = Readable.fromWeb(new Response("hello").body);
    equal(await text(readable), "hello");
    const stream = Readable.toWeb(Readable.from([Buffer.from("a"), Buffer.from("b")]));
    equal(await new Response(stream).text(), "ab");
    const { readable: out, writable } = new TransformStream();
    const sink = Writable.fromWeb(writable);
    sink.end("written");
    equal(await text(Readable.fromWeb(out)), "written");
  },
};

export const a_duplex_has_two_sides = {
  async test() {
    const duplex = Duplex.from(async function* (source) {
      for await (const chunk of source) yield String(chunk).toUpperCase();
    });
    duplex.end("abc");
    equal(await text(duplex), "ABC");
    await new Promise((resolve, reject) =>
      pipe(Readable.from(["x"]), upper(), async function (source) {
        for await (const chunk of source) equal(chunk.toString(), "X");
      }, (error) => error ? reject(error) : resolve()));
  },
};
