//! `selvedge do alarm`.

use std::io::Write as _;

use selvedge_server::control::protocol::{AlarmChange, Request};

use super::args::Target;
use super::target::object;
use super::time::{iso, parse};
use super::{must_write, say};

/// Prints the alarm, or changes it.
pub(super) async fn run(
    target: &Target,
    set: Option<&str>,
    delete: bool,
    write: bool,
) -> anyhow::Result<()> {
    let set = set.map(parse).transpose()?;
    let change = set.map(AlarmChange::Set).or(delete.then_some(AlarmChange::Delete));
    if change.is_some() {
        must_write(write)?;
    }
    let object = object(target, "alarm").await?;
    let request = Request::Alarm { object: object.reference.clone(), change };
    let alarm: Option<i64> = object.open.api.ask(request).await?;
    match (set, delete) {
        (Some(time), _) => {
            say(&format!("The alarm of the object {} goes off at {}.", object.shown(), iso(time)));
        }
        (None, true) => say(&format!("The object {} has no alarm any more.", object.shown())),
        (None, false) => {
            writeln!(std::io::stdout(), "{}", alarm.map_or_else(|| "none".to_owned(), iso))?;
        }
    }
    Ok(())
}
