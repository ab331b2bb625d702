//! Parts of events, where somebody follows them: what contexts wait for, and what code
//! marks.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::{ContextId, IsolateState};
use crate::spans::{SpanBegin, SpanChange, SpanNumber, SpanRecord, SpanValue};

/// Those of an isolate.
#[derive(Default)]
pub(super) struct Spans {
    /// The last number.
    last: Cell<SpanNumber>,
    /// Finds the part that the running code belongs to.
    finder: OnceCell<Box<dyn Fn() -> SpanNumber>>,
    /// What code marks, until it says that it is over.
    marks: RefCell<HashMap<SpanNumber, Mark>>,
}

/// A part of a context's event.
#[derive(Debug)]
struct Mark {
    id: ContextId,
    /// When the context began: its number may be another one's later.
    opened: quanta::Instant,
    record: SpanRecord,
}

/// Part of an event that is followed. It lasts until this is dropped.
pub struct Span {
    state: Rc<IsolateState>,
    mark: Option<Mark>,
}

impl std::fmt::Debug for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Span").field(&self.mark).finish()
    }
}

impl Span {
    /// Notes a fact.
    pub fn set(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<SpanValue>) {
        if let Some(mark) = &mut self.mark {
            mark.record.attributes.push((name.into(), value.into()));
        }
    }

    /// Notes that it failed.
    pub fn fail(&mut self) {
        if let Some(mark) = &mut self.mark {
            mark.record.failed = true;
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(mark) = self.mark.take() {
            self.state.span_ends(mark);
        }
    }
}

impl IsolateState {
    pub(crate) fn set_span_finder(&self, find: Box<dyn Fn() -> SpanNumber>) {
        let _ = self.spans.finder.set(find);
    }

    /// Follows what a context waits for. `None`: nobody wants to know.
    pub fn span(self: &Rc<Self>, id: ContextId, name: &'static str) -> Option<Span> {
        if self.traced.get() == 0 {
            return None;
        }
        // Where nobody marks anything, no part has a part.
        let parent = match self.has_marks() {
            true => self.spans.finder.get().map_or(0, |find| find()),
            false => 0,
        };
        let mark = Some(self.begin_span(id, name.into(), parent)?);
        Some(Span { state: self.clone(), mark })
    }

    /// Whether code marked any part that lasts.
    pub(super) fn has_marks(&self) -> bool {
        !self.spans.marks.borrow().is_empty()
    }

    fn begin_span(
        &self,
        id: ContextId,
        name: Cow<'static, str>,
        parent: SpanNumber,
    ) -> Option<Mark> {
        let mut context = self.context(id)?;
        let opened = context.started;
        let trace = context.follower()?;
        if !trace.wants_spans() {
            return None;
        }
        let number = self.spans.last.get().checked_add(1).unwrap_or(1);
        self.spans.last.set(number);
        trace.span_begins(&SpanBegin { number, parent, name: &name });
        let (began, took, attributes) = (Instant::now(), Duration::ZERO, Vec::new());
        let record = SpanRecord { number, parent, name, began, took, attributes, failed: false };
        Some(Mark { id, opened, record })
    }

    fn span_ends(&self, mark: Mark) {
        let Mark { id, opened, mut record } = mark;
        record.took = record.began.elapsed();
        // One that is dropped with its context belongs to nothing any more.
        let Ok(mut contexts) = self.contexts.try_borrow_mut() else { return };
        let context = contexts.slots.get_mut(id as usize).and_then(Option::as_mut);
        if let Some(context) = context.filter(|context| context.started == opened)
            && let Some(trace) = context.follower()
        {
            trace.span(record);
        }
    }

    /// Code of a context marks a part of its event. 0: nobody wants to know.
    pub fn mark(&self, id: ContextId, name: String, parent: SpanNumber) -> SpanNumber {
        if self.traced.get() == 0 {
            return 0;
        }
        let Some(mark) = self.begin_span(id, name.into(), parent) else { return 0 };
        let number = mark.record.number;
        self.spans.marks.borrow_mut().insert(number, mark);
        number
    }

    /// What names a part outside, as `traceparent` has it: its trace, and itself; 0: the
    /// event of the context. `None`: nobody wants to know of it, or it is over.
    pub fn span_ids(&self, id: Option<ContextId>, number: SpanNumber) -> Option<(u128, u64)> {
        let id = match number {
            0 => id?,
            _ => self.spans.marks.borrow().get(&number)?.id,
        };
        let mut context = self.context(id)?;
        let trace = context.follower()?;
        trace.traces_marks().then(|| trace.span_ids(number))
    }

    /// Code changes the event of its context.
    pub fn event_changes(&self, id: ContextId, change: &SpanChange<'_>) {
        if let Some(mut context) = self.context(id)
            && let Some(trace) = context.follower()
        {
            trace.span_changes(0, change);
        }
    }

    /// Code changes a part that it marked.
    pub fn mark_changes(&self, number: SpanNumber, change: &SpanChange<'_>) {
        let mut marks = self.spans.marks.borrow_mut();
        let Some(mark) = marks.get_mut(&number) else { return };
        match change {
            SpanChange::Name(name) => mark.record.name = (*name).to_owned().into(),
            SpanChange::Status { code, .. } => mark.record.failed = *code == "error",
            SpanChange::Exception { .. } | SpanChange::Attributes(_) => {}
        }
        if let Some(mut context) = self.context(mark.id)
            && let Some(trace) = context.follower()
        {
            trace.span_changes(number, change);
        }
    }

    /// A marked part is over, and this is known of it.
    pub fn mark_ends(&self, number: SpanNumber, attributes: Vec<(String, SpanValue)>) {
        let Some(mut mark) = self.spans.marks.borrow_mut().remove(&number) else { return };
        for (name, value) in attributes {
            mark.record.attributes.push((name.into(), value));
        }
        self.span_ends(mark);
    }

    /// A context ends: what its code marked is over.
    pub(super) fn end_marks(&self, id: ContextId) {
        let mut marks = self.spans.marks.borrow_mut();
        if marks.is_empty() {
            return;
        }
        let mut of_context: Vec<_> = marks.extract_if(|_, mark| mark.id == id).collect();
        drop(marks);
        // The inner ones end first.
        of_context.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
        for (_, mark) in of_context {
            self.span_ends(mark);
        }
    }
}
