import { equal, same } from "../assert.js";

export const they_run_in_order = {
  async test() {
    const seen = [];
    queueMicrotask(() => {
      seen.push(1);
      queueMicrotask(() => seen.push(3));
    });
    Promise.resolve().then(() => seen.push(2));
    await null;
    await null;
    await null;
    same(seen, [1, 2, 3]);
  },
};

export const self_is_the_global_object = {
  test() {
    equal(self, globalThis);
    equal(typeof window, "undefined");
  },
};

export const channels_carry_messages = {
  async test() {
    const { port1, port2 } = new MessageChannel();
    const message = new Promise((resolve) => { port2.onmessage = (event) => resolve(event.data); });
    port1.postMessage({ a: [1] });
    same(await message, { a: [1] });
    port1.close();
  },
};
