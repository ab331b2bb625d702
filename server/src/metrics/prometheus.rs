//! The text format of Prometheus
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>).

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};

use selvedge_runtime::{Amount, AmountName};

use super::figures::{Figures, HistogramFigures, WorkerFigures, key};
use super::{QueueFigures, Stocks};

/// Upper bounds of the buckets, in microseconds: powers of two, at which counted
/// buckets end exactly.
const BOUNDS: [u64; 12] = [
    1 << 8,
    1 << 10,
    1 << 11,
    1 << 12,
    1 << 13,
    1 << 14,
    1 << 16,
    1 << 17,
    1 << 18,
    1 << 20,
    1 << 22,
    1 << 24,
];
/// The label of all Workers that do not stand for themselves.
const OTHERS: &str = "_other";

struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &str, value: impl Display) {
        let _ = match labels {
            "" => writeln!(self.0, "{name} {value}"),
            labels => writeln!(self.0, "{name}{{{labels}}} {value}"),
        };
    }

    fn by_name<N: AsRef<str>>(
        &mut self,
        name: &str,
        label: &str,
        workers: &[Labelled],
        counts: impl Fn(&WorkerFigures) -> &BTreeMap<N, u64>,
    ) {
        for Labelled { labels, worker } in workers {
            for (value, count) in counts(worker) {
                self.sample(name, &format!("{labels},{label}=\"{}\"", value.as_ref()), count);
            }
        }
    }

    fn histogram(
        &mut self,
        name: &str,
        help: &str,
        workers: &[Labelled],
        of: impl Fn(&WorkerFigures) -> &HistogramFigures,
    ) {
        self.family(name, "histogram", help);
        for Labelled { labels, worker } in workers {
            let histogram = of(worker);
            for bound in BOUNDS {
                let labels = format!("{labels},le=\"{}\"", seconds(bound));
                self.sample(&format!("{name}_bucket"), &labels, histogram.below(bound));
            }
            let all = format!("{labels},le=\"+Inf\"");
            self.sample(&format!("{name}_bucket"), &all, histogram.count);
            self.sample(&format!("{name}_sum"), labels, seconds(histogram.sum_us));
            self.sample(&format!("{name}_count"), labels, histogram.count);
        }
    }

    fn single(
        &mut self,
        (name, kind, help): (&str, &str, &str),
        workers: &[Labelled],
        of: impl Fn(&WorkerFigures) -> u64,
    ) {
        self.family(name, kind, help);
        for Labelled { labels, worker } in workers {
            self.sample(name, labels, of(worker));
        }
    }
}

fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

/// A Worker and its labels.
struct Labelled {
    labels: String,
    worker: WorkerFigures,
}

/// What belongs to no Worker.
pub(super) struct OfServer {
    pub(super) unrouted: u64,
    pub(super) dropped_logs: u64,
    pub(super) dropped_access_lines: u64,
    pub(super) dropped_spans: u64,
    pub(super) cache: super::CacheFigures,
}

pub(super) fn text(
    figures: &Figures,
    server: &OfServer,
    stocks: &Stocks,
    max_workers: usize,
) -> String {
    let workers = bounded(figures, max_workers);
    let mut text = Text(String::new());
    text.family("selvedge_start_time_seconds", "gauge", "When the server started.");
    text.sample("selvedge_start_time_seconds", "", figures.started);
    text.family("selvedge_unrouted_requests_total", "counter", "Requests for unknown hosts.");
    text.sample("selvedge_unrouted_requests_total", "", server.unrouted);
    let help = "Events that were not kept: they came faster than the disk takes them.";
    text.family("selvedge_dropped_logs_total", "counter", help);
    text.sample("selvedge_dropped_logs_total", "", server.dropped_logs);
    let help = "Lines of the access log that were not written.";
    text.family("selvedge_dropped_access_lines_total", "counter", help);
    text.sample("selvedge_dropped_access_lines_total", "", server.dropped_access_lines);
    text.family("selvedge_dropped_spans_total", "counter", "Spans of traces that were not sent.");
    text.sample("selvedge_dropped_spans_total", "", server.dropped_spans);
    let cache = &server.cache;
    text.family("selvedge_cache_lookups_total", "counter", "Responses looked for in the cache.");
    for (result, count) in [
        ("hit", cache.hits),
        ("miss", cache.misses),
        ("stale", cache.stale),
        ("revalidated", cache.revalidated),
    ] {
        text.sample("selvedge_cache_lookups_total", &format!("result=\"{result}\""), count);
    }
    let help = "Requests to Workers with a cache before them.";
    text.family("selvedge_front_cache_requests_total", "counter", help);
    for (result, count) in cache.front {
        let label = format!("result=\"{result}\"");
        text.sample("selvedge_front_cache_requests_total", &label, count);
    }
    text.family("selvedge_cache_stored_total", "counter", "Responses that the cache kept.");
    text.sample("selvedge_cache_stored_total", "", cache.stored);
    text.family("selvedge_cache_deleted_total", "counter", "Responses that Workers deleted.");
    text.sample("selvedge_cache_deleted_total", "", cache.deleted);
    text.family("selvedge_workers", "gauge", "Workers that did something since the start.");
    text.sample("selvedge_workers", "", figures.workers.len());
    text.family("selvedge_events_total", "counter", "Events by what woke the Worker.");
    text.by_name("selvedge_events_total", "kind", &workers, |worker| &worker.events);
    text.family("selvedge_outcomes_total", "counter", "Events by how they ended.");
    text.by_name("selvedge_outcomes_total", "outcome", &workers, |worker| &worker.outcomes);
    text.family("selvedge_responses_total", "counter", "Responses by class of status.");
    text.by_name("selvedge_responses_total", "status", &workers, |worker| &worker.statuses);
    text.family("selvedge_operations_total", "counter", "Reads and writes of storage.");
    text.by_name("selvedge_operations_total", "operation", &workers, |worker| &worker.operations);
    amounts(&mut text, &workers);
    let subrequests =
        ("selvedge_subrequests_total", "counter", "Requests that Workers made themselves.");
    text.single(subrequests, &workers, |worker| worker.subrequests);
    let help = "From an event's begin to the end of its answer.";
    text.histogram("selvedge_wall_seconds", help, &workers, |worker| &worker.wall);
    text.histogram("selvedge_cpu_seconds", "CPU time of events.", &workers, |worker| &worker.cpu);
    let help = "From the wish for an isolate to its being ready; the count is cold starts.";
    text.histogram("selvedge_cold_start_seconds", help, &workers, |worker| &worker.cold_starts);
    let isolates = ("selvedge_isolates", "gauge", "Isolates that are there.");
    text.single(isolates, &workers, |worker| worker.isolates_now);
    let memory = ("selvedge_memory_bytes", "gauge", "Memory of isolates, as they last said.");
    text.single(memory, &workers, |worker| worker.memory_bytes_now);
    let sockets = ("selvedge_websockets", "gauge", "WebSockets that are open.");
    text.single(sockets, &workers, |worker| worker.websockets_now);
    in_stores(&mut text, stocks);
    text.0
}

/// What there is in stores.
fn in_stores(text: &mut Text, stocks: &Stocks) {
    let (messages, bytes) = ("selvedge_queue_backlog_messages", "selvedge_queue_backlog_bytes");
    let labels = |queue: &QueueFigures| {
        format!("account=\"{}\",queue=\"{}\"", escaped(&queue.account), escaped(&queue.queue))
    };
    text.family(messages, "gauge", "Messages that are in a queue.");
    for queue in &stocks.queues {
        text.sample(messages, &labels(queue), queue.messages);
    }
    text.family(bytes, "gauge", "Bytes of the messages in a queue.");
    for queue in &stocks.queues {
        text.sample(bytes, &labels(queue), queue.bytes);
    }
    let instances = "selvedge_workflow_instances";
    text.family(instances, "gauge", "Instances of Workflows by what they are at.");
    for of in &stocks.instances {
        let labels = format!(
            "account=\"{}\",workflow=\"{}\",status=\"{}\"",
            escaped(&of.account),
            escaped(&of.workflow),
            escaped(&of.status)
        );
        text.sample(instances, &labels, of.count);
    }
}

/// What calls of bindings came to.
fn amounts(text: &mut Text, workers: &[Labelled]) {
    let mut family = "";
    for amount in Amount::ALL {
        let AmountName { metric, label } = amount.name();
        let name = format!("selvedge_{metric}_total");
        if metric != family {
            text.family(&name, "counter", help(amount));
            family = metric;
        }
        for Labelled { labels, worker } in workers {
            let Some(count) = worker.amounts.get(&key(amount)) else { continue };
            match label {
                Some((label, value)) => {
                    text.sample(&name, &format!("{labels},{label}=\"{value}\""), count);
                }
                None => text.sample(&name, labels, count),
            }
        }
    }
}

fn help(amount: Amount) -> &'static str {
    match amount {
        Amount::D1RowsRead | Amount::D1RowsWritten => "Rows that queries of D1 read and wrote.",
        Amount::R2BytesRead | Amount::R2BytesWritten => "Bytes of bodies of R2.",
        Amount::QueueMessages => "Messages that queues took.",
        Amount::EmailsSent | Amount::EmailsRefused | Amount::EmailsFailed => {
            "Emails by what became of them."
        }
        Amount::LoadedIsolates => "Isolates that Worker Loaders started.",
        Amount::WorkflowSteps => "Attempts of steps of Workflows.",
        Amount::TailEventsLost => "Events that did not reach a tail Worker.",
    }
}

/// The busiest Workers, by name, and all others as one.
fn bounded(figures: &Figures, max_workers: usize) -> Vec<Labelled> {
    let mut busiest: Vec<_> = figures.workers.iter().collect();
    busiest.sort_by_key(|worker| std::cmp::Reverse(worker.requests));
    let others = busiest.split_off(max_workers.min(busiest.len()));
    busiest.sort_by(|a, b| (&a.account, &a.script).cmp(&(&b.account, &b.script)));
    let labelled = |worker: &WorkerFigures| Labelled {
        labels: format!(
            "account=\"{}\",script=\"{}\"",
            escaped(&worker.account),
            escaped(&worker.script)
        ),
        worker: worker.clone(),
    };
    let mut all: Vec<_> = busiest.into_iter().map(labelled).collect();
    let mut others = others.into_iter();
    if let Some(first) = others.next() {
        let mut sum = first.clone();
        others.for_each(|other| merge(&mut sum, other));
        let labels = format!("account=\"{OTHERS}\",script=\"{OTHERS}\"");
        all.push(Labelled { labels, worker: sum });
    }
    all
}

fn merge(sum: &mut WorkerFigures, other: &WorkerFigures) {
    fn maps<K: Ord + Clone>(sum: &mut BTreeMap<K, u64>, other: &BTreeMap<K, u64>) {
        for (key, count) in other {
            *sum.entry(key.clone()).or_default() += count;
        }
    }
    maps(&mut sum.events, &other.events);
    maps(&mut sum.outcomes, &other.outcomes);
    maps(&mut sum.statuses, &other.statuses);
    maps(&mut sum.operations, &other.operations);
    maps(&mut sum.amounts, &other.amounts);
    sum.subrequests += other.subrequests;
    sum.wall.add(&other.wall);
    sum.cpu.add(&other.cpu);
    sum.cold_starts.add(&other.cold_starts);
    sum.isolates_now += other.isolates_now;
    sum.websockets_now += other.websockets_now;
    sum.memory_bytes_now += other.memory_bytes_now;
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
