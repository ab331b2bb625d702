// compatibility-date: 2024-03-20
// Before 2024-04-01 objects with a `then` that are no promises are nothing to wait for.
import { equal, same } from "../assert.js";

const rejecting = { then: (_resolve, reject) => reject(new Error("then")) };

export const sinksAreDone = {
  async test() {
    const writer = new WritableStream({ write: () => rejecting, close: () => rejecting }).getWriter();
    equal(await writer.write("a"), undefined);
    equal(await writer.close(), undefined);
  },
};

export const sourcesHaveStarted = {
  async test() {
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue("a");
        return rejecting;
      },
    });
    equal((await stream.getReader().read()).value, "a");
  },
};

export const transformsAreDone = {
  async test() {
    const { readable, writable } = new TransformStream({
      transform(chunk, controller) {
        controller.enqueue(chunk);
        return rejecting;
      },
    });
    const writing = writable.getWriter().write("a");
    equal((await readable.getReader().read()).value, "a");
    equal(await writing, undefined);
  },
};

export const rewritersGoOn = {
  async test() {
    const response = new HTMLRewriter().on("a", {
      element: (element) => ({
        then(resolve) {
          element.setInnerContent("late");
          resolve();
        },
      }),
    }).transform(new Response("<a>x</a>"));
    equal(await response.text(), "<a>x</a>");
  },
};

export const contextsDoNotWait = {
  async test(_controller, _env, ctx) {
    const calls = [];
    ctx.waitUntil({
      then(resolve) {
        calls.push("then");
        resolve();
      },
    });
    await scheduler.wait(2);
    same(calls, []);
  },
};

export const promisesAreWaitedFor = {
  async test() {
    const writer = new WritableStream({ write: () => Promise.reject(new Error("promise")) }).getWriter();
    equal(await writer.write("a").catch((error) => error.message), "promise");
  },
};
