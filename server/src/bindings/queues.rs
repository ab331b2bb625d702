//! `queues`: from the configuration to producers in `env` and consumers.

use std::sync::Arc;

use selvedge_queues::config::{ConsumerConfig, ConsumerKind, QueuesConfig, Settings};

use super::{BindingConfig, Kept};
use crate::backends::{BackendError, Backends};
use crate::config::{Config, Diagnostic};
use crate::queues::{Consumers, Wanted, stored};

/// The consumers that a configuration names, checked.
#[derive(Debug, Clone, Default)]
pub struct QueueConsumers(Vec<(ConsumerConfig, Settings)>);

/// Adds the producers of a configuration.
pub(super) fn configured(
    config: &Config,
    bindings: &mut Vec<BindingConfig>,
    warnings: &mut Vec<String>,
) -> Result<(), Diagnostic> {
    let Some(section) = config.section("queues") else { return Ok(()) };
    let QueuesConfig { producers, .. } = section.read()?;
    let items = section.get("producers").map_or(Ok(Vec::new()), |list| list.items())?;
    for (producer, section) in producers.into_iter().zip(items) {
        let kept = Kept { what: "queue", name: &producer.binding, remote: producer.remote };
        warnings.extend(kept.check(&section)?);
        if producer.delivery_delay.is_some_and(|delay| delay > selvedge_queues::rules::MAX_DELAY) {
            return Err(section.error(format!(
                "\"delivery_delay\" must be between 0 and {}",
                selvedge_queues::rules::MAX_DELAY
            )));
        }
        bindings.push(BindingConfig::Queue(producer));
    }
    Ok(())
}

impl QueueConsumers {
    /// Those of a configuration.
    ///
    /// # Errors
    /// When a value is out of its range, or two are for the same queue.
    pub(crate) fn configured(config: &Config) -> Result<Self, Diagnostic> {
        let Some(section) = config.section("queues") else { return Ok(Self::default()) };
        let QueuesConfig { consumers, .. } = section.read()?;
        let items = section.get("consumers").map_or(Ok(Vec::new()), |list| list.items())?;
        let mut all: Vec<(ConsumerConfig, Settings)> = Vec::new();
        for (consumer, section) in consumers.into_iter().zip(items) {
            if all.iter().any(|(other, _)| other.queue == consumer.queue) {
                let text = format!("the queue \"{}\" has two consumers", consumer.queue);
                return Err(section.error(text));
            }
            let settings = consumer.settings().map_err(|(key, text)| {
                section.get(key).unwrap_or_else(|| section.clone()).error(text)
            })?;
            all.push((consumer, settings));
        }
        Ok(Self(all))
    }

    /// Has the messages of the queues delivered to a Worker.
    ///
    /// # Errors
    /// When a queue cannot be opened.
    pub(crate) fn start(
        &self,
        worker: &str,
        backends: &Arc<Backends>,
        consumers: &Consumers,
    ) -> Result<(), BackendError> {
        let mut wanted = Vec::new();
        let pushed = self.0.iter().filter(|(consumer, _)| consumer.kind == ConsumerKind::Worker);
        for (consumer, settings) in pushed {
            let dead = Arc::downgrade(backends);
            wanted.push(Wanted {
                id: consumer.queue.clone(),
                name: consumer.queue.clone(),
                store: backends.queue(&consumer.queue)?,
                worker: worker.to_owned(),
                settings: settings.clone(),
                is_paused: false,
                dead_letters: Arc::new(move |name| {
                    let gone = || selvedge_storage::Error::Unavailable("it ends".to_owned());
                    stored(dead.upgrade().ok_or_else(gone)?.queue(name))
                }),
            });
        }
        consumers.set(worker, wanted);
        Ok(())
    }
}
