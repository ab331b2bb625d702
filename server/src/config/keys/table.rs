//! The table of keys: those of wrangler 4.125, and older ones that stand in
//! many files.

use super::shapes::*;
use super::{Key, Scope, Support};
use crate::config::schema::Shape::{Any, Flag, List, Map, Text};
use Scope::{Inheritable, NotInheritable, TopLevel};
use Support::{Acts, Elsewhere, NotYet, Read};

macro_rules! keys {
    ($($scope:ident $support:ident $name:literal $shape:expr, $about:literal;)*) => {
        &[$(Key {
            name: $name,
            scope: $scope,
            support: $support,
            shape: $shape,
            #[cfg(test)]
            about: $about,
        }),*]
    };
}

/// All keys, what acts first.
pub(in crate::config) const KEYS: &[Key] = keys! {
    Inheritable Acts "name" Text,
        "the name in the log; with `--env`, `name-env` unless the environment sets its own";
    Inheritable Acts "main" Text,
        "the main module";
    Inheritable Acts "compatibility_date" Text,
        "see [Compatibility](#compatibility); without it, the newest date";
    Inheritable Acts "compatibility_flags" TEXTS,
        "see [Compatibility](#compatibility)";
    NotInheritable Acts "vars" Map(&Any),
        "names in `env`: strings as they are, everything else as JSON";
    NotInheritable Acts "secrets" SECRETS,
        "`required`: the names that the `.dev.vars` or `.env` files must hold; others in them are left out";
    Inheritable Acts "limits" LIMITS,
        "`cpu_ms` and `subrequests` of each request, see [limits.md](limits.md)";
    Inheritable Acts "rules" RULES,
        "which file is [which kind of module](workers.md#modules)";
    Inheritable Acts "find_additional_modules" Flag,
        "also load files that match a rule and that nothing imports by name";
    Inheritable Acts "base_dir" Text,
        "where module names and globs start; the folder of `main` otherwise";
    Inheritable Acts "no_bundle" Flag,
        "take the modules as they are; brings `find_additional_modules`";
    NotInheritable Acts "kv_namespaces" KV_NAMESPACES,
        "namespaces in `env`, see [kv.md](kv.md)";
    NotInheritable Acts "d1_databases" D1_DATABASES,
        "databases in `env`, see [d1.md](d1.md)";
    NotInheritable Acts "queues" QUEUES,
        "queues in `env`, and whose messages the Worker takes, see [queues.md](queues.md)";
    NotInheritable Acts "r2_buckets" R2_BUCKETS,
        "buckets in `env`, see [r2.md](r2.md)";
    NotInheritable Acts "ratelimits" RATELIMITS,
        "limits in `env`, see [rate-limits.md](rate-limits.md)";
    NotInheritable Acts "analytics_engine_datasets" ANALYTICS,
        "datasets in `env`, see [analytics.md](analytics.md)";
    NotInheritable Acts "send_email" SEND_EMAIL,
        "sending mail, see [email.md](email.md)";
    NotInheritable Acts "hyperdrive" HYPERDRIVE,
        "PostgreSQL databases over pooled connections, see [hyperdrive.md](hyperdrive.md)";
    NotInheritable Acts "secrets_store_secrets" SECRETS_STORE,
        "secrets that Workers share, see [secrets-store.md](secrets-store.md)";
    NotInheritable Acts "workflows" WORKFLOWS,
        "Workflows in `env`, and the classes that run them, see [workflows.md](workflows.md)";
    NotInheritable Acts "worker_loaders" LOADERS,
        "Workers made of code at run time, see [worker-loader.md](worker-loader.md)";
    NotInheritable Acts "dispatch_namespaces" DISPATCH_NAMESPACES,
        "Workers of other people by name, see [dispatch-namespaces.md](dispatch-namespaces.md)";
    NotInheritable Acts "durable_objects" DURABLE_OBJECTS,
        "`bindings`: namespaces of objects in `env`, see [durable-objects.md](durable-objects.md)";
    Inheritable Acts "migrations" MIGRATIONS,
        "[how classes of Durable Objects came to be](durable-objects.md#migrations), step by step";
    Inheritable Acts "exports" Map(&Any),
        "the same in one piece; entries of the type `worker` are checked";
    NotInheritable Acts "services" SERVICES,
        "`env.NAME.fetch()` asks another Worker that `dev` runs beside this one";
    NotInheritable Acts "version_metadata" VERSION_METADATA,
        "a value `{ id, tag, timestamp }` in `env`";
    TopLevel Acts "text_blobs" Map(&Text),
        "names of files whose text becomes a global variable, in service-worker syntax";
    TopLevel Acts "data_blobs" Map(&Text),
        "names of files whose bytes become global variables, in service-worker syntax";
    TopLevel Acts "wasm_modules" Map(&Text),
        "names of files of WebAssembly that become global variables, in service-worker syntax";
    TopLevel Acts "env" Map(&Any),
        "the [environments](#environments)";
    Inheritable Read "triggers" TRIGGERS,
        "`crons` are checked; `dev` fires them, `run` does not";
    Inheritable Read "route" ROUTE,
        "checked and shown; `run` answers to every host and path";
    Inheritable Read "routes" List(&ROUTE),
        "checked and shown; `run` answers to every host and path";
    TopLevel Acts "dev" DEV,
        "`ip` and `port`: where `dev` listens, unless its flags say so; the others are checked";
    Inheritable Acts "build" BUILD,
        "`command` runs before the Worker's files are read; `dev` runs it again when `watch_dir` changes";
    TopLevel Acts "alias" Map(&Text),
        "imports that mean others, see [bundling.md](bundling.md)";
    NotInheritable Acts "define" Map(&Text),
        "names that are replaced, see [bundling.md](bundling.md)";
    Inheritable Acts "tsconfig" Text,
        "the `tsconfig.json`, see [bundling.md](bundling.md)";
    Inheritable Acts "jsx_factory" Text,
        "what JSX becomes, see [bundling.md](bundling.md)";
    Inheritable Acts "jsx_fragment" Text,
        "what JSX becomes, see [bundling.md](bundling.md)";
    Inheritable Acts "minify" Flag,
        "smaller code, see [bundling.md](bundling.md)";
    Inheritable Acts "keep_names" Flag,
        "`name` of functions and classes, see [bundling.md](bundling.md)";
    Inheritable Acts "preserve_file_names" Flag,
        "names of modules beside a bundle, see [bundling.md](bundling.md)";
    Inheritable Acts "assets" ASSETS,
        "static files, served before the Worker, see [assets.md](assets.md)";
    Inheritable Acts "cache" CACHE,
        "a cache before the Worker, see [cache.md](cache.md#before-the-worker)";
    Inheritable NotYet "access" Any,
        "who may ask";
    Inheritable NotYet "placement" PLACEMENT,
        "where the Worker runs";
    Inheritable NotYet "first_party_worker" Flag,
        "of Cloudflare itself";
    Inheritable NotYet "logfwdr" LOGFWDR,
        "forwarding of logs";
    Inheritable NotYet "previews" Any,
        "settings of previews";
    NotInheritable NotYet "vectorize" VECTORIZE,
        "Vectorize";
    NotInheritable NotYet "ai" ONE_BINDING,
        "Workers AI";
    NotInheritable NotYet "ai_search" AI_SEARCH,
        "AI Search";
    NotInheritable NotYet "ai_search_namespaces" NAMESPACED,
        "AI Search";
    NotInheritable NotYet "agent_memory" NAMESPACED,
        "Agent Memory";
    NotInheritable NotYet "browser" ONE_BINDING,
        "Browser Rendering";
    NotInheritable NotYet "images" ONE_BINDING,
        "Images";
    NotInheritable NotYet "media" ONE_BINDING,
        "media transformations";
    NotInheritable NotYet "stream" ONE_BINDING,
        "Stream";
    NotInheritable NotYet "websearch" ONE_BINDING,
        "web search";
    NotInheritable NotYet "mtls_certificates" MTLS,
        "client certificates";
    NotInheritable NotYet "pipelines" PIPELINES,
        "Pipelines";
    NotInheritable NotYet "artifacts" NAMESPACED,
        "Artifacts";
    NotInheritable NotYet "flagship" FLAGSHIP,
        "Flagship";
    NotInheritable NotYet "vpc_services" VPC_SERVICES,
        "services in a private network";
    NotInheritable NotYet "vpc_networks" VPC_NETWORKS,
        "private networks";
    NotInheritable Acts "tail_consumers" TAIL_CONSUMERS,
        "Workers that get what happens in this one, see [tail-workers.md](tail-workers.md)";
    NotInheritable Acts "streaming_tail_consumers" TAIL_CONSUMERS,
        "Workers that get what happens in this one while it does, see [tail-workers.md](tail-workers.md#while-it-happens)";
    NotInheritable Acts "connect" CONNECT,
        "where `run` and `dev` take TCP connections, see [tcp.md](tcp.md#from-outside)";
    NotInheritable NotYet "containers" List(&Any),
        "containers";
    NotInheritable NotYet "cloudchamber" Any,
        "containers";
    NotInheritable NotYet "unsafe" UNSAFE,
        "bindings that wrangler does not know";
    NotInheritable NotYet "unsafe_hello_world" HELLO_WORLD,
        "an example of wrangler";
    TopLevel NotYet "site" SITE,
        "Workers Sites: static files";
    TopLevel NotYet "pages_build_output_dir" Text,
        "Pages";
    TopLevel NotYet "addresses" TEXTS,
        "email";
    Inheritable Elsewhere "account_id" Text,
        "uploading";
    Inheritable Elsewhere "workers_dev" Flag,
        "uploading";
    Inheritable Elsewhere "preview_urls" Flag,
        "uploading";
    Inheritable Elsewhere "upload_source_maps" Flag,
        "uploading";
    Inheritable Elsewhere "compliance_region" Text,
        "uploading";
    Inheritable Elsewhere "logpush" Flag,
        "logs on Cloudflare";
    Inheritable Elsewhere "observability" OBSERVABILITY,
        "logs and traces on Cloudflare";
    Inheritable Elsewhere "usage_model" Text,
        "billing; of old files";
    Inheritable Elsewhere "zone_id" Text,
        "of old files";
    Inheritable Elsewhere "python_modules" Any,
        "Python Workers, which are refused";
    TopLevel Elsewhere "configPath" Text,
        "the file that a build made this one of";
    TopLevel Elsewhere "userConfigPath" Text,
        "the same";
    TopLevel Elsewhere "topLevelName" Text,
        "the name without the environment's, in a file that a build made";
    TopLevel Elsewhere "definedEnvironments" Any,
        "the environments of the file that a build made this one of";
    Inheritable Elsewhere "type" Text,
        "of old files";
    Inheritable Elsewhere "node_compat" Flag,
        "of old files";
    TopLevel Elsewhere "$schema" Text,
        "for editors";
    TopLevel Elsewhere "send_metrics" Flag,
        "wrangler itself";
    TopLevel Elsewhere "dependencies_instrumentation" Any,
        "wrangler itself";
    TopLevel Elsewhere "keep_vars" Flag,
        "uploading";
    TopLevel Elsewhere "legacy_env" Flag,
        "of old files";
};
