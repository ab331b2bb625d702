// Digests: at once, of streams; comparing secrets.
import { encode, equal, hex, ok, rejects, same, streamOf, throws } from "../assert.js";

const ABC = {
  "MD5": "900150983cd24fb0d6963f7d28e17f72",
  "SHA-1": "a9993e364706816aba3e25717850c26c9cd0d89d",
  "SHA-256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  "SHA-384": "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
  "SHA-512": "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
};
const UNKNOWN = "Unrecognized or unimplemented digest algorithm requested.";

async function digestOf(algorithm, ...chunks) {
  const stream = new crypto.DigestStream(algorithm);
  const writer = stream.getWriter();
  for (const chunk of chunks) await writer.write(chunk);
  await writer.close();
  return hex(await stream.digest);
}

export const of_buffers = {
  async test() {
    for (const [name, digest] of Object.entries(ABC)) {
      equal(hex(await crypto.subtle.digest(name, encode("abc"))), digest, name);
      equal(hex(await crypto.subtle.digest({ name: name.toLowerCase() }, encode("abc").buffer)), digest, name);
    }
    equal(hex(await crypto.subtle.digest("MD5", new Uint8Array())), "d41d8cd98f00b204e9800998ecf8427e");
  },
};

export const of_large_buffers = {
  async test() {
    const data = new Uint8Array(2_500_000).map((_, i) => i);
    for (const name of Object.keys(ABC)) {
      equal(hex(await crypto.subtle.digest(name, data)), await digestOf(name, data.subarray(0, 1234), data.subarray(1234)), name);
    }
    const part = new Uint16Array(data.buffer, 2, 600_000);
    equal(hex(await crypto.subtle.digest("SHA-256", part)), await digestOf("SHA-256", data.subarray(2, 1_200_002)));
    // What is changed after the call is not in it.
    const bytes = encode("abc");
    const digest = crypto.subtle.digest("SHA-256", bytes);
    bytes.fill(0);
    equal(hex(await digest), ABC["SHA-256"]);
  },
};

export const of_streams = {
  async test() {
    for (const [name, digest] of Object.entries(ABC)) {
      equal(await digestOf(name, encode("abc")), digest, name);
      equal(await digestOf({ name }, encode("a"), "b", encode("c").buffer), digest, name);
    }
    equal(await digestOf("sha-256", new Uint16Array([0x6261]), "c"), ABC["SHA-256"]);
    equal(await digestOf("crc32", "abc"), "352441c2");
    equal(await digestOf("crc32c", "abc"), "364b3fb7");
    equal(await digestOf("crc64nvme", "abc"), "05e5cabb3fc1faeb");
  },
};

export const streams_are_piped_in = {
  async test() {
    const stream = new crypto.DigestStream("SHA-256");
    await new Response("abc").body.pipeTo(stream);
    equal(hex(await stream.digest), ABC["SHA-256"]);
    const other = new crypto.DigestStream("MD5");
    await streamOf(encode("a"), encode("bc")).pipeTo(other);
    equal(hex(await other.digest), ABC.MD5);
  },
};

export const what_a_digest_stream_is = {
  async test() {
    const stream = new crypto.DigestStream("SHA-1");
    ok(stream instanceof WritableStream);
    equal(Object.prototype.toString.call(stream), "[object DigestStream]");
    equal(stream.digest, stream.digest);
    equal(stream.bytesWritten, 0n);
    const writer = stream.getWriter();
    await writer.write(encode("abc"));
    equal(stream.bytesWritten, 3n);
    await writer.close();
    equal(stream.bytesWritten, 3n);
    equal(hex(await stream.digest), ABC["SHA-1"]);
  },
};

export const digest_streams_that_do_not_end_well = {
  async test() {
    const aborted = new crypto.DigestStream("SHA-1");
    await aborted.getWriter().abort(new RangeError("stop"));
    equal((await rejects(aborted.digest, RangeError)).message, "stop");
    const disposed = new crypto.DigestStream("SHA-1");
    disposed[Symbol.dispose]();
    equal((await rejects(disposed.digest, TypeError)).message, "The DigestStream was disposed.");
    const wrong = new crypto.DigestStream("SHA-1");
    equal(
      (await rejects(wrong.getWriter().write(5), TypeError)).message,
      "DigestStream is a byte stream but received an object of non-ArrayBuffer/ArrayBufferView/string type on its " +
        "writable side.",
    );
  },
};

export const unknown_algorithms = {
  async test() {
    equal(throws(() => new crypto.DigestStream("SHA-224"), "NotSupportedError").message, UNKNOWN);
    equal((await rejects(crypto.subtle.digest("nope", encode("abc")), "NotSupportedError")).message, UNKNOWN);
    equal(
      throws(() => new crypto.DigestStream(), TypeError).message,
      "Failed to construct 'DigestStream': constructor parameter 1 is not of type 'string or HashAlgorithm'.",
    );
  },
};

export const secrets_of_other_lengths_and_types = {
  test() {
    const { subtle } = crypto;
    equal(subtle.timingSafeEqual(new Uint16Array([1]), new Uint8Array([1, 0]).buffer), true);
    equal(
      throws(() => subtle.timingSafeEqual(encode("a"), encode("ab")), TypeError).message,
      "Input buffers must have the same byte length.",
    );
    equal(
      throws(() => subtle.timingSafeEqual("a", "a"), TypeError).message,
      "Failed to execute 'timingSafeEqual' on 'SubtleCrypto': parameter 1 is not of type 'BufferSource'.",
    );
    same([subtle.timingSafeEqual(encode(""), encode("")), subtle.timingSafeEqual(encode("a"), encode("b"))], [true, false]);
  },
};
