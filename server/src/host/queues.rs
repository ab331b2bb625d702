//! The consumers of the queues of all accounts.

use std::sync::Arc;

use selvedge_api::host::HostError;
use selvedge_api::queues::QueueSettings;
use selvedge_deployments::{AccountId, Resource, ResourceKind};
use selvedge_queues::config::ConsumerKind;

use super::core::Core;
use crate::queues::{DeadLetters, Wanted, stored};

/// Whose consumers they are, for [`crate::queues::Consumers`].
const WHO: &str = "accounts";

/// Has the consumers be what is stored.
pub(super) fn follow(core: &Arc<Core>) -> Result<(), HostError> {
    let mut wanted = Vec::new();
    for account in core.store.accounts().map_err(internal)? {
        let queues = core.store.resources(&account.id, ResourceKind::Queue).map_err(internal)?;
        for queue in queues {
            wanted.extend(wanted_of(core, &account.id, queue)?);
        }
    }
    core.consumers.set(WHO, wanted);
    Ok(())
}

/// The consumer of a queue, if a Worker takes its messages.
fn wanted_of(
    core: &Arc<Core>,
    account: &AccountId,
    queue: Resource,
) -> Result<Option<Wanted>, HostError> {
    let settings: QueueSettings = serde_json::from_value(queue.settings).map_err(internal)?;
    let consumer = settings.consumers.iter().find(|it| it.kind == ConsumerKind::Worker);
    let store = core.backends.queue(&queue.id).map_err(internal)?;
    store.set_retention(settings.message_retention_period);
    let Some(consumer) = consumer else { return Ok(None) };
    let Some(script) = &consumer.script else { return Ok(None) };
    let of_consumer = consumer.settings().map_err(|(_, text)| HostError::Internal(text))?;
    Ok(Some(Wanted {
        id: queue.id,
        name: queue.name,
        store,
        worker: format!("{account}/{script}"),
        settings: of_consumer,
        is_paused: settings.delivery_paused,
        dead_letters: dead_letters(core, account),
    }))
}

/// Finds queues of an account by their names.
fn dead_letters(core: &Arc<Core>, account: &AccountId) -> DeadLetters {
    let (core, account) = (Arc::downgrade(core), account.clone());
    Arc::new(move |name| {
        let gone = |text: &str| selvedge_storage::Error::Unavailable(text.to_owned());
        let core = core.upgrade().ok_or_else(|| gone("the server ends"))?;
        let found = core.store.resource(&account, ResourceKind::Queue, name);
        let found = found.map_err(|error| gone(&error.to_string()))?;
        let found = found.ok_or_else(|| gone(&format!("there is no queue {name}")))?;
        stored(core.backends.queue(&found.id))
    })
}

fn internal(error: impl std::fmt::Display) -> HostError {
    HostError::Internal(error.to_string())
}
