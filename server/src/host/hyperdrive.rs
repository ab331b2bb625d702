//! The databases behind Hyperdrive that an account has configured.

use std::sync::Arc;

use selvedge_deployments::{AccountId, DeploymentStore, Error, Resource, ResourceKind};
use selvedge_hyperdrive::origin::CONNECTIONS;
use selvedge_hyperdrive::{Origin, OriginSource, SslMode};
use serde_json::Value;

const KIND: ResourceKind = ResourceKind::Hyperdrive;

/// One of them. It is read whenever a client comes: it may have been changed.
#[derive(Debug)]
pub(crate) struct AccountDatabase {
    store: Arc<dyn DeploymentStore>,
    account: AccountId,
    id: String,
}

impl AccountDatabase {
    pub(crate) fn new(store: &Arc<dyn DeploymentStore>, account: &AccountId, id: &str) -> Self {
        Self { store: store.clone(), account: account.clone(), id: id.to_owned() }
    }

    fn resource(&self) -> Result<Option<Resource>, Error> {
        let found = self.store.resource(&self.account, KIND, &self.id)?;
        Ok(found.filter(|found| found.id == self.id))
    }

    /// The database's name. `None`: there is no such configuration.
    pub(crate) fn database(&self) -> Result<Option<String>, Error> {
        let found = self.resource()?;
        Ok(found.map(|found| text(&found.settings, "database")))
    }

    fn read(&self) -> Result<Option<Origin>, Error> {
        let Some(found) = self.resource()? else { return Ok(None) };
        let password = self.store.resource_secret(&self.account, KIND, &self.id)?;
        let settings = &found.settings;
        let number = |value: Option<&Value>| value.and_then(Value::as_u64);
        let port = number(settings["origin"].get("port")).and_then(|port| u16::try_from(port).ok());
        let limit = number(settings.get("origin_connection_limit"));
        let ssl = settings["mtls"].get("sslmode").and_then(Value::as_str);
        Ok(Some(Origin {
            host: text(settings, "host"),
            port: port.unwrap_or(5432),
            user: text(settings, "user"),
            password: password.map(|text| text.reveal().to_owned()).unwrap_or_default(),
            database: text(settings, "database"),
            ssl: ssl.and_then(SslMode::parse).unwrap_or_default(),
            connections: limit.and_then(|it| usize::try_from(it).ok()).unwrap_or(CONNECTIONS),
        }))
    }
}

/// A text of the origin.
fn text(settings: &Value, key: &str) -> String {
    settings["origin"].get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

impl OriginSource for AccountDatabase {
    fn origin(&self) -> Result<Origin, String> {
        match self.read() {
            Ok(Some(origin)) => Ok(origin),
            Ok(None) => Err("the Hyperdrive configuration was deleted".to_owned()),
            Err(error) => {
                tracing::error!(%error, id = self.id, "a Hyperdrive configuration is not read");
                Err("the Hyperdrive configuration cannot be read now".to_owned())
            }
        }
    }
}
