//! Hyperdrive: configurations of databases. Passwords come in and never go out.

use selvedge_deployments::{Resource, ResourceChange, ResourceKind, SecretText};
use selvedge_hyperdrive::SslMode;
use selvedge_hyperdrive::origin::{CONNECTIONS, MAX_CONNECTIONS, NOT_POSTGRES};
use serde::Deserialize;
use serde_json::{Value, json};

use super::secrets_store::new_id;
use crate::call::Cx;
use crate::error::ApiError;
use crate::reply::{Answer, Reply};
use crate::time::iso;

/// Something is not valid.
const INVALID: u32 = 2008;
/// There is no such configuration.
const NOT_FOUND: u32 = 2001;
/// The name is taken.
const TAKEN: u32 = 2017;
/// The fewest connections that may be asked for.
const MIN_CONNECTIONS: u64 = 5;

const KIND: ResourceKind = ResourceKind::Hyperdrive;

fn invalid(text: impl Into<String>) -> ApiError {
    ApiError::bad(INVALID, text)
}

/// What can be said of one; that of a change says only what is to be another.
#[derive(Deserialize)]
struct Given {
    name: Option<String>,
    origin: Option<Origin>,
    caching: Option<Caching>,
    mtls: Option<Mtls>,
    origin_connection_limit: Option<u64>,
}

#[derive(Deserialize)]
struct Origin {
    scheme: Option<String>,
    host: Option<String>,
    port: Option<u16>,
    user: Option<String>,
    password: Option<String>,
    database: Option<String>,
    service_id: Option<Value>,
    access_client_id: Option<Value>,
}

#[derive(Deserialize)]
struct Caching {
    disabled: Option<bool>,
    max_age: Option<Value>,
    stale_while_revalidate: Option<Value>,
}

#[derive(Deserialize)]
struct Mtls {
    sslmode: Option<String>,
    ca_certificate_id: Option<Value>,
    mtls_certificate_id: Option<Value>,
}

impl Given {
    /// Puts what was said into the settings; gives the password.
    fn put(self, settings: &mut Value) -> Result<Option<SecretText>, ApiError> {
        if let Some(Caching { disabled, max_age, stale_while_revalidate }) = self.caching
            && (disabled == Some(false) || max_age.is_some() || stale_while_revalidate.is_some())
        {
            return Err(invalid("this server does not cache the answers of databases"));
        }
        if let Some(Mtls { sslmode, ca_certificate_id, mtls_certificate_id }) = self.mtls {
            if ca_certificate_id.is_some() || mtls_certificate_id.is_some() {
                return Err(invalid("this server has no certificates of its own for databases"));
            }
            if let Some(mode) = sslmode {
                let unknown = || invalid(format!("\"{mode}\" is no sslmode of PostgreSQL"));
                SslMode::parse(&mode).ok_or_else(unknown)?;
                settings["mtls"]["sslmode"] = mode.into();
            }
        }
        if let Some(limit) = self.origin_connection_limit {
            if !(MIN_CONNECTIONS..=MAX_CONNECTIONS as u64).contains(&limit) {
                let text = format!(
                    "origin_connection_limit is from {MIN_CONNECTIONS} to {MAX_CONNECTIONS}"
                );
                return Err(invalid(text));
            }
            settings["origin_connection_limit"] = limit.into();
        }
        self.origin.map_or(Ok(None), |origin| origin.put(&mut settings["origin"]))
    }
}

impl Origin {
    fn put(self, settings: &mut Value) -> Result<Option<SecretText>, ApiError> {
        match self.scheme.as_deref() {
            None | Some("postgres" | "postgresql") => {}
            Some("mysql") => return Err(invalid(NOT_POSTGRES)),
            Some(_) => return Err(invalid("the scheme of an origin is postgres or postgresql")),
        }
        if self.service_id.is_some() || self.access_client_id.is_some() {
            let text = "this server reaches databases by host and port: it has neither Workers VPC \
                        nor Access";
            return Err(invalid(text));
        }
        let texts = [
            ("scheme", self.scheme),
            ("host", self.host),
            ("user", self.user),
            ("database", self.database),
        ];
        for (key, value) in texts {
            if let Some(value) = value {
                settings[key] = value.into();
            }
        }
        if let Some(port) = self.port {
            settings["port"] = port.into();
        }
        Ok(self.password.map(SecretText::new))
    }
}

/// That nothing is missing of an origin.
fn check(settings: &Value) -> Result<(), ApiError> {
    for key in ["host", "user", "database"] {
        let text = settings["origin"].get(key).and_then(Value::as_str).unwrap_or_default();
        if text.is_empty() || text.contains('\0') {
            return Err(invalid(format!("the {key} of the origin is missing")));
        }
    }
    if settings["origin"].get("port").and_then(Value::as_u64).is_none_or(|port| port == 0) {
        return Err(invalid("the port of the origin is missing"));
    }
    Ok(())
}

fn shown(config: &Resource) -> Value {
    let settings = &config.settings;
    let modified = settings.get("modified").and_then(Value::as_i64).unwrap_or(config.created);
    let mut json = json!({
        "id": config.id, "name": config.name, "origin": settings["origin"],
        "caching": { "disabled": true },
        "created_on": iso(config.created), "modified_on": iso(modified),
        "origin_connection_limit": settings.get("origin_connection_limit")
            .cloned().unwrap_or_else(|| CONNECTIONS.into()),
    });
    if let Some(mtls) = settings.get("mtls") {
        json["mtls"] = mtls.clone();
    }
    json
}

pub(crate) async fn list(cx: Cx) -> Answer {
    let account = cx.account()?;
    let all = cx.store(move |store| store.resources(&account, KIND)).await?;
    let (page, per_page) = cx.page(100, 1000)?;
    let items = all.iter().skip((page - 1) * per_page).take(per_page).map(shown);
    Ok(Reply::page(items.collect(), page, per_page, all.len()))
}

pub(crate) async fn create(mut cx: Cx) -> Answer {
    let account = cx.account()?;
    let mut given: Given = cx.json().await?;
    let name = given.name.take().ok_or_else(|| invalid("a name is missing"))?;
    let mut settings = json!({ "origin": { "scheme": "postgresql" } });
    let password = given.put(&mut settings)?;
    let password = password.ok_or_else(|| invalid("the password of the origin is missing"))?;
    check(&settings)?;
    let by = cx.actor()?;
    let made = cx
        .blocking(move |inner| {
            let new = Resource { id: new_id()?, name, account, created: 0, settings };
            let made = inner.store.create_secret_resource(KIND, new, &password, &by);
            made.map_err(|error| ApiError::from(error).with_code(TAKEN))
        })
        .await?;
    Ok(Reply::ok(shown(&made)))
}

/// The configuration of the path. That of another account is none.
async fn config(cx: &Cx) -> Result<Resource, ApiError> {
    let (account, id) = (cx.account()?, cx.param("config")?.to_owned());
    let wanted = id.clone();
    let found = cx.store(move |store| store.resource(&account, KIND, &wanted)).await?;
    found.filter(|found| found.id == id).ok_or_else(|| {
        ApiError::not_found(NOT_FOUND, "The requested Hyperdrive config does not exist.")
    })
}

pub(crate) async fn get(cx: Cx) -> Answer {
    Ok(Reply::ok(shown(&config(&cx).await?)))
}

/// Clients that come from now on are led to what it says then.
pub(crate) async fn update(mut cx: Cx) -> Answer {
    let found = config(&cx).await?;
    let mut given: Given = cx.json().await?;
    let name = given.name.take();
    let mut settings = found.settings.clone();
    let secret = given.put(&mut settings)?;
    check(&settings)?;
    settings["modified"] = cx.now().into();
    let change = ResourceChange { name, settings: Some(settings), secret };
    let by = cx.actor()?;
    let changed = cx
        .blocking(move |inner| {
            let changed = inner.store.change_resource(&found.account, KIND, &found.id, change, &by);
            changed.map_err(|error| ApiError::from(error).with_code(TAKEN))
        })
        .await?;
    Ok(Reply::ok(shown(&changed)))
}

pub(crate) async fn delete(cx: Cx) -> Answer {
    let found = config(&cx).await?;
    let by = cx.actor()?;
    cx.store(move |store| store.delete_resource(&found.account, KIND, &found.id, &by)).await?;
    Ok(Reply::done())
}
