//! Handlers that no client reaches: a local server calls them.

use selvedge_runtime::Worker;

use crate::harness::{Setup, TestServer};

const WORKER: &str = r#"
export default {
  async fetch(request) { return new Response(new URL(request.url).pathname); },
  async queue(batch, env, ctx) {
    const [first, second, third] = batch.messages;
    if (first.body.fails) throw new Error("no");
    first.ack();
    first.retry();
    second.retry({ delaySeconds: 5 });
    console.log(JSON.stringify([
      batch.queue, batch.messages.length, first.id, first.body, first.attempts,
      first.timestamp instanceof Date, third.id, typeof ctx.waitUntil, Object.prototype.toString.call(batch),
    ]));
  },
  async email(message, env, ctx) {
    console.log(JSON.stringify([
      message.from, message.to, message.rawSize, message.headers.get("subject"),
      message.headers.get("x-long"), (await new Response(message.raw).text()).length,
    ]));
    if (message.to.startsWith("nobody")) message.setReject("unknown address");
    else await message.forward("inbox@example.com");
  },
  async tail(traces) { console.log(`traces ${traces.length}`); },
  async test(controller) { console.log(`test ${typeof controller}`); },
};
"#;

#[test]
fn queue_gets_messages_and_tells_what_became_of_them() {
    let server = Setup::new(WORKER).start();
    let messages = r#"[{"id":"a","body":{"n":1},"attempts":3},{"body":2},{"body":3}]"#;
    let answer = server.connect().post("/cdn-cgi/handler/queue?queue=jobs", messages);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        answer.json(),
        serde_json::json!({
            "outcome": "ok",
            "ackAll": false,
            "retryBatch": { "retry": false },
            "explicitAcks": ["a"],
            "retryMessages": [{ "msgId": "2", "delaySeconds": 5 }],
        })
    );
    server
        .logs
        .wait_text(r#"["jobs",3,"a",{"n":1},3,true,"3","function","[object MessageBatch]"]"#);
    let failed =
        server.connect().post("/cdn-cgi/handler/queue?queue=jobs", r#"[{"body":{"fails":1}}]"#);
    assert_eq!(failed.status, 500);
    let unnamed = server.connect().post("/cdn-cgi/handler/queue", "[]");
    assert_eq!(unnamed.status, 400);
}

/// What it says of a message is said after it has ended.
const LATE: &str = r#"
export default {
  queue(batch, env, ctx) {
    const [message] = batch.messages;
    ctx.waitUntil((async () => {
      await scheduler.wait(message.body.ms);
      if (message.body.fails) throw new Error("late");
      message.ack();
    })());
  },
};
"#;

#[test]
fn a_batch_is_settled_once_what_its_handler_left_behind_is_through() {
    let post = |server: &TestServer, body: &str| {
        let answer = server.connect().post("/cdn-cgi/handler/queue?queue=jobs", body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    };
    let server = Setup::new(LATE).start();
    let told = post(&server, r#"[{"id":"a","body":{"ms":20}}]"#);
    assert_eq!(told["explicitAcks"], serde_json::json!(["a"]));
    assert_eq!(told["outcome"], "ok");
    let told = post(&server, r#"[{"id":"a","body":{"ms":20,"fails":true}}]"#);
    assert_eq!(told["outcome"], "exception");

    let flags = vec!["queue_consumer_no_wait_for_wait_until".to_owned()];
    let setup = Setup::new(LATE).edit(move |worker| worker.compatibility.flags = flags);
    let server = setup.start();
    let told = post(&server, r#"[{"id":"a","body":{"ms":20}}]"#);
    assert_eq!(told["explicitAcks"], serde_json::json!([]));
    let told = post(&server, r#"[{"id":"a","body":{"ms":0,"fails":true}}]"#);
    assert_eq!(told["outcome"], "ok");
}

/// The headers of a message to several people, as the Worker has them.
const ADDRESSES: &str = r#"
export default {
  email(message) {
    console.log(JSON.stringify(["to", "cc", "from"].map((name) => message.headers.get(name))));
  },
};
"#;

#[test]
fn mail_of_old_dates_is_to_one_address() {
    let mail = "From: a@x.test, b@x.test\r\nTo: \"Last, First\" <c@x.test>, d@x.test\r\nCc: e@x.test\r\nCc: f@x.test\r\n\r\nhi\r\n";
    let path = "/cdn-cgi/handler/email?from=a@x.test&to=c@x.test";
    let server = Setup::new(ADDRESSES).start();
    assert_eq!(server.connect().post(path, mail).status, 200);
    server.logs.wait_text(
        r#"["\"Last, First\" <c@x.test>, d@x.test","e@x.test, f@x.test","a@x.test, b@x.test"]"#,
    );
    let old = |worker: &mut Worker| worker.compatibility.date = "2025-07-31".into();
    let server = Setup::new(ADDRESSES).edit(old).start();
    assert_eq!(server.connect().post(path, mail).status, 200);
    server.logs.wait_text(r#"["\"Last, First\" <c@x.test>","e@x.test","a@x.test, b@x.test"]"#);
}

#[test]
fn email_gets_a_message_and_may_reject_it() {
    let server = Setup::new(WORKER).start();
    let message = "Subject: Hello\r\nX-Long: one\r\n two\r\n\r\nBody: no header\r\n";
    let path = "/cdn-cgi/handler/email?from=a@example.com&to=b@example.com";
    let answer = server.connect().post(path, message);
    assert_eq!((answer.status, &*answer.text()), (200, "Worker successfully processed email"));
    let told = server.connect().post(&format!("{path}&format=json"), message).json();
    assert_eq!(told["outcome"], "ok");
    assert_eq!(told["forwards"][0]["recipient"], "inbox@example.com");
    assert_eq!(told["events"][0]["type"], "forward");
    let length = message.len();
    server.logs.wait_text(&format!(
        r#"["a@example.com","b@example.com",{length},"Hello","one two",{length}]"#
    ));
    let path = "/cdn-cgi/handler/email?from=a@example.com&to=nobody@example.com";
    let answer = server.connect().post(path, message);
    assert_eq!(answer.status, 400);
    let reason = "Worker rejected email with the following reason: unknown address";
    assert_eq!(answer.text(), reason);
    let none = server.connect().post("/cdn-cgi/handler/email?from=a@example.com", message);
    assert_eq!(none.status, 400);
    assert!(none.text().starts_with("Invalid email."), "{}", none.text());
}

#[test]
fn tail_and_test_are_called() {
    let server = Setup::new(WORKER).start();
    assert_eq!(server.connect().post("/cdn-cgi/handler/tail", "[{},{}]").status, 200);
    server.logs.wait_text("traces 2");
    assert_eq!(server.get("/cdn-cgi/handler/test").status, 200);
    server.logs.wait_text("test object");
}

#[test]
fn strangers_reach_no_handler() {
    let server = Setup::new(WORKER).production().start();
    for name in ["queue", "email", "tail", "test"] {
        let path = format!("/cdn-cgi/handler/{name}");
        assert_eq!(server.connect().post(&path, "[]").text(), path);
    }
}

#[test]
fn a_handler_that_is_not_there_is_an_error() {
    let server =
        Setup::new("export default { async fetch() { return new Response(\"x\"); } };").start();
    assert_eq!(server.connect().post("/cdn-cgi/handler/tail", "[]").status, 500);
    server.logs.wait_text("Handler does not export a tail() function.");
}

/// The same in service-worker syntax.
const LISTENERS: &str = r#"
addEventListener("queue", (event) => {
  if (event.messages[0].body === "bad") throw new Error("listener broke");
  event.waitUntil((async () => {
    await scheduler.wait(10);
    event.messages[0].ack();
    if (event.messages[0].body === "later") throw new Error("broke later");
  })());
  console.log(`${event.type} ${event.queue} ${event.messages.length} ${Object.prototype.toString.call(event)}`);
});
addEventListener("tail", (event) => console.log(`tail ${event.events.length} ${event.traces === event.events}`));
addEventListener("trace", (event) => console.log(`trace ${event.traces.length}`));
addEventListener("email", (event) => event.waitUntil(event.message.forward("inbox@example.com")));
"#;

#[test]
fn listeners_get_messages_traces_and_mail() {
    let server = Setup::new(LISTENERS).start();
    let post = |path: &str, body: &str| server.connect().post(path, body);
    let answer = post("/cdn-cgi/handler/queue?queue=jobs", r#"[{"id":"a","body":1}]"#);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["explicitAcks"], serde_json::json!(["a"]));
    server.logs.wait_text("queue jobs 1 [object QueueEvent]");
    for body in ["bad", "later"] {
        let answer =
            post("/cdn-cgi/handler/queue?queue=jobs", &format!(r#"[{{"body":"{body}"}}]"#));
        assert_eq!(answer.status, 500, "{body}");
    }
    assert_eq!(post("/cdn-cgi/handler/tail", "[{},{}]").status, 200);
    server.logs.wait_text("tail 2 true");
    server.logs.wait_text("trace 2");
    let mail = post(
        "/cdn-cgi/handler/email?from=a@x.test&to=b@x.test&format=json",
        "Subject: hi\r\n\r\nhello\r\n",
    );
    assert_eq!(mail.status, 200, "{}", mail.text());
    assert_eq!(mail.json()["forwards"][0]["recipient"], "inbox@example.com");
    let none = post("/cdn-cgi/handler/test", "");
    assert_eq!(none.status, 500, "nobody listens to that");
}
