//! Power that fails: what was not synced may be lost, in parts and in any order.
//!
//! A layer between SQLite and its files ([`selvedge_test_vfs`]) knows what of them is
//! on disk. While objects are written, images are taken of what a disk may hold
//! after a failure at that moment, and each is opened as the next process would.

mod cost;

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;

use selvedge_test_vfs::Random;

use super::*;
use crate::store::disk::Disk;

const OBJECTS: u8 = 6;
const IMAGES: u32 = 80;
const TRY_AGAIN: std::time::Duration = std::time::Duration::from_millis(10);

struct Machine {
    folder: tempfile::TempDir,
    model: selvedge_test_vfs::Disk,
    objects: Objects,
    namespace: Arc<Namespace>,
    connections: Connections,
}

impl Machine {
    fn new(seed: u64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = Arc::new(DataDir::open(folder.path(), "a test", 0).expect("free"));
        let model = selvedge_test_vfs::Disk::strict(folder.path(), seed).expect("watched");
        let disk = Disk { test: Some(model.clone()) };
        let objects = Objects::open_on(dir, Arc::new(|| 1_000_000), disk).expect("objects");
        let namespace = objects.namespace(NAMESPACE).expect("a namespace");
        model.all_is_on_disk().expect("read");
        let connections = Connections::new(ConnectionsOptions { open: 4, ..Default::default() });
        Self { folder, model, objects, namespace, connections }
    }

    fn object(&self, number: u8) -> ObjectStorage {
        let name = format!("n{number}");
        self.namespace.object(id(number), Some(&name), &self.connections).expect("free")
    }

    /// What a disk may hold if the power fails now.
    fn image(&self) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        self.model.image(folder.path()).expect("an image");
        folder
    }
}

/// The folder, once the threads beside of its last owner in this process let go of it.
fn free(folder: &Path) -> DataDir {
    let tries = std::iter::repeat_with(|| DataDir::open(folder, "a test", 0));
    tries
        .take(1000)
        .find_map(|opened| opened.map_err(|_| std::thread::sleep(TRY_AGAIN)).ok())
        .unwrap_or_else(|| panic!("{} stays in use", folder.display()))
}

/// A folder as a process finds it that starts after the failure.
struct Found {
    objects: Objects,
    namespace: Arc<Namespace>,
    connections: Connections,
}

impl Found {
    fn open(folder: &Path) -> Self {
        let dir = Arc::new(free(folder));
        let objects = Objects::open(dir, Arc::new(|| 2_000_000)).expect("objects");
        let namespace = objects.namespace(NAMESPACE).expect("a namespace");
        let connections = Connections::new(ConnectionsOptions::default());
        Self { objects, namespace, connections }
    }

    fn object(&self, number: u8) -> ObjectStorage {
        self.namespace.object(id(number), None, &self.connections).expect("free")
    }
}

fn counter_of(object: &ObjectStorage) -> i64 {
    let bytes = object.get("counter").expect("read");
    bytes.map_or(0, |it| i64::from_le_bytes(it.try_into().expect("8 bytes")))
}

#[track_caller]
fn assert_whole(object: &ObjectStorage, what: &str) {
    let mut rows = object.exec("PRAGMA quick_check", &[]).expect("run");
    let whole = format!("{:?}", rows.next_row().expect("read"));
    assert!(whole.contains("\"ok\""), "{what}: {whole}");
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

fn step(object: &ObjectStorage, number: u8, random: &mut Random) -> i64 {
    let counter = 1 + counter_of(object);
    object.put("counter", &counter.to_le_bytes()).expect("put");
    let size = if random.below(20) == 0 { 300_000 } else { random.below(3000) as usize };
    object.put(&format!("k{}", random.below(30)), &vec![number; size]).expect("put");
    match counter % 4 {
        0 => object.delete_alarm().expect("deleted"),
        _ => object.set_alarm(random.below(1000) as i64 * 1000 + counter).expect("set"),
    }
    counter
}

#[test]
fn what_was_acknowledged_outlives_a_power_loss() {
    let machine = Machine::new(7);
    let mut random = Random::new(11);
    let commits = Commits::default();
    let mut open: HashMap<u8, ObjectStorage> = HashMap::new();
    let mut marks: Vec<Mark> = Vec::new();
    let mut images = 0;
    let (mut lost, mut went_back) = (0, 0);
    // More of them where the disk kept up with us, so that few had anything to lose.
    while images < IMAGES || (lost <= 5 && images < 5 * IMAGES) {
        let number = random.below(u64::from(OBJECTS)) as u8;
        let object = open.entry(number).or_insert_with(|| machine.object(number));
        let counter = step(object, number, &mut random);
        let commit = object.commit().expect("committed").expect("it wrote");
        let entry = (object.durability(), commit.seq, counter);
        commits.borrow_mut().entry(number).or_default().push(entry);
        match random.below(14) {
            3 => {
                let mark = object.current_bookmark().expect("a bookmark");
                let (durability, seq) = (object.durability(), commit.seq);
                marks.push(Mark { number, mark, counter, durability, seq });
            }
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
            // Who was told of a bookmark was told so when its state was on disk.
            let known: Vec<&Mark> = marks.iter().filter(|it| it.is_durable()).collect();
            let image = machine.image();
            let found = check(image.path(), &expected, images);
            lost += u64::from(found < counter);
            went_back += go_back(image.path(), &known);
        }
    }
    let syncs = machine.model.syncs();
    drop(open);
    machine.objects.settle();
    // The images had something to lose, and the files were put in order meanwhile.
    assert!(lost > 5, "{lost} of {images} images lost a commit that was not acknowledged");
    assert!(syncs.by_sqlite > 20 && syncs.by_us > 100, "{syncs:?}");
    assert!(went_back > 100, "{went_back} bookmarks were gone back to");
}

/// A bookmark that was told.
struct Mark {
    number: u8,
    mark: String,
    counter: i64,
    durability: Durability,
    seq: u64,
}

impl Mark {
    fn is_durable(&self) -> bool {
        matches!(self.durability.check(self.seq), Some(Ok(())))
    }
}

/// Goes back to bookmarks after a failure. The newest of each object is there; older
/// ones may have been dropped, and give what they should where they are.
fn go_back(folder: &Path, marks: &[&Mark]) -> u64 {
    let found = Found::open(folder);
    let mut done = 0;
    let mut newest: HashMap<u8, ()> = HashMap::new();
    for mark in marks.iter().rev().take(4) {
        let is_newest = newest.insert(mark.number, ()).is_none();
        let asked = found.object(mark.number).restore_on_next_open(&mark.mark);
        if let Err(error) = asked {
            assert!(error.to_string().contains("does not have that bookmark"), "{error}");
            assert!(!is_newest, "object {} lost {}", mark.number, mark.mark);
            continue;
        }
        let object = found.object(mark.number);
        assert_eq!(counter_of(&object), mark.counter, "object {} at {}", mark.number, mark.mark);
        assert_whole(&object, &mark.mark);
        done += 1;
    }
    found.objects.settle();
    done
}

#[test]
fn a_restore_is_done_whole_or_again_after_a_power_loss() {
    let mut images = 0;
    for seed in 0..6 {
        let machine = Machine::new(seed);
        let mut random = Random::new(seed);
        let object = machine.object(1);
        let mut marks = Vec::new();
        for _ in 0..30 {
            let counter = step(&object, 1, &mut random);
            commit(&object);
            if counter % 3 == 0 {
                marks.push((object.current_bookmark().expect("a bookmark"), counter));
            }
        }
        let last = counter_of(&object);
        let (mark, counter) = &marks[random.below(marks.len() as u64) as usize];
        let undo = object.restore_on_next_open(mark).expect("it is there");
        drop(object);
        machine.objects.settle();
        // What may be found after each step of going back.
        let folder = tempfile::tempdir().expect("a folder");
        machine.model.images_at_syncs(folder.path(), 1);
        let object = machine.object(1);
        assert_eq!(counter_of(&object), *counter);
        object.put("after", b"1").expect("put");
        commit(&object);
        drop(object);
        machine.objects.settle();
        for number in 0..machine.model.images() {
            let path = folder.path().join(number.to_string());
            let found = Found::open(&path);
            let object = found.object(1);
            assert_eq!(counter_of(&object), *counter, "seed {seed}, image {number}");
            assert_whole(&object, &format!("seed {seed}, image {number}"));
            // And back again.
            object.restore_on_next_open(&undo).expect("the way back is there");
            drop(object);
            let object = found.object(1);
            assert_eq!(counter_of(&object), last, "seed {seed}, image {number}");
            assert_whole(&object, &format!("seed {seed}, image {number}, undone"));
            drop(object);
            found.objects.settle();
            images += 1;
        }
    }
    assert!(images > 30, "only {images} images");
}

#[test]
fn what_is_deleted_does_not_come_back_after_a_power_loss() {
    for seed in 0..10 {
        let machine = Machine::new(seed);
        let mut random = Random::new(seed);
        let object = machine.object(1);
        for _ in 0..10 {
            step(&object, 1, &mut random);
            commit(&object);
        }
        let old = object.current_bookmark().expect("a bookmark");
        drop(object);
        machine.objects.settle();
        machine.namespace.delete_object(id(1)).expect("deleted");
        let image = machine.image();
        let found = Found::open(image.path());
        assert_eq!(found.namespace.get_object(id(1)).expect("read"), None);
        let object = found.object(1);
        assert_eq!(object.list(&ListOptions::default()).expect("read"), []);
        object.put("a", b"new").expect("put");
        commit(&object);
        let error = text_of(object.restore_on_next_open(&old));
        assert!(error.contains("does not have that bookmark"), "{error}");
        drop(object);
        found.objects.settle();
    }
}

/// Opens an image as a process does that starts after the failure. Tells the
/// largest counter.
fn check(image: &Path, expected: &HashMap<u8, i64>, number: u32) -> i64 {
    let found = Found::open(image);
    let mut largest = 0;
    for at in 0..OBJECTS {
        let indexed = found.namespace.get_object(id(at)).expect("read");
        let object = found.object(at);
        let counter = counter_of(&object);
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
        assert_whole(&object, &format!("image {number}"));
        // And it goes on.
        object.put("after", b"1").expect("put");
        commit(&object);
    }
    found.objects.settle();
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
            let counter = step(&object, 1, &mut random);
            let commit = commit(&object);
            commits.borrow_mut().entry(1).or_default().push((
                object.durability(),
                commit.seq,
                counter,
            ));
        }
        machine.model.fail_our_log_syncs(1);
        step(&object, 1, &mut random);
        let failed = object.commit().expect("committed").expect("it wrote");
        let waited = futures::executor::block_on(object.durability().wait(failed.seq));
        assert!(matches!(waited, Err(Error::Broken(_))), "round {round}: {waited:?}");
        assert!(matches!(object.get("counter"), Err(Error::Broken(_))));
        assert!(matches!(object.put("counter", b""), Err(Error::Broken(_))));
        drop(object);
        // What comes after it is as safe as ever.
        let object = machine.object(1);
        let counter = step(&object, 1, &mut random);
        let commit = commit(&object);
        commits.borrow_mut().entry(1).or_default().push((object.durability(), commit.seq, counter));
        let image = machine.image();
        check(image.path(), &acknowledged(&commits), round);
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
