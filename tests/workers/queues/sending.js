import { equal, ok, rejects, same } from "../assert.js";

/** What a call is refused with, as "TypeError: text". */
async function refusal(call) {
  const error = await rejects(async () => await call(), Error);
  return `${error.constructor.name}: ${error.message}`;
}

export const what_is_sent_is_told = {
  async test(_, { IDLE }) {
    same(Object.keys(await IDLE.send({ a: 1 })), ["metadata"]);
    const { metadata } = await IDLE.sendBatch([{ body: 1 }, { body: "two", contentType: "text" }]);
    ok(metadata.metrics.backlogCount >= 0 && metadata.metrics.backlogBytes >= 0);
    const metrics = await IDLE.metrics();
    ok(metrics.backlogCount >= 0 && metrics.backlogBytes >= 0);
    await IDLE.sendBatch(new Set([{ body: 1 }]));
  },
};

export const content_types_are_checked = {
  async test(_, { IDLE }) {
    equal(
      await refusal(() => IDLE.send(5, { contentType: "text" })),
      'TypeError: Content Type "text" requires a value of type string, but received: number',
    );
    equal(
      await refusal(() => IDLE.send("x", { contentType: "bytes" })),
      'TypeError: Content Type "bytes" requires a value of type ArrayBufferView, but received: string',
    );
    equal(
      await refusal(() => IDLE.send("x", { contentType: "xml" })),
      "TypeError: Unsupported queue message content type: xml",
    );
    equal(await refusal(() => IDLE.send(undefined)), "TypeError: Message body cannot be undefined");
    equal(await refusal(() => IDLE.sendBatch([{}])), "TypeError: Message body cannot be undefined");
    equal(
      await refusal(() => IDLE.send()),
      "TypeError: Failed to execute 'send' on 'WorkerQueue': parameter 1 is not of type 'Value'.",
    );
    equal(await refusal(() => IDLE.send(1n)), "TypeError: Do not know how to serialize a BigInt");
    equal((await rejects(IDLE.send(() => 1, { contentType: "v8" }))).name, "DataCloneError");
  },
};

export const sizes_are_checked = {
  async test(_, { IDLE }) {
    await IDLE.send("x".repeat(127998));
    equal(
      await refusal(() => IDLE.send("x".repeat(128001))),
      "Error: Queue send failed: message length of 128003 bytes exceeds limit of 128000",
    );
    equal(
      await refusal(() => IDLE.sendBatch(Array(101).fill({ body: 1 }))),
      "Error: Queue sendBatch failed: batch message count of 101 exceeds limit of 100",
    );
    equal(
      await refusal(() => IDLE.sendBatch(Array(3).fill({ body: "x".repeat(100000) }))),
      "Error: Queue sendBatch failed: batch size of 300006 bytes exceeds limit of 288000",
    );
    equal(await refusal(() => IDLE.sendBatch([])), "TypeError: sendBatch() requires at least one message");
    equal(
      await refusal(() => IDLE.sendBatch(5)),
      "TypeError: Failed to execute 'sendBatch' on 'WorkerQueue': parameter 1 is not of type 'Sequence'.",
    );
    equal(
      await refusal(() => IDLE.sendBatch([5])),
      "TypeError: Incorrect type: the provided value is not of type 'MessageSendRequest'.",
    );
  },
};

export const delays_have_a_range = {
  async test(_, { IDLE }) {
    await IDLE.send("x", { delaySeconds: 0 });
    await IDLE.send("x", { delaySeconds: 43200 });
    ok((await refusal(() => IDLE.send("x", { delaySeconds: -1 }))).startsWith("Error: Queue send failed: "));
    ok((await refusal(() => IDLE.sendBatch([{ body: 1 }], { delaySeconds: -1 }))).startsWith("Error: Queue sendBatch failed: "));
  },
};

export const a_queue_has_a_class = {
  async test(_, { IDLE }) {
    equal(Object.prototype.toString.call(IDLE), "[object WorkerQueue]");
    const names = Object.getOwnPropertyNames(Object.getPrototypeOf(IDLE));
    for (const name of ["send", "sendBatch", "metrics"]) ok(names.includes(name));
  },
};
