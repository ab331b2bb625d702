//! `selvedge queues`: queues in a data folder; with `--remote`, those of a server.
//!
//! A server that has the folder does what is asked for, in its own process. Who
//! consumes a queue on this machine stands in configurations, so commands about
//! consumers are for servers alone.

mod args;

use std::process::ExitCode;

use anyhow::bail;
use selvedge_server::control::protocol::{QueueEntry, Request};
use serde_json::{Value, json};

use self::args::{ConsumerCommand, HttpCommand, Settings, WorkerCommand};
pub(crate) use self::args::{QueuesArgs, QueuesCommand};
use crate::api::Api;
use crate::kv::{Place, data_dir, is_closed_pipe, say};
use crate::remote::RemoteQueues;
use crate::{remote, terminal};

/// Does what the command says.
pub(crate) fn run(args: QueuesArgs) -> ExitCode {
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

async fn dispatch(command: QueuesCommand) -> anyhow::Result<()> {
    match command {
        QueuesCommand::List { json, place } => list(json, &place).await,
        QueuesCommand::Create { name, settings, place } => {
            server(&place).await?.create(&name, settings.to_json()).await?;
            say(&format!("Created the queue {name}."));
            Ok(())
        }
        QueuesCommand::Update { name, settings, place } => {
            server(&place).await?.update(&name, settings.to_json()).await?;
            say(&format!("Changed the queue {name}."));
            Ok(())
        }
        QueuesCommand::Info { name, place } => info(&name, &place).await,
        QueuesCommand::Delete { name, yes, place } => delete(&name, yes, &place).await,
        QueuesCommand::Purge { name, force, place } => purge(&name, force, &place).await,
        QueuesCommand::PauseDelivery { name, place } => pause(&name, true, &place).await,
        QueuesCommand::ResumeDelivery { name, place } => pause(&name, false, &place).await,
        QueuesCommand::Consumer(command) => consumer(command).await,
    }
}

/// The server, for what a data folder does not have.
async fn server(place: &Place) -> anyhow::Result<RemoteQueues> {
    if !place.remote {
        bail!(
            "on this machine a queue is made when a Worker is bound to it, and goes by what the \
             configuration says\nhint: --remote asks a server"
        );
    }
    RemoteQueues::of(place).await
}

async fn open(place: &Place, command: &str) -> anyhow::Result<Api> {
    Api::open(&data_dir(place)?, &format!("selvedge queues {command}")).await
}

async fn all(place: &Place, command: &str) -> anyhow::Result<Vec<Value>> {
    if place.remote {
        return RemoteQueues::of(place).await?.list().await;
    }
    let all: Vec<QueueEntry> = open(place, command).await?.ask(Request::Queues).await?;
    Ok(all.into_iter().map(shown).collect())
}

fn shown(entry: QueueEntry) -> Value {
    let QueueEntry { name, count, bytes } = entry;
    json!({ "queue_name": name, "backlog_count": count, "backlog_bytes": bytes })
}

async fn list(as_json: bool, place: &Place) -> anyhow::Result<()> {
    let all = all(place, "list").await?;
    if as_json {
        return remote::print_json(&all);
    }
    let names = all.iter().filter_map(|queue| queue["queue_name"].as_str());
    let names: Vec<&str> = names.collect();
    if names.is_empty() {
        say("There are no queues.");
        return Ok(());
    }
    remote::print(names.join("\n"))
}

async fn info(name: &str, place: &Place) -> anyhow::Result<()> {
    if place.remote {
        return remote::print_json(&RemoteQueues::of(place).await?.get(name).await?);
    }
    let found = all(place, "info").await?.into_iter().find(|queue| queue["queue_name"] == name);
    match found {
        Some(queue) => remote::print_json(&queue),
        None => bail!(
            "there is no queue \"{name}\"\nhint: `selvedge queues list` prints those there are"
        ),
    }
}

async fn delete(name: &str, yes: bool, place: &Place) -> anyhow::Result<()> {
    remote::must_confirm(&format!("Delete the queue {name} with its messages?"), yes, "-y")?;
    if place.remote {
        RemoteQueues::of(place).await?.delete(name).await?;
    } else {
        let request = Request::QueueDelete { name: name.to_owned() };
        open(place, "delete").await?.ask::<bool>(request).await?;
    }
    say(&format!("Deleted the queue {name}."));
    Ok(())
}

async fn purge(name: &str, force: bool, place: &Place) -> anyhow::Result<()> {
    remote::must_confirm(&format!("Delete all messages of the queue {name}?"), force, "--force")?;
    if place.remote {
        RemoteQueues::of(place).await?.purge(name).await?;
    } else {
        let request = Request::QueuePurge { name: name.to_owned() };
        open(place, "purge").await?.ask::<bool>(request).await?;
    }
    say(&format!("Deleted all messages of the queue {name}."));
    Ok(())
}

async fn pause(name: &str, is_paused: bool, place: &Place) -> anyhow::Result<()> {
    let settings = json!({ "delivery_paused": is_paused });
    server(place).await?.update(name, settings).await?;
    let what = if is_paused { "paused" } else { "resumed" };
    say(&format!("The delivery of the queue {name} is {what}."));
    Ok(())
}

async fn consumer(command: ConsumerCommand) -> anyhow::Result<()> {
    match command {
        ConsumerCommand::Worker(WorkerCommand::Add { queue, script, settings, place })
        | ConsumerCommand::Add { queue, script, settings, place } => {
            let given = settings.of_worker(&script);
            server(&place).await?.add_consumer(&queue, given).await?;
            say(&format!("The Worker {script} takes the messages of the queue {queue}."));
            Ok(())
        }
        ConsumerCommand::Worker(WorkerCommand::Remove { queue, script, place })
        | ConsumerCommand::Remove { queue, script, place } => {
            server(&place).await?.remove_consumer(&queue, &script).await?;
            say(&format!("The Worker {script} takes no messages of the queue {queue} any more."));
            Ok(())
        }
        ConsumerCommand::Http(HttpCommand::Add { queue, settings, place }) => {
            server(&place).await?.add_consumer(&queue, settings.of_http()).await?;
            say(&format!("The messages of the queue {queue} can be pulled."));
            Ok(())
        }
        ConsumerCommand::Http(HttpCommand::Remove { queue, place }) => {
            let server = server(&place).await?;
            let found = server.get(&queue).await?;
            let consumers = found["consumers"].as_array().into_iter().flatten();
            let mut http = consumers.filter(|it| it["type"] == "http_pull");
            let id = http.next().and_then(|it| it["consumer_id"].as_str().map(str::to_owned));
            let Some(id) = id else { bail!("the messages of the queue {queue} cannot be pulled") };
            server.remove_consumer(&queue, &id).await?;
            say(&format!("The messages of the queue {queue} cannot be pulled any more."));
            Ok(())
        }
    }
}

impl Settings {
    fn to_json(&self) -> Value {
        let mut json = json!({});
        if let Some(delay) = self.delivery_delay_secs {
            json["delivery_delay"] = delay.into();
        }
        if let Some(period) = self.message_retention_period_secs {
            json["message_retention_period"] = period.into();
        }
        json
    }
}
