//! The key `d1_databases` of wrangler's configuration
//! (<https://developers.cloudflare.com/workers/wrangler/configuration/#d1-databases>).

use serde::Deserialize;

/// The folder of migrations where the configuration names none.
pub const MIGRATIONS_DIR: &str = "migrations";
/// The table of applied migrations where the configuration names none.
pub const MIGRATIONS_TABLE: &str = "d1_migrations";

/// One table of `d1_databases`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DatabaseConfig {
    /// The name in `env`.
    pub binding: String,
    /// What people name it by.
    pub database_name: Option<String>,
    database_id: Option<String>,
    /// Another database for previews on Cloudflare; on the developer's machine
    /// wrangler uses it in the place of `database_id`.
    preview_database_id: Option<String>,
    /// The folder of its migrations, beside the configuration.
    pub migrations_dir: Option<String>,
    /// The table of applied migrations.
    pub migrations_table: Option<String>,
    /// Asks wrangler to use Cloudflare's data.
    #[serde(default, alias = "experimental_remote")]
    pub remote: bool,
}

impl DatabaseConfig {
    /// Which database it is on this machine: that for previews, else its id, else
    /// its name, else the binding's. Equal ones are the same data.
    pub fn local_id(&self) -> &str {
        [&self.preview_database_id, &self.database_id, &self.database_name]
            .into_iter()
            .flatten()
            .find(|id| !id.is_empty())
            .unwrap_or(&self.binding)
    }

    /// The id on a server, if it says one.
    pub fn database_id(&self) -> Option<&str> {
        self.database_id.as_deref().filter(|id| !id.is_empty())
    }

    /// Whether people may mean it by this name: the database's, or the binding's.
    pub fn is_named(&self, name: &str) -> bool {
        self.database_name.as_deref() == Some(name) || self.binding == name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: serde_json::Value) -> Result<DatabaseConfig, String> {
        serde_json::from_value(json).map_err(|error| error.to_string())
    }

    #[test]
    fn what_names_a_database_on_this_machine() {
        let json = serde_json::json!({
            "binding": "DB", "database_name": "shop", "database_id": "abc",
            "preview_database_id": "def"
        });
        let all = read(json).expect("valid");
        assert_eq!((all.local_id(), all.database_id()), ("def", Some("abc")));
        assert!(all.is_named("shop") && all.is_named("DB") && !all.is_named("abc"));
        let id = read(serde_json::json!({ "binding": "DB", "database_id": "abc" })).expect("valid");
        assert_eq!(id.local_id(), "abc");
        let json = serde_json::json!({ "binding": "DB", "database_name": "x", "database_id": "" });
        assert_eq!(read(json).expect("valid").local_id(), "x");
        assert_eq!(read(serde_json::json!({ "binding": "DB" })).expect("valid").local_id(), "DB");
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = read(serde_json::json!({ "database_id": "abc" })).expect_err("no binding");
        assert!(error.contains("`binding`"), "{error}");
    }
}
