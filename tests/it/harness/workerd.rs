//! workerd as a server, to compare with.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::cases::find_workerd;

/// workerd, which ends when this is dropped.
pub(crate) struct Workerd {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Workerd {
    /// One Worker, of `worker.js` in the folder, that may reach everything. `None` where
    /// there is no workerd.
    pub(crate) fn of_worker(folder: &Path, source: &str) -> Option<Self> {
        std::fs::write(folder.join("worker.js"), source).expect("it can be written");
        Self::start(
            folder,
            "(name = \"main\", worker = (\n\
               modules = [(name = \"worker.js\", esModule = embed \"worker.js\")],\n\
               compatibilityDate = \"2026-11-01\", globalOutbound = \"all\",\n\
             )),",
        )
    }

    /// These services; `main` takes the requests, and `all` is every network.
    pub(crate) fn start(folder: &Path, services: &str) -> Option<Self> {
        Self::start_with(folder, services, &[])
    }

    /// The same with experimental features.
    pub(crate) fn start_experimental(folder: &Path, services: &str) -> Option<Self> {
        Self::start_with(folder, services, &["--experimental"])
    }

    #[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
    fn start_with(folder: &Path, services: &str, args: &[&str]) -> Option<Self> {
        let Some(workerd) = find_workerd() else {
            println!("there is no workerd at SELVEDGE_WORKERD or on the PATH to compare with");
            return None;
        };
        let config = format!(
            "using Workerd = import \"/workerd/workerd.capnp\";\n\
             const config :Workerd.Config = (\n\
               services = [\n\
                 {services}\n\
                 (name = \"all\", network = (allow = [\"public\", \"private\"])),\n\
               ],\n\
               sockets = [(name = \"http\", address = \"127.0.0.1:0\", http = (), \
                 service = \"main\")],\n\
             );\n"
        );
        std::fs::write(folder.join("config.capnp"), config).expect("it can be written");
        let mut child = Command::new(workerd)
            .args(["serve", "config.capnp", "--control-fd=1"])
            .args(args)
            .current_dir(folder)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut output = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut line = String::new();
        output.read_line(&mut line).expect("it says where it listens");
        let event: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        let port = event["port"].as_u64().expect("a port") as u16;
        // What its Workers print must not fill the pipe.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        Some(Self { child, address: SocketAddr::from(([127, 0, 0, 1], port)) })
    }
}

impl Drop for Workerd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
