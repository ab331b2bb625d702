//! What is done to a queue, in SQL, as jobs of the writer's thread.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use rusqlite::{Connection, params};
use selvedge_storage::group::{Failed, Job, Ran};
use tokio::sync::oneshot;

use super::Shared;
use crate::Error;
use crate::store::{ContentType, Lease, NewMessage, Settled, Taken, UnixMs};

/// What one message counts beside its body.
const MESSAGE_BYTES: usize = 128;
/// Old messages that one job deletes.
const EXPIRED_PER_STEP: i64 = 1000;

/// What is done.
#[derive(Debug)]
pub(super) enum Work {
    Send(Vec<NewMessage>),
    Take {
        limit: usize,
        bytes: usize,
        time: i64,
        pushed: bool,
    },
    Settle(Settled),
    Purge,
    /// Deletes what came before this time.
    Expire(UnixMs),
}

/// Work with who waits for it.
pub(super) struct Task {
    pub(super) shared: Arc<Shared>,
    pub(super) work: Work,
    pub(super) taken: Vec<Taken>,
    /// How much more there is in the queue.
    pub(super) change: Change,
    pub(super) told: oneshot::Sender<Result<Vec<Taken>, Error>>,
}

/// How much more, or less, waits.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Change {
    count: i64,
    bytes: i64,
}

impl Job<Connection> for Task {
    fn bytes(&self) -> usize {
        match &self.work {
            Work::Send(messages) => {
                messages.iter().map(|message| message.body.len() + MESSAGE_BYTES).sum()
            }
            Work::Settle(settled) => (settled.done.len() + settled.again.len()) * 32,
            _ => 64,
        }
    }

    fn run(&mut self, sql: &Connection) -> rusqlite::Result<Ran> {
        self.taken.clear();
        self.change = Change::default();
        let now = (self.shared.clock)();
        match &self.work {
            Work::Send(messages) => {
                for message in messages {
                    send(sql, message, now)?;
                    self.change.count += 1;
                    self.change.bytes += size(message.body.len());
                }
            }
            Work::Take { limit, bytes, time, pushed } => {
                self.taken = take(sql, (*limit, *bytes), now, *time, *pushed)?;
            }
            Work::Settle(settled) => settle(sql, settled, now, &mut self.change)?,
            Work::Purge => {
                sql.prepare_cached("DELETE FROM messages")?.execute([])?;
            }
            Work::Expire(before) => expire(sql, *before, &mut self.change)?,
        }
        Ok(Ran::Keep)
    }

    fn done(self: Box<Self>, result: Result<(), Failed>) {
        let Self { shared, work, taken, change, told } = *self;
        let result = result.map(|()| taken).map_err(Error::from);
        if result.is_ok() {
            shared.note(&work, change);
        }
        // Who asked may be gone: what it took comes again.
        let _ = told.send(result);
    }
}

impl Shared {
    /// What is to be known of work that was committed.
    fn note(&self, work: &Work, change: Change) {
        if matches!(work, Work::Purge) {
            self.count.store(0, Ordering::Relaxed);
            self.bytes.store(0, Ordering::Relaxed);
        }
        self.count.fetch_add(change.count, Ordering::Relaxed);
        self.bytes.fetch_add(change.bytes, Ordering::Relaxed);
        if matches!(work, Work::Send(_) | Work::Settle(_)) {
            self.changed.notify_waiters();
        }
    }
}

fn send(sql: &Connection, message: &NewMessage, now: UnixMs) -> rusqlite::Result<()> {
    let NewMessage { body, content_type, delay, former } = message;
    let (id, sent) = match former {
        Some((id, sent)) => (id.clone(), *sent),
        None => (random_id(), now),
    };
    sql.prepare_cached(
        "INSERT INTO messages (id, body, type, sent, added, visible, attempts, pushed)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 0)",
    )?
    .execute(params![id, body.as_ref(), content_type.number(), sent, now, now + delay])?;
    Ok(())
}

fn take(
    sql: &Connection,
    (limit, bytes): (usize, usize),
    now: UnixMs,
    time: i64,
    pushed: bool,
) -> rusqlite::Result<Vec<Taken>> {
    let mut taken = Vec::new();
    let mut sum = 0;
    let mut select = sql.prepare_cached(
        "SELECT number, id, body, type, sent, attempts FROM messages
         WHERE visible <= ?1 ORDER BY visible, number LIMIT ?2",
    )?;
    let mut rows = select.query(params![now, i64::try_from(limit).unwrap_or(i64::MAX)])?;
    while let Some(row) = rows.next()? {
        let body: Vec<u8> = row.get(2)?;
        sum += body.len();
        if sum > bytes && !taken.is_empty() {
            break;
        }
        let attempts = row.get::<_, u32>(5)?.saturating_add(1);
        taken.push(Taken {
            id: row.get(1)?,
            body: body.into(),
            content_type: ContentType::of_number(row.get(3)?),
            sent: row.get(4)?,
            attempts,
            lease: Lease { number: row.get(0)?, attempt: attempts },
        });
    }
    drop(rows);
    let mut update = sql.prepare_cached(
        "UPDATE messages SET visible = ?2, attempts = ?3, pushed = ?4 WHERE number = ?1",
    )?;
    for message in &taken {
        update.execute(params![message.lease.number, now + time, message.attempts, pushed])?;
    }
    Ok(taken)
}

fn settle(
    sql: &Connection,
    settled: &Settled,
    now: UnixMs,
    change: &mut Change,
) -> rusqlite::Result<()> {
    let mut delete = sql.prepare_cached(
        "DELETE FROM messages WHERE number = ?1 AND attempts = ?2 RETURNING length(body)",
    )?;
    for lease in &settled.done {
        let mut rows = delete.query(params![lease.number, lease.attempt])?;
        if let Some(row) = rows.next()? {
            change.count -= 1;
            change.bytes -= row.get::<_, i64>(0)?;
        }
        // To its end: that is when it is deleted.
        while rows.next()?.is_some() {}
    }
    let mut update = sql.prepare_cached(
        "UPDATE messages SET visible = ?3, pushed = 0 WHERE number = ?1 AND attempts = ?2",
    )?;
    for (lease, delay) in &settled.again {
        update.execute(params![lease.number, lease.attempt, now + delay])?;
    }
    Ok(())
}

/// They came in the order of their numbers.
fn expire(sql: &Connection, before: UnixMs, change: &mut Change) -> rusqlite::Result<()> {
    let mut delete = sql.prepare_cached(
        "DELETE FROM messages WHERE added < ?1 AND number IN
           (SELECT number FROM messages ORDER BY number LIMIT ?2) RETURNING length(body)",
    )?;
    let mut rows = delete.query(params![before, EXPIRED_PER_STEP])?;
    while let Some(row) = rows.next()? {
        change.count -= 1;
        change.bytes -= row.get::<_, i64>(0)?;
    }
    Ok(())
}

fn size(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// 32 hexadecimal digits.
fn random_id() -> String {
    let mut bytes = [0; 16];
    // Without random numbers the id is not unique, and only its shape counts.
    let _ = getrandom::fill(&mut bytes);
    format!("{:032x}", u128::from_be_bytes(bytes))
}
