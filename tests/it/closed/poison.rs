//! A Worker that changes the built-ins breaks itself at most.

use crate::harness::{Setup, block_on};

/// Runs before all else: every method of these prototypes throws, or lies.
pub(crate) const POISON: &str = r#"
const evil = function () { throw new Error("poisoned"); };
const list = [
  [Array.prototype, ["push", "pop", "shift", "slice", "splice", "map", "join", "indexOf", "forEach", "concat", "filter", "includes", "find", "sort"]],
  [Promise.prototype, ["then", "catch", "finally"]],
  [Promise, ["resolve", "reject", "all", "withResolvers"]],
  [Map.prototype, ["get", "set", "has", "delete", "forEach", "entries"]],
  [Set.prototype, ["add", "has", "delete", "forEach"]],
  [WeakMap.prototype, ["get", "set", "has", "delete"]],
  [Object, ["defineProperty", "defineProperties", "keys", "entries", "assign", "freeze", "create", "getPrototypeOf", "setPrototypeOf", "getOwnPropertyDescriptor"]],
  [Object.prototype, ["hasOwnProperty", "toString", "valueOf", "__defineGetter__", "__defineSetter__", "__lookupGetter__", "isPrototypeOf", "propertyIsEnumerable"]],
  [String.prototype, ["slice", "split", "toLowerCase", "toUpperCase", "trim", "startsWith", "endsWith", "indexOf", "includes", "replace", "replaceAll", "charCodeAt", "codePointAt", "padStart", "match", "at"]],
  [RegExp.prototype, ["exec", "test"]],
  [Function.prototype, ["call", "apply", "bind"]],
  [Uint8Array.prototype.__proto__, ["set", "subarray", "slice", "fill"]],
  [ArrayBuffer.prototype, ["slice"]],
  [Number.prototype, ["toString"]],
  [Reflect, ["apply", "construct", "ownKeys", "get", "has", "defineProperty"]],
  [JSON, ["parse", "stringify"]],
  [Math, ["floor", "min", "max", "random", "trunc"]],
  [Number, ["isInteger", "isFinite", "parseInt"]],
  [Symbol.prototype, ["toString"]],
];
const iterable = [Array.prototype, Map.prototype, Set.prototype, String.prototype, Uint8Array.prototype.__proto__];
// Not with `for .. of`, which would be poisoned as well.
for (let i = 0; i < list.length; i++) {
  for (let k = 0; k < list[i][1].length; k++) list[i][0][list[i][1][k]] = evil;
}
for (let i = 0; i < iterable.length; i++) iterable[i][Symbol.iterator] = evil;
Array.prototype[0] = "zero"; Array.prototype[1] = "one";
"#;

fn poisoned(handler: &str) -> crate::harness::TestServer {
    Setup::new(&format!("{POISON}\nexport default {{ fetch(request, env, ctx) {{ {handler} }} }};"))
        .start()
}

#[test]
fn text_is_served() {
    let server = poisoned(r#"return new Response("text", { headers: { "x-a": "b" } });"#);
    let mut client = server.connect();
    for _ in 0..3 {
        let response = client.get("/");
        assert_eq!((response.status, response.text().as_str()), (200, "text"));
        assert_eq!(response.header("x-a"), Some("b"));
    }
}

#[test]
fn headers_and_urls_work() {
    let server = poisoned(
        r#"
        const url = new URL(request.url);
        const headers = new Headers();
        headers.set("X-Path", url.pathname);
        headers.append("set-cookie", "a=1");
        headers.append("set-cookie", "b=2");
        headers.set("x-sent", request.headers.get("X-Sent"));
        headers.set("x-query", url.searchParams.get("q"));
        return new Response(null, { status: 201, headers });
        "#,
    );
    let response = server.connect().request("GET", "/path?q=1", &[("x-sent", "yes")], b"");
    assert_eq!(response.status, 201, "{}", response.text());
    assert_eq!(response.header("x-path"), Some("/path"));
    assert_eq!(response.header("x-sent"), Some("yes"));
    assert_eq!(response.header("x-query"), Some("1"));
    assert_eq!(response.all("set-cookie"), ["a=1", "b=2"]);
}

#[test]
fn promises_of_async_handlers_are_awaited() {
    let server = Setup::new(&format!(
        "{POISON}\nexport default {{ async fetch(request, env, ctx) {{
          const text = await request.text();
          ctx.waitUntil((async () => {{ await scheduler.wait(5); console.log('waited'); }})());
          await scheduler.wait(1);
          return new Response(text + '!');
        }} }};"
    ))
    .start();
    assert_eq!(server.connect().post("/", "body").text(), "body!");
    server.logs.wait_text("waited");
}

#[test]
fn streams_flow() {
    let server = poisoned(
        r#"
        let count = 0;
        return new Response(new ReadableStream({
          async pull(controller) {
            await scheduler.wait(1);
            if (count++ === 3) controller.close();
            else controller.enqueue(new TextEncoder().encode("piece "));
          },
        }));
        "#,
    );
    assert_eq!(server.text("/"), "piece piece piece ");
}

#[test]
fn bodies_pass_through() {
    let server = poisoned(
        r#"
        const through = new TransformStream();
        ctx.waitUntil(request.body.pipeTo(through.writable));
        return new Response(through.readable);
        "#,
    );
    let body = "x".repeat(100_000);
    let mut client = server.connect();
    let response = client.post("/", &body);
    assert_eq!((response.status, response.text() == body), (200, true));
}

/// Ways to use streams, each of which leads "some text" back to a response.
const STREAMS: &[(&str, &str)] = &[
    ("identity", "body.pipeThrough(new TransformStream())"),
    (
        "synchronous transform",
        "body.pipeThrough(new TransformStream({ transform(chunk, it) { it.enqueue(chunk); } }))",
    ),
    (
        "asynchronous transform",
        "body.pipeThrough(new TransformStream({ async transform(chunk, it) { await scheduler.wait(1); it.enqueue(chunk); } }))",
    ),
    (
        "transform with backpressure",
        "body.pipeThrough(new TransformStream({ transform(chunk, it) { it.enqueue(new Bytes(chunk.buffer, 0, 4)); it.enqueue(new Bytes(chunk.buffer, 4, 5)); } }))",
    ),
    (
        "slow start",
        "body.pipeThrough(new TransformStream({ async start() { await scheduler.wait(1); } }))",
    ),
    ("IdentityTransformStream", "body.pipeThrough(new IdentityTransformStream())"),
    ("FixedLengthStream", "body.pipeThrough(new FixedLengthStream(9))"),
    (
        "compression",
        "body.pipeThrough(new CompressionStream('gzip')).pipeThrough(new DecompressionStream('gzip'))",
    ),
    ("text", "body.pipeThrough(new TextDecoderStream()).pipeThrough(new TextEncoderStream())"),
    ("tee", "body.tee()[1]"),
    ("clone", "request.clone().body"),
    ("clone read", "(await request.clone().text(), request.body)"),
    (
        "both halves",
        "await (async (halves) => { await new Response(halves[0]).text(); return halves[1]; })(body.tee())",
    ),
    ("bytes", "await new Response(body.pipeThrough(new TransformStream())).bytes()"),
    ("blob", "new Blob(only(await request.text())).stream()"),
    ("blob as body", "new Blob(only(await request.arrayBuffer()))"),
    (
        "from",
        "ReadableStream.from({ n: 0, [Symbol.asyncIterator]() { return this; }, async next() { return { done: this.n++ > 0, value: new TextEncoder().encode('some text') }; } })",
    ),
    (
        "writer",
        "((sides) => { const writer = sides.writable.getWriter(); \
         writer.write(new TextEncoder().encode('some text')); writer.close(); return sides.readable; })(new TransformStream())",
    ),
    (
        "pipeTo",
        "await (async (taken) => { \
         await body.pipeTo(new WritableStream({ async write(chunk) { await scheduler.wait(1); taken.chunk = chunk; } })); \
         return taken.chunk; })({})",
    ),
    (
        "reader",
        "await (async (reader) => { const { value } = await reader.read(); return (await reader.read()).done ? value : 'more'; })(body.getReader())",
    ),
    (
        "reader into a buffer",
        "await (async (reader) => (await reader.read(new Bytes(9))).value)(body.getReader({ mode: 'byob' }))",
    ),
    (
        "iterator",
        "await (async (iterator) => { const { value } = await iterator.next(); await iterator.return(); return value; })(body.values())",
    ),
    (
        "aborted pipe",
        "await (async (abort) => { const sink = new WritableStream(); \
         const pipe = new ReadableStream().pipeTo(sink, { signal: abort.signal }); \
         abort.abort(new Error('some text')); try { await pipe; } catch (error) { return error.message; } })(new AbortController())",
    ),
    (
        "broken source",
        "await (async () => { const broken = new ReadableStream({ pull() { throw new Error('some text'); } }); \
         try { await new Response(broken.pipeThrough(new TransformStream())).text(); } catch (error) { return error.message; } })()",
    ),
    (
        "broken sink",
        "await (async () => { const sink = new WritableStream({ write() { throw new Error('some text'); } }); \
         try { await body.pipeTo(sink); } catch (error) { return error.message; } })()",
    ),
    (
        "cancelled tee",
        "await (async (halves, reason) => { \
         const first = halves[0].cancel('some '), second = halves[1].cancel('text'); await first; await second; \
         return reason[0] + reason[1]; \
         })(...(() => { let reason = { __proto__: null, length: 2 }; \
         const stream = new ReadableStream({ cancel(both) { reason[0] = both[0]; reason[1] = both[1]; } }); \
         return { __proto__: null, [Symbol.iterator]() { const list = { 0: stream.tee(), 1: reason }; let at = 0; \
         return { next: () => at < 2 ? { done: false, value: list[at++] } : { done: true } }; } }; })())",
    ),
    (
        "structuredClone",
        "await (async (stream) => { const copy = structuredClone(stream, { transfer: only(stream) }); return copy; })(body.pipeThrough(new TransformStream()))",
    ),
];

/// A server whose Worker runs `poison` before all else, and then each of
/// [`STREAMS`] by its number.
fn streaming(poison: &str) -> crate::harness::TestServer {
    let cases: Vec<String> =
        STREAMS.iter().map(|(_, code)| format!("async (request, body) => {code}")).collect();
    let worker = format!(
        "const {{ parseInt, Uint8Array: Bytes }} = globalThis;
        // A list of one that no built-in helps to read.
        const only = (value) => ({{ [Symbol.iterator]() {{
          let at = 0;
          return {{ next: () => ({{ done: at++ > 0, value }}) }};
        }} }});
        const cases = [{}];
        {poison}
        export default {{ async fetch(request) {{
          const number = parseInt(request.headers.get('x-case'));
          return new Response(await cases[number](request, request.body));
        }} }};",
        cases.join(",\n"),
    );
    Setup::new(&worker).start()
}

#[track_caller]
pub(crate) fn all_flow(poison: &str) {
    let server = streaming(poison);
    let mut wrong = Vec::new();
    for (number, (name, _)) in STREAMS.iter().enumerate() {
        let header = [("x-case", &*number.to_string())];
        let response = server.connect().request("POST", "/", &header, b"some text");
        if (response.status, &*response.text()) != (200, "some text") {
            wrong.push(format!("{name}: {} {}", response.status, response.text()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn all_streams_flow_without_poison() {
    all_flow("");
}

#[test]
fn all_streams_flow_with_poisoned_methods() {
    all_flow(POISON);
}

#[test]
fn all_streams_flow_without_then() {
    all_flow("delete Promise.prototype.then; delete Promise.resolve; delete Promise.reject;");
}

#[test]
fn all_streams_flow_with_poisoned_promises() {
    all_flow(
        r#"
        const evil = function () { throw new Error("poisoned"); };
        Promise.prototype.then = evil;
        try { Promise.prototype.constructor = evil; } catch {}
        try { Object.defineProperty(Promise.prototype, "constructor", { get: evil }); } catch {}
        try { Object.defineProperty(Promise, Symbol.species, { get: evil }); } catch {}
        for (const Class of [ArrayBuffer, Uint8Array, Uint8Array.__proto__]) {
          Object.defineProperty(Class, Symbol.species, { get: evil });
          Object.defineProperty(Class.prototype, "constructor", { get: evil });
        }
        globalThis.Promise = globalThis.Uint8Array = globalThis.ArrayBuffer = evil;
        "#,
    );
}

#[test]
fn all_streams_flow_with_traps_on_object_prototype() {
    all_flow(
        r#"
        const evil = () => { throw new Error("poisoned"); };
        for (const name of [
          "type", "autoAllocateChunkSize", "start", "pull", "cancel", "highWaterMark", "size", "transform", "flush",
          "readableType", "writableType", "write", "close", "abort", "preventClose", "preventAbort", "preventCancel",
          "signal", "mode", "min", "promise", "resolve", "reject", "deferred", "wasAlreadyErroring", "readable", "writable",
          "chunkSteps", "closeSteps", "errorSteps", "next", "return", "get", "set",
        ]) {
          Object.defineProperty(Object.prototype, name, { __proto__: null, get: () => undefined, set: evil, configurable: true });
        }
        "#,
    );
}

/// Loads everything, then replaces each method and getter of the classes.
#[test]
fn bodies_pass_through_poisoned_classes() {
    let server = Setup::new(
        r#"
        const text = Request.prototype.text;
        const { readable, writable } = new TransformStream();
        const originals = { pipeThrough: readable.pipeThrough };
        const evil = () => { throw new Error("poisoned"); };
        for (const Class of [
          ReadableStream, ReadableStreamDefaultReader, ReadableStreamBYOBReader, ReadableStreamDefaultController,
          ReadableByteStreamController, ReadableStreamBYOBRequest, WritableStream, WritableStreamDefaultWriter,
          WritableStreamDefaultController, TransformStream, TransformStreamDefaultController, CompressionStream,
          DecompressionStream, TextDecoderStream, TextEncoderStream, AbortSignal, TextEncoder, TextDecoder,
        ]) {
          for (const name of Reflect.ownKeys(Class.prototype)) {
            if (typeof name === "symbol" || name === "constructor") continue;
            const has = Object.getOwnPropertyDescriptor(Class.prototype, name);
            Object.defineProperty(Class.prototype, name, has.get ? { get: evil } : { value: evil });
          }
        }
        delete globalThis.TransformStream;
        export default { async fetch(request) {
          const { body } = request;
          switch (request.headers.get("x-case")) {
            case "same": return new Response(body);
            case "clone": { const copy = request.clone(); await text.call(request); return new Response(copy.body); }
            case "text": return new Response(await text.call(request));
            case "blob": return new Response(await request.blob());
            case "gzip": return new Response(body, { headers: { "content-encoding": "gzip" } });
            case "fixed": return new Response(originals.pipeThrough.call(body, new FixedLengthStream(9)));
            case "decoded": return new Response(await new Response(originals.pipeThrough.call(body,
              new IdentityTransformStream())).text());
          }
        } };"#,
    )
    .start();
    for case in ["same", "clone", "text", "blob"] {
        let response = server.connect().request("POST", "/", &[("x-case", case)], b"some text");
        assert_eq!((response.status, &*response.text()), (200, "some text"), "{case}");
    }
    let response = server.connect().request("POST", "/", &[("x-case", "gzip")], b"some text");
    assert_eq!((response.status, &response.body[..2]), (200, &b"\x1f\x8b"[..]));
}

#[test]
fn a_class_of_promises_may_be_made() {
    let server = Setup::new(
        r#"
        class Mine extends Promise { static get [Symbol.species]() { return Promise; } }
        export default { async fetch() {
          const mine = new Mine((resolve) => resolve("text"));
          const next = mine.then((text) => text);
          return new Response(`${mine.constructor === Mine} ${next instanceof Mine} ${await next}`);
        } };"#,
    )
    .start();
    assert_eq!(server.text("/"), "true false text");
}

#[test]
fn exceptions_are_reported() {
    let server = poisoned(r#"throw new Error("mine");"#);
    let response = server.get("/");
    assert_eq!(response.status, 500);
    assert!(response.text().contains("mine"), "{}", response.text());
}

#[test]
fn sockets_work() {
    let server = poisoned(
        r#"
        const pair = new WebSocketPair();
        const mine = pair[1];
        mine.accept();
        mine.addEventListener("message", (event) => mine.send("echo " + event.data));
        return new Response(null, { status: 101, webSocket: pair[0] });
        "#,
    );
    block_on(async {
        let mut client = crate::websocket::client::Client::connect(server.address, "/").await;
        client.text("a").await;
        assert_eq!(client.next().await, crate::websocket::client::text("echo a"));
    });
}

#[test]
fn properties_of_object_prototype_are_not_options() {
    let server = Setup::new(
        r#"
        for (const [name, value] of Object.entries({
          status: 500, headers: { "x-evil": "1" }, statusText: "Evil", webSocket: {}, method: "POST",
          body: "evil", signal: {}, redirect: "error", once: true, capture: true, get: () => "evil",
          set: () => {}, done: true, value: "evil", highWaterMark: 0, type: "bytes", mode: "x", then: undefined,
        })) {
          if (name === "then" || name === "get" || name === "set") continue;
          Object.defineProperty(Object.prototype, name, { value, writable: true, configurable: true });
        }
        export default {
          async fetch(request) {
            const text = await request.text();
            await scheduler.wait(1);
            return new Response("fine " + text);
          },
        };"#,
    )
    .start();
    let response = server.connect().post("/", "body");
    assert_eq!((response.status, response.text().as_str()), (200, "fine body"));
    assert_eq!(response.header("x-evil"), None);
}
