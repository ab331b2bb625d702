//! Bindings: what `env` gets, as the upload names it.

mod fields;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::fields::{Fields, text};
use crate::secret::EncryptedSecret;

/// A binding.
///
/// It is stored, and shown, as the JSON that was uploaded, but for the text of
/// secrets, which is stored encrypted elsewhere and shown nowhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub struct Binding {
    /// The name in `env`.
    pub name: String,
    /// What it is.
    pub kind: BindingKind,
    /// As uploaded, without secrets.
    pub raw: Value,
}

/// What a binding is; all that this server has.
#[derive(Debug, Clone, PartialEq)]
pub enum BindingKind {
    /// `plain_text`: a string.
    Text(String),
    /// `json`: any value.
    Json(Value),
    /// `secret_text`: a string that nobody sees but the Worker. `None` only until
    /// it was read from the store, or taken over from an earlier version.
    Secret(Option<EncryptedSecret>),
    /// `kv_namespace`: the id of a namespace of the account.
    Kv {
        /// Its id.
        namespace: String,
    },
    /// `d1`: the id of a database of the account.
    D1 {
        /// Its id.
        database: String,
    },
    /// `queue`: the name of a queue of the account.
    Queue {
        /// Its name.
        queue: String,
        /// Seconds, for messages that say nothing.
        delay: Option<u32>,
    },
    /// `r2_bucket`: a bucket of the account.
    R2 {
        /// Its name.
        bucket: String,
    },
    /// `analytics_engine`: where data points go.
    Dataset {
        /// Its name in the account.
        dataset: String,
    },
    /// `ratelimit`: how often a key may come.
    RateLimit {
        /// Which counter of the account.
        namespace: String,
        /// Calls of a period.
        limit: u32,
        /// In seconds: 10 or 60.
        period: u32,
    },
    /// `secrets_store_secret`: a secret of the account.
    StoreSecret {
        /// The id of its store.
        store: String,
        /// Its name there.
        secret: String,
    },
    /// `send_email`: who may send to whom.
    Email {
        /// The only address that it sends to.
        destination: Option<String>,
        /// The addresses that it sends to; `None`: all.
        destinations: Option<Vec<String>>,
        /// The addresses that it sends from; `None`: all.
        senders: Option<Vec<String>>,
    },
    /// `hyperdrive`: a database that the account has configured.
    Hyperdrive {
        /// The id of its configuration.
        config: String,
    },
    /// `workflow`: a Workflow of the account.
    Workflow {
        /// Its name.
        workflow: String,
        /// The class that runs it.
        class: String,
        /// The Worker of the same account that exports that; `None`: this one.
        script: Option<String>,
    },
    /// `durable_object_namespace`.
    Objects {
        /// The class.
        class: String,
        /// The Worker of the same account that has it; `None`: this one.
        script: Option<String>,
    },
    /// `service`: another Worker of the same account.
    Service {
        /// Its name.
        service: String,
        /// The export that is called; `None`: the default one.
        entrypoint: Option<String>,
        /// What the callee finds in `ctx.props`.
        props: Option<Value>,
    },
    /// `worker_loader`: makes Workers of code.
    Loader,
    /// `dispatch_namespace`: Workers of other people, by name.
    Dispatch {
        /// The namespace of the account.
        namespace: String,
        /// The Worker that all they send goes through.
        outbound: Option<DispatchOutbound>,
    },
    /// `version_metadata`: `{ id, tag, timestamp }`.
    VersionMetadata,
    /// `assets`: the version's static files.
    Assets,
    /// `wasm_module`: a part of the upload, compiled.
    Wasm {
        /// The module of the version.
        part: String,
    },
    /// `text_blob`: a part of the upload, as a string.
    TextBlob {
        /// The module of the version.
        part: String,
    },
    /// `data_blob`: a part of the upload, as an `ArrayBuffer`.
    DataBlob {
        /// The module of the version.
        part: String,
    },
}

/// The way out of the Workers of a dispatch namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DispatchOutbound {
    /// A Worker of the account.
    pub service: String,
    /// What each call may put into its `env`.
    pub parameters: Vec<String>,
}

/// Why something is not a binding.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBinding {
    /// It is not an object, or has no name or type.
    #[error("binding {0} has no {1}")]
    Incomplete(String, &'static str),
    /// The server has no such thing.
    #[error("binding {name} of type {kind} is not supported")]
    Unsupported {
        /// Its name.
        name: String,
        /// Its type.
        kind: String,
    },
    /// Its type is there, but not with what it says.
    #[error("binding {name} of type {kind} is not valid: {reason}")]
    Invalid {
        /// Its name.
        name: String,
        /// Its type.
        kind: String,
        /// What is wrong.
        reason: String,
    },
}

impl Binding {
    /// A secret of this name.
    pub fn secret(name: &str, secret: EncryptedSecret) -> Self {
        let raw = serde_json::json!({ "name": name, "type": "secret_text" });
        Self { name: name.to_owned(), kind: BindingKind::Secret(Some(secret)), raw }
    }

    /// The binding that this JSON names. The text of a `secret_text` is dropped:
    /// take it before.
    ///
    /// # Errors
    /// When there is no such binding, or it is not complete.
    pub fn from_raw(mut raw: Value) -> Result<Self, InvalidBinding> {
        let Value::Object(object) = &mut raw else {
            return Err(InvalidBinding::Incomplete(String::new(), "name"));
        };
        let name = text(object, "name").unwrap_or_default();
        if name.is_empty() {
            return Err(InvalidBinding::Incomplete(name, "name"));
        }
        let Some(kind) = text(object, "type") else {
            return Err(InvalidBinding::Incomplete(name, "type"));
        };
        if kind == "secret_text" {
            object.remove("text");
        }
        let fields = Fields { name: &name, kind: &kind, object };
        let kind = fields.read()?;
        Ok(Self { name, kind, raw })
    }

    /// The types that there are.
    pub fn types() -> impl Iterator<Item = &'static str> {
        fields::types()
    }

    /// Its type, as uploads call it.
    pub fn type_name(&self) -> &str {
        self.raw.get("type").and_then(Value::as_str).unwrap_or_default()
    }
}

impl TryFrom<Value> for Binding {
    type Error = InvalidBinding;

    fn try_from(raw: Value) -> Result<Self, InvalidBinding> {
        Self::from_raw(raw)
    }
}

impl From<Binding> for Value {
    fn from(binding: Binding) -> Self {
        binding.raw
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_text_of_a_secret_is_not_kept() {
        let raw = json!({ "name": "TOKEN", "type": "secret_text", "text": "hunter2" });
        let binding = Binding::from_raw(raw).expect("valid");
        assert_eq!(binding.kind, BindingKind::Secret(None));
        assert!(!format!("{binding:?}").contains("hunter2"));
        let stored = serde_json::to_string(&binding).expect("JSON");
        assert!(!stored.contains("hunter2"), "{stored}");
    }

    #[test]
    fn a_type_that_is_not_there_is_named() {
        let error = Binding::from_raw(json!({ "name": "V", "type": "vectorize" }));
        let error = error.expect_err("refused").to_string();
        assert_eq!(error, "binding V of type vectorize is not supported");
    }

    #[test]
    fn what_is_stored_reads_back() {
        for raw in [
            json!({ "name": "A", "type": "plain_text", "text": "" }),
            json!({ "name": "B", "type": "json", "json": { "a": [1, null] } }),
            json!({ "name": "C", "type": "kv_namespace", "namespace_id": "0f" }),
            json!({ "name": "L", "type": "ratelimit", "namespace_id": "1",
                "simple": { "limit": 5, "period": 60 } }),
            json!({ "name": "E", "type": "analytics_engine", "dataset": "events" }),
            json!({ "name": "R", "type": "r2_bucket", "bucket_name": "b", "jurisdiction": "eu" }),
            json!({ "name": "W", "type": "workflow", "workflow_name": "orders",
                "class_name": "Order" }),
            json!({ "name": "D", "type": "durable_object_namespace", "class_name": "Room" }),
            json!({ "name": "E", "type": "service", "service": "auth", "entrypoint": "Admin" }),
            json!({ "name": "F", "type": "version_metadata" }),
            json!({ "name": "G", "type": "assets" }),
            json!({ "name": "H", "type": "d1", "id": "0f" }),
            json!({ "name": "P", "type": "hyperdrive", "id": "0f" }),
            json!({ "name": "M", "type": "send_email", "allowed_sender_addresses": ["a@x.org"] }),
            json!({ "name": "S", "type": "secrets_store_secret", "store_id": "0f",
                "secret_name": "TOKEN" }),
            json!({ "name": "I", "type": "queue", "queue_name": "q", "delivery_delay": 5 }),
        ] {
            let binding = Binding::from_raw(raw.clone()).expect("valid");
            let text = serde_json::to_string(&binding).expect("JSON");
            let back: Binding = serde_json::from_str(&text).expect("reads back");
            assert_eq!(back, binding);
            assert_eq!(back.raw, raw);
        }
    }

    #[test]
    fn an_environment_adds_to_the_name() {
        let raw =
            json!({ "name": "S", "type": "service", "service": "auth", "environment": "dev" });
        let binding = Binding::from_raw(raw).expect("valid");
        assert!(
            matches!(binding.kind, BindingKind::Service { service, .. } if service == "auth-dev")
        );
    }

    #[test]
    fn what_is_incomplete_is_refused() {
        for raw in [
            json!("x"),
            json!({ "type": "json" }),
            json!({ "name": "", "type": "json" }),
            json!({ "name": "A" }),
            json!({ "name": "A", "type": "send_email", "allowed_sender_addresses": "a@x.org" }),
            json!({ "name": "A", "type": "kv_namespace" }),
            json!({ "name": "A", "type": "kv_namespace", "namespace_id": 7 }),
            json!({ "name": "A", "type": "json" }),
            json!({ "name": "A", "type": "ratelimit", "namespace_id": "1" }),
            json!({ "name": "A", "type": "ratelimit", "namespace_id": "1",
                "simple": { "limit": 5, "period": 61 } }),
        ] {
            Binding::from_raw(raw.clone()).expect_err(&raw.to_string());
        }
    }
}
