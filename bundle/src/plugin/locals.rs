//! Local names that rolldown would give a second time.
//!
//! A module with `require()` becomes a function of the name `require_FILE`. Where a module has
//! a local of that name, rolldown 1.2 renames it to `require_FILE$1`, also if the module has a
//! local of that name, too, which then is declared twice. Packages that rolldown itself made
//! have such names (`@opentelemetry/api`, and with it `redis`). Here the second one gets
//! another name before. Later versions look for it, but need a newer compiler than we do.

use oxc_allocator::Allocator;
use oxc_ast::ast::{
    AssignmentTargetPropertyIdentifier, BindingIdentifier, BindingPattern, BindingProperty,
    Expression, IdentifierReference, ObjectProperty,
};
use oxc_ast_visit::{Visit, VisitMut, walk_mut};
use rolldown_ecmascript::EcmaAst;

/// Renames them, if there are any.
pub(super) fn rename(ast: &mut EcmaAst) {
    if !ast.source().contains("require_") || !ast.source().contains("require(") {
        return;
    }
    let mut finder = Finder::default();
    finder.visit_program(ast.program());
    if !finder.found || finder.assigned {
        return;
    }
    ast.program.with_mut(|fields| {
        let mut renamer = Renamer { allocator: fields.allocator, source: fields.source };
        renamer.visit_program(fields.program);
    });
}

/// Whether rolldown may give this name to a local: that of a wrapper, `$` and a number.
fn is_taken(name: &str) -> bool {
    name.strip_prefix("require_").and_then(|rest| rest.rsplit_once('$')).is_some_and(
        |(_, number)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()),
    )
}

#[derive(Default)]
struct Finder {
    found: bool,
    /// `({ require_a$1 } = value)`: there is no name beside it that could stay.
    assigned: bool,
}

impl<'a> Visit<'a> for Finder {
    fn visit_binding_identifier(&mut self, local: &BindingIdentifier<'a>) {
        self.found |= is_taken(&local.name);
    }

    fn visit_assignment_target_property_identifier(
        &mut self,
        property: &AssignmentTargetPropertyIdentifier<'a>,
    ) {
        self.assigned |= is_taken(&property.binding.name);
    }
}

struct Renamer<'s, 'a> {
    allocator: &'a Allocator,
    source: &'s str,
}

impl<'a> Renamer<'_, 'a> {
    /// A name of the same length, or one that is longer if the module has that one.
    fn renamed(&self, name: &str) -> Option<&'a str> {
        if !is_taken(name) {
            return None;
        }
        let (stem, number) = name.rsplit_once('$')?;
        let mut new = format!("{stem}_{number}");
        while self.source.contains(&new) {
            new.push('_');
        }
        Some(self.allocator.alloc_str(&new))
    }
}

impl<'a> VisitMut<'a> for Renamer<'_, 'a> {
    fn visit_binding_identifier(&mut self, local: &mut BindingIdentifier<'a>) {
        if let Some(name) = self.renamed(&local.name) {
            local.name = name.into();
        }
    }

    fn visit_identifier_reference(&mut self, reference: &mut IdentifierReference<'a>) {
        if let Some(name) = self.renamed(&reference.name) {
            reference.name = name.into();
        }
    }

    fn visit_object_property(&mut self, property: &mut ObjectProperty<'a>) {
        if let Expression::Identifier(value) = &property.value {
            property.shorthand &= !is_taken(&value.name);
        }
        walk_mut::walk_object_property(self, property);
    }

    fn visit_binding_property(&mut self, property: &mut BindingProperty<'a>) {
        if let BindingPattern::BindingIdentifier(value) = &property.value {
            property.shorthand &= !is_taken(&value.name);
        }
        walk_mut::walk_binding_property(self, property);
    }
}

#[cfg(test)]
mod tests {
    use super::is_taken;

    #[test]
    fn names_of_wrappers_with_a_number_are_taken() {
        assert!(is_taken("require_context$1") && is_taken("require_a$b$12"));
        for name in ["require_context", "require_context$", "require_a$b", "context$1"] {
            assert!(!is_taken(name), "{name}");
        }
    }
}
