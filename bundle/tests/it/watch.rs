//! Making a bundle again when something has changed.

use selvedge_bundle::Bundler;

use crate::harness::{Project, code};

#[test]
fn a_bundler_sees_what_changed() {
    let project = Project::new(&[
        (
            "src/index.ts",
            "import { a } from './a'; import text from './t.txt'; export default [a, text]",
        ),
        ("src/a.ts", "export const a = 'FIRST' + Math.random()"),
        ("src/t.txt", "one"),
    ]);
    let bundler = Bundler::new(project.options.clone()).expect("threads");
    let first = bundler.bundle().expect("a bundle");
    assert!(code(&first).contains("FIRST"));

    project.write("src/a.ts", "export const a = 'SECOND' + Math.random()");
    project.write("src/t.txt", "two");
    let second = bundler.bundle().expect("a bundle");
    assert!(code(&second).contains("SECOND") && !code(&second).contains("FIRST"));
    assert_eq!(second.modules[1].bytes, b"two");
    assert_eq!(second.modules.len(), 2, "the former text is gone");
}

#[test]
fn a_bundler_goes_on_after_a_failure() {
    let project =
        Project::new(&[("src/index.ts", "import { a } from './lib/late'; export default a")]);
    let bundler = Bundler::new(project.options.clone()).expect("threads");
    let failure = bundler.bundle().expect_err("the file is missing");
    assert!(failure.watch.files.contains(&project.path("src/index.ts")));
    assert!(failure.watch.folders.contains(&project.path("src")), "{:?}", failure.watch);

    project.write("src/lib/late.ts", "export const a = 'LATE'");
    assert!(code(&bundler.bundle().expect("it is there now")).contains("LATE"));

    project.write("tsconfig.json", "{ not json");
    bundler.bundle().expect_err("the tsconfig is broken");
    project.write("tsconfig.json", "{}");
    bundler.bundle().expect("it is mended");
}

#[test]
fn a_package_that_is_installed_later_is_found() {
    let project = Project::new(&[
        ("index.js", "import x from 'p'; export default x"),
        ("package.json", "{}"),
    ]);
    let bundler = Bundler::new(project.options.clone()).expect("threads");
    let failure = bundler.bundle().expect_err("the package is missing");
    assert!(failure.watch.folders.contains(&project.path("").canonicalize().expect("it is there")));
    project.write("node_modules/p/package.json", r#"{ "exports": "./a.js" }"#);
    project.write("node_modules/p/a.js", "export default 'A'");
    project.write("node_modules/p/b.js", "export default 'B'");
    let bundle = bundler.bundle().expect("it is installed");
    assert!(code(&bundle).contains("\"A\""), "{}", code(&bundle));
    project.write("node_modules/p/package.json", r#"{ "exports": "./b.js" }"#);
    let bundle = bundler.bundle().expect("it is another file now");
    assert!(code(&bundle).contains("\"B\""), "{}", code(&bundle));
}

#[test]
fn all_that_has_a_say_is_watched() {
    let project = Project::new(&[
        (
            "src/index.ts",
            "import { a } from './a'; import x from 'p'; import t from './t.txt'; export default [a, x, t]",
        ),
        ("src/a.ts", "export const a = 1"),
        ("src/t.txt", "t"),
        ("node_modules/p/package.json", r#"{ "main": "lib/x.js" }"#),
        ("node_modules/p/lib/x.js", "module.exports = 1"),
        ("package.json", "{}"),
        ("tsconfig.json", r#"{ "extends": "./base.json" }"#),
        ("base.json", "{}"),
    ]);
    let watch = project.bundle().watch;
    for file in [
        "src/index.ts",
        "src/a.ts",
        "src/t.txt",
        "node_modules/p/package.json",
        "node_modules/p/lib/x.js",
        "package.json",
        "tsconfig.json",
        "base.json",
    ] {
        assert!(watch.files.contains(&project.path(file)), "{file} is not in {watch:?}");
    }
}

#[test]
fn a_bundler_works_and_ends_on_threads_of_a_runtime() {
    let project = Project::new(&[("index.js", "export default 1")]);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let bundler = Bundler::new(project.options.clone()).expect("threads");
        bundler.bundle().expect("a bundle");
        drop(bundler);
    });
}

#[test]
fn bundlers_work_side_by_side() {
    std::thread::scope(|scope| {
        for index in 0..4 {
            scope.spawn(move || {
                let text = format!("export default 'number {index}'");
                let bundle = Project::new(&[("index.js", &text)]).bundle();
                assert!(code(&bundle).contains(&format!("number {index}")));
            });
        }
    });
}
