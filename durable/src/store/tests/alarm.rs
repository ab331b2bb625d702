//! Alarms.

use super::*;

fn next(fixture: &Fixture) -> Option<(UnixMs, ObjectId)> {
    fixture.namespace.next_alarm().expect("read")
}

#[test]
fn an_alarm_is_indexed_with_its_commit() {
    let fixture = Fixture::new();
    let (first, second) = (fixture.object(1), fixture.object(2));
    first.set_alarm(500).expect("set");
    assert_eq!(first.get_alarm().expect("read"), Some(500));
    assert_eq!(next(&fixture), None);
    commit(&first);
    assert_eq!(next(&fixture), Some((500, id(1))));
    second.set_alarm(300).expect("set");
    commit(&second);
    assert_eq!(next(&fixture), Some((300, id(2))));
    // Earlier at once, later when it is on disk.
    first.set_alarm(200).expect("set");
    commit(&first);
    assert_eq!(next(&fixture), Some((200, id(1))));
    first.set_alarm(400).expect("set");
    commit(&first);
    fixture.objects.settle();
    assert_eq!(next(&fixture), Some((300, id(2))));
    second.delete_alarm().expect("deleted");
    commit(&second);
    fixture.objects.settle();
    assert_eq!(next(&fixture), Some((400, id(1))));
}

#[test]
fn an_alarm_that_is_undone_is_not_indexed() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    object.set_alarm(500).expect("set");
    commit(&object);
    object.savepoint().expect("begun");
    object.set_alarm(100).expect("set");
    object.rollback_savepoint().expect("undone");
    object.put("a", b"1").expect("put");
    commit(&object);
    fixture.objects.settle();
    assert_eq!(object.get_alarm().expect("read"), Some(500));
    assert_eq!(next(&fixture), Some((500, id(1))));
}

#[test]
fn an_alarm_runs_once_and_is_gone() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    object.set_alarm(500).expect("set");
    commit(&object);
    assert_eq!(fixture.namespace.take_due(499, 10).expect("read"), []);
    assert_eq!(fixture.namespace.take_due(500, 10).expect("read"), [(500, id(1))]);
    // It is not found twice.
    assert_eq!(fixture.namespace.take_due(500, 10).expect("read"), []);
    assert_eq!(next(&fixture), None);
    let start = object.alarm_started(500).expect("read");
    assert_eq!(start, AlarmStart::Run { scheduled: 500, retries: 0 });
    assert_eq!(object.get_alarm().expect("read"), None);
    object.alarm_ended(AlarmEnd::Finished).expect("ended");
    commit(&object);
    fixture.objects.settle();
    assert_eq!(object.get_alarm().expect("read"), None);
    assert_eq!(next(&fixture), None);
    assert_eq!(object.alarm_started(500).expect("read"), AlarmStart::NotNow(None));
}

#[test]
fn an_alarm_is_tried_again_and_counts() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    object.set_alarm(500).expect("set");
    commit(&object);
    for (retries, at) in [(0, 2500), (1, 6500)] {
        fixture.namespace.take_due(at, 10).expect("read");
        let start = object.alarm_started(at).expect("read");
        assert_eq!(start, AlarmStart::Run { scheduled: 500, retries });
        object.alarm_ended(AlarmEnd::Retry { at }).expect("ended");
        commit(&object);
        fixture.objects.settle();
        // It is set for the time that it was set for, and goes off later.
        assert_eq!(object.get_alarm().expect("read"), Some(500));
        assert_eq!(next(&fixture), Some((at, id(1))));
    }
    drop(object);
    let fixture = fixture.again();
    assert_eq!(next(&fixture), Some((6500, id(1))));
    let object = fixture.object(1);
    assert_eq!(object.alarm_started(6000).expect("read"), AlarmStart::NotNow(Some(6500)));
    let start = object.alarm_started(6500).expect("read");
    assert_eq!(start, AlarmStart::Run { scheduled: 500, retries: 2 });
}

#[test]
fn a_handler_may_set_another_alarm() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    for end in [AlarmEnd::Finished, AlarmEnd::Retry { at: 9999 }] {
        object.set_alarm(500).expect("set");
        commit(&object);
        fixture.namespace.take_due(500, 10).expect("read");
        object.alarm_started(500).expect("read");
        object.set_alarm(800).expect("set");
        assert_eq!(object.get_alarm().expect("read"), Some(800));
        object.commit().expect("committed");
        object.alarm_ended(end).expect("ended");
        object.commit().expect("nothing left");
        fixture.objects.settle();
        assert_eq!(next(&fixture), Some((800, id(1))), "{end:?}");
    }
}

#[test]
fn an_alarm_that_did_not_end_is_found_again() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    object.set_alarm(500).expect("set");
    commit(&object);
    fixture.namespace.take_due(500, 10).expect("read");
    object.alarm_started(500).expect("read");
    drop(object);
    fixture.namespace.give_back_alarm(id(1));
    assert_eq!(fixture.namespace.take_due(500, 10).expect("read"), [(500, id(1))]);
    // So it is by the next process.
    let fixture = fixture.again();
    assert_eq!(fixture.namespace.take_due(500, 10).expect("read"), [(500, id(1))]);
}

#[test]
fn the_scheduler_is_told_of_earlier_alarms() {
    let fixture = Fixture::new();
    let told = Arc::new(AtomicI64::new(0));
    let count = told.clone();
    fixture.namespace.on_earlier_alarm(move || {
        count.fetch_add(1, Ordering::Relaxed);
    });
    let object = fixture.object(1);
    object.set_alarm(500).expect("set");
    assert_eq!(told.load(Ordering::Relaxed), 0);
    commit(&object);
    assert!(told.load(Ordering::Relaxed) > 0);
}

#[test]
fn the_file_puts_a_wrong_index_right() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    object.set_alarm(500).expect("set");
    commit(&object);
    drop(object);
    fixture.objects.settle();
    // As after a crash between the two.
    fixture.namespace.registry.index.set_alarm(id(1), Some(100)).expect("set");
    let fixture = fixture.again();
    assert_eq!(next(&fixture), Some((100, id(1))));
    assert_eq!(fixture.namespace.take_due(100, 1).expect("read"), [(100, id(1))]);
    let object = fixture.object(1);
    assert_eq!(object.alarm_started(100).expect("read"), AlarmStart::NotNow(Some(500)));
    assert_eq!(next(&fixture), Some((500, id(1))));
}

#[test]
fn a_hundred_thousand_alarms_are_found_by_their_time() {
    let fixture = Fixture::new();
    let index = &fixture.namespace.registry.index;
    for number in 0..100_000u32 {
        let mut id = [0; ID_BYTES];
        id[..4].copy_from_slice(&number.to_be_bytes());
        index.set_alarm(ObjectId(id), Some(i64::from(number ^ 0x5555))).expect("set");
    }
    let plan = index.plan_of_alarms();
    assert!(plan.contains("USING COVERING INDEX objects_by_alarm"), "{plan}");
    let due = fixture.namespace.take_due(49, 1000).expect("read");
    assert_eq!(due.iter().map(|(time, _)| *time).collect::<Vec<_>>(), (0..50).collect::<Vec<_>>());
    assert_eq!(next(&fixture).map(|(time, _)| time), Some(50));
    // All are due and none ends: each entry is read for once, beside a question.
    let scanned = index.scanned();
    let mut questions = 0;
    let mut last = None;
    let mut taken = due.len();
    while taken < 100_000 {
        questions += 2;
        let due = fixture.namespace.take_due(UnixMs::MAX, 256).expect("read");
        last = due.last().copied();
        taken += due.len();
        next(&fixture);
    }
    assert_eq!(next(&fixture), None);
    assert!(index.scanned() - scanned <= 100_000 + questions, "{}", index.scanned());
    // What is given back is found without going through those on their way.
    let scanned = index.scanned();
    for (time, id) in due.iter().copied().chain(last) {
        fixture.namespace.give_back_alarm(id);
        assert_eq!(next(&fixture), Some((time, id)));
        index.set_alarm(id, Some(time + 1)).expect("moved");
        assert_eq!(next(&fixture), Some((time + 1, id)));
        assert_eq!(fixture.namespace.take_due(UnixMs::MAX, 9).expect("read"), [(time + 1, id)]);
        fixture.namespace.give_back_alarm(id);
        index.set_alarm(id, None).expect("deleted");
        assert_eq!(next(&fixture), None);
    }
    assert!(index.scanned() - scanned < 100, "{}", index.scanned());
    // The next process finds all that are left.
    let fixture = fixture.again();
    let due = fixture.namespace.take_due(UnixMs::MAX, usize::MAX).expect("read");
    assert_eq!(due.len(), 100_000 - 51);
}

#[test]
fn an_alarm_that_moves_while_it_is_on_its_way_is_found_once() {
    let fixture = Fixture::new();
    let index = &fixture.namespace.registry.index;
    for (number, time) in [(1, 100), (2, 200), (3, 300)] {
        index.set_alarm(id(number), Some(time)).expect("set");
    }
    let take = |limit| fixture.namespace.take_due(UnixMs::MAX, limit).expect("read");
    assert_eq!(take(2), [(100, id(1)), (200, id(2))]);
    // Later and earlier than what was gone through.
    index.set_alarm(id(1), Some(400)).expect("set");
    index.set_alarm(id(2), Some(50)).expect("set");
    assert_eq!(next(&fixture), Some((300, id(3))));
    fixture.namespace.give_back_alarm(id(1));
    fixture.namespace.give_back_alarm(id(2));
    assert_eq!(next(&fixture), Some((50, id(2))));
    assert_eq!(take(9), [(50, id(2)), (300, id(3)), (400, id(1))]);
    assert_eq!(take(9), []);
    // One that is new, and earlier than all.
    index.set_alarm(id(4), Some(10)).expect("set");
    index.set_alarm(id(4), Some(20)).expect("set");
    assert_eq!(take(9), [(20, id(4))]);
    fixture.namespace.delete_object(id(4)).expect("deleted");
    fixture.namespace.give_back_alarm(id(4));
    assert_eq!(next(&fixture), None);
}
