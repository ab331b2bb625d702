//! `selvedge versions`.

use anyhow::{anyhow, bail};
use selvedge_client::models::{Share, Version};

use super::args::{VersionsCommand, VersionsDeployArgs, WorkerArgs};
use super::deploy::upload_version;
use super::output::{confirm, percent, print, print_json, say, time};
use super::project::Target;

/// Versions of a list.
const SHOWN: usize = 10;

pub(super) async fn run(command: VersionsCommand) -> anyhow::Result<()> {
    match command {
        VersionsCommand::Upload(args) => upload_version(&args).await,
        VersionsCommand::List { json, worker } => list(json, &worker).await,
        VersionsCommand::View { id, json, worker } => view(&id, json, &worker).await,
        VersionsCommand::Deploy(args) => deploy(args).await,
    }
}

async fn list(json: bool, worker: &WorkerArgs) -> anyhow::Result<()> {
    let target = Target::find(worker, None).await?;
    let script = target.remote.client.account(&target.account).script(&target.name);
    let versions = script.versions(false).await.map_err(|error| target.remote.explain(error))?;
    if json {
        return print_json(&versions);
    }
    // The newest last, where the prompt is.
    let newest = &versions[..versions.len().min(SHOWN)];
    for version in newest.iter().rev() {
        print(head(version))?;
    }
    Ok(())
}

/// A version's facts, without its bindings.
fn head(version: &Version) -> String {
    let created = version.metadata.created_on.as_deref().map(time).unwrap_or_default();
    let author = version.metadata.author_email.as_deref();
    let mut text = format!("Version ID:  {}\n", version.id);
    let mut line = |label: &str, value: Option<&str>| {
        text.push_str(&format!("{:<13}{}\n", format!("{label}:"), value.unwrap_or("-")));
    };
    line("Created", Some(&created));
    line("Author", author);
    line("Source", version.annotation("triggered_by").or(version.metadata.source.as_deref()));
    line("Tag", version.annotation("tag"));
    line("Message", version.annotation("message"));
    text
}

async fn view(id: &str, json: bool, worker: &WorkerArgs) -> anyhow::Result<()> {
    let target = Target::find(worker, None).await?;
    let script = target.remote.client.account(&target.account).script(&target.name);
    let version = script.version(id).await.map_err(|error| target.remote.explain(error))?;
    if json {
        return print_json(&version);
    }
    print(head(&version).trim_end())?;
    let runtime = &version.resources.script_runtime;
    if let Some(millis) = version.startup_time_ms {
        print(format!("Start-up:    {millis} ms"))?;
    }
    print(format!("Handlers:    {}", version.resources.script.handlers.join(", ")))?;
    if let Some(date) = &runtime.compatibility_date {
        print(format!("Compatible:  {date} {}", runtime.compatibility_flags.join(" ")))?;
    }
    let text = |binding: &serde_json::Value, key: &str| {
        binding.get(key).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
    };
    for binding in &version.resources.bindings {
        print(format!("Binding:     env.{} ({})", text(binding, "name"), text(binding, "type")))?;
    }
    Ok(())
}

async fn deploy(args: VersionsDeployArgs) -> anyhow::Result<()> {
    let target = Target::find(&args.worker, None).await?;
    let explain = |error| target.remote.explain(error);
    let script = target.remote.client.account(&target.account).script(&target.name);
    let known = script.versions(true).await.map_err(explain)?;
    let shares = shares(&args.versions)?;
    let mut named = Vec::new();
    for share in shares {
        named.push(Share { version_id: full_id(&share.version_id, &known)?, ..share });
    }
    for share in &named {
        say(&format!("{:>7}  {}", percent(share.percentage), share.version_id));
    }
    if !args.yes && !confirm(&format!("Deploy this to {}?", target.name), true)? {
        bail!("nothing was deployed");
    }
    let deployment =
        script.deploy(&named, args.message.as_deref(), false).await.map_err(explain)?;
    if args.json {
        return print_json(&deployment);
    }
    say(&format!("Deployed {} ({}).", target.name, deployment.id));
    Ok(())
}

/// Reads `ID@PERCENTAGE` and shares what is left among those without one.
fn shares(versions: &[String]) -> anyhow::Result<Vec<Share>> {
    let mut named = Vec::new();
    for text in versions {
        let (id, share) = match text.split_once('@') {
            None => (text.as_str(), None),
            Some((id, share)) => {
                let number: Option<f64> = share.trim_end_matches('%').parse().ok();
                let number = number.filter(|number| (0.0..=100.0).contains(number));
                let number = number.ok_or_else(|| {
                    anyhow!("\"{share}\" is no percentage: expected a number from 0 to 100")
                })?;
                (id, Some(number))
            }
        };
        named.push((id.to_owned(), share));
    }
    let sum: f64 = named.iter().filter_map(|(_, share)| *share).sum();
    let open = named.iter().filter(|(_, share)| share.is_none()).count();
    let rest = 100.0 - sum;
    let fits = if open == 0 { rest.abs() < 0.005 } else { rest > 0.0 };
    if !fits {
        bail!(
            "the percentages add up to {}\nhint: they must add up to 100; a version without one \
             gets what is left",
            percent(sum)
        );
    }
    let each = if open == 0 { 0.0 } else { (rest / open as f64 * 100.0).floor() / 100.0 };
    let mut left = rest;
    let mut shares = Vec::new();
    let mut still_open = open;
    for (version_id, share) in named {
        let percentage = match share {
            Some(share) => share,
            None => {
                still_open -= 1;
                // What does not divide goes to the last one.
                let part = if still_open == 0 { (left * 100.0).round() / 100.0 } else { each };
                left -= part;
                part
            }
        };
        shares.push(Share { version_id, percentage });
    }
    Ok(shares)
}

/// A whole id of its beginning.
pub(super) fn full_id(given: &str, known: &[Version]) -> anyhow::Result<String> {
    let matching: Vec<_> = known.iter().filter(|version| version.id.starts_with(given)).collect();
    match matching.as_slice() {
        [only] => Ok(only.id.clone()),
        // It may be older than the list; the server knows.
        [] if given.len() == 36 => Ok(given.to_owned()),
        [] => bail!(
            "there is no version {given}\nhint: `selvedge versions list` prints those there are"
        ),
        _ => bail!("several versions begin with {given}: name it in full"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(versions: &[&str]) -> Option<Vec<(String, f64)>> {
        let versions: Vec<_> = versions.iter().map(|it| (*it).to_owned()).collect();
        let shares = shares(&versions).ok()?;
        Some(shares.into_iter().map(|share| (share.version_id, share.percentage)).collect())
    }

    #[test]
    fn what_has_no_share_gets_what_is_left() {
        assert_eq!(read(&["a"]), Some(vec![("a".into(), 100.0)]));
        assert_eq!(read(&["a@25%", "b"]), Some(vec![("a".into(), 25.0), ("b".into(), 75.0)]));
        let third = read(&["a", "b", "c"]).unwrap_or_default();
        let sum: f64 = third.iter().map(|(_, share)| share).sum();
        assert!((sum - 100.0).abs() < 1e-9, "{third:?}");
    }

    #[test]
    fn shares_add_up_to_a_hundred() {
        assert_eq!(read(&["a@10", "b@80"]), None);
        assert_eq!(read(&["a@100", "b"]), None);
        assert_eq!(read(&["a@x"]), None);
        assert_eq!(read(&["a@-1", "b"]), None);
    }

    #[test]
    fn the_beginning_of_an_id_is_enough_if_it_is_the_only_one() {
        let version = |id: &str| Version { id: id.into(), ..Version::default() };
        let known = [version("abc1"), version("abd2")];
        assert_eq!(full_id("abc", &known).ok().as_deref(), Some("abc1"));
        assert!(full_id("ab", &known).is_err());
        assert!(full_id("x", &known).is_err());
    }
}
