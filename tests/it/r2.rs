//! R2 over HTTP: what a client of a Worker with a bucket sees. The API itself is
//! in the cases of `tests/workers/r2`.

mod crash;
mod full;
mod large;

use std::path::Path;

use tempfile::TempDir;

/// A folder with a Worker that has the bucket `BUCKET`.
fn folder(source: &str) -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    std::fs::write(folder.path().join("worker.js"), source).expect("it can be written");
    let toml = "name = \"r2\"\nmain = \"worker.js\"\n[[r2_buckets]]\nbinding = \"BUCKET\"\n";
    std::fs::write(folder.path().join("wrangler.toml"), toml).expect("it can be written");
    folder
}

/// How many files of bodies a data folder has.
fn blobs(data: &Path) -> usize {
    fn walk(folder: &Path, below: bool) -> usize {
        let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
        entries
            .flatten()
            .map(|entry| {
                let path = entry.path();
                if path.is_dir() {
                    walk(&path, below || entry.file_name() == "blobs")
                } else {
                    usize::from(below)
                }
            })
            .sum()
    }
    walk(&data.join("r2"), false)
}
