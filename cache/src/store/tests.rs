use std::sync::atomic::AtomicI64;
use std::time::Duration;

use selvedge_runtime::headers::HeaderBlob;
use tempfile::TempDir;

use super::*;
use crate::entry::Meta;
use crate::rules::Lifetime;
use selvedge_runtime::headers::HeaderBlobBuf;

/// The time in all of these tests; it only ever matters relative to entries.
static NOW: AtomicI64 = AtomicI64::new(1_000_000);

fn now() -> UnixMillis {
    NOW.load(Ordering::Relaxed)
}

fn limits() -> CacheLimits {
    CacheLimits {
        memory_bytes: 64 * 1024,
        disk_bytes: 100_000,
        memory_body_bytes: 1000,
        body_bytes: 50_000,
    }
}

fn cache(dir: &TempDir) -> Arc<Cache> {
    Cache::new(dir.path().join("http"), limits(), now)
}

fn key(url: &str) -> Key {
    Key::new("a", "", url)
}

fn meta(url: &str, seconds: u64, tags: &[&str]) -> Meta {
    let lifetime = Lifetime {
        age: Duration::ZERO,
        fresh: Duration::from_secs(seconds),
        while_revalidating: Duration::ZERO,
        if_error: Duration::ZERO,
    };
    let mut meta = Meta::new("a", url.into(), 200, "OK", lifetime, now(), HeaderBlob::default());
    meta.tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
    meta
}

fn headers() -> HeaderBlobBuf {
    let mut headers = HeaderBlobBuf::default();
    headers.push(b"x-a", b"b");
    headers
}

async fn put(cache: &Arc<Cache>, url: &str, body: &[u8]) -> Result<(), Error> {
    put_as(cache, meta(url, 60, &[]), body).await
}

async fn put_as(cache: &Arc<Cache>, meta: Meta, body: &[u8]) -> Result<(), Error> {
    let mut writer = cache.writer(key(&meta.url));
    for piece in body.chunks(700) {
        writer.write(&meta, &headers(), &bytes::Bytes::copy_from_slice(piece)).await?;
    }
    writer.finish(meta, headers()).await
}

async fn read(cache: &Arc<Cache>, url: &str, range: Option<Range>) -> Option<Vec<u8>> {
    let entry = cache.get(key(url)).await?;
    assert_eq!(entry.headers().get("x-a"), Some(&b"b"[..]));
    let mut body = cache.open(key(url), &entry, range).await?;
    let mut all = Vec::new();
    while let Some(piece) = std::future::poll_fn(|cx| body.poll_chunk(cx)).await {
        all.extend_from_slice(&piece.expect("the file is whole"));
    }
    Some(all)
}

/// Waits until the files of this many entries are written.
async fn files(cache: &Arc<Cache>, count: usize) {
    for _ in 0..2000 {
        if file::list(&cache.dir).len() == count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{} files", file::list(&cache.dir).len());
}

#[tokio::test]
async fn small_and_large_bodies_come_back_whole_and_in_parts() {
    let dir = tempfile::tempdir().expect("a folder");
    let cache = cache(&dir);
    let large: Vec<u8> = (0..20_000).map(|number| number as u8).collect();
    put(&cache, "http://x/small", b"hello").await.expect("kept");
    put(&cache, "http://x/large", &large).await.expect("kept");
    let part = Some(Range { first: 1, last: 3 });
    assert_eq!(read(&cache, "http://x/small", None).await.as_deref(), Some(&b"hello"[..]));
    assert_eq!(read(&cache, "http://x/small", part).await.as_deref(), Some(&b"ell"[..]));
    assert_eq!(read(&cache, "http://x/large", None).await, Some(large));
    assert_eq!(read(&cache, "http://x/large", part).await, Some(vec![1, 2, 3]));
    assert!(read(&cache, "http://x/none", None).await.is_none());
}

#[tokio::test]
async fn another_process_finds_what_was_kept() {
    let dir = tempfile::tempdir().expect("a folder");
    let first = cache(&dir);
    put(&first, "http://x/small", b"hello").await.expect("kept");
    put(&first, "http://x/large", &[7; 5000]).await.expect("kept");
    files(&first, 2).await;
    let second = cache(&dir);
    assert_eq!(read(&second, "http://x/small", None).await.as_deref(), Some(&b"hello"[..]));
    assert_eq!(read(&second, "http://x/large", None).await, Some(vec![7; 5000]));
    assert!(second.delete(key("http://x/large")).await);
    assert!(!second.delete(key("http://x/large")).await);
    files(&second, 1).await;
}

#[tokio::test]
async fn the_folder_may_be_deleted_at_any_time() {
    let dir = tempfile::tempdir().expect("a folder");
    let cache = cache(&dir);
    put(&cache, "http://x/large", &[7; 5000]).await.expect("kept");
    std::fs::remove_dir_all(dir.path().join("http")).expect("removed");
    assert!(read(&cache, "http://x/large", None).await.is_none());
    put(&cache, "http://x/large", &[8; 5000]).await.expect("kept again");
    assert_eq!(read(&cache, "http://x/large", None).await, Some(vec![8; 5000]));
}

#[tokio::test]
async fn a_body_that_breaks_off_was_never_there() {
    let dir = tempfile::tempdir().expect("a folder");
    let cache = cache(&dir);
    let meta = meta("http://x/", 60, &[]);
    let mut writer = cache.writer(key(&meta.url));
    writer.write(&meta, &headers(), &vec![1; 5000].into()).await.expect("written");
    drop(writer);
    assert!(read(&cache, "http://x/", None).await.is_none());
    let left = std::fs::read_dir(dir.path().join("http/new")).expect("a folder").count();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    let cache = cache(&dir);
    let refused = put(&cache, "http://x/", &vec![1; 50_001]).await;
    assert!(matches!(refused, Err(Error::TooLarge(50_000))), "{refused:?}");
    assert!(read(&cache, "http://x/", None).await.is_none());
}

#[tokio::test]
async fn the_least_recently_used_files_go_first() {
    let dir = tempfile::tempdir().expect("a folder");
    let cache = cache(&dir);
    put(&cache, "http://x/1", &[1; 40_000]).await.expect("kept");
    put(&cache, "http://x/2", &[2; 40_000]).await.expect("kept");
    assert!(read(&cache, "http://x/1", None).await.is_some());
    put(&cache, "http://x/3", &[3; 40_000]).await.expect("kept");
    assert!(read(&cache, "http://x/1", None).await.is_some());
    assert!(read(&cache, "http://x/2", None).await.is_none());
    assert!(read(&cache, "http://x/3", None).await.is_some());
    assert_eq!(file::list(&cache.dir).len(), 2);
}

#[tokio::test]
async fn memory_is_bounded_and_what_leaves_it_is_read_again() {
    let dir = tempfile::tempdir().expect("a folder");
    let cache = cache(&dir);
    for number in 0..60 {
        put(&cache, &format!("http://x/{number}"), &[number; 900]).await.expect("kept");
    }
    files(&cache, 60).await;
    let is_on_disk = |number: &u8| {
        let found = cache.look(&key(&format!("http://x/{number}")));
        assert!(!matches!(found, Found::Nothing), "{number}");
        matches!(found, Found::OnDisk)
    };
    let on_disk: Vec<u8> = (0..60).filter(is_on_disk).collect();
    assert!(!on_disk.is_empty());
    for number in on_disk {
        let body = read(&cache, &format!("http://x/{number}"), None).await;
        assert_eq!(body, Some(vec![number; 900]));
    }
}

#[tokio::test]
async fn what_is_expired_or_purged_is_gone() {
    let dir = tempfile::tempdir().expect("a folder");
    let cache = cache(&dir);
    put_as(&cache, meta("http://x/old", 0, &[]), b"old").await.expect("kept");
    put_as(&cache, meta("http://x/tagged", 60, &["news"]), b"new").await.expect("kept");
    put_as(&cache, meta("http://x/other", 60, &[]), &[1; 5000]).await.expect("kept");
    files(&cache, 3).await;
    assert!(read(&cache, "http://x/old", None).await.is_none());
    cache.purge("a", Purge::Tag("NEWS".into())).expect("purged");
    assert!(read(&cache, "http://x/tagged", None).await.is_none());
    assert!(read(&cache, "http://x/other", None).await.is_some());
    let again = Cache::new(dir.path().join("http"), limits(), now);
    again.purge("a", Purge::Everything).expect("purged");
    let third = Cache::new(dir.path().join("http"), limits(), now);
    assert!(read(&third, "http://x/other", None).await.is_none());
}

#[tokio::test]
async fn damaged_files_are_no_responses() {
    let dir = tempfile::tempdir().expect("a folder");
    let first = cache(&dir);
    put(&first, "http://x/", b"hello").await.expect("kept");
    files(&first, 1).await;
    let path = first.path(&key("http://x/"));
    for damage in [&b"SLVCACH1"[..], b"", b"something else that is long enough to be a head"] {
        std::fs::write(&path, damage).expect("written");
        let second = cache(&dir);
        assert!(read(&second, "http://x/", None).await.is_none());
        assert!(!path.exists(), "it is removed");
    }
}

#[tokio::test]
async fn one_fetches_and_the_others_wait() {
    let dir = tempfile::tempdir().expect("a folder");
    let cache = cache(&dir);
    let Claim::Mine(mine) = cache.claim(key("http://x/")) else { panic!("nobody else asked") };
    let Claim::Others(mut others) = cache.claim(key("http://x/")) else { panic!("it is taken") };
    drop(mine);
    assert!(others.changed().await.is_err(), "it is over");
    assert!(matches!(cache.claim(key("http://x/")), Claim::Mine(_)));
}
