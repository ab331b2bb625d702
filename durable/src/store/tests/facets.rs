//! What facets keep.

use futures::FutureExt as _;
use futures::executor::block_on;

use super::*;
use crate::store::FacetPath;

fn object() -> FacetPath {
    FacetPath::of_object(&id(1).to_string())
}

fn open(fixture: &Fixture, path: &FacetPath) -> ObjectStorage {
    let facets = fixture.namespace.facets().expect("facets");
    let storage = facets.namespace().object(path.id(), Some(path.as_str()), &fixture.connections);
    storage.expect("free")
}

fn write(fixture: &Fixture, path: &FacetPath, value: &str) {
    let storage = open(fixture, path);
    storage.put("k", value.as_bytes()).expect("put");
    commit(&storage);
}

fn read(fixture: &Fixture, path: &FacetPath) -> Option<String> {
    let found = open(fixture, path).get("k").expect("read");
    found.map(|bytes| String::from_utf8(bytes).expect("text"))
}

fn delete(fixture: &Fixture, path: &FacetPath) {
    let facets = fixture.namespace.facets().expect("facets");
    let held = facets.hold(path);
    block_on(facets.delete(held, path.clone())).expect("deleted");
}

#[test]
fn each_has_its_own_also_after_a_restart() {
    let fixture = Fixture::new();
    assert!(fixture.namespace.known_facets().expect("read").is_none());
    let paths = [
        object().child("a"),
        object().child("a").child("b"),
        object().child("a/b"),
        object().child("a%2Fb"),
        FacetPath::of_object(&id(2).to_string()).child("a"),
    ];
    for (number, path) in paths.iter().enumerate() {
        write(&fixture, path, &number.to_string());
    }
    let fixture = fixture.again();
    assert!(fixture.namespace.known_facets().expect("read").is_some());
    for (number, path) in paths.iter().enumerate() {
        assert_eq!(read(&fixture, path), Some(number.to_string()), "{path:?}");
    }
}

#[test]
fn one_is_deleted_with_those_below() {
    let fixture = Fixture::new();
    let (a, b, ab) = (object().child("a"), object().child("b"), object().child("a").child("b"));
    for path in [&a, &b, &ab] {
        write(&fixture, path, "1");
    }
    delete(&fixture, &a);
    assert_eq!((read(&fixture, &a), read(&fixture, &ab)), (None, None));
    assert_eq!(read(&fixture, &b), Some("1".to_owned()));
    write(&fixture, &a, "2");
    write(&fixture, &ab, "2");
    delete(&fixture, &a.all_below());
    assert_eq!((read(&fixture, &a), read(&fixture, &ab)), (Some("2".to_owned()), None));
}

#[test]
fn what_is_open_is_deleted_when_it_is_closed_and_begins_after_that() {
    let fixture = Fixture::new();
    let a = object().child("a");
    let storage = open(&fixture, &a);
    storage.put("k", b"1").expect("put");
    commit(&storage);
    let facets = fixture.namespace.facets().expect("facets");
    let mut deleted = Box::pin(facets.clone().delete(facets.hold(&a), a.clone()));
    let mut free = Box::pin(facets.free(a.child("below")));
    assert!(deleted.as_mut().now_or_never().is_none());
    assert!(free.as_mut().now_or_never().is_none());
    drop(storage);
    block_on(deleted).expect("deleted");
    block_on(free);
    assert_eq!(read(&fixture, &a), None);
}

#[test]
fn a_copy_is_what_was_committed_and_a_thing_of_its_own() {
    let fixture = Fixture::new();
    let (a, b) = (object().child("a"), object().child("b"));
    write(&fixture, &a.child("x"), "below");
    write(&fixture, &b.child("old"), "gone");
    let storage = open(&fixture, &a);
    storage.put("k", b"1").expect("put");
    commit(&storage);
    storage.put("k", b"not committed").expect("put");
    let facets = fixture.namespace.facets().expect("facets");
    let held = facets.hold(&b);
    block_on(facets.copy(held, a.clone(), b.clone())).expect("copied");
    commit(&storage);
    drop(storage);
    assert_eq!(read(&fixture, &b), Some("1".to_owned()));
    assert_eq!(read(&fixture, &b.child("x")), Some("below".to_owned()));
    assert_eq!(read(&fixture, &b.child("old")), None);
    write(&fixture, &b, "2");
    assert_eq!(read(&fixture, &a), Some("not committed".to_owned()));
    let fixture = fixture.again();
    assert_eq!(read(&fixture, &b), Some("2".to_owned()));
}

#[test]
fn those_of_an_object_are_listed_by_their_names() {
    let fixture = Fixture::new();
    let b = object().child("b");
    for path in [&b, &b.child("50%/x"), &object().child("a")] {
        write(&fixture, path, "1");
    }
    write(&fixture, &FacetPath::of_object(&id(2).to_string()).child("other"), "1");
    let facets = fixture.namespace.known_facets().expect("read").expect("facets");
    let all = facets.of_object(&id(1).to_string()).expect("listed");
    let names: Vec<_> = all.iter().map(|(names, _)| names.join(" > ")).collect();
    assert_eq!(names, ["a", "b", "b > 50%/x"]);
}

#[test]
fn they_go_with_their_object_and_their_namespace() {
    let fixture = Fixture::new();
    let a = object().child("a");
    let other = FacetPath::of_object(&id(2).to_string()).child("a");
    write(&fixture, &a, "1");
    write(&fixture, &other, "1");
    fixture.namespace.delete_object(id(1)).expect("deleted");
    assert_eq!((read(&fixture, &a), read(&fixture, &other)), (None, Some("1".to_owned())));
    let storage = open(&fixture, &other);
    let Fixture { objects, namespace, .. } = fixture;
    drop(namespace);
    assert!(matches!(objects.delete_namespace(NAMESPACE), Err(Error::InUse)));
    drop(storage);
    objects.delete_namespace(NAMESPACE).expect("deleted");
    let again = objects.namespace(NAMESPACE).expect("made");
    assert!(again.known_facets().expect("read").is_none());
}
