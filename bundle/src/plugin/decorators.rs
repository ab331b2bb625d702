//! Decorators of the proposal that V8 does not have and oxc does not transform.

use std::path::Path;

use oxc_ast::ast::Decorator;
use oxc_ast_visit::Visit;
use oxc_span::GetSpan as _;
use rolldown_plugin::{HookTransformAstArgs, PluginContext};

use super::WorkersPlugin;
use crate::problem::Problem;

/// Finds the first decorator.
struct Finder(Option<usize>);

impl<'a> Visit<'a> for Finder {
    fn visit_decorator(&mut self, decorator: &Decorator<'a>) {
        self.0.get_or_insert(decorator.span().start as usize);
    }
}

impl WorkersPlugin {
    /// Notes a problem when a module has decorators that would stay in the bundle.
    pub(super) fn check_decorators(&self, ctx: &PluginContext, args: &HookTransformAstArgs<'_>) {
        let text = args.ast.source().as_str();
        if !text.contains('@') {
            return;
        }
        let mut finder = Finder(None);
        finder.visit_program(args.ast.program());
        let Some(offset) = finder.0 else { return };
        let options = &ctx.options().transform_options;
        let transformed = options
            .options_for_file(Some(Path::new(args.id)), &mut Vec::new())
            .is_ok_and(|options| options.decorator.legacy);
        if transformed {
            return;
        }
        let problem = Problem::new("decorators of this kind are not supported yet")
            .at(self.0.shown(args.id), text, offset)
            .with_hint(
                "set \"experimentalDecorators\": true in tsconfig.json when these are \
                 TypeScript's decorators; those of the standard proposal are not transformed",
            );
        self.0.found().problems.push(problem);
    }
}
