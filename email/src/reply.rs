//! What a reply to a message must be like
//! (<https://developers.cloudflare.com/email-service/api/route-emails/email-handler/#reply-to-emails>).
//! The texts are Cloudflare's.

use crate::error::Refusal;
use crate::raw::{Head, with_line_ends};
use crate::rules::{check_raw, recipient_refused, sender_refused};

/// Messages in a thread that nobody replies to any more: two machines write there.
const MAX_REFERENCES: usize = 100;

/// The message that is replied to.
pub(crate) struct Original<'a> {
    from: &'a str,
    to: &'a str,
    head: Head,
}

impl<'a> Original<'a> {
    pub(crate) fn new(from: &'a str, to: &'a str, raw: &[u8]) -> Self {
        Self { from, to, head: Head::of(raw) }
    }

    /// That it is replied to by whom it went to, and to who sent it.
    pub(crate) fn check_ends(&self, from: &str, to: &str) -> Result<(), Refusal> {
        let domain =
            |address: &str| address.rsplit_once('@').map(|(_, domain)| domain.to_ascii_lowercase());
        if to != self.from || to.is_empty() {
            return Err(recipient_refused(to));
        }
        if domain(from).is_none() || domain(from) != domain(self.to) {
            return Err(sender_refused(from));
        }
        Ok(())
    }

    /// Whether a machine may reply to it: no machine wrote it (RFC 3834), and its
    /// thread is not endless.
    fn check_replyable(&self) -> Result<(), Refusal> {
        let said = |name: &str| self.head.get(name).map(str::to_ascii_lowercase);
        let (answers, references) = (said("In-Reply-To"), said("References"));
        let count = references.as_deref().map_or(0, |all| all.matches('@').count());
        let is_one = said("X-Auto-Response-Suppress").is_some_and(|it| it != "none")
            || said("Auto-Submitted").is_some_and(|it| it != "no")
            || answers.is_some() != references.is_some()
            || count >= MAX_REFERENCES;
        if is_one {
            return Err(Refusal::invalid("Original email is not replyable"));
        }
        Ok(())
    }

    fn id(&self) -> &str {
        self.head.get("Message-ID").unwrap_or_default()
    }

    fn references(&self) -> &str {
        self.head.get("References").unwrap_or_default()
    }

    /// `References` of a reply.
    fn chain(&self) -> String {
        // The oldest stands first (RFC 5322, 3.6.4).
        format!("{} {}", self.references(), self.id()).trim().to_owned()
    }

    /// The headers that put a reply into the thread.
    pub(crate) fn thread(&self) -> Result<Vec<(&'static str, String)>, Refusal> {
        self.check_replyable()?;
        if self.id().is_empty() {
            return Ok(Vec::new());
        }
        Ok(vec![("In-Reply-To", self.id().to_owned()), ("References", self.chain())])
    }

    /// A reply as it is sent, and its id.
    pub(crate) fn threaded(&self, from: &str, reply: &[u8]) -> Result<(String, Vec<u8>), Refusal> {
        self.check_replyable()?;
        let (head, id) = check_raw(from, reply)?;
        let answers = head
            .get("In-Reply-To")
            .ok_or_else(|| Refusal::invalid("no In-Reply-To header found in reply message"))?;
        if answers != self.id() {
            return Err(Refusal::invalid("In-Reply-To does not match original Message-ID"));
        }
        let mut message = Vec::new();
        match head.get("References") {
            Some(all) if all.contains(self.id()) && all.contains(self.references()) => {}
            Some(_) => return Err(Refusal::invalid("provided References header is invalid")),
            None => {
                let folded = self.chain().split_whitespace().collect::<Vec<_>>().join("\r\n ");
                message.extend_from_slice(format!("References: {folded}\r\n").as_bytes());
            }
        }
        message.extend_from_slice(&with_line_ends(reply));
        Ok((id, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPLY: &str = "From: me@x.org\nMessage-ID: <2@x.org>\nIn-Reply-To: <1@y.org>\n\nhi\n";

    fn says(original: &str, reply: &str) -> String {
        let original = Original::new("a@y.org", "me@x.org", original.as_bytes());
        original.threaded("me@x.org", reply.as_bytes()).expect_err(reply).text
    }

    #[test]
    fn a_reply_says_what_it_replies_to() {
        let first = "Message-ID: <1@y.org>\r\n";
        let original = Original::new("a@y.org", "me@x.org", first.as_bytes());
        let (id, message) = original.threaded("me@x.org", REPLY.as_bytes()).expect("it is one");
        assert_eq!(id, "<2@x.org>");
        let text = String::from_utf8(message).expect("text");
        assert!(text.starts_with("References: <1@y.org>\r\nFrom: me@x.org\r\n"), "{text}");
        let none = REPLY.replace("In-Reply-To", "X-Other");
        assert_eq!(says(first, &none), "no In-Reply-To header found in reply message");
        let other = "Message-ID: <3@y.org>\r\n";
        assert_eq!(says(other, REPLY), "In-Reply-To does not match original Message-ID");
        let wrong = format!("References: <9@y.org>\n{REPLY}");
        assert_eq!(says(first, &wrong), "provided References header is invalid");
        let later = format!("{first}In-Reply-To: <0@x.org>\r\nReferences: <0@x.org>\r\n");
        let original = Original::new("a@y.org", "me@x.org", later.as_bytes());
        let thread = original.thread().expect("it may be replied to");
        assert_eq!(thread[1], ("References", "<0@x.org> <1@y.org>".to_owned()));
    }

    #[test]
    fn machines_do_not_reply_to_machines() {
        let not = "Original email is not replyable";
        let first = "Message-ID: <1@y.org>\r\n";
        for more in [
            "Auto-Submitted: auto-replied\r\n".to_owned(),
            "X-Auto-Response-Suppress: All\r\n".to_owned(),
            "References: <0@x.org>\r\n".to_owned(),
            format!("In-Reply-To: <0@x.org>\r\nReferences:{}\r\n", " <0@x.org>".repeat(100)),
        ] {
            assert_eq!(says(&format!("{first}{more}"), REPLY), not, "{more}");
        }
    }

    #[test]
    fn a_reply_goes_back_to_where_the_message_came_from() {
        let original = Original::new("a@y.org", "me@x.org", b"");
        assert_eq!(original.check_ends("support@X.org", "a@y.org"), Ok(()));
        let says = |from, to| original.check_ends(from, to).expect_err(to).text;
        assert_eq!(says("me@x.org", "b@y.org"), "email to b@y.org not allowed");
        assert_eq!(says("me@z.org", "a@y.org"), "email from me@z.org not allowed");
        assert!(Original::new("", "me@x.org", b"").check_ends("me@x.org", "").is_err());
    }
}
