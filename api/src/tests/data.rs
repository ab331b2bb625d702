//! KV.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::fixture::{Fixture, form, unix_ms};

const NAMESPACES: &str = "/storage/kv/namespaces";

async fn namespace(fixture: &Fixture, title: &str) -> String {
    let made = fixture.post(NAMESPACES, json!({ "title": title })).await.ok();
    assert_eq!((&made["title"], &made["supports_url_encoding"]), (&json!(title), &json!(true)));
    format!("{NAMESPACES}/{}", made["id"].as_str().expect("an id"))
}

#[tokio::test]
async fn namespaces_are_made_renamed_and_deleted() {
    let fixture = Fixture::start().await;
    let path = namespace(&fixture, "cache").await;
    let taken = fixture.post(NAMESPACES, json!({ "title": "cache" })).await;
    assert_eq!((taken.status, taken.code()), (StatusCode::CONFLICT, 10014));
    namespace(&fixture, "another").await;
    let list = fixture.get(&format!("{NAMESPACES}?per_page=1&page=2&order=title")).await;
    assert_eq!(list.ok()[0]["title"], "cache");
    assert_eq!(list.json()["result_info"]["total_count"], 2);
    fixture.put(&path, json!({ "title": "renamed" })).await.ok();
    assert_eq!(fixture.get(&path).await.ok()["title"], "renamed");
    fixture.delete(&path).await.ok();
    assert_eq!(fixture.get(&path).await.code(), 10013);
    assert_eq!(fixture.get(&format!("{path}/keys")).await.code(), 10013);
}

#[tokio::test]
async fn values_are_raw_and_keys_may_be_anything() {
    let fixture = Fixture::start().await;
    let path = namespace(&fixture, "cache").await;
    let token = Some(fixture.token.as_str());
    let key = fixture.path(&format!("{path}/values/a%2Fb%20%3F%C3%BC"));
    let bytes: Vec<u8> = (0..=255).collect();
    let expiration = unix_ms() / 1000 + 1000;
    let put = format!("{key}?expiration={expiration}");
    fixture.send(Method::PUT, &put, token, &[], bytes.clone()).await.ok();
    let got = fixture.send(Method::GET, &key, token, &[], "").await;
    assert_eq!(
        (&got.body[..], got.headers["content-length"].as_bytes()),
        (&bytes[..], &b"256"[..])
    );
    assert_eq!(got.headers["expiration"], expiration.to_string().as_str());

    let parts = [("value", "", &b"v"[..]), ("metadata", "", b"{\"a\": [1]}")];
    let headers = [("content-type", "multipart/form-data; boundary=X")];
    let with = fixture.path(&format!("{path}/values/m"));
    fixture.send(Method::PUT, &with, token, &headers, form(&parts)).await.ok();
    assert_eq!(fixture.get(&format!("{path}/metadata/m")).await.ok(), json!({ "a": [1] }));
    let keys = fixture.get(&format!("{path}/keys")).await.ok();
    assert_eq!(
        keys,
        json!([{ "name": "a/b ?\u{fc}", "expiration": expiration },
        { "name": "m", "metadata": { "a": [1] } }])
    );
    fixture.delete(&format!("{path}/values/m")).await.ok();
    let gone = fixture.get(&format!("{path}/values/m")).await;
    assert_eq!((gone.status, gone.code()), (StatusCode::NOT_FOUND, 10009));

    let large = vec![b'x'; 3 * 1024 * 1024];
    let key = fixture.path(&format!("{path}/values/large"));
    fixture.send(Method::PUT, &key, token, &[], large.clone()).await.ok();
    assert_eq!(fixture.send(Method::GET, &key, token, &[], "").await.body, large);
}

#[tokio::test]
async fn lists_go_on_where_they_ended() {
    let fixture = Fixture::start().await;
    let path = namespace(&fixture, "cache").await;
    let pairs: Vec<Value> =
        (0..25).map(|n| json!({ "key": format!("k{n:02}"), "value": "v" })).collect();
    let done = fixture.put(&format!("{path}/bulk"), json!(pairs)).await.ok();
    assert_eq!(done["successful_key_count"], 25);
    let first = fixture.get(&format!("{path}/keys?limit=20&prefix=k")).await.json();
    assert_eq!(first["result_info"]["count"], 20);
    let cursor = first["result_info"]["cursor"].as_str().expect("a cursor").replace('=', "%3D");
    let next = fixture.get(&format!("{path}/keys?limit=20&prefix=k&cursor={cursor}")).await.json();
    assert_eq!(next["result_info"], json!({ "count": 5, "cursor": "" }));
    assert_eq!(next["result"][0]["name"], "k20");
    for query in ["limit=x", "limit=5000", "cursor=%00"] {
        let got = fixture.get(&format!("{path}/keys?{query}")).await;
        assert_eq!(got.status, StatusCode::BAD_REQUEST, "{query}");
    }
}

#[tokio::test]
async fn many_pairs_are_stored_read_and_deleted_at_once() {
    let fixture = Fixture::start().await;
    let path = namespace(&fixture, "cache").await;
    let body = json!([
        { "key": "a", "value": "1", "metadata": { "m": 1 } },
        { "key": "b", "value": "AAEC", "base64": true, "expiration_ttl": 600 },
        { "key": "j", "value": "{\"x\":1}" },
    ]);
    fixture.put(&format!("{path}/bulk"), body).await.ok();
    assert_eq!(fixture.get(&format!("{path}/values/b")).await.body, &b"\x00\x01\x02"[..]);
    let get = format!("{path}/bulk/get");
    let got = fixture.post(&get, json!({ "keys": ["a", "none"] })).await.ok();
    assert_eq!(got, json!({ "values": { "a": "1", "none": null } }));
    let body = json!({ "keys": ["a"], "withMetadata": true });
    let got = fixture.post(&get, body).await.ok();
    assert_eq!(got["values"]["a"], json!({ "value": "1", "metadata": { "m": 1 } }));
    let got = fixture.post(&get, json!({ "keys": ["j"], "type": "json" })).await.ok();
    assert_eq!(got["values"]["j"], json!({ "x": 1 }));

    // One that is wrong: none is stored.
    for wrong in [
        json!({ "key": "", "value": "v" }),
        json!({ "key": "x".repeat(600), "value": "v" }),
        json!({ "key": "w", "value": "!", "base64": true }),
        json!({ "key": "w", "value": "v", "expiration_ttl": 1 }),
    ] {
        let body = json!([{ "key": "new", "value": "v" }, wrong]);
        let got = fixture.put(&format!("{path}/bulk"), body).await;
        assert!(got.status.is_client_error(), "{wrong}");
        got.code();
    }
    assert_eq!(fixture.get(&format!("{path}/values/new")).await.code(), 10009);
    let bulk = fixture.path(&format!("{path}/bulk"));
    let token = Some(fixture.token.as_str());
    fixture.send(Method::DELETE, &bulk, token, &[], "[\"a\",\"b\"]").await.ok();
    fixture.post(&format!("{path}/bulk/delete"), json!(["j", "none"])).await.ok();
    assert_eq!(fixture.get(&format!("{path}/keys")).await.ok(), json!([]));
}

#[tokio::test]
async fn a_namespace_of_another_account_is_not_there() {
    let fixture = Fixture::start().await;
    let path = namespace(&fixture, "cache").await;
    let token = Some(fixture.token.as_str());
    let value = fixture.path(&format!("{path}/values/a"));
    fixture.send(Method::PUT, &value, token, &[], "secret").await.ok();
    let (other, foreign) = fixture.other();
    let theirs = format!("/client/v4/accounts/{other}{path}");
    for (method, rest) in [
        (Method::GET, ""),
        (Method::PUT, ""),
        (Method::DELETE, ""),
        (Method::GET, "/keys"),
        (Method::GET, "/values/a"),
        (Method::PUT, "/values/a"),
        (Method::DELETE, "/values/a"),
        (Method::GET, "/metadata/a"),
        (Method::PUT, "/bulk"),
        (Method::DELETE, "/bulk"),
        (Method::POST, "/bulk/get"),
    ] {
        let path = format!("{theirs}{rest}");
        let got = fixture.send(method.clone(), &path, Some(&foreign), &[], "[]").await;
        assert_eq!(got.code(), 10013, "{method} {rest}");
    }
    assert_eq!(fixture.send(Method::GET, &value, token, &[], "").await.body, "secret");
}

#[tokio::test]
async fn the_cache_is_purged_by_what_a_call_names() {
    use crate::host::CachePurge;
    let fixture = Fixture::start().await;
    let purged = || std::mem::take(&mut *fixture.host.purged.lock().expect("not poisoned"));
    let own = |purge: CachePurge| (fixture.account.clone(), purge);
    fixture.post("/cache/purge", json!({ "purge_everything": true })).await.ok();
    assert_eq!(purged(), [own(CachePurge::Everything)]);
    let body = json!({ "files": ["https://a.test/x", { "url": "https://a.test/y" }],
        "tags": ["t"], "hosts": ["b.test"], "prefixes": ["c.test/d"], "workers": ["w"] });
    fixture.post("/cache/purge", body).await.ok();
    let text = str::to_owned;
    assert_eq!(
        purged(),
        [
            CachePurge::Url(text("https://a.test/x")),
            CachePurge::Url(text("https://a.test/y")),
            CachePurge::Tag(text("t")),
            CachePurge::Prefix(text("b.test")),
            CachePurge::Prefix(text("c.test/d")),
            CachePurge::Worker(text("w")),
        ]
        .map(own)
    );
    for body in [
        json!({}),
        json!({ "purge_everything": true, "tags": ["t"] }),
        json!({ "tags": [""] }),
        json!({ "files": [5] }),
        json!({ "purge_everything": false }),
    ] {
        assert_eq!(fixture.post("/cache/purge", body.clone()).await.code(), 1094, "{body}");
    }
    assert_eq!(purged(), []);

    // By a zone, and not by one of another account's.
    fixture.hello("api").await;
    let body = json!([{ "pattern": "shop.example.com/*", "zone_name": "example.com" }]);
    fixture.put("/workers/scripts/api/routes", body).await.ok();
    let zones = fixture.send(Method::GET, "/client/v4/zones", Some(&fixture.token), &[], "").await;
    let zone = zones.ok()[0]["id"].as_str().expect("an id").to_owned();
    let path = format!("/client/v4/zones/{zone}/purge_cache");
    let body = json!({ "tags": ["t"] }).to_string();
    let (_, foreign) = fixture.other();
    let refused = fixture.send(Method::POST, &path, Some(&foreign), &[], body.clone()).await;
    assert_eq!(refused.code(), 1001);
    assert_eq!(purged(), []);
    fixture.send(Method::POST, &path, Some(&fixture.token), &[], body).await.ok();
    assert_eq!(purged(), [own(CachePurge::Tag(text("t")))]);
}
