//! Who may send to whom, and what a message that comes as it is sent must have. The
//! texts are Cloudflare's.

use std::str::FromStr as _;

use lettre::Address;
use lettre::message::Mailboxes;
use serde::Deserialize;

use crate::error::{Code, Refusal};
use crate::raw::Head;

/// The longest message: 25 MiB
/// (<https://developers.cloudflare.com/email-service/platform/limits/>, for addresses
/// that are verified).
pub const MAX_MESSAGE_BYTES: usize = 25 * 1024 * 1024;
/// Recipients of one message.
pub const MAX_RECIPIENTS: usize = 50;
/// The longest subject, in characters (RFC 5322, 2.1.1).
pub const MAX_SUBJECT_CHARS: usize = 998;

/// What a binding allows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Rules {
    /// The only address that it sends to.
    #[serde(default)]
    pub destination_address: Option<String>,
    /// The addresses that it sends to.
    #[serde(default)]
    pub allowed_destination_addresses: Option<Vec<String>>,
    /// The addresses that it sends from.
    #[serde(default)]
    pub allowed_sender_addresses: Option<Vec<String>>,
}

impl Rules {
    /// Whether the binding sends from here to there.
    ///
    /// # Errors
    /// What the Worker gets.
    pub fn check<'a>(
        &self,
        from: &str,
        to: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), Refusal> {
        let is_in = |list: &Option<Vec<String>>, wanted: &str| {
            list.as_ref().is_none_or(|list| list.iter().any(|it| it == wanted))
        };
        if !is_in(&self.allowed_sender_addresses, from) {
            return Err(sender_refused(from));
        }
        for to in to {
            let is_one = self.destination_address.as_deref().is_none_or(|only| only == to);
            if !is_one || !is_in(&self.allowed_destination_addresses, to) {
                return Err(recipient_refused(to));
            }
        }
        Ok(())
    }
}

pub(crate) fn sender_refused(from: &str) -> Refusal {
    Refusal::new(Code::SenderNotAllowed, format!("email from {from} not allowed"))
}

pub(crate) fn recipient_refused(to: &str) -> Refusal {
    Refusal::new(Code::RecipientNotAllowed, format!("email to {to} not allowed"))
}

/// An address, or why it is none.
pub(crate) fn address(text: &str) -> Result<Address, Refusal> {
    Address::from_str(text)
        .map_err(|_| Refusal::invalid(format!("invalid email address: {}", text.escape_debug())))
}

pub(crate) fn check_size(bytes: usize) -> Result<(), Refusal> {
    if bytes > MAX_MESSAGE_BYTES {
        let text = format!("the message is larger than {MAX_MESSAGE_BYTES} bytes");
        return Err(Refusal::new(Code::ContentTooLarge, text));
    }
    Ok(())
}

/// Checks a message that comes as it is sent; gives what stands in its head, and its
/// id.
pub(crate) fn check_raw(from: &str, raw: &[u8]) -> Result<(Head, String), Refusal> {
    check_size(raw.len())?;
    let head = Head::of(raw);
    let missing = || Refusal::invalid("invalid message-id");
    let id = head.get("Message-ID").filter(|id| !id.is_empty()).ok_or_else(missing)?.to_owned();
    if author(&head).is_none_or(|author| author != from) {
        return Err(Refusal::invalid("From: header does not match mail from"));
    }
    if head.get("Received").is_some() {
        return Err(Refusal::invalid("invalid headers set"));
    }
    Ok((head, id))
}

/// Who a message says that it is from, if that is one: programs that show it show one
/// of several, and not each shows the same.
fn author(head: &Head) -> Option<String> {
    let mut said = head.all("From");
    let all = Mailboxes::from_str(said.next()?).ok()?;
    let mut people = all.iter();
    let author = people.next()?.email.to_string();
    (people.next().is_none() && said.next().is_none()).then_some(author)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_allowed_is_sent() {
        let list = |all: &[&str]| Some(all.iter().map(|it| (*it).to_owned()).collect());
        let rules = Rules {
            destination_address: None,
            allowed_destination_addresses: list(&["a@x.org", "b@x.org"]),
            allowed_sender_addresses: list(&["me@x.org"]),
        };
        let check = |from, to: &[&'static str]| {
            rules.check(from, to.iter().copied()).map_err(|refusal| refusal.text)
        };
        assert_eq!(check("me@x.org", &["a@x.org", "b@x.org"]), Ok(()));
        let refused = Err("email to c@x.org not allowed".to_owned());
        assert_eq!(check("me@x.org", &["a@x.org", "c@x.org"]), refused);
        let refused = Err("email from you@x.org not allowed".to_owned());
        assert_eq!(check("you@x.org", &["a@x.org"]), refused);
        let one = Rules { destination_address: Some("a@x.org".to_owned()), ..Rules::default() };
        assert!(one.check("x@y.z", ["a@x.org"]).is_ok());
        assert!(one.check("x@y.z", ["b@x.org"]).is_err());
    }

    #[test]
    fn raw_messages_say_who_they_are_from() {
        let raw =
            "From: Me <me@x.org>\r\nMessage-ID: <1@x.org>\r\nSubject: a\r\n b\r\n\r\nReceived: x";
        let (_, id) = check_raw("me@x.org", raw.as_bytes()).expect("it may be sent");
        assert_eq!(id, "<1@x.org>");
        let says = |from: &str, raw: &str| check_raw(from, raw.as_bytes()).expect_err(raw).text;
        let other = "From: header does not match mail from";
        assert_eq!(says("you@x.org", raw), other);
        assert_eq!(says("me@x.org", "From: me@x.org\n\n"), "invalid message-id");
        assert_eq!(says("me@x.org", &format!("From: you@x.org\r\n{raw}")), other);
        assert_eq!(says("me@x.org", &raw.replace(">\r\nMess", ">, you@x.org\r\nMess")), other);
        let received = format!("Received: from y\r\n{raw}");
        assert_eq!(says("me@x.org", &received), "invalid headers set");
    }

    #[test]
    fn an_address_holds_no_command() {
        for text in ["", "a", "a@", "a@b\r\nRCPT TO:<c@d>", "a@x.org> SIZE=1", "a b@x.org"] {
            assert!(address(text).is_err(), "{text}");
        }
        assert!(address("a.b+c@x.org").is_ok());
    }
}
