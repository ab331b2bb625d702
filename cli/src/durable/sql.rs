//! `selvedge do sql`.

use std::io::{BufWriter, Write};

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use selvedge_durable::store::{Cursor, SqlValue};
use serde_json::{Map, json};

use super::args::Target;
use super::target::object;
use crate::kv::say;

/// A table is as wide as its first rows want it: so many are looked at.
const LOOKED_AT: usize = 1000;
/// No column is wider, in characters.
const MAX_WIDTH: usize = 60;

/// Runs a query and prints its rows.
pub(super) fn run(
    target: &Target,
    query: &str,
    json: bool,
    write: bool,
    runtime: &tokio::runtime::Runtime,
) -> anyhow::Result<()> {
    let object = object(target, "sql")?;
    if !write {
        object.known()?;
    }
    let storage = object.storage()?;
    let mut cursor = storage.exec(query, &[])?;
    if storage.has_uncommitted() && !write {
        bail!("nothing was changed: this query writes\nhint: --write says that you mean it");
    }
    let mut out = BufWriter::new(std::io::stdout().lock());
    if json {
        print_json(&mut cursor, &mut out)?;
    } else {
        print_table(&mut cursor, &mut out)?;
    }
    out.flush().context("cannot print the rows")?;
    let written = cursor.rows_written();
    drop(cursor);
    object.commit(&storage, runtime)?;
    if write {
        say(&format!("{written} rows written."));
    }
    Ok(())
}

fn print_json(cursor: &mut Cursor, out: &mut impl Write) -> anyhow::Result<()> {
    let columns = cursor.columns().to_vec();
    let mut first = true;
    write!(out, "[")?;
    while let Some(row) = cursor.next_row()? {
        let row: Map<_, _> = columns.iter().cloned().zip(row.iter().map(to_json)).collect();
        let row = serde_json::Value::Object(row);
        write!(out, "{}\n  {row}", if first { "" } else { "," })?;
        first = false;
    }
    writeln!(out, "{}]", if first { "" } else { "\n" })?;
    Ok(())
}

fn to_json(value: &SqlValue) -> serde_json::Value {
    match value {
        SqlValue::Null => serde_json::Value::Null,
        SqlValue::Integer(value) => json!(value),
        SqlValue::Real(value) => json!(value),
        SqlValue::Text(text) => json!(text),
        SqlValue::Blob(bytes) => json!({ "$bytes": BASE64_STANDARD.encode(bytes) }),
    }
}

fn print_table(cursor: &mut Cursor, out: &mut impl Write) -> anyhow::Result<()> {
    let columns: Vec<String> = cursor.columns().iter().map(|name| cell(name)).collect();
    if columns.is_empty() {
        return Ok(());
    }
    let mut rows = Vec::new();
    while rows.len() < LOOKED_AT
        && let Some(row) = cursor.next_row()?
    {
        rows.push(row.iter().map(shown).collect::<Vec<_>>());
    }
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).chain([&columns[column]]);
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    print_row(out, &columns, &widths)?;
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    print_row(out, &rule, &widths)?;
    for row in &rows {
        print_row(out, row, &widths)?;
    }
    while let Some(row) = cursor.next_row()? {
        print_row(out, &row.iter().map(shown).collect::<Vec<_>>(), &widths)?;
    }
    Ok(())
}

fn print_row(out: &mut impl Write, cells: &[String], widths: &[usize]) -> anyhow::Result<()> {
    let cells: Vec<String> =
        cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
    writeln!(out, "{}", cells.join("  ").trim_end())?;
    Ok(())
}

fn shown(value: &SqlValue) -> String {
    match value {
        SqlValue::Null => "NULL".to_owned(),
        SqlValue::Integer(value) => value.to_string(),
        SqlValue::Real(value) => value.to_string(),
        SqlValue::Text(text) => cell(text),
        SqlValue::Blob(bytes) => {
            let hex: String =
                bytes.iter().take(MAX_WIDTH).map(|byte| format!("{byte:02x}")).collect();
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
    use super::*;

    #[test]
    fn cells_are_one_line_and_not_too_wide() {
        assert_eq!(cell("a\nb"), "a\\nb");
        assert_eq!(cell(&"x".repeat(60)), "x".repeat(60));
        assert_eq!(cell(&"x".repeat(61)), format!("{}..", "x".repeat(58)));
        assert_eq!(shown(&SqlValue::Blob(vec![1, 255])), "x'01ff'");
        assert_eq!(shown(&SqlValue::Null), "NULL");
    }
}
