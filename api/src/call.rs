//! One call: what was asked, by whom.

use std::net::IpAddr;

use http::request::Parts;
use hyper::body::Incoming;
use selvedge_deployments::{AccountId, Actor, DeploymentStore, UnixMillis, WorkerKey};

use crate::auth::Caller;
use crate::error::ApiError;
use crate::host::Host;
use crate::{Api, ApiOptions, Inner};

/// What was asked, by whom. The scope was checked, and so was the account.
pub(crate) struct Cx {
    pub(crate) api: Api,
    pub(crate) caller: Option<Caller>,
    pub(crate) peer: IpAddr,
    pub(crate) parts: Parts,
    pub(crate) body: Option<Incoming>,
    /// The segments that the call's pattern names, decoded.
    pub(crate) params: Vec<(&'static str, String)>,
    pub(crate) query: Vec<(String, String)>,
}

impl Cx {
    /// A segment of the path.
    pub(crate) fn param(&self, name: &str) -> Result<&str, ApiError> {
        let found = self.params.iter().find(|(key, _)| *key == name);
        found
            .map(|(_, value)| value.as_str())
            .ok_or_else(|| ApiError::internal(&format!("the call has no segment \"{name}\"")))
    }

    /// A value of the query.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A number of the query, if there is one.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, ApiError> {
        let Some(text) = self.query(name).filter(|text| !text.is_empty()) else { return Ok(None) };
        let refused = |_| ApiError::bad(10004, format!("\"{name}\" is not a number"));
        text.parse().map(Some).map_err(refused)
    }

    /// Page and size of a page, from 1.
    pub(crate) fn page(&self, default: usize, max: usize) -> Result<(usize, usize), ApiError> {
        let small = |number: Option<u64>| number.and_then(|number| usize::try_from(number).ok());
        let page = small(self.number("page")?).unwrap_or(1).max(1);
        let per_page = small(self.number("per_page")?).unwrap_or(default).clamp(1, max);
        Ok((page, per_page))
    }

    /// The account of the path.
    pub(crate) fn account(&self) -> Result<AccountId, ApiError> {
        self.param("account")?.parse().map_err(|_| ApiError::forbidden(""))
    }

    /// The Worker of the path. A name that cannot be one names none.
    pub(crate) fn worker(&self) -> Result<WorkerKey, ApiError> {
        self.key().map_err(|_| ApiError::no_script())
    }

    /// The key of the path's Worker, which may be in a dispatch namespace.
    ///
    /// # Errors
    /// When its name cannot be one.
    pub(crate) fn key(&self) -> Result<WorkerKey, ApiError> {
        let (account, script) = (self.account()?, self.param("script")?);
        let key = match self.param("dispatch") {
            Ok(namespace) => WorkerKey::in_namespace(account, namespace, script),
            Err(_) => WorkerKey::new(account, script),
        };
        key.map_err(|_| {
            let text = "the name of a Worker is 1 to 63 of a-z, 0-9, - and _";
            ApiError::bad(10016, text)
        })
    }

    /// Who asks.
    pub(crate) fn caller(&self) -> Result<&Caller, ApiError> {
        self.caller.as_ref().ok_or_else(|| ApiError::forbidden(""))
    }

    /// Who is written down with a change.
    pub(crate) fn actor(&self) -> Result<Actor, ApiError> {
        Ok(self.caller()?.actor())
    }

    /// What made the upload, as wrangler asks for it: it goes on without a
    /// question when it reads `wrangler`.
    pub(crate) fn source(&self) -> &'static str {
        let agent = self.parts.headers.get(http::header::USER_AGENT);
        match agent.and_then(|agent| agent.to_str().ok()) {
            Some(agent) if agent.starts_with("wrangler/") => "wrangler",
            _ => "selvedge",
        }
    }

    pub(crate) fn options(&self) -> &ApiOptions {
        &self.api.0.options
    }

    pub(crate) fn now(&self) -> UnixMillis {
        (self.options().clock)()
    }

    pub(crate) fn host(&self) -> &dyn Host {
        &*self.api.0.host
    }

    /// Runs what blocks where it may.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        self.api.blocking(work).await
    }

    /// Asks the store, where that may block.
    pub(crate) async fn store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn DeploymentStore) -> Result<T, selvedge_deployments::Error>
        + Send
        + 'static,
    ) -> Result<T, ApiError> {
        self.blocking(move |inner| Ok(work(&*inner.store)?)).await
    }

    /// The server takes over what the store has of a Worker.
    pub(crate) async fn apply(&self, worker: &WorkerKey) -> Result<(), ApiError> {
        Ok(self.host().apply(worker).await?)
    }

    /// The Worker of the path, which must be there.
    pub(crate) async fn existing_worker(
        &self,
    ) -> Result<(WorkerKey, selvedge_deployments::WorkerInfo), ApiError> {
        let key = self.worker()?;
        let wanted = key.clone();
        let found = self.store(move |store| store.worker(&wanted)).await?;
        Ok((key, found.ok_or_else(ApiError::no_script)?))
    }
}
