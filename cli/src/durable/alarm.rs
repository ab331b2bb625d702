//! `selvedge do alarm`.

use std::io::Write as _;

use super::args::Target;
use super::target::object;
use super::time::{iso, parse};
use super::{must_write, say};

/// Prints the alarm, or changes it.
pub(super) fn run(
    target: &Target,
    set: Option<&str>,
    delete: bool,
    write: bool,
    runtime: &tokio::runtime::Runtime,
) -> anyhow::Result<()> {
    let set = set.map(parse).transpose()?;
    if set.is_some() || delete {
        must_write(write)?;
    }
    let object = object(target, "alarm")?;
    if set.is_none() {
        object.known()?;
    }
    let storage = object.storage()?;
    if let Some(time) = set {
        storage.set_alarm(time)?;
        object.commit(&storage, runtime)?;
        say(&format!("The alarm of the object {} goes off at {}.", object.shown(), iso(time)));
        return Ok(());
    }
    if delete {
        storage.delete_alarm()?;
        object.commit(&storage, runtime)?;
        say(&format!("The object {} has no alarm any more.", object.shown()));
        return Ok(());
    }
    let alarm = storage.get_alarm()?.map_or_else(|| "none".to_owned(), iso);
    writeln!(std::io::stdout(), "{alarm}")?;
    Ok(())
}
