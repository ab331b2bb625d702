//! The verbs of Secrets Store.

use selvedge_secrets::local::{NewSecret, SecretChange, SecretInfo};
use selvedge_secrets::rules;
use serde_json::{Value, json};

use super::protocol::{Failure, FailureKind, Reply, SecretAction};
use crate::backends::{Backends, unix_millis};
use crate::log::rfc3339;

pub(super) fn execute(
    backends: &Backends,
    store: &str,
    action: SecretAction,
    bytes: &[u8],
) -> Result<Reply, Failure> {
    let secrets = backends.secrets()?;
    let now = unix_millis();
    let id = match action {
        SecretAction::List => {
            let all = secrets.list(store).map_err(internal)?;
            return Reply::json(&all.iter().map(shown).collect::<Vec<_>>());
        }
        SecretAction::Get { id } => id,
        SecretAction::Create { name, scopes, comment } => {
            let (scopes, comment) = (scopes.as_str(), comment.as_str());
            let id = made(&name)?;
            let new = NewSecret { id: &id, store, name: &name, comment, scopes };
            secrets.put(&new, text(bytes)?, now).map_err(internal)?;
            id
        }
        SecretAction::Update { id, text: has_text, scopes, comment } => {
            let text = if has_text { Some(text(bytes)?) } else { None };
            let (scopes, comment) = (scopes.as_deref(), comment.as_deref());
            let change = SecretChange { text, comment, scopes };
            if !secrets.change(store, &id, change, now).map_err(internal)? {
                return Err(missing());
            }
            id
        }
        SecretAction::Duplicate { id, name, scopes, comment } => {
            let text = secrets.text_of(store, &id).map_err(internal)?.ok_or_else(missing)?;
            let (scopes, comment) = (scopes.as_str(), comment.as_str());
            let id = made(&name)?;
            let new = NewSecret { id: &id, store, name: &name, comment, scopes };
            secrets.put(&new, &text, now).map_err(internal)?;
            id
        }
        SecretAction::Delete { id } => {
            if !secrets.delete(store, &id).map_err(internal)? {
                return Err(missing());
            }
            return Reply::json(&true);
        }
    };
    let found = secrets.get(store, &id).map_err(internal)?.ok_or_else(missing)?;
    Reply::json(&shown(&found))
}

/// The id of a secret that is made under this name.
fn made(name: &str) -> Result<String, Failure> {
    rules::check_name(name).map_err(refused)?;
    Ok(uuid::Uuid::new_v4().simple().to_string())
}

fn text(bytes: &[u8]) -> Result<&str, Failure> {
    let text = std::str::from_utf8(bytes).map_err(|_| refused("it is not text in UTF-8".into()))?;
    rules::check_text(text).map_err(refused)?;
    Ok(text)
}

fn shown(secret: &SecretInfo) -> Value {
    let time = |millis: i64| rfc3339(u64::try_from(millis).unwrap_or(0));
    let scopes: Vec<&str> = secret.scopes.split(',').filter(|scope| !scope.is_empty()).collect();
    json!({
        "id": secret.id, "store_id": secret.store, "name": secret.name,
        "comment": secret.comment, "scopes": scopes, "status": "active",
        "created": time(secret.created), "modified": time(secret.modified),
    })
}

fn missing() -> Failure {
    refused("Secret not found".to_owned())
}

fn refused(text: String) -> Failure {
    Failure::new(FailureKind::Invalid, text)
}

fn internal(error: selvedge_storage::Error) -> Failure {
    Failure::new(FailureKind::Internal, error.to_string())
}
