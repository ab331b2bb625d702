//! Secrets Store: stores, and the secrets in them. Texts come in and never go out.

use selvedge_deployments::{Resource, ResourceChange, ResourceKind, SecretText};
use selvedge_secrets::rules;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::call::Cx;
use crate::error::ApiError;
use crate::reply::{Answer, Reply};
use crate::time::iso;

/// Something is not valid.
const INVALID: u32 = 1000;
/// There is no such store, or no such secret.
const NOT_FOUND: u32 = 1001;
/// The name is taken.
const TAKEN: u32 = 1002;

const STORE: ResourceKind = ResourceKind::SecretsStore;
const SECRET: ResourceKind = ResourceKind::StoreSecret;

/// 32 hexadecimal digits.
pub(super) fn new_id() -> Result<String, ApiError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| ApiError::internal(&error.to_string()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn invalid(text: impl Into<String>) -> ApiError {
    ApiError::bad(INVALID, text)
}

/// When it was changed last: it is among the settings.
fn modified(of: &Resource) -> String {
    iso(of.settings.get("modified").and_then(Value::as_i64).unwrap_or(of.created))
}

fn shown_store(store: &Resource) -> Value {
    json!({
        "id": store.id, "account_id": store.account, "name": store.name,
        "created": iso(store.created), "modified": modified(store),
    })
}

fn shown(secret: &Resource) -> Value {
    let (store, name) = secret.name.split_once('/').unwrap_or_default();
    json!({
        "id": secret.id, "store_id": store, "name": name,
        "comment": secret.settings.get("comment").cloned().unwrap_or_else(|| json!("")),
        "scopes": secret.settings.get("scopes").cloned().unwrap_or_else(|| json!([])),
        "created": iso(secret.created), "modified": modified(secret), "status": "active",
    })
}

// ----- Stores. -----

pub(crate) async fn stores(cx: Cx) -> Answer {
    let account = cx.account()?;
    let all = cx.store(move |store| store.resources(&account, STORE)).await?;
    let (page, per_page) = cx.page(100, 1000)?;
    let items = all.iter().skip((page - 1) * per_page).take(per_page).map(shown_store);
    Ok(Reply::page(items.collect(), page, per_page, all.len()))
}

#[derive(Deserialize)]
struct NewStore {
    name: String,
}

pub(crate) async fn create_store(mut cx: Cx) -> Answer {
    let account = cx.account()?;
    let NewStore { name } = cx.json().await?;
    let by = cx.actor()?;
    let made = cx
        .blocking(move |inner| {
            let new = Resource { id: new_id()?, name, account, created: 0, settings: json!({}) };
            let made = inner.store.create_resource(STORE, new, &by);
            made.map_err(|error| ApiError::from(error).with_code(TAKEN))
        })
        .await?;
    Ok(Reply::ok(shown_store(&made)))
}

/// The store of the path. That of another account is none.
async fn store(cx: &Cx) -> Result<Resource, ApiError> {
    let (account, id) = (cx.account()?, cx.param("store")?.to_owned());
    let wanted = id.clone();
    let found = cx.store(move |store| store.resource(&account, STORE, &wanted)).await?;
    found
        .filter(|found| found.id == id)
        .ok_or_else(|| ApiError::not_found(NOT_FOUND, format!("store {id} not found")))
}

/// One that has secrets goes only if that is forced.
pub(crate) async fn delete_store(cx: Cx) -> Answer {
    let found = store(&cx).await?;
    let secrets = secrets_in(&cx, &found).await?;
    if !secrets.is_empty() && cx.query("force") != Some("true") {
        let text = format!("the store has {} secrets; delete them first", secrets.len());
        return Err(ApiError::conflict(INVALID, text));
    }
    let by = cx.actor()?;
    let shown = shown_store(&found);
    cx.blocking(move |inner| {
        for secret in &secrets {
            inner.store.delete_resource(&found.account, SECRET, &secret.id, &by)?;
        }
        Ok(inner.store.delete_resource(&found.account, STORE, &found.id, &by)?)
    })
    .await?;
    Ok(Reply::ok(shown))
}

// ----- Secrets. -----

async fn secrets_in(cx: &Cx, store: &Resource) -> Result<Vec<Resource>, ApiError> {
    let account = cx.account()?;
    let prefix = format!("{}/", store.id);
    let all = cx.store(move |store| store.resources(&account, SECRET)).await?;
    Ok(all.into_iter().filter(|secret| secret.name.starts_with(&prefix)).collect())
}

pub(crate) async fn list(cx: Cx) -> Answer {
    let store = store(&cx).await?;
    let mut all = secrets_in(&cx, &store).await?;
    if let Some(text) = cx.query("search").filter(|text| !text.is_empty()) {
        all.retain(|secret| {
            secret.name.split_once('/').is_some_and(|(_, name)| name.contains(text))
        });
    }
    let (page, per_page) = cx.page(100, 1000)?;
    let items = all.iter().skip((page - 1) * per_page).take(per_page).map(shown);
    Ok(Reply::page(items.collect(), page, per_page, all.len()))
}

#[derive(Deserialize)]
struct NewSecret {
    name: String,
    value: String,
    scopes: Vec<String>,
    #[serde(default)]
    comment: Option<String>,
}

fn check_scopes(scopes: &[String]) -> Result<(), ApiError> {
    if scopes.iter().any(|scope| scope != rules::WORKERS) {
        let text = "the only scope of secrets on this server is \"workers\"";
        return Err(invalid(text));
    }
    if scopes.is_empty() {
        return Err(invalid("a secret needs a scope: \"workers\""));
    }
    Ok(())
}

pub(crate) async fn create(mut cx: Cx) -> Answer {
    let store = store(&cx).await?;
    let all: Vec<NewSecret> = cx.json().await?;
    for NewSecret { name, value, scopes, .. } in &all {
        rules::check_name(name).map_err(invalid)?;
        rules::check_text(value).map_err(invalid)?;
        check_scopes(scopes)?;
    }
    let by = cx.actor()?;
    let made = cx
        .blocking(move |inner| {
            let mut made = Vec::with_capacity(all.len());
            for NewSecret { name, value, scopes, comment } in all {
                let settings = json!({ "scopes": scopes, "comment": comment.unwrap_or_default() });
                let name = format!("{}/{name}", store.id);
                let account = store.account.clone();
                let new = Resource { id: new_id()?, name, account, created: 0, settings };
                let text = SecretText::new(value);
                let new = inner.store.create_secret_resource(SECRET, new, &text, &by);
                made.push(new.map_err(|error| ApiError::from(error).with_code(TAKEN))?);
            }
            Ok(made)
        })
        .await?;
    Ok(Reply::list(made.iter().map(shown).collect()))
}

/// The secret of the path.
async fn secret(cx: &Cx) -> Result<Resource, ApiError> {
    let store = store(cx).await?;
    let (account, id) = (cx.account()?, cx.param("secret")?.to_owned());
    let wanted = id.clone();
    let found = cx.store(move |store| store.resource(&account, SECRET, &wanted)).await?;
    found
        .filter(|found| found.id == id && found.name.starts_with(&format!("{}/", store.id)))
        .ok_or_else(|| ApiError::not_found(NOT_FOUND, format!("secret {id} not found")))
}

pub(crate) async fn get(cx: Cx) -> Answer {
    Ok(Reply::ok(shown(&secret(&cx).await?)))
}

#[derive(Deserialize)]
struct Change {
    value: Option<String>,
    scopes: Option<Vec<String>>,
    comment: Option<String>,
}

pub(crate) async fn update(mut cx: Cx) -> Answer {
    let found = secret(&cx).await?;
    let Change { value, scopes, comment } = cx.json().await?;
    let mut settings = found.settings.clone();
    if let Some(value) = &value {
        rules::check_text(value).map_err(invalid)?;
    }
    if let Some(scopes) = scopes {
        check_scopes(&scopes)?;
        settings["scopes"] = json!(scopes);
    }
    if let Some(comment) = comment {
        settings["comment"] = comment.into();
    }
    settings["modified"] = cx.now().into();
    let secret = value.map(SecretText::new);
    let change = ResourceChange { name: None, settings: Some(settings), secret };
    let by = cx.actor()?;
    let changed = cx
        .store(move |store| store.change_resource(&found.account, SECRET, &found.id, change, &by))
        .await?;
    Ok(Reply::ok(shown(&changed)))
}

#[derive(Deserialize)]
struct Copy {
    name: String,
    scopes: Vec<String>,
    #[serde(default)]
    comment: Option<String>,
}

/// A secret with the text of another one, which nobody sees on the way.
pub(crate) async fn duplicate(mut cx: Cx) -> Answer {
    let found = secret(&cx).await?;
    let Copy { name, scopes, comment } = cx.json().await?;
    rules::check_name(&name).map_err(invalid)?;
    check_scopes(&scopes)?;
    let by = cx.actor()?;
    let made = cx
        .blocking(move |inner| {
            let missing = || ApiError::internal("a secret of a store has no text");
            let text = inner.store.resource_secret(&found.account, SECRET, &found.id)?;
            let text = text.ok_or_else(missing)?;
            let store = found.name.split('/').next().unwrap_or_default();
            let settings = json!({ "scopes": scopes, "comment": comment.unwrap_or_default() });
            let (id, name) = (new_id()?, format!("{store}/{name}"));
            let account = found.account.clone();
            let new = Resource { id, name, account, created: 0, settings };
            let new = inner.store.create_secret_resource(SECRET, new, &text, &by);
            new.map_err(|error| ApiError::from(error).with_code(TAKEN))
        })
        .await?;
    Ok(Reply::ok(shown(&made)))
}

pub(crate) async fn delete(cx: Cx) -> Answer {
    let found = secret(&cx).await?;
    let by = cx.actor()?;
    let shown = shown(&found);
    cx.store(move |store| store.delete_resource(&found.account, SECRET, &found.id, &by)).await?;
    Ok(Reply::ok(shown))
}
