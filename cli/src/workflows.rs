//! `selvedge workflows`: Workflows in a data folder; with `--remote`, those of a
//! server.
//!
//! An instance is asked in the process where its Worker runs: on a data folder, that
//! is the `selvedge run` or `dev` that has it. What stands in the index is told
//! without one.

mod args;

use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use selvedge_server::control::protocol::Request;
use serde_json::{Value, json};

pub(crate) use self::args::WorkflowsArgs;
use self::args::{InstancesCommand, Named, WorkflowsCommand};
use crate::api::Api;
use crate::kv::{Place, data_dir, is_closed_pipe, say};
use crate::remote::RemoteWorkflows;
use crate::{remote, terminal};

/// Does what the command says.
pub(crate) fn run(args: WorkflowsArgs) -> ExitCode {
    let result = remote::runtime().and_then(|runtime| runtime.block_on(dispatch(args.command)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::print_error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Where the Workflows are.
enum Source {
    Folder(Api),
    Server(RemoteWorkflows),
}

/// Which instances are listed.
struct Page<'a> {
    status: Option<&'a str>,
    oldest_first: bool,
    page: usize,
    per_page: usize,
}

impl Source {
    async fn open(place: &Place, command: &str) -> anyhow::Result<Self> {
        if place.remote {
            return Ok(Self::Server(RemoteWorkflows::of(place).await?));
        }
        let api = Api::open(&data_dir(place)?, &format!("selvedge workflows {command}")).await?;
        Ok(Self::Folder(api))
    }

    async fn all(&self) -> anyhow::Result<Vec<Value>> {
        match self {
            Self::Folder(api) => api.ask(Request::Workflows).await,
            Self::Server(server) => server.list().await,
        }
    }

    async fn get(&self, name: &str) -> anyhow::Result<Value> {
        match self {
            Self::Folder(_) => {
                let found = self.all().await?.into_iter().find(|it| it["name"] == name);
                found.ok_or_else(|| {
                    anyhow!(
                        "there is no Workflow \"{name}\"\nhint: `selvedge workflows list` prints \
                         those there are"
                    )
                })
            }
            Self::Server(server) => server.get(name).await,
        }
    }

    async fn instances(&self, name: &str, page: &Page<'_>) -> anyhow::Result<Vec<Value>> {
        match self {
            Self::Folder(api) => {
                let request = Request::WorkflowInstances {
                    workflow: name.to_owned(),
                    status: page.status.map(str::to_owned),
                    oldest_first: page.oldest_first,
                    skip: (page.page.max(1) - 1) * page.per_page,
                    limit: page.per_page,
                };
                api.ask(request).await
            }
            Self::Server(server) => {
                let direction = if page.oldest_first { "asc" } else { "desc" };
                server.instances(name, page.status, direction, page.page, page.per_page).await
            }
        }
    }

    /// The id that is meant.
    async fn id(&self, name: &str, id: &str) -> anyhow::Result<String> {
        if id != "latest" {
            return Ok(id.to_owned());
        }
        let page = Page { status: None, oldest_first: false, page: 1, per_page: 1 };
        let newest = self.instances(name, &page).await?;
        let id = newest.first().and_then(|it| it["id"].as_str()).map(str::to_owned);
        id.ok_or_else(|| anyhow!("the Workflow {name} has no instances"))
    }

    /// Asks an instance that runs in another process.
    async fn ask(
        &self,
        name: &str,
        id: &str,
        command: &str,
        argument: Value,
    ) -> anyhow::Result<Value> {
        match self {
            Self::Folder(api) => {
                if !api.is_server() {
                    bail!(
                        "instances are asked where their Worker runs, and none runs on this data \
                         folder\nhint: start `selvedge run` or `selvedge dev` first"
                    );
                }
                let request = Request::WorkflowAsk {
                    workflow: name.to_owned(),
                    instance: id.to_owned(),
                    command: command.to_owned(),
                    argument,
                };
                api.ask(request).await
            }
            Self::Server(server) => server.ask(name, id, command, argument).await,
        }
    }
}

async fn dispatch(command: WorkflowsCommand) -> anyhow::Result<()> {
    match command {
        WorkflowsCommand::List { json, place } => list(json, &place).await,
        WorkflowsCommand::Describe { name, place } => {
            let source = Source::open(&place, "describe").await?;
            remote::print_json(&source.get(&name).await?)
        }
        WorkflowsCommand::Delete { name, yes, place } => {
            let question = format!("Delete the Workflow {name} with all of its instances?");
            remote::must_confirm(&question, yes, "-y")?;
            match Source::open(&place, "delete").await? {
                Source::Folder(api) => {
                    api.ask::<bool>(Request::WorkflowDelete { workflow: name.clone() }).await?;
                }
                Source::Server(server) => server.delete(&name).await?,
            }
            say(&format!("Deleted the Workflow {name}."));
            Ok(())
        }
        WorkflowsCommand::Trigger { name, params, id, place } => {
            trigger(&name, &params, id, &place).await
        }
        WorkflowsCommand::Instances(command) => instances(command).await,
    }
}

async fn list(as_json: bool, place: &Place) -> anyhow::Result<()> {
    let all = Source::open(place, "list").await?.all().await?;
    if as_json {
        return remote::print_json(&all);
    }
    let names: Vec<&str> = all.iter().filter_map(|workflow| workflow["name"].as_str()).collect();
    if names.is_empty() {
        say("There are no Workflows.");
        return Ok(());
    }
    remote::print(names.join("\n"))
}

async fn trigger(
    name: &str,
    params: &str,
    id: Option<String>,
    place: &Place,
) -> anyhow::Result<()> {
    let params = match params {
        "" => json!({}),
        text => serde_json::from_str(text).context("the params are not JSON")?,
    };
    let source = Source::open(place, "trigger").await?;
    let id = match id {
        Some(id) => id,
        None => uuid::Uuid::new_v4().to_string(),
    };
    let argument = json!({ "id": id, "params": params });
    source.ask(name, &id, "create", argument).await?;
    remote::print(id)
}

async fn instances(command: InstancesCommand) -> anyhow::Result<()> {
    match command {
        InstancesCommand::List { name, status, reverse, page, per_page, json, place } => {
            let source = Source::open(&place, "instances list").await?;
            let status = status.as_deref();
            let page = Page { status, oldest_first: reverse, page, per_page };
            print_instances(&source.instances(&name, &page).await?, json)
        }
        InstancesCommand::Describe(named) => {
            let (_, told) = one(&named, "describe", json!({})).await?;
            remote::print_json(&told)
        }
        InstancesCommand::Pause(named) => change(&named, "pause", "pauses").await,
        InstancesCommand::Resume(named) => change(&named, "resume", "goes on").await,
        InstancesCommand::Restart { named, from_step_name, from_step_count, from_step_type } => {
            let from = from_step_name.map(|name| {
                json!({
                    "name": name,
                    "count": from_step_count.unwrap_or(1),
                    "type": from_step_type.as_deref().unwrap_or("do"),
                })
            });
            let (id, _) = one(&named, "restart", json!({ "from": from })).await?;
            say(&format!("The instance {id} begins anew."));
            Ok(())
        }
        InstancesCommand::Terminate { named, rollback } => {
            let (id, _) = one(&named, "terminate", json!({ "rollback": rollback })).await?;
            let done = if rollback { "is undone, and then terminated" } else { "is terminated" };
            say(&format!("The instance {id} {done}."));
            Ok(())
        }
        InstancesCommand::Delete(named) => change(&named, "remove", "is deleted").await,
        InstancesCommand::SendEvent { named, kind, payload } => {
            let payload: Value =
                serde_json::from_str(&payload).context("the payload is not JSON")?;
            let argument = json!({ "type": kind, "payload": payload });
            let (id, _) = one(&named, "sendEvent", argument).await?;
            say(&format!("Sent the event {kind} to the instance {id}."));
            Ok(())
        }
    }
}

/// Asks an instance; gives its id, too.
async fn one(named: &Named, command: &str, argument: Value) -> anyhow::Result<(String, Value)> {
    let source = Source::open(&named.place, &format!("instances {command}")).await?;
    let id = source.id(&named.name, &named.id).await?;
    let answer = source.ask(&named.name, &id, command, argument).await?;
    Ok((id, answer))
}

async fn change(named: &Named, command: &str, done: &str) -> anyhow::Result<()> {
    let (id, _) = one(named, command, json!({})).await?;
    say(&format!("The instance {id} {done}."));
    Ok(())
}

fn print_instances(all: &[Value], as_json: bool) -> anyhow::Result<()> {
    if as_json {
        return remote::print_json(&all);
    }
    if all.is_empty() {
        say("There are no instances.");
        return Ok(());
    }
    let text = |instance: &Value, key: &str| instance[key].as_str().unwrap_or("").to_owned();
    let line = |it: &Value| {
        format!("{}  {:<15}  {}", text(it, "created_on"), text(it, "status"), text(it, "id"))
    };
    remote::print(all.iter().map(line).collect::<Vec<_>>().join("\n"))
}
