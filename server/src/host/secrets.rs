//! The secrets of an account's stores, as its Workers read them.

use std::sync::Arc;

use selvedge_deployments::{AccountId, DeploymentStore, Error as StoreError, ResourceKind};
use selvedge_secrets::SecretSource;
use selvedge_storage::Error;

/// What an account has.
#[derive(Debug)]
pub(crate) struct AccountSecrets {
    store: Arc<dyn DeploymentStore>,
    account: AccountId,
}

impl AccountSecrets {
    pub(crate) fn new(store: &Arc<dyn DeploymentStore>, account: &AccountId) -> Self {
        Self { store: store.clone(), account: account.clone() }
    }

    fn find(&self, store: &str, name: &str) -> Result<Option<String>, StoreError> {
        let kind = ResourceKind::StoreSecret;
        let wanted = format!("{store}/{name}");
        let found = self.store.resource(&self.account, kind, &wanted)?;
        let Some(found) = found.filter(|found| found.name == wanted) else { return Ok(None) };
        let text = self.store.resource_secret(&self.account, kind, &found.id)?;
        Ok(text.map(|text| text.reveal().to_owned()))
    }
}

impl SecretSource for AccountSecrets {
    fn text(&self, store: &str, name: &str) -> Result<Option<String>, Error> {
        self.find(store, name).map_err(|error| match error {
            StoreError::Storage(error) => error,
            error => Error::Internal(error.to_string()),
        })
    }
}
