//! The tokens that `selvedge login` remembers: one file, for its owner only.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use serde::{Deserialize, Serialize};

/// What the file holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Credentials {
    /// The server of the last login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) default: Option<String>,
    /// By the URL of the API.
    #[serde(default)]
    pub(super) servers: BTreeMap<String, Login>,
}

/// What is remembered of a server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Login {
    pub(super) token: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) account_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ca_cert: Option<PathBuf>,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("account_id", &self.account_id).finish_non_exhaustive()
    }
}

impl Credentials {
    /// Reads the file; nothing when there is none.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => return Err(anyhow!("cannot read {}: {error}", path.display())),
        };
        toml::from_str(&text).map_err(|error| {
            // Its own text shows the line, and the line may hold a token.
            anyhow!("{} is not valid: {}", path.display(), error.message())
        })
    }

    /// Writes the file, in one step.
    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let failed = || format!("cannot write {}", path.display());
        let text = toml::to_string(self).with_context(failed)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        private_folder(folder).with_context(failed)?;
        let new = path.with_extension(format!("{}.new", std::process::id()));
        let written = private_file(&new)
            .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
            .and_then(|()| std::fs::rename(&new, path));
        if written.is_err() {
            // What matters is why it was not written.
            let _ = std::fs::remove_file(&new);
        }
        written.with_context(failed)
    }
}

/// The file's path: below `XDG_CONFIG_HOME`, else below `~/.config`.
pub(super) fn path() -> anyhow::Result<PathBuf> {
    let variable = |name: &str| {
        #[expect(
            clippy::disallowed_methods,
            reason = "the command line is where the environment is read"
        )]
        std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
    };
    let folder = variable("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
    let folder = folder.or_else(|| {
        let home = variable("HOME").or_else(|| variable("USERPROFILE"))?;
        Some(home.join(".config"))
    });
    let folder = folder.context(
        "there is no home folder to keep credentials in\nhint: set HOME, or SELVEDGE_API_URL and \
         SELVEDGE_API_TOKEN",
    )?;
    Ok(folder.join("selvedge").join("credentials.toml"))
}

#[cfg(unix)]
fn private_folder(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn private_folder(path: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(path)
}

fn private_file(path: &Path) -> std::io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_is_for_the_owner_only() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a").join("credentials.toml");
        assert_eq!(Credentials::read(&path)?, Credentials::default());
        let login = Login { token: "t".into(), account_id: Some("a".into()), ca_cert: None };
        let credentials = Credentials {
            default: Some("http://x/client/v4".into()),
            servers: [("http://x/client/v4".to_owned(), login)].into(),
        };
        credentials.write(&path)?;
        assert_eq!(Credentials::read(&path)?, credentials);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: &Path| {
                std::fs::metadata(path).map(|metadata| metadata.permissions().mode() & 0o777)
            };
            assert_eq!(mode(&path)?, 0o600);
            assert_eq!(mode(path.parent().context("a folder")?)?, 0o700);
        }
        Ok(())
    }

    #[test]
    fn an_invalid_file_is_told_without_what_it_holds() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("credentials.toml");
        std::fs::write(&path, "default = very-secret")?;
        let error = Credentials::read(&path).err().context("it is not valid")?;
        assert!(!format!("{error:#}").contains("very-secret"), "{error:#}");
        Ok(())
    }
}
