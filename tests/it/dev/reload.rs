//! Changes of files.

use std::time::Duration;

use super::{Dev, text};
use crate::harness::{Client, eventually, rss};

#[test]
fn a_change_of_any_module_is_served() {
    let dev = Dev::of_worker(&[]);
    dev.says("one");
    dev.write("text.js", &text("two"));
    dev.says("two");
    dev.write("worker.js", "export default { fetch: () => new Response('alone') };");
    dev.says("alone");
}

#[test]
fn a_change_of_the_configuration_is_served() {
    let dev = Dev::of_worker(&[]);
    let config = std::fs::read_to_string(dev.folder.path().join("wrangler.toml")).expect("a file");
    dev.write("wrangler.toml", &format!("{config}[vars]\nADDED = \"!\"\n"));
    dev.says("one!");
}

#[test]
fn requests_in_flight_finish_on_the_old_version() {
    let dev = Dev::of_worker(&[]);
    let mut slow = Client::connect(dev.address);
    slow.send("GET /?wait=1500 HTTP/1.1\r\nhost: a\r\n\r\n");
    dev.says("one");
    dev.write("text.js", &text("two"));
    dev.says("two");
    assert_eq!(slow.response().text(), "one");
}

#[test]
fn no_connection_is_refused_or_broken_while_versions_change() {
    let dev = Dev::of_worker(&[]);
    let address = dev.address;
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stopped = stop.clone();
    let visitor = std::thread::spawn(move || {
        let mut seen = Vec::new();
        while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
            let answer = Client::connect(address).get("/");
            assert_eq!(answer.status, 200);
            seen.push(answer.text());
        }
        seen
    });
    for number in 0..5 {
        dev.write("text.js", &text(&number.to_string()));
        dev.says(&number.to_string());
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let mut seen = visitor.join().expect("every request was answered");
    // From each version to the next, and never back.
    seen.dedup();
    assert_eq!(seen, ["one", "0", "1", "2", "3", "4"][6 - seen.len()..]);
}

#[test]
fn what_is_wrong_is_shown_until_it_is_right() {
    let dev = Dev::of_worker(&[]);
    for broken in ["export const text = ;", "export const text = 'x'; throw new Error('on start');"]
    {
        dev.write("text.js", broken);
        let answer = eventually("the error is shown", || {
            let answer = dev.get("/");
            (answer.status == 500).then_some(answer)
        });
        assert!(answer.text().contains("text.js:1:"), "{}", answer.text());
        // (The former version may still take a connection that was made meanwhile.)
        let browser = eventually("a browser gets a page", || {
            let answer =
                Client::connect(dev.address).request("GET", "/", &[("accept", "text/html")], b"");
            (answer.status == 500).then_some(answer)
        });
        assert!(browser.text().starts_with("<!DOCTYPE html>"), "{}", browser.text());
        eventually("the log tells, too", || dev.log().contains("text.js:1:").then_some(()));
        dev.write("text.js", &text("right"));
        dev.says("right");
    }
    std::fs::remove_file(dev.folder.path().join("text.js")).expect("it is there");
    eventually("the missing module is told", || {
        dev.get("/").text().contains("text.js does not exist").then_some(())
    });
    dev.write("text.js", &text("back"));
    dev.says("back");
}

#[test]
fn a_worker_that_is_wrong_from_the_start_can_be_repaired() {
    let dev = Dev::start(&[("worker.js", "export default {")], &["worker.js"]);
    assert_eq!(dev.get("/").status, 500);
    dev.write("worker.js", "export default { fetch: () => new Response('repaired') };");
    dev.says("repaired");
}

#[test]
fn a_burst_of_changes_is_one_reload() {
    let dev = Dev::of_worker(&[]);
    for number in 0..30 {
        dev.write(&format!("other/{number}.js"), "x");
        dev.write("text.js", &text(&number.to_string()));
    }
    dev.says("29");
    std::thread::sleep(Duration::from_millis(300));
    let reloads = dev.log().matches("reloaded").count();
    assert!(reloads <= 3, "{reloads} reloads: {}", dev.log());
}

/// The whole of it is 500 reloads: `SELVEDGE_RELOADS=500`.
#[test]
fn reloads_leave_no_isolate_behind() {
    let reloads: usize = std::env::var("SELVEDGE_RELOADS")
        .ok()
        .map_or(40, |text| text.parse().expect("SELVEDGE_RELOADS is a number"));
    let dev = Dev::of_worker(&[]);
    let threads = || {
        let tasks = format!("/proc/{}/task", dev.program.id());
        std::fs::read_dir(tasks).map_or(0, Iterator::count)
    };
    let mut early = (0, 0);
    for number in 0..reloads {
        dev.write("text.js", &text(&number.to_string()));
        dev.says(&number.to_string());
        if number == reloads / 4 {
            early = (threads(), rss(dev.program.id()));
        }
    }
    eventually("no more threads than before", || (threads() <= early.0 + 1).then_some(()));
    let grown = rss(dev.program.id()).saturating_sub(early.1) >> 20;
    assert!(grown < 30, "memory grew by {grown} MiB in {reloads} reloads");
}

#[cfg(unix)]
#[test]
fn it_ends_with_0_and_its_sockets_close_with_it() {
    let dev = Dev::of_worker(&[]);
    dev.says("one");
    dev.program.signal(libc::SIGINT);
    let ended = dev.program.wait();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert!(std::net::TcpStream::connect(dev.address).is_err());
}
