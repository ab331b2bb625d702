//! `durable_objects`, `migrations` and `exports`: from the configuration to the
//! namespaces of a data folder.

#[cfg(test)]
mod tests;

use selvedge_durable::catalog::{ApplyError, Catalog, Strictness};
use selvedge_durable::config::{
    BindingConfig, Config as Declared, Lifecycle, Migration, Misfit, Place, Step,
};
use selvedge_runtime::ExpectedClass;

use crate::backends::BackendError;
use crate::config::{Config, Diagnostic, Section};

/// What a configuration says of Durable Objects, checked, and where it says so.
#[derive(Debug, Clone, Default)]
pub struct DurableObjects {
    declared: Declared,
    /// The Worker's name.
    script: String,
    sections: Vec<Section>,
}

impl DurableObjects {
    /// Reads a configuration; gives warnings too.
    ///
    /// # Errors
    /// When it is not valid, or contradicts itself.
    pub(crate) fn configured(config: &Config) -> Result<(Self, Vec<String>), Diagnostic> {
        let sections: Vec<Section> = selvedge_durable::config::KEYS
            .iter()
            .filter_map(|key| config.section(key).cloned())
            .collect();
        let section = |key: &str| sections.iter().find(|section| section.key() == key);
        let objects: Option<selvedge_durable::config::DurableObjects> =
            section("durable_objects").map(Section::read).transpose()?;
        let migrations: Vec<Migration> =
            section("migrations").map_or(Ok(Vec::new()), Section::read)?;
        let exports = section("exports").map(Section::to_json);
        let told = |misfit: Misfit| diagnostic(&sections, &misfit);
        let declared = Declared {
            bindings: objects.map_or(Vec::new(), |objects| objects.bindings),
            lifecycle: Lifecycle::of(migrations, exports.as_ref()).map_err(told)?,
        };
        declared.check(&config.name).map_err(told)?;
        let mut warnings = undeclared(&declared, &config.name, &sections);
        warnings.extend(section("exports").map_or(Ok(Vec::new()), idle_exports)?);
        Ok((Self { declared, script: config.name.clone(), sections }, warnings))
    }

    /// The bindings, in their order.
    pub(crate) fn bindings(&self) -> &[BindingConfig] {
        &self.declared.bindings
    }

    /// The classes that the Worker is to export.
    pub(crate) fn expected_classes(&self) -> Vec<ExpectedClass> {
        let bound = self.bindings().iter().filter(|binding| binding.is_own(&self.script));
        let bound = bound.map(|binding| {
            let class = &binding.class_name;
            (
                class.clone(),
                format!(
                    "Cannot create binding for class {class} that is not exported by the script"
                ),
            )
        });
        let declared = self.declared.lifecycle.classes().unwrap_or_default().into_keys();
        let declared = declared.map(|class| {
            let text = format!(
                "Cannot apply new-class migration to class {class} that is not exported by script"
            );
            (class, text)
        });
        let mut classes: Vec<ExpectedClass> = Vec::new();
        for (name, missing) in bound.chain(declared) {
            if classes.iter().all(|class| class.name != name) {
                classes.push(ExpectedClass { name, missing, is_optional: true });
            }
        }
        classes
    }

    /// Whether there is anything to apply.
    pub(crate) fn is_empty(&self) -> bool {
        self.declared == Declared::default()
    }

    /// Makes the namespaces of a data folder what the configuration says. Gives
    /// notes for the user.
    ///
    /// # Errors
    /// [`BackendError::Refused`] at what does not fit the data that is there.
    pub(crate) fn apply(
        &self,
        catalog: &Catalog,
        strictness: Strictness,
    ) -> Result<Vec<String>, BackendError> {
        catalog.apply(&self.script, &self.declared, strictness).map_err(|error| match error {
            ApplyError::Refused(misfit) => {
                BackendError::Refused(Box::new(diagnostic(&self.sections, &misfit)))
            }
            ApplyError::Store(error) => error.into(),
        })
    }
}

/// Warnings of classes that are bound and not declared.
fn undeclared(declared: &Declared, script: &str, sections: &[Section]) -> Vec<String> {
    let classes = declared.undeclared(script);
    let warning = |class: &str| {
        let binding = declared
            .bindings
            .iter()
            .position(|binding| binding.is_own(script) && binding.class_name == class)?;
        let at = locate(sections, &Place::binding(binding, "class_name"))?;
        Some(at.warning(&format!(
            "the class \"{class}\" is bound, but neither `migrations` nor `exports` declares it: \
             it works here without `storage.sql`, and would not work on Cloudflare; declare it \
             with `new_sqlite_classes` in `migrations`"
        )))
    };
    classes.into_iter().filter_map(warning).collect()
}

/// Warnings of what stands in `exports` and nothing acts on yet.
fn idle_exports(exports: &Section) -> Result<Vec<String>, Diagnostic> {
    let mut warnings = Vec::new();
    for (_, export) in exports.entries()? {
        let idle = |section: &Section| {
            section.warning(&format!("Selvedge does not act on \"{}\" yet", section.name()))
        };
        if let Some(container) = export.get("container") {
            warnings.push(idle(&container));
        }
    }
    Ok(warnings)
}

/// A misfit at its place in the file.
fn diagnostic(sections: &[Section], misfit: &Misfit) -> Diagnostic {
    let diagnostic = match locate(sections, &misfit.place) {
        Some(section) => section.error(misfit.message.clone()),
        None => Diagnostic::new(misfit.message.clone()),
    };
    diagnostic.with_hint_if(misfit.hint.clone())
}

/// The value at a place, or the nearest one around it that is there.
fn locate(sections: &[Section], place: &Place) -> Option<Section> {
    let mut at = sections.iter().find(|section| section.key() == place.key)?.clone();
    for step in &place.steps {
        let below = match step {
            Step::Key(key) => at.get(key),
            Step::Item(index) => at.items().ok().and_then(|items| items.into_iter().nth(*index)),
        };
        match below {
            Some(below) => at = below,
            None => break,
        }
    }
    Some(at)
}
