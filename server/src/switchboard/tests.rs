use std::time::Duration;

use selvedge_durable::{DurableNamespace, LocalPlacement};
use selvedge_runtime::outbound::ObjectTarget;

use super::*;

fn object(lives_on: Option<ThreadNumber>) -> Arc<ServiceTarget> {
    let placement = Arc::new(LocalPlacement::default());
    let namespace = DurableNamespace::new("n", "worker", "Class", Duration::ZERO, placement);
    Arc::new(ServiceTarget {
        service: "worker".into(),
        object: Some(ObjectTarget {
            namespace: Arc::new(namespace),
            id: "0".repeat(64),
            name: None,
            jurisdiction: None,
            cf: None,
            lives_on,
        }),
        ..ServiceTarget::default()
    })
}

type Events = (mpsc::Sender<ThreadEvent>, mpsc::Receiver<ThreadEvent>);

/// Another thread with a seat: its number, its seat and its events.
fn thread(switchboard: &Arc<Switchboard>, room: usize) -> (ThreadNumber, Seat, Events) {
    let events = mpsc::channel(room);
    let (sender, shared) = (events.0.clone(), switchboard.clone());
    let seated = std::thread::spawn(move || {
        let seat = shared.seat(sender);
        (ThreadNumber::of_this_thread(), seat)
    });
    let (number, seat) = seated.join().expect("it only takes a seat");
    (number, seat, events)
}

#[test]
fn a_call_goes_to_the_thread_that_has_the_object() {
    let switchboard = Switchboard::new(Arc::new(LocalPlacement::default()));
    let (first, _seat, mut events) = thread(&switchboard, 4);
    let (_, _other_seat, mut other) = thread(&switchboard, 4);
    // It serves no new requests any more, and has the object still.
    switchboard.set("worker", vec![other.0.clone()]);
    switchboard.connect(&object(Some(first))).expect("it is there");
    assert!(events.1.try_recv().is_ok());
    assert!(other.1.try_recv().is_err());
    // One that lives nowhere goes to who serves.
    switchboard.connect(&object(None)).expect("it is there");
    assert!(other.1.try_recv().is_ok());
}

#[test]
fn a_new_object_goes_to_the_thread_with_the_fewest() {
    let placement = Arc::new(LocalPlacement::default());
    let switchboard = Switchboard::new(placement.clone());
    let (full, _seat, events) = thread(&switchboard, 4);
    let (_, _other_seat, mut other) = thread(&switchboard, 4);
    switchboard.set("worker", vec![events.0.clone(), other.0.clone()]);
    let namespace: Arc<str> = "n".into();
    for byte in 0..5 {
        let id = selvedge_durable::ObjectId::from_bytes([byte; 32]);
        let key = selvedge_durable::placement::ObjectKey { namespace: namespace.clone(), id };
        placement.take(&key, full).expect("it is free");
    }
    for _ in 0..3 {
        switchboard.connect(&object(None)).expect("it is there");
        assert!(other.1.try_recv().is_ok());
    }
}

#[test]
fn a_thread_is_never_asked_for_what_it_has_no_place_for() {
    let switchboard = Switchboard::new(Arc::new(LocalPlacement::default()));
    let (own, mut events) = mpsc::channel(4);
    let _seat = switchboard.seat(own.clone());
    switchboard.set("worker", vec![own]);
    let asked = switchboard.connect(&object(Some(ThreadNumber::of_this_thread())));
    assert!(matches!(asked, Err(OutboundError::Refused(_))), "{asked:?}");
    assert!(events.try_recv().is_err());
}

#[test]
fn what_does_not_fit_is_refused_as_overload() {
    let switchboard = Switchboard::new(Arc::new(LocalPlacement::default()));
    let (number, seat, events) = thread(&switchboard, 2);
    let target = object(Some(number));
    for _ in 0..2 {
        switchboard.connect(&target).expect("there is room");
    }
    let asked = switchboard.connect(&target);
    assert!(matches!(asked, Err(OutboundError::ObjectOverloaded)), "{asked:?}");
    // The thread ends: nobody serves.
    drop((seat, events));
    let asked = switchboard.connect(&target);
    let Err(OutboundError::Refused(text)) = asked else { panic!("{asked:?}") };
    assert!(text.contains("The class of this Durable Object belongs to the Worker \"worker\""));
}
