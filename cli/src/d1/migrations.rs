//! `selvedge d1 migrations`: files of SQL, applied in the order of their names,
//! each once. Those that were applied stand in a table of the database.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use selvedge_d1::config::{MIGRATIONS_DIR, MIGRATIONS_TABLE};
use serde_json::json;

use super::args::MigrationsCommand;
use super::database::{Database, Databases};
use crate::kv::say;
use crate::remote;

pub(super) async fn run(command: MigrationsCommand) -> anyhow::Result<()> {
    match command {
        MigrationsCommand::Create { database, message, place } => {
            let databases = Databases::open(&place, "migrations create").await?;
            create(&Migrations::of(databases.find(&database).await?), &message)
        }
        MigrationsCommand::List { database, place } => {
            let databases = Databases::open(&place, "migrations list").await?;
            let migrations = Migrations::of(databases.find(&database).await?);
            let open = migrations.open().await?;
            if open.is_empty() {
                say("No migrations to apply.");
                return Ok(());
            }
            remote::print(open.join("\n"))
        }
        MigrationsCommand::Apply { database, place } => {
            let databases = Databases::open(&place, "migrations apply").await?;
            Migrations::of(databases.find(&database).await?).apply().await
        }
    }
}

/// The migrations of a database.
struct Migrations {
    database: Database,
    folder: PathBuf,
    table: String,
}

impl Migrations {
    fn of(database: Database) -> Self {
        let config = database.config.as_ref();
        let folder = config.and_then(|config| config.migrations_dir.as_deref());
        let table = config.and_then(|config| config.migrations_table.as_deref());
        Self {
            folder: database.folder.join(folder.unwrap_or(MIGRATIONS_DIR)),
            table: table.unwrap_or(MIGRATIONS_TABLE).to_owned(),
            database,
        }
    }

    fn quoted_table(&self) -> String {
        format!("\"{}\"", self.table.replace('"', "\"\""))
    }

    /// The files, by name.
    fn files(&self) -> anyhow::Result<Vec<String>> {
        let folder = self.folder.display();
        let entries = std::fs::read_dir(&self.folder).with_context(|| {
            format!("there is no folder of migrations {folder}\nhint: `selvedge d1 migrations create` makes it")
        })?;
        let mut names = Vec::new();
        for entry in entries {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if Path::new(&name).extension().is_some_and(|it| it.eq_ignore_ascii_case("sql")) {
                names.push(name);
            }
        }
        names.sort_by_key(|name| (number(name).unwrap_or(u64::MAX), name.clone()));
        Ok(names)
    }

    /// Those that were not applied.
    async fn open(&self) -> anyhow::Result<Vec<String>> {
        let files = self.files()?;
        let table = self.quoted_table();
        let make = format!(
            "CREATE TABLE IF NOT EXISTS {table} (\n\
             \tid INTEGER PRIMARY KEY AUTOINCREMENT,\n\
             \tname TEXT UNIQUE,\n\
             \tapplied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL\n)"
        );
        let select = format!("SELECT name FROM {table} ORDER BY id");
        let results = self.database.query(vec![(make, Vec::new()), (select, Vec::new())]).await?;
        let rows = results.last().and_then(|result| result["results"].as_array());
        let applied: BTreeSet<&str> =
            rows.into_iter().flatten().filter_map(|row| row["name"].as_str()).collect();
        Ok(files.iter().filter(|name| !applied.contains(name.as_str())).cloned().collect())
    }

    /// Applies one after the other, each whole or not at all.
    async fn apply(&self) -> anyhow::Result<()> {
        let open = self.open().await?;
        if open.is_empty() {
            say("No migrations to apply.");
            return Ok(());
        }
        let note = format!("INSERT INTO {} (name) VALUES (?)", self.quoted_table());
        for (done, name) in open.iter().enumerate() {
            let path = self.folder.join(name);
            let sql = std::fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            let queries = vec![(sql, Vec::new()), (note.clone(), vec![json!(name)])];
            self.database.query(queries).await.with_context(|| {
                format!("the migration {name} failed and was undone; {done} were applied before it")
            })?;
            say(&format!("Applied {name}."));
        }
        Ok(())
    }
}

fn create(migrations: &Migrations, message: &str) -> anyhow::Result<()> {
    let slug: String =
        message.chars().map(|c| if c.is_alphanumeric() || c == '-' { c } else { '_' }).collect();
    if slug.is_empty() {
        bail!("a migration needs a name that says what it does");
    }
    std::fs::create_dir_all(&migrations.folder)
        .with_context(|| format!("cannot make {}", migrations.folder.display()))?;
    let last = migrations.files()?.iter().filter_map(|name| number(name)).max().unwrap_or(0);
    let number = last + 1;
    let name = format!("{number:04}_{slug}.sql");
    let path = migrations.folder.join(&name);
    std::fs::write(&path, format!("-- Migration number: {number:04}\n"))
        .with_context(|| format!("cannot write {}", path.display()))?;
    say("Made the migration:");
    remote::print(path.display().to_string())
}

/// The number that a file's name begins with.
fn number(name: &str) -> Option<u64> {
    let digits: String = name.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
