//! Workflows of a server, for `selvedge workflows .. --remote`.

use http::Method;
use selvedge_client::Call;
use serde_json::{Value, json};

use super::account::RemoteAccount;
use crate::kv::Place;

/// Those of an account of a server.
pub(crate) struct RemoteWorkflows(RemoteAccount);

impl RemoteWorkflows {
    /// Finds the server.
    pub(crate) async fn of(place: &Place) -> anyhow::Result<Self> {
        Ok(Self(RemoteAccount::of(place).await?))
    }

    fn call(&self, method: Method, rest: &str) -> Call {
        self.0.call(method, &format!("/workflows{rest}"))
    }

    async fn send(&self, call: Call) -> anyhow::Result<Value> {
        self.0.send(call).await
    }

    /// All Workflows of the account.
    pub(crate) async fn list(&self) -> anyhow::Result<Vec<Value>> {
        self.0.list("/workflows").await
    }

    /// What is known of one.
    pub(crate) async fn get(&self, name: &str) -> anyhow::Result<Value> {
        self.send(self.call(Method::GET, &path(name))).await
    }

    /// Deletes one with its instances.
    pub(crate) async fn delete(&self, name: &str) -> anyhow::Result<()> {
        self.send(self.call(Method::DELETE, &path(name))).await.map(drop)
    }

    /// A page of its instances.
    pub(crate) async fn instances(
        &self,
        name: &str,
        status: Option<&str>,
        direction: &str,
        page: usize,
        per_page: usize,
    ) -> anyhow::Result<Vec<Value>> {
        let mut call = self
            .call(Method::GET, &format!("{}/instances", path(name)))
            .query("page", page)
            .query("per_page", per_page)
            .query("direction", direction);
        if let Some(status) = status {
            call = call.query("status", status);
        }
        Ok(self.send(call).await?.as_array().cloned().unwrap_or_default())
    }

    /// Has an instance made, told of or changed.
    pub(crate) async fn ask(
        &self,
        name: &str,
        id: &str,
        command: &str,
        argument: Value,
    ) -> anyhow::Result<Value> {
        let base = format!("{}/instances", path(name));
        let one = format!("{base}{}", path(id));
        let call = match command {
            "create" => {
                let new = json!({ "instance_id": id, "params": argument["params"] });
                self.call(Method::POST, &base).json(&new)
            }
            "describe" => self.call(Method::GET, &one),
            "remove" => {
                let call = self.call(Method::POST, &format!("{base}/batch/delete"));
                let result = self.send(call.json(&json!({ "instances": [id] }))).await?;
                if let Some(error) = result["errors"].get(0) {
                    anyhow::bail!("{}", error["message"].as_str().unwrap_or("it was not deleted"));
                }
                return Ok(result);
            }
            "sendEvent" => {
                let kind = path(argument["type"].as_str().unwrap_or_default());
                let call = self.call(Method::POST, &format!("{one}/events{kind}"));
                call.json(&argument["payload"])
            }
            status => {
                let call = self.call(Method::PATCH, &format!("{one}/status"));
                let (from, rollback) = (&argument["from"], &argument["rollback"]);
                call.json(&json!({ "status": status, "from": from, "rollback": rollback }))
            }
        };
        self.send(call).await
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
