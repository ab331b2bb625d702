//! `selvedge tail`.

mod pretty;

use std::io::IsTerminal as _;
use std::time::Duration;

use anyhow::{anyhow, bail};
use selvedge_client::{Tail, TailMessage};
use serde_json::{Value, json};

use super::args::{ListFormat, TailArgs, TailStatus};
use super::output::{print, say, warn};
use super::project::Target;
use crate::{signals, terminal};

/// The wait before a connection that broke is made again; it doubles up to
/// [`MAX_WAIT`].
const FIRST_WAIT: Duration = Duration::from_secs(1);
const MAX_WAIT: Duration = Duration::from_secs(16);

pub(super) async fn tail(args: TailArgs) -> anyhow::Result<()> {
    let filters = filters(&args)?;
    let target = Target::find(&args.worker, args.script.as_deref()).await?;
    let format = args.format.unwrap_or(if std::io::stdout().is_terminal() {
        ListFormat::Pretty
    } else {
        ListFormat::Json
    });
    let shutdown = signals::shutdown()?;
    tokio::select! {
        result = follow(&target, &filters, format) => result,
        () = shutdown => Ok(()),
    }
}

/// Shows events until the tail ends; a connection that breaks is made again.
async fn follow(target: &Target, filters: &[Value], format: ListFormat) -> anyhow::Result<()> {
    let script = target.remote.client.account(&target.account).script(&target.name);
    let mut wait = FIRST_WAIT;
    let mut is_first = true;
    loop {
        let opened = match script.create_tail(filters).await {
            Ok(info) => Tail::open(&target.remote.client, &info.url).await.map(|tail| (info, tail)),
            Err(error) => Err(error),
        };
        match opened {
            Ok((info, mut tail)) => {
                say(&format!("Connected to {}, waiting for events..", target.name));
                wait = FIRST_WAIT;
                let last = show(&mut tail, format).await?;
                drop(tail);
                // A tail that nobody reads ends by itself too.
                let _ = script.delete_tail(&info.id).await;
                if let Some(TailMessage::Closed { code: Some(1000), .. }) = last {
                    say("The server ended the tail.");
                    return Ok(());
                }
                warn("the connection broke; connecting again");
            }
            Err(error) if is_first || error.is_not_found() || error.is_unauthorized() => {
                return Err(target.remote.explain(error));
            }
            Err(error) => warn(&format!("{error}; trying again")),
        }
        is_first = false;
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(MAX_WAIT);
    }
}

async fn show(tail: &mut Tail, format: ListFormat) -> anyhow::Result<Option<TailMessage>> {
    let colors = terminal::colors().stdout;
    loop {
        let text = match tail.next().await {
            Some(TailMessage::Event(text)) => text,
            last => return Ok(last),
        };
        let event: Value = serde_json::from_str(&text)
            .map_err(|error| anyhow!("the server sent what is no event: {error}"))?;
        match format {
            ListFormat::Json => print(event.to_string())?,
            ListFormat::Pretty => print(pretty::event(&event, colors))?,
        }
    }
}

/// The filters as the API wants them.
fn filters(args: &TailArgs) -> anyhow::Result<Vec<Value>> {
    let mut filters = Vec::new();
    if let Some(rate) = args.sampling_rate {
        if !(rate > 0.0 && rate <= 1.0) {
            bail!("--sampling-rate takes a number above 0, 1 at most, not {rate}");
        }
        filters.push(json!({ "sampling_rate": rate }));
    }
    let outcomes: Vec<&str> =
        args.status.iter().flat_map(|status| outcomes(*status)).copied().collect();
    if !outcomes.is_empty() {
        filters.push(json!({ "outcome": outcomes }));
    }
    if !args.method.is_empty() {
        let methods: Vec<_> = args.method.iter().map(|method| method.to_uppercase()).collect();
        filters.push(json!({ "method": methods }));
    }
    if let Some(header) = &args.header {
        let (key, value) = match header.split_once(':') {
            Some((key, value)) => (key.trim(), Some(value.trim())),
            None => (header.trim(), None),
        };
        filters.push(match value {
            Some(value) => json!({ "header": { "key": key, "query": value } }),
            None => json!({ "header": { "key": key } }),
        });
    }
    if !args.ip.is_empty() {
        filters.push(json!({ "client_ip": args.ip }));
    }
    if let Some(text) = &args.search {
        filters.push(json!({ "query": text }));
    }
    if let Some(version) = &args.version_id {
        filters.push(json!({ "scriptVersion": version }));
    }
    Ok(filters)
}

/// The outcomes that a status stands for, as in wrangler.
fn outcomes(status: TailStatus) -> &'static [&'static str] {
    match status {
        TailStatus::Ok => &["ok"],
        TailStatus::Canceled => &["canceled"],
        TailStatus::Error => &[
            "exception",
            "exceededCpu",
            "exceededMemory",
            "exceededWallTime",
            "loadShed",
            "unknown",
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: TailArgs,
    }

    fn of(line: &[&str]) -> anyhow::Result<Vec<Value>> {
        use clap::Parser as _;
        filters(&Line::try_parse_from([&["tail"], line].concat())?.args)
    }

    #[test]
    fn filters_are_wranglers() -> anyhow::Result<()> {
        let found = of(&[
            "api",
            "--status",
            "ok",
            "--method",
            "get",
            "--header",
            "X-A: b",
            "--search",
            "hi",
            "--ip",
            "self",
            "--sampling-rate",
            "0.5",
        ])?;
        let expected = [
            json!({ "sampling_rate": 0.5 }),
            json!({ "outcome": ["ok"] }),
            json!({ "method": ["GET"] }),
            json!({ "header": { "key": "X-A", "query": "b" } }),
            json!({ "client_ip": ["self"] }),
            json!({ "query": "hi" }),
        ];
        assert_eq!(found, expected);
        assert!(of(&[])?.is_empty());
        assert!(of(&["--sampling-rate", "2"]).is_err());
        Ok(())
    }
}
