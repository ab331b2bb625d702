//! Starting a version once before it is stored: what does not start is refused
//! with its uploader looking on.

use std::collections::BTreeMap;
use std::sync::Arc;

use selvedge_api::host::{HostError, StartFailure, Started};
use selvedge_deployments::{NewVersion, VersionId, WorkerKey};
use selvedge_runtime::isolate::NO_HANDLER;
use selvedge_runtime::outbound::LocalFuture;
use selvedge_runtime::{Failure, LocalIsolate, Outcome, Worker};
use tokio::sync::oneshot;

use super::core::Core;
use super::env::{EnvError, Given, Purpose, Stores};
use super::trace::now_millis;

/// Starts a version in an isolate of its own.
pub(super) async fn validate(
    core: &Arc<Core>,
    key: &WorkerKey,
    candidate: &NewVersion,
) -> Result<Started, StartFailure> {
    if candidate.content.script.main().is_none() {
        // Static files alone: there is nothing to start.
        return Ok(Started::default());
    }
    let (reads, of, version) = (core.clone(), key.clone(), candidate.clone());
    let internal = |text: String| StartFailure::Host(HostError::Internal(text));
    let made = tokio::task::spawn_blocking(move || worker(&reads, &of, &version)).await;
    let worker = made
        .map_err(|_| internal("the version could not be read".to_owned()))?
        .map_err(|error| internal(error.to_string()))?;
    let pool = core.pool(worker.limits.memory_bytes);
    let (sender, exports) = oneshot::channel();
    let serve = Box::new(move |isolate: LocalIsolate| -> LocalFuture<()> {
        let _ = sender.send(isolate.exports());
        Box::pin(async {})
    });
    let cpu = pool.start(Arc::new(worker), serve).await.map_err(|failure| refusal(&failure))?;
    let exports = exports.await.unwrap_or_default();
    let startup_time_ms = u32::try_from(cpu.as_millis()).unwrap_or(u32::MAX);
    let (handlers, named_handlers) = (exports.handlers, exports.named);
    Ok(Started { startup_time_ms, handlers, named_handlers })
}

fn worker(core: &Core, key: &WorkerKey, candidate: &NewVersion) -> Result<Worker, EnvError> {
    let account = core.store.account(&key.account)?;
    let limits = account.and_then(|account| account.limits);
    let stores = Stores {
        store: &core.store,
        backends: &core.backends,
        defaults: &core.settings.limits,
        guests: &core.guests,
        purpose: Purpose::Trying,
    };
    let annotations = BTreeMap::new();
    stores.worker(&Given {
        key,
        content: &candidate.content,
        id: VersionId::random(),
        created_on: i64::try_from(now_millis()).unwrap_or(0),
        annotations: &annotations,
        limits: limits.as_ref(),
        // Only its global scope runs, and that has no I/O.
        assets: None,
    })
}

/// What the uploader is told.
fn refusal(failure: &Failure) -> StartFailure {
    match failure.outcome {
        Outcome::InternalError | Outcome::LoadShed => {
            StartFailure::Host(HostError::Internal(failure.to_string()))
        }
        _ if failure.message == NO_HANDLER => {
            // What the API is known to say, and what can be done.
            let text = "No event handlers were registered. This script does nothing.";
            StartFailure::NoHandlers(format!("{text}\n{failure}"))
        }
        _ => {
            let mut text = failure.message.clone();
            if let Some(frame) = &failure.code_frame {
                text.push('\n');
                text.push_str(frame);
            }
            if !failure.stack.is_empty() {
                text.push('\n');
                text.push_str(&failure.stack);
            }
            if let Some(hint) = &failure.hint {
                text.push_str("\nhint: ");
                text.push_str(hint);
            }
            StartFailure::Script(text)
        }
    }
}
