//! `selvedge analytics`: questions about the data points of Workers on this machine;
//! with `--remote`, of those on a server.

use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use clap::{Args, Subcommand};
use http::Method;
use selvedge_server::control::protocol::Request;
use serde_json::Value;

use crate::api::Api;
use crate::kv::{Place, data_dir, say};
use crate::remote::{self, RemoteAccount};

const EXAMPLES: &str = "\
Examples:
  selvedge analytics query \"SELECT blob1, count(*) AS n FROM events GROUP BY blob1\"
  selvedge analytics query --json \"SELECT * FROM events LIMIT 10\" --remote
  selvedge analytics query \"SELECT * FROM events FORMAT JSONEachRow\" > events.jsonl";

/// Ask about data points.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct AnalyticsArgs {
    #[command(subcommand)]
    command: AnalyticsCommand,
}

#[derive(Debug, Subcommand)]
enum AnalyticsCommand {
    /// Run a query; each dataset is a table.
    Query {
        /// SELECT ..; "-" is standard input.
        sql: String,
        /// Print the answer as JSON. A FORMAT in the query goes first.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
}

/// Does what the command says.
pub(crate) fn run(args: AnalyticsArgs) -> ExitCode {
    let AnalyticsCommand::Query { sql, json, place } = args.command;
    remote::run_async(query(sql, json, place))
}

async fn query(sql: String, json: bool, place: Place) -> anyhow::Result<()> {
    let sql = match sql.as_str() {
        "-" => std::io::read_to_string(std::io::stdin()).context("cannot read standard input")?,
        _ => sql,
    };
    let answer = match place.remote {
        true => {
            let server = RemoteAccount::of(&place).await?;
            let call = server.call(Method::POST, "/analytics_engine/sql");
            server.raw(call.bytes("text/plain", sql)).await?
        }
        false => {
            let api = Api::open(&data_dir(&place)?, "selvedge analytics query").await?;
            api.call(Request::AnalyticsQuery { sql }, Bytes::new()).await?.bytes
        }
    };
    let text = String::from_utf8(answer.into()).map_err(|_| anyhow!("the answer is no text"))?;
    // Whoever names a format wants that and nothing else.
    match serde_json::from_str::<Value>(&text) {
        Ok(answer) if !json && answer.get("meta").is_some() => show(&answer),
        _ => remote::print(text.trim_end()),
    }
}

fn show(answer: &Value) -> anyhow::Result<()> {
    let list = |key: &str| answer.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let columns: Vec<String> = list("meta")
        .iter()
        .map(|column| column["name"].as_str().unwrap_or_default().to_owned())
        .collect();
    let cell = |row: &Value, column: &String| match &row[column] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let rows = list("data");
    if rows.is_empty() {
        say("No rows.");
        return Ok(());
    }
    let mut table = vec![columns.clone()];
    table.extend(rows.iter().map(|row| columns.iter().map(|it| cell(row, it)).collect()));
    remote::print(remote::table(&table).trim_end())
}
