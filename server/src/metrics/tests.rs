use super::*;

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn what_was_counted_is_in_the_figures() {
    let registry = Registry::new(100);
    let meter = registry.meter("acc", "api", "v1");
    meter.event(EventKind::Fetch, Outcome::Ok, millis(3), millis(1));
    meter.event(EventKind::Scheduled, Outcome::Exception, millis(5), millis(2));
    meter.event(EventKind::Fetch, Outcome::Canceled, millis(5), millis(2));
    meter.status(204);
    meter.operation(Operation::KvGet);
    meter.subrequest();
    let figures = registry.figures(Some("acc"));
    let worker = &figures.workers[0];
    assert_eq!((worker.requests, worker.errors, worker.subrequests), (3, 1, 1));
    assert_eq!(worker.events["fetch"], 2);
    assert_eq!(worker.outcomes["exception"], 1);
    assert_eq!(worker.statuses["2xx"], 1);
    assert_eq!(worker.operations["kv_get"], 1);
    assert_eq!((worker.wall.count, worker.cpu.sum_us), (3, 5000));
    assert_eq!(worker.versions[0].errors, 1);
    assert!(registry.figures(Some("other")).workers.is_empty());
}

#[test]
fn an_isolate_counts_until_it_is_gone() {
    let registry = Registry::new(0);
    let isolate = registry.meter("a", "w", "v").isolate(millis(2));
    isolate.set_memory(1000);
    isolate.set_memory(400);
    let now = |registry: &Registry| {
        let worker = registry.figures(None).workers[0].clone();
        (worker.isolates_now, worker.memory_bytes_now, worker.cold_starts.count)
    };
    assert_eq!(now(&registry), (1, 400, 1));
    drop(isolate);
    assert_eq!(now(&registry), (0, 0, 1));
}

#[test]
fn the_text_for_prometheus_adds_up_and_has_as_many_workers_as_it_may() {
    let registry = Registry::new(7);
    for (script, events) in [("a", 1), ("b\"", 3), ("c", 2)] {
        let meter = registry.meter("acc", script, "v");
        meter.amount(Amount::D1RowsRead, 7);
        for _ in 0..events {
            meter.event(EventKind::Fetch, Outcome::Ok, millis(1), millis(1));
        }
    }
    registry.set_dropped_logs(5);
    let stocks = Stocks {
        queues: vec![QueueFigures {
            account: "acc".to_owned(),
            queue: "jobs".to_owned(),
            messages: 3,
            bytes: 40,
        }],
        instances: Vec::new(),
    };
    let text = registry.prometheus(1, &stocks);
    let has = |line: &str| assert!(text.lines().any(|it| it == line), "{line}\n{text}");
    has("selvedge_events_total{account=\"acc\",script=\"b\\\"\",kind=\"fetch\"} 3");
    has("selvedge_events_total{account=\"_other\",script=\"_other\",kind=\"fetch\"} 3");
    has("selvedge_wall_seconds_bucket{account=\"_other\",script=\"_other\",le=\"0.000256\"} 0");
    has("selvedge_wall_seconds_bucket{account=\"_other\",script=\"_other\",le=\"0.001024\"} 3");
    has("selvedge_wall_seconds_count{account=\"_other\",script=\"_other\"} 3");
    has("selvedge_workers 3");
    has("selvedge_dropped_logs_total 5");
    has("selvedge_d1_rows_total{account=\"acc\",script=\"b\\\"\",access=\"read\"} 7");
    has("selvedge_d1_rows_total{account=\"_other\",script=\"_other\",access=\"read\"} 14");
    has("selvedge_queue_backlog_messages{account=\"acc\",queue=\"jobs\"} 3");
    has("selvedge_queue_backlog_bytes{account=\"acc\",queue=\"jobs\"} 40");
    assert_eq!(text.matches("# TYPE selvedge_d1_rows_total").count(), 1);
    assert!(!text.contains("script=\"a\""), "{text}");
}

#[test]
fn old_versions_are_forgotten_and_running_ones_are_not() {
    let registry = Registry::new(0);
    let kept = registry.meter("a", "w", "first");
    for number in 0..50 {
        registry.meter("a", "w", &number.to_string());
    }
    let versions = &registry.figures(None).workers[0].versions;
    assert!(versions.len() <= KEPT_VERSIONS + 1, "{}", versions.len());
    assert!(versions.iter().any(|version| version.id == "first"));
    drop(kept);
}

#[test]
fn a_forgotten_worker_is_gone() {
    let registry = Registry::new(0);
    registry.meter("a", "w", "v");
    registry.forget("a", "w");
    assert!(registry.figures(None).workers.is_empty());
}
