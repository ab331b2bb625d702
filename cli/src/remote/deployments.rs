//! `selvedge deployments`.

use anyhow::bail;
use selvedge_client::models::{Deployment, Version};

use super::args::DeploymentsCommand;
use super::output::{percent, print, print_json, time};
use super::project::Target;

/// Deployments of a list.
const SHOWN: usize = 10;

pub(super) async fn run(command: DeploymentsCommand) -> anyhow::Result<()> {
    let (json, worker, only_newest) = match command {
        DeploymentsCommand::List { json, worker } => (json, worker, false),
        DeploymentsCommand::Status { json, worker } => (json, worker, true),
    };
    let target = Target::find(&worker, None).await?;
    let explain = |error| target.remote.explain(error);
    let script = target.remote.client.account(&target.account).script(&target.name);
    let Some(mut deployments) = script.deployments().await.map_err(explain)? else {
        bail!(
            "there is no Worker \"{}\" in the account {}\nhint: `selvedge deploy` makes it",
            target.name,
            target.account
        );
    };
    if only_newest {
        deployments.truncate(1);
        if deployments.is_empty() {
            bail!("the Worker \"{}\" was never deployed", target.name);
        }
    }
    if json {
        return match deployments.as_slice() {
            [only] if only_newest => print_json(only),
            all => print_json(&all),
        };
    }
    let versions = script.versions(false).await.map_err(explain)?;
    // The newest last, where the prompt is.
    for deployment in deployments.iter().take(SHOWN).rev() {
        print(text(deployment, &versions))?;
    }
    Ok(())
}

/// A deployment and the versions that it gives requests to.
fn text(deployment: &Deployment, versions: &[Version]) -> String {
    let mut text = format!("Created:     {}\n", time(&deployment.created_on));
    let mut line = |label: &str, value: Option<&str>| {
        text.push_str(&format!("{:<13}{}\n", format!("{label}:"), value.unwrap_or("-")));
    };
    line("Author", deployment.author_email.as_deref());
    line("Source", deployment.annotation("triggered_by").or(Some(&deployment.source)));
    line("Message", deployment.annotation("message"));
    for share in &deployment.versions {
        let share_text = percent(share.percentage);
        text.push_str(&format!("Version(s):  ({share_text}) {}\n", share.version_id));
        let Some(version) = versions.iter().find(|version| version.id == share.version_id) else {
            continue;
        };
        for (label, value) in [
            ("Created", version.metadata.created_on.as_deref().map(time)),
            ("Tag", version.annotation("tag").map(str::to_owned)),
            ("Message", version.annotation("message").map(str::to_owned)),
        ] {
            if let Some(value) = value {
                text.push_str(&format!("{:15}{:<9}{value}\n", "", format!("{label}:")));
            }
        }
    }
    text
}
