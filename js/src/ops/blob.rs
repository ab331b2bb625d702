//! Blobs of the isolate: their bytes lie outside of V8 and are bounded all the
//! same.

use std::collections::HashMap;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use deno_core::convert::Uint8Array;
use deno_core::{JsBuffer, OpState, op2};
use deno_error::JsErrorBox;
use deno_web::{BlobStoreTrait, InMemoryBlobPart};
use selvedge_runtime::IsolateState;
use std::rc::Rc;
use uuid::Uuid;

/// Sizes of the parts that live, in bytes.
#[derive(Default)]
struct BlobBytes {
    sizes: HashMap<Uuid, usize>,
    used: usize,
}

/// Keeps the bytes of a part of a Blob. All parts together may hold as much as
/// the isolate may use.
#[op2]
#[serde]
pub(crate) fn op_blob_create_part(
    state: &mut OpState,
    #[buffer] bytes: JsBuffer,
) -> Result<Uuid, JsErrorBox> {
    let limit = state.borrow::<Rc<IsolateState>>().worker().limits.memory_bytes;
    if !state.has::<BlobBytes>() {
        state.put(BlobBytes::default());
    }
    let size = bytes.len();
    if state.borrow::<BlobBytes>().used.saturating_add(size) > limit {
        return Err(JsErrorBox::range_error("Memory limit exceeded"));
    }
    let part = Arc::new(InMemoryBlobPart::from(bytes.to_vec()));
    let id = state.borrow::<Arc<dyn BlobStoreTrait>>().insert_part(part);
    let counted = state.borrow_mut::<BlobBytes>();
    counted.sizes.insert(id, size);
    counted.used += size;
    Ok(id)
}

/// Forgets a part of a Blob.
#[op2]
pub(crate) fn op_blob_remove_part(state: &mut OpState, #[serde] id: Uuid) {
    state.borrow::<Arc<dyn BlobStoreTrait>>().remove_part(&id);
    if let Some(counted) = state.try_borrow_mut::<BlobBytes>()
        && let Some(size) = counted.sizes.remove(&id)
    {
        counted.used -= size;
    }
}

/// The bytes of a part of a Blob. All parts lie in memory here, so that
/// reading one never waits.
#[op2]
pub(crate) fn op_blob_read_all_sync(
    state: &mut OpState,
    #[serde] id: Uuid,
) -> Result<Uint8Array, JsErrorBox> {
    let store = state.borrow::<Arc<dyn BlobStoreTrait>>();
    let part = store.get_part(&id).ok_or_else(|| JsErrorBox::type_error("Blob part not found"))?;
    let mut reading = part.read();
    match reading.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(bytes) => Ok(Uint8Array::from(bytes.to_vec())),
        Poll::Pending => Err(JsErrorBox::type_error("Blob part is not in memory")),
    }
}
