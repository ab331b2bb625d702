//! `selvedge hyperdrive`: databases of a server's account. Those of this machine
//! stand in the configuration.

use anyhow::{Context as _, anyhow};
use http::Method;
use selvedge_hyperdrive::{Origin, SslMode};
use serde_json::{Value, json};

use super::args::{HyperdriveCommand, OriginArgs, ServerArgs};
use super::connect::Remote;
use super::output::{must_confirm, print, print_json, read_secret, say, table};
use super::project::server;

const CONFIGS: &str = "/hyperdrive/configs";

pub(super) async fn run(command: HyperdriveCommand) -> anyhow::Result<()> {
    match command {
        HyperdriveCommand::Create { name, origin, server } => {
            let mut body = origin.to_json()?;
            body["name"] = name.as_str().into();
            if body["origin"].get("password").is_none() {
                body["origin"]["password"] = read_secret("Password of the database")?.into();
            }
            let made = call(&server, Method::POST, "", Some(body)).await?;
            say(&format!("Created the Hyperdrive configuration {name}."));
            print(made["id"].as_str().unwrap_or_default())
        }
        HyperdriveCommand::List { json, server } => {
            let all = call(&server, Method::GET, "", None).await?;
            let all = all.as_array().cloned().unwrap_or_default();
            if json {
                return print_json(&all);
            }
            show(&all)
        }
        HyperdriveCommand::Get { id, server } => {
            print_json(&call(&server, Method::GET, &id, None).await?)
        }
        HyperdriveCommand::Update { id, name, origin, server } => {
            let mut body = origin.to_json()?;
            if let Some(name) = name {
                body["name"] = name.into();
            }
            let changed = call(&server, Method::PATCH, &id, Some(body)).await?;
            say(&format!("Changed the Hyperdrive configuration {id}."));
            print_json(&changed)
        }
        HyperdriveCommand::Delete { id, yes, server } => {
            must_confirm(&format!("Delete the Hyperdrive configuration {id}?"), yes, "--yes")?;
            call(&server, Method::DELETE, &id, None).await?;
            say(&format!("Deleted the Hyperdrive configuration {id}."));
            Ok(())
        }
    }
}

async fn call(
    args: &ServerArgs,
    method: Method,
    id: &str,
    body: Option<Value>,
) -> anyhow::Result<Value> {
    let remote: Remote = server(args)?;
    let account = remote.account().await?;
    let path = match id {
        "" => CONFIGS.to_owned(),
        id => format!("{CONFIGS}/{}", super::segment(id)),
    };
    let call = remote.client.account(&account).call(method, &path);
    let call = match &body {
        Some(body) => call.json(body),
        None => call.query("per_page", 1000),
    };
    call.send().await.map_err(|error| remote.explain(error))
}

fn show(all: &[Value]) -> anyhow::Result<()> {
    if all.is_empty() {
        say("There are no Hyperdrive configurations.");
        return Ok(());
    }
    let mut rows =
        vec![["ID", "NAME", "HOST", "PORT", "USER", "DATABASE"].map(str::to_owned).to_vec()];
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    rows.extend(all.iter().map(|config| {
        let origin = &config["origin"];
        let cells = [
            &config["id"],
            &config["name"],
            &origin["host"],
            &origin["port"],
            &origin["user"],
            &origin["database"],
        ];
        cells.map(text).to_vec()
    }));
    print(table(&rows).trim_end())
}

impl OriginArgs {
    /// What is said, in the words of the API.
    fn to_json(&self) -> anyhow::Result<Value> {
        let mut body = json!({ "origin": {} });
        let mut mode = self.sslmode.clone();
        if let Some(given) = &self.connection_string {
            let text = match given.as_str() {
                "-" => std::io::read_to_string(std::io::stdin())
                    .context("cannot read standard input")?,
                text => text.to_owned(),
            };
            let origin = Origin::parse(text.trim())
                .map_err(|reason| anyhow!("the connection string is not valid: {reason}"))?;
            let Origin { host, port, user, password, database, ssl, .. } = origin;
            body["origin"] = json!({ "scheme": "postgresql", "host": host, "port": port,
                "user": user, "password": password, "database": database });
            if mode.is_none() && ssl != SslMode::default() {
                mode = Some(ssl.name().to_owned());
            }
        }
        let texts = [
            ("host", &self.origin_host),
            ("database", &self.database),
            ("user", &self.origin_user),
            ("password", &self.origin_password),
        ];
        for (key, value) in texts {
            if let Some(value) = value {
                body["origin"][key] = value.as_str().into();
            }
        }
        if let Some(port) = self.origin_port {
            body["origin"]["port"] = port.into();
        }
        if let Some(mode) = mode {
            body["mtls"] = json!({ "sslmode": mode });
        }
        if let Some(limit) = self.origin_connection_limit {
            body["origin_connection_limit"] = limit.into();
        }
        Ok(body)
    }
}
