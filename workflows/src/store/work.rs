//! What is done to the index, as jobs of the writer's thread.

use rusqlite::{Connection, params};
use selvedge_storage::Error;
use selvedge_storage::group::{Failed, Job, Ran};

use super::{Note, UnixMs, Wanted};

/// What is done.
#[derive(Debug)]
pub(super) enum Work {
    /// Makes or changes a Workflow; the ids are for a new one, and for its version.
    Put(Wanted, [String; 2]),
    Remove(String),
    Deleted(String),
    /// An instance told, at this time.
    Note(Note, UnixMs),
    Forget(String, String),
}

/// How many rows it changed.
pub(super) type Answer = usize;

/// Learns how it ended.
type Tell = Box<dyn FnOnce(Result<Answer, Error>) + Send>;

/// Work with who waits for it.
pub(super) struct Task {
    work: Work,
    clock: fn() -> UnixMs,
    changed: Answer,
    tell: Tell,
}

impl Task {
    pub(super) fn new(
        work: Work,
        clock: fn() -> UnixMs,
        tell: impl FnOnce(Result<Answer, Error>) + Send + 'static,
    ) -> Self {
        Self { work, clock, changed: 0, tell: Box::new(tell) }
    }
}

impl Job<Connection> for Task {
    fn bytes(&self) -> usize {
        256
    }

    fn run(&mut self, sql: &Connection) -> rusqlite::Result<Ran> {
        self.changed = match &self.work {
            Work::Put(wanted, ids) => put(sql, wanted, ids, (self.clock)())?,
            Work::Remove(id) => remove(sql, id)?,
            Work::Deleted(id) => {
                sql.prepare_cached("DELETE FROM removed WHERE id = ?1")?.execute([id])?
            }
            Work::Note(told, now) => note(sql, told, *now)?,
            Work::Forget(workflow, id) => sql
                .prepare_cached("DELETE FROM instances WHERE workflow = ?1 AND id = ?2")?
                .execute([workflow, id])?,
        };
        Ok(Ran::Keep)
    }

    fn done(self: Box<Self>, result: Result<(), Failed>) {
        let changed = self.changed;
        (self.tell)(result.map(|()| changed).map_err(Error::from));
    }
}

fn put(
    sql: &Connection,
    wanted: &Wanted,
    [id, version]: &[String; 2],
    now: UnixMs,
) -> rusqlite::Result<Answer> {
    let Wanted { account, name, script, class, steps, schedules } = wanted;
    let changed = sql
        .prepare_cached(
            "INSERT INTO workflows (id, account, name, script, class, steps, created, modified)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)
             ON CONFLICT (account, name) DO UPDATE SET script = ?4, class = ?5, steps = ?6,
                 modified = ?7",
        )?
        .execute(params![id, account, name, script, class, steps, now])?;
    sql.prepare_cached(
        "INSERT INTO versions (workflow, number, id, class, created)
         SELECT w.id, (SELECT coalesce(max(number), 0) + 1 FROM versions WHERE workflow = w.id),
             ?3, ?4, ?5 FROM workflows w WHERE w.account = ?1 AND w.name = ?2",
    )?
    .execute(params![account, name, version, class, now])?;
    sql.prepare_cached(
        "DELETE FROM schedules WHERE workflow =
             (SELECT id FROM workflows WHERE account = ?1 AND name = ?2)",
    )?
    .execute([account, name])?;
    for cron in schedules {
        sql.prepare_cached(
            "INSERT OR IGNORE INTO schedules (workflow, cron)
             SELECT id, ?3 FROM workflows WHERE account = ?1 AND name = ?2",
        )?
        .execute([account, name, cron])?;
    }
    Ok(changed)
}

fn remove(sql: &Connection, id: &str) -> rusqlite::Result<Answer> {
    let changed = sql.prepare_cached("DELETE FROM workflows WHERE id = ?1")?.execute([id])?;
    sql.prepare_cached("DELETE FROM versions WHERE workflow = ?1")?.execute([id])?;
    sql.prepare_cached("DELETE FROM schedules WHERE workflow = ?1")?.execute([id])?;
    sql.prepare_cached("DELETE FROM instances WHERE workflow = ?1")?.execute([id])?;
    if changed > 0 {
        sql.prepare_cached("INSERT OR IGNORE INTO removed VALUES (?1)")?.execute([id])?;
    }
    Ok(changed)
}

fn note(sql: &Connection, note: &Note, now: UnixMs) -> rusqlite::Result<Answer> {
    let Note { workflow, instance, status, version, times } = note;
    // Of a Workflow that was deleted nothing is kept. What an instance is at is told
    // when its own write is on disk, and may come after what it was at later: of one
    // run, the begin changes nothing after what follows, and nothing but another run
    // comes after the end.
    sql.prepare_cached(
        "INSERT INTO instances (workflow, id, status, created, modified, started, ended, version)
         SELECT w.id, ?2, ?3, ?4, ?5, ?6, ?7, coalesce(?8,
             (SELECT id FROM versions WHERE workflow = w.id ORDER BY number DESC LIMIT 1), '')
         FROM workflows w WHERE w.id = ?1
         ON CONFLICT (workflow, id) DO UPDATE SET status = ?3, created = ?4, modified = ?5,
             started = ?6, ended = ?7, version = coalesce(?8, version)
             WHERE (?6 IS NOT NULL OR ?7 IS NOT NULL OR started IS NULL)
                 AND (?7 IS NOT NULL OR ended IS NULL OR ?6 > ended)",
    )?
    .execute(params![
        workflow,
        instance,
        status,
        times.created,
        now,
        times.started,
        times.ended,
        version
    ])
}
