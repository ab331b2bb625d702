//! What handlers do to tokens.

use lol_html::HandlerResult;
use lol_html::html_content::{
    Comment, ContentType, Doctype, DocumentEnd, Element, EndTag, StreamingHandler, TextChunk,
};
use selvedge_runtime::fiber::suspend;

use super::{Command, Event, Reply, StreamedContent};

/// A property of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Name,
    NamespaceUri,
    Text,
    PublicId,
    SystemId,
    Removed,
    LastInTextNode,
}

impl Field {
    /// By the number that `html_rewriter.js` has for it.
    pub(crate) fn from_number(number: u32) -> Option<Self> {
        const ALL: [Field; 7] = [
            Field::Name,
            Field::NamespaceUri,
            Field::Text,
            Field::PublicId,
            Field::SystemId,
            Field::Removed,
            Field::LastInTextNode,
        ];
        ALL.get(number as usize).copied()
    }
}

/// Where content is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Before,
    After,
    Prepend,
    Append,
    Inner,
    Replace,
}

impl Place {
    /// By the number that `html_rewriter.js` has for it.
    pub(crate) fn from_number(number: u32) -> Option<Self> {
        const ALL: [Place; 6] = [
            Place::Before,
            Place::After,
            Place::Prepend,
            Place::Append,
            Place::Inner,
            Place::Replace,
        ];
        ALL.get(number as usize).copied()
    }
}

/// Something that a handler asks of its token.
pub(crate) enum Call {
    Get(Field),
    Set(Field, String),
    GetAttribute(String),
    HasAttribute(String),
    SetAttribute(String, String),
    RemoveAttribute(String),
    Attributes,
    Insert(Place, String, ContentType),
    /// Content of this number, asked for when its place in the output is reached.
    InsertStream(Place, u32, ContentType),
    Remove,
    RemoveAndKeepContent,
    /// The end tag goes to the handler of this number.
    OnEndTag(u32),
}

/// What comes of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Nothing,
    Flag(bool),
    Text(Option<String>),
    /// Names and values, in turns.
    Pairs(Vec<String>),
}

type Answer = Result<Value, String>;

/// A token as its handler sees it.
pub(super) trait Token {
    fn call(&mut self, call: Call) -> Answer;
}

/// Hands a token out until its handler is done.
pub(super) fn serve<T: Token>(token: &mut T, event: Event) -> HandlerResult {
    let mut reply = Reply::Event(event);
    loop {
        match suspend(reply) {
            Command::Continue => return Ok(()),
            Command::Call(call) => reply = Reply::Answer(token.call(call)),
            _ => return Err("the parser waits for a handler".into()),
        }
    }
}

fn done() -> Answer {
    Ok(Value::Nothing)
}

fn text(text: impl Into<String>) -> Answer {
    Ok(Value::Text(Some(text.into())))
}

/// (JavaScript offers no such method on the token.)
fn unknown() -> Answer {
    Err("this token does not have that".to_owned())
}

fn streamed(id: u32, kind: ContentType) -> Box<dyn StreamingHandler + Send> {
    Box::new(StreamedContent { id, kind })
}

/// The places around a token, which all but doctypes and the document's end have.
macro_rules! insert_around {
    ($token:expr, $call:expr, $otherwise:expr) => {
        match $call {
            Call::Insert(Place::Before, content, kind) => $token.before(&content, kind),
            Call::Insert(Place::After, content, kind) => $token.after(&content, kind),
            Call::Insert(Place::Replace, content, kind) => $token.replace(&content, kind),
            Call::InsertStream(Place::Before, id, kind) => {
                $token.streaming_before(streamed(id, kind));
            }
            Call::InsertStream(Place::After, id, kind) => {
                $token.streaming_after(streamed(id, kind));
            }
            Call::InsertStream(Place::Replace, id, kind) => {
                $token.streaming_replace(streamed(id, kind));
            }
            Call::Remove => $token.remove(),
            Call::Get(Field::Removed) => return Ok(Value::Flag($token.removed())),
            call => return $otherwise($token, call),
        }
    };
}

impl Token for Element<'_, '_> {
    fn call(&mut self, call: Call) -> Answer {
        insert_around!(self, call, call_element);
        done()
    }
}

fn call_element(element: &mut Element<'_, '_>, call: Call) -> Answer {
    match call {
        Call::Get(Field::Name) => return text(element.tag_name()),
        Call::Get(Field::NamespaceUri) => return text(element.namespace_uri()),
        Call::Set(Field::Name, name) => {
            element.set_tag_name(&name).map_err(|error| error.to_string())?;
        }
        Call::GetAttribute(name) => return Ok(Value::Text(element.get_attribute(&name))),
        Call::HasAttribute(name) => return Ok(Value::Flag(element.has_attribute(&name))),
        Call::SetAttribute(name, value) => {
            element.set_attribute(&name, &value).map_err(|error| error.to_string())?;
        }
        Call::RemoveAttribute(name) => element.remove_attribute(&name),
        Call::Attributes => {
            let attributes = element.attributes().iter();
            let pairs = attributes.flat_map(|it| [it.name(), it.value()]).collect();
            return Ok(Value::Pairs(pairs));
        }
        Call::RemoveAndKeepContent => element.remove_and_keep_content(),
        Call::OnEndTag(id) => return on_end_tag(element, id),
        call => return insert_inside(element, call),
    }
    done()
}

fn insert_inside(element: &mut Element<'_, '_>, call: Call) -> Answer {
    match call {
        Call::Insert(Place::Prepend, content, kind) => element.prepend(&content, kind),
        Call::Insert(Place::Append, content, kind) => element.append(&content, kind),
        Call::Insert(Place::Inner, content, kind) => element.set_inner_content(&content, kind),
        Call::InsertStream(Place::Prepend, id, kind) => {
            element.streaming_prepend(streamed(id, kind));
        }
        Call::InsertStream(Place::Append, id, kind) => {
            element.streaming_append(streamed(id, kind));
        }
        Call::InsertStream(Place::Inner, id, kind) => {
            element.streaming_set_inner_content(streamed(id, kind));
        }
        _ => return unknown(),
    }
    done()
}

/// As in workerd, the last handler that an element gets is the one that is called.
fn on_end_tag(element: &mut Element<'_, '_>, id: u32) -> Answer {
    let Some(handlers) = element.end_tag_handlers() else { return Err("No end tag.".to_owned()) };
    handlers.clear();
    handlers.push(Box::new(move |tag: &mut EndTag<'_>| serve(tag, Event::EndTag(id))));
    done()
}

impl Token for EndTag<'_> {
    fn call(&mut self, call: Call) -> Answer {
        insert_around!(self, call, |tag: &mut EndTag<'_>, call| match call {
            Call::Get(Field::Name) => text(tag.name()),
            Call::Set(Field::Name, name) => {
                tag.set_name_str(name);
                done()
            }
            _ => unknown(),
        });
        done()
    }
}

impl Token for Comment<'_> {
    fn call(&mut self, call: Call) -> Answer {
        insert_around!(self, call, |comment: &mut Comment<'_>, call| match call {
            Call::Get(Field::Text) => text(comment.text()),
            Call::Set(Field::Text, new) => {
                comment.set_text(&new).map_err(|error| error.to_string())?;
                done()
            }
            _ => unknown(),
        });
        done()
    }
}

impl Token for TextChunk<'_> {
    fn call(&mut self, call: Call) -> Answer {
        insert_around!(self, call, |chunk: &mut TextChunk<'_>, call| match call {
            Call::Get(Field::Text) => text(chunk.as_str()),
            Call::Get(Field::LastInTextNode) => Ok(Value::Flag(chunk.last_in_text_node())),
            _ => unknown(),
        });
        done()
    }
}

impl Token for Doctype<'_> {
    fn call(&mut self, call: Call) -> Answer {
        match call {
            Call::Get(Field::Name) => Ok(Value::Text(self.name())),
            Call::Get(Field::PublicId) => Ok(Value::Text(self.public_id())),
            Call::Get(Field::SystemId) => Ok(Value::Text(self.system_id())),
            _ => unknown(),
        }
    }
}

impl Token for DocumentEnd<'_> {
    fn call(&mut self, call: Call) -> Answer {
        match call {
            Call::Insert(Place::Append, content, kind) => self.append(&content, kind),
            _ => return unknown(),
        }
        done()
    }
}
