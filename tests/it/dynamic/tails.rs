//! `tails` of a loaded Worker: who is told of its events, as workerd tells them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http_body_util::BodyExt as _;
use serde_json::Value;
use tempfile::TempDir;

use crate::dev::Dev;
use crate::harness::{Client, Origin, Workerd, eventually, full};

/// Loads a Worker whose events it is told itself, in three ways.
const LOADER: &str = r#"
import { WorkerEntrypoint } from "cloudflare:workers";
const shown = (event) => [
  event.constructor.name, event.outcome, event.entrypoint ?? null, event.logs.map((log) => log.message),
  event.exceptions.map((it) => it.message), event.event.request?.url ?? event.event.rpcMethod,
];
const post = (env, value) => fetch(env.SINK, { method: "POST", body: JSON.stringify(value) });
export class Told extends WorkerEntrypoint {
  async tail(events) { await post(this.env, ["Told", this.ctx.props, events.map(shown)]); }
  tailStream(onset) {
    const types = [onset.event.type];
    return ({ event }) => {
      types.push(event.type);
      if (event.type === "outcome") this.ctx.waitUntil(post(this.env, ["stream", this.ctx.props, types]));
    };
  }
}
const LOADED = `
import { WorkerEntrypoint } from "cloudflare:workers";
export class E extends WorkerEntrypoint { hi() { console.log("called"); return 1; } }
export default {
  fetch() { console.log("in it"); throw new Error("it fails"); },
};`;
export default {
  async tail(events, env) { await post(env, ["default", events.map(shown)]); },
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    const code = { compatibilityDate: "2026-11-01", mainModule: "m.js", modules: { "m.js": LOADED } };
    if (pathname === "/stream") {
      code.allowExperimental = true;
      code.streamingTails = [ctx.exports.Told({ props: { a: 2 } })];
    } else {
      code.tails = [env.SELF, ctx.exports.Told({ props: { a: 1 } }), ctx.exports.Told];
    }
    const worker = env.LOADER.get(pathname, () => code);
    if (pathname === "/call") return new Response(`${await worker.getEntrypoint("E").hi()}`);
    try {
      await worker.getEntrypoint().fetch("http://loaded/x");
    } catch (error) {
      return new Response(error.message);
    }
    return new Response("fine");
  },
};
"#;

/// Collects what is posted.
struct Sink {
    origin: Origin,
    told: Arc<Mutex<Vec<Value>>>,
}

impl Sink {
    fn start() -> Self {
        let told = Arc::<Mutex<Vec<Value>>>::default();
        let taken = told.clone();
        let origin = Origin::start(move |request| {
            let taken = taken.clone();
            async move {
                let body = request.into_body().collect().await.expect("a body").to_bytes();
                let value = serde_json::from_slice(&body).expect("JSON");
                taken.lock().expect("nobody panics here").push(value);
                http::Response::new(full("ok"))
            }
        });
        Self { origin, told }
    }

    fn take(&self, what: &str, count: usize) -> Vec<String> {
        let all = eventually(what, || {
            let mut told = self.told.lock().expect("nobody panics here");
            (told.len() >= count).then(|| std::mem::take(&mut *told))
        });
        let mut all: Vec<_> = all.iter().map(Value::to_string).collect();
        all.sort();
        all
    }
}

fn dev(sink: &Sink) -> Dev {
    let config = format!(
        "name = \"app\"\nmain = \"app.js\"\ncompatibility_date = \"2026-11-01\"\n\
         vars = {{ SINK = \"{}\" }}\n\
         worker_loaders = [{{ binding = \"LOADER\" }}]\n\
         services = [{{ binding = \"SELF\", service = \"app\" }}]\n",
        sink.origin.url("/")
    );
    Dev::start(&[("app.js", LOADER), ("wrangler.toml", &config)], &["-c", "wrangler.toml"])
}

fn workerd(folder: &TempDir, sink: &Sink) -> Option<Workerd> {
    std::fs::write(folder.path().join("app.js"), LOADER).expect("it can be written");
    let services = format!(
        "(name = \"main\", worker = (\n\
           modules = [(name = \"app.js\", esModule = embed \"app.js\")],\n\
           compatibilityDate = \"2026-11-01\", compatibilityFlags = [\"experimental\"],\n\
           globalOutbound = \"all\",\n\
           bindings = [\n\
             (name = \"LOADER\", workerLoader = (id = \"loader\")),\n\
             (name = \"SELF\", service = \"main\"),\n\
             (name = \"SINK\", text = \"{}\"),\n\
           ],\n\
         )),",
        sink.origin.url("/")
    );
    Workerd::start_experimental(folder.path(), &services)
}

fn ask(address: SocketAddr, path: &str) -> String {
    Client::connect(address).request("GET", path, &[], b"").text()
}

#[test]
fn events_of_a_loaded_worker_reach_its_tails() {
    let (ours, theirs) = (Sink::start(), Sink::start());
    let dev = dev(&ours);
    let folder = TempDir::new().expect("a temporary folder");
    let workerd = workerd(&folder, &theirs);
    for (path, answer, count) in
        [("/fetch", "it fails", 3), ("/call", "1", 3), ("/stream", "it fails", 1)]
    {
        assert_eq!(ask(dev.address, path), answer);
        let told = ours.take(path, count);
        assert_eq!(told.len(), count, "{told:#?}");
        let Some(workerd) = &workerd else { continue };
        assert_eq!(ask(workerd.address, path), answer);
        assert_eq!(told, theirs.take(path, count), "{path}");
    }
}
