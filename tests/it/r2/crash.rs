//! The process is killed while it writes: what was acknowledged is there, whole,
//! and nothing else is left.

use std::sync::Arc;
use std::time::Duration;

use selvedge_r2::store::Catalog;
use selvedge_storage::data_dir::DataDir;

use crate::harness::{Client, Program, block_on, eventually};

/// How often the process is killed.
const KILLS: usize = 12;
/// Writers at the same time.
const WRITERS: usize = 6;

const WORKER: &str = r#"
export default {
  async fetch(request, { BUCKET }) {
    const { pathname, searchParams } = new URL(request.url);
    const key = searchParams.get("key");
    const seed = Number(searchParams.get("seed"));
    const body = (size) => new Uint8Array(size).fill(seed % 251);
    switch (pathname) {
      case "/put": {
        await BUCKET.put(key, body(1 + seed * 7919 % 900_000), { customMetadata: { seed: `${seed}` } });
        return new Response("put");
      }
      case "/upload": {
        const upload = await BUCKET.createMultipartUpload(key, { customMetadata: { seed: `${seed}` } });
        const part = await upload.uploadPart(1, body(1 + seed * 7919 % 900_000));
        await upload.complete([part]);
        return new Response("put");
      }
      case "/delete":
        await BUCKET.delete(key);
        return new Response("deleted");
      case "/check": {
        // The seed of an object that is whole.
        const got = await BUCKET.get(key);
        if (got === null) return new Response("nothing");
        const seed = Number(got.customMetadata.seed);
        const bytes = await got.bytes();
        const whole = bytes.length === 1 + seed * 7919 % 900_000 && bytes.every((it) => it === seed % 251);
        return new Response(whole ? `${seed}` : "broken");
      }
    }
    return new Response("ready");
  },
};
"#;

/// What one writer knows of its key: the last seed that was acknowledged, and
/// those that may have been written after it; 0 for none.
#[derive(Clone, Default)]
struct Known {
    last: usize,
    maybe: Vec<usize>,
}

fn start(folder: &std::path::Path) -> Program {
    Program::selvedge(folder, &["run", "--port", "0"])
}

/// Writes until the server is gone.
fn write(address: std::net::SocketAddr, key: usize, mut seed: usize, known: &mut Known) -> usize {
    let mut client = Client::connect(address);
    loop {
        seed += 1;
        let (path, value) = match seed % 5 {
            0 => ("delete", 0),
            1 => ("upload", seed),
            _ => ("put", seed),
        };
        known.maybe.push(value);
        let line = format!("GET /{path}?key=k{key}&seed={seed} HTTP/1.1\r\nhost: a\r\n\r\n");
        if !client.try_send(line) {
            return seed;
        }
        match client.try_head() {
            Some(head) if head.status == 200 => {
                let length = head.header("content-length").and_then(|it| it.parse().ok());
                client.exactly(length.expect("a length"));
                *known = Known { last: value, maybe: Vec::new() };
            }
            _ => return seed,
        }
    }
}

#[test]
fn what_was_acknowledged_outlives_kills_and_no_half_is_left() {
    let folder = super::folder(WORKER);
    let mut known = vec![Known::default(); WRITERS];
    let mut seeds = vec![0; WRITERS];
    for round in 0..KILLS {
        let mut program = start(folder.path());
        let address = program.address();
        check(address, &mut known);
        std::thread::scope(|scope| {
            for (key, (known, seed)) in known.iter_mut().zip(&mut seeds).enumerate() {
                scope.spawn(move || *seed = write(address, key, *seed, known));
            }
            std::thread::sleep(Duration::from_millis(150 + 40 * round as u64));
            program.signal(libc::SIGKILL);
        });
        program.wait();
    }
    let mut program = start(folder.path());
    check(program.address(), &mut known);
    program.signal(libc::SIGTERM);
    program.wait();
    nothing_is_left(&folder.path().join(".selvedge"));
    assert!(seeds.iter().sum::<usize>() > KILLS * WRITERS, "too little was written: {seeds:?}");
}

/// What the kills left is deleted in the background.
fn nothing_is_left(data: &std::path::Path) {
    block_on(async {
        let dir = DataDir::open(data, "test", 0).expect("it is free");
        let catalog = Catalog::open(Arc::new(dir), || 0).expect("it opens");
        let (_, bucket) = catalog.existing("", "BUCKET").expect("it is there");
        let mut led_to = bucket.figures().await.expect("read").objects;
        // Uploads that a kill broke off are still open, with their parts.
        let page = bucket.uploads(String::new(), Default::default(), 1000).await.expect("read");
        for upload in page.uploads {
            led_to += bucket.parts(upload.key, upload.id).await.expect("read").len() as u64;
        }
        eventually("the files that nothing leads to go", || {
            (super::blobs(data) as u64 == led_to).then_some(())
        });
    });
}

fn check(address: std::net::SocketAddr, known: &mut [Known]) {
    let mut client = Client::connect(address);
    for (key, known) in known.iter_mut().enumerate() {
        let text = client.get(&format!("/check?key=k{key}")).text();
        let found = if text == "nothing" { 0 } else { text.parse().unwrap_or(usize::MAX) };
        assert!(
            found == known.last || known.maybe.contains(&found),
            "k{key}: found {text}, acknowledged {}, maybe {:?}",
            known.last,
            known.maybe
        );
        *known = Known { last: found, maybe: Vec::new() };
    }
}
