//! Durable Objects over real connections. What miniflare can judge, too, is in
//! tests/workers/durable.

mod alarms;
mod bookmarks;
mod full;
mod isolates;
mod kills;
mod reload;
mod sockets;
mod storage;
mod workers;

/// The configuration of a Worker `worker.js` with the class `Room` as `ROOMS`.
const CONFIG: &str = r#"
name = "rooms"
main = "worker.js"
compatibility_date = "2026-11-01"

[[durable_objects.bindings]]
name = "ROOMS"
class_name = "Room"

[[migrations]]
tag = "1"
new_sqlite_classes = ["Room"]
"#;
