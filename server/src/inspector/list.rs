//! What debuggers read before they connect, in the shape that Chrome and
//! Node.js gave it.

use serde_json::{Value, json};

use super::Target;

/// The version of the protocol, as V8 and Node.js name it.
const PROTOCOL: &str = "1.3";

/// JSON of all targets. `authority` is the host and port that the debugger used.
pub(super) fn targets(targets: &[Target], authority: &str) -> String {
    let all: Vec<Value> = targets.iter().map(|target| describe(target, authority)).collect();
    serde_json::to_string_pretty(&all).expect("these are plain values")
}

/// JSON of what this program is.
pub(super) fn version() -> String {
    let version = json!({
        "Browser": concat!("Selvedge/", env!("CARGO_PKG_VERSION")),
        "Protocol-Version": PROTOCOL,
        "V8-Version": selvedge_runtime::v8_version(),
    });
    serde_json::to_string_pretty(&version).expect("these are plain values")
}

/// Where the protocol of a target is spoken.
pub(super) fn socket_url(target: &Target, authority: &str) -> String {
    format!("ws://{authority}/ws/{}", target.id)
}

fn describe(target: &Target, authority: &str) -> Value {
    let socket = format!("{authority}/ws/{}", target.id);
    json!({
        "description": "Selvedge Worker",
        "devtoolsFrontendUrl":
            format!("devtools://devtools/bundled/js_app.html?experiments=true&v8only=true&ws={socket}"),
        "devtoolsFrontendUrlCompat":
            format!("devtools://devtools/bundled/inspector.html?experiments=true&v8only=true&ws={socket}"),
        "id": target.id,
        "title": target.name,
        // Chrome and editors offer targets of this type to be debugged.
        "type": "node",
        "url": target.url,
        "webSocketDebuggerUrl": socket_url(target, authority),
    })
}
