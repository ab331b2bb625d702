//! `selvedge delete`.

use anyhow::bail;
use serde_json::Value;

use super::args::DeleteArgs;
use super::output::{must_confirm, say, warn};
use super::project::Target;

pub(super) async fn delete(args: DeleteArgs) -> anyhow::Result<()> {
    let target = Target::find(&args.worker, args.script.as_deref()).await?;
    let explain = |error| target.remote.explain(error);
    let script = target.remote.client.account(&target.account).script(&target.name);
    if script.service().await.map_err(explain)?.is_none() {
        bail!("there is no Worker \"{}\" in the account {}", target.name, target.account);
    }
    let references = script.references().await.map_err(explain)?;
    let name_of = |value: &Value| {
        let keys = ["name", "service", "namespace_name"];
        let name = keys.iter().find_map(|key| value.get(key)?.as_str());
        name.map_or_else(|| value.to_string(), str::to_owned)
    };
    let incoming: Vec<_> = references.services.incoming.iter().map(name_of).collect();
    let objects: Vec<_> = references.durable_objects.iter().map(name_of).collect();
    if !incoming.is_empty() {
        warn(&format!("other Workers call it: {}", incoming.join(", ")));
    }
    if !objects.is_empty() {
        warn(&format!("other Workers use its Durable Objects: {}", objects.join(", ")));
    }
    if args.dry_run {
        say(&format!("--dry-run: the Worker {} would be deleted.", target.name));
        return Ok(());
    }
    let question = format!(
        "Delete the Worker {} with its versions, secrets and Durable Objects? This cannot be \
         undone.",
        target.name
    );
    must_confirm(&question, args.force, "--force")?;
    let needed = !incoming.is_empty() || !objects.is_empty();
    script.remove(args.force || needed).await.map_err(explain)?;
    say(&format!("Deleted the Worker {}.", target.name));
    Ok(())
}
