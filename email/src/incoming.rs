//! What the `email` handler does with a message: it forwards it, or replies.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use deno_core::{JsBuffer, OpState, Resource, ResourceId, op2};
use deno_error::JsErrorBox;
use lettre::message::header::{HeaderName, HeaderValue, Headers};
use selvedge_runtime::Binding;

use crate::binding::{Desk, envelope, gone};
use crate::error::Refusal;
use crate::headers::{is_line, is_own};
use crate::mailer::Mailer;
use crate::message::{Parts, Person, new_id};
use crate::raw::with_line_ends;
use crate::reply::Original;
use crate::rules::{MAX_MESSAGE_BYTES, check_size};

/// Sends for the `email` handler of a Worker.
#[derive(Debug, Clone)]
pub struct IncomingEmail(Arc<dyn Mailer>);

impl IncomingEmail {
    /// What is forwarded and replied goes here.
    pub fn new(mailer: Arc<dyn Mailer>) -> Self {
        Self(mailer)
    }
}

impl Binding for IncomingEmail {
    fn script(&self) -> &'static str {
        "ext:selvedge_email/incoming.js"
    }

    fn open(&self, state: &mut OpState) -> ResourceId {
        state.resource_table.add(Handle(self.0.clone()))
    }
}

struct Handle(Arc<dyn Mailer>);

impl Resource for Handle {
    fn name(&self) -> Cow<'_, str> {
        "incomingEmail".into()
    }
}

fn mailer(state: &RefCell<OpState>, rid: ResourceId) -> Result<Arc<dyn Mailer>, JsErrorBox> {
    let state = state.borrow();
    let handle = state.resource_table.get::<Handle>(rid).map_err(|_| gone())?;
    Ok(handle.0.clone())
}

/// The longest message that is taken, in bytes.
#[op2(fast)]
#[smi]
pub(crate) fn op_email_max_bytes() -> u32 {
    u32::try_from(MAX_MESSAGE_BYTES).unwrap_or(u32::MAX)
}

/// Sends a message on, with those of the headers that begin with `X-` before its own.
/// It comes from the address that it came to: a relay does not send for strangers.
/// Gives an id, and the file that it is in, or nothing.
#[op2]
#[serde]
pub(crate) async fn op_email_forward(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[string] from: String,
    #[string] to: String,
    #[buffer] raw: JsBuffer,
    #[string] recipient: String,
    #[serde] headers: Vec<(String, String)>,
) -> Result<(String, String), JsErrorBox> {
    let (mailer, desk) = (mailer(&state, rid)?, Desk::open(&state, slot)?);
    let checked = || {
        let sender = if from.is_empty() { "" } else { to.as_str() };
        let mut bytes = added(&headers)?.into_bytes();
        bytes.extend_from_slice(&with_line_ends(&raw));
        Ok((envelope(sender, &recipient)?, bytes))
    };
    let (envelope, bytes) = desk.refuse(checked())?;
    let file = desk.deliver(&*mailer, &envelope, &bytes).await?;
    Ok((new_id(&to), file))
}

/// The headers that may be added, as lines.
fn added(headers: &[(String, String)]) -> Result<String, Refusal> {
    let mut lines = Headers::new();
    for (name, value) in headers.iter().filter(|(name, _)| is_own(name)) {
        let known = HeaderName::new_from_ascii(name.clone());
        match known {
            Ok(known) if is_line(value) => {
                lines.insert_raw(HeaderValue::new(known, value.clone()));
            }
            _ => return Err(Refusal::invalid(format!("the header {name} cannot be added"))),
        }
    }
    Ok(lines.to_string())
}

/// Replies with a message as it is; gives its id, and the file that it is in, or
/// nothing.
#[op2]
#[serde]
pub(crate) async fn op_email_reply_raw(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[serde] (from, to): (String, String),
    #[buffer] raw: JsBuffer,
    #[serde] (reply_from, reply_to): (String, String),
    #[buffer] reply: JsBuffer,
) -> Result<(String, String), JsErrorBox> {
    let (mailer, desk) = (mailer(&state, rid)?, Desk::open(&state, slot)?);
    let checked = || {
        let original = Original::new(&from, &to, &raw);
        original.check_ends(&reply_from, &reply_to)?;
        let (id, message) = original.threaded(&reply_from, &reply)?;
        Ok((envelope(&reply_from, &reply_to)?, id, message))
    };
    let (envelope, id, message) = desk.refuse(checked())?;
    let file = desk.deliver(&*mailer, &envelope, &message).await?;
    Ok((id, file))
}

/// Replies with a message of these parts, which goes to who wrote the message.
#[op2]
#[serde]
pub(crate) async fn op_email_reply_built(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[serde] (from, to): (String, String),
    #[buffer] raw: JsBuffer,
    #[serde] mut parts: Parts,
) -> Result<(String, String), JsErrorBox> {
    let (mailer, desk) = (mailer(&state, rid)?, Desk::open(&state, slot)?);
    parts.to = vec![Person { email: from.clone(), name: None }];
    (parts.cc, parts.bcc) = (Vec::new(), Vec::new());
    let id = new_id(&parts.from.email);
    let built = || {
        let original = Original::new(&from, &to, &raw);
        original.check_ends(&parts.from.email, &from)?;
        let message = parts.build(&id, &original.thread()?)?;
        let bytes = message.formatted();
        check_size(bytes.len()).map(|()| (message.envelope().clone(), bytes))
    };
    let (envelope, bytes) = desk.refuse(built())?;
    let file = desk.deliver(&*mailer, &envelope, &bytes).await?;
    Ok((id, file))
}
