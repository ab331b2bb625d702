//! Queues of a server, for `selvedge queues .. --remote`.

use http::Method;
use selvedge_client::Call;
use serde_json::{Value, json};

use super::account::RemoteAccount;
use crate::kv::Place;

/// Those of an account of a server.
pub(crate) struct RemoteQueues(RemoteAccount);

impl RemoteQueues {
    /// Finds the server.
    pub(crate) async fn of(place: &Place) -> anyhow::Result<Self> {
        Ok(Self(RemoteAccount::of(place).await?))
    }

    fn call(&self, method: Method, rest: &str) -> Call {
        self.0.call(method, &format!("/queues{rest}"))
    }

    async fn send(&self, call: Call) -> anyhow::Result<Value> {
        self.0.send(call).await
    }

    /// All queues of the account.
    pub(crate) async fn list(&self) -> anyhow::Result<Vec<Value>> {
        self.0.list("/queues").await
    }

    /// Makes one.
    pub(crate) async fn create(&self, name: &str, settings: Value) -> anyhow::Result<()> {
        let new = json!({ "queue_name": name, "settings": settings });
        self.send(self.call(Method::POST, "").json(&new)).await.map(drop)
    }

    /// Changes what is set of one.
    pub(crate) async fn update(&self, name: &str, settings: Value) -> anyhow::Result<()> {
        let change = json!({ "settings": settings });
        self.send(self.call(Method::PATCH, &path(name)).json(&change)).await.map(drop)
    }

    /// What is known of one.
    pub(crate) async fn get(&self, name: &str) -> anyhow::Result<Value> {
        self.send(self.call(Method::GET, &path(name))).await
    }

    /// Deletes one with its messages.
    pub(crate) async fn delete(&self, name: &str) -> anyhow::Result<()> {
        self.send(self.call(Method::DELETE, &path(name))).await.map(drop)
    }

    /// Deletes its messages.
    pub(crate) async fn purge(&self, name: &str) -> anyhow::Result<()> {
        let asked = json!({ "delete_messages_permanently": true });
        let call = self.call(Method::POST, &format!("{}/purge", path(name)));
        self.send(call.json(&asked)).await.map(drop)
    }

    /// Says who takes its messages.
    pub(crate) async fn add_consumer(&self, name: &str, given: Value) -> anyhow::Result<()> {
        let call = self.call(Method::POST, &format!("{}/consumers", path(name)));
        self.send(call.json(&given)).await.map(drop)
    }

    /// Takes a consumer away, by its id or its Worker's name.
    pub(crate) async fn remove_consumer(&self, name: &str, consumer: &str) -> anyhow::Result<()> {
        let rest = format!("{}/consumers{}", path(name), path(consumer));
        self.send(self.call(Method::DELETE, &rest)).await.map(drop)
    }
}

fn path(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let encode = |byte: u8| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    let encoded: String = name.bytes().map(encode).collect();
    format!("/{encoded}")
}
