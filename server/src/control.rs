//! What a running server does for `selvedge do` and `selvedge kv`: the verbs of
//! [`protocol`], over a socket in the data folder ([`socket`]). Where no server has
//! the folder, the command line has a [`Control`] of its own.
//!
//! An object of a Worker that runs is read and written on a thread of that
//! Worker's isolates: through its own storage if it lives, else while it is kept
//! from living. So nobody ever sees two of it.

pub mod client;
pub mod protocol;

mod analytics;
mod d1;
mod kv;
mod objects;
mod queues;
mod r2;
mod secrets;
pub(crate) mod socket;
mod workflows;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use selvedge_durable::catalog::NamespaceInfo;
use selvedge_durable::id::IdKey;
use selvedge_durable::placement::ObjectKey;
use selvedge_durable::store::{Connections, ConnectionsOptions, ObjectId, ObjectStorage};
use selvedge_durable::visit::{self, Visit, Visited};
use selvedge_durable::{DurableNamespace, Error};
use selvedge_runtime::{LocalIsolate, ThreadNumber};
use tokio::sync::oneshot;

use crate::alarms::target;
use crate::backends::{BackendError, Backends};
use crate::serve::ThreadEvent;
use crate::switchboard::Switchboard;
use protocol::{Evictions, Failure, FailureKind, ObjectRef, Reply, Request};

/// How long an object may be busy before a verb gives up, and how long the verb
/// itself may hold it up.
const PATIENCE: Duration = Duration::from_secs(5);
/// A busy object is asked again after this.
const AGAIN: Duration = Duration::from_millis(20);

/// Does what the verbs say.
pub struct Control {
    backends: Arc<Backends>,
    switchboard: Arc<Switchboard>,
    /// How long a query may take where no Worker waits for it.
    limit: Option<Duration>,
}

/// What a verb does with an object's storage. It may be asked to more than once,
/// but does it once.
type Act = Arc<dyn Fn(&ObjectStorage) -> Result<Reply, Failure> + Send + Sync>;

impl Control {
    /// That of a server.
    pub(crate) fn new(backends: Arc<Backends>, switchboard: Arc<Switchboard>) -> Self {
        Self { backends, switchboard, limit: Some(PATIENCE) }
    }

    /// That of a process that has the folder and serves nobody. `command` is told
    /// to those who want it, too.
    ///
    /// # Errors
    /// [`BackendError::Held`] when another process has it.
    pub fn alone(data_dir: &Path, command: &str) -> Result<Self, BackendError> {
        let backends = Arc::new(Backends::new(data_dir, command, Duration::ZERO));
        backends.take()?;
        let switchboard = Switchboard::new(backends.placement());
        Ok(Self { backends, switchboard, limit: None })
    }

    /// Puts the files in order: what was written is on disk already.
    ///
    /// # Errors
    /// When they cannot be opened.
    pub fn settle(&self) -> Result<(), BackendError> {
        self.backends.objects()?.settle();
        Ok(())
    }

    /// Does what a verb says. `bytes` is the value that some of them write.
    ///
    /// # Errors
    /// [`Failure`], for people.
    pub async fn execute(&self, request: Request, bytes: Bytes) -> Result<Reply, Failure> {
        match request {
            Request::Namespaces => objects::namespaces(&self.backends),
            Request::Objects { namespace, prefix, after, limit } => {
                let (info, data) = self.namespace(&namespace)?;
                let query = objects::query(prefix, after.as_deref(), limit)?;
                objects::page(&self.backends, &info, &data, &query)
            }
            Request::Info { object } => {
                let (info, data) = self.namespace(&object.namespace)?;
                let id = self.known(&object)?;
                let entry = objects::entry(&self.backends, &info, &data, &id);
                self.visit(&object, Arc::new(move |it| objects::details(it, entry.clone()))).await
            }
            Request::Get { object, key } => {
                self.known(&object)?;
                self.visit(&object, Arc::new(move |storage| objects::get(storage, &key))).await
            }
            Request::Values { object, prefix, after, limit } => {
                self.known(&object)?;
                let options = objects::range(prefix, after, limit);
                self.visit(&object, Arc::new(move |it| objects::values(it, &options))).await
            }
            Request::Put { object, key } => {
                let act = move |storage: &ObjectStorage| objects::put(storage, &key, &bytes);
                self.visit(&object, Arc::new(act)).await
            }
            Request::DeleteKey { object, key } => {
                self.known(&object)?;
                self.visit(&object, Arc::new(move |it| objects::delete_key(it, &key))).await
            }
            Request::DeleteObject { object } => {
                self.known(&object)?;
                self.delete(&object).await
            }
            Request::Alarm { object, change } => {
                if change.is_none_or(|it| matches!(it, protocol::AlarmChange::Delete)) {
                    self.known(&object)?;
                }
                self.visit(&object, Arc::new(move |it| objects::alarm(it, change))).await
            }
            Request::Sql { object, query, write } => {
                if !write {
                    self.known(&object)?;
                }
                self.visit(&object, Arc::new(move |it| objects::sql(it, &query, write))).await
            }
            Request::Evict { namespace, object, force } => {
                let (_, data) = self.namespace(&namespace)?;
                let object = object.map(|id| id_in(&data, &id)).transpose()?;
                Reply::json(&self.evict(&data, object, force).await)
            }
            request @ (Request::D1Databases
            | Request::D1Create { .. }
            | Request::D1Delete { .. }
            | Request::D1Query { .. }
            | Request::D1Import { .. }
            | Request::D1Export { .. }
            | Request::D1Bookmark { .. }
            | Request::D1Restore { .. }) => d1::execute(&self.backends, request, bytes).await,
            request @ (Request::Queues
            | Request::QueuePurge { .. }
            | Request::QueueDelete { .. }) => queues::execute(&self.backends, request).await,
            Request::AnalyticsQuery { sql } => analytics::query(&self.backends, sql).await,
            Request::SecretsStore { store, action } => {
                secrets::execute(&self.backends, &store, action, &bytes)
            }
            request @ (Request::Workflows
            | Request::WorkflowInstances { .. }
            | Request::WorkflowDelete { .. }
            | Request::WorkflowAsk { .. }) => {
                workflows::execute(&self.backends, &self.switchboard, request).await
            }
            request if request.is_r2() => r2::execute(&self.backends, request, bytes).await,
            request => kv::execute(&self.backends, request, bytes).await,
        }
    }

    fn namespace(&self, id: &str) -> Result<(NamespaceInfo, DurableNamespace), Failure> {
        let all = self.backends.objects()?.catalog().list().map_err(BackendError::from)?;
        let missing = || Failure::new(FailureKind::Invalid, format!("there is no namespace {id}"));
        let info = all.into_iter().find(|info| info.id == id).ok_or_else(missing)?;
        let data = self.backends.durable(&info.script, &info.class)?;
        Ok((info, data))
    }

    /// What is known of an object that has data.
    fn known(&self, object: &ObjectRef) -> Result<selvedge_durable::store::ObjectInfo, Failure> {
        let (info, data) = self.namespace(&object.namespace)?;
        let id = id_in(&data, &object.id)?;
        let storage = data.storage().ok_or_else(no_storage)?;
        storage.namespace.get_object(id).map_err(failure)?.ok_or_else(|| {
            let shown = match &object.name {
                Some(name) => format!("\"{name}\""),
                None => object.id.clone(),
            };
            Failure::new(
                FailureKind::Invalid,
                format!(
                    "there is no object {shown} with data in the namespace {} of the Worker {}\n\
                     hint: `selvedge do list {}` prints those there are",
                    info.class, info.script, info.id
                ),
            )
        })
    }

    /// Lets a verb at the storage of an object, and waits until what it wrote is on
    /// disk.
    async fn visit(&self, object: &ObjectRef, act: Act) -> Result<Reply, Failure> {
        let (_, namespace) = self.namespace(&object.namespace)?;
        let id = id_in(&namespace, &object.id)?;
        let visited = Arc::new(Visited { namespace, id, name: object.name.clone() });
        let until = Instant::now() + PATIENCE;
        loop {
            let (there, verb) = (visited.clone(), act.clone());
            let asked = self
                .on_thread_of(&visited, move |isolate: &LocalIsolate| {
                    let visit =
                        |state: &mut _| visit::visit(state, &there, PATIENCE, |it| verb(it));
                    isolate.with_ops(visit)
                })
                .await;
            match asked {
                Asked::Nobody => return finish(self.visit_here(&visited, &act)?).await,
                Asked::Answer(Ok(Ok(visit))) => return finish(visit).await,
                Asked::Answer(Ok(Err(_)) | Err(Error::InUse)) | Asked::Again => {}
                Asked::Answer(Err(error)) => return Err(failure(error)),
            }
            self.wait(until).await?;
        }
    }

    /// The same for an object whose Worker does not run.
    fn visit_here(
        &self,
        visited: &Visited,
        act: &Act,
    ) -> Result<Visit<Result<Reply, Failure>>, Failure> {
        let Visited { namespace, id, .. } = visited;
        let key = key(namespace, *id);
        let me = ThreadNumber::of_this_thread();
        namespace.placement.take(&key, me).map_err(|_| busy())?;
        let stop = self.limit.map(|limit| {
            let until = Instant::now() + limit;
            Arc::new(move || Instant::now() >= until) as selvedge_durable::store::StopFlag
        });
        let connections = Connections::new(ConnectionsOptions { stop, ..Default::default() });
        let visit = visit::visit_idle(visited, &connections, |storage| act(storage));
        namespace.placement.give_back(&key, me);
        visit.map_err(failure)
    }

    async fn delete(&self, object: &ObjectRef) -> Result<Reply, Failure> {
        let (_, namespace) = self.namespace(&object.namespace)?;
        let id = id_in(&namespace, &object.id)?;
        let until = Instant::now() + PATIENCE;
        let visited = Arc::new(Visited { namespace, id, name: None });
        loop {
            if self.evict(&visited.namespace, Some(id), false).await.busy > 0 {
                return Err(busy());
            }
            let there = visited.clone();
            let asked = self
                .on_thread_of(&visited, move |isolate: &LocalIsolate| {
                    isolate.with_ops(|state| visit::delete(state, &there))
                })
                .await;
            match asked {
                Asked::Nobody => {
                    let storage = visited.namespace.storage().ok_or_else(no_storage)?;
                    storage.namespace.delete_object(id).map_err(failure)?;
                    return Reply::json(&true);
                }
                Asked::Answer(Ok(Ok(()))) => return Reply::json(&true),
                Asked::Answer(Ok(Err(_)) | Err(Error::InUse)) | Asked::Again => {}
                Asked::Answer(Err(error)) => return Err(failure(error)),
            }
            self.wait(until).await?;
        }
    }

    /// Takes an object out of memory, or all of a namespace, as soon as nothing
    /// goes on in them.
    async fn evict(
        &self,
        namespace: &DurableNamespace,
        object: Option<ObjectId>,
        force: bool,
    ) -> Evictions {
        let until = Instant::now() + PATIENCE;
        let mut total = Evictions::default();
        loop {
            let threads = match object {
                Some(id) => {
                    let owner = namespace.placement.find(&key(namespace, id));
                    owner.and_then(|owner| self.switchboard.seated(owner)).into_iter().collect()
                }
                None => self.switchboard.seats(),
            };
            total.busy = 0;
            for thread in threads {
                let id = namespace.id.clone();
                let hex = object.map_or_else(String::new, |id| id.to_string());
                let asked = ask(&thread, move |isolate| Some(isolate.evict(&id, &hex, force)));
                if let Asked::Answer(evicted) = asked.await {
                    total.ended += evicted.ended;
                    total.busy += evicted.busy;
                }
            }
            if total.busy == 0 || Instant::now() >= until {
                return total;
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Runs something on the thread that has the object, or that may have it.
    async fn on_thread_of<T: Send + 'static>(
        &self,
        visited: &Visited,
        act: impl FnOnce(&LocalIsolate) -> Option<T> + Send + 'static,
    ) -> Asked<T> {
        match self.switchboard.thread_of(&target(&visited.namespace, visited.id)) {
            Some(thread) => ask(&thread, act).await,
            None => Asked::Nobody,
        }
    }

    async fn wait(&self, until: Instant) -> Result<(), Failure> {
        if Instant::now() >= until {
            return Err(busy());
        }
        tokio::time::sleep(AGAIN).await;
        Ok(())
    }
}

/// What came back from a thread.
enum Asked<T> {
    /// No thread serves the Worker.
    Nobody,
    Answer(T),
    /// The thread, or its isolate, ended meanwhile.
    Again,
}

async fn ask<T: Send + 'static>(
    thread: &tokio::sync::mpsc::Sender<ThreadEvent>,
    act: impl FnOnce(&LocalIsolate) -> Option<T> + Send + 'static,
) -> Asked<T> {
    let (told, answer) = oneshot::channel();
    let act = Box::new(move |isolate: &LocalIsolate| drop(told.send(act(isolate))));
    if thread.send(ThreadEvent::Act(act)).await.is_err() {
        return Asked::Again;
    }
    answer.await.ok().flatten().map_or(Asked::Again, Asked::Answer)
}

async fn finish(visit: Visit<Result<Reply, Failure>>) -> Result<Reply, Failure> {
    visit.durable().await.map_err(failure)?
}

fn key(namespace: &DurableNamespace, id: ObjectId) -> ObjectKey {
    let id = selvedge_durable::ObjectId::from_bytes(id.0);
    ObjectKey { namespace: namespace.id.clone(), id }
}

/// An id that belongs to the namespace.
fn id_in(namespace: &DurableNamespace, text: &str) -> Result<ObjectId, Failure> {
    let id = IdKey::of_namespace(&namespace.id).parse(text);
    let id = id.map_err(|error| Failure::new(FailureKind::Invalid, error.to_string()))?;
    Ok(ObjectId(*id.as_bytes()))
}

fn busy() -> Failure {
    Failure::new(
        FailureKind::Busy,
        "the object is busy: a transaction or a request is under way in it\nhint: try again, or end \
         it with `selvedge do evict --force`",
    )
}

fn no_storage() -> Failure {
    Failure::new(FailureKind::Internal, "the namespace has no storage")
}

fn failure(error: Error) -> Failure {
    match error {
        Error::Sql(text) => Failure::new(FailureKind::Invalid, text),
        Error::InUse => busy(),
        error => Failure::new(FailureKind::Internal, error.to_string()),
    }
}

impl From<BackendError> for Failure {
    fn from(error: BackendError) -> Self {
        Self::new(FailureKind::Internal, error.to_string())
    }
}
