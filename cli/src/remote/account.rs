//! An account of a server, for commands with `--remote`.

use http::Method;
use selvedge_client::Call;
use serde_json::Value;

use super::connect::Remote;
use super::project::Found;
use crate::kv::Place;

/// A server and an account.
pub(crate) struct RemoteAccount {
    remote: Remote,
    account: String,
}

impl RemoteAccount {
    /// Finds the server.
    pub(crate) async fn of(place: &Place) -> anyhow::Result<Self> {
        let found = Found::new(place.config.as_deref(), place.env.as_deref())?;
        let remote = Remote::new(&place.server, &found.around)?;
        let account = remote.account().await?;
        Ok(Self { remote, account })
    }

    /// A call below the account.
    pub(crate) fn call(&self, method: Method, rest: &str) -> Call {
        self.remote.client.account(&self.account).call(method, rest)
    }

    /// Makes a call; gives its result.
    pub(crate) async fn send(&self, call: Call) -> anyhow::Result<Value> {
        call.send().await.map_err(|error| self.remote.explain(error))
    }

    /// Makes a call whose answer has no envelope.
    pub(crate) async fn raw(&self, call: Call) -> anyhow::Result<bytes::Bytes> {
        call.raw().await.map_err(|error| self.remote.explain(error))
    }

    /// A call outside of the account, such as one to an address that the server gave.
    pub(crate) fn call_at(&self, method: Method, path: &str) -> Call {
        self.remote.client.call(method, path)
    }

    /// A call with JSON; gives its result.
    pub(crate) async fn post(
        &self,
        method: Method,
        rest: &str,
        body: &Value,
    ) -> anyhow::Result<Value> {
        self.send(self.call(method, rest).json(body)).await
    }

    /// A GET of a list, as long as one page of 1000.
    pub(crate) async fn list(&self, rest: &str) -> anyhow::Result<Vec<Value>> {
        let all = self.send(self.call(Method::GET, rest).query("per_page", 1000)).await?;
        Ok(all.as_array().cloned().unwrap_or_default())
    }
}
