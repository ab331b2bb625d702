//! What a deployment prints, as people know it from wrangler.

use anyhow::Context as _;
use async_compression::tokio::write::GzipEncoder;
use tokio::io::AsyncWriteExt as _;

use super::super::output::{size, table};
use super::bindings::Binding;
use super::build::Built;

/// More of what a binding leads to is not shown.
const MAX_SHOWN_CHARS: usize = 40;

/// The size of the modules, as they are and compressed.
pub(super) async fn upload_size(built: &Built) -> anyhow::Result<String> {
    let mut gzip = GzipEncoder::new(Vec::new());
    for module in &built.modules {
        gzip.write_all(&module.body).await.context("cannot compress the modules")?;
    }
    gzip.shutdown().await.context("cannot compress the modules")?;
    let compressed = gzip.into_inner().len() as u64;
    Ok(format!("Total Upload: {} / gzip: {}", size(built.bytes()), size(compressed)))
}

/// The table of what the Worker's `env` holds.
pub(super) fn bindings(bindings: &[Binding]) -> String {
    if bindings.is_empty() {
        return "No bindings found.".to_owned();
    }
    let mut rows = vec![vec!["Binding".to_owned(), "Resource".to_owned()]];
    rows.extend(bindings.iter().map(|binding| {
        let resource = short(&binding.resource);
        let name = match resource.as_str() {
            "" => format!("env.{}", binding.name),
            resource => format!("env.{} ({resource})", binding.name),
        };
        vec![name, binding.label.to_owned()]
    }));
    format!("Your Worker has access to the following bindings:\n{}", table(&rows).trim_end())
}

fn short(text: &str) -> String {
    if text.chars().count() <= MAX_SHOWN_CHARS {
        return text.to_owned();
    }
    text.chars().take(MAX_SHOWN_CHARS - 3).chain("...".chars()).collect()
}
