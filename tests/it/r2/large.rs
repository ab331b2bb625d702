//! Large objects go in and out while memory stays flat.

use crate::harness::{Client, Program, rss};

const MIB: usize = 1024 * 1024;
/// What a body in and out may add to the server's memory, in bytes, beyond what
/// the first round left.
const GROWTH: usize = 64 * MIB;
/// The size of a part: less than the largest body of a request.
const PART: usize = 50 * MIB;

const WORKER: &str = r#"
export default {
  async fetch(request, { BUCKET }) {
    const { pathname, searchParams } = new URL(request.url);
    const upload = () => BUCKET.resumeMultipartUpload("large", searchParams.get("upload"));
    switch (pathname) {
      case "/create":
        return new Response((await BUCKET.createMultipartUpload("large")).uploadId);
      case "/part":
        return Response.json(await upload().uploadPart(searchParams.get("number"), request.body));
      case "/complete":
        return new Response((await upload().complete(await request.json())).size);
      case "/put":
        return new Response((await BUCKET.put("large", request.body)).size);
      case "/get":
        return new Response((await BUCKET.get("large")).body);
      case "/through": {
        // Not native: each piece is seen by the Worker.
        const seen = new TransformStream({ transform: (chunk, controller) => controller.enqueue(chunk) });
        const fixed = new FixedLengthStream(Number(request.headers.get("content-length")));
        request.body.pipeThrough(seen).pipeTo(fixed.writable);
        return new Response((await BUCKET.put("large", fixed.readable)).size);
      }
    }
    return new Response("ready");
  },
};
"#;

struct Server {
    _folder: tempfile::TempDir,
    program: Program,
    client: Client,
    peak: usize,
}

impl Server {
    fn start() -> Self {
        let folder = super::folder(WORKER);
        let mut program = Program::selvedge(folder.path(), &["run", "--port", "0"]);
        let client = program.connect();
        Self { _folder: folder, program, client, peak: 0 }
    }

    fn look(&mut self) {
        self.peak = self.peak.max(rss(self.program.id()));
    }

    fn send(&mut self, path: &str, length: usize, pattern: u8) -> String {
        let head = format!("POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n");
        self.client.send(head);
        let block = vec![pattern; MIB];
        let mut left = length;
        while left > 0 {
            self.client.send(&block[..left.min(MIB)]);
            left -= left.min(MIB);
            self.look();
        }
        let answer = self.client.response();
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.text()
    }

    fn put(&mut self, path: &str, length: usize, pattern: u8) {
        assert_eq!(self.send(path, length, pattern), length.to_string());
    }

    fn get(&mut self, length: usize, pattern: u8) {
        self.client.send("GET /get HTTP/1.1\r\nhost: a\r\n\r\n");
        let head = self.client.head();
        assert_eq!(head.status, 200);
        assert_eq!(head.header("content-length"), Some(length.to_string().as_str()));
        let mut left = length;
        while left > 0 {
            let bytes = self.client.exactly(left.min(MIB));
            assert!(bytes.iter().all(|byte| *byte == pattern));
            left -= bytes.len();
            self.look();
        }
    }

    /// Uploads so many parts; gives the size of the object.
    fn upload(&mut self, parts: usize, pattern: u8) -> usize {
        let upload = self.client.get("/create").text();
        let mut made = Vec::new();
        for number in 1..=parts {
            let path = format!("/part?upload={upload}&number={number}");
            made.push(self.send(&path, PART, pattern));
        }
        let answer = self
            .client
            .post(&format!("/complete?upload={upload}"), format!("[{}]", made.join(",")));
        assert_eq!(answer.text(), (parts * PART).to_string());
        parts * PART
    }
}

fn in_little_memory(parts: usize) {
    let mut server = Server::start();
    // The first round brings buffers and caches that stay.
    server.put("/put", 20 * MIB, b'a');
    server.get(20 * MIB, b'a');
    server.peak = 0;
    server.look();
    let before = server.peak;
    let size = server.upload(parts, b'b');
    server.get(size, b'b');
    server.put("/put", 90 * MIB, b'c');
    server.get(90 * MIB, b'c');
    let grown = server.peak - before;
    assert!(grown < GROWTH, "{} MiB", grown / MIB);
    server.put("/through", 20 * MIB, b'd');
    server.get(20 * MIB, b'd');
}

#[test]
fn objects_go_in_and_out_in_little_memory() {
    in_little_memory(4);
}

#[test]
#[ignore = "it writes and reads a gibibyte"]
fn an_object_of_a_gibibyte_goes_in_and_out_in_little_memory() {
    in_little_memory(21);
}
