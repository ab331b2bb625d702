// `connect()` of bindings, and the `connect()` handlers that it calls. (Connections of
// clients are in tests/it/connections.)
import { WorkerEntrypoint } from "cloudflare:workers";
import { encode, equal, rejects, same, throws } from "../assert.js";

const NOT_CONNECTED = "proxy request failed, cannot connect to the specified address";

/** What handlers saw, by the address that was connected to. */
const seen = new Map();

async function textOf({ readable }) {
  let text = "";
  for await (const chunk of readable.pipeThrough(new TextDecoderStream())) text += chunk;
  return text;
}

/** Sends all of a text, and ends the direction. Nobody need wait for it. */
async function send(socket, text) {
  const writer = socket.writable.getWriter();
  await writer.write(encode(text));
  await writer.close();
}

export class Echo extends WorkerEntrypoint {
  async connect(socket) {
    const { localAddress, remoteAddress } = await socket.opened;
    seen.set(localAddress, [socket.constructor.name, remoteAddress, socket.secureTransport, socket.upgraded, this.ctx.props]);
    await socket.readable.pipeTo(socket.writable);
  }
}

export class Answer extends WorkerEntrypoint {
  async connect(socket) {
    const question = await textOf(socket);
    await send(socket, `you said ${question}`);
  }
}

export class Throws extends WorkerEntrypoint {
  async connect(socket) {
    if ((await socket.opened).localAddress === "late:1") {
      await socket.writable.getWriter().write(encode("one"));
    }
    throw new TypeError("thrown by the handler");
  }
}

export class NoHandler extends WorkerEntrypoint {
  fetch() {}
}

export class Returns extends WorkerEntrypoint {
  async connect(socket) {
    await socket.writable.getWriter().write(encode("bye"));
    this.ctx.waitUntil(scheduler.wait(5));
  }
}

export class Closes extends WorkerEntrypoint {
  async connect(socket) {
    await socket.writable.getWriter().write(encode("bye"));
    await socket.close();
    seen.set("closed", await socket.closed);
    seen.set("after", await socket.writable.abort().catch((error) => error));
  }
}

export class StartsTls extends WorkerEntrypoint {
  async connect(socket) {
    seen.set("tls", throws(() => socket.startTls(), TypeError).message);
    await socket.close();
  }
}

export class Many extends WorkerEntrypoint {
  async connect(socket) {
    const writer = socket.writable.getWriter();
    for (let i = 0; i < 256; i++) await writer.write(new Uint8Array(16384).fill(i));
    await writer.close();
  }
}

export class Counts extends WorkerEntrypoint {
  async connect(socket) {
    let bytes = 0;
    for await (const chunk of socket.readable) bytes += chunk.byteLength;
    await send(socket, `${bytes}`);
  }
}

export const object = {
  async connect(socket, env, ctx) {
    seen.set("object", [typeof env, ctx.constructor.name]);
    await socket.readable.pipeTo(socket.writable);
  },
};

export const sockets_know_both_ends = {
  async test(ctrl, env, ctx) {
    const socket = ctx.exports.Echo({ props: { of: "the caller" } }).connect("example.com:1234");
    const info = await socket.opened;
    equal(info.remoteAddress, "example.com:1234");
    equal(info.localAddress, undefined);
    same([socket.constructor.name, socket.secureTransport, socket.upgraded], ["Socket", "off", false]);
    const sent = send(socket, "hello");
    equal(await textOf(socket), "hello");
    await sent;
    equal(await socket.closed, undefined);
    same(seen.get("example.com:1234"), ["Socket", undefined, "off", false, { of: "the caller" }]);
  },
};

export const addresses_are_objects_too = {
  async test(ctrl, env, ctx) {
    const socket = ctx.exports.Echo.connect({ hostname: "10.0.0.1", port: 25 });
    equal((await socket.opened).remoteAddress, "10.0.0.1:25");
    await socket.close();
    equal(await socket.closed, undefined);
  },
};

export const handlers_are_objects_too = {
  async test(ctrl, env, ctx) {
    const socket = ctx.exports.object.connect("x:1");
    const sent = send(socket, "hello");
    equal(await textOf(socket), "hello");
    await sent;
    same(seen.get("object"), ["object", "ExecutionContext"]);
  },
};

export const one_direction_ends_before_the_other = {
  async test(ctrl, env, ctx) {
    for (const allowHalfOpen of [false, true]) {
      const socket = ctx.exports.Answer.connect("x:1", { allowHalfOpen });
      await send(socket, "yes");
      equal(await textOf(socket), "you said yes");
    }
  },
};

export const what_a_handler_throws_ends_the_connection = {
  async test(ctrl, env, ctx) {
    const early = ctx.exports.Throws.connect("early:1");
    equal((await early.opened).remoteAddress, "early:1");
    equal(await textOf(early), "");
    equal(await early.closed, undefined);
    const late = ctx.exports.Throws.connect("late:1");
    equal(await textOf(late), "one");
    equal(await late.closed, undefined);
  },
};

export const without_a_handler_nothing_opens = {
  async test(ctrl, env, ctx) {
    const socket = ctx.exports.NoHandler.connect("x:1");
    equal((await rejects(socket.opened, "Error")).message, NOT_CONNECTED);
    equal((await rejects(socket.closed, "Error")).message, NOT_CONNECTED);
  },
};

export const a_connection_ends_with_its_handler = {
  async test(ctrl, env, ctx) {
    for (const entrypoint of [ctx.exports.Returns, ctx.exports.Closes]) {
      const socket = entrypoint.connect("x:1");
      equal(await textOf(socket), "bye");
      equal(await socket.closed, undefined);
      const writer = socket.writable.getWriter();
      equal((await rejects(writer.write(encode("x")), "TypeError")).message, "This WritableStream has been closed.");
    }
    equal(seen.get("closed"), undefined);
  },
};

export const much_goes_either_way = {
  async test(ctrl, env, ctx) {
    const down = ctx.exports.Many.connect("x:1");
    let bytes = 0;
    let sum = 0;
    for await (const chunk of down.readable) {
      bytes += chunk.byteLength;
      sum += chunk[0];
    }
    equal(bytes, 256 * 16384);
    equal(sum > 0, true);
    const up = ctx.exports.Counts.connect("x:1");
    const writer = up.writable.getWriter();
    for (let i = 0; i < 256; i++) await writer.write(new Uint8Array(16384));
    await writer.close();
    equal(await textOf(up), `${256 * 16384}`);
  },
};

export const who_does_not_read_holds_the_writer_up = {
  async test(ctrl, env, ctx) {
    const writer = ctx.exports.Hold.connect("x:1").writable.getWriter();
    let sent = 0;
    const chunk = new Uint8Array(65536);
    for (;;) {
      const full = await Promise.race([writer.write(chunk).then(() => false), scheduler.wait(300).then(() => true)]);
      if (full) break;
      sent += chunk.byteLength;
    }
    equal(sent <= 4 * 65536, true);
    seen.set("released", true);
  },
};

/** Takes a connection and does not read. */
export class Hold extends WorkerEntrypoint {
  async connect() {
    while (!seen.has("released")) await scheduler.wait(20);
  }
}

export const there_is_no_tls = {
  async test(ctrl, env, ctx) {
    const { Echo, StartsTls } = ctx.exports;
    equal(
      throws(() => Echo.connect("x:443", { secureTransport: "on" }), Error).message,
      "Incoming CONNECT with TLS not supported",
    );
    const plain = Echo.connect("x:443", { secureTransport: "starttls" });
    await plain.opened;
    const encrypted = plain.startTls();
    const text = "startTls() is not supported on this connection.";
    equal((await rejects(encrypted.opened, "Error")).message, text);
    equal((await rejects(encrypted.closed, "Error")).message, text);
    const callee = StartsTls.connect("x:1");
    equal(await textOf(callee), "");
    equal(seen.get("tls"), "The `secureTransport` socket option must be set to 'starttls' for startTls to be used.");
  },
};

export const what_is_no_address_is_refused = {
  test(ctrl, env, ctx) {
    const problem = (...args) => throws(() => ctx.exports.Echo.connect(...args), TypeError).message;
    equal(problem(), "Failed to execute 'connect' on 'Fetcher': parameter 1 is not of type 'SocketAddress or string'.");
    equal(problem("host"), "Specified address is missing port.");
    equal(problem(5), "Specified address is missing port.");
    equal(problem("host:99999"), "Specified address could not be parsed.");
    equal(problem("*:1"), "Specified address is empty string, contains unsupported characters or is too long.");
    equal(problem({ hostname: "host" }), "The value cannot be converted because it is not an integer.");
    equal(problem("x:1", 5), "Failed to execute 'connect' on 'Fetcher': parameter 2 is not of type 'SocketOptions'.");
    equal(problem("x:1", { secureTransport: "maybe" }), "Unsupported value in secureTransport socket option: maybe");
  },
};
