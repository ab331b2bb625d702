//! `deploy`, first and later, with all that a project may have; versions and
//! rollback.

use serde_json::{Value, json};

use super::project::Project;
use super::{DOMAIN, Wrangler};

/// Counts in a Durable Object, and shows all bindings.
const SOURCE: &str = r#"
import { DurableObject } from "cloudflare:workers";
export class Counter extends DurableObject {
  async next(): Promise<number> {
    const value = ((await this.ctx.storage.get<number>("n")) ?? 0) + 1;
    await this.ctx.storage.put("n", value);
    return value;
  }
}
export default {
  async fetch(request: Request, env: any): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/count") {
      const id = env.COUNTER.idFromName("one");
      return new Response(String(await env.COUNTER.get(id).next()));
    }
    if (pathname === "/kv") return new Response(await env.CACHE.get("greeting"));
    if (pathname === "/secret") return new Response(env.TOKEN ?? "none");
    return new Response(`${env.GREETING} VERSION`);
  },
  async scheduled(controller: any, env: any) {
    await env.CACHE.put("tick", controller.cron);
  },
};
"#;

fn source(version: &str) -> String {
    SOURCE.replace("VERSION", version)
}

#[test]
fn a_project_with_everything_is_deployed_again_and_again() {
    let Some(mut wrangler) = Wrangler::start() else { return };
    let mut project = Project::new("shop", &source("one"));
    let made = wrangler.ok(&project, &["kv", "namespace", "create", "cache"]);
    let namespaces = wrangler.get("/storage/kv/namespaces");
    let namespace = namespaces[0]["id"].as_str().expect("an id").to_owned();
    assert!(made.contains(&namespace), "{made}");
    project.set(json!({
        "vars": { "GREETING": "hello", "CONFIG": { "a": [1] } },
        "kv_namespaces": [{ "binding": "CACHE", "id": namespace }],
        "durable_objects": { "bindings": [{ "name": "COUNTER", "class_name": "Counter" }] },
        "migrations": [{ "tag": "v1", "new_sqlite_classes": ["Counter"] }],
        "triggers": { "crons": ["*/5 * * * *"] },
        "routes": [{ "pattern": "shop.example.com/*", "zone_name": "example.com" }],
        "assets": { "directory": "public", "binding": "ASSETS" },
        "observability": { "enabled": true },
    }));
    project.write("public/about.html", "<h1>About</h1>");
    project.write("public/style.css", "body{}");

    // The first deploy: one PUT.
    let said = wrangler.ok(&project, &["deploy", "--message", "first"]);
    for text in ["Uploaded shop", "2 of 2 assets", "shop.example.com/*", "schedule: */5 * * * *"] {
        assert!(said.contains(text), "{text}: {said}");
    }
    let first = wrangler.newest("shop");
    assert!(said.contains(&format!("Current Version ID: {first}")), "{said}");
    assert_eq!(wrangler.text("shop.example.com", "/"), "hello one");
    assert_eq!(wrangler.text(&format!("shop.{DOMAIN}"), "/"), "hello one");
    assert_eq!(wrangler.text("shop.example.com", "/about"), "<h1>About</h1>");
    assert_eq!(wrangler.text("shop.example.com", "/count"), "1");
    let service = wrangler.get("/workers/services/shop");
    let script = &service["default_environment"]["script"];
    assert_eq!(
        (&script["migration_tag"], &script["last_deployed_from"]),
        (&json!("v1"), &json!("wrangler"))
    );
    let schedules = wrangler.get("/workers/scripts/shop/schedules");
    assert_eq!(schedules["schedules"][0]["cron"], "*/5 * * * *");

    // What the client then puts beside it.
    wrangler
        .ok(&project, &["kv", "key", "put", "greeting", "moin", "--binding", "CACHE", "--remote"]);
    assert_eq!(wrangler.text("shop.example.com", "/kv"), "moin");
    project.write("secrets.json", r#"{"TOKEN":"hunter2"}"#);
    wrangler.ok(&project, &["secret", "bulk", "secrets.json"]);
    assert_eq!(wrangler.text("shop.example.com", "/secret"), "hunter2");

    // A later one: a version, then its deployment; the secret is kept.
    project.write("src/index.ts", &source("two"));
    let said = wrangler.ok(&project, &["deploy"]);
    assert!(said.contains("Current Version ID:"), "{said}");
    assert_ne!(wrangler.newest("shop"), first);
    assert_eq!(wrangler.text("shop.example.com", "/"), "hello two");
    assert_eq!(wrangler.text("shop.example.com", "/secret"), "hunter2");
    assert_eq!(wrangler.text("shop.example.com", "/count"), "2", "objects keep their data");
    assert_eq!(wrangler.text("shop.example.com", "/style.css"), "body{}");

    // One with another migration, and without a route.
    project.set(json!({
        "migrations": [
            { "tag": "v1", "new_sqlite_classes": ["Counter"] },
            { "tag": "v2", "new_sqlite_classes": ["Other"] },
        ],
        "routes": [],
        "triggers": { "crons": [] },
    }));
    project.write(
        "src/index.ts",
        &format!("{}\nexport class Other extends DurableObject {{}}", source("three")),
    );
    wrangler.ok(&project, &["deploy"]);
    assert_eq!(wrangler.text(&format!("shop.{DOMAIN}"), "/"), "hello three");
    let service = wrangler.get("/workers/services/shop");
    assert_eq!(service["default_environment"]["script"]["migration_tag"], "v2");
    assert_eq!(wrangler.get("/workers/scripts/shop/schedules")["schedules"], json!([]));

    // What does not start is refused with its place, and the old version serves on.
    project.write("src/index.ts", &format!("{}\nthrow new Error('not today');", source("four")));
    let said = wrangler.fails(&project, &["deploy"]);
    assert!(said.contains("not today") && said.contains("10021"), "{said}");
    assert_eq!(wrangler.text(&format!("shop.{DOMAIN}"), "/"), "hello three");

    wrangler.kill_and_start();
    assert_eq!(wrangler.text(&format!("shop.{DOMAIN}"), "/"), "hello three");
    assert_eq!(wrangler.text(&format!("shop.{DOMAIN}"), "/secret"), "hunter2");
    assert_eq!(wrangler.text(&format!("shop.{DOMAIN}"), "/count"), "3");
}

#[test]
fn versions_are_uploaded_listed_deployed_and_rolled_back() {
    let Some(wrangler) = Wrangler::start() else { return };
    let code =
        |text: &str| format!("export default {{ fetch() {{ return new Response('{text}'); }} }};");
    let project = Project::new("api", &code("one"));
    wrangler.ok(&project, &["deploy"]);
    let first = wrangler.newest("api");
    let host = format!("api.{DOMAIN}");
    project.write("src/index.ts", &code("two"));
    let said = wrangler.ok(&project, &["versions", "upload", "--tag", "t2", "--message", "second"]);
    let second = wrangler.newest("api");
    assert!(said.contains(&second), "{said}");
    assert_eq!(wrangler.text(&host, "/"), "one", "it is not deployed");

    let listed = wrangler.ok(&project, &["versions", "list", "--json"]);
    let listed: Value = serde_json::from_str(listed.trim()).unwrap_or_else(|_| panic!("{listed}"));
    assert_eq!(listed.as_array().map(Vec::len), Some(2));
    let viewed = wrangler.ok(&project, &["versions", "view", &second]);
    assert!(
        viewed.contains(&second) && viewed.contains("t2") && viewed.contains("second"),
        "{viewed}"
    );

    let half = [&format!("{first}@50")[..], &format!("{second}@50")[..]];
    wrangler.ok(&project, &["versions", "deploy", half[0], half[1], "-y"]);
    let status = wrangler.ok(&project, &["deployments", "status"]);
    assert!(status.contains(&first) && status.contains(&second), "{status}");
    let newest = wrangler.get("/workers/scripts/api/deployments")["deployments"][0].clone();
    assert_eq!(newest["versions"].as_array().map(Vec::len), Some(2));
    wrangler.ok(&project, &["versions", "deploy", &format!("{second}@100"), "-y"]);
    assert_eq!(wrangler.text(&host, "/"), "two");
    wrangler.ok(&project, &["rollback", &first, "--message", "back", "-y"]);
    assert_eq!(wrangler.text(&host, "/"), "one");
    let list = wrangler.ok(&project, &["deployments", "list"]);
    assert!(list.contains(&first) && list.contains("back"), "{list}");
    let said =
        wrangler.fails(&project, &["versions", "view", "00000000-0000-4000-8000-000000000000"]);
    assert!(said.contains("100146"), "{said}");
}

#[test]
fn a_cache_before_a_worker_is_part_of_its_version() {
    let Some(wrangler) = Wrangler::start() else { return };
    let source = |version: &str| {
        format!(
            "import {{ WorkerEntrypoint }} from \"cloudflare:workers\";\nlet runs = 0;\n\
             export class Inner extends WorkerEntrypoint {{\n\
             async fetch() {{ return new Response(`{version} ${{++runs}}`); }}\n}}\n\
             export default {{ async fetch(request, env, ctx) {{\n\
             return await ctx.exports.Inner.fetch(request);\n}} }};\n"
        )
    };
    let mut project = Project::new("kept", &source("one"));
    let off = json!({ "type": "worker", "cache": { "enabled": false } });
    project.set(json!({
        "cache": { "enabled": true, "cross_version_cache": true },
        "exports": { "default": off, "Inner": { "type": "worker", "cache": { "enabled": true } } },
    }));
    wrangler.ok(&project, &["deploy"]);
    let host = format!("kept.{DOMAIN}");
    assert_eq!(wrangler.text(&host, "/a"), "one 1");
    assert_eq!(wrangler.text(&host, "/a"), "one 1");
    let settings = wrangler.get("/workers/scripts/kept/settings");
    assert_eq!(settings["cache_options"], json!({ "enabled": true, "cross_version_cache": true }));
    project.write("src/index.ts", &source("two"));
    wrangler.ok(&project, &["versions", "upload"]);
    let version = wrangler.newest("kept");
    let shown = wrangler.get(&format!("/workers/scripts/kept/versions/{version}"));
    assert_eq!(shown["resources"]["script_runtime"]["exports"]["default"], off);
}
