//! Cron triggers while developing: when they are due, and calling them.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use selvedge_runtime::{Outcome, ScheduledEvent};
use tokio::sync::oneshot;

use super::CronMode;
use crate::config::Cron;
use crate::log::{Field, Level, Log};
use crate::serve::ThreadEvent;
use crate::switchboard::Switchboard;

/// The triggers of all Workers.
pub(super) struct Triggers {
    mode: CronMode,
    all: Vec<Trigger>,
}

struct Trigger {
    /// Which Worker of the process it belongs to.
    index: usize,
    worker: String,
    /// The Workflow of which an instance begins, in place of a call of the handler.
    workflow: Option<String>,
    cron: Cron,
    next: Option<DateTime<Utc>>,
}

/// A trigger that is due.
pub(super) struct Due {
    worker: String,
    pub(super) workflow: Option<String>,
    event: ScheduledEvent,
}

impl Due {
    /// The expression.
    pub(super) fn cron(&self) -> &str {
        &self.event.cron
    }
}

impl Triggers {
    pub(super) fn new(mode: CronMode) -> Self {
        Self { mode, all: Vec::new() }
    }

    /// Replaces the triggers of a Worker, and the schedules of its Workflows.
    pub(super) fn set(
        &mut self,
        index: usize,
        worker: &str,
        crons: &[Cron],
        workflows: Vec<(String, Cron)>,
    ) {
        self.all.retain(|trigger| trigger.index != index);
        if self.mode == CronMode::Manual {
            return;
        }
        let own = crons.iter().map(|cron| (None, cron.clone()));
        let all = own.chain(workflows.into_iter().map(|(name, cron)| (Some(name), cron)));
        self.all.extend(all.map(|(workflow, cron)| Trigger {
            index,
            worker: worker.to_owned(),
            workflow,
            next: next(&cron, Utc::now()),
            cron,
        }));
    }

    /// Waits until triggers are due.
    pub(super) async fn next(&mut self) -> Vec<Due> {
        let Some(time) = self.all.iter().filter_map(|trigger| trigger.next).min() else {
            return std::future::pending().await;
        };
        let wait = (time - Utc::now()).to_std().unwrap_or(Duration::ZERO);
        tokio::time::sleep(wait).await;
        let mut due = Vec::new();
        for trigger in self.all.iter_mut().filter(|trigger| trigger.next == Some(time)) {
            due.push(Due {
                worker: trigger.worker.clone(),
                workflow: trigger.workflow.clone(),
                event: ScheduledEvent {
                    cron: trigger.cron.expression.clone(),
                    time: time.timestamp_millis() as f64,
                },
            });
            // After a suspended machine wakes, what was missed is not made up for.
            let after = time.max(Utc::now());
            trigger.next = next(&trigger.cron, after);
        }
        due
    }
}

/// When it fires first after a time.
fn next(cron: &Cron, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
    cron.schedule.find_next_occurrence(&after, false).ok()
}

/// Calls the handler and logs how it went.
pub(super) fn call(due: &Due, switchboard: &Arc<Switchboard>, log: Arc<Log>) {
    let (done, ended) = oneshot::channel();
    let cron = due.event.cron.clone();
    let sent = switchboard.thread(&due.worker).is_some_and(|thread| {
        thread.try_send(ThreadEvent::Scheduled(due.event.clone(), done)).is_ok()
    });
    if !sent {
        log.warn(&format!("cron \"{cron}\" not delivered: {} does not run", due.worker));
        return;
    }
    tokio::spawn(async move {
        let Ok(ended) = ended.await else { return };
        let level = if ended.outcome == Outcome::Ok { Level::Info } else { Level::Error };
        let millis = |time: Duration| (time.as_secs_f64() * 10_000.0).round() / 10.0;
        log.event(
            level,
            &format!("cron \"{cron}\" {}", ended.outcome),
            vec![
                Field::new("wall_ms", millis(ended.wall)),
                Field::new("cpu_ms", millis(ended.cpu)),
            ],
        );
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sunday_is_the_first_day() {
        let next = |text: &str| {
            let from = "2026-11-20T00:00:00Z".parse::<DateTime<Utc>>().unwrap();
            super::next(&Cron::parse(text).unwrap(), from).unwrap().to_rfc3339()
        };
        assert_eq!(next("0 17 * * 1"), "2026-11-22T17:00:00+00:00");
        assert_eq!(next("0 17 * * sun"), "2026-11-22T17:00:00+00:00");
        assert_eq!(next("*/30 * * * *"), "2026-11-20T00:30:00+00:00");
        assert!(Cron::parse("* * * * * *").is_err());
        assert!(Cron::parse("61 * * * *").is_err());
    }
}
