//! The storage of objects, from outside.

mod alarm;
mod facets;
mod figures;
mod history;
mod killed;
mod kv;
mod power;
mod sql;
mod transaction;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use selvedge_storage::data_dir::DataDir;

use super::*;
use crate::error::Error;

/// A data folder with a namespace, and a clock that stands still.
pub(super) struct Fixture {
    pub(super) folder: tempfile::TempDir,
    pub(super) objects: Objects,
    pub(super) namespace: Arc<Namespace>,
    pub(super) connections: Connections,
    pub(super) now: Arc<AtomicI64>,
}

pub(super) const NAMESPACE: &str = "rooms";

impl Fixture {
    pub(super) fn new() -> Self {
        Self::in_folder(tempfile::tempdir().expect("a folder"), ConnectionsOptions::default())
    }

    pub(super) fn in_folder(folder: tempfile::TempDir, options: ConnectionsOptions) -> Self {
        let dir = Arc::new(DataDir::open(folder.path(), "a test", 0).expect("free"));
        let now = Arc::new(AtomicI64::new(1_000_000));
        let clock = now.clone();
        let objects =
            Objects::open(dir, Arc::new(move || clock.load(Ordering::Relaxed))).expect("objects");
        let namespace = objects.namespace(NAMESPACE).expect("a namespace");
        let connections = Connections::new(options);
        Self { folder, objects, namespace, connections, now }
    }

    /// The same folder as a later process finds it.
    pub(super) fn again(self) -> Self {
        let Self { folder, objects, namespace, connections, .. } = self;
        objects.settle();
        drop((objects, namespace, connections));
        Self::in_folder(folder, ConnectionsOptions::default())
    }

    pub(super) fn object(&self, number: u8) -> ObjectStorage {
        self.namespace.object(id(number), None, &self.connections).expect("free")
    }

    pub(super) fn path_of(&self, number: u8) -> PathBuf {
        let name = id(number).to_string();
        let folder = self.folder.path().join(OBJECTS_FOLDER).join(NAMESPACE).join(&name[..2]);
        folder.join(name + ".sqlite")
    }
}

pub(super) fn id(number: u8) -> ObjectId {
    let mut id = [number; ID_BYTES];
    id[0] = 0xab;
    ObjectId(id)
}

/// Commits, and waits for the disk.
pub(super) fn commit(object: &ObjectStorage) -> Commit {
    let commit = object.commit().expect("committed").expect("it wrote");
    futures::executor::block_on(object.durability().wait(commit.seq)).expect("durable");
    commit
}

#[track_caller]
pub(super) fn text_of<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    result.expect_err("an error").to_string()
}

#[test]
fn an_object_is_open_once() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    let again = fixture.namespace.object(id(1), None, &fixture.connections);
    assert!(matches!(again, Err(Error::InUse)), "{again:?}");
    assert!(matches!(fixture.namespace.delete_object(id(1)), Err(Error::InUse)));
    drop(object);
    fixture.object(1);
}

#[test]
fn an_object_that_never_wrote_leaves_nothing() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    assert_eq!(object.get("a").expect("read"), None);
    assert_eq!(object.list(&ListOptions::default()).expect("read"), []);
    assert_eq!(object.get_alarm().expect("read"), None);
    assert!(!object.delete("a").expect("nothing to delete"));
    object.delete_alarm().expect("nothing to delete");
    object.delete_all(DeleteAlarm::Yes).expect("nothing to delete");
    assert_eq!(object.database_size().expect("read"), 0);
    assert_eq!(object.commit().expect("nothing to commit"), None);
    assert!(!fixture.path_of(1).exists());
    drop(object);
    fixture.objects.settle();
    let page = fixture.namespace.list_objects(&ObjectQuery { limit: 10, ..Default::default() });
    assert_eq!(page.expect("listed").objects, []);
}

#[test]
fn data_is_there_in_the_next_process() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    object.put("a", b"1").expect("put");
    object
        .exec("CREATE TABLE t (a); INSERT INTO t VALUES (?)", &[SqlValue::Integer(7)])
        .expect("run");
    object.set_alarm(5).expect("set");
    let commit = commit(&object);
    assert_eq!(object.durability().durable(), commit.seq);
    drop(object);
    let fixture = fixture.again();
    // One file is left, and its history.
    let folder = fixture.path_of(1).parent().expect("a folder").read_dir().expect("a folder");
    assert_eq!(folder.count(), 2);
    let object = fixture.object(1);
    assert_eq!(object.get("a").expect("read"), Some(b"1".to_vec()));
    let mut rows = object.exec("SELECT a FROM t", &[]).expect("run");
    assert_eq!(rows.next_row().expect("read"), Some(vec![SqlValue::Integer(7)]));
    assert_eq!(object.get_alarm().expect("read"), Some(5));
}

#[test]
fn what_was_not_committed_is_gone_with_the_object() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    object.put("a", b"1").expect("put");
    commit(&object);
    object.put("a", b"2").expect("put");
    object.put("b", b"2").expect("put");
    drop(object);
    let object = fixture.object(1);
    assert_eq!(object.get("a").expect("read"), Some(b"1".to_vec()));
    assert_eq!(object.get("b").expect("read"), None);
}

#[test]
fn names_are_remembered_and_listed() {
    let fixture = Fixture::new();
    fixture.now.store(77, Ordering::Relaxed);
    for (number, name) in [(1, Some("lobby")), (2, None), (3, Some("lounge")), (4, Some("bar"))] {
        let object =
            fixture.namespace.object(id(number), name, &fixture.connections).expect("free");
        object.put("a", b"1").expect("put");
        commit(&object);
    }
    // A name that comes later is taken over.
    let object = fixture.namespace.object(id(2), Some("hall"), &fixture.connections).expect("free");
    object.put("a", b"2").expect("put");
    commit(&object);
    drop(object);
    let fixture = fixture.again();
    let list = |query: ObjectQuery| {
        let page = fixture.namespace.list_objects(&query).expect("listed");
        let names: Vec<_> =
            page.objects.iter().map(|it| it.name.clone().unwrap_or_default()).collect();
        (names.join(" "), page.complete)
    };
    let all = ObjectQuery { limit: 10, ..Default::default() };
    assert_eq!(list(all.clone()), ("lobby hall lounge bar".to_owned(), true));
    assert_eq!(list(ObjectQuery { limit: 2, ..all.clone() }), ("lobby hall".to_owned(), false));
    assert_eq!(
        list(ObjectQuery { after: Some(id(2)), ..all.clone() }),
        ("lounge bar".to_owned(), true)
    );
    let lo = ObjectQuery { name_prefix: Some("lo".to_owned()), ..all };
    assert_eq!(list(lo), ("lobby lounge".to_owned(), true));
    let info = fixture.namespace.get_object(id(1)).expect("read").expect("known");
    assert_eq!(info.created, 77);
}

#[test]
fn a_deleted_object_is_empty_and_not_listed() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    object.put("a", b"1").expect("put");
    object.set_alarm(5).expect("set");
    commit(&object);
    drop(object);
    fixture.namespace.delete_object(id(1)).expect("deleted");
    assert!(!fixture.path_of(1).exists());
    assert_eq!(fixture.namespace.get_object(id(1)).expect("read"), None);
    assert_eq!(fixture.namespace.next_alarm().expect("read"), None);
    assert_eq!(fixture.object(1).get("a").expect("read"), None);
    fixture.namespace.delete_object(id(9)).expect("there is none");
}

#[test]
fn delete_all_leaves_nothing() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    object.put("a", b"1").expect("put");
    object.set_alarm(5).expect("set");
    object
        .exec(
            "CREATE TABLE parent (id INTEGER PRIMARY KEY AUTOINCREMENT);
             CREATE TABLE child (id REFERENCES parent);
             INSERT INTO parent DEFAULT VALUES; INSERT INTO child VALUES (1);
             CREATE VIEW v AS SELECT * FROM child; CREATE INDEX i ON child (id);
             CREATE TRIGGER tr AFTER INSERT ON child BEGIN DELETE FROM child; END;
             CREATE VIRTUAL TABLE f USING fts5 (text)",
            &[],
        )
        .expect("run");
    commit(&object);
    object.delete_all(DeleteAlarm::No).expect("deleted");
    assert_eq!(object.get("a").expect("read"), None);
    assert_eq!(object.get_alarm().expect("read"), Some(5));
    object.delete_all(DeleteAlarm::Yes).expect("deleted");
    assert_eq!(object.get_alarm().expect("read"), None);
    commit(&object);
    let mut rows = object
        .exec("SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE 'sqlite%'", &[])
        .expect("run");
    assert_eq!(rows.next_row().expect("read"), Some(vec![SqlValue::Integer(0)]));
    drop(rows);
    assert_eq!(
        text_of(object.exec("INSERT INTO child VALUES (5)", &[])),
        "no such table: child: SQLITE_ERROR"
    );
    // References count again.
    let broken = object.exec(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY); CREATE TABLE child (id REFERENCES parent);
         INSERT INTO child VALUES (5)",
        &[],
    );
    assert_eq!(
        text_of(broken),
        "FOREIGN KEY constraint failed: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_FOREIGNKEY)"
    );
    object.delete_all(DeleteAlarm::Yes).expect("deleted");
    commit(&object);
    drop(object);
    fixture.objects.settle();
    assert_eq!(fixture.namespace.next_alarm().expect("read"), None);
}

#[test]
fn an_object_that_deleted_all_is_forgotten_when_it_ends() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    object.put("a", b"1").expect("put");
    commit(&object);
    object.delete_all(DeleteAlarm::Yes).expect("deleted");
    commit(&object);
    drop(object);
    fixture.objects.settle();
    assert!(!fixture.path_of(1).exists());
    assert_eq!(fixture.namespace.get_object(id(1)).expect("read"), None);
}

#[test]
fn connections_are_bounded_and_come_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = ConnectionsOptions { open: 3, ..Default::default() };
    let fixture = Fixture::in_folder(folder, options);
    let objects: Vec<_> = (0..8).map(|number| fixture.object(number)).collect();
    for round in 0..3u8 {
        for (number, object) in objects.iter().enumerate() {
            let before = object.get("round").expect("read");
            assert_eq!(before, round.checked_sub(1).map(|round| vec![round]), "object {number}");
            object.put("round", &[round]).expect("put");
            object.commit().expect("committed");
            assert!(fixture.connections.open_count() <= 3);
        }
    }
    // Those that are needed stay open.
    let cursors: Vec<_> =
        objects.iter().map(|it| it.exec("SELECT * FROM pragma_table_list", &[])).collect();
    assert!(objects.iter().all(ObjectStorage::is_open));
    drop(cursors);
    objects[0].get("round").expect("read");
    objects[1].release();
    assert!(!objects[1].is_open());
    assert_eq!(objects[1].get("round").expect("read"), Some(vec![2]));
}

#[test]
fn a_file_of_another_program_is_refused_and_kept() {
    let fixture = Fixture::new();
    let path = fixture.path_of(1);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(&path, "my notes".repeat(100)).expect("written");
    let object = fixture.object(1);
    let error = text_of(object.get("a"));
    assert!(error.contains("is not a Durable Object: it is not a database of SQLite"), "{error}");
    assert!(text_of(object.put("a", b"1")).contains("it is kept as it is"));
    drop(object);
    fixture.objects.settle();
    assert_eq!(std::fs::read_to_string(&path).expect("there"), "my notes".repeat(100));
}

#[test]
fn a_namespace_is_deleted_with_its_objects() {
    let Fixture { folder: _folder, objects, namespace, connections, .. } = Fixture::new();
    let object = namespace.object(id(1), None, &connections).expect("free");
    object.put("a", b"1").expect("put");
    commit(&object);
    assert!(matches!(objects.delete_namespace(NAMESPACE), Err(Error::InUse)));
    drop((object, namespace));
    objects.delete_namespace(NAMESPACE).expect("deleted");
    objects.delete_namespace("never").expect("there is none");
    let namespace = objects.namespace(NAMESPACE).expect("a new one");
    let object = namespace.object(id(1), None, &connections).expect("free");
    assert_eq!(object.get("a").expect("read"), None);
    for id in ["", "..", "a/b", &"a".repeat(65)] {
        assert!(text_of(objects.namespace(id)).contains("is no id of a namespace"), "{id}");
    }
}
