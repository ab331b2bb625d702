//! `hyperdrive`: from the configuration to databases of this machine.

use selvedge_hyperdrive::Origin;
use selvedge_hyperdrive::config::HyperdriveConfig;

use super::{BindingConfig, NO_NAME};
use crate::backends::BackendError;
use crate::config::{Config, Diagnostic};

/// A database behind a binding.
#[derive(Debug, Clone)]
pub struct LocalDatabase {
    /// The name in `env`.
    pub(super) binding: String,
    origin: Result<Origin, Box<Diagnostic>>,
}

impl LocalDatabase {
    /// Where it is, and the pool: bindings that lead to the same database share their
    /// connections. A database of this machine is needed only by who serves here.
    pub(super) fn origin(&self) -> Result<(Origin, String), BackendError> {
        let origin = self.origin.clone().map_err(BackendError::Refused)?;
        let Origin { host, port, user, database, .. } = &origin;
        let pool = format!("local {user}@{host}:{port}/{database}");
        Ok((origin, pool))
    }
}

/// Adds the databases of a configuration.
pub(super) fn configured(
    config: &Config,
    bindings: &mut Vec<BindingConfig>,
) -> Result<(), Diagnostic> {
    for section in config.tables("hyperdrive")? {
        let HyperdriveConfig { binding, local, .. } = section.read()?;
        if binding.is_empty() {
            return Err(section.error(NO_NAME));
        }
        let mut given = config.local_databases.iter().filter(|(name, _)| *name == binding);
        let text = given.next().map(|(_, text)| text.clone()).or(local);
        let missing = || {
            // The text is wrangler's.
            section.error(format!(
                "When developing locally, you should use a local Postgres connection string to \
                 emulate Hyperdrive functionality. Please setup Postgres locally and set the value \
                 of the 'CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_{binding}' variable or \
                 \"{binding}\"'s \"localConnectionString\" to the Postgres connection string."
            ))
        };
        let origin = text.ok_or_else(missing).and_then(|text| {
            Origin::parse(&text).map_err(|reason| {
                let said = format!("the connection string of \"{binding}\" is not valid: {reason}");
                // Its lines show the password.
                Diagnostic { code_frame: None, ..section.error(said) }
            })
        });
        let origin = origin.map_err(Box::new);
        bindings.push(BindingConfig::Hyperdrive(LocalDatabase { binding, origin }));
    }
    Ok(())
}
