//! Workflows of a server that is killed: `selvedge serve` goes on with each instance.

use serde_json::{Value, json};

use super::{Served, serve};
use crate::harness::{Client, eventually};
use crate::workflows::minutes;

const WORKER: &str = r#"
import { WorkflowEntrypoint } from "cloudflare:workers";
export class Work extends WorkflowEntrypoint {
  async run({ payload }, step) {
    const results = [];
    for (let i = 0; i < payload.steps; i++) {
      results.push(await step.do("part", async () => `${i} ${crypto.randomUUID()}`));
      await step.sleep("a moment", 30);
    }
    return results;
  }
}
export default {
  async fetch(request, { W }) {
    const { pathname, searchParams } = new URL(request.url);
    const id = searchParams.get("id");
    if (pathname === "/create") return new Response((await W.create({ id, params: { steps: 20 } })).id);
    return Response.json(await (await W.get(id)).status());
  },
};
"#;
const CONFIG: &str = r#"{ "name": "work", "main": "worker.js", "compatibility_date": "2026-11-01",
  "workflows": [{ "binding": "W", "name": "work", "class_name": "Work" }] }"#;
const INSTANCES: u64 = 6;
const KILLS: u64 = 4;

#[test]
fn a_server_that_is_killed_goes_on_with_each_instance() {
    let mut served = Served::start();
    let (folder, _) = served.deploy(&[("worker.js", WORKER), ("wrangler.json", CONFIG)]);
    let host = served.host("work");
    for id in 0..INSTANCES {
        let made = served.get(&host, &format!("/create?id=i{id}"));
        assert_eq!((made.status, made.text()), (200, format!("i{id}")));
    }
    // Results that were seen stay what they are.
    let mut seen: Vec<Vec<Value>> = vec![Vec::new(); INSTANCES as usize];
    for kill in 0..KILLS {
        for (id, seen) in seen.iter_mut().enumerate() {
            let least = usize::try_from(kill).expect("few") + 1;
            *seen = eventually("it gets further", || {
                let now = results(&served, folder.path(), id);
                (now.len() > least).then_some(now)
            });
        }
        let data = served.data();
        let Served { program, folder: home, account, token, .. } = served;
        program.signal(libc::SIGKILL);
        program.wait();
        let (program, address, admin) = serve(home.path(), &data, "");
        served = Served { program, folder: home, address, admin, account, token };
        for (id, seen) in seen.iter().enumerate() {
            let now = eventually("it is there", || {
                Some(results(&served, folder.path(), id)).filter(|now| now.len() >= seen.len())
            });
            assert_eq!(now[..seen.len()], seen[..], "i{id}: no step that was done runs again");
        }
    }
    for (id, seen) in seen.iter().enumerate() {
        let done = eventually("it completes", || {
            let mut client = Client::connect(served.address);
            let path = format!("/status?id=i{id}");
            let status = client.request("GET", &path, &[("host", &host)], b"");
            let status = (status.status == 200).then(|| status.json())?;
            assert_ne!(status["status"], "errored", "{status}");
            (status["status"] == "complete").then_some(status)
        });
        let output = done["output"].as_array().expect("results");
        assert_eq!((output.len(), &output[..seen.len()]), (20, &seen[..]), "i{id}");
    }
    // The list learns of the end a moment later.
    let args = ["workflows", "instances", "list", "work", "--remote", "--json"];
    eventually("the list has all of them as complete", || {
        let listed = served.selvedge(folder.path(), &args).json();
        let states = listed.as_array().expect("a list").iter();
        let states: Vec<_> = states.map(|it| it["status"].clone()).collect();
        (states == vec![json!("complete"); INSTANCES as usize]).then_some(())
    });
}

/// It waits for a tick of the clock, which comes each minute.
#[test]
fn a_schedule_makes_instances_until_it_is_gone() {
    let served = Served::start();
    let scheduled =
        CONFIG.replace("\"class_name\"", "\"schedules\": \"* * * * *\", \"class_name\"");
    let (folder, _) = served.deploy(&[("worker.js", WORKER), ("wrangler.json", &scheduled)]);
    let list = ["workflows", "instances", "list", "work", "--remote", "--json"];
    let count = || {
        let listed = served.selvedge(folder.path(), &list).json();
        listed.as_array().map_or(0, Vec::len)
    };
    minutes("an instance begins", || (count() == 1).then_some(()));
    std::fs::write(folder.path().join("wrangler.json"), CONFIG).expect("it can be written");
    served.selvedge(folder.path(), &["deploy"]).text();
    let args = ["workflows", "describe", "work", "--remote"];
    assert_eq!(served.selvedge(folder.path(), &args).json()["schedules"], json!([]));
}

/// What the steps of an instance gave so far.
fn results(served: &Served, folder: &std::path::Path, id: usize) -> Vec<Value> {
    let id = format!("i{id}");
    let args = ["workflows", "instances", "describe", "work", &id, "--remote"];
    let said = served.selvedge(folder, &args).json();
    let steps = said["steps"].as_array().expect("steps").iter();
    steps.filter(|it| it["success"] == true).map(|it| it["output"].clone()).collect()
}
