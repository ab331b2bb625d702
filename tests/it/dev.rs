//! `selvedge dev`: Workers follow their files.

mod build;
mod reload;
mod services;
mod triggers;
mod workflows;

use std::net::SocketAddr;
use std::path::Path;

use tempfile::TempDir;

use crate::harness::{Client, Program, Response, eventually};

/// A folder with a Worker under development.
pub(crate) struct Dev {
    folder: TempDir,
    pub(crate) program: Program,
    pub(crate) address: SocketAddr,
}

/// A Worker of two modules that answers with what the second one says.
const WORKER: &str = r#"
import { text } from "./text.js";
export default {
  async fetch(request, env) {
    const wait = new URL(request.url).searchParams.get("wait");
    if (wait) await scheduler.wait(Number(wait));
    return new Response(text + (env.ADDED ?? ""));
  },
  scheduled(controller) { console.log("fired", controller.cron, controller.scheduledTime); },
};
"#;

fn text(text: &str) -> String {
    format!("export const text = {text:?};")
}

impl Dev {
    pub(crate) fn start(files: &[(&str, &str)], args: &[&str]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        for (name, body) in files {
            write(folder.path(), name, body);
        }
        let args: Vec<&str> = ["dev", "--port", "0"].iter().chain(args).copied().collect();
        let mut program = Program::selvedge(folder.path(), &args);
        let address = program.address();
        Self { folder, program, address }
    }

    /// [`WORKER`], saying `one`.
    fn of_worker(args: &[&str]) -> Self {
        let config =
            "name = \"followed\"\nmain = \"worker.js\"\ncompatibility_date = \"2026-11-01\"\n";
        let files = [("worker.js", WORKER), ("text.js", &text("one")), ("wrangler.toml", config)];
        Self::start(&files, args)
    }

    pub(crate) fn write(&self, name: &str, body: &str) {
        write(self.folder.path(), name, body);
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        Client::connect(self.address).get(path)
    }

    /// Waits until `/` answers with this.
    fn says(&self, wanted: &str) {
        let mut last = String::new();
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            eventually("the change is served", || {
                last = self.get("/").text();
                (last == wanted).then_some(())
            })
        }));
        assert!(found.is_ok(), "{last:?} is served and not {wanted:?}: {}", self.log());
    }

    pub(crate) fn log(&self) -> String {
        self.program.stdout.text() + &self.program.stderr.text()
    }
}

fn write(folder: &Path, name: &str, body: &str) {
    let path = folder.join(name);
    let parent = path.parent().expect("a file has a folder");
    std::fs::create_dir_all(parent).expect("it can be made");
    std::fs::write(path, body).expect("it can be written");
}
