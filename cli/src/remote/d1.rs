//! D1 databases of a server, for `selvedge d1 .. --remote`.

use anyhow::{Context as _, anyhow, bail};
use bytes::Bytes;
use http::Method;
use md5::{Digest as _, Md5};
use selvedge_client::Call;
use selvedge_d1::store::DumpOptions;
use serde_json::{Value, json};

use super::account::RemoteAccount;
use crate::kv::Place;

/// Those of an account of a server.
pub(crate) struct RemoteD1(RemoteAccount);

impl RemoteD1 {
    /// Finds the server.
    pub(crate) async fn of(place: &Place) -> anyhow::Result<Self> {
        Ok(Self(RemoteAccount::of(place).await?))
    }

    fn call(&self, method: Method, rest: &str) -> Call {
        self.0.call(method, &format!("/d1/database{rest}"))
    }

    async fn send(&self, call: Call) -> anyhow::Result<Value> {
        self.0.send(call).await
    }

    /// All databases of the account.
    pub(crate) async fn list(&self) -> anyhow::Result<Vec<Value>> {
        let all = self.call(Method::GET, "").query("per_page", 10_000);
        Ok(self.send(all).await?.as_array().cloned().unwrap_or_default())
    }

    /// Makes one; gives its id.
    pub(crate) async fn create(&self, name: &str) -> anyhow::Result<String> {
        let made = self.send(self.call(Method::POST, "").json(&json!({ "name": name }))).await?;
        text(&made, "uuid")
    }

    /// The id of a database that is named by id or name.
    pub(crate) async fn id_of(&self, name: &str) -> anyhow::Result<String> {
        let found = self.send(self.call(Method::GET, &format!("/{}", encoded(name)))).await?;
        text(&found, "uuid")
    }

    /// What is known of one.
    pub(crate) async fn get(&self, id: &str) -> anyhow::Result<Value> {
        self.send(self.call(Method::GET, &format!("/{id}"))).await
    }

    /// Deletes it with all that is in it.
    pub(crate) async fn delete(&self, id: &str) -> anyhow::Result<()> {
        self.send(self.call(Method::DELETE, &format!("/{id}"))).await.map(drop)
    }

    /// Runs queries, all or none.
    pub(crate) async fn query(
        &self,
        id: &str,
        queries: &[(String, Vec<Value>)],
    ) -> anyhow::Result<Vec<Value>> {
        let batch: Vec<Value> =
            queries.iter().map(|(sql, params)| json!({ "sql": sql, "params": params })).collect();
        let call = self.call(Method::POST, &format!("/{id}/query"));
        let results = self.send(call.json(&json!({ "batch": batch }))).await?;
        Ok(results.as_array().cloned().unwrap_or_default())
    }

    /// Runs the statements of a text, all or none. Gives how many there were.
    pub(crate) async fn import(&self, id: &str, sql: Bytes) -> anyhow::Result<u64> {
        let digest = Md5::digest(&sql);
        let etag: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let step = |body: Value| self.call(Method::POST, &format!("/{id}/import")).json(&body);
        let begun = self.send(step(json!({ "action": "init", "etag": etag }))).await?;
        let upload = self.0.call_at(Method::PUT, &transfer(&text(&begun, "upload_url")?)?);
        self.0.raw(upload.bytes("application/sql", sql)).await?;
        let filename = text(&begun, "filename")?;
        let ingest = json!({ "action": "ingest", "etag": etag, "filename": filename });
        let done = self.send(step(ingest)).await?;
        match done["error"].as_str() {
            Some(error) => bail!("{error}"),
            None => Ok(done["result"]["num_queries"].as_u64().unwrap_or_default()),
        }
    }

    /// All of it as statements.
    pub(crate) async fn export(&self, id: &str, options: &DumpOptions) -> anyhow::Result<Bytes> {
        let DumpOptions { tables, no_schema, no_data } = options;
        let options = json!({ "tables": tables, "no_schema": no_schema, "no_data": no_data });
        let asked = json!({ "output_format": "polling", "dump_options": options });
        let call = self.call(Method::POST, &format!("/{id}/export")).json(&asked);
        let made = self.send(call).await?;
        let address = text(&made["result"], "signed_url")?;
        self.0.raw(self.0.call_at(Method::GET, &transfer(&address)?)).await
    }

    /// The bookmark of a time of RFC 3339, or the present one.
    pub(crate) async fn bookmark(&self, id: &str, at: Option<&str>) -> anyhow::Result<Value> {
        let call = self.call(Method::GET, &format!("/{id}/time_travel/bookmark"));
        self.send(match at {
            Some(at) => call.query("timestamp", at),
            None => call,
        })
        .await
    }

    /// Goes back to a bookmark.
    pub(crate) async fn restore(&self, id: &str, bookmark: &str) -> anyhow::Result<Value> {
        let call = self.call(Method::POST, &format!("/{id}/time_travel/restore"));
        self.send(call.query("bookmark", bookmark)).await
    }
}

/// The path of a transfer on the server that is known: its own idea of its name may
/// be another one.
fn transfer(address: &str) -> anyhow::Result<String> {
    let secret = address.rsplit_once("/d1-transfers/").map(|(_, secret)| secret);
    let secret = secret.context("the server gave no address for the data")?;
    Ok(format!("/d1-transfers/{secret}"))
}

fn text(value: &Value, key: &str) -> anyhow::Result<String> {
    let text = value[key].as_str().map(str::to_owned);
    text.ok_or_else(|| anyhow!("the server's answer has no \"{key}\""))
}

fn encoded(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let encode = |byte: u8| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    name.bytes().map(encode).collect()
}
