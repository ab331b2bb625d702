//! HTMLRewriter: a parser is a resource, its token is whatever it stopped at.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use deno_core::convert::Uint8Array;
use deno_core::{OpState, Resource, ResourceId, op2};
use deno_error::JsErrorBox;
use lol_html::html_content::ContentType;
use lol_html::{AsciiCompatibleEncoding, Selector};

use crate::html_rewriter::{
    Call, Command, Event, Field, Handlers, Live, Place, Reading, Rewriter, Value,
};

/// Selectors may nest `:not(..)` this deep: reading them is recursive.
const MAX_SELECTOR_DEPTH: usize = 32;

/// What `flags` of `op_rewriter_new` has for each handler.
const ELEMENT: u32 = 1;
const COMMENTS: u32 = 2;
const TEXT: u32 = 4;
const DOCTYPE: u32 = 8;
const END: u32 = 16;

struct RewriterResource(RefCell<Rewriter>);

impl Resource for RewriterResource {
    fn name(&self) -> Cow<'_, str> {
        "htmlRewriter".into()
    }
}

/// Errors of lol_html as workerd words them.
fn parser_error(reason: impl std::fmt::Display) -> JsErrorBox {
    JsErrorBox::type_error(format!("Parser error: {reason}"))
}

fn parse_selector(text: &str) -> Result<Selector, JsErrorBox> {
    let mut depth = 0_usize;
    for byte in text.bytes() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_SELECTOR_DEPTH {
            return Err(parser_error("The selector is nested too deeply."));
        }
    }
    text.parse().map_err(parser_error)
}

fn parse_encoding(label: &str) -> Result<AsciiCompatibleEncoding, JsErrorBox> {
    let encoding = encoding_rs::Encoding::for_label(label.as_bytes())
        .ok_or_else(|| parser_error("Unknown character encoding has been provided."))?;
    AsciiCompatibleEncoding::new(encoding)
        .ok_or_else(|| parser_error("Expected ASCII-compatible encoding."))
}

fn kind(html: bool) -> ContentType {
    if html { ContentType::Html } else { ContentType::Text }
}

/// Throws unless the selector is one.
#[op2(fast)]
pub(crate) fn op_rewriter_check_selector(#[string] selector: &str) -> Result<(), JsErrorBox> {
    parse_selector(selector).map(drop)
}

/// Throws unless documents of this encoding can be rewritten.
#[op2(fast)]
pub(crate) fn op_rewriter_check_encoding(#[string] label: &str) -> Result<(), JsErrorBox> {
    parse_encoding(label).map(drop)
}

/// A parser. `selectors` has one for each set of handlers, which `flags` tells;
/// those without an own selector are the document's.
#[op2]
#[smi]
pub(crate) fn op_rewriter_new(
    state: &mut OpState,
    #[serde] selectors: Vec<Option<String>>,
    #[serde] flags: Vec<u32>,
    #[string] encoding: &str,
) -> Result<ResourceId, JsErrorBox> {
    let mut handlers = Vec::with_capacity(selectors.len());
    for (selector, flags) in selectors.into_iter().zip(flags) {
        handlers.push(Handlers {
            selector: selector.map(|text| parse_selector(&text)).transpose()?.map(Rc::new),
            element: flags & ELEMENT != 0,
            comments: flags & COMMENTS != 0,
            text: flags & TEXT != 0,
            doctype: flags & DOCTYPE != 0,
            end: flags & END != 0,
        });
    }
    let encoding = parse_encoding(encoding)?;
    if !state.has::<Live>() {
        state.put(Live::default());
    }
    let isolate = super::isolate(state);
    let worker = isolate.worker();
    let memory = worker.limits.memory_bytes;
    let esi_tags = worker.compatibility.is_on("html_rewriter_treats_esi_include_as_void_tag");
    let reading = Reading { encoding, esi_tags };
    let live = state.borrow::<Live>();
    let rewriter = Rewriter::new(handlers, reading, isolate.held_bytes(), live, memory)
        .map_err(|_| JsErrorBox::range_error("There is no memory for another HTMLRewriter."))?;
    Ok(state.resource_table.add(RewriterResource(RefCell::new(rewriter))))
}

fn resource(state: &OpState, rid: ResourceId) -> Result<Rc<RewriterResource>, JsErrorBox> {
    let gone = |_| JsErrorBox::type_error("This transformation is over.");
    state.resource_table.get::<RewriterResource>(rid).map_err(gone)
}

/// An event as a number: what it is, and above four bits whose.
fn code(event: Event) -> u32 {
    let (what, number) = match event {
        Event::Input => (0, 0),
        Event::Element(number) => (1, number),
        Event::Comment(number) => (2, number),
        Event::Text(number) => (3, number),
        Event::Doctype(number) => (4, number),
        Event::DocumentEnd(number) => (5, number),
        Event::EndTag(number) => (6, number),
        Event::Content(number) => (7, number),
        Event::Done => (8, 0),
    };
    what | number << 4
}

fn advance(state: &OpState, rid: ResourceId, command: Command) -> Result<u32, JsErrorBox> {
    let resource = resource(state, rid)?;
    let event = resource.0.borrow_mut().advance(command).map_err(parser_error)?;
    Ok(code(event))
}

fn call(state: &OpState, rid: ResourceId, call: Call) -> Result<Value, JsErrorBox> {
    let resource = resource(state, rid)?;
    let value = resource.0.borrow_mut().call(call).map_err(parser_error)?;
    Ok(value)
}

/// Gives input to a parser that waits for it; what comes next.
#[op2(fast)]
#[smi]
pub(crate) fn op_rewriter_write(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[buffer] bytes: &[u8],
) -> Result<u32, JsErrorBox> {
    advance(state, rid, Command::Write(bytes.to_vec()))
}

/// Ends the input; what comes next.
#[op2(fast)]
#[smi]
pub(crate) fn op_rewriter_end(
    state: &mut OpState,
    #[smi] rid: ResourceId,
) -> Result<u32, JsErrorBox> {
    advance(state, rid, Command::End)
}

/// The handler is done with its token; what comes next.
#[op2(fast)]
#[smi]
pub(crate) fn op_rewriter_continue(
    state: &mut OpState,
    #[smi] rid: ResourceId,
) -> Result<u32, JsErrorBox> {
    advance(state, rid, Command::Continue)
}

/// Gives a part of the content that was asked for; what comes next.
#[op2(fast)]
#[smi]
pub(crate) fn op_rewriter_content(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[buffer] bytes: &[u8],
) -> Result<u32, JsErrorBox> {
    advance(state, rid, Command::Content(bytes.to_vec()))
}

/// Ends that content; what comes next.
#[op2(fast)]
#[smi]
pub(crate) fn op_rewriter_content_end(
    state: &mut OpState,
    #[smi] rid: ResourceId,
) -> Result<u32, JsErrorBox> {
    advance(state, rid, Command::ContentEnd)
}

/// How many bytes came out.
#[op2(fast)]
#[smi]
pub(crate) fn op_rewriter_pending(
    state: &mut OpState,
    #[smi] rid: ResourceId,
) -> Result<u32, JsErrorBox> {
    let bytes = resource(state, rid)?.0.borrow().output_bytes();
    Ok(u32::try_from(bytes).unwrap_or(u32::MAX >> 2))
}

/// Takes what came out.
#[op2]
pub(crate) fn op_rewriter_output(
    state: &mut OpState,
    #[smi] rid: ResourceId,
) -> Result<Uint8Array, JsErrorBox> {
    let output = resource(state, rid)?.0.borrow().take_output();
    Ok(Uint8Array::from(output))
}

/// Ends a parser, wherever it is.
#[op2(fast)]
pub(crate) fn op_rewriter_close(state: &mut OpState, #[smi] rid: ResourceId) {
    let _ = state.resource_table.take::<RewriterResource>(rid);
}

// ----- What handlers do to their token. -----

fn field(number: u32) -> Result<Field, JsErrorBox> {
    Field::from_number(number).ok_or_else(|| JsErrorBox::type_error("no such field"))
}

/// A property of the token that is text.
#[op2]
#[string]
pub(crate) fn op_rewriter_get_text(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[smi] number: u32,
) -> Result<Option<String>, JsErrorBox> {
    match call(state, rid, Call::Get(field(number)?))? {
        Value::Text(text) => Ok(text),
        _ => Ok(None),
    }
}

/// A property of the token that is true or false.
#[op2(fast)]
pub(crate) fn op_rewriter_get_flag(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[smi] number: u32,
) -> Result<bool, JsErrorBox> {
    Ok(call(state, rid, Call::Get(field(number)?))? == Value::Flag(true))
}

/// Sets a property of the token.
#[op2(fast)]
pub(crate) fn op_rewriter_set_text(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[smi] number: u32,
    #[string] text: String,
) -> Result<(), JsErrorBox> {
    call(state, rid, Call::Set(field(number)?, text)).map(drop)
}

/// The value of an attribute, if the element has it.
#[op2]
#[string]
pub(crate) fn op_rewriter_get_attribute(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[string] name: String,
) -> Result<Option<String>, JsErrorBox> {
    match call(state, rid, Call::GetAttribute(name))? {
        Value::Text(text) => Ok(text),
        _ => Ok(None),
    }
}

/// Whether the element has an attribute.
#[op2(fast)]
pub(crate) fn op_rewriter_has_attribute(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[string] name: String,
) -> Result<bool, JsErrorBox> {
    Ok(call(state, rid, Call::HasAttribute(name))? == Value::Flag(true))
}

/// Sets an attribute of the element.
#[op2(fast)]
pub(crate) fn op_rewriter_set_attribute(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[string] name: String,
    #[string] value: String,
) -> Result<(), JsErrorBox> {
    call(state, rid, Call::SetAttribute(name, value)).map(drop)
}

/// Removes an attribute of the element.
#[op2(fast)]
pub(crate) fn op_rewriter_remove_attribute(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[string] name: String,
) -> Result<(), JsErrorBox> {
    call(state, rid, Call::RemoveAttribute(name)).map(drop)
}

/// Names and values of the element's attributes, in turns.
#[op2]
#[serde]
pub(crate) fn op_rewriter_attributes(
    state: &mut OpState,
    #[smi] rid: ResourceId,
) -> Result<Vec<String>, JsErrorBox> {
    match call(state, rid, Call::Attributes)? {
        Value::Pairs(pairs) => Ok(pairs),
        _ => Ok(Vec::new()),
    }
}

fn place(number: u32) -> Result<Place, JsErrorBox> {
    Place::from_number(number).ok_or_else(|| JsErrorBox::type_error("no such place"))
}

/// Puts content beside or into the token.
#[op2(fast)]
pub(crate) fn op_rewriter_insert(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[smi] number: u32,
    #[string] content: String,
    html: bool,
) -> Result<(), JsErrorBox> {
    call(state, rid, Call::Insert(place(number)?, content, kind(html))).map(drop)
}

/// Puts content there that is asked for later, by its number.
#[op2(fast)]
pub(crate) fn op_rewriter_insert_stream(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[smi] number: u32,
    #[smi] id: u32,
    html: bool,
) -> Result<(), JsErrorBox> {
    call(state, rid, Call::InsertStream(place(number)?, id, kind(html))).map(drop)
}

/// Removes the token, or only the tags of the element around its content.
#[op2(fast)]
pub(crate) fn op_rewriter_remove(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    keep_content: bool,
) -> Result<(), JsErrorBox> {
    let what = if keep_content { Call::RemoveAndKeepContent } else { Call::Remove };
    call(state, rid, what).map(drop)
}

/// Hands the end tag of the element out later, under this number.
#[op2(fast)]
pub(crate) fn op_rewriter_on_end_tag(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[smi] id: u32,
) -> Result<(), JsErrorBox> {
    call(state, rid, Call::OnEndTag(id)).map(drop)
}
