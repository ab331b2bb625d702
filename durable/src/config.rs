//! The key `durable_objects` of wrangler's configuration.

use serde::Deserialize;

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
