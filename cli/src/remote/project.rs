//! What commands need of a project: the Worker's name, and where to.

use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use selvedge_server::config::{self, FILE_NAMES};

use super::args::{ServerArgs, WorkerArgs};
use super::connect::{Remote, Surroundings};

/// A Worker on a server.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) remote: Remote,
    pub(super) account: String,
    pub(super) name: String,
}

impl Target {
    /// Finds the Worker that was asked for; `given` is a name from elsewhere on
    /// the command line.
    pub(super) async fn find(args: &WorkerArgs, given: Option<&str>) -> anyhow::Result<Self> {
        let found = Found::new(args.config.as_deref(), args.env.as_deref())?;
        let name = given.or(args.name.as_deref()).map(str::to_owned).or(found.name);
        let Some(name) = name else {
            bail!(
                "which Worker?\nhint: name it with --name, or go to a folder with a {} that has a \
                 `name`",
                FILE_NAMES.join(", ")
            );
        };
        let remote = Remote::new(&args.server, &found.around)?;
        let account = remote.account().await?;
        Ok(Self { remote, account, name })
    }
}

/// What a configuration says to commands that do not build.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) name: Option<String>,
    pub(super) around: Surroundings,
}

impl Found {
    /// Reads the configuration that was named, else that of this folder or of
    /// one above, if there is one.
    pub(super) fn new(file: Option<&Path>, env: Option<&str>) -> anyhow::Result<Self> {
        let file = match file {
            Some(file) if file.is_file() => Some(file.to_owned()),
            Some(file) => bail!("there is no configuration {}", file.display()),
            None => config::find_above(Path::new(".")),
        };
        let (name, account_id) = match &file {
            Some(file) => {
                let identity = config::identity_in(file, env);
                let identity = identity.map_err(|error| anyhow!(error.text()))?;
                (identity.name, identity.account_id)
            }
            None => (None, None),
        };
        let folder = file.as_deref().and_then(Path::parent).map(Path::to_path_buf);
        let around = surroundings(&folder.unwrap_or_default(), env, account_id)?;
        Ok(Self { name, around })
    }
}

/// The `.env` files of a folder, and the account that its configuration names.
pub(super) fn surroundings(
    folder: &Path,
    env: Option<&str>,
    account_id: Option<String>,
) -> anyhow::Result<Surroundings> {
    let folder = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() };
    let dot_env = config::dot_env_of(&folder, env).map_err(|error| anyhow!(error.text()))?;
    Ok(Surroundings { dot_env, account_id })
}

/// A server, for commands that are about no Worker.
pub(super) fn server(args: &ServerArgs) -> anyhow::Result<Remote> {
    Remote::new(args, &Found::new(None, None).map(|found| found.around).unwrap_or_default())
}
