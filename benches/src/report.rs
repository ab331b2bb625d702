//! Results as tables: what the README shows.

use crate::compare::OutputArgs;
use crate::results::{
    IsolatesResult, MemoryResult, ObjectsResult, Results, Sample, StartResult, Unit,
    WorkloadResult, median, quantile, thousands,
};
use crate::table::{Format, Table};
use crate::workload;

/// The order of the columns; the first peer that took part is the one that the others are
/// compared with.
const PEER_ORDER: [&str; 4] = ["selvedge", "baseline", "deno", "workerd"];

/// What other programs may use, in cores, before a measurement counts as disturbed.
pub(crate) const NOISE: f64 = 0.05;

pub(crate) fn print(results: &Results, output: &OutputArgs) {
    let format = if output.markdown { Format::Markdown } else { Format::Text };
    print!("{}", render(results, format));
}

pub(crate) fn render(results: &Results, format: Format) -> String {
    let mut out = vec![caption(results)];
    if !results.workloads.is_empty() {
        out.push(rates(results).render(format));
        out.push(latencies(results).render(format));
        out.push(noise(&results.workloads));
        out.push(unequal(&results.workloads));
    }
    if !results.start.is_empty() {
        out.push(start(&results.start).render(format));
    }
    if !results.memory.is_empty() {
        out.push(memory(&results.memory).render(format));
    }
    if !results.isolates.is_empty() {
        out.push(isolates(&results.isolates).render(format));
    }
    if !results.objects.is_empty() {
        out.push(objects(&results.objects).render(format));
    }
    out.retain(|part| !part.is_empty());
    out.join("\n")
}

fn caption(results: &Results) -> String {
    let versions: Vec<String> =
        results.peers.iter().map(|peer| format!("{}: {}", peer.name, peer.version)).collect();
    let pinned = match results.pinned {
        true => "server on one core, load on another",
        false => "NOT pinned to cores",
    };
    format!("{}; {pinned}\n{}\n", results.machine, versions.join("; "))
}

/// The peers that have samples, in the order of the columns.
fn peers(workloads: &[WorkloadResult]) -> Vec<&'static str> {
    let has = |peer: &&str| workloads.iter().any(|w| w.samples.contains_key(*peer));
    PEER_ORDER.into_iter().filter(has).collect()
}

fn rates(results: &Results) -> Table {
    let peers = peers(&results.workloads);
    let (subject, others) = peers.split_first().expect("a workload has a peer");
    let mut headers = vec!["median".to_owned()];
    headers.extend(peers.iter().map(|&peer| peer.to_owned()));
    headers.extend(others.iter().map(|peer| format!("{subject} / {peer}")));
    headers.push("goal".to_owned());
    let mut table = Table::new(headers);
    for result in &results.workloads {
        let mut cells = vec![result.title.clone()];
        for peer in &peers {
            let values = values(result, peer);
            cells.push(if values.is_empty() {
                "-".to_owned()
            } else {
                result.unit.show(median(&values))
            });
        }
        for peer in others {
            let ratios = ratios(result, subject, peer);
            cells.push(show_ratios(&ratios));
        }
        cells.push(goal(result, subject));
        table.row(cells);
    }
    table
}

fn values(result: &WorkloadResult, peer: &str) -> Vec<f64> {
    let samples = result.samples.get(peer).map_or(&[][..], Vec::as_slice);
    samples.iter().map(|s| result.unit.value(s)).collect()
}

/// One ratio per round, so that what slows a whole round down cancels out. Rounds whose
/// two measurements cannot be compared are left out, unless no others are there.
fn ratios(result: &WorkloadResult, subject: &str, peer: &str) -> Vec<f64> {
    let pairs = pairs(result, subject, peer);
    let ratio = |(a, b): &(&Sample, &Sample)| result.unit.value(a) / result.unit.value(b);
    let fair: Vec<f64> = pairs.iter().filter(|(a, b)| a.is_comparable_to(b)).map(ratio).collect();
    if fair.is_empty() { pairs.iter().map(ratio).collect() } else { fair }
}

/// Both peers' samples, round by round.
fn pairs<'a>(
    result: &'a WorkloadResult,
    subject: &str,
    peer: &str,
) -> Vec<(&'a Sample, &'a Sample)> {
    let of = |peer| result.samples.get(peer).map_or(&[][..], Vec::as_slice);
    of(subject).iter().zip(of(peer)).collect()
}

fn show_ratios(ratios: &[f64]) -> String {
    if ratios.is_empty() {
        return "-".to_owned();
    }
    let (low, high) = (quantile(ratios, 0.0), quantile(ratios, 1.0));
    format!("{:.2}x ({low:.2}..{high:.2})", median(ratios))
}

/// What is wanted of Selvedge, and whether the medians of the ratios reach it.
fn goal(result: &WorkloadResult, subject: &str) -> String {
    let (Ok(workload), "selvedge") = (workload::by_name(&result.name), subject) else {
        return "-".to_owned();
    };
    let goals = [("deno", workload.goal_deno), ("workerd", workload.goal_workerd)];
    let parts: Vec<String> = goals
        .into_iter()
        .filter_map(|(peer, goal)| Some((peer, goal?)))
        .map(|(peer, goal)| {
            let ratios = ratios(result, subject, peer);
            let verdict = match median(&ratios) {
                ratio if ratio.is_nan() => "?",
                ratio if ratio >= goal => "met",
                _ => "MISSED",
            };
            format!(">= {goal}x {peer}: {verdict}")
        })
        .collect();
    parts.join(", ")
}

fn latencies(results: &Results) -> Table {
    let peers = peers(&results.workloads);
    let mut headers = vec!["p50 / p99 in ms (server CPU)".to_owned()];
    headers.extend(peers.iter().map(|&peer| peer.to_owned()));
    let mut table = Table::new(headers);
    for result in &results.workloads {
        let mut cells = vec![result.title.clone()];
        for peer in &peers {
            cells.push(match result.samples.get(*peer) {
                None => "-".to_owned(),
                Some(samples) => {
                    let of = |field: fn(&Sample) -> f64| {
                        median(&samples.iter().map(field).collect::<Vec<_>>())
                    };
                    let (p50, p99) = (of(|s| s.p50_us / 1e3), of(|s| s.p99_us / 1e3));
                    let cpu = of(|s| s.server_cpu * 100.0);
                    match result.unit {
                        Unit::Bytes => format!("{p50:.1} / {p99:.1} ({cpu:.0} %)"),
                        _ => format!("{p50:.2} / {p99:.2} ({cpu:.0} %)"),
                    }
                }
            });
        }
        table.row(cells);
    }
    table
}

/// A warning when other programs took part, or when the load was the limit.
fn noise(workloads: &[WorkloadResult]) -> String {
    let samples: Vec<&Sample> =
        workloads.iter().flat_map(|result| result.samples.values().flatten()).collect();
    let others: Vec<f64> = samples.iter().map(|sample| sample.other_cpu).collect();
    let noisy = others.iter().filter(|&&cpu| cpu > NOISE).count();
    let limited =
        samples.iter().filter(|sample| sample.server_cpu < 0.95 && sample.load_busy > 0.95).count();
    let mut text = String::new();
    if noisy > 0 {
        text += &format!(
            "noise: other programs used more than {:.0} % of a core in {noisy} of {} measurements (median {:.0} %, at most {:.0} %)\n",
            NOISE * 100.0,
            samples.len(),
            median(&others) * 100.0,
            quantile(&others, 1.0) * 100.0,
        );
    }
    if limited > 0 {
        text +=
            &format!("noise: the load, not the server, was the limit in {limited} measurements\n");
    }
    text
}

/// How many ratios were left out, or had to be taken in spite of the cores' distance.
fn unequal(workloads: &[WorkloadResult]) -> String {
    let peers = peers(workloads);
    let (subject, others) = peers.split_first().expect("a workload has a peer");
    let (mut out, mut all, mut forced) = (0, 0, Vec::new());
    for result in workloads {
        for peer in others {
            let pairs = pairs(result, subject, peer);
            let fair = pairs.iter().filter(|(a, b)| a.is_comparable_to(b)).count();
            all += pairs.len();
            if fair > 0 {
                out += pairs.len() - fair;
            } else if !pairs.is_empty() {
                forced.push(format!("{} ({peer})", result.title));
            }
        }
    }
    let mut text = String::new();
    if out > 0 {
        text += &format!(
            "{out} of {all} ratios are left out: the machine moved its cores apart or together between the two measurements\n"
        );
    }
    if !forced.is_empty() {
        text += &format!(
            "noise: the machine moved its cores in every round of: {}\n",
            forced.join(", ")
        );
    }
    text
}

fn start(results: &[StartResult]) -> Table {
    let mut table =
        Table::new(["process start to first response", "p50", "p99", "least", "starts"]);
    for result in results {
        let at = |q| format!("{:.1} ms", quantile(&result.milliseconds, q));
        table.row(vec![
            result.peer.clone(),
            at(0.5),
            at(0.99),
            at(0.0),
            result.milliseconds.len().to_string(),
        ]);
    }
    table
}

fn memory(results: &[MemoryResult]) -> Table {
    let mut table = Table::new([
        "idle process, one Worker",
        "PSS after one request",
        "of it heap",
        "of it binary",
        "PSS after load",
    ]);
    for result in results {
        table.row(vec![
            result.peer.clone(),
            mib(result.pss_after_first as f64),
            mib(result.anonymous_after_first as f64),
            mib(result.file_after_first as f64),
            mib(result.pss_after_load as f64),
        ]);
    }
    table
}

fn objects(results: &[ObjectsResult]) -> Table {
    let mut table = Table::new([
        "live Durable Objects",
        "objects",
        "PSS of one",
        "PSS of all",
        "per object",
        "made in",
    ]);
    for result in results {
        let more = result.filled as f64 - result.idle as f64;
        table.row(vec![
            result.peer.clone(),
            thousands(result.objects as f64),
            mib(result.idle as f64),
            mib(result.filled as f64),
            format!("{:.1} KiB", more / result.objects as f64),
            format!("{:.1} s", result.seconds),
        ]);
    }
    table
}

fn isolates(results: &[IsolatesResult]) -> Table {
    let mut counts: Vec<usize> =
        results.iter().flat_map(|result| result.steps.iter().map(|step| step.isolates)).collect();
    counts.sort_unstable();
    counts.dedup();
    let mut headers = vec!["isolates in one process".to_owned()];
    headers.extend(counts.iter().map(|count| format!("PSS of {count}")));
    headers.extend(["per extra", "cold p50", "cold p99", "cold is"].map(str::to_owned));
    let mut table = Table::new(headers);
    for result in results {
        let mut cells = vec![result.host.clone()];
        for count in &counts {
            let step = result.steps.iter().find(|step| step.isolates == *count);
            cells.push(step.map_or("-".to_owned(), |step| mib(step.pss as f64)));
        }
        cells.push(per_extra(result).map_or("-".to_owned(), mib));
        for q in [0.5, 0.99] {
            let cold = quantile(&result.cold_milliseconds, q);
            cells.push(format!("{cold:.2} ms"));
        }
        cells.push(cold_kind(result));
        table.row(cells);
    }
    table
}

/// KiB per isolate between the fewest and the most.
fn per_extra(result: &IsolatesResult) -> Option<f64> {
    let (first, last) = (result.steps.first()?, result.steps.last()?);
    let more = last.isolates.checked_sub(first.isolates)?;
    (more > 0).then(|| (last.pss as f64 - first.pss as f64) / more as f64)
}

fn cold_kind(result: &IsolatesResult) -> String {
    if result.cold_includes_creation {
        return "create + first request".to_owned();
    }
    let ready = |at: Option<&crate::results::IsolatesStep>| {
        at.and_then(|step| Some((step.isolates, step.ready_milliseconds?)))
    };
    match (ready(result.steps.first()), ready(result.steps.last())) {
        (Some((few, early)), Some((many, late))) if many > few => format!(
            "first request; creation {:.2} ms each, at start",
            (late - early) / (many - few) as f64
        ),
        _ => "first request".to_owned(),
    }
}

fn mib(kib: f64) -> String {
    format!("{:.1} MiB", kib / 1024.0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{ratios, show_ratios};
    use crate::results::{Sample, Unit, WorkloadResult};

    fn sample(per_second: f64, hop_ns: [f64; 2]) -> Sample {
        Sample {
            per_second,
            bytes_per_second: 0.0,
            p50_us: 0.0,
            p99_us: 0.0,
            server_cpu: 1.0,
            load_busy: 0.5,
            other_cpu: 0.0,
            hop_ns,
        }
    }

    fn result(own: Vec<Sample>, other: Vec<Sample>) -> WorkloadResult {
        WorkloadResult {
            name: "hello".to_owned(),
            title: String::new(),
            unit: Unit::Requests,
            samples: BTreeMap::from([("selvedge".to_owned(), own), ("deno".to_owned(), other)]),
        }
    }

    const NEAR: [f64; 2] = [42.0, 45.0];
    const FAR: [f64; 2] = [400.0, 380.0];
    const MOVED: [f64; 2] = [42.0, 400.0];

    #[test]
    fn ratios_of_unequal_distances_are_left_out() {
        let own = vec![sample(180.0, NEAR), sample(140.0, FAR), sample(200.0, NEAR)];
        let other = vec![sample(140.0, FAR), sample(140.0, FAR), sample(100.0, NEAR)];
        let ratios = ratios(&result(own, other), "selvedge", "deno");
        assert_eq!(ratios, [1.0, 2.0]);
        assert_eq!(show_ratios(&ratios), "1.50x (1.00..2.00)");
    }

    #[test]
    fn unequal_distances_are_better_than_no_ratio() {
        let all = result(vec![sample(3.0, MOVED)], vec![sample(2.0, NEAR)]);
        assert_eq!(ratios(&all, "selvedge", "deno"), [1.5]);
    }

    #[test]
    fn unpinned_samples_are_comparable() {
        let all = result(vec![sample(3.0, [0.0; 2])], vec![sample(2.0, [0.0; 2])]);
        assert_eq!(ratios(&all, "selvedge", "deno"), [1.5]);
    }
}
