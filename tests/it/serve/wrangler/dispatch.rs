//! Dispatch namespaces and Worker Loaders on a server.

use serde_json::json;

use super::{DOMAIN, Project, Wrangler};
use crate::harness::Program;

const DISPATCH: &str = r#"
export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const name = url.searchParams.get("to");
    try {
      const options = { outbound: { customer: name } };
      if (url.pathname === "/loop") options.limits = { cpuMs: 30 };
      return await env.CUSTOMERS.get(name, {}, options).fetch(request);
    } catch (error) {
      return new Response(`${error.name}: ${error.message}`, { status: 404 });
    }
  },
};
"#;

const CUSTOMER: &str = r#"
export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    switch (url.pathname) {
      case "/loop": for (;;);
      case "/away": return fetch("http://away.example/");
      case "/put": await caches.default.put("http://x.example/", new Response(env.NAME, { headers: { "cache-control": "max-age=600" } })); return new Response("put");
      case "/match": return await caches.default.match("http://x.example/") ?? new Response("nothing");
      case "/secret": return new Response(env.KEY ?? "none");
    }
    return new Response(`${env.NAME} ${Object.keys(env)} ${JSON.stringify(request.cf)}`);
  },
};
"#;

const OUTBOUND: &str = "export default { fetch(request, env) {
    return new Response(`${request.url} for ${env.customer}`);
} };";

const NAMESPACES: &str = "dispatch-namespace";

fn customer(name: &str) -> Project {
    let mut project = Project::new(name, CUSTOMER);
    project.set(json!({ "vars": { "NAME": name } }));
    project
}

#[test]
fn wrangler_deploys_into_a_namespace_and_workers_dispatch_to_it() {
    let Some(wrangler) = Wrangler::start() else { return };
    let mut dispatch = Project::new("platform", DISPATCH);
    dispatch.set(json!({ "dispatch_namespaces": [{
        "binding": "CUSTOMERS", "namespace": "customers",
        "outbound": { "service": "way-out", "parameters": ["customer"] },
    }] }));
    let said = wrangler.fails(&customer("alice"), &["deploy", "--dispatch-namespace", "customers"]);
    assert!(said.contains("customers"), "{said}");
    wrangler.ok(&dispatch, &[NAMESPACES, "create", "customers"]);
    let said = wrangler.fails(&dispatch, &["deploy"]);
    assert!(said.contains("Target script 'way-out' not found"), "{said}");
    wrangler.ok(&Project::new("way-out", OUTBOUND), &["deploy"]);
    for name in ["alice", "bob"] {
        wrangler.ok(&customer(name), &["deploy", "--dispatch-namespace", "customers"]);
    }
    wrangler.ok(&dispatch, &["deploy"]);

    let host = format!("platform.{DOMAIN}");
    assert_eq!(wrangler.text(&host, "/?to=alice"), "alice NAME {}");
    assert_eq!(wrangler.text(&host, "/?to=bob"), "bob NAME {}");
    for name in ["nobody", "platform", "..%2Fplatform", "", "alice%2Fx"] {
        let told = wrangler.text(&host, &format!("/?to={name}"));
        assert_eq!(told, "Error: Worker not found.", "{name}");
    }
    assert_eq!(wrangler.text(&host, "/away?to=bob"), "http://away.example/ for bob");
    let stopped = wrangler.text(&host, "/loop?to=bob");
    assert_eq!(stopped, "Error: Worker exceeded CPU time limit.");
    // Each has a cache of its own.
    assert_eq!(wrangler.text(&host, "/put?to=alice"), "put");
    assert_eq!(wrangler.text(&host, "/match?to=alice"), "alice");
    assert_eq!(wrangler.text(&host, "/match?to=bob"), "nothing");
    // Nobody reaches them but who dispatches.
    assert_ne!(wrangler.text(&format!("alice.{DOMAIN}"), "/"), "alice NAME {}");

    // ----- A new version, and the API of one Worker. -----
    let mut alice = customer("alice");
    alice.set(json!({ "vars": { "NAME": "alice 2" } }));
    wrangler.ok(&alice, &["deploy", "--dispatch-namespace", "customers"]);
    assert_eq!(wrangler.text(&host, "/?to=alice"), "alice 2 NAME {}");
    let base = format!("/accounts/{}/workers/dispatch/namespaces/customers", wrangler.account);
    let call = |method: &str, rest: &str, body: serde_json::Value| {
        wrangler.api(method, &format!("{base}{rest}"), body)
    };
    call(
        "PUT",
        "/scripts/alice/secrets",
        json!({ "name": "KEY", "text": "s3", "type": "secret_text" }),
    );
    assert_eq!(wrangler.text(&host, "/secret?to=alice"), "s3");
    assert_eq!(wrangler.text(&host, "/secret?to=bob"), "none");
    call("PUT", "/scripts/alice/tags", json!(["free", "eu"]));
    call("DELETE", "/scripts/alice/tags/eu", json!(null));
    assert_eq!(call("GET", "/scripts/alice/tags", json!(null)), json!(["free"]));
    let ids = |path: &str| -> Vec<String> {
        let all = call("GET", path, json!(null));
        let ids = all.as_array().expect("a list").iter().map(|it| it["id"].to_string());
        ids.collect()
    };
    assert_eq!(ids("/scripts"), ["\"alice\"", "\"bob\""]);
    assert_eq!(ids("/scripts?tags=free:yes"), ["\"alice\""]);
    assert_eq!(ids("/scripts?tags=free:no"), ["\"bob\""]);
    let script = call("GET", "/scripts/bob", json!(null));
    assert_eq!(script["dispatch_namespace"], "customers");
    let own = wrangler.api(
        "GET",
        &format!("/accounts/{}/workers/scripts", wrangler.account),
        json!(null),
    );
    assert!(!own.to_string().contains("alice"), "{own}");

    // ----- The namespaces. -----
    let said = wrangler.ok(&dispatch, &[NAMESPACES, "list"]);
    assert!(said.contains("customers"), "{said}");
    let said = wrangler.ok(&dispatch, &[NAMESPACES, "get", "customers"]);
    assert!(said.contains("customers"), "{said}");
    let said = wrangler.fails(&dispatch, &[NAMESPACES, "rename", "customers", "others"]);
    assert!(said.contains("has Workers (2)"), "{said}");
    let said = wrangler.fails(&dispatch, &[NAMESPACES, "delete", "customers"]);
    assert!(said.contains("has Workers (2)"), "{said}");
    call("DELETE", "/scripts/alice", json!(null));
    call("DELETE", "/scripts/bob", json!(null));
    assert_eq!(wrangler.text(&host, "/?to=alice"), "Error: Worker not found.");
    wrangler.ok(&dispatch, &[NAMESPACES, "rename", "customers", "others"]);
    wrangler.ok(&dispatch, &[NAMESPACES, "delete", "others"]);
}

/// Runs our own client in a project.
fn selvedge(wrangler: &Wrangler, project: &Project, args: &[&str]) -> String {
    let mut command = std::process::Command::new(crate::harness::selvedge());
    command
        .args(args)
        .env("HOME", wrangler.home.path())
        .env("SELVEDGE_API_URL", format!("http://{}", wrangler.admin))
        .env("SELVEDGE_API_TOKEN", &wrangler.token)
        .env("SELVEDGE_ACCOUNT_ID", &wrangler.account);
    let ended = Program::start(command, project.path()).wait();
    assert!(ended.status.success(), "{args:?}: {}{}", ended.stdout, ended.stderr);
    format!("{}{}", ended.stdout, ended.stderr)
}

#[test]
fn our_own_client_deploys_into_a_namespace() {
    let Some(wrangler) = Wrangler::start() else { return };
    let mut dispatch = Project::new("platform", DISPATCH);
    dispatch.set(json!({ "dispatch_namespaces": [{
        "binding": "CUSTOMERS", "namespace": "shops",
        "outbound": { "service": "way-out", "parameters": ["customer"] },
    }] }));
    let said = selvedge(&wrangler, &dispatch, &[NAMESPACES, "create", "shops"]);
    assert!(said.contains("Created dispatch namespace \"shops\""), "{said}");
    assert!(selvedge(&wrangler, &dispatch, &[NAMESPACES, "list"]).contains("shops"));
    assert!(selvedge(&wrangler, &dispatch, &[NAMESPACES, "get", "shops"]).contains("namespace_id"));
    let said =
        selvedge(&wrangler, &customer("alice"), &["deploy", "--dispatch-namespace", "shops"]);
    assert!(said.contains("Dispatch Namespace: shops"), "{said}");
    selvedge(&wrangler, &Project::new("way-out", OUTBOUND), &["deploy"]);
    selvedge(&wrangler, &dispatch, &["deploy"]);
    let host = format!("platform.{DOMAIN}");
    assert_eq!(wrangler.text(&host, "/?to=alice"), "alice NAME {}");
    assert_eq!(wrangler.text(&host, "/away?to=alice"), "http://away.example/ for alice");
    let path =
        format!("/accounts/{}/workers/dispatch/namespaces/shops/scripts/alice", wrangler.account);
    wrangler.api("DELETE", &path, json!(null));
    selvedge(&wrangler, &dispatch, &[NAMESPACES, "rename", "shops", "markets"]);
    selvedge(&wrangler, &dispatch, &[NAMESPACES, "delete", "markets", "--yes"]);
}

const LOADER: &str = r#"
import { WorkerEntrypoint } from "cloudflare:workers";
export class Gate extends WorkerEntrypoint {
  fetch(request) { return new Response(`gate ${request.url} ${this.ctx.props.n}`); }
  double(n) { return 2 * n; }
}
export default {
  async fetch(request, env, ctx) {
    const worker = env.LOADER.get("one", () => ({
      compatibilityDate: "2026-01-01",
      mainModule: "main.js",
      modules: { "main.js": `
        let n = 0;
        export default { async fetch(request, env) {
          const away = await (await fetch("http://away.example/")).text();
          return new Response([++n, Object.keys(env), await env.GATE.double(4), away].join(" "));
        } };` },
      env: { GATE: ctx.exports.Gate({ props: {} }) },
      globalOutbound: ctx.exports.Gate({ props: { n: 7 } }),
    }));
    return worker.getEntrypoint().fetch(request);
  },
};
"#;

#[test]
fn a_deployed_worker_loads_workers() {
    let Some(wrangler) = Wrangler::start() else { return };
    let mut project = Project::new("loads", LOADER);
    project.set(json!({ "worker_loaders": [{ "binding": "LOADER" }], "vars": { "SECRET": "x" } }));
    wrangler.ok(&project, &["deploy"]);
    let host = format!("loads.{DOMAIN}");
    for n in 1..=3 {
        let expected = format!("{n} GATE 8 gate http://away.example/ 7");
        assert_eq!(wrangler.text(&host, "/"), expected);
    }
    // Another version of the loader loads for itself.
    project.set(json!({ "worker_loaders": [{ "binding": "LOADER" }] }));
    wrangler.ok(&project, &["deploy"]);
    crate::harness::eventually("the new version loads anew", || {
        wrangler.text(&host, "/").starts_with("1 GATE 8").then_some(())
    });
}
