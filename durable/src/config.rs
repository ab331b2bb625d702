//! The keys `durable_objects`, `migrations` and `exports` of wrangler's
//! configuration (<https://developers.cloudflare.com/durable-objects/reference/durable-objects-migrations/>):
//! which classes there are, how they came to be, and under which names a Worker
//! reaches them.
//!
//! What is wrong is told in wrangler's words, with the place below the key.

mod exports;
mod migrations;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde_json::Value;

pub use exports::{Export, read_exports};
pub(crate) use migrations::{Change, existing, missing};
pub use migrations::{Migration, Rename, Transfer};

/// The keys of the configuration that this module reads.
pub const KEYS: &[&str] = &["durable_objects", "migrations", "exports"];

/// `durable_objects`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DurableObjects {
    #[serde(default)]
    pub bindings: Vec<BindingConfig>,
}

/// One table of `durable_objects.bindings`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BindingConfig {
    /// The name in `env`.
    pub name: String,
    /// The class of the objects.
    pub class_name: String,
    /// The Worker that has the class; the binding's own one without it.
    pub script_name: Option<String>,
    /// The environment of that Worker, which adds to its name.
    pub environment: Option<String>,
}

impl BindingConfig {
    /// The name of the Worker that has the class, as seen from the Worker `own`.
    pub fn script(&self, own: &str) -> String {
        match (&self.script_name, &self.environment) {
            (None, _) => own.to_owned(),
            (Some(script), None) => script.clone(),
            (Some(script), Some(environment)) => format!("{script}-{environment}"),
        }
    }

    /// Whether the Worker `own` has the class itself.
    pub fn is_own(&self, own: &str) -> bool {
        self.script(own) == own
    }
}

/// What the objects of a class keep their data in on Cloudflare. Here it is
/// SQLite for both; the old kind has no `storage.sql`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// `new_sqlite_classes`, or `"sqlite"` in `exports`.
    Sqlite,
    /// `new_classes`, or `"legacy-kv"` in `exports`.
    LegacyKv,
}

impl Storage {
    /// Its name in `exports`, and in the catalog.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::LegacyKv => "legacy-kv",
        }
    }

    /// The kind of this name.
    pub fn of(name: &str) -> Option<Self> {
        [Self::Sqlite, Self::LegacyKv].into_iter().find(|storage| storage.as_str() == name)
    }
}

/// How a Worker's classes came to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lifecycle {
    /// `migrations`: steps, each taken once.
    Migrations(Vec<Migration>),
    /// `exports`: what there should be.
    Exports(BTreeMap<String, Export>),
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self::Migrations(Vec::new())
    }
}

/// All that a Worker's configuration says of Durable Objects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// What `env` gets.
    pub bindings: Vec<BindingConfig>,
    /// How the Worker's own classes came to be.
    pub lifecycle: Lifecycle,
}

/// What does not fit, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Misfit {
    /// From the top of the configuration down.
    pub place: Place,
    /// In wrangler's or Cloudflare's words where they have some.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Misfit {
    pub(crate) fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place, message: message.into(), hint: None }
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// A place in the configuration, such as `migrations[1].new_classes[0]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The key at the top.
    pub key: &'static str,
    /// The way from its value.
    pub steps: Vec<Step>,
}

/// One step down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Into a table.
    Key(String),
    /// Into a list.
    Item(usize),
}

impl Place {
    /// A key of a table of `durable_objects.bindings`.
    pub fn binding(index: usize, key: &str) -> Self {
        Self::of("durable_objects").key("bindings").item(index).key(key)
    }

    pub(crate) fn of(key: &'static str) -> Self {
        Self { key, steps: Vec::new() }
    }

    pub(crate) fn key(mut self, key: &str) -> Self {
        self.steps.push(Step::Key(key.to_owned()));
        self
    }

    pub(crate) fn item(mut self, index: usize) -> Self {
        self.steps.push(Step::Item(index));
        self
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key)?;
        for step in &self.steps {
            match step {
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Item(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

impl Lifecycle {
    /// The lifecycle that `migrations` and `exports` tell.
    ///
    /// # Errors
    /// When both are there, or `exports` is not valid.
    pub fn of(migrations: Vec<Migration>, exports: Option<&Value>) -> Result<Self, Misfit> {
        let exports = exports.map_or(Ok(BTreeMap::new()), read_exports)?;
        if exports.is_empty() {
            return Ok(Self::Migrations(migrations));
        }
        if !migrations.is_empty() {
            return Err(Misfit::new(
                Place::of("exports"),
                "`migrations` and `exports` are mutually exclusive. Choose one or the other to \
                 declare your Durable Object lifecycle, but not both.",
            ));
        }
        Ok(Self::Exports(exports))
    }

    /// The classes that there are in the end, and what each keeps its data in.
    /// `None` is a kind that only the Worker it came from knows.
    ///
    /// # Errors
    /// When a step does not follow from those before it.
    pub fn classes(&self) -> Result<BTreeMap<String, Option<Storage>>, Misfit> {
        match self {
            Self::Migrations(migrations) => migrations::classes(migrations),
            Self::Exports(exports) => Ok(exports::classes(exports)),
        }
    }
}

impl Config {
    /// Checks that all fits together; `own` is the Worker's name.
    ///
    /// # Errors
    /// When a step does not follow from those before it, or what is deleted is
    /// still bound.
    pub fn check(&self, own: &str) -> Result<(), Misfit> {
        let classes = self.lifecycle.classes()?;
        for (index, binding) in self.bindings.iter().enumerate() {
            let place = |key: &str| Place::binding(index, key);
            for (key, value) in [("name", &binding.name), ("class_name", &binding.class_name)] {
                if value.is_empty() {
                    let message = format!("the \"{key}\" of this binding is empty");
                    return Err(Misfit::new(place(key), message));
                }
            }
            if binding.environment.is_some() && binding.script_name.is_none() {
                return Err(Misfit::new(
                    place("environment"),
                    "\"environment\" belongs to the Worker that \"script_name\" names, and that \
                     is missing",
                ));
            }
            let class = &binding.class_name;
            if binding.is_own(own) && !classes.contains_key(class) && self.lifecycle.ends(class) {
                return Err(Misfit::new(
                    place("class_name"),
                    format!(
                        "Cannot apply --delete-class migration to class '{class}' without also \
                         removing the binding that references it."
                    ),
                )
                .with_hint("remove this binding, or the step that deletes the class"));
            }
        }
        Ok(())
    }

    /// The Worker's own bound classes that nothing brings into being, each once.
    pub fn undeclared(&self, own: &str) -> Vec<&str> {
        let classes = self.lifecycle.classes().unwrap_or_default();
        let mut names: Vec<&str> = self
            .bindings
            .iter()
            .filter(|binding| binding.is_own(own))
            .map(|binding| binding.class_name.as_str())
            .filter(|class| !classes.contains_key(*class))
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl Lifecycle {
    /// Whether a class is deleted somewhere.
    fn ends(&self, class: &str) -> bool {
        match self {
            Self::Migrations(migrations) => migrations
                .iter()
                .any(|migration| migration.deleted_classes.iter().any(|name| name == class)),
            Self::Exports(exports) => matches!(exports.get(class), Some(Export::Deleted)),
        }
    }
}
