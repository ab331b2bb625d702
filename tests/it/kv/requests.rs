//! Calls belong to a request: they count, they end with it, and without one
//! there is no I/O.

use super::worker;
use crate::harness::eventually;

#[test]
fn the_global_scope_has_no_kv() {
    let server = worker(
        r#"
        import { env } from "cloudflare:workers";
        let told;
        try { await env.KV.get("a"); } catch (error) { told = `${error.name}: ${error.message}`; }
        export default { fetch: () => new Response(told) };
        "#,
    )
    .start();
    assert_eq!(
        server.text("/"),
        "Error: Disallowed operation called within global scope. Asynchronous I/O (ex: fetch() \
         or connect()), setting a timeout, and generating random values are not allowed within \
         global scope. To fix this error, perform this operation within a handler. \
         https://developers.cloudflare.com/workers/runtime-apis/handlers/"
    );
}

#[test]
fn calls_are_subrequests() {
    let server = worker(
        r#"
        export default {
          async fetch(request, { KV, OTHER }) {
            let done = 0;
            const calls = [
              () => KV.get("a"), () => KV.put("a", "x"), () => KV.list(), () => KV.delete("a"),
              () => OTHER.get(["a", "b"]), () => KV.getWithMetadata("a"),
            ];
            try {
              for (;;) { await calls[done % calls.length](); done++; }
            } catch (error) {
              return new Response(`${done} ${error.name}: ${error.message}`);
            }
          },
        };
        "#,
    )
    .limits(|limits| limits.subrequests = 20)
    .start();
    for _ in 0..2 {
        let text = server.text("/");
        assert!(text.starts_with("20 Error: Too many subrequests"), "{text}");
    }
}

#[test]
fn a_stream_of_a_value_belongs_to_its_request() {
    let server = worker(
        r#"
        let kept;
        export default {
          async fetch(request, { KV }) {
            if (kept === undefined) {
              await KV.put("a", "x".repeat(500_000));
              kept = await KV.get("a", "stream");
              return new Response("kept");
            }
            try {
              await kept.getReader().read();
            } catch (error) {
              return new Response(error.message);
            }
          },
        };
        "#,
    )
    .start();
    assert_eq!(server.text("/"), "kept");
    let text = server.text("/");
    assert!(text.starts_with("Cannot perform I/O on behalf of a different request."), "{text}");
}

#[test]
fn a_client_that_leaves_in_the_middle_of_a_value_changes_nothing() {
    let server = worker(
        r#"
        export default {
          async fetch(request, { KV }) {
            if (request.method === "GET") return new Response(await KV.get("a"));
            try {
              await KV.put("a", request.body);
            } catch (error) {
              console.log("not stored: " + error.message);
              throw error;
            }
            return new Response("stored");
          },
        };
        "#,
    )
    .start();
    assert_eq!(server.connect().post("/", "before").text(), "stored");
    let mut client = server.connect();
    client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n");
    client.send(vec![b'x'; 500_000]);
    drop(client);
    server.logs.wait_text("not stored: ");
    assert_eq!(server.text("/"), "before");
}

#[test]
fn waituntil_keeps_a_write_going() {
    let server = worker(
        r#"
        export default {
          async fetch(request, { KV }, ctx) {
            if (request.url.endsWith("/read")) return new Response(await KV.get("a"));
            ctx.waitUntil(scheduler.wait(20).then(() => KV.put("a", "written")));
            return new Response("answered");
          },
        };
        "#,
    )
    .start();
    assert_eq!(server.text("/"), "answered");
    eventually("the write", || (server.text("/read") == "written").then_some(()));
}

#[test]
fn all_isolates_see_the_same_data() {
    let server = worker(
        r#"
        export default {
          async fetch(request, { KV }) {
            const n = Number(await KV.get("n")) + 1;
            await KV.put("n", `${n}`);
            return new Response(`${n}`);
          },
        };
        "#,
    )
    .isolates(2)
    .start();
    for n in 1..=20 {
        assert_eq!(server.text("/"), n.to_string());
    }
}

#[test]
fn service_worker_syntax_has_namespaces_as_globals() {
    let server = worker(
        r#"addEventListener("fetch", (event) => event.respondWith((async () => {
          await KV.put("a", "global");
          return new Response(await KV.get("a"));
        })()));"#,
    )
    .start();
    assert_eq!(server.text("/"), "global");
}

#[test]
fn many_keys_are_deleted_at_once_behind_the_flag() {
    let server = worker(
        r#"
        export default {
          async fetch(request, { KV }) {
            await KV.put("a", "x");
            await KV.put("b", "x");
            await KV.put("c", "x");
            const told = [];
            told.push(await KV.deleteBulk(["a", "b", "missing"]));
            const left = (await KV.list()).keys.map((key) => key.name);
            await KV.deleteBulk("c");
            told.push((await KV.list()).keys.length);
            for (const keys of [[], ["."], [""]]) {
              try { await KV.deleteBulk(keys); } catch (error) { told.push(error.message); }
            }
            return Response.json([left, ...told]);
          },
        };
        "#,
    )
    .flag("experimental")
    .start();
    assert_eq!(
        server.get("/").json(),
        serde_json::json!([
            ["c"],
            null,
            0,
            "KV DELETE_BULK failed: 400 You must delete a minimum of 1 key",
            "KV DELETE_BULK failed: 400 Illegal key name \".\". Please use a different name.",
            "KV DELETE_BULK failed: 400 Key names must not be empty",
        ])
    );
}
