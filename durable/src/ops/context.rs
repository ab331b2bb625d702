//! The contexts of objects, and of those who call them.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use deno_core::{OpState, Resource, ResourceId, op2};
use deno_error::JsErrorBox;
use selvedge_runtime::{InnerEvent, InnerPlace, IsolateState, Operation, Span};

/// A context for an object: it lives until the object leaves memory.
#[op2(fast)]
#[smi]
pub(crate) fn op_do_open(state: &mut OpState) -> u32 {
    state.borrow::<Rc<IsolateState>>().open_actor()
}

/// An event enters the object: its CPU time and subrequests are counted anew.
/// Tells whether events are counted (1), and whether somebody wants to know of them
/// (2).
#[op2(fast)]
#[smi]
pub(crate) fn op_do_event(state: &mut OpState, #[smi] slot: u32) -> u32 {
    let isolate = state.borrow::<Rc<IsolateState>>();
    isolate.begin_event(slot);
    isolate.mark_resumed(slot);
    isolate.attention()
}

/// What entered the object with the class `class` and the id `hex`. `kind`: 0 a
/// request (`text` is its method), 1 a call (of the method `text`), 2 an alarm, 3
/// an event of a WebSocket (`text` is which; of a `close` the code is in `time`, and `url`
/// is `clean` if both sides closed), 4 a connection. Texts may be empty where nobody wants
/// to know of them. Gives the event's number.
#[op2(fast)]
#[smi]
pub(crate) fn op_do_event_begin(
    state: &mut OpState,
    #[smi] slot: u32,
    #[string] class: &str,
    #[string] hex: &str,
    #[smi] kind: u32,
    #[string] text: &str,
    #[string] url: &str,
    time: f64,
) -> u32 {
    let event = match kind {
        0 => InnerEvent::Fetch { method: text, url },
        1 => InnerEvent::Rpc { method: text },
        2 => InnerEvent::Alarm { scheduled_time: time as u64 },
        4 => InnerEvent::Connect,
        _ => {
            let close = (text == "close").then_some((time as u16, url == "clean"));
            InnerEvent::WebSocket { kind: text, close }
        }
    };
    let place = InnerPlace { entrypoint: Some(class), object: Some(hex) };
    state.borrow::<Rc<IsolateState>>().enter(slot, &place, &event)
}

/// The event of this number is over; `ok`: nothing was thrown.
#[op2(fast)]
pub(crate) fn op_do_event_end(state: &mut OpState, #[smi] slot: u32, #[smi] number: u32, ok: bool) {
    state.borrow::<Rc<IsolateState>>().leave(slot, number, ok);
}

/// A context calls an object: that is a subrequest of its own. The object sees
/// nothing of it before the call enters. Gives how deep the object's event is;
/// `depth` is that of the caller's event, and where the context only hands on what is
/// on its way to the object, it is as deep as that.
#[op2(fast)]
#[smi]
pub(crate) fn op_do_call(
    state: &mut OpState,
    #[smi] slot: u32,
    #[smi] depth: u32,
    is_handed_on: bool,
) -> Result<u32, JsErrorBox> {
    let isolate = state.borrow::<Rc<IsolateState>>();
    let depth = match is_handed_on {
        true => isolate.context(slot).map_or(depth, |context| context.depth),
        false => isolate.calling_object(slot, depth).map_err(JsErrorBox::from_err)?,
    };
    isolate.count_subrequest(slot).map_err(JsErrorBox::from_err)?;
    isolate.count_operation(Operation::ObjectCall);
    Ok(depth)
}

/// A call of an object that a trace shows, until the resource is closed. -1:
/// nobody traces.
#[op2(fast)]
#[smi]
pub(crate) fn op_do_call_begin(state: &mut OpState, #[smi] slot: u32) -> i32 {
    let isolate = state.borrow::<Rc<IsolateState>>();
    let Some(span) = isolate.span(slot, Operation::ObjectCall.as_str()) else { return -1 };
    i32::try_from(state.resource_table.add(Call(RefCell::new(span)))).unwrap_or(-1)
}

/// What such a call is: the object's class and the method.
#[op2(fast)]
pub(crate) fn op_do_call_is(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[string] class: &str,
    #[string] method: &str,
) {
    if let Ok(call) = state.resource_table.get::<Call>(rid) {
        let mut span = call.0.borrow_mut();
        span.set("selvedge.object.class", class);
        span.set("rpc.method", method);
    }
}

struct Call(RefCell<Span>);

impl Resource for Call {
    fn name(&self) -> Cow<'_, str> {
        "durableObjectCall".into()
    }
}
