//! Statements of a text: where one ends and the next one begins.
//!
//! SQLite tells where a statement ends when it prepares it, but each can only be
//! prepared once those before it have run. So ends are found by the rules by
//! which SQLite's shell finds them: a semicolon, outside of quotes, comments and
//! the body of a trigger.

/// One statement of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Statement<'a> {
    pub(super) text: &'a str,
    /// Its first word.
    word: &'a str,
}

impl Statement<'_> {
    fn is_one_of(&self, words: &[&str]) -> bool {
        words.iter().any(|word| word.eq_ignore_ascii_case(self.word))
    }

    pub(super) fn is_pragma(&self) -> bool {
        self.is_one_of(&["PRAGMA"])
    }

    /// Whether it begins or ends a transaction.
    pub(super) fn is_transaction(&self) -> bool {
        self.is_one_of(&["BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE"])
    }

    /// Whether it makes, changes or drops tables and the like.
    pub(super) fn is_definition(&self) -> bool {
        self.is_one_of(&["CREATE", "DROP", "ALTER"])
    }
}

/// The statements of a text. White space and empty statements after the last one
/// are none; a comment there is part of it.
pub(super) fn statements(text: &str) -> impl Iterator<Item = Statement<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
            if rest.is_empty() {
                return None;
            }
            let (end, word) = end_of_statement(rest);
            let (text, after) = rest.split_at(end);
            rest = after;
            if !word.is_empty() {
                // What has no word in it belongs to nothing.
                return Some(Statement { text, word });
            }
        }
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Semicolon,
    Word(&'a str),
    Other,
    /// White space and comments.
    Nothing,
}

/// Where in a trigger's text a place is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before anything.
    Start,
    /// After `EXPLAIN`.
    Explain,
    /// After `CREATE`, and `TEMP`.
    Create,
    /// In a statement that ends with a semicolon.
    Plain,
    /// In a trigger.
    Trigger,
    /// After a semicolon in one.
    TriggerSemicolon,
    /// After `END` that follows that.
    TriggerEnd,
}

/// Where the first statement ends, semicolon included, and its first word.
fn end_of_statement(text: &str) -> (usize, &str) {
    let mut place = Place::Start;
    let mut first = "";
    let mut at = 0;
    while at < text.len() {
        let (token, length) = token(&text[at..]);
        at += length;
        if let Token::Word(word) = token
            && first.is_empty()
        {
            first = word;
        }
        place = match (place, token) {
            (place, Token::Nothing) => place,
            (Place::TriggerSemicolon, Token::Word(word)) if is(word, "END") => Place::TriggerEnd,
            (Place::TriggerEnd, Token::Semicolon) => return (at, first),
            (Place::Trigger | Place::TriggerSemicolon, Token::Semicolon) => Place::TriggerSemicolon,
            (Place::Trigger | Place::TriggerSemicolon | Place::TriggerEnd, _) => Place::Trigger,
            (_, Token::Semicolon) => return (at, first),
            (Place::Start, Token::Word(word)) if is(word, "EXPLAIN") => Place::Explain,
            (Place::Explain, Token::Word(word)) if is(word, "QUERY") || is(word, "PLAN") => {
                Place::Explain
            }
            (Place::Start | Place::Explain, Token::Word(word)) if is(word, "CREATE") => {
                Place::Create
            }
            (Place::Create, Token::Word(word)) if is(word, "TEMP") || is(word, "TEMPORARY") => {
                Place::Create
            }
            (Place::Create, Token::Word(word)) if is(word, "TRIGGER") => Place::Trigger,
            _ => Place::Plain,
        };
    }
    (at, first)
}

fn is(word: &str, keyword: &str) -> bool {
    word.eq_ignore_ascii_case(keyword)
}

/// The first token of a text that is not empty, and its length.
fn token(text: &str) -> (Token<'_>, usize) {
    let bytes = text.as_bytes();
    let after = |from: usize, end: &str| {
        text[from..].find(end).map_or(text.len(), |at| from + at + end.len())
    };
    match bytes[0] {
        b';' => (Token::Semicolon, 1),
        b' ' | b'\t' | b'\n' | b'\r' | b'\x0b' | b'\x0c' => (Token::Nothing, 1),
        b'-' if bytes.get(1) == Some(&b'-') => (Token::Nothing, after(2, "\n")),
        b'/' if bytes.get(1) == Some(&b'*') => (Token::Nothing, after(2, "*/")),
        // A quote within is written twice, which is as good as two of them.
        b'\'' => (Token::Other, after(1, "'")),
        b'"' => (Token::Other, after(1, "\"")),
        b'`' => (Token::Other, after(1, "`")),
        b'[' => (Token::Other, after(1, "]")),
        byte if is_word(byte) => {
            let length = bytes.iter().position(|byte| !is_word(*byte)).unwrap_or(bytes.len());
            (Token::Word(&text[..length]), length)
        }
        _ => (Token::Other, 1),
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        statements(text).map(|statement| statement.text).collect()
    }

    #[test]
    fn a_semicolon_ends_a_statement() {
        assert_eq!(texts("SELECT 1"), ["SELECT 1"]);
        assert_eq!(texts(" SELECT 1; \n"), ["SELECT 1;"]);
        assert_eq!(texts("SELECT 1;SELECT 2 ;; "), ["SELECT 1;", "SELECT 2 ;"]);
        assert_eq!(texts("  ;; "), [""; 0]);
        assert_eq!(texts(""), [""; 0]);
    }

    #[test]
    fn quotes_and_comments_hide_semicolons() {
        for text in [
            "SELECT ';', \";\", `;`, [;] FROM t",
            "SELECT 'it''s;' /* ; */ -- ;\n, 1",
            "SELECT 'not closed;",
            "SELECT 1 /* not closed;",
            "SELECT 'é;ü' -- ;",
        ] {
            assert_eq!(texts(text), [text]);
        }
    }

    #[test]
    fn a_trigger_ends_with_end() {
        let trigger = "CREATE TEMP TRIGGER a AFTER INSERT ON t BEGIN SELECT 1; \
                       SELECT CASE WHEN 1 THEN 2 END; DELETE FROM t; END;";
        assert_eq!(texts(&format!("{trigger} SELECT 2")), [trigger, "SELECT 2"]);
        let table = "CREATE TABLE trigger_begin (a);";
        assert_eq!(texts(&format!("{table}SELECT 2")), [table, "SELECT 2"]);
    }

    #[test]
    fn the_first_word_is_known_behind_comments() {
        let kind = |text| statements(text).next().expect("a statement");
        assert!(kind("/* a */ -- b\n pragma foreign_keys").is_pragma());
        assert!(kind("begin").is_transaction());
        assert!(kind("Release a").is_transaction());
        assert!(!kind("SELECT 1").is_transaction());
    }
}
