//! Where a database is, and how it is reached.

use std::fmt;

use url::Url;

/// How many connections a pool has at most, unless it says otherwise.
pub const CONNECTIONS: usize = 20;
/// How many it may say.
pub const MAX_CONNECTIONS: usize = 100;
/// The port of PostgreSQL.
const PORT: u16 = 5432;

/// Whether connections are encrypted, in the words of PostgreSQL's own clients
/// (<https://www.postgresql.org/docs/current/libpq-ssl.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SslMode {
    /// Never.
    Disable,
    /// If the origin can.
    #[default]
    Prefer,
    /// Always, whoever has the certificate.
    Require,
    /// Always, with a certificate of an authority that is believed.
    VerifyCa,
    /// The same, and the certificate is the host's.
    VerifyFull,
}

impl SslMode {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }

    /// The mode of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "disable" => Self::Disable,
            "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            _ => return None,
        })
    }
}

/// A database.
#[derive(Clone, PartialEq, Eq)]
pub struct Origin {
    /// A name or an address, without brackets.
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: String,
    pub database: String,
    pub ssl: SslMode,
    /// Connections at the same time, at most.
    pub connections: usize,
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origin({}:{}/{})", self.host, self.port, self.database)
    }
}

/// What is said of a database that is not PostgreSQL.
pub const NOT_POSTGRES: &str =
    "only PostgreSQL is supported behind Hyperdrive: MySQL is not spoken here";

impl Origin {
    /// The database that a connection string names. The text is not repeated in
    /// errors, for it has a password.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("it is not a URL: {error}"))?;
        match url.scheme() {
            "postgres" | "postgresql" => {}
            "mysql" => return Err(NOT_POSTGRES.to_owned()),
            _ => return Err("it does not begin with postgres:// or postgresql://".to_owned()),
        }
        let decoded = |text: &str| {
            let bytes = percent_decoded(text);
            String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or("it has no host")?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let (user, password) = (decoded(url.username())?, url.password().unwrap_or_default());
        let database = decoded(url.path().trim_start_matches('/'))?;
        if user.is_empty() {
            return Err("it has no user".to_owned());
        }
        let database = if database.is_empty() { user.clone() } else { database };
        let mut ssl = SslMode::default();
        for (key, value) in url.query_pairs() {
            if key == "sslmode" {
                let unknown = || {
                    format!(
                        "sslmode=\"{value}\" is none of disable, prefer, require, verify-ca and verify-full"
                    )
                };
                ssl = SslMode::parse(&value).ok_or_else(unknown)?;
            }
        }
        let port = url.port().unwrap_or(PORT);
        let password = decoded(password)?;
        Ok(Self { host, port, user, password, database, ssl, connections: CONNECTIONS })
    }
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = text.get(at + 1..at + 3).filter(|_| byte == b'%');
        if let Some(value) = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            out.push(value);
            at += 3;
        } else {
            out.push(byte);
            at += 1;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_strings_are_read() {
        let origin = Origin::parse("postgres://u%40x:p%3Aw%25@[::1]:5433/my%20db?sslmode=require");
        let origin = origin.expect("valid");
        assert_eq!((origin.host.as_str(), origin.port), ("::1", 5433));
        assert_eq!((origin.user.as_str(), origin.password.as_str()), ("u@x", "p:w%"));
        assert_eq!((origin.database.as_str(), origin.ssl), ("my db", SslMode::Require));
        let origin = Origin::parse("postgresql://me@db.example").expect("valid");
        assert_eq!((origin.database.as_str(), origin.port), ("me", PORT));
        assert!(!format!("{origin:?}").contains("me@"));
    }

    #[test]
    fn errors_do_not_show_the_password() {
        for (text, says) in [
            ("mysql://u:hunter2@h/d", NOT_POSTGRES),
            ("http://u:hunter2@h/d", "postgres://"),
            ("postgres://u:hunter2@h/d?sslmode=maybe", "sslmode"),
            ("postgres://:hunter2@h/d", "no user"),
            ("u:hunter2", "postgres://"),
        ] {
            let error = Origin::parse(text).expect_err(text);
            assert!(error.contains(says) && !error.contains("hunter2"), "{text}: {error}");
        }
    }
}
