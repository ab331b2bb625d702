//! `alias`, `define` and other settings.

use crate::harness::{Project, code};

#[test]
fn an_alias_names_a_file_of_the_root_or_a_package() {
    let project = Project::new(&[
        (
            "src/index.js",
            "import a from 'heavy'; import b from './deep/user'; export default [a, b]",
        ),
        ("src/deep/user.js", "import x from 'other'; export default x"),
        ("shims/light.js", "export default 'light'"),
        ("node_modules/real/index.js", "module.exports = 'real'"),
    ])
    .with(|options| {
        options.alias =
            vec![("heavy".into(), "./shims/light.js".into()), ("other".into(), "real".into())];
    });
    if let Some(output) = project.run() {
        assert_eq!(output, r#"["light","real"]"#);
    }
}

#[test]
fn an_alias_of_a_whole_name_leaves_its_subpaths() {
    let project = Project::new(&[
        ("index.js", "import a from 'p'; import b from 'p/sub.js'; export default [a, b]"),
        ("a.js", "export default 'alias'"),
        ("node_modules/p/sub.js", "module.exports = 'sub'"),
    ])
    .with(|options| options.alias = vec![("p".into(), "./a.js".into())]);
    if let Some(output) = project.run() {
        assert_eq!(output, r#"["alias","sub"]"#);
    }
}

#[test]
fn aliases_are_applied_once() {
    let project = Project::new(&[
        ("index.js", "import a from 'a'; import b from 'b'; export default [a, b]"),
        ("node_modules/a/index.js", "module.exports = 'A'"),
        ("node_modules/b/index.js", "module.exports = 'B'"),
    ])
    .with(|options| options.alias = vec![("a".into(), "b".into()), ("b".into(), "a".into())]);
    if let Some(output) = project.run() {
        assert_eq!(output, r#"["B","A"]"#);
    }
}

#[test]
fn aliases_that_lead_to_each_other_are_refused_at_the_import() {
    let project = Project::new(&[("src/index.js", "import x from 'a';\nexport default x")])
        .with(|options| options.alias = vec![("a".into(), "b".into()), ("b".into(), "a".into())]);
    let problem = project.problem();
    assert!(problem.contains("its alias \"b\" is not there"), "{problem}");
    assert!(problem.contains("src/index.js:1:15\n"), "{problem}");
    assert!(problem.contains("applied only once"), "{problem}");
}

#[test]
fn an_alias_may_stand_for_a_module_of_the_runtime() {
    let project = Project::new(&[("index.js", "import x from 'ws'; export default x")])
        .with(|options| options.alias = vec![("ws".into(), "cloudflare:sockets".into())]);
    assert!(code(&project.bundle()).contains("from \"cloudflare:sockets\""));
}

#[test]
fn node_env_is_replaced_and_dead_branches_go() {
    let source = "let out = process.env.NODE_ENV; if (process.env.NODE_ENV === 'production') out += ' PROD';\n\
                  export default [out, globalThis.process.env.NODE_ENV, navigator.userAgent];";
    let project = Project::new(&[("index.js", source)]);
    assert!(!code(&project.bundle()).contains("PROD"));
    if let Some(output) = project.run() {
        assert_eq!(output, r#"["development","development","Cloudflare-Workers"]"#);
    }
    let project = project.with(|options| options.node_env = "production".into());
    if let Some(output) = project.run() {
        assert_eq!(output, r#"["production PROD","production","Cloudflare-Workers"]"#);
    }
}

#[test]
fn definitions_of_the_configuration_win() {
    let project =
        Project::new(&[("index.js", "export default [VERSION, process.env.NODE_ENV, a.b.c]")])
            .with(|options| {
                options.define = vec![
                    ("VERSION".into(), "\"1.2.3\"".into()),
                    ("process.env.NODE_ENV".into(), "\"test\"".into()),
                    ("a.b.c".into(), "[1, 2]".into()),
                ];
            });
    if let Some(output) = project.run() {
        assert_eq!(output, r#"["1.2.3","test",[1,2]]"#);
    }
}

#[test]
fn a_definition_that_is_no_javascript_is_an_error() {
    let project = Project::new(&[("index.js", "export default X")])
        .with(|options| options.define = vec![("X".into(), "not valid js(".into())]);
    let problem = project.problem();
    assert!(problem.contains('X'), "{problem}");
}

#[test]
fn externals_of_the_configuration_are_left_alone() {
    let project = Project::new(&[("index.js", "import x from 'later'; export default x")])
        .with(|options| options.external = vec!["later".into()]);
    assert!(code(&project.bundle()).contains("from \"later\""));
}

#[test]
fn a_main_module_is_named_after_the_entry() {
    let project = Project::new(&[("src/my-worker.tsx", "export default 1")]);
    assert_eq!(project.bundle().main().name, "my-worker.js");
}

#[test]
fn the_root_may_be_given_relative() {
    let project = Project::new(&[("index.js", "export default 1")]);
    let here =
        std::env::current_dir().expect("a current directory").canonicalize().expect("it is there");
    let up = here.components().skip(1).map(|_| "..").collect::<Vec<_>>().join("/");
    let relative = format!("{up}{}", project.path("").display());
    let project = project.with(|options| options.root = relative.into());
    assert_eq!(project.bundle().main().name, "index.js");
}
