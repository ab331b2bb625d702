//! XML that S3 speaks: a writer of elements, and a reader of small documents.

use std::fmt::Write as _;

use quick_xml::events::Event;

use super::error::S3Error;

const HEADER: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// Elements within an element.
#[derive(Debug, Default)]
pub(super) struct Elements(String);

impl Elements {
    /// An element with text.
    pub(super) fn text(&mut self, name: &str, text: impl std::fmt::Display) -> &mut Self {
        let text = text.to_string();
        let _ = write!(self.0, "<{name}>{}</{name}>", escape(&text));
        self
    }

    /// An element with others.
    pub(super) fn with(&mut self, name: &str, fill: impl FnOnce(&mut Self)) -> &mut Self {
        let _ = write!(self.0, "<{name}>");
        fill(self);
        let _ = write!(self.0, "</{name}>");
        self
    }
}

/// A document whose top element has this name.
pub(super) fn document(name: &str, fill: impl FnOnce(&mut Elements)) -> String {
    let mut elements = Elements::default();
    fill(&mut elements);
    format!("{HEADER}<{name} xmlns=\"{NAMESPACE}\">{}</{name}>", elements.0)
}

/// The same without the namespace, as errors are.
pub(super) fn bare_document(name: &str, fill: impl FnOnce(&mut Elements)) -> String {
    let mut elements = Elements::default();
    fill(&mut elements);
    format!("{HEADER}<{name}>{}</{name}>", elements.0)
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\r' => escaped.push_str("&#13;"),
            // XML 1.0 has no other control characters.
            '\t' | '\n' => escaped.push(character),
            character if character.is_control() => escaped.push('\u{fffd}'),
            character => escaped.push(character),
        }
    }
    escaped
}

/// The elements with text of a document, with the names of those around them:
/// `Delete/Object/Key`.
pub(super) fn leaves(document: &[u8]) -> Result<Vec<(String, String)>, S3Error> {
    let text = std::str::from_utf8(document).map_err(|_| S3Error::malformed())?;
    let mut reader = quick_xml::Reader::from_str(text);
    let mut path: Vec<String> = Vec::new();
    let mut content = String::new();
    let mut found = Vec::new();
    // Whether the last element that began has no element in it.
    let mut is_leaf = false;
    loop {
        match reader.read_event().map_err(|_| S3Error::malformed())? {
            Event::Start(start) => {
                path.push(local_name(start.name().as_ref()));
                content.clear();
                is_leaf = true;
            }
            Event::Empty(empty) => {
                let name = local_name(empty.name().as_ref());
                found.push((format!("{}/{name}", path.join("/")), String::new()));
                is_leaf = false;
            }
            Event::Text(part) => content.push_str(&part),
            Event::CData(part) => content.push_str(&part),
            Event::GeneralRef(reference) => content.push(entity(&reference)?),
            Event::End(_) => {
                if is_leaf {
                    found.push((path.join("/"), std::mem::take(&mut content)));
                }
                path.pop();
                is_leaf = false;
            }
            Event::Eof if path.is_empty() => return Ok(found),
            Event::Eof | Event::DocType(_) => return Err(S3Error::malformed()),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
}

fn local_name(name: &str) -> String {
    name.rsplit(':').next().unwrap_or_default().to_owned()
}

fn entity(reference: &quick_xml::events::BytesRef<'_>) -> Result<char, S3Error> {
    if let Some(character) = reference.resolve_char_ref().map_err(|_| S3Error::malformed())? {
        return Ok(character);
    }
    Ok(match &**reference {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return Err(S3Error::malformed()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let text = document("Delete", |delete| {
            delete.text("Quiet", true);
            for key in ["a&<b>\"'", "", " \u{e9}\r\n"] {
                delete.with("Object", |object| {
                    object.text("Key", key);
                });
            }
        });
        let leaves = leaves(text.as_bytes()).expect("it is well-formed");
        let expected = [
            ("Delete/Quiet", "true"),
            ("Delete/Object/Key", "a&<b>\"'"),
            ("Delete/Object/Key", ""),
            ("Delete/Object/Key", " \u{e9}\r\n"),
        ];
        let expected: Vec<_> =
            expected.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        assert_eq!(leaves, expected);
    }

    #[test]
    fn other_documents_are_refused() {
        for text in
            ["<a>", "<a></b>", "<a>&nope;</a>", "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>"]
        {
            leaves(text.as_bytes()).expect_err(text);
        }
        assert_eq!(leaves(b"").expect("nothing"), []);
    }
}
