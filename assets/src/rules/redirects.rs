//! The file `_redirects`: paths that lead elsewhere
//! (<https://developers.cloudflare.com/workers/static-assets/redirects/>).

use std::collections::{HashMap, HashSet};

use url::Position;

use super::path::Target;
use super::pattern::{Allows, Pattern, fill, has_host, is_dynamic, normalized};
use super::{MAX_LINE, invalid};
use crate::config::HtmlHandling;

/// Rules without `*` and `:name` at most.
const MAX_STATIC: usize = 2000;
/// Others at most.
const MAX_DYNAMIC: usize = 100;
/// The file's name in messages.
const FILE: &str = "_redirects";

/// The rules of a file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Redirects {
    fixed: HashMap<String, Rule>,
    /// In their order.
    dynamic: Vec<(Pattern, Rule)>,
}

#[derive(Debug, Clone)]
struct Rule {
    to: String,
    status: u16,
}

/// Where a rule leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Leads {
    /// The client shall go there.
    Away { status: u16, location: String },
    /// What is served is at this path, as its URL would have it.
    Inside(String),
}

impl Redirects {
    /// Reads the text of a file. Lines that are no rule are left out, with a
    /// warning for each.
    pub(crate) fn parse(text: &str, html: HtmlHandling) -> (Self, Vec<String>) {
        let mut parser = Parser {
            html,
            rules: Self::default(),
            seen: HashSet::new(),
            counts: (0, 0),
            only_dynamic: false,
        };
        let mut warnings = Vec::new();
        let count = text.split('\n').count();
        for (index, line) in text.split('\n').enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match parser.line(index + 1, line) {
                Ok(()) => {}
                Err(Problem::Line(message)) => warnings.push(invalid(FILE, index + 1, &message)),
                Err(Problem::Full) => {
                    let message = format!(
                        "Maximum number of dynamic rules supported is {MAX_DYNAMIC}. Skipping remaining {} lines of file.",
                        count - index
                    );
                    warnings.push(invalid(FILE, index + 1, &message));
                    break;
                }
            }
        }
        (parser.rules, warnings)
    }

    /// Where a request leads, if a rule says so.
    pub(crate) fn of(&self, target: &Target<'_>) -> Option<Leads> {
        if self.fixed.is_empty() && self.dynamic.is_empty() {
            return None;
        }
        let path = &*target.path;
        if let Some(rule) = self.fixed.get(path) {
            return rule.leads(target, &rule.to);
        }
        // Rules name no hosts.
        let fits = |(pattern, rule)| Some((Pattern::fits(pattern, "", path)?, rule));
        let (captured, rule): (_, &Rule) =
            self.dynamic.iter().find_map(|(pattern, rule)| fits((pattern, rule)))?;
        let to = fill(&rule.to, &captured);
        rule.leads(target, &one_slash(to.trim()))
    }
}

/// A path in which slashes in a row are one; URLs stay as they are.
fn one_slash(to: &str) -> String {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let scheme = to.find("://").is_some_and(|at| at > 0 && to[..at].bytes().all(is_word));
    if scheme {
        return to.to_owned();
    }
    let mut last = None;
    to.chars()
        .filter(|character| last.replace(*character) != Some('/') || *character != '/')
        .collect()
}

impl Rule {
    fn leads(&self, target: &Target<'_>, to: &str) -> Option<Leads> {
        let base = target.parsed()?;
        let url = base.join(to).ok()?;
        if self.status == 200 {
            return Some(Leads::Inside(url.path().to_owned()));
        }
        let search = match url.query() {
            None | Some("") => target.search,
            Some(_) => &url[Position::AfterPath..Position::AfterQuery],
        };
        let hash = url.fragment().map_or(String::new(), |fragment| format!("#{fragment}"));
        let begin = match url.origin() == base.origin() {
            true => url.path().to_owned(),
            false => url[..Position::AfterPath].to_owned(),
        };
        Some(Leads::Away { status: self.status, location: format!("{begin}{search}{hash}") })
    }
}

enum Problem {
    /// The line is no rule.
    Line(String),
    /// No further rule counts.
    Full,
}

struct Parser {
    html: HtmlHandling,
    rules: Redirects,
    seen: HashSet<String>,
    /// Rules that were met, also wrong ones: static, dynamic.
    counts: (usize, usize),
    /// After the first dynamic rule, all are: their order counts.
    only_dynamic: bool,
}

impl Parser {
    fn line(&mut self, number: usize, line: &str) -> Result<(), Problem> {
        let problem = |text: String| Err(Problem::Line(text));
        if line.chars().count() > MAX_LINE {
            return problem(format!(
                "Ignoring line {number} as it exceeds the maximum allowed length of {MAX_LINE}."
            ));
        }
        let tokens: Vec<&str> = without_comment(line).split_whitespace().collect();
        let (from, to, status) = match tokens[..] {
            [from, to] => (from, to, "302"),
            [from, to, status] => (from, to, status),
            _ => {
                return problem(format!(
                    "Expected exactly 2 or 3 whitespace-separated tokens. Got {}.",
                    tokens.len()
                ));
            }
        };
        let from = normalized(from, Allows::Path).map_err(Problem::Line)?;
        let is_static = !self.only_dynamic && !is_dynamic(&from);
        if is_static {
            self.counts.0 += 1;
            if self.counts.0 > MAX_STATIC {
                return problem(format!(
                    "Maximum number of static rules supported is {MAX_STATIC}. Skipping line."
                ));
            }
        } else {
            self.only_dynamic = true;
            self.counts.1 += 1;
            if self.counts.1 > MAX_DYNAMIC {
                return Err(Problem::Full);
            }
        }
        let to = normalized(to, Allows::Target).map_err(Problem::Line)?;
        let known = |status: &u16| [200, 301, 302, 303, 307, 308].contains(status);
        let Some(code) = status.parse::<u16>().ok().filter(known) else {
            return problem(format!(
                "Valid status codes are 200, 301, 302 (default), 303, 307, or 308. Got {status}."
            ));
        };
        if self.loops(&from, &to) {
            return problem(
                "Infinite loop detected in this rule and has been ignored. This will cause a redirect to strip `.html` or `/index` and end up triggering this rule again. Please fix or remove this rule to silence this warning."
                    .to_owned(),
            );
        }
        if !self.seen.insert(from.clone()) {
            return problem(format!("Ignoring duplicate rule for path {from}."));
        }
        if code == 200 && has_host(&to) {
            return problem(format!(
                "Proxy (200) redirects can only point to relative paths. Got {to}"
            ));
        }
        let rule = Rule { to, status: code };
        if is_static {
            self.rules.fixed.insert(from, rule);
            return Ok(());
        }
        let Some(pattern) = Pattern::new(&from) else {
            return problem(format!("A placeholder stands twice in {from}. Skipping."));
        };
        self.rules.dynamic.push((pattern, rule));
        Ok(())
    }

    /// Whether the page that a rule leads to redirects back to the rule.
    fn loops(&self, from: &str, to: &str) -> bool {
        let to_index = to.ends_with("/index") || to.ends_with("/index.html");
        let from_root = from.ends_with('/') && self.html != HtmlHandling::None;
        !has_host(to) && to_index && (from.ends_with("/*") || from_root)
    }
}

/// The line without a comment at its end: from a `#` after a space on.
fn without_comment(line: &str) -> &str {
    let is_comment = |(at, _): &(usize, &str)| line[..*at].ends_with(char::is_whitespace);
    line.match_indices('#').find(is_comment).map_or(line, |(at, _)| &line[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leads(text: &str, url: &str) -> Option<String> {
        let (rules, warnings) = Redirects::parse(text, HtmlHandling::AutoTrailingSlash);
        assert_eq!(warnings, [""; 0], "{text}");
        rules.of(&Target::of(url).expect("a URL")).map(|leads| match leads {
            Leads::Away { status, location } => format!("{status} {location}"),
            Leads::Inside(path) => format!("inside {path}"),
        })
    }

    #[test]
    fn rules_lead_to_paths_and_urls() {
        let of = |text, path: &str| leads(text, &format!("http://h:80{path}"));
        assert_eq!(of("/a /b", "/a").as_deref(), Some("302 /b"));
        assert_eq!(of("/a /b 301 # moved", "/a?q=1").as_deref(), Some("301 /b?q=1"));
        assert_eq!(of("/a /b?x=y#z 307", "/a?q=1").as_deref(), Some("307 /b?x=y#z"));
        assert_eq!(of("/a /b#z", "/a?q=1").as_deref(), Some("302 /b?q=1#z"));
        assert_eq!(
            of("/a https://o.example/b?x 308", "/a?q").as_deref(),
            Some("308 https://o.example/b?x")
        );
        assert_eq!(
            of("/a https://o.example/b#z 303", "/a?q").as_deref(),
            Some("303 https://o.example/b?q#z")
        );
        assert_eq!(of("/a /b", "/a/"), None);
        assert_eq!(of("/a /b 200", "/a").as_deref(), Some("inside /b"));
        assert_eq!(of("/u/* /users/:splat 301", "/u/x/y").as_deref(), Some("301 /users/x/y"));
        assert_eq!(of("/:y/:m /blog/:m/:y", "/24/5").as_deref(), Some("302 /blog/5/24"));
        assert_eq!(of("/u/* /:splat", "/u//evil.example").as_deref(), Some("302 /evil.example"));
        assert_eq!(of("/u/* /x/:splat 200", "/u/a").as_deref(), Some("inside /x/a"));
        assert_eq!(of("/a/* /1\n/a/b /2", "/a/b").as_deref(), Some("302 /1"));
        assert_eq!(of("/a/b /2\n/a/* /1", "/a/b").as_deref(), Some("302 /2"));
    }

    #[test]
    fn wrong_lines_are_told_and_left_out() {
        for (line, told) in [
            ("/a", "Expected exactly 2 or 3 whitespace-separated tokens. Got 1."),
            ("/a /b 301 x", "Expected exactly 2 or 3 whitespace-separated tokens. Got 4."),
            (
                "https://h/a /b",
                "Only relative URLs are allowed. Skipping absolute URL https://h/a.",
            ),
            (
                "/a http://h/b",
                "URLs should either be relative (e.g. begin with a forward-slash), or use HTTPS (e.g. begin with \"https://\").",
            ),
            (
                "/a /b 404",
                "Valid status codes are 200, 301, 302 (default), 303, 307, or 308. Got 404.",
            ),
            (
                "/a /b 301!",
                "Valid status codes are 200, 301, 302 (default), 303, 307, or 308. Got 301!.",
            ),
            (
                "/a https://h/b 200",
                "Proxy (200) redirects can only point to relative paths. Got https://h/b",
            ),
            ("/*/* /b", "A placeholder stands twice in /*/*. Skipping."),
        ] {
            let (_, warnings) = Redirects::parse(line, HtmlHandling::AutoTrailingSlash);
            assert_eq!(warnings, [format!("_redirects:1: {told}")], "{line}");
        }
        let twice = Redirects::parse("/a /b\n/a /c", HtmlHandling::None).1;
        assert_eq!(twice, ["_redirects:2: Ignoring duplicate rule for path /a."]);
    }

    #[test]
    fn loops_are_left_out() {
        let looks = |line, html| !Redirects::parse(line, html).1.is_empty();
        for line in ["/* /index.html 200", "/* /index", "/a/* /b/index.html"] {
            assert!(looks(line, HtmlHandling::None), "{line}");
        }
        assert!(looks("/ /index.html", HtmlHandling::AutoTrailingSlash));
        assert!(!looks("/ /index.html", HtmlHandling::None));
        assert!(!looks("/* https://h/index.html", HtmlHandling::AutoTrailingSlash));
    }

    #[test]
    fn so_many_rules_count() {
        let fixed: String = (0..2002).map(|n| format!("/{n} /x\n")).collect();
        let (rules, warnings) = Redirects::parse(&fixed, HtmlHandling::None);
        assert_eq!((rules.fixed.len(), warnings.len()), (2000, 2));
        let dynamic: String = (0..102).map(|n| format!("/{n}/* /x\n")).collect();
        let (rules, warnings) = Redirects::parse(&dynamic, HtmlHandling::None);
        assert_eq!((rules.dynamic.len(), warnings.len()), (100, 1));
        assert!(warnings[0].ends_with("Skipping remaining 3 lines of file."), "{warnings:?}");
    }
}
