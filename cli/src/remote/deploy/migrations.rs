//! Which migrations of Durable Objects the server has not applied yet.

use selvedge_client::models::ScriptInfo;
use serde_json::{Value, json};

use super::super::output::warn;
use super::build::Built;

/// What must change on the server besides the code.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Pending {
    /// There is no such Worker yet, and nothing to migrate.
    New,
    Nothing,
    /// The value of `migrations` in the metadata.
    Steps(Value),
    /// The value of `exports` in the metadata.
    Exports(Value),
}

/// Compares the configuration with the last tag that the server knows.
pub(super) fn pending(built: &Built, deployed: Option<&ScriptInfo>) -> Pending {
    let json = |key: &str| built.config.section(key).map(|section| section.to_json());
    if let Some(exports) = json("exports").filter(|exports| exports != &json!({})) {
        return Pending::Exports(exports);
    }
    let migrations = json("migrations");
    let migrations = migrations.as_ref().and_then(Value::as_array).cloned().unwrap_or_default();
    let tag = deployed.and_then(|script| script.migration_tag.as_deref());
    let (steps, found) = steps(&migrations, tag);
    if !found {
        warn(&format!(
            "the deployed Worker has the migration tag \"{}\", which the configuration does not \
             have; all of its migrations are sent",
            tag.unwrap_or_default()
        ));
    }
    match steps {
        Some(steps) => Pending::Steps(steps),
        None if deployed.is_none() => Pending::New,
        None => Pending::Nothing,
    }
}

/// What comes after `tag`, and whether the tag is among the migrations.
fn steps(migrations: &[Value], tag: Option<&str>) -> (Option<Value>, bool) {
    let tag_of =
        |migration: &Value| migration.get("tag").and_then(Value::as_str).map(str::to_owned);
    let Some(new_tag) = migrations.last().and_then(tag_of) else { return (None, true) };
    let position = tag.map(|tag| {
        migrations.iter().position(|migration| tag_of(migration).as_deref() == Some(tag))
    });
    let (open, found) = match position {
        None => (migrations, true),
        Some(None) => (migrations, false),
        Some(Some(at)) => (&migrations[at + 1..], true),
    };
    if open.is_empty() {
        return (None, true);
    }
    let step = |migration: &Value| {
        let mut step = migration.clone();
        if let Some(step) = step.as_object_mut() {
            step.remove("tag");
        }
        step
    };
    let steps: Vec<_> = open.iter().map(step).collect();
    let mut all = json!({ "new_tag": new_tag, "steps": steps });
    if let Some(tag) = tag {
        all["old_tag"] = tag.into();
    }
    (Some(all), found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_comes_after_the_servers_tag_is_sent() {
        let migrations = [
            json!({ "tag": "v1", "new_sqlite_classes": ["A"] }),
            json!({ "tag": "v2", "renamed_classes": [{ "from": "A", "to": "B" }] }),
        ];
        let all = steps(&migrations, None).0;
        assert_eq!(
            all,
            Some(json!({ "new_tag": "v2", "steps": [
                { "new_sqlite_classes": ["A"] },
                { "renamed_classes": [{ "from": "A", "to": "B" }] },
            ] }))
        );
        let second = steps(&migrations, Some("v1"));
        let expected = json!({ "old_tag": "v1", "new_tag": "v2",
            "steps": [{ "renamed_classes": [{ "from": "A", "to": "B" }] }] });
        assert_eq!(second, (Some(expected), true));
        assert_eq!(steps(&migrations, Some("v2")), (None, true));
        let (unknown, found) = steps(&migrations, Some("v9"));
        assert!(!found && unknown.is_some_and(|it| it["old_tag"] == "v9"));
        assert_eq!(steps(&[], Some("v9")), (None, true));
    }
}
