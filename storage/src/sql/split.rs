//! Statements of a text: where one ends and the next one begins.
//!
//! SQLite tells where a statement ends when it prepares it, but each can only be
//! prepared once those before it have run. So ends are found by the rules by
//! which SQLite's shell finds them: a semicolon, outside of quotes, comments and
//! the body of a trigger.

/// One statement of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement<'a> {
    pub text: &'a str,
    /// Its first word.
    word: &'a str,
    /// How much white space is before it, if it is the first one.
    lead: usize,
}

impl<'a> Statement<'a> {
    fn is_one_of(&self, words: &[&str]) -> bool {
        words.iter().any(|word| word.eq_ignore_ascii_case(self.word))
    }

    pub fn is_pragma(&self) -> bool {
        self.is_one_of(&["PRAGMA"])
    }

    /// Whether there is nothing but white space, comments and a semicolon.
    pub fn is_empty(&self) -> bool {
        tokens(self.text).all(|token| matches!(token, Token::Nothing | Token::Semicolon))
    }

    /// Cloudflare counts the white space before the first statement.
    pub fn place(&self, error: rusqlite::Error) -> rusqlite::Error {
        match error {
            rusqlite::Error::SqlInputError { error, msg, sql, offset } => {
                let lead = i32::try_from(self.lead).unwrap_or(0);
                rusqlite::Error::SqlInputError { error, msg, sql, offset: offset + lead }
            }
            other => other,
        }
    }

    /// What `ALTER TABLE .. RENAME TO` names a table, without quotes.
    pub fn new_name(&self) -> Option<&'a str> {
        if !self.is_one_of(&["ALTER"]) {
            return None;
        }
        let mut tokens = tokens(self.text).filter(|token| *token != Token::Nothing);
        tokens.find(|token| matches!(token, Token::Word(word) if is(word, "RENAME")))?;
        match (tokens.next()?, tokens.next()?) {
            (Token::Word(to), Token::Word(name)) if is(to, "TO") => Some(name),
            (Token::Word(to), Token::Quoted(name)) if is(to, "TO") => {
                Some(name.trim_matches(['\'', '"', '`', '[', ']']))
            }
            _ => None,
        }
    }

    /// How many rows of the schema it writes: a table is written twice, other things
    /// once.
    pub fn schema_rows(&self) -> u64 {
        match self.second_word() {
            _ if !self.is_one_of(&["CREATE"]) => 0,
            Some(word) if is(word, "TABLE") || is(word, "VIRTUAL") => 2,
            _ => 1,
        }
    }

    /// Whether it makes a virtual table.
    pub fn is_virtual(&self) -> bool {
        self.is_one_of(&["CREATE"]) && self.second_word().is_some_and(|it| is(it, "VIRTUAL"))
    }

    fn second_word(&self) -> Option<&'a str> {
        let mut words = tokens(self.text).filter_map(|token| match token {
            Token::Word(word) => Some(word),
            _ => None,
        });
        words.nth(1)
    }

    /// Whether it writes rows and nothing else, as its first word tells.
    pub fn is_write_of_rows(&self) -> bool {
        self.is_one_of(&["INSERT", "REPLACE", "UPDATE", "DELETE"])
    }

    /// Whether it makes, changes or drops tables and the like.
    pub fn is_definition(&self) -> bool {
        self.is_one_of(&["CREATE", "DROP", "ALTER"])
    }
}

/// The statements of a text. White space after the last one is none; anything
/// else is, and may be empty.
pub fn statements(text: &str) -> impl Iterator<Item = Statement<'_>> {
    let mut rest = text;
    let mut first = true;
    std::iter::from_fn(move || {
        let before = rest.len();
        rest = rest.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
        if rest.is_empty() {
            return None;
        }
        let lead = if std::mem::take(&mut first) { before - rest.len() } else { 0 };
        let (end, word) = end_of_statement(rest);
        let (text, after) = rest.split_at(end);
        rest = after;
        Some(Statement { text, word, lead })
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Semicolon,
    Word(&'a str),
    /// With its quotes.
    Quoted(&'a str),
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

fn tokens(text: &str) -> impl Iterator<Item = Token<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (token, length) = token(rest);
        rest = &rest[length..];
        Some(token)
    })
}

/// The first token of a text that is not empty, and its length.
fn token(text: &str) -> (Token<'_>, usize) {
    let bytes = text.as_bytes();
    let after = |from: usize, end: &str| {
        text[from..].find(end).map_or(text.len(), |at| from + at + end.len())
    };
    let quoted = |length: usize| (Token::Quoted(&text[..length]), length);
    match bytes[0] {
        b';' => (Token::Semicolon, 1),
        b' ' | b'\t' | b'\n' | b'\r' | b'\x0b' | b'\x0c' => (Token::Nothing, 1),
        b'-' if bytes.get(1) == Some(&b'-') => (Token::Nothing, after(2, "\n")),
        b'/' if bytes.get(1) == Some(&b'*') => (Token::Nothing, after(2, "*/")),
        // A quote within is written twice, which is as good as two of them.
        b'\'' => quoted(after(1, "'")),
        b'"' => quoted(after(1, "\"")),
        b'`' => quoted(after(1, "`")),
        b'[' => quoted(after(1, "]")),
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
        assert_eq!(texts("SELECT 1;SELECT 2 ;; "), ["SELECT 1;", "SELECT 2 ;", ";"]);
        assert!(statements(" ; /* a */ ; -- b").all(|statement| statement.is_empty()));
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
        assert!(kind("create TABLE t (a)").is_definition());
        assert!(!kind("SELECT 1").is_definition());
    }

    #[test]
    fn the_new_name_of_a_table_is_known() {
        let name = |text| statements(text).next().expect("a statement").new_name();
        assert_eq!(name("ALTER TABLE a RENAME TO b"), Some("b"));
        assert_eq!(name("alter table [a] rename /* */ to \"b\";"), Some("b"));
        assert_eq!(name("ALTER TABLE a RENAME COLUMN b TO c"), None);
        assert_eq!(name("ALTER TABLE a ADD COLUMN b"), None);
        assert_eq!(name("ALTER TABLE a RENAME"), None);
    }
}
