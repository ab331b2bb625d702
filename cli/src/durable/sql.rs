//! `selvedge do sql`.

use std::io::{BufWriter, Write};

use anyhow::Context as _;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use selvedge_server::control::protocol::{Cell, Request, SqlRows};
use serde_json::{Map, json};

use super::args::Target;
use super::target::object;
use crate::kv::say;

/// A table is as wide as its first rows want it: so many are looked at.
const LOOKED_AT: usize = 1000;
/// No column is wider, in characters.
const MAX_WIDTH: usize = 60;

/// Runs a query and prints its rows.
pub(super) async fn run(
    target: &Target,
    query: String,
    json: bool,
    write: bool,
) -> anyhow::Result<()> {
    let object = object(target, "sql").await?;
    let request = Request::Sql { object: object.reference.clone(), query, write };
    let rows: SqlRows = object.open.api.ask(request).await?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    if json {
        print_json(&rows, &mut out)?;
    } else {
        print_table(&rows, &mut out)?;
    }
    out.flush().context("cannot print the rows")?;
    if write {
        say(&format!("{} rows written.", rows.written));
    }
    Ok(())
}

fn print_json(rows: &SqlRows, out: &mut impl Write) -> anyhow::Result<()> {
    let mut first = true;
    write!(out, "[")?;
    for row in &rows.rows {
        let row: Map<_, _> = rows.columns.iter().cloned().zip(row.iter().map(to_json)).collect();
        let row = serde_json::Value::Object(row);
        write!(out, "{}\n  {row}", if first { "" } else { "," })?;
        first = false;
    }
    writeln!(out, "{}]", if first { "" } else { "\n" })?;
    Ok(())
}

fn to_json(value: &Cell) -> serde_json::Value {
    match value {
        Cell::Null => serde_json::Value::Null,
        Cell::Integer(value) => json!(value),
        // JSON has no word for an infinite one.
        Cell::Real(value) => json!(value.parse::<f64>().unwrap_or(f64::NAN)),
        Cell::Text(text) => json!(text),
        Cell::Blob(bytes) => json!({ "$bytes": BASE64_STANDARD.encode(&bytes.0) }),
    }
}

fn print_table(rows: &SqlRows, out: &mut impl Write) -> anyhow::Result<()> {
    let columns: Vec<String> = rows.columns.iter().map(|name| cell(name)).collect();
    if columns.is_empty() {
        return Ok(());
    }
    let rows = rows.rows.iter().map(|row| row.iter().map(shown).collect::<Vec<_>>());
    let rows: Vec<_> = rows.collect();
    let width = |column: usize| {
        let cells = rows.iter().take(LOOKED_AT).filter_map(|row| row.get(column));
        cells.chain([&columns[column]]).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    print_row(out, &columns, &widths)?;
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    print_row(out, &rule, &widths)?;
    for row in &rows {
        print_row(out, row, &widths)?;
    }
    Ok(())
}

fn print_row(out: &mut impl Write, cells: &[String], widths: &[usize]) -> anyhow::Result<()> {
    let cells: Vec<String> =
        cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
    writeln!(out, "{}", cells.join("  ").trim_end())?;
    Ok(())
}

fn shown(value: &Cell) -> String {
    match value {
        Cell::Null => "NULL".to_owned(),
        Cell::Integer(value) => value.to_string(),
        Cell::Real(value) => value.clone(),
        Cell::Text(text) => cell(text),
        Cell::Blob(bytes) => {
            let hex: String =
                bytes.0.iter().take(MAX_WIDTH).map(|byte| format!("{byte:02x}")).collect();
            cell(&format!("x'{hex}'"))
        }
    }
}

/// A text on one line, cut where it is too long.
fn cell(text: &str) -> String {
    let line: String = text
        .chars()
        .take(MAX_WIDTH + 1)
        .flat_map(|c| match c {
            c if c.is_control() => c.escape_default().collect::<Vec<_>>(),
            c => vec![c],
        })
        .collect();
    if line.chars().count() <= MAX_WIDTH {
        return line;
    }
    line.chars().take(MAX_WIDTH - 2).chain("..".chars()).collect()
}

#[cfg(test)]
mod tests {
    use selvedge_server::control::protocol::Base64;

    use super::*;

    #[test]
    fn cells_are_one_line_and_not_too_wide() {
        assert_eq!(cell("a\nb"), "a\\nb");
        assert_eq!(cell(&"x".repeat(60)), "x".repeat(60));
        assert_eq!(cell(&"x".repeat(61)), format!("{}..", "x".repeat(58)));
        assert_eq!(shown(&Cell::Blob(Base64(vec![1, 255]))), "x'01ff'");
        assert_eq!(shown(&Cell::Null), "NULL");
    }
}
