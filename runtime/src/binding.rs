//! The seam for bindings: all that a crate such as `kv` must know to put
//! something into `env`, and all that an isolate must know of it.
//!
//! A binding has two moments. Per Worker, the server makes it from the
//! configuration, checks it and shares it among the Worker's isolates. Per
//! isolate, [`Binding::open`] leaves what the ops need on the isolate's thread
//! and names it by a number; the binding's script makes the object of it.

use std::fmt::Debug;

use deno_core::{OpState, ResourceId};

/// What a name in `env` stands for, where it is more than a value.
pub trait Binding: Debug + Send + Sync {
    /// The platform script that makes the object, such as
    /// `ext:selvedge_kv/kv_namespace.js`. It loads on the first use in an
    /// isolate and gives an object whose function `bind` takes the number that
    /// `open` returned and the binding's name.
    fn script(&self) -> &'static str;

    /// Opens the binding in an isolate, on its thread, before the Worker's code
    /// runs: adds a resource to the table and gives its number. Ops find the
    /// resource by that number, which only the binding's script knows; they
    /// never get a namespace's name from JavaScript.
    fn open(&self, state: &mut OpState) -> ResourceId;
}
