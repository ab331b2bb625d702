use serde_json::json;

use super::*;

fn migrations(value: Value) -> Vec<Migration> {
    serde_json::from_value(value).expect("migrations")
}

fn bindings(value: Value) -> Vec<BindingConfig> {
    serde_json::from_value(value).expect("bindings")
}

/// The message and the place of what is refused.
fn refused(value: Value) -> (String, String) {
    let misfit = Lifecycle::Migrations(migrations(value)).classes().expect_err("refused");
    (misfit.place.to_string(), misfit.message)
}

fn refused_exports(value: Value) -> (String, String) {
    let misfit = read_exports(&value).expect_err("refused");
    (misfit.place.to_string(), misfit.message)
}

#[test]
fn steps_lead_from_class_to_class() {
    let lifecycle = Lifecycle::Migrations(migrations(json!([
        { "tag": "v1", "new_classes": ["A", "B"], "new_sqlite_classes": ["C"] },
        { "tag": "v2", "renamed_classes": [{ "from": "A", "to": "A2" }], "deleted_classes": ["B"] },
        { "tag": "v3", "new_sqlite_classes": ["B"],
          "transferred_classes": [{ "from": "X", "from_script": "other", "to": "D" }] },
    ])));
    let classes = lifecycle.classes().expect("valid");
    let expected = [
        ("A2", Some(Storage::LegacyKv)),
        ("B", Some(Storage::Sqlite)),
        ("C", Some(Storage::Sqlite)),
        ("D", None),
    ];
    assert_eq!(classes, expected.map(|(name, storage)| (name.to_owned(), storage)).into());
}

#[test]
fn a_step_that_does_not_follow_is_refused_in_the_words_of_wrangler() {
    let cases = [
        (
            json!([{ "tag": "v1", "deleted_classes": ["A"] }]),
            "migrations[0].deleted_classes[0]",
            "Cannot apply deleted_classes migration to non-existent class A",
        ),
        (
            json!([{ "tag": "v1", "renamed_classes": [{ "from": "A", "to": "B" }] }]),
            "migrations[0].renamed_classes[0]",
            "Cannot apply renamed_classes migration to non-existent class A",
        ),
        (
            json!([{ "tag": "v1", "new_classes": ["A"] }, { "tag": "v2", "new_classes": ["B", "A"] }]),
            "migrations[1].new_classes[1]",
            "Cannot apply new_classes migration to existing class A",
        ),
        (
            json!([{ "tag": "v1", "new_classes": ["A"], "new_sqlite_classes": ["A"] }]),
            "migrations[0].new_sqlite_classes[0]",
            "Cannot apply new_sqlite_classes migration to existing class A",
        ),
        (
            json!([{ "tag": "v1", "new_classes": ["A", "B"] },
                   { "tag": "v2", "renamed_classes": [{ "from": "A", "to": "B" }] }]),
            "migrations[1].renamed_classes[0]",
            "Cannot apply renamed_classes migration to existing class B",
        ),
        (
            json!([{ "tag": "v1" }, { "tag": "v1" }]),
            "migrations[1].tag",
            "two migrations have the tag \"v1\"",
        ),
    ];
    for (value, place, message) in cases {
        assert_eq!(refused(value), (place.to_owned(), message.to_owned()));
    }
}

#[test]
fn a_class_that_is_deleted_cannot_stay_bound() {
    let config = |script: Option<&str>| Config {
        bindings: bindings(json!([{ "name": "A", "class_name": "A", "script_name": script }])),
        lifecycle: Lifecycle::Migrations(migrations(json!([
            { "tag": "v1", "new_classes": ["A"] },
            { "tag": "v2", "deleted_classes": ["A"] },
        ]))),
    };
    let misfit = config(None).check("own").expect_err("bound");
    assert_eq!(misfit.place.to_string(), "durable_objects.bindings[0].class_name");
    assert_eq!(
        misfit.message,
        "Cannot apply --delete-class migration to class 'A' without also removing the binding \
         that references it."
    );
    config(Some("own")).check("own").expect_err("bound as well");
    config(Some("other")).check("own").expect("the class of another Worker");
}

#[test]
fn a_binding_says_whose_class_it_is() {
    let bindings = bindings(json!([
        { "name": "A", "class_name": "A" },
        { "name": "B", "class_name": "B", "script_name": "other" },
        { "name": "C", "class_name": "C", "script_name": "other", "environment": "live" },
    ]));
    let scripts: Vec<_> = bindings.iter().map(|binding| binding.script("own")).collect();
    assert_eq!(scripts, ["own", "other", "other-live"]);
    let config = Config { bindings, lifecycle: Lifecycle::default() };
    assert_eq!(config.undeclared("own"), ["A"]);
    assert_eq!(config.undeclared("other"), ["A", "B"]);
}

#[test]
fn empty_names_and_a_lost_environment_are_refused() {
    let check = |value| {
        let config = Config { bindings: bindings(value), lifecycle: Lifecycle::default() };
        config.check("own").expect_err("refused").place.to_string()
    };
    assert_eq!(
        check(json!([{ "name": "", "class_name": "A" }])),
        "durable_objects.bindings[0].name"
    );
    assert_eq!(
        check(json!([{ "name": "A", "class_name": "A" }, { "name": "B", "class_name": "" }])),
        "durable_objects.bindings[1].class_name"
    );
    assert_eq!(
        check(json!([{ "name": "A", "class_name": "A", "environment": "live" }])),
        "durable_objects.bindings[0].environment"
    );
}

#[test]
fn exports_tell_what_there_is_and_what_became_of_the_rest() {
    let exports = read_exports(&json!({
        "default": { "type": "worker", "cache": { "enabled": false } },
        "A": { "type": "durable-object", "storage": "sqlite" },
        "B": { "type": "durable-object", "state": "created", "storage": "legacy-kv" },
        "C": { "type": "durable-object", "state": "deleted" },
        "D": { "type": "durable-object", "state": "renamed", "renamed_to": "A" },
        "E": { "type": "durable-object", "state": "transferred", "transferred_to": "other" },
        "F": { "type": "durable-object", "state": "expecting-transfer", "storage": "sqlite",
               "transfer_from": "other" },
    }))
    .expect("valid");
    assert_eq!(exports.len(), 6);
    assert_eq!(exports["D"], Export::Renamed { to: "A".into() });
    let classes = Lifecycle::Exports(exports).classes().expect("valid");
    let expected = [
        ("A", Some(Storage::Sqlite)),
        ("B", Some(Storage::LegacyKv)),
        ("F", Some(Storage::Sqlite)),
    ];
    assert_eq!(classes, expected.map(|(name, storage)| (name.to_owned(), storage)).into());
}

#[test]
fn an_export_that_is_not_valid_is_refused_in_the_words_of_wrangler() {
    let cases = [
        (
            json!({ "A": { "type": "class" } }),
            "exports.A.type",
            "\"exports.A.type\" must be \"durable-object\" or \"worker\", but got \"class\".",
        ),
        (
            json!({ "A": { "type": "durable-object" } }),
            "exports.A.storage",
            "\"exports.A.storage\" is required for state \"created\" and must be one of sqlite \
             and legacy-kv, but got undefined",
        ),
        (
            json!({ "A": { "type": "durable-object", "state": "gone" } }),
            "exports.A.state",
            "\"exports.A.state\" must be one of \"created\", \"deleted\", \"renamed\", \
             \"transferred\", or \"expecting-transfer\" but got \"gone\".",
        ),
        (
            json!({ "A": { "type": "durable-object", "state": "deleted", "storage": "sqlite" } }),
            "exports.A.storage",
            "\"exports.A.storage\" is forbidden on state \"deleted\".",
        ),
        (
            json!({ "A": { "type": "durable-object", "state": "renamed" } }),
            "exports.A.renamed_to",
            "\"exports.A.renamed_to\" is required for state \"renamed\" and must be a non-empty \
             string.",
        ),
        (
            json!({ "A": { "type": "durable-object", "state": "renamed", "renamed_to": "1x" } }),
            "exports.A.renamed_to",
            "\"exports.A.renamed_to\" must be a valid JavaScript identifier (got \"1x\").",
        ),
        (
            json!({ "A": { "type": "durable-object", "state": "renamed", "renamed_to": "A" } }),
            "exports.A.renamed_to",
            "\"exports.A.renamed_to\" cannot equal the source class name \"A\".",
        ),
        (
            json!({ "A": { "type": "durable-object", "storage": "legacy-kv", "container": "c" } }),
            "exports.A.container",
            "\"exports.A.container\" requires \"storage\" to be \"sqlite\". Containers are not \
             supported on Durable Objects using the \"legacy-kv\" storage backend.",
        ),
        (json!({ "A": 1 }), "exports.A", "\"exports.A\" should be an object but got 1."),
    ];
    for (value, place, message) in cases {
        assert_eq!(refused_exports(value), (place.to_owned(), message.to_owned()));
    }
    let misfit =
        read_exports(&json!({ "A": { "type": "durable-object", "storage": "sqlite", "x": 1 } }))
            .expect_err("an unknown key");
    assert_eq!(
        misfit.hint.as_deref(),
        Some("Allowed properties are: type, state, storage, and container.")
    );
}

#[test]
fn a_class_is_renamed_to_one_that_is_there() {
    let renamed =
        |to: &str| json!({ "type": "durable-object", "state": "renamed", "renamed_to": to });
    let (place, _) = refused_exports(json!({ "A": renamed("B") }));
    assert_eq!(place, "exports.A.renamed_to");
    let (place, message) = refused_exports(json!({
        "A": renamed("C"),
        "B": renamed("C"),
        "C": { "type": "durable-object", "storage": "sqlite" },
    }));
    assert_eq!(place, "exports.B.renamed_to");
    assert!(message.starts_with("class 'C' cannot be the target of more than one migration"));
}

#[test]
fn migrations_and_exports_exclude_each_other() {
    let some = migrations(json!([{ "tag": "v1", "new_classes": ["A"] }]));
    let exports = json!({ "A": { "type": "durable-object", "storage": "sqlite" } });
    let misfit = Lifecycle::of(some.clone(), Some(&exports)).expect_err("both");
    assert!(misfit.message.starts_with("`migrations` and `exports` are mutually exclusive."));
    let worker = json!({ "default": { "type": "worker" } });
    assert_eq!(Lifecycle::of(some.clone(), Some(&worker)), Ok(Lifecycle::Migrations(some)));
}
