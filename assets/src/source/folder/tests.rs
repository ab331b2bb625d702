use std::os::unix::fs::symlink;

use super::*;
use crate::source::contract::{self, read};

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, content) in files {
        write(folder.path(), path, content);
    }
    folder
}

fn write(folder: &Path, path: &str, content: &[u8]) {
    let path = folder.join(path.trim_start_matches('/'));
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
    std::fs::write(path, content).expect("it can be written");
}

fn walk(folder: &Path) -> Walked {
    FolderSource::walk(folder).expect("it can be walked")
}

#[test]
fn it_keeps_the_contract() {
    contract::check(|files| {
        let folder = folder(files);
        let source = walk(folder.path()).source;
        (folder, Box::new(source))
    });
}

#[test]
fn what_says_how_to_serve_is_not_served() {
    let folder = folder(&[
        ("_headers", b"/*\n  a: b"),
        ("_redirects", b"/a /b"),
        (".assetsignore", b"*.map\n"),
        ("a.js", b"1"),
        ("a.js.map", b"2"),
        ("sub/_headers", b"a plain file"),
    ]);
    let walked = walk(folder.path());
    assert_eq!(walked.headers.as_deref(), Some("/*\n  a: b"));
    assert_eq!(walked.redirects.as_deref(), Some("/a /b"));
    assert_eq!(walked.source.count(), 2);
    assert!(walked.source.find("/a.js").is_some() && walked.source.find("/sub/_headers").is_some());
    assert_eq!(walked.warnings, [""; 0]);
}

#[test]
fn hidden_names_are_left_out_and_told() {
    let folder = folder(&[
        (".env", b"SECRET=1"),
        (".git/config", b"x"),
        ("a/.htaccess", b"x"),
        ("b/.x", b"x"),
        (".well-known/security.txt", b"Contact:"),
    ]);
    let walked = walk(folder.path());
    assert_eq!(walked.source.count(), 1);
    assert!(walked.source.find("/.well-known/security.txt").is_some());
    let [warning] = &walked.warnings[..] else { panic!("{:?}", walked.warnings) };
    assert!(warning.contains("begin with a dot") && warning.ends_with("and 1 more"), "{warning}");
}

#[test]
fn links_lead_to_files_of_the_folder_only() {
    let outside = folder(&[("secret.txt", b"secret")]);
    let folder = folder(&[("real.txt", b"real"), (".env", b"x"), ("sub/x.txt", b"x")]);
    let path = |name: &str| folder.path().join(name);
    symlink("real.txt", path("link.txt")).expect("a link");
    symlink(outside.path().join("secret.txt"), path("secret.txt")).expect("a link");
    symlink("../../../../../../../../etc/passwd", path("passwd")).expect("a link");
    symlink(".env", path("env.txt")).expect("a link");
    symlink("nowhere", path("dangling")).expect("a link");
    symlink(".", path("loop")).expect("a link");
    symlink("sub", path("again")).expect("a link");
    symlink(outside.path(), path("out")).expect("a link");
    let walked = walk(folder.path());
    let source = &walked.source;
    assert_eq!(source.count(), 3, "{:?}", walked.warnings);
    assert_eq!(read(&source.open("/link.txt").expect("it is there"), 0, 9), b"real");
    assert!(walked.warnings.iter().any(|warning| warning.contains("lead out of the folder")));
}

#[test]
fn a_file_that_became_a_link_out_of_the_folder_is_gone() {
    let outside = folder(&[("secret.txt", b"secret")]);
    let folder = folder(&[("a.txt", b"a"), ("sub/secret.txt", b"mine")]);
    let source = walk(folder.path()).source;
    std::fs::remove_file(folder.path().join("a.txt")).expect("it was there");
    symlink(outside.path().join("secret.txt"), folder.path().join("a.txt")).expect("a link");
    let error = source.open("/a.txt").err().expect("it leads out");
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    std::fs::remove_dir_all(folder.path().join("sub")).expect("it was there");
    symlink(outside.path(), folder.path().join("sub")).expect("a link");
    let error = source.open("/sub/secret.txt").err().expect("it leads out");
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

#[test]
fn what_is_no_file_is_left_out() {
    let folder = folder(&[("a.txt", b"a")]);
    let socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket"));
    let _socket = socket.expect("a socket");
    let walked = walk(folder.path());
    assert_eq!(walked.source.count(), 1);
    assert!(walked.warnings[0].contains("what is no file"), "{:?}", walked.warnings);
}

#[test]
fn a_file_that_changed_has_another_hash() {
    let folder = folder(&[("a.txt", b"one")]);
    let source = walk(folder.path()).source;
    let before = source.find("/a.txt").expect("it is there").clone();
    write(folder.path(), "a.txt", b"other");
    let opened = source.open("/a.txt").expect("it is there");
    assert_ne!(opened.asset.hash, before.hash);
    assert_eq!(opened.asset.size, 5);
    std::fs::remove_file(folder.path().join("a.txt")).expect("it was there");
    assert_eq!(
        source.open("/a.txt").err().map(|error| error.kind()),
        Some(io::ErrorKind::NotFound)
    );
}

#[test]
fn what_is_too_large_stops_the_walk() {
    let folder = folder(&[("a.bin", b"")]);
    let file = File::create(folder.path().join("a.bin")).expect("a file");
    file.set_len(MAX_ASSET_BYTES).expect("it can be that large");
    assert_eq!(walk(folder.path()).source.count(), 1);
    file.set_len(MAX_ASSET_BYTES + 1).expect("it can be larger");
    let error = FolderSource::walk(folder.path()).expect_err("it is too large").to_string();
    assert!(error.contains("a.bin has 26214401 bytes") && error.contains("25 MiB"), "{error}");
}

#[test]
fn code_of_a_worker_stops_the_walk() {
    let folder = folder(&[("_worker.js", b"export default {}")]);
    let error = FolderSource::walk(folder.path()).expect_err("it is code");
    assert!(matches!(error, Error::ServerCode(_)), "{error}");
    write(folder.path(), ".assetsignore", b"_worker.js");
    assert_eq!(walk(folder.path()).source.count(), 0);
    write(folder.path(), ".assetsignore", b"");
    assert_eq!(walk(folder.path()).source.count(), 1);
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    let error = FolderSource::walk(Path::new("/nowhere/at/all")).expect_err("it is not there");
    assert!(error.to_string().contains("cannot read /nowhere/at/all"), "{error}");
}
