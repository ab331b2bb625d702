//! Accounts are strangers to each other.

use super::server::{DOMAIN, Setup, Upload, says};

const CALLS: &str = "export default { async fetch(request, env) {
  try { return await env.OTHER.fetch(request); }
  catch (error) { return new Response('refused: ' + error.message, { status: 503 }); }
} };";

fn service(name: &str) -> serde_json::Value {
    serde_json::json!({ "name": "OTHER", "type": "service", "service": name })
}

#[test]
fn the_same_name_in_two_accounts_is_two_workers() {
    let serve = Setup::new().start();
    let second = serve.new_account("Second", None);
    serve.deploy("api", &says("of the first"));
    let key = serve.key_of(&second, "api");
    serve.upload(&key, Upload::new(&says("of the second")), true);
    assert_eq!(serve.ask("api", "/").text(), "of the first");
    let label = serve.store.account(&second).expect("it answers").expect("it is there").subdomain;
    let label = label.expect("a second account has a label");
    assert_eq!(serve.get(&format!("api.{label}.{DOMAIN}"), "/").text(), "of the second");
    serve.delete(&serve.key("api"));
    assert_eq!(serve.ask("api", "/").status, 404);
    assert_eq!(serve.get(&format!("api.{label}.{DOMAIN}"), "/").text(), "of the second");
}

#[test]
fn service_bindings_lead_to_workers_of_the_same_account() {
    let serve = Setup::new().start();
    let second = serve.new_account("Second", None);
    serve.deploy("target", &says("the target of the first"));
    serve.upload(&serve.key("caller"), Upload::new(CALLS).binding(service("target")), true);
    assert_eq!(serve.ask("caller", "/").text(), "the target of the first");
    // The second account has no Worker of that name.
    let key = serve.key_of(&second, "caller");
    serve.upload(&key, Upload::new(CALLS).binding(service("target")), true);
    serve.routes(&key, &["second.example/*"]);
    let response = serve.get("second.example", "/");
    assert_eq!(response.status, 503);
    assert!(response.text().contains("\"target\""), "{}", response.text());
    assert!(response.text().contains("is not deployed"), "{}", response.text());
}

#[test]
fn a_name_that_is_written_with_an_account_leads_nowhere() {
    let serve = Setup::new().start();
    let second = serve.new_account("Second", None);
    serve.deploy("target", &says("secret of the first"));
    let key = serve.key_of(&second, "caller");
    for name in [
        serve.key("target").to_string(),
        format!("../{}", serve.key("target")),
        format!("{}/{}", second, serve.key("target")),
    ] {
        serve.upload(&key, Upload::new(CALLS).binding(service(&name)), true);
        serve.routes(&key, &["second.example/*"]);
        let response = serve.get("second.example", "/");
        assert_eq!(response.status, 503, "{name}: {}", response.text());
    }
}

#[test]
fn a_kv_namespace_of_another_account_is_not_bound() {
    let serve = Setup::new().start();
    let by = selvedge_deployments::audit::Actor::operator();
    let second = serve.new_account("Second", None);
    let own = serve.store.create_kv(&serve.account, "data", &by).expect("a namespace").id;
    let kv = serde_json::json!({ "name": "KV", "type": "kv_namespace", "namespace_id": own });
    let source = "export default { async fetch(request, env) {
      if (request.url.endsWith('/put')) await env.KV.put('key', 'value');
      return new Response(await env.KV.get('key'));
    } };";
    serve.upload(&serve.key("store"), Upload::new(source).binding(kv.clone()), true);
    assert_eq!(serve.ask("store", "/put").text(), "value");
    let key = serve.key_of(&second, "thief");
    let blob = source.as_bytes();
    serve.store.put_blob(blob).expect("a blob is stored");
    // The store refuses to keep such a version; were it there, it would not start.
    let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        serve.upload(&key, Upload::new(source).binding(kv), true);
    }));
    if refused.is_ok() {
        serve.routes(&key, &["second.example/*"]);
        let response = serve.get("second.example", "/");
        assert_eq!(response.status, 500, "{}", response.text());
    }
    assert_eq!(serve.ask("store", "/").text(), "value");
}

#[test]
fn methods_are_called_within_the_account() {
    let serve = Setup::new().start();
    serve.deploy(
        "target",
        "import { WorkerEntrypoint } from 'cloudflare:workers';
         export class Adder extends WorkerEntrypoint { add(a, b) { return a + b; } }
         export default { fetch: () => new Response('x') };",
    );
    let adder = serde_json::json!({ "name": "ADDER", "type": "service", "service": "target",
        "entrypoint": "Adder" });
    let source = "export default { async fetch(request, env) {
      return new Response(String(await env.ADDER.add(2, 3)));
    } };";
    serve.upload(&serve.key("caller"), Upload::new(source).binding(adder), true);
    for _ in 0..3 {
        assert_eq!(serve.ask("caller", "/").text(), "5");
    }
}
