//! A secret as a Worker's binding.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use deno_core::{OpState, Resource, ResourceId, op2};
use deno_error::JsErrorBox;
use selvedge_runtime::Operation;
use selvedge_runtime::{Binding, IsolateState};

use crate::source::SecretSource;

/// A secret that a Worker has in its `env`.
#[derive(Clone)]
pub struct StoreSecret {
    source: Arc<dyn SecretSource>,
    store: Arc<str>,
    name: Arc<str>,
}

impl StoreSecret {
    /// The secret of this name in a store.
    pub fn new(source: Arc<dyn SecretSource>, store: &str, name: &str) -> Self {
        Self { source, store: store.into(), name: name.into() }
    }
}

impl fmt::Debug for StoreSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreSecret").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Binding for StoreSecret {
    fn script(&self) -> &'static str {
        "ext:selvedge_secrets/secret.js"
    }

    fn open(&self, state: &mut OpState) -> ResourceId {
        state.resource_table.add(Handle(self.clone()))
    }
}

/// A secret in an isolate.
struct Handle(StoreSecret);

impl Resource for Handle {
    fn name(&self) -> Cow<'_, str> {
        "storeSecret".into()
    }
}

/// The text of the secret. Reading it is a subrequest.
#[op2]
#[string]
pub(crate) async fn op_store_secret_get(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
) -> Result<String, JsErrorBox> {
    let (secret, isolate) = {
        let state = state.borrow();
        let handle = state.resource_table.get::<Handle>(rid);
        let handle =
            handle.map_err(|_| JsErrorBox::type_error("This secret is not there any more."))?;
        (handle.0.clone(), state.borrow::<Rc<IsolateState>>().clone())
    };
    isolate.count_subrequest(slot).map_err(JsErrorBox::from_err)?;
    isolate.count_operation(Operation::SecretGet);
    let StoreSecret { source, store, name } = secret;
    let wanted = name.clone();
    let read = tokio::task::spawn_blocking(move || source.text(&store, &wanted)).await;
    isolate.mark_resumed(slot);
    let failed = |error: &dyn fmt::Display| {
        tracing::error!(secret = &*name, %error, "a secret could not be read");
        JsErrorBox::generic(format!("Secret \"{name}\" could not be read; try again later."))
    };
    match read {
        Ok(Ok(Some(text))) => Ok(text),
        Ok(Ok(None)) => Err(JsErrorBox::generic(format!("Secret \"{name}\" not found"))),
        Ok(Err(error)) => Err(failed(&error)),
        Err(error) => Err(failed(&error)),
    }
}
