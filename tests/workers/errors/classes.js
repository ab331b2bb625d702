// Classes of the platform that a Worker extends, or makes objects of in other ways.
import { equal, ok, throwsTexts } from "../assert.js";

const MADE = {
  AbortController: [],
  Blob: [["a"]],
  ByteLengthQueuingStrategy: [{ highWaterMark: 1 }],
  CloseEvent: ["x", { code: 1001 }],
  CompressionStream: ["gzip"],
  CustomEvent: ["x", { detail: 5 }],
  DOMException: ["text", "AbortError"],
  ErrorEvent: ["error", { message: "m" }],
  Event: ["x"],
  EventTarget: [],
  File: [["a"], "name"],
  FixedLengthStream: [5],
  FormData: [],
  Headers: [{ a: "b" }],
  HTMLRewriter: [],
  IdentityTransformStream: [],
  MessageEvent: ["x", { data: 5 }],
  ReadableStream: [{ pull() {} }],
  Request: ["http://x.test/"],
  Response: ["body"],
  TextDecoder: [],
  TextDecoderStream: [],
  TextEncoder: [],
  TransformStream: [{}],
  URL: ["http://x.test/"],
  URLPattern: [{ pathname: "/x" }],
  URLSearchParams: ["a=b"],
  WritableStream: [{}],
};

export const classes_can_be_extended = {
  test() {
    for (const [name, given] of Object.entries(MADE)) {
      const Parent = globalThis[name];
      class Child extends Parent {
        field = 1;

        constructor(...args) {
          super(...args);
          this.other = 2;
        }

        get sum() {
          return this.field + this.other;
        }
      }
      class Grandchild extends Child {}
      for (const Class of [Child, Grandchild]) {
        const object = new Class(...given);
        equal(object.sum, 3, name);
        ok(object instanceof Class && object instanceof Parent, name);
        equal(Object.getPrototypeOf(object), Class.prototype, name);
        equal(object.constructor, Class, name);
      }
      const plain = new Parent(...given);
      equal(Object.getPrototypeOf(plain), Parent.prototype, name);
      equal(plain.constructor, Parent, name);
      equal(Parent.prototype.constructor, Parent, name);
    }
  },
};

export const objects_of_such_classes_work = {
  async test() {
    const response = new (class extends Response {})("body", { status: 201, headers: { a: "b" } });
    equal([response.status, response.headers.get("a"), await response.text()].join(), "201,b,body");
    const headers = new (class extends Headers {})({ a: "b" });
    headers.append("a", "c");
    equal(headers.get("a"), "b, c");
    equal(new (class extends URL {})("/x", "http://y.test").href, "http://y.test/x");
    const target = new (class extends EventTarget {})();
    let heard = null;
    target.addEventListener("x", (event) => heard = event.detail);
    target.dispatchEvent(new (class extends CustomEvent {})("x", { detail: 5 }));
    equal(heard, 5);
    const upper = new (class extends TransformStream {
      constructor() {
        super({ transform: (chunk, controller) => controller.enqueue(chunk.toUpperCase()) });
      }
    })();
    const writer = upper.writable.getWriter();
    writer.write("a");
    writer.close();
    equal((await upper.readable.getReader().read()).value, "A");
    equal(await new (class extends Request {})("http://x.test/", { method: "POST", body: "b" }).text(), "b");
  },
};

export const static_members_are_inherited = {
  async test() {
    class Child extends Response {}
    equal(await Child.json({ a: 1 }).text(), '{"a":1}');
    ok((class extends URL {}).canParse("http://x.test/"));
    ok((class extends AbortSignal {}).abort().aborted);
  },
};

export const objects_may_be_made_while_one_is_made = {
  test() {
    class Child extends CustomEvent {}
    const inner = [];
    const init = {
      get bubbles() {
        inner.push(new CustomEvent("inner", { detail: 1 }), new Child("inner", { detail: 2 }), new Event("inner"));
        return true;
      },
      detail: 3,
    };
    const outer = new Child("outer", init);
    equal(outer.type, "outer");
    equal(outer.detail, 3);
    ok(outer instanceof Child && outer.bubbles);
    equal(inner.map((event) => `${event.type} ${event.detail}`).join(), "inner 1,inner 2,inner undefined");
    ok(inner[1] instanceof Child && !(inner[0] instanceof Child));
    // One that fails leaves nothing behind.
    try {
      new Child("x", { get detail() { throw new Error("stop"); } });
    } catch {
      // It was to.
    }
    equal(new CustomEvent("next", { detail: 4 }).detail, 4);
  },
};

export const another_target_gives_the_prototype = {
  test() {
    function Other() {}
    const made = Reflect.construct(Headers, [{ a: "b" }], Other);
    equal(Object.getPrototypeOf(made), Other.prototype);
    equal(Headers.prototype.get.call(made, "a"), "b");
  },
};

export const functions_of_the_scope_want_no_other_receiver = {
  async test() {
    equal(self.atob("eA=="), "x");
    equal(globalThis.btoa.call(undefined, "x"), "eA==");
    const illegal = "TypeError: Illegal invocation: function called with incorrect `this` reference. See " +
      "https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details.";
    await throwsTexts({
      atob: [() => ({ atob }).atob("eA=="), illegal],
      fetch: [() => ({ fetch }).fetch("http://x.test/"), illegal],
      queueMicrotask: [() => ({ queueMicrotask }).queueMicrotask(() => {}), illegal],
      structuredClone: [() => ({ structuredClone }).structuredClone(1), illegal],
    });
  },
};
