//! The values in `env` of a loaded Worker: copies of plain data, and in them ways to
//! Workers and Durable Objects.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use deno_core::{OpState, Resource, ResourceId, ToJsBuffer, op2};
use selvedge_runtime::Binding;
use selvedge_runtime::outbound::{OpenWay, ServiceTarget};

/// A value, as it was encoded in the isolate of the loader.
#[derive(Debug, Clone)]
pub(crate) struct LoadedValue {
    /// V8's serialization.
    pub(crate) value: Bytes,
    /// The same of what goes by reference in it.
    pub(crate) externals: Bytes,
    /// Where those lead.
    pub(crate) ways: Vec<Arc<ServiceTarget>>,
}

impl Binding for LoadedValue {
    fn script(&self) -> &'static str {
        "ext:selvedge_dynamic/loaded_env.js"
    }

    fn open(&self, state: &mut OpState) -> ResourceId {
        state.resource_table.add(Held(self.clone()))
    }
}

struct Held(LoadedValue);

impl Resource for Held {
    fn name(&self) -> Cow<'_, str> {
        "loadedValue".into()
    }
}

/// The value, what goes by reference in it, and the ways there, once.
#[op2]
#[serde]
pub(crate) fn op_loaded_value(
    state: &mut OpState,
    #[smi] rid: ResourceId,
) -> Option<(ToJsBuffer, ToJsBuffer, Vec<OpenWay>)> {
    let held = state.resource_table.take::<Held>(rid).ok()?;
    let LoadedValue { value, externals, ways } = &held.0;
    let ways = ways.iter().map(|way| way.open(state)).collect();
    Some((value.to_vec().into(), externals.to_vec().into(), ways))
}
