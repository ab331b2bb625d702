//! Workflows of Workers under development.

use super::Dev;
use crate::harness::eventually;

const CONFIG: &str = "\
name = \"followed\"
main = \"worker.js\"
compatibility_date = \"2026-06-01\"
[[workflows]]
binding = \"W\"
name = \"w\"
class_name = \"Work\"
";

const WORKER: &str = r#"
import { WorkflowEntrypoint } from "cloudflare:workers";
const version = "one";
export class Work extends WorkflowEntrypoint {
  async run(event, step) {
    const begun = await step.do("begin", () => version);
    const { payload } = await step.waitForEvent("go", { type: "go" });
    return [begun, version, payload];
  }
}
export default {
  async fetch(request, { W }) {
    const { pathname } = new URL(request.url);
    if (pathname === "/") return new Response(version);
    if (pathname === "/create") return new Response((await W.create({ id: "it" })).id);
    const instance = await W.get("it");
    if (pathname === "/go") await instance.sendEvent({ type: "go", payload: "gone" });
    return Response.json(await instance.status());
  },
};
"#;

#[test]
fn an_instance_that_waits_goes_on_with_the_changed_code() {
    let dev = Dev::start(&[("worker.js", WORKER), ("wrangler.toml", CONFIG)], &[]);
    let status = || dev.get("/status").json();
    assert_eq!(dev.get("/create").text(), "it");
    eventually("it waits", || (status()["status"] == "waiting").then_some(()));
    dev.write("worker.js", &WORKER.replace("version = \"one\"", "version = \"two\""));
    dev.says("two");
    assert_eq!(dev.get("/go").status, 200);
    let done =
        eventually("it completes", || Some(status()).filter(|it| it["status"] == "complete"));
    assert_eq!(done["output"], serde_json::json!(["one", "two", "gone"]));
}
