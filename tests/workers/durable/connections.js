// `connect()` of stubs, and the `connect()` method that it calls.
import { DurableObject } from "cloudflare:workers";
import { encode, equal, rejects, same, throws } from "../assert.js";

const NOT_CONNECTED = "proxy request failed, cannot connect to the specified address";

async function textOf({ readable }) {
  let text = "";
  for await (const chunk of readable.pipeThrough(new TextDecoderStream())) text += chunk;
  return text;
}

async function send(socket, text) {
  const writer = socket.writable.getWriter();
  await writer.write(encode(text));
  await writer.close();
}

/** What the method gets decides what it does. */
export class Subject extends DurableObject {
  async connect(socket) {
    const { localAddress, remoteAddress } = await socket.opened;
    const [what] = localAddress.split(":");
    if (what === "throws") throw new Error("thrown in the object");
    if (what === "aborts") this.ctx.abort("aborted by itself");
    const question = await textOf(socket);
    if (what === "counts") {
      const count = (await this.ctx.storage.get("count") ?? 0) + 1;
      this.ctx.storage.put("count", count);
      await send(socket, `${count}`);
      return;
    }
    if (what === "blocks") {
      await this.ctx.blockConcurrencyWhile(() => scheduler.wait(1));
    }
    await send(socket, `${localAddress} ${remoteAddress} ${question} ${this.ctx.id.name}`);
  }

  count() {
    return this.ctx.storage.get("count");
  }
}

export class Other extends DurableObject {
  fetch() {}
}

let number = 0;

async function ask(stub, address, question) {
  const socket = stub.connect(address);
  const sent = send(socket, question);
  const answer = await textOf(socket);
  await sent;
  equal(await socket.closed, undefined);
  return answer;
}

export const an_object_takes_connections = {
  async test(ctrl, env) {
    const stub = env.OBJECTS.getByName("of connections");
    const socket = stub.connect("object:5432");
    equal((await socket.opened).remoteAddress, "object:5432");
    same([socket.constructor.name, socket.secureTransport, socket.upgraded], ["Socket", "off", false]);
    await socket.close();
    equal(await ask(stub, "object:5432", "hello"), "object:5432 undefined hello of connections");
    equal(await ask(stub, "blocks:1", "hello"), "blocks:1 undefined hello of connections");
  },
};

export const many_connections_at_once_are_one_object = {
  async test(ctrl, env) {
    const stub = env.OBJECTS.getByName(`counts ${number++}`);
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(stub, "counts:1", "")));
    same(answers.map(Number).sort((a, b) => a - b), Array.from({ length: 20 }, (_, i) => i + 1));
    equal(await stub.count(), 20);
  },
};

export const what_the_method_throws_ends_the_connection = {
  async test(ctrl, env) {
    const socket = env.OBJECTS.getByName("throws").connect("throws:1");
    equal((await socket.opened).remoteAddress, "throws:1");
    equal(await textOf(socket), "");
    equal(await socket.closed, undefined);
  },
};

export const without_the_method_nothing_opens = {
  async test(ctrl, env) {
    const socket = env.OTHERS.getByName("x").connect("x:1");
    equal((await rejects(socket.opened, "Error")).message, NOT_CONNECTED);
    equal((await rejects(socket.closed, "Error")).message, NOT_CONNECTED);
  },
};

export const an_object_that_resets_itself_loses_its_connections = {
  async test(ctrl, env) {
    const stub = env.OBJECTS.getByName("aborts");
    const socket = stub.connect("aborts:1");
    await socket.opened;
    await rejects(textOf(socket), "Error");
    equal(await ask(env.OBJECTS.getByName("aborts"), "again:1", "x"), "again:1 undefined x aborts");
  },
};

export const arguments_are_checked = {
  test(ctrl, env) {
    const stub = env.OBJECTS.getByName("x");
    const problem = (...args) => throws(() => stub.connect(...args), TypeError).message;
    equal(problem(), "Failed to execute 'connect' on 'Fetcher': parameter 1 is not of type 'SocketAddress or string'.");
    equal(problem("host"), "Specified address is missing port.");
  },
};
