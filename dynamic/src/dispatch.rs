//! The binding of a dispatch namespace.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use deno_core::{OpState, Resource, ResourceId, op2};
use deno_error::JsErrorBox;
use selvedge_runtime::outbound::{ServiceResource, ServiceTarget, Terms, Way};
use selvedge_runtime::{Binding, IsolateState, Operation};

use crate::ops::terms_of;

/// A dispatch namespace in the `env` of a Worker.
#[derive(Debug, Clone)]
pub struct DispatchNamespace {
    /// What the names of its Workers begin with in the process.
    prefix: String,
    outbound: Option<OutboundWorker>,
}

/// The Worker that all requests of the namespace's Workers go through.
#[derive(Debug, Clone)]
pub struct OutboundWorker {
    /// Its name in the process.
    pub service: String,
    /// What `get()` may put into its `env`.
    pub parameters: Vec<String>,
}

impl DispatchNamespace {
    /// A namespace; `prefix` and a Worker's name in it are that Worker's name in the
    /// process.
    pub fn new(prefix: impl Into<String>, outbound: Option<OutboundWorker>) -> Self {
        Self { prefix: prefix.into(), outbound }
    }

    /// The way to a Worker. `given` is JSON of what the way out is told, "" of nothing.
    fn target(&self, name: &str, given: &str, limits: Terms) -> Result<ServiceTarget, JsErrorBox> {
        let outbound = match &self.outbound {
            None if !given.is_empty() => {
                return Err(JsErrorBox::type_error(
                    "This dispatch namespace has no outbound Worker that could have parameters.",
                ));
            }
            None => None,
            Some(outbound) => Some(Way::Worker(Arc::new(outbound.target(given)?))),
        };
        let terms = Terms { outbound, ..limits };
        let mut target = ServiceTarget::new(format!("{}{name}", self.prefix));
        target.is_dispatched = true;
        target.terms = Some(Arc::new(terms));
        Ok(target)
    }
}

impl OutboundWorker {
    fn target(&self, given: &str) -> Result<ServiceTarget, JsErrorBox> {
        let given: serde_json::Map<String, serde_json::Value> = match given {
            "" => serde_json::Map::new(),
            json => {
                serde_json::from_str(json).map_err(|_| JsErrorBox::type_error("internal error"))?
            }
        };
        if let Some(unknown) = given.keys().find(|name| !self.parameters.contains(name)) {
            return Err(JsErrorBox::type_error(format!(
                "The outbound Worker of this dispatch namespace has no parameter \"{unknown}\": \
                 name it in the \"parameters\" of \"outbound\"."
            )));
        }
        let env = serde_json::Value::Object(given).to_string();
        let terms = Terms { env: Some(env), ..Terms::default() };
        Ok(ServiceTarget { terms: Some(Arc::new(terms)), ..ServiceTarget::new(&*self.service) })
    }
}

impl Binding for DispatchNamespace {
    fn script(&self) -> &'static str {
        "ext:selvedge_dynamic/dispatch_namespace.js"
    }

    fn open(&self, state: &mut OpState) -> ResourceId {
        state.resource_table.add(Handle(self.clone()))
    }
}

/// A namespace in an isolate.
struct Handle(DispatchNamespace);

impl Resource for Handle {
    fn name(&self) -> Cow<'_, str> {
        "dispatchNamespace".into()
    }
}

/// The way to a Worker of the namespace, to be closed. Limits below zero are none;
/// `given` is JSON of the parameters of the outbound Worker, or "". Without `is_call` it
/// is only seen whether all of that is right.
#[op2(fast)]
#[smi]
pub(crate) fn op_dispatch_target(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[string] name: &str,
    #[string] given: &str,
    cpu_ms: f64,
    subrequests: f64,
    is_call: bool,
) -> Result<ResourceId, JsErrorBox> {
    if is_call {
        state.borrow::<Rc<IsolateState>>().count_operation(Operation::DispatchCall);
    }
    let handle = state
        .resource_table
        .get::<Handle>(rid)
        .map_err(|_| JsErrorBox::type_error("This dispatch namespace is not there any more."))?;
    let target = handle.0.target(name, given, terms_of(cpu_ms, subrequests))?;
    Ok(state.resource_table.add(ServiceResource(Arc::new(target))))
}
