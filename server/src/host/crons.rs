//! Cron triggers, and the schedules of Workflows: each fires once per tick. A tick that passes while the server
//! does not run, or the machine sleeps, is not made up for; one that comes while
//! the Worker has no isolate starts it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use selvedge_deployments::WorkerKey;
use selvedge_runtime::{Ended, Outcome, ScheduledEvent};
use tokio::sync::oneshot;

use super::core::Core;
use crate::config::Cron;
use crate::log::{Field, Level};
use crate::serve::ThreadEvent;

/// The clock may be set: nothing is slept for longer.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// A tick that is later than this was missed: the machine slept.
const MISSED: chrono::TimeDelta = chrono::TimeDelta::seconds(90);

/// What a tick brings to life.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Owner {
    /// The handler of a Worker.
    Worker(WorkerKey),
    /// An instance of the Workflow with this account and name.
    Workflow(String, String),
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Worker(key) => write!(f, "{key}"),
            Self::Workflow(account, name) => write!(f, "the Workflow {name} of {account}"),
        }
    }
}

/// By whose they are and expression: when each fires next.
type Next = HashMap<(Owner, String), Option<DateTime<Utc>>>;

/// The triggers of all Workers and Workflows.
#[derive(Default)]
struct Crons {
    next: Next,
}

/// Goes on for ever.
pub(super) async fn run(core: Arc<Core>) {
    let mut crons = Crons::default();
    loop {
        let now = Utc::now();
        crons.follow(&core, now);
        for (owner, cron, time) in crons.due(now) {
            match owner {
                Owner::Worker(key) => fire(&core, &key, cron, time),
                Owner::Workflow(account, name) => begin(&core, account, name, cron),
            }
        }
        let wait = crons.wait(Utc::now());
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = core.crons_changed.notified() => {}
        }
    }
}

impl Crons {
    /// Takes note of what the Workers have now. What a Worker had already keeps
    /// its next time.
    fn follow(&mut self, core: &Core, now: DateTime<Utc>) {
        let mut next = Next::new();
        for worker in core.workers() {
            // One that was never deployed has nothing to run.
            if worker.slots.is_empty() {
                continue;
            }
            for cron in &worker.live.crons {
                self.keep(&mut next, Owner::Worker(worker.live.key.clone()), cron, now);
            }
        }
        let scheduled = core.backends.open_workflows().map(|index| index.scheduled());
        match scheduled.transpose() {
            Ok(scheduled) => {
                for (info, cron) in scheduled.unwrap_or_default() {
                    self.keep(&mut next, Owner::Workflow(info.account, info.name), &cron, now);
                }
            }
            Err(error) => tracing::error!(%error, "the schedules of Workflows cannot be read"),
        }
        self.next = next;
    }

    fn keep(&mut self, next: &mut Next, owner: Owner, cron: &str, now: DateTime<Utc>) {
        let key = (owner, cron.to_owned());
        let time = self.next.remove(&key).unwrap_or_else(|| after(cron, now));
        next.insert(key, time);
    }

    /// Those that are due, each with its time. They are due again at the next.
    fn due(&mut self, now: DateTime<Utc>) -> Vec<(Owner, String, DateTime<Utc>)> {
        let mut due = Vec::new();
        for ((owner, cron), next) in &mut self.next {
            let Some(time) = next.filter(|time| *time <= now) else { continue };
            if now - time <= MISSED {
                due.push((owner.clone(), cron.clone(), time));
            } else {
                tracing::warn!(of = %owner, cron, %time, "a tick was missed");
            }
            *next = after(cron, time.max(now));
        }
        due
    }

    fn wait(&self, now: DateTime<Utc>) -> Duration {
        let next = self.next.values().flatten().min();
        let wait = next.map(|time| (*time - now).to_std().unwrap_or(Duration::ZERO));
        wait.unwrap_or(LONGEST_SLEEP).min(LONGEST_SLEEP)
    }
}

/// When an expression fires first after a time.
fn after(cron: &str, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let cron = Cron::parse(cron).ok()?;
    cron.schedule.find_next_occurrence(&time, false).ok()
}

/// Begins an instance of a Workflow.
fn begin(core: &Arc<Core>, account: String, name: String, cron: String) {
    let core = core.clone();
    tokio::spawn(async move {
        let begun = begin_instance(&core, &account, &name).await;
        crate::workflows::log_begun(&core.log, &name, &cron, &begun);
    });
}

async fn begin_instance(core: &Core, account: &str, name: &str) -> Result<String, String> {
    let index = core.backends.workflows().map_err(|error| error.to_string())?;
    let info = index.find(account, name).map_err(|error| error.to_string())?;
    // It was deleted in this moment.
    let info = info.ok_or_else(|| "there is no such Workflow any more".to_owned())?;
    let versions = index.versions(&info.id).map_err(|error| error.to_string())?;
    let version = versions.first().map(|version| version.id.clone());
    let workflow = core.backends.workflow(info).map_err(|error| error.to_string())?;
    crate::workflows::begin(&core.switchboard, &workflow, version).await
}

/// Calls the handler and tells how it went.
fn fire(core: &Arc<Core>, key: &WorkerKey, cron: String, time: DateTime<Utc>) {
    let slot = core.worker(key).and_then(|worker| worker.any_slot().cloned());
    let Some(slot) = slot else { return };
    let (done, ended) = oneshot::channel();
    let event = ScheduledEvent { cron: cron.clone(), time: time.timestamp_millis() as f64 };
    core.deliver(&slot, ThreadEvent::Scheduled(event, done));
    let core = core.clone();
    tokio::spawn(async move {
        let name = slot.name.to_string();
        let Ok(Ended { outcome, wall, cpu, .. }) = ended.await else {
            let fields = vec![Field::new("worker", name), Field::new("cron", cron)];
            core.log.event(Level::Error, "a cron trigger was not taken", fields);
            return;
        };
        let level = if outcome == Outcome::Ok { Level::Info } else { Level::Error };
        let millis = |time: Duration| (time.as_secs_f64() * 10_000.0).round() / 10.0;
        core.log.event(
            level,
            &format!("cron \"{cron}\" {outcome}"),
            vec![
                Field::new("worker", name),
                Field::new("wall_ms", millis(wall)),
                Field::new("cpu_ms", millis(cpu)),
            ],
        );
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    fn crons(cron: &str, next: &str) -> Crons {
        let account = "0123456789abcdef0123456789abcdef".parse().expect("an id");
        let key = WorkerKey::new(account, "w").expect("a name");
        Crons { next: HashMap::from([((Owner::Worker(key), cron.to_owned()), Some(at(next)))]) }
    }

    #[test]
    fn a_tick_fires_once() {
        let mut crons = crons("* * * * *", "2026-11-28T10:00:00Z");
        assert!(crons.due(at("2026-11-28T09:59:59Z")).is_empty());
        let due = crons.due(at("2026-11-28T10:00:00.2Z"));
        assert_eq!(due[0].2, at("2026-11-28T10:00:00Z"));
        assert!(crons.due(at("2026-11-28T10:00:00.3Z")).is_empty());
        assert_eq!(crons.wait(at("2026-11-28T10:00:30Z")), Duration::from_secs(30));
    }

    #[test]
    fn ticks_that_were_slept_through_are_not_made_up_for() {
        let mut crons = crons("*/5 * * * *", "2026-11-28T10:00:00Z");
        assert!(crons.due(at("2026-11-28T12:02:00Z")).is_empty());
        let due = crons.due(at("2026-11-28T12:05:00Z"));
        assert_eq!(due.len(), 1);
        assert_eq!(due[0].2, at("2026-11-28T12:05:00Z"));
    }
}
