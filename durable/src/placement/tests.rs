use super::*;
use crate::id::IdKey;

fn key(name: &str) -> ObjectKey {
    ObjectKey { namespace: "n".into(), id: IdKey::of_namespace("n").named(name, "") }
}

fn other_thread() -> ThreadNumber {
    std::thread::spawn(ThreadNumber::of_this_thread).join().expect("it only asks for a number")
}

#[test]
fn an_object_is_at_one_thread_until_that_gives_it_back() {
    let placement = LocalPlacement::default();
    let (a, b) = (other_thread(), other_thread());
    assert_ne!(a, b);
    assert_eq!(placement.find(&key("x")), None);
    assert_eq!(placement.take(&key("x"), a), Ok(()));
    assert_eq!(placement.take(&key("x"), a), Ok(()));
    assert_eq!(placement.take(&key("x"), b), Err(a));
    placement.give_back(&key("x"), b);
    assert_eq!(placement.find(&key("x")), Some(a));
    assert_eq!((placement.count(a), placement.count(b)), (1, 0));
    placement.give_back(&key("x"), a);
    assert_eq!(placement.take(&key("x"), b), Ok(()));
    assert_eq!((placement.count(a), placement.count(b)), (0, 1));
}

#[test]
fn ids_of_two_namespaces_are_two_objects() {
    let placement = LocalPlacement::default();
    let (a, b) = (other_thread(), other_thread());
    let there = ObjectKey { namespace: "m".into(), ..key("x") };
    assert_eq!(placement.take(&key("x"), a), Ok(()));
    assert_eq!(placement.take(&there, b), Ok(()));
}

#[test]
fn what_an_isolate_has_is_given_back_when_it_ends() {
    let placement: Arc<dyn Placement> = Arc::new(LocalPlacement::default());
    let mut residents = Residents::of_this_thread();
    for name in ["a", "b", "c"] {
        assert!(residents.take(&key(name), &placement));
    }
    residents.give_back(&key("b"));
    assert_eq!(placement.take(&key("a"), other_thread()), Err(ThreadNumber::of_this_thread()));
    assert_eq!(placement.count(ThreadNumber::of_this_thread()), 2);
    drop(residents);
    for name in ["a", "b", "c"] {
        assert_eq!(placement.find(&key(name)), None, "{name}");
    }
}

#[test]
fn of_many_threads_that_take_an_object_one_gets_it() {
    let placement = LocalPlacement::default();
    for round in 0..50 {
        let object = key(&round.to_string());
        let won: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| placement.take(&object, ThreadNumber::of_this_thread()).is_ok())
                })
                .collect();
            threads.into_iter().map(|it| usize::from(it.join().unwrap())).sum()
        });
        assert_eq!(won, 1);
    }
}
