//! HTMLRewriter: lol_html, whose handlers are JavaScript.
//!
//! The parser runs in a fiber. Where it would call a handler, it suspends and
//! says which one; what the handler does to the token comes in as commands that
//! the fiber carries out, until it is told to go on. So a handler may take as
//! long as it likes, and no pointer to a token ever leaves the parser.

mod token;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use lol_html::html_content::{
    Comment, ContentType, Doctype, DocumentEnd, Element, StreamingHandler, StreamingHandlerSink,
    TextChunk,
};
use lol_html::{
    AsciiCompatibleEncoding, DocumentContentHandlers, ElementContentHandlers, HandlerResult,
    HtmlRewriter, MemorySettings, Selector, Settings,
};
use selvedge_runtime::HeldBytes;
use selvedge_runtime::fiber::{Fiber, suspend};

use token::serve;
pub(crate) use token::{Call, Field, Place, Value};

/// What one parser may hold back, at most: a tag that has not ended, the
/// elements that are open. (workerd has no limit of its own.)
const MAX_PARSER_BYTES: usize = 16 << 20;
/// What it may hold back however many others there are.
const MIN_PARSER_BYTES: usize = 512 << 10;
/// About what a parser needs besides: its stack and its tables.
const PARSER_BYTES: usize = 64 << 10;

/// What the parser is told.
pub(crate) enum Command {
    /// Input.
    Write(Vec<u8>),
    /// The input is over.
    End,
    /// The handler is done with its token.
    Continue,
    /// Something for the token.
    Call(Call),
    /// A part of the content that was asked for.
    Content(Vec<u8>),
    /// That content is over.
    ContentEnd,
}

/// Why the parser stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// It needs input.
    Input,
    /// A token is there for the handler of this number.
    Element(u32),
    Comment(u32),
    Text(u32),
    Doctype(u32),
    DocumentEnd(u32),
    EndTag(u32),
    /// It needs the content of this number.
    Content(u32),
    /// It has come to the end.
    Done,
}

/// What the parser says.
enum Reply {
    Event(Event),
    /// What became of a call.
    Answer(Result<Value, String>),
    /// It gave up.
    Failed(String),
}

/// The handlers of one `on()` or `onDocument()`: which there are.
#[derive(Clone, Debug)]
pub(crate) struct Handlers {
    /// Its selector; none is the document's.
    pub(crate) selector: Option<Rc<Selector>>,
    pub(crate) element: bool,
    pub(crate) comments: bool,
    pub(crate) text: bool,
    pub(crate) doctype: bool,
    pub(crate) end: bool,
}

/// How a document is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    pub(crate) encoding: AsciiCompatibleEncoding,
    /// Whether `<esi:include>` and `<esi:comment>` have no content.
    pub(crate) esi_tags: bool,
}

/// The parsers of an isolate that have not ended.
#[derive(Default)]
pub(crate) struct Live(Rc<Cell<usize>>);

impl Live {
    /// What the next parser may hold back: half of the isolate's memory is for all
    /// of them.
    fn share(&self, memory_bytes: usize) -> usize {
        let share = memory_bytes / 2 / (self.0.get() + 1);
        share.clamp(MIN_PARSER_BYTES, MAX_PARSER_BYTES)
    }
}

/// A transformation under way.
pub(crate) struct Rewriter {
    fiber: Fiber<Command, Reply>,
    output: Rc<RefCell<Vec<u8>>>,
    /// Input since the parser said something: it holds back no more than that.
    silent: usize,
    limit: usize,
    held: Option<HeldBytes>,
    live: Rc<Cell<usize>>,
}

impl Rewriter {
    /// A parser that waits for input.
    ///
    /// # Errors
    /// When there is no memory for its stack.
    pub(crate) fn new(
        handlers: Vec<Handlers>,
        reading: Reading,
        held: Option<HeldBytes>,
        live: &Live,
        memory_bytes: usize,
    ) -> std::io::Result<Self> {
        let limit = live.share(memory_bytes);
        let output = Rc::new(RefCell::new(Vec::new()));
        let sink = output.clone();
        let fiber = Fiber::new(move |first| parse(&handlers, reading, limit, &sink, first))?;
        live.0.set(live.0.get() + 1);
        let rewriter = Self { fiber, output, silent: 0, limit, held, live: live.0.clone() };
        rewriter.count();
        Ok(rewriter)
    }

    /// Counts what the parser holds with the isolate's memory.
    fn count(&self) {
        if let Some(held) = &self.held {
            held.set(PARSER_BYTES + self.silent + self.output_bytes());
        }
    }

    /// Gives the parser what it waits for.
    ///
    /// # Errors
    /// With the parser's text, when it cannot go on.
    pub(crate) fn advance(&mut self, command: Command) -> Result<Event, String> {
        let written = if let Command::Write(bytes) = &command { bytes.len() } else { 0 };
        let before = self.output_bytes();
        let reply = self.fiber.resume(command).map(|(reply, _)| reply);
        let said =
            self.output_bytes() != before || !matches!(reply, Some(Reply::Event(Event::Input)));
        self.silent = if said { written } else { (self.silent + written).min(self.limit) };
        self.count();
        match reply {
            Some(Reply::Event(event)) => Ok(event),
            Some(Reply::Failed(reason)) => Err(reason),
            Some(Reply::Answer(_)) | None => Err("the parser has ended".to_owned()),
        }
    }

    /// Does something to the token that is there.
    ///
    /// # Errors
    /// With the parser's text, when the token does not take it.
    pub(crate) fn call(&mut self, call: Call) -> Result<Value, String> {
        match self.fiber.resume(Command::Call(call)) {
            Some((Reply::Answer(answer), _)) => answer,
            _ => Err("there is no token".to_owned()),
        }
    }

    /// Bytes that came out and were not taken.
    pub(crate) fn output_bytes(&self) -> usize {
        self.output.borrow().len()
    }

    /// Takes what came out.
    pub(crate) fn take_output(&self) -> Vec<u8> {
        let output = self.output.take();
        self.count();
        output
    }
}

impl Drop for Rewriter {
    fn drop(&mut self) {
        self.live.set(self.live.get() - 1);
    }
}

/// The code of the fiber.
fn parse(
    handlers: &[Handlers],
    reading: Reading,
    limit: usize,
    output: &Rc<RefCell<Vec<u8>>>,
    first: Command,
) -> Reply {
    let settings = settings(handlers, reading, limit);
    let mut rewriter =
        HtmlRewriter::new(settings, |chunk: &[u8]| output.borrow_mut().extend_from_slice(chunk));
    let mut command = first;
    loop {
        let result = match command {
            Command::Write(bytes) => rewriter.write(&bytes),
            Command::End => {
                return match rewriter.end() {
                    Ok(()) => Reply::Event(Event::Done),
                    Err(error) => Reply::Failed(error.to_string()),
                };
            }
            _ => return Reply::Failed("the parser waits for input".to_owned()),
        };
        if let Err(error) = result {
            return Reply::Failed(error.to_string());
        }
        command = suspend(Reply::Event(Event::Input));
    }
}

/// Handlers that suspend, under the numbers of those they stand for.
fn settings<'h, 's>(handlers: &'s [Handlers], reading: Reading, limit: usize) -> Settings<'h, 's> {
    let memory = MemorySettings::new().with_max_allowed_memory_usage(limit);
    let mut settings = Settings::new()
        .with_encoding(reading.encoding)
        .with_enable_esi_tags(reading.esi_tags)
        .with_memory_settings(memory);
    for (number, handlers) in (0..).zip(handlers) {
        settings = match &handlers.selector {
            Some(selector) => {
                let selector = std::borrow::Cow::Borrowed(&**selector);
                settings.append_element_content_handler((selector, of_elements(handlers, number)))
            }
            None => settings.append_document_content_handler(of_document(handlers, number)),
        };
    }
    settings
}

fn of_elements<'h>(handlers: &Handlers, number: u32) -> ElementContentHandlers<'h> {
    let mut content = ElementContentHandlers::default();
    if handlers.element {
        content = content
            .element(move |element: &mut Element<'_, '_>| serve(element, Event::Element(number)));
    }
    if handlers.comments {
        content = content
            .comments(move |comment: &mut Comment<'_>| serve(comment, Event::Comment(number)));
    }
    if handlers.text {
        content = content.text(move |chunk: &mut TextChunk<'_>| serve(chunk, Event::Text(number)));
    }
    content
}

fn of_document<'h>(handlers: &Handlers, number: u32) -> DocumentContentHandlers<'h> {
    let mut content = DocumentContentHandlers::default();
    if handlers.doctype {
        content = content
            .doctype(move |doctype: &mut Doctype<'_>| serve(doctype, Event::Doctype(number)));
    }
    if handlers.comments {
        content = content
            .comments(move |comment: &mut Comment<'_>| serve(comment, Event::Comment(number)));
    }
    if handlers.text {
        content = content.text(move |chunk: &mut TextChunk<'_>| serve(chunk, Event::Text(number)));
    }
    if handlers.end {
        content =
            content.end(move |end: &mut DocumentEnd<'_>| serve(end, Event::DocumentEnd(number)));
    }
    content
}

/// Content that a stream of the Worker's will give.
struct StreamedContent {
    id: u32,
    kind: ContentType,
}

impl StreamingHandler for StreamedContent {
    fn write_all(self: Box<Self>, sink: &mut StreamingHandlerSink<'_>) -> HandlerResult {
        loop {
            match suspend(Reply::Event(Event::Content(self.id))) {
                Command::Content(bytes) => sink.write_utf8_chunk(&bytes, self.kind)?,
                Command::ContentEnd => return Ok(()),
                _ => return Err("the parser waits for content".into()),
            }
        }
    }
}

#[cfg(test)]
mod tests;
