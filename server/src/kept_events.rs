//! Workers Logs: events of Workers with `observability` go to a store.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use selvedge_api::host::LogQuery;
use selvedge_deployments::{Observability, WorkerKey};
use selvedge_logs::{Level, LogStore, Query, Record, Sampler};

use crate::host::trace::{TraceItem, TraceSink};
use crate::tails::Producer;

/// Which events of a Worker are kept.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Wish {
    /// Of how many, 0 to 1.
    rate: f64,
    /// Whether events are kept that say nothing.
    silent_too: bool,
}

impl Wish {
    /// What the settings of a Worker ask for; `None`: to keep nothing.
    fn of(settings: &Observability) -> Option<Self> {
        let logs = settings.logs.clone().unwrap_or_default();
        let enabled = logs.enabled.unwrap_or(settings.enabled);
        let rate = logs.head_sampling_rate.or(settings.head_sampling_rate).unwrap_or(1.0);
        let keeps = enabled && logs.persist.unwrap_or(true) && rate > 0.0;
        let silent_too = logs.invocation_logs.unwrap_or(true);
        keeps.then_some(Self { rate: rate.min(1.0), silent_too })
    }
}

/// Keeps events.
#[derive(Debug)]
pub struct KeptEvents {
    store: LogStore,
    sampler: Sampler,
    wishes: RwLock<HashMap<WorkerKey, Wish>>,
}

impl KeptEvents {
    /// Nothing is kept until a Worker asks for it.
    pub fn new(store: LogStore) -> Self {
        Self { store, sampler: Sampler::default(), wishes: RwLock::default() }
    }

    /// What is kept.
    pub fn store(&self) -> &LogStore {
        &self.store
    }

    /// A Worker was deployed, or its settings changed.
    pub fn set(&self, worker: &WorkerKey, settings: &Observability) {
        let mut wishes = self.wishes.write().unwrap_or_else(PoisonError::into_inner);
        match Wish::of(settings) {
            Some(wish) => drop(wishes.insert(worker.clone(), wish)),
            None => drop(wishes.remove(worker)),
        }
    }

    /// A Worker is gone. What was kept of it stays until it is too old.
    pub fn forget(&self, worker: &WorkerKey) {
        self.wishes.write().unwrap_or_else(PoisonError::into_inner).remove(worker);
    }

    fn wish(&self, worker: &WorkerKey) -> Option<Wish> {
        self.wishes.read().unwrap_or_else(PoisonError::into_inner).get(worker).copied()
    }
}

impl TraceSink for KeptEvents {
    fn wants(&self, worker: &WorkerKey) -> bool {
        self.wish(worker).is_some()
    }

    fn wants_spans(&self) -> bool {
        false
    }

    fn followers(&self, _worker: &WorkerKey) -> Vec<Producer> {
        Vec::new()
    }

    fn item(&self, item: &Arc<TraceItem>) {
        let Ok(key) = WorkerKey::parse(item.account.clone(), &item.script) else { return };
        let Some(wish) = self.wish(&key) else { return };
        let is_silent = item.logs.is_empty() && item.exceptions.is_empty();
        if (is_silent && !wish.silent_too) || !self.sampler.keeps(wish.rate) {
            return;
        }
        let mut json = item.to_json();
        selvedge_api::redact(&mut json);
        self.store.write(Record {
            account: item.account.as_str().into(),
            script: item.script.clone(),
            version: item.version.map(|id| id.to_string().into()),
            at: i64::try_from(item.event_timestamp).unwrap_or(i64::MAX),
            item: Arc::new(json),
        });
    }
}

/// A question of the API in the store's words.
///
/// # Errors
/// When the level is none.
pub fn query_of(query: &LogQuery) -> Result<Query, String> {
    let level = query
        .level
        .as_deref()
        .map(|name| Level::named(name).ok_or_else(|| format!("there is no level \"{name}\"")));
    Ok(Query {
        script: query.script.clone(),
        version: query.version.map(|id| id.to_string()),
        since: query.since,
        until: query.until,
        outcome: query.outcome.clone(),
        level: level.transpose()?,
        text: query.text.clone(),
        cursor: query.cursor.clone(),
        limit: query.limit,
    })
}

#[cfg(test)]
mod tests {
    use selvedge_deployments::worker::ObservabilityPart;

    use super::*;

    #[test]
    fn logs_have_settings_of_their_own_over_those_of_the_whole() {
        let whole = Observability { enabled: true, ..Observability::default() };
        assert_eq!(Wish::of(&whole), Some(Wish { rate: 1.0, silent_too: true }));
        let part = ObservabilityPart {
            head_sampling_rate: Some(0.5),
            invocation_logs: Some(false),
            ..ObservabilityPart::default()
        };
        let own = Observability { logs: Some(part.clone()), ..whole.clone() };
        assert_eq!(Wish::of(&own), Some(Wish { rate: 0.5, silent_too: false }));
        let off = ObservabilityPart { enabled: Some(false), ..part };
        assert_eq!(Wish::of(&Observability { logs: Some(off), ..whole }), None);
        assert_eq!(Wish::of(&Observability::default()), None);
    }
}
