//! What the history costs an object that writes all the time: syncs and bytes,
//! counted.

use super::*;

const COMMITS: u64 = 2000;
/// A frame of the log: a page and its header.
const FRAME_BYTES: u64 = 4096 + 24;
/// Tests copy a log when it is longer than this.
const LOG_PAGES: u64 = 48;

#[test]
fn the_history_of_a_busy_object_costs_few_syncs() {
    let machine = Machine::new(1);
    let object = machine.object(1);
    object.put("counter", &0i64.to_le_bytes()).expect("put");
    commit(&object);
    let before = machine.model.syncs();
    for _ in 0..COMMITS {
        let counter = counter_of(&object) + 1;
        object.put("counter", &counter.to_le_bytes()).expect("put");
        commit(&object);
    }
    let after = machine.model.syncs();
    let (ours, sqlite) = (after.by_us - before.by_us, after.by_sqlite - before.by_sqlite);
    // One page each time.
    let checkpoints = COMMITS.div_ceil(LOG_PAGES);
    let beside = ours - COMMITS;
    println!(
        "{COMMITS} commits, {checkpoints} checkpoints at most: {beside} syncs of ours beside those of \
         the commits, {sqlite} of SQLite"
    );
    // Per checkpoint: the log into the history twice, by the thread for upkeep and
    // by the object's; at times a new base, and a new log, with their folders.
    assert!(beside <= 8 * checkpoints, "{beside} syncs for {checkpoints} checkpoints");
    // The log and the database, twice, and the header of the log.
    assert!(sqlite <= 5 * checkpoints, "{sqlite} syncs for {checkpoints} checkpoints");
    // Logs are copied once. There are new bases although the object never rests.
    let history = history_bytes(&machine);
    let logs = COMMITS * FRAME_BYTES;
    assert!(history.logs <= logs, "{history:?}");
    assert!(history.bases > 1, "{history:?}");
}

#[derive(Debug, Default)]
struct History {
    logs: u64,
    bases: usize,
}

fn history_bytes(machine: &Machine) -> History {
    let name = id(1).to_string();
    let folder = machine.folder.path().join(OBJECTS_FOLDER).join(NAMESPACE).join(&name[..2]);
    let mut found = History::default();
    for entry in folder.join(name + ".history").read_dir().expect("a history") {
        let path = entry.expect("an entry").path();
        match path.extension().and_then(|it| it.to_str()) {
            Some("log") => found.logs += path.metadata().expect("it is there").len(),
            Some("base") => found.bases += 1,
            _ => {}
        }
    }
    found
}
