//! `selvedge top`: what Workers do, as a table that is made again and again.

mod rates;

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::args::{TopArgs, TopSort};
use super::connect::Remote;
use super::output::{print, print_json, size, table};
use super::project::server;
use crate::signals;
use rates::{Row, Snapshot};

/// The shortest time between two looks.
const MIN_INTERVAL: f64 = 0.2;
/// The longest.
const MAX_INTERVAL: f64 = 3600.0;

pub(super) async fn top(args: TopArgs) -> anyhow::Result<()> {
    if !(MIN_INTERVAL..=MAX_INTERVAL).contains(&args.interval) {
        bail!("--interval takes a number of seconds from {MIN_INTERVAL} to {MAX_INTERVAL}");
    }
    let remote = server(&args.server)?;
    let path = if args.account {
        format!("/api/v1/accounts/{}/figures", remote.account().await?)
    } else {
        "/api/v1/figures".to_owned()
    };
    if args.json {
        return print_json(&look::<Value>(&remote, &path).await?);
    }
    let interval = Duration::from_secs_f64(args.interval);
    if args.once || !std::io::stdout().is_terminal() {
        let (before, begin) = (look(&remote, &path).await?, Instant::now());
        tokio::time::sleep(interval).await;
        let after: Snapshot = look(&remote, &path).await?;
        let rows = rates::rows(Some(&before), &after, begin.elapsed());
        return print(text(rows, args.sort).trim_end());
    }
    let shutdown = signals::shutdown()?;
    // Dropped last: what it leaves behind is a clean screen.
    let _screen = Screen::enter()?;
    tokio::select! {
        result = live(&remote, &path, interval, args.sort) => result,
        () = shutdown => Ok(()),
    }
}

async fn look<T: serde::de::DeserializeOwned>(remote: &Remote, path: &str) -> anyhow::Result<T> {
    remote.client.get(path).send().await.map_err(|error| remote.explain(error))
}

/// Draws until it is stopped.
async fn live(
    remote: &Remote,
    path: &str,
    interval: Duration,
    sort: TopSort,
) -> anyhow::Result<()> {
    let mut before: Option<(Snapshot, Instant)> = None;
    loop {
        let now = Instant::now();
        let after: Snapshot = look(remote, path).await?;
        let since = before.as_ref().map_or(interval, |(_, at)| now.duration_since(*at));
        let rows = rates::rows(before.as_ref().map(|(snapshot, _)| snapshot), &after, since);
        let title = format!(
            "{}  up {}  {} Workers  {:.1} requests/s",
            remote.client.origin(),
            rates::uptime(after.started, crate::kv::now()),
            rows.len(),
            rows.iter().map(|row| row.requests).sum::<f64>(),
        );
        draw(&format!("{title}\n\n{}", text(rows, sort)))?;
        before = Some((after, now));
        tokio::time::sleep(interval).await;
    }
}

/// The table.
fn text(mut rows: Vec<Row>, sort: TopSort) -> String {
    let by = |row: &Row| match sort {
        TopSort::Requests | TopSort::Name => row.requests,
        TopSort::Errors => row.errors,
        TopSort::P99 => row.p99.unwrap_or(0.0),
        TopSort::Cpu => row.cpu,
        TopSort::Memory => row.memory as f64,
        TopSort::Isolates => row.isolates as f64,
    };
    if sort != TopSort::Name {
        rows.sort_by(|a, b| by(b).total_cmp(&by(a)));
    }
    let titles =
        ["Worker", "Account", "Req/s", "Err/s", "p50 ms", "p99 ms", "CPU", "Memory", "Isolates"];
    let mut cells = vec![titles.map(str::to_owned).to_vec()];
    let millis = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |it| format!("{it:.2}"));
    cells.extend(rows.into_iter().map(|row| {
        vec![
            row.script,
            row.account.chars().take(8).collect(),
            format!("{:.1}", row.requests),
            format!("{:.1}", row.errors),
            millis(row.p50),
            millis(row.p99),
            format!("{:.1}%", row.cpu * 100.0),
            size(row.memory),
            row.isolates.to_string(),
        ]
    }));
    table(&cells)
}

/// Writes over what is on the screen, as much as fits.
fn draw(text: &str) -> anyhow::Result<()> {
    let (height, width) = dimensions();
    let mut out = String::from("\x1b[H");
    for line in text.lines().take(height.saturating_sub(1)) {
        out.extend(line.chars().take(width));
        out.push_str("\x1b[K\r\n");
    }
    out.push_str("\x1b[J");
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(out.as_bytes()).and_then(|()| stdout.flush()).context("cannot draw")
}

/// Rows and columns of the terminal.
fn dimensions() -> (usize, usize) {
    const USUAL: (usize, usize) = (24, 80);
    #[cfg(unix)]
    let found = rustix::termios::tcgetwinsize(std::io::stdout())
        .ok()
        .map(|size| (usize::from(size.ws_row), usize::from(size.ws_col)));
    #[cfg(not(unix))]
    let found: Option<(usize, usize)> = None;
    found.filter(|(rows, columns)| *rows > 0 && *columns > 0).unwrap_or(USUAL)
}

/// The terminal's second screen, until this is dropped.
struct Screen;

impl Screen {
    fn enter() -> anyhow::Result<Self> {
        let mut stdout = std::io::stdout();
        stdout.write_all(b"\x1b[?1049h\x1b[?25l").and_then(|()| stdout.flush())?;
        Ok(Self)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let mut stdout = std::io::stdout();
        // There is nowhere to say that it failed.
        let _ = stdout.write_all(b"\x1b[?25h\x1b[?1049l").and_then(|()| stdout.flush());
    }
}
