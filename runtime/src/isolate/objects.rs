//! What a Worker exports, and its Durable Objects from outside.

use deno_core::v8;

use super::{Isolate, call};

/// What a Worker exports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exports {
    /// The handlers of the default export, such as `fetch`.
    pub handlers: Vec<String>,
    /// Other exports that are classes or have handlers, with these.
    pub named: Vec<(String, Vec<String>)>,
}

/// How the Durable Objects of an isolate end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectsEnd {
    /// Each as soon as nothing goes on in it: others take the isolate's place.
    WhenIdle,
    /// At once: another version of the Worker takes over. Their callers are told.
    Updated,
}

/// What became of Durable Objects that were to leave memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Evicted {
    /// So many did.
    pub ended: u32,
    /// So many stay, for something goes on in them.
    pub busy: u32,
}

impl Isolate {
    /// What the Worker exports, once it was loaded. Getters of its exports run.
    pub fn exports(&mut self) -> Exports {
        let mut json = String::new();
        self.slice(None, |this| {
            let hooks = this.hooks.as_ref().expect("hooks are there after `new`");
            let realm = this.context.as_ref().expect("the context lives as long as the isolate");
            v8::scope_with_context!(scope, this.js.v8_isolate(), realm);
            v8::tc_scope!(let scope, scope);
            let hook = v8::Local::new(scope, &hooks.describe);
            let receiver = v8::undefined(scope).into();
            if let Some(text) = hook.call(scope, receiver, &[]) {
                json = text.to_rust_string_lossy(scope);
            }
        });
        let (handlers, named) = serde_json::from_str(&json).unwrap_or_default();
        Exports { handlers, named }
    }

    /// Ends the Durable Objects of this isolate, and lets no other one begin.
    pub fn end_objects(&mut self, end: ObjectsEnd) {
        self.slice(None, |this| {
            let hooks = this.hooks.as_ref().expect("hooks are there after `new`");
            let realm = this.context.as_ref().expect("the context lives as long as the isolate");
            v8::scope_with_context!(scope, this.js.v8_isolate(), realm);
            let at_once = v8::Boolean::new(scope, end == ObjectsEnd::Updated);
            call(scope, &hooks.end_objects, &[at_once.into()]);
        });
        self.state.wake();
    }

    /// Takes a Durable Object out of memory if nothing goes on in it, or all of a
    /// namespace where `object` is empty. With `force` those in which something
    /// goes on are reset.
    pub fn evict(&mut self, namespace: &str, object: &str, force: bool) -> Evicted {
        let mut evicted = Evicted::default();
        self.slice(None, |this| {
            let hooks = this.hooks.as_ref().expect("hooks are there after `new`");
            let realm = this.context.as_ref().expect("the context lives as long as the isolate");
            v8::scope_with_context!(scope, this.js.v8_isolate(), realm);
            let text = |text: &str| v8::String::new(scope, text);
            let (Some(namespace), Some(object)) = (text(namespace), text(object)) else { return };
            let counts = v8::Array::new(scope, 2);
            let force = v8::Boolean::new(scope, force);
            let args = [namespace.into(), object.into(), force.into(), counts.into()];
            call(scope, &hooks.evict, &args);
            let count =
                |at| counts.get_index(scope, at).and_then(|it| it.uint32_value(scope)).unwrap_or(0);
            evicted = Evicted { ended: count(0), busy: count(1) };
        });
        self.state.wake();
        evicted
    }
}
