//! `migrations`: the steps by which classes came to be, in the order in which
//! wrangler and Cloudflare take them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Misfit, Place, Storage};

/// One table of `migrations`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Migration {
    /// What it is remembered by.
    pub tag: String,
    /// Classes that begin, with the old storage.
    pub new_classes: Vec<String>,
    /// Classes that begin, with `storage.sql`.
    pub new_sqlite_classes: Vec<String>,
    /// Classes that get another name.
    pub renamed_classes: Vec<Rename>,
    /// Classes that end, with the data of their objects.
    pub deleted_classes: Vec<String>,
    /// Classes that come from other Workers.
    pub transferred_classes: Vec<Transfer>,
}

/// A class and its next name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Rename {
    pub from: String,
    pub to: String,
}

/// A class of another Worker and its name in this one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Transfer {
    pub from: String,
    pub from_script: String,
    pub to: String,
}

/// One thing that a migration does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change<'a> {
    Delete(&'a str),
    Rename(&'a Rename),
    Transfer(&'a Transfer),
    New(&'a str, Storage),
}

impl Migration {
    /// All that it does, in order, each with its place; `index` is its own.
    pub(crate) fn changes(&self, index: usize) -> impl Iterator<Item = (Place, Change<'_>)> {
        let at = move |key: &'static str| {
            move |item: usize| Place::of("migrations").item(index).key(key).item(item)
        };
        let deleted = self.deleted_classes.iter().enumerate();
        let renamed = self.renamed_classes.iter().enumerate();
        let transferred = self.transferred_classes.iter().enumerate();
        let old = self.new_classes.iter().enumerate();
        let new = self.new_sqlite_classes.iter().enumerate();
        deleted
            .map(move |(item, class)| (at("deleted_classes")(item), Change::Delete(class)))
            .chain(
                renamed.map(move |(item, rename)| {
                    (at("renamed_classes")(item), Change::Rename(rename))
                }),
            )
            .chain(transferred.map(move |(item, transfer)| {
                (at("transferred_classes")(item), Change::Transfer(transfer))
            }))
            .chain(old.map(move |(item, class)| {
                (at("new_classes")(item), Change::New(class, Storage::LegacyKv))
            }))
            .chain(new.map(move |(item, class)| {
                (at("new_sqlite_classes")(item), Change::New(class, Storage::Sqlite))
            }))
    }
}

/// The classes after all steps, from nothing.
pub(super) fn classes(
    migrations: &[Migration],
) -> Result<BTreeMap<String, Option<Storage>>, Misfit> {
    let mut classes: BTreeMap<String, Option<Storage>> = BTreeMap::new();
    for (index, migration) in migrations.iter().enumerate() {
        check_tag(migrations, index)?;
        for (place, change) in migration.changes(index) {
            let refused = |message: String| Err(Misfit::new(place.clone(), message));
            match change {
                Change::Delete(class) => {
                    if classes.remove(class).is_none() {
                        return refused(missing("deleted_classes", class));
                    }
                }
                Change::Rename(Rename { from, to }) => {
                    let Some(storage) = classes.remove(from) else {
                        return refused(missing("renamed_classes", from));
                    };
                    if classes.insert(to.clone(), storage).is_some() {
                        return refused(existing("renamed_classes", to));
                    }
                }
                Change::Transfer(Transfer { to, .. }) => {
                    if classes.insert(to.clone(), None).is_some() {
                        return refused(existing("transferred_classes", to));
                    }
                }
                Change::New(class, storage) => {
                    let key = new_key(storage);
                    match classes.insert(class.to_owned(), Some(storage)) {
                        None => {}
                        // Files that came from wrangler repeat a transferred class,
                        // for wrangler itself does not count those.
                        Some(None) => {}
                        Some(Some(_)) => return refused(existing(key, class)),
                    }
                }
            }
        }
    }
    Ok(classes)
}

fn check_tag(migrations: &[Migration], index: usize) -> Result<(), Misfit> {
    let tag = &migrations[index].tag;
    let place = Place::of("migrations").item(index).key("tag");
    if tag.is_empty() {
        return Err(Misfit::new(place, "the tag of a migration cannot be empty"));
    }
    if migrations[..index].iter().any(|earlier| earlier.tag == *tag) {
        return Err(Misfit::new(place, format!("two migrations have the tag \"{tag}\""))
            .with_hint("a tag tells which migrations were applied: give each one of its own"));
    }
    Ok(())
}

/// The key that makes classes with this storage.
fn new_key(storage: Storage) -> &'static str {
    match storage {
        Storage::Sqlite => "new_sqlite_classes",
        Storage::LegacyKv => "new_classes",
    }
}

/// wrangler's words.
pub(crate) fn missing(key: &str, class: &str) -> String {
    format!("Cannot apply {key} migration to non-existent class {class}")
}

/// wrangler's words.
pub(crate) fn existing(key: &str, class: &str) -> String {
    format!("Cannot apply {key} migration to existing class {class}")
}
