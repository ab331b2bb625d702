//! From the parts of a message to the message.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use deno_core::JsBuffer;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{
    Attachment as Part, Mailbox, Message, MessageBuilder, MultiPart, MultiPartBuilder, SinglePart,
};
use serde::Deserialize;

use crate::error::{Code, Refusal};
use crate::headers::{self, is_line};
use crate::rules::{MAX_RECIPIENTS, MAX_SUBJECT_CHARS, address, check_size};

/// An address with a name, if it has one.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Person {
    pub(crate) email: String,
    pub(crate) name: Option<String>,
}

/// The parts, as JavaScript has put them in order.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Parts {
    pub(crate) from: Person,
    pub(crate) to: Vec<Person>,
    pub(crate) cc: Vec<Person>,
    pub(crate) bcc: Vec<Person>,
    reply_to: Option<Person>,
    subject: String,
    text: Option<String>,
    html: Option<String>,
    headers: Vec<(String, String)>,
    attachments: Vec<Attachment>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attachment {
    filename: String,
    kind: String,
    content_id: Option<String>,
    is_inline: bool,
    /// Base64.
    text: Option<String>,
    bytes: Option<JsBuffer>,
}

/// A part that has parts, or none.
enum Node {
    Single(SinglePart),
    Multi(MultiPart),
}

fn invalid(error: impl std::fmt::Display) -> Refusal {
    Refusal::invalid(format!("the message cannot be built: {error}"))
}

fn mailbox(person: &Person) -> Result<Mailbox, Refusal> {
    Ok(Mailbox::new(person.name.clone().filter(|name| !name.is_empty()), address(&person.email)?))
}

/// An id that no other message has, of the domain of who sends.
pub(crate) fn new_id(from: &str) -> String {
    let domain = from.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    format!("<{}@{domain}>", uuid::Uuid::new_v4().simple())
}

impl Parts {
    /// All who get it.
    pub(crate) fn recipients(&self) -> impl Iterator<Item = &Person> {
        self.to.iter().chain(&self.cc).chain(&self.bcc)
    }

    /// The message, with this id and these headers beside those of the parts.
    pub(crate) fn build(&self, id: &str, more: &[(&str, String)]) -> Result<Message, Refusal> {
        self.check()?;
        let mut builder =
            Message::builder().from(mailbox(&self.from)?).message_id(Some(id.to_owned()));
        for person in &self.to {
            builder = builder.to(mailbox(person)?);
        }
        for person in &self.cc {
            builder = builder.cc(mailbox(person)?);
        }
        for person in &self.bcc {
            builder = builder.bcc(mailbox(person)?);
        }
        if let Some(person) = &self.reply_to {
            builder = builder.reply_to(mailbox(person)?);
        }
        builder = builder.subject(&self.subject);
        for (name, value) in headers::check(&self.headers)? {
            builder = header(builder, &name, value)?;
        }
        for (name, value) in more {
            builder = header(builder, name, value)?;
        }
        let message = match self.body()? {
            Node::Single(part) => builder.singlepart(part),
            Node::Multi(part) => builder.multipart(part),
        };
        message.map_err(invalid)
    }

    fn check(&self) -> Result<(), Refusal> {
        let count = self.recipients().count();
        if count > MAX_RECIPIENTS {
            let text = format!("{count} recipients provided, maximum is {MAX_RECIPIENTS}");
            return Err(Refusal::new(Code::TooManyRecipients, text));
        }
        if self.subject.chars().count() > MAX_SUBJECT_CHARS {
            let text = format!("the subject is longer than {MAX_SUBJECT_CHARS} characters");
            return Err(Refusal::invalid(text));
        }
        let files = self.attachments.iter().map(|it| it.filename.as_str());
        let people = self.recipients().chain(&self.reply_to).chain([&self.from]);
        let names = people.filter_map(|person| person.name.as_deref());
        if !files.chain(names).chain([self.subject.as_str()]).all(is_line) {
            return Err(Refusal::invalid("subject, names and file names are one line each"));
        }
        let attached = self.attachments.iter().map(Attachment::size).sum::<usize>();
        let body = self.text.as_ref().map_or(0, String::len);
        check_size(attached + body + self.html.as_ref().map_or(0, String::len))
    }

    /// What is to be read, with what belongs to it, and what is attached.
    fn body(&self) -> Result<Node, Refusal> {
        let is_shown =
            |file: &&Attachment| self.html.is_some() && file.is_inline && file.content_id.is_some();
        let html = self.html.clone().map(|html| {
            let shown = self.attachments.iter().filter(is_shown).map(Attachment::part);
            with_parts(MultiPart::related(), Node::Single(SinglePart::html(html)), shown)
        });
        let plain = self.text.clone().map(|text| Node::Single(SinglePart::plain(text)));
        let text = match (plain, html.transpose()?) {
            (Some(plain), Some(html)) => {
                Node::Multi(add(begin(MultiPart::alternative(), plain), html))
            }
            (None, Some(html)) => html,
            (plain, None) => {
                plain.unwrap_or_else(|| Node::Single(SinglePart::plain(String::new())))
            }
        };
        let attached = self.attachments.iter().filter(|file| !is_shown(file)).map(Attachment::part);
        with_parts(MultiPart::mixed(), text, attached)
    }
}

fn header(builder: MessageBuilder, name: &str, value: &str) -> Result<MessageBuilder, Refusal> {
    let name = HeaderName::new_from_ascii(name.to_owned()).map_err(invalid)?;
    Ok(builder.raw_header(HeaderValue::new(name, value.to_owned())))
}

fn begin(builder: MultiPartBuilder, first: Node) -> MultiPart {
    match first {
        Node::Single(part) => builder.singlepart(part),
        Node::Multi(part) => builder.multipart(part),
    }
}

fn add(parts: MultiPart, next: Node) -> MultiPart {
    match next {
        Node::Single(part) => parts.singlepart(part),
        Node::Multi(part) => parts.multipart(part),
    }
}

/// The first part with others behind it, or it alone where there are none.
fn with_parts(
    builder: MultiPartBuilder,
    first: Node,
    others: impl Iterator<Item = Result<SinglePart, Refusal>>,
) -> Result<Node, Refusal> {
    let mut others = others.peekable();
    if others.peek().is_none() {
        return Ok(first);
    }
    let mut parts = begin(builder, first);
    for other in others {
        parts = parts.singlepart(other?);
    }
    Ok(Node::Multi(parts))
}

impl Attachment {
    /// How many bytes it has at least.
    fn size(&self) -> usize {
        match (&self.bytes, &self.text) {
            (Some(bytes), _) => bytes.len(),
            (None, text) => text.as_ref().map_or(0, |text| text.len() / 4 * 3),
        }
    }

    fn part(&self) -> Result<SinglePart, Refusal> {
        let bytes = match (&self.bytes, &self.text) {
            (Some(bytes), _) => bytes.to_vec(),
            (None, Some(text)) => BASE64_STANDARD.decode(text.trim()).map_err(|_| {
                Refusal::invalid(format!("the attachment {} is not base64", self.filename))
            })?,
            (None, None) => Vec::new(),
        };
        let kind = ContentType::parse(&self.kind)
            .map_err(|_| Refusal::invalid(format!("{} is no content type", self.kind)))?;
        let part = match &self.content_id {
            Some(id) if self.is_inline => {
                if id.is_empty() || !id.bytes().all(|it| it.is_ascii_graphic() && it != b'>') {
                    return Err(Refusal::invalid(format!("{id} is no id of an attachment")));
                }
                Part::new_inline_with_name(id.clone(), self.filename.clone())
            }
            _ => Part::new(self.filename.clone()),
        };
        Ok(part.body(bytes, kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(email: &str) -> Person {
        Person { email: email.to_owned(), name: None }
    }

    fn attachment(filename: &str, content_id: Option<&str>) -> Attachment {
        Attachment {
            filename: filename.to_owned(),
            kind: "image/png".to_owned(),
            content_id: content_id.map(str::to_owned),
            is_inline: content_id.is_some(),
            text: Some("AAEC".to_owned()),
            bytes: None,
        }
    }

    fn parts() -> Parts {
        Parts {
            from: person("me@x.org"),
            to: vec![person("a@x.org")],
            cc: Vec::new(),
            bcc: vec![person("b@x.org")],
            reply_to: None,
            subject: "s".to_owned(),
            text: Some("t".to_owned()),
            html: Some("<p>".to_owned()),
            headers: Vec::new(),
            attachments: vec![attachment("a.png", Some("logo")), attachment("b.png", None)],
        }
    }

    #[test]
    fn what_is_shown_belongs_to_the_html_and_the_rest_is_attached() {
        let message = parts().build("<1@x.org>", &[]).expect("it is whole");
        let text = String::from_utf8(message.formatted()).expect("text");
        let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what}: {text}"));
        let kinds = ["multipart/mixed", "multipart/alternative", "text/plain", "multipart/related"];
        let order = kinds.map(at);
        assert!(order.is_sorted() && order[3] < at("Content-ID: <logo>"), "{text}");
        assert!(at("filename=\"b.png\"") > at("filename=\"a.png\""), "{text}");
        assert!(!text.contains("b@x.org"), "{text}");
        let to: Vec<_> = message.envelope().to().iter().map(ToString::to_string).collect();
        assert_eq!(to, ["a@x.org", "b@x.org"]);
    }

    #[test]
    fn lines_end_where_they_should() {
        let refused = |change: fn(&mut Parts)| {
            let mut parts = parts();
            change(&mut parts);
            parts.build("<1@x.org>", &[]).expect_err("it is refused").code
        };
        assert_eq!(refused(|it| it.subject = "a\r\nBcc: c@x.org".into()), Code::Validation);
        assert_eq!(refused(|it| it.from.name = Some("a\nb".into())), Code::Validation);
        assert_eq!(refused(|it| it.attachments[1].filename = "a\nb".into()), Code::Validation);
        assert_eq!(
            refused(|it| it.attachments[0].content_id = Some("a> b".into())),
            Code::Validation
        );
        assert_eq!(refused(|it| it.attachments[0].text = Some("?".into())), Code::Validation);
        assert_eq!(refused(|it| it.to = vec![it.from.clone(); 50]), Code::TooManyRecipients);
        assert_eq!(
            refused(|it| it.text = Some("x".repeat(crate::rules::MAX_MESSAGE_BYTES))),
            Code::ContentTooLarge
        );
    }
}
