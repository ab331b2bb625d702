//! The scheduler with 100,000 alarms, and a clock that tests move: how often it
//! wakes up is counted.

use std::collections::HashMap;
use std::path::Path;

use futures::FutureExt as _;
use selvedge_durable::store::{
    AlarmEnd, AlarmStart, Connections, ConnectionsOptions, OBJECTS_FOLDER, Objects,
};
use selvedge_durable::{LocalPlacement, NamespaceData};
use selvedge_storage::data_dir::DataDir;
use tempfile::TempDir;

use super::*;

const NAMESPACE: &str = "rooms";
const PENDING: usize = 100_000;

/// A data folder as a process finds it that starts.
struct Process {
    objects: Objects,
    namespace: DurableNamespace,
    connections: Connections,
    alarms: Arc<Alarms>,
    _events: tokio::sync::mpsc::Receiver<crate::serve::ThreadEvent>,
}

/// What a stretch of time brought.
#[derive(Debug, Default)]
struct Seen {
    wakes: usize,
    /// How often each object's alarm came, at its time or later.
    fired: HashMap<ObjectId, usize>,
}

impl Process {
    fn start(folder: &Path) -> Self {
        let dir = Arc::new(DataDir::open(folder, "a test", 0).expect("free"));
        let objects = Objects::open(dir, Arc::new(|| 0)).expect("objects");
        let data = NamespaceData {
            namespace: objects.namespace(NAMESPACE).expect("a namespace"),
            has_sql: true,
        };
        let placement = Arc::new(LocalPlacement::default());
        let switchboard = Switchboard::new(placement.clone());
        let (sender, events) = tokio::sync::mpsc::channel(1);
        switchboard.add("app", sender);
        let namespace = DurableNamespace::new(NAMESPACE, "app", "Room", RETRY, placement);
        let namespace = namespace.with_storage(data);
        let alarms = Alarms::new(switchboard);
        alarms.watch(namespace.clone());
        let connections = Connections::new(ConnectionsOptions::default());
        Self { objects, namespace, connections, alarms, _events: events }
    }

    /// Leaves the folder to the next process.
    fn end(self) {
        self.objects.settle();
    }

    /// What [`Alarms::run`] does from `now` to `until`, with objects that answer
    /// with `answer`.
    fn pass(
        &self,
        mut now: UnixMs,
        until: UnixMs,
        mut answer: impl FnMut(ObjectId, UnixMs) -> AlarmResult,
    ) -> Seen {
        let mut seen = Seen::default();
        let mut waiting: Vec<(UnixMs, ObjectId)> = Vec::new();
        loop {
            let ready = waiting.iter().position(|(time, _)| *time > now).unwrap_or(waiting.len());
            for (_, id) in waiting.drain(..ready) {
                self.store().give_back_alarm(id);
            }
            seen.wakes += 1;
            let Look { due, sleep } = self.alarms.look(now);
            for (namespace, id) in due {
                *seen.fired.entry(id).or_default() += 1;
                let key = (namespace.id.clone(), id);
                if let Some(wait) = self.alarms.came_back(&namespace, key, answer(id, now)) {
                    waiting.push((now + wait.as_millis() as UnixMs, id));
                }
            }
            waiting.sort_unstable();
            if self.alarms.wake.notified().now_or_never().is_some() {
                continue;
            }
            let back = waiting.first().map_or(UnixMs::MAX, |(time, _)| *time);
            now = back.min(now + sleep.as_millis() as UnixMs);
            if now > until {
                return seen;
            }
        }
    }

    fn store(&self) -> &selvedge_durable::store::Namespace {
        &self.namespace.storage().expect("it has storage").namespace
    }

    /// An object that gets to the end of its alarm.
    fn run(&self, id: ObjectId, now: UnixMs) -> AlarmResult {
        let object = self.store().object(id, None, &self.connections).expect("free");
        match object.alarm_started(now).expect("read") {
            AlarmStart::Run { scheduled, .. } => {
                assert!(scheduled <= now);
                object.alarm_ended(AlarmEnd::Finished).expect("ended");
                let commit = object.commit().expect("committed").expect("it wrote");
                futures::executor::block_on(object.durability().wait(commit.seq)).expect("durable");
            }
            // The index alone had it.
            AlarmStart::NotNow(other) => assert_eq!(other, None),
        }
        AlarmResult::Settled
    }
}

fn id(number: u32) -> ObjectId {
    let mut id = [0; 32];
    id[..4].copy_from_slice(&number.to_be_bytes());
    ObjectId(id)
}

/// A folder whose index has 100,000 alarms: from 1,000,000 ms on, one each 10 ms.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    Process::start(folder.path()).end();
    let file = folder.path().join(OBJECTS_FOLDER).join(NAMESPACE).join("index.sqlite");
    let index = rusqlite::Connection::open(file).expect("the index");
    index
        .execute_batch(&format!(
            "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {PENDING} - 1)
             INSERT INTO objects (id, created, alarm)
             SELECT unhex(printf('%08x%056x', i, 0)), 0, 1000000 + 10 * i FROM n"
        ))
        .expect("filled");
    folder
}

#[test]
fn a_hundred_thousand_pending_alarms_are_no_busy_loop() {
    let folder = folder();
    let process = Process::start(folder.path());
    // Ten minutes in which nothing is due: it looks at its clock once a minute.
    let seen = process.pass(0, 600_000, |_, _| panic!("nothing is due"));
    assert!(seen.wakes <= 12, "{} wake-ups for nothing", seen.wakes);
    assert!(seen.fired.is_empty());
    // Objects with files of their own, among the others.
    for number in 0..50 {
        let object = process.store().object(id(number * 20), None, &process.connections);
        let object = object.expect("free");
        object.set_alarm(1_000_000 + i64::from(number) * 200).expect("set");
        object.commit().expect("committed");
    }
    process.objects.settle();
    // Ten seconds with a hundred alarms each.
    let seen = process.pass(1_000_000, 1_009_999, |id, now| process.run(id, now));
    assert_eq!(seen.fired.len(), 1000);
    assert!(seen.fired.values().all(|count| *count == 1));
    assert!(seen.wakes <= 3 * 1000 + 10, "{} wake-ups for 1,000 alarms", seen.wakes);
    process.end();
    // The next process starts when all the others are due.
    let process = Process::start(folder.path());
    let now = 3_000_000;
    let seen = process.pass(now, now + 1, |id, now| process.run(id, now));
    assert_eq!(seen.fired.len(), PENDING - 1000);
    assert!(seen.fired.values().all(|count| *count == 1));
    let batches = PENDING / UNDER_WAY;
    assert!(seen.wakes <= 2 * batches + 10, "{} wake-ups for {batches} batches", seen.wakes);
    assert_eq!(process.store().next_alarm().expect("read"), None);
}

#[test]
fn a_hundred_thousand_alarms_that_fail_come_again_in_time() {
    let folder = folder();
    let process = Process::start(folder.path());
    let now = 3_000_000;
    // No object gets anywhere for the first 100 s.
    let until = now + 100_000;
    let seen = process.pass(now, until, |_, _| AlarmResult::Failed);
    assert_eq!(seen.fired.len(), PENDING);
    // At once, and after 2, 4, 8, 16 and 32 s more each time.
    assert!(seen.fired.values().all(|count| *count == 6), "{:?}", seen.fired.values().max());
    let batches = 6 * PENDING / UNDER_WAY;
    assert!(seen.wakes <= 2 * batches + 200, "{} wake-ups for {batches} batches", seen.wakes);
}
