//! Subdomains, zones, routes, domains, schedules.

use http::Method;
use serde_json::{Value, json};

use super::fixture::Fixture;

#[tokio::test]
async fn a_worker_answers_by_its_name_when_it_is_to() {
    let fixture = Fixture::start().await;
    fixture.hello("api").await;
    let subdomain = fixture.get("/workers/subdomain").await.ok();
    assert_eq!(subdomain, json!({ "subdomain": "edge.test/#", "domain": "edge.test" }));
    let path = "/workers/scripts/api/subdomain";
    let off = json!({ "enabled": false, "previews_enabled": false, "url": null });
    assert_eq!(fixture.get(path).await.ok(), off);
    let body = json!({ "enabled": true, "previews_enabled": true });
    let on = fixture.post(path, body).await.ok();
    assert_eq!(on["url"], "http://api.edge.test");
    assert_eq!((&on["enabled"], &on["previews_enabled"]), (&json!(true), &json!(true)));
    assert_eq!(fixture.get(path).await.ok(), on);
    let version = fixture.version("api", json!({ "main_module": "index.js" })).await.ok();
    assert_eq!(version["metadata"]["has_preview"], true);
    let short = &version["id"].as_str().expect("an id")[..8];
    assert_eq!(version["preview_url"], json!(format!("http://{short}-api.edge.test")));

    let (_, foreign) = fixture.other();
    let get = |path: &'static str| fixture.get(path);
    assert_eq!(get("/workers/subdomains/free").await.code(), 10032);
    assert_eq!(get("/workers/subdomains/two").await.code(), 10031);
    assert_eq!(get("/workers/subdomains/Not_A_Label").await.code(), 10031);
    let taken = fixture.put("/workers/subdomain", json!({ "subdomain": "two" })).await;
    assert_eq!(taken.code(), 10031);
    let now = fixture.put("/workers/subdomain", json!({ "subdomain": "one" })).await.ok();
    assert_eq!(now["domain"], "one.edge.test");
    drop(foreign);
}

#[tokio::test]
async fn without_a_domain_there_is_none() {
    let fixture = Fixture::with(|options| options.domain = None).await;
    assert_eq!(fixture.get("/workers/subdomain").await.code(), 10007);
}

#[tokio::test]
async fn routes_are_replaced_and_found_by_zone() {
    let fixture = Fixture::start().await;
    fixture.hello("api").await;
    fixture.hello("web").await;
    let zones = |name: &str| {
        let path = format!("/client/v4/zones?name={name}&account.id={}", fixture.account);
        let fixture = &fixture;
        async move { fixture.send(Method::GET, &path, Some(&fixture.token), &[], "").await.ok() }
    };
    let zone = zones("example.com").await[0].clone();
    assert_eq!((&zone["name"], &zone["status"]), (&json!("example.com"), &json!("pending")));
    let id = zone["id"].as_str().expect("an id").to_owned();
    let in_zone = format!("/client/v4/zones/{id}/workers/routes");
    let routes = || fixture.send(Method::GET, &in_zone, Some(&fixture.token), &[], "");
    assert_eq!(routes().await.ok(), json!([]));
    let set = |worker: &'static str, body: Value| {
        let fixture = &fixture;
        async move { fixture.put(&format!("/workers/scripts/{worker}/routes"), body).await }
    };
    let body = json!([{ "pattern": "example.com/*", "zone_name": "example.com" },
        { "pattern": "api.example.com/v1/*", "zone_name": "example.com" }]);
    set("api", body).await.ok();
    assert_eq!(routes().await.ok().as_array().map(Vec::len), Some(2));
    assert_eq!(zones("example.com").await[0]["status"], "active");
    assert_eq!(zones("example.com").await[0]["id"], json!(id));
    assert_eq!(zones("api.example.com").await, json!([]));
    set("api", json!([{ "pattern": "example.com/*" }])).await.ok();
    assert_eq!(routes().await.ok().as_array().map(Vec::len), Some(1), "it replaces");
    assert_eq!(set("web", json!([{ "pattern": "example.com/*" }])).await.code(), 10020);
    for pattern in ["api.edge.test/*", "edge.test/*", "*.edge.test/*", "com/*"] {
        assert_eq!(set("web", json!([{ "pattern": pattern }])).await.code(), 10020, "{pattern}");
    }
    for pattern in ["", "exa mple.com/", "example.com/a*b", "example.com/?x"] {
        assert_eq!(set("web", json!([{ "pattern": pattern }])).await.status, 400, "{pattern}");
    }
    let outside = json!([{ "pattern": "other.org/*", "zone_name": "example.com" }]);
    assert_eq!(set("web", outside).await.status, 400);
    assert_eq!(fixture.get("/workers/scripts/web/routes").await.ok(), json!([]));

    // One by one, as older clients do.
    let body = json!({ "pattern": "new.example.com/*", "script": "web" }).to_string();
    let token = Some(fixture.token.as_str());
    let added = fixture.send(Method::POST, &in_zone, token, &[], body).await.ok();
    let one = format!("{in_zone}/{}", added["id"].as_str().expect("an id"));
    let body = json!({ "pattern": "newer.example.com/*", "script": "api" }).to_string();
    let changed = fixture.send(Method::PUT, &one, token, &[], body).await.ok();
    assert_eq!(changed["script"], "api");
    let one = format!("{in_zone}/{}", changed["id"].as_str().expect("an id"));
    fixture.send(Method::DELETE, &one, token, &[], "").await.ok();
    assert_eq!(routes().await.ok().as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn the_operator_gives_and_takes_zones() {
    let fixture = Fixture::start().await;
    fixture.hello("api").await;
    let body = json!({ "name": "given.org", "account": fixture.account }).to_string();
    let zones = "/api/v1/zones";
    let refused = fixture.send(Method::POST, zones, Some(&fixture.token), &[], body.clone()).await;
    assert_eq!(refused.code(), 10000);
    let zone = fixture.send(Method::POST, zones, Some("control"), &[], body).await.ok();
    fixture.put("/workers/scripts/api/routes", json!([{ "pattern": "a.given.org/*" }])).await.ok();
    let list = fixture.send(Method::GET, zones, Some("control"), &[], "").await.ok();
    assert_eq!(list.as_array().map(Vec::len), Some(1));
    let one = format!("{zones}/{}", zone["id"].as_str().expect("an id"));
    fixture.send(Method::DELETE, &one, Some("control"), &[], "").await.ok();
    assert_eq!(fixture.get("/workers/scripts/api/routes").await.ok(), json!([]));
}

#[tokio::test]
async fn domains_are_compared_and_replaced() {
    let fixture = Fixture::start().await;
    fixture.hello("api").await;
    fixture.hello("web").await;
    let put = |worker: &'static str, force: bool, hosts: &'static [&'static str]| {
        let origins: Vec<Value> = hosts
            .iter()
            .map(|host| json!({ "hostname": host, "zone_name": "example.com" }))
            .collect();
        let body = json!({ "override_scope": true, "override_existing_origin": force,
            "override_existing_dns_record": force, "origins": origins });
        let fixture = &fixture;
        let path = format!("/workers/scripts/{worker}/domains/records");
        async move { fixture.put(&path, body).await }
    };
    put("api", false, &["a.example.com", "b.example.com"]).await.ok();
    let body = json!([{ "hostname": "B.example.com" }, { "hostname": "c.example.com" }]);
    let path = "/workers/scripts/api/domains/changeset?replace_state=true";
    let changes = fixture.post(path, body).await.ok();
    let hosts = |key: &str| -> Vec<String> {
        let list = changes[key].as_array().expect("a list");
        list.iter().map(|item| item["hostname"].as_str().expect("a host").to_owned()).collect()
    };
    assert_eq!(hosts("added"), ["c.example.com"]);
    assert_eq!(hosts("removed"), ["a.example.com"]);
    assert_eq!(hosts("updated"), ["b.example.com"]);
    let body = json!([{ "hostname": "a.example.com" }]);
    let path = "/workers/scripts/web/domains/changeset?replace_state=true";
    let conflict = fixture.post(path, body).await.ok()["conflicting"][0].clone();
    assert_eq!(conflict["service"], "api");
    let id = conflict["id"].as_str().expect("an id");
    let one = format!("/workers/domains/records/{id}");
    assert_eq!(fixture.get(&one).await.ok()["hostname"], "a.example.com");
    assert_eq!(put("web", false, &["a.example.com"]).await.code(), 100_117);
    put("web", true, &["a.example.com"]).await.ok();
    let list = fixture.get("/workers/domains/records?page=0&per_page=5&service=api").await.ok();
    assert_eq!(list.as_array().map(Vec::len), Some(1));
    assert_eq!(put("web", true, &["x.edge.test"]).await.code(), 100_117);
    assert_eq!(put("web", true, &["not a host"]).await.status, 400);
    let (_, foreign) = fixture.other();
    let refused = fixture.send(Method::DELETE, &fixture.path(&one), Some(&foreign), &[], "").await;
    assert_eq!(refused.code(), 10000);
}

#[tokio::test]
async fn schedules_are_checked_and_replaced() {
    let fixture = Fixture::start().await;
    fixture.hello("api").await;
    let path = "/workers/scripts/api/schedules";
    let body = json!([{ "cron": "*/5 * * * *" }, { "cron": "0 0 * * MON" }]);
    let set = fixture.put(path, body).await.ok();
    assert_eq!(set["schedules"][0]["cron"], "*/5 * * * *");
    for cron in ["", "* * * *", "61 * * * *", "* * * * * *", "every day"] {
        let got = fixture.put(path, json!([{ "cron": "1 * * * *" }, { "cron": cron }])).await;
        assert_eq!(got.code(), 10100, "{cron}");
    }
    let list = fixture.get(path).await.ok();
    assert_eq!(list["schedules"].as_array().map(Vec::len), Some(2), "nothing was changed");
    fixture.put(path, json!([])).await.ok();
    assert_eq!(fixture.get(path).await.ok()["schedules"], json!([]));
    assert_eq!(fixture.put("/workers/scripts/none/schedules", json!([])).await.code(), 10007);
}
