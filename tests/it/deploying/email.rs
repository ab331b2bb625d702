//! Sending mail: to a relay over SMTP, into a folder, and what is refused.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::Served;
use crate::harness::{Client, Program, Smtp, Wants, smtp_tls};

const WORKER: &str = r#"
import { EmailMessage } from "cloudflare:email";

const raw = (from) => `From: Me <${from}>\r\nTo: a@x.org\r\nSubject: raw\r\nMessage-ID: <1@x.org>\r\n\r\nHello\n.\nMAIL FROM:<you@x.org>\r\n`;
const said = async (promise) => {
  try {
    const { messageId } = await promise;
    return /^<[^@]+@x\.org>$/.test(messageId) ? "sent" : messageId;
  } catch (error) {
    return `${error.code}: ${error.message}`;
  }
};

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === "/raw") {
      return Response.json(await said(env.MAIL.send(new EmailMessage("me@x.org", "a@x.org", raw("me@x.org")))));
    }
    if (pathname === "/built") {
      return Response.json(await said(env.MAIL.send({
        from: { email: "me@x.org", name: "M\u00fcller" },
        to: ["a@x.org", "B <b@x.org>"],
        bcc: "c@x.org",
        replyTo: "reply@x.org",
        subject: "built \u2713",
        text: "plain text",
        html: "<p>rich text</p>",
        headers: { "X-Kind": "test" },
        attachments: [
          { filename: "a.txt", type: "text/plain", disposition: "attachment", content: new TextEncoder().encode("attached") },
          { filename: "b.bin", content: btoa("in base64") },
        ],
      })));
    }
    if (pathname === "/later" || pathname === "/full") {
      const to = `${pathname.slice(1)}@x.org`;
      return Response.json(await said(env.MAIL.send({ from: "me@x.org", to, subject: "s", text: "t" })));
    }
    const some = { from: "me@x.org", to: "a@x.org", subject: "s", text: "t" };
    return Response.json([
      await said(env.ONE.send({ ...some, to: "b@x.org" })),
      await said(env.LIST.send({ ...some, cc: "c@x.org" })),
      await said(env.LIST.send({ ...some, from: "you@x.org" })),
      await said(env.MAIL.send({ ...some, subject: undefined })),
      await said(env.MAIL.send({ ...some, headers: { Bcc: "d@x.org" } })),
      await said(env.MAIL.send({ ...some, headers: { "X-A": "b\r\nBcc: d@x.org" } })),
      await said(env.MAIL.send(new EmailMessage("you@x.org", "a@x.org", raw("me@x.org")))),
      await said(env.MAIL.send(new EmailMessage("me@x.org", "a@x.org", "From: me@x.org\r\n\r\n"))),
      await said(env.MAIL.send({ ...some, to: "not an address" })),
      env.MAIL.constructor.name,
    ]);
  },
};
"#;

const CONFIG: &str = r#"{ "name": "mail", "main": "worker.js", "compatibility_date": "2026-11-01",
  "send_email": [
    { "name": "MAIL" },
    { "name": "ONE", "destination_address": "a@x.org" },
    { "name": "LIST", "allowed_destination_addresses": ["a@x.org"], "allowed_sender_addresses": ["me@x.org"] }
  ] }"#;

fn project() -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    std::fs::write(folder.path().join("worker.js"), WORKER).expect("written");
    std::fs::write(folder.path().join("wrangler.json"), CONFIG).expect("written");
    folder
}

fn refusals() -> Value {
    json!([
        "E_RECIPIENT_NOT_ALLOWED: email to b@x.org not allowed",
        "E_RECIPIENT_NOT_ALLOWED: email to c@x.org not allowed",
        "E_SENDER_NOT_VERIFIED: email from you@x.org not allowed",
        "E_FIELD_MISSING: \"subject\" is missing",
        "E_HEADER_USE_API_FIELD: Header 'Bcc' must be set via the 'bcc' API field, \
         not the 'headers' object.",
        "E_HEADER_VALUE_INVALID: Header 'X-A' must not contain line breaks.",
        "E_VALIDATION_ERROR: From: header does not match mail from",
        "E_VALIDATION_ERROR: invalid message-id",
        "E_VALIDATION_ERROR: invalid email address: not an address",
        "SendEmail",
    ])
}

#[test]
fn a_relay_gets_what_workers_send() {
    let (folder, relay) = (project(), Smtp::start());
    let args = ["run", "--port", "0", "--smtp", &relay.url()];
    let mut program = Program::selvedge(folder.path(), &args);
    let mut client = program.connect();
    assert_eq!(client.get("/raw").json(), "sent");
    assert_eq!(client.get("/built").json(), "sent");
    assert_eq!(client.get("/refused").json(), refusals());
    let full = client.get("/full").json();
    let full = full.as_str().expect("a text");
    let refused = "E_DELIVERY_FAILED: the relay refused the email: ";
    assert!(full.starts_with(refused) && full.contains("no place for it"), "{full}");
    let later = "E_INTERNAL_SERVER_ERROR: the email was not delivered; try again later";
    assert_eq!(client.get("/later").json(), later);
    let mails = relay.mails();
    assert_eq!(mails.len(), 2, "{mails:?}");
    assert_eq!((mails[0].from.as_str(), mails[0].to.len()), ("me@x.org", 1));
    // No line of it ends it, and none ends in another way than the others.
    let body = "\nHello\n.\nMAIL FROM:<you@x.org>\n";
    assert!(mails[0].text.ends_with(body), "{}", mails[0].text);
    assert_eq!(mails[1].to, ["a@x.org", "b@x.org", "c@x.org"]);
    let text = &mails[1].text;
    for part in [
        "Reply-To: reply@x.org",
        "X-Kind: test",
        "plain text",
        "<p>rich text</p>",
        "attached",
        "multipart/mixed",
        "multipart/alternative",
        "filename=\"b.bin\"",
        "in base64",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("c@x.org"), "who gets a blind copy is nobody's business: {text}");
}

#[test]
fn without_a_relay_mail_is_in_a_folder() {
    let folder = project();
    let mut program = Program::selvedge(folder.path(), &["run", "--port", "0"]);
    let mut client = program.connect();
    assert_eq!(client.get("/built").json(), "sent");
    let files: Vec<_> = std::fs::read_dir(folder.path().join(".selvedge/email"))
        .expect("the folder is there")
        .map(|entry| entry.expect("a file").path())
        .collect();
    assert_eq!(files.len(), 1);
    assert!(std::fs::read_to_string(&files[0]).expect("text").contains("plain text"));
    crate::harness::eventually("the log says where it is", || {
        let said = format!("{}{}", program.stdout.text(), program.stderr.text());
        said.contains(&*files[0].file_name().expect("a name").to_string_lossy()).then_some(())
    });
    let ended =
        Program::selvedge(folder.path(), &["run", "--port", "0", "--smtp", "hunter2"]).wait();
    assert!(!ended.status.success() && ended.stderr.contains("no URL of a relay"), "{ended:?}");
    assert!(!ended.stderr.contains("hunter2"), "{ended:?}");
}

#[test]
fn a_server_sends_if_its_operator_has_named_a_relay() {
    let folder = project();
    let served = Served::start();
    assert!(served.selvedge(folder.path(), &["deploy"]).ok);
    let none = "E_SENDER_DOMAIN_NOT_AVAILABLE: this server sends no email: \
                its operator has named no relay";
    assert_eq!(served.get(&served.host("mail"), "/raw").json(), none);
    let relay = Smtp::start();
    let served = Served::start_with(&format!("[email]\nrelay = \"{}\"\n", relay.url()));
    assert!(served.selvedge(folder.path(), &["deploy"]).ok);
    assert_eq!(served.get(&served.host("mail"), "/raw").json(), "sent");
    assert_eq!(served.get(&served.host("mail"), "/refused").json(), refusals());
    assert_eq!(relay.mails().len(), 1);
}

/// A message of parts to a relay of this URL.
fn sent_to(url: &str, environment: &[(&str, &str)]) -> Value {
    let folder = project();
    let mut command = std::process::Command::new(crate::harness::selvedge());
    command.args(["run", "--port", "0"]).env("SELVEDGE_SMTP", url);
    command.envs(environment.iter().copied());
    let mut program = Program::start(command, folder.path());
    program.connect().get("/built").json()
}

#[test]
fn a_relay_may_want_tls_and_a_password() {
    let failed = json!("E_INTERNAL_SERVER_ERROR: the email was not delivered; try again later");
    let plain = Smtp::start();
    let url = format!("smtp://localhost:{}?tls=required", plain.port());
    assert_eq!(sent_to(&url, &[]), failed, "nothing goes out in the clear");
    assert!(plain.mails().is_empty());

    let folder = TempDir::new().expect("a temporary folder");
    let (pem, config) = smtp_tls();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, pem).expect("written");
    let trusted = [("SSL_CERT_FILE", file.to_str().expect("a path of text"))];
    // \0ada\0p w
    let relay = Smtp::start_with(Wants { auth: Some("AGFkYQBwIHc="), tls: Some(config) });
    let url = |user: &str| format!("smtp://{user}@localhost:{}?tls=required", relay.port());
    assert_eq!(sent_to(&url("ada:p%20w"), &[]), failed, "nobody knows its certificate");
    assert_eq!(sent_to(&url("ada:wrong"), &trusted), failed, "what the relay says is not told");
    assert_eq!(sent_to(&url("ada:p%20w"), &trusted), "sent");
    let mails = relay.mails();
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert!(mails[0].is_secret && mails[0].auth.is_some(), "{mails:?}");
}

const HANDLER: &str = r#"
import { EmailMessage } from "cloudflare:email";

const reply = (more) => `From: Support <support@x.org>\r\nMessage-ID: <r@x.org>\r\n${more}\r\nhello\r\n`;
const said = async (promise) => {
  try {
    await promise;
    return "sent";
  } catch (error) {
    return error.message;
  }
};

export default {
  async email(message, env, ctx) {
    const results = [message.canBeForwarded];
    const what = message.to.split("@")[0];
    if (what === "forward") {
      const headers = new Headers({ "X-Kind": "test", "Subject": "another" });
      results.push(typeof (await message.forward("inbox@y.org", headers)).messageId);
      // The message stays whole for whoever reads it.
      results.push((await new Response(message.raw).text()).length === message.rawSize);
      results.push(await said(message.forward("full@y.org")));
    } else if (what === "reply") {
      const send = (from, to, more) => said(message.reply(new EmailMessage(from, to, reply(more))));
      const right = "In-Reply-To: <1@z.org>\r\n";
      results.push(await send("support@x.org", "ada@z.org", ""));
      results.push(await send("support@x.org", "ada@z.org", "In-Reply-To: <2@z.org>\r\n"));
      results.push(await send("support@x.org", "eve@z.org", right));
      results.push(await said(message.reply(new EmailMessage("me@q.org", "ada@z.org", reply(right)))));
      results.push(await send("support@x.org", "ada@z.org", right));
      results.push(await send("support@x.org", "ada@z.org", right));
    } else if (what === "parts") {
      results.push(await said(message.reply({ from: "parts@x.org", subject: "Re: hi", text: "thanks" })));
    } else {
      message.setReject("nobody lives here");
    }
    console.log(JSON.stringify(results));
  },
  fetch() { return new Response("ok"); },
};
"#;

fn deliver(client: &mut Client, to: &str, more: &str) -> Value {
    let message =
        format!("From: ada@z.org\r\nTo: {to}\r\nMessage-ID: <1@z.org>\r\n{more}\r\nhi\r\n");
    let path = format!("/cdn-cgi/handler/email?from=ada@z.org&to={to}&format=json");
    let answer = client.post(&path, &message);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[test]
fn the_handler_forwards_and_replies() {
    let (folder, relay) = (project(), Smtp::start());
    std::fs::write(folder.path().join("worker.js"), HANDLER).expect("written");
    let args = ["run", "--port", "0", "--smtp", &relay.url()];
    let mut program = Program::selvedge(folder.path(), &args);
    let mut client = program.connect();
    let mut results = |to: &str, more: &str, expected: Value| {
        let told = deliver(&mut client, to, more);
        let expected = expected.to_string();
        crate::harness::eventually(&expected, || {
            let said = format!("{}{}", program.stdout.text(), program.stderr.text());
            said.contains(&expected).then_some(())
        });
        told
    };

    let told = results(
        "forward@x.org",
        "Subject: first\r\n",
        json!([
            true,
            "string",
            true,
            "the relay refused the email: permanent error (550): no place for it"
        ]),
    );
    assert_eq!(told["forwards"].as_array().map(Vec::len), Some(1), "{told}");
    assert_eq!(told["forwards"][0]["recipient"], "inbox@y.org");
    let mail = relay.mails().remove(0);
    assert_eq!((mail.from.as_str(), &*mail.to), ("forward@x.org", &["inbox@y.org".to_owned()][..]));
    assert!(
        mail.text.to_lowercase().starts_with("x-kind: test\nfrom: ada@z.org\n"),
        "{}",
        mail.text
    );
    assert!(!mail.text.contains("another") && mail.text.ends_with("\nhi\n"), "{}", mail.text);

    let told = results(
        "reply@x.org",
        "",
        json!([
            true,
            "no In-Reply-To header found in reply message",
            "In-Reply-To does not match original Message-ID",
            "email to eve@z.org not allowed",
            "email from me@q.org not allowed",
            "sent",
            "The email can only be replied to once",
        ]),
    );
    assert_eq!(told["replies"][0]["sender"], "support@x.org", "{told}");
    let mail = relay.mails().remove(1);
    assert_eq!((mail.from.as_str(), &*mail.to), ("support@x.org", &["ada@z.org".to_owned()][..]));
    assert!(mail.text.starts_with("References: <1@z.org>\n"), "{}", mail.text);

    let not = json!([true, "Original email is not replyable"]);
    results("parts@x.org", "Auto-Submitted: auto-replied\r\n", not);
    results("parts@x.org", "", json!([true, "sent"]));
    let mail = relay.mails().remove(2);
    assert_eq!((mail.from.as_str(), &*mail.to), ("parts@x.org", &["ada@z.org".to_owned()][..]));
    assert!(mail.text.contains("In-Reply-To: <1@z.org>"), "{}", mail.text);
    assert_eq!(relay.mails().len(), 3);

    let told = results("nobody@x.org", "", json!([true]));
    assert_eq!(told["rejectReason"], "nobody lives here");
    assert_eq!(told["events"][0]["type"], "reject");
}
