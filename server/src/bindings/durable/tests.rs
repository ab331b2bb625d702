use std::time::Duration;

use super::*;
use crate::backends::Backends;
use crate::config::Selection;

/// A `wrangler.toml` with these tables, read as the environment `env`.
fn load(tables: &str, env: Option<&str>) -> Result<(DurableObjects, Vec<String>), Diagnostic> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("worker.js"), "").expect("it can be written");
    let text = format!("name = \"w\"\nmain = \"worker.js\"\n{tables}");
    std::fs::write(folder.path().join("wrangler.toml"), text).expect("it can be written");
    let selection = Selection { file: Some(folder.path()), env, ..Selection::default() };
    DurableObjects::configured(&Config::load(selection)?)
}

fn read(tables: &str) -> Result<(DurableObjects, Vec<String>), Diagnostic> {
    load(tables, None)
}

const BOUND: &str = "[[durable_objects.bindings]]\nname = \"A\"\nclass_name = \"A\"\n";

#[test]
fn what_is_wrong_is_told_at_its_place() {
    let cases = [
        (
            format!("{BOUND}[[migrations]]\ntag = \"v1\"\nnew_classes = [\"B\", \"B\"]\n"),
            (8, 21),
            "Cannot apply new_classes migration to existing class B",
        ),
        (
            format!(
                "{BOUND}[[migrations]]\ntag = \"v1\"\nnew_classes = [\"A\"]\n[[migrations]]\n\
                 tag = \"v2\"\ndeleted_classes = [\"A\"]\n"
            ),
            (5, 14),
            "Cannot apply --delete-class migration to class 'A' without also removing the binding \
             that references it.",
        ),
        (
            "[exports.A]\ntype = \"durable-object\"\nstorage = \"disk\"\n".to_owned(),
            (5, 11),
            "\"exports.A.storage\" is required for state \"created\" and must be one of sqlite \
             and legacy-kv, but got \"disk\"",
        ),
        (
            "[exports.A]\ntype = \"durable-object\"\nstorage = \"sqlite\"\n[[migrations]]\n\
             tag = \"v1\"\n"
                .to_owned(),
            (3, 2),
            "`migrations` and `exports` are mutually exclusive. Choose one or the other to \
             declare your Durable Object lifecycle, but not both.",
        ),
        (
            "[[durable_objects.bindings]]\nname = \"A\"\n".to_owned(),
            (3, 1),
            "\"durable_objects.bindings[0]\" needs \"class_name\"",
        ),
        (
            "[[migrations]]\nnew_classes = [\"A\"]\n".to_owned(),
            (3, 1),
            "\"migrations[0]\" needs \"tag\"",
        ),
        (
            "[[migrations]]\ntag = \"v1\"\nnew_classes = \"A\"\n".to_owned(),
            (5, 15),
            "\"migrations[0].new_classes\" must be a list, not a string",
        ),
    ];
    for (tables, position, message) in cases {
        let error = read(&tables).expect_err(&tables);
        assert_eq!(error.message, message, "{tables}");
        assert_eq!(error.position, Some(position), "{tables}\n{error}");
        assert!(error.code_frame.is_some(), "{tables}");
    }
}

#[test]
fn environments_inherit_the_lifecycle_and_repeat_the_bindings() {
    let tables = format!(
        "{BOUND}[[migrations]]\ntag = \"v1\"\nnew_sqlite_classes = [\"A\"]\n[env.live]\n\
         [[env.live.durable_objects.bindings]]\nname = \"LIVE\"\nclass_name = \"A\"\n[env.bare]\n"
    );
    let names = |env| {
        let (objects, warnings) = load(&tables, env).expect("it is valid");
        assert_eq!(warnings, [""; 0]);
        let names = objects.bindings().iter().map(|binding| binding.name.clone());
        (names.collect::<Vec<_>>(), objects.expected_classes().len(), objects.script)
    };
    assert_eq!(names(None), (vec!["A".to_owned()], 1, "w".to_owned()));
    assert_eq!(names(Some("live")), (vec!["LIVE".to_owned()], 1, "w-live".to_owned()));
    assert_eq!(names(Some("bare")), (vec![], 1, "w-bare".to_owned()));
}

#[test]
fn a_bound_class_that_nothing_declares_is_warned_of() {
    let (objects, warnings) = read(BOUND).expect("it is valid");
    let [warning] = &warnings[..] else { panic!("{warnings:?}") };
    assert!(warning.contains("wrangler.toml:5:14: the class \"A\" is bound"), "{warning}");
    assert!(!objects.is_empty());
    let others =
        "[[durable_objects.bindings]]\nname = \"A\"\nclass_name = \"A\"\nscript_name = \"o\"\n";
    let (objects, warnings) = read(others).expect("it is valid");
    assert_eq!(warnings, [""; 0]);
    assert_eq!(objects.expected_classes(), [], "another Worker exports it");
}

#[test]
fn what_exports_ask_for_in_vain_is_warned_of() {
    let (objects, warnings) = read(
        "[exports.A]\n\
         type = \"durable-object\"\nstorage = \"sqlite\"\ncontainer = \"c\"\n",
    )
    .expect("it is valid");
    let [container] = &warnings[..] else { panic!("{warnings:?}") };
    assert!(container.ends_with("Selvedge does not act on \"exports.A.container\" yet"));
    let [class] = &objects.expected_classes()[..] else { panic!("one class") };
    assert_eq!(class.name, "A");
}

#[test]
fn a_step_that_does_not_fit_the_data_is_told_at_its_place() {
    let data = tempfile::tempdir().expect("a folder");
    let backends = Backends::new(data.path(), "test", Duration::from_secs(10));
    let namespaces = backends.objects().expect("opened");
    let apply = |tables: &str| {
        let (objects, _) = read(tables).expect("it is valid");
        objects.apply(namespaces.catalog(), Strictness::Local)
    };
    apply("[[migrations]]\ntag = \"v1\"\nnew_classes = [\"A\"]\n").expect("it fits");
    let namespace = namespaces.namespace("w", "A").expect("it is there");
    assert_eq!((namespace.class.as_str(), namespace.id.len()), ("A", 32));
    let error = apply(
        "[[migrations]]\ntag = \"v1\"\nnew_classes = [\"B\"]\n[[migrations]]\ntag = \"v2\"\n\
         new_classes = [\"A\"]\n",
    )
    .expect_err("it is there already");
    let BackendError::Refused(error) = error else { panic!("{error}") };
    assert_eq!(error.position, Some((8, 16)));
    namespaces.namespace("w", "B").expect_err("nothing was taken");
}

#[test]
fn objects_of_a_class_that_ends_are_deleted() {
    let data = tempfile::tempdir().expect("a folder");
    let backends = Backends::new(data.path(), "test", Duration::from_secs(10));
    let namespaces = backends.objects().expect("opened");
    let apply = |tables: &str| {
        let (objects, _) = read(tables).expect("it is valid");
        objects.apply(namespaces.catalog(), Strictness::Local).expect("it fits");
        namespaces.delete_removed().expect("deleted");
    };
    let v1 = "[[migrations]]\ntag = \"v1\"\nnew_classes = [\"A\"]\n";
    apply(v1);
    let folder = data.path().join("do").join(namespaces.namespace("w", "A").expect("there").id);
    std::fs::create_dir_all(folder.join("ab")).expect("a folder");
    apply(v1);
    assert!(folder.exists());
    apply(&format!("{v1}[[migrations]]\ntag = \"v2\"\ndeleted_classes = [\"A\"]\n"));
    assert!(!folder.exists());
}
