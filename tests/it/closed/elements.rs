//! Elements and setters that a Worker puts behind all arrays: on
//! `Array.prototype` and `Object.prototype`. The platform's own lists neither
//! find the ones nor hand themselves to the others.
//!
//! Not looked at: what deno_web and deno_crypto make in Rust, the usages of a key
//! and the indentation that `console` counts. Setters get these; they hold
//! nothing but strings and numbers.

use super::poison::all_flow;
use crate::harness::{Setup, TestServer};

/// Accessors for the first elements of all lists and objects. They behave as if
/// they were not there, and note in `caught` who met them.
const SPIES: &str = r#"
const caught = { __proto__: null, length: 0 };
let on = false;
{
  const { defineProperty } = Object;
  for (const target of [Array.prototype, Object.prototype]) {
    for (let i = 0; i < 64; i++) {
      const note = (how) => {
        if (!on) return;
        on = false;
        caught[caught.length++] = `${how} ${i}: ${new Error().stack}`;
        on = true;
      };
      defineProperty(target, i, {
        __proto__: null,
        configurable: true,
        get() { note("get"); },
        set(value) {
          note("set");
          defineProperty(this, i, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
        },
      });
    }
  }
}
const report = () => {
  on = false;
  return new Response(Array.prototype.join.call(caught, "\n"));
};
"#;

fn spied(tour: &str) -> TestServer {
    Setup::new(&format!(
        "{SPIES}\nexport default {{ async fetch(request, env, ctx) {{
          if (request.url.endsWith('/quiet')) return new Response('quiet');
          on = true;
          {tour}
          return report();
        }} }};"
    ))
    .start()
}

#[track_caller]
fn nobody_is_caught(tour: &str) {
    let server = spied(tour);
    for _ in 0..2 {
        let own = ("x-own", &*server.address.to_string());
        let response = server.connect().request("POST", "/", &[own], b"some text");
        assert_eq!((response.status, &*response.text()), (200, ""));
    }
}

#[test]
fn headers_and_urls_keep_their_lists() {
    nobody_is_caught(
        r#"
        const headers = new Headers([["a", "b"], ["c", "d"]]);
        headers.append("a", "x");
        headers.append("set-cookie", "1");
        headers.getSetCookie();
        [...headers];
        headers.delete("a");
        headers.set("z", "1");
        new Headers(headers).append("y", "2");
        new Headers({ a: 1, b: 2, c: 3, d: 4, e: 5, f: 6, g: 7, h: 8 }).get("a");
        const many = new Headers(request.headers);
        for (let i = 0; i < 20; i++) many.append(`x-${i}`, "y");
        const url = new URL("https://x/y?a=1&b=2");
        url.searchParams.append("c", "d");
        url.searchParams.sort();
        url.searchParams.getAll("a");
        [...url.searchParams];
        url.searchParams.delete("a");
        url.searchParams.set("b", "3");
        new URLPattern({ pathname: "/:a/*" }).exec("https://x/1/2");
        new Request("http://x/", { method: "POST", body: new URLSearchParams({ a: 1 }), headers: [["a", "b"]] }).clone();
        await new Response("{}", { headers: { a: 1 } }).clone().json();
        "#,
    );
}

#[test]
fn timers_and_promises_keep_their_lists() {
    nobody_is_caught(
        r#"
        ctx.waitUntil(scheduler.wait(2));
        ctx.waitUntil(Promise.resolve());
        void Promise.reject(new Error("on its way"));
        const late = Promise.reject(new Error("handled later"));
        const timers = { __proto__: null };
        for (let i = 0; i < 40; i++) timers[i] = setTimeout(() => {}, 3 + i * 7 % 11, 1, 2);
        for (let i = 0; i < 40; i += 2) clearTimeout(timers[i]);
        let beats = 0;
        await new Promise((resolve) => {
          const interval = setInterval(() => {
            if (++beats === 3) { clearInterval(interval); resolve(); }
          }, 2);
        });
        await scheduler.wait(15);
        late.catch(() => {});
        queueMicrotask(() => {});
        const abort = new AbortController();
        abort.signal.addEventListener("abort", () => {});
        AbortSignal.any({ __proto__: null, *[Symbol.iterator]() { yield abort.signal; yield AbortSignal.timeout(1); } })
          .addEventListener("abort", () => {});
        abort.abort();
        await scheduler.wait(3);
        "#,
    );
}

#[test]
fn bodies_and_messages_keep_their_lists() {
    nobody_is_caught(
        r#"
        await request.text();
        const form = new FormData();
        form.append("a", "b");
        form.append("f", new Blob(["x", "y"]), "n.txt");
        form.getAll("a");
        form.set("q", "r");
        form.set("q", "s");
        [...form];
        form.delete("a");
        await new Response(form).formData();
        await new Response("a=1&b=2", { headers: { "content-type": "application/x-www-form-urlencoded" } }).formData();
        structuredClone([1, [2], new Map([[1, 2]]), new Error("x")]);
        structuredClone(new ArrayBuffer(4), { transfer: [] });
        const { port1, port2 } = new MessageChannel();
        const got = new Promise((resolve) => { port2.onmessage = resolve; });
        port1.postMessage("hello");
        await got;
        const halves = new ReadableStream({ start(it) { it.enqueue(new Uint8Array(3)); it.close(); } }).tee();
        await new Response(halves[0]).arrayBuffer();
        await new Response(halves[1].pipeThrough(new CompressionStream("gzip")).pipeThrough(new DecompressionStream("gzip"))).bytes();
        await new Response(new Blob(["abc"]).slice(1).stream().pipeThrough(new TextDecoderStream()).pipeThrough(new TextEncoderStream())).text();
        const moved = new ReadableStream({ start(it) { it.enqueue("x"); it.close(); } });
        await structuredClone(moved, { transfer: [moved] }).getReader().read();
        const writer = new WritableStream({ write() {} }).getWriter();
        writer.write("a");
        writer.write("b");
        await writer.close();
        "#,
    );
}

#[test]
fn events_sockets_and_requests_keep_their_lists() {
    nobody_is_caught(
        r#"
        const pair = new WebSocketPair();
        const [mine, theirs] = Object.values(pair);
        const message = new Promise((resolve) => theirs.addEventListener("message", resolve));
        mine.accept();
        mine.send("early");
        theirs.accept();
        mine.send(new Uint8Array(2));
        await message;
        theirs.close(1000, "over");
        const target = new EventTarget();
        target.addEventListener("a", () => {});
        target.addEventListener("a", () => {}, { once: true });
        target.dispatchEvent(new CustomEvent("a", { detail: 1 }));
        new MessageEvent("message", { ports: [new MessageChannel().port1] });
        try { await fetch("http://127.0.0.1:1/"); } catch (error) { error.stack; }
        await (await fetch(`http://${request.headers.get("x-own")}/quiet`)).text();
        try { atob("!"); } catch (error) { error.stack; }
        crypto.getRandomValues(new Uint8Array(4));
        crypto.randomUUID();
        await crypto.subtle.digest("SHA-256", new Uint8Array(3));
        "#,
    );
}

/// What code in strict mode may not write over.
const SOLID: &str = r#"
for (const target of [Array.prototype, Object.prototype]) {
  for (let i = 0; i < 64; i++) {
    Object.defineProperty(target, i, { __proto__: null, value: "solid", writable: false, configurable: false });
  }
}
"#;

#[test]
fn all_streams_flow_over_solid_elements() {
    all_flow(SOLID);
}

#[test]
fn requests_are_served_over_solid_elements() {
    let server = Setup::new(&format!(
        "{SOLID}\nexport default {{ async fetch(request, env, ctx) {{
          ctx.waitUntil(scheduler.wait(1));
          await scheduler.wait(2);
          const headers = new Headers({{ a: '1' }});
          headers.append('b', request.headers.get('x-a'));
          return new Response(await request.text(), {{ headers }});
        }} }};"
    ))
    .start();
    for _ in 0..2 {
        let response = server.connect().request("POST", "/", &[("x-a", "2")], b"text");
        assert_eq!((response.status, &*response.text()), (200, "text"));
        assert_eq!((response.header("a"), response.header("b")), (Some("1"), Some("2")));
    }
}

/// A class for copies of arrays, by which `map` and `slice` of the language make theirs.
#[test]
fn a_class_of_arrays_gets_no_list_of_the_platform() {
    let server = Setup::new(
        r#"
        const got = [];
        const push = Array.prototype.push.bind(got);
        class Mine extends Array { constructor(...all) { super(...all); push(this); } }
        Array.prototype.constructor = { [Symbol.species]: Mine };
        export default { async fetch(request) {
          const headers = new Headers([["a", "1"], ["b", "2"]]);
          headers.delete("a");
          new URL("http://x/?a=1&b=2").searchParams.delete("a");
          const form = new FormData();
          form.append("a", "b");
          form.delete("a");
          const target = new EventTarget(), listener = () => {};
          target.addEventListener("a", listener);
          target.dispatchEvent(new Event("a"));
          target.removeEventListener("a", listener);
          return new Response(`${got.length}`);
        } };"#,
    )
    .start();
    assert_eq!(server.text("/"), "0");
}
