//! Whole projects, read from files.

use std::path::Path;

use selvedge_runtime::{Mode, ModuleKind};
use tempfile::TempDir;

use super::*;
use crate::config::Selection;

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (name, bytes) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, bytes).expect("a file");
    }
    dir
}

fn load_from(dir: &Path, file: &str) -> Result<Project, Diagnostic> {
    let file = dir.join(file);
    let config = Config::load(Selection { file: Some(&file), ..Selection::default() })?;
    Project::load(config, Mode::Local)
}

/// Loads `worker.js` of these files.
fn load(files: &[(&str, &str)]) -> Result<Project, Diagnostic> {
    let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
    let dir = folder(&files);
    load_from(dir.path(), "worker.js")
}

fn names(project: &Project) -> Vec<(&str, ModuleKind)> {
    project.worker.modules.iter().map(|module| (module.name.as_str(), module.kind)).collect()
}

#[test]
fn all_that_is_reached_becomes_a_module() {
    let project = load(&[
        ("worker.js", "import './lib/a.js'; export * from './b.mjs'; export default {};"),
        ("lib/a.js", "import t from '../data/t.txt'; import w from './m.wasm?module';"),
        ("b.mjs", "export const x = () => import('./lazy.js'); import c from './c.cjs';"),
        ("lazy.js", "import '../worker.js'.replace; import './worker.js';"),
        ("c.cjs", "module.exports = require('./d.json');"),
        ("d.json", "{}"),
        ("data/t.txt", "text"),
        ("lib/m.wasm", ""),
        ("unrelated.js", "import 'nothing';"),
    ]);
    let error = project.expect_err("lazy.js is not valid");
    assert!(error.message.starts_with("SyntaxError: "), "{error}");

    let project = load(&[
        ("worker.js", "import './lib/a.js'; export * from './b.mjs'; export default {};"),
        ("lib/a.js", "import t from '../data/t.txt'; import w from './m.wasm?module';"),
        ("b.mjs", "export const x = () => import('./lazy.js'); import c from './c.cjs';"),
        ("lazy.js", "import './worker.js';"),
        ("c.cjs", "module.exports = require('./d.json');"),
        ("d.json", "{}"),
        ("data/t.txt", "text"),
        ("lib/m.wasm", ""),
        ("unrelated.js", "import 'nothing';"),
    ])
    .expect("valid");
    assert_eq!(project.worker.main, "worker.js");
    assert_eq!(project.worker.name, "worker");
    assert_eq!(
        names(&project),
        [
            ("worker.js", ModuleKind::EsModule),
            ("lib/a.js", ModuleKind::EsModule),
            ("b.mjs", ModuleKind::EsModule),
            ("data/t.txt", ModuleKind::Text),
            ("lib/m.wasm", ModuleKind::Wasm),
            ("lazy.js", ModuleKind::EsModule),
            ("c.cjs", ModuleKind::CommonJs),
            ("d.json", ModuleKind::Json),
        ]
    );
    assert_eq!(project.warnings, Vec::<String>::new());
}

#[test]
fn modules_above_the_main_one_move_the_base() {
    let dir = folder(&[
        ("app/src/worker.js", b"import '../../shared/util.js'; import './own.js';"),
        ("app/src/own.js", b""),
        ("shared/util.js", b""),
    ]);
    let project = load_from(dir.path(), "app/src/worker.js").expect("valid");
    let names: Vec<_> = names(&project).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["app/src/worker.js", "shared/util.js", "app/src/own.js"]);
    assert_eq!(project.worker.main, "app/src/worker.js");
}

#[test]
fn what_cannot_be_imported_is_said_with_its_place() {
    let cases: &[(&str, &str, &str)] = &[
        ("import { Hono } from 'hono';", "Could not resolve \"hono\"", "npm install hono"),
        ("import util from 'util.js';", "it is a package", "did you mean \"./util.js\"?"),
        ("import fs from 'node:no';", "which the Worker does not have", "nodejs_compat"),
        ("import x from 'https://a/b';", "not loaded from URLs", "as a package"),
        ("import x from '/util.js';  ", "absolute path", "./"),
        ("import x from './utils.js';", "does not exist", "did you mean \"./util.js\"?"),
        ("import x from './Util.js'; ", "does not exist", "did you mean \"./util.js\"?"),
        ("import x from './a.graphql'", "no rule says what it is", "**/*.graphql"),
        ("await import('./gone.js'); ", "does not exist", ""),
    ];
    for (import, message, hint) in cases {
        let source = format!("const a = 1;\n  {import}\nexport default {{}};");
        let error =
            load(&[("worker.js", &source), ("util.js", ""), ("a.graphql", "")]).expect_err(import);
        assert!(error.message.contains(message), "{import}: {error}");
        assert!(error.hint.as_deref().unwrap_or("").contains(hint), "{import}: {error}");
        let column = import.find(['\'', '"']).expect("a literal") + 3;
        assert_eq!(error.position, Some((2, column as u32)), "{error}");
        assert!(error.code_frame.is_some() && error.file.is_some());
    }
}

#[test]
fn what_v8_does_not_find_and_a_bundler_does_is_bundled() {
    for import in ["./util", "./lib", "./typed.ts", "./typed.js", "./typed"] {
        let source = format!("import {{ x }} from '{import}'; export default {{ x }};");
        let files = [
            ("worker.js", source.as_str()),
            ("util.js", "export const x = 'found';"),
            ("lib/index.js", "export const x = 'found';"),
            ("typed.ts", "export const x: string = 'found';"),
        ];
        let project = load(&files).expect(import);
        assert_eq!(names(&project).len(), 1, "{import}");
        let main = &project.worker.modules[0];
        let text = String::from_utf8_lossy(&main.body);
        assert!(text.contains("\"found\"") && !text.contains("import "), "{import}: {text}");
        assert!(main.source_map.is_some());
    }
}

#[test]
fn nothing_is_bundled_where_the_configuration_says_so() {
    let dir =
        folder(&[("wrangler.toml", b"main = \"worker.ts\"\nno_bundle = true"), ("worker.ts", b"")]);
    let error = load_from(dir.path(), "wrangler.toml").expect_err("TypeScript");
    assert!(error.hint.expect("a hint").contains("no_bundle"));
}

#[test]
fn code_that_may_never_run_only_warns() {
    let project = load(&[(
        "worker.js",
        "if (globalThis.process?.release) await import('node:no');\n\
         try { await import('./gone.js') } catch {}\n\
         export default {};",
    )])
    .expect("valid");
    assert_eq!(project.warnings.len(), 2, "{:?}", project.warnings);
    assert!(project.warnings[0].contains("worker.js:1:47: cannot import \"node:no\""));
    assert!(project.warnings[1].contains("worker.js:2:20: cannot import \"./gone.js\""));
}

#[test]
fn built_in_modules_are_left_to_the_runtime() {
    let project =
        load(&[("worker.js", "import { env } from 'cloudflare:workers'; export default {};")]);
    assert_eq!(project.expect("valid").worker.modules.len(), 1);
}

#[test]
fn a_syntax_error_has_a_place() {
    let error = load(&[("worker.js", "export default {\n  fetch( { }\n};")]).expect_err("invalid");
    assert!(error.message.starts_with("SyntaxError: "), "{error}");
    assert_eq!(error.position.map(|(line, _)| line), Some(3), "{error}");
}

#[test]
fn files_that_are_no_text_are_refused() {
    let dir = folder(&[("worker.js", b"export default {}; // \xff")]);
    let error = load_from(dir.path(), "worker.js").expect_err("not UTF-8");
    assert!(error.message.contains("is not UTF-8: byte 22"), "{error}");
    let dir = folder(&[("worker.js", b"\xff\xfee\0x\0")]);
    let error = load_from(dir.path(), "worker.js").expect_err("not UTF-8");
    assert!(error.hint.expect("a hint").contains("UTF-16"));
}

#[test]
fn a_worker_of_more_than_64_mib_is_refused() {
    let dir = folder(&[("worker.js", b"import a from './a.bin'; import b from './b.bin';")]);
    for name in ["a.bin", "b.bin"] {
        let file = std::fs::File::create(dir.path().join(name)).expect("a file");
        file.set_len(MAX_WORKER_BYTES / 2).expect("a sparse file");
    }
    let error = load_from(dir.path(), "worker.js").expect_err("too large");
    assert!(error.message.contains("past 64 MiB") && error.message.contains("b.bin"), "{error}");
    assert_eq!(error.position, Some((1, 40)), "{error}");
}

#[test]
fn other_languages_and_folders_are_no_main_module() {
    let dir = folder(&[("worker.py", b""), ("page.html", b"")]);
    assert!(load_from(dir.path(), "worker.py").is_err());
    assert!(load_from(dir.path(), "page.html").is_err());
}

#[test]
fn additional_modules_follow_the_rules() {
    let dir = folder(&[
        (
            "wrangler.toml",
            b"main = \"src/worker.js\"\nfind_additional_modules = true\n\
              rules = [{ type = \"ESModule\", globs = [\"lang/*.js\"], fallthrough = true }]",
        ),
        ("src/worker.js", b"export default { f: (x) => import(`./lang/${x}.js`) };"),
        ("src/lang/en.js", b"import 'not resolved, not fatal';"),
        ("src/lang/deep/no.js", b""),
        ("src/logo.bin", b""),
        ("src/other.js", b""),
        ("src/node_modules/x/a.txt", b""),
        ("src/.cache/a.txt", b""),
    ]);
    let project = load_from(dir.path(), "").expect("valid");
    assert_eq!(
        names(&project),
        [
            ("worker.js", ModuleKind::EsModule),
            ("lang/en.js", ModuleKind::EsModule),
            ("logo.bin", ModuleKind::Data),
        ]
    );
}

#[cfg(unix)]
#[test]
fn links_are_followed() {
    use std::os::unix::fs::symlink;
    let dir = folder(&[
        ("real/worker.js", b"import './util.js'; export default {};"),
        ("real/util.js", b""),
        ("other/worker.js", b"import './linked/util.js'; export default {};"),
    ]);
    symlink(dir.path().join("real/worker.js"), dir.path().join("main.js")).expect("a link");
    let project = load_from(dir.path(), "main.js").expect("imports are meant from the real file");
    assert_eq!(project.worker.modules.len(), 2);

    symlink(dir.path().join("real"), dir.path().join("other/linked")).expect("a link");
    let project = load_from(dir.path(), "other/worker.js").expect("valid");
    assert_eq!(project.worker.modules[1].name, "linked/util.js");
}
