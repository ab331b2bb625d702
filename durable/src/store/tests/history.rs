//! Point-in-time recovery: bookmarks, and going back to them.

use super::*;

fn set(fixture: &Fixture, object: &ObjectStorage, value: &str) -> String {
    fixture.now.fetch_add(1000, Ordering::Relaxed);
    object.put("a", value.as_bytes()).expect("put");
    object.current_bookmark().expect("a bookmark")
}

fn value(object: &ObjectStorage) -> Option<String> {
    object.get("a").expect("read").map(|it| String::from_utf8(it).expect("text"))
}

/// The object's next session, with the state of a bookmark, and the way back.
fn restored(fixture: &Fixture, object: ObjectStorage, to: &str) -> (ObjectStorage, String) {
    let undo = object.restore_on_next_open(to).expect("it is there");
    drop(object);
    (fixture.object(1), undo)
}

fn history_of(fixture: &Fixture) -> PathBuf {
    fixture.path_of(1).with_extension("history")
}

fn files(fixture: &Fixture, kind: &str) -> Vec<PathBuf> {
    let entries = history_of(fixture).read_dir().expect("a history");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|it| it == kind))
        .collect();
    files.sort();
    files
}

#[test]
fn each_state_comes_back_and_what_was_undone_too() {
    let fixture = Fixture::new();
    let mut object = fixture.object(1);
    let empty = object.current_bookmark().expect("a bookmark");
    let marks: Vec<_> = ["1", "2", "3"].map(|it| set(&fixture, &object, it)).into();
    assert!(marks.is_sorted() && empty < marks[0], "{empty} {marks:?}");
    assert_eq!(object.current_bookmark().expect("the same"), marks[2]);
    let mut undos = Vec::new();
    for (mark, expected) in [
        (&marks[0], Some("1")),
        (&marks[2], Some("3")),
        (&empty, None),
        (&marks[1], Some("2")),
        (&marks[2], Some("3")),
    ] {
        let undo;
        (object, undo) = restored(&fixture, object, mark);
        assert_eq!(value(&object).as_deref(), expected);
        undos.push(undo);
    }
    // What each restore undid: 3, 1, 3, none, 2.
    for (undo, expected) in undos.iter().zip([Some("3"), Some("1"), Some("3"), None, Some("2")]) {
        (object, _) = restored(&fixture, object, undo);
        assert_eq!(value(&object).as_deref(), expected, "{undo}");
    }
    let last = set(&fixture, &object, "4");
    assert!(undos.iter().all(|undo| *undo < last));
}

#[test]
fn a_restore_waits_for_the_next_session() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    let first = set(&fixture, &object, "1");
    set(&fixture, &object, "2");
    object.restore_on_next_open(&first).expect("there");
    object.release();
    assert_eq!(value(&object).as_deref(), Some("2"));
    drop(object);
    let fixture = fixture.again();
    let object = fixture.object(1);
    assert_eq!(value(&object).as_deref(), Some("1"));
    set(&fixture, &object, "3");
    drop(object);
    // It is done once.
    let fixture = fixture.again();
    assert_eq!(value(&fixture.object(1)).as_deref(), Some("3"));
}

#[test]
fn states_before_a_change_of_tables_come_back_over_processes() {
    let mut fixture = Fixture::new();
    let mut marks = Vec::new();
    for round in 0..6 {
        let object = fixture.object(1);
        let sql = match round {
            0 => "CREATE TABLE t (a); INSERT INTO t VALUES ('x')".to_owned(),
            3 => "DROP TABLE t; CREATE TABLE t (b, a DEFAULT 'y'); CREATE INDEX i ON t (b); \
                  INSERT INTO t (b) VALUES (3)"
                .to_owned(),
            _ => format!("UPDATE t SET a = a || {round}"),
        };
        object.exec(&sql, &[]).expect("run");
        commit(&object);
        marks.push(object.current_bookmark().expect("a bookmark"));
        drop(object);
        fixture = fixture.again();
    }
    let all = ["x", "x1", "x12", "y", "y4", "y45"];
    for at in [5, 0, 3, 2, 4, 1] {
        let object = fixture.object(1);
        object.restore_on_next_open(&marks[at]).expect("there");
        drop(object);
        fixture = fixture.again();
        let object = fixture.object(1);
        let mut rows = object.exec("SELECT a FROM t", &[]).expect("run");
        let row = rows.next_row().expect("read").expect("a row");
        assert_eq!(row, vec![SqlValue::Text(all[at].to_owned())], "{at}");
        drop(rows);
        let mut check = object.exec("PRAGMA quick_check", &[]).expect("run");
        assert_eq!(check.next_row().expect("read"), Some(vec![SqlValue::Text("ok".to_owned())]));
    }
}

#[test]
fn a_time_tells_the_last_commit_before_it() {
    let fixture = Fixture::new();
    let mut object = fixture.object(1);
    let now = || fixture.now.load(Ordering::Relaxed);
    let begin = now();
    let marks: Vec<_> = ["1", "2", "3"].map(|it| set(&fixture, &object, it)).into();
    let at = |object: &ObjectStorage, after| object.bookmark_for_time(begin + after);
    for (after, mark) in [(1000, 0), (1999, 0), (2000, 1), (2999, 1), (3000, 2)] {
        assert_eq!(at(&object, after).expect("there"), marks[mark], "{after}");
    }
    let before = at(&object, 999).expect("there was nothing");
    assert!(text_of(at(&object, 3001)).contains("in the future"));
    (object, _) = restored(&fixture, object, &before);
    assert_eq!(value(&object), None);
    // The time before the restore is still that.
    assert_eq!(at(&object, 2999).expect("there"), marks[1]);
    fixture.now.fetch_add(31 * 24 * 60 * 60 * 1000, Ordering::Relaxed);
    assert!(text_of(at(&object, 2999)).contains("30 days"));
}

#[test]
fn what_is_no_bookmark_of_the_object_is_refused() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    let mark = set(&fixture, &object, "1");
    let other = fixture.object(2);
    set(&fixture, &other, "1");
    for bad in ["", "x", &mark[1..], &mark.to_uppercase(), &mark.replace('-', ""), "é"] {
        assert_eq!(
            text_of(object.restore_on_next_open(bad)),
            "Not a bookmark of this Durable Object.",
            "{bad}"
        );
    }
    let refused = text_of(other.restore_on_next_open(&mark));
    assert_eq!(refused, "Not a bookmark of this Durable Object.");
    drop(object);
    let object = fixture.object(1);
    assert_eq!(value(&object).as_deref(), Some("1"));
}

#[test]
fn alarms_come_back_with_the_state() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    object.set_alarm(5_000_000).expect("set");
    let with = object.current_bookmark().expect("a bookmark");
    object.delete_alarm().expect("deleted");
    commit(&object);
    let (object, _) = restored(&fixture, object, &with);
    assert_eq!(object.get_alarm().expect("read"), Some(5_000_000));
    let next = fixture.namespace.next_alarm().expect("read").map(|(time, _)| time);
    assert_eq!(next, Some(5_000_000));
}

/// Writes enough that logs begin anew while the object is open.
fn write_much(fixture: &Fixture, object: &ObjectStorage, rounds: u32) -> Vec<(u32, i64)> {
    let mut written = Vec::new();
    for round in 0..rounds {
        let now = fixture.now.fetch_add(10, Ordering::Relaxed) + 10;
        for key in 0..5 {
            object.put(&format!("fill{key}"), &[round as u8; 3000]).expect("put");
        }
        object.put("a", round.to_string().as_bytes()).expect("put");
        commit(object);
        if round % 7 == 0 {
            // As it would while the object waits for something.
            fixture.objects.settle();
        }
        written.push((round, now));
    }
    written
}

#[test]
fn states_of_a_busy_object_come_back_and_the_history_is_bounded() {
    let fixture = Fixture::new();
    let mut object = fixture.object(1);
    let written = write_much(&fixture, &object, 400);
    let bases = files(&fixture, "base").len();
    assert!(bases > 1, "{bases} bases while it is open");
    let mut restored_some = 0;
    let mut refused_some = 0;
    for (round, time) in written.iter().step_by(29).chain(written.last()) {
        match object.bookmark_for_time(*time) {
            Ok(mark) => {
                fixture.now.fetch_add(1, Ordering::Relaxed);
                (object, _) = restored(&fixture, object, &mark);
                assert_eq!(value(&object), Some(round.to_string()));
                assert_eq!(object.get("fill3").expect("read"), Some(vec![*round as u8; 3000]));
                let mut check = object.exec("PRAGMA quick_check", &[]).expect("run");
                let ok = Some(vec![SqlValue::Text("ok".to_owned())]);
                assert_eq!(check.next_row().expect("read"), ok);
                restored_some += 1;
            }
            Err(error) => {
                assert!(error.to_string().contains("does not go back"), "{error}");
                refused_some += 1;
            }
        }
    }
    assert!(restored_some > 1 && refused_some > 1, "{restored_some} {refused_some}");
    drop(object);
    let fixture = fixture.again();
    drop(fixture.object(1));
    let entries = history_of(&fixture).read_dir().expect("a history");
    let bytes: u64 = entries.map(|it| it.expect("an entry").metadata().expect("there").len()).sum();
    assert!(bytes < 3 << 20, "{bytes}");
}

#[test]
fn a_history_that_is_too_old_is_dropped() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    let old = set(&fixture, &object, "old");
    write_much(&fixture, &object, 60);
    fixture.now.fetch_add(31 * 24 * 60 * 60 * 1000, Ordering::Relaxed);
    write_much(&fixture, &object, 60);
    drop(object);
    let fixture = fixture.again();
    fixture.now.store(40 * 24 * 60 * 60 * 1000, Ordering::Relaxed);
    let object = fixture.object(1);
    set(&fixture, &object, "new");
    assert_eq!(
        text_of(object.restore_on_next_open(&old)),
        "The history of this Durable Object does not have that bookmark."
    );
}

#[test]
fn a_database_that_was_replaced_begins_a_history_of_its_own() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    let first = set(&fixture, &object, "1");
    let second = set(&fixture, &object, "2");
    drop(object);
    fixture.objects.settle();
    let copy = std::fs::read(fixture.path_of(1)).expect("one file");
    let object = fixture.object(1);
    let third = set(&fixture, &object, "3");
    drop(object);
    fixture.objects.settle();
    std::fs::write(fixture.path_of(1), copy).expect("an older one");
    let mut fixture = fixture.again();
    let object = fixture.object(1);
    let fourth = set(&fixture, &object, "4");
    drop(object);
    for (mark, expected) in [(second, "2"), (fourth, "4"), (first, "1"), (third, "3")] {
        let object = fixture.object(1);
        object.restore_on_next_open(&mark).expect("there");
        drop(object);
        fixture = fixture.again();
        assert_eq!(value(&fixture.object(1)).as_deref(), Some(expected));
    }
}

#[test]
fn a_damaged_history_is_told_and_leaves_the_object_as_it_is() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    set(&fixture, &object, "1");
    let second = set(&fixture, &object, "2");
    set(&fixture, &object, "3");
    object.restore_on_next_open(&second).expect("there");
    drop(object);
    fixture.objects.settle();
    let log = files(&fixture, "log").remove(0);
    let mut bytes = std::fs::read(&log).expect("read");
    bytes[32 + 24 + 100] ^= 1;
    std::fs::write(&log, bytes).expect("written");
    let object = fixture.object(1);
    let told = text_of(object.get("a"));
    assert!(told.contains("is damaged"), "{told}");
    // It was refused, and is not tried again.
    assert_eq!(value(&object).as_deref(), Some("3"));
}

#[test]
fn a_restore_that_was_cut_off_is_done_again() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    let first = set(&fixture, &object, "1");
    let second = set(&fixture, &object, "2");
    let undo = object.restore_on_next_open(&first).expect("there");
    drop(object);
    fixture.objects.settle();
    // The database is in place, and nothing else was done any more.
    let request = history_of(&fixture).join("restore");
    let asked = std::fs::read(&request).expect("asked for");
    assert_eq!(value(&fixture.object(1)).as_deref(), Some("1"));
    fixture.objects.settle();
    let newest = files(&fixture, "base").pop().expect("of the restore");
    std::fs::remove_file(newest).expect("as if it was never made");
    std::fs::write(&request, asked).expect("as if it was never removed");
    let fixture = fixture.again();
    let mut object = fixture.object(1);
    assert_eq!(value(&object).as_deref(), Some("1"));
    let third = set(&fixture, &object, "3");
    for (mark, expected) in [(undo, "2"), (third, "3"), (second, "2"), (first, "1")] {
        (object, _) = restored(&fixture, object, &mark);
        assert_eq!(value(&object).as_deref(), Some(expected));
    }
}

#[test]
fn a_deleted_object_has_no_history() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    set(&fixture, &object, "1");
    drop(object);
    assert!(history_of(&fixture).exists());
    fixture.namespace.delete_object(id(1)).expect("deleted");
    assert!(!history_of(&fixture).exists());
}

#[test]
fn an_object_that_deleted_all_comes_back() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    let mark = set(&fixture, &object, "1");
    object.delete_all(DeleteAlarm::Yes).expect("deleted");
    commit(&object);
    object.restore_on_next_open(&mark).expect("there");
    drop(object);
    let fixture = fixture.again();
    assert_eq!(value(&fixture.object(1)).as_deref(), Some("1"));
}

#[test]
fn a_database_that_is_gone_begins_a_history_of_its_own() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    object.put("b", b"kept?").expect("put");
    let first = set(&fixture, &object, "1");
    drop(object);
    fixture.objects.settle();
    std::fs::remove_file(fixture.path_of(1)).expect("one file");
    let fixture = fixture.again();
    let object = fixture.object(1);
    let second = set(&fixture, &object, "2");
    let (object, _) = restored(&fixture, object, &first);
    assert_eq!(object.get("b").expect("read"), Some(b"kept?".to_vec()));
    let (object, _) = restored(&fixture, object, &second);
    assert_eq!((value(&object).as_deref(), object.get("b").expect("read")), (Some("2"), None));
}
