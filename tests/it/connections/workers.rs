//! Connections between Workers, and to Durable Objects.

use crate::dev::Dev;
#[cfg(target_os = "linux")]
use crate::harness::rss;

const WEB: &str = r#"
const encode = (text) => new TextEncoder().encode(text);
async function textOf({ readable }) {
  let text = "";
  for await (const chunk of readable.pipeThrough(new TextDecoderStream())) text += chunk;
  return text;
}
async function ask(from, address, question) {
  const socket = from.connect(address);
  const sent = (async () => {
    const writer = socket.writable.getWriter();
    await writer.write(encode(question));
    await writer.close();
  })();
  const answer = await textOf(socket);
  await sent;
  return answer;
}
const told = (promise) => promise.then((value) => `fine: ${value}`, (error) => `${error}`);

export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    const number = Number(searchParams.get("n"));
    switch (pathname) {
      case "/default": return new Response(await ask(env.OTHER, "db.internal:5432", "hello"));
      case "/named": return new Response(await ask(env.NAMED, "x:1", "hello"));
      case "/object": return new Response(await ask(env.OBJECT.getByName("one"), "object:1", "hello"));
      case "/missing": return new Response(await told(env.MISSING.connect("x:1").opened));
      case "/memory": {
        const socket = env.OTHER.connect("memory:1");
        await socket.opened;
        return new Response(`${await told(textOf(socket))}, ${await told(socket.closed)}`);
      }
      case "/abort": {
        const socket = env.OTHER.connect("object:1");
        await socket.opened;
        const writer = socket.writable.getWriter();
        await writer.write(encode("half"));
        await told(writer.abort(new Error("given up")));
        return new Response(await told(socket.closed));
      }
      case "/ends": {
        const socket = env.OTHER.connect("report:1");
        await socket.writable.getWriter().write(encode("half"));
        return new Response("ends with an open socket");
      }
      case "/report": return new Response(await ask(env.OTHER, "reported:1", ""));
      case "/loop": return new Response(await told(env.OTHER.connect("loop:1").opened.then(() => ask(env.OTHER, "loop:1", ""))));
      case "/much": {
        const socket = env.OTHER.connect("count:1");
        const writer = socket.writable.getWriter();
        const chunk = new Uint8Array(65536);
        for (let sent = 0; sent < number; sent += chunk.byteLength) await writer.write(chunk);
        await writer.close();
        return new Response(await textOf(socket));
      }
      case "/many": {
        let all = 0;
        for (let i = 0; i < number; i++) all += (await ask(env.OTHER, "short:1", "x")).length;
        return new Response(`${all}`);
      }
    }
  },
};
"#;

const OTHER: &str = r#"
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
const encode = (text) => new TextEncoder().encode(text);
let report = "nothing yet";
async function send(socket, text) {
  const writer = socket.writable.getWriter();
  await writer.write(encode(text));
  await writer.close();
}
async function textOf({ readable }) {
  let text = "";
  for await (const chunk of readable.pipeThrough(new TextDecoderStream())) text += chunk;
  return text;
}
async function answer(socket, what) {
  const question = await textOf(socket);
  await send(socket, `${what} at ${(await socket.opened).localAddress} got ${question}`);
}
export class Named extends WorkerEntrypoint {
  connect(socket) { return answer(socket, JSON.stringify(this.ctx.props)); }
}
export class Thing extends DurableObject {
  connect(socket) { return answer(socket, this.ctx.id.name); }
}
export default {
  async connect(socket, env) {
    const { localAddress } = await socket.opened;
    switch (localAddress) {
      case "memory:1": {
        const kept = [];
        for (;;) kept.push(new Array(100_000).fill(kept.length));
      }
      case "report:1":
        try { report = await textOf(socket); } catch (error) { report = `${error}`; }
        return;
      case "reported:1": return send(socket, report);
      case "loop:1": {
        const next = env.SELF.connect("loop:1");
        try { await next.opened; } catch (error) { return send(socket, `${error}`); }
        return send(socket, await textOf(next));
      }
      case "count:1": {
        let bytes = 0;
        for await (const chunk of socket.readable) bytes += chunk.byteLength;
        return send(socket, `${bytes}`);
      }
      case "short:1": return socket.readable.pipeTo(socket.writable);
    }
    return answer(socket, "the default export");
  },
};
"#;

fn start() -> Dev {
    let web = r#"
        name = "web"
        main = "worker.js"
        compatibility_date = "2026-11-01"
        services = [
          { binding = "OTHER", service = "other" },
          { binding = "NAMED", service = "other", entrypoint = "Named", props = { role = "web" } },
          { binding = "MISSING", service = "missing" },
        ]
        durable_objects.bindings = [{ name = "OBJECT", class_name = "Thing", script_name = "other" }]"#;
    let other = r#"
        name = "other"
        main = "worker.js"
        compatibility_date = "2026-11-01"
        services = [{ binding = "SELF", service = "other" }]
        durable_objects.bindings = [{ name = "OBJECT", class_name = "Thing" }]
        migrations = [{ tag = "1", new_sqlite_classes = ["Thing"] }]"#;
    Dev::start(
        &[
            ("web/worker.js", WEB),
            ("web/wrangler.toml", web),
            ("other/worker.js", OTHER),
            ("other/wrangler.toml", other),
        ],
        &["-c", "web/wrangler.toml", "-c", "other/wrangler.toml"],
    )
}

#[test]
fn connections_reach_exports_and_objects_of_the_other_worker() {
    let dev = start();
    assert_eq!(dev.get("/default").text(), "the default export at db.internal:5432 got hello");
    assert_eq!(dev.get("/named").text(), "{\"role\":\"web\"} at x:1 got hello");
    assert_eq!(dev.get("/object").text(), "one at object:1 got hello");
    let missing = dev.get("/missing").text();
    assert!(missing.contains("the Worker \"missing\", which does not run here"), "{missing}");
}

#[test]
fn what_is_lost_on_one_side_is_an_error_on_the_other() {
    let dev = start();
    // The other isolate runs out of memory, and is replaced.
    let lost = "Error: Network connection lost.";
    assert_eq!(dev.get("/memory").text(), format!("{lost}, {lost}"));
    assert_eq!(dev.get("/named").text(), "{\"role\":\"web\"} at x:1 got hello");
    assert_eq!(dev.get("/abort").text(), "Error: given up");
    // The request of who connected is over.
    assert_eq!(dev.get("/ends").text(), "ends with an open socket");
    crate::harness::eventually("the handler sees that it lost its peer", || {
        (dev.get("/report").text() == lost).then_some(())
    });
}

#[test]
fn a_loop_of_connections_is_cut() {
    let dev = start();
    let text = dev.get("/loop").text();
    let wanted = "fine: Error: Subrequest depth limit exceeded.";
    assert!(text.starts_with(wanted), "{text}");
}

#[cfg(target_os = "linux")]
#[test]
fn much_goes_through_without_being_held() {
    let dev = start();
    assert_eq!(dev.get("/much?n=1048576").text(), "1048576");
    let before = rss(dev.program.id());
    assert_eq!(dev.get("/much?n=268435456").text(), "268435456");
    let after = rss(dev.program.id());
    assert!(after < before + 96 * 1024 * 1024, "{before} {after}");
}

#[cfg(target_os = "linux")]
#[test]
fn many_short_connections_leave_nothing_behind() {
    let dev = start();
    assert_eq!(dev.get("/many?n=500").text(), "500");
    let before = rss(dev.program.id());
    for _ in 0..8 {
        assert_eq!(dev.get("/many?n=500").text(), "500");
    }
    let after = rss(dev.program.id());
    assert!(after < before + 48 * 1024 * 1024, "{before} {after}");
}

/// The number of a context that is over becomes another's.
#[test]
fn who_leaves_late_ends_nobody_elses_connection() {
    let source = r#"
      const encode = (text) => new TextEncoder().encode(text);
      export default {
        async connect(socket) {
          if ((await socket.opened).localAddress === "long:1") await socket.readable.pipeTo(socket.writable);
        },
        async fetch(request, env) {
          const first = env.SELF.connect("short:1", { allowHalfOpen: true });
          if (!(await first.readable.getReader().read()).done) throw new Error("it said something");
          const second = env.SELF.connect("long:1");
          await second.opened;
          await first.close();
          // Many times as long as a handler has whose peer has left.
          await scheduler.wait(1500);
          const [writer, reader] = [second.writable.getWriter(), second.readable.getReader()];
          await writer.write(encode("still there"));
          const { value } = await reader.read();
          await second.close();
          return new Response(value);
        },
      };
    "#;
    let config = "name = \"self\"\nmain = \"worker.js\"\ncompatibility_date = \"2026-11-01\"\n\
        services = [{ binding = \"SELF\", service = \"self\" }]\n";
    let server = crate::harness::Setup::empty()
        .file("wrangler.toml", config)
        .file("worker.js", source)
        .limits(|limits| limits.wait_until = std::time::Duration::from_millis(50))
        .start();
    assert_eq!(server.text("/"), "still there");
}
