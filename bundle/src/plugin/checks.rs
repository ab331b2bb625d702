//! What would stay in a bundle and fail there: found while the source is at hand.

use std::path::Path;

use oxc_ast::ast::{Decorator, Expression, ImportExpression};
use oxc_ast_visit::{Visit, walk};
use oxc_span::GetSpan as _;
use rolldown_plugin::{HookTransformAstArgs, PluginContext};

use super::WorkersPlugin;
use crate::problem::Problem;

/// The first place of each kind.
#[derive(Default)]
struct Finder {
    decorator: Option<usize>,
    pattern: Option<usize>,
}

impl<'a> Visit<'a> for Finder {
    fn visit_decorator(&mut self, decorator: &Decorator<'a>) {
        self.decorator.get_or_insert(decorator.span().start as usize);
        walk::walk_decorator(self, decorator);
    }

    fn visit_import_expression(&mut self, import: &ImportExpression<'a>) {
        if is_pattern(&import.source) {
            self.pattern.get_or_insert(import.source.span().start as usize);
        }
        walk::walk_import_expression(self, import);
    }
}

/// Whether this names files of a folder, as `./lang/${name}.js`.
fn is_pattern(source: &Expression<'_>) -> bool {
    let is_path = |text: &str| text.starts_with("./") || text.starts_with("../");
    match source {
        Expression::TemplateLiteral(template) if !template.expressions.is_empty() => {
            template.quasis.first().is_some_and(|text| is_path(&text.value.raw))
        }
        Expression::BinaryExpression(sum) => match &sum.left {
            Expression::StringLiteral(text) => is_path(&text.value),
            left => is_pattern(left),
        },
        _ => false,
    }
}

impl WorkersPlugin {
    /// Notes decorators that nothing transforms, and imports that nothing will find.
    pub(super) fn check(&self, ctx: &PluginContext, args: &HookTransformAstArgs<'_>) {
        let text = args.ast.source().as_str();
        let own = !args.id.contains("/node_modules/");
        let patterns = own && !self.0.options.find_additional_modules && text.contains("import");
        if !text.contains('@') && !patterns {
            return;
        }
        let mut finder = Finder::default();
        finder.visit_program(args.ast.program());
        if let Some(offset) = finder.decorator
            && !transforms_decorators(ctx, args.id)
        {
            let problem = Problem::new("decorators of this kind are not supported yet")
                .at(self.0.shown(args.id), text, offset)
                .with_hint(
                    "set \"experimentalDecorators\": true in tsconfig.json when these are \
                     TypeScript's decorators; those of the standard proposal are not transformed",
                );
            self.0.found().problems.push(problem);
        }
        if let Some(offset) = finder.pattern.filter(|_| patterns) {
            let problem = Problem::new("this import() is left as it is, and will find no file")
                .at(self.0.shown(args.id), text, offset)
                .with_hint(
                    "import the files by their names, or set `find_additional_modules` and a \
                     rule for them",
                );
            self.0.found().warnings.push(problem);
        }
    }
}

fn transforms_decorators(ctx: &PluginContext, id: &str) -> bool {
    let options = &ctx.options().transform_options;
    let options = options.options_for_file(Some(Path::new(id)), &mut Vec::new());
    options.is_ok_and(|options| options.decorator.legacy)
}
