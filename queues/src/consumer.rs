//! Delivering messages to Workers: batches as they fill or wait long enough, as
//! many at a time as may be, and what becomes of their messages. No V8 and no SQL.

mod decide;

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;

pub use self::decide::{Delivered, Retry};

use self::decide::{Decision, decide};
use crate::Error;
use crate::config::Settings;
use crate::rules::{MAX_BATCH_BYTES, MAX_DELIVERY_MS};
use crate::store::{Metrics, NewMessage, QueueStore as _, SqliteStore, Taken};

/// The clock may be set: nothing is slept for longer.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// A Worker that does not run is looked for so often.
const ABSENT: Duration = Duration::from_millis(500);
/// What failed is tried again after this.
const AGAIN: Duration = Duration::from_secs(1);
/// A lease is a little longer than a delivery may take.
const LEASE_MS: i64 = MAX_DELIVERY_MS + 60_000;

/// Messages on their way to a Worker.
#[derive(Debug)]
pub struct Batch {
    /// The queue's name.
    pub queue: String,
    pub messages: Vec<Taken>,
    /// What waits in the queue.
    pub metrics: Metrics,
}

/// The Worker at the end of a queue.
pub trait Deliver: Debug + Send + Sync {
    /// Whether it runs, or can be started.
    fn is_there(&self) -> bool;

    /// Calls its `queue()` handler. `None`: it never got the batch.
    fn deliver(&self, batch: Arc<Batch>)
    -> Pin<Box<dyn Future<Output = Option<Delivered>> + Send>>;

    /// The queue for messages that were delivered often enough, by its name.
    ///
    /// # Errors
    /// When it cannot be opened.
    fn dead_letters(&self, name: &str) -> Result<Arc<SqliteStore>, Error>;

    /// Tells people what is worth telling.
    fn say(&self, text: &str);
}

/// Delivers the messages of a queue for as long as it lives.
#[derive(Debug)]
pub struct Consumer {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    name: String,
    store: Arc<SqliteStore>,
    settings: Settings,
    worker: Arc<dyn Deliver>,
    is_paused: AtomicBool,
    resumed: Notify,
}

impl Drop for Consumer {
    fn drop(&mut self) {
        // Batches that are on their way are settled all the same.
        self.task.abort();
    }
}

impl Consumer {
    /// Begins to deliver. Must be called within a tokio runtime.
    pub fn start(
        name: &str,
        store: Arc<SqliteStore>,
        settings: Settings,
        worker: Arc<dyn Deliver>,
    ) -> Self {
        let shared = Arc::new(Shared {
            name: name.to_owned(),
            store,
            settings,
            worker,
            is_paused: AtomicBool::new(false),
            resumed: Notify::new(),
        });
        let task = tokio::spawn(run(shared.clone()));
        Self { shared, task }
    }

    /// Stops to deliver, or goes on.
    pub fn pause(&self, is_paused: bool) {
        self.shared.is_paused.store(is_paused, Ordering::Relaxed);
        self.shared.resumed.notify_waiters();
    }
}

async fn run(shared: Arc<Shared>) {
    let slots = Arc::new(Semaphore::new(shared.settings.concurrency));
    loop {
        // It is never closed.
        let Ok(slot) = slots.clone().acquire_owned().await else { return };
        let batch = shared.next().await;
        let shared = shared.clone();
        tokio::spawn(async move {
            shared.deliver(batch).await;
            drop(slot);
        });
    }
}

impl Shared {
    /// The next batch: full, or waited for long enough.
    async fn next(&self) -> Batch {
        loop {
            self.wait_until_due().await;
            let size = self.settings.batch_size;
            match self.store.take_to_push(size, MAX_BATCH_BYTES, LEASE_MS).await {
                Ok(messages) if messages.is_empty() => {}
                Ok(messages) => {
                    let metrics = self.store.metrics().unwrap_or_default();
                    return Batch { queue: self.name.clone(), messages, metrics };
                }
                Err(error) => {
                    tracing::error!(queue = self.name, %error, "no messages can be taken");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    async fn wait_until_due(&self) {
        loop {
            // It hears of what comes from now on.
            let changed = self.store.changed();
            let resumed = self.resumed.notified();
            let wait = if self.is_paused.load(Ordering::Relaxed) {
                LONGEST_SLEEP
            } else if !self.worker.is_there() {
                ABSENT
            } else {
                match self.wait() {
                    Ok(None) => return,
                    Ok(Some(wait)) => wait,
                    Err(error) => {
                        tracing::error!(queue = self.name, %error, "a queue cannot be read");
                        AGAIN
                    }
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = changed => {}
                () = resumed => {}
            }
        }
    }

    /// How long until a batch is due; `None`: now.
    fn wait(&self) -> Result<Option<Duration>, Error> {
        let Settings { batch_size, batch_timeout, .. } = self.settings;
        let (count, first) = self.store.due(batch_size)?;
        let Some(first) = first else { return Ok(Some(LONGEST_SLEEP)) };
        if count >= batch_size {
            return Ok(None);
        }
        // Until the first message is visible, or has waited long enough for others.
        let waits = if count == 0 { 0 } else { i64::from(batch_timeout) * 1000 };
        let left = first.saturating_add(waits).saturating_sub(self.store.now());
        if left <= 0 && count > 0 {
            return Ok(None);
        }
        let left = Duration::from_millis(u64::try_from(left).unwrap_or(0).max(1));
        Ok(Some(left.min(LONGEST_SLEEP)))
    }

    /// Calls the Worker, and does with the messages what it says.
    async fn deliver(&self, batch: Batch) {
        let batch = Arc::new(batch);
        let delivered = self.worker.deliver(batch.clone()).await;
        let decision = decide(&batch.messages, delivered.as_ref(), &self.settings);
        let Decision { mut settled, spent } = decision;
        let dead = spent.iter().filter_map(|at| batch.messages.get(*at));
        if let Err(error) = self.bury(dead.clone()).await {
            tracing::error!(queue = self.name, %error, "dead letters cannot be kept");
            // They come again, and then once more.
            settled.again.extend(dead.map(|message| (message.lease, 1000)));
        } else {
            settled.done.extend(dead.map(|message| message.lease));
        }
        while let Err(error) = self.store.settle(settled.clone()).await {
            tracing::error!(queue = self.name, %error, "a batch cannot be settled");
            if !matches!(error, Error::Unavailable(_)) {
                // They come again when their lease is over.
                return;
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Moves messages that were delivered often enough to where they are kept, or
    /// lets them go.
    async fn bury<'a>(
        &self,
        messages: impl Iterator<Item = &'a Taken> + Clone,
    ) -> Result<(), Error> {
        let count = messages.clone().count();
        if count == 0 {
            return Ok(());
        }
        let times = self.settings.retries + 1;
        let Some(name) = &self.settings.dead_letter_queue else {
            self.worker.say(&format!(
                "queue {}: {count} messages were dropped after {times} attempts",
                self.name
            ));
            return Ok(());
        };
        let moved = messages.map(|message| NewMessage {
            body: message.body.clone(),
            content_type: message.content_type,
            delay: 0,
            former: Some((message.id.clone(), message.sent)),
        });
        self.worker.dead_letters(name)?.send(moved.collect()).await?;
        self.worker.say(&format!(
            "queue {}: {count} messages went to the queue {name} after {times} attempts",
            self.name
        ));
        Ok(())
    }
}
