//! Modules that nothing needs to import by name.

use std::sync::Arc;

use selvedge_bundle::{DefaultRules, Format, Match, ModuleKind, Rules};

use crate::harness::{Project, apart, code, run};

/// `rules = [{ type = "ESModule", globs = ["**/*.mjs"] }]`
#[derive(Debug)]
struct WithModules;

impl Rules for WithModules {
    fn of(&self, name: &str) -> Match {
        self.of_additional(name).map_or(Match::Nothing, Match::Kind)
    }

    fn of_additional(&self, name: &str) -> Option<ModuleKind> {
        if name.ends_with(".mjs") || name.ends_with(".mts") {
            return Some(ModuleKind::EsModule);
        }
        DefaultRules.of_additional(name)
    }
}

fn project(files: &[(&str, &str)]) -> Project {
    Project::new(files).with(|options| {
        options.find_additional_modules = true;
        options.rules = Arc::new(WithModules);
    })
}

#[test]
fn files_of_the_folder_are_modules_under_their_paths() {
    let project = project(&[
        (
            "src/index.ts",
            "import en from './lang/en.mjs'; import { helper } from './helper';\n\
             const load = (name: string) => import(`./lang/${name}.mjs`);\n\
             export default [en, helper, (await load('de')).default];",
        ),
        ("src/helper.ts", "import en from './lang/en.mjs'; export const helper = en + '!'"),
        ("src/lang/en.mjs", "export default 'hello'"),
        ("src/lang/de.mjs", "export default 'hallo'"),
        ("src/lang/note.txt", "hi"),
        ("src/node_modules/p/x.mjs", "export default 1"),
        ("src/.hidden/x.mjs", "export default 1"),
        ("other/x.mjs", "export default 1"),
    ]);
    let bundle = project.bundle();
    assert_eq!(
        apart(&bundle),
        [
            ("lang/de.mjs", ModuleKind::EsModule),
            ("lang/en.mjs", ModuleKind::EsModule),
            ("lang/note.txt", ModuleKind::Text),
        ]
    );
    assert!(code(&bundle).contains("from \"./lang/en.mjs\""), "{}", code(&bundle));
    assert!(bundle.watch.folders.contains(&project.path("src/lang")), "{:?}", bundle.watch);
    if let Some(output) = run(&bundle, "JSON.stringify(main.default)") {
        assert_eq!(output, r#"["hello","hello!","hallo"]"#);
    }
}

#[test]
fn an_import_from_a_deeper_file_still_finds_the_module() {
    let project = project(&[
        ("index.js", "export { default } from './deep/er/a.js'"),
        ("deep/er/a.js", "import x from '../../lib/x.mjs'; export default x"),
        ("lib/x.mjs", "export default 'x'"),
    ]);
    let bundle = project.bundle();
    assert!(code(&bundle).contains("from \"./lib/x.mjs\""), "{}", code(&bundle));
}

#[test]
fn base_dir_says_where_modules_are_looked_for() {
    let project = project(&[
        ("src/index.js", "export default (name) => import(name)"),
        ("modules/a.mjs", "export default 1"),
    ])
    .with(|options| options.base_dir = Some("modules".into()));
    assert_eq!(apart(&project.bundle()), [("a.mjs", ModuleKind::EsModule)]);
}

#[test]
fn an_additional_module_in_typescript_is_warned_of() {
    let project =
        project(&[("index.js", "export default 1"), ("a.mts", "export default 1 as number")]);
    let warnings = project.bundle().warnings;
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].message.contains("this one is TypeScript"), "{}", warnings[0]);
}

#[test]
fn an_additional_module_named_as_the_bundle_is_refused() {
    let project =
        Project::new(&[("index.ts", "export default 1"), ("index.js", "export default 2")]).with(
            |options| {
                options.find_additional_modules = true;
                options.rules = Arc::new(AllScripts);
            },
        );
    let problem = project.problem();
    assert!(problem.contains("both named index.js"), "{problem}");
}

#[derive(Debug)]
struct AllScripts;

impl Rules for AllScripts {
    fn of(&self, _: &str) -> Match {
        Match::Nothing
    }

    fn of_additional(&self, name: &str) -> Option<ModuleKind> {
        name.ends_with(".js").then_some(ModuleKind::EsModule)
    }
}

#[test]
fn a_service_worker_has_no_additional_modules() {
    let project = project(&[("index.js", "addEventListener('fetch', () => {})")])
        .with(|options| options.format = Some(Format::ServiceWorker));
    assert!(project.problem().contains("can only be used with an ES module entrypoint"));
}
