//! Which modules a file imports, found by parsing it.

use oxc_allocator::Allocator;
use oxc_ast::ast::{
    ArrowFunctionExpression, CallExpression, ExportAllDeclaration, ExportFromDeclaration,
    Expression, FormalParameters, Function, ImportDeclaration, ImportExpression, StringLiteral,
    TryStatement,
};
use oxc_ast_visit::{Visit, walk};
use oxc_parser::{ParseOptions, Parser};
use oxc_span::{GetSpan, SourceType};
use oxc_syntax::scope::ScopeFlags;

/// What a file is parsed as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    Module,
    /// A main module: what does not parse as a module may be a script with
    /// `addEventListener("fetch", ..)`.
    ModuleOrScript,
    CommonJs,
}

/// How a file asks for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// `import` and `export .. from`: without it the file does not run.
    Static,
    /// `import()`, when the code gets there.
    Dynamic,
    /// `require()`, when the code gets there.
    Require,
}

/// One place that asks for a module by a literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) specifier: String,
    /// The byte where the literal starts.
    pub(super) offset: usize,
    pub(super) how: How,
    /// Whether the code is prepared not to get it: `try`, or `.catch()`.
    pub(super) guarded: bool,
}

/// Why a file is not JavaScript.
#[derive(Debug)]
pub(super) struct SyntaxError {
    pub(super) message: String,
    pub(super) offset: usize,
    pub(super) help: Option<String>,
}

/// Parses a file and lists what it imports, in the order of the file.
pub(super) fn scan(text: &str, syntax: Syntax) -> Result<Vec<Import>, SyntaxError> {
    if let Some(offset) = too_deep(text) {
        let message = "too many brackets inside of each other".into();
        return Err(SyntaxError { message, offset, help: None });
    }
    match syntax {
        Syntax::Module => scan_as(text, SourceType::mjs()),
        Syntax::CommonJs => scan_as(text, SourceType::cjs()),
        Syntax::ModuleOrScript => scan_as(text, SourceType::mjs())
            .or_else(|error| scan_as(text, SourceType::script()).map_err(|_| error)),
    }
}

/// Deeper than V8 itself parses (some thousand), and less deep than the
/// parser's stack.
const MAX_DEPTH: usize = 100_000;

/// The first byte that stands deeper than [`MAX_DEPTH`]. Brackets in strings
/// count, but mostly close again.
fn too_deep(text: &str) -> Option<usize> {
    let (mut depth, mut prefixes) = (0usize, 0usize);
    for (offset, byte) in text.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        prefixes = if matches!(byte, b'!' | b'~') { prefixes + 1 } else { 0 };
        if depth + prefixes > MAX_DEPTH {
            return Some(offset);
        }
    }
    None
}

fn scan_as(text: &str, source_type: SourceType) -> Result<Vec<Import>, SyntaxError> {
    let allocator = Allocator::default();
    let commonjs = source_type.is_commonjs();
    let options = ParseOptions { allow_return_outside_function: commonjs, ..Default::default() };
    let parsed = Parser::new(&allocator, text, source_type).with_options(options).parse();
    if let Some(error) = parsed.diagnostics.errors().next() {
        return Err(SyntaxError {
            message: error.message.to_string(),
            offset: error.labels.first().map_or(0, |label| label.offset() as usize),
            help: error.help.as_ref().map(ToString::to_string),
        });
    }
    let mut scanner = Scanner { imports: Vec::new(), commonjs, guards: 0, own_require: 0 };
    scanner.visit_program(&parsed.program);
    scanner.imports.sort_by_key(|import| import.offset);
    Ok(scanner.imports)
}

struct Scanner {
    imports: Vec<Import>,
    commonjs: bool,
    /// How many `try` blocks and `.catch()` calls are around.
    guards: usize,
    /// How many functions around have a parameter `require`, as bundles do.
    own_require: usize,
}

impl Scanner {
    fn found(&mut self, specifier: &str, offset: u32, how: How) {
        self.imports.push(Import {
            specifier: specifier.to_owned(),
            offset: offset as usize,
            how,
            guarded: self.guards > 0,
        });
    }

    fn found_statement(&mut self, source: &StringLiteral<'_>) {
        self.found(&source.value, source.span.start, How::Static);
    }

    fn in_function(&mut self, params: &FormalParameters<'_>, walk: impl FnOnce(&mut Self)) {
        let shadows = params.items.iter().any(|param| {
            param.pattern.get_binding_identifier().is_some_and(|name| name.name == "require")
        });
        self.own_require += usize::from(shadows);
        walk(self);
        self.own_require -= usize::from(shadows);
    }
}

/// The text of a string literal or of a template without parts.
fn literal(expression: &Expression<'_>) -> Option<String> {
    match expression {
        Expression::StringLiteral(literal) => Some(literal.value.to_string()),
        Expression::TemplateLiteral(template) if template.expressions.is_empty() => {
            template.quasis.first()?.value.cooked.as_ref().map(ToString::to_string)
        }
        _ => None,
    }
}

impl<'a> Visit<'a> for Scanner {
    fn visit_import_declaration(&mut self, it: &ImportDeclaration<'a>) {
        self.found_statement(&it.source);
    }

    fn visit_export_from_declaration(&mut self, it: &ExportFromDeclaration<'a>) {
        self.found_statement(&it.source);
    }

    fn visit_export_all_declaration(&mut self, it: &ExportAllDeclaration<'a>) {
        self.found_statement(&it.source);
    }

    fn visit_import_expression(&mut self, it: &ImportExpression<'a>) {
        if let Some(specifier) = literal(&it.source) {
            self.found(&specifier, it.source.span().start, How::Dynamic);
        }
        walk::walk_import_expression(self, it);
    }

    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        if self.commonjs
            && self.own_require == 0
            && it.callee.is_specific_id("require")
            && let [argument] = &it.arguments[..]
            && let Some(specifier) = argument.as_expression().and_then(literal)
        {
            self.found(&specifier, argument.span().start, How::Require);
        }
        let method = it.callee.get_member_expr().and_then(|member| member.static_property_name());
        let catches = match method {
            Some("catch") => true,
            Some("then") => it.arguments.len() > 1,
            _ => false,
        };
        self.guards += usize::from(catches);
        self.visit_expression(&it.callee);
        self.guards -= usize::from(catches);
        self.visit_arguments(&it.arguments);
    }

    fn visit_try_statement(&mut self, it: &TryStatement<'a>) {
        let catches = it.handler.is_some();
        self.guards += usize::from(catches);
        self.visit_block_statement(&it.block);
        self.guards -= usize::from(catches);
        if let Some(handler) = &it.handler {
            self.visit_catch_clause(handler);
        }
        if let Some(finalizer) = &it.finalizer {
            self.visit_block_statement(finalizer);
        }
    }

    fn visit_function(&mut self, it: &Function<'a>, flags: ScopeFlags) {
        self.in_function(&it.params, |scanner| walk::walk_function(scanner, it, flags));
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        self.in_function(&it.params, |scanner| {
            walk::walk_arrow_function_expression(scanner, it);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, syntax: Syntax) -> Vec<(String, How, bool)> {
        scan(text, syntax)
            .expect("it parses")
            .into_iter()
            .map(|import| (import.specifier, import.how, import.guarded))
            .collect()
    }

    #[test]
    fn imports_and_exports_are_found_and_lookalikes_are_not() {
        let text = "import a, { b } from './a.js';\n\
            import './side.js';\n\
            export * from \"./all.js\";\n\
            export * as ns from './ns.js';\n\
            export { c } from './c.js';\n\
            import data from './d.json' with { type: 'json' };\n\
            // import no from './comment.js'\n\
            const s = \"import x from './string.js'\", r = /import '.\\/regex.js'/;\n\
            const t = `import('./template.js')`;\n\
            require('./not-commonjs.js');\n\
            export { a };\n";
        let names: Vec<_> =
            found(text, Syntax::Module).into_iter().map(|(name, ..)| name).collect();
        assert_eq!(names, ["./a.js", "./side.js", "./all.js", "./ns.js", "./c.js", "./d.json"]);
    }

    #[test]
    fn an_import_knows_its_place() {
        let imports = scan("let x;\nimport a from './a.js';", Syntax::Module).expect("it parses");
        assert_eq!(imports[0].offset, 21);
    }

    #[test]
    fn dynamic_imports_of_literals_are_found() {
        let text = "async function f(x) { await import('./a.js'); import(`./b.js`); import(x); \
            import('./c' + x); import(`./${x}.js`) }";
        assert_eq!(
            found(text, Syntax::Module),
            [("./a.js".into(), How::Dynamic, false), ("./b.js".into(), How::Dynamic, false)]
        );
    }

    #[test]
    fn prepared_code_is_guarded() {
        let text = "try { await import('./a.js') } catch { import('./b.js') }\n\
            import('./c.js').catch(() => 0); import('./d.js').then(f); import('./e.js').then(f, g);\n\
            try { import('./f.js') } finally {}\n\
            x.catch(() => import('./g.js'));";
        let guarded: Vec<_> = found(text, Syntax::Module)
            .into_iter()
            .filter(|(.., guarded)| *guarded)
            .map(|(name, ..)| name)
            .collect();
        assert_eq!(guarded, ["./a.js", "./c.js", "./e.js"]);
    }

    #[test]
    fn require_counts_where_it_is_the_modules_own() {
        let text = "const a = require('./a'); if (x) return require(`./b`);\n\
            (function (require) { require('./c') }); ((require) => require('./d'));\n\
            require(x); require.resolve('./e'); with (a) {}";
        assert_eq!(
            found(text, Syntax::CommonJs),
            [("./a".into(), How::Require, false), ("./b".into(), How::Require, false)]
        );
    }

    #[test]
    fn a_script_may_be_a_main_module_only() {
        let script = "var await = 1; addEventListener('fetch', e => e.respondWith(f()));";
        assert!(scan(script, Syntax::ModuleOrScript).is_ok());
        assert!(scan(script, Syntax::Module).is_err());
        let error = scan("let a = ;\n", Syntax::ModuleOrScript).expect_err("not JavaScript");
        assert_eq!(error.offset, 8, "{error:?}");
    }

    #[test]
    fn a_long_chain_does_not_end_the_process() {
        let worker = std::thread::Builder::new().stack_size(super::super::PARSER_STACK_BYTES);
        let done = worker.spawn(|| {
            let chain = format!("x = {}1", "1 + ".repeat(50_000));
            assert!(scan(&chain, Syntax::ModuleOrScript).is_ok());
            for level in ["(", "[", "{", "!", "a=>", "a?a:", "`${", "if(a);else "] {
                let _ = scan(&level.repeat(MAX_DEPTH), Syntax::Module);
            }
            for level in ["(", "[", "{", "!", "`${"] {
                assert!(scan(&level.repeat(10 * MAX_DEPTH), Syntax::Module).is_err());
            }
        });
        done.expect("a thread").join().expect("no overflow");
    }
}
