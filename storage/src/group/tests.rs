use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use rusqlite::Connection;

use super::{Failed, Job, Ran, Writer};
use crate::connect::{Role, connect};
use crate::file::{Kind, create_or_check};
use crate::readers::Readers;

const KIND: Kind = Kind {
    what: "test",
    application_id: 7,
    version: 1,
    schema: "CREATE TABLE t (a UNIQUE); CREATE TABLE p (id INTEGER PRIMARY KEY);
             CREATE TABLE c (p REFERENCES p DEFERRABLE INITIALLY DEFERRED)",
};

/// Runs SQL; tells what came of it.
struct Sql {
    sql: String,
    error: Option<String>,
    told: Sender<Result<(), String>>,
}

impl Job<Connection> for Sql {
    fn bytes(&self) -> usize {
        self.sql.len()
    }

    fn run(&mut self, connection: &Connection) -> rusqlite::Result<Ran> {
        self.error = connection.execute_batch(&self.sql).err().map(|error| error.to_string());
        Ok(if self.error.is_some() { Ran::Undo } else { Ran::Keep })
    }

    fn done(self: Box<Self>, result: Result<(), Failed>) {
        let result = match (result, self.error) {
            (Ok(()), None) => Ok(()),
            (Ok(()), Some(error)) => Err(error),
            (Err(Failed::Store(error)), _) => Err(error.to_string()),
            (Err(Failed::Refused(error)), _) => Err(format!("refused: {error}")),
        };
        let _ = self.told.send(result);
    }
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connect(path, Role::Write)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

/// The answers to jobs that wait together: the first one holds the others up.
fn together(sql: &[&str]) -> (Vec<Result<(), String>>, Vec<i64>) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.sqlite");
    create_or_check(&path, &KIND, |_| Ok(())).expect("made");
    let readers = Arc::new(Readers::new(path.clone(), |path| connect(path, Role::Read)));
    let writer = Writer::new("test-writer", &path, open, readers.clone());
    // They are all there before the thread is.
    let answers: Vec<_> = {
        let mut state = writer.shared.lock();
        let submit = |sql: &&str| {
            let (told, answer) = channel();
            let sql = (*sql).to_owned();
            state.jobs.push_back(Box::new(Sql { sql, error: None, told }));
            answer
        };
        let answers = sql.iter().map(submit).collect();
        state.running = true;
        answers
    };
    super::Shared::start(&writer.shared);
    let answers = answers.iter().map(|answer| answer.recv().expect("an answer")).collect();
    let rows = readers
        .read(|it| {
            it.prepare("SELECT a FROM t ORDER BY a")?.query_map([], |row| row.get(0))?.collect()
        })
        .expect("read");
    writer.close();
    (answers, rows)
}

#[test]
fn a_job_that_fails_takes_back_its_own_writes_alone() {
    let (answers, rows) = together(&[
        "INSERT INTO t VALUES (1)",
        "INSERT INTO t VALUES (2); INSERT INTO t VALUES (1)",
        "INSERT INTO t VALUES (3)",
    ]);
    assert_eq!(answers[0], Ok(()));
    assert!(answers[1].as_ref().is_err_and(|text| text.contains("UNIQUE")), "{answers:?}");
    assert_eq!(answers[2], Ok(()));
    assert_eq!(rows, [1, 3]);
}

#[test]
fn a_job_that_rolls_all_back_does_so_for_itself() {
    let (answers, rows) = together(&[
        "INSERT INTO t VALUES (1)",
        "INSERT OR ROLLBACK INTO t VALUES (1)",
        "INSERT INTO t VALUES (3)",
    ]);
    assert_eq!((&answers[0], &answers[2]), (&Ok(()), &Ok(())));
    assert!(answers[1].as_ref().is_err_and(|text| text.contains("UNIQUE")), "{answers:?}");
    assert_eq!(rows, [1, 3]);
}

#[test]
fn what_a_commit_refuses_is_told_to_its_job() {
    let (answers, rows) = together(&[
        "INSERT INTO t VALUES (1)",
        "INSERT INTO t VALUES (2); INSERT INTO c VALUES (9)",
        "INSERT INTO t VALUES (3)",
    ]);
    assert_eq!((&answers[0], &answers[2]), (&Ok(()), &Ok(())));
    assert_eq!(answers[1], Err("refused: FOREIGN KEY constraint failed".to_owned()));
    assert_eq!(rows, [1, 3]);
}

#[test]
fn a_closed_writer_refuses() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.sqlite");
    create_or_check(&path, &KIND, |_| Ok(())).expect("made");
    let readers = Arc::new(Readers::new(path.clone(), |path| connect(path, Role::Read)));
    let writer = Writer::new("test-writer", &path, open, readers);
    writer.close();
    let (told, answer) = channel();
    writer.submit(Box::new(Sql { sql: "SELECT 1".to_owned(), error: None, told }));
    let refused = answer.recv().expect("an answer");
    assert!(refused.is_err_and(|text| text.contains("closed")));
}
