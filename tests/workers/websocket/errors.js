// What is refused, with the exceptions' types and texts.
import { equal } from "../assert.js";

/** What `run` throws with an open socket, or one that was not accepted. */
function withSocket(run, accepted = true) {
  const [left, right] = Object.values(new WebSocketPair());
  left.accept();
  if (accepted) right.accept();
  const text = thrown(() => run(right));
  // workerd does not end a test with open sockets.
  if (!accepted) right.accept();
  left.close(1000);
  right.close(1000);
  return text;
}

function thrown(run) {
  try {
    run();
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
  return "nothing";
}

export const codesOfClose = {
  test() {
    const bad = (code) => `InvalidAccessError: Invalid WebSocket close code: ${code}.`;
    for (const code of [999, 1004, 1005, 1006, 1015, 5000, -1, 0]) {
      equal(withSocket((socket) => socket.close(code)), bad(code));
    }
    for (const code of ["a", null, NaN]) equal(withSocket((socket) => socket.close(code)), bad(0));
    for (const code of [1000, 1001, 2999, 3000, 4999, "1000", 3000.7]) {
      equal(withSocket((socket) => socket.close(code)), "nothing");
    }
    equal(
      withSocket((socket) => socket.close(1e10)),
      "TypeError: Value out of range. Must be between -2147483648 and 2147483647 (inclusive).",
    );
  },
};

export const reasonsOfClose = {
  test() {
    equal(
      withSocket((socket) => socket.close(1000, "x".repeat(124))),
      "SyntaxError: WebSocket close reason must not be longer than 123 bytes when UTF-8 encoded.",
    );
    equal(
      withSocket((socket) => socket.close(undefined, "why")),
      "InvalidAccessError: If you specify a WebSocket close reason, you must also specify a code.",
    );
    equal(withSocket((socket) => socket.close(1000, "x".repeat(123))), "nothing");
  },
};

export const beforeAccept = {
  test() {
    const expected =
      "TypeError: You must call one of accept() or state.acceptWebSocket() on this WebSocket before sending messages.";
    equal(withSocket((socket) => socket.send("x"), false), expected);
    equal(withSocket((socket) => socket.close(), false), expected);
  },
};

export const constructor = {
  test() {
    for (const [args, text] of [
      [["http://x/"], "The url scheme must be ws or wss."],
      [["foo"], "The url is invalid."],
      [["wss://x/#a"], "The url fragment must be empty."],
      [["ws://x/", "a b"], "The protocol header token is invalid."],
      [["ws://x/", ["a", "a"]], "The protocols header cannot have repeating values."],
    ]) {
      equal(thrown(() => new WebSocket(...args)), `SyntaxError: WebSocket Constructor: ${text}`);
    }
    equal(
      thrown(() => new WebSocket()),
      "TypeError: Failed to construct 'WebSocket': constructor parameter 1 is not of type 'string'.",
    );
  },
};
