//! The command line of `selvedge serve`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;

use crate::args::{FormatArg, LevelArg};

const EXAMPLES: &str = "\
Examples:
  selvedge serve --data-dir ./data --domain edge.localhost
      Serve what is deployed, at http://NAME.edge.localhost:8080. Deploy with
      `selvedge deploy` or with wrangler, by the API on 127.0.0.1:8081.

  selvedge serve --data-dir /var/lib/selvedge --config /etc/selvedge/server.toml \\
      --listen :443 --domain edge.example.com --tls-cert cert.pem --tls-key key.pem
      Serve strangers over HTTPS.

SIGTERM and Ctrl-C stop: /readyz says no, then nothing more is accepted, then
requests in flight end. SIGHUP reads the certificates again, and
opens the access log anew.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ServeArgs {
    /// Where all is kept: what is deployed, KV, Durable Objects, logs.
    #[arg(long, value_name = "FOLDER", env = "SELVEDGE_DATA_DIR", hide_env_values = true)]
    pub(crate) data_dir: PathBuf,

    /// The settings: server.toml.
    #[arg(short, long, value_name = "FILE", env = "SELVEDGE_CONFIG", hide_env_values = true)]
    pub(crate) config: Option<PathBuf>,

    /// Where clients of Workers connect: an address with a port, or :PORT for all addresses. May be
    /// given several times.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080", help_heading = "Server")]
    pub(crate) listen: Vec<String>,

    /// Where the API, the dashboard and the metrics are. Keep it from strangers.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081", help_heading = "Server")]
    pub(crate) admin_listen: Vec<String>,

    /// The server's own domain: Workers answer at NAME.DOMAIN.
    #[arg(long, value_name = "DOMAIN", env = "SELVEDGE_DOMAIN", hide_env_values = true)]
    #[arg(help_heading = "Server")]
    pub(crate) domain: Option<String>,

    /// Serve HTTPS with this certificate chain (PEM), where server.toml names no other one.
    #[arg(long, value_name = "FILE", requires = "tls_key", help_heading = "Server")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// The certificate's private key (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_cert", help_heading = "Server")]
    pub(crate) tls_key: Option<PathBuf>,

    /// How many seconds /readyz says no before nothing more is accepted.
    #[arg(long, value_name = "SECONDS", help_heading = "Server")]
    pub(crate) drain_delay: Option<u64>,

    /// Write a line of JSON for each request to this file; SIGHUP opens it again.
    #[arg(long, value_name = "FILE", help_heading = "Log")]
    pub(crate) access_log: Option<PathBuf>,

    /// Threads that accept connections; 0: as many as fit the machine.
    #[arg(long, value_name = "N", default_value_t = 0, hide_short_help = true)]
    #[arg(help_heading = "Server")]
    pub(crate) ingress_threads: usize,

    /// A file with the keys that encrypt secrets, one a line; the first one encrypts, the others
    /// only decrypt [default: secrets.key in the data folder, made if it is not there].
    #[arg(long, value_name = "FILE", help_heading = "Secrets")]
    pub(crate) secrets_key_file: Option<PathBuf>,

    /// The same as text, from the environment.
    #[arg(long, value_name = "KEYS", env = "SELVEDGE_SECRETS_KEY", hide_env_values = true)]
    #[arg(hide = true, conflicts_with = "secrets_key_file")]
    pub(crate) secrets_key: Option<String>,

    /// How much to say.
    #[arg(long, value_name = "LEVEL", default_value = "info", help_heading = "Log")]
    #[arg(env = "SELVEDGE_LOG_LEVEL", hide_env_values = true)]
    pub(crate) log_level: LevelArg,

    /// How to say it: "pretty" for people, "json" for programs, one object a line on stdout.
    #[arg(long, value_name = "FORMAT", default_value = "pretty", help_heading = "Log")]
    #[arg(env = "SELVEDGE_LOG_FORMAT", hide_env_values = true)]
    pub(crate) log_format: FormatArg,
}

/// What `--listen` names.
pub(super) fn addresses(texts: &[String]) -> anyhow::Result<Vec<SocketAddr>> {
    let mut all = Vec::new();
    for text in texts {
        if let Some(port) = text.strip_prefix(':') {
            let port =
                port.parse::<u16>().with_context(|| format!("\"{text}\" has no valid port"))?;
            all.push((IpAddr::from(Ipv4Addr::UNSPECIFIED), port).into());
            // Not every machine has the other kind.
            if std::net::TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
                all.push((IpAddr::from(Ipv6Addr::UNSPECIFIED), port).into());
            }
            continue;
        }
        let Some((host, port)) = text.rsplit_once(':') else {
            bail!("\"{text}\" has no port\nhint: write {text}:8080, or :8080 for all addresses");
        };
        let port = port.parse::<u16>().with_context(|| format!("\"{text}\" has no valid port"))?;
        all.extend(crate::run::addresses(host, port)?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_port() {
        let of = |text: &str| addresses(&[text.to_owned()]);
        assert_eq!(of("127.0.0.1:80").expect("valid")[0].to_string(), "127.0.0.1:80");
        assert_eq!(of("[::1]:80").expect("valid")[0].to_string(), "[::1]:80");
        assert_eq!(of(":80").expect("valid")[0].to_string(), "0.0.0.0:80");
        for wrong in ["127.0.0.1", ":", ":many", "127.0.0.1:99999"] {
            of(wrong).expect_err(wrong);
        }
    }
}
