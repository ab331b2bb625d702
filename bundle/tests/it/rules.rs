//! Module rules: what stays apart from the bundle.

use std::sync::Arc;

use selvedge_bundle::{Match, ModuleKind, Rules};

use crate::harness::{Project, apart, code};

/// The SHA-1 of `hi`.
const HI: &str = "c22b5f9178342609428d6f51b2c5af4c0bde6a42";

#[test]
fn texts_data_and_wasm_stay_modules_of_their_own() {
    let project = Project::new(&[
        (
            "src/index.ts",
            "import text from './texts/a.txt'; import page from '../page.html'; import query from './q.sql';\n\
             import data from './d.bin'; import wasm from './w.wasm'; import again from './w.wasm?module';\n\
             export default [text, page, query, data, wasm, again];",
        ),
        ("src/texts/a.txt", "hi"),
        ("page.html", "<p>"),
        ("src/q.sql", "SELECT 1"),
        ("src/d.bin", "\u{1}\u{2}"),
        ("src/w.wasm", "\0asm\u{1}\0\0\0"),
    ]);
    let bundle = project.bundle();
    let mut kinds: Vec<_> = apart(&bundle)
        .into_iter()
        .map(|(name, kind)| (name.split_once('-').expect("a hash").1, kind))
        .collect();
    kinds.sort_by_key(|(name, _)| *name);
    assert_eq!(
        kinds,
        [
            ("a.txt", ModuleKind::Text),
            ("d.bin", ModuleKind::Data),
            ("page.html", ModuleKind::Text),
            ("q.sql", ModuleKind::Text),
            ("w.wasm", ModuleKind::Wasm),
        ]
    );
    let text = bundle.modules.iter().find(|module| module.name == format!("{HI}-a.txt"));
    assert_eq!(text.expect("it is named by its SHA-1").bytes, b"hi");
    let code = code(&bundle);
    assert!(code.contains(&format!("from \"./{HI}-a.txt\"")), "{code}");
    assert_eq!(code.matches("-w.wasm\"").count(), 1, "one file is one import: {code}");
}

#[test]
fn file_names_are_kept_when_asked() {
    let project = Project::new(&[
        (
            "src/index.js",
            "import a from './t/a.txt'; import b from '../b.txt'; export default [a, b]",
        ),
        ("src/t/a.txt", "a"),
        ("b.txt", "hi"),
    ])
    .with(|options| options.preserve_file_names = true);
    let bundle = project.bundle();
    let names: Vec<_> = apart(&bundle).into_iter().map(|(name, _)| name.to_owned()).collect();
    assert_eq!(names, [format!("{HI}/b.txt"), "t/a.txt".to_owned()]);
    assert!(code(&bundle).contains("from \"./t/a.txt\""));
}

#[test]
fn a_text_of_a_package_and_of_an_alias_stays_apart_too() {
    let project = Project::new(&[
        ("index.ts", "import a from 'p/a.txt'; import b from '@/b.txt'; export default [a, b]"),
        ("node_modules/p/a.txt", "a"),
        ("b.txt", "b"),
        ("tsconfig.json", r#"{ "compilerOptions": { "paths": { "@/*": ["./*"] } } }"#),
    ]);
    assert_eq!(project.bundle().modules.len(), 3);
}

#[test]
fn an_import_that_nothing_uses_is_gone_from_the_bundle() {
    let project =
        Project::new(&[("index.js", "import a from './a.txt'; export default 1"), ("a.txt", "a")]);
    let code = code(&project.bundle());
    assert!(!code.contains("import"), "{code}");
}

#[test]
fn a_required_text_is_imported() {
    let project = Project::new(&[
        ("index.js", "import { text } from './old.cjs'; export default text"),
        ("old.cjs", "exports.text = require('./a.txt')"),
        ("a.txt", "hi"),
    ]);
    let code = code(&project.bundle());
    assert!(code.contains(&format!("from \"./{HI}-a.txt\"")), "{code}");
    assert!(!code.contains("__require"), "{code}");
}

#[test]
fn import_attributes_of_what_stays_apart_are_gone() {
    for minify in [false, true] {
        let project = Project::new(&[
            (
                "index.js",
                "import text from './a.txt' with { type: 'text' };\n\
                 export default { fetch() { throw new Error(text) } }",
            ),
            ("a.txt", "hi"),
        ])
        .with(|options| options.minify = minify);
        let bundle = project.bundle();
        let code = code(&bundle);
        assert!(code.contains("-a.txt\"") && !code.contains("with"), "{code}");
        let line = code.lines().position(|line| line.contains("Error(")).expect("a line");
        let column = code.lines().nth(line).and_then(|line| line.find("Error(")).expect("a column");
        let [line, column] = [line, column].map(|at| u32::try_from(at + 1).expect("small"));
        let original = bundle.source_map.original(line, column).expect("it is mapped");
        assert_eq!((original.line, original.file), (2, "index.js"));
    }
}

/// Rules as a configuration may set them.
#[derive(Debug)]
struct Configured;

impl Rules for Configured {
    fn of(&self, name: &str) -> Match {
        match name.rsplit_once('.').map(|(_, extension)| extension) {
            Some("md") => Match::Kind(ModuleKind::Text),
            Some("data") => Match::Kind(ModuleKind::Json),
            Some("html") => Match::Ended(ModuleKind::Text),
            _ if name.starts_with("raw/") => Match::Kind(ModuleKind::Text),
            _ => Match::Nothing,
        }
    }

    fn of_additional(&self, _: &str) -> Option<ModuleKind> {
        None
    }
}

#[test]
fn own_rules_decide_by_the_path() {
    let project = Project::new(&[
        (
            "index.js",
            "import readme from './readme.md'; import data from './x.data'; import raw from './raw/a.js';\n\
             export default [readme, data.n, raw];",
        ),
        ("readme.md", "# hi"),
        ("x.data", r#"{ "n": 5 }"#),
        ("raw/a.js", "this is no program"),
    ])
    .with(|options| options.rules = Arc::new(Configured));
    let bundle = project.bundle();
    let mut names: Vec<_> = apart(&bundle)
        .into_iter()
        .map(|(name, _)| name.split_once('-').expect("a hash").1)
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["a.js", "readme.md"]);
    assert!(bundle.watch.files.contains(&project.path("x.data")));
}

#[test]
fn a_rule_that_an_earlier_one_ended_is_said() {
    let project = Project::new(&[
        ("index.js", "import page from './page.html'; export default page"),
        ("page.html", "<p>"),
    ])
    .with(|options| options.rules = Arc::new(Configured));
    let problem = project.problem();
    assert!(problem.contains("fallthrough = true"), "{problem}");
    assert!(problem.contains("index.js:1:18\n"), "{problem}");
}

#[test]
fn a_file_of_no_rule_is_refused_with_the_rule_to_write() {
    let project = Project::new(&[
        ("src/index.js", "import logo from './logo.png';\nexport default logo"),
        ("src/logo.png", "PNG"),
    ]);
    let problem = project.problem();
    assert!(problem.contains("no module rule for .png files"), "{problem}");
    assert!(problem.contains("src/index.js:1:18\n"), "{problem}");
    assert!(problem.contains(r#"globs = ["**/*.png"]"#), "{problem}");
}
