//! A server on this machine: whoever may write its data folder needs no token.
//! A running server is asked through its API, as what it wrote into the folder;
//! where none runs, the folder is opened.

use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, anyhow, bail};
use chrono::{DateTime, SecondsFormat};
use selvedge_client::models::{AccountInfo, Token as TokenInfo};
use selvedge_deployments::{
    Account, AccountId, Actor, DeploymentStore as _, InvalidId, Keyring, NewAccount, NewToken,
    Options, Scope, Scopes, SqliteStore, Token, TokenId, UnixMillis, ZonePolicy,
};
use selvedge_storage::data_dir::{DataDir, OpenError};
use serde::Deserialize;

use super::args::LocalArgs;
use super::connect::{Remote, client};
use super::project::server;

/// What a running server leaves in its data folder, for its owner only.
const CONTROL_FILE: &str = "control.json";

#[derive(Deserialize)]
struct Control {
    url: String,
    token: String,
}

/// Who answers.
pub(super) enum Admin {
    /// A server.
    Api(Box<Remote>),
    /// The data folder of a server that does not run, and the account that the
    /// command line names.
    Folder(Box<SqliteStore>, Option<String>),
}

impl Admin {
    /// The one that the command line means.
    pub(super) fn of(args: &LocalArgs) -> anyhow::Result<Self> {
        let Some(folder) = &args.data_dir else {
            return Ok(Self::Api(Box::new(server(&args.server)?)));
        };
        let command = "selvedge tokens";
        match DataDir::open(folder, command, crate::kv::now()) {
            Ok(dir) => {
                let store = open(Arc::new(dir))?;
                Ok(Self::Folder(Box::new(store), args.server.account_id.clone()))
            }
            Err(OpenError::Held { .. }) => Ok(Self::Api(Box::new(running(folder, args)?))),
            Err(error) => Err(anyhow!("{error}")),
        }
    }

    /// The server, for what a folder alone cannot do.
    pub(super) fn api(&self) -> anyhow::Result<&Remote> {
        match self {
            Self::Api(remote) => Ok(remote),
            Self::Folder(..) => bail!("this needs the server\nhint: start `selvedge serve` first"),
        }
    }
}

fn open(dir: Arc<DataDir>) -> anyhow::Result<SqliteStore> {
    // No secret is read or written here, so that any key will do.
    let key = Keyring::random_key().and_then(|key| Keyring::parse_key(&key));
    let keys = key.and_then(|key| Keyring::new(&[key])).map_err(|error| anyhow!("{error}"))?;
    let clock = Arc::new(now);
    let options = Options { keys, zones: ZonePolicy::FirstCome, domain: None, clock };
    SqliteStore::open(dir, options).map_err(|error| anyhow!("{error}"))
}

fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis::try_from(since.as_millis()).unwrap_or(UnixMillis::MAX)
}

fn running(folder: &Path, args: &LocalArgs) -> anyhow::Result<Remote> {
    let path = folder.join(CONTROL_FILE);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => bail!(
            "the data folder {} is in use, but not by `selvedge serve`\nhint: stop what uses it",
            folder.display()
        ),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", path.display()));
        }
    };
    let control: Control =
        serde_json::from_str(&text).with_context(|| format!("{} is not valid", path.display()))?;
    let client = client(&control.url, Some(control.token), args.server.ca_cert.as_deref())?;
    let source = path.display().to_string();
    Ok(Remote::known(client, args.server.account_id.clone(), &source))
}

/// The account that a folder's tokens are for: the one that was named, else the
/// only one there is.
fn account_in(store: &SqliteStore, named: Option<&str>) -> anyhow::Result<AccountId> {
    if let Some(id) = named {
        let parsed: Result<AccountId, _> = id.parse();
        let id = parsed.map_err(|error| anyhow!("\"{id}\" is no id of an account: {error}"))?;
        return match store.account(&id).map_err(|error| anyhow!("{error}"))? {
            Some(account) => Ok(account.id),
            None => bail!("there is no account {id}"),
        };
    }
    let mut accounts = store.accounts().map_err(|error| anyhow!("{error}"))?;
    match (accounts.pop(), accounts.is_empty()) {
        (Some(only), true) => Ok(only.id),
        (None, _) => bail!(
            "there is no account yet\nhint: `selvedge accounts create NAME --data-dir DIR` makes \
             one; --all-accounts makes a token for all of them"
        ),
        (Some(_), false) => bail!("there are several accounts\nhint: name one with --account-id"),
    }
}

/// A token to make.
pub(super) struct Wanted<'a> {
    pub(super) name: &'a str,
    pub(super) scopes: &'a [&'static str],
    pub(super) all_accounts: bool,
    pub(super) expires_on: Option<SystemTime>,
}

/// Makes a token in a folder.
pub(super) fn create_token(
    store: &SqliteStore,
    account: Option<&str>,
    wanted: &Wanted<'_>,
) -> anyhow::Result<TokenInfo> {
    let scopes: Vec<Scope> = wanted
        .scopes
        .iter()
        .map(|scope| scope.parse::<Scope>().map_err(|error| anyhow!("{error}")))
        .collect::<anyhow::Result<_>>()?;
    let since = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let millis = |time| UnixMillis::try_from(since(time).as_millis()).unwrap_or(UnixMillis::MAX);
    let new = NewToken {
        account: (!wanted.all_accounts).then(|| account_in(store, account)).transpose()?,
        name: wanted.name.to_owned(),
        scopes: Scopes::new(scopes),
        expires_on: wanted.expires_on.map(millis),
    };
    let made = store.create_token(new, &Actor::operator()).map_err(|error| anyhow!("{error}"))?;
    Ok(TokenInfo { value: Some(made.1.reveal().to_owned()), ..info(&made.0) })
}

/// The tokens of a folder.
pub(super) fn tokens(
    store: &SqliteStore,
    account: Option<&str>,
    all_accounts: bool,
) -> anyhow::Result<Vec<TokenInfo>> {
    let account = (!all_accounts).then(|| account_in(store, account)).transpose()?;
    let tokens = store.tokens(account.as_ref()).map_err(|error| anyhow!("{error}"))?;
    let is_wanted = |token: &&Token| token.account == account;
    Ok(tokens.iter().filter(is_wanted).map(info).collect())
}

/// Makes a token of a folder invalid.
pub(super) fn revoke(
    store: &SqliteStore,
    account: Option<&str>,
    all_accounts: bool,
    id: &str,
) -> anyhow::Result<()> {
    let account = (!all_accounts).then(|| account_in(store, account)).transpose()?;
    let id: TokenId = id.parse().map_err(|_: InvalidId| anyhow!("\"{id}\" is no id of a token"))?;
    let revoked = store.revoke_token(account.as_ref(), &id, &Actor::operator());
    revoked.map_err(|error| anyhow!("{error}"))
}

/// Makes an account in a folder.
pub(super) fn create_account(
    store: &SqliteStore,
    name: &str,
    subdomain: Option<&str>,
) -> anyhow::Result<AccountInfo> {
    let new =
        NewAccount { name: name.to_owned(), subdomain: subdomain.map(str::to_owned), limits: None };
    let made = store.create_account(new, &Actor::operator()).map_err(|error| anyhow!("{error}"))?;
    Ok(account_info(made))
}

/// The accounts of a folder.
pub(super) fn accounts(store: &SqliteStore) -> anyhow::Result<Vec<AccountInfo>> {
    let accounts = store.accounts().map_err(|error| anyhow!("{error}"))?;
    Ok(accounts.into_iter().map(account_info).collect())
}

fn account_info(account: Account) -> AccountInfo {
    AccountInfo {
        id: account.id.to_string(),
        name: account.name,
        subdomain: account.subdomain,
        created_on: iso(account.created_on),
    }
}

fn info(token: &Token) -> TokenInfo {
    TokenInfo {
        id: token.id.to_string(),
        name: token.name.clone(),
        scopes: token.scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
        issued_on: iso(token.created_on),
        expires_on: token.expires_on.and_then(iso),
        last_used_on: token.last_used_on.and_then(iso),
        value: None,
    }
}

fn iso(millis: UnixMillis) -> Option<String> {
    let time = DateTime::from_timestamp_millis(millis)?;
    Some(time.to_rfc3339_opts(SecondsFormat::Secs, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_nobody_serves_takes_accounts_and_tokens() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let args = LocalArgs { data_dir: Some(folder.path().join("data")), ..LocalArgs::default() };
        let Admin::Folder(store, _) = Admin::of(&args)? else { bail!("nobody serves it") };
        let wanted = |all_accounts| Wanted {
            name: "first",
            scopes: &["admin"],
            all_accounts,
            expires_on: None,
        };
        let error = create_token(&store, None, &wanted(false)).err().context("no account yet")?;
        assert!(error.to_string().contains("accounts create"), "{error}");
        let account = create_account(&store, "Ada", None)?;
        let token = create_token(&store, None, &wanted(false))?;
        let text = token.value.context("its text")?;
        let known = store.token_of(&text).map_err(|error| anyhow!("{error}"))?;
        let known = known.context("the token is known")?;
        assert_eq!(known.account.map(|id| id.to_string()), Some(account.id));
        create_token(&store, None, &wanted(true))?;
        assert_eq!((tokens(&store, None, false)?.len(), tokens(&store, None, true)?.len()), (1, 1));
        revoke(&store, None, false, &token.id)?;
        assert!(tokens(&store, None, false)?.is_empty());
        Ok(())
    }
}
