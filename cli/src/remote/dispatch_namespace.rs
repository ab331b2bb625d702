//! `selvedge dispatch-namespace`.

use selvedge_client::Account;
use serde_json::{Value, json};

use super::args::NamespaceCommand;
use super::connect::Remote;
use super::output::{must_confirm, print, print_json, say};
use super::project::server;

const PATH: &str = "/workers/dispatch/namespaces";

pub(super) async fn run(command: NamespaceCommand) -> anyhow::Result<()> {
    let remote = server(command.server())?;
    let account = remote.account().await?;
    let namespaces = Namespaces { remote: &remote, account: remote.client.account(&account) };
    match command {
        NamespaceCommand::List { json, .. } => namespaces.list(json).await,
        NamespaceCommand::Get { name, .. } => {
            print_json(&namespaces.ask(http::Method::GET, &of(&name), None).await?)
        }
        NamespaceCommand::Create { name, .. } => {
            let made = json!({ "name": name });
            let made = namespaces.ask(http::Method::POST, PATH, Some(made)).await?;
            let id = made["namespace_id"].as_str().unwrap_or_default();
            print(format!("Created dispatch namespace \"{name}\" with ID \"{id}\""))
        }
        NamespaceCommand::Rename { old_name, new_name, .. } => {
            let named = json!({ "name": new_name });
            namespaces.ask(http::Method::PUT, &of(&old_name), Some(named)).await?;
            print(format!("Renamed dispatch namespace \"{old_name}\" to \"{new_name}\""))
        }
        NamespaceCommand::Delete { name, yes, .. } => {
            must_confirm(&format!("Delete the dispatch namespace {name}?"), yes, "--yes")?;
            namespaces.ask(http::Method::DELETE, &of(&name), None).await?;
            print(format!("Deleted dispatch namespace \"{name}\""))
        }
    }
}

/// The path of a namespace. Names that need more than this cannot be names.
fn of(name: &str) -> String {
    let plain: String = name
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect();
    format!("{PATH}/{plain}")
}

struct Namespaces<'a> {
    remote: &'a Remote,
    account: Account<'a>,
}

impl Namespaces<'_> {
    async fn ask(
        &self,
        method: http::Method,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<Value> {
        let mut call = self.account.call(method, path);
        if let Some(body) = body {
            call = call.json(&body);
        }
        call.send::<Value>().await.map_err(|error| self.remote.explain(error))
    }

    async fn list(&self, as_json: bool) -> anyhow::Result<()> {
        let all = self.ask(http::Method::GET, PATH, None).await?;
        if as_json {
            return print_json(&all);
        }
        let names = all.as_array().into_iter().flatten();
        let names: Vec<&str> =
            names.filter_map(|namespace| namespace["namespace_name"].as_str()).collect();
        if names.is_empty() {
            say("There are no dispatch namespaces.");
            return Ok(());
        }
        print(names.join("\n"))
    }
}
