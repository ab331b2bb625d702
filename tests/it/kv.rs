//! KV over HTTP: what a client of a Worker with a namespace sees. The API itself
//! is in the cases of `tests/workers/kv`.

mod folder;
mod large;
mod poison;
mod requests;
mod texts;

use crate::harness::Setup;

/// A Worker with the namespaces `KV` and `OTHER`.
fn worker(source: &str) -> Setup {
    Setup::empty().file("worker.js", source).file(
        "wrangler.toml",
        "main = \"worker.js\"\n\
         [[kv_namespaces]]\nbinding = \"KV\"\nid = \"abc\"\n\
         [[kv_namespaces]]\nbinding = \"OTHER\"\n",
    )
}
