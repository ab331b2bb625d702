//! What is wrong with a project, and where.

use selvedge_bundle::{Options, bundle};

use crate::harness::Project;

#[test]
fn a_syntax_error_has_its_place_and_line() {
    let project = Project::new(&[
        ("src/index.ts", "import './broken';\nexport default 1"),
        ("src/broken.ts", "const ok = 1;\nconst \u{e9} = = 2;\n"),
    ]);
    let failure = project.fail();
    let problem = &failure.problems[0];
    assert_eq!(problem.file.as_deref(), Some("src/broken.ts"));
    assert_eq!(problem.position, Some((2, 11)));
    assert!(
        problem
            .code_frame
            .as_ref()
            .is_some_and(|frame| frame.contains("> 2 | const \u{e9} = = 2;"))
    );
    assert!(failure.watch.files.contains(&project.path("src/broken.ts")), "{:?}", failure.watch);
}

#[test]
fn all_broken_files_are_named_at_once() {
    let project = Project::new(&[
        ("index.js", "import './a.js'; import './b.js'; import './c.js'; export default 1"),
        ("a.js", "let let = 1"),
        ("b.js", "}"),
        ("c.js", "import './missing.js'"),
    ]);
    let files: Vec<_> = project.fail().problems.into_iter().filter_map(|it| it.file).collect();
    for file in ["a.js", "b.js", "c.js"] {
        assert!(files.iter().any(|named| named == file), "{file} is not in {files:?}");
    }
}

#[test]
fn a_file_that_is_not_there_suggests_the_one_that_is() {
    let project = Project::new(&[
        ("src/index.ts", "import { a } from './utlis';\nexport default a"),
        ("src/utils.ts", "export const a = 1"),
    ]);
    assert_eq!(
        project.problem(),
        "Could not resolve \"./utlis\"\n  --> src/index.ts:1:19\n\
         > 1 | import { a } from './utlis';\n    |                   ^\n\
         \u{20} 2 | export default a\nhint: did you mean \"utils.ts\"?"
    );
}

#[test]
fn a_package_that_is_not_installed_says_how_to_install_it() {
    let entry = ("index.ts", "import { Hono } from 'hono';\nexport default Hono");
    let manifest = ("package.json", r#"{ "dependencies": { "hono": "^4" } }"#);
    let problem = Project::new(&[entry]).problem();
    assert!(problem.contains("Could not resolve \"hono\"\n  --> index.ts:1:22\n"), "{problem}");
    assert!(problem.contains("Install it with `npm install hono`"), "{problem}");

    let problem = Project::new(&[entry, manifest]).problem();
    assert!(
        problem.contains("package.json names it, but it is not installed: run `npm install`"),
        "{problem}"
    );

    let problem = Project::new(&[entry, manifest, ("pnpm-lock.yaml", "")]).problem();
    assert!(problem.contains("run `pnpm install`"), "{problem}");
}

#[test]
fn a_misspelt_package_suggests_the_one_that_package_json_names() {
    let project = Project::new(&[
        ("index.ts", "import x from 'itty-ruoter'; export default x"),
        ("package.json", r#"{ "devDependencies": { "itty-router": "^5" } }"#),
    ]);
    let problem = project.problem();
    assert!(problem.contains("did you mean \"itty-router\"?"), "{problem}");
}

#[test]
fn a_subpath_that_a_package_does_not_export_is_named() {
    let project = Project::new(&[
        ("index.js", "import x from 'p/private'; export default x"),
        ("node_modules/p/package.json", r#"{ "name": "p", "exports": { ".": "./index.js" } }"#),
        ("node_modules/p/private.js", "export default 1"),
    ]);
    let problem = project.problem();
    assert!(
        problem.contains("node_modules/p/package.json does not export \"./private\""),
        "{problem}"
    );
    assert!(problem.contains("workerd"), "{problem}");
}

#[test]
fn a_missing_path_of_tsconfig_hints_at_paths() {
    let project = Project::new(&[("index.ts", "import x from '@/lib/x'; export default x")]);
    assert!(project.problem().contains("set `paths` in tsconfig.json"));
}

#[test]
fn a_url_is_not_imported() {
    let project =
        Project::new(&[("index.js", "import x from 'https://esm.sh/x'; export default x")]);
    let problem = project.problem();
    assert!(problem.contains("modules are not loaded from URLs"), "{problem}");
    assert!(problem.contains("index.js:1:15\n"), "{problem}");
}

#[test]
fn an_export_that_is_not_there_is_an_error_at_the_import() {
    let project = Project::new(&[
        ("src/index.js", "import { nope } from './a';\nexport default nope"),
        ("src/a.js", "export const yes = 1"),
    ]);
    let problem = project.problem();
    assert!(
        problem.starts_with("\"nope\" is not exported by \"src/a.js\"\n  --> src/index.js:1:10\n"),
        "{problem}"
    );
}

#[test]
fn an_entry_that_is_not_there_is_said() {
    let project = Project::new(&[("src/index.ts", "export default 1")]);
    let of = |entry: &str| {
        let mut options = project.options.clone();
        options.entry = entry.into();
        bundle(&options).expect_err("there is no such entry").to_string()
    };
    assert_eq!(
        of("src/indx.ts"),
        "the Worker's main module src/indx.ts does not exist\nhint: did you mean \"index.ts\"?"
    );
    assert!(of("src").contains("is a folder"));
    assert!(of("nowhere/at/all.ts").contains("does not exist"));
}

#[test]
fn a_root_that_is_not_there_is_no_panic() {
    let failure =
        bundle(&Options::new("index.ts", "/no/such/folder")).expect_err("nothing is there");
    assert!(failure.to_string().contains("does not exist"), "{failure}");
}

#[test]
fn a_python_worker_is_refused() {
    let project = Project::new(&[("worker.py", "def fetch(): pass")]);
    assert!(project.problem().starts_with("Selvedge does not run Python Workers"));
}

#[test]
fn an_entry_that_is_not_text_is_refused() {
    let project = Project::new(&[("index.js", "")]);
    project.write("index.js", [0xff, 0xfe, 0x00]);
    assert!(project.problem().contains("is not text"));
}

#[test]
fn a_module_that_is_not_text_is_refused() {
    let project = Project::new(&[("index.js", "import './a.js'; export default 1"), ("a.js", "")]);
    project.write("a.js", [0x80, 0xff]);
    let problem = project.problem();
    assert!(problem.contains("a.js"), "{problem}");
}

#[test]
fn bad_json_has_its_place() {
    let project = Project::new(&[
        ("index.js", "import data from './data.json'; export default data"),
        ("data.json", "{\n  \"a\": 1,\n  b: 2\n}"),
    ]);
    let problem = project.problem();
    assert!(problem.contains("data.json:3:"), "{problem}");
    assert!(problem.contains("> 3 |   b: 2"), "{problem}");
    assert!(!problem.contains(" at line "), "{problem}");
}

#[test]
fn a_bad_tsconfig_has_its_place() {
    let project = Project::new(&[
        ("src/index.ts", "export default 1"),
        ("tsconfig.json", "{\n  \"compilerOptions\": {\n    \"strict\": tru\n  }\n}"),
    ]);
    let failure = project.fail();
    let problem = failure.to_string();
    assert!(problem.contains("tsconfig.json:3:"), "{problem}");
    assert!(failure.watch.files.contains(&project.path("tsconfig.json")), "{:?}", failure.watch);
}

#[test]
fn a_tsconfig_that_extends_nothing_that_is_there_is_said() {
    let project = Project::new(&[
        ("index.ts", "export default 1"),
        ("tsconfig.json", r#"{ "extends": "./missing.json" }"#),
    ]);
    let problem = project.problem();
    assert!(problem.contains("missing.json"), "{problem}");
}

#[test]
fn tsconfigs_that_extend_each_other_are_said() {
    let project = Project::new(&[
        ("index.ts", "export default 1"),
        ("tsconfig.json", r#"{ "extends": "./b.json" }"#),
        ("b.json", r#"{ "extends": "./tsconfig.json" }"#),
    ]);
    let problem = project.problem();
    assert!(problem.contains("extends itself"), "{problem}");
}

#[test]
fn a_tsconfig_of_the_configuration_must_exist() {
    let project = Project::new(&[("index.ts", "export default 1")])
        .with(|options| options.tsconfig = Some("tsconfig.nope.json".into()));
    assert_eq!(project.problem(), "the tsconfig tsconfig.nope.json does not exist");
}

#[test]
fn a_bad_package_json_has_its_place() {
    let project = Project::new(&[
        ("index.js", "import x from 'p'; export default x"),
        ("node_modules/p/package.json", "{\n  \"main\": \"a.js\",,\n}"),
        ("node_modules/p/a.js", "module.exports = 1"),
    ]);
    let problem = project.problem();
    assert!(problem.contains("node_modules/p/package.json:2:"), "{problem}");
}

#[test]
fn sources_that_are_nested_absurdly_are_refused() {
    let deep = format!("export default {}1{}", "(".repeat(100_000), ")".repeat(100_000));
    let problem = Project::new(&[("index.js", &deep)]).problem();
    assert!(problem.contains("too many brackets inside of each other"), "{problem}");
    assert!(problem.len() < 1000, "{}", problem.len());
}

#[test]
fn sources_nested_as_deep_as_allowed_are_bundled() {
    for (open, close) in [("(", ")"), ("[", "]"), ("{a:", "}"), ("f(", ")"), ("()=>{", "}")] {
        let deep = format!("export default {}1{}", open.repeat(1_900), close.repeat(1_900));
        Project::new(&[("index.js", &deep)]).bundle();
    }
}

#[test]
fn long_chains_of_operators_are_bundled() {
    let chain = vec!["a"; 2_000].join(" + ");
    let source = format!("const a = Math.random(); export default {chain}");
    Project::new(&[("index.ts", &source)]).bundle();
}

#[test]
fn warnings_are_about_own_files_only() {
    let risky = "export const f = () => eval('1')";
    let project = Project::new(&[
        (
            "src/index.js",
            "import { f } from './f'; import { f as g } from 'p'; export default [f, g]",
        ),
        ("src/f.js", risky),
        ("node_modules/p/index.mjs", risky),
        ("node_modules/p/package.json", r#"{ "main": "index.mjs" }"#),
    ]);
    let files: Vec<_> = project.bundle().warnings.into_iter().filter_map(|it| it.file).collect();
    assert_eq!(files, ["src/f.js"]);
}

#[test]
fn an_import_of_a_pattern_is_warned_of_where_nothing_will_find_it() {
    let project = Project::new(&[
        (
            "src/index.js",
            "export default async name => [await import(`./lang/${name}.js`), await import(name)];",
        ),
        ("src/lang/en.js", "export default 'hello'"),
    ]);
    let warnings = project.bundle().warnings;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert_eq!(warnings[0].position, Some((1, 44)));
    assert!(warnings[0].hint.as_ref().is_some_and(|hint| hint.contains("find_additional_modules")));

    let project = project.with(|options| options.find_additional_modules = true);
    assert_eq!(project.bundle().warnings, []);
}

#[test]
fn what_a_file_asks_for_twice_is_missed_once() {
    let project = Project::new(&[(
        "index.cjs",
        "const a = require('gone').a;\nconst b = require('gone').b;\nmodule.exports = [a, b];",
    )]);
    assert!(project.problem().contains("index.cjs:1:19\n"));
}
