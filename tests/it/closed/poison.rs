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
#[ignore = "deno_web's pipeTo uses built-ins that a Worker can change"]
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
