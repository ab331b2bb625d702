//! Files of variables, `.dev.vars` and `.env`, in the dialect of the dotenv
//! package of npm, which is wrangler's: no crate reads that one.
//!
//! A line is `KEY=value` or `KEY: value`, maybe after `export`. A value in
//! quotes (`'`, `"` or a backtick) may span lines; `\n` in double quotes is a
//! line feed, and no other escape is one. A `#` begins a comment, but for inside
//! of quotes. Lines that are none of this are passed over.

/// The variables of a file in its order. Of two of one name the last one holds.
pub(super) fn parse(text: &str) -> Vec<(String, String)> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut vars: Vec<(String, String)> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        match assignment(rest) {
            Some((key, value, after)) => {
                match vars.iter_mut().find(|(known, _)| *known == key) {
                    Some(var) => var.1 = value,
                    None => vars.push((key, value)),
                }
                rest = after;
            }
            None => rest = next_line(rest),
        }
    }
    vars
}

/// One assignment at the start of the text, and what comes after it.
fn assignment(text: &str) -> Option<(String, String, &str)> {
    let text = text.trim_start();
    let text = match text.strip_prefix("export") {
        Some(after) if after.starts_with(char::is_whitespace) => after.trim_start(),
        _ => text,
    };
    let is_of_key =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '.' | '-');
    let end = text.find(|character| !is_of_key(character)).unwrap_or(text.len());
    let (key, after) = text.split_at(end);
    if key.is_empty() {
        return None;
    }
    let after = match after.trim_start_matches(is_blank).strip_prefix('=') {
        Some(value) => value,
        // A colon must follow at once, and be followed by a blank.
        None => after.strip_prefix(':').filter(|value| value.starts_with(char::is_whitespace))?,
    };
    let value = after.trim_start_matches(is_blank);
    let (value, rest) = quoted(value).unwrap_or_else(|| unquoted(value));
    Some((key.to_owned(), value, rest))
}

/// A value in quotes that a comment or the line's end follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let quote = text.chars().next().filter(|first| matches!(first, '\'' | '"' | '`'))?;
    let mut escaped = false;
    let body = &text[1..];
    let end = body.char_indices().find_map(|(at, character)| {
        if character == quote && !escaped {
            return Some(at);
        }
        escaped = character == '\\' && !escaped;
        None
    })?;
    let after = body[end + 1..].trim_start_matches(is_blank);
    if !(after.is_empty() || after.starts_with('\n') || after.starts_with('#')) {
        return None;
    }
    let value = &body[..end];
    let value = if quote == '"' {
        value.replace("\\n", "\n").replace("\\r", "\r")
    } else {
        value.to_owned()
    };
    Some((value, next_line(after)))
}

/// A value to the line's end, or to a comment.
fn unquoted(text: &str) -> (String, &str) {
    let line = text.split('\n').next().unwrap_or_default();
    let value = line.split('#').next().unwrap_or_default().trim();
    // Quotes that something follows are part of the value, but for one pair
    // around all of it.
    let stripped = ['\'', '"', '`'].into_iter().find_map(|quote| {
        value.strip_prefix(quote)?.strip_suffix(quote).map(|value| (quote, value))
    });
    let value = match stripped {
        Some(('"', value)) => value.replace("\\n", "\n").replace("\\r", "\r"),
        Some((_, value)) => value.to_owned(),
        None => value.to_owned(),
    };
    (value, next_line(text))
}

fn next_line(text: &str) -> &str {
    text.find('\n').map_or("", |at| &text[at + 1..])
}

fn is_blank(character: char) -> bool {
    character != '\n' && character.is_whitespace()
}

/// The most that a value may grow to when variables are put into each other.
const MAX_EXPANDED_BYTES: usize = 1024 * 1024;

/// Replaces `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME-default}`,
/// `${NAME:+other}` and `${NAME+other}` by variables that stand before, or in
/// `known`; `\$` is a dollar sign. This happens in `.env` files, not in
/// `.dev.vars`, and in single quotes too.
pub(super) fn expand(vars: &mut [(String, String)], known: &[(String, String)]) {
    for index in 0..vars.len() {
        let (before, rest) = vars.split_at_mut(index);
        let (name, value) = &mut rest[0];
        let of = |list: &[(String, String)], name: &str| {
            list.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        };
        // What the environment holds stays as it is.
        if let Some(given) = of(known, name).filter(|given| !given.is_empty()) {
            *value = given;
            continue;
        }
        let lookup = |name: &str| {
            of(known, name).or_else(|| of(before, name)).filter(|value| !value.is_empty())
        };
        *value = expanded(value, &lookup, 0).replace("\\$", "$");
    }
}

/// Deeper than any default stands in a default.
const MAX_EXPANSIONS: usize = 16;

fn expanded(text: &str, lookup: &dyn Fn(&str) -> Option<String>, depth: usize) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let escaped = rest[..at].ends_with('\\');
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let reference = if escaped { None } else { reference(from) };
        let Some((expression, length)) = reference else {
            out.push('$');
            rest = &from[1..];
            continue;
        };
        let value = resolve(expression, lookup);
        if depth < MAX_EXPANSIONS && out.len() + value.len() < MAX_EXPANDED_BYTES {
            out.push_str(&expanded(&value, lookup, depth + 1));
        }
        rest = &from[length..];
    }
    out.push_str(rest);
    out
}

/// The expression at the start of a text that begins with `$`, and how many
/// bytes it takes with its dollar sign and braces.
fn reference(text: &str) -> Option<(&str, usize)> {
    if let Some(body) = text.strip_prefix("${") {
        let end = closing_brace(body).filter(|end| *end > 0)?;
        return Some((&body[..end], end + 3));
    }
    let body = &text[1..];
    let is_of_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let end = body.find(|character| !is_of_name(character)).unwrap_or(body.len());
    let starts = body.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    (starts && end > 0).then(|| (&body[..end], end + 1))
}

/// Where the brace closes that opened before the text; a default may hold
/// further ones.
fn closing_brace(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    text.bytes().position(|byte| {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => return true,
            b'}' => depth -= 1,
            _ => {}
        }
        false
    })
}

/// What an expression stands for.
fn resolve(expression: &str, lookup: &dyn Fn(&str) -> Option<String>) -> String {
    let Some(at) = expression.find(['-', '+']) else {
        return lookup(expression).unwrap_or_default();
    };
    let name = expression[..at].strip_suffix(':').unwrap_or(&expression[..at]);
    let other = &expression[at + 1..];
    match (expression.as_bytes()[at], lookup(name)) {
        (b'+', Some(_)) => other.to_owned(),
        (b'+', None) => String::new(),
        (_, Some(value)) => value,
        (_, None) => other.to_owned(),
    }
}

#[cfg(test)]
mod tests;
