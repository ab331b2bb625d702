// compatibility-date: 2025-07-01
// Before 2025-08-01 listeners are called on the global object.
import { equal } from "../assert.js";

export const functionsAreCalledOnTheGlobalObject = {
  test() {
    const target = new EventTarget();
    let receiver;
    target.addEventListener("x", function () {
      receiver = this;
    });
    target.dispatchEvent(new Event("x"));
    equal(receiver, globalThis);
  },
};

export const objectsKeepTheirs = {
  test() {
    const target = new EventTarget();
    let receiver;
    const listener = {
      handleEvent() {
        receiver = this;
      },
    };
    target.addEventListener("x", listener);
    target.dispatchEvent(new Event("x"));
    equal(receiver, listener);
  },
};

export const socketsDoTheSame = {
  async test() {
    const [one, other] = Object.values(new WebSocketPair());
    one.accept();
    other.accept();
    const receiver = await new Promise((resolve) => {
      one.addEventListener("message", function () {
        resolve([this]);
      });
      other.send("x");
    });
    equal(receiver[0], globalThis);
    one.close();
    other.close();
  },
};
