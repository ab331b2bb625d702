//! What waits in queues and what Workflows are at, counted when somebody asks.

use std::sync::Arc;

use selvedge_deployments::ResourceKind;
use selvedge_queues::store::QueueStore as _;

use super::core::Core;
use crate::metrics::{InstanceFigures, QueueFigures, Stocks};

/// Queues, and numbers of instances of Workflows, that metrics show at most: each is a
/// series of its own.
const MOST: usize = 1000;

/// Those of all accounts. What cannot be read is left out, and the log has why.
pub(super) fn count(core: &Arc<Core>) -> Stocks {
    let queues = queues(core).unwrap_or_else(|error| {
        tracing::error!(%error, "the backlog of queues could not be read");
        Vec::new()
    });
    let instances = instances(core).unwrap_or_else(|error| {
        tracing::error!(%error, "the instances of Workflows could not be counted");
        Vec::new()
    });
    Stocks { queues, instances }
}

type Counted<T> = Result<Vec<T>, Box<dyn std::error::Error>>;

fn queues(core: &Core) -> Counted<QueueFigures> {
    let mut all = Vec::new();
    for account in core.store.accounts()? {
        for queue in core.store.resources(&account.id, ResourceKind::Queue)? {
            if all.len() == MOST {
                return Ok(all);
            }
            let metrics = core.backends.queue(&queue.id)?.metrics()?;
            all.push(QueueFigures {
                account: account.id.to_string(),
                queue: queue.name,
                messages: metrics.count,
                bytes: metrics.bytes,
            });
        }
    }
    Ok(all)
}

fn instances(core: &Core) -> Counted<InstanceFigures> {
    // Nobody asks for an index that nobody has used.
    let Some(index) = core.backends.open_workflows() else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    for workflow in index.all()? {
        for (status, count) in index.counts(&workflow.id)? {
            if all.len() == MOST {
                return Ok(all);
            }
            let (account, workflow) = (workflow.account.clone(), workflow.name.clone());
            all.push(InstanceFigures { account, workflow, status, count });
        }
    }
    Ok(all)
}
