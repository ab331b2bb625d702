//! Who may do what.

use http::{Method, StatusCode};
use selvedge_deployments::Scope;
use serde_json::json;

use super::fixture::Fixture;
use crate::table::{Need, calls};

/// The path of a call in an account, with names of things that are there.
fn filled(pattern: &str, account: &str) -> String {
    let parts: Vec<&str> = pattern
        .split('/')
        .map(|part| match part {
            ":account" => account,
            ":script" => "api",
            ":environment" => "production",
            part if part.starts_with(':') => "x",
            part => part,
        })
        .collect();
    parts.join("/")
}

fn method(name: &str) -> Method {
    name.parse().expect("a method")
}

#[tokio::test]
async fn no_call_is_answered_for_a_foreign_token() {
    let fixture = Fixture::start().await;
    fixture.hello("api").await;
    let (_, foreign) = fixture.other();
    let own = fixture.account.to_string();
    let mut walked = 0;
    for (name, pattern, need) in calls() {
        if !matches!(need, Need::Account(_) | Need::Either(..)) {
            continue;
        }
        walked += 1;
        let path = filled(pattern, &own);
        let real = fixture.send(method(name), &path, Some(&foreign), &[], "{}").await;
        assert_eq!((real.status, real.code()), (StatusCode::FORBIDDEN, 10000), "{name} {path}");
        // It is told the same of an account that is not there.
        let path = filled(pattern, &"f".repeat(32));
        let none = fixture.send(method(name), &path, Some(&foreign), &[], "{}").await;
        assert_eq!((none.status, &none.body), (real.status, &real.body), "{name} {path}");
    }
    assert!(walked > 60, "{walked}");
    assert!(fixture.get("/workers/services/api").await.status.is_success(), "nothing was changed");
}

#[tokio::test]
async fn no_call_is_answered_without_a_token_or_with_one_that_is_none() {
    let fixture = Fixture::start().await;
    for (name, pattern, need) in calls() {
        if need == Need::Nothing {
            continue;
        }
        let path = filled(pattern, fixture.account.as_str());
        let got = fixture.send(method(name), &path, None, &[], "{}").await;
        assert_eq!((got.status, got.code()), (StatusCode::UNAUTHORIZED, 9106), "{name} {path}");
        let got = fixture.send(method(name), &path, Some("slv_nope"), &[], "{}").await;
        let refused = [StatusCode::UNAUTHORIZED, StatusCode::TOO_MANY_REQUESTS];
        assert!(refused.contains(&got.status), "{name} {path}: {got:?}");
    }
}

#[tokio::test]
async fn each_call_needs_its_scope() {
    let fixture = Fixture::start().await;
    let tokens: Vec<(Scope, String)> =
        Scope::ALL.into_iter().map(|scope| (scope, fixture.token(&[scope]))).collect();
    for (name, pattern, need) in calls() {
        let path = filled(pattern, fixture.account.as_str());
        for (scope, token) in &tokens {
            let scopes = selvedge_deployments::Scopes::new([*scope]);
            let allowed = match need {
                Need::Account(needed) => scopes.allow(needed),
                Need::Either(one, other) => scopes.allow(one) || scopes.allow(other),
                Need::Operator => false,
                Need::Nothing | Need::Token => continue,
            };
            if allowed {
                continue;
            }
            let got = fixture.send(method(name), &path, Some(token), &[], "{}").await;
            let told = (got.status, got.code());
            assert_eq!(told, (StatusCode::FORBIDDEN, 10000), "{scope}: {name} {path}");
        }
    }
}

#[tokio::test]
async fn zones_and_routes_of_another_account_are_not_there() {
    let fixture = Fixture::start().await;
    fixture.hello("api").await;
    let body = json!([{ "pattern": "shop.example.com/*", "zone_name": "example.com" }]);
    let routes = fixture.put("/workers/scripts/api/routes", body).await.ok();
    let zones = fixture.send(Method::GET, "/client/v4/zones", Some(&fixture.token), &[], "").await;
    let zone = zones.ok()[0]["id"].as_str().expect("an id").to_owned();
    let (other, foreign) = fixture.other();
    let foreign = Some(foreign.as_str());
    for path in [
        "/client/v4/zones".to_owned(),
        "/client/v4/zones?name=example.com".to_owned(),
        "/client/v4/zones?name=shop.example.com".to_owned(),
        format!("/client/v4/zones?name=example.com&account.id={other}"),
        format!("/client/v4/zones/{zone}/workers/routes"),
    ] {
        let got = fixture.send(Method::GET, &path, foreign, &[], "").await;
        assert_eq!(got.ok(), json!([]), "{path}");
    }
    let path = format!("/client/v4/zones?account.id={}", fixture.account);
    assert_eq!(fixture.send(Method::GET, &path, foreign, &[], "").await.code(), 10000);
    let path = format!("/client/v4/zones/{zone}");
    assert_eq!(fixture.send(Method::GET, &path, foreign, &[], "").await.code(), 1001);
    let route = routes[0]["id"].as_str().expect("an id");
    let path = format!("/client/v4/zones/{zone}/workers/routes/{route}");
    assert_eq!(fixture.send(Method::DELETE, &path, foreign, &[], "").await.code(), 10008);
    let body = json!({ "pattern": "shop.example.com/x", "script": "api" }).to_string();
    let path = format!("/client/v4/zones/{zone}/workers/routes");
    assert_eq!(fixture.send(Method::POST, &path, foreign, &[], body).await.code(), 10007);
}

#[tokio::test]
async fn too_many_tokens_that_are_none_have_to_wait_and_real_ones_do_not() {
    let fixture = Fixture::start().await;
    let path = "/client/v4/user/tokens/verify";
    let first = fixture.send(Method::GET, path, Some("slv_x"), &[], "").await;
    assert_eq!((first.status, first.code()), (StatusCode::UNAUTHORIZED, 1000));
    let mut last = first;
    for _ in 0..25 {
        last = fixture.send(Method::GET, path, Some("slv_x"), &[], "").await;
    }
    assert_eq!(last.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(last.headers.contains_key("retry-after"));
    let real = fixture.send(Method::GET, path, Some(&fixture.token), &[], "").await.ok();
    assert_eq!(real["status"], "active");
}

#[tokio::test]
async fn accounts_and_tokens_are_made_by_those_who_may() {
    let fixture = Fixture::start().await;
    let control = Some("control");
    let body = json!({ "name": "New", "subdomain": "new" }).to_string();
    let path = "/client/v4/accounts";
    let refused = fixture.send(Method::POST, path, Some(&fixture.token), &[], body.clone()).await;
    assert_eq!(refused.code(), 10000);
    let made = fixture.send(Method::POST, path, control, &[], body.clone()).await.ok();
    assert_eq!(made["domain"], "new.edge.test");
    assert_eq!(fixture.send(Method::POST, path, control, &[], body).await.status, 409);
    let all = fixture.send(Method::GET, path, control, &[], "").await.ok();
    assert_eq!(all.as_array().map(Vec::len), Some(2));
    let own = fixture.send(Method::GET, path, Some(&fixture.token), &[], "").await.ok();
    assert_eq!(own.as_array().map(Vec::len), Some(1));

    let body = json!({ "name": "ci", "scopes": ["deploy"], "expires_on": "2100-01-01T00:00:00Z" });
    let token = fixture.post("/tokens", body).await.ok();
    let secret = token["value"].as_str().expect("a secret");
    assert!(secret.starts_with("slv_") && secret.len() == 47, "{secret}");
    let path = fixture.path("/workers/scripts");
    assert!(fixture.send(Method::GET, &path, Some(secret), &[], "").await.status.is_success());
    let list = fixture.get("/tokens").await;
    assert!(!String::from_utf8_lossy(&list.body).contains(secret), "it is shown once");
    let id = token["id"].as_str().expect("an id");
    fixture.delete(&format!("/tokens/{id}")).await.ok();
    assert_eq!(fixture.send(Method::GET, &path, Some(secret), &[], "").await.code(), 9109);
    for body in [
        json!({ "name": "x", "scopes": [] }),
        json!({ "name": "x", "scopes": ["root"] }),
        json!({ "name": "", "scopes": ["read"] }),
        json!({ "name": "x", "scopes": ["read"], "expires_on": "2001-01-01T00:00:00Z" }),
        json!({ "name": "x", "scopes": ["read"], "expires_on": "soon" }),
    ] {
        assert_eq!(fixture.post("/tokens", body.clone()).await.status, 400, "{body}");
    }

    let path = format!("/client/v4/accounts/{}", fixture.account);
    fixture.hello("api").await;
    let held = fixture.send(Method::DELETE, &path, control, &[], "").await;
    assert_eq!(held.code(), 10064);
    fixture.send(Method::DELETE, &format!("{path}?force=true"), control, &[], "").await.ok();
    assert_eq!(fixture.get("/workers/scripts").await.code(), 9109, "its tokens went with it");
}

#[tokio::test]
async fn whoami_is_answered() {
    let fixture = Fixture::start().await;
    for path in ["/client/v4/user", "/client/v4/memberships?page=1", "/client/v4/accounts"] {
        fixture.send(Method::GET, path, Some(&fixture.token), &[], "").await.ok();
    }
    let verified = fixture.get("/tokens/verify").await.ok();
    assert_eq!((&verified["status"], &verified["scopes"]), (&json!("active"), &json!(["admin"])));
}

#[tokio::test]
async fn what_is_no_call_is_said_in_the_envelope() {
    let fixture = Fixture::start().await;
    for path in ["/client/v4/nothing", "/api/v1/nothing", "/client", "/nothing"] {
        let got = fixture.send(Method::GET, path, None, &[], "").await;
        assert_eq!((got.status, got.code()), (StatusCode::NOT_FOUND, 7003), "{path}");
    }
    let got = fixture.get("/vectorize/v2/indexes").await;
    assert_eq!((got.code(), got.message().as_str()), (7003, "this server has no Vectorize"));
    let got = fixture.send(Method::PUT, "/client/v4/user", None, &[], "").await;
    assert_eq!((got.status, got.code()), (StatusCode::METHOD_NOT_ALLOWED, 7001));
    let path = fixture.path("/storage/kv/namespaces");
    let got = fixture.send(Method::POST, &path, Some(&fixture.token), &[], "{").await;
    assert_eq!((got.status, got.code()), (StatusCode::BAD_REQUEST, 6007));
}

#[tokio::test]
async fn figures_logs_and_changes_are_of_the_account() {
    let fixture = Fixture::start().await;
    let own = fixture.account.to_string();
    let get = |path: String, token: String| {
        let fixture = &fixture;
        async move { fixture.send(Method::GET, &path, Some(&token), &[], "").await }
    };
    let token = fixture.token.clone();
    assert_eq!(get("/api/v1/figures".into(), token.clone()).await.ok()["of"], json!(own));
    assert!(get("/api/v1/figures".into(), "control".into()).await.ok()["of"].is_null());
    let path = format!("/api/v1/accounts/{own}/logs?worker=a&from=1&to=2026-01-01T00:00:00Z");
    assert_eq!(get(path, token.clone()).await.ok()["events"][0]["account"], json!(own));
    let path = format!("/api/v1/accounts/{own}/logs?from=never");
    assert_eq!(get(path, token.clone()).await.code(), 10004);
    fixture.hello("api").await;
    let rows = get(format!("/api/v1/accounts/{own}/audit"), token.clone()).await.ok();
    assert_eq!(
        (&rows[0]["action"], &rows[0]["actor"]),
        (&json!("deployment.create"), &json!("test"))
    );
    assert_eq!(get("/api/v1/audit".into(), token).await.code(), 10000);
    let metrics = fixture.send(Method::GET, "/metrics", None, &[], "").await;
    assert_eq!(metrics.body, "selvedge_up 1\n");
    let behind = [("x-forwarded-for", "203.0.113.9")];
    assert_eq!(fixture.send(Method::GET, "/metrics", None, &behind, "").await.code(), 9106);
    assert_eq!(fixture.send(Method::GET, "/readyz", None, &[], "").await.status, 200);
}
