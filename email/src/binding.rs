//! The sender of mail as a Worker's binding.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use deno_core::{JsBuffer, OpState, Resource, ResourceId, op2};
use deno_error::JsErrorBox;
use lettre::address::Envelope;
use selvedge_runtime::{Amount, Binding, IsolateState, Operation};

use crate::error::{Code, Refusal};
use crate::mailer::{Mailer, Sent};
use crate::message::{Parts, Person, new_id};
use crate::raw::with_line_ends;
use crate::rules::{Rules, address, check_raw, check_size};

/// What a Worker has in its `env` to send mail.
#[derive(Clone)]
pub struct SendEmail {
    mailer: Arc<dyn Mailer>,
    rules: Arc<Rules>,
}

impl SendEmail {
    /// Sends as far as the rules allow.
    pub fn new(mailer: Arc<dyn Mailer>, rules: Rules) -> Self {
        Self { mailer, rules: Arc::new(rules) }
    }
}

impl fmt::Debug for SendEmail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendEmail").field("rules", &self.rules).finish_non_exhaustive()
    }
}

impl Binding for SendEmail {
    fn script(&self) -> &'static str {
        "ext:selvedge_email/send_email.js"
    }

    fn open(&self, state: &mut OpState) -> ResourceId {
        state.resource_table.add(Handle(self.clone()))
    }
}

/// It, in an isolate.
struct Handle(SendEmail);

impl Resource for Handle {
    fn name(&self) -> Cow<'_, str> {
        "sendEmail".into()
    }
}

/// Sends a message as it is; gives its id, and the file that it is in, or nothing.
#[op2]
#[serde]
pub(crate) async fn op_email_send_raw(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[string] from: String,
    #[string] to: String,
    #[buffer] raw: JsBuffer,
) -> Result<(String, String), JsErrorBox> {
    let (email, desk) = begin(&state, rid, slot)?;
    let checked = || {
        email.rules.check(&from, [to.as_str()])?;
        let (_, id) = check_raw(&from, &raw)?;
        Ok((id, envelope(&from, &to)?))
    };
    let (id, envelope) = desk.refuse(checked())?;
    let file = desk.deliver(&*email.mailer, &envelope, &with_line_ends(&raw)).await?;
    Ok((id, file))
}

/// Sends a message of these parts; gives its id, and the file that it is in, or
/// nothing.
#[op2]
#[serde]
pub(crate) async fn op_email_send_built(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[serde] parts: Parts,
) -> Result<(String, String), JsErrorBox> {
    let (email, desk) = begin(&state, rid, slot)?;
    let id = new_id(&parts.from.email);
    let built = || {
        let all = parts.recipients().map(|it: &Person| it.email.as_str());
        email.rules.check(&parts.from.email, all)?;
        let message = parts.build(&id, &[])?;
        let bytes = message.formatted();
        check_size(bytes.len()).map(|()| (message.envelope().clone(), bytes))
    };
    let (envelope, bytes) = desk.refuse(built())?;
    let file = desk.deliver(&*email.mailer, &envelope, &bytes).await?;
    Ok((id, file))
}

fn begin(
    state: &RefCell<OpState>,
    rid: ResourceId,
    slot: u32,
) -> Result<(SendEmail, Desk), JsErrorBox> {
    let desk = Desk::open(state, slot)?;
    let state = state.borrow();
    let handle = state.resource_table.get::<Handle>(rid).map_err(|_| gone())?;
    Ok((handle.0.clone(), desk))
}

pub(crate) fn gone() -> JsErrorBox {
    JsErrorBox::type_error("This binding is not there any more.")
}

/// Who a message goes from and to.
pub(crate) fn envelope(from: &str, to: &str) -> Result<Envelope, Refusal> {
    // A report of a failed delivery comes from nobody (RFC 5321, 4.5.5).
    let from = if from.is_empty() { None } else { Some(address(from)?) };
    Envelope::new(from, vec![address(to)?]).map_err(|error| Refusal::invalid(error.to_string()))
}

/// What sends for a request, and counts.
pub(crate) struct Desk {
    isolate: Rc<IsolateState>,
    slot: u32,
}

impl Desk {
    /// A message is a subrequest.
    pub(crate) fn open(state: &RefCell<OpState>, slot: u32) -> Result<Self, JsErrorBox> {
        let isolate = state.borrow().borrow::<Rc<IsolateState>>().clone();
        isolate.count_subrequest(slot).map_err(JsErrorBox::from_err)?;
        isolate.count_operation(Operation::EmailSend);
        Ok(Self { isolate, slot })
    }

    /// Counts a refusal.
    pub(crate) fn refuse<T>(&self, checked: Result<T, Refusal>) -> Result<T, JsErrorBox> {
        checked.map_err(|refusal| {
            let is_ours = matches!(refusal.code, Code::NoRelay | Code::Unavailable);
            let amount = if is_ours { Amount::EmailsFailed } else { Amount::EmailsRefused };
            self.isolate.count_amount(amount, 1);
            JsErrorBox::from_err(refusal)
        })
    }

    /// Hands a message over; gives the file that it is in, or nothing.
    pub(crate) async fn deliver(
        &self,
        mailer: &dyn Mailer,
        envelope: &Envelope,
        message: &[u8],
    ) -> Result<String, JsErrorBox> {
        let sent = mailer.send(envelope, message).await;
        self.isolate.mark_resumed(self.slot);
        let sent = self.refuse(sent.map_err(Refusal::from))?;
        self.isolate.count_amount(Amount::EmailsSent, 1);
        Ok(match sent {
            Sent::Relayed => String::new(),
            Sent::Kept(file) => file.display().to_string(),
        })
    }
}
