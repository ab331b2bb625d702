//! `selvedge deploy`: builds a project as `run` does, and makes the calls that
//! wrangler makes.

mod assets;
mod bindings;
mod build;
mod metadata;
mod migrations;
mod provision;
mod stores;
mod summary;
mod triggers;
mod upload;

use std::time::Instant;

use selvedge_client::{Account, Script};
use serde_json::json;

use super::args::{BuildArgs, DeployArgs};
use super::connect::Remote;
use super::output::{print, print_json, say, warn};
use super::project::surroundings;
use build::Built;
use migrations::Pending;
use upload::Uploaded;

/// What separates the parts of a form.
pub(super) fn boundary() -> String {
    upload::boundary(0)
}

/// A project that is built, and the server that it goes to.
pub(super) struct Prepared {
    pub(super) built: Built,
    remote: Remote,
    account: String,
    /// The dispatch namespace that it goes into.
    namespace: Option<String>,
}

impl Prepared {
    fn script(&self) -> Script<'_> {
        match &self.namespace {
            Some(namespace) => self.account().dispatched(namespace, &self.built.name),
            None => self.account().script(&self.built.name),
        }
    }

    fn account(&self) -> Account<'_> {
        self.remote.client.account(&self.account)
    }
}

/// Builds; `None` when that is all that was asked for.
pub(super) async fn prepare(args: &BuildArgs) -> anyhow::Result<Option<Prepared>> {
    let built = build::build(args)?;
    for warning in &built.warnings {
        warn(warning);
    }
    if let Some(outdir) = &args.outdir {
        built.write_to(outdir)?;
    }
    if args.dry_run {
        if args.json {
            print_json(&built.to_json())?;
        } else {
            print(summary::upload_size(&built).await?)?;
            print(summary::bindings(&built.bindings))?;
            print("--dry-run: exiting now.")?;
        }
        return Ok(None);
    }
    let around = surroundings(&built.root, args.worker.env.as_deref(), built.account_id.clone())?;
    let remote = Remote::new(&args.worker.server, &around)?;
    let account = remote.account().await?;
    Ok(Some(Prepared { built, remote, account, namespace: None }))
}

pub(super) async fn deploy(args: DeployArgs) -> anyhow::Result<()> {
    let Some(mut prepared) = prepare(&args.build).await? else { return Ok(()) };
    prepared.namespace.clone_from(&args.dispatch_namespace);
    let begin = Instant::now();
    let uploaded = {
        let pending = check(&prepared).await?;
        let provisioned = provision::provision(&prepared).await?;
        prepared.built.fill_in(&provisioned);
        stores::provide(&mut prepared).await?;
        let assets = assets::upload(&prepared).await?;
        upload::deploy(&prepared, &args.build, &pending, assets).await?
    };
    if !args.build.json {
        print(summary::upload_size(&prepared.built).await?)?;
        if let Some(millis) = uploaded.startup_ms {
            print(format!("Worker Startup Time: {millis} ms"))?;
        }
        print(summary::bindings(&prepared.built.bindings))?;
        print(format!(
            "Uploaded {} ({:.2} sec)",
            prepared.built.name,
            begin.elapsed().as_secs_f64()
        ))?;
    }
    if let Some(namespace) = &prepared.namespace {
        return dispatched(&prepared, namespace, &uploaded, args.build.json);
    }
    let begin = Instant::now();
    let triggers = triggers::apply(&prepared, &args).await?;
    if args.build.json {
        return print_json(&json!({
            "name": prepared.built.name,
            "account_id": prepared.account,
            "version_id": uploaded.version_id,
            "deployment_id": uploaded.deployment_id,
            "startup_time_ms": uploaded.startup_ms,
            "urls": triggers.urls,
            "routes": triggers.routes,
            "schedules": triggers.schedules,
        }));
    }
    print(format!(
        "Deployed {} triggers ({:.2} sec)",
        prepared.built.name,
        begin.elapsed().as_secs_f64()
    ))?;
    for line in triggers.lines() {
        print(format!("  {line}"))?;
    }
    print(format!("Current Version ID: {}", uploaded.version_id))
}

/// What is said of a Worker in a dispatch namespace, which has no triggers.
fn dispatched(
    prepared: &Prepared,
    namespace: &str,
    uploaded: &Uploaded,
    as_json: bool,
) -> anyhow::Result<()> {
    if as_json {
        return print_json(&json!({
            "name": prepared.built.name,
            "account_id": prepared.account,
            "dispatch_namespace": namespace,
            "version_id": uploaded.version_id,
            "startup_time_ms": uploaded.startup_ms,
        }));
    }
    print(format!("Dispatch Namespace: {namespace}"))?;
    print(format!("Current Version ID: {}", uploaded.version_id))
}

/// Uploads a version that takes no requests yet.
pub(super) async fn upload_version(args: &BuildArgs) -> anyhow::Result<()> {
    let Some(mut prepared) = prepare(args).await? else { return Ok(()) };
    let begin = Instant::now();
    let pending = check(&prepared).await?;
    if let Pending::Steps(_) = pending {
        anyhow::bail!(
            "this version has migrations that are not applied yet, and an upload cannot apply \
             them\nhint: `selvedge deploy` does"
        );
    }
    let provisioned = provision::provision(&prepared).await?;
    prepared.built.fill_in(&provisioned);
    stores::provide(&mut prepared).await?;
    let assets = assets::upload(&prepared).await?;
    let uploaded: Uploaded = upload::version(&prepared, args, &pending, assets).await?;
    let preview = triggers::preview_url(&prepared, &uploaded).await?;
    if args.json {
        return print_json(&json!({
            "name": prepared.built.name,
            "version_id": uploaded.version_id,
            "startup_time_ms": uploaded.startup_ms,
            "preview_url": preview,
        }));
    }
    print(summary::upload_size(&prepared.built).await?)?;
    if let Some(millis) = uploaded.startup_ms {
        print(format!("Worker Startup Time: {millis} ms"))?;
    }
    print(summary::bindings(&prepared.built.bindings))?;
    let name = &prepared.built.name;
    print(format!("Uploaded {name} ({:.2} sec)", begin.elapsed().as_secs_f64()))?;
    print(format!("Worker Version ID: {}", uploaded.version_id))?;
    if let Some(url) = preview {
        print(format!("Version Preview URL: {url}"))?;
    }
    say(&format!(
        "It takes no requests yet: `selvedge versions deploy {}@100%` changes that.",
        uploaded.version_id
    ));
    Ok(())
}

/// Looks at what is deployed: what a user should know before, and what must be
/// migrated.
async fn check(prepared: &Prepared) -> anyhow::Result<Pending> {
    let script = prepared.script();
    let explain = |error| prepared.remote.explain(error);
    if prepared.namespace.is_some() {
        // It has no service; a secret that is missing is told of when the Worker runs.
        return Ok(migrations::pending(&prepared.built, None));
    }
    let service = script.service().await.map_err(explain)?;
    let secrets = match &service {
        Some(_) => script.secrets().await.map_err(explain)?.unwrap_or_default(),
        None => Vec::new(),
    };
    for secret in &secrets {
        if prepared.built.bindings.iter().any(|binding| binding.name == secret.name) {
            warn(&format!(
                "\"{}\" is a secret of the deployed Worker; the configuration's binding takes its \
                 place",
                secret.name
            ));
        }
    }
    let is_there = |name: &String| secrets.iter().any(|secret| secret.name == *name);
    let missing: Vec<_> =
        prepared.built.required_secrets.iter().filter(|name| !is_there(name)).cloned().collect();
    if !missing.is_empty() {
        let name = &missing[0];
        anyhow::bail!(
            "the Worker needs secrets that are not set: {}\nhint: `selvedge secret put {name}` \
             sets one",
            missing.join(", ")
        );
    }
    if let Some(deployments) = script.deployments().await.map_err(explain)?
        && let Some(newest) = deployments.first()
        && newest.versions.len() > 1
    {
        warn(&format!(
            "{} versions share the requests of {}; this deployment ends that",
            newest.versions.len(),
            script.name()
        ));
    }
    let script_info = service.map(|service| service.default_environment.script);
    Ok(migrations::pending(&prepared.built, script_info.as_ref()))
}
