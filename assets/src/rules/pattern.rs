//! Patterns of `_headers` and `_redirects`: a path or a URL of HTTPS, in which `*`
//! stands for anything and `:name` for a segment.

use regex::Regex;
use url::Url;

/// A pattern, compiled. It takes time in proportion to a path's length.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    /// What a path must begin with.
    prefix: String,
    /// `None`: the prefix is all of it.
    regex: Option<Regex>,
    names: Vec<String>,
    /// Whether it names a host.
    pub(super) has_host: bool,
}

/// What the parts of a pattern stand for in a path.
pub(super) type Captured = Vec<(String, String)>;

impl Pattern {
    /// Compiles a pattern; `None`: a name stands in it twice, so that it fits
    /// nothing.
    pub(super) fn new(pattern: &str) -> Option<Self> {
        let has_host = pattern.starts_with("https://");
        let host_end = match has_host {
            true => pattern[8..].find('/').map_or(pattern.len(), |at| at + 8),
            false => 0,
        };
        let (mut source, mut names) = (String::from("^"), Vec::new());
        let mut prefix = None;
        let mut rest = pattern;
        while let Some(next) = rest.chars().next() {
            let at = pattern.len() - rest.len();
            let name = placeholder(rest);
            if next != '*' && name.is_none() {
                source.push_str(&regex::escape(next.encode_utf8(&mut [0; 4])));
                rest = &rest[next.len_utf8()..];
                continue;
            }
            prefix.get_or_insert_with(|| pattern[..at].to_owned());
            let (name, kind, length) = match name {
                // In a host, a part ends at a dot.
                Some(name) if at < host_end => (name, "[^/.]+", name.len() + 1),
                Some(name) => (name, "[^/]+", name.len() + 1),
                None => ("splat", ".*", 1),
            };
            source.push_str(&format!("(?P<{name}>{kind})"));
            names.push(name.to_owned());
            rest = &rest[length..];
        }
        source.push('$');
        let regex = match prefix {
            None => None,
            Some(_) => Some(Regex::new(&source).ok()?),
        };
        Some(Self { prefix: prefix.unwrap_or_else(|| pattern.to_owned()), regex, names, has_host })
    }

    /// What its parts stand for in a path, if the path fits. `host` is without a
    /// port.
    pub(super) fn fits(&self, host: &str, path: &str) -> Option<Captured> {
        let whole;
        let text = match self.has_host {
            true => {
                whole = format!("https://{host}{path}");
                &whole
            }
            false => path,
        };
        if !text.starts_with(&self.prefix) {
            return None;
        }
        let Some(regex) = &self.regex else {
            return (text.len() == self.prefix.len()).then(Vec::new);
        };
        let captures = regex.captures(text)?;
        let value = |name: &String| Some((name.clone(), captures.name(name)?.as_str().to_owned()));
        Some(self.names.iter().filter_map(value).collect())
    }
}

/// The name after a colon, if the text begins with one.
fn placeholder(text: &str) -> Option<&str> {
    let name = text.strip_prefix(':')?;
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let end = name.find(|character| !is_word(character)).unwrap_or(name.len());
    name.starts_with(|first: char| first.is_ascii_alphabetic()).then_some(&name[..end])
}

/// Whether a pattern stands for more than one path.
pub(super) fn is_dynamic(pattern: &str) -> bool {
    pattern.contains('*')
        || pattern.match_indices(':').any(|(at, _)| placeholder(&pattern[at..]).is_some())
}

/// Puts what was captured in the place of its `:name`.
pub(super) fn fill(text: &str, captured: &Captured) -> String {
    let put =
        |text: String, (name, value): &(String, String)| text.replace(&format!(":{name}"), value);
    captured.iter().fold(text.to_owned(), put)
}

/// What a rule may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allows {
    /// A path, without host, query or fragment.
    Path,
    /// A path or a URL of HTTPS without a port.
    PathOrHost,
    /// A path or a URL of HTTPS, with query and fragment.
    Target,
}

/// A path or URL of a rule in its usual form.
///
/// # Errors
/// What is wrong with it, in wrangler's words.
pub(super) fn normalized(token: &str, allows: Allows) -> Result<String, String> {
    if let Some((host, path)) = split_host(token) {
        if allows == Allows::Path {
            return Err(format!("Only relative URLs are allowed. Skipping absolute URL {token}."));
        }
        if allows == Allows::PathOrHost && has_port(host) {
            return Err(format!(
                "Specifying ports is not supported. Skipping absolute URL {token}."
            ));
        }
        let path = path_of(path, allows)
            .ok_or_else(|| format!("Error parsing URL segment {token}. Skipping."))?;
        return Ok(format!("https://{host}{path}"));
    }
    if !token.starts_with('/') && allows != Allows::Path {
        return Err("URLs should either be relative (e.g. begin with a forward-slash), or use \
                    HTTPS (e.g. begin with \"https://\")."
            .into());
    }
    path_of(token, allows).ok_or_else(|| format!("Error parsing URL segment {token}. Skipping."))
}

/// Whether it leads to a host.
pub(super) fn has_host(token: &str) -> bool {
    split_host(token).is_some()
}

/// Host and path of a URL of HTTPS.
fn split_host(token: &str) -> Option<(&str, &str)> {
    let rest = token.strip_prefix("https://")?.trim_start_matches('/');
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    (!host.is_empty()).then_some((host, path))
}

fn has_port(host: &str) -> bool {
    host.rsplit_once(':')
        .is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The path as the URL parser has it, where no scheme gives it a meaning.
fn path_of(path: &str, allows: Allows) -> Option<String> {
    let slash = if path.starts_with('/') { "" } else { "/" };
    let url = Url::parse(&format!("relative://{slash}{path}")).ok()?;
    let mut text = url.path().to_owned();
    if allows == Allows::Target {
        for (mark, part) in [('?', url.query()), ('#', url.fragment())] {
            if let Some(part) = part.filter(|part| !part.is_empty()) {
                text.push(mark);
                text.push_str(part);
            }
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(pattern: &str, host: &str, path: &str) -> Option<String> {
        let captured = Pattern::new(pattern)?.fits(host, path)?;
        let pairs: Vec<_> =
            captured.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Some(pairs.join(" "))
    }

    #[test]
    fn parts_stand_for_segments_and_anything() {
        let of = |pattern, path| captured(pattern, "a.example", path);
        assert_eq!(of("/a", "/a").as_deref(), Some(""));
        assert_eq!(of("/a", "/a/"), None);
        assert_eq!(of("/a/*", "/a/b/c").as_deref(), Some("splat=b/c"));
        assert_eq!(of("/a/*", "/a/").as_deref(), Some("splat="));
        assert_eq!(of("/a/*", "/b/"), None);
        assert_eq!(of("/:x/:y_1", "/a/b").as_deref(), Some("x=a y_1=b"));
        assert_eq!(of("/:x/:y_1", "/a/b/c"), None);
        assert_eq!(of("/:x/:y_1", "/a/"), None);
        assert_eq!(of("/:x.html", "/a.b.html").as_deref(), Some("x=a.b"));
        assert_eq!(of("/:x/*", "/a/b").as_deref(), Some("x=a splat=b"));
        assert_eq!(of("/a.b+(c)", "/a.b+(c)").as_deref(), Some(""));
        assert_eq!(of("/a.b*", "/axb"), None);
        assert_eq!(of("/:1", "/:1").as_deref(), Some(""));
    }

    #[test]
    fn hosts_fit_without_their_port_and_scheme() {
        let pattern = "https://:sub.example.com/*";
        assert_eq!(captured(pattern, "x.example.com", "/y").as_deref(), Some("sub=x splat=y"));
        assert_eq!(captured(pattern, "x.y.example.com", "/y"), None);
        assert_eq!(captured("https://a.example/", "a.example", "/").as_deref(), Some(""));
        assert_eq!(captured("https://a.example/", "b.example", "/"), None);
    }

    #[test]
    fn a_name_that_stands_twice_fits_nothing() {
        assert!(Pattern::new("/*/*").is_none());
        assert!(Pattern::new("/:a/:a").is_none());
        assert!(Pattern::new("/*/:splat").is_none());
    }

    #[test]
    fn captures_take_the_place_of_their_names() {
        let captured =
            vec![("a".to_owned(), "1".to_owned()), ("splat".to_owned(), "x/y".to_owned())];
        assert_eq!(fill("/:splat?:a=:b", &captured), "/x/y?1=:b");
    }

    #[test]
    fn a_hostile_path_costs_no_more_than_its_length() {
        let pattern: String = (0..40).map(|n| format!(":a{n}-")).collect();
        let pattern = format!("/{pattern}z");
        let pattern = Pattern::new(&pattern).expect("it is one");
        assert!(pattern.fits("a", &format!("/{}", "-".repeat(16_000))).is_none());
    }

    #[test]
    fn rules_name_paths_in_their_usual_form() {
        let path = |token| normalized(token, Allows::Path);
        assert_eq!(path("/a/../b"), Ok("/b".into()));
        assert_eq!(path("a"), Ok("/a".into()));
        assert_eq!(path("/a?b#c"), Ok("/a".into()));
        assert_eq!(path("/a b\u{fc}"), Ok("/a%20b%C3%BC".into()));
        assert_eq!(path("/:x/*"), Ok("/:x/*".into()));
        assert!(path("https://a/b").is_err_and(|text| text.starts_with("Only relative")));
        let host = |token| normalized(token, Allows::PathOrHost);
        assert_eq!(host("https://:sub.a.example/x/*"), Ok("https://:sub.a.example/x/*".into()));
        assert_eq!(host("https://a.example"), Ok("https://a.example/".into()));
        assert!(
            host("https://a.example:80/").is_err_and(|text| text.starts_with("Specifying ports"))
        );
        assert!(host("http://a/").is_err_and(|text| text.starts_with("URLs should either")));
        let target = |token| normalized(token, Allows::Target);
        assert_eq!(target("/a?b#c"), Ok("/a?b#c".into()));
        assert_eq!(target("https://a.example:80/x?y"), Ok("https://a.example:80/x?y".into()));
        assert_eq!(target("//evil.example/x"), Ok("//evil.example/x".into()));
    }
}
