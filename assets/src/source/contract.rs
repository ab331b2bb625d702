//! What every source of assets must do, as a test.

use tempfile::TempDir;

use super::{AssetSource, Opened};

/// Reads at most so many bytes from an offset on.
pub(super) fn read(opened: &Opened, offset: u64, most: usize) -> Vec<u8> {
    let mut buffer = vec![0; most];
    let count = opened.content.read_at(&mut buffer, offset).expect("it can be read");
    buffer.truncate(count);
    buffer
}

/// Checks the source that `make` makes of files. They have their paths, without
/// any that needs decoding.
pub(super) fn check(make: impl Fn(&[(&str, &[u8])]) -> (TempDir, Box<dyn AssetSource>)) {
    let large = vec![b'L'; 300_000];
    let files: [(&str, &[u8]); 6] = [
        ("/index.html", b"<h1>"),
        ("/a b.txt", b"a b"),
        ("/img/\u{fc}.svg", b"<svg/>"),
        ("/img/large.bin", &large),
        ("/empty", b""),
        ("/index.html.txt", b"longer name"),
    ];
    let (_folder, source) = make(&files);
    assert_eq!(source.count(), files.len());
    for (path, content) in files {
        let asset = source.find(path).unwrap_or_else(|| panic!("{path}"));
        assert_eq!(asset.size, content.len() as u64, "{path}");
        assert_eq!(asset.content_type, crate::content_type(path), "{path}");
        let opened = source.open(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(&opened.asset, asset, "{path}");
        assert_eq!(read(&opened, 0, content.len() + 1), content, "{path}");
        let half = content.len() / 2;
        assert_eq!(read(&opened, half as u64, half), content[half..half * 2], "{path}");
        assert_eq!(read(&opened, content.len() as u64, 1), b"", "{path}");
        assert_eq!(read(&opened, u64::from(u32::MAX) * 8, 1), b"", "{path}");
    }
    let hashes: std::collections::HashSet<_> =
        files.iter().filter_map(|(path, _)| Some(source.find(path)?.hash)).collect();
    assert_eq!(hashes.len(), files.len());
    let hostile = [
        "",
        "/",
        "index.html",
        "/Index.html",
        "/index.html/",
        "//index.html",
        "/index.htm",
        "/img",
        "/img/",
        "/img/../index.html",
        "/./index.html",
        "/../../etc/passwd",
        "/index.html\0",
        "/img\\large.bin",
        "/a%20b.txt",
        "/img/u\u{308}.svg",
    ];
    for path in hostile {
        assert!(source.find(path).is_none(), "{path:?}");
        let error = source.open(path).err().unwrap_or_else(|| panic!("{path:?}"));
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{path:?}");
    }
}
