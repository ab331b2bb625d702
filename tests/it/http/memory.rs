//! Large bodies pass through in little memory.

use std::io::Read;

use tempfile::TempDir;

use crate::harness::{Client, Program, rss};

const MIB: usize = 1024 * 1024;
const TOTAL: usize = 200 * MIB;
/// What passing 200 MiB through may take at most. V8 collects buffers that nobody
/// holds when 64 MiB of them have come together.
const GROWTH: usize = 80 * MIB;

const WORKER: &str = r#"
export default {
  fetch(request) {
    switch (new URL(request.url).pathname) {
      case "/echo":
        return new Response(request.body);
      case "/transform":
        return new Response(request.body.pipeThrough(new TransformStream({
          transform(chunk, controller) { controller.enqueue(chunk); },
        })));
      case "/produce": {
        let left = 200;
        return new Response(new ReadableStream({
          pull(controller) {
            if (left-- === 0) controller.close();
            else controller.enqueue(new Uint8Array(1024 * 1024));
          },
        }));
      }
      case "/count":
        return count(request.body);
    }
    return new Response("ready");
  },
};
async function count(body) {
  let total = 0;
  for await (const chunk of body) total += chunk.byteLength;
  return new Response(`${total}`);
}
"#;

fn serve() -> (TempDir, Program) {
    let folder = TempDir::new().expect("a temporary folder");
    std::fs::write(folder.path().join("worker.js"), WORKER).expect("it can be written");
    std::fs::write(
        folder.path().join("wrangler.toml"),
        "name = \"memory\"\nmain = \"worker.js\"\ncompatibility_date = \"2026-11-01\"\n",
    )
    .expect("it can be written");
    let program = Program::selvedge(folder.path(), &["run", "worker.js", "--port", "0"]);
    (folder, program)
}

/// Sends 200 MB while reading what comes back; the bytes that came and the
/// largest growth of the server's memory.
fn pass(program: &mut Program, path: &str) -> (usize, usize) {
    let address = program.address();
    assert_eq!(Client::connect(address).get("/").text(), "ready");
    let before = rss(program.id());
    let pid = program.id();
    let mut client = Client::connect(address);
    // Below the limit of 100 MB on a body's length, twice.
    let mut peak = before;
    let mut received = 0;
    for _ in 0..2 {
        let length = TOTAL / 2 - 1000;
        client.send(format!("POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n"));
        let mut sending = client.stream.try_clone().expect("a socket can be cloned");
        let sender = std::thread::spawn(move || {
            let block = vec![b'x'; MIB];
            let mut left = length;
            while left > 0 {
                let count = left.min(MIB);
                std::io::Write::write_all(&mut sending, &block[..count]).expect("it is taken");
                left -= count;
            }
        });
        let head = client.head();
        assert_eq!(head.status, 200);
        let mut got = 0;
        while let Some(chunk) = read_some(&mut client, &head, length - got) {
            got += chunk;
            peak = peak.max(rss(pid));
        }
        sender.join().expect("all was sent");
        received += got;
    }
    (received, peak - before)
}

fn read_some(client: &mut Client, head: &crate::harness::Response, left: usize) -> Option<usize> {
    if head.is_chunked() {
        return client.chunk().map(|chunk| chunk.len());
    }
    (left > 0).then(|| client.exactly(left.min(256 * 1024)).len())
}

#[test]
fn bodies_pass_through_in_little_memory() {
    let (_folder, mut program) = serve();
    for path in ["/echo", "/transform"] {
        let (received, growth) = pass(&mut program, path);
        assert_eq!(received, TOTAL - 2000, "{path}");
        assert!(growth < GROWTH, "{path}: memory grew by {} MiB", growth / MIB);
    }
}

#[test]
fn a_long_response_is_made_in_little_memory() {
    let (_folder, mut program) = serve();
    let address = program.address();
    assert_eq!(Client::connect(address).get("/").text(), "ready");
    let before = rss(program.id());
    let mut client = Client::connect(address);
    client.send("GET /produce HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    let mut buffer = vec![0; 256 * 1024];
    let (mut total, mut peak) = (0, before);
    // A slow reader: what is not read must not be made.
    loop {
        let count = client.stream.read(&mut buffer).expect("it comes");
        if count == 0 {
            break;
        }
        total += count;
        if total % (8 * MIB) < count {
            std::thread::sleep(std::time::Duration::from_millis(5));
            peak = peak.max(rss(program.id()));
        }
    }
    assert!(total > TOTAL, "{total}");
    let growth = peak - before;
    assert!(growth < GROWTH * 2, "memory grew by {} MiB", growth / MIB);
}

#[test]
fn a_body_is_read_in_pieces() {
    let (_folder, mut program) = serve();
    let mut client = program.connect();
    let length = 50 * MIB;
    let before = rss(program.id());
    client.send(format!("POST /count HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n"));
    let block = vec![0; MIB];
    let mut peak = before;
    for _ in 0..50 {
        client.send(&block);
        peak = peak.max(rss(program.id()));
    }
    assert_eq!(client.response().text(), length.to_string());
    assert!(peak - before < GROWTH, "memory grew by {} MiB", (peak - before) / MIB);
}
