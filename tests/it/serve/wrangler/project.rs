//! Projects as wrangler finds them.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder with `wrangler.json` and files.
pub(super) struct Project {
    folder: TempDir,
    config: Value,
}

impl Project {
    /// A Worker of this name and source, TypeScript.
    pub(super) fn new(name: &str, source: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let config = json!({
            "name": name, "main": "src/index.ts", "compatibility_date": "2026-07-01",
            "workers_dev": true, "send_metrics": false,
        });
        let project = Self { folder, config };
        project.write("src/index.ts", source);
        project.save();
        project
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("it is in the folder")).expect("made");
        std::fs::write(&path, text).expect("written");
        path
    }

    /// Sets keys of the configuration.
    pub(super) fn set(&mut self, keys: Value) {
        let Value::Object(keys) = keys else { panic!("an object") };
        for (key, value) in keys {
            self.config[key] = value;
        }
        self.save();
    }

    fn save(&self) {
        self.write("wrangler.json", &self.config.to_string());
    }
}
