//! Transactions.

use super::*;

fn value(object: &ObjectStorage, key: &str) -> Option<String> {
    let value = object.get(key).expect("read");
    value.map(|value| String::from_utf8(value).expect("text"))
}

#[test]
fn reads_see_the_writes_before_them() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    object.put("a", b"1").expect("put");
    assert_eq!(value(&object, "a").as_deref(), Some("1"));
    assert!(object.has_uncommitted());
    let first = commit(&object);
    assert!(!object.has_uncommitted());
    assert_eq!(object.commit().expect("nothing"), None);
    object.put("a", b"2").expect("put");
    assert_eq!(commit(&object).seq, first.seq + 1);
}

#[test]
fn savepoints_nest_and_roll_back() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    object.savepoint().expect("begun");
    object.put("a", b"1").expect("put");
    object.savepoint().expect("begun");
    object.put("a", b"2").expect("put");
    object.exec("CREATE TABLE t (a)", &[]).expect("run");
    object.rollback_savepoint().expect("undone");
    assert_eq!(value(&object, "a").as_deref(), Some("1"));
    assert_eq!(text_of(object.exec("SELECT * FROM t", &[])), "no such table: t: SQLITE_ERROR");
    assert_eq!(object.commit().expect("not yet"), None);
    object.release_savepoint().expect("ended");
    commit(&object);
    // The table of keys itself may be undone.
    let other = fixture.object(2);
    other.savepoint().expect("begun");
    other.put("a", b"1").expect("put");
    other.rollback_savepoint().expect("undone");
    assert_eq!(value(&other, "a"), None);
    other.put("a", b"2").expect("put");
    commit(&other);
    assert_eq!(text_of(other.release_savepoint()), "no such transaction is open");
}

#[test]
fn an_explicit_transaction_holds_back_the_commit() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    object.put("before", b"1").expect("put");
    let before = object.begin_transaction().expect("begun").expect("a commit");
    object.put("in", b"1").expect("put");
    assert_eq!(object.commit().expect("held back"), None);
    object.begin_transaction().expect("nested");
    object.savepoint().expect("in it");
    object.put("deep", b"1").expect("put");
    object.rollback_transaction().expect("undone with its savepoint");
    assert_eq!(object.depth(), 1);
    assert_eq!(value(&object, "deep"), None);
    let after = object.commit_transaction().expect("committed").expect("it wrote");
    assert_eq!(after.seq, before.seq + 1);
    object.begin_transaction().expect("begun");
    object.put("in", b"2").expect("put");
    object.rollback_transaction().expect("undone");
    assert_eq!(value(&object, "in").as_deref(), Some("1"));
    drop(object);
    assert_eq!(value(&fixture.object(1), "before").as_deref(), Some("1"));
}

#[test]
fn a_commit_that_fails_breaks_the_object() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    object.exec("CREATE TABLE parent (id INTEGER PRIMARY KEY)", &[]).expect("run");
    object
        .exec("CREATE TABLE child (id REFERENCES parent DEFERRABLE INITIALLY DEFERRED)", &[])
        .expect("run");
    object.put("a", b"1").expect("put");
    let good = commit(&object);
    object.exec("INSERT INTO child VALUES (1)", &[]).expect("run");
    object.put("a", b"2").expect("put");
    let error = text_of(object.commit());
    assert!(error.contains("FOREIGN KEY constraint failed"), "{error}");
    assert!(matches!(object.get("a"), Err(Error::Broken(_))));
    assert!(matches!(object.put("a", b"3"), Err(Error::Broken(_))));
    assert!(object.failure().is_some());
    let durability = object.durability();
    assert!(matches!(durability.check(good.seq), Some(Ok(()))));
    assert!(matches!(durability.check(good.seq + 1), Some(Err(Error::Broken(_)))));
    let waited = futures::executor::block_on(durability.wait(good.seq + 1));
    assert!(matches!(waited, Err(Error::Broken(_))));
    drop(object);
    let object = fixture.object(1);
    assert_eq!(value(&object, "a").as_deref(), Some("1"));
    object.put("a", b"4").expect("put");
    commit(&object);
}

/// As in workerd, where the next commit finds no transaction.
#[test]
fn a_statement_that_undoes_its_transaction_breaks_the_object() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    object.exec("CREATE TABLE t (a UNIQUE); INSERT INTO t VALUES (1)", &[]).expect("run");
    object.put("a", b"1").expect("put");
    commit(&object);
    object.put("a", b"2").expect("put");
    // That takes the key along.
    let error = text_of(object.exec("INSERT OR ROLLBACK INTO t VALUES (1)", &[]));
    assert!(error.starts_with("UNIQUE constraint failed: t.a: SQLITE_CONSTRAINT"), "{error}");
    assert!(matches!(object.get("a"), Err(Error::Broken(_))));
    assert_eq!(object.commit().expect("nothing is left"), None);
    drop(object);
    let object = fixture.object(1);
    assert_eq!(value(&object, "a").as_deref(), Some("1"));
    // One that is undone by itself breaks nothing.
    object.put("a", b"3").expect("put");
    assert!(object.exec("INSERT INTO t VALUES (1)", &[]).is_err());
    commit(&object);
    assert_eq!(value(&object, "a").as_deref(), Some("3"));
}

#[test]
fn a_log_begins_anew_while_its_object_goes_on() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    let log = selvedge_storage::file::log_of(&fixture.path_of(1));
    let mut longest = 0;
    for number in 0..12_000u32 {
        object.put(&format!("{}", number % 1000), &[number as u8; 500]).expect("put");
        object.commit().expect("committed");
        longest = longest.max(log.metadata().map_or(0, |log| log.len()));
    }
    // Without that it has some 100 MB.
    assert!(longest < 60_000_000, "{longest}");
    drop(object);
    let fixture = fixture.again();
    assert_eq!(fixture.object(1).list(&ListOptions::default()).expect("read").len(), 1000);
}
