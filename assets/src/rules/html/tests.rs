use std::io;

use super::*;
use crate::source::{Asset, Opened};

/// Paths without contents.
#[derive(Debug)]
struct Paths(Vec<(String, Asset)>);

impl Paths {
    fn new(paths: &[&str]) -> Self {
        let asset = |path: &str| Asset {
            hash: AssetHash::of_facts(&[path.as_bytes()]),
            size: 1,
            content_type: None,
        };
        Self(paths.iter().map(|path| ((*path).to_owned(), asset(path))).collect())
    }
}

impl AssetSource for Paths {
    fn find(&self, path: &str) -> Option<&Asset> {
        self.0.iter().find(|(known, _)| known == path).map(|(_, asset)| asset)
    }
    fn open(&self, _: &str) -> io::Result<Opened> {
        Err(io::ErrorKind::NotFound.into())
    }
    fn count(&self) -> usize {
        self.0.len()
    }
}

/// What becomes of a path: the file, `> ` and where it redirects, or `-`.
fn found(paths: &[&str], html: HtmlHandling, path: &str) -> String {
    looked_up(paths, html, NotFoundHandling::None, path)
}

fn looked_up(
    paths: &[&str],
    html: HtmlHandling,
    not_found: NotFoundHandling,
    path: &str,
) -> String {
    let source = Paths::new(paths);
    let lookup = Lookup { source: &source, html, not_found };
    match lookup.find(path) {
        None => "-".to_owned(),
        Some(Found::Asset(path)) => path.into_owned(),
        Some(Found::InPlace { path, status }) => format!("{status} {path}"),
        Some(Found::Redirect(path)) => format!("> {path}"),
    }
}

const SITE: &[&str] = &[
    "/index.html",
    "/file.html",
    "/folder/index.html",
    "/both.html",
    "/both/index.html",
    "/bin",
    "/bin.html",
    "/data.json",
];

#[test]
fn auto_trailing_slash() {
    for (path, expected) in [
        ("/", "/index.html"),
        ("/index", "> /"),
        ("/index.html", "> /"),
        ("/file", "/file.html"),
        ("/file/", "> /file"),
        ("/file.html", "> /file"),
        ("/file/index", "> /file"),
        ("/file/index.html", "> /file"),
        ("/folder", "> /folder/"),
        ("/folder/", "/folder/index.html"),
        ("/folder.html", "> /folder/"),
        ("/folder/index", "> /folder/"),
        ("/folder/index.html", "> /folder/"),
        ("/both", "/both.html"),
        ("/both/", "/both/index.html"),
        ("/both.html", "> /both"),
        ("/both/index.html", "> /both/"),
        ("/bin", "/bin"),
        ("/bin.html", "/bin.html"),
        ("/bin/", "-"),
        ("/data.json", "/data.json"),
        ("/data.json/", "-"),
        ("/nothing", "-"),
    ] {
        assert_eq!(found(SITE, HtmlHandling::AutoTrailingSlash, path), expected, "{path}");
    }
}

#[test]
fn force_trailing_slash() {
    for (path, expected) in [
        ("/", "/index.html"),
        ("/index", "> /"),
        ("/file", "> /file/"),
        ("/file/", "/file.html"),
        ("/file.html", "> /file/"),
        ("/file/index.html", "> /file/"),
        ("/folder", "> /folder/"),
        ("/folder/", "/folder/index.html"),
        ("/both", "> /both/"),
        ("/both/", "/both/index.html"),
        ("/both.html", "/both.html"),
        ("/bin", "/bin"),
        ("/bin/", "/bin.html"),
    ] {
        assert_eq!(found(SITE, HtmlHandling::ForceTrailingSlash, path), expected, "{path}");
    }
}

#[test]
fn drop_trailing_slash() {
    for (path, expected) in [
        ("/", "/index.html"),
        ("/index", "> /"),
        ("/index.html", "> /"),
        ("/file", "/file.html"),
        ("/file/", "> /file"),
        ("/file.html", "> /file"),
        ("/folder", "/folder/index.html"),
        ("/folder/", "> /folder"),
        ("/folder/index", "> /folder"),
        ("/folder/index.html", "> /folder"),
        ("/both", "/both.html"),
        ("/both/", "> /both"),
        ("/both/index.html", "/both/index.html"),
        ("/bin", "/bin"),
    ] {
        assert_eq!(found(SITE, HtmlHandling::DropTrailingSlash, path), expected, "{path}");
    }
}

#[test]
fn none_serves_names_as_they_are() {
    for (path, expected) in
        [("/", "-"), ("/index.html", "/index.html"), ("/file", "-"), ("/folder/", "-")]
    {
        assert_eq!(found(SITE, HtmlHandling::None, path), expected, "{path}");
    }
}

#[test]
fn the_nearest_page_says_that_nothing_is_there() {
    let site = ["/404.html", "/a/404.html", "/index.html"];
    let of = |path| {
        looked_up(&site, HtmlHandling::AutoTrailingSlash, NotFoundHandling::NotFoundPage, path)
    };
    assert_eq!(of("/x"), "404 /404.html");
    assert_eq!(of("/a/x"), "404 /a/404.html");
    assert_eq!(of("/a/b/c/d"), "404 /a/404.html");
    assert_eq!(of("/a"), "404 /404.html");
    assert_eq!(of("/"), "/index.html");
}

#[test]
fn a_single_page_stands_for_all_paths() {
    let of = |site: &[&str], path| {
        looked_up(
            site,
            HtmlHandling::AutoTrailingSlash,
            NotFoundHandling::SinglePageApplication,
            path,
        )
    };
    assert_eq!(of(&["/index.html", "/a.js"], "/x/y"), "200 /index.html");
    assert_eq!(of(&["/index.html", "/a.js"], "/a.js"), "/a.js");
    assert_eq!(of(&["/a.js"], "/x"), "-");
}
