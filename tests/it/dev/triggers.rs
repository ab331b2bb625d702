//! Cron triggers while developing.

use super::Dev;
use crate::harness::eventually;

#[test]
fn a_request_calls_the_scheduled_handler() {
    let dev = Dev::of_worker(&["--cron", "manual"]);
    let answer = dev.get("/cdn-cgi/handler/scheduled?cron=*+*+*+*+*&time=1745856238000");
    assert_eq!((answer.status, answer.text().as_str()), (200, "ok"));
    eventually("the handler ran", || {
        dev.log().contains("fired * * * * * 1745856238000").then_some(())
    });
    let answer = dev.get("/cdn-cgi/handler/scheduled?format=json");
    assert_eq!(answer.text(), r#"{"outcome":"ok","noRetry":false}"#);
}

#[test]
fn a_worker_without_the_handler_says_so() {
    let worker = "export default { fetch: () => new Response('x') };";
    let dev = Dev::start(&[("worker.js", worker)], &["worker.js"]);
    let answer = dev.get("/cdn-cgi/handler/scheduled");
    assert_eq!((answer.status, answer.text().as_str()), (500, "exception"));
    eventually("the reason is told", || {
        dev.log().contains("Handler does not export a scheduled() function").then_some(())
    });
}
