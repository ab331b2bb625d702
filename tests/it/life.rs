//! A request's life: waitUntil, failures as clients and the log see them,
//! requests that hang, what the global scope and other requests may not do.

use crate::harness::{Response, Setup, TestServer};

fn html(server: &TestServer, path: &str) -> Response {
    server.connect().request("GET", path, &[("accept", "text/html,*/*;q=0.8")], b"")
}

#[test]
fn wait_until_does_not_delay_the_response() {
    let server = Setup::new(
        r#"let release;
        const gate = new Promise((resolve) => { release = resolve; });
        export default {
          async fetch(request, env, ctx) {
            if (new URL(request.url).pathname === "/release") {
              release();
              return new Response("released");
            }
            ctx.waitUntil((async () => {
              await scheduler.wait(1);
              for (let i = 0; i < 3000 && !globalThis.done; i++) await scheduler.wait(10);
              console.log("background", "ended", globalThis.done);
            })());
            ctx.waitUntil(Promise.reject(new Error("rejected in the background")));
            return new Response("answered");
          },
        };
        gate.then(() => { globalThis.done = true; });"#,
    )
    .start();
    assert_eq!(server.text("/"), "answered");
    assert!(!server.logs.text().contains("background ended"));
    assert_eq!(server.text("/release"), "released");
    server.logs.wait_text("background ended true");
    server.logs.wait_text("Uncaught (in promise) Error: rejected in the background");
}

#[test]
fn wait_until_may_be_called_after_the_response() {
    let server = Setup::new(
        r#"export default {
          fetch(request, env, ctx) {
            ctx.waitUntil((async () => {
              await scheduler.wait(20);
              ctx.waitUntil(scheduler.wait(20).then(() => console.log("second step")));
            })());
            return new Response("x");
          },
        };"#,
    )
    .start();
    server.text("/");
    server.logs.wait_text("second step");
}

#[test]
fn wait_until_ends_some_time_after_the_response() {
    let server = Setup::new(
        r#"export default {
          fetch(request, env, ctx) {
            ctx.waitUntil((async () => {
              try {
                for (;;) { await scheduler.wait(10); globalThis.ticks = (globalThis.ticks ?? 0) + 1; }
              } finally { console.log("finally"); }
            })());
            return new Response(`${globalThis.ticks ?? 0}`);
          },
        };"#,
    )
    .limits(|limits| limits.wait_until = std::time::Duration::from_millis(500))
    .start();
    server.text("/");
    server.logs.wait("a warning that it was cut off", |line| {
        line.to_string().contains("waitUntil() tasks did not complete")
    });
}

#[test]
fn console_output_and_requests_are_logged() {
    let server = Setup::new(
        r#"export default {
          fetch() {
            console.log("plain", 1, { a: [1, 2] }, null, undefined);
            console.debug("a debug");
            console.info("an info");
            console.warn("a warning");
            console.error("an error");
            console.log("two\nlines");
            return new Response("x", { status: 201 });
          },
        };"#,
    )
    .start();
    server.get("/path?query");
    let line = server.logs.wait_text("plain");
    assert_eq!(line["message"], "plain 1 { a: [ 1, 2 ] } null undefined");
    assert_eq!(line["kind"], "console");
    assert_eq!(server.logs.wait_text("a warning")["level"], "warn");
    assert_eq!(server.logs.wait_text("an error")["level"], "error");
    assert_eq!(server.logs.wait_text("a debug")["level"], "debug");
    assert_eq!(server.logs.wait_text("two")["message"], "two\nlines");
    let request = server.logs.wait("the request", |line| line["kind"] == "request");
    assert_eq!(request["method"], "GET");
    assert_eq!(request["path"], "/path?query");
    assert_eq!(request["status"], 201);
    assert_eq!(request["outcome"], "ok");
    assert!(request["cpu_ms"].is_number() && request["wall_ms"].is_number());
}

#[test]
fn a_log_for_people_has_a_line_for_each_request() {
    let server = Setup::new(
        r#"export default { fetch() { console.log("said"); return new Response("x"); } };"#,
    )
    .pretty()
    .start();
    server.get("/path");
    let text = crate::harness::eventually("the request's line", || {
        Some(server.logs.text()).filter(|text| text.contains("GET /path"))
    });
    assert!(text.contains("said") && text.contains("200"), "{text}");
    assert!(!text.contains('\u{1b}'), "no colour where there is no terminal");
}

const THROWS: &str = r#"
function deep() {
  throw new RangeError("secret <b>details</b>");
}
export default {
  async fetch(request) {
    switch (new URL(request.url).pathname) {
      case "/sync": deep();
      case "/async": await null; deep();
      case "/string": throw "only a string";
      case "/object": throw { code: 7 };
      case "/null": throw null;
      case "/cause": throw new Error("outer", { cause: new TypeError("inner") });
      case "/ok": return new Response("fine");
    }
  },
};
"#;

#[test]
fn a_developer_sees_the_whole_exception() {
    let server = Setup::new(THROWS).start();
    for path in ["/sync", "/async"] {
        let response = server.get(path);
        assert_eq!(response.status, 500);
        let text = response.text();
        assert!(text.starts_with("RangeError: secret <b>details</b>\n"), "{text}");
        assert!(text.contains("worker.js:3:9"), "{text}");
        assert!(text.contains("> 3 |   throw new RangeError"), "{text}");
        assert!(text.contains("at deep (worker.js:3:9)"), "{text}");
        assert!(!text.contains("ext:"), "no frames of the platform: {text}");
        assert_eq!(response.header("content-type"), Some("text/plain; charset=UTF-8"));
        assert_eq!(response.header("cache-control"), Some("no-store"));
    }
    let page = html(&server, "/sync");
    assert_eq!(page.status, 500);
    assert_eq!(page.header("content-type"), Some("text/html; charset=UTF-8"));
    assert!(page.text().contains("secret &lt;b&gt;details&lt;/b&gt;"), "{}", page.text());
    assert!(!page.text().contains("<b>details"), "it is escaped");
    for (path, says) in [
        ("/string", "only a string"),
        ("/object", "{ code: 7 }"),
        ("/null", "null"),
        ("/cause", "inner"),
    ] {
        let response = server.get(path);
        assert_eq!(response.status, 500, "{path}");
        assert!(response.text().contains(says), "{path}: {}", response.text());
    }
    assert_eq!(server.text("/ok"), "fine");
    let line = server.logs.wait_text("secret");
    assert_eq!(line["level"], "error");
    assert_eq!(line["path"], "/sync");
}

#[test]
fn a_thrown_value_is_shown_as_the_console_shows_it() {
    let server = Setup::new(
        r#"class Refused { code = 7; get secret() { throw new Error("a getter ran"); } }
        const thrown = {
          plain: { a: 1, list: [1, { b: 2 }] },
          instance: new Refused(),
          getter: { get broken() { throw new Error("a getter ran"); }, x: 1 },
          proxy: new Proxy({ a: 1 }, { get() { throw new Error("a trap ran"); } }),
          hostile: new Proxy({}, { getPrototypeOf() { throw new Error("a trap ran"); } }),
          inspector: { [Symbol.for("nodejs.util.inspect.custom")]() { throw new Error("no"); } },
          list: [1, "two"],
          symbol: Symbol("s"),
          function: function named() {},
          number: 12,
          text: "only text",
          undefined: undefined,
        };
        export default {
          async fetch(request) {
            const [, how, name] = new URL(request.url).pathname.split("/");
            switch (how) {
              case "throw": throw thrown[name];
              case "reject": await Promise.reject(thrown[name]);
              case "floating": Promise.reject(thrown[name]);
              case "cause": if (how === "cause") throw new Error("outer", { cause: thrown[name] });
            }
            return new Response("still answered");
          },
        };"#,
    )
    .start();
    for (name, shown) in [
        ("plain", "{ a: 1, list: [ 1, { b: 2 } ] }"),
        ("instance", "Refused { code: 7 }"),
        ("getter", "{ broken: [Getter], x: 1 }"),
        ("proxy", "{ a: 1 }"),
        ("hostile", "#<Object>"),
        ("inspector", "#<Object>"),
        ("list", "[ 1, \"two\" ]"),
        ("symbol", "Symbol(s)"),
        ("function", "[Function: named]"),
        ("number", "12"),
        ("text", "only text"),
        ("undefined", "undefined"),
    ] {
        for how in ["throw", "reject"] {
            let response = server.get(&format!("/{how}/{name}"));
            assert_eq!(response.status, 500, "{how} {name}");
            let text = response.text();
            assert_eq!(text.lines().next(), Some(shown), "{how} {name}");
            assert!(!text.contains("ran"), "{how} {name}: {text}");
        }
        assert_eq!(server.text(&format!("/floating/{name}")), "still answered");
        server.logs.wait(name, |line| {
            line["message"].as_str() == Some(&format!("Uncaught (in promise) {shown}"))
        });
    }
    let response = server.get("/cause/plain");
    assert!(response.text().contains("{ a: 1, list: [ 1, { b: 2 } ] }"), "{}", response.text());
    let page = html(&server, "/throw/plain");
    assert!(page.text().contains("{ a: 1, list: [ 1, { b: 2 } ] }"), "{}", page.text());
}

#[test]
fn what_the_global_scope_throws_is_shown_within_its_limit() {
    let error = Setup::new("throw { code: 7 };\nexport default {};").fails();
    assert!(error.contains("{ code: 7 }"), "{error}");
    let error = Setup::new(
        r#"throw { get [Symbol.toStringTag]() { for (;;); } };
        export default {};"#,
    )
    .fails();
    assert!(!error.is_empty());
    let error = Setup::new(
        r#"throw { [Symbol.for("nodejs.util.inspect.custom")]() { for (;;); } };
        export default {};"#,
    )
    .limits(|limits| limits.startup_cpu = std::time::Duration::from_millis(100))
    .fails();
    assert!(error.contains("Script startup exceeded CPU time limit."), "{error}");
}

#[test]
fn showing_what_was_thrown_is_metered() {
    let server = Setup::new(
        r#"export default {
          async fetch(request) {
            if (new URL(request.url).pathname === "/ok") return new Response("fine");
            throw { [Symbol.for("nodejs.util.inspect.custom")]() { for (;;); } };
          },
        };"#,
    )
    .limits(|limits| limits.cpu = std::time::Duration::from_millis(100))
    .start();
    let response = server.get("/");
    assert_eq!(response.status, 503, "{}", response.text());
    assert_eq!(server.text("/ok"), "fine");
}

#[test]
fn a_table_survives_a_getter_that_throws() {
    let server = Setup::new(
        r#"export default {
          fetch() {
            const broken = { get a() { throw new Error("a getter ran"); }, b: 2 };
            console.table([broken, { a: 1 }]);
            console.table(broken);
            console.table([{ c: 3 }]);
            console.table({ [Symbol.iterator]() { throw new Error("no list"); }, d: 4 });
            try { console.table([1], 5); } catch (error) { console.log("refused", error.name); }
            return new Response(`${console.table.name} ${console.table.length}`);
          },
        };"#,
    )
    .start();
    assert_eq!(server.text("/"), "table 0");
    server.logs.wait("the request", |line| line["kind"] == "request");
    let said: Vec<String> = server
        .logs
        .lines()
        .iter()
        .filter(|line| line["kind"] == "console")
        .map(|line| line["message"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(said[0], "[ { a: [Getter], b: 2 }, { a: 1 } ]", "{said:?}");
    assert_eq!(said[1], "{ a: [Getter], b: 2 }");
    assert!(said[2].contains("\u{2502} c"), "{said:?}");
    assert!(said[3].contains("d: 4"), "{said:?}");
    assert_eq!(said[4], "refused Error");
}

#[test]
fn a_stranger_sees_a_code_and_a_reference() {
    let server = Setup::new(THROWS).production().start();
    for (path, reads) in [("/sync", "text"), ("/async", "html"), ("/cause", "text")] {
        let response = if reads == "html" { html(&server, path) } else { server.get(path) };
        assert_eq!(response.status, 500);
        let text = response.text();
        assert!(text.contains("1101"), "{text}");
        for leak in ["secret", "details", "RangeError", "worker.js", "outer", "inner", "deep"] {
            assert!(!text.contains(leak), "{leak} in {text}");
        }
        let logged = server
            .logs
            .wait("the failure", |line| line["path"] == path && line["reference"].is_string());
        let reference = logged["reference"].as_str().expect("it has one");
        assert!(text.contains(reference), "{reference} is not in {text}");
        assert!(
            logged["message"]
                .as_str()
                .is_some_and(|it| it.contains("secret") || it.contains("outer"))
        );
    }
    let first = server.get("/sync").text();
    assert_ne!(first, server.get("/sync").text(), "each reference is another one");
}

#[test]
fn exceeded_limits_have_their_own_code() {
    let source = r#"export default { fetch() { for (;;); } };"#;
    let cpu = |limits: &mut selvedge_runtime::Limits| {
        limits.cpu = std::time::Duration::from_millis(50);
    };
    let server = Setup::new(source).limits(cpu).production().start();
    let response = server.get("/");
    assert_eq!(response.status, 503);
    assert!(response.text().contains("1102"), "{}", response.text());
    let server = Setup::new(source).limits(cpu).start();
    let response = server.get("/");
    assert_eq!(response.status, 503);
    let text = response.text();
    assert!(text.starts_with("Worker exceeded CPU time limit."), "{text}");
    // Where it was when it was stopped.
    assert!(text.contains("--> worker.js:1:28\n> 1 | export default"), "{text}");
    assert!(text.contains("at fetch (worker.js:1:28)"), "{text}");
}

#[test]
fn stacks_may_be_asked_for_at_any_depth() {
    let server = Setup::new(
        r#"
        const deep = () => new Error().stack + deep();
        export default { fetch() {
          try { deep(); } catch (error) { return new Response(error.name); }
        } };"#,
    )
    .start();
    for _ in 0..3 {
        assert_eq!(server.text("/"), "RangeError");
    }
}

#[test]
fn the_place_of_a_stop_is_one_in_the_sources() {
    let map = serde_json::json!({
        "version": 3, "sources": ["source.ts"], "names": [], "mappings": ";;AAIA",
        "sourcesContent": ["one\ntwo\nthree\nfour\nspin();\n"],
    });
    let source = format!(
        "export default {{ fetch() {{\n  let n = 0;\nfor (;;) n++;\n}} }};\n\
         //# sourceMappingURL=data:application/json;base64,{}",
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, map.to_string()),
    );
    let server = Setup::new(&source)
        .limits(|limits| limits.cpu = std::time::Duration::from_millis(50))
        .start();
    let text = server.get("/").text();
    assert!(text.contains("--> source.ts:5:1\n"), "{text}");
    assert!(text.contains("> 5 | spin();"), "{text}");
}

#[test]
fn unhandled_rejections_are_reported() {
    let server = Setup::new(
        r#"export default {
          async fetch(request) {
            if (new URL(request.url).pathname === "/handled") {
              const rejected = Promise.reject(new Error("handled in time"));
              await null;
              rejected.catch(() => {});
              return new Response("x");
            }
            Promise.reject(new TypeError("nobody caught this"));
            if (request.url.endsWith("/all")) {
              setTimeout(() => { throw new Error("from a timer"); }, 1);
              queueMicrotask(() => { throw new Error("from a microtask"); });
            }
            await scheduler.wait(20);
            return new Response("still answered");
          },
        };"#,
    )
    .start();
    assert_eq!(server.text("/"), "still answered");
    server.logs.wait_text("Uncaught (in promise) TypeError: nobody caught this");
    assert_eq!(server.text("/all"), "still answered");
    for text in ["Uncaught Error: from a timer", "Uncaught Error: from a microtask"] {
        server.logs.wait_text(text);
    }
    server.text("/handled");
    assert!(!server.logs.text().contains("Error: handled in time"), "{}", server.logs.text());
}

#[test]
fn a_microtask_that_throws_hides_nothing_else() {
    let server = Setup::new(
        r#"export default {
          async fetch() {
            Promise.reject(new Error("first rejection"));
            queueMicrotask(() => { throw new Error("first microtask"); });
            queueMicrotask(() => { throw new Error("second microtask"); });
            Promise.reject(new Error("second rejection"));
            queueMicrotask(() => console.log("the last microtask ran"));
            await scheduler.wait(20);
            return new Response("still answered");
          },
        };"#,
    )
    .start();
    assert_eq!(server.text("/"), "still answered");
    server.logs.wait("the request", |line| line["kind"] == "request");
    let said: Vec<String> = server
        .logs
        .lines()
        .iter()
        .filter_map(|line| line["message"].as_str()?.lines().next().map(str::to_owned))
        .collect();
    let expected = [
        "Uncaught Error: first microtask",
        "Uncaught Error: second microtask",
        "the last microtask ran",
        "Uncaught (in promise) Error: first rejection",
        "Uncaught (in promise) Error: second rejection",
    ];
    assert_eq!(said.iter().filter(|it| expected.contains(&it.as_str())).count(), 5, "{said:?}");
    for text in expected {
        assert_eq!(said.iter().filter(|it| *it == text).count(), 1, "{text}: {said:?}");
    }
}

#[test]
fn listeners_see_uncaught_errors_and_late_handlers() {
    // The events and their order are those of workerd.
    let server = Setup::new(
        r#"const seen = [];
        addEventListener("error", (event) => {
          seen.push(`${event.type} ${event.message}`);
          event.preventDefault();
        });
        addEventListener("unhandledrejection", (event) => {
          seen.push(`${event.type} ${event.reason.message}`);
          event.preventDefault();
          // It belongs to the request whose promise it is.
          if (event.reason.message === "late") setTimeout(() => event.promise.catch(() => {}), 1);
        });
        addEventListener("rejectionhandled", (event) => {
          seen.push(`${event.type} ${event.promise instanceof Promise}`);
        });
        export default {
          async fetch() {
            Promise.reject(new Error("late"));
            queueMicrotask(() => { throw new Error("thrown"); });
            const caught = Promise.reject(new Error("handled in time"));
            await null;
            caught.catch(() => {});
            await scheduler.wait(50);
            return Response.json(seen);
          },
        };"#,
    )
    .start();
    assert_eq!(
        server.text("/"),
        r#"["error Uncaught Error: thrown","unhandledrejection late","rejectionhandled true"]"#
    );
    assert!(!server.logs.text().contains("Uncaught"), "{}", server.logs.text());
}

#[test]
fn listeners_see_unhandled_rejections() {
    let server = Setup::new(
        r#"addEventListener("unhandledrejection", (event) => {
          console.log("seen: " + event.reason.message);
          event.preventDefault();
        });
        export default {
          async fetch() {
            Promise.reject(new Error("a rejection"));
            await scheduler.wait(10);
            return new Response("x");
          },
        };"#,
    )
    .start();
    server.text("/");
    server.logs.wait_text("seen: a rejection");
    assert!(!server.logs.text().contains("Uncaught (in promise)"), "{}", server.logs.text());
}

#[test]
fn a_request_that_can_never_answer_is_ended() {
    let server = Setup::new(
        r#"export default {
          async fetch(request) {
            if (new URL(request.url).pathname === "/hang") await new Promise(() => {});
            return new Response("fine");
          },
        };"#,
    )
    .start();
    let response = server.get("/hang");
    assert_eq!(response.status, 500);
    assert!(response.text().contains("your Worker's code had hung"), "{}", response.text());
    assert_eq!(server.text("/"), "fine");
}

#[test]
fn a_hung_request_is_ended_while_others_work() {
    let server = Setup::new(
        r#"export default {
          async fetch(request) {
            if (new URL(request.url).pathname === "/hang") await new Promise(() => {});
            await scheduler.wait(300);
            return new Response("fine");
          },
        };"#,
    )
    .start();
    let mut working = server.connect();
    working.send("GET /work HTTP/1.1\r\nhost: a\r\n\r\n");
    let response = server.get("/hang");
    assert_eq!(response.status, 500);
    assert_eq!(working.response().text(), "fine");
}

const OTHER_REQUEST: &str = "Cannot perform I/O on behalf of a different request.";

#[test]
fn io_of_another_request_is_refused() {
    let server = Setup::new(
        r#"let kept = {};
        export default {
          async fetch(request, env, ctx) {
            const path = new URL(request.url).pathname;
            try {
              switch (path) {
                case "/keep":
                  kept.request = request;
                  await scheduler.wait(1000);
                  return new Response("kept");
                case "/body":
                  return new Response(await kept.request.text());
                case "/stream":
                  return new Response(kept.request.body);
                case "/reader":
                  return new Response(JSON.stringify(await kept.request.body.getReader().read()));
              }
            } catch (error) {
              return new Response(error.message, { status: 555 });
            }
          },
        };"#,
    )
    .start();
    let mut first = server.connect();
    first.send("POST /keep HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\nstart");
    // The first request must have come to its wait.
    std::thread::sleep(std::time::Duration::from_millis(200));
    for path in ["/body", "/stream", "/reader"] {
        let response = server.get(path);
        assert!(
            response.text().contains(OTHER_REQUEST),
            "{path}: {} {}",
            response.status,
            response.text()
        );
    }
}

const GLOBAL_SCOPE: &str = "Disallowed operation called within global scope.";

#[test]
fn the_global_scope_does_no_io() {
    for source in [
        "setTimeout(() => {}, 1)",
        "setInterval(() => {}, 1)",
        "await fetch('http://127.0.0.1:1/')",
        "crypto.randomUUID()",
        "crypto.getRandomValues(new Uint8Array(1))",
        "await scheduler.wait(1)",
        "new WebSocket('ws://127.0.0.1:1/')",
    ] {
        let error = Setup::new(&format!("{source}; export default {{ fetch() {{}} }};")).fails();
        assert!(error.contains(GLOBAL_SCOPE), "{source}: {error}");
    }
    // What needs no I/O works there.
    let server = Setup::new(
        r#"const id = await crypto.subtle.digest("SHA-256", new Uint8Array(1));
        const made = new Response("made in the global scope");
        const headers = new Headers({ a: "b" });
        const url = new URL("http://a/b");
        const now = Date.now();
        export default {
          fetch: () => Response.json([id.byteLength, headers.get("a"), url.pathname, made.status]),
        };"#,
    )
    .start();
    assert_eq!(server.get("/").json(), serde_json::json!([32, "b", "/b", 200]));
}

#[test]
fn timers_of_a_request_do_not_outlive_it() {
    let server = Setup::new(
        r#"let ticks = 0;
        export default {
          async fetch(request) {
            if (new URL(request.url).pathname === "/count") return new Response(`${ticks}`);
            setInterval(() => { ticks++; }, 1);
            await scheduler.wait(50);
            return new Response("started");
          },
        };"#,
    )
    .start();
    assert_eq!(server.text("/start"), "started");
    let before = server.text("/count");
    assert_ne!(before, "0");
    std::thread::sleep(std::time::Duration::from_millis(100));
    assert_eq!(server.text("/count"), before);
}

#[test]
fn timers_of_requests_that_are_over_do_not_count() {
    let server = Setup::new(
        r#"export default {
          fetch() {
            let count = 0;
            try { for (;;) { setTimeout(() => {}, 60000); count++; } }
            catch (error) { return new Response(`${count} ${error.name}`); }
          },
        };"#,
    )
    .start();
    for _ in 0..3 {
        assert_eq!(server.text("/"), "10000 QuotaExceededError");
    }
}

#[test]
fn several_isolates_serve_one_address() {
    let server =
        Setup::new(r#"export default { fetch: () => new Response("x") }"#).isolates(4).start();
    for _ in 0..50 {
        assert_eq!(server.text("/"), "x");
    }
}

#[test]
fn a_server_that_stops_finishes_what_is_in_flight() {
    let mut server = Setup::new(
        r#"export default {
          async fetch(request, env, ctx) {
            ctx.waitUntil(scheduler.wait(400).then(() => console.log("background finished")));
            console.log("begun");
            await scheduler.wait(200);
            return new Response("finished");
          },
        };"#,
    )
    .start();
    let mut idle = server.connect();
    idle.get("/");
    let mut busy = server.connect();
    busy.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    crate::harness::eventually("both have begun", || {
        (server.logs.text().matches("begun").count() == 2).then_some(())
    });
    server.stop();
    assert!(idle.is_closed());
    let response = busy.response();
    assert_eq!(response.text(), "finished");
    assert!(busy.is_closed());
    let logs = server.logs.clone();
    server.join();
    assert_eq!(logs.text().matches("background finished").count(), 2);
}
