//! The file `_headers`: headers for the responses of paths
//! (<https://developers.cloudflare.com/workers/static-assets/headers/>).

use super::pattern::{Allows, Captured, Pattern, fill, normalized};
use super::{MAX_LINE, invalid};

/// Rules at most.
const MAX_RULES: usize = 100;
/// The file's name in messages.
const FILE: &str = "_headers";

/// The rules of a file, in their order.
#[derive(Debug, Clone, Default)]
pub(crate) struct HeaderRules(Vec<Rule>);

#[derive(Debug, Clone)]
struct Rule {
    path: String,
    pattern: Pattern,
    /// Lower-case names and values.
    set: Vec<(String, String)>,
    /// Lower-case names.
    unset: Vec<String>,
}

/// Where rules change headers.
pub(crate) trait HeaderMap {
    /// Removes all headers of a name.
    fn remove(&mut self, name: &str);
    /// Adds a header behind others of its name.
    fn append(&mut self, name: &str, value: &str);
}

/// A path that was read, and its headers so far.
struct Open {
    path: String,
    number: usize,
    set: Vec<(String, String)>,
    unset: Vec<String>,
}

impl HeaderRules {
    /// Reads the text of a file. Lines that are no rule are left out, with a
    /// warning for each.
    pub(crate) fn parse(text: &str) -> (Self, Vec<String>) {
        let mut parser =
            Parser { rules: Vec::new(), warnings: Vec::new(), open: None, skips: false };
        let count = text.split('\n').count();
        for (index, line) in text.split('\n').enumerate() {
            let (number, line) = (index + 1, line.trim());
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if line.chars().count() > MAX_LINE {
                parser.warn(number, &format!(
                    "Ignoring line {number} as it exceeds the maximum allowed length of {MAX_LINE}."
                ));
                continue;
            }
            if !is_path(line) {
                parser.header(number, line);
                continue;
            }
            parser.close();
            if parser.rules.len() >= MAX_RULES {
                parser.warn(number, &format!(
                    "Maximum number of rules supported is {MAX_RULES}. Skipping remaining {} lines of file.",
                    count - index
                ));
                break;
            }
            parser.path(number, line);
        }
        parser.close();
        (Self(parser.rules), parser.warnings)
    }

    /// Whether there is no rule.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a rule names a host.
    pub(crate) fn have_hosts(&self) -> bool {
        self.0.iter().any(|rule| rule.pattern.has_host)
    }

    /// Changes the headers of a response to a request for this path, as its URL
    /// has it; `host` is without a port. Of one header, the first value that a
    /// rule sets replaces what was there, further ones are added.
    pub(crate) fn apply(&self, host: &str, path: &str, headers: &mut impl HeaderMap) {
        let mut own: Vec<&str> = Vec::new();
        for rule in &self.0 {
            let Some(captured) = rule.pattern.fits(host, path) else { continue };
            rule.unset.iter().for_each(|name| headers.remove(name));
            for (name, value) in &rule.set {
                if !own.contains(&name.as_str()) {
                    own.push(name);
                    headers.remove(name);
                }
                headers.append(name, &filled(value, &captured));
            }
        }
    }
}

/// A value with what a path gives it. What a path gives holds no line breaks.
fn filled(value: &str, captured: &Captured) -> String {
    fill(value, captured)
}

struct Parser {
    rules: Vec<Rule>,
    warnings: Vec<String>,
    open: Option<Open>,
    /// The last path was refused: its headers say nothing.
    skips: bool,
}

impl Parser {
    fn warn(&mut self, number: usize, message: &str) {
        self.warnings.push(invalid(FILE, number, message));
    }

    /// The rule that is open is complete.
    fn close(&mut self) {
        self.skips = false;
        let Some(Open { path, number, set, unset }) = self.open.take() else { return };
        if set.is_empty() && unset.is_empty() {
            return self.warn(number, "No headers specified");
        }
        let Some(pattern) = Pattern::new(&path) else {
            return self.warn(number, &format!("A placeholder stands twice in {path}. Skipping."));
        };
        let rule = Rule { path, pattern, set, unset };
        // The last rule of a path counts, at the place of the first.
        match self.rules.iter_mut().find(|known| known.path == rule.path) {
            Some(known) => *known = rule,
            None => self.rules.push(rule),
        }
    }

    fn path(&mut self, number: usize, line: &str) {
        let path = normalized(line, Allows::PathOrHost).and_then(|path| match wildcards(&path) {
            Some(problem) => Err(problem),
            None => Ok(path),
        });
        match path {
            Ok(path) => self.open = Some(Open { path, number, set: Vec::new(), unset: Vec::new() }),
            Err(problem) => {
                self.skips = true;
                self.warn(number, &problem);
            }
        }
    }

    fn header(&mut self, number: usize, line: &str) {
        if self.skips {
            return;
        }
        let Some((name, value)) = line.split_once(':') else {
            return match (&mut self.open, line.strip_prefix("! ")) {
                (None, _) => {
                    self.warn(number, "Expected a path beginning with at least one forward-slash");
                }
                (Some(_), Some(name)) if !is_name(name.trim()) => {
                    self.warn(number, "Header name is not valid");
                }
                (Some(open), Some(name)) => open.unset.push(name.trim().to_ascii_lowercase()),
                (Some(_), None) => {
                    self.warn(number, "Expected a colon-separated header pair (e.g. name: value)");
                }
            };
        };
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        let problem = if name.contains(' ') {
            "Header name cannot include spaces"
        } else if name.is_empty() {
            "No header name specified"
        } else if value.is_empty() {
            "No header value specified"
        } else if !is_name(&name) {
            "Header name is not valid"
        } else if value.bytes().any(|byte| byte < b' ' && byte != b'\t' || byte == 0x7f) {
            "Header value is not valid"
        } else if let Some(open) = &mut self.open {
            return match open.set.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => known.push_str(&format!(", {value}")),
                None => open.set.push((name, value.to_owned())),
            };
        } else {
            let message = format!("Path should come before header ({name}: {value})");
            return self.warn(number, &message);
        };
        self.warn(number, problem);
    }
}

/// Whether a line begins a rule: with a slash or a scheme.
fn is_path(line: &str) -> bool {
    line.starts_with('/')
        || line.find("://").is_some_and(|at| at > 0 && !line[..at].contains(char::is_whitespace))
}

/// Whether a header may have this name (RFC 9110, 5.6.2).
fn is_name(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token)
}

/// What is wrong with the wildcards of a path.
fn wildcards(path: &str) -> Option<String> {
    let count = path.matches('*').count();
    if count > 1 {
        return Some(format!(
            "Only one wildcard is allowed per rule. Use a named placeholder (e.g. :project) instead. Skipping {path}."
        ));
    }
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let names_splat = path
        .match_indices(":splat")
        .any(|(at, name)| !path[at + name.len()..].starts_with(is_word));
    (count > 0 && names_splat).then(|| {
        format!(
            "Cannot combine a wildcard * with a :splat placeholder because wildcards are converted to :splat at runtime. Skipping {path}."
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct List(Vec<(String, String)>);

    impl HeaderMap for List {
        fn remove(&mut self, name: &str) {
            self.0.retain(|(known, _)| known != name);
        }
        fn append(&mut self, name: &str, value: &str) {
            self.0.push((name.into(), value.into()));
        }
    }

    fn applied(text: &str, host: &str, path: &str) -> String {
        let (rules, _) = HeaderRules::parse(text);
        let mut list =
            List(vec![("etag".into(), "x".into()), ("cache-control".into(), "c".into())]);
        rules.apply(host, path, &mut list);
        let pairs: Vec<_> = list.0.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        pairs.join("; ")
    }

    #[test]
    fn rules_set_add_and_remove() {
        let text = "# a comment\n/*\n  X-A: 1\n  Cache-Control: no-store\n\n/a/*\n  x-a: 2\n  ! ETag\n/b\n  X-A: 3\n  X-A: 4\n";
        assert_eq!(applied(text, "h", "/x"), "etag: x; x-a: 1; cache-control: no-store");
        assert_eq!(applied(text, "h", "/a/y"), "x-a: 1; cache-control: no-store; x-a: 2");
        assert_eq!(applied(text, "h", "/b"), "etag: x; x-a: 1; cache-control: no-store; x-a: 3, 4");
    }

    #[test]
    fn values_take_what_the_path_holds() {
        let text = "/movies/:title\n  x-movie: You saw :title\n/s/*\n  link: </:splat>\n";
        assert!(applied(text, "h", "/movies/up").ends_with("x-movie: You saw up"));
        assert!(applied(text, "h", "/s/a/b").ends_with("link: </a/b>"));
    }

    #[test]
    fn rules_may_name_a_host() {
        let text = "https://:sub.a.example/*\n  x-sub: :sub\n";
        assert!(applied(text, "x.a.example", "/").ends_with("x-sub: x"));
        assert!(!applied(text, "a.example", "/").contains("x-sub"));
        assert!(HeaderRules::parse(text).0.have_hosts());
    }

    #[test]
    fn the_last_rule_of_a_path_counts() {
        assert!(applied("/a\n x: 1\n/a\n y: 2\n", "h", "/a").ends_with("c; y: 2"));
    }

    #[test]
    fn wrong_lines_are_told_and_left_out() {
        for (text, told) in [
            ("x: y", "_headers:1: Path should come before header (x: y)"),
            ("nonsense", "_headers:1: Expected a path beginning with at least one forward-slash"),
            (
                "/a\nnonsense\nx: y",
                "_headers:2: Expected a colon-separated header pair (e.g. name: value)",
            ),
            ("/a\n/b\nx: y", "_headers:1: No headers specified"),
            ("/a", "_headers:1: No headers specified"),
            ("/a\nx y: z\nx: y", "_headers:2: Header name cannot include spaces"),
            ("/a\n: z\nx: y", "_headers:2: No header name specified"),
            ("/a\nx:\ny: z", "_headers:2: No header value specified"),
            ("/a\nx\u{fc}: z\ny: z", "_headers:2: Header name is not valid"),
            ("/a\nx: a\u{1}b\ny: z", "_headers:2: Header value is not valid"),
            ("/a\n! x y\ny: z", "_headers:2: Header name is not valid"),
            (
                "http://a/\nx: y",
                "_headers:1: URLs should either be relative (e.g. begin with a forward-slash), or use HTTPS (e.g. begin with \"https://\").",
            ),
            (
                "https://a:80/\nx: y",
                "_headers:1: Specifying ports is not supported. Skipping absolute URL https://a:80/.",
            ),
            (
                "/*/*\nx: y",
                "_headers:1: Only one wildcard is allowed per rule. Use a named placeholder (e.g. :project) instead. Skipping /*/*.",
            ),
            (
                "/*/:splat\nx: y",
                "_headers:1: Cannot combine a wildcard * with a :splat placeholder because wildcards are converted to :splat at runtime. Skipping /*/:splat.",
            ),
            ("/:a/:a\nx: y", "_headers:1: A placeholder stands twice in /:a/:a. Skipping."),
        ] {
            let (_, warnings) = HeaderRules::parse(text);
            assert_eq!(warnings, [told], "{text:?}");
        }
        let long = format!("/a\nx: {}\ny: z", "v".repeat(2000));
        let (rules, warnings) = HeaderRules::parse(&long);
        assert_eq!((rules.0.len(), warnings.len()), (1, 1));
    }

    #[test]
    fn a_hundred_rules_count() {
        let text: String = (0..102).map(|n| format!("/{n}\n  x: {n}\n")).collect();
        let (rules, warnings) = HeaderRules::parse(&text);
        assert_eq!(rules.0.len(), 100);
        let told = "_headers:201: Maximum number of rules supported is 100. Skipping remaining 5 lines of file.";
        assert_eq!(warnings, [told]);
    }
}
