//! Values of 25 MiB go in and out while memory stays flat, and lie in memory
//! once where a Worker asks for them whole.

use tempfile::TempDir;

use crate::harness::{Client, Program, rss};

const MIB: usize = 1024 * 1024;
const VALUE: usize = 25 * MIB;
/// What ten values in and ten out may add to the server's memory, in bytes,
/// beyond what the first round left.
const GROWTH: usize = 40 * MIB;

const WORKER: &str = r#"
export default {
  async fetch(request, { KV }) {
    const url = new URL(request.url);
    switch (url.pathname) {
      case "/put":
        await KV.put("large", request.body);
        return new Response("stored");
      case "/stream":
        return new Response(await KV.get("large", "stream"));
      case "/text":
        return new Response(await KV.get("large"));
      case "/buffer":
        return new Response(await KV.get("large", "arrayBuffer"));
      case "/through": {
        // Not native: each piece is seen by the Worker.
        const seen = new TransformStream({ transform: (chunk, controller) => controller.enqueue(chunk) });
        await KV.put("large", request.body.pipeThrough(seen));
        return new Response("stored");
      }
    }
    return new Response("ready");
  },
};
"#;

/// Reads values while an array leaves too little memory for two buffers of one:
/// the limit is 128 MiB, and array buffers count to the byte.
const ONCE: &str = r#"
const MIB = 1024 * 1024;
const ballast = new Uint8Array(90 * MIB);
export default {
  async fetch(request, { KV }) {
    const url = new URL(request.url);
    const keys = (url.searchParams.get("keys") ?? "").split(",");
    switch (url.pathname) {
      case "/put":
        await KV.put(keys[0], request.body);
        return new Response("stored");
      case "/one":
        return Response.json(described(await KV.get(keys[0])));
      case "/bulk": {
        const values = await KV.get(keys);
        return Response.json(keys.map((key) => described(values.get(key))));
      }
      case "/metadata": {
        const values = await KV.getWithMetadata(keys);
        return Response.json(keys.map((key) => described(values.get(key).value)));
      }
    }
    return new Response(`ready ${ballast.length}`);
  },
};
function described(text) {
  return text && [text.length, text.at(0), text.at(-1), text.indexOf("!")];
}
"#;

fn serve() -> (TempDir, Program) {
    serve_worker(WORKER)
}

fn serve_worker(source: &str) -> (TempDir, Program) {
    let folder = TempDir::new().expect("a temporary folder");
    std::fs::write(folder.path().join("worker.js"), source).expect("it can be written");
    std::fs::write(
        folder.path().join("wrangler.toml"),
        "main = \"worker.js\"\n[[kv_namespaces]]\nbinding = \"KV\"\n",
    )
    .expect("it can be written");
    let program = Program::selvedge(folder.path(), &["run", "--port", "0"]);
    (folder, program)
}

fn put(client: &mut Client, path: &str, pattern: u8) {
    let head = format!("POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: {VALUE}\r\n\r\n");
    client.send(head);
    let block = vec![pattern; MIB];
    for _ in 0..VALUE / MIB {
        client.send(&block);
    }
    let answer = client.response();
    assert_eq!((answer.status, answer.text().as_str()), (200, "stored"));
}

/// Reads a value without keeping it; whether all of it is the pattern.
fn get(client: &mut Client, path: &str, pattern: u8) {
    client.send(format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n"));
    let head = client.head();
    assert_eq!(head.status, 200, "{path}");
    assert_eq!(head.header("content-length"), Some(VALUE.to_string().as_str()), "{path}");
    let mut left = VALUE;
    while left > 0 {
        let bytes = client.exactly(left.min(MIB));
        assert!(bytes.iter().all(|byte| *byte == pattern), "{path}");
        left -= bytes.len();
    }
}

#[test]
fn the_largest_values_go_in_and_out_as_streams_in_little_memory() {
    let (_folder, mut program) = serve();
    let mut client = program.connect();
    assert_eq!(client.get("/").text(), "ready");
    // The first round brings buffers and caches that stay.
    put(&mut client, "/put", b'0');
    get(&mut client, "/stream", b'0');
    let before = rss(program.id());
    let mut peak = before;
    for round in 1..=10_u8 {
        put(&mut client, "/put", b'0' + round);
        peak = peak.max(rss(program.id()));
        get(&mut client, "/stream", b'0' + round);
        peak = peak.max(rss(program.id()));
    }
    assert!(peak - before < GROWTH, "{} MiB", (peak - before) / MIB);
    put(&mut client, "/through", b'z');
    get(&mut client, "/stream", b'z');
}

#[test]
fn the_largest_value_is_read_whole_as_text_and_as_bytes() {
    let (_folder, mut program) = serve();
    let mut client = program.connect();
    put(&mut client, "/put", b'a');
    get(&mut client, "/text", b'a');
    get(&mut client, "/buffer", b'a');
}

/// Puts `length` bytes of `pattern` under a key of [`ONCE`].
fn put_text(client: &mut Client, key: &str, pattern: &str, length: usize) {
    let head =
        format!("POST /put?keys={key} HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n");
    client.send(head);
    client.send(pattern.repeat(length / pattern.len()));
    let answer = client.response();
    assert_eq!((answer.status, answer.text().as_str()), (200, "stored"));
}

#[test]
fn text_is_in_memory_once() {
    let (_folder, mut program) = serve_worker(ONCE);
    let mut client = program.connect();
    put_text(&mut client, "ascii", "a", VALUE);
    put_text(&mut client, "latin", "\u{e9}", VALUE);
    // 3 bytes for 1 character of 2 bytes: 24 MiB of such text are 16 MiB in V8.
    put_text(&mut client, "wide", "\u{20ac}", 24 * MIB);
    for _ in 0..3 {
        let text = client.get("/one?keys=ascii").text();
        assert_eq!(text, format!(r#"[{VALUE},"a","a",-1]"#));
        let text = client.get("/one?keys=latin").text();
        assert_eq!(text, format!("[{},\"\u{e9}\",\"\u{e9}\",-1]", VALUE / 2));
        let text = client.get("/one?keys=wide").text();
        assert_eq!(text, format!("[{},\"\u{20ac}\",\"\u{20ac}\",-1]", 8 * MIB));
    }
}

#[test]
fn values_of_a_bulk_read_fit_where_each_fits_once() {
    let (_folder, mut program) = serve_worker(ONCE);
    let mut client = program.connect();
    put_text(&mut client, "a", "a", 12 * MIB);
    put_text(&mut client, "b", "b", 12 * MIB);
    put_text(&mut client, "short", "s", 1000);
    put_text(&mut client, "largest", "l", VALUE);
    let a = format!(r#"[{},"a","a",-1]"#, 12 * MIB);
    let b = format!(r#"[{},"b","b",-1]"#, 12 * MIB);
    for path in ["/bulk", "/metadata"] {
        let text = client.get(&format!("{path}?keys=a,short,b")).text();
        assert_eq!(text, format!(r#"[{a},[1000,"s","s",-1],{b}]"#), "{path}");
        let text = client.get(&format!("{path}?keys=largest")).text();
        assert_eq!(text, format!(r#"[[{VALUE},"l","l",-1]]"#), "{path}");
    }
}
