//! Lines as they come out, and what happens when they do not.

use std::io;
use std::sync::{Condvar, Mutex};

use selvedge_runtime::Outcome;
use selvedge_runtime::failure::Position;

use super::*;

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no panic").clone()).expect("UTF-8")
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a log with these options says on stdout and stderr.
fn said(options: LogOptions, say: impl FnOnce(&Log)) -> (String, String) {
    let (stdout, stderr) = (Buffer::default(), Buffer::default());
    let log = Log::with_outputs(options, Box::new(stdout.clone()), Box::new(stderr.clone()));
    say(&log);
    log.flush();
    (stdout.text(), stderr.text())
}

fn options(format: Format, level: Level) -> LogOptions {
    LogOptions { format, level, colors: Colors::default() }
}

const PRETTY: LogOptions = LogOptions {
    format: Format::Pretty,
    level: Level::Info,
    colors: Colors { stdout: false, stderr: false },
};

fn ended(status: u16, outcome: Outcome) -> Ended {
    let (cpu, wall) = (Duration::from_micros(400), Duration::from_millis(3));
    Ended { outcome, status, cpu, wall, subrequests: 0 }
}

fn failure() -> Failure {
    let mut failure = Failure::new(Outcome::Exception, "TypeError: x is not a function");
    failure.stack = "    at fetch (worker.js:3:5)".into();
    failure.position = Some(Position { module: "worker.js".into(), line: 3, column: 5 });
    failure
}

#[test]
fn a_request_is_one_line() {
    let (stdout, stderr) = said(PRETTY, |log| {
        log.request("GET", "/path?q=1", &ended(200, Outcome::Ok));
        log.request("POST", "/", &ended(500, Outcome::Exception));
        log.request("GET", "/gone", &ended(0, Outcome::Canceled));
        log.request("GET", "/loop", &ended(0, Outcome::ExceededCpu));
        log.request("GET", "/odd", &ended(299, Outcome::Ok));
    });
    assert_eq!(
        stdout,
        "GET /path?q=1 200 OK (3 ms, 0.4 ms CPU)\n\
         POST / 500 Internal Server Error (3 ms, 0.4 ms CPU) exception\n\
         GET /gone canceled (3 ms, 0.4 ms CPU)\n\
         GET /loop 503 Service Unavailable (3 ms, 0.4 ms CPU) exceededCpu\n\
         GET /odd 299 (3 ms, 0.4 ms CPU)\n"
    );
    assert_eq!(stderr, "");
}

#[test]
fn colour_follows_the_class_of_the_status() {
    let colors = Colors { stdout: true, stderr: false };
    for (status, code) in [(101, 36), (200, 32), (302, 36), (404, 33), (503, 31)] {
        let (stdout, _) = said(LogOptions { colors, ..PRETTY }, |log| {
            log.request("GET", "/", &ended(status, Outcome::Ok));
        });
        assert!(stdout.starts_with(&format!("GET / \x1b[{code}m{status} ")), "{stdout:?}");
    }
}

#[test]
fn text_from_the_network_cannot_move_the_cursor() {
    let (stdout, _) = said(PRETTY, |log| {
        log.request("GET", "/\x1b[2J\r\n", &ended(200, Outcome::Ok));
    });
    assert!(stdout.starts_with("GET /\\u{1b}[2J\\r\\n 200 OK"), "{stdout:?}");
}

#[test]
fn console_output_is_as_node_prints_it() {
    let (stdout, stderr) = said(PRETTY, |log| {
        log.console("w", ConsoleLevel::Log, "a\nb");
        log.console("w", ConsoleLevel::Warn, "careful");
        log.console("w", ConsoleLevel::Info, "c");
        log.console("w", ConsoleLevel::Debug, "d");
        log.console("w", ConsoleLevel::Error, "oh no");
    });
    assert_eq!(stdout, "a\nb\nc\nd\n");
    assert_eq!(stderr, "careful\noh no\n");
}

#[test]
fn a_failure_tells_all_and_its_reference() {
    let (_, stderr) = said(PRETTY, |log| {
        log.failure("GET", "/x", &failure(), Some("00ff00ff00ff00ff"));
    });
    assert_eq!(
        stderr,
        "error: GET /x: TypeError: x is not a function\n  --> worker.js:3:5\n    \
         at fetch (worker.js:3:5)\nreference: 00ff00ff00ff00ff\n"
    );
}

#[test]
fn events_carry_their_facts() {
    let (stdout, stderr) = said(PRETTY, |log| {
        log.event(
            Level::Warn,
            "isolate is gone",
            vec![
                Field::new("id", 7),
                Field::new("why", "out of memory"),
                Field::new("on", "core1"),
            ],
        );
        log.event(Level::Debug, "not said", Vec::new());
        log.listening("hello", "http://127.0.0.1:8787");
    });
    assert_eq!(stderr, "warn: isolate is gone id=7 why=\"out of memory\" on=core1\n");
    assert_eq!(stdout, "hello is ready on http://127.0.0.1:8787\n");
}

#[test]
fn json_is_one_object_a_line() {
    let (stdout, stderr) = said(options(Format::Json, Level::Info), |log| {
        log.request("GET", "/a\"b", &ended(200, Outcome::Ok));
        log.console("w", ConsoleLevel::Error, "a\nb");
        log.failure("GET", "/x", &failure(), Some("0f"));
        log.event(Level::Warn, "m", vec![Field::new("level", 1), Field::new("n", 2)]);
        log.listening("hello", "http://127.0.0.1:1");
    });
    assert_eq!(stderr, "");
    let lines: Vec<serde_json::Value> =
        stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let ts = lines[0]["ts"].as_str().expect("a string");
    assert!(ts.len() == 24 && ts.ends_with('Z') && ts.starts_with("20"), "{ts}");
    let without_ts: Vec<_> = lines
        .into_iter()
        .map(|mut line| {
            line.as_object_mut().expect("an object").remove("ts");
            line
        })
        .collect();
    assert_eq!(
        without_ts,
        [
            serde_json::json!({"level": "info", "kind": "request", "method": "GET",
                "path": "/a\"b", "status": 200, "outcome": "ok", "wall_ms": 3.0, "cpu_ms": 0.4}),
            serde_json::json!({"level": "error", "kind": "console", "worker": "w",
                "message": "a\nb"}),
            serde_json::json!({"level": "error", "kind": "exception", "method": "GET",
                "path": "/x", "outcome": "exception", "reference": "0f",
                "message": "TypeError: x is not a function",
                "stack": "    at fetch (worker.js:3:5)",
                "position": {"module": "worker.js", "line": 3, "column": 5}}),
            serde_json::json!({"level": "warn", "kind": "event", "message": "m",
                "level_": 1, "n": 2}),
            serde_json::json!({"level": "info", "kind": "listening", "worker": "hello",
                "url": "http://127.0.0.1:1"}),
        ]
    );
}

#[test]
fn levels_hold_back_what_is_below_them() {
    let say = |log: &Log| {
        log.request("GET", "/", &ended(200, Outcome::Ok));
        log.console("w", ConsoleLevel::Log, "log");
        log.console("w", ConsoleLevel::Warn, "warn");
        log.console("w", ConsoleLevel::Error, "error");
        log.failure("GET", "/", &failure(), None);
        log.event(Level::Off, "never", Vec::new());
    };
    let count = |level| {
        let (stdout, _) = said(options(Format::Json, level), say);
        stdout.lines().count()
    };
    assert_eq!(Level::ALL.map(count), [0, 2, 3, 5, 5]);
    assert_eq!("warn".parse(), Ok(Level::Warn));
    assert!("loud".parse::<Level>().is_err());
}

/// A terminal that takes nothing until it is told to.
#[derive(Clone, Default)]
struct Stuck(Arc<(Mutex<bool>, Condvar)>, Buffer);

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let open = self.0.0.lock().expect("no panic");
        let _open = self.0.1.wait_while(open, |open| !*open).expect("no panic");
        self.1.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_queue_drops_lines_and_says_how_many() {
    let stuck = Stuck::default();
    let log = Log::with_outputs(PRETTY, Box::new(stuck.clone()), Box::new(stuck.clone()));
    let all = 3 * QUEUE_RECORDS;
    let start = Instant::now();
    for _ in 0..all {
        log.console("w", ConsoleLevel::Log, "line");
    }
    assert!(start.elapsed() < Duration::from_secs(1), "saying something never waits");
    *stuck.0.0.lock().expect("no panic") = true;
    stuck.0.1.notify_all();
    log.flush();
    let text = stuck.1.text();
    let written = text.lines().filter(|line| *line == "line").count();
    let dropped: usize = text
        .lines()
        .filter_map(|line| line.split_once("dropped=").map(|(_, count)| count))
        .map(|count| count.parse::<usize>().expect("a number"))
        .sum();
    assert!(dropped > 0 && written >= QUEUE_RECORDS);
    assert_eq!(written + dropped, all);
}

#[test]
fn one_huge_line_does_not_fill_the_memory() {
    let stuck = Stuck::default();
    let log = Log::with_outputs(PRETTY, Box::new(stuck.clone()), Box::new(stuck.clone()));
    let huge = "x".repeat(QUEUE_BYTES / 4);
    for _ in 0..20 {
        log.console("w", ConsoleLevel::Log, &huge);
    }
    assert!(log.shared.dropped.load(Ordering::Relaxed) >= 10);
    assert!(log.shared.queued_bytes.load(Ordering::Relaxed) <= QUEUE_BYTES);
    *stuck.0.0.lock().expect("no panic") = true;
    stuck.0.1.notify_all();
}
