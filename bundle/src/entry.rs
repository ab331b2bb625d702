//! The entry: whether it is there, and how the Worker is written.

use std::path::{Path, PathBuf};

use oxc_allocator::Allocator;
use oxc_ast::ast::{
    CallExpression, Declaration, ExportDefaultDeclarationKind, ExportSpecifier, Expression,
    Program, Statement,
};
use oxc_ast_visit::{Visit, walk};
use oxc_parser::Parser;
use oxc_span::SourceType;

use crate::nesting;
use crate::options::{Format, Options};
use crate::problem::{Problem, shown};

/// The entry, read.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) path: PathBuf,
    pub(crate) format: Format,
    pub(crate) warning: Option<Problem>,
}

impl Entry {
    /// Finds the entry and guesses how the Worker is written.
    pub(crate) fn read(options: &Options) -> Result<Self, Problem> {
        let path = options.root.join(&options.entry);
        let file = shown(&options.root, &path);
        if path.is_dir() {
            return Err(Problem::new(format!("the Worker's main module {file} is a folder"))
                .with_hint("name the file in it that holds the Worker"));
        }
        if path.extension().is_some_and(|extension| extension == "py") {
            return Err(Problem::new("Selvedge does not run Python Workers").in_file(file));
        }
        let bytes = std::fs::read(&path).map_err(|error| {
            let missing = error.kind() == std::io::ErrorKind::NotFound;
            let what = if missing { "does not exist".into() } else { error.to_string() };
            Problem::new(format!("the Worker's main module {file} {what}"))
                .with_hint_if(missing.then(|| similar_file(&path)).flatten())
        })?;
        let Ok(text) = String::from_utf8(bytes) else {
            return Err(Problem::new("the Worker's main module is not text").in_file(file));
        };
        let (format, warning) = match options.format {
            Some(format) => (format, None),
            None => guess(&path, &text, &file),
        };
        Ok(Self { path, format, warning })
    }
}

/// "did you mean" for a file that is not there.
pub(crate) fn similar_file(path: &Path) -> Option<String> {
    /// As similar as clap wants its suggestions to be.
    const ALIKE: f64 = 0.7;
    let wanted = path.file_name()?.to_string_lossy().into_owned();
    let names = std::fs::read_dir(path.parent()?).ok()?.filter_map(|entry| {
        let entry = entry.ok().filter(|entry| entry.path().is_file())?;
        Some(entry.file_name().to_string_lossy().into_owned())
    });
    let (_, near) = names
        .map(|name| (strsim::jaro(&wanted, &name), name))
        .filter(|(similarity, _)| *similarity > ALIKE)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))?;
    Some(format!("did you mean \"{near}\"?"))
}

/// What wrangler would take the Worker for. A file that does not parse counts as a
/// module: bundling will say what is wrong with it.
fn guess(path: &Path, text: &str, file: &str) -> (Format, Option<Problem>) {
    if nesting::too_deep(text).is_some() {
        return (Format::Modules, None);
    }
    let source_type = SourceType::from_path(path).unwrap_or_default();
    // Any script may hold JSX; in TypeScript, `<T>` may be a cast instead.
    let source_type =
        if source_type.is_typescript() { source_type } else { source_type.with_jsx(true) };
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, text, source_type.with_module(true)).parse();
    if parsed.diagnostics.errors().next().is_some() {
        return (Format::Modules, None);
    }
    match exports(&parsed.program) {
        Exports::None => (Format::ServiceWorker, None),
        Exports::Named if listens(&parsed.program) => {
            // wrangler's text.
            let warning = Problem::new(format!(
                "The entrypoint {file} has exports like an ES Module, but hasn't defined a \
                 default export like a module worker normally would. Building the worker using \
                 \"service-worker\" format..."
            ));
            (Format::ServiceWorker, Some(warning))
        }
        Exports::Named | Exports::Default => (Format::Modules, None),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Exports {
    None,
    Named,
    Default,
}

/// What of the exports is there at run time.
fn exports(program: &Program<'_>) -> Exports {
    let found = program.body.iter().map(|statement| match statement {
        Statement::ExportDefaultDeclaration(export) => match export.declaration {
            ExportDefaultDeclarationKind::TSInterfaceDeclaration(_) => Exports::None,
            _ => Exports::Default,
        },
        // What the other file exports is not known here, but no default.
        Statement::ExportAllDeclaration(export) if export.export_kind.is_value() => Exports::Named,
        Statement::ExportDeclaration(export) if is_value(&export.declaration) => Exports::Named,
        Statement::ExportFromDeclaration(export) if export.export_kind.is_value() => {
            of_specifiers(&export.specifiers)
        }
        Statement::ExportNamedDeclaration(export) if export.export_kind.is_value() => {
            of_specifiers(&export.specifiers)
        }
        _ => Exports::None,
    });
    found.max().unwrap_or(Exports::None)
}

fn of_specifiers(specifiers: &[ExportSpecifier<'_>]) -> Exports {
    let values = specifiers.iter().filter(|specifier| specifier.export_kind.is_value());
    let each = values.map(|specifier| match specifier.exported.name().as_str() {
        "default" => Exports::Default,
        _ => Exports::Named,
    });
    each.max().unwrap_or(Exports::None)
}

fn is_value(declaration: &Declaration<'_>) -> bool {
    !declaration.is_type() && !declaration.declare()
}

/// Whether the file itself calls the global `addEventListener`.
fn listens(program: &Program<'_>) -> bool {
    struct Finder(bool);
    impl<'a> Visit<'a> for Finder {
        fn visit_call_expression(&mut self, call: &CallExpression<'a>) {
            let is_global = |object: &Expression<'_>| {
                matches!(object, Expression::Identifier(name)
                    if name.name == "self" || name.name == "globalThis")
            };
            self.0 |= match &call.callee {
                Expression::Identifier(name) => name.name == "addEventListener",
                Expression::StaticMemberExpression(member) => {
                    member.property.name == "addEventListener" && is_global(&member.object)
                }
                _ => false,
            };
            walk::walk_call_expression(self, call);
        }
    }
    let mut finder = Finder(false);
    finder.visit_program(program);
    finder.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format_of(name: &str, text: &str) -> Format {
        guess(Path::new(name), text, name).0
    }

    #[test]
    fn a_default_export_makes_modules() {
        for text in [
            "export default {}",
            "const a = {}; export { a as default }",
            "export { default } from './app'",
            "addEventListener('fetch', () => {}); export default {}",
            "export class Room {}",
            "export * from './app'",
        ] {
            assert_eq!(format_of("a.ts", text), Format::Modules, "{text}");
        }
    }

    #[test]
    fn what_exports_nothing_at_run_time_is_a_service_worker() {
        for text in [
            "addEventListener('fetch', event => {})",
            "import './x'; self.addEventListener('fetch', event => {})",
            "export {}; addEventListener('fetch', (event: FetchEvent) => {})",
            "export type A = 1; export interface B {} addEventListener('fetch', () => {})",
            "export type { A } from './a'; addEventListener('fetch', () => {})",
            "export declare const x: number; addEventListener('fetch', () => {})",
        ] {
            assert_eq!(format_of("a.ts", text), Format::ServiceWorker, "{text}");
        }
    }

    #[test]
    fn named_exports_beside_a_listener_are_a_service_worker_with_a_warning() {
        let text = "export const x = 1; addEventListener('fetch', () => {})";
        let (format, warning) = guess(Path::new("src/a.js"), text, "src/a.js");
        assert_eq!(format, Format::ServiceWorker);
        assert!(warning.is_some_and(|warning| warning.message.contains("src/a.js has exports")));
    }

    #[test]
    fn a_file_that_does_not_parse_counts_as_a_module() {
        assert_eq!(format_of("a.js", "export const const"), Format::Modules);
    }
}
