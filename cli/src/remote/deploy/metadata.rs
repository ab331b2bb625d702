//! The `metadata` part of an upload.

use serde_json::{Map, Value, json};

use super::super::args::BuildArgs;
use super::build::Built;
use super::migrations::Pending;

/// Keys of the configuration that go into the metadata as they are.
const AS_THEY_ARE: [&str; 7] = [
    "limits",
    "placement",
    "observability",
    "tail_consumers",
    "streaming_tail_consumers",
    "logpush",
    "containers",
];

/// What a version is besides its modules. `assets` is the completion token of
/// their upload.
pub(super) fn metadata(
    built: &Built,
    args: &BuildArgs,
    pending: &Pending,
    assets: Option<&str>,
) -> Value {
    let mut metadata = Map::new();
    let main = built.main().map(str::to_owned);
    match main {
        Some(main) if built.is_service_worker() => {
            metadata.insert("body_part".into(), main.into());
        }
        Some(main) => {
            metadata.insert("main_module".into(), main.into());
        }
        None => {}
    }
    let bindings: Vec<_> = built.bindings.iter().map(super::bindings::Binding::to_json).collect();
    metadata.insert("bindings".into(), bindings.into());
    let compatibility = &built.config.compatibility;
    metadata.insert("compatibility_date".into(), compatibility.date.clone().into());
    metadata.insert("compatibility_flags".into(), compatibility.flags.clone().into());
    let mut keep = vec!["secret_text", "secret_key"];
    if built.keep_vars {
        keep.extend(["plain_text", "json"]);
    }
    metadata.insert("keep_bindings".into(), keep.into());
    match pending {
        Pending::Steps(steps) => drop(metadata.insert("migrations".into(), steps.clone())),
        Pending::Exports(exports) => drop(metadata.insert("exports".into(), exports.clone())),
        Pending::New | Pending::Nothing => {}
    }
    for key in AS_THEY_ARE {
        if let Some(section) = built.config.section(key) {
            metadata.insert(key.into(), section.to_json());
        }
    }
    if let Some(section) = built.config.section("cache") {
        metadata.insert("cache_options".into(), section.to_json());
    }
    if let (Some(token), Some(of_config)) = (assets, &built.assets) {
        let assets = json!({ "jwt": token, "config": of_config.config() });
        metadata.insert("assets".into(), assets);
    }
    if let Some(annotations) = annotations(args) {
        metadata.insert("annotations".into(), annotations);
    }
    metadata.into()
}

fn annotations(args: &BuildArgs) -> Option<Value> {
    let mut annotations = Map::new();
    if let Some(message) = &args.message {
        annotations.insert("workers/message".into(), message.clone().into());
    }
    if let Some(tag) = &args.tag {
        annotations.insert("workers/tag".into(), tag.clone().into());
    }
    (!annotations.is_empty()).then(|| annotations.into())
}

/// What is set of the Worker as a whole after a version was deployed.
pub(super) fn script_settings(built: &Built) -> Value {
    let value = |key: &str| built.config.section(key).map(|section| section.to_json());
    json!({
        "tail_consumers": value("tail_consumers"),
        "streaming_tail_consumers": value("streaming_tail_consumers"),
        "logpush": value("logpush"),
        "observability": value("observability").unwrap_or_else(|| json!({ "enabled": false })),
    })
}
