//! From a bundle back to its sources.

use crate::harness::{Project, code, run};

const THROWS: &str = "interface Input {\n  n: number;\n}\n\n\
                      export function fail(input: Input): never {\n  \
                      const text: string = `no ${input.n}`;\n  throw new Error(text);\n}\n";

fn project() -> Project {
    Project::new(&[
        (
            "src/index.ts",
            "import { fail } from './lib/fail';\nimport { old } from 'p';\n\
             type T = { a: string };\nexport const run = (t: T) => { old(); fail({ n: t.a.length }); };\nexport default run;",
        ),
        ("src/lib/fail.ts", THROWS),
        ("node_modules/p/index.js", "exports.old = () => 1;"),
    ])
}

/// Line and column of `needle`, from 1.
fn position(text: &str, needle: &str) -> (u32, u32) {
    let at = text.find(needle).unwrap_or_else(|| panic!("{needle} is not in {text}"));
    let line = text[..at].matches('\n').count() + 1;
    let column = at - text[..at].rfind('\n').map_or(0, |at| at + 1) + 1;
    (line.try_into().expect("few lines"), column.try_into().expect("few columns"))
}

#[test]
fn a_thrown_errors_place_maps_to_the_typescript() {
    let bundle = project().bundle();
    let (line, column) = position(&code(&bundle), "new Error(text)");
    let original = bundle.source_map.original(line, column).expect("it is mapped");
    assert_eq!((original.file, original.line, original.column), ("src/lib/fail.ts", 7, 9));
    assert_eq!(bundle.source_map.source_text(original.file), Some(THROWS));
}

#[test]
fn a_stack_of_v8_maps_to_the_typescript() {
    for minify in [false, true] {
        let bundle = project().with(|options| options.minify = minify).bundle();
        let script =
            "(() => { try { main.run({ a: 'xy' }) } catch (error) { return error.stack } })()";
        let Some(stack) = run(&bundle, script) else { return };
        let places: Vec<_> = stack
            .lines()
            .filter(|line| line.contains("index.js:"))
            .map(|line| {
                let mut parts = line.trim_end_matches(')').rsplit(':');
                let column = parts.next().and_then(|part| part.parse().ok()).expect("a column");
                let line = parts.next().and_then(|part| part.parse().ok()).expect("a line");
                let original = bundle.source_map.original(line, column).expect("it is mapped");
                (original.file.to_owned(), original.line)
            })
            .take(2)
            .collect();
        assert_eq!(
            places,
            [("src/lib/fail.ts".to_owned(), 7), ("src/index.ts".to_owned(), 4)],
            "minify: {minify}\n{stack}"
        );
    }
}

#[test]
fn the_map_is_in_the_common_format() {
    let bundle = project().bundle();
    let json = bundle.source_map.to_json();
    assert!(json.starts_with("{\"version\":3,\"file\":\"index.js\""), "{json}");
    assert!(json.contains("\"sourcesContent\":["), "{json}");
    let sources: Vec<_> = bundle.source_map.sources().collect();
    for source in ["src/index.ts", "src/lib/fail.ts", "node_modules/p/index.js"] {
        assert!(sources.contains(&source), "{source} is not in {sources:?}");
    }
    assert!(json.contains("x_google_ignoreList"), "{json}");
    assert!(
        !code(&bundle).contains("sourceMappingURL"),
        "who writes the file says where its map is"
    );
}

#[test]
fn places_outside_of_the_bundle_map_to_nothing() {
    let map = project().bundle().source_map;
    for (line, column) in [(0, 1), (1, 0), (u32::MAX, 1)] {
        assert_eq!(map.original(line, column), None);
    }
}
