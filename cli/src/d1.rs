//! `selvedge d1`: databases in a data folder; with `--remote`, those of a server.
//!
//! A server that has the folder does what is asked for, in its own process. Where
//! none has it, the files are read and written here. What is asked for goes to
//! stdout; what was done, notes and errors go to stderr.

mod args;
mod database;
mod execute;
mod migrations;
mod time_travel;
mod transfer;

use std::process::ExitCode;

use serde_json::{Value, json};

pub(crate) use self::args::{Confirm, D1Args, D1Command};
use self::database::Databases;
use crate::kv::{Place, config_file, is_closed_pipe, say};
use crate::{remote, terminal};

/// Does what the command says.
pub(crate) fn run(args: D1Args) -> ExitCode {
    let result = remote::runtime().and_then(|runtime| runtime.block_on(dispatch(args.command)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::print_error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn dispatch(command: D1Command) -> anyhow::Result<()> {
    match command {
        D1Command::Create { name, place } => create(&name, &place).await,
        D1Command::List { json, place } => list(json, &place).await,
        D1Command::Info { database, json, place } => info(&database, json, &place).await,
        D1Command::Delete { database, confirm, place } => delete(&database, &confirm, &place).await,
        D1Command::Execute(args) => execute::run(*args).await,
        D1Command::Export(args) => transfer::export(*args).await,
        D1Command::Import { database, file, place } => {
            transfer::import(&database, &file, &place).await
        }
        D1Command::Migrations(command) => migrations::run(command).await,
        D1Command::TimeTravel(command) => time_travel::run(command).await,
    }
}

async fn create(name: &str, place: &Place) -> anyhow::Result<()> {
    let id = Databases::open(place, "create").await?.create(name).await?;
    say(&format!("Created the database \"{name}\" with the id {id}."));
    let file = config_file(place)?;
    let config = file
        .as_ref()
        .and_then(|file| file.file_name())
        .map_or_else(|| "wrangler.toml".into(), std::ffi::OsStr::to_string_lossy);
    say(&format!("To use it, add this to {config}:\n"));
    remote::print(snippet(name, &id, place.env.as_deref(), config.ends_with(".toml")).trim_end())
}

/// What a configuration needs to have the database.
fn snippet(name: &str, id: &str, env: Option<&str>, toml: bool) -> String {
    let binding = binding_name(name);
    if toml {
        let table = env.map(|env| format!("env.{env}.")).unwrap_or_default();
        return format!(
            "[[{table}d1_databases]]\nbinding = \"{binding}\"\ndatabase_name = \"{name}\"\n\
             database_id = \"{id}\"\n"
        );
    }
    let list = json!([{ "binding": binding, "database_name": name, "database_id": id }]);
    format!("\"d1_databases\": {list:#}\n")
}

/// A name for `env` that JavaScript can write after a dot.
fn binding_name(name: &str) -> String {
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    match plain.chars().next() {
        Some(first) if !first.is_ascii_digit() => plain,
        _ => format!("DB_{plain}"),
    }
}

async fn list(as_json: bool, place: &Place) -> anyhow::Result<()> {
    let all = Databases::open(place, "list").await?.list().await?;
    if as_json {
        return remote::print_json(&all);
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut rows = vec![["id", "name", "created"].map(str::to_owned).to_vec()];
    rows.extend(
        all.iter()
            .map(|one| vec![text(&one["uuid"]), text(&one["name"]), text(&one["created_at"])]),
    );
    remote::print(remote::table(&rows).trim_end())
}

async fn info(database: &str, as_json: bool, place: &Place) -> anyhow::Result<()> {
    let database = Databases::open(place, "info").await?.find(database).await?;
    let info = database.info().await?;
    if as_json {
        return remote::print_json(&info);
    }
    let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let fields = info.as_object().into_iter().flatten().filter(|(_, value)| !value.is_object());
    let rows: Vec<_> = fields.map(|(key, value)| vec![key.clone(), shown(value)]).collect();
    remote::print(remote::table(&rows).trim_end())
}

async fn delete(database: &str, confirm: &Confirm, place: &Place) -> anyhow::Result<()> {
    let databases = Databases::open(place, "delete").await?;
    let found = databases.find(database).await?;
    let question = format!("Delete the database {} with all that is in it?", found.name);
    remote::must_confirm(&question, confirm.skip_confirmation, "--skip-confirmation")?;
    let name = found.name.clone();
    found.delete().await?;
    say(&format!("Deleted the database {name}."));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snippet_names_binding_and_database() {
        assert_eq!(
            snippet("my-shop", "abc", Some("live"), true),
            "[[env.live.d1_databases]]\nbinding = \"my_shop\"\ndatabase_name = \"my-shop\"\n\
             database_id = \"abc\"\n"
        );
        assert!(snippet("7", "abc", None, false).contains("\"binding\": \"DB_7\""));
    }
}
