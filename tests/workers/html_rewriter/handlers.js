// Which handlers are called when, and what becomes of their failures.
import { equal, ok, rejects, same, throws } from "../assert.js";

const rewrite = (html, selector, handlers) => new HTMLRewriter().on(selector, handlers).transform(new Response(html)).text();
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export const selectors = {
  async test() {
    const good = ["*", "p", "#a", ".b", "p.b#a", "[a]", "p[a=b]", "p[a=b i]", "p[a~=b]", "p[a|=b]", "p[a^=b]", "p[a$=b]",
      "p[a*=b]", "p, q", "a b > c", "p:not(.x)", ":not(:not(p))", "p:nth-child(2)", "p:first-child", "p:nth-of-type(2n+1)"];
    for (const selector of good) new HTMLRewriter().on(selector, {});
    const bad = {
      "": "The selector is empty.",
      "p:": "Unexpected end of selector.",
      "p >": "Dangling combinator in selector.",
      "p ~ q": "Unsupported combinator `~` in selector.",
      "p + q": "Unsupported combinator `+` in selector.",
      "a|b": "Selectors with explicit namespaces are not supported.",
      "p::before": "Unsupported pseudo-class or pseudo-element in selector.",
      ":hover": "Unsupported pseudo-class or pseudo-element in selector.",
      "p:has(a)": "Unsupported pseudo-class or pseudo-element in selector.",
      "p..": "Invalid or unescaped class name in selector.",
      "p.1": "Unexpected token in selector.",
    };
    for (const [selector, message] of Object.entries(bad)) {
      equal(throws(() => new HTMLRewriter().on(selector, {}), TypeError).message, `Parser error: ${message}`, selector);
    }
  },
};

export const selectors_match = {
  async test() {
    const html = "<div id=a class='b c'><p lang=en-US>1</p><p>2</p><span><p>3</p></span></div>";
    const found = async (selector) => {
      let count = 0;
      await rewrite(html, selector, { element: () => void count++ });
      return count;
    };
    const expected = {
      "p": 3, "div > p": 2, "div p": 3, "#a": 1, ".b.c": 1, "[lang|=en]": 1, "p:not([lang])": 2, "p:nth-child(2)": 1,
      "p:first-child": 2, "span, p": 4, "*": 5, "P": 3, "q": 0,
    };
    for (const [selector, count] of Object.entries(expected)) equal(await found(selector), count, selector);
  },
};

export const handlers_of_wrong_types = {
  test() {
    const problem = (act) => throws(act, TypeError).message;
    const wrong = (method, index, type) =>
      `Failed to execute '${method}' on 'HTMLRewriter': parameter ${index} is not of type '${type}'.`;
    const rewriter = new HTMLRewriter();
    equal(problem(() => rewriter.on()), wrong("on", 1, "string"));
    equal(problem(() => rewriter.on("p")), wrong("on", 2, "ElementContentHandlers"));
    equal(problem(() => rewriter.on("p", 1)), wrong("on", 2, "ElementContentHandlers"));
    equal(problem(() => rewriter.onDocument()), wrong("onDocument", 1, "DocumentContentHandlers"));
    equal(problem(() => rewriter.onDocument(1)), wrong("onDocument", 1, "DocumentContentHandlers"));
    equal(problem(() => rewriter.transform()), wrong("transform", 1, "Response"));
    equal(problem(() => rewriter.transform("x")), wrong("transform", 1, "Response"));
    const field = (name, type) =>
      `Incorrect type for the '${name}' field on '${type}': the provided value is not of type 'function'.`;
    equal(problem(() => rewriter.on("p", { element: 1 })), field("element", "ElementContentHandlers"));
    equal(problem(() => rewriter.on("p", { text: null })), field("text", "ElementContentHandlers"));
    equal(problem(() => rewriter.onDocument({ end: "x" })), field("end", "DocumentContentHandlers"));
    equal(rewriter.on("p", { element: undefined }), rewriter);
    equal(rewriter.on("p", null), rewriter);
    throws(() => HTMLRewriter(), TypeError);
  },
};

export const handlers_are_methods_of_their_object = {
  async test() {
    class Counter {
      #count = 0;
      element(it) {
        it.after(String(++this.#count));
      }
    }
    equal(await rewrite("<p></p><p></p>", "p", new Counter()), "<p></p>1<p></p>2");
    const seen = [];
    const handlers = {
      get element() {
        seen.push("get");
        return () => void seen.push("call");
      },
    };
    const rewriter = new HTMLRewriter().on("p", handlers);
    seen.push("on");
    await rewriter.transform(new Response("<p></p><p></p>")).text();
    same(seen, ["get", "on", "call", "call"]);
  },
};

export const promises_are_waited_for = {
  async test() {
    const order = [];
    const html = await rewrite("<p>1</p><p>2</p>", "p", {
      async element(it) {
        order.push("begin");
        await wait(1);
        it.setAttribute("late", "");
        it.onEndTag(async (tag) => {
          await wait(1);
          tag.before("!");
        });
        order.push("end");
      },
      async text(it) {
        await null;
        if (it.text) order.push(it.text);
      },
    });
    equal(html, "<p late=\"\">1!</p><p late=\"\">2!</p>");
    same(order, ["begin", "end", "1", "begin", "end", "2"]);
  },
};

export const thenables_are_waited_for = {
  async test() {
    const element = (it) => ({
      then(resolve) {
        setTimeout(() => {
          it.after("!");
          resolve();
        }, 1);
      },
    });
    equal(await rewrite("<p></p>", "p", { element }), "<p></p>!");
    equal(await rewrite("<p></p>", "p", { element: () => 1 }), "<p></p>");
  },
};

export const errors_of_handlers_are_those_of_the_body = {
  async test() {
    const fail = () => {
      throw new RangeError("boom");
    };
    const failLate = async () => {
      await wait(1);
      throw new RangeError("boom");
    };
    for (const handler of [fail, failLate]) {
      equal((await rejects(rewrite("<p>x</p>", "p", { element: handler }), RangeError)).message, "boom");
      equal((await rejects(rewrite("<p>x</p>", "p", { text: handler }), RangeError)).message, "boom");
      equal((await rejects(rewrite("<p>x</p>", "p", { element: (it) => it.onEndTag(handler) }), RangeError)).message, "boom");
    }
    let calls = 0;
    await rejects(rewrite("<p></p><p></p>", "p", {
      element() {
        calls++;
        throw new RangeError("boom");
      },
    }), RangeError);
    equal(calls, 1);
  },
};

export const a_rewriter_can_be_used_again = {
  async test() {
    const rewriter = new HTMLRewriter().on("p", {
      async element(it) {
        await wait(1);
        it.after("!");
      },
    });
    equal(await rewriter.transform(new Response("<p></p>")).text(), "<p></p>!");
    const twice = rewriter.transform(rewriter.transform(new Response("<p></p>")));
    equal(await twice.text(), "<p></p>!!");
    const all = await Promise.all([1, 2, 3].map((n) => rewriter.transform(new Response(`<p>${n}</p>`)).text()));
    same(all, ["<p>1</p>!", "<p>2</p>!", "<p>3</p>!"]);
  },
};

export const a_rewriter_works_inside_of_a_handler = {
  async test() {
    const html = await rewrite("<p></p>", "p", {
      async element(it) {
        it.after(await rewrite("<q></q>", "q", { element: (q) => void q.after("inner") }), { html: true });
      },
    });
    equal(html, "<p></p><q></q>inner");
  },
};

export const ambiguous_markup_is_refused = {
  async test() {
    const error = await rejects(
      rewrite("<select><xmp><script>x</script></xmp></select>", "script", { text() {} }),
      TypeError,
    );
    ok(error.message.startsWith("Parser error: The parser has encountered a text content tag (`<xmp>`)"), error.message);
  },
};
