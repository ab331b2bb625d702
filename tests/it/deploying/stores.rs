//! A Worker with a database, a bucket and a queue that the account does not have yet:
//! `selvedge deploy` makes them, and says who takes the queue's messages.

use super::Served;
use crate::harness::eventually;

const WORKER: &str = r#"export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === "/add") {
      await env.DB.exec("CREATE TABLE IF NOT EXISTS t (x INTEGER)");
      await env.DB.prepare("INSERT INTO t VALUES (?)").bind(5).run();
      await env.JOBS.send({ x: 5 });
      return new Response("added");
    }
    const sum = await env.DB.prepare("SELECT sum(x) AS sum FROM t").first("sum");
    const done = await env.FILES.get("done");
    return Response.json([sum, done === null ? null : await done.text()]);
  },
  async queue(batch, env) {
    await env.FILES.put("done", JSON.stringify(batch.messages.map((message) => message.body)));
  },
};
"#;

const CONFIG: &str = r#"{
  "name": "shop",
  "main": "worker.js",
  "compatibility_date": "2026-11-01",
  "d1_databases": [{ "binding": "DB", "database_name": "goods" }],
  "r2_buckets": [{ "binding": "FILES", "bucket_name": "shop-files" }],
  "queues": {
    "producers": [{ "binding": "JOBS", "queue": "shop-jobs" }],
    "consumers": [{ "queue": "shop-jobs", "max_batch_timeout": 1, "dead_letter_queue": "shop-dead" }]
  }
}
"#;

#[test]
fn what_a_worker_stores_in_is_made_and_used() {
    let served = Served::start();
    let files = [("worker.js", WORKER), ("wrangler.json", CONFIG)];
    let (folder, _) = served.deploy(&files);
    let host = served.host("shop");
    assert_eq!(served.get(&host, "/add").text(), "added");
    eventually("the consumer has stored what it got", || {
        (served.get(&host, "/").text() == r#"[5,"[{\"x\":5}]"]"#).then_some(())
    });
    // The next one finds all of it there.
    let said = served.selvedge(folder.path(), &["deploy"]);
    assert!(said.ok && !said.stderr.contains("Created"), "{}{}", said.stdout, said.stderr);
    assert_eq!(served.get(&host, "/").text(), r#"[5,"[{\"x\":5}]"]"#);
    let queues = served.api(&format!("/client/v4/accounts/{}/queues", served.account)).json();
    let names: Vec<_> = queues["result"].as_array().expect("a list").iter().collect();
    assert_eq!(names.len(), 2, "{queues}");
}
