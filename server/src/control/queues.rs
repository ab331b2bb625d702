//! The verbs of queues.

use selvedge_queues::store::QueueStore as _;

use super::protocol::{Failure, FailureKind, QueueEntry, Reply, Request};
use crate::backends::Backends;

pub(super) async fn execute(backends: &Backends, request: Request) -> Result<Reply, Failure> {
    match request {
        Request::Queues => {
            let all = backends.with_queues(|catalog| catalog.list())?.map_err(internal)?;
            let mut entries = Vec::with_capacity(all.len());
            for queue in all {
                let metrics = backends.queue(&queue.id)?.metrics().map_err(internal)?;
                let (count, bytes) = (metrics.count, metrics.bytes);
                entries.push(QueueEntry { name: queue.id, count, bytes });
            }
            Reply::json(&entries)
        }
        Request::QueuePurge { name } => {
            known(backends, &name)?;
            backends.queue(&name)?.purge().await.map_err(internal)?;
            Reply::json(&true)
        }
        Request::QueueDelete { name } => {
            known(backends, &name)?;
            backends.delete_queue(&name)?;
            Reply::json(&true)
        }
        _ => Err(Failure::new(FailureKind::Internal, "no verb of queues")),
    }
}

fn known(backends: &Backends, name: &str) -> Result<(), Failure> {
    let found = backends.with_queues(|catalog| catalog.get(name))?.map_err(internal)?;
    let missing = || Failure::new(FailureKind::Invalid, format!("there is no queue \"{name}\""));
    found.map(drop).ok_or_else(missing)
}

fn internal(error: impl std::fmt::Display) -> Failure {
    Failure::new(FailureKind::Internal, error.to_string())
}
