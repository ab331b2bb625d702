//! The calls by what they are about: an account, and a Worker of it. Paths are
//! Cloudflare's.

use std::fmt::Write as _;

use http::Method;
use serde_json::{Value, json};

use crate::body::{Multipart, Progress};
use crate::client::Client;
use crate::error::{Error, code};
use crate::models::{
    AccountInfo, Deployment, Deployments, KvKey, KvNamespace, References, ScriptInfo,
    ScriptSubdomain, Secret, Service, Share, Subdomain, TailInfo, Token, Uploaded, User, Version,
    Versions,
};
use crate::request::{Call, Page};

/// Items of one page of a list.
const PAGE: u32 = 100;

impl Client {
    /// All accounts that the token reaches.
    ///
    /// # Errors
    /// As [`Call::send`].
    pub async fn accounts(&self) -> Result<Vec<AccountInfo>, Error> {
        self.all("/accounts").await
    }

    /// Who the token belongs to.
    ///
    /// # Errors
    /// As [`Call::send`].
    pub async fn user(&self) -> Result<User, Error> {
        self.get("/user").send().await
    }

    /// Whether the token is valid.
    ///
    /// # Errors
    /// As [`Call::send`]: [`Error::is_unauthorized`] when it is not.
    pub async fn verify(&self) -> Result<Value, Error> {
        self.get("/user/tokens/verify").send().await
    }

    /// An account as what its calls are made on.
    pub fn account<'a>(&'a self, id: &'a str) -> Account<'a> {
        Account { client: self, id }
    }

    /// A list that comes in numbered pages, whole.
    async fn all<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, Error> {
        let mut all: Vec<T> = Vec::new();
        for page in 1_u32.. {
            let call = self.get(path).query("page", page).query("per_page", PAGE);
            let found: Page<Option<Vec<T>>> = call.page().await?;
            let mut found_items = found.result.unwrap_or_default();
            let count = found_items.len();
            all.append(&mut found_items);
            let complete = found.total.is_none_or(|total| all.len() as u64 >= total);
            if count == 0 || complete {
                break;
            }
        }
        Ok(all)
    }
}

/// An account.
#[derive(Debug, Clone, Copy)]
pub struct Account<'a> {
    client: &'a Client,
    id: &'a str,
}

impl<'a> Account<'a> {
    pub fn client(&self) -> &'a Client {
        self.client
    }

    fn path(&self, rest: &str) -> String {
        format!("/accounts/{}{rest}", encoded(self.id))
    }

    /// A GET below the account.
    pub fn get(&self, rest: &str) -> Call {
        self.client.get(self.path(rest))
    }

    /// A POST below the account.
    pub fn post(&self, rest: &str) -> Call {
        self.client.post(self.path(rest))
    }

    /// Another call below the account.
    pub fn call(&self, method: Method, rest: &str) -> Call {
        self.client.call(method, self.path(rest))
    }

    /// A Worker of the account.
    pub fn script(self, name: &'a str) -> Script<'a> {
        Script { account: self, name, namespace: None }
    }

    /// A Worker in a dispatch namespace of the account.
    pub fn dispatched(self, namespace: &'a str, name: &'a str) -> Script<'a> {
        Script { account: self, name, namespace: Some(namespace) }
    }

    /// # Errors
    /// As [`Call::send`].
    pub async fn scripts(&self) -> Result<Vec<ScriptInfo>, Error> {
        self.client.all(&self.path("/workers/scripts")).await
    }

    /// The account's name below the server's domain, if it has one.
    ///
    /// # Errors
    /// As [`Call::send`].
    pub async fn subdomain(&self) -> Result<Option<String>, Error> {
        match self.get("/workers/subdomain").send::<Subdomain>().await {
            Ok(found) => Ok(found.subdomain),
            Err(error) if error.is(code::SCRIPT_NOT_FOUND) || error.is(10_063) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// # Errors
    /// As [`Call::send`].
    pub async fn tokens(&self) -> Result<Vec<Token>, Error> {
        self.client.all(&self.path("/tokens")).await
    }

    /// # Errors
    /// As [`Call::send`].
    pub async fn kv_namespaces(&self) -> Result<Vec<KvNamespace>, Error> {
        self.client.all(&self.path("/storage/kv/namespaces")).await
    }

    /// # Errors
    /// As [`Call::send`].
    pub async fn create_kv_namespace(&self, title: &str) -> Result<KvNamespace, Error> {
        self.post("/storage/kv/namespaces").json(&json!({ "title": title })).send().await
    }

    /// The path of a namespace.
    fn kv(&self, namespace: &str, rest: &str) -> String {
        self.path(&format!("/storage/kv/namespaces/{}{rest}", encoded(namespace)))
    }

    /// A call about a namespace.
    pub fn kv_call(&self, method: Method, namespace: &str, rest: &str) -> Call {
        self.client.call(method, self.kv(namespace, rest))
    }

    /// A call about one key.
    pub fn kv_value(&self, method: Method, namespace: &str, key: &str) -> Call {
        self.client.call(method, self.kv(namespace, &format!("/values/{}", encoded(key))))
    }

    /// One page of keys.
    ///
    /// # Errors
    /// As [`Call::send`].
    pub async fn kv_keys(
        &self,
        namespace: &str,
        prefix: &str,
        cursor: Option<&str>,
    ) -> Result<Page<Vec<KvKey>>, Error> {
        let call = self.client.get(self.kv(namespace, "/keys")).query("limit", 1000);
        let call = if prefix.is_empty() { call } else { call.query("prefix", prefix) };
        call.query_if("cursor", cursor).page().await
    }
}

/// A Worker of an account.
#[derive(Debug, Clone, Copy)]
pub struct Script<'a> {
    account: Account<'a>,
    name: &'a str,
    /// The dispatch namespace that it is in.
    namespace: Option<&'a str>,
}

impl<'a> Script<'a> {
    pub fn name(&self) -> &'a str {
        self.name
    }

    pub fn account(&self) -> Account<'a> {
        self.account
    }

    fn rest(&self, rest: &str) -> String {
        let name = encoded(self.name);
        match self.namespace.map(encoded) {
            Some(of) => format!("/workers/dispatch/namespaces/{of}/scripts/{name}{rest}"),
            None => format!("/workers/scripts/{name}{rest}"),
        }
    }

    pub fn get(&self, rest: &str) -> Call {
        self.account.get(&self.rest(rest))
    }

    pub fn post(&self, rest: &str) -> Call {
        self.account.post(&self.rest(rest))
    }

    pub fn put(&self, rest: &str) -> Call {
        self.account.call(Method::PUT, &self.rest(rest))
    }

    pub fn patch(&self, rest: &str) -> Call {
        self.account.call(Method::PATCH, &self.rest(rest))
    }

    pub fn delete(&self, rest: &str) -> Call {
        self.account.call(Method::DELETE, &self.rest(rest))
    }

    fn service_path(&self) -> String {
        format!("/workers/services/{}", encoded(self.name))
    }

    /// What is known of the Worker; `None` when there is none.
    ///
    /// # Errors
    /// As [`Call::send`].
    pub async fn service(&self) -> Result<Option<Service>, Error> {
        found(self.account.get(&self.service_path()).send().await)
    }

    /// Deletes the Worker with all that is its own.
    ///
    /// # Errors
    /// As [`Call::send`].
    pub async fn remove(&self, force: bool) -> Result<(), Error> {
        let call = self.account.call(Method::DELETE, &self.service_path());
        call.query("force", force).done().await
    }

    /// # Errors
    /// As [`Call::send`].
    pub async fn references(&self) -> Result<References, Error> {
        Ok(found(self.get("/references").send().await)?.unwrap_or_default())
    }

    /// The names of its secrets; `None` when there is no such Worker.
    ///
    /// # Errors
    /// As [`Call::send`].
    pub async fn secrets(&self) -> Result<Option<Vec<Secret>>, Error> {
        found(self.get("/secrets").send().await)
    }

    /// Its deployments, the newest first; `None` when there is no such Worker.
    ///
    /// # Errors
    /// As [`Call::send`].
    pub async fn deployments(&self) -> Result<Option<Vec<Deployment>>, Error> {
        let answer: Option<Deployments> = found(self.get("/deployments").send().await)?;
        Ok(answer.map(|answer| answer.deployments))
    }

    /// # Errors
    /// As [`Call::send`].
    pub async fn versions(&self, deployable: bool) -> Result<Vec<Version>, Error> {
        let call = self.get("/versions");
        let call = if deployable { call.query("deployable", true) } else { call };
        Ok(call.send::<Versions>().await?.items)
    }

    /// # Errors
    /// As [`Call::send`].
    pub async fn version(&self, id: &str) -> Result<Version, Error> {
        self.get(&format!("/versions/{}", encoded(id))).send().await
    }

    /// Uploads a version that is not deployed.
    ///
    /// # Errors
    /// As [`Call::send`].
    pub async fn upload_version(
        &self,
        form: &Multipart,
        progress: Option<Progress>,
    ) -> Result<Version, Error> {
        self.post("/versions").query("bindings_inherit", "strict").form(form, progress).send().await
    }

    /// Uploads a version and deploys it in one step.
    ///
    /// # Errors
    /// As [`Call::send`].
    pub async fn upload(
        &self,
        form: &Multipart,
        progress: Option<Progress>,
    ) -> Result<Uploaded, Error> {
        let call = self.put("").query("excludeScript", true).query("bindings_inherit", "strict");
        call.form(form, progress).send().await
    }

    /// Gives versions their shares of the requests.
    ///
    /// # Errors
    /// As [`Call::send`].
    pub async fn deploy(
        &self,
        shares: &[Share],
        message: Option<&str>,
        force: bool,
    ) -> Result<Deployment, Error> {
        let mut body = json!({ "strategy": "percentage", "versions": shares });
        if let Some(message) = message {
            body["annotations"] = json!({ "workers/message": message });
        }
        let call = self.post("/deployments");
        let call = if force { call.query("force", true) } else { call };
        call.json(&body).send().await
    }

    /// Whether it answers below the server's domain; `None` when there is no
    /// such Worker.
    ///
    /// # Errors
    /// As [`Call::send`].
    pub async fn subdomain(&self) -> Result<Option<ScriptSubdomain>, Error> {
        found(self.get("/subdomain").send().await)
    }

    /// # Errors
    /// As [`Call::send`].
    pub async fn set_subdomain(&self, wanted: ScriptSubdomain) -> Result<ScriptSubdomain, Error> {
        self.post("/subdomain").json(&json!(wanted)).send().await
    }

    /// # Errors
    /// As [`Call::send`].
    pub async fn create_tail(&self, filters: &[Value]) -> Result<TailInfo, Error> {
        self.post("/tails").json(&json!({ "filters": filters })).send().await
    }

    /// # Errors
    /// As [`Call::send`].
    pub async fn delete_tail(&self, id: &str) -> Result<(), Error> {
        self.delete(&format!("/tails/{}", encoded(id))).done().await
    }

    /// # Errors
    /// As [`Call::send`].
    pub async fn delete_secret(&self, name: &str) -> Result<(), Error> {
        let call = self.delete(&format!("/secrets/{}", encoded(name)));
        call.query("url_encoded", true).done().await
    }
}

/// A missing Worker is an answer too.
fn found<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// A segment of a path, percent-encoded.
pub(crate) fn encoded(segment: &str) -> String {
    let mut text = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => {
                text.push(char::from(byte));
            }
            // A segment of dots alone would be a step in the path.
            b'.' if !segment.bytes().all(|byte| byte == b'.') => text.push('.'),
            // Writing to a string does not fail.
            _ => drop(write!(text, "%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_stay_segments() {
        assert_eq!(encoded("a/b?c#d"), "a%2Fb%3Fc%23d");
        assert_eq!(encoded(".."), "%2E%2E");
        assert_eq!(encoded("a.b"), "a.b");
        assert_eq!(encoded("\u{e4} "), "%C3%A4%20");
    }
}
