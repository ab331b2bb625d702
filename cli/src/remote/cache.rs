//! `selvedge cache`.

use serde_json::{Value, json};

use super::args::CacheCommand;
use super::output::{must_confirm, say};
use super::project::server;

pub(super) async fn run(command: CacheCommand) -> anyhow::Result<()> {
    let CacheCommand::Purge(args) = command;
    let remote = server(&args.server)?;
    let account = remote.account().await?;
    let mut body = json!({});
    let mut count = 0;
    for (key, names) in [
        ("files", &args.urls),
        ("tags", &args.tags),
        ("hosts", &args.hosts),
        ("prefixes", &args.prefixes),
        ("workers", &args.workers),
    ] {
        if !names.is_empty() {
            body[key] = json!(names);
            count += names.len();
        }
    }
    if args.everything {
        let question = format!("Forget all responses in the cache of the account {account}?");
        must_confirm(&question, args.yes, "--yes")?;
        body["purge_everything"] = true.into();
    }
    let call = remote.client.account(&account).post("/cache/purge").json(&body);
    call.send::<Value>().await.map_err(|error| remote.explain(error))?;
    match args.everything {
        true => say("Purged everything."),
        false => say(&format!("Purged {count} name{}.", if count == 1 { "" } else { "s" })),
    }
    Ok(())
}
