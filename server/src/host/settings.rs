//! `server.toml`: what the operator says of the server. Every key has a default;
//! a key that is not known is an error with its line and column.

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use selvedge_d1::store::HistoryLimits;
use selvedge_deployments::{AccountId, WorkerKey, names};
use selvedge_runtime::limits;
use selvedge_storage::history::Limits;
use serde::Deserialize;

use super::limits::Bounds;

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("{}: {reason}", path.display())]
    Read { path: PathBuf, reason: String },
    /// The text names line and column.
    #[error("{}: {reason}", path.display())]
    Invalid { path: PathBuf, reason: String },
}

/// All settings.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `NAME.DOMAIN` is where Workers answer.
    pub domain: Option<String>,
    pub limits: WorkerDefaults,
    pub account: AccountDefaults,
    pub isolates: IsolateSettings,
    pub proxies: ProxySettings,
    pub tls: Vec<Certificate>,
    pub tcp: Vec<TcpSettings>,
    pub network: NetworkSettings,
    pub email: EmailSettings,
    pub drain: DrainSettings,
    pub zones: ZoneSettings,
    pub d1: D1Settings,
    pub logs: LogSettings,
    pub traces: TraceSettings,
    pub access_log: AccessLogSettings,
}

/// What each Worker may use, where its account or its upload says nothing less.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorkerDefaults {
    /// CPU time of one request, in milliseconds.
    pub cpu_ms: u64,
    /// Memory of one isolate, in bytes.
    pub memory_bytes: usize,
    /// Subrequests of one request.
    pub subrequests: u32,
    /// 0: as many as come.
    pub requests_per_second: u32,
    /// Requests under way at once; 0: as many as come.
    pub concurrent_requests: u32,
    /// The body of a request, in bytes.
    pub request_body_bytes: u64,
    /// One script with all of its modules, in bytes.
    pub script_bytes: u64,
}

impl Default for WorkerDefaults {
    fn default() -> Self {
        Self {
            cpu_ms: limits::DEFAULT_CPU.as_millis() as u64,
            memory_bytes: limits::MEMORY_BYTES,
            subrequests: limits::SUBREQUESTS,
            requests_per_second: 0,
            concurrent_requests: 0,
            request_body_bytes: limits::REQUEST_BODY_BYTES,
            script_bytes: 64 * 1024 * 1024,
        }
    }
}

impl WorkerDefaults {
    pub(crate) fn bounds(&self) -> Bounds {
        Bounds {
            requests_per_second: self.requests_per_second,
            concurrent_requests: self.concurrent_requests,
            requests_per_day: 0,
        }
    }
}

/// What all Workers of an account may use together. 0 is no bound.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountDefaults {
    pub requests_per_second: u32,
    pub concurrent_requests: u32,
    /// Of a day in UTC, counted since the server began; more get 429 and error 1027.
    pub requests_per_day: u64,
    /// Scripts and assets of all versions, in bytes.
    pub storage_bytes: u64,
}

/// How many isolates there are, and for how long.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IsolateSettings {
    /// Of all Workers together.
    pub most: usize,
    /// Of one Worker; `None`: as many as the machine has cores.
    pub most_of_one: Option<NonZeroUsize>,
    /// A Worker that nobody asks for so long has none any more.
    pub idle_seconds: u64,
    /// Blank ones that wait for a Worker.
    pub ready: usize,
    /// When less of the machine's memory is free, in percent, those that rest
    /// longest end.
    pub memory_free_percent: u64,
    /// How long a Durable Object stays in memory without events.
    pub object_idle_seconds: u64,
}

impl Default for IsolateSettings {
    fn default() -> Self {
        Self {
            most: 1000,
            most_of_one: None,
            idle_seconds: 600,
            ready: 2,
            memory_free_percent: 10,
            object_idle_seconds: 10,
        }
    }
}

impl IsolateSettings {
    pub(crate) fn most_of_one(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        self.most_of_one.map_or_else(cores, NonZeroUsize::get)
    }
}

/// Load balancers before the server.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProxySettings {
    /// Whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    pub trusted: Vec<IpNet>,
    /// Whether connections of those begin with a PROXY header (v1 or v2).
    pub proxy_protocol: bool,
}

/// A certificate and the hosts that it is shown for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// Host names, or `*.example.com`; none: for all others.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// The chain, PEM.
    pub certificate: PathBuf,
    /// The private key, PEM.
    pub key: PathBuf,
}

/// A listener for TCP connections, which the `connect()` handler of a Worker takes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TcpSettings {
    pub listen: SocketAddr,
    /// The id of the Worker's account.
    pub account: String,
    pub worker: String,
    /// As many may be open at once; further ones wait until one ends.
    #[serde(default = "TcpSettings::connections")]
    pub connections: u32,
    /// One on which nothing goes either way for so long is cut; 0: none is.
    #[serde(default = "TcpSettings::idle_seconds")]
    pub idle_seconds: u64,
}

impl TcpSettings {
    fn connections() -> u32 {
        1000
    }

    fn idle_seconds() -> u64 {
        300
    }

    /// The Worker.
    ///
    /// # Errors
    /// When the account or the Worker cannot be called so.
    pub(crate) fn key(&self) -> Result<WorkerKey, String> {
        let account: AccountId = self
            .account
            .parse()
            .map_err(|_| format!("tcp.account: \"{}\" is no id of an account", self.account))?;
        WorkerKey::new(account, &self.worker)
            .map_err(|_| format!("tcp.worker: \"{}\" is no name of a Worker", self.worker))
    }

    pub(crate) fn idle(&self) -> Option<Duration> {
        (self.idle_seconds > 0).then(|| Duration::from_secs(self.idle_seconds))
    }
}

/// Where Workers may send requests.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NetworkSettings {
    /// Networks that are private and may be reached all the same.
    pub allowed: Vec<IpNet>,
}

/// Where the mail of Workers goes.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmailSettings {
    /// The URL of a relay, which may have a password. Without one no mail is sent.
    pub relay: Option<String>,
}

impl std::fmt::Debug for EmailSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmailSettings").field("relay", &self.relay.is_some()).finish()
    }
}

/// How the server stops.
#[derive(Debug, Clone, PartialEq, Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub struct DrainSettings {
    /// Between `/readyz` saying no and the end of accepting.
    pub delay_seconds: u64,
}

/// A line for each request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccessLogSettings {
    /// Where to; `None`: nowhere.
    pub file: Option<PathBuf>,
}

/// Who may have names.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ZoneSettings {
    /// Whether only the operator gives zones to accounts.
    pub assigned: bool,
}

/// What D1 keeps of what databases were, for Time Travel.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct D1Settings {
    /// How far back a database can go.
    pub history_days: u32,
    /// A history may have this many bytes, and `history_databases` times those of its
    /// database.
    pub history_bytes: u64,
    /// See `history_bytes`.
    pub history_databases: u64,
}

impl Default for D1Settings {
    fn default() -> Self {
        let Limits { kept_days, max_bytes, max_databases } = HistoryLimits::default().0;
        Self { history_days: kept_days, history_bytes: max_bytes, history_databases: max_databases }
    }
}

impl D1Settings {
    /// The same for the stores.
    pub fn limits(&self) -> HistoryLimits {
        HistoryLimits(Limits {
            kept_days: self.history_days,
            max_bytes: self.history_bytes,
            max_databases: self.history_databases,
        })
    }
}

/// How long events and logs of Workers are kept that ask for it
/// (`observability`).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    pub retention_days: u32,
    pub max_bytes_per_account: u64,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { retention_days: 7, max_bytes_per_account: 256 * 1024 * 1024 }
    }
}

/// Where traces are sent to (OTLP over HTTP).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TraceSettings {
    /// Such as `http://127.0.0.1:4318/v1/traces`; `None`: nowhere.
    pub endpoint: Option<String>,
    /// Sent as a bearer token.
    pub token: Option<String>,
    /// The share of events, 0 to 1.
    pub sample_rate: f64,
}

impl Default for TraceSettings {
    fn default() -> Self {
        Self { endpoint: None, token: None, sample_rate: 1.0 }
    }
}

impl Settings {
    /// Reads a file. Its relative paths are those of its folder.
    ///
    /// # Errors
    /// When it cannot be read, or says what makes no sense.
    pub fn load(path: &Path) -> Result<Self, SettingsError> {
        let text = std::fs::read_to_string(path).map_err(|error| SettingsError::Read {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        let invalid = |reason: String| SettingsError::Invalid { path: path.to_owned(), reason };
        let mut settings = Self::parse(&text).map_err(invalid)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        settings.access_log.file = settings.access_log.file.map(|file| folder.join(file));
        for certificate in &mut settings.tls {
            certificate.certificate = folder.join(&certificate.certificate);
            certificate.key = folder.join(&certificate.key);
        }
        Ok(settings)
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        let settings: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        settings.check()
    }

    /// The same settings in the form in which they are used.
    ///
    /// # Errors
    /// When a value makes no sense.
    pub fn check(mut self) -> Result<Self, String> {
        if let Some(domain) = &self.domain {
            let host = names::host(domain);
            self.domain =
                Some(host.ok_or_else(|| format!("domain: \"{domain}\" is not a host name"))?);
        }
        let limits = &self.limits;
        if limits.cpu_ms == 0 || Duration::from_millis(limits.cpu_ms) > limits::MAX_CPU {
            return Err("limits.cpu_ms: must be between 1 and 300000".to_owned());
        }
        if limits.memory_bytes < 16 * 1024 * 1024 {
            return Err("limits.memory_bytes: must be at least 16777216 (16 MiB)".to_owned());
        }
        if self.d1.history_days == 0 {
            return Err("d1.history_days: must be at least 1".to_owned());
        }
        if self.isolates.most == 0 {
            return Err("isolates.most: must be at least 1".to_owned());
        }
        if self.isolates.memory_free_percent > 90 {
            return Err("isolates.memory_free_percent: must be at most 90".to_owned());
        }
        if self.proxies.proxy_protocol && self.proxies.trusted.is_empty() {
            return Err("proxies.proxy_protocol: nobody is in proxies.trusted".to_owned());
        }
        if !(0.0..=1.0).contains(&self.traces.sample_rate) {
            return Err("traces.sample_rate: must be between 0 and 1".to_owned());
        }
        for (at, tcp) in self.tcp.iter().enumerate() {
            tcp.key()?;
            if tcp.connections == 0 {
                return Err("tcp.connections: must be at least 1".to_owned());
            }
            let is_taken = |other: &TcpSettings| other.listen == tcp.listen;
            if tcp.listen.port() != 0 && self.tcp[..at].iter().any(is_taken) {
                return Err(format!("tcp.listen: {} is there twice", tcp.listen));
            }
        }
        let defaults = self.tls.iter().filter(|certificate| certificate.hosts.is_empty()).count();
        if defaults > 1 {
            return Err("tls: two certificates have no hosts; one can be for all others".to_owned());
        }
        Ok(self)
    }
}
