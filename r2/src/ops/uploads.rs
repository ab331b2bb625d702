//! Uploads in parts, but for the parts themselves.

use std::cell::RefCell;
use std::rc::Rc;

use deno_core::{OpState, ResourceId, op2};
use deno_error::JsErrorBox;
use selvedge_runtime::Operation;

use super::begin;
use super::put::PutOptions;
use crate::object::Object;
use crate::store::MadePart;

/// Begins an upload; its id.
#[op2]
#[string]
pub(crate) async fn op_r2_upload_create(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[string] key: String,
    #[serde] options: Option<PutOptions>,
) -> Result<String, JsErrorBox> {
    const METHOD: &str = "createMultipartUpload";
    let (handle, isolate) = begin(&state, rid, slot, Operation::R2Multipart)?;
    let attributes = options.unwrap_or_default().attributes(METHOD)?;
    isolate.touch(slot);
    let result = handle.0.bucket().create_upload(key, attributes).await;
    isolate.mark_resumed(slot);
    result.map_err(|error| handle.told(METHOD, &error))
}

/// Makes an object of parts.
#[op2]
#[serde]
pub(crate) async fn op_r2_upload_complete(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[string] key: String,
    #[string] upload: String,
    #[serde] parts: Vec<MadePart>,
) -> Result<Object, JsErrorBox> {
    let (handle, isolate) = begin(&state, rid, slot, Operation::R2Multipart)?;
    isolate.touch(slot);
    let result = handle.0.bucket().complete_upload(key, upload, parts).await;
    isolate.mark_resumed(slot);
    result.map_err(|error| handle.told("completeMultipartUpload", &error))
}

/// Forgets an upload.
#[op2]
pub(crate) async fn op_r2_upload_abort(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[string] key: String,
    #[string] upload: String,
) -> Result<(), JsErrorBox> {
    let (handle, isolate) = begin(&state, rid, slot, Operation::R2Multipart)?;
    isolate.touch(slot);
    let result = handle.0.bucket().abort_upload(key, upload).await;
    isolate.mark_resumed(slot);
    result.map_err(|error| handle.told("abortMultipartUpload", &error))
}
