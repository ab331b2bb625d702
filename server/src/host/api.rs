//! What the API asks of the running server.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use selvedge_analytics::AnalyticsStore;
use selvedge_api::host::{
    CachePurge, Commit, Host, HostError, Later, LogPage, LogQuery, ObjectNamespace, ObjectsChange,
    ObjectsChanged, ObjectsPage, ObjectsRefusal, StartFailure, Started,
};
use selvedge_cache::purge::Purge;
use selvedge_deployments::{AccountId, NewVersion, WorkerKey};
use selvedge_kv::store::KvStore;
use selvedge_r2::store::Catalog as Buckets;
use selvedge_workflows::store::{Index, Wanted, WorkflowInfo};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::kept_events::query_of;
use crate::metrics::CacheFigures;

use super::{Handle, change, objects, queues, stocks, validate, workflows};

/// Workers that stand for themselves in `/metrics`.
const METRIC_WORKERS: usize = 1000;

fn unavailable(error: selvedge_deployments::Error) -> HostError {
    HostError::Internal(error.to_string())
}

impl Handle {
    /// Whoever wants to know what happens in Workers.
    pub fn traces(&self) -> Arc<super::trace::Traces> {
        self.0.traces.clone()
    }
}

/// The cache's counters as metrics show them.
fn cache_figures(of: &selvedge_cache::store::Figures) -> CacheFigures {
    let read = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    CacheFigures {
        hits: read(&of.hits),
        misses: read(&of.misses),
        stale: read(&of.stale),
        revalidated: read(&of.revalidated),
        stored: read(&of.stored),
        deleted: read(&of.deleted),
        front: [
            ("hit", read(&of.front.hits)),
            ("miss", read(&of.front.misses)),
            ("expired", read(&of.front.expired)),
            ("revalidated", read(&of.front.revalidated)),
            ("updating", read(&of.front.updating)),
            ("stale", read(&of.front.stale)),
            ("bypass", read(&of.front.bypassed)),
        ],
    }
}

impl Host for Handle {
    fn validate<'a>(
        &'a self,
        worker: &'a WorkerKey,
        candidate: &'a NewVersion,
    ) -> Later<'a, Result<Started, StartFailure>> {
        Box::pin(validate::validate(&self.0, worker, candidate))
    }

    fn apply<'a>(&'a self, worker: &'a WorkerKey) -> Later<'a, Result<(), HostError>> {
        Box::pin(async {
            let (core, key) = (self.0.clone(), worker.clone());
            let followed = tokio::task::spawn_blocking(move || workflows::follow(&core, &key));
            followed.await.map_err(|error| HostError::Internal(error.to_string()))??;
            change::apply(&self.0, worker).await.map_err(unavailable)
        })
    }

    fn apply_account<'a>(&'a self, account: &'a AccountId) -> Later<'a, Result<(), HostError>> {
        Box::pin(async { change::apply_account(&self.0, account).await.map_err(unavailable) })
    }

    fn migration_tag(&self, worker: &WorkerKey) -> Result<Option<String>, HostError> {
        objects::migration_tag(&self.0, worker)
    }

    fn change_objects(
        &self,
        worker: &WorkerKey,
        change: &ObjectsChange,
        commit: Commit,
    ) -> Result<ObjectsChanged, ObjectsRefusal> {
        objects::change(&self.0, worker, change, commit)
    }

    fn object_namespaces(&self, account: &AccountId) -> Result<Vec<ObjectNamespace>, HostError> {
        objects::namespaces(&self.0, account)
    }

    fn objects(
        &self,
        account: &AccountId,
        namespace: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Option<ObjectsPage>, HostError> {
        objects::page(&self.0, account, namespace, after, limit)
    }

    fn forget_objects(&self, worker: &WorkerKey) -> Result<(), HostError> {
        objects::forget(&self.0, worker)?;
        workflows::forget(&self.0, worker)
    }

    fn workflows(&self) -> Result<Arc<Index>, HostError> {
        workflows::index(&self.0)
    }

    fn put_workflow(&self, wanted: &Wanted) -> Result<WorkflowInfo, HostError> {
        workflows::put(&self.0, wanted)
    }

    fn delete_workflow(&self, workflow: &WorkflowInfo) -> Result<(), HostError> {
        workflows::delete(&self.0, workflow)
    }

    fn ask_instance<'a>(
        &'a self,
        workflow: &'a WorkflowInfo,
        instance: &'a str,
        command: &'a str,
        argument: &'a Value,
    ) -> Later<'a, Result<Value, HostError>> {
        Box::pin(workflows::ask(&self.0, workflow, instance, command, argument))
    }

    fn kv(&self, namespace: &str) -> Result<Arc<dyn KvStore>, HostError> {
        self.0.backends.kv(namespace).map_err(|error| HostError::Internal(error.to_string()))
    }

    fn delete_kv(&self, namespace: &str) -> Result<(), HostError> {
        self.0.backends.delete_kv(namespace).map_err(|error| HostError::Internal(error.to_string()))
    }

    fn queue(&self, queue: &str) -> Result<Arc<selvedge_queues::store::SqliteStore>, HostError> {
        self.0.backends.queue(queue).map_err(|error| HostError::Internal(error.to_string()))
    }

    fn apply_queues(&self) -> Result<(), HostError> {
        queues::follow(&self.0)
    }

    fn delete_queue(&self, queue: &str) -> Result<(), HostError> {
        self.0.backends.delete_queue(queue).map_err(|error| HostError::Internal(error.to_string()))
    }

    fn d1(&self, database: &str) -> Result<Arc<selvedge_d1::store::SqliteStore>, HostError> {
        self.0.backends.d1(database).map_err(|error| HostError::Internal(error.to_string()))
    }

    fn delete_d1(&self, database: &str) -> Result<(), HostError> {
        self.0.backends.delete_d1(database).map_err(|error| HostError::Internal(error.to_string()))
    }

    fn buckets(&self) -> Result<Arc<Buckets>, HostError> {
        self.0.backends.buckets().map_err(|error| HostError::Internal(error.to_string()))
    }

    fn analytics(&self) -> Result<Arc<AnalyticsStore>, HostError> {
        self.0.backends.analytics().map_err(|error| HostError::Internal(error.to_string()))
    }

    fn purge_cache(&self, account: &AccountId, purges: &[CachePurge]) -> Result<(), HostError> {
        let own = || account.to_string();
        for purge in purges {
            let (whose, purge) = match purge {
                CachePurge::Everything => (own(), Purge::Everything),
                CachePurge::Url(url) => (own(), Purge::Url(url.clone())),
                CachePurge::Prefix(prefix) => (own(), Purge::Prefix(prefix.clone())),
                CachePurge::Tag(tag) => (own(), Purge::Tag(tag.clone())),
                CachePurge::Worker(name) => {
                    let worker = format!("{account}/{name}");
                    (selvedge_cache::front::scope_of_all(&worker), Purge::Everything)
                }
            };
            let done = self.0.backends.cache().purge(&whose, purge);
            done.map_err(|error| HostError::Internal(error.to_string()))?;
        }
        Ok(())
    }

    fn tail(&self, worker: &WorkerKey) -> mpsc::Receiver<Arc<Value>> {
        self.0.traces.tail(worker)
    }

    fn figures(&self, account: Option<&AccountId>) -> Value {
        let figures = self.0.traces.registry().figures(account.map(AccountId::as_str));
        serde_json::to_value(figures).unwrap_or_default()
    }

    fn logs<'a>(&'a self, query: &'a LogQuery) -> Later<'a, Result<LogPage, HostError>> {
        Box::pin(async move {
            let kept = self.0.kept.clone();
            let account = query.account.as_str().to_owned();
            let question = query_of(query).map_err(HostError::Unavailable)?;
            let found =
                tokio::task::spawn_blocking(move || kept.store().query(&account, &question));
            let found = found.await.map_err(|error| HostError::Internal(error.to_string()))?;
            match found {
                Ok(page) => Ok(LogPage { items: page.items, cursor: page.cursor }),
                Err(selvedge_logs::Error::Storage(error)) => {
                    Err(HostError::Internal(error.to_string()))
                }
                Err(error) => Err(HostError::Unavailable(error.to_string())),
            }
        })
    }

    fn metrics(&self) -> String {
        let registry = self.0.traces.registry();
        registry.set_dropped_logs(self.0.kept.store().dropped());
        if let Some(access_log) = &self.0.access_log {
            registry.set_dropped_access_lines(access_log.dropped());
        }
        if let Some(otlp) = &self.0.otlp {
            registry.set_dropped_spans(otlp.dropped());
        }
        registry.set_cache(cache_figures(&self.0.backends.cache().figures));
        registry.prometheus(METRIC_WORKERS, &stocks::count(&self.0))
    }

    fn is_ready(&self) -> bool {
        self.0.is_ready.load(Ordering::Relaxed)
    }
}
