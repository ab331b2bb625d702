import { equal } from "../assert.js";

async function refusal(call) {
  try {
    await call();
  } catch (error) {
    return `${error.constructor.name}: ${error.message}`;
  }
  return "none";
}

export const keys_are_checked = {
  async test(_, { BUCKET }) {
    const long = "x".repeat(1025);
    const text = (method) => `Error: ${method}: The specified object name is not valid. (10020)`;
    equal(await refusal(() => BUCKET.put(long, "x")), text("put"));
    equal(await refusal(() => BUCKET.get(long)), text("get"));
    equal(await refusal(() => BUCKET.head(long)), text("head"));
    equal(await refusal(() => BUCKET.delete(long)), text("delete"));
    equal(await refusal(() => BUCKET.createMultipartUpload(long)), text("createMultipartUpload"));
    await BUCKET.put("x".repeat(1024), "x");
    equal(await refusal(() => BUCKET.get(Symbol("x"))), "TypeError: Cannot convert a Symbol value to a string");
  },
};

export const missing_arguments_are_named = {
  async test(_, { BUCKET }) {
    const text = (method, position, type) =>
      `TypeError: Failed to execute '${method}' on 'R2Bucket': parameter ${position} is not of type '${type}'.`;
    const body = "JsReadableStream or ArrayBuffer or ArrayBufferView or string or Blob";
    equal(await refusal(() => BUCKET.get()), text("get", 1, "string"));
    equal(await refusal(() => BUCKET.head()), text("head", 1, "string"));
    equal(await refusal(() => BUCKET.put()), text("put", 1, "string"));
    equal(await refusal(() => BUCKET.put("a")), text("put", 2, body));
    equal(await refusal(() => BUCKET.put("a", 5)), text("put", 2, body));
    equal(await refusal(() => BUCKET.put("a", {})), text("put", 2, body));
    equal(await refusal(() => BUCKET.put("a", "x", 5)), text("put", 3, "PutOptions"));
    equal(await refusal(() => BUCKET.get("a", 5)), text("get", 2, "GetOptions"));
    equal(await refusal(() => BUCKET.delete()), text("delete", 1, "string or Array"));
    equal(await refusal(() => BUCKET.createMultipartUpload()), text("createMultipartUpload", 1, "string"));
    equal(await refusal(() => BUCKET.createMultipartUpload("k", 5)),
      text("createMultipartUpload", 2, "MultipartOptions"));
    equal(await refusal(() => BUCKET.resumeMultipartUpload()), text("resumeMultipartUpload", 1, "string"));
    equal(await refusal(() => BUCKET.resumeMultipartUpload("a")), text("resumeMultipartUpload", 2, "string"));
  },
};

export const other_receivers_are_refused = {
  async test(_, { BUCKET }) {
    equal(
      await refusal(() => BUCKET.get.call({}, "a")),
      "TypeError: Illegal invocation: function called with incorrect `this` reference. See " +
        "https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details.",
    );
  },
};

export const metadata_is_checked = {
  async test(_, { BUCKET }) {
    const put = (options) => refusal(() => BUCKET.put("meta", "x", options));
    const large = "Error: put: Your metadata headers exceed the maximum allowed metadata size. (10012)";
    equal(await put({ customMetadata: { a: "x".repeat(2048) } }), large);
    equal(await put({ customMetadata: { a: "\u20ac".repeat(1024) } }), large);
    equal(await put({ customMetadata: { a: "x".repeat(2047) } }), "none");
    equal(
      await put({ httpMetadata: 5 }),
      "TypeError: Incorrect type for the 'httpMetadata' field on 'PutOptions': the provided value is not of type " +
        "'HttpMetadata or Headers'.",
    );
    equal(
      await put({ httpMetadata: { cacheExpiry: "x" } }),
      "TypeError: Incorrect type for the 'cacheExpiry' field on 'HttpMetadata': the provided value is not of type " +
        "'date'.",
    );
    const { message } = await BUCKET.get("meta").then((got) => {
      try {
        return got.writeHttpMetadata();
      } catch (error) {
        return error;
      }
    });
    equal(message, "Failed to execute 'writeHttpMetadata' on 'HeadResult': parameter 1 is not of type 'Headers'.");
  },
};

export const wrong_checksums_refuse_the_put = {
  async test(_, { BUCKET }) {
    await BUCKET.put("sum", "before");
    const put = (options) => refusal(() => BUCKET.put("sum", "x", options));
    for (const [field, name, bytes, actual] of [
      ["md5", "MD5", 16, "9dd4e461268c8034f5c8564e155c67a6"],
      ["sha1", "SHA-1", 20, "11f6ad8ec52a2984abaafd7c3b516503785c2072"],
      ["sha256", "SHA-256", 32, "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"],
    ]) {
      equal(
        await put({ [field]: new Uint8Array(bytes) }),
        `Error: put: The ${name} checksum you specified did not match what we received.\n` +
          `You provided a ${name} checksum with value: ${"00".repeat(bytes)}\nActual ${name} was: ${actual} (10037)`,
      );
      equal(await put({ [field]: new Uint8Array(3) }), field === "md5"
        ? "TypeError: MD5 is 16 bytes, not 3"
        : `TypeError: ${name} is ${bytes} bytes, not 3`);
      equal(await put({ [field]: "abcd" }), `TypeError: ${name} is ${2 * bytes} hex characters, not 4`);
      equal(await put({ [field]: "z".repeat(2 * bytes) }), `TypeError: Provided ${name} wasn't a valid hex string`);
      equal(
        await put({ [field]: 5 }),
        `TypeError: Incorrect type for the '${field}' field on 'PutOptions': the provided value is not of type ` +
          "'BufferSource or string'.",
      );
    }
    equal(
      await put({ md5: new Uint8Array(16), sha1: new Uint8Array(20) }),
      "TypeError: You cannot specify multiple hashing algorithms.",
    );
    equal(await (await BUCKET.get("sum")).text(), "before");
  },
};

export const a_broken_stream_leaves_the_object_as_it_was = {
  async test(_, { BUCKET }) {
    await BUCKET.put("broken", "before");
    const fixed = new FixedLengthStream(10);
    const writer = fixed.writable.getWriter();
    writer.write(new Uint8Array(3)).catch(() => {});
    writer.abort(new Error("mine")).catch(() => {});
    const told = await refusal(() => BUCKET.put("broken", fixed.readable));
    equal(told !== "none", true);
    equal(await (await BUCKET.get("broken")).text(), "before");
  },
};
