//! From the command line to a database: in a data folder, or on a server.

use std::path::PathBuf;

use anyhow::{anyhow, bail};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use selvedge_d1::config::DatabaseConfig;
use selvedge_d1::store::DumpOptions;
use selvedge_server::config;
use selvedge_server::control::protocol::{D1Entry, Request};
use serde_json::{Value, json};

use crate::api::Api;
use crate::kv::{Place, config_file, data_dir};
use crate::remote::RemoteD1;

/// Databases, and who has them.
pub(super) struct Databases {
    at: At,
    configured: Vec<DatabaseConfig>,
    /// The folder of the configuration.
    folder: PathBuf,
}

enum At {
    /// This machine.
    Local(Api),
    Server(Box<RemoteD1>),
}

/// One of them.
pub(super) struct Database {
    at: At,
    id: String,
    /// What messages call it.
    pub(super) name: String,
    /// What the configuration says of it.
    pub(super) config: Option<DatabaseConfig>,
    pub(super) folder: PathBuf,
}

/// A text of SQL, and what is bound to it.
pub(super) type Query = (String, Vec<Value>);

impl Databases {
    /// Takes the data folder, or connects to the server that has it; with
    /// `--remote` to the one that is asked over its API.
    pub(super) async fn open(place: &Place, command: &str) -> anyhow::Result<Self> {
        let file = config_file(place)?;
        let configured = match &file {
            Some(file) => {
                let tables = config::tables_in(file, place.env.as_deref(), "d1_databases");
                let tables = tables.map_err(|error| anyhow!(error.text()))?;
                let read =
                    |table: &config::Section| table.read().map_err(|error| anyhow!(error.text()));
                tables.iter().map(read).collect::<anyhow::Result<_>>()?
            }
            None => Vec::new(),
        };
        let folder = file.and_then(|file| file.parent().map(PathBuf::from)).unwrap_or_default();
        let at = if place.remote {
            At::Server(Box::new(RemoteD1::of(place).await?))
        } else {
            At::Local(Api::open(&data_dir(place)?, &format!("selvedge d1 {command}")).await?)
        };
        Ok(Self { at, configured, folder })
    }

    /// All of them, as Cloudflare's API tells them.
    pub(super) async fn list(&self) -> anyhow::Result<Vec<Value>> {
        match &self.at {
            At::Server(server) => server.list().await,
            At::Local(api) => {
                let all: Vec<D1Entry> = api.ask(Request::D1Databases).await?;
                Ok(all.into_iter().map(shown).collect())
            }
        }
    }

    /// Makes one; gives its id.
    pub(super) async fn create(&self, name: &str) -> anyhow::Result<String> {
        match &self.at {
            At::Server(server) => server.create(name).await,
            At::Local(api) => {
                let made: D1Entry = api.ask(Request::D1Create { name: name.to_owned() }).await?;
                Ok(made.id)
            }
        }
    }

    /// The one that people mean: by its binding or name in the configuration, else
    /// by its name or id where it is.
    pub(super) async fn find(self, name: &str) -> anyhow::Result<Database> {
        let Self { at, configured, folder } = self;
        let config = configured.into_iter().find(|database| database.is_named(name));
        let id = match (&at, &config) {
            (At::Local(_), Some(config)) => config.local_id().to_owned(),
            (At::Local(api), None) => {
                let all: Vec<D1Entry> = api.ask(Request::D1Databases).await?;
                match all.into_iter().find(|entry| entry.id == name || entry.name == name) {
                    Some(entry) => entry.id,
                    None => bail!(
                        "there is no database \"{name}\": neither the configuration nor the data \
                         folder has it\nhint: `selvedge d1 list` prints those there are"
                    ),
                }
            }
            (At::Server(server), config) => {
                let wanted = config.as_ref().and_then(DatabaseConfig::database_id);
                server.id_of(wanted.unwrap_or(name)).await?
            }
        };
        Ok(Database { at, id, name: format!("\"{name}\""), config, folder })
    }
}

fn shown(entry: D1Entry) -> Value {
    let created = i64::try_from(entry.created).unwrap_or(0);
    let created = chrono::DateTime::from_timestamp(created, 0).unwrap_or_default();
    let created = created.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    json!({
        "uuid": entry.id, "name": entry.name, "version": "production", "created_at": created,
    })
}

impl Database {
    /// What is known of it.
    pub(super) async fn info(&self) -> anyhow::Result<Value> {
        match &self.at {
            At::Server(server) => server.get(&self.id).await,
            At::Local(api) => {
                let all: Vec<D1Entry> = api.ask(Request::D1Databases).await?;
                let entry = all.into_iter().find(|entry| entry.id == self.id);
                let mut info = entry.map_or_else(|| json!({ "uuid": self.id }), shown);
                let sql = "SELECT count(*) AS n FROM sqlite_schema WHERE type = 'table' \
                           AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_cf_%'";
                let results = self.query(vec![(sql.to_owned(), Vec::new())]).await?;
                info["num_tables"] = results[0]["results"][0]["n"].clone();
                info["file_size"] = results[0]["meta"]["size_after"].clone();
                Ok(info)
            }
        }
    }

    /// Runs queries, all or none. Gives `{ results, success, meta }` for each.
    pub(super) async fn query(&self, queries: Vec<Query>) -> anyhow::Result<Vec<Value>> {
        match &self.at {
            At::Server(server) => server.query(&self.id, &queries).await,
            At::Local(api) => {
                let database = self.id.clone();
                api.ask(Request::D1Query { database, queries }).await
            }
        }
    }

    /// Runs the statements of a text, all or none. Gives how many there were.
    pub(super) async fn import(&self, sql: Bytes) -> anyhow::Result<u64> {
        match &self.at {
            At::Server(server) => server.import(&self.id, sql).await,
            At::Local(api) => {
                let request = Request::D1Import { database: self.id.clone() };
                Ok(api.call(request, sql).await?.read()?)
            }
        }
    }

    /// All of it as statements.
    pub(super) async fn export(&self, options: DumpOptions) -> anyhow::Result<Bytes> {
        match &self.at {
            At::Server(server) => server.export(&self.id, &options).await,
            At::Local(api) => {
                let DumpOptions { tables, no_schema, no_data } = options;
                let database = self.id.clone();
                let request = Request::D1Export { database, tables, no_schema, no_data };
                Ok(api.call(request, Bytes::new()).await?.bytes)
            }
        }
    }

    /// The bookmark of a time, or the present one: JSON as that of Cloudflare's API.
    pub(super) async fn bookmark(&self, at: Option<DateTime<Utc>>) -> anyhow::Result<Value> {
        match &self.at {
            At::Server(server) => {
                let at = at.map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true));
                server.bookmark(&self.id, at.as_deref()).await
            }
            At::Local(api) => {
                let at = at.map(|at| at.timestamp_millis());
                api.ask(Request::D1Bookmark { database: self.id.clone(), at }).await
            }
        }
    }

    /// Goes back to a bookmark: the same.
    pub(super) async fn restore(&self, bookmark: &str) -> anyhow::Result<Value> {
        match &self.at {
            At::Server(server) => server.restore(&self.id, bookmark).await,
            At::Local(api) => {
                let (database, bookmark) = (self.id.clone(), bookmark.to_owned());
                api.ask(Request::D1Restore { database, bookmark }).await
            }
        }
    }

    /// Deletes it.
    pub(super) async fn delete(self) -> anyhow::Result<()> {
        match &self.at {
            At::Server(server) => server.delete(&self.id).await,
            At::Local(api) => {
                api.ask::<bool>(Request::D1Delete { database: self.id }).await.map(drop)
            }
        }
    }
}
