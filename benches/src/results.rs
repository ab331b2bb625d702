//! What was measured, as it is kept in a JSON file between the subcommands.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// One measurement of one workload on one peer. CPU is in cores: 1 is one core, busy.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Sample {
    pub(crate) per_second: f64,
    pub(crate) bytes_per_second: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) server_cpu: f64,
    /// The share of time that the load had answers to take: at 1 it is the limit.
    pub(crate) load_busy: f64,
    pub(crate) other_cpu: f64,
    /// The way between the two cores (see `hop`) just before and just after.
    #[serde(default)]
    pub(crate) hop_ns: [f64; 2],
}

impl Sample {
    /// Whether both were taken with the cores equally far apart, from begin to end.
    pub(crate) fn is_comparable_to(&self, other: &Self) -> bool {
        let hops = self.hop_ns.iter().chain(&other.hop_ns);
        let (least, most) =
            hops.fold((f64::MAX, 0.0_f64), |(least, most), &hop| (least.min(hop), most.max(hop)));
        // Near and far differ by a factor of five to ten, near and near by a tenth.
        most <= 2.0 * least
    }
}

/// What is counted per second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    Requests,
    Messages,
    Bytes,
}

impl Unit {
    pub(crate) fn value(self, sample: &Sample) -> f64 {
        match self {
            Self::Requests | Self::Messages => sample.per_second,
            Self::Bytes => sample.bytes_per_second,
        }
    }

    pub(crate) fn show(self, value: f64) -> String {
        match self {
            Self::Requests => format!("{} req/s", thousands(value)),
            Self::Messages => format!("{} msg/s", thousands(value)),
            Self::Bytes => format!("{:.2} GB/s", value / 1e9),
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WorkloadResult {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) unit: Unit,
    /// By peer; the samples of one round stand at the same index.
    pub(crate) samples: BTreeMap<String, Vec<Sample>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PeerInfo {
    pub(crate) name: String,
    pub(crate) version: String,
}

/// Process start to the end of the first response, one entry per start.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StartResult {
    pub(crate) peer: String,
    pub(crate) milliseconds: Vec<f64>,
}

/// An idle process with one Worker, medians of several processes, in KiB.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct MemoryResult {
    pub(crate) peer: String,
    pub(crate) pss_after_first: u64,
    pub(crate) anonymous_after_first: u64,
    pub(crate) file_after_first: u64,
    pub(crate) pss_after_load: u64,
}

/// Many live Durable Objects in one process, medians of several processes, in KiB of PSS.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ObjectsResult {
    pub(crate) peer: String,
    pub(crate) objects: usize,
    /// With one object.
    pub(crate) idle: u64,
    /// With all of them live, a moment after the last one was made.
    pub(crate) filled: u64,
    /// How long the making took.
    pub(crate) seconds: f64,
}

/// Many isolates in one process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct IsolatesResult {
    pub(crate) host: String,
    pub(crate) steps: Vec<IsolatesStep>,
    /// Not-yet-used isolate to response, in milliseconds, one entry per isolate.
    pub(crate) cold_milliseconds: Vec<f64>,
    /// Whether `cold_milliseconds` holds the making of the isolate too.
    pub(crate) cold_includes_creation: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct IsolatesStep {
    pub(crate) isolates: usize,
    /// PSS in KiB once each isolate has answered one request and all are idle.
    pub(crate) pss: u64,
    /// Process start to all isolates ready, where one process is started per step.
    pub(crate) ready_milliseconds: Option<f64>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Results {
    pub(crate) machine: String,
    pub(crate) pinned: bool,
    pub(crate) peers: Vec<PeerInfo>,
    pub(crate) workloads: Vec<WorkloadResult>,
    pub(crate) start: Vec<StartResult>,
    pub(crate) memory: Vec<MemoryResult>,
    pub(crate) isolates: Vec<IsolatesResult>,
    pub(crate) objects: Vec<ObjectsResult>,
}

impl Results {
    pub(crate) fn load(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("reading {path:?}"))?;
        serde_json::from_str(&text).with_context(|| format!("parsing {path:?}"))
    }

    /// Puts these results into the file, over those of the same name and beside others.
    pub(crate) fn merge_into(&self, path: &Path) -> Result<()> {
        let mut all = if path.exists() { Self::load(path)? } else { Self::default() };
        all.machine.clone_from(&self.machine);
        all.pinned = self.pinned;
        merge(&mut all.peers, &self.peers, |peer| &peer.name);
        merge(&mut all.workloads, &self.workloads, |result| &result.name);
        merge(&mut all.start, &self.start, |result| &result.peer);
        merge(&mut all.memory, &self.memory, |result| &result.peer);
        merge(&mut all.isolates, &self.isolates, |result| &result.host);
        merge(&mut all.objects, &self.objects, |result| &result.peer);
        let text = serde_json::to_string_pretty(&all)?;
        fs::write(path, text).with_context(|| format!("writing {path:?}"))
    }
}

fn merge<T: Clone>(all: &mut Vec<T>, new: &[T], name: impl Fn(&T) -> &String) {
    for item in new {
        match all.iter_mut().find(|old| name(old) == name(item)) {
            Some(old) => old.clone_from(item),
            None => all.push(item.clone()),
        }
    }
}

/// The value in the middle; the mean of the two when there is no middle.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.len(), sorted.len() / 2) {
        (0, _) => f64::NAN,
        (length, middle) if length % 2 == 1 => sorted[middle],
        (_, middle) => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// The smallest value that the share `quantile` (0 to 1) of `values` does not exceed.
pub(crate) fn quantile(values: &[f64], quantile: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() as f64 * quantile).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied().unwrap_or(f64::NAN)
}

/// A whole number with commas.
pub(crate) fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut shown = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{median, quantile, thousands};

    #[test]
    fn medians_and_quantiles() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(quantile(&hundred, 0.5), 50.0);
        assert_eq!(quantile(&hundred, 0.99), 99.0);
        assert_eq!(quantile(&[7.0], 0.5), 7.0);
        assert!(median(&[]).is_nan() && quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn numbers_get_commas() {
        let shown = [0.0, 999.0, 1000.0, 116_234.4, 1e6].map(thousands);
        assert_eq!(shown, ["0", "999", "1,000", "116,234", "1,000,000"]);
    }
}
