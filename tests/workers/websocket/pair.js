import { equal, ok, same, throws } from "../assert.js";

const next = (socket, kind = "message") => new Promise((resolve) => {
  socket.addEventListener(kind, resolve, { once: true });
});

function open() {
  const [left, right] = Object.values(new WebSocketPair());
  left.accept();
  right.accept();
  return [left, right];
}

export const a_pair_has_two_sockets = {
  test() {
    const pair = new WebSocketPair();
    same(Object.keys(pair), ["0", "1"]);
    ok(pair[0] instanceof WebSocket && pair[1] instanceof WebSocket);
  },
};

export const text_and_bytes_go_across = {
  async test() {
    const [left, right] = open();
    const first = next(right);
    left.send("hello");
    equal((await first).data, "hello");
    const second = next(left);
    right.send(new Uint8Array([1, 2, 3]).subarray(1));
    const { data } = await second;
    equal(data.byteLength ?? data.size, 2);
    left.close(1000, "done");
    right.close(1000, "done");
  },
};

export const what_was_sent_before_accept_arrives = {
  async test() {
    const [left, right] = Object.values(new WebSocketPair());
    left.accept();
    left.send("early");
    const message = next(right);
    right.accept();
    equal((await message).data, "early");
    left.close();
    right.close();
  },
};

export const closing_tells_the_other_end = {
  async test() {
    const [left, right] = open();
    const closed = next(right, "close");
    left.close(4000, "why");
    const event = await closed;
    same([event.code, event.reason, event.wasClean], [4000, "why", true]);
    right.close(4000, "why");
  },
};

export const sockets_must_be_accepted_first = {
  test() {
    const [left, right] = Object.values(new WebSocketPair());
    right.accept();
    throws(() => left.send("x"), TypeError);
    throws(() => left.close(), TypeError);
    left.accept();
    throws(() => left.close(1), Error);
    throws(() => left.close(1005), Error);
    left.close(1000);
    throws(() => left.send("x"), Error);
    right.close(1000);
  },
};

/** What an end gets when the other one sends two bytes. */
function received(left, right) {
  return new Promise((resolve) => {
    right.addEventListener("message", (event) => resolve(event.data), { once: true });
    left.send(new Uint8Array([104, 105]));
  });
}

export const bytes_come_as_a_blob_or_a_buffer = {
  async test() {
    const [left, right] = Object.values(new WebSocketPair());
    left.accept();
    right.accept();
    equal(right.binaryType, "blob");
    const blob = await received(left, right);
    ok(blob instanceof Blob);
    equal(await blob.text(), "hi");
    right.binaryType = "arraybuffer";
    ok(await received(left, right) instanceof ArrayBuffer);
    right.binaryType = "other";
    equal(right.binaryType, "arraybuffer");
    left.close(1000);
    right.close(1000);
  },
};

export const a_worker_may_answer_a_close_itself = {
  async test() {
    const [left, right] = Object.values(new WebSocketPair());
    left.accept();
    right.accept({ allowHalfOpen: true });
    const closed = next(right, "close");
    left.close(4000, "x");
    await closed;
    same([left.readyState, right.readyState], [2, 2]);
    const late = next(left);
    right.send("late");
    equal((await late).data, "late");
    const answer = next(left, "close");
    right.close(4001, "y");
    const { code, reason, wasClean } = await answer;
    same([code, reason, wasClean, left.readyState, right.readyState], [4001, "y", true, 3, 3]);
  },
};

export const a_close_is_answered_for_a_worker = {
  async test() {
    for (const options of [undefined, {}, { allowHalfOpen: false }]) {
      const [left, right] = Object.values(new WebSocketPair());
      left.accept();
      right.accept(options);
      const [closed, answer] = [next(right, "close"), next(left, "close")];
      left.close(4000, "x");
      equal((await closed).code, 4000);
      equal(right.readyState, 3);
      equal((await answer).reason, "x");
      throws(() => right.send("late"), TypeError);
    }
  },
};
