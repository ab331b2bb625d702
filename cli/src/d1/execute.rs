//! `selvedge d1 execute`.

use serde_json::Value;

use super::args::ExecuteArgs;
use super::database::Databases;
use super::transfer::read;
use crate::kv::say;
use crate::remote;

/// No column is wider, in characters.
const MAX_WIDTH: usize = 60;

pub(super) async fn run(args: ExecuteArgs) -> anyhow::Result<()> {
    let database = Databases::open(&args.place, "execute").await?.find(&args.database).await?;
    if let Some(file) = &args.file {
        let count = database.import(read(file)?).await?;
        if args.json {
            return remote::print_json(&serde_json::json!({ "num_queries": count }));
        }
        say(&format!("Executed {count} statements on {}.", database.name));
        return Ok(());
    }
    let sql = args.command.unwrap_or_default();
    let results = database.query(vec![(sql, Vec::new())]).await?;
    if args.json {
        return remote::print_json(&results);
    }
    for result in &results {
        show(result)?;
    }
    Ok(())
}

/// Prints the rows of one statement; where there are none, says what was written.
fn show(result: &Value) -> anyhow::Result<()> {
    let rows = result["results"].as_array().map(Vec::as_slice).unwrap_or_default();
    let Some(first) = rows.first().and_then(Value::as_object) else {
        let meta = &result["meta"];
        say(&format!("{} rows changed, {} rows written.", meta["changes"], meta["rows_written"]));
        return Ok(());
    };
    let columns: Vec<String> = first.keys().cloned().collect();
    let rule = columns.iter().map(|name| "-".repeat(name.chars().count().min(MAX_WIDTH)));
    let mut table = vec![columns.clone(), rule.collect()];
    table.extend(rows.iter().map(|row| columns.iter().map(|name| cell(&row[name])).collect()));
    remote::print(remote::table(&table).trim_end())
}

/// A value on one line, cut where it is too long.
fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => "NULL".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let line: String = text
        .chars()
        .take(MAX_WIDTH + 1)
        .map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() })
        .collect();
    if line.chars().count() <= MAX_WIDTH {
        return line;
    }
    line.chars().take(MAX_WIDTH - 2).chain("..".chars()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cells_are_one_line_and_not_too_wide() {
        assert_eq!(cell(&json!("a\nb")), "a\\nb");
        assert_eq!(cell(&json!(null)), "NULL");
        assert_eq!(cell(&json!([1, 2])), "[1,2]");
        assert_eq!(cell(&json!("x".repeat(61))), format!("{}..", "x".repeat(58)));
    }
}
