//! `tail_consumers` and `streaming_tail_consumers`: from the configuration to the names of
//! Workers.

use serde::Deserialize;

use crate::config::{Config, Diagnostic};
use selvedge_runtime::worker::TailKind;

/// The Workers that are told what happens in one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TailWorkers(Vec<(String, TailKind)>);

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
        let of_tail = config.tables("tail_consumers")?.into_iter();
        let of_stream = config.tables("streaming_tail_consumers")?.into_iter();
        let sections = of_tail
            .map(|section| (section, TailKind::Tail))
            .chain(of_stream.map(|section| (section, TailKind::Stream)));
        for (section, kind) in sections {
            let Consumer { service, environment } = section.read()?;
            let name = match environment {
                Some(environment) => format!("{service}-{environment}"),
                None => service,
            };
            if all.contains(&(name.clone(), kind)) {
                return Err(section.error(format!("\"{name}\" is a tail consumer already")));
            }
            all.push((name, kind));
        }
        Ok(Self(all))
    }

    /// Their names, and which handler of each is called.
    pub(crate) fn consumers(&self) -> &[(String, TailKind)] {
        &self.0
    }
}
