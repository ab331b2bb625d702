//! TypeScript, JSX, and what else is not plain JavaScript.

use crate::harness::{Project, code, run};

#[test]
fn types_go_and_values_stay() {
    let project = Project::new(&[
        (
            "src/index.ts",
            "import type { Shape } from './shape.js';\n\
             import { area, type Unit } from './shape.js';\n\
             const enum Size { Small = 1, Large = 2 }\n\
             enum Color { Red = 'r', Green = 'g' }\n\
             namespace Names { export const first = 'a'; }\n\
             abstract class Base { constructor(protected readonly n: number) {} }\n\
             class Square extends Base { get area(): number { return area({ side: this.n }) } }\n\
             const unit: Unit = 'm';\n\
             export default [new Square(3).area, Size.Large, Color.Green, Names.first, unit satisfies string] as unknown[];",
        ),
        (
            "src/shape.ts",
            "export interface Shape { side: number }\nexport type Unit = string;\n\
             export function area(shape: Shape): number { return shape.side ** 2 }",
        ),
    ]);
    if let Some(output) = project.run() {
        assert_eq!(output, r#"[9,2,"g","a","m"]"#);
    }
}

#[test]
fn an_import_of_js_finds_the_ts() {
    let project = Project::new(&[
        (
            "index.ts",
            "import { a } from './a.js'; import { b } from './b.mjs'; import { c } from './c.jsx';\n\
             import { d } from './d'; export default [a, b, c, d];",
        ),
        ("a.ts", "export const a: string = 'a'"),
        ("b.mts", "export const b: string = 'b'"),
        ("c.tsx", "export const c: string = 'c'"),
        ("d/index.ts", "export const d: string = 'd'"),
    ]);
    if let Some(output) = project.run() {
        assert_eq!(output, r#"["a","b","c","d"]"#);
    }
}

#[test]
fn top_level_await_and_json_are_values() {
    let project = Project::new(&[
        (
            "index.ts",
            "import data, { list } from './data.json'; import { late } from './late';\n\
             const more = await Promise.resolve('more'); export default [data.name, list, late, more];",
        ),
        ("late.ts", "export const late = await Promise.resolve('late')"),
        ("data.json", r#"{ "name": "n", "list": [1, 2] }"#),
    ]);
    if let Some(output) = project.run() {
        assert_eq!(output, r#"["n",[1,2],"late","more"]"#);
    }
}

#[test]
fn json_with_an_import_attribute_is_bundled_too() {
    let project = Project::new(&[
        ("index.js", "import data from './d.json' with { type: 'json' }; export default data.x"),
        ("d.json", r#"{ "x": 7 }"#),
    ]);
    assert_eq!(project.bundle().modules.len(), 1);
    if let Some(output) = project.run() {
        assert_eq!(output, "7");
    }
}

#[test]
fn using_is_left_to_v8() {
    let project = Project::new(&[(
        "index.ts",
        "export default { async fetch() { await using a = open(); using b = open(); return b } };\n\
         declare function open(): Disposable & AsyncDisposable;",
    )]);
    let code = code(&project.bundle());
    assert!(
        code.contains("await using a = open()") && code.contains("\tusing b = open()"),
        "{code}"
    );
}

#[test]
fn the_decorators_of_typescript_are_transformed() {
    let source = "function twice(_t: any, _k: string, d: PropertyDescriptor) { const f = d.value; \
                  d.value = function (n: number) { return 2 * f.call(this, n) } }\n\
                  class A { @twice run(n: number) { return n } }\n\
                  export default new A().run(4);";
    let project = Project::new(&[
        ("index.ts", source),
        ("tsconfig.json", r#"{ "compilerOptions": { "experimentalDecorators": true } }"#),
    ]);
    if let Some(output) = project.run() {
        assert_eq!(output, "8");
    }
}

#[test]
fn other_decorators_are_refused_where_they_stand() {
    let project = Project::new(&[(
        "src/index.ts",
        "const logged = (f: any) => f;\nclass A {\n  @logged run() {}\n}\nexport default A;",
    )]);
    let problem = project.problem();
    assert!(problem.contains("src/index.ts:3:3\n"), "{problem}");
    assert!(problem.contains("\"experimentalDecorators\": true"), "{problem}");
}

#[test]
fn an_at_sign_that_decorates_nothing_is_fine() {
    let project = Project::new(&[("index.js", "/** @type {string} */ export default 'a@b.c'")]);
    if let Some(output) = project.run() {
        assert_eq!(output, "\"a@b.c\"");
    }
}

#[test]
fn the_paths_of_tsconfig_are_followed() {
    let project = Project::new(&[
        (
            "src/index.ts",
            "import { a } from '@/lib/a'; import { b } from '~b'; export default [a, b]",
        ),
        ("src/lib/a.ts", "export const a = 'a'"),
        ("other/b.ts", "export const b = 'b'"),
        ("tsconfig.json", r#"{ "extends": "./base.json", "include": ["src"] }"#),
        (
            "base.json",
            r#"{ // with a comment
              "compilerOptions": { "baseUrl": ".", "paths": { "@/*": ["src/*"], "~b": ["other/b.ts"] } } }"#,
        ),
    ]);
    if let Some(output) = project.run() {
        assert_eq!(output, r#"["a","b"]"#);
    }
}

#[test]
fn a_tsconfig_counts_even_when_its_include_leaves_the_entry_out() {
    let project = Project::new(&[
        ("worker/index.ts", "import { a } from '#a'; export default a"),
        ("lib/a.ts", "export const a = 'a'"),
        (
            "tsconfig.json",
            r##"{ "include": ["lib"], "compilerOptions": { "paths": { "#a": ["./lib/a.ts"] } } }"##,
        ),
    ]);
    if let Some(output) = project.run() {
        assert_eq!(output, "\"a\"");
    }
}

#[test]
fn a_tsconfig_of_the_configuration_is_used_instead_of_the_nearest() {
    let project = Project::new(&[
        ("index.ts", "import { a } from 'lib'; export default a"),
        ("a.ts", "export const a = 'right'"),
        ("b.ts", "export const a = 'wrong'"),
        ("tsconfig.json", r#"{ "compilerOptions": { "paths": { "lib": ["./b.ts"] } } }"#),
        ("tsconfig.worker.json", r#"{ "compilerOptions": { "paths": { "lib": ["./a.ts"] } } }"#),
    ])
    .with(|options| options.tsconfig = Some("tsconfig.worker.json".into()));
    if let Some(output) = project.run() {
        assert_eq!(output, "\"right\"");
    }
}

const ELEMENTS: &str = "export default <><p id=\"x\">hi</p></>;";

#[test]
fn jsx_calls_react_unless_something_says_otherwise() {
    let project = Project::new(&[("index.tsx", ELEMENTS)]);
    let code = code(&project.bundle());
    assert!(code.contains("React.createElement(React.Fragment"), "{code}");
}

#[test]
fn jsx_calls_what_the_configuration_says() {
    let project = Project::new(&[(
        "index.jsx",
        "const h = (tag, props, ...c) => [tag, props, c]; const F = 'F';\n\
         export default <><p id=\"x\">hi</p></>;",
    )])
    .with(|options| {
        options.jsx_factory = Some("h".into());
        options.jsx_fragment = Some("F".into());
    });
    if let Some(output) = project.run() {
        assert_eq!(output, r#"["F",null,[["p",{"id":"x"},["hi"]]]]"#);
    }
}

#[test]
fn a_tsconfig_outranks_the_configuration_on_jsx() {
    let project = Project::new(&[
        ("index.tsx", ELEMENTS),
        (
            "tsconfig.json",
            r#"{ "compilerOptions": { "jsx": "react", "jsxFactory": "own.h", "jsxFragmentFactory": "own.F" } }"#,
        ),
    ])
    .with(|options| options.jsx_factory = Some("h".into()));
    let bundle = project.bundle();
    assert!(code(&bundle).contains("own.h(own.F"), "{}", code(&bundle));
    assert_eq!(bundle.warnings, []);
}

#[test]
fn automatic_jsx_imports_from_its_source() {
    let project = Project::new(&[
        ("index.tsx", ELEMENTS),
        (
            "tsconfig.json",
            r#"{ "compilerOptions": { "jsx": "react-jsx", "jsxImportSource": "tiny" } }"#,
        ),
        (
            "node_modules/tiny/jsx-runtime.js",
            "export const jsx = (tag, props) => ({ tag, props }); export const Fragment = '';",
        ),
        ("node_modules/tiny/package.json", r#"{ "name": "tiny", "type": "module" }"#),
    ]);
    if let Some(output) = project.run() {
        assert_eq!(
            output,
            r#"{"tag":"","props":{"children":{"tag":"p","props":{"id":"x","children":"hi"}}}}"#
        );
    }
}

#[test]
fn preserved_jsx_is_transformed_all_the_same() {
    let project = Project::new(&[
        ("index.tsx", ELEMENTS),
        ("tsconfig.json", r#"{ "compilerOptions": { "jsx": "preserve" } }"#),
    ]);
    let bundle = project.bundle();
    assert!(code(&bundle).contains("React.createElement"), "{}", code(&bundle));
    assert_eq!(bundle.warnings, []);
}

#[test]
fn a_script_named_js_may_hold_jsx() {
    let project = Project::new(&[("index.js", "const React = null; export default () => <p/>;")]);
    assert!(code(&project.bundle()).contains("React.createElement(\"p\""));
}

#[test]
fn names_of_classes_and_functions_survive_minifying() {
    let source = "export class Room { }\nfunction helper() {}\n\
                  export default [Room.name, helper.name, (() => { class Inner {} return Inner.name })()];";
    let project = Project::new(&[("index.js", source)]).with(|options| options.minify = true);
    let bundle = project.bundle();
    assert_eq!(bundle.exports, ["Room", "default"]);
    assert!(code(&bundle).lines().count() < 5, "{}", code(&bundle));
    if let Some(output) = project.run() {
        assert_eq!(output, r#"["Room","helper","Inner"]"#);
    }
}

#[test]
fn two_classes_of_one_name_keep_it() {
    let project = Project::new(&[
        (
            "index.js",
            "import { Room as A } from './a'; import { Room as B } from './b';\n\
             export { A, B }; export default [A.name, B.name];",
        ),
        ("a.js", "export class Room { a() {} }"),
        ("b.js", "export class Room { b() {} }"),
    ]);
    if let Some(output) = project.run() {
        assert_eq!(output, r#"["Room","Room"]"#);
    }
}

#[test]
fn a_dynamic_import_is_in_the_same_module() {
    let project = Project::new(&[
        (
            "index.ts",
            "const order: string[] = []; (globalThis as any).order = order;\n\
             order.push('start'); const { lazy } = await import('./lazy'); order.push(lazy);\n\
             export default order;",
        ),
        ("lazy.ts", "(globalThis as any).order.push('loaded'); export const lazy = 'lazy'"),
    ]);
    let bundle = project.bundle();
    assert_eq!(bundle.modules.len(), 1);
    if let Some(output) = run(&bundle, "JSON.stringify(main.default)") {
        assert_eq!(output, r#"["start","loaded","lazy"]"#);
    }
}

#[test]
fn exports_of_the_entry_stay_and_others_go() {
    let project = Project::new(&[
        (
            "index.ts",
            "export { Room } from './room'; export * from './more';\n\
             export type Only = string; export default { fetch() {} };",
        ),
        ("room.ts", "export class Room {}\nexport const unused = 'UNUSED';"),
        ("more.ts", "export class Lobby {}"),
    ]);
    let bundle = project.bundle();
    let mut exports = bundle.exports.clone();
    exports.sort();
    assert_eq!(exports, ["Lobby", "Room", "default"]);
    assert!(!code(&bundle).contains("UNUSED"));
}
