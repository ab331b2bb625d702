//! The key `kv_namespaces` of wrangler's configuration
//! (<https://developers.cloudflare.com/workers/wrangler/configuration/#kv-namespaces>).

use serde::Deserialize;

/// One table of `kv_namespaces`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NamespaceConfig {
    /// The name in `env`.
    pub binding: String,
    id: Option<String>,
    /// Another namespace for previews on Cloudflare; here `id` is used always.
    #[serde(rename = "preview_id")]
    _preview_id: Option<String>,
    /// Asks wrangler to use Cloudflare's data.
    #[serde(default, alias = "experimental_remote")]
    pub remote: bool,
}

impl NamespaceConfig {
    /// Which namespace it is: its `id`, else the name of the binding, as
    /// wrangler has it on the developer's machine. Equal ones are the same data.
    pub fn id(&self) -> &str {
        match self.id.as_deref() {
            None | Some("") => &self.binding,
            Some(id) => id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: serde_json::Value) -> Result<NamespaceConfig, String> {
        serde_json::from_value(json).map_err(|error| error.to_string())
    }

    #[test]
    fn the_binding_names_a_namespace_that_has_no_id() {
        let given = read(serde_json::json!({ "binding": "KV", "id": "abc", "preview_id": "def" }));
        let given = given.expect("it is valid");
        assert_eq!((given.binding.as_str(), given.id(), given.remote), ("KV", "abc", false));
        let bare = read(serde_json::json!({ "binding": "KV", "remote": true })).expect("valid");
        assert_eq!((bare.id(), bare.remote), ("KV", true));
        let empty = read(serde_json::json!({ "binding": "KV", "id": "" })).expect("valid");
        assert_eq!(empty.id(), "KV");
    }

    #[test]
    fn what_is_missing_or_of_the_wrong_kind_is_named() {
        let error = read(serde_json::json!({ "id": "abc" })).expect_err("no binding");
        assert!(error.contains("`binding`"), "{error}");
        let error = read(serde_json::json!({ "binding": 5 })).expect_err("a number");
        assert!(error.contains("expected a string"), "{error}");
    }
}
