//! The bindings of a version: those that came, and those that an earlier version
//! had.

use std::collections::BTreeSet;

use selvedge_deployments::{
    Binding, BindingKind, DeploymentStore, InvalidBinding, SecretText, Version, WorkerKey,
};
use serde_json::{Value, json};

use crate::error::{ApiError, INVALID_SCRIPT};

/// Where bindings come from.
pub(super) struct Sources<'a> {
    pub(super) store: &'a dyn DeploymentStore,
    pub(super) key: &'a WorkerKey,
    /// The newest version.
    pub(super) previous: Option<&'a Version>,
}

impl Sources<'_> {
    /// All bindings of an upload: `raw` as it came, and those of the newest
    /// version whose types are in `keep` and whose names are not taken.
    pub(super) fn read(&self, raw: Vec<Value>, keep: &[String]) -> Result<Vec<Binding>, ApiError> {
        let mut bindings = Vec::new();
        let mut names = BTreeSet::new();
        for raw in raw {
            let binding = self.one(raw)?;
            if !names.insert(binding.name.clone()) {
                let text = format!("two bindings have the name {}", binding.name);
                return Err(ApiError::bad(INVALID_SCRIPT, text));
            }
            bindings.push(binding);
        }
        for binding in self.previous.iter().flat_map(|version| &version.content.bindings) {
            let kept = keep.iter().any(|kind| kind == binding.type_name());
            if kept && names.insert(binding.name.clone()) {
                bindings.push(binding.clone());
            }
        }
        Ok(bindings)
    }

    fn one(&self, raw: Value) -> Result<Binding, ApiError> {
        let text = |key: &str| raw.get(key).and_then(Value::as_str).map(str::to_owned);
        let name = text("name").unwrap_or_default();
        match raw.get("type").and_then(Value::as_str) {
            Some("inherit") if !name.is_empty() => {
                self.inherit(&name, text("old_name").as_deref().unwrap_or(&name))
            }
            Some("secret_text") if !name.is_empty() => {
                let invalid = || InvalidBinding::Invalid {
                    name: name.clone(),
                    kind: "secret_text".to_owned(),
                    reason: "\"text\" is not a string".to_owned(),
                };
                let text = SecretText::new(text("text").ok_or_else(invalid)?);
                Ok(Binding::secret(&name, self.store.seal(self.key, &name, &text)?))
            }
            _ => Ok(Binding::from_raw(raw)?),
        }
    }

    fn inherit(&self, name: &str, old: &str) -> Result<Binding, ApiError> {
        let all = self.previous.iter().flat_map(|version| &version.content.bindings);
        let found = all.into_iter().find(|binding| binding.name == old);
        let mut binding = found.cloned().ok_or_else(|| {
            let text = format!(
                "inherit binding '{name}' is invalid: the previous version has no binding of this \
                 name"
            );
            ApiError::bad(10057, text)
        })?;
        if name == old {
            return Ok(binding);
        }
        if let BindingKind::Secret(Some(secret)) = &binding.kind {
            let text = self.store.reveal(self.key, old, secret)?;
            return Ok(Binding::secret(name, self.store.seal(self.key, name, &text)?));
        }
        binding.raw["name"] = json!(name);
        binding.name = name.to_owned();
        Ok(binding)
    }
}

/// Bindings as clients see them: secrets by name alone.
pub(crate) fn shown(bindings: &[Binding]) -> Vec<Value> {
    bindings.iter().map(|binding| binding.raw.clone()).collect()
}
