//! A rate limit as a Worker's binding.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use deno_core::{OpState, Resource, ResourceId, op2};
use deno_error::JsErrorBox;
use selvedge_runtime::Binding;
use selvedge_runtime::{IsolateState, Operation};

use crate::config::Simple;
use crate::counter::{Counter, Verdict};

/// Tells the present in Unix ms. It is given, so that windows can be tested.
pub type Clock = fn() -> u64;

/// A rate limit that a Worker has in its `env`.
#[derive(Clone)]
pub struct RateLimit {
    counter: Arc<Counter>,
    simple: Simple,
    clock: Clock,
}

impl RateLimit {
    /// A limit over a counter.
    pub fn new(counter: Arc<Counter>, simple: Simple, clock: Clock) -> Self {
        Self { counter, simple, clock }
    }
}

impl fmt::Debug for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimit").field("simple", &self.simple).finish_non_exhaustive()
    }
}

impl Binding for RateLimit {
    fn script(&self) -> &'static str {
        "ext:selvedge_ratelimit/ratelimit.js"
    }

    fn open(&self, state: &mut OpState) -> ResourceId {
        state.resource_table.add(Handle(self.clone()))
    }
}

/// A limit in an isolate.
struct Handle(RateLimit);

impl Resource for Handle {
    fn name(&self) -> Cow<'_, str> {
        "rateLimit".into()
    }
}

/// Counts a call; whether it is within the limit. Numbers below zero stand for
/// those of the configuration.
#[op2(fast)]
pub(crate) fn op_ratelimit_limit(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[string] key: &str,
    limit: f64,
    period: f64,
) -> Result<bool, JsErrorBox> {
    let handle = state
        .resource_table
        .get::<Handle>(rid)
        .map_err(|_| JsErrorBox::type_error("This rate limit is not there any more."))?;
    let RateLimit { counter, simple, clock } = &handle.0;
    state.borrow::<Rc<IsolateState>>().count_operation(Operation::RateLimit);
    // Casts saturate: a limit that is not a number is zero.
    let limit = if limit < 0.0 { simple.limit } else { limit as u32 };
    let period = if period < 0.0 { simple.period } else { period as u32 };
    Ok(counter.count(key, limit, period, clock()) == Verdict::Within)
}
