//! What of ClickHouse's SQL is put into SQLite's: `NOW()`, `INTERVAL '1' DAY`, and
//! `FORMAT` at the end. All else is SQLite's.

/// How an answer is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    #[default]
    Json,
    JsonEachRow,
    TabSeparated,
}

/// Words and all between them: what is in quotes or a comment is one piece.
fn pieces(sql: &str) -> Vec<&str> {
    let bytes = sql.as_bytes();
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let begin = at;
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 128;
        match bytes[at] {
            quote @ (b'\'' | b'"' | b'`') => {
                at += 1;
                while at < bytes.len() && bytes[at] != quote {
                    at += 1;
                }
                at += 1;
            }
            b'-' if bytes.get(at + 1) == Some(&b'-') => {
                while at < bytes.len() && bytes[at] != b'\n' {
                    at += 1;
                }
            }
            byte if is_word(byte) => {
                while at < bytes.len() && is_word(bytes[at]) {
                    at += 1;
                }
            }
            byte if byte.is_ascii_whitespace() => {
                while at < bytes.len() && bytes[at].is_ascii_whitespace() {
                    at += 1;
                }
            }
            _ => at += 1,
        }
        pieces.push(&sql[begin..at.min(bytes.len())]);
    }
    pieces
}

fn seconds(unit: &str) -> Option<u64> {
    Some(match unit.to_ascii_uppercase().trim_end_matches('S') {
        "SECOND" => 1,
        "MINUTE" => 60,
        "HOUR" => 3600,
        "DAY" => 86_400,
        "WEEK" => 7 * 86_400,
        "MONTH" => 30 * 86_400,
        "YEAR" => 365 * 86_400,
        _ => return None,
    })
}

/// The question for SQLite, and how the answer is to be written.
///
/// # Errors
/// When the format is none that there is.
pub(crate) fn translate(sql: &str) -> Result<(String, Format), String> {
    let sql = sql.trim().trim_end_matches(';').trim_end();
    let mut words = pieces(sql);
    let mut format = Format::default();
    if let [.., keyword, _, name] = words[..]
        && keyword.eq_ignore_ascii_case("format")
    {
        format = match name {
            "JSON" => Format::Json,
            "JSONEachRow" => Format::JsonEachRow,
            "TabSeparated" => Format::TabSeparated,
            other => return Err(format!("there is no format {other}")),
        };
        words.truncate(words.len() - 3);
    }
    let mut translated = String::with_capacity(sql.len());
    let mut at = 0;
    while at < words.len() {
        let word = words[at];
        if word.eq_ignore_ascii_case("now") && words.get(at + 1) == Some(&"(") {
            translated.push_str("unixepoch");
        } else if word.eq_ignore_ascii_case("interval")
            && let [_, number, _, unit] = words[at + 1..].get(..4).unwrap_or_default()
            && let Some(seconds) = seconds(unit)
            && let Ok(number) = number.trim_matches('\'').parse::<u32>()
        {
            translated.push_str(&(u64::from(number) * seconds).to_string());
            at += 5;
            continue;
        } else {
            translated.push_str(word);
        }
        at += 1;
    }
    Ok((translated, format))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_and_now_are_seconds() {
        let translated = |sql| translate(sql).expect("it is fine").0;
        assert_eq!(
            translated("SELECT * FROM d WHERE timestamp > NOW() - INTERVAL '1' DAY;"),
            "SELECT * FROM d WHERE timestamp > unixepoch() - 86400"
        );
        assert_eq!(translated("SELECT now() + interval 5 minutes"), "SELECT unixepoch() + 300");
        let quoted = "SELECT 'now() INTERVAL ''1'' DAY', \"now\" -- now()\nFROM d";
        assert_eq!(translated(quoted), quoted);
        assert_eq!(translated("SELECT 'open"), "SELECT 'open");
        assert_eq!(translated("SELECT interval FROM d"), "SELECT interval FROM d");
    }

    #[test]
    fn a_format_stands_at_the_end() {
        let format = |sql| translate(sql).map(|(sql, format)| (sql.trim().to_owned(), format));
        let expected = |format| Ok(("SELECT 1".to_owned(), format));
        assert_eq!(format("SELECT 1"), expected(Format::Json));
        assert_eq!(format("SELECT 1 FORMAT JSON"), expected(Format::Json));
        assert_eq!(format("SELECT 1\nformat JSONEachRow;"), expected(Format::JsonEachRow));
        assert_eq!(format("SELECT 1 FORMAT TabSeparated"), expected(Format::TabSeparated));
        format("SELECT 1 FORMAT Parquet").expect_err("there is none");
    }
}
