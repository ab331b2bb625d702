//! Static assets: what clients and Workers get of them.

mod binding;
mod dev;
mod miniflare;
mod responses;

use crate::harness::Setup;

/// A Worker that says that it was asked, beside assets in `public`.
const WORKER: &str = r#"
export default {
  fetch(request) {
    return new Response(`worker ${new URL(request.url).pathname}`);
  },
};
"#;

/// A site of these files with a Worker; `config` stands in `[assets]`.
fn site(config: &str, files: &[(&str, &str)]) -> Setup {
    let text = format!("main = \"worker.js\"\n[assets]\ndirectory = \"public\"\n{config}");
    with(&text, files).file("worker.js", WORKER)
}

/// A site without a Worker.
fn assets_only(config: &str, files: &[(&str, &str)]) -> Setup {
    with(&format!("[assets]\ndirectory = \"public\"\n{config}"), files)
}

fn with(config: &str, files: &[(&str, &str)]) -> Setup {
    files.iter().fold(Setup::empty().file("wrangler.toml", config), |setup, (name, body)| {
        setup.file(&format!("public/{name}"), body)
    })
}
