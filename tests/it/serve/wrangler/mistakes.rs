//! What people are told when something is wrong, and that nothing has changed
//! then.

use serde_json::{Value, json};

use super::project::Project;
use super::{DOMAIN, Wrangler};

fn code(text: &str) -> String {
    format!("export default {{ fetch() {{ return new Response('{text}'); }} }};")
}

#[test]
fn who_may_not_is_told_so() {
    let Some(mut wrangler) = Wrangler::start() else { return };
    let project = Project::new("api", &code("one"));
    let token = std::mem::replace(&mut wrangler.token, "slv_no_such_token".to_owned());
    let said = wrangler.fails(&project, &["deploy"]);
    assert!(said.contains("code: 10000") || said.contains("code: 9109"), "{said}");
    wrangler.token = token;
    // An account of somebody else, and one that there is not.
    let other = wrangler.api("POST", "/accounts", json!({ "name": "Others" }));
    let other = other["id"].as_str().expect("an id").to_owned();
    for account in [other, "f".repeat(32)] {
        let own = std::mem::replace(&mut wrangler.account, account);
        let said = wrangler.fails(&project, &["deploy"]);
        assert!(said.contains("code: 10000"), "{said}");
        wrangler.account = own;
    }
    assert_eq!(wrangler.get("/workers/scripts"), json!([]), "nothing was deployed");
    for args in [&["versions", "list"][..], &["deployments", "list"], &["secret", "list"]] {
        let said = wrangler.fails(&project, args);
        assert!(said.contains("10007") || said.contains("not found"), "{args:?}: {said}");
    }
    wrangler.fails(&project, &["tail"]);
    wrangler.fails(&project, &["delete", "--force"]);
}

#[test]
fn what_cannot_be_deployed_leaves_what_is() {
    let Some(wrangler) = Wrangler::start() else { return };
    let mut project = Project::new("api", &code("one"));
    project.set(json!({ "migrations": [{ "tag": "v1", "new_sqlite_classes": ["Room"] }],
        "durable_objects": { "bindings": [{ "name": "ROOM", "class_name": "Room" }] } }));
    let room = "\nimport { DurableObject } from 'cloudflare:workers';
        export class Room extends DurableObject {}";
    project.write("src/index.ts", &format!("{}{room}", code("one")));
    wrangler.ok(&project, &["deploy"]);
    let host = format!("api.{DOMAIN}");
    let first = wrangler.newest("api");
    let deployments = wrangler.get("/workers/scripts/api/deployments");
    let refused = |project: &Project, args: &[&str], codes: &[&str]| {
        let said = wrangler.fails(project, args);
        assert!(codes.iter().any(|code| said.contains(code)), "{args:?}: {said}");
        assert_eq!(wrangler.text(&host, "/"), "one", "{said}");
        assert_eq!(wrangler.newest("api"), first, "{said}");
        assert_eq!(wrangler.get("/workers/scripts/api/deployments"), deployments, "{said}");
    };

    // A module that is not there, at start: --no-bundle uploads what it is given.
    let missing = Project::new("api", &code("one"));
    missing.write("src/worker.mjs", "import './missing.mjs'; export default { fetch() {} };");
    refused(&missing, &["deploy", "src/worker.mjs", "--no-bundle"], &["10021"]);
    // Nothing that could be woken.
    missing.write("src/worker.mjs", "export const nothing = 1;");
    refused(&missing, &["deploy", "src/worker.mjs", "--no-bundle"], &["10068"]);

    // A class that the code does not have: the client looks itself.
    project.write("src/index.ts", &code("two"));
    refused(&project, &["deploy"], &["not exported", "10061", "10021"]);

    // Shares that are not 100 in sum never get as far as the server with this
    // client; the server itself is asked.
    let path = format!("/accounts/{}/workers/scripts/api/deployments", wrangler.account);
    let body = json!({ "strategy": "percentage",
        "versions": [{ "version_id": first, "percentage": 60 }] });
    let answer = wrangler.try_api("POST", &path, body);
    assert_eq!(answer["success"], false, "{answer}");
    assert!(answer["errors"][0]["code"].is_number(), "{answer}");
}

#[test]
fn routes_that_are_taken_and_crons_that_are_none_are_refused() {
    let Some(mut wrangler) = Wrangler::start() else { return };
    let mut project = Project::new("api", &code("mine"));
    let routes = json!([{ "pattern": "shop.example.org/*", "zone_name": "example.org" }]);
    project.set(json!({ "routes": routes }));
    wrangler.ok(&project, &["deploy"]);

    let other = wrangler.api("POST", "/accounts", json!({ "name": "Others", "subdomain": "oth" }));
    let other = other["id"].as_str().expect("an id").to_owned();
    let path = format!("/accounts/{other}/tokens");
    let body = json!({ "name": "other", "scopes": ["deploy"] });
    let token = wrangler.api("POST", &path, body);
    let own = (wrangler.account.clone(), wrangler.token.clone());
    wrangler.account = other;
    wrangler.token = token["value"].as_str().expect("a secret").to_owned();
    let mut thief = Project::new("thief", &code("theirs"));
    thief.set(json!({ "routes": routes }));
    let said = wrangler.fails(&thief, &["deploy"]);
    assert!(said.contains("code: 10020"), "{said}");
    assert_eq!(wrangler.text("shop.example.org", "/"), "mine");

    (wrangler.account, wrangler.token) = own;
    project.set(json!({ "triggers": { "crons": ["61 * * * *"] } }));
    let said = wrangler.fails(&project, &["deploy"]);
    assert!(said.contains("invalid cron string"), "{said}");
    assert_eq!(wrangler.get("/workers/scripts/api/schedules")["schedules"], json!([]));
    assert_eq!(wrangler.text("shop.example.org", "/"), "mine");
}

#[test]
fn a_script_that_is_too_large_is_refused() {
    let Some(wrangler) = Wrangler::start_with("[limits]\nscript_bytes = 200000\n") else { return };
    let large = format!("{}\nexport const filler = '{}';", code("large"), "x".repeat(300_000));
    let project = Project::new("large", &large);
    let said = wrangler.fails(&project, &["deploy"]);
    assert!(said.contains("10027"), "{said}");
    assert_eq!(wrangler.get("/workers/scripts"), json!([]));
}

#[test]
fn a_server_that_is_killed_in_the_middle_of_a_deploy_has_the_old_version_or_the_new() {
    let Some(mut wrangler) = Wrangler::start() else { return };
    let mut project = Project::new("api", &code("v0"));
    project.set(json!({ "assets": { "directory": "public" } }));
    project.write("public/file.txt", "file 0");
    wrangler.ok(&project, &["deploy"]);
    let host = format!("api.{DOMAIN}");
    for round in 1..=3_u32 {
        let text = format!("v{round}");
        project.write("src/index.ts", &code(&text));
        project.write("public/file.txt", &format!("file {round}"));
        let mut deploying = wrangler.start_command(&project, &["deploy"]);
        // Somewhere from its first call on.
        crate::harness::eventually("it has begun", || {
            let said = deploying.stdout.text();
            (deploying.ended().is_some() || said.contains("asset")).then_some(())
        });
        std::thread::sleep(std::time::Duration::from_millis(u64::from(round) * 15));
        wrangler.kill_and_start();
        drop(deploying);
        let (code, file) = (wrangler.text(&host, "/"), wrangler.text(&host, "/file.txt"));
        let number = code.strip_prefix('v').unwrap_or_else(|| panic!("{code}"));
        assert_eq!(file, format!("file {number}"), "both are of one version");
    }
    wrangler.ok(&project, &["deploy"]);
    assert_eq!(wrangler.text(&host, "/"), "v3");
    let _: Value = wrangler.get("/workers/scripts/api/deployments");
}
