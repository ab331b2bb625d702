//! Analytics Engine on a server: its SQL API, with tokens, and `selvedge analytics`.

use serde_json::json;

use super::Served;
use crate::harness::eventually;

const WORKER: &str = "export default { fetch(request, env) {
  env.EVENTS.writeDataPoint({ blobs: [new URL(request.url).pathname] });
  return new Response('written');
} };";
const CONFIG: &str = r#"{ "name": "points", "main": "worker.js", "compatibility_date": "2026-11-01",
  "analytics_engine_datasets": [{ "binding": "EVENTS", "dataset": "events" }] }"#;

#[test]
fn a_token_asks_about_its_account() {
    let served = Served::start();
    let (folder, _) = served.deploy(&[("worker.js", WORKER), ("wrangler.json", CONFIG)]);
    assert_eq!(served.get(&served.host("points"), "/seen").text(), "written");
    let sql = "SELECT blob1 AS path FROM events";
    let path = format!("/client/v4/accounts/{}/analytics_engine/sql", served.account);
    let path = format!("{path}?query={}", sql.replace(' ', "%20"));
    let answer = eventually("the point is there", || {
        let answer = served.api(&path).json();
        (answer["rows"] == 1).then_some(answer)
    });
    assert_eq!(answer["data"], json!([{ "path": "/seen" }]));
    let said = served.selvedge(folder.path(), &["analytics", "query", sql, "--remote", "--json"]);
    assert!(said.ok, "{}", said.stderr);
    assert_eq!(said.json()["data"], json!([{ "path": "/seen" }]));
    let said =
        served.selvedge(folder.path(), &["analytics", "query", "SELECT x FROM events", "--remote"]);
    assert!(!said.ok && said.stderr.contains("x"), "{}{}", said.stdout, said.stderr);
    // A token of another account sees nothing of it.
    let other = "0".repeat(32);
    let refused =
        served.api(&format!("/client/v4/accounts/{other}/analytics_engine/sql?query=SELECT%201"));
    assert_eq!(refused.status, 403, "{}", refused.text());
}
