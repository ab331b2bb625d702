// Events of a stream. (Connections are in tests/it/event_source.rs.)
import { encode, equal, same, streamOf, throws } from "../assert.js";

/** All that a source of these pieces tells. */
async function told(...pieces) {
  const source = EventSource.from(streamOf(...pieces.map((it) => (typeof it === "string" ? encode(it) : it))));
  const events = [];
  source.onmessage = (event) => events.push(["message", event.data, event.lastEventId]);
  source.addEventListener("named", (event) => events.push(["named", event.data, event.lastEventId]));
  await new Promise((resolve) => (source.onerror = resolve));
  equal(source.readyState, EventSource.CLOSED);
  return events;
}

export const events = {
  async test() {
    const events = await told(
      "data: a\n\n",
      "data: b\ndata: c\nid: 5\n\n",
      "event: named\ndata: d\n\n",
      ":comment\n",
      "nothing: known\n\n",
      "id: 6\ndata:x\n\n",
      "data: never",
    );
    same(events, [
      ["message", "a", ""],
      ["message", "b\nc", "5"],
      ["named", "d", "5"],
      ["message", "x", "6"],
    ]);
  },
};

export const an_event_may_be_empty = {
  async test() {
    same(await told("data\n\ndata\ndata\n\ndata:"), [["message", "", ""], ["message", "\n", ""]]);
  },
};

export const ids_have_no_nul = {
  async test() {
    same(await told("id: 5\ndata: a\n\nid: a\0b\ndata: b\n\nid\ndata: c\n\n"), [
      ["message", "a", "5"],
      ["message", "b", "5"],
      ["message", "c", ""],
    ]);
  },
};

export const ends_of_lines = {
  async test() {
    same(await told("\ufeffdata: a\r", "\n\r\ndata: b\r\rdata:  c\n\n"), [
      ["message", "a", ""],
      ["message", "b", ""],
      ["message", " c", ""],
    ]);
  },
};

export const characters_in_pieces = {
  async test() {
    const bytes = encode("data: \u65e5\u672c\n\n");
    same(await told(bytes.slice(0, 7), bytes.slice(7, 10), bytes.slice(10)), [["message", "\u65e5\u672c", ""]]);
  },
};

export const what_a_source_is = {
  async test() {
    same([EventSource.CONNECTING, EventSource.OPEN, EventSource.CLOSED], [0, 1, 2]);
    const source = EventSource.from(streamOf(encode("data: x\n\n")));
    same([source.url, source.withCredentials, Object.prototype.toString.call(source)], ["", false, "[object EventSource]"]);
    const events = [];
    source.onmessage = (event) => {
      events.push(event.data);
      source.close();
    };
    await scheduler.wait(5);
    same(events, ["x"]);
    equal(source.readyState, EventSource.CLOSED);
  },
};

export const a_stream_that_fails = {
  async test() {
    const source = EventSource.from(new ReadableStream({ start: (controller) => controller.error(new RangeError("gone")) }));
    const event = await new Promise((resolve) => (source.onerror = resolve));
    same([event.constructor.name, event.type, source.readyState], ["ErrorEvent", "error", 2]);
  },
};

export const bad_arguments = {
  test() {
    throws(() => new EventSource(), TypeError);
    throws(() => EventSource.from(1), TypeError);
    equal(throws(() => new EventSource("nope"), "SyntaxError").message, "Cannot open an EventSource to 'nope'. The URL is invalid.");
    equal(
      throws(() => new EventSource("http://localhost/", { withCredentials: true }), "NotSupportedError").message,
      "The init.withCredentials option is not supported. It must be false or undefined.",
    );
    const locked = streamOf();
    locked.getReader();
    equal(throws(() => EventSource.from(locked), TypeError).message, "This ReadableStream is locked.");
  },
};
