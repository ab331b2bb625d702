//! Blobs of the isolate.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use deno_core::convert::Uint8Array;
use deno_core::{OpState, op2};
use deno_error::JsErrorBox;
use deno_web::BlobStoreTrait;

/// The bytes of a part of a Blob. All parts lie in memory here, so that
/// reading one never waits.
#[op2]
pub(crate) fn op_blob_read_all_sync(
    state: &mut OpState,
    #[serde] id: uuid::Uuid,
) -> Result<Uint8Array, JsErrorBox> {
    let store = state.borrow::<Arc<dyn BlobStoreTrait>>();
    let part = store.get_part(&id).ok_or_else(|| JsErrorBox::type_error("Blob part not found"))?;
    let mut reading = part.read();
    match reading.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(bytes) => Ok(Uint8Array::from(bytes.to_vec())),
        Poll::Pending => Err(JsErrorBox::type_error("Blob part is not in memory")),
    }
}
