//! `selvedge rollback`.

use anyhow::bail;
use selvedge_client::models::{Deployment, Share};

use super::args::RollbackArgs;
use super::output::{confirm, print, say, warn};
use super::project::Target;
use super::versions::full_id;

pub(super) async fn rollback(args: RollbackArgs) -> anyhow::Result<()> {
    let target = Target::find(&args.worker, None).await?;
    let explain = |error| target.remote.explain(error);
    let script = target.remote.client.account(&target.account).script(&target.name);
    let Some(deployments) = script.deployments().await.map_err(explain)? else {
        bail!("there is no Worker \"{}\" in the account {}", target.name, target.account);
    };
    let versions = script.versions(true).await.map_err(explain)?;
    let id = match &args.version {
        Some(id) => full_id(id, &versions)?,
        None => before(&deployments)?,
    };
    let version = script.version(&id).await.map_err(explain)?;
    let secrets = script.secrets().await.map_err(explain)?.unwrap_or_default();
    let has = |name: &str| {
        let mut bindings = version.resources.bindings.iter();
        bindings.any(|binding| binding.get("name").is_some_and(|known| known == name))
    };
    for secret in secrets.iter().filter(|secret| !has(&secret.name)) {
        warn(&format!("the version {id} does not have the secret \"{}\"", secret.name));
    }
    let question = format!("Give all requests of {} to the version {id}?", target.name);
    if !args.yes && !confirm(&question, true)? {
        bail!("nothing was rolled back");
    }
    let message = args.message.unwrap_or_else(|| "Rollback".to_owned());
    let share = Share { version_id: id.clone(), percentage: 100.0 };
    script.deploy(&[share], Some(&message), false).await.map_err(explain)?;
    say(&format!("Rolled {} back.", target.name));
    print(format!("Current Version ID: {id}"))
}

/// The version that had all requests before the newest deployment.
fn before(deployments: &[Deployment]) -> anyhow::Result<String> {
    let current: Vec<_> = deployments
        .first()
        .map(|newest| newest.versions.iter().map(|share| &share.version_id).collect())
        .unwrap_or_default();
    let mut earlier =
        deployments.iter().skip(1).filter_map(|deployment| match deployment.versions.as_slice() {
            [only] if current != [&only.version_id] => Some(&only.version_id),
            _ => None,
        });
    match earlier.next() {
        Some(id) => Ok(id.clone()),
        None => bail!(
            "there is no earlier deployment to go back to\nhint: name a version: `selvedge \
             versions list` prints those there are"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(versions: &[(&str, f64)]) -> Deployment {
        let share = |(id, percentage): &(&str, f64)| Share {
            version_id: (*id).to_owned(),
            percentage: *percentage,
        };
        Deployment { versions: versions.iter().map(share).collect(), ..Deployment::default() }
    }

    #[test]
    fn the_way_back_is_the_last_version_that_stood_alone() -> anyhow::Result<()> {
        let all = [
            deployment(&[("c", 100.0)]),
            deployment(&[("c", 50.0), ("b", 50.0)]),
            deployment(&[("c", 100.0)]),
            deployment(&[("b", 100.0)]),
            deployment(&[("a", 100.0)]),
        ];
        assert_eq!(before(&all)?, "b");
        assert_eq!(before(&all[1..])?, "c");
        assert!(before(&all[4..]).is_err());
        assert!(before(&[]).is_err());
        Ok(())
    }
}
