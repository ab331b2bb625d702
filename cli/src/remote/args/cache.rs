//! `selvedge cache`.

use clap::{Args, Subcommand};

use super::ServerArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// Forget responses by URL, tag, host, prefix or Worker, or all of the account.
    Purge(PurgeArgs),
}

#[derive(Debug, Args)]
#[group(id = "what", required = true, multiple = true, args = ["urls", "tags", "hosts", "prefixes", "workers", "everything"])]
pub(crate) struct PurgeArgs {
    /// The response of this URL; can be given several times, as can the others.
    #[arg(long = "url", value_name = "URL")]
    pub(crate) urls: Vec<String>,

    /// Responses with this tag.
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<String>,

    /// All responses of this host.
    #[arg(long = "host", value_name = "HOST")]
    pub(crate) hosts: Vec<String>,

    /// All responses below this: example.com/images.
    #[arg(long = "prefix", value_name = "HOST/PATH")]
    pub(crate) prefixes: Vec<String>,

    /// What is kept before the Worker of this name.
    #[arg(long = "worker", value_name = "NAME")]
    pub(crate) workers: Vec<String>,

    /// All responses that `caches` and `fetch()` of the account keep.
    #[arg(long, conflicts_with_all = ["urls", "tags", "hosts", "prefixes", "workers"])]
    pub(crate) everything: bool,

    /// Do not ask whether that is meant.
    #[arg(short, long)]
    pub(crate) yes: bool,

    #[command(flatten)]
    pub(crate) server: ServerArgs,
}
