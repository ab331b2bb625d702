//! `connect`: from the configuration to addresses.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::Deserialize;

use crate::config::{Config, Diagnostic};

/// Where a Worker listens for TCP connections, which its `connect()` handler takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConnectListeners(Vec<SocketAddr>);

#[derive(Deserialize)]
struct Entry {
    protocol: String,
    port: f64,
    address: Option<String>,
}

impl ConnectListeners {
    /// Those of a configuration.
    ///
    /// # Errors
    /// When an entry is of another protocol, has no port or address that can be, or the
    /// port of another one.
    pub(crate) fn configured(config: &Config) -> Result<Self, Diagnostic> {
        let mut all: Vec<SocketAddr> = Vec::new();
        for section in config.tables("connect")? {
            let Entry { protocol, port, address } = section.read()?;
            if protocol != "tcp" {
                let text = format!("the \"protocol\" is \"tcp\", and not {protocol:?}");
                return Err(section.error(text));
            }
            if port.fract() != 0.0 || !(1.0..=65535.0).contains(&port) {
                let text =
                    format!("the \"port\" is a whole number between 1 and 65535, not {port}");
                return Err(section.error(text));
            }
            let port = port as u16;
            let ip = match address.as_deref() {
                None => IpAddr::V4(Ipv4Addr::LOCALHOST),
                Some(text) => ip(text).ok_or_else(|| {
                    section.error(format!(
                        "the \"address\" is an IP address of this machine, \"localhost\", or \
                         \"*\" for all, and not {text:?}"
                    ))
                })?,
            };
            if let Some(first) = all.iter().position(|other| other.port() == port) {
                return Err(
                    section.error(format!("the port {port} is that of `connect[{first}]` already"))
                );
            }
            all.push(SocketAddr::new(ip, port));
        }
        Ok(Self(all))
    }

    /// Whether it listens nowhere.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The addresses.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.0
    }
}

fn ip(text: &str) -> Option<IpAddr> {
    match text {
        "localhost" => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        "*" => Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        _ => {
            let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
            inner.unwrap_or(text).parse().ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_machines() {
        assert_eq!(ip("localhost"), Some(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        assert_eq!(ip("*"), Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
        assert_eq!(ip("[::1]"), "::1".parse().ok());
        assert_eq!(ip("10.0.0.1"), "10.0.0.1".parse().ok());
        assert_eq!((ip("example.com"), ip("")), (None, None));
    }
}
