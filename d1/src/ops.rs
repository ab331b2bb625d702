//! The ops of the binding. A query that the store answers at once is answered
//! inside of its op; all else waits in the isolate's event loop.

mod shape;

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use deno_core::{OpState, Resource, ResourceId, ToV8, op2, v8};
use deno_error::JsErrorBox;
use selvedge_runtime::{Amount, IsolateState, Operation};

use self::shape::{Kind, Shaped};
use crate::binding::D1Database;
use crate::rules::{self, NO_STATEMENTS};
use crate::store::{Answer, Later, Meta, Query, Refusal, Results, SqlValue, Wanted};

/// A database in an isolate: what `env` holds, by its number.
pub(crate) struct Handle {
    database: D1Database,
}

impl Resource for Handle {
    fn name(&self) -> Cow<'_, str> {
        "d1Database".into()
    }
}

impl Handle {
    pub(crate) fn new(database: D1Database) -> Self {
        Self { database }
    }

    /// The text of a refusal; the log gets all of a store's error.
    fn text(&self, refusal: Refusal) -> (usize, String) {
        match refusal {
            Refusal::Sql(at, text) => (at, text),
            Refusal::Store(error) => {
                tracing::error!(database = self.database.id(), %error, "a D1 database failed");
                (0, rules::text_of(&error).to_owned())
            }
        }
    }

    /// What JavaScript gets of a call, from what the store says.
    fn shape(&self, results: Results, call: &Call) -> Shaped {
        match results {
            Ok(sets) => Shaped::of(sets, call.kind, call.is_batch),
            Err(refusal) => {
                let (at, text) = self.text(refusal);
                // The number that the query had before those with nothing to run
                // were left out.
                let at = call.numbers.get(at).copied().unwrap_or(0);
                Shaped::Refused(format!("{at}:{text}"))
            }
        }
    }
}

/// What is remembered of a call until it is answered.
struct Call {
    kind: Kind,
    is_batch: bool,
    /// The numbers of the queries, by their places in what the store got.
    numbers: Vec<usize>,
}

/// A call that the store answers later.
struct Pending {
    answer: Cell<Option<Later<Results>>>,
    handle: Rc<Handle>,
    call: Call,
}

impl Resource for Pending {
    fn name(&self) -> Cow<'_, str> {
        "d1Query".into()
    }
}

fn handle(state: &OpState, rid: ResourceId) -> Result<Rc<Handle>, JsErrorBox> {
    state
        .resource_table
        .get::<Handle>(rid)
        .map_err(|_| JsErrorBox::type_error("This D1 database is not there any more."))
}

fn isolate(state: &OpState) -> &Rc<IsolateState> {
    state.borrow::<Rc<IsolateState>>()
}

/// Runs queries. Gives what [`Shaped`] says, or a number below zero for an answer
/// to come.
fn run<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: &mut OpState,
    (rid, slot): (ResourceId, u32),
    queries: Vec<Query>,
    (kind, is_batch): (Kind, bool),
) -> Result<v8::Local<'s, v8::Value>, JsErrorBox> {
    let handle = handle(state, rid)?;
    isolate(state).count_subrequest(slot).map_err(JsErrorBox::from_err)?;
    isolate(state).count_operation(Operation::D1Query);
    let mut numbers = Vec::with_capacity(queries.len());
    let mut left = Vec::with_capacity(queries.len());
    for (number, query) in queries.into_iter().enumerate() {
        if !rules::is_nothing(&query.sql) {
            numbers.push(number);
            left.push(query);
        }
    }
    if left.is_empty() {
        return Shaped::Refused(format!("0:{NO_STATEMENTS}")).to_v8(scope);
    }
    let call = Call { kind, is_batch, numbers };
    let wanted = if kind == Kind::First { Wanted::First } else { Wanted::All };
    match handle.database.store().run(left, wanted) {
        Answer::Ready(results) => {
            count_rows(isolate(state), &results);
            handle.shape(results, &call).to_v8(scope)
        }
        Answer::Later(later) => {
            let answer = Cell::new(Some(later));
            let pending = state.resource_table.add(Pending { answer, handle, call });
            Ok(v8::Number::new(scope, -1.0 - f64::from(pending)).into())
        }
    }
}

/// Counts the rows that queries read and wrote.
fn count_rows(isolate: &IsolateState, results: &Results) {
    let Ok(sets) = results else { return };
    let sum = |of: fn(&Meta) -> u64| sets.iter().map(|set| of(&set.meta)).sum();
    isolate.count_amount(Amount::D1RowsRead, sum(|meta| meta.rows_read));
    isolate.count_amount(Amount::D1RowsWritten, sum(|meta| meta.rows_written));
}

/// Runs one query.
#[op2]
pub(crate) fn op_d1_query<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[string] sql: String,
    params: v8::Local<'_, v8::Value>,
    #[smi] kind: u32,
) -> Result<v8::Local<'s, v8::Value>, JsErrorBox> {
    let params = bindings(scope, params)?;
    let query = Query { sql, params };
    run(scope, state, (rid, slot), vec![query], (Kind::from(kind), false))
}

/// Runs queries, all or none: their texts, and what is bound to each.
#[op2]
pub(crate) fn op_d1_batch<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[serde] texts: Vec<String>,
    params: v8::Local<'_, v8::Array>,
) -> Result<v8::Local<'s, v8::Value>, JsErrorBox> {
    let mut queries = Vec::with_capacity(texts.len());
    for (at, sql) in (0..).zip(texts) {
        let given = params.get_index(scope, at).ok_or_else(not_sql)?;
        queries.push(Query { sql, params: bindings(scope, given)? });
    }
    run(scope, state, (rid, slot), queries, (Kind::Objects, true))
}

/// The answer that [`op_d1_query`] left for later.
#[op2]
pub(crate) async fn op_d1_query_later(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
) -> Result<Shaped, JsErrorBox> {
    later(state, rid, slot).await
}

/// The answer that [`op_d1_batch`] left for later.
#[op2]
pub(crate) async fn op_d1_batch_later(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
) -> Result<Shaped, JsErrorBox> {
    later(state, rid, slot).await
}

async fn later(
    state: Rc<RefCell<OpState>>,
    rid: ResourceId,
    slot: u32,
) -> Result<Shaped, JsErrorBox> {
    let gone = || JsErrorBox::type_error("This answer was taken already.");
    let (pending, isolate) = {
        let mut state = state.borrow_mut();
        let pending = state.resource_table.take::<Pending>(rid).map_err(|_| gone())?;
        (pending, isolate(&state).clone())
    };
    let results = pending.answer.take().ok_or_else(gone)?.await;
    isolate.mark_resumed(slot);
    count_rows(&isolate, &results);
    Ok(pending.handle.shape(results, &pending.call))
}

/// The name of the database's present state.
#[op2]
#[string]
pub(crate) fn op_d1_bookmark(
    state: &mut OpState,
    #[smi] rid: ResourceId,
) -> Result<String, JsErrorBox> {
    Ok(handle(state, rid)?.database.store().bookmark())
}

/// A file of SQLite with all that the database has.
#[op2]
pub(crate) async fn op_d1_dump(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
) -> Result<Shaped, JsErrorBox> {
    let (handle, isolate) = {
        let state = state.borrow();
        isolate(&state).count_subrequest(slot).map_err(JsErrorBox::from_err)?;
        (handle(&state, rid)?, isolate(&state).clone())
    };
    let dumped = handle.database.store().dump().await;
    isolate.mark_resumed(slot);
    Ok(match dumped {
        Ok(bytes) => Shaped::Buffer(bytes),
        Err(refusal) => Shaped::Refused(handle.text(refusal).1),
    })
}

/// What a Worker binds. JavaScript made each one of these.
fn bindings(
    scope: &mut v8::PinScope<'_, '_>,
    values: v8::Local<'_, v8::Value>,
) -> Result<Vec<SqlValue>, JsErrorBox> {
    if values.is_null_or_undefined() {
        return Ok(Vec::new());
    }
    let values = v8::Local::<v8::Array>::try_from(values).map_err(|_| not_sql())?;
    let mut bound = Vec::with_capacity(values.length() as usize);
    for at in 0..values.length() {
        let value = values.get_index(scope, at).ok_or_else(not_sql)?;
        bound.push(binding(scope, value)?);
    }
    Ok(bound)
}

fn binding(
    scope: &mut v8::PinScope<'_, '_>,
    value: v8::Local<'_, v8::Value>,
) -> Result<SqlValue, JsErrorBox> {
    if value.is_null_or_undefined() {
        return Ok(SqlValue::Null);
    }
    if value.is_string() {
        return Ok(SqlValue::Text(value.to_rust_string_lossy(scope)));
    }
    if let Ok(bytes) = v8::Local::<v8::ArrayBufferView>::try_from(value) {
        let mut copy = vec![0; bytes.byte_length()];
        bytes.copy_contents(&mut copy);
        return Ok(SqlValue::Blob(copy));
    }
    match value.number_value(scope) {
        // Neither is a number of JSON.
        Some(number) if value.is_number() && !number.is_finite() => Ok(SqlValue::Null),
        Some(number) if value.is_number() => Ok(SqlValue::Real(number)),
        _ => Err(not_sql()),
    }
}

fn not_sql() -> JsErrorBox {
    JsErrorBox::type_error("this is no value of SQL")
}
