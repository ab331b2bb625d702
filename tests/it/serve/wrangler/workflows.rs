//! `wrangler workflows`, and what `wrangler deploy` says of Workflows.

use serde_json::json;

use super::project::Project;
use super::{DOMAIN, Wrangler};
use crate::harness::eventually;

const SOURCE: &str = r#"
import { WorkflowEntrypoint } from "cloudflare:workers";
export class Order extends WorkflowEntrypoint<any, any> {
  async run(event: any, step: any) {
    const item = await step.do("take the order", async () => event.payload.item);
    const approval = await step.waitForEvent("approval", { type: "approval", timeout: "1 hour" });
    return [item, approval.payload.by];
  }
}
export default {
  async fetch(request: Request, env: any) {
    const id = new URL(request.url).pathname.slice(1);
    return Response.json(await (await env.ORDERS.get(id)).status());
  },
};
"#;

#[test]
fn workflows_are_deployed_triggered_and_looked_after() {
    let Some(wrangler) = Wrangler::start() else { return };
    let mut project = Project::new("shop", SOURCE);
    let workflow = json!({ "binding": "ORDERS", "name": "orders", "class_name": "Order" });
    project.set(json!({ "compatibility_date": "2026-06-01", "workflows": [workflow] }));
    let said = wrangler.ok(&project, &["deploy"]);
    assert!(said.contains("workflow: orders"), "{said}");
    let host = format!("shop.{DOMAIN}");
    let listed = wrangler.ok(&project, &["workflows", "list"]);
    assert!(listed.contains("orders") && listed.contains("Order"), "{listed}");
    let described = wrangler.ok(&project, &["workflows", "describe", "orders"]);
    assert!(described.contains("shop"), "{described}");

    let params = r#"{"item":"tea"}"#;
    wrangler.ok(&project, &["workflows", "trigger", "orders", params, "--id", "one"]);
    eventually("it waits", || wrangler.text(&host, "/one").contains("\"waiting\"").then_some(()));
    let told = wrangler.ok(&project, &["workflows", "instances", "describe", "orders", "one"]);
    assert!(told.contains("take the order-1") && told.contains("approval-1"), "{told}");
    wrangler.ok(&project, &["workflows", "instances", "pause", "orders", "one"]);
    eventually("it is paused", || {
        let args = ["workflows", "instances", "list", "orders", "--status", "paused"];
        wrangler.ok(&project, &args).contains("one").then_some(())
    });
    wrangler.ok(&project, &["workflows", "instances", "resume", "orders", "latest"]);
    let event = ["--type", "approval", "--payload", r#"{"by":"Ada"}"#];
    let args = [&["workflows", "instances", "send-event", "orders", "one"], &event[..]].concat();
    wrangler.ok(&project, &args);
    eventually("it completes", || {
        let status = wrangler.text(&host, "/one");
        (status.contains("\"complete\"") && status.contains(r#"["tea","Ada"]"#)).then_some(())
    });
    wrangler.ok(&project, &["workflows", "instances", "restart", "orders", "one"]);
    wrangler.ok(&project, &["workflows", "instances", "terminate", "orders", "one"]);
    assert!(wrangler.text(&host, "/one").contains("\"terminated\""));
    let said = wrangler.fails(&project, &["workflows", "instances", "terminate", "orders", "one"]);
    assert!(said.contains("instance.cannot_terminate"), "{said}");
    wrangler.ok(&project, &["workflows", "instances", "delete", "orders", "one"]);
    assert_eq!(wrangler.get("/workflows/orders/instances"), json!([]));

    // Wrangler itself looks for the class.
    let other = json!({ "binding": "ORDERS", "name": "orders", "class_name": "Missing" });
    project.set(json!({ "compatibility_date": "2026-06-01", "workflows": [other] }));
    let said = wrangler.fails(&project, &["deploy"]);
    assert!(said.contains("not exported in your entrypoint file: Missing"), "{said}");
    wrangler.ok(&project, &["workflows", "delete", "orders"]);
    assert_eq!(wrangler.get("/workflows"), json!([]));
}
