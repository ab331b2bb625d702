//! The ops of the binding.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use deno_core::{OpState, Resource, ResourceId, op2, v8};
use deno_error::JsErrorBox;
use selvedge_runtime::{Amount, IsolateState, Operation};

use crate::binding::Producer;
use crate::rules::{self, Refusal};
use crate::store::{ContentType, NewMessage};

/// A queue in an isolate: what `env` holds, by its number.
pub(crate) struct Handle {
    producer: Producer,
}

impl Resource for Handle {
    fn name(&self) -> Cow<'_, str> {
        "queue".into()
    }
}

impl Handle {
    pub(crate) fn new(producer: Producer) -> Self {
        Self { producer }
    }

    fn refusal(&self, call: &'static str, error: &crate::Error) -> JsErrorBox {
        tracing::error!(queue = self.producer.name(), %error, "a queue failed");
        JsErrorBox::from_err(Refusal::of_store(call, error))
    }
}

fn handle(state: &OpState, rid: ResourceId) -> Result<Rc<Handle>, JsErrorBox> {
    state
        .resource_table
        .get::<Handle>(rid)
        .map_err(|_| JsErrorBox::type_error("This queue is not there any more."))
}

/// Sends messages, all or none, and comes back when they are on disk. `types` and
/// `delays` are by message: names of content types, and seconds or -1 for none.
/// Gives the number of messages that wait, and their bytes.
#[op2]
#[serde]
pub(crate) fn op_queue_send(
    scope: &mut v8::PinScope<'_, '_>,
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    bodies: v8::Local<'_, v8::Array>,
    #[serde] types: Vec<String>,
    #[serde] delays: Vec<f64>,
    is_batch: bool,
) -> Result<impl Future<Output = Result<(u64, u64), JsErrorBox>> + use<>, JsErrorBox> {
    let call = if is_batch { "sendBatch" } else { "send" };
    let (handle, isolate) = {
        let state = state.borrow();
        let isolate = state.borrow::<Rc<IsolateState>>().clone();
        isolate.count_subrequest(slot).map_err(JsErrorBox::from_err)?;
        isolate.count_operation(Operation::QueueSend);
        (handle(&state, rid)?, isolate)
    };
    let mut messages = Vec::with_capacity(types.len());
    for (at, (name, delay)) in (0..).zip(types.iter().zip(delays)) {
        let body = bodies.get_index(scope, at).ok_or_else(not_a_body)?;
        let body = bytes_of(scope, body)?;
        let content_type = ContentType::of(name).ok_or_else(not_a_body)?;
        // Fractions of a second are none: Cloudflare's delays are whole ones.
        let delay = match delay {
            none if none.is_nan() => handle.producer.delay(),
            delay => rules::check_delay(call, delay as i64).map_err(JsErrorBox::from_err)?,
        };
        let delay = i64::from(delay) * 1000;
        messages.push(NewMessage { body, content_type, delay, former: None });
    }
    let sizes: Vec<usize> = messages.iter().map(|message| message.body.len()).collect();
    rules::check_sizes(call, &sizes).map_err(JsErrorBox::from_err)?;
    let sent = handle.producer.store().send(messages);
    Ok(async move {
        let result = sent.await;
        isolate.mark_resumed(slot);
        result.map_err(|error| handle.refusal(call, &error))?;
        isolate.count_amount(Amount::QueueMessages, sizes.len() as u64);
        let metrics = handle.producer.store().metrics().unwrap_or_default();
        Ok((metrics.count, metrics.bytes))
    })
}

/// The content type of messages that name none.
#[op2]
#[string]
pub(crate) fn op_queue_default_type(state: &mut OpState) -> String {
    let isolate = state.borrow::<Rc<IsolateState>>();
    let is_json = isolate.worker().compatibility.is_on("queues_json_messages");
    let content_type = if is_json { ContentType::Json } else { ContentType::V8 };
    content_type.name().to_owned()
}

/// What waits: messages, bytes, and when the oldest was sent (0: nothing waits).
#[op2]
#[serde]
pub(crate) fn op_queue_metrics(
    state: &mut OpState,
    #[smi] rid: ResourceId,
) -> Result<(u64, u64, f64), JsErrorBox> {
    let handle = handle(state, rid)?;
    let metrics = handle.producer.store().metrics();
    let metrics = metrics.map_err(|error| handle.refusal("metrics", &error))?;
    Ok((metrics.count, metrics.bytes, metrics.oldest.unwrap_or(0) as f64))
}

fn bytes_of(
    scope: &mut v8::PinScope<'_, '_>,
    body: v8::Local<'_, v8::Value>,
) -> Result<Bytes, JsErrorBox> {
    if body.is_string() {
        return Ok(body.to_rust_string_lossy(scope).into());
    }
    let view = v8::Local::<v8::ArrayBufferView>::try_from(body).map_err(|_| not_a_body())?;
    let mut copy = vec![0; view.byte_length()];
    view.copy_contents(&mut copy);
    Ok(copy.into())
}

fn not_a_body() -> JsErrorBox {
    JsErrorBox::type_error("this is no body of a message")
}
