//! Writing: an object or a part, from text, bytes, or a body that is taken piece
//! by piece.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use bytes::Bytes;
use deno_core::{CancelHandle, CancelTryFuture as _, OpState, Resource, ResourceId, op2};
use deno_error::JsErrorBox;
use selvedge_runtime::body::BodyResource;
use selvedge_runtime::{Amount, IsolateState, Operation};
use serde::{Deserialize, Serialize};

use super::{Handle, OnlyIf, count, handle, isolate, refused};
use crate::Error;
use crate::object::{Attributes, HttpMetadata, Object, unhex};
use crate::rules::check_size;
use crate::store::{BodyWriter, Bucket, Expected, MadePart, Put};

/// What is said of an object, or of an upload.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PutOptions {
    http_metadata: HttpMetadata,
    custom_metadata: Vec<(String, String)>,
    storage_class: Option<String>,
    only_if: Option<OnlyIf>,
    /// Hexadecimal digits.
    md5: Option<String>,
    sha1: Option<String>,
    sha256: Option<String>,
    sha384: Option<String>,
    sha512: Option<String>,
}

impl PutOptions {
    pub(super) fn attributes(&mut self, method: &str) -> Result<Attributes, JsErrorBox> {
        let class = self.storage_class.take().map(|class| class.parse()).transpose();
        Ok(Attributes {
            http_metadata: std::mem::take(&mut self.http_metadata),
            custom_metadata: std::mem::take(&mut self.custom_metadata),
            storage_class: class.map_err(|refusal| refused(method, &refusal))?,
        })
    }

    fn expected(&self, length: Option<u64>) -> Expected {
        let bytes = |text: &Option<String>| text.as_deref().and_then(unhex);
        Expected {
            length,
            md5: bytes(&self.md5),
            sha1: bytes(&self.sha1),
            sha256: bytes(&self.sha256),
            sha384: bytes(&self.sha384),
            sha512: bytes(&self.sha512),
        }
    }
}

/// What a body becomes.
enum Target {
    Object(Box<Put>),
    Part { key: String, upload: String, number: u32 },
}

impl Target {
    fn operation(&self) -> Operation {
        match self {
            Self::Object(_) => Operation::R2Put,
            Self::Part { .. } => Operation::R2Multipart,
        }
    }

    fn method(&self) -> &'static str {
        match self {
            Self::Object(_) => "put",
            Self::Part { .. } => "uploadPart",
        }
    }
}

/// A write that may begin: all but its body is checked. Its request owns it:
/// closing it ends the write.
struct Write {
    handle: Rc<Handle>,
    isolate: Rc<IsolateState>,
    slot: u32,
    begun: Cell<Option<(Target, Expected)>>,
    cancel: Rc<CancelHandle>,
}

impl Resource for Write {
    fn name(&self) -> Cow<'_, str> {
        "r2Write".into()
    }

    fn close(self: Rc<Self>) {
        self.cancel.cancel();
    }
}

/// What was written.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Done {
    Object(Box<Option<Object>>),
    Part(MadePart),
}

impl Write {
    async fn run(&self, source: Source) -> Result<Done, JsErrorBox> {
        let Some((target, expected)) = self.begun.take() else {
            return Err(JsErrorBox::type_error("It was written already."));
        };
        let bucket = self.handle.0.bucket();
        let told = |error| self.handle.told(target.method(), &error);
        let mut writer = bucket.writer(expected);
        let written = |bytes: usize| {
            self.isolate.count_amount(Amount::R2BytesWritten, bytes as u64);
        };
        match source {
            Source::Bytes(bytes) => {
                written(bytes.len());
                writer.write(bytes).await.map_err(told)?;
            }
            Source::Body(body) => {
                while let Some(piece) = body.clone().next_piece().await? {
                    written(piece.len());
                    writer.write(piece).await.map_err(told)?;
                }
            }
        }
        let method = target.method();
        let done = commit(bucket, target, writer).await;
        done.map_err(|error| self.handle.told(method, &error))
    }
}

async fn commit(bucket: &Bucket, target: Target, writer: BodyWriter) -> Result<Done, Error> {
    Ok(match target {
        Target::Object(put) => Done::Object(Box::new(bucket.put(*put, writer).await?)),
        Target::Part { key, upload, number } => {
            Done::Part(bucket.put_part(key, upload, number, writer).await?)
        }
    })
}

enum Source {
    Bytes(Bytes),
    Body(Rc<BodyResource>),
}

fn length(given: f64) -> Option<u64> {
    (given >= 0.0).then_some(given as u64)
}

/// Counts the call and makes a write of it; from here on, the world outside sees
/// something of the request.
fn open(
    state: &mut OpState,
    handle: Rc<Handle>,
    slot: u32,
    target: Target,
    expected: Expected,
) -> Result<ResourceId, JsErrorBox> {
    count(state, slot, target.operation())?;
    let isolate = isolate(state).clone();
    isolate.touch(slot);
    let begun = Cell::new(Some((target, expected)));
    let cancel = CancelHandle::new_rc();
    Ok(state.resource_table.add(Write { handle, isolate, slot, begun, cancel }))
}

/// Checks all of an object but its body. `given` is the length of that, in bytes.
#[op2]
#[smi]
pub(crate) fn op_r2_put_open(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[string] key: String,
    given: f64,
    #[serde] options: Option<PutOptions>,
) -> Result<ResourceId, JsErrorBox> {
    let handle = handle(state, rid)?;
    let mut options = options.unwrap_or_default();
    let only_if = options.only_if.take().unwrap_or_default().conditions()?;
    let attributes = options.attributes("put")?;
    let length = length(given);
    Bucket::check(&key, &attributes, length).map_err(|refusal| refused("put", &refusal))?;
    let expected = options.expected(length);
    let put = Put { key, attributes, only_if };
    open(state, handle, slot, Target::Object(Box::new(put)), expected)
}

/// Checks all of a part but its body.
#[op2(fast)]
#[smi]
pub(crate) fn op_r2_part_open(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[string] key: String,
    #[string] upload: String,
    #[smi] number: u32,
    given: f64,
) -> Result<ResourceId, JsErrorBox> {
    let handle = handle(state, rid)?;
    let length = length(given);
    let checked = check_size(length.unwrap_or(0)).map_err(Error::from);
    let checked = checked.and_then(|()| handle.0.bucket().check_part(&key, &upload, number));
    checked.map_err(|error| handle.told("uploadPart", &error))?;
    let expected = Expected { length, ..Expected::default() };
    open(state, handle, slot, Target::Part { key, upload, number }, expected)
}

async fn write(
    state: Rc<RefCell<OpState>>,
    rid: ResourceId,
    source: Source,
) -> Result<Done, JsErrorBox> {
    let write = state.borrow().resource_table.get::<Write>(rid);
    let write = write.map_err(|_| JsErrorBox::type_error("It was written already."))?;
    let result = write.run(source).try_or_cancel(write.cancel.clone()).await;
    write.isolate.mark_resumed(write.slot);
    let _ = state.borrow_mut().resource_table.take::<Write>(rid);
    result
}

/// Writes text, as UTF-8.
#[op2]
#[serde]
pub(crate) async fn op_r2_write_text(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[string] text: String,
) -> Result<Done, JsErrorBox> {
    write(state, rid, Source::Bytes(text.into())).await
}

/// Writes bytes, which are copied before this returns.
#[op2]
#[serde]
pub(crate) async fn op_r2_write_bytes(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[buffer(copy)] bytes: Bytes,
) -> Result<Done, JsErrorBox> {
    write(state, rid, Source::Bytes(bytes)).await
}

/// Takes a body from the resource table and writes it. Whatever ends it early
/// leaves the object as it was.
#[op2]
#[serde]
pub(crate) async fn op_r2_write_body(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] body: ResourceId,
) -> Result<Done, JsErrorBox> {
    let body = state.borrow_mut().resource_table.take::<BodyResource>(body);
    let body = body.map_err(|_| JsErrorBox::type_error("Body has already been used."))?;
    let result = write(state, rid, Source::Body(body.clone())).await;
    body.close();
    result
}
