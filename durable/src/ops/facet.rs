//! Facets of objects: beginning and ending them, and what becomes of their data.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use deno_core::{OpState, Resource, ResourceId, op2};
use deno_error::JsErrorBox;
use selvedge_runtime::outbound::{ServiceResource, ServiceTarget};
use serde::{Deserialize, Serialize};

use super::namespace::{Handle, handle};
use super::placement::key;
use crate::binding::{DurableNamespace, NamespaceData, close};
use crate::error::Error;
use crate::facet::{Facet, FacetId, Lease, Over};
use crate::store::{FacetPath, Facets};

/// Numbers the facets that begin in this process.
static BEGUN: AtomicU64 = AtomicU64::new(1);

/// A facet in the isolate of its object. It is over when that isolate is.
struct Owner(Arc<Facet>);

impl Resource for Owner {
    fn name(&self) -> Cow<'_, str> {
        "durableObjectFacet".into()
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.lease.end(Over {
            name: "Error".to_owned(),
            message: "The Durable Object of this facet is not in memory any more.".to_owned(),
            is_reset: true,
        });
    }
}

/// What begins.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StartArgs {
    /// The namespace of the object, or of the facet, that it is one of; and its id.
    parent: ResourceId,
    hex: String,
    name: String,
    /// The class, and JSON of its props; or the way to both in a loaded Worker.
    class: String,
    props: String,
    way: Option<ResourceId>,
    id: FacetId,
}

/// A facet that began: the number of its namespace, that of what ends it, its id there.
#[derive(Serialize)]
pub(crate) struct Started(ResourceId, ResourceId, String);

/// What a facet is told of itself.
#[derive(Serialize)]
pub(crate) struct Told {
    id: FacetId,
    props: String,
    depth: u32,
}

/// Where the object, or the facet, of a namespace stands.
fn path_of(namespace: &DurableNamespace, hex: &str) -> FacetPath {
    match &namespace.facet {
        Some(facet) => facet.path.clone(),
        None => FacetPath::of_object(hex),
    }
}

fn failed(error: &Error) -> JsErrorBox {
    tracing::error!(%error, "the storage of facets of a Durable Object failed");
    JsErrorBox::generic("Internal error in Durable Object storage caused object to be reset.")
}

/// The facets beside the objects of a namespace; `None` where there is no storage.
fn facets_of(namespace: &DurableNamespace) -> Result<Option<Arc<Facets>>, JsErrorBox> {
    if let Some(facet) = &namespace.facet {
        return Ok(facet.facets.clone());
    }
    let Some(data) = &namespace.storage else { return Ok(None) };
    data.namespace.facets().map(Some).map_err(|error| failed(&error))
}

/// A facet is to begin: its class is known.
#[op2]
#[serde]
pub(crate) fn op_do_facet_start(
    state: &mut OpState,
    #[serde] args: StartArgs,
) -> Result<Started, JsErrorBox> {
    let parent = handle(state, args.parent)?;
    let way = args.way.map(|way| service(state, way)).transpose()?;
    let path = path_of(&parent.0, &args.hex).child(&args.name);
    let hex = path.id().to_string();
    let facets = facets_of(&parent.0)?;
    let has_sql = parent.0.storage.as_ref().is_some_and(|data| data.has_sql);
    let data =
        |facets: &Arc<Facets>| NamespaceData { namespace: facets.namespace().clone(), has_sql };
    let mut namespace = parent.0.clone();
    namespace.id = format!("facet {}", BEGUN.fetch_add(1, Ordering::Relaxed)).into();
    namespace.storage = facets.as_ref().map(data);
    namespace.class = args.class.into();
    let (mut props, mut loaded, mut terms) = (args.props, None, None);
    if let Some(way) = way {
        namespace.script = way.service.as_str().into();
        namespace.class = way.entrypoint.clone().unwrap_or_default().into();
        props = way.props.clone().unwrap_or_default();
        (loaded, terms) = (way.loaded.clone(), way.terms.clone());
    } else if let Some(parent) = &parent.0.facet {
        // A class of the same Worker, which may be a loaded one.
        (loaded, terms) = (parent.loaded.clone(), parent.terms.clone());
    }
    let lease = Lease::default();
    let facet = Arc::new(Facet { path, facets, id: args.id, props, lease, loaded, terms });
    namespace.facet = Some(facet.clone());
    let rid = state.resource_table.add(Handle(namespace));
    let owner = state.resource_table.add(Owner(facet));
    Ok(Started(rid, owner, hex))
}

fn service(state: &OpState, rid: ResourceId) -> Result<Arc<ServiceTarget>, JsErrorBox> {
    let closed = |_| JsErrorBox::type_error("the way to this class is closed");
    Ok(state.resource_table.get::<ServiceResource>(rid).map_err(closed)?.0.clone())
}

/// What the facet that a namespace is for is told; `null`: it is for objects.
#[op2]
#[serde]
pub(crate) fn op_do_facet(
    state: &mut OpState,
    #[smi] rid: ResourceId,
) -> Result<Option<Told>, JsErrorBox> {
    let namespace = handle(state, rid)?;
    Ok(namespace.0.facet.as_ref().map(|facet| Told {
        id: facet.id.clone(),
        props: facet.props.clone(),
        depth: facet.path.depth(),
    }))
}

fn facet(state: &OpState, rid: ResourceId) -> Result<Arc<Facet>, JsErrorBox> {
    let facet = handle(state, rid)?.0.facet.clone();
    facet.ok_or_else(|| JsErrorBox::type_error("This is no facet of a Durable Object."))
}

/// Why a facet is over: name and message of an error, and whether it failed itself;
/// `null` if it is not.
#[op2]
#[serde]
pub(crate) fn op_do_facet_over(
    state: &mut OpState,
    #[smi] rid: ResourceId,
) -> Result<Option<(String, String, bool)>, JsErrorBox> {
    let over = facet(state, rid)?.lease.over();
    Ok(over.map(|over| (over.name, over.message, over.is_reset)))
}

/// Settles when a facet is over.
#[op2]
pub(crate) async fn op_do_facet_wait(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
) -> Result<(), JsErrorBox> {
    let over = facet(&state.borrow(), rid)?.lease.wait();
    if let Some(over) = over {
        // It is told of by the end of the sender.
        let _ = over.await;
    }
    Ok(())
}

/// Ends a facet.
#[op2(fast)]
pub(crate) fn op_do_facet_end(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[string] name: &str,
    #[string] message: &str,
    is_reset: bool,
) {
    if let Ok(facet) = facet(state, rid) {
        facet.lease.end(Over { name: name.to_owned(), message: message.to_owned(), is_reset });
    }
}

/// Settles when the data of a facet is free for it.
#[op2]
pub(crate) async fn op_do_facet_free(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
) -> Result<(), JsErrorBox> {
    let (facets, path) = {
        let state = state.borrow();
        let namespace = handle(&state, rid)?;
        (facets_of(&namespace.0)?, path_of(&namespace.0, ""))
    };
    if let Some(facets) = facets {
        facets.free(path).await;
    }
    Ok(())
}

/// Whether a facet is in memory, or has sockets.
#[op2(fast)]
pub(crate) fn op_do_facet_lives(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[string] hex: &str,
) -> Result<bool, JsErrorBox> {
    let namespace = handle(state, rid)?;
    let key = key(&namespace, hex)?;
    Ok(namespace.0.placement.find(&key).is_some())
}

/// Closes what an isolate knows of a facet that is over.
#[op2(fast)]
pub(crate) fn op_do_facet_close(state: &mut OpState, #[smi] rid: ResourceId) {
    close(state, rid);
}

/// Whether objects of a namespace have, or ever had, facets.
#[op2(fast)]
pub(crate) fn op_do_facets_exist(
    state: &mut OpState,
    #[smi] rid: ResourceId,
) -> Result<bool, JsErrorBox> {
    let namespace = handle(state, rid)?;
    if let Some(facet) = &namespace.0.facet {
        return Ok(facet.facets.is_some());
    }
    let Some(data) = &namespace.0.storage else { return Ok(false) };
    let known = data.namespace.known_facets().map_err(|error| failed(&error))?;
    Ok(known.is_some())
}

/// Deletes the data of the facet `name`, and of those below; without a name, that of
/// all facets. Settles when it is gone from the disk; none of them begins before.
#[op2]
pub(crate) fn op_do_facet_delete(
    state: &mut OpState,
    #[smi] parent: ResourceId,
    #[string] hex: &str,
    #[string] name: Option<String>,
) -> Result<impl Future<Output = Result<(), JsErrorBox>> + use<>, JsErrorBox> {
    let parent = handle(state, parent)?;
    let path = path_of(&parent.0, hex);
    let path = match name {
        Some(name) => path.child(&name),
        None => path.all_below(),
    };
    let work = facets_of(&parent.0)?.map(|facets| {
        let held = facets.hold(&path);
        facets.delete(held, path)
    });
    Ok(done(work))
}

/// Copies the facet `from`, and those below, over the facet `to`. Settles when the
/// disk has it; that one does not begin before.
#[op2]
pub(crate) fn op_do_facet_copy(
    state: &mut OpState,
    #[smi] parent: ResourceId,
    #[string] hex: &str,
    #[string] from: &str,
    #[string] to: &str,
) -> Result<impl Future<Output = Result<(), JsErrorBox>> + use<>, JsErrorBox> {
    let parent = handle(state, parent)?;
    let path = path_of(&parent.0, hex);
    let work = facets_of(&parent.0)?.map(|facets| {
        let (from, to) = (path.child(from), path.child(to));
        let held = facets.hold(&to);
        facets.copy(held, from, to)
    });
    Ok(done(work))
}

async fn done(work: Option<impl Future<Output = Result<(), Error>>>) -> Result<(), JsErrorBox> {
    match work {
        Some(work) => work.await.map_err(|error| failed(&error)),
        None => Ok(()),
    }
}
