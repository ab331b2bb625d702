import { equal, ok, same } from "../assert.js";

/** All deliveries: the queue, and its messages. */
const deliveries = [];

export function queue(batch) {
  const messages = batch.messages.map(({ id, body, attempts, timestamp }) => ({ id, body, attempts, timestamp }));
  deliveries.push({ queue: batch.queue, messages, metadata: batch.metadata });
  if (batch.queue !== "jobs") return;
  let thrown = false;
  for (const message of batch.messages) {
    const { act } = message.body ?? {};
    if (act === "retry") message.retry();
    if (act === "late" && message.attempts < 2) message.retry({ delaySeconds: 1 });
    if (act === "ack") message.ack();
    if (act === "throw" && message.attempts < 2) thrown = true;
    if (act === "retryAll" && message.attempts < 2) batch.retryAll();
  }
  if (thrown) throw new Error("this batch fails");
}

/** All deliveries of messages for which `is` holds, once there are so many. */
async function delivered(count, is) {
  for (let i = 0; i < 600; i++) {
    const found = deliveries.flatMap(({ queue, messages }) =>
      messages.filter(({ body }) => is(body)).map((message) => ({ queue, ...message }))
    );
    if (found.length >= count) return found;
    await scheduler.wait(50);
  }
  throw new Error(`these were delivered: ${JSON.stringify(deliveries)}`);
}

const of = (mark) => (body) => body?.mark === mark;

export const bodies_come_as_they_were_sent = {
  async test(_, { Q }) {
    await Q.send({ mark: "json", list: [1, null, "\u00e9"] });
    await Q.send("text \u{1f600}", { contentType: "text" });
    await Q.send(new Uint8Array([1, 2, 255]).subarray(1), { contentType: "bytes" });
    await Q.send(new Map([["mark", "v8"], ["date", new Date(5)]]), { contentType: "v8" });
    const [json] = await delivered(1, of("json"));
    same(json.body, { mark: "json", list: [1, null, "\u00e9"] });
    await delivered(1, (body) => body === "text \u{1f600}");
    const [{ body }] = await delivered(1, (body) => body instanceof ArrayBuffer);
    same([...new Uint8Array(body)], [2, 255]);
    const [v8] = await delivered(1, (body) => body instanceof Map);
    equal(v8.body.get("date").getTime(), 5);
  },
};

export const messages_have_an_id_a_time_and_attempts = {
  async test(_, { Q }) {
    const before = Date.now();
    await Q.send({ mark: "facts" });
    const [message] = await delivered(1, of("facts"));
    ok(/^[0-9a-f]{32}$/.test(message.id), message.id);
    ok(message.timestamp instanceof Date && message.timestamp.getTime() >= before - 1000);
    equal(message.attempts, 1);
    equal(message.queue, "jobs");
    ok(deliveries.every(({ metadata }) => typeof metadata.metrics.backlogCount === "number"));
  },
};

export const a_batch_is_as_large_as_it_may_be = {
  async test(_, { Q }) {
    const numbers = Array.from({ length: 12 }, (_, n) => n);
    await Q.sendBatch(numbers.map((n) => ({ body: { mark: "many", n } })));
    const found = await delivered(12, of("many"));
    same(found.map(({ body }) => body.n).sort((a, b) => a - b), numbers);
    ok(deliveries.every(({ messages, queue }) => queue !== "jobs" || messages.length <= 5));
  },
};

export const what_is_retried_comes_again_and_dies_at_last = {
  async test(_, { Q }) {
    await Q.send({ mark: "retry", act: "retry" });
    const found = await delivered(4, of("retry"));
    same(found.map(({ queue, attempts }) => [queue, attempts]), [["jobs", 1], ["jobs", 2], ["jobs", 3], ["dead", 1]]);
    ok(found.every(({ id }) => id === found[0].id), "it keeps its id");
  },
};

export const a_retry_may_wait = {
  async test(_, { Q }) {
    const begin = Date.now();
    await Q.send({ mark: "late", act: "late" });
    await delivered(2, of("late"));
    ok(Date.now() - begin >= 900);
  },
};

export const a_message_may_wait = {
  async test(_, { Q }) {
    const begin = Date.now();
    await Q.send({ mark: "delayed" }, { delaySeconds: 2 });
    await delivered(1, of("delayed"));
    ok(Date.now() - begin >= 1900);
  },
};

export const a_batch_that_fails_comes_again = {
  async test(_, { Q }) {
    await Q.send({ mark: "throw", act: "throw" });
    const found = await delivered(2, of("throw"));
    same(found.map(({ attempts }) => attempts), [1, 2]);
  },
};

export const a_batch_can_be_asked_for_again = {
  async test(_, { Q }) {
    await Q.send({ mark: "all", act: "retryAll" });
    const found = await delivered(2, of("all"));
    same(found.map(({ attempts }) => attempts), [1, 2]);
  },
};

export const what_was_acknowledged_does_not_come_again_when_the_batch_fails = {
  async test(_, { Q }) {
    await Q.sendBatch([{ body: { mark: "acked", act: "ack" } }, { body: { mark: "failed", act: "throw" } }]);
    await delivered(2, of("failed"));
    await scheduler.wait(1500);
    equal((await delivered(1, of("acked"))).length, 1);
  },
};
