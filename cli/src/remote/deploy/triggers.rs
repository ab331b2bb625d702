//! What brings requests to a deployed Worker: its name below the server's
//! domain, routes, custom domains, cron triggers, queues.

use selvedge_client::models::ScriptSubdomain;
use selvedge_server::config::{Cron, Route};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::args::DeployArgs;
use super::Prepared;
use super::upload::Uploaded;

/// What a deployment answers to.
#[derive(Debug, Default)]
pub(super) struct Triggers {
    pub(super) urls: Vec<String>,
    pub(super) routes: Vec<String>,
    pub(super) schedules: Vec<String>,
    /// Queues whose messages it takes.
    pub(super) queues: Vec<String>,
    /// Workflows whose classes it has.
    pub(super) workflows: Vec<String>,
}

impl Triggers {
    /// As wrangler lists them.
    pub(super) fn lines(&self) -> Vec<String> {
        let routes = self.routes.iter().cloned();
        let schedules = self.schedules.iter().map(|cron| format!("schedule: {cron}"));
        let queues = self.queues.iter().map(|queue| format!("Consumer for {queue}"));
        let workflows = self.workflows.iter().map(|name| format!("workflow: {name}"));
        let urls = self.urls.iter().cloned();
        let all: Vec<_> =
            urls.chain(routes).chain(schedules).chain(queues).chain(workflows).collect();
        if all.is_empty() { vec!["No targets: nothing reaches it yet".to_owned()] } else { all }
    }
}

/// The answer about the Worker's name below the server's domain.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Address {
    url: Option<String>,
}

/// Makes the triggers what the configuration says.
pub(super) async fn apply(prepared: &Prepared, args: &DeployArgs) -> anyhow::Result<Triggers> {
    let mut triggers = Triggers::default();
    let (routes, domains) = wanted_routes(&prepared.built.config.routes, args);
    subdomain(prepared, routes.is_empty() && domains.is_empty(), &mut triggers).await?;
    let script = prepared.script();
    let explain = |error| prepared.remote.explain(error);
    let replaces = prepared.built.config.section("routes").is_some()
        || prepared.built.config.section("route").is_some();
    if !routes.is_empty() || replaces {
        let body: Vec<_> = routes.iter().map(route_json).collect();
        script.put("/routes").json(&body.into()).done().await.map_err(explain)?;
    }
    if !domains.is_empty() || replaces {
        let origins: Vec<_> = domains.iter().map(domain_json).collect();
        let body = json!({
            "override_scope": true,
            "override_existing_origin": false,
            "override_existing_dns_record": false,
            "origins": origins,
        });
        script.put("/domains/records").json(&body).done().await.map_err(explain)?;
    }
    triggers.routes.extend(routes.iter().map(|route| route.pattern.clone()));
    triggers.routes.extend(domains.iter().map(|it| format!("{} (custom domain)", it.pattern)));
    if let Some(crons) = wanted_crons(prepared, args)? {
        let body: Vec<_> = crons.iter().map(|cron| json!({ "cron": cron })).collect();
        script.put("/schedules").json(&body.into()).done().await.map_err(explain)?;
        triggers.schedules = crons;
    }
    triggers.queues = super::stores::consume(prepared).await?;
    triggers.workflows = super::stores::workflows(prepared).await?;
    Ok(triggers)
}

async fn subdomain(
    prepared: &Prepared,
    by_default: bool,
    triggers: &mut Triggers,
) -> anyhow::Result<()> {
    let flag = |key: &str| prepared.built.config.section(key).and_then(|it| it.to_json().as_bool());
    let enabled = flag("workers_dev").unwrap_or(by_default);
    let previews_enabled = flag("preview_urls").unwrap_or(enabled);
    let wanted = ScriptSubdomain { enabled, previews_enabled };
    let call = prepared.script().post("/subdomain").json(&json!(wanted));
    let address: Address = call.send().await.map_err(|error| prepared.remote.explain(error))?;
    triggers.urls.extend(address.url.filter(|_| enabled));
    Ok(())
}

/// Routes and custom domains: those of the command line replace routes of the
/// configuration and add to its domains.
fn wanted_routes(configured: &[Route], args: &DeployArgs) -> (Vec<Route>, Vec<Route>) {
    let (mut domains, mut routes): (Vec<_>, Vec<_>) =
        configured.iter().cloned().partition(|route| route.custom_domain);
    let named = |pattern: &String| Route { pattern: pattern.clone(), ..Route::default() };
    if !args.routes.is_empty() {
        routes = args.routes.iter().map(named).collect();
    }
    let is_known = |domains: &[Route], host: &String| domains.iter().any(|it| it.pattern == *host);
    for host in &args.domains {
        if !is_known(&domains, host) {
            domains.push(Route { custom_domain: true, ..named(host) });
        }
    }
    (routes, domains)
}

fn route_json(route: &Route) -> Value {
    let mut json = json!({ "pattern": route.pattern });
    if let Some(zone) = &route.zone_id {
        json["zone_id"] = zone.clone().into();
    }
    if let Some(zone) = &route.zone_name {
        json["zone_name"] = zone.clone().into();
    }
    json
}

fn domain_json(route: &Route) -> Value {
    let mut json = route_json(route);
    if let Some(object) = json.as_object_mut()
        && let Some(host) = object.remove("pattern")
    {
        object.insert("hostname".into(), host);
    }
    json
}

/// The cron triggers; `None` when nobody said anything about them.
fn wanted_crons(prepared: &Prepared, args: &DeployArgs) -> anyhow::Result<Option<Vec<String>>> {
    if !args.schedules.is_empty() {
        for cron in &args.schedules {
            Cron::parse(cron)
                .map_err(|reason| anyhow::anyhow!("\"{cron}\" is no cron expression: {reason}"))?;
        }
        return Ok(Some(args.schedules.clone()));
    }
    let config = &prepared.built.config;
    let triggers = config.section("triggers");
    let is_set = triggers.and_then(|triggers| triggers.get("crons")).is_some();
    let crons = config.crons.iter().map(|cron| cron.expression.clone()).collect();
    Ok(is_set.then_some(crons))
}

/// Where a version that takes no requests can be looked at.
pub(super) async fn preview_url(
    prepared: &Prepared,
    uploaded: &Uploaded,
) -> anyhow::Result<Option<String>> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Preview {
        preview_url: Option<String>,
    }
    if !uploaded.has_preview {
        return Ok(None);
    }
    let call = prepared.script().get(&format!("/versions/{}", uploaded.version_id));
    let preview: Preview = call.send().await.map_err(|error| prepared.remote.explain(error))?;
    Ok(preview.preview_url)
}
