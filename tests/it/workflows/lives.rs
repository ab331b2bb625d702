//! Instances that leave memory, whose Worker is changed, or that use too much.

use std::time::Duration;

use super::{ask, folder, minutes, run};
use crate::harness::{Client, Program, eventually};

const CONFIG: &str = "\
main = \"worker.js\"
compatibility_date = \"2026-06-01\"
[[workflows]]
binding = \"W\"
name = \"w\"
class_name = \"Work\"
";

const WORKER: &str = r#"
import { WorkflowEntrypoint } from "cloudflare:workers";
let runs = 0;
const version = "one";
export class Work extends WorkflowEntrypoint {
  async run(event, step) {
    runs++;
    const begun = await step.do("begin", () => version);
    await step.sleep("a while", event.payload.sleep);
    const event2 = await step.waitForEvent("go", { type: "go" });
    return [begun, version, event2.payload, runs];
  }
}
export default {
  async fetch(request, { W }) {
    const { pathname } = new URL(request.url);
    if (pathname === "/create") {
      await W.create({ id: "it", params: { sleep: 400 } });
      return new Response("made");
    }
    const instance = await W.get("it");
    if (pathname === "/go") await instance.sendEvent({ type: "go", payload: "gone" });
    return Response.json(await instance.status());
  },
};
"#;

fn status(address: std::net::SocketAddr) -> serde_json::Value {
    Client::connect(address).get("/status").json()
}

#[test]
fn an_instance_that_waits_leaves_memory_and_goes_on() {
    let folder = folder(CONFIG, WORKER);
    let args = ["run", "--port", "0", "--object-idle", "0.05"];
    let mut program = Program::selvedge(folder.path(), &args);
    let address = program.address();
    ask(address, "/create").expect("made");
    eventually("it waits for the event", || (status(address)["status"] == "waiting").then_some(()));
    // It is out of memory long before this.
    std::thread::sleep(Duration::from_millis(1500));
    ask(address, "/go").expect("sent");
    let done = eventually("it completes", || {
        Some(status(address)).filter(|it| it["status"] == "complete")
    });
    let runs = done["output"][3].as_u64().expect("a number");
    assert!(runs >= 2, "its code ran {runs} times: it never left memory");
    assert_eq!(done["output"][0], "one");
}

#[test]
fn an_instance_goes_on_with_the_code_that_is_there() {
    let folder = folder(CONFIG, WORKER);
    let mut program = run(&folder);
    let address = program.address();
    ask(address, "/create").expect("made");
    eventually("it waits", || (status(address)["status"] == "waiting").then_some(()));
    program.signal(libc::SIGTERM);
    program.wait();
    let second = WORKER.replace("version = \"one\"", "version = \"two\"");
    std::fs::write(folder.path().join("worker.js"), second).expect("it can be written");
    let mut program = run(&folder);
    let address = program.address();
    ask(address, "/go").expect("sent");
    let done = eventually("it completes", || {
        Some(status(address)).filter(|it| it["status"] == "complete")
    });
    // The step that was done is not done again.
    assert_eq!((&done["output"][0], &done["output"][1]), (&"one".into(), &"two".into()));
}

#[test]
fn a_step_that_uses_too_much_fails_and_ends_the_instance() {
    let worker = r#"
import { WorkflowEntrypoint } from "cloudflare:workers";
export class Work extends WorkflowEntrypoint {
  async run(event, step) {
    try {
      await step.do("spin", { retries: { limit: 1, delay: 10 } }, async () => {
        for (;;);
      });
    } catch (error) {
      return error.message;
    }
  }
}
export default {
  async fetch(request, { W }) {
    if (new URL(request.url).pathname === "/create") return new Response((await W.create({ id: "it" })).id);
    return Response.json(await (await W.get("it")).status());
  },
};
"#;
    let folder = folder(&format!("limits = {{ cpu_ms = 50 }}\n{CONFIG}"), worker);
    let mut program = run(&folder);
    let address = program.address();
    // The answer may be lost with the isolate that the step's code held up.
    let _ = ask(address, "/create");
    let done = eventually("it completes", || {
        let status: serde_json::Value = serde_json::from_str(&ask(address, "/status")?).ok()?;
        (status["status"] == "complete").then_some(status)
    });
    let text = done["output"].as_str().expect("a text");
    assert!(text.contains("CPU time"), "{text}");
}

#[test]
fn what_is_not_valid_is_named_at_its_place() {
    let fails = |from: &str, to: &str| {
        let ended = run(&folder(&CONFIG.replace(from, to), WORKER)).wait();
        assert!(!ended.status.success());
        ended.stderr
    };
    let said = fails("name = \"w\"", "name = \"a b\"");
    assert!(said.contains("wrangler.toml:5"), "{said}");
    assert!(said.contains("the name of a Workflow has up to 64"), "{said}");
    let said = fails("name = \"w\"", "name = \"w\"\nschedules = \"61 * * * *\"");
    assert!(said.contains("wrangler.toml:6") && said.contains("61 * * * *"), "{said}");
    let said = fails("name = \"w\"", "name = \"w\"\nschedules = []");
    assert!(said.contains("\"schedules\" must not be an empty array"), "{said}");
    let said =
        fails("name = \"w\"", "name = \"w\"\nscript_name = \"x\"\nschedules = \"* * * * *\"");
    assert!(said.contains("references external script \"x\""), "{said}");
    let twice = "class_name = \"Work\"\n[[workflows]]\nbinding = \"X\"\nname = \"w\"\nclass_name = \"Work\"";
    let said = fails("class_name = \"Work\"", twice);
    assert!(said.contains("the Workflow \"w\" is there twice"), "{said}");
}

/// It waits for a tick of the clock, which comes each minute.
#[test]
fn a_schedule_makes_instances() {
    let config = CONFIG.replace("name = \"w\"", "name = \"w\"\nschedules = [\"* * * * *\"]");
    let folder = folder(&config, WORKER);
    let args = ["dev", "--port", "0", "--data-dir", "data"];
    let mut program = Program::selvedge(folder.path(), &args);
    program.address();
    let said = |program: &Program| program.stdout.text() + &program.stderr.text();
    let begun = "cron \"* * * * *\": an instance of the Workflow w began";
    minutes("an instance begins", || said(&program).contains(begun).then_some(()));
    let args = ["workflows", "instances", "list", "w", "--data-dir", "data", "--json"];
    let listed = Program::selvedge(folder.path(), &args).wait();
    let listed: serde_json::Value = serde_json::from_str(&listed.stdout).expect("a list");
    assert_eq!(listed[0]["id"].as_str().map(str::len), Some(36), "{listed}");
}
