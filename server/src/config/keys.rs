//! The keys of wrangler's configuration: which there are, how environments
//! get them, and what Selvedge does about them
//! (<https://developers.cloudflare.com/workers/wrangler/configuration/>).

/// How a `[env.NAME]` gets a key that it does not set itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// From the top level.
    Inheritable,
    /// Not at all: it must be repeated.
    NotInheritable,
    /// It stands at the top level only.
    TopLevel,
}

/// What a key does here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Support {
    /// What it does on Cloudflare.
    Acts,
    /// Nothing yet, and the Worker may miss it.
    NotYet,
    /// Nothing, and nothing is missing: it is about uploading, bundling or
    /// wrangler itself.
    Elsewhere,
}

/// One key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) scope: Scope,
    pub(super) support: Support,
}

/// The key of this name.
pub(super) fn key(name: &str) -> Option<Key> {
    KEYS.iter().copied().find(|key| key.name == name)
}

/// All names.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|key| key.name)
}

use Scope::{Inheritable, NotInheritable, TopLevel};
use Support::{Acts, Elsewhere, NotYet};

macro_rules! keys {
    ($($scope:ident $support:ident: $($name:literal)*;)*) => {
        &[$($(Key { name: $name, scope: $scope, support: $support }),*),*]
    };
}

/// The keys of wrangler 4.125, and older ones that stand in many files.
const KEYS: &[Key] = keys! {
    Inheritable Acts:
        "name" "main" "compatibility_date" "compatibility_flags" "limits" "rules"
        "find_additional_modules" "base_dir" "no_bundle";
    Inheritable NotYet:
        "access" "assets" "build" "cache" "exports" "first_party_worker" "logfwdr" "migrations"
        "placement" "previews" "python_modules" "route" "routes" "triggers";
    Inheritable Elsewhere:
        "account_id" "compliance_region" "jsx_factory" "jsx_fragment" "keep_names" "logpush"
        "minify" "node_compat" "observability" "preserve_file_names" "preview_urls" "tsconfig"
        "type" "upload_source_maps" "usage_model" "workers_dev" "zone_id";
    NotInheritable Acts: "vars";
    NotInheritable NotYet:
        "agent_memory" "ai" "ai_search" "ai_search_namespaces" "analytics_engine_datasets"
        "artifacts" "browser" "cloudchamber" "connect" "containers" "d1_databases" "define"
        "dispatch_namespaces" "durable_objects" "flagship" "hyperdrive" "images" "kv_namespaces"
        "media" "mtls_certificates" "pipelines" "queues" "r2_buckets" "ratelimits" "secrets"
        "secrets_store_secrets" "send_email" "services" "stream" "streaming_tail_consumers"
        "tail_consumers" "unsafe" "unsafe_hello_world" "vectorize" "version_metadata"
        "vpc_networks" "vpc_services" "websearch" "worker_loaders" "workflows";
    TopLevel Acts: "env";
    TopLevel NotYet:
        "addresses" "alias" "data_blobs" "pages_build_output_dir" "site" "text_blobs"
        "wasm_modules";
    TopLevel Elsewhere:
        "$schema" "dependencies_instrumentation" "dev" "keep_vars" "legacy_env" "send_metrics";
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_stands_once() {
        let mut all: Vec<_> = names().collect();
        all.sort_unstable();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
