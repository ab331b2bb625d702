use super::*;
use crate::config::Selection;

/// The bindings of a `wrangler.toml`, and the warnings; or the error's text.
fn read(tables: &str) -> Result<(Vec<BindingConfig>, Vec<String>), String> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("worker.js"), "").expect("it can be written");
    let text = format!("main = \"worker.js\"\n{tables}");
    std::fs::write(folder.path().join("wrangler.toml"), text).expect("it can be written");
    let selection = Selection { file: Some(folder.path()), ..Selection::default() };
    let config = Config::load(selection).map_err(|error| error.text())?;
    configured(&config).map_err(|error| error.text())
}

#[test]
fn namespaces_are_read_in_their_order() {
    let (bindings, warnings) = read(
        "[[kv_namespaces]]\nbinding = \"B\"\nid = \"b\"\npreview_id = \"p\"\n\
         [[kv_namespaces]]\nbinding = \"A\"\n",
    )
    .expect("it is valid");
    let names: Vec<_> = bindings.iter().map(BindingConfig::name).collect();
    assert_eq!(names, ["B", "A"]);
    let [BindingConfig::Kv(b), BindingConfig::Kv(a)] = &bindings[..] else { panic!("two of KV") };
    assert_eq!((b.id(), a.id()), ("b", "A"));
    assert_eq!(warnings, [""; 0]);
}

#[test]
fn remote_data_is_warned_of_at_its_place() {
    let (_, warnings) = read("[[kv_namespaces]]\nbinding = \"KV\"\nid = \"a\"\nremote = true\n")
        .expect("it is valid");
    let [warning] = &warnings[..] else { panic!("{warnings:?}") };
    assert!(warning.contains("wrangler.toml:2:"), "{warning}");
    assert!(warning.contains("the namespace \"KV\" is kept here"), "{warning}");
}

#[test]
fn wrong_tables_are_errors() {
    let error = read("[[kv_namespaces]]\nid = \"a\"\n").expect_err("no name");
    assert!(error.contains("kv_namespaces[0]"), "{error}");
    let error = read("[[kv_namespaces]]\nbinding = \"\"\n").expect_err("an empty name");
    assert!(error.contains("the name of this binding is empty"), "{error}");
    let error = read("kv_namespaces = 5\n").expect_err("no list");
    assert!(error.contains("must be a list"), "{error}");
}
