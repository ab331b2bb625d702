//! Packages of node_modules.

use crate::harness::{Project, code};

fn package(name: &str, manifest: &str, files: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut all = vec![(format!("node_modules/{name}/package.json"), manifest.to_owned())];
    all.extend(
        files
            .iter()
            .map(|(file, text)| (format!("node_modules/{name}/{file}"), (*text).to_owned())),
    );
    all
}

fn project(entry: &str, packages: &[Vec<(String, String)>]) -> Project {
    let project = Project::new(&[("index.js", entry)]);
    for (name, text) in packages.iter().flatten() {
        project.write(name, text);
    }
    project
}

/// What a bundle of `import x from "p"` says, when each file exports its own name.
fn chosen(manifest: &str) -> String {
    let files =
        ["workerd", "worker", "browser", "node", "module", "import", "require", "default", "main"];
    let texts: Vec<(String, String)> = files
        .iter()
        .map(|name| (format!("{name}.mjs"), format!("export default 'is {name}'")))
        .collect();
    let texts: Vec<(&str, &str)> =
        texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let project = project("import x from 'p'; export default x", &[package("p", manifest, &texts)]);
    let code = code(&project.bundle());
    let start = code.find("is ").unwrap_or_else(|| panic!("nothing chosen: {code}")) + 3;
    code[start..].chars().take_while(|character| character.is_alphabetic()).collect()
}

#[test]
fn exports_are_chosen_by_the_first_condition_that_holds() {
    let with = |conditions: &[&str]| {
        let entries: Vec<_> =
            conditions.iter().map(|name| format!("\"{name}\": \"./{name}.mjs\"")).collect();
        chosen(&format!("{{ \"exports\": {{ \".\": {{ {} }} }} }}", entries.join(", ")))
    };
    assert_eq!(with(&["workerd", "worker", "browser", "default"]), "workerd");
    assert_eq!(with(&["node", "worker", "browser", "default"]), "worker");
    assert_eq!(with(&["node", "require", "browser", "import"]), "browser");
    assert_eq!(with(&["node", "require", "import", "default"]), "import");
    assert_eq!(with(&["node", "module", "require", "default"]), "default");
}

#[test]
fn main_fields_are_asked_in_the_order_of_browsers() {
    let fields = r#""main": "./main.mjs", "module": "./module.mjs""#;
    assert_eq!(chosen(&format!(r#"{{ {fields}, "browser": "./browser.mjs" }}"#)), "browser");
    assert_eq!(chosen(&format!("{{ {fields} }}")), "module");
    assert_eq!(chosen(r#"{ "main": "./main.mjs" }"#), "main");
}

#[test]
fn other_conditions_may_be_asked_for() {
    let manifest = r#"{ "exports": { "custom": "./custom.js", "default": "./default.js" } }"#;
    let files =
        [("custom.js", "export default 'CUSTOM'"), ("default.js", "export default 'PLAIN'")];
    let project = project("import x from 'p'; export default x", &[package("p", manifest, &files)])
        .with(|options| options.conditions = vec!["custom".into()]);
    assert!(code(&project.bundle()).contains("CUSTOM"));
}

#[test]
fn the_browser_field_replaces_and_removes_files() {
    let manifest =
        r#"{ "main": "index.js", "browser": { "./io.js": "./io-web.js", "fs": false } }"#;
    let files = [
        (
            "index.js",
            "const io = require('./io.js'); const fs = require('fs'); module.exports = [io, Object.keys(fs)];",
        ),
        ("io.js", "module.exports = 'node'"),
        ("io-web.js", "module.exports = 'web'"),
    ];
    let project = project("import x from 'p'; export default x", &[package("p", manifest, &files)]);
    if let Some(output) = project.run() {
        assert_eq!(output, r#"["web",[]]"#);
    }
}

#[test]
fn commonjs_packages_give_their_exports() {
    let files = [(
        "index.js",
        "exports.named = 'named'; exports.fn = function () { return this === undefined ? 'none' : typeof this };",
    )];
    let project = project(
        "import all, { named } from 'p'; import * as space from 'p';\n\
         export default [all.named, named, space.named, Object.keys(space).includes('fn')]",
        &[package("p", "{}", &files)],
    );
    if let Some(output) = project.run() {
        assert_eq!(output, r#"["named","named","named",true]"#);
    }
}

#[test]
fn the_interop_of_babel_is_understood() {
    let files = [(
        "index.js",
        "Object.defineProperty(exports, '__esModule', { value: true }); exports.default = 'the default';",
    )];
    let project = project("import x from 'p'; export default x", &[package("p", "{}", &files)]);
    if let Some(output) = project.run() {
        assert_eq!(output, "\"the default\"");
    }
}

#[test]
fn a_require_of_what_may_be_missing_fails_only_there() {
    let files = [(
        "index.js",
        "let fast; try { fast = require('fast-native') } catch { fast = 'slow' } module.exports = fast;",
    )];
    let project = project("import x from 'p'; export default x", &[package("p", "{}", &files)]);
    if let Some(output) = project.run() {
        assert_eq!(output, "\"slow\"");
    }
}

#[test]
fn subpaths_and_imports_of_packages_resolve() {
    let manifest = r##"{ "name": "p", "type": "module", "exports": { "./*": "./src/*.js" }, "imports": { "#in": { "workerd": "./in-workerd.js", "default": "./in.js" } } }"##;
    let files = [
        ("src/deep/a.js", "export { x as a } from '#in'"),
        ("in.js", "export const x = 'default'"),
        ("in-workerd.js", "export const x = 'workerd'"),
    ];
    let project = project(
        "import { a } from 'p/deep/a'; export default a",
        &[package("p", manifest, &files)],
    );
    if let Some(output) = project.run() {
        assert_eq!(output, "\"workerd\"");
    }
}

#[test]
fn packages_without_side_effects_leave_nothing_behind() {
    let manifest = r#"{ "type": "module", "sideEffects": false, "main": "index.js" }"#;
    let files = [
        ("index.js", "export { a } from './a.js'; export { b } from './b.js';"),
        ("a.js", "console.log('SIDE A'); export const a = Math.random()"),
        ("b.js", "console.log('SIDE B'); export const b = 'b'"),
    ];
    let project =
        project("import { a } from 'p'; export default a", &[package("p", manifest, &files)]);
    let code = code(&project.bundle());
    assert!(code.contains("SIDE A") && !code.contains("SIDE B"), "{code}");
}

#[cfg(unix)]
#[test]
fn a_linked_package_of_a_workspace_is_followed() {
    let project = Project::new(&[
        ("app/index.ts", "import { lib } from '@team/lib'; export default lib"),
        ("lib/package.json", r#"{ "name": "@team/lib", "exports": "./src/index.ts" }"#),
        ("lib/src/index.ts", "export const lib: string = 'from the workspace'"),
    ]);
    std::fs::create_dir_all(project.path("app/node_modules/@team")).expect("folders");
    std::os::unix::fs::symlink(project.path("lib"), project.path("app/node_modules/@team/lib"))
        .expect("a link");
    let bundle = project.bundle();
    assert!(bundle.watch.files.contains(&project.path("lib/src/index.ts")), "{:?}", bundle.watch);
    if let Some(output) = project.run() {
        assert_eq!(output, "\"from the workspace\"");
    }
}

/// Such names have packages that were bundled before.
#[test]
fn locals_with_the_names_of_other_modules_stay_apart() {
    let help = r#"
        const require_context = require("./context.cjs");
        const require_context$1 = require("./api/context.cjs");
        const { require_context$1: first, require_context$2 } = { require_context$1: 3, require_context$2: 4 };
        module.exports = [require_context.a, require_context$1.a, { require_context$1 }, first, require_context$2];
    "#;
    let files = [
        ("index.cjs", "require('./api/context.cjs'); exports.all = require('./help.cjs');"),
        ("help.cjs", help),
        ("context.cjs", "exports.a = 1;"),
        ("api/context.cjs", "exports.a = 2; exports.more = require('../context.cjs');"),
    ];
    let package = package("p", r#"{ "main": "./index.cjs" }"#, &files);
    let project = project("import p from 'p'; export default p.all", &[package]);
    let Some(all) = project.run() else { return };
    let expected = r#"[1,2,{"require_context$1":{"a":2,"more":{"a":1}}},3,4]"#;
    assert_eq!(all, expected);
}
