use super::server::{Serve, Setup, Upload};
use crate::harness::eventually;

fn counter(version: &str) -> String {
    format!(
        "import {{ DurableObject }} from 'cloudflare:workers';
        export class Counter extends DurableObject {{
          memory = 0;
          async fetch(request) {{
            if (request.url.endsWith('/alarm')) await this.ctx.storage.setAlarm(Date.now() + 100);
            const count = ((await this.ctx.storage.get('count')) ?? 0) + 1;
            await this.ctx.storage.put('count', count);
            return Response.json([{version:?}, count, ++this.memory,
              await this.ctx.storage.get('alarm') ?? null]);
          }}
          async alarm() {{ await this.ctx.storage.put('alarm', {version:?}); }}
        }}
        export default {{ fetch(request, env) {{
          return env.COUNTER.get(env.COUNTER.idFromName('a')).fetch(request);
        }} }};"
    )
}

fn upload(version: &str) -> Upload {
    Upload::new(&counter(version)).binding(serde_json::json!({
        "name": "COUNTER", "type": "durable_object_namespace", "class_name": "Counter"
    }))
}

fn first(version: &str) -> Upload {
    upload(version).migrations(serde_json::json!({
        "new_tag": "v1", "steps": [{ "new_sqlite_classes": ["Counter"] }]
    }))
}

fn ask(serve: &Serve) -> serde_json::Value {
    serve.ask("app", "/").json()
}

#[test]
fn objects_are_handed_to_the_next_version() {
    let serve = Setup::new().start();
    serve.upload(&serve.key("app"), first("v1"), true);
    assert_eq!(ask(&serve), serde_json::json!(["v1", 1, 1, null]));
    assert_eq!(ask(&serve), serde_json::json!(["v1", 2, 2, null]));
    for (turn, version) in ["v2", "v3", "v4"].into_iter().enumerate() {
        serve.upload(&serve.key("app"), upload(version), true);
        // Its storage stays, its memory begins anew, and only the new code runs.
        assert_eq!(ask(&serve), serde_json::json!([version, 3 + turn, 1, null]));
    }
}

#[test]
fn one_version_at_a_time_has_the_objects() {
    let serve = Setup::new().start();
    let old = serve.upload(&serve.key("app"), first("v1"), true);
    let new = serve.upload(&serve.key("app"), upload("v2"), false);
    assert_eq!(ask(&serve)[0], "v1");
    serve.shares("app", &[(old, 50.0), (new, 50.0)]);
    // Whichever version takes the request, the newest one has the object.
    for count in 2..20 {
        let answer = ask(&serve);
        assert_eq!((&answer[0], &answer[1]), (&"v2".into(), &count.into()), "{answer}");
    }
    serve.shares("app", &[(old, 100.0)]);
    assert_eq!(ask(&serve)[0], "v1");
    assert_eq!(ask(&serve)[1], 21);
}

#[test]
fn an_alarm_starts_a_worker_that_has_no_isolate() {
    let serve = Setup::with("[isolates]\nidle_seconds = 1\nobject_idle_seconds = 1").start();
    serve.upload(&serve.key("app"), first("v1"), true);
    assert_eq!(serve.ask("app", "/alarm").json()[3], serde_json::Value::Null);
    eventually("the alarm goes off", || (ask(&serve)[3] == "v1").then_some(()));
    // And after a restart, with nobody who asks.
    serve.ask("app", "/alarm");
    let serve = serve.stop().start();
    eventually("the alarm goes off", || (ask(&serve)[3] == "v1").then_some(()));
}

#[test]
fn another_worker_of_the_account_reaches_the_objects_and_other_accounts_do_not() {
    let serve = Setup::new().start();
    serve.upload(&serve.key("app"), first("v1"), true);
    let source = "export default { fetch(request, env) {
      return env.COUNTER.get(env.COUNTER.idFromName('a')).fetch(request);
    } };";
    let binding = serde_json::json!({
        "name": "COUNTER", "type": "durable_object_namespace",
        "class_name": "Counter", "script_name": "app"
    });
    serve.upload(&serve.key("other"), Upload::new(source).binding(binding.clone()), true);
    assert_eq!(serve.ask("other", "/").json()[1], 1);
    assert_eq!(ask(&serve)[1], 2);
    let second = serve.new_account("Second", None);
    let key = serve.key_of(&second, "thief");
    serve.upload(&key, Upload::new(source).binding(binding), true);
    serve.routes(&key, &["second.example/*"]);
    assert_eq!(serve.get("second.example", "/").status, 500);
    assert_eq!(ask(&serve)[1], 3);
}
