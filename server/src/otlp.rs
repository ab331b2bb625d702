//! Traces for a collector of OpenTelemetry, over HTTP with JSON
//! (<https://opentelemetry.io/docs/specs/otlp/#otlphttp>): one span for each event
//! of a Worker, with its logs and exceptions as events of the span, and below it
//! one for each request that it made and each operation on KV and objects.
//!
//! Spans are sent in batches by one thread. When the collector is slow or gone,
//! spans are dropped and counted.

mod span;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use selvedge_client::{Client, Options, Retry};
use selvedge_deployments::WorkerKey;
use selvedge_logs::Sampler;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::host::trace::ids::Parent;
use crate::host::trace::{TraceItem, TraceSink};
use crate::tails::Producer;

/// Spans that wait to be sent.
const QUEUE: usize = 4096;
/// Spans of one request.
const BATCH: usize = 512;
/// How long a span waits for company.
const COMPANY: Duration = Duration::from_secs(1);

/// Where spans go.
#[derive(Clone, PartialEq)]
pub struct OtlpOptions {
    /// The collector's URL for traces, such as `http://127.0.0.1:4318/v1/traces`.
    pub endpoint: String,
    /// Sent as `Authorization: Bearer ..`.
    pub token: Option<String>,
    /// Of how many events, 0 to 1. A request that was sampled by who sent it is
    /// sent always.
    pub sample_rate: f64,
}

impl fmt::Debug for OtlpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpOptions")
            .field("endpoint", &self.endpoint)
            .field("sample_rate", &self.sample_rate)
            .finish_non_exhaustive()
    }
}

/// Sends spans.
#[derive(Debug)]
pub struct Otlp {
    sender: mpsc::Sender<Arc<TraceItem>>,
    sampler: Sampler,
    rate: f64,
    dropped: Arc<AtomicU64>,
}

impl Otlp {
    /// Starts the thread that sends.
    ///
    /// # Errors
    /// When the endpoint is no URL, or there is no thread to have.
    pub fn start(options: OtlpOptions) -> Result<Self, String> {
        let (base, path) = options
            .endpoint
            .rsplit_once('/')
            .filter(|(base, path)| base.contains("://") && !path.is_empty())
            .ok_or_else(|| {
                format!(
                    "\"{}\" is no endpoint of OTLP, which looks like http://127.0.0.1:4318/v1/traces",
                    options.endpoint
                )
            })?;
        let client = Client::new(Options {
            base: base.to_owned(),
            token: options.token.clone(),
            agent: concat!("selvedge/", env!("CARGO_PKG_VERSION")).to_owned(),
            retry: Retry { attempts: 3, wait: Duration::from_millis(500) },
            ..Options::default()
        })
        .map_err(|error| error.to_string())?;
        let (sender, receiver) = mpsc::channel(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        let (path, count) = (format!("/{path}"), dropped.clone());
        std::thread::Builder::new()
            .name("otlp".into())
            .spawn(move || send_all(&client, &path, receiver, &count))
            .map_err(|error| error.to_string())?;
        Ok(Self { sender, sampler: Sampler::default(), rate: options.sample_rate, dropped })
    }

    /// Spans that were not sent.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl TraceSink for Otlp {
    fn wants(&self, _: &WorkerKey) -> bool {
        true
    }

    fn wants_spans(&self) -> bool {
        true
    }

    fn followers(&self, _worker: &WorkerKey) -> Vec<Producer> {
        Vec::new()
    }

    fn item(&self, item: &Arc<TraceItem>) {
        let wanted = Parent::of(&item.event).is_some_and(|parent| parent.is_sampled)
            || self.sampler.keeps(self.rate);
        if wanted && self.sender.try_send(item.clone()).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Sends until who gives spans is gone.
fn send_all(
    client: &Client,
    path: &str,
    mut receiver: mpsc::Receiver<Arc<TraceItem>>,
    dropped: &AtomicU64,
) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        tracing::error!("no event loop for traces: none are sent");
        return;
    };
    runtime.block_on(async {
        while let Some(first) = receiver.recv().await {
            let mut items = vec![first];
            let more = async {
                while items.len() < BATCH {
                    match receiver.recv().await {
                        Some(item) => items.push(item),
                        None => break,
                    }
                }
            };
            // What is there by then is sent.
            let _ = tokio::time::timeout(COMPANY, more).await;
            let call = client.post(path).json(&request(&items));
            if let Err(error) = call.raw().await {
                dropped.fetch_add(items.len() as u64, Ordering::Relaxed);
                tracing::warn!(%error, spans = items.len(), "traces were not taken");
            }
        }
    });
}

/// The body of one request.
fn request(items: &[Arc<TraceItem>]) -> Value {
    let spans: Vec<_> = items.iter().flat_map(|item| span::spans(item)).collect();
    json!({ "resourceSpans": [{
        "resource": { "attributes": [
            { "key": "service.name", "value": { "stringValue": "selvedge" } },
            { "key": "service.version", "value": { "stringValue": env!("CARGO_PKG_VERSION") } },
        ] },
        "scopeSpans": [{
            "scope": { "name": "selvedge", "version": env!("CARGO_PKG_VERSION") },
            "spans": spans,
        }],
    }] })
}
