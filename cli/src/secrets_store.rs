//! `selvedge secrets-store`: secrets that Workers share, in a data folder; with
//! `--remote`, those of a server.

mod args;

use std::process::ExitCode;

use anyhow::bail;
use bytes::Bytes;
use http::Method;
use selvedge_server::control::protocol::{Request, SecretAction};
use serde_json::{Value, json};

use self::args::{About, SecretCommand, StoreCommand};
pub(crate) use self::args::{SecretsStoreArgs, SecretsStoreCommand};
use crate::api::Api;
use crate::kv::{Place, data_dir, say};
use crate::remote::{self, RemoteAccount};

const STORES: &str = "/secrets_store/stores";
/// Which Workers may have it: all.
const SCOPES: &str = "workers";

/// Does what the command says.
pub(crate) fn run(args: SecretsStoreArgs) -> ExitCode {
    remote::run_async(dispatch(args.command))
}

async fn dispatch(command: SecretsStoreCommand) -> anyhow::Result<()> {
    match command {
        SecretsStoreCommand::Store(command) => stores(command).await,
        SecretsStoreCommand::Secret(command) => secrets(command).await,
    }
}

// ----- Stores. -----

async fn server(place: &Place) -> anyhow::Result<RemoteAccount> {
    if !place.remote {
        bail!(
            "on this machine a store is there as soon as it has a secret\nhint: --remote asks a \
             server"
        );
    }
    RemoteAccount::of(place).await
}

async fn stores(command: StoreCommand) -> anyhow::Result<()> {
    match command {
        StoreCommand::Create { name, place } => {
            let server = server(&place).await?;
            let made = server.post(Method::POST, STORES, &json!({ "name": name })).await?;
            say(&format!("Created the store {name}."));
            remote::print(text(&made, "id"))
        }
        StoreCommand::List { json, place } => {
            let all = server(&place).await?.list(STORES).await?;
            if json {
                return remote::print_json(&all);
            }
            show(&all, &["id", "name", "created"], "There are no stores.")
        }
        StoreCommand::Delete { store, force, yes, place } => {
            remote::must_confirm(&format!("Delete the store {store}?"), yes, "--yes")?;
            let server = server(&place).await?;
            let call = server.call(Method::DELETE, &path(&store, ""));
            server.send(if force { call.query("force", true) } else { call }).await?;
            say(&format!("Deleted the store {store}."));
            Ok(())
        }
    }
}

fn path(store: &str, rest: &str) -> String {
    format!("{STORES}/{}{rest}", remote::segment(store))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn show(all: &[Value], keys: &[&str], none: &str) -> anyhow::Result<()> {
    if all.is_empty() {
        say(none);
        return Ok(());
    }
    let head = keys.iter().map(|key| key.to_uppercase()).collect();
    let row = |item: &Value| keys.iter().map(|key| text(item, key).to_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(all.iter().map(row)).collect();
    remote::print(remote::table(&rows).trim_end())
}

// ----- Secrets. -----

/// The secrets of a store: here, or on a server.
enum Store {
    Here(Box<Api>, String),
    Server(Box<RemoteAccount>, String),
}

impl Store {
    async fn open(store: String, place: &Place) -> anyhow::Result<Self> {
        if place.remote {
            return Ok(Self::Server(Box::new(RemoteAccount::of(place).await?), store));
        }
        let api = Api::open(&data_dir(place)?, "selvedge secrets-store").await?;
        Ok(Self::Here(Box::new(api), store))
    }

    /// Does something; a server is asked by this call with the body, if there is one.
    async fn act(
        &self,
        (action, value): (SecretAction, &str),
        (method, rest, body): (Method, &str, Option<Value>),
    ) -> anyhow::Result<Value> {
        match self {
            Self::Here(api, store) => {
                let request = Request::SecretsStore { store: store.clone(), action };
                let bytes = Bytes::copy_from_slice(value.as_bytes());
                Ok(api.call(request, bytes).await?.json)
            }
            Self::Server(server, store) => {
                let call = server.call(method, &path(store, &format!("/secrets{rest}")));
                let call = match body {
                    Some(body) => call.json(&body),
                    None => call.query("per_page", 1000),
                };
                server.send(call).await
            }
        }
    }
}

async fn secrets(command: SecretCommand) -> anyhow::Result<()> {
    match command {
        SecretCommand::Create { store, name, value, about, place } => {
            let value = value.map_or_else(|| ask(&name), Ok)?;
            create(Store::open(store, &place).await?, name, &value, about).await
        }
        SecretCommand::List { store, json, place } => {
            let store = Store::open(store, &place).await?;
            let call = (Method::GET, "", None);
            let all = store.act((SecretAction::List, ""), call).await?;
            let all = all.as_array().cloned().unwrap_or_default();
            if json {
                return remote::print_json(&all);
            }
            show(&all, &["id", "name", "comment", "modified"], "The store has no secrets.")
        }
        SecretCommand::Get { store, secret_id: id, place } => {
            let store = Store::open(store, &place).await?;
            let rest = format!("/{}", remote::segment(&id));
            let call = (Method::GET, rest.as_str(), None);
            remote::print_json(&store.act((SecretAction::Get { id }, ""), call).await?)
        }
        SecretCommand::Update { store, secret_id, value, value_from_stdin, about, place } => {
            let value = if value_from_stdin { Some(ask(&secret_id)?) } else { value };
            update(Store::open(store, &place).await?, secret_id, value, about).await
        }
        SecretCommand::Duplicate { store, secret_id, name, about, place } => {
            let store = Store::open(store, &place).await?;
            duplicate(store, secret_id, name, about).await
        }
        SecretCommand::Delete { store, secret_id: id, yes, place } => {
            remote::must_confirm(&format!("Delete the secret {id}?"), yes, "--yes")?;
            let store = Store::open(store, &place).await?;
            let rest = format!("/{}", remote::segment(&id));
            let call = (Method::DELETE, rest.as_str(), None);
            store.act((SecretAction::Delete { id: id.clone() }, ""), call).await?;
            say(&format!("Deleted the secret {id}."));
            Ok(())
        }
    }
}

fn ask(name: &str) -> anyhow::Result<String> {
    let value = remote::read_secret(&format!("Text of the secret {name}"))?;
    // As wrangler: what an editor adds at the end is not meant.
    Ok(value.trim_end().to_owned())
}

fn scopes(given: &Option<String>) -> Vec<String> {
    given.as_deref().unwrap_or(SCOPES).split(',').map(|it| it.trim().to_owned()).collect()
}

async fn create(store: Store, name: String, value: &str, about: About) -> anyhow::Result<()> {
    let scopes = scopes(&about.scopes);
    let comment = about.comment.unwrap_or_default();
    let body = json!([
        { "name": name, "value": value, "scopes": scopes, "comment": comment }
    ]);
    let action = SecretAction::Create { name: name.clone(), scopes: scopes.join(","), comment };
    let made = store.act((action, value), (Method::POST, "", Some(body))).await?;
    let made = made.as_array().and_then(|all| all.first()).unwrap_or(&made);
    say(&format!("Created the secret {name}."));
    remote::print(text(made, "id"))
}

async fn update(
    store: Store,
    id: String,
    value: Option<String>,
    about: About,
) -> anyhow::Result<()> {
    if value.is_none() && about.scopes.is_none() && about.comment.is_none() {
        bail!("nothing to change: give --value, --value-from-stdin, --scopes or --comment");
    }
    let mut body = json!({});
    if let Some(value) = &value {
        body["value"] = value.as_str().into();
    }
    let given = about.scopes.as_ref().map(|_| scopes(&about.scopes));
    if let Some(scopes) = &given {
        body["scopes"] = json!(scopes);
    }
    if let Some(comment) = &about.comment {
        body["comment"] = comment.as_str().into();
    }
    let rest = format!("/{}", remote::segment(&id));
    let (scopes, comment) = (given.map(|all| all.join(",")), about.comment);
    let action = SecretAction::Update { id: id.clone(), text: value.is_some(), scopes, comment };
    let value = value.unwrap_or_default();
    store.act((action, &value), (Method::PATCH, &rest, Some(body))).await?;
    say(&format!("Changed the secret {id}."));
    Ok(())
}

async fn duplicate(store: Store, id: String, name: String, about: About) -> anyhow::Result<()> {
    let scopes = scopes(&about.scopes);
    let comment = about.comment.unwrap_or_default();
    let body = json!({ "name": name, "scopes": scopes, "comment": comment });
    let rest = format!("/{}/duplicate", remote::segment(&id));
    let action =
        SecretAction::Duplicate { id, name: name.clone(), scopes: scopes.join(","), comment };
    let made = store.act((action, ""), (Method::POST, &rest, Some(body))).await?;
    say(&format!("Created the secret {name}."));
    remote::print(text(&made, "id"))
}
