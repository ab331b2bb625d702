//! What `version_metadata` tells a Worker of itself.

use std::time::SystemTime;

use selvedge_runtime::{Module, Worker};
use sha1::{Digest as _, Sha1};

use crate::log::rfc3339;

/// `{ id, tag, timestamp }`: the id is the same for the same modules, the time
/// is that of the last change of a module's file, and there are no tags.
pub(super) fn metadata(modules: &[Module]) -> serde_json::Value {
    serde_json::json!({
        "id": id(modules),
        "tag": "",
        "timestamp": rfc3339(changed_millis(modules)),
    })
}

/// Names a Worker's code and configuration: the same for the same ones.
pub(super) fn of(worker: &Worker) -> String {
    let settings = format!("{:?}", (&worker.env, &worker.compatibility, &worker.entrypoint));
    let settings = Sha1::digest(settings.as_bytes());
    let settings: String = settings.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{} {settings}", id(&worker.modules))
}

/// When the modules' files last changed, in Unix milliseconds.
fn changed_millis(modules: &[Module]) -> u64 {
    let changed = modules.iter().filter_map(|module| {
        let metadata = std::fs::metadata(module.path.as_ref()?).ok()?;
        metadata.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()
    });
    changed.max().map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(0))
}

/// A name-based UUID (version 5) of all modules.
fn id(modules: &[Module]) -> String {
    let mut hash = Sha1::new();
    for module in modules {
        for part in [module.name.as_bytes(), &module.body] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    let mut bytes: [u8; 20] = hash.finalize().into();
    bytes[6] = (bytes[6] & 0x0f) | 0x50;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex: String = bytes[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use selvedge_runtime::ModuleKind;

    use super::*;

    fn module(name: &str, body: &'static str) -> Module {
        Module {
            name: name.into(),
            kind: ModuleKind::EsModule,
            body: body.as_bytes().into(),
            path: None,
            source_map: None,
        }
    }

    #[test]
    fn the_same_modules_are_the_same_version() {
        let one = id(&[module("a.js", "1")]);
        assert_eq!(one, id(&[module("a.js", "1")]));
        assert_ne!(one, id(&[module("a.js", "2")]));
        assert_ne!(one, id(&[module("a.j", "s1")]));
        assert_eq!(one.len(), 36);
        assert_eq!(&one[14..15], "5", "the version of the UUID");
    }

    #[test]
    fn the_time_is_that_of_the_last_change() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("a.js");
        let file = std::fs::File::create(&path).expect("a file");
        file.set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000))
            .expect("a time");
        let module = Module { path: Some(path), ..module("a.js", "1") };
        assert_eq!(metadata(&[module])["timestamp"], "2023-11-14T22:13:20.000Z");
    }
}
