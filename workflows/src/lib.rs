//! Workflows, whole: the binding that a Worker sees, Cloudflare's rules, the engine
//! that runs an instance on the storage of a Durable Object, and the index by which
//! instances are listed.

pub mod binding;
pub mod config;
pub mod rules;
pub mod store;
pub mod view;

mod ops;

use deno_core::Extension;

pub use binding::{Engine, Workflow};
pub use selvedge_storage::Error;

deno_core::extension!(
    selvedge_workflows,
    deps = [selvedge, selvedge_durable],
    ops = [
        ops::op_workflow_call,
        ops::op_workflow_engine,
        ops::op_workflow_forget,
        ops::op_workflow_is_there,
        ops::op_workflow_namespace,
        ops::op_workflow_note,
        ops::op_workflow_step,
    ],
    lazy_loaded_js = [
        dir "src",
        "doing.js",
        "durations.js",
        "engine.js",
        "life.js",
        "records.js",
        "rollback.js",
        "run.js",
        "step.js",
        "streams.js",
        "view.js",
        "workflow.js",
    ],
);

/// The binding's ops and its scripts, which load in isolates that have a Workflow.
pub fn extension() -> Extension {
    selvedge_workflows::init()
}
