//! Cron triggers.

use croner::parser::{CronParser, Seconds, Year};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::call::Cx;
use crate::error::ApiError;
use crate::reply::{Answer, Reply};
use crate::time::iso;

/// Schedules of a Worker.
const MAX_CRONS: usize = 100;

fn shown(crons: &[String], at: i64) -> Value {
    let item =
        |cron: &String| json!({ "cron": cron, "created_on": iso(at), "modified_on": iso(at) });
    json!({ "schedules": crons.iter().map(item).collect::<Vec<_>>() })
}

pub(crate) async fn get(cx: Cx) -> Answer {
    let (key, worker) = cx.existing_worker().await?;
    let live = cx.store(move |store| store.live_worker(&key)).await?;
    let crons = live.map(|live| live.crons).unwrap_or_default();
    Ok(Reply::ok(shown(&crons, worker.modified_on)))
}

/// Replaces them all.
pub(crate) async fn put(mut cx: Cx) -> Answer {
    #[derive(Deserialize)]
    struct New {
        cron: String,
    }
    let (key, _) = cx.existing_worker().await?;
    let new: Vec<New> = cx.json().await?;
    let mut crons: Vec<String> = Vec::new();
    for New { cron } in new {
        check(&cron)?;
        if !crons.contains(&cron) {
            crons.push(cron);
        }
    }
    if crons.len() > MAX_CRONS {
        return Err(ApiError::bad(10072, format!("a Worker has at most {MAX_CRONS} schedules")));
    }
    let by = cx.actor()?;
    let (wanted, stored) = (key.clone(), crons.clone());
    cx.store(move |store| store.set_crons(&wanted, &stored, &by)).await?;
    cx.apply(&key).await?;
    Ok(Reply::ok(shown(&crons, cx.now())))
}

/// Minutes to weekdays, five fields, as on Cloudflare.
pub(crate) fn check(cron: &str) -> Result<(), ApiError> {
    let invalid = || ApiError::bad(10100, format!("invalid cron string: \"{cron}\""));
    if cron.split_whitespace().count() != 5 {
        return Err(invalid());
    }
    let parser = CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        // Sunday is 1.
        .alternative_weekdays(true)
        .build();
    parser.parse(cron).map(|_| ()).map_err(|_| invalid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crons_have_five_fields_that_make_sense() {
        for cron in ["* * * * *", "*/5 0-6 1 JAN MON-FRI", "0 0 L * *", "0 12 * * 1#2"] {
            check(cron).expect(cron);
        }
        for cron in ["", "* * * *", "* * * * * *", "60 * * * *", "x * * * *", "* * * * 9"] {
            assert_eq!(check(cron).expect_err(cron).code, 10100, "{cron}");
        }
    }
}
