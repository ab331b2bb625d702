import { equal, same } from "../assert.js";

async function refusal(call) {
  try {
    await call();
  } catch (error) {
    return `${error.constructor.name}: ${error.message}`;
  }
  return "none";
}

export const ranges_are_parts_of_a_body = {
  async test(_, { BUCKET }) {
    await BUCKET.put("r", "hello");
    const get = async (range) => {
      const got = await BUCKET.get("r", { range });
      equal(got.size, 5);
      return [await got.text(), got.range.offset, got.range.length];
    };
    same(await get({ offset: 1 }), ["ello", 1, 4]);
    same(await get({ offset: 1, length: 2 }), ["el", 1, 2]);
    same(await get({ length: 2 }), ["he", 0, 2]);
    same(await get({ suffix: 2 }), ["lo", 3, 2]);
    same(await get({ suffix: 100 }), ["hello", 0, 5]);
    same(await get({ length: 100 }), ["hello", 0, 5]);
    same(await get({}), ["hello", 0, 5]);
    same(await get(null), ["hello", 0, 5]);
    same(await get({ offset: "1" }), ["ello", 1, 4]);
    for (const range of [{ suffix: 0 }, { offset: 10 }, { offset: 5 }, { length: 0 }, { offset: 2 ** 53 }]) {
      equal(await refusal(() => get(range)), "Error: get: The requested range is not satisfiable (10039)");
    }
  },
};

export const ranges_are_checked = {
  async test(_, { BUCKET }) {
    await BUCKET.put("r", "hello");
    for (const [range, text] of [
      [{ offset: -1 }, "RangeError: Invalid range. Starting offset (-1) must be greater than or equal to 0."],
      [{ offset: 1.5 }, "RangeError: Invalid range. Starting offset (1.5) must be an integer, not floating point."],
      [{ offset: NaN }, "RangeError: Invalid range. Starting offset (nan) must be greater than or equal to 0."],
      [{ length: -1 }, "RangeError: Invalid range. Length (-1) must be greater than or equal to 0."],
      [{ suffix: -1 }, "RangeError: Invalid suffix. Suffix (-1) must be greater than or equal to 0."],
      [{ offset: 1, suffix: 2 }, "TypeError: Suffix is incompatible with offset."],
      ["bytes=0-1", "TypeError: Incorrect type for the 'range' field on 'GetOptions': the provided value is not " +
        "of type 'Range or Headers'."],
    ]) {
      equal(await refusal(() => BUCKET.get("r", { range })), text);
    }
  },
};

export const a_range_header_is_obeyed_where_it_can_be = {
  async test(_, { BUCKET }) {
    await BUCKET.put("r", "hello");
    for (const [range, text] of [
      ["bytes=0-1", "he"],
      ["bytes=1-", "ello"],
      ["bytes=-2", "lo"],
      ["bytes=0-100", "hello"],
      ["bytes=9-", "hello"],
      ["bytes=0-1,3-4", "hello"],
      ["nonsense", "hello"],
      ["bytes=-0", "hello"],
    ]) {
      equal(await (await BUCKET.get("r", { range: new Headers({ range }) })).text(), text, range);
    }
    equal(await (await BUCKET.get("r", { range: new Headers() })).text(), "hello");
  },
};

export const conditions_decide_whether_there_is_a_body = {
  async test(_, { BUCKET }) {
    const { etag } = await BUCKET.put("c", "hello");
    const has = async (onlyIf) => "body" in await BUCKET.get("c", { onlyIf });
    equal(await has({ etagMatches: etag }), true);
    equal(await has({ etagMatches: "x" }), false);
    equal(await has({ etagMatches: "*" }), true);
    equal(await has({ etagDoesNotMatch: etag }), false);
    equal(await has({ etagDoesNotMatch: "x" }), true);
    equal(await has({ etagDoesNotMatch: "*" }), false);
    equal(await has({ uploadedBefore: new Date(0) }), false);
    equal(await has({ uploadedBefore: new Date(4e12) }), true);
    equal(await has({ uploadedAfter: new Date(0) }), true);
    equal(await has({ uploadedAfter: new Date(4e12) }), false);
    equal(await has({ uploadedAfter: 5 }), true);
    equal(await has({ etagMatches: etag, uploadedBefore: new Date(0) }), true);
    equal(await has({}), true);
    equal(await BUCKET.get("none", { onlyIf: { etagMatches: "x" } }), null);
    const refused = await BUCKET.get("c", { onlyIf: { etagMatches: "x" } });
    equal(refused.constructor.name, "HeadResult");
    equal(refused.etag, etag);
  },
};

export const headers_are_conditions = {
  async test(_, { BUCKET }) {
    const { etag } = await BUCKET.put("c", "hello");
    const has = async (headers) => "body" in await BUCKET.get("c", { onlyIf: new Headers(headers) });
    equal(await has({ "if-match": `"${etag}"` }), true);
    equal(await has({ "if-match": '"x"' }), false);
    equal(await has({ "if-match": `"x", "${etag}"` }), true);
    equal(await has({ "if-none-match": `"${etag}"` }), false);
    equal(await has({ "if-none-match": `W/"${etag}", "b"` }), false);
    equal(await has({ "if-none-match": "*" }), false);
    equal(await has({ "if-modified-since": "Thu, 01 Jan 1970 00:00:00 GMT" }), true);
    equal(await has({ "if-modified-since": "garbage" }), true);
    equal(await has({ "if-unmodified-since": "Thu, 01 Jan 1970 00:00:00 GMT" }), false);
    equal(await refusal(() => has({ "if-match": etag })), "Error: Invalid ETag in if-match header");
  },
};

export const conditions_are_checked = {
  async test(_, { BUCKET }) {
    const { etag } = await BUCKET.put("c", "hello");
    const get = (onlyIf) => refusal(() => BUCKET.get("c", { onlyIf }));
    equal(
      await get({ etagMatches: `"${etag}"` }),
      `TypeError: Conditional ETag should not be wrapped in quotes ("${etag}").`,
    );
    equal(
      await get({ etagMatches: [etag] }),
      "TypeError: Incorrect type for the 'etagMatches' field on 'Conditional': the provided value is not of type " +
        "'string'.",
    );
    equal(
      await get(5),
      "TypeError: Incorrect type for the 'onlyIf' field on 'GetOptions': the provided value is not of type " +
        "'Conditional or Headers'.",
    );
    equal(
      await get({ uploadedBefore: new Date(NaN) }),
      "TypeError: The value cannot be converted because it is not a valid Date.",
    );
  },
};

export const a_put_can_have_conditions = {
  async test(_, { BUCKET }) {
    await BUCKET.delete("once");
    ok_object(await BUCKET.put("once", "first", { onlyIf: { etagDoesNotMatch: "*" } }));
    equal(await BUCKET.put("once", "second", { onlyIf: { etagDoesNotMatch: "*" } }), null);
    equal(await BUCKET.put("once", "second", { onlyIf: { etagMatches: "zzz" } }), null);
    equal(await BUCKET.put("never", "x", { onlyIf: { etagMatches: "*" } }), null);
    equal(await (await BUCKET.get("once")).text(), "first");
    equal(await BUCKET.head("never"), null);
    const { etag } = await BUCKET.head("once");
    ok_object(await BUCKET.put("once", "third", { onlyIf: { etagMatches: etag } }));
    equal(await (await BUCKET.get("once")).text(), "third");
  },
};

function ok_object(object) {
  equal(object?.constructor.name, "HeadResult");
}
