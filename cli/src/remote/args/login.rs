//! `selvedge login`, `logout` and `whoami`.

use std::path::PathBuf;

use clap::Args;

use super::ServerArgs;

pub(super) const LOGIN_EXAMPLES: &str = "\
Examples:
  selvedge login http://127.0.0.1:8081
      Ask for a token, try it, and remember it.

  printf %s \"$TOKEN\" | selvedge login https://admin.example.com
      The same for a script.";

#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// The server's API, such as http://127.0.0.1:8081.
    #[arg(value_name = "URL", env = "SELVEDGE_API_URL", hide_env_values = true)]
    pub(crate) url: String,

    /// The account to use [default: the only one that the token reaches].
    #[arg(long, value_name = "ID")]
    pub(crate) account_id: Option<String>,

    /// Also trust the certificates in this file (PEM).
    #[arg(long, value_name = "FILE", env = "SELVEDGE_CA_CERT", hide_env_values = true)]
    pub(crate) ca_cert: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct LogoutArgs {
    /// The server [default: that of the last login].
    #[arg(value_name = "URL")]
    pub(crate) url: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct WhoamiArgs {
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) server: ServerArgs,
}
