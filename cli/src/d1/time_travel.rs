//! `selvedge d1 time-travel`: bookmarks, and going back to one.

use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};

use super::args::TimeTravelCommand;
use super::database::Databases;
use crate::kv::{Place, say};
use crate::remote;

/// A number of so many digits is seconds, as wrangler has it; a longer one is
/// milliseconds.
const SECONDS_DIGITS: usize = 10;

/// Does what the command says.
pub(super) async fn run(command: TimeTravelCommand) -> anyhow::Result<()> {
    match command {
        TimeTravelCommand::Info { database, timestamp, json, place } => {
            info(&database, timestamp.as_deref(), json, &place).await
        }
        TimeTravelCommand::Restore { database, bookmark, timestamp, json, place } => {
            restore(&database, bookmark, timestamp.as_deref(), json, &place).await
        }
    }
}

async fn info(name: &str, at: Option<&str>, as_json: bool, place: &Place) -> anyhow::Result<()> {
    let at = at.map(time).transpose()?;
    let database = Databases::open(place, "time-travel info").await?.find(name).await?;
    let found = database.bookmark(at).await?;
    if as_json {
        return remote::print_json(&found);
    }
    let bookmark = found["bookmark"].as_str().unwrap_or_default();
    remote::print(bookmark)?;
    say(&format!(
        "To go back to that: selvedge d1 time-travel restore {name} --bookmark {bookmark}"
    ));
    Ok(())
}

async fn restore(
    name: &str,
    bookmark: Option<String>,
    at: Option<&str>,
    as_json: bool,
    place: &Place,
) -> anyhow::Result<()> {
    let at = at.map(time).transpose()?;
    let database = Databases::open(place, "time-travel restore").await?.find(name).await?;
    let bookmark = match bookmark {
        Some(bookmark) => bookmark,
        None => {
            let found = database.bookmark(at).await?;
            found["bookmark"].as_str().context("there is no bookmark of that time")?.to_owned()
        }
    };
    let done = database.restore(&bookmark).await?;
    if as_json {
        return remote::print_json(&done);
    }
    let previous = done["previous_bookmark"].as_str().unwrap_or_default();
    say(&format!("The database {} is as it was at {bookmark}.", database.name));
    say(&format!("To undo that: selvedge d1 time-travel restore {name} --bookmark {previous}"));
    remote::print(previous)
}

/// The time that somebody wrote.
fn time(text: &str) -> anyhow::Result<DateTime<Utc>> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let time = if is_number {
        let number = text.parse::<i64>().ok();
        number.and_then(|number| match text.len() > SECONDS_DIGITS {
            true => DateTime::from_timestamp_millis(number),
            false => DateTime::from_timestamp(number, 0),
        })
    } else {
        DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc())
    };
    match time {
        Some(time) => Ok(time),
        None => bail!(
            "\"{text}\" is no time\nhint: seconds since 1970, or such as 2026-11-29T08:30:00Z"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_milliseconds_or_rfc_3339() {
        let expected = "2023-07-13T08:46:42+00:00";
        for text in ["1689238002", "1689238002000", "2023-07-13T10:46:42+02:00"] {
            assert_eq!(time(text).expect("a time").to_rfc3339(), expected, "{text}");
        }
        for text in ["", "yesterday", "2023-07-13", "99999999999999999999", "-5"] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
