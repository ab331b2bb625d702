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
    document(
        &services,
        &sockets,
        &format!(
            "modules = [(name = \"worker.js\", esModule = embed \"worker.js\")],\n  \
             compatibilityDate = \"{date}\","
        ),
    )
}

/// The folder beside the file that the objects of [`with_objects`] live in.
pub(crate) const OBJECTS_FOLDER: &str = "objects";

/// One Worker on one port, with a namespace `OBJECTS` of its class `Bench` on disk.
pub(crate) fn with_objects(port: &str, version: &str) -> String {
    let date = compatibility_date(version);
    document(
        &format!(
            "    (name = \"w\", worker = .worker),\n    (name = \"disk\", \
             disk = (path = \"{OBJECTS_FOLDER}\", writable = true)),\n"
        ),
        &format!(
            "    (name = \"s\", address = \"127.0.0.1:{port}\", http = (), service = \"w\"),\n"
        ),
        &format!(
            "modules = [(name = \"worker.js\", esModule = embed \"worker.js\")],\n  \
             compatibilityDate = \"{date}\",\n  \
             bindings = [(name = \"OBJECTS\", durableObjectNamespace = \"Bench\")],\n  \
             durableObjectNamespaces = [(className = \"Bench\", uniqueKey = \"bench\", \
             enableSql = true)],\n  \
             durableObjectStorage = (localDisk = \"disk\"),"
        ),
    )
}

fn document(services: &str, sockets: &str, worker: &str) -> String {
    format!(
        "using Workerd = import \"/workerd/workerd.capnp\";\n\
         const config :Workerd.Config = (\n  services = [\n{services}  ],\n  sockets = [\n{sockets}  ],\n);\n\
         const worker :Workerd.Worker = (\n  {worker}\n);\n"
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
    use super::{compatibility_date, many_workers, with_objects};

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

    #[test]
    fn objects_are_on_disk() {
        let config = with_objects("8001", "");
        assert!(config.contains("durableObjectStorage = (localDisk = \"disk\")"));
        assert!(config.contains("disk = (path = \"objects\", writable = true)"));
    }
}
