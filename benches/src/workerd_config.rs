//! Configurations for workerd, in Cap'n Proto's text format.

use std::fmt::Write;

/// The compatibility date of the Workers, unless the workerd at hand is older.
const COMPATIBILITY_DATE: &str = "2026-08-01";

/// One Worker, `worker.js` beside the file, on one port.
pub(crate) fn one_worker(port: &str, version: &str) -> String {
    let port = port.parse().expect("a port is a number");
    many_workers(&[port], version)
}

/// The Worker `worker.js` once per port, each an isolate of its own.
pub(crate) fn many_workers(ports: &[u16], version: &str) -> String {
    let mut services = String::new();
    let mut sockets = String::new();
    for (index, port) in ports.iter().enumerate() {
        writeln!(services, "    (name = \"w{index}\", worker = .worker),")
            .expect("a String takes all");
        writeln!(
            sockets,
            "    (name = \"s{index}\", address = \"127.0.0.1:{port}\", http = (), service = \"w{index}\"),"
        )
        .expect("a String takes all");
    }
    let date = compatibility_date(version);
    format!(
        "using Workerd = import \"/workerd/workerd.capnp\";\n\
         const config :Workerd.Config = (\n  services = [\n{services}  ],\n  sockets = [\n{sockets}  ],\n);\n\
         const worker :Workerd.Worker = (\n  \
         modules = [(name = \"worker.js\", esModule = embed \"worker.js\")],\n  \
         compatibilityDate = \"{date}\",\n);\n"
    )
}

/// workerd refuses dates after its own, which is its version: `workerd 2026-11-17`.
fn compatibility_date(version: &str) -> &str {
    match version.split_ascii_whitespace().last() {
        Some(own) if own.len() == COMPATIBILITY_DATE.len() => own.min(COMPATIBILITY_DATE),
        _ => COMPATIBILITY_DATE,
    }
}

#[cfg(test)]
mod tests {
    use super::{compatibility_date, many_workers};

    #[test]
    fn an_old_workerd_gets_its_own_date() {
        assert_eq!(compatibility_date("workerd 2026-11-17"), "2026-08-01");
        assert_eq!(compatibility_date("workerd 2026-04-01"), "2026-04-01");
        assert_eq!(compatibility_date("?"), "2026-08-01");
    }

    #[test]
    fn each_port_is_a_worker() {
        let config = many_workers(&[8001, 8002], "");
        assert!(config.contains("\"127.0.0.1:8002\", http = (), service = \"w1\""));
        assert_eq!(config.matches("worker = .worker").count(), 2);
    }
}
