//! A dataset as a Worker's binding.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use deno_core::{OpState, Resource, ResourceId, op2};
use deno_error::JsErrorBox;
use selvedge_runtime::Binding;
use selvedge_runtime::{IsolateState, Operation};

use crate::point::Point;
use crate::store::AnalyticsStore;

/// A dataset that a Worker has in its `env`.
#[derive(Clone)]
pub struct Dataset {
    store: Arc<AnalyticsStore>,
    account: Arc<str>,
    name: Arc<str>,
}

impl Dataset {
    /// A dataset of an account.
    pub fn new(store: Arc<AnalyticsStore>, account: &str, name: &str) -> Self {
        Self { store, account: account.into(), name: name.into() }
    }
}

impl fmt::Debug for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dataset").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Binding for Dataset {
    fn script(&self) -> &'static str {
        "ext:selvedge_analytics/dataset.js"
    }

    fn open(&self, state: &mut OpState) -> ResourceId {
        state.resource_table.add(Handle(self.clone()))
    }
}

/// A dataset in an isolate.
struct Handle(Dataset);

impl Resource for Handle {
    fn name(&self) -> Cow<'_, str> {
        "analyticsDataset".into()
    }
}

/// Writes a point, without waiting for anything.
#[op2]
pub(crate) fn op_analytics_write(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[serde] mut indexes: Vec<Option<String>>,
    #[serde] blobs: Vec<Option<String>>,
    #[serde] doubles: Vec<f64>,
) -> Result<(), JsErrorBox> {
    let handle = state
        .resource_table
        .get::<Handle>(rid)
        .map_err(|_| JsErrorBox::type_error("This dataset is not there any more."))?;
    let Dataset { store, account, name } = &handle.0;
    let given = indexes.len();
    let index = if given == 0 { None } else { indexes.swap_remove(0) };
    let dataset = name.to_string();
    let point = Point { dataset, timestamp: store.now(), index, blobs, doubles };
    point.check(given).map_err(|refusal| JsErrorBox::type_error(refusal.to_string()))?;
    store.write(account, point);
    state.borrow::<Rc<IsolateState>>().count_operation(Operation::AnalyticsWrite);
    Ok(())
}
