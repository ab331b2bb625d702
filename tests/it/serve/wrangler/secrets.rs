//! Secrets Store: made by wrangler, read by Workers, told to nobody. The same for the
//! passwords of databases behind Hyperdrive.

use serde_json::{Value, json};

use super::project::Project;
use super::{DOMAIN, Wrangler};

const SOURCE: &str = "export default { async fetch(request: Request, env: any) {
  try {
    return new Response(await env.TOKEN.get());
  } catch (error) {
    return new Response(String(error), { status: 500 });
  }
} };";

#[test]
fn stores_and_secrets() {
    let Some(wrangler) = Wrangler::start() else { return };
    let mut project = Project::new("api", SOURCE);
    let run = |args: &[&str]| {
        let args: Vec<_> =
            ["secrets-store"].iter().chain(args).chain(&["--remote"]).copied().collect();
        wrangler.ok(&project, &args)
    };
    run(&["store", "create", "shared"]);
    assert!(run(&["store", "list"]).contains("shared"));
    let stores = wrangler.get("/secrets_store/stores");
    let store = stores[0]["id"].as_str().expect("an id").to_owned();
    let text = "hunter2-in-plain-sight";
    let new = ["secret", "create", &store, "--name", "TOKEN", "--scopes", "workers"];
    let new: Vec<_> = new.iter().chain(&["--value", text, "--comment", "c"]).copied().collect();
    run(&new);
    let listed = run(&["secret", "list", &store]);
    assert!(listed.contains("TOKEN") && !listed.contains(text), "{listed}");
    let path = format!("/secrets_store/stores/{store}/secrets");
    let secrets = wrangler.get(&path);
    assert!(!secrets.to_string().contains(text), "{secrets}");
    assert_eq!(secrets[0]["comment"], "c");
    let id = secrets[0]["id"].as_str().expect("an id").to_owned();
    assert!(run(&["secret", "get", &store, "--secret-id", &id]).contains("TOKEN"));

    let bound = |name: &str| -> Value {
        json!({ "secrets_store_secrets": [
            { "binding": "TOKEN", "store_id": store, "secret_name": name }] })
    };
    let host = format!("api.{DOMAIN}");
    project.set(bound("OTHER"));
    let said = wrangler.fails(&project, &["deploy"]);
    assert!(said.contains("secret 'OTHER' of the store") && said.contains("not found"), "{said}");
    project.set(bound("TOKEN"));
    wrangler.ok(&project, &["deploy"]);
    assert_eq!(wrangler.text(&host, "/"), text);

    // A change is seen without a deployment.
    let run = |args: &[&str]| {
        let args: Vec<_> =
            ["secrets-store"].iter().chain(args).chain(&["--remote"]).copied().collect();
        wrangler.ok(&project, &args)
    };
    run(&["secret", "update", &store, "--secret-id", &id, "--value", "next"]);
    assert_eq!(wrangler.text(&host, "/"), "next");
    let copy = ["secret", "duplicate", &store, "--secret-id", &id, "--name", "COPY"];
    let copy: Vec<_> = copy.iter().chain(&["--scopes", "workers"]).copied().collect();
    run(&copy);
    assert_eq!(wrangler.get(&path).as_array().map(Vec::len), Some(2));
    run(&["secret", "delete", &store, "--secret-id", &id]);
    assert_eq!(wrangler.text(&host, "/"), "Error: Secret \"TOKEN\" not found");
    let copy = wrangler.get(&path)[0]["id"].as_str().expect("an id").to_owned();
    run(&["secret", "delete", &store, "--secret-id", &copy]);
    run(&["store", "delete", &store]);
    assert_eq!(wrangler.get("/secrets_store/stores"), json!([]));
}

#[test]
fn databases_behind_hyperdrive() {
    let Some(wrangler) = Wrangler::start() else { return };
    let mut project = Project::new("api", SOURCE);
    let url = "postgres://me:hunter2@db.example:5433/shop";
    let said = wrangler.ok(&project, &["hyperdrive", "create", "shop", "--connection-string", url]);
    assert!(said.contains("Created new Hyperdrive PostgreSQL config"), "{said}");
    let id = wrangler.get("/hyperdrive/configs")[0]["id"].as_str().expect("an id").to_owned();
    let listed = wrangler.ok(&project, &["hyperdrive", "list"]);
    assert!(listed.contains("db.example") && !listed.contains("hunter2"), "{listed}");
    let args = ["hyperdrive", "update", &id, "--sslmode", "verify-full", "--caching-disabled"];
    let said = wrangler.ok(&project, &args);
    assert!(said.contains("verify-full") && !said.contains("hunter2"), "{said}");
    let got = wrangler.ok(&project, &["hyperdrive", "get", &id]);
    assert!(got.contains("\"database\": \"shop\"") && !got.contains("hunter2"), "{got}");
    let said = wrangler.fails(&project, &["hyperdrive", "update", &id, "--max-age", "60"]);
    assert!(said.contains("does not cache"), "{said}");
    let mysql = "mysql://me:hunter2@db.example:3306/shop";
    let said =
        wrangler.fails(&project, &["hyperdrive", "create", "m", "--connection-string", mysql]);
    assert!(said.contains("MySQL is not spoken here"), "{said}");
    project.set(json!({ "hyperdrive": [{ "binding": "DB", "id": "none" }] }));
    let said = wrangler.fails(&project, &["deploy"]);
    assert!(said.contains("Hyperdrive config 'none' not found."), "{said}");
    wrangler.ok(&project, &["hyperdrive", "delete", &id]);
    assert_eq!(wrangler.get("/hyperdrive/configs"), json!([]));
}
