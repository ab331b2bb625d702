//! A bar chart of the workloads as SVG, written by hand: it needs no library, and its
//! colours follow the reader's light or dark scheme.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::results::{Results, WorkloadResult, median};

const WIDTH: f64 = 760.0;
const MARGIN: f64 = 24.0;
/// Where the bars begin: right of the titles.
const BARS_LEFT: f64 = 210.0;
/// The longest bar; its number stands behind it.
const BARS_WIDTH: f64 = 380.0;
const BAR: f64 = 15.0;
const BAR_GAP: f64 = 4.0;
const GROUP_GAP: f64 = 20.0;
const TOP: f64 = 76.0;

/// A peer's name, and its colour class in `STYLE`.
const PEERS: [(&str, &str); 4] =
    [("selvedge", "a"), ("baseline", "d"), ("deno", "b"), ("workerd", "c")];

const STYLE: &str = "
  text { font: 13px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #1f2328; }
  .card { fill: #ffffff; stroke: #d1d9e0; }
  .head { font-size: 16px; font-weight: 600; }
  .note { font-size: 11px; fill: #59636e; }
  .num { font-size: 12px; font-variant-numeric: tabular-nums; }
  .a { fill: #0f7b6c; } .b { fill: #8094a8; } .c { fill: #d98a3d; } .d { fill: #6fb5aa; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .card { fill: #0d1117; stroke: #30363d; }
    .note { fill: #9198a1; }
    .a { fill: #2fb5a0; } .b { fill: #7d8fa3; } .c { fill: #d18b47; } .d { fill: #1d6f63; }
  }
";

pub(crate) fn run(results: &Results, path: &Path) -> Result<()> {
    ensure!(!results.workloads.is_empty(), "the results hold no workload");
    let svg = render(results).expect("a String takes all");
    fs::write(path, svg).with_context(|| format!("writing {path:?}"))
}

fn render(results: &Results) -> Result<String, std::fmt::Error> {
    let peers: Vec<(&str, &str)> = PEERS
        .into_iter()
        .filter(|(peer, _)| {
            let mut workloads = results.workloads.iter();
            workloads.any(|workload| workload.samples.contains_key(*peer))
        })
        .collect();
    let group = peers.len() as f64 * (BAR + BAR_GAP) + GROUP_GAP;
    let height = TOP + group * results.workloads.len() as f64 + MARGIN;
    let mut svg = String::new();
    writeln!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="Throughput per core of each runtime">"#
    )?;
    writeln!(svg, "<style>{STYLE}</style>")?;
    writeln!(
        svg,
        r#"<rect class="card" x="0.5" y="0.5" width="{}" height="{}" rx="8"/>"#,
        WIDTH - 1.0,
        height - 1.0
    )?;
    legend(&mut svg, &peers)?;
    for (index, workload) in results.workloads.iter().enumerate() {
        bars(&mut svg, workload, &peers, TOP + group * index as f64)?;
    }
    writeln!(
        svg,
        r#"<text class="note" x="{MARGIN}" y="{}">{}</text>"#,
        height - 12.0,
        escape(&format!("medians, higher is better; {}", results.machine))
    )?;
    svg.push_str("</svg>\n");
    Ok(svg)
}

fn legend(svg: &mut String, peers: &[(&str, &str)]) -> std::fmt::Result {
    writeln!(
        svg,
        r#"<text class="head" x="{MARGIN}" y="34">Throughput, server on one core</text>"#
    )?;
    let mut x = BARS_LEFT;
    for (peer, class) in peers {
        writeln!(
            svg,
            r#"<rect class="{class}" x="{x}" y="48" width="12" height="12" rx="2"/><text x="{}" y="58.5">{peer}</text>"#,
            x + 18.0
        )?;
        x += 40.0 + 8.0 * peer.len() as f64;
    }
    Ok(())
}

/// One workload; its fastest peer's bar has the full length.
fn bars(
    svg: &mut String,
    workload: &WorkloadResult,
    peers: &[(&str, &str)],
    top: f64,
) -> std::fmt::Result {
    let value = |peer: &str| {
        let samples = workload.samples.get(peer)?;
        let values: Vec<f64> = samples.iter().map(|s| workload.unit.value(s)).collect();
        Some(median(&values))
    };
    let best = peers.iter().filter_map(|(peer, _)| value(peer)).fold(f64::MIN_POSITIVE, f64::max);
    let middle = top + (peers.len() as f64 * (BAR + BAR_GAP) - BAR_GAP) / 2.0;
    writeln!(
        svg,
        r#"<text x="{}" y="{:.1}" text-anchor="end">{}</text>"#,
        BARS_LEFT - 12.0,
        middle + 4.5,
        escape(&workload.title)
    )?;
    for (index, (peer, class)) in peers.iter().enumerate() {
        let Some(value) = value(peer) else { continue };
        let y = top + index as f64 * (BAR + BAR_GAP);
        let width = (value / best * BARS_WIDTH).max(1.0);
        writeln!(
            svg,
            r#"<rect class="{class}" x="{BARS_LEFT}" y="{y:.1}" width="{width:.1}" height="{BAR}" rx="2"><title>{peer}</title></rect><text class="num" x="{:.1}" y="{:.1}">{}</text>"#,
            BARS_LEFT + width + 7.0,
            y + 12.0,
            workload.unit.show(value)
        )?;
    }
    Ok(())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
