//! `selvedge tokens`.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, SecondsFormat, Utc};
use selvedge_client::models::Token;
use serde_json::json;

use super::args::{LocalArgs, ScopeArg, TokensCommand};
use super::connect::Remote;
use super::local::{self, Admin, Wanted};
use super::output::{print, print_json, say, table, time};

/// A day.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) async fn run(command: TokensCommand) -> anyhow::Result<()> {
    match command {
        TokensCommand::Create { name, scopes, all_accounts, expires_in, json, local } => {
            let scopes: Vec<_> = scopes.into_iter().map(ScopeArg::as_str).collect();
            let expires_on = expires_in.map(|days| expiry(SystemTime::now(), days));
            let wanted = Wanted { name: &name, scopes: &scopes, all_accounts, expires_on };
            create(&wanted, json, &local).await
        }
        TokensCommand::List { all_accounts, json, local } => list(all_accounts, json, &local).await,
        TokensCommand::Revoke { id, all_accounts, local } => {
            revoke(&id, all_accounts, &local).await
        }
    }
}

/// When a token that lives for so many days ends.
fn expiry(now: SystemTime, days: u32) -> SystemTime {
    now.checked_add(DAY * days).unwrap_or(now)
}

/// A time as the API wants it.
fn iso(time: SystemTime) -> String {
    DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The path of the tokens of the server, or of the account.
async fn path(remote: &Remote, all_accounts: bool) -> anyhow::Result<String> {
    if all_accounts {
        return Ok("/user/tokens".to_owned());
    }
    Ok(format!("/accounts/{}/tokens", remote.account().await?))
}

async fn create(wanted: &Wanted<'_>, json: bool, args: &LocalArgs) -> anyhow::Result<()> {
    let token = match Admin::of(args)? {
        Admin::Folder(store, account) => local::create_token(&store, account.as_deref(), wanted)?,
        Admin::Api(remote) => {
            let mut body = json!({ "name": wanted.name, "scopes": wanted.scopes });
            if let Some(end) = wanted.expires_on {
                body["expires_on"] = iso(end).into();
            }
            let path = path(&remote, wanted.all_accounts).await?;
            let made = remote.client.post(path).json(&body).send::<Token>().await;
            made.map_err(|error| remote.explain(error))?
        }
    };
    if json {
        return print_json(&token);
    }
    let scopes = wanted.scopes.join(", ");
    say(&format!("Created the token \"{}\" ({}) with: {scopes}.", wanted.name, token.id));
    say("This is its text; it is not shown again:");
    print(token.value.unwrap_or_default())
}

async fn list(all_accounts: bool, json: bool, args: &LocalArgs) -> anyhow::Result<()> {
    let tokens = match Admin::of(args)? {
        Admin::Folder(store, account) => local::tokens(&store, account.as_deref(), all_accounts)?,
        Admin::Api(remote) => {
            let path = path(&remote, all_accounts).await?;
            let tokens = remote.client.get(path).query("per_page", 1000).send::<Vec<Token>>().await;
            tokens.map_err(|error| remote.explain(error))?
        }
    };
    if json {
        return print_json(&tokens);
    }
    let titles = ["Name", "ID", "Scopes", "Made", "Last used", "Ends"];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    let when = |iso: Option<String>| iso.as_deref().map_or_else(|| "-".to_owned(), time);
    rows.extend(tokens.into_iter().map(|token| {
        vec![
            token.name,
            token.id,
            token.scopes.join(","),
            when(token.issued_on),
            when(token.last_used_on),
            when(token.expires_on),
        ]
    }));
    print(table(&rows).trim_end())
}

async fn revoke(id: &str, all_accounts: bool, args: &LocalArgs) -> anyhow::Result<()> {
    match Admin::of(args)? {
        Admin::Folder(store, account) => {
            local::revoke(&store, account.as_deref(), all_accounts, id)?;
        }
        Admin::Api(remote) => {
            let path = path(&remote, all_accounts).await?;
            let revoked = remote.client.delete(format!("{path}/{id}")).done().await;
            revoked.map_err(|error| remote.explain(error))?;
        }
    }
    say(&format!("Revoked the token {id}."));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_ends_after_so_many_days() {
        assert_eq!(iso(expiry(SystemTime::UNIX_EPOCH, 31)), "1970-02-01T00:00:00Z");
    }
}
