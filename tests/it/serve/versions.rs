use super::server::{DOMAIN, Serve, Setup, Upload, get, says};
use selvedge_deployments::VersionId;

fn two() -> (Serve, VersionId, VersionId) {
    let serve = Setup::new().start();
    let old = serve.deploy("app", &says("old"));
    let new = serve.upload(&serve.key("app"), Upload::new(&says("new")), false);
    (serve, old, new)
}

fn count(serve: &Serve, wanted: &str, headers: impl Fn(usize) -> String) -> usize {
    let host = format!("app.{DOMAIN}");
    let mut client = serve.connect();
    (0..400)
        .filter(|turn| {
            let key = headers(*turn);
            let headers = [("cloudflare-workers-version-key", key.as_str())];
            let headers = if key.is_empty() { &[][..] } else { &headers };
            get(&mut client, &host, "/", headers).text() == wanted
        })
        .count()
}

#[test]
fn versions_get_their_share_of_requests() {
    let (serve, old, new) = two();
    assert_eq!(count(&serve, "old", |_| String::new()), 400, "only what is deployed serves");
    serve.shares("app", &[(old, 75.0), (new, 25.0)]);
    let found = count(&serve, "new", |_| String::new());
    assert!((50..150).contains(&found), "{found} of 400");
    let found = count(&serve, "new", |turn| format!("user-{turn}"));
    assert!((50..150).contains(&found), "{found} of 400");
    serve.shares("app", &[(new, 100.0)]);
    assert_eq!(count(&serve, "new", |_| String::new()), 400);
    // And back.
    serve.shares("app", &[(old, 100.0)]);
    assert_eq!(count(&serve, "old", |_| String::new()), 400);
}

#[test]
fn the_same_key_gets_the_same_version() {
    let (serve, old, new) = two();
    serve.shares("app", &[(old, 50.0), (new, 50.0)]);
    for key in ["a", "b", "c", "d"] {
        let found = count(&serve, "new", |_| key.to_owned());
        assert!(found == 0 || found == 400, "{key}: {found}");
    }
}

#[test]
fn a_version_of_the_deployment_can_be_asked_for_by_its_id() {
    let (serve, old, new) = two();
    let ask = |version: VersionId| {
        let value = format!("app=\"{version}\"");
        let headers = [("Cloudflare-Workers-Version-Overrides", value.as_str())];
        get(&mut serve.connect(), "app.edge.test", "/", &headers).text()
    };
    assert_eq!(ask(new), "old", "it has no part in the deployment");
    serve.shares("app", &[(old, 100.0), (new, 0.0)]);
    assert_eq!(ask(new), "new");
    assert_eq!(ask(old), "old");
    assert_eq!(serve.ask("app", "/").text(), "old");
}

#[test]
fn each_version_has_a_host_of_its_own() {
    let (serve, old, new) = two();
    let ask = |version: VersionId| serve.get(&format!("{}-app.{DOMAIN}", version.short()), "/");
    assert_eq!(ask(new).text(), "new");
    assert_eq!(ask(old).text(), "old");
    assert_eq!(serve.ask("app", "/").text(), "old");
    assert_eq!(serve.get("00000000-app.edge.test", "/").status, 404);
    let by = selvedge_deployments::audit::Actor::operator();
    serve.store.set_workers_dev(&serve.key("app"), true, false, &by).expect("it is set");
    serve.apply(&serve.key("app"));
    assert_eq!(ask(new).status, 404, "previews are off");
}

#[test]
fn a_version_knows_itself() {
    let serve = Setup::new().start();
    let upload = Upload::new(
        "export default { fetch: (request, env) => Response.json([env.VERSION, env.TEXT, env.JSON,
           env.SECRET, env.BLOB]) };",
    )
    .module("blob.txt", selvedge_deployments::ModuleKind::Text, b"a blob")
    .binding(serde_json::json!({ "name": "VERSION", "type": "version_metadata" }))
    .binding(serde_json::json!({ "name": "TEXT", "type": "plain_text", "text": "t" }))
    .binding(serde_json::json!({ "name": "JSON", "type": "json", "json": { "a": [1] } }))
    .binding(serde_json::json!({ "name": "BLOB", "type": "text_blob", "part": "blob.txt" }))
    .secret("SECRET", "s3cret");
    let version = serve.upload(&serve.key("app"), upload, true);
    let answer = serve.ask("app", "/").json();
    assert_eq!(answer[0]["id"], version.to_string());
    assert_eq!(answer[1], "t");
    assert_eq!(answer[2], serde_json::json!({ "a": [1] }));
    assert_eq!(answer[3], "s3cret");
    assert_eq!(answer[4], "a blob");
}

#[test]
fn the_old_syntax_and_other_modules_work() {
    let serve = Setup::new().start();
    let script = "addEventListener('fetch', (event) => event.respondWith(new Response(GREETING)));";
    let upload = Upload::new(script)
        .binding(serde_json::json!({ "name": "GREETING", "type": "plain_text", "text": "hello" }))
        .edit(|content| {
            content.script = selvedge_deployments::Script::ServiceWorker("index.js".to_owned());
            content.modules[0].kind = selvedge_deployments::ModuleKind::CommonJs;
        });
    serve.upload(&serve.key("script"), upload, true);
    assert_eq!(serve.ask("script", "/").text(), "hello");
    let upload = Upload::new(
        "import text from './a/text.txt'; import { b } from './b.mjs';
         export default { fetch: () => new Response(text + b) };",
    )
    .module("a/text.txt", selvedge_deployments::ModuleKind::Text, b"text ")
    .module("b.mjs", selvedge_deployments::ModuleKind::EsModule, b"export const b = 'b';");
    serve.upload(&serve.key("modules"), upload, true);
    assert_eq!(serve.ask("modules", "/").text(), "text b");
}
