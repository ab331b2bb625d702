//! The cache before a Worker.

mod bodies;
mod entrypoints;
mod hostile;
mod purging;
mod rules;
mod stale;

use crate::harness::{Response, Setup, TestServer};

/// Answers as the header `x-do` says, and numbers its answers. Every POST goes past the
/// cache: it counts, purges or lets go what waits.
pub(crate) const WORKER: &str = r#"
let runs = 0;
let opened = false;
// One request cannot wait for a promise of another one.
const gate = async () => { while (!opened) await scheduler.wait(5); };

async function answer(request, ctx) {
  const url = new URL(request.url);
  if (request.method === "POST") {
    switch (url.pathname) {
      case "/runs": return new Response(`${runs}`);
      case "/open": opened = true; return new Response("opened");
      case "/purge": return Response.json(await ctx.cache.purge(await request.json()));
    }
    return new Response("posted", { headers: { "cache-control": "max-age=60" } });
  }
  const does = JSON.parse(request.headers.get("x-do") ?? "{}");
  const number = ++runs;
  if (does.wait === "gate") await gate();
  else if (does.wait) await scheduler.wait(does.wait);
  if (does.fails || (does.failsLater && number > 1)) throw new Error("as asked");
  const headers = new Headers(does.headers ?? {});
  if (!does.silent && !headers.has("cache-control")) headers.set("cache-control", "max-age=3600");
  const seen = {};
  for (const name of does.shows ?? []) seen[name] = request.headers.get(name);
  if (does.shows) headers.set("x-seen", JSON.stringify({ method: request.method, ...seen }));
  if (does.validates && request.headers.get("if-none-match") === does.headers.etag) {
    return new Response(null, { status: 304, headers });
  }
  const status = (does.later && number > 1 ? does.later : does.status) ?? 200;
  if (status === 304 || status === 204) return new Response(null, { status, headers });
  const body = `${does.body ?? "answer"} ${number}`;
  if (does.pieces) {
    const { readable, writable } = does.length
      ? new FixedLengthStream(does.pieces.length) : new TransformStream();
    ctx.waitUntil((async () => {
      const writer = writable.getWriter();
      const encoder = new TextEncoder();
      try {
        for (const [at, piece] of [...does.pieces].entries()) {
          if (at > 0 && does.between === "gate") await gate();
          await writer.write(encoder.encode(piece));
        }
        if (does.breaks) throw new Error("broken off");
        await writer.close();
      } catch (error) { await writer.abort(error).catch(() => {}); }
    })());
    return new Response(readable, { status, headers });
  }
  if (does.large) return new Response(String(number % 10).repeat(does.large), { status, headers });
  return new Response(body, { status, headers });
}

export default { fetch: (request, env, ctx) => answer(request, ctx) };
"#;

/// What `cache` of the configuration says, and further tables.
pub(crate) fn setup(config: &str) -> Setup {
    let text = format!("name = \"front\"\nmain = \"worker.js\"\n{config}");
    Setup::empty().file("wrangler.toml", text).file("worker.js", WORKER)
}

pub(crate) fn server() -> TestServer {
    setup("[cache]\nenabled = true\n").start()
}

/// Asks for a path; `does` is JSON of what the Worker answers.
fn get(server: &TestServer, path: &str, does: &str) -> Response {
    ask(server, "GET", path, does, &[])
}

fn ask(
    server: &TestServer,
    method: &str,
    path: &str,
    does: &str,
    headers: &[(&str, &str)],
) -> Response {
    let headers: Vec<_> = [("x-do", does)].into_iter().chain(headers.iter().copied()).collect();
    server.connect().request(method, path, &headers, b"")
}

fn post(server: &TestServer, path: &str, body: &str) -> Response {
    server.connect().request("POST", path, &[], body.as_bytes())
}

/// How often the Worker answered a GET.
fn runs(server: &TestServer) -> String {
    post(server, "/runs", "").text()
}

/// `CF-Cache-Status` and the body.
fn got(response: &Response) -> (String, String) {
    (response.header("cf-cache-status").unwrap_or("none").to_owned(), response.text())
}

fn is(status: &str, body: &str) -> (String, String) {
    (status.to_owned(), body.to_owned())
}
