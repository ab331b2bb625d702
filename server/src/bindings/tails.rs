//! `tail_consumers`: from the configuration to the names of Workers.

use serde::Deserialize;

use crate::config::{Config, Diagnostic};

/// The Workers that are told what happens in one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TailWorkers(Vec<String>);

#[derive(Deserialize)]
struct Consumer {
    service: String,
    environment: Option<String>,
}

impl TailWorkers {
    /// Those of a configuration.
    ///
    /// # Errors
    /// When an entry names none, or two name the same.
    pub(crate) fn configured(config: &Config) -> Result<Self, Diagnostic> {
        let mut all = Vec::new();
        for section in config.tables("tail_consumers")? {
            let Consumer { service, environment } = section.read()?;
            let name = match environment {
                Some(environment) => format!("{service}-{environment}"),
                None => service,
            };
            if all.contains(&name) {
                return Err(section.error(format!("\"{name}\" is a tail consumer already")));
            }
            all.push(name);
        }
        Ok(Self(all))
    }

    /// Their names.
    pub(crate) fn names(&self) -> &[String] {
        &self.0
    }
}
