use super::*;

fn clock() -> UnixMs {
    1_000
}

fn index(folder: &Path) -> Index {
    let dir = Arc::new(DataDir::open(folder, "test", 0).expect("the folder is free"));
    Index::open(dir, clock).expect("made")
}

fn wanted(name: &str, class: &str) -> Wanted {
    Wanted {
        account: String::new(),
        name: name.to_owned(),
        script: "worker".to_owned(),
        class: class.to_owned(),
        steps: 10,
        schedules: Vec::new(),
    }
}

fn note(workflow: &str, instance: &str, status: &str, created: UnixMs) -> Note {
    Note {
        workflow: workflow.to_owned(),
        instance: instance.to_owned(),
        status: status.to_owned(),
        version: None,
        times: Times { created, ..Times::default() },
    }
}

fn done<T>(later: Later<T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(later).expect("written")
}

#[test]
fn a_workflow_keeps_its_id_when_it_changes() {
    let folder = tempfile::tempdir().expect("a folder");
    let index = index(folder.path());
    let first = index.ensure(&wanted("orders", "A")).expect("made");
    assert_eq!(index.ensure(&wanted("orders", "A")).expect("the same"), first);
    assert_eq!(index.versions(&first.id).expect("read").len(), 1);
    let second = index.ensure(&wanted("orders", "B")).expect("changed");
    assert_eq!((second.id.as_str(), second.class.as_str()), (first.id.as_str(), "B"));
    let versions = index.versions(&first.id).expect("read");
    assert_eq!(versions.iter().map(|it| it.class.as_str()).collect::<Vec<_>>(), ["B", "A"]);
    assert!(versions.iter().all(|version| version.id.len() == 36));
    assert_eq!(index.all().expect("read"), [second]);
}

#[test]
fn what_was_noted_is_there_after_opening_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let id = {
        let index = index(folder.path());
        let workflow = index.ensure(&wanted("orders", "A")).expect("made");
        done(index.note(note(&workflow.id, "one", "queued", 5)));
        done(index.note(note(&workflow.id, "one", "complete", 5)));
        workflow.id
    };
    let index = index(folder.path());
    let query = InstanceQuery { limit: 10, ..InstanceQuery::default() };
    let all = index.instances(&id, &query).expect("read");
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].status.as_str(), all[0].times.created), ("complete", 5));
    assert_eq!(all[0].version, index.versions(&id).expect("read")[0].id);
    assert_eq!(index.counts(&id).expect("read"), [("complete".to_owned(), 1)]);
}

#[test]
fn what_is_told_late_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let index = index(folder.path());
    let id = index.ensure(&wanted("orders", "A")).expect("made").id;
    let tell = |status: &str, started: Option<UnixMs>, ended: Option<UnixMs>| {
        let times = Times { created: 5, started, ended };
        done(index.note(Note { times, ..note(&id, "one", status, 5) }));
        index.counts(&id).expect("read").remove(0).0
    };
    assert_eq!(tell("queued", None, None), "queued");
    assert_eq!(tell("paused", None, None), "paused");
    assert_eq!(tell("running", Some(6), None), "running");
    assert_eq!(tell("queued", None, None), "running", "it began already");
    assert_eq!(tell("complete", Some(6), Some(8)), "complete");
    assert_eq!(tell("queued", None, None), "complete");
    assert_eq!(tell("running", Some(6), None), "complete", "it has ended");
    // It is restarted, and ended before it begins.
    assert_eq!(tell("running", Some(9), None), "running");
    assert_eq!(tell("terminated", None, Some(10)), "terminated");
}

#[test]
fn instances_are_paged_by_time_and_told_apart_by_status() {
    let folder = tempfile::tempdir().expect("a folder");
    let index = index(folder.path());
    let id = index.ensure(&wanted("orders", "A")).expect("made").id;
    for (name, status, created) in
        [("b", "running", 2), ("a", "complete", 1), ("c", "complete", 2), ("d", "complete", 3)]
    {
        done(index.note(note(&id, name, status, created)));
    }
    let names = |query: InstanceQuery| {
        let all = index.instances(&id, &query).expect("read");
        all.into_iter().map(|it| it.id).collect::<String>()
    };
    let limit = 10;
    assert_eq!(names(InstanceQuery { limit, ..Default::default() }), "abcd");
    assert_eq!(names(InstanceQuery { limit, newest_first: true, ..Default::default() }), "dcba");
    assert_eq!(names(InstanceQuery { limit: 2, skip: 1, ..Default::default() }), "bc");
    let after = Some((2, "b".to_owned()));
    assert_eq!(names(InstanceQuery { limit, after, ..Default::default() }), "cd");
    let status = Some("complete".to_owned());
    assert_eq!(names(InstanceQuery { limit, status, ..Default::default() }), "acd");
    assert_eq!(
        names(InstanceQuery { limit, from: Some(2), to: Some(2), ..Default::default() }),
        "bc"
    );
}

#[test]
fn what_is_removed_takes_its_instances_along() {
    let folder = tempfile::tempdir().expect("a folder");
    let index = index(folder.path());
    let id = index.ensure(&wanted("orders", "A")).expect("made").id;
    done(index.note(note(&id, "one", "queued", 5)));
    index.remove(&id).expect("removed");
    // One that tells late leaves nothing.
    done(index.note(note(&id, "one", "running", 5)));
    assert!(index.find("", "orders").expect("read").is_none());
    assert_eq!(index.removed().expect("read"), std::slice::from_ref(&id));
    index.deleted(&id).expect("deleted");
    assert!(index.removed().expect("read").is_empty());
    let again = index.ensure(&wanted("orders", "A")).expect("made");
    assert_ne!(again.id, id);
    let query = InstanceQuery { limit: 10, ..InstanceQuery::default() };
    assert!(index.instances(&id, &query).expect("read").is_empty());
}

#[test]
fn schedules_are_those_that_were_said_last() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = index(folder.path());
    let mut scheduled = wanted("a", "A");
    scheduled.schedules = vec!["0 9 * * *".to_owned(), "* * * * *".to_owned()];
    let made = first.put(&scheduled).expect("made");
    first.put(&wanted("b", "B")).expect("made");
    assert_eq!(first.schedules_of(&made.id).expect("read"), ["* * * * *", "0 9 * * *"]);
    let all = first.scheduled().expect("read");
    assert_eq!(all.len(), 2);
    assert!(all.iter().all(|(info, _)| info.id == made.id));
    drop(first);
    let second = index(folder.path());
    assert_eq!(second.scheduled().expect("read").len(), 2);
    second.ensure(&wanted("a", "A")).expect("changed");
    assert_eq!(second.scheduled().expect("read"), []);
    second.put(&scheduled).expect("changed");
    second.remove(&made.id).expect("removed");
    assert_eq!(second.scheduled().expect("read"), []);
}
