//! `selvedge login`, `logout` and `whoami`.

use anyhow::{Context as _, bail};
use serde_json::json;

use super::args::{LoginArgs, LogoutArgs, WhoamiArgs};
use super::connect::{Remote, canonical, client};
use super::credentials::{self, Credentials, Login};
use super::output::{print, print_json, read_secret, say, table};
use super::project::server;

pub(super) async fn login(args: LoginArgs) -> anyhow::Result<()> {
    let url = canonical(&args.url).with_context(|| {
        format!(
            "\"{}\" is no address of a server, which looks like http://127.0.0.1:8081",
            args.url
        )
    })?;
    let path = credentials::path()?;
    let mut stored = Credentials::read(&path)?;
    let token = match token_of_environment() {
        Some(token) => token,
        None => read_secret(&format!("API token for {url}"))?,
    };
    if token.is_empty() {
        bail!(
            "there is no token\nhint: `selvedge tokens create NAME --data-dir DIR` makes one on \
             the server's machine"
        );
    }
    let ca_cert = args.ca_cert.as_deref().map(std::path::absolute).transpose()?;
    let client = client(&url, Some(token.clone()), ca_cert.as_deref())?;
    let remote = Remote::known(client, args.account_id.clone(), "the command line");
    remote.client.verify().await.map_err(|error| remote.explain(error))?;
    let accounts = remote.client.accounts().await.map_err(|error| remote.explain(error))?;
    let account_id = match (args.account_id, accounts.as_slice()) {
        (Some(id), _) if accounts.iter().all(|account| account.id != id) => {
            bail!("the token does not reach an account with the id {id}");
        }
        (Some(id), _) => Some(id),
        (None, [only]) => Some(only.id.clone()),
        (None, _) => None,
    };
    stored.default = Some(url.clone());
    stored.servers.insert(url.clone(), Login { token, account_id: account_id.clone(), ca_cert });
    stored.write(&path)?;
    say(&format!("Logged in to {url}; the token is in {}.", path.display()));
    match account_id {
        Some(id) => say(&format!("The account is {id}.")),
        None => say("There are several accounts; name one with --account-id or `account_id`."),
    }
    Ok(())
}

fn token_of_environment() -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the command line is where the environment is read"
    )]
    let token = std::env::var("SELVEDGE_API_TOKEN").ok()?;
    (!token.is_empty()).then_some(token)
}

pub(super) fn logout(args: &LogoutArgs) -> anyhow::Result<()> {
    let path = credentials::path()?;
    let mut stored = Credentials::read(&path)?;
    let url = match &args.url {
        Some(url) => canonical(url).with_context(|| format!("\"{url}\" is no address"))?,
        None => stored.default.clone().context("there is no login")?,
    };
    if stored.servers.remove(&url).is_none() {
        bail!("there is no login for {url}");
    }
    if stored.default.as_ref() == Some(&url) {
        stored.default = stored.servers.keys().next().cloned();
    }
    stored.write(&path)?;
    say(&format!("Forgot the token for {url}. It stays valid: `selvedge tokens revoke` ends it."));
    Ok(())
}

pub(super) async fn whoami(args: &WhoamiArgs) -> anyhow::Result<()> {
    let remote = server(&args.server)?;
    let explain = |error| remote.explain(error);
    let token = remote.client.verify().await.map_err(explain)?;
    let accounts = remote.client.accounts().await.map_err(explain)?;
    // Tokens of an account belong to no user.
    let user = remote.client.user().await.unwrap_or_default();
    if args.json {
        return print_json(&json!({
            "server": remote.client.base().as_str(),
            "email": user.email,
            "token": token,
            "accounts": accounts,
        }));
    }
    print(format!("Server    {}", remote.client.base()))?;
    if let Some(email) = &user.email {
        print(format!("User      {email}"))?;
    }
    if let Some(id) = token.get("id").and_then(serde_json::Value::as_str) {
        print(format!("Token     {id}"))?;
    }
    if let Some(scopes) = token.get("scopes").and_then(serde_json::Value::as_array) {
        let scopes: Vec<_> = scopes.iter().filter_map(serde_json::Value::as_str).collect();
        print(format!("Scopes    {}", scopes.join(", ")))?;
    }
    let mut rows = vec![vec!["Account".to_owned(), "ID".to_owned()]];
    rows.extend(accounts.into_iter().map(|account| vec![account.name, account.id]));
    print(format!("\n{}", table(&rows).trim_end()))
}
