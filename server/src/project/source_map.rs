//! Source maps that lie beside a bundle, as `--outdir` of wrangler leaves them.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use selvedge_runtime::SourceMap;

/// The comment by which a module names its map, on its last line.
const COMMENT: &str = "//# sourceMappingURL=";
/// The comment is looked for in this many bytes at the module's end.
const TAIL_BYTES: usize = 1024;
/// A larger map is left alone: 64 MiB.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// The map that the module names, if it is a file in the module's folder.
pub(super) fn beside(path: &Path, body: &[u8]) -> Option<Arc<SourceMap>> {
    let tail = String::from_utf8_lossy(&body[body.len().saturating_sub(TAIL_BYTES)..]);
    let name = tail.rsplit_once(COMMENT)?.1.lines().next()?.trim();
    // A path would lead somewhere else; `data:` is read by the runtime.
    if name.is_empty() || name.contains(['/', '\\', ':']) {
        return None;
    }
    let file = path.parent()?.join(name);
    if std::fs::metadata(&file).ok()?.len() > MAX_BYTES {
        return None;
    }
    std::fs::read(file).ok().map(|json| Arc::new(SourceMap::new(Bytes::from(json))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_in_the_same_folder_is_found() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.js.map"), "{}").unwrap();
        let of = |text: &str| beside(&folder.path().join("a.js"), text.as_bytes());
        assert_eq!(of("x;\n//# sourceMappingURL=a.js.map\n").unwrap().json(), "{}");
        assert!(of("x;\n//# sourceMappingURL=b.js.map").is_none());
        assert!(of("x;\n//# sourceMappingURL=../a.js.map").is_none());
        assert!(of("x;\n//# sourceMappingURL=data:,{}").is_none());
        assert!(of("").is_none());
    }
}
