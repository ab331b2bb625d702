//! The shapes of the larger keys, as wrangler 4.125 knows them.

use crate::config::schema::Shape::{
    self, Any, Either, Flag, List, Map, Number, OneOf, Table, Text,
};
use crate::config::schema::{Field, may, must};

pub(super) const TEXTS: Shape = List(&Text);
const TEXT_OR_TEXTS: Shape = Either(&[Text, TEXTS]);

pub(super) const ROUTE: Shape = Either(&[
    Text,
    Table(&[
        must("pattern", Text),
        may("zone_id", Text),
        may("zone_name", Text),
        may("custom_domain", Flag),
        may("enabled", Flag),
        may("previews_enabled", Flag),
    ]),
]);

pub(super) const TRIGGERS: Shape = Table(&[
    may("crons", TEXTS),
    may(
        "events",
        List(&Table(&[
            must("type", Text),
            may("filter", Table(&[may("namespace", Text), may("repo_name", Text)])),
            must("targets", List(&Table(&[must("type", Text), must("workflow_name", Text)]))),
        ])),
    ),
]);

pub(super) const LIMITS: Shape = Table(&[may("cpu_ms", Number), may("subrequests", Number)]);

pub(super) const CACHE: Shape = Table(&[must("enabled", Flag), may("cross_version_cache", Flag)]);

pub(super) const RULES: Shape = List(&Table(&[
    must(
        "type",
        OneOf(&[
            "ESModule",
            "CommonJS",
            "CompiledWasm",
            "Text",
            "Data",
            "JSON",
            "PythonModule",
            "PythonRequirement",
        ]),
    ),
    must("globs", TEXTS),
    may("fallthrough", Flag),
]));

pub(super) const BUILD: Shape =
    Table(&[may("command", Text), may("cwd", Text), may("watch_dir", TEXT_OR_TEXTS)]);

pub(super) const DEV: Shape = Table(&[
    may("ip", Text),
    may("port", Number),
    may("inspector_port", Number),
    may("inspector_ip", Text),
    may("local_protocol", OneOf(&["http", "https"])),
    may("upstream_protocol", OneOf(&["http", "https"])),
    may("host", Text),
    may("enable_containers", Flag),
    may("container_engine", Any),
    may("generate_types", Flag),
]);

pub(super) const ASSETS: Shape = Table(&[
    may("directory", Text),
    may("binding", Text),
    may(
        "html_handling",
        OneOf(&["auto-trailing-slash", "force-trailing-slash", "drop-trailing-slash", "none"]),
    ),
    may("not_found_handling", OneOf(&["single-page-application", "404-page", "none"])),
    may("run_worker_first", Either(&[Flag, TEXTS])),
]);

pub(super) const SITE: Shape = Table(&[
    must("bucket", Text),
    may("entry-point", Text),
    may("include", TEXTS),
    may("exclude", TEXTS),
]);

pub(super) const OBSERVABILITY: Shape = Table(&[
    may("enabled", Flag),
    may("head_sampling_rate", Number),
    may(
        "logs",
        Table(&[
            may("enabled", Flag),
            may("head_sampling_rate", Number),
            may("invocation_logs", Flag),
            may("persist", Flag),
            may("destinations", TEXTS),
        ]),
    ),
    may(
        "traces",
        Table(&[
            may("enabled", Flag),
            may("head_sampling_rate", Number),
            may("persist", Flag),
            may("destinations", TEXTS),
        ]),
    ),
]);

pub(super) const PLACEMENT: Shape = Table(&[
    may("mode", OneOf(&["off", "smart", "targeted"])),
    may("hint", Text),
    may("region", Text),
    may("host", Text),
    may("hostname", Text),
]);

pub(super) const MIGRATIONS: Shape = List(&Table(&[
    must("tag", Text),
    may("new_classes", TEXTS),
    may("new_sqlite_classes", TEXTS),
    may("renamed_classes", List(&Table(&[must("from", Text), must("to", Text)]))),
    may(
        "transferred_classes",
        List(&Table(&[must("from", Text), must("from_script", Text), must("to", Text)])),
    ),
    may("deleted_classes", TEXTS),
]));

pub(super) const LOGFWDR: Shape = Table(&[
    may("schema", Text),
    must("bindings", List(&Table(&[must("name", Text), must("destination", Text)]))),
]);

pub(super) const KV_NAMESPACES: Shape = List(&Table(&[
    must("binding", Text),
    may("id", Text),
    may("preview_id", Text),
    may("remote", Flag),
]));

pub(super) const DURABLE_OBJECTS: Shape = Table(&[must(
    "bindings",
    List(&Table(&[
        must("name", Text),
        must("class_name", Text),
        may("script_name", Text),
        may("environment", Text),
    ])),
)]);

pub(super) const WORKFLOWS: Shape = List(&Table(&[
    must("binding", Text),
    must("name", Text),
    must("class_name", Text),
    may("script_name", Text),
    may("limits", Table(&[may("steps", Number)])),
    may("schedules", TEXT_OR_TEXTS),
    may("remote", Flag),
]));

pub(super) const QUEUES: Shape = Table(&[
    may(
        "producers",
        List(&Table(&[
            must("binding", Text),
            may("queue", Text),
            may("delivery_delay", Number),
            may("remote", Flag),
        ])),
    ),
    may(
        "consumers",
        List(&Table(&[
            must("queue", Text),
            may("type", Text),
            may("max_batch_size", Number),
            may("max_batch_timeout", Number),
            may("max_retries", Number),
            may("dead_letter_queue", Text),
            may("max_concurrency", Any),
            may("visibility_timeout_ms", Number),
            may("retry_delay", Number),
        ])),
    ),
]);

pub(super) const R2_BUCKETS: Shape = List(&Table(&[
    must("binding", Text),
    may("bucket_name", Text),
    may("preview_bucket_name", Text),
    may("jurisdiction", Text),
    may("remote", Flag),
    may("local_dev", Any),
]));

pub(super) const D1_DATABASES: Shape = List(&Table(&[
    must("binding", Text),
    may("database_name", Text),
    may("database_id", Text),
    may("preview_database_id", Text),
    may("migrations_table", Text),
    may("migrations_dir", Text),
    may("migrations_pattern", Text),
    may("database_internal_env", Text),
    may("remote", Flag),
]));

pub(super) const SERVICES: Shape = List(&Table(&[
    must("binding", Text),
    must("service", Text),
    may("environment", Text),
    may("entrypoint", Text),
    may("props", Map(&Any)),
    may("remote", Flag),
]));

pub(super) const SEND_EMAIL: Shape = List(&Table(&[
    must("name", Text),
    may("destination_address", Text),
    may("allowed_destination_addresses", TEXTS),
    may("allowed_sender_addresses", TEXTS),
    may("remote", Flag),
]));

pub(super) const RATELIMITS: Shape = List(&Table(&[
    must("name", Text),
    must("namespace_id", Text),
    must("simple", Table(&[must("limit", Number), must("period", Number)])),
]));

pub(super) const DISPATCH_NAMESPACES: Shape = List(&Table(&[
    must("binding", Text),
    may("namespace", Text),
    may(
        "outbound",
        Table(&[must("service", Text), may("environment", Text), may("parameters", TEXTS)]),
    ),
    may("remote", Flag),
]));

pub(super) const TAIL_CONSUMERS: Shape =
    List(&Table(&[must("service", Text), may("environment", Text)]));

pub(super) const CONNECT: Shape =
    List(&Table(&[must("protocol", Text), must("port", Number), may("address", Text)]));

/// One table `{ binding = ".." }`.
pub(super) const ONE_BINDING: Shape =
    Table(&[must("binding", Text), may("remote", Flag), may("staging", Flag)]);

pub(super) const VERSION_METADATA: Shape = Table(&[must("binding", Text)]);

/// Tables with `binding` and these keys.
macro_rules! bindings {
    ($($constant:ident: $($key:literal $shape:expr),*;)*) => {
        $(pub(super) const $constant: Shape = List(&Table({
            const FIELDS: &[Field] =
                &[must("binding", Text), may("remote", Flag), $(may($key, $shape)),*];
            FIELDS
        }));)*
    };
}

bindings! {
    VECTORIZE: "index_name" Text;
    HYPERDRIVE: "id" Text, "localConnectionString" Text;
    ANALYTICS: "dataset" Text;
    MTLS: "certificate_id" Text;
    PIPELINES: "pipeline" Text, "stream" Text;
    SECRETS_STORE: "store_id" Text, "secret_name" Text;
    NAMESPACED: "namespace" Text;
    HELLO_WORLD: "enable_timer" Flag;
    FLAGSHIP: "app_id" Text;
    LOADERS: "id" Text;
    VPC_SERVICES: "service_id" Text;
    VPC_NETWORKS: "tunnel_id" Text, "network_id" Text;
    AI_SEARCH: "instance_name" Text;
}

pub(super) const SECRETS: Shape = Table(&[may("required", TEXTS)]);

pub(super) const UNSAFE: Shape =
    Table(&[may("bindings", List(&Any)), may("metadata", Any), may("capnp", Any)]);
