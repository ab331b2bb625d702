//! How fast it is, for those who tune it:
//! `cargo test --release -p selvedge-durable -- --ignored --nocapture figures`.

use std::time::Instant;

use super::*;

fn figure(what: &str, count: u32, run: impl FnOnce()) {
    let start = Instant::now();
    run();
    let each = start.elapsed() / count;
    println!("{what:<50} {each:>10.2?} each, {:>10.0}/s", 1.0 / each.as_secs_f64());
}

#[test]
#[ignore = "it measures, and asserts nothing"]
fn figures() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    object.put("counter", b"0").expect("put");
    commit(&object);
    figure("get of a small value", 100_000, || {
        for _ in 0..100_000 {
            object.get_with("counter", <[u8]>::len).expect("read");
        }
    });
    figure("put of a small value, one commit", 100_000, || {
        for number in 0..100_000u32 {
            object.put("counter", &number.to_le_bytes()).expect("put");
        }
        commit(&object);
    });
    figure("get, put, commit, not waiting", 20_000, || {
        for number in 0..20_000u32 {
            object.get_with("counter", <[u8]>::len).expect("read");
            object.put("counter", &number.to_le_bytes()).expect("put");
            object.commit().expect("committed");
        }
        fixture.objects.settle();
    });
    figure("get, put, commit, waiting for the disk", 2000, || {
        for number in 0..2000u32 {
            object.get_with("counter", <[u8]>::len).expect("read");
            object.put("counter", &number.to_le_bytes()).expect("put");
            commit(&object);
        }
    });
    object.exec("CREATE TABLE t (a INTEGER PRIMARY KEY, b)", &[]).expect("run");
    figure("INSERT by exec, one commit", 50_000, || {
        for number in 0..50_000 {
            object.exec("INSERT INTO t (b) VALUES (?)", &[SqlValue::Integer(number)]).expect("run");
        }
        commit(&object);
    });
    figure("SELECT of one row by exec", 50_000, || {
        for number in 0..50_000 {
            let mut rows = object
                .exec("SELECT b FROM t WHERE a = ?", &[SqlValue::Integer(number + 1)])
                .expect("run");
            assert!(rows.next_row().expect("read").is_some());
        }
    });
    let small = fixture.object(2);
    small.put("counter", b"0").expect("put");
    commit(&small);
    figure("close a connection, open it, get", 2000, || {
        for _ in 0..2000 {
            small.release();
            small.get_with("counter", <[u8]>::len).expect("read");
        }
    });
    let many: Vec<_> = (0..1000u32)
        .map(|number| {
            let mut id = [1; ID_BYTES];
            id[..4].copy_from_slice(&number.wrapping_mul(0x9e37_79b9).to_be_bytes());
            fixture.namespace.object(ObjectId(id), None, &fixture.connections).expect("free")
        })
        .collect();
    figure("first write of an object, not waiting", 1000, || {
        for object in &many {
            object.put("counter", b"0").expect("put");
            object.commit().expect("committed");
        }
        fixture.namespace.registry.pools.syncers.drain();
    });
    for _ in 0..2 {
        figure("increment, 1000 objects in turn, not waiting", 1000, || {
            for object in &many {
                object.get_with("counter", <[u8]>::len).expect("read");
                object.put("counter", b"1").expect("put");
                object.commit().expect("committed");
            }
            fixture.namespace.registry.pools.syncers.drain();
        });
    }
    figure("get, 1000 objects in turn", 1000, || {
        for object in &many {
            object.get_with("counter", <[u8]>::len).expect("read");
        }
    });
    let before = resident_kib();
    let wide = Connections::new(ConnectionsOptions { open: 2000, ..Default::default() });
    drop(many);
    fixture.objects.settle();
    let many: Vec<_> = (0..1000u32)
        .map(|number| {
            let mut id = [1; ID_BYTES];
            id[..4].copy_from_slice(&number.wrapping_mul(0x9e37_79b9).to_be_bytes());
            let object = fixture.namespace.object(ObjectId(id), None, &wide).expect("free");
            object.get("counter").expect("read");
            object.put("counter", b"2").expect("put");
            object.commit().expect("committed");
            object
        })
        .collect();
    println!("an open connection: {} KiB", (resident_kib() - before) / 1000);
    figure("increment, 1000 objects in turn, all open", 5000, || {
        for _ in 0..5 {
            for object in &many {
                object.get_with("counter", <[u8]>::len).expect("read");
                object.put("counter", b"1").expect("put");
                object.commit().expect("committed");
            }
        }
        fixture.namespace.registry.pools.syncers.drain();
    });
    drop(many);
}

fn resident_kib() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    line.split_whitespace().next().and_then(|it| it.parse().ok()).unwrap_or(0)
}
