//! What the catalog does.

use futures::executor::block_on;

use super::*;
use crate::store::{Answer, Attributes, KvStore as _};

fn catalog(folder: &Path) -> Catalog {
    let dir = Arc::new(DataDir::open(folder, "a test", 0).expect("free"));
    Catalog::open(dir, Arc::new(|| 1000)).expect("opened")
}

fn put(catalog: &Catalog, id: &str) {
    let store = catalog.store(id).expect("opened");
    block_on(store.put("key".into(), "value".into(), Attributes::default())).expect("stored");
}

fn has_key(catalog: &Catalog, id: &str) -> bool {
    let store = catalog.store(id).expect("opened");
    matches!(store.get("key", 0), Answer::Ready(Ok(Some(_))))
}

#[test]
fn namespaces_outlive_the_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = catalog(folder.path());
    let info = first.create("Title").expect("new");
    assert_eq!((info.id.len(), info.created), (32, 1000));
    put(&first, &info.id);
    put(&first, "MY_KV");
    drop(first);
    let second = catalog(folder.path());
    let titles: Vec<_> =
        second.list().expect("readable").into_iter().map(|info| info.title).collect();
    assert_eq!(titles, ["MY_KV", "Title"]);
    assert!(has_key(&second, &info.id) && has_key(&second, "MY_KV"));
}

#[test]
fn titles_are_unique_and_can_change() {
    let folder = tempfile::tempdir().expect("a folder");
    let catalog = catalog(folder.path());
    let info = catalog.create("one").expect("new");
    assert!(matches!(catalog.create("one"), Err(CatalogError::TitleTaken { .. })));
    let other = catalog.create("two").expect("new");
    assert!(matches!(catalog.rename(&other.id, "one"), Err(CatalogError::TitleTaken { .. })));
    assert!(matches!(catalog.rename("none", "three"), Err(CatalogError::NotFound { .. })));
    assert_eq!(catalog.rename(&info.id, "one").expect("the same").title, "one");
    assert_eq!(catalog.rename(&info.id, "three").expect("free").title, "three");
    catalog.store("two").expect("an id may be another one's title");
    let titles: Vec<_> =
        catalog.list().expect("readable").into_iter().map(|info| info.title).collect();
    assert_eq!(titles, ["three", "two", "two (2)"]);
}

#[test]
fn a_deleted_namespace_is_gone_with_its_data() {
    let folder = tempfile::tempdir().expect("a folder");
    let catalog = catalog(folder.path());
    put(&catalog, "kv");
    let store = catalog.store("kv").expect("opened");
    catalog.delete("kv").expect("deleted");
    assert!(matches!(store.get("key", 0), Answer::Ready(Err(Error::Unavailable(_)))));
    assert!(matches!(
        block_on(store.put("key".into(), "x".into(), Attributes::default())),
        Err(Error::Unavailable(_))
    ));
    assert!(matches!(catalog.delete("kv"), Err(CatalogError::NotFound { .. })));
    assert_eq!(std::fs::read_dir(folder.path().join("kv")).expect("a folder").count(), 0);
    assert!(!has_key(&catalog, "kv"));
}
