use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::cache::Cache;
use crate::config::AssetsConfig;
use crate::hash::AssetHash;
use crate::settings::{Settings, WorkerFacts};
use crate::source::{AssetSource, Opened, ReadAt};

/// One asset, `/a.js`, in memory, which counts how often it is opened.
#[derive(Debug)]
struct One {
    asset: Asset,
    content: Vec<u8>,
    opened: AtomicUsize,
}

struct Memory(Vec<u8>);

impl ReadAt for Memory {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = self.0.get(offset as usize..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

impl AssetSource for One {
    fn find(&self, path: &str) -> Option<&Asset> {
        (path == "/a.js").then_some(&self.asset)
    }
    fn open(&self, path: &str) -> io::Result<Opened> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        let asset = self.find(path).ok_or(io::ErrorKind::NotFound)?.clone();
        Ok(Opened { asset, content: Box::new(Memory(self.content.clone())) })
    }
    fn count(&self) -> usize {
        1
    }
}

/// The assets, and the source behind them. What it finds has `size` bytes.
fn assets(content: &[u8], size: usize) -> (Arc<Assets>, Arc<One>) {
    let source = Arc::new(One {
        asset: Asset {
            hash: AssetHash::of_facts(&[content]),
            size: size as u64,
            content_type: crate::content_type("/a.js"),
        },
        content: content.to_vec(),
        opened: AtomicUsize::new(0),
    });
    let (settings, _) =
        Settings::new(&AssetsConfig::default(), WorkerFacts::default()).expect("it is valid");
    (Arc::new(Assets::new(source.clone(), settings, Arc::new(Cache::default()))), source)
}

async fn ask(assets: &Arc<Assets>, headers: &[(&str, &str)]) -> Response {
    let mut blob = HeaderBlobBuf::default();
    for (name, value) in headers {
        blob.push(name.as_bytes(), value.as_bytes());
    }
    let request = Request { method: "GET", url: "http://h/a.js", headers: blob.as_blob() };
    match assets.answer(&request, Asks::Client) {
        Outcome::Ready(response) => response,
        Outcome::Later(response) => response.await,
        Outcome::Worker => panic!("there is no Worker"),
    }
}

fn whole(response: &Response) -> &[u8] {
    match &response.body {
        ResponseBody::Whole(bytes) => bytes,
        ResponseBody::Pieces(_) => panic!("it comes in pieces"),
    }
}

#[tokio::test]
async fn a_file_is_opened_once() {
    let content = b"let a;".repeat(100);
    let (assets, source) = assets(&content, content.len());
    for _ in 0..3 {
        assert_eq!(whole(&ask(&assets, &[]).await), content);
        let encoded = ask(&assets, &[("accept-encoding", "br")]).await;
        assert_eq!(encoded.headers().get("content-encoding"), Some(&b"br"[..]));
    }
    // Once as it is, and once to be compressed.
    assert_eq!(source.opened.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn what_does_not_shrink_is_sent_as_it_is() {
    // No byte comes again often enough.
    let content: Vec<u8> =
        (0..64u64).flat_map(|n| blake3::hash(&n.to_le_bytes()).as_bytes().to_vec()).collect();
    let (assets, source) = assets(&content, content.len());
    for _ in 0..3 {
        let response = ask(&assets, &[("accept-encoding", "gzip")]).await;
        assert_eq!(response.headers().get("content-encoding"), None);
        assert_eq!(whole(&response), content);
    }
    assert_eq!(source.opened.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_file_that_is_cut_short_is_an_error() {
    let (assets, _) = assets(b"short", 1000);
    let response = ask(&assets, &[]).await;
    assert_eq!((response.status, whole(&response)), (500, &b""[..]));
}

#[tokio::test]
async fn tags_are_compared_weakly_in_conditions_and_strongly_for_parts() {
    let (assets, _) = assets(b"content", 7);
    let tag = String::from_utf8(
        ask(&assets, &[]).await.headers().get("etag").expect("it has one").to_vec(),
    )
    .expect("text");
    let weak = format!("W/{tag}");
    assert_eq!(ask(&assets, &[("if-none-match", &weak)]).await.status, 304);
    let part = |tag| [("range", "bytes=0-1"), ("if-range", tag)];
    assert_eq!(ask(&assets, &part(&tag)).await.status, 206);
    assert_eq!(ask(&assets, &part(&weak)).await.status, 200);
}
