//! Modules of Node.js and of the runtime.

use selvedge_bundle::NodeCompat;

use crate::harness::{Project, code};

#[test]
fn modules_of_the_runtime_are_left_alone() {
    let project = Project::new(&[(
        "index.js",
        "import { DurableObject } from 'cloudflare:workers'; import { connect } from 'cloudflare:sockets';\n\
         import x from 'workerd:unsafe'; export class A extends DurableObject {} export default [connect, x];",
    )]);
    let bundle = project.bundle();
    let names: Vec<_> = bundle.externals.iter().map(|it| it.specifier.as_str()).collect();
    assert_eq!(names, ["cloudflare:sockets", "cloudflare:workers", "workerd:unsafe"]);
    assert_eq!(bundle.warnings, []);
    assert!(code(&bundle).contains("import { DurableObject } from \"cloudflare:workers\""));
}

#[test]
fn node_modules_without_the_flag_are_left_alone_with_wranglers_warning() {
    let project = Project::new(&[
        ("src/index.js", "import fs from 'node:fs'; import './other.js'; export default fs"),
        ("src/other.js", "import { readFile } from 'node:fs'; console.log(readFile)"),
    ]);
    let bundle = project.bundle();
    let warnings: Vec<_> = bundle.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        ["The package \"node:fs\" wasn't found on the file system but is built into node.\n\
          Your Worker may throw errors at runtime unless you enable the \"nodejs_compat\" \
          compatibility flag. Refer to \
          https://developers.cloudflare.com/workers/runtime-apis/nodejs/ for more details. \
          Imported from:\n - src/index.js\n - src/other.js"]
    );
    assert!(code(&bundle).contains("from \"node:fs\""));
}

#[test]
fn a_bare_name_of_node_without_the_flag_is_an_error_with_wranglers_hint() {
    let project =
        Project::new(&[("index.js", "import { join } from 'path';\nexport default join('a')")]);
    let problem = project.problem();
    assert_eq!(
        problem,
        "Could not resolve \"path\"\n  --> index.js:1:22\n\
         > 1 | import { join } from 'path';\n    |                      ^\n\
         \u{20} 2 | export default join('a')\n\
         hint: The package \"path\" wasn't found on the file system but is built into node.\n\
         - Add the \"nodejs_compat\" compatibility flag to your project."
    );
}

#[test]
fn a_package_named_as_a_module_of_node_is_used_without_the_flag() {
    let project = Project::new(&[
        ("index.js", "import events from 'events'; export default events"),
        ("node_modules/events/index.js", "module.exports = 'POLYFILL'"),
    ]);
    assert!(code(&project.bundle()).contains("POLYFILL"));
}

#[test]
fn with_the_flag_both_spellings_are_left_to_the_runtime() {
    let project = Project::new(&[
        (
            "index.js",
            "import fs from 'fs'; import path from 'node:path'; export default [fs, path]",
        ),
        ("node_modules/fs/index.js", "module.exports = 'NOT THIS'"),
    ])
    .with(|options| options.node_compat = NodeCompat::On);
    let bundle = project.bundle();
    let code = code(&bundle);
    assert!(code.contains("from \"node:fs\"") && code.contains("from \"node:path\""), "{code}");
    assert_eq!(bundle.warnings, []);
}

#[test]
fn a_required_module_of_node_is_imported_with_the_flag() {
    let project = Project::new(&[
        ("index.js", "import { sep } from './old.cjs'; export default sep"),
        ("old.cjs", "const path = require('path'); exports.sep = path.sep;"),
    ])
    .with(|options| options.node_compat = NodeCompat::On);
    let code = code(&project.bundle());
    assert!(code.contains("from \"node:path\"") && !code.contains("require("), "{code}");
    if let Some(output) = project.run() {
        assert_eq!(output, "\"/\"");
    }
}

#[test]
fn async_hooks_are_expected_where_its_flag_is_set() {
    let project = Project::new(&[(
        "index.js",
        "import { AsyncLocalStorage } from 'node:async_hooks'; export default AsyncLocalStorage",
    )])
    .with(|options| options.node_compat = NodeCompat::AsyncLocalStorage);
    assert_eq!(project.bundle().warnings, []);
}
