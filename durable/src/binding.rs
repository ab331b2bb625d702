//! A namespace of Durable Objects as a Worker's binding.

use std::any::Any;
use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use deno_core::{OpState, ResourceId};
use selvedge_runtime::{Binding, ThreadNumber};

use crate::facet::Facet;
use crate::id::{IdKey, ObjectId};
use crate::ops::namespace::Handle;
use crate::placement::{ObjectKey, Placement};
use crate::store::Namespace;

/// A namespace that a Worker has in its `env`. Clones are the same namespace.
#[derive(Debug, Clone)]
pub struct DurableNamespace {
    /// The namespace's own id: 32 hexadecimal digits. Objects belong to it.
    pub id: Arc<str>,
    /// The Worker in whose isolates the objects live.
    pub script: Arc<str>,
    /// Its exported class whose instances the objects are.
    pub class: Arc<str>,
    /// How long an object stays in memory without events; Cloudflare's have 10 s.
    pub idle: Duration,
    /// Which of those isolates has which object.
    pub placement: Arc<dyn Placement>,
    pub(crate) key: IdKey,
    pub(crate) storage: Option<NamespaceData>,
    host: Option<Arc<dyn Host>>,
    /// The one facet that it has, if it is no namespace of objects but that.
    pub(crate) facet: Option<Arc<Facet>>,
}

/// What makes the objects of a namespace something else than instances of the
/// Worker's class: the platform's own, which use that class.
pub trait Host: Debug + Send + Sync {
    /// The platform script whose function `begin` makes an object's instance.
    fn script(&self) -> &'static str;

    /// The value itself, for the crate that made it.
    fn as_any(&self) -> &dyn Any;
}

/// What a namespace's objects keep.
#[derive(Debug, Clone)]
pub struct NamespaceData {
    /// The files of the objects.
    pub namespace: Arc<Namespace>,
    /// Whether the class has `storage.sql` and `storage.kv`.
    pub has_sql: bool,
}

impl DurableNamespace {
    /// The namespace of this id, whose objects are instances of the `class` that
    /// the Worker `script` exports.
    pub fn new(
        id: &str,
        script: &str,
        class: &str,
        idle: Duration,
        placement: Arc<dyn Placement>,
    ) -> Self {
        let key = IdKey::of_namespace(id);
        Self {
            id: id.into(),
            script: script.into(),
            class: class.into(),
            idle,
            placement,
            key,
            storage: None,
            host: None,
            facet: None,
        }
    }

    /// Has the objects made by `host`.
    #[must_use]
    pub fn with_host(mut self, host: Arc<dyn Host>) -> Self {
        self.host = Some(host);
        self
    }

    /// What makes the objects, if they are not instances of the Worker's class.
    pub fn host(&self) -> Option<&Arc<dyn Host>> {
        self.host.as_ref()
    }

    /// The id of the object with this name.
    pub fn id_of(&self, name: &str) -> crate::store::ObjectId {
        crate::store::ObjectId(*self.key.named(name, "").as_bytes())
    }

    /// Gives the objects storage; without it they have none.
    #[must_use]
    pub fn with_storage(mut self, data: NamespaceData) -> Self {
        self.storage = Some(data);
        self
    }

    /// The thread that has the object of this id.
    pub fn lives_on(&self, id: &[u8; 32]) -> Option<ThreadNumber> {
        let id = ObjectId::from_bytes(*id);
        self.placement.find(&ObjectKey { namespace: self.id.clone(), id })
    }

    /// The objects' storage, if they have any.
    pub fn storage(&self) -> Option<&NamespaceData> {
        self.storage.as_ref()
    }
}

/// The namespace with this number in an isolate.
pub fn of_resource(state: &OpState, rid: ResourceId) -> Option<DurableNamespace> {
    state.resource_table.get::<Handle>(rid).ok().map(|handle| handle.0.clone())
}

/// The namespaces that an isolate has opened.
#[derive(Default)]
struct Opened(HashMap<Arc<str>, ResourceId>);

/// Closes a namespace, which is opened anew when something is for it.
pub(crate) fn close(state: &mut OpState, rid: ResourceId) {
    let Ok(handle) = state.resource_table.take::<Handle>(rid) else { return };
    if let Some(opened) = state.try_borrow_mut::<Opened>()
        && opened.0.get(&handle.0.id) == Some(&rid)
    {
        opened.0.remove(&handle.0.id);
    }
}

impl Binding for DurableNamespace {
    fn script(&self) -> &'static str {
        "ext:selvedge_durable/namespace.js"
    }

    /// The same namespace has the same number, however often it is opened.
    fn open(&self, state: &mut OpState) -> ResourceId {
        let known = state.try_borrow::<Opened>().and_then(|opened| opened.0.get(&self.id));
        if let Some(known) = known {
            return *known;
        }
        let rid = state.resource_table.add(Handle(self.clone()));
        if !state.has::<Opened>() {
            state.put(Opened::default());
        }
        state.borrow_mut::<Opened>().0.insert(self.id.clone(), rid);
        rid
    }
}
