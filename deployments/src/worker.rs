//! Workers: what holds for all of their versions.

use serde::{Deserialize, Serialize};

use crate::UnixMillis;
use crate::deployment::Share;
use crate::ids::WorkerKey;
use crate::zone::{Domain, Route};

/// All that routing needs of a Worker. Tens of thousands of these live in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveWorker {
    /// Which one.
    pub key: WorkerKey,
    /// The label of its account, see [`crate::Account::subdomain`].
    pub subdomain: Option<String>,
    /// Whether it answers at `NAME[.SUBDOMAIN].DOMAIN`.
    pub workers_dev: bool,
    /// Whether its versions answer at `<8 hex>-NAME[.SUBDOMAIN].DOMAIN`.
    pub previews: bool,
    /// Of the newest deployment. Empty: it was never deployed, and serves nothing
    /// but previews.
    pub shares: Vec<Share>,
    /// Where it answers besides.
    pub routes: Vec<Route>,
    /// Hosts that are all its own.
    pub domains: Vec<Domain>,
    /// When its `scheduled` handler runs.
    pub crons: Vec<String>,
    /// What is said of it beside its code.
    pub settings: WorkerSettings,
}

/// A Worker as lists show it.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkerInfo {
    /// Which one.
    pub key: WorkerKey,
    /// 32 hexadecimal digits, the same for all of its life.
    pub tag: String,
    /// When it was first uploaded.
    pub created_on: UnixMillis,
    /// When a version, deployment or setting was last added.
    pub modified_on: UnixMillis,
    /// What uploaded the newest version, such as `wrangler`.
    pub last_deployed_from: String,
    /// Whether it has a deployment.
    pub is_deployed: bool,
    /// See [`LiveWorker::workers_dev`].
    pub workers_dev: bool,
    /// See [`LiveWorker::previews`].
    pub previews: bool,
    /// What is said of it beside its code.
    pub settings: WorkerSettings,
}

/// What is said of a Worker beside its code; it holds for all versions at once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkerSettings {
    /// Whether logs are kept.
    pub observability: Observability,
    /// Workers that get its events.
    pub tail_consumers: Vec<TailConsumer>,
    /// Workers that get them while they go on.
    pub streaming_tail_consumers: Vec<TailConsumer>,
    /// Kept and given back; there is nowhere to push logs to.
    pub logpush: bool,
    /// Kept and given back: `cf:service=..`.
    pub tags: Vec<String>,
}

/// `observability` of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Observability {
    /// Whether events and logs are kept.
    pub enabled: bool,
    /// The share of requests that are kept, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head_sampling_rate: Option<f64>,
    /// Of logs alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logs: Option<ObservabilityPart>,
    /// Of traces alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traces: Option<ObservabilityPart>,
}

/// `observability.logs` and `observability.traces`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ObservabilityPart {
    /// Whether they are kept; `None`: as the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// The share of requests that are kept, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head_sampling_rate: Option<f64>,
    /// Whether the request itself is kept beside what was logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invocation_logs: Option<bool>,
    /// Whether they are kept here at all, and not only sent on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persist: Option<bool>,
}

/// A Worker that gets the events of another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TailConsumer {
    /// Its name.
    pub service: String,
    /// Kept and given back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
}
