// Message channels.
import { equal, same, throws } from "../assert.js";

const next = (port) => new Promise((resolve) => (port.onmessage = resolve));

export const messages_cross = {
  async test() {
    const { port1, port2 } = new MessageChannel();
    const seen = [];
    port2.onmessage = (event) => seen.push([event.data, event.type, event.lastEventId]);
    port1.postMessage({ a: [1, new Map([[1, 2]])].length });
    port1.postMessage("x");
    while (seen.length < 2) await scheduler.wait(5);
    same(seen, [[{ a: 2 }, "message", ""], ["x", "message", ""]]);
    port1.close();
    port1.postMessage("lost");
    await scheduler.wait(5);
    equal(seen.length, 2);
  },
};

export const a_port_waits_for_its_listener = {
  async test() {
    const { port1, port2 } = new MessageChannel();
    port1.postMessage(1);
    await scheduler.wait(1);
    const event = next(port2);
    equal((await event).data, 1);
    port2.postMessage(2);
    equal((await next(port1)).data, 2);
    port1.close();
  },
};

export const what_cannot_be_sent = {
  test() {
    const { port1 } = new MessageChannel();
    throws(() => port1.postMessage(() => {}), "DataCloneError");
    throws(() => new MessagePort(), TypeError);
    port1.close();
  },
};
