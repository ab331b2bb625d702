import { equal, ok, same } from "../assert.js";

async function refusal(call) {
  try {
    await call();
  } catch (error) {
    return `${error.constructor.name}: ${error.message}`;
  }
  return "none";
}

const MIB = 1024 * 1024;
const part = (size, byte) => new Uint8Array(size).fill(byte);

export const parts_become_an_object = {
  async test(_, { BUCKET }) {
    const upload = await BUCKET.createMultipartUpload("parts", {
      httpMetadata: { contentType: "x/y" },
      customMetadata: { a: "b" },
    });
    equal(upload.constructor.name, "R2MultipartUpload");
    same(Object.keys(upload), ["uploadId", "key"]);
    equal(upload.key, "parts");
    const second = await upload.uploadPart(2, "tail");
    const first = await upload.uploadPart(1, part(5 * MIB, 7));
    same(Object.keys(first), ["partNumber", "etag"]);
    equal(first.partNumber, 1);
    equal(await BUCKET.head("parts"), null);
    const object = await upload.complete([first, second]);
    equal(object.constructor.name, "HeadResult");
    equal(object.size, 5 * MIB + 4);
    ok(/^[0-9a-f]{32}-2$/.test(object.etag), object.etag);
    same(object.checksums.toJSON(), {});
    const head = await BUCKET.head("parts");
    same([head.httpMetadata, head.customMetadata], [{ contentType: "x/y" }, { a: "b" }]);
    const across = await BUCKET.get("parts", { range: { offset: 5 * MIB - 2, length: 4 } });
    same([...await across.bytes()], [7, 7, 116, 97]);
    const whole = await (await BUCKET.get("parts")).bytes();
    equal(whole.length, 5 * MIB + 4);
    await BUCKET.delete("parts");
    equal(await BUCKET.head("parts"), null);
  },
};

export const an_upload_can_be_resumed = {
  async test(_, { BUCKET, SAME }) {
    const { uploadId } = await BUCKET.createMultipartUpload("resumed");
    const upload = SAME.resumeMultipartUpload("resumed", uploadId);
    same([upload.key, upload.uploadId], ["resumed", uploadId]);
    await upload.uploadPart(1, "first");
    const again = await upload.uploadPart(1, "second");
    await upload.complete([again]);
    equal(await (await BUCKET.get("resumed")).text(), "second");
  },
};

export const an_upload_that_is_over_takes_nothing_more = {
  async test(_, { BUCKET }) {
    const gone = (method) => `Error: ${method}: The specified multipart upload does not exist. (10024)`;
    const upload = await BUCKET.createMultipartUpload("over");
    const made = await upload.uploadPart(1, "x");
    await upload.complete([made]);
    equal(await refusal(() => upload.uploadPart(2, "x")), gone("uploadPart"));
    equal(await refusal(() => upload.complete([made])), gone("completeMultipartUpload"));
    equal(await upload.abort(), undefined);
    equal(await (await BUCKET.get("over")).text(), "x");
    const aborted = await BUCKET.createMultipartUpload("aborted");
    const lost = await aborted.uploadPart(1, "x");
    equal(await aborted.abort(), undefined);
    equal(await aborted.abort(), undefined);
    equal(await refusal(() => aborted.complete([lost])), gone("completeMultipartUpload"));
    equal(await refusal(() => BUCKET.resumeMultipartUpload("over", "nope").uploadPart(1, "x")), gone("uploadPart"));
    equal(await BUCKET.head("aborted"), null);
  },
};

export const parts_must_fit = {
  async test(_, { BUCKET }) {
    const upload = await BUCKET.createMultipartUpload("fit");
    const small = [await upload.uploadPart(1, "small"), await upload.uploadPart(2, "small")];
    const complete = (parts) => refusal(() => upload.complete(parts));
    equal(
      await complete(small),
      "Error: completeMultipartUpload: Your proposed upload is smaller than the minimum allowed object size. (10011)",
    );
    const missing = "Error: completeMultipartUpload: One or more of the specified parts could not be found. (10025)";
    equal(await complete([{ partNumber: 1, etag: "x" }]), missing);
    equal(await complete([{ partNumber: 9, etag: small[0].etag }]), missing);
    const uneven = [
      await upload.uploadPart(3, part(5 * MIB, 1)),
      await upload.uploadPart(4, part(6 * MIB, 1)),
      await upload.uploadPart(5, "x"),
    ];
    const problem = "Error: completeMultipartUpload: There was a problem with the multipart upload. (10048)";
    equal(await complete(uneven), problem);
    equal(await complete(uneven.slice(0, 2)), problem);
    equal(await complete([uneven[0], uneven[2]]), "none");
    equal((await BUCKET.head("fit")).size, 5 * MIB + 1);
  },
};

export const arguments_are_checked = {
  async test(_, { BUCKET }) {
    const upload = await BUCKET.createMultipartUpload("checked");
    const number = (given) =>
      `TypeError: Part number must be between 1 and 10000 (inclusive). Actual value was: ${given}`;
    const text = (method, position, type) =>
      `TypeError: Failed to execute '${method}' on 'R2MultipartUpload': parameter ${position} is not of type '${type}'.`;
    const body = "JsReadableStream or ArrayBuffer or ArrayBufferView or string or Blob";
    equal(await refusal(() => upload.uploadPart(0, "x")), number(0));
    equal(await refusal(() => upload.uploadPart(10001, "x")), number(10001));
    equal(await refusal(() => upload.uploadPart()), text("uploadPart", 1, "integer"));
    equal(await refusal(() => upload.uploadPart(1)), text("uploadPart", 2, body));
    equal(await refusal(() => upload.uploadPart(1, null)), text("uploadPart", 2, body));
    equal(await refusal(() => upload.uploadPart(1, "x", 5)), text("uploadPart", 3, "UploadPartOptions"));
    equal(await refusal(() => upload.complete()), text("complete", 1, "Array"));
    equal(
      await refusal(() => upload.complete([5])),
      "TypeError: Incorrect type for array element 0: the provided value is not of type 'UploadedPart'.",
    );
    equal(await refusal(() => upload.complete([{}])), number(0));
    await upload.abort();
  },
};
