//! Service bindings: `env.NAME.fetch()` reaches another Worker.

use std::sync::Arc;

use deno_core::{OpState, ResourceId};
use selvedge_runtime::Binding;
use selvedge_runtime::outbound::{ServiceResource, ServiceTarget};

/// An entry of `services`.
#[derive(Debug)]
pub struct ServiceBinding(pub Arc<ServiceTarget>);

impl Binding for ServiceBinding {
    fn script(&self) -> &'static str {
        "ext:selvedge/service.js"
    }

    fn open(&self, state: &mut OpState) -> ResourceId {
        state.resource_table.add(ServiceResource(self.0.clone()))
    }
}
