//! What names may be: of Workers, hosts, subdomains, route patterns.

/// The longest name of a Worker: 63 characters, for it is a label of a host.
pub const MAX_WORKER_NAME: usize = 63;
/// The longest host: 253 characters.
const MAX_HOST: usize = 253;
/// The longest route pattern.
const MAX_PATTERN: usize = 1024;

/// Whether a Worker can have this name: `[a-z0-9_-]{1,63}`.
pub fn is_worker_name(name: &str) -> bool {
    (1..=MAX_WORKER_NAME).contains(&name.len())
        && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
}

/// Whether an account can have this label.
pub fn is_subdomain(label: &str) -> bool {
    is_label(label) && label.bytes().all(|b| b != b'_')
}

/// A label made of a name, for an account that gives none.
pub fn subdomain_of(name: &str) -> String {
    let mut label: String = name
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(40)
        .collect();
    while label.contains("--") {
        label = label.replace("--", "-");
    }
    let label = label.trim_matches('-');
    if label.is_empty() { "account".to_owned() } else { label.to_owned() }
}

/// A host in the form in which hosts are compared: lower case, without a dot at
/// the end. `None` if it cannot be a host name; addresses are not.
pub fn host(text: &str) -> Option<String> {
    let text = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let is_host = !text.is_empty() && text.len() <= MAX_HOST && text.split('.').all(is_label);
    let is_number = text.rsplit('.').next()?.bytes().all(|b| b.is_ascii_digit());
    (is_host && !is_number).then_some(text)
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// Whether `host` is `zone` or below it.
pub fn is_within(host: &str, zone: &str) -> bool {
    host.strip_suffix(zone).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// A route pattern, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// `http` or `https`, if it matches only that.
    pub scheme: Option<&'static str>,
    /// Which hosts.
    pub host: HostPattern,
    /// What the path begins with, or is; from its first slash.
    pub path: String,
    /// Whether anything may follow the path.
    pub open_end: bool,
}

/// Which hosts a pattern matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPattern {
    /// This one.
    Exact(String),
    /// `*.example.com`: those below, not `example.com` itself.
    Below(String),
    /// `*example.com`: `example.com` and all below it.
    With(String),
}

impl HostPattern {
    /// The name at its end, which must lie in the zone.
    pub fn name(&self) -> &str {
        match self {
            Self::Exact(name) | Self::Below(name) | Self::With(name) => name,
        }
    }

    /// Whether it matches a host, which is lower case and has no port.
    pub fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(name) => host == name,
            Self::Below(name) => host != name && is_within(host, name),
            Self::With(name) => is_within(host, name),
        }
    }
}

impl Pattern {
    /// Takes a pattern apart, as
    /// <https://developers.cloudflare.com/workers/configuration/routing/routes/>
    /// has them.
    ///
    /// # Errors
    /// Tells what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_PATTERN {
            return Err(format!("a route pattern has at most {MAX_PATTERN} characters"));
        }
        if text.bytes().any(|b| b.is_ascii_control() || b == b' ' || b == b'?' || b == b'#') {
            return Err(format!("the route pattern \"{text}\" has a query, a fragment or a space"));
        }
        let (scheme, rest) = match text.split_once("://") {
            None => (None, text),
            Some(("http", rest)) => (Some("http"), rest),
            Some(("https", rest)) => (Some("https"), rest),
            Some(("*", rest)) => (None, rest),
            Some((scheme, _)) => return Err(format!("routes have no scheme \"{scheme}\"")),
        };
        let (host_text, path) = rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash));
        let host = host_pattern(host_text)
            .ok_or_else(|| format!("\"{host_text}\" in the route \"{text}\" is not a host name"))?;
        let (path, open_end) = match path.strip_suffix('*') {
            Some(path) => (path, true),
            None => (path, false),
        };
        if path.contains('*') {
            return Err(format!(
                "the route pattern \"{text}\" has a wildcard (*) in the middle of its path"
            ));
        }
        Ok(Self { scheme, host, path: path.to_owned(), open_end })
    }
}

fn host_pattern(text: &str) -> Option<HostPattern> {
    if let Some(below) = text.strip_prefix("*.") {
        return Some(HostPattern::Below(host(below)?));
    }
    if let Some(with) = text.strip_prefix('*') {
        return Some(HostPattern::With(host(with)?));
    }
    Some(HostPattern::Exact(host(text)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_workers_are_labels() {
        for name in ["a", "my-worker", "my_worker", "0", &"a".repeat(63)] {
            assert!(is_worker_name(name), "{name}");
        }
        for name in ["", "A", "a.b", "a/b", "ä", "a b", &"a".repeat(64)] {
            assert!(!is_worker_name(name), "{name}");
        }
    }

    #[test]
    fn hosts_are_compared_in_one_form() {
        assert_eq!(host("Example.COM."), Some("example.com".to_owned()));
        for text in ["", ".", "a..b", "-a.com", "a-.com", "1.2.3.4", "[::1]", "a:80", "ä.de", "*.a"]
        {
            assert_eq!(host(text), None, "{text}");
        }
    }

    #[test]
    fn a_name_is_within_a_zone_by_labels() {
        assert!(is_within("example.com", "example.com"));
        assert!(is_within("a.b.example.com", "example.com"));
        assert!(!is_within("badexample.com", "example.com"));
        assert!(!is_within("com", "example.com"));
    }

    #[test]
    fn patterns_are_taken_apart() {
        let pattern = Pattern::parse("https://*.Example.com/api/*").expect("valid");
        assert_eq!(pattern.scheme, Some("https"));
        assert_eq!(pattern.host, HostPattern::Below("example.com".to_owned()));
        assert_eq!((pattern.path.as_str(), pattern.open_end), ("/api/", true));
        let pattern = Pattern::parse("example.com").expect("valid");
        assert_eq!((pattern.path.as_str(), pattern.open_end), ("/", false));
        for text in
            ["", "/", "*", "ftp://a.com/", "a.com/a*b", "a.com/?x", "a b.com/", "*.*.com/", "a.*/"]
        {
            Pattern::parse(text).expect_err(text);
        }
    }

    #[test]
    fn a_star_without_a_dot_has_the_name_itself_too() {
        let with = Pattern::parse("*example.com/*").expect("valid").host;
        assert!(with.matches("example.com") && with.matches("a.example.com"));
        assert!(!with.matches("badexample.com"), "that is another owner's");
        let below = Pattern::parse("*.example.com/*").expect("valid").host;
        assert!(!below.matches("example.com") && below.matches("a.b.example.com"));
    }

    #[test]
    fn labels_are_made_of_names() {
        assert_eq!(subdomain_of("Jane's  Team!"), "jane-s-team");
        assert_eq!(subdomain_of("日本"), "account");
    }
}
