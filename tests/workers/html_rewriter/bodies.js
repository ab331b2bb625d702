// Responses in and out, streams as content.
import { collect, decode, encode, equal, ok, rejects, same, streamOf, throws } from "../assert.js";

const rewrite = (html, selector, handlers) => new HTMLRewriter().on(selector, handlers).transform(new Response(html)).text();
const change = (html, act) => rewrite(html, "p", { element: act });
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const LOCKED = "The ReadableStream has been locked to a reader.";

export const what_stays_of_a_response = {
  async test() {
    const before = new Response("<p>", { status: 201, statusText: "Hm", headers: { "x-a": "b", "content-type": "text/html" } });
    const after = new HTMLRewriter().transform(before);
    ok(after !== before && after instanceof Response);
    same([after.status, after.statusText, after.headers.get("x-a")], [201, "Hm", "b"]);
    equal(before.bodyUsed, true);
    equal(before.body.locked, true);
    equal(after.bodyUsed, false);
    after.headers.set("x-a", "c");
    equal(before.headers.get("x-a"), "b");
    equal(await after.text(), "<p>");
  },
};

export const nothing_to_transform = {
  async test() {
    const empty = new Response(null, { status: 204 });
    equal(new HTMLRewriter().transform(empty), empty);
    const error = throws(() => new HTMLRewriter().transform(Response.error()), TypeError);
    equal(error.message, "HTMLRewriter cannot transform an error response");
    const used = new Response("x");
    await used.text();
    equal(throws(() => new HTMLRewriter().transform(used), TypeError).message, LOCKED);
    const locked = new Response("x");
    locked.body.getReader();
    equal(throws(() => new HTMLRewriter().transform(locked), TypeError).message, LOCKED);
  },
};

export const input_in_pieces = {
  async test() {
    const pieces = ["<", "p", " a='", "1", "'", ">x<", "/p", ">y"].map(encode);
    const rewriter = new HTMLRewriter().on("p[a]", { element: (it) => void it.after(it.getAttribute("a")) });
    equal(await rewriter.transform(new Response(streamOf(...pieces))).text(), "<p a='1'>x</p>1y");
    equal(await rewriter.transform(new Response("")).text(), "");
  },
};

export const large_input = {
  async test() {
    const page = "<p>some text</p>".repeat(20000);
    let count = 0;
    const out = await change(page, (it) => {
      count++;
      it.setAttribute("n", String(count));
    });
    equal(count, 20000);
    ok(out.startsWith("<p n=\"1\">some text</p><p n=\"2\">"));
    ok(out.endsWith("<p n=\"20000\">some text</p>"));
  },
};

export const output_comes_before_the_input_ends = {
  async test() {
    const { readable, writable } = new TransformStream();
    const body = new HTMLRewriter().on("p", { element: (it) => void it.after("!") }).transform(new Response(readable)).body;
    const reader = body.getReader();
    const writer = writable.getWriter();
    let text = "";
    writer.write(encode("<p>1</p>"));
    while (!text.includes("!")) text += decode((await reader.read()).value);
    equal(text, "<p>1</p>!");
    writer.write(encode("<p>2"));
    writer.close();
    for (let next = await reader.read(); !next.done; next = await reader.read()) text += decode(next.value);
    equal(text, "<p>1</p>!<p>2");
  },
};

export const a_cancelled_body_cancels_its_source = {
  async test() {
    let reason;
    const source = new ReadableStream({
      pull: (controller) => controller.enqueue(encode("<p>x</p>")),
      cancel: (why) => void (reason = why),
    });
    const reader = new HTMLRewriter().on("p", { element() {} }).transform(new Response(source)).body.getReader();
    await reader.read();
    await reader.cancel(new Error("enough"));
    await wait(5);
    equal(reason?.message, "enough");
  },
};

export const a_source_that_fails = {
  async test() {
    const source = new ReadableStream({
      start: (controller) => controller.enqueue(encode("<p>x</p>")),
      pull: (controller) => controller.error(new RangeError("gone")),
    });
    const error = await rejects(new HTMLRewriter().on("p", {}).transform(new Response(source)).text(), RangeError);
    equal(error.message, "gone");
  },
};

export const bodies_are_read_with_buffers_and_cloned = {
  async test() {
    const rewriter = new HTMLRewriter().on("p", { element: (it) => void it.after("1") });
    const reader = rewriter.transform(new Response("<p></p>")).body.getReader({ mode: "byob" });
    equal((await reader.read(new Uint8Array(3))).value.length, 3);
    const response = rewriter.transform(new Response("<p></p>"));
    const copy = response.clone();
    same([await response.text(), await copy.text()], ["<p></p>1", "<p></p>1"]);
  },
};

export const encodings = {
  async test() {
    const html = new Uint8Array([60, 112, 62, 0xe9, 60, 47, 112, 62]);
    const rewriter = new HTMLRewriter().on("p", {
      text: (it) => void (it.text && it.replace(`${it.text}\u00e9\u65e5`)),
    });
    const of = (type) => rewriter.transform(new Response(html, { headers: { "content-type": type } }));
    const latin = [...encode("<p>"), 0xe9, 0xe9, ...encode("&#26085;</p>")];
    same([...await of("text/html; charset=windows-1252").bytes()], latin);
    same([...await of("text/html;charset=\"iso-8859-1\"").bytes()], latin);
    equal(await of("text/html").text(), "<p>\ufffd\u00e9\u65e5</p>");
    const problem = (type) => throws(() => of(type), TypeError).message;
    equal(problem("text/html; charset=nope"), "Parser error: Unknown character encoding has been provided.");
    equal(problem("text/html; charset=utf-16"), "Parser error: Expected ASCII-compatible encoding.");
  },
};

export const streams_and_responses_are_content = {
  async test() {
    const html = await change("<p>x</p>", (it) => {
      it.before(streamOf(encode("<i>"), encode("\u00e9")), { html: true });
      it.append(streamOf(encode("<b>")));
      it.after(new Response("<r>"), { html: true });
      it.prepend(new Response(null));
    });
    equal(html, "<i>\u00e9<p>x&lt;b&gt;</p><r>");
    const tag = await change("<p>x</p>", (it) =>
      it.onEndTag((end) => void end.before(streamOf(encode("a"))).after(new Response("b"))));
    equal(tag, "<p>xa</p>b");
    const text = await rewrite("<p>x</p>", "p", {
      text: (it) => void (it.text && it.before(streamOf(encode("a"))).replace(streamOf(encode("b")))),
    });
    equal(text, "<p>ab</p>");
  },
};

export const streamed_content_that_takes_its_time = {
  async test() {
    const slow = new ReadableStream({
      async pull(controller) {
        await wait(1);
        controller.enqueue(encode("slow"));
        controller.close();
      },
    });
    equal(await change("<p>x</p>y", (it) => void it.setInnerContent(slow)), "<p>slow</p>y");
    const chunks = await collect(
      new HTMLRewriter().on("p", { element: (it) => void it.replace(streamOf(encode("1"), encode("2"))) })
        .transform(new Response("<p></p>")).body,
    );
    equal(chunks.map(decode).join(""), "12");
  },
};

export const utf8_in_streamed_content = {
  async test() {
    const split = streamOf(new Uint8Array([0xc3]), new Uint8Array([0xa9]));
    equal(await change("<p></p>", (it) => void it.before(split)), "\u00e9<p></p>");
    const bad = await rejects(change("<p></p>", (it) => void it.before(streamOf(new Uint8Array([0xff, 65])))), TypeError);
    equal(bad.message, "Parser error: Invalid UTF-8");
  },
};

export const streamed_content_that_fails = {
  async test() {
    const broken = new ReadableStream({ start: (controller) => controller.error(new RangeError("gone")) });
    equal((await rejects(change("<p></p>", (it) => void it.before(broken)), RangeError)).message, "gone");
    const locked = streamOf(encode("x"));
    locked.getReader();
    equal((await rejects(change("<p></p>", (it) => void it.before(locked)), TypeError)).message, LOCKED);
    const used = new Response("x");
    await used.text();
    equal((await rejects(change("<p></p>", (it) => void it.before(used)), TypeError)).message, LOCKED);
  },
};

export const streams_that_are_not_needed_stay_as_they_are = {
  async test() {
    let cancelled = false;
    const unused = new ReadableStream({ cancel: () => void (cancelled = true) });
    const html = await change("<p>x</p>", (it) => void it.setInnerContent(unused).setInnerContent("y"));
    same([html, unused.locked, cancelled], ["<p>y</p>", false, false]);
  },
};

export const comments_and_the_end_take_strings_only = {
  async test() {
    const message = "Replacing content in HTML comments using a ReadableStream or Response object is not implemented. " +
      "You must provide a string.";
    const comment = rewrite("<p><!--x--></p>", "p", { comments: (it) => void it.before(streamOf(encode("a"))) });
    equal((await rejects(comment, TypeError)).message, message);
    const end = new HTMLRewriter().onDocument({ end: (it) => void it.append(streamOf(encode("a"))) });
    equal((await rejects(end.transform(new Response("x")).text(), TypeError)).message, message);
  },
};
