//! The keys that encrypt secrets.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use selvedge_deployments::Keyring;
use selvedge_server::log::{Level, Log};

use super::args::ServeArgs;

/// The key that is made where the operator gives none.
const FILE: &str = "secrets.key";

/// The keys that the command line names, or one of the data folder's own.
pub(super) fn keyring(args: &ServeArgs, log: &Log) -> anyhow::Result<Keyring> {
    let text = match (&args.secrets_key, &args.secrets_key_file) {
        (Some(text), _) => text.clone(),
        (None, Some(file)) => std::fs::read_to_string(file)
            .with_context(|| format!("cannot read {}", file.display()))?,
        (None, None) => own(&args.data_dir, log)?,
    };
    let lines = text.split([',', '\n']).map(str::trim).filter(|line| !line.is_empty());
    let keys = lines.map(Keyring::parse_key).collect::<Result<Vec<_>, _>>();
    let keys = keys.map_err(|error| anyhow!(error.to_string()))?;
    Keyring::new(&keys).map_err(|error| anyhow!(error.to_string()))
}

fn own(data_dir: &Path, log: &Log) -> anyhow::Result<String> {
    let path = data_dir.join(FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) => return Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
    let key = Keyring::random_key().map_err(|error| anyhow!(error.to_string()))?;
    write_private(&path, &format!("{key}\n"))?;
    let text = format!(
        "made {}, which encrypts the secrets of Workers; who has the data folder has it too: \
         --secrets-key-file names one elsewhere",
        path.display()
    );
    log.event(Level::Info, &text, Vec::new());
    Ok(key)
}

/// Writes a file that only its owner may read; it is whole or not there.
pub(super) fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let part = path.with_extension("part");
    let written = || -> std::io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&part)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&part, path)
    };
    written().with_context(|| format!("cannot write {}", path.display()))
}
