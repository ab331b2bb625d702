//! Ops of Worker Loaders.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use deno_core::{JsBuffer, OpState, Resource, ResourceId, op2};
use deno_error::JsErrorBox;
use selvedge_runtime::outbound::{ServiceResource, ServiceTarget, Terms, Way};
use selvedge_runtime::worker::{Tail, TailKind};
use selvedge_runtime::{EnvEntry, EnvValue, IsolateState, ModuleKind, Operation};
use serde::Deserialize;

use crate::code::{self, Code};
use crate::env::LoadedValue;
use crate::loader::{Handle, LoadError, Loaded};

/// A loaded Worker in the isolate of the loader.
struct Known {
    worker: Arc<dyn Loaded>,
    /// Its code, while it comes.
    code: RefCell<Code>,
}

impl Resource for Known {
    fn name(&self) -> Cow<'_, str> {
        "loadedWorker".into()
    }
}

fn known(state: &OpState, rid: ResourceId) -> Result<Rc<Known>, JsErrorBox> {
    let gone = |_| JsErrorBox::type_error("This loaded Worker is not there any more.");
    state.resource_table.get::<Known>(rid).map_err(gone)
}

/// A limit that JavaScript gave; below zero: none.
pub(crate) fn limit(value: f64) -> Option<f64> {
    (value >= 0.0).then_some(value)
}

/// The terms of a call; limits below zero are none.
pub(crate) fn terms_of(cpu_ms: f64, subrequests: f64) -> Terms {
    Terms {
        cpu: limit(cpu_ms).map(|ms| Duration::from_millis(ms as u64)),
        // Casts saturate.
        subrequests: limit(subrequests).map(|count| count as u32),
        ..Terms::default()
    }
}

/// The Worker of an id, or a new one without (`has_id`): its number here. 1 beside
/// it: the caller is to give it its code.
#[op2]
#[serde]
pub(crate) fn op_loader_find(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[string] id: &str,
    has_id: bool,
) -> Result<(ResourceId, bool), JsErrorBox> {
    let handle = state
        .resource_table
        .get::<Handle>(rid)
        .map_err(|_| JsErrorBox::type_error("This Worker Loader is not there any more."))?;
    let isolate = state.borrow::<Rc<IsolateState>>();
    isolate.count_operation(Operation::LoaderGet);
    let loader = isolate.worker().clone();
    let (worker, is_new) = handle.find(&loader, has_id.then_some(id));
    let rid = state.resource_table.add(Known { worker, code: RefCell::default() });
    Ok((rid, is_new))
}

/// Takes a module of the code.
#[op2(fast)]
pub(crate) fn op_loader_module(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[string] name: String,
    #[string] kind: &str,
    #[buffer] body: &[u8],
) -> Result<(), JsErrorBox> {
    let kind = match kind {
        "js" => ModuleKind::EsModule,
        "cjs" => ModuleKind::CommonJs,
        "text" => ModuleKind::Text,
        "data" => ModuleKind::Data,
        "json" => ModuleKind::Json,
        "wasm" => ModuleKind::Wasm,
        _ => return Err(JsErrorBox::type_error("internal error")),
    };
    let known = known(state, rid)?;
    known.code.borrow_mut().add_module(name, kind, Bytes::copy_from_slice(body));
    Ok(())
}

/// Takes a value for `env`: its bytes, what goes by reference in it, the ways there.
#[op2]
pub(crate) fn op_loader_value(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[string] name: String,
    #[buffer] value: JsBuffer,
    #[buffer] externals: JsBuffer,
    #[serde] ways: Vec<ResourceId>,
) -> Result<(), JsErrorBox> {
    let known = known(state, rid)?;
    let ways = ways.iter().map(|way| service(state, *way)).collect::<Result<_, _>>()?;
    let bytes = name.len() + value.len();
    let held = LoadedValue {
        value: Bytes::copy_from_slice(&value),
        externals: Bytes::copy_from_slice(&externals),
        ways,
    };
    let value = EnvValue::Binding(Arc::new(held));
    known.code.borrow_mut().add_value(EnvEntry { name, value }, bytes);
    Ok(())
}

fn service(state: &OpState, rid: ResourceId) -> Result<Arc<ServiceTarget>, JsErrorBox> {
    let closed = |_| JsErrorBox::type_error("the service binding is closed");
    Ok(state.resource_table.get::<ServiceResource>(rid).map_err(closed)?.0.clone())
}

/// What of the code is neither modules nor `env`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BeginArgs {
    main: String,
    date: String,
    flags: Vec<String>,
    /// Below zero: none of its own.
    cpu_ms: f64,
    sub_requests: f64,
    is_closed: bool,
    outbound: Option<ResourceId>,
    /// Who is told of its events, when they are over and while they go on.
    tails: Vec<ResourceId>,
    streaming_tails: Vec<ResourceId>,
}

/// The code is whole: an isolate starts.
#[op2]
pub(crate) fn op_loader_begin(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[serde] args: BeginArgs,
) -> Result<(), JsErrorBox> {
    let known = known(state, rid)?;
    let outbound = match args.outbound {
        _ if args.is_closed => Some(Way::Closed),
        Some(way) => Some(Way::Worker(service(state, way)?)),
        None => None,
    };
    let limits = terms_of(args.cpu_ms, args.sub_requests);
    let of_tail = args.tails.iter().map(|way| (way, TailKind::Tail));
    let of_stream = args.streaming_tails.iter().map(|way| (way, TailKind::Stream));
    let tails = of_tail.chain(of_stream).map(|(way, kind)| {
        let target = service(state, *way)?;
        if target.object.is_some() || target.responder.is_some() {
            let text = "events are told to entrypoints of Workers, and to no Durable Object";
            return Err(JsErrorBox::type_error(text));
        }
        Ok(Tail { target, kind })
    });
    let tails = tails.collect::<Result<Vec<_>, JsErrorBox>>()?;
    let terms = code::Terms {
        main: args.main,
        date: args.date,
        flags: args.flags,
        cpu: limits.cpu,
        subrequests: limits.subrequests,
        outbound,
        tails,
    };
    let loader = state.borrow::<Rc<IsolateState>>().worker().clone();
    let code = known.code.take();
    let worker = code.worker(known.worker.name(), &loader, terms).map_err(JsErrorBox::from_err)?;
    known.worker.clone().give(worker);
    Ok(())
}

/// The code will not come: others who wait for it are told this.
#[op2(fast)]
pub(crate) fn op_loader_fail(state: &mut OpState, #[smi] rid: ResourceId, #[string] why: &str) {
    if let Ok(known) = known(state, rid) {
        known.code.take();
        known.worker.fail(LoadError(why.to_owned()));
    }
}

/// Settles when the Worker runs and has the entrypoint; "" is the default one.
#[op2]
pub(crate) async fn op_loader_ready(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[string] entrypoint: String,
) -> Result<(), JsErrorBox> {
    let (ready, isolate) = {
        let state = state.borrow();
        let ready = known(&state, rid)?.worker.ready();
        (ready, state.borrow::<Rc<IsolateState>>().clone())
    };
    let result = ready.await;
    isolate.mark_resumed(slot);
    let running = result.map_err(JsErrorBox::from_err)?;
    if !entrypoint.is_empty() && !running.entrypoints.contains(&entrypoint) {
        let text = format!("Worker has no such entrypoint: {entrypoint}");
        return Err(JsErrorBox::generic(text));
    }
    Ok(())
}

/// The way to an entrypoint ("": the default one), with `ctx.props` as JSON or "", and
/// limits of each call, below zero none. It is to be closed.
#[op2(fast)]
#[smi]
pub(crate) fn op_loader_target(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[string] entrypoint: &str,
    #[string] props: &str,
    cpu_ms: f64,
    subrequests: f64,
) -> Result<ResourceId, JsErrorBox> {
    let known = known(state, rid)?;
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let target = ServiceTarget {
        entrypoint: given(entrypoint),
        props: given(props),
        loaded: Some(known.worker.clone().callee()),
        terms: Some(Arc::new(terms_of(cpu_ms, subrequests))),
        ..ServiceTarget::new(known.worker.name())
    };
    Ok(state.resource_table.add(ServiceResource(Arc::new(target))))
}
