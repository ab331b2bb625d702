//! From the command line, the environment, the project and what `login`
//! remembers to a client of one server.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use selvedge_client::{Client, Error, Options, code};

use super::args::ServerArgs;
use super::credentials::{self, Credentials, Login};

/// What a command may read targets from besides the command line.
#[derive(Debug, Clone, Default)]
pub(super) struct Surroundings {
    /// Variables of `.env` files beside the configuration.
    pub(super) dot_env: Vec<(String, String)>,
    /// `account_id` of the configuration.
    pub(super) account_id: Option<String>,
}

/// A server and an account on it.
#[derive(Debug)]
pub(super) struct Remote {
    pub(super) client: Client,
    account: Option<String>,
    /// Where the address is from, for messages.
    source: String,
    has_token: bool,
}

/// Who the target is, and where that stands.
#[derive(Default)]
struct Target {
    url: String,
    token: Option<String>,
    account: Option<String>,
    ca_cert: Option<PathBuf>,
    source: String,
}

impl Remote {
    /// Finds the server; nothing is sent yet.
    pub(super) fn new(args: &ServerArgs, around: &Surroundings) -> anyhow::Result<Self> {
        let variables = Variables { dot_env: &around.dot_env };
        let stored = credentials::path().and_then(|path| Credentials::read(&path));
        let target = target(args, around, &variables, stored)?;
        let client = client(&target.url, target.token.clone(), target.ca_cert.as_deref())?;
        Ok(Self {
            client,
            account: target.account,
            source: target.source,
            has_token: target.token.is_some(),
        })
    }

    /// A server that is known already.
    pub(super) fn known(client: Client, account: Option<String>, source: &str) -> Self {
        Self { client, account, source: source.to_owned(), has_token: true }
    }

    /// The account: the one that was named, or the only one there is.
    pub(super) async fn account(&self) -> anyhow::Result<String> {
        if let Some(account) = &self.account {
            return Ok(account.clone());
        }
        let accounts = self.client.accounts().await.map_err(|error| self.explain(error))?;
        match accounts.as_slice() {
            [only] => Ok(only.id.clone()),
            [] => bail!(
                "the token reaches no account on {}\nhint: `selvedge accounts create NAME` makes one",
                self.client.origin()
            ),
            many => {
                let list: Vec<_> = many
                    .iter()
                    .map(|account| format!("  {}  {}", account.id, account.name))
                    .collect();
                bail!(
                    "the token reaches {} accounts\nhint: name one with --account-id, \
                     SELVEDGE_ACCOUNT_ID or `account_id` in the configuration:\n{}",
                    many.len(),
                    list.join("\n")
                )
            }
        }
    }

    /// An error with what to do about it.
    pub(super) fn explain(&self, error: Error) -> anyhow::Error {
        let hint = match &error {
            Error::Network { .. } => Some(format!(
                "is the server running? The address is from {}; this is its admin address, not \
                 the one that Workers answer on",
                self.source
            )),
            error if error.is_unauthorized() || error.is(code::AUTHENTICATION) => {
                Some(if self.has_token {
                    format!(
                        "the server at {} does not let this token do it; `selvedge whoami` tells \
                         whose it is, `selvedge login {}` takes another one",
                        self.client.origin(),
                        self.client.origin()
                    )
                } else {
                    format!(
                        "there is no token for {}: `selvedge login {}`, or set SELVEDGE_API_TOKEN",
                        self.client.origin(),
                        self.client.origin()
                    )
                })
            }
            error if error.is(code::SCRIPT_NOT_FOUND) => {
                Some("`selvedge deploy` makes a Worker".to_owned())
            }
            error if error.is(code::INHERIT) => Some(
                "a binding was to be taken over from the version before, which does not have it; \
                 is a secret missing? `selvedge secret put NAME` sets it"
                    .to_owned(),
            ),
            error if error.is(code::NOT_LATEST) => Some(
                "the newest version is not the deployed one; deploy it first with `selvedge \
                 versions deploy`"
                    .to_owned(),
            ),
            Error::Unexpected { .. } => Some(format!(
                "is {} the admin address of a Selvedge server? It is from {}",
                self.client.base(),
                self.source
            )),
            _ => None,
        };
        match hint {
            Some(hint) => anyhow!("{error}\nhint: {hint}"),
            None => anyhow!("{error}"),
        }
    }
}

/// A client of the API at `url`.
pub(super) fn client(
    url: &str,
    token: Option<String>,
    ca_cert: Option<&Path>,
) -> anyhow::Result<Client> {
    let trusted = ca_cert
        .map(|path| std::fs::read(path).with_context(|| format!("cannot read {}", path.display())))
        .transpose()?;
    let options = Options {
        base: url.to_owned(),
        token,
        agent: format!("selvedge/{}", env!("CARGO_PKG_VERSION")),
        trusted,
        ..Options::default()
    };
    Ok(Client::new(options)?)
}

/// The environment, and below it the project's `.env` files.
struct Variables<'a> {
    dot_env: &'a [(String, String)],
}

impl Variables<'_> {
    /// A variable and where it is from.
    fn get(&self, name: &str) -> Option<(String, &'static str)> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the command line is where the environment is read"
        )]
        let outside = std::env::var(name).ok().filter(|value| !value.is_empty());
        if let Some(value) = outside {
            return Some((value, "the environment"));
        }
        let inside = self.dot_env.iter().find(|(known, value)| known == name && !value.is_empty());
        inside.map(|(_, value)| (value.clone(), "a .env file"))
    }

    fn value(&self, name: &str) -> Option<String> {
        self.get(name).map(|(value, _)| value)
    }
}

/// The target. A token is sent only to the server that it was given for: tokens
/// of Cloudflare go nowhere unless the environment names the API beside them.
fn target(
    args: &ServerArgs,
    around: &Surroundings,
    variables: &Variables<'_>,
    stored: anyhow::Result<Credentials>,
) -> anyhow::Result<Target> {
    let account = |of_target: Option<String>| {
        let named = args.account_id.clone().or_else(|| variables.value("SELVEDGE_ACCOUNT_ID"));
        named.or_else(|| around.account_id.clone()).or(of_target)
    };
    let ca_cert = args.ca_cert.clone();
    let ours = args.api_url.clone().map(|url| (url, "--api-url or SELVEDGE_API_URL"));
    let ours = ours.or_else(|| variables.get("SELVEDGE_API_URL"));
    let ours_token = variables.value("SELVEDGE_API_TOKEN");
    if let Some((url, source)) = ours {
        let login = stored.ok().and_then(|stored| find(&stored, &url));
        let (account_of_login, ca_of_login, token_of_login) = parts(login);
        return Ok(Target {
            token: ours_token.or(token_of_login),
            account: account(account_of_login),
            ca_cert: ca_cert.or(ca_of_login),
            source: format!("{source} ({url})"),
            url,
        });
    }
    let theirs =
        ["CLOUDFLARE_API_BASE_URL", "CF_API_BASE_URL"].iter().find_map(|name| variables.get(name));
    if let Some((url, source)) = theirs {
        let token = ["CLOUDFLARE_API_TOKEN", "CF_API_TOKEN"];
        let id = ["CLOUDFLARE_ACCOUNT_ID", "CF_ACCOUNT_ID"];
        let first = |names: [&str; 2]| names.iter().find_map(|name| variables.value(name));
        return Ok(Target {
            token: ours_token.or_else(|| first(token)),
            account: account(first(id)),
            ca_cert,
            source: format!("CLOUDFLARE_API_BASE_URL in {source} ({url})"),
            url,
        });
    }
    let stored = stored?;
    let Some(url) = stored.default.clone() else {
        bail!(
            "which server?\nhint: `selvedge login URL` remembers one, such as \
             http://127.0.0.1:8081; or set SELVEDGE_API_URL and SELVEDGE_API_TOKEN"
        );
    };
    let (account_of_login, ca_of_login, token_of_login) = parts(find(&stored, &url));
    Ok(Target {
        token: ours_token.or(token_of_login),
        account: account(account_of_login),
        ca_cert: ca_cert.or(ca_of_login),
        source: format!("`selvedge login` ({url})"),
        url,
    })
}

fn parts(login: Option<Login>) -> (Option<String>, Option<PathBuf>, Option<String>) {
    login.map_or((None, None, None), |login| (login.account_id, login.ca_cert, Some(login.token)))
}

/// What is remembered of a server, however its address is written.
fn find(stored: &Credentials, url: &str) -> Option<Login> {
    let wanted = canonical(url)?;
    let mut servers = stored.servers.iter();
    let (_, login) = servers.find(|(known, _)| canonical(known).as_ref() == Some(&wanted))?;
    Some(login.clone())
}

/// One spelling of an API's address.
pub(super) fn canonical(url: &str) -> Option<String> {
    let client = client(url, None, None).ok()?;
    Some(client.base().as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(
        args: &ServerArgs,
        dot_env: &[(&str, &str)],
        stored: Credentials,
    ) -> anyhow::Result<Target> {
        let dot_env: Vec<_> =
            dot_env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let variables = Variables { dot_env: &dot_env };
        target(args, &Surroundings::default(), &variables, Ok(stored))
    }

    fn stored(url: &str) -> Credentials {
        let login = Login { token: "stored".into(), account_id: Some("a1".into()), ca_cert: None };
        Credentials { default: Some(url.into()), servers: [(url.to_owned(), login)].into() }
    }

    #[test]
    fn a_stored_token_goes_to_its_own_server_only() -> anyhow::Result<()> {
        let known = stored("http://127.0.0.1:8081/client/v4");
        let args = |url: &str| ServerArgs { api_url: Some(url.into()), ..ServerArgs::default() };
        let same = resolve(&args("http://127.0.0.1:8081/"), &[], known.clone())?;
        assert_eq!(same.token.as_deref(), Some("stored"));
        let other = resolve(&args("http://127.0.0.1:9999"), &[], known)?;
        assert_eq!((other.token, other.account), (None, None));
        Ok(())
    }

    #[test]
    fn a_token_of_cloudflare_alone_is_not_used() -> anyhow::Result<()> {
        let variables = [("CLOUDFLARE_API_TOKEN", "theirs"), ("CLOUDFLARE_ACCOUNT_ID", "a2")];
        let target = resolve(&ServerArgs::default(), &variables, stored("http://x/client/v4"))?;
        assert_eq!(target.token.as_deref(), Some("stored"));
        assert_eq!(target.account.as_deref(), Some("a1"));
        let mut all = variables.to_vec();
        all.push(("CLOUDFLARE_API_BASE_URL", "http://y/client/v4"));
        let target = resolve(&ServerArgs::default(), &all, stored("http://x/client/v4"))?;
        assert_eq!(target.url, "http://y/client/v4");
        assert_eq!(target.token.as_deref(), Some("theirs"));
        assert_eq!(target.account.as_deref(), Some("a2"));
        Ok(())
    }

    #[test]
    fn without_a_server_the_error_says_how_to_name_one() {
        let error = resolve(&ServerArgs::default(), &[], Credentials::default()).err();
        let text = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(text.contains("selvedge login"), "{text}");
    }
}
