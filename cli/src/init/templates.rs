//! The files of the templates, which are part of the binary.

/// A file of a template; `{{name}}` stands for the Worker's name.
#[derive(Debug)]
pub(super) struct File {
    /// Where it goes, from the project's folder.
    pub(super) path: &'static str,
    pub(super) text: &'static str,
}

macro_rules! files {
    ($folder:literal: $($path:literal),* $(,)?) => {
        &[$(File {
            path: $path,
            text: include_str!(concat!("../../templates/", $folder, "/", $path)),
        }),*]
    };
}

/// What all projects have. Its name has no dot among the sources: git would
/// heed it.
pub(super) const COMMON: &[File] =
    &[File { path: ".gitignore", text: include_str!("../../templates/common/gitignore") }];

pub(super) const HELLO: &[File] = files!(
    "hello":
    "README.md",
    "package.json",
    "src/index.js",
    "test/index.test.js",
    "wrangler.jsonc",
);

pub(super) const API: &[File] = files!(
    "api":
    "README.md",
    "package.json",
    "src/index.js",
    "src/router.js",
    "test/index.test.js",
    "wrangler.jsonc",
);

pub(super) const CHAT: &[File] = files!(
    "chat":
    "README.md",
    "package.json",
    "src/index.js",
    "src/page.html",
    "src/room.js",
    "test/room.test.js",
    "wrangler.jsonc",
);

pub(super) const STATIC: &[File] = files!(
    "static":
    "README.md",
    "package.json",
    "src/index.js",
    "src/pages/404.html",
    "src/pages/about.html",
    "src/pages/index.html",
    "src/pages/robots.txt",
    "src/pages/style.css",
    "src/site.js",
    "test/site.test.js",
    "wrangler.jsonc",
);

pub(super) const TS: &[File] = files!(
    "ts":
    "README.md",
    "package.json",
    "src/greeting.ts",
    "src/index.ts",
    "test/index.test.ts",
    "tsconfig.json",
    "wrangler.jsonc",
);
