//! A bucket on a real disk: what it promises, and what it leaves behind.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use selvedge_storage::data_dir::DataDir;
use tempfile::TempDir;

use super::*;
use crate::Error;
use crate::conditions::{Conditions, Etag};
use crate::object::{Attributes, Object, StorageClass};
use crate::rules::{MIN_PART_BYTES, Range, Refusal};

fn clock() -> i64 {
    1_700_000_000_000
}

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: TempDir::new().expect("a folder") }
    }

    fn open(&self) -> Catalog {
        let dir = DataDir::open(self.folder.path(), "test", 0).expect("it is free");
        Catalog::open(Arc::new(dir), clock).expect("it opens")
    }

    /// All files of bodies.
    fn blobs(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        walk(&self.folder.path().join("r2"), &mut found);
        found.retain(|path| path.components().any(|part| part.as_os_str() == "blobs"));
        found
    }
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { walk(&path, found) } else { found.push(path) }
    }
}

fn named(key: &str) -> Put {
    Put { key: key.to_owned(), ..Put::default() }
}

async fn written(bucket: &Bucket, pieces: &[&[u8]]) -> BodyWriter {
    let mut writer = bucket.writer(Expected::default());
    for piece in pieces {
        writer.write(Bytes::copy_from_slice(piece)).await.expect("it is taken");
    }
    writer
}

async fn put(bucket: &Bucket, key: &str, body: &[u8]) -> Object {
    let writer = written(bucket, &[body]).await;
    bucket.put(named(key), writer).await.expect("it is put").expect("no conditions")
}

async fn get(bucket: &Bucket, key: &str, range: Range) -> Option<Vec<u8>> {
    match bucket.get(key, range, &Conditions::default()).expect("it is read") {
        Got::Found(mut found) => {
            let mut all = Vec::new();
            while let Some(piece) = found.body.next().await.expect("it is read") {
                all.extend_from_slice(&piece);
            }
            Some(all)
        }
        Got::Nothing => None,
        Got::Refused(_) => panic!("there are no conditions"),
    }
}

/// Deletes what is to be deleted, at once.
async fn swept(bucket: &Arc<Bucket>) {
    let bucket = bucket.clone();
    let sweep = tokio::task::spawn_blocking(move || sweep::sweep(&bucket.shared));
    sweep.await.expect("it ends").expect("it is swept");
}

#[tokio::test]
async fn what_was_put_is_there_after_a_restart() {
    let place = Place::new();
    let large: Vec<u8> = (0..1_500_000_u32).map(|i| i.to_le_bytes()[0] ^ 0x5a).collect();
    {
        let catalog = place.open();
        let bucket = catalog.bucket("", "b").expect("it opens");
        put(&bucket, "small", b"hello").await;
        let writer =
            written(&bucket, &[&large[..10], &large[10..900_000], &large[900_000..]]).await;
        bucket.put(named("large"), writer).await.expect("it is put");
    }
    let catalog = place.open();
    let bucket = catalog.bucket("", "b").expect("it opens");
    assert_eq!(get(&bucket, "small", Range::default()).await.as_deref(), Some(&b"hello"[..]));
    assert!(get(&bucket, "large", Range::default()).await == Some(large.clone()));
    let range = Range { offset: Some(600_000), length: Some(700_000), suffix: None };
    assert!(get(&bucket, "large", range).await.as_deref() == Some(&large[600_000..1_300_000]));
    assert_eq!(
        bucket.figures().await.expect("read"),
        BucketFigures { objects: 2, bytes: 1_500_005 }
    );
    assert!(
        catalog.bucket("other", "b").expect("another one").head("small").expect("read").is_none()
    );
}

#[tokio::test]
async fn files_that_nothing_leads_to_go_when_nobody_reads_them() {
    let place = Place::new();
    let catalog = place.open();
    let bucket = catalog.bucket("", "b").expect("it opens");
    let body = vec![7; 2_000_000];
    put(&bucket, "key", &body).await;
    let Got::Found(mut reader) =
        bucket.get("key", Range::default(), &Conditions::default()).expect("read")
    else {
        panic!("it is there")
    };
    put(&bucket, "key", b"other").await;
    swept(&bucket).await;
    assert_eq!(place.blobs().len(), 2, "the first one is read");
    let mut read = 0;
    while let Some(piece) = reader.body.next().await.expect("it is read") {
        read += piece.len();
    }
    assert_eq!(read, body.len());
    drop(reader);
    swept(&bucket).await;
    assert_eq!(place.blobs().len(), 1);
    bucket.delete(vec!["key".to_owned()]).await.expect("deleted");
    swept(&bucket).await;
    assert_eq!(place.blobs().len(), 0);
}

#[tokio::test]
async fn a_body_that_is_given_up_leaves_nothing() {
    let place = Place::new();
    let catalog = place.open();
    let bucket = catalog.bucket("", "b").expect("it opens");
    let mut writer = written(&bucket, &[&[1; 700_000]]).await;
    writer.write(Bytes::from(vec![1; 700_000])).await.expect("taken");
    assert_eq!(place.blobs().len(), 1);
    drop(writer);
    // The block that is being written ends first.
    for _ in 0..500 {
        if place.blobs().is_empty() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the file stays");
}

#[tokio::test]
async fn what_a_crash_left_is_deleted_by_the_next_process() {
    let place = Place::new();
    {
        let catalog = place.open();
        let bucket = catalog.bucket("", "b").expect("it opens");
        put(&bucket, "kept", b"kept").await;
        let upload =
            bucket.create_upload("parts".into(), Attributes::default()).await.expect("begun");
        let part = written(&bucket, &[b"part"]).await;
        bucket.put_part("parts".into(), upload, 1, part).await.expect("put");
        // As if the process had ended between the file and the transaction.
        let left = written(&bucket, &[&[1; 10]]).await.finish().await.expect("on disk");
        left.blob.keep();
    }
    assert_eq!(place.blobs().len(), 3);
    let catalog = place.open();
    let bucket = catalog.bucket("", "b").expect("it opens");
    let _own = put(&bucket, "new", b"new").await;
    swept(&bucket).await;
    assert_eq!(place.blobs().len(), 3, "what is led to stays, and what is new");
    assert_eq!(get(&bucket, "kept", Range::default()).await.as_deref(), Some(&b"kept"[..]));
}

#[tokio::test]
async fn a_wrong_hash_or_length_refuses_the_put() {
    let place = Place::new();
    let catalog = place.open();
    let bucket = catalog.bucket("", "b").expect("it opens");
    put(&bucket, "key", b"before").await;
    let wrong = [
        Expected { md5: Some(vec![0; 16]), ..Expected::default() },
        Expected { sha256: Some(vec![0; 32]), ..Expected::default() },
        Expected { length: Some(6), ..Expected::default() },
    ];
    for expected in wrong {
        let mut writer = bucket.writer(expected);
        writer.write(Bytes::from_static(b"after")).await.expect("taken");
        let error = bucket.put(named("key"), writer).await.expect_err("refused");
        assert!(matches!(error, Error::Refused(_)), "{error}");
    }
    let mut writer = bucket.writer(Expected { length: Some(2), ..Expected::default() });
    writer.write(Bytes::from_static(b"abc")).await.expect_err("too long");
    assert_eq!(get(&bucket, "key", Range::default()).await.as_deref(), Some(&b"before"[..]));
    swept(&bucket).await;
    assert_eq!(place.blobs().len(), 1);
}

#[tokio::test]
async fn conditions_are_looked_at_in_the_transaction() {
    let place = Place::new();
    let catalog = place.open();
    let bucket = catalog.bucket("", "b").expect("it opens");
    let only_new =
        Conditions { etag_does_not_match: Some(vec![Etag::Wildcard]), ..Conditions::default() };
    let mut puts = Vec::new();
    for number in 0..20_u8 {
        let bucket = bucket.clone();
        let only_if = only_new.clone();
        puts.push(tokio::spawn(async move {
            let writer = written(&bucket, &[&[number]]).await;
            bucket.put(Put { only_if, ..named("once") }, writer).await.expect("answered")
        }));
    }
    let mut won = 0;
    for put in puts {
        won += usize::from(put.await.expect("it ends").is_some());
    }
    assert_eq!(won, 1);
    swept(&bucket).await;
    assert_eq!(place.blobs().len(), 1);
}

#[tokio::test]
async fn an_upload_becomes_an_object_without_copying() {
    let place = Place::new();
    let catalog = place.open();
    let bucket = catalog.bucket("", "b").expect("it opens");
    let size = usize::try_from(MIN_PART_BYTES).expect("it fits");
    let key = "key".to_owned();
    let upload = bucket.create_upload(key.clone(), Attributes::default()).await.expect("begun");
    let mut parts = Vec::new();
    for (number, body) in
        [(3, vec![3; 10]), (1, vec![1; size]), (2, vec![2; size]), (4, vec![4; 1])]
    {
        let writer = written(&bucket, &[&body]).await;
        parts
            .push(bucket.put_part(key.clone(), upload.clone(), number, writer).await.expect("put"));
    }
    assert_eq!(bucket.parts(key.clone(), upload.clone()).await.expect("there").len(), 4);
    let page = bucket.uploads(String::new(), Default::default(), 10).await.expect("read");
    assert_eq!((page.uploads.len(), page.complete), (1, true));
    parts.truncate(3);
    let before = place.blobs();
    let object = bucket.complete_upload(key.clone(), upload.clone(), parts).await.expect("made");
    assert_eq!(object.size, 2 * MIN_PART_BYTES + 10);
    swept(&bucket).await;
    assert_eq!(place.blobs().len(), before.len() - 1, "the part that was not named goes");
    let range = Range { offset: Some(2 * MIN_PART_BYTES - 1), length: Some(2), suffix: None };
    assert_eq!(get(&bucket, "key", range).await, Some(vec![2, 3]));
    let gone = bucket.parts(key, upload).await.expect_err("it is over");
    assert!(matches!(gone, Error::Refused(refusal) if refusal == Refusal::no_such_upload()));
    bucket.delete(vec!["key".to_owned()]).await.expect("deleted");
    swept(&bucket).await;
    assert_eq!(place.blobs().len(), 0);
}

#[tokio::test]
async fn a_cursor_of_another_bucket_is_refused() {
    let place = Place::new();
    let catalog = place.open();
    let (one, other) = (catalog.bucket("", "one"), catalog.bucket("", "other"));
    let (one, other) = (one.expect("it opens"), other.expect("it opens"));
    for key in ["a", "b"] {
        put(&one, key, b"").await;
        put(&other, key, b"").await;
    }
    let query = |cursor| ListQuery { limit: 1, cursor, ..ListQuery::default() };
    let page = one.list(query(None)).await.expect("a page");
    assert!(page.cursor.is_some());
    other.list(query(page.cursor.clone())).await.expect_err("not its own");
    let next = one.list(query(page.cursor)).await.expect("a page");
    assert_eq!(next.objects[0].key, "b");
    assert_eq!(next.cursor, None);
}

#[tokio::test]
async fn buckets_are_made_found_and_deleted() {
    let place = Place::new();
    let catalog = place.open();
    let class = StorageClass::InfrequentAccess;
    let made = catalog.create("acc", "files", Some("weur"), class).expect("made");
    assert!(matches!(catalog.create("acc", "files", None, class), Err(CatalogError::Taken(_))));
    for name in ["", "ab", "Files", "-files", "files-", "a_b", &"x".repeat(64)] {
        let made = catalog.create("acc", name, None, class);
        assert!(matches!(made, Err(CatalogError::BadName(_))), "{name}");
    }
    let (info, bucket) = catalog.existing("acc", "files").expect("there");
    assert_eq!(info, made);
    assert!(matches!(catalog.existing("", "files"), Err(CatalogError::NotFound(_))));
    assert_eq!(put(&bucket, "key", b"x").await.storage_class, class);
    catalog.set_storage_class("acc", "files", StorageClass::Standard).expect("there");
    assert_eq!(put(&bucket, "key", b"x").await.storage_class, StorageClass::Standard);
    assert!(matches!(catalog.delete("acc", "files"), Err(CatalogError::NotEmpty(_))));
    bucket.delete(vec!["key".to_owned()]).await.expect("deleted");
    catalog.delete("acc", "files").expect("it is empty");
    assert_eq!(catalog.list("acc").expect("read"), []);
    assert!(bucket.delete(vec!["key".to_owned()]).await.is_err(), "it is closed");
}
