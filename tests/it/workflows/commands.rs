//! `selvedge workflows` on a data folder, and what `types` says of Workflows.

use std::path::Path;

use serde_json::Value;

use super::{folder, run};
use crate::harness::{Program, eventually};

const CONFIG: &str = "\
name = \"app\"
main = \"worker.js\"
compatibility_date = \"2026-06-01\"
[[workflows]]
binding = \"ORDERS\"
name = \"orders\"
class_name = \"Order\"
";

const WORKER: &str = r#"
import { WorkflowEntrypoint } from "cloudflare:workers";
export class Order extends WorkflowEntrypoint {
  async run({ payload }, step) {
    const first = await step.do("first", () => payload.item);
    const event = await step.waitForEvent("approval", { type: "approval" });
    return [first, event.payload];
  }
}
export default { fetch: () => new Response("x") };
"#;

/// Runs `selvedge workflows` with these words; it must work. Gives stdout.
#[track_caller]
fn works(folder: &Path, args: &[&str]) -> String {
    let all: Vec<_> = std::iter::once(&"workflows").chain(args).copied().collect();
    let ended = Program::selvedge(folder, &all).wait();
    assert!(ended.status.success(), "{args:?}: {ended:?}");
    ended.stdout
}

#[track_caller]
fn as_json(folder: &Path, args: &[&str]) -> Value {
    let text = works(folder, args);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{args:?}: {error}: {text}"))
}

#[track_caller]
fn fails(folder: &Path, args: &[&str], says: &str) {
    let all: Vec<_> = std::iter::once(&"workflows").chain(args).copied().collect();
    let ended = Program::selvedge(folder, &all).wait();
    assert!(!ended.status.success(), "{args:?}: {ended:?}");
    assert!(ended.stderr.contains(says), "{args:?}: {}", ended.stderr);
}

#[test]
fn instances_are_made_looked_at_and_changed() {
    let folder = folder(CONFIG, WORKER);
    let here = folder.path();
    let mut program = run(&folder);
    program.address();
    assert_eq!(works(here, &["list"]), "orders\n");
    let params = r#"{"item":"tea"}"#;
    assert_eq!(works(here, &["trigger", "orders", params, "--id", "one"]), "one\n");
    let described = eventually("it waits for the approval", || {
        let told = as_json(here, &["instances", "describe", "orders", "latest"]);
        (told["status"] == "waiting").then_some(told)
    });
    assert_eq!(described["params"]["item"], "tea");
    let steps = &described["steps"];
    assert_eq!((&steps[0]["name"], &steps[0]["success"]), (&"first-1".into(), &true.into()));
    assert_eq!((&steps[1]["type"], &steps[1]["finished"]), (&"waitForEvent".into(), &false.into()));
    works(here, &["instances", "pause", "orders", "one"]);
    eventually("it is paused", || {
        let listed = works(here, &["instances", "list", "orders", "--status", "paused"]);
        listed.contains("one").then_some(())
    });
    works(here, &["instances", "resume", "orders", "one"]);
    let event = ["--type", "approval", "--payload", "\"yes\""];
    works(here, &[&["instances", "send-event", "orders", "one"], &event[..]].concat());
    let done = eventually("it completes", || {
        let told = as_json(here, &["instances", "describe", "orders", "one"]);
        (told["status"] == "complete").then_some(told)
    });
    assert_eq!(done["output"], serde_json::json!(["tea", "yes"]));
    works(here, &["instances", "restart", "orders", "one", "--from-step-name", "first"]);
    let none = ["instances", "restart", "orders", "one", "--from-step-name", "nothing"];
    fails(here, &none, "Step \"nothing\" not found in execution history");
    works(here, &["instances", "restart", "orders", "one"]);
    works(here, &["instances", "terminate", "orders", "one"]);
    let says = "(instance.cannot_terminate)";
    fails(here, &["instances", "terminate", "orders", "one"], says);
    fails(here, &["instances", "describe", "orders", "nobody"], "(instance.not_found)");
    fails(here, &["trigger", "orders", "--id", "one"], "(instance.already_exists)");
    fails(here, &["trigger", "others"], "there is no Workflow \"others\"");
    works(here, &["instances", "delete", "orders", "one"]);
    eventually("it is gone from the list", || {
        let listed = as_json(here, &["instances", "list", "orders", "--json"]);
        (listed == serde_json::json!([])).then_some(())
    });
    program.signal(libc::SIGTERM);
    program.wait();
    assert_eq!(as_json(here, &["describe", "orders"])["class_name"], "Order");
    fails(here, &["trigger", "orders"], "none runs on this data folder");
    works(here, &["delete", "orders", "-y"]);
    assert_eq!(as_json(here, &["list", "--json"]), serde_json::json!([]));
}

#[test]
fn types_name_workflows() {
    let folder = folder(CONFIG, WORKER);
    let ended = Program::selvedge(folder.path(), &["types"]).wait();
    assert!(ended.status.success(), "{ended:?}");
    let types = std::fs::read_to_string(folder.path().join("worker-configuration.d.ts"));
    let types = types.expect("it was written");
    assert!(types.contains("ORDERS: Workflow"), "{types}");
}
