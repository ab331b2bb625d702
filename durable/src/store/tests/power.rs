//! Power that fails: what was not synced may be lost, in parts and in any order.
//!
//! A file system for SQLite ([`vfs`]) keeps a [`model`] of what each file holds
//! and of what of it is on disk. While objects are written, images are taken of
//! what a disk may hold after a failure at that moment, and each is opened as the
//! next process would.

mod model;
mod vfs;

use std::cell::RefCell;
use std::collections::HashMap;

use self::model::{Model, Random};
use super::*;
use crate::store::disk::{Disk, TestDisk};

const OBJECTS: u8 = 6;
const IMAGES: u32 = 120;

struct Machine {
    _folder: tempfile::TempDir,
    root: PathBuf,
    model: Arc<Model>,
    objects: Objects,
    namespace: Arc<Namespace>,
    connections: Connections,
}

impl Machine {
    fn new(seed: u64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("a path");
        let dir = Arc::new(DataDir::open(&root, "a test", 0).expect("free"));
        let model = vfs::model_of(&root, seed);
        let synced = model.clone();
        let test = TestDisk { vfs: vfs::name(), sync: Arc::new(move |path| synced.sync(path)) };
        let disk = Disk { test: Some(test) };
        let objects = Objects::open_on(dir, Arc::new(|| 0), disk).expect("objects");
        let namespace = objects.namespace(NAMESPACE).expect("a namespace");
        model.all_is_on_disk();
        let connections = Connections::new(ConnectionsOptions { open: 4, ..Default::default() });
        Self { _folder: folder, root, model, objects, namespace, connections }
    }

    fn object(&self, number: u8) -> ObjectStorage {
        let name = format!("n{number}");
        self.namespace.object(id(number), Some(&name), &self.connections).expect("free")
    }
}

/// In folders of their own.
fn id(number: u8) -> ObjectId {
    ObjectId([number * 37; ID_BYTES])
}

/// Commits of an object that may be on disk: what it counted, and whom to ask.
type Commits = RefCell<HashMap<u8, Vec<(Durability, u64, i64)>>>;

/// The last that was acknowledged of each object.
fn acknowledged(commits: &Commits) -> HashMap<u8, i64> {
    let mut last = HashMap::new();
    for (number, commits) in &mut *commits.borrow_mut() {
        let done =
            |commit: &(Durability, u64, i64)| matches!(commit.0.check(commit.1), Some(Ok(())));
        if let Some(found) = commits.iter().filter(|it| done(it)).map(|it| it.2).max() {
            last.insert(*number, found);
            commits.retain(|commit| commit.2 >= found);
        }
    }
    last
}

fn step(machine: &Machine, object: &ObjectStorage, number: u8, random: &mut Random) -> i64 {
    let bytes = object.get("counter").expect("read");
    let counter = 1 + bytes.map_or(0, |it| i64::from_le_bytes(it.try_into().expect("8 bytes")));
    object.put("counter", &counter.to_le_bytes()).expect("put");
    let size = if random.below(20) == 0 { 300_000 } else { random.below(3000) as usize };
    object.put(&format!("k{}", random.below(30)), &vec![number; size]).expect("put");
    match counter % 4 {
        0 => object.delete_alarm().expect("deleted"),
        _ => object.set_alarm(random.below(1000) as i64 * 1000 + counter).expect("set"),
    }
    let _ = machine;
    counter
}

#[test]
fn what_was_acknowledged_outlives_a_power_loss() {
    let machine = Machine::new(7);
    let mut random = Random::new(11);
    let commits = Commits::default();
    let mut open: HashMap<u8, ObjectStorage> = HashMap::new();
    let mut images = 0;
    let mut lost = 0;
    while images < IMAGES {
        let number = random.below(u64::from(OBJECTS)) as u8;
        let object = open.entry(number).or_insert_with(|| machine.object(number));
        let counter = step(&machine, object, number, &mut random);
        let commit = object.commit().expect("committed").expect("it wrote");
        let entry = (object.durability(), commit.seq, counter);
        commits.borrow_mut().entry(number).or_default().push(entry);
        match random.below(12) {
            0 => {
                let durability = object.durability();
                futures::executor::block_on(durability.wait(commit.seq)).expect("durable");
            }
            // It ends, and is put in order beside us.
            1 if random.below(8) == 0 => drop(open.remove(&number)),
            2 => object.release(),
            _ => {}
        }
        if random.below(4) == 0 {
            images += 1;
            let expected = acknowledged(&commits);
            let image = machine.model.image(&machine.root);
            let found = check(image, &expected, images);
            lost += u64::from(found < counter);
        }
    }
    let syncs = machine.model.syncs();
    drop(open);
    machine.objects.settle();
    // The images had something to lose, and the files were put in order meanwhile.
    assert!(lost > 5, "{lost} of {images} images lost a commit that was not acknowledged");
    assert!(syncs.by_sqlite > 20 && syncs.by_us > 100, "{syncs:?}");
}

/// Opens an image as a process does that starts after the failure. Tells the
/// largest counter.
fn check(image: tempfile::TempDir, expected: &HashMap<u8, i64>, number: u32) -> i64 {
    let dir = Arc::new(DataDir::open(image.path(), "a test", 0).expect("free"));
    let objects = Objects::open(dir, Arc::new(|| 0)).expect("objects");
    let namespace = objects.namespace(NAMESPACE).expect("a namespace");
    let connections = Connections::new(ConnectionsOptions::default());
    let mut largest = 0;
    for at in 0..OBJECTS {
        let indexed = namespace.get_object(id(at)).expect("read");
        let object = namespace.object(id(at), None, &connections).expect("free");
        let bytes = object.get("counter").unwrap_or_else(|error| panic!("image {number}: {error}"));
        let counter = bytes.map_or(0, |it| i64::from_le_bytes(it.try_into().expect("8 bytes")));
        largest = largest.max(counter);
        let Some(last) = expected.get(&at) else { continue };
        assert!(counter >= *last, "image {number}: object {at} went from {last} to {counter}");
        let indexed = indexed.unwrap_or_else(|| panic!("image {number}: object {at} not listed"));
        assert_eq!(indexed.name, Some(format!("n{at}")));
        let alarm = object.get_alarm().expect("read");
        assert_eq!(alarm.is_none(), counter % 4 == 0, "{alarm:?} {counter}");
        if let Some(alarm) = alarm {
            assert_eq!(alarm % 1000, counter % 1000);
            // One that was acknowledged is found in time.
            assert!(
                counter > *last || indexed.alarm.is_some_and(|indexed| indexed <= alarm),
                "image {number}: object {at} has its alarm at {alarm}: {indexed:?}"
            );
        }
        for (key, value) in object.list(&ListOptions::default()).expect("read") {
            assert!(key == "counter" || value.iter().all(|byte| *byte == at), "{key} is torn");
        }
        let mut rows = object.exec("PRAGMA quick_check", &[]).expect("run");
        let whole = format!("{:?}", rows.next_row().expect("read"));
        assert!(whole.contains("\"ok\""), "image {number}: {whole}");
        drop(rows);
        // And it goes on.
        object.put("after", b"1").expect("put");
        commit(&object);
    }
    objects.settle();
    largest
}

#[test]
fn a_disk_that_fails_breaks_the_object_and_what_follows_is_kept() {
    let machine = Machine::new(3);
    let commits = Commits::default();
    let mut random = Random::new(5);
    for round in 0..20 {
        let object = machine.object(1);
        for _ in 0..3 {
            let counter = step(&machine, &object, 1, &mut random);
            let commit = commit(&object);
            commits.borrow_mut().entry(1).or_default().push((
                object.durability(),
                commit.seq,
                counter,
            ));
        }
        machine.model.fail_next_sync();
        step(&machine, &object, 1, &mut random);
        let failed = object.commit().expect("committed").expect("it wrote");
        let waited = futures::executor::block_on(object.durability().wait(failed.seq));
        assert!(matches!(waited, Err(Error::Broken(_))), "round {round}: {waited:?}");
        assert!(matches!(object.get("counter"), Err(Error::Broken(_))));
        assert!(matches!(object.put("counter", b""), Err(Error::Broken(_))));
        drop(object);
        // What comes after it is as safe as ever.
        let object = machine.object(1);
        let counter = step(&machine, &object, 1, &mut random);
        let commit = commit(&object);
        commits.borrow_mut().entry(1).or_default().push((object.durability(), commit.seq, counter));
        let image = machine.model.image(&machine.root);
        check(image, &acknowledged(&commits), round);
    }
}

#[test]
fn a_full_disk_fails_the_write_and_keeps_what_was_there() {
    let machine = Machine::new(1);
    let object = machine.object(1);
    object.put("a", b"1").expect("put");
    commit(&object);
    machine.model.set_full(true);
    // It fits in memory until its commit.
    object.put("a", b"2").expect("put");
    let error = text_of(object.commit());
    assert!(error.contains("database or disk is full: SQLITE_FULL"), "{error}");
    assert!(matches!(object.get("a"), Err(Error::Broken(_))));
    drop(object);
    machine.model.set_full(false);
    let object = machine.object(1);
    assert_eq!(object.get("a").expect("read"), Some(b"1".to_vec()));
    object.put("a", b"3").expect("put");
    commit(&object);
    machine.model.set_full(true);
    // More than a connection keeps in memory.
    let large = vec![0; 4_000_000];
    let error = text_of(object.put("b", &large));
    assert_eq!(error, "database or disk is full: SQLITE_FULL");
    machine.model.set_full(false);
    drop(object);
    let object = machine.object(1);
    assert_eq!(object.get("a").expect("read"), Some(b"3".to_vec()));
    assert_eq!(object.get("b").expect("read"), None);
}
