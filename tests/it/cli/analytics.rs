//! `selvedge analytics`: questions about what a Worker has written.

use serde_json::json;

use super::{folder, run};
use crate::harness::Program;

const CONFIG: &str = "\
main = \"worker.js\"
[[analytics_engine_datasets]]
binding = \"EVENTS\"
dataset = \"events\"
";
const WORKER: &str = "\
export default {
  fetch(request, env) {
    const { pathname } = new URL(request.url);
    env.EVENTS.writeDataPoint({ indexes: ['a'], blobs: [pathname], doubles: [1.5] });
    return new Response('written');
  },
};
";

#[test]
fn points_are_asked_for() {
    let project = folder(&[("wrangler.toml", CONFIG), ("worker.js", WORKER)]);
    let path = project.path();
    let query = |args: &[&str]| {
        let args: Vec<_> = ["analytics", "query"].iter().chain(args).copied().collect();
        let ended = run(path, &args);
        assert!(ended.status.success(), "{args:?}: {ended:?}");
        ended.stdout
    };
    let sql = "SELECT blob1 AS path, count(*) AS n, sum(double1) AS sum FROM events GROUP BY blob1";
    let ended = run(path, &["analytics", "query", sql]);
    assert!(ended.stderr.contains("no such table: events"), "nothing was written yet: {ended:?}");
    let mut program = Program::selvedge(path, &["run", "--port", "0"]);
    let mut client = program.connect();
    for path in ["/x", "/y", "/x"] {
        assert_eq!(client.get(path).text(), "written");
    }
    // The server that runs is asked.
    let said = query(&[sql]);
    let lines: Vec<Vec<&str>> = said.lines().map(|it| it.split_whitespace().collect()).collect();
    assert_eq!(lines, [["path", "n", "sum"], ["/x", "2", "3.0"], ["/y", "1", "1.5"]], "{said}");
    let answer: serde_json::Value = serde_json::from_str(&query(&["--json", sql])).expect("JSON");
    assert_eq!((&answer["rows"], &answer["data"][1]["path"]), (&json!(2), &json!("/y")));
    let lines = query(&["SELECT blob1 FROM events FORMAT JSONEachRow"]);
    assert_eq!(lines.lines().count(), 3, "{lines}");
    let ended = run(path, &["analytics", "query", "DELETE FROM events"]);
    assert!(!ended.status.success() && ended.stderr.starts_with("error: "), "{ended:?}");
}
