use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::config::{BindingConfig, Migration};

struct Folder {
    catalog: Catalog,
    folder: TempDir,
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = DataDir::open(folder.path(), "test", 0).expect("free");
        let catalog = Catalog::open(Arc::new(dir), Arc::new(|| 1_700_000_000_000)).expect("opened");
        Self { catalog, folder }
    }

    fn local(&self, script: &str, config: &Config) -> Vec<String> {
        self.catalog.apply(script, config, Strictness::Local).expect("it fits")
    }

    fn strict(&self, script: &str, config: &Config) {
        self.catalog.apply(script, config, Strictness::Strict).expect("it fits");
    }

    /// The place and the message of a refusal.
    fn refused(&self, script: &str, config: &Config, strictness: Strictness) -> (String, String) {
        let before = self.catalog.list().expect("a list");
        let error = self.catalog.apply(script, config, strictness).expect_err("it does not fit");
        let ApplyError::Refused(misfit) = error else { panic!("{error}") };
        assert_eq!(self.catalog.list().expect("a list"), before, "nothing changed");
        (misfit.place.to_string(), misfit.message)
    }

    /// Worker, class and kind of all namespaces.
    fn all(&self) -> Vec<(String, String, Storage)> {
        let list = self.catalog.list().expect("a list");
        list.into_iter().map(|info| (info.script, info.class, info.storage)).collect()
    }

    fn id(&self, script: &str, class: &str) -> String {
        self.info(script, class).id
    }

    fn info(&self, script: &str, class: &str) -> NamespaceInfo {
        let found = self.catalog.find(script, class).expect("readable");
        found.unwrap_or_else(|| panic!("there is no {class} of {script}"))
    }

    /// Makes it look as if an object had written something.
    fn use_objects_of(&self, id: &str) {
        let folder = self.folder.path().join(FOLDER).join(id).join("ab");
        std::fs::create_dir_all(folder).expect("a folder");
    }

    fn removed(&self) -> Vec<String> {
        self.catalog.removed_ids().expect("a list")
    }
}

fn config(migrations: Value, bound: &[&str]) -> Config {
    let migrations: Vec<Migration> = serde_json::from_value(migrations).expect("migrations");
    Config { bindings: bindings(bound), lifecycle: Lifecycle::Migrations(migrations) }
}

fn exporting(exports: Value, bound: &[&str]) -> Config {
    let lifecycle = Lifecycle::of(Vec::new(), Some(&exports)).expect("exports");
    Config { bindings: bindings(bound), lifecycle }
}

fn bindings(bound: &[&str]) -> Vec<BindingConfig> {
    let binding = |class: &&str| {
        let (script_name, class_name) = match class.split_once('/') {
            Some((script, class)) => (Some(script.to_owned()), class),
            None => (None, *class),
        };
        BindingConfig {
            name: class_name.to_uppercase(),
            class_name: class_name.to_owned(),
            script_name,
            environment: None,
        }
    };
    bound.iter().map(binding).collect()
}

fn named(script: &str, class: &str, storage: Storage) -> (String, String, Storage) {
    (script.to_owned(), class.to_owned(), storage)
}

const SQLITE: Storage = Storage::Sqlite;
const KV: Storage = Storage::LegacyKv;

#[test]
fn migrations_are_taken_once_and_in_order() {
    let folder = Folder::new();
    let v1 = json!({ "tag": "v1", "new_sqlite_classes": ["A"], "new_classes": ["B"] });
    let v2 = json!({ "tag": "v2", "renamed_classes": [{ "from": "A", "to": "A2" }] });
    let v3 = json!({ "tag": "v3", "deleted_classes": ["B"], "new_sqlite_classes": ["A"] });
    folder.strict("w", &config(json!([v1]), &["A", "B"]));
    assert_eq!(folder.all(), [named("w", "A", SQLITE), named("w", "B", KV)]);
    let (a, b) = (folder.id("w", "A"), folder.id("w", "B"));
    assert_eq!(a.len(), 32);
    folder.strict("w", &config(json!([v1]), &["A", "B"]));
    assert_eq!((folder.id("w", "A"), folder.id("w", "B")), (a.clone(), b.clone()));

    folder.strict("w", &config(json!([v1, v2, v3]), &["A2"]));
    assert_eq!(folder.all(), [named("w", "A", SQLITE), named("w", "A2", SQLITE)]);
    assert_eq!(folder.id("w", "A2"), a, "a renamed class keeps its objects");
    assert_ne!(folder.id("w", "A"), a);
    assert_eq!(folder.removed(), [b]);
    assert_eq!(folder.catalog.migration_tag("w").expect("readable").as_deref(), Some("v3"));
}

#[test]
fn all_of_it_survives_the_process() {
    let folder = Folder::new();
    folder.strict("w", &config(json!([{ "tag": "v1", "new_classes": ["A"] }]), &[]));
    let before = folder.catalog.list().expect("a list");
    let Folder { catalog, folder } = folder;
    drop(catalog);
    let dir = DataDir::open(folder.path(), "test", 0).expect("free again");
    assert!(Catalog::exists(folder.path()));
    let catalog = Catalog::open(Arc::new(dir), Arc::new(|| 0)).expect("opened");
    assert_eq!(catalog.list().expect("a list"), before);
    assert_eq!(catalog.migration_tag("w").expect("readable").as_deref(), Some("v1"));
}

#[test]
fn a_refused_step_leaves_all_as_it_was() {
    let folder = Folder::new();
    folder.strict("w", &config(json!([{ "tag": "v1", "new_classes": ["A"] }]), &[]));
    // The first step of a file that was changed behind the catalog's back.
    let changed = json!([
        { "tag": "v1", "new_classes": ["B"] },
        { "tag": "v2", "new_sqlite_classes": ["C", "A"] },
    ]);
    for strictness in [Strictness::Local, Strictness::Strict] {
        let (place, message) = folder.refused("w", &config(changed.clone(), &[]), strictness);
        assert_eq!(place, "migrations[1].new_sqlite_classes[1]");
        assert_eq!(
            message,
            "Cannot apply new-class migration to class 'A' that is already depended on by \
             existing Durable Objects."
        );
    }
    let lost = json!([
        { "tag": "v1", "new_classes": ["B"] },
        { "tag": "v2", "renamed_classes": [{ "from": "B", "to": "C" }] },
    ]);
    for strictness in [Strictness::Local, Strictness::Strict] {
        let (place, message) = folder.refused("w", &config(lost.clone(), &[]), strictness);
        assert_eq!(place, "migrations[1].renamed_classes[0]");
        assert_eq!(message, "Cannot apply renamed_classes migration to non-existent class B");
    }
    let gone = config(
        json!([{ "tag": "v1", "new_classes": ["B"] }, { "tag": "v2", "deleted_classes": ["B"] }]),
        &[],
    );
    let (_, message) = folder.refused("w", &gone, Strictness::Strict);
    assert!(message.starts_with("Cannot apply delete-class migration to class 'B'"), "{message}");
    folder.local("w", &gone);
}

#[test]
fn a_bound_class_that_nothing_declares_works_locally_only() {
    let folder = Folder::new();
    let bare = config(json!([]), &["A"]);
    let (place, message) = folder.refused("w", &bare, Strictness::Strict);
    assert_eq!(place, "durable_objects.bindings[0].class_name");
    assert_eq!(
        message,
        "Cannot create binding for class 'A' because it is not currently configured to implement \
         Durable Objects. Ensure a --new-class migration has been applied to it."
    );
    folder.local("w", &bare);
    assert_eq!(folder.all(), [named("w", "A", KV)]);
    let id = folder.id("w", "A");

    // The step comes later, and the objects stay.
    folder.local("w", &config(json!([{ "tag": "v1", "new_sqlite_classes": ["A"] }]), &["A"]));
    assert_eq!(folder.all(), [named("w", "A", SQLITE)]);
    assert_eq!(folder.id("w", "A"), id);
    assert_eq!(folder.info("w", "A").origin, Origin::Declared);
}

#[test]
fn a_class_that_was_bound_under_its_new_name_first_makes_room_if_it_is_empty() {
    let v1 = json!({ "tag": "v1", "new_classes": ["A"] });
    let v2 = json!({ "tag": "v2", "renamed_classes": [{ "from": "A", "to": "B" }] });
    let folder = Folder::new();
    folder.local("w", &config(json!([v1]), &["A"]));
    let id = folder.id("w", "A");
    folder.local("w", &config(json!([v1]), &["B"]));
    let empty = folder.id("w", "B");
    folder.local("w", &config(json!([v1, v2]), &["B"]));
    assert_eq!(folder.id("w", "B"), id);
    assert_eq!(folder.removed(), [empty]);

    let folder = Folder::new();
    folder.local("w", &config(json!([v1]), &["A", "B"]));
    folder.use_objects_of(&folder.id("w", "B"));
    let renamed = config(json!([v1, v2]), &["B"]);
    let (place, message) = folder.refused("w", &renamed, Strictness::Local);
    assert_eq!(place, "migrations[1].renamed_classes[0]");
    assert_eq!(message, "Cannot apply renamed_classes migration to existing class B");
}

#[test]
fn a_lost_tag_takes_nothing_away() {
    let folder = Folder::new();
    let steps = |tags: [&str; 3]| {
        json!([
            { "tag": tags[0], "new_classes": ["A", "Z"] },
            { "tag": tags[1], "deleted_classes": ["A"], "new_classes": ["B"] },
            { "tag": tags[2], "new_classes": ["A"],
              "renamed_classes": [{ "from": "B", "to": "C" }] },
        ])
    };
    folder.strict("w", &config(steps(["1", "2", "3"]), &[]));
    let before = folder.catalog.list().expect("a list");
    let notes = folder.local("w", &config(steps(["x", "y", "z"]), &[]));
    assert!(notes[0].contains("\"3\""), "{notes:?}");
    assert_eq!(folder.catalog.list().expect("a list"), before);
    assert_eq!(folder.catalog.migration_tag("w").expect("readable").as_deref(), Some("z"));
    assert_eq!(folder.local("w", &config(steps(["x", "y", "z"]), &[])), [""; 0]);

    // What is deleted in the end is deleted, and what is new comes.
    let ends = config(
        json!([{ "tag": "p", "new_classes": ["A", "C", "Z", "D"] },
               { "tag": "q", "deleted_classes": ["Z"] }]),
        &[],
    );
    folder.local("w", &ends);
    let classes: Vec<_> = folder.all().into_iter().map(|(_, class, _)| class).collect();
    assert_eq!(classes, ["A", "C", "D"]);
}

#[test]
fn locally_a_class_gets_sql_by_a_change_of_its_step() {
    let folder = Folder::new();
    folder.local("w", &config(json!([{ "tag": "v1", "new_classes": ["A"] }]), &["A"]));
    let sqlite = config(json!([{ "tag": "v1", "new_sqlite_classes": ["A"] }]), &["A"]);
    folder.strict("w", &sqlite);
    assert_eq!(folder.all(), [named("w", "A", KV)], "Cloudflare has taken v1 already");
    folder.local("w", &sqlite);
    assert_eq!(folder.all(), [named("w", "A", SQLITE)]);
}

#[test]
fn a_class_moves_to_another_worker_with_its_objects() {
    let folder = Folder::new();
    folder.strict("old", &config(json!([{ "tag": "v1", "new_classes": ["A"] }]), &["A"]));
    let id = folder.id("old", "A");
    let transfer = json!([{ "tag": "v1", "transferred_classes":
        [{ "from": "A", "from_script": "old", "to": "B" }] }]);
    folder.strict("new", &config(transfer.clone(), &["B"]));
    assert_eq!(folder.all(), [named("new", "B", KV)]);
    assert_eq!(folder.id("new", "B"), id);

    let folder = Folder::new();
    let (place, message) =
        folder.refused("new", &config(transfer.clone(), &["B"]), Strictness::Strict);
    assert_eq!(place, "migrations[0].transferred_classes[0]");
    assert_eq!(message, "Cannot apply transferred_classes migration to non-existent class A");
    let notes = folder.local("new", &config(transfer, &["B"]));
    assert!(notes[0].contains("begins without objects"), "{notes:?}");
    assert_eq!(folder.all(), [named("new", "B", SQLITE)]);
}

#[test]
fn a_class_of_another_worker_is_there_before_that_worker() {
    let folder = Folder::new();
    let uses = config(json!([]), &["owner/A"]);
    let (place, _) = folder.refused("user", &uses, Strictness::Strict);
    assert_eq!(place, "durable_objects.bindings[0].class_name");
    assert_eq!(folder.local("user", &uses), [""; 0]);
    let id = folder.id("owner", "A");
    folder.local("owner", &config(json!([{ "tag": "v1", "new_classes": ["A"] }]), &["A"]));
    assert_eq!(folder.all(), [named("owner", "A", KV)]);
    assert_eq!(folder.id("owner", "A"), id);
}

#[test]
fn exports_are_compared_with_what_there_is() {
    let folder = Folder::new();
    let created = |storage: &str| json!({ "type": "durable-object", "storage": storage });
    let state = |state: &str| json!({ "type": "durable-object", "state": state });
    folder.strict(
        "w",
        &exporting(json!({ "A": created("sqlite"), "B": created("legacy-kv") }), &["A", "B"]),
    );
    assert_eq!(folder.all(), [named("w", "A", SQLITE), named("w", "B", KV)]);
    let (a, b) = (folder.id("w", "A"), folder.id("w", "B"));

    let forgotten = exporting(json!({ "A": created("sqlite") }), &[]);
    let (_, message) = folder.refused("w", &forgotten, Strictness::Strict);
    assert!(message.contains("does not export class 'B'"), "{message}");
    folder.local("w", &forgotten);
    assert_eq!(folder.all().len(), 2, "nothing is lost by forgetting");
    let converted = exporting(json!({ "A": created("legacy-kv"), "B": created("legacy-kv") }), &[]);
    let (place, _) = folder.refused("w", &converted, Strictness::Strict);
    assert_eq!(place, "exports.A.storage");

    let renamed = json!({ "type": "durable-object", "state": "renamed", "renamed_to": "C" });
    let moved =
        exporting(json!({ "A": renamed, "B": state("deleted"), "C": created("sqlite") }), &["C"]);
    for _ in 0..2 {
        folder.strict("w", &moved);
        assert_eq!(folder.all(), [named("w", "C", SQLITE)]);
        assert_eq!(folder.id("w", "C"), a);
        assert_eq!(folder.removed(), std::slice::from_ref(&b));
    }
}

#[test]
fn a_class_is_handed_over_in_two_steps_in_either_order() {
    let created = json!({ "A": { "type": "durable-object", "storage": "sqlite" } });
    let gives = exporting(
        json!({ "A": { "type": "durable-object", "state": "transferred", "transferred_to": "new" } }),
        &[],
    );
    let takes = exporting(
        json!({ "A": { "type": "durable-object", "state": "expecting-transfer",
                       "storage": "sqlite", "transfer_from": "old" } }),
        &["A"],
    );
    let begin = || {
        let folder = Folder::new();
        folder.strict("old", &exporting(created.clone(), &["A"]));
        let id = folder.id("old", "A");
        (folder, id)
    };
    let (folder, id) = begin();
    folder.strict("new", &takes);
    folder.strict("old", &gives);
    assert_eq!(folder.all(), [named("new", "A", SQLITE)]);
    assert_eq!(folder.id("new", "A"), id);
    folder.strict("new", &takes);
    folder.strict("old", &gives);
    assert_eq!(folder.id("new", "A"), id, "it stays where it is");

    let (folder, id) = begin();
    let (place, _) = folder.refused("old", &gives, Strictness::Strict);
    assert_eq!(place, "exports.A.transferred_to");
    let notes = folder.local("old", &gives);
    assert!(notes[0].contains("kept until"), "{notes:?}");
    folder.local("new", &takes);
    assert_eq!(folder.all(), [named("new", "A", SQLITE)]);
    assert_eq!(folder.id("new", "A"), id);
}

#[test]
fn files_of_what_is_gone_are_deleted_when_they_can_be() {
    let folder = Folder::new();
    let v1 = json!({ "tag": "v1", "new_classes": ["A"] });
    folder.strict("w", &config(json!([v1]), &[]));
    let id = folder.id("w", "A");
    folder.strict("w", &config(json!([v1, { "tag": "v2", "deleted_classes": ["A"] }]), &[]));
    let mut asked = Vec::new();
    let mut ask = |answer: Deleted| {
        folder
            .catalog
            .removed::<Error>(|id| {
                asked.push(id.to_owned());
                Ok(answer)
            })
            .expect("asked");
    };
    ask(Deleted::Later);
    ask(Deleted::Now);
    ask(Deleted::Now);
    assert_eq!(asked, [id.clone(), id]);
}

#[test]
fn a_trial_tells_what_would_happen_and_changes_nothing() {
    let folder = Folder::new();
    let new = config(json!([{ "tag": "v1", "new_sqlite_classes": ["A"] }]), &["A"]);
    let trial = |config: &Config| folder.catalog.would_apply("w", config, Strictness::Strict);
    trial(&new).expect("it fits");
    assert!(folder.all().is_empty());
    assert_eq!(folder.catalog.migration_tag("w").expect("readable"), None);
    let unbound = config(json!([]), &["A"]);
    trial(&unbound).expect_err("nothing declares the class");
    folder.strict("w", &new);
    trial(&unbound).expect("it is there now");
}

#[test]
fn a_worker_that_is_forgotten_leaves_nothing_but_files_to_delete() {
    let folder = Folder::new();
    let new = config(json!([{ "tag": "v1", "new_sqlite_classes": ["A", "B"] }]), &["A"]);
    folder.strict("gone", &new);
    folder.strict("kept", &new);
    let mut ids = [folder.id("gone", "A"), folder.id("gone", "B")];
    ids.sort();
    folder.catalog.forget("gone").expect("it can be written");
    assert!(folder.all().iter().all(|(script, ..)| script == "kept"));
    assert_eq!(folder.removed(), ids);
    assert_eq!(folder.catalog.migration_tag("gone").expect("readable"), None);
    assert_eq!(folder.catalog.migration_tag("kept").expect("readable").as_deref(), Some("v1"));
    folder.strict("gone", &new);
    assert_ne!(folder.id("gone", "A"), ids[0]);
}
