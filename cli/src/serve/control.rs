//! `DATA/control.json`: how commands on the same machine reach the API of the
//! server that runs. It goes with the process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use selvedge_deployments::Keyring;

use super::keys::write_private;

const FILE: &str = "control.json";

/// The file, until this is dropped.
pub(super) struct Control {
    path: PathBuf,
    token: String,
}

impl Control {
    /// Makes a token that lives as long as the process, and writes the file.
    pub(super) fn write(data_dir: &Path, admin: Option<SocketAddr>) -> anyhow::Result<Self> {
        let token = Keyring::random_key().map_err(|error| anyhow!(error.to_string()))?;
        let admin = admin.context("the API has no address")?;
        // What listens everywhere is reached here, too.
        let host = match admin.ip() {
            ip if ip.is_unspecified() && ip.is_ipv4() => "127.0.0.1".to_owned(),
            ip if ip.is_unspecified() => "[::1]".to_owned(),
            std::net::IpAddr::V6(ip) => format!("[{ip}]"),
            ip => ip.to_string(),
        };
        let json = serde_json::json!({
            "url": format!("http://{host}:{}/client/v4", admin.port()),
            "token": token,
            "pid": std::process::id(),
        });
        let path = data_dir.join(FILE);
        write_private(&path, &format!("{json}\n"))?;
        Ok(Self { path, token })
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
