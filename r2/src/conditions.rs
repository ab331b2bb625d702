//! Conditions of a `get` or `put`: `onlyIf`, and the headers that mean the same
//! (<https://httpwg.org/specs/rfc9110.html#preconditions>).

use serde::{Deserialize, Serialize};

use crate::object::UnixMillis;

/// What must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Conditions {
    /// One of them is the object's.
    pub etag_matches: Option<Vec<Etag>>,
    /// None of them is the object's.
    pub etag_does_not_match: Option<Vec<Etag>>,
    pub uploaded_before: Option<UnixMillis>,
    pub uploaded_after: Option<UnixMillis>,
    /// Times count in whole seconds, as those of headers do.
    pub seconds_granularity: bool,
}

/// An etag in a condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "lowercase")]
pub enum Etag {
    /// That of any object.
    Wildcard,
    Strong(String),
    Weak(String),
}

/// What of an object conditions look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub etag: String,
    pub uploaded: UnixMillis,
}

impl Etag {
    /// What `onlyIf` gives: an etag without quotes, or `*`.
    pub fn plain(text: &str) -> Self {
        if text == "*" { Self::Wildcard } else { Self::Strong(text.to_owned()) }
    }

    /// The list of an `If-Match` or `If-None-Match`; `None` if it is not one.
    pub fn list(header: &str) -> Option<Vec<Self>> {
        let mut etags = Vec::new();
        let mut rest = header.trim();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('*') {
                etags.push(Self::Wildcard);
                rest = after;
            } else {
                let weak = rest.strip_prefix("W/");
                let (value, after) = weak.unwrap_or(rest).strip_prefix('"')?.split_once('"')?;
                let value = value.to_owned();
                etags.push(if weak.is_some() { Self::Weak(value) } else { Self::Strong(value) });
                rest = after;
            }
            rest = rest.trim_start();
            if let Some(after) = rest.strip_prefix(',') {
                rest = after.trim_start();
            } else if !rest.is_empty() {
                return None;
            }
        }
        (!etags.is_empty()).then_some(etags)
    }

    fn is(&self, etag: &str, weakly: bool) -> bool {
        match self {
            Self::Wildcard => true,
            Self::Strong(value) => value == etag,
            Self::Weak(value) => weakly && value == etag,
        }
    }
}

impl Conditions {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.etag_matches.is_none()
            && self.etag_does_not_match.is_none()
            && self.uploaded_before.is_none()
            && self.uploaded_after.is_none()
    }

    /// Whether they hold for an object, or for there being none.
    pub fn hold(&self, object: Option<&Seen>) -> bool {
        let Some(object) = object else {
            return self.etag_matches.is_none() && self.uploaded_after.is_none();
        };
        let at = |millis: UnixMillis| {
            if self.seconds_granularity { millis.div_euclid(1000) } else { millis }
        };
        let any = |etags: &Option<Vec<Etag>>, weakly| {
            etags.as_ref().map(|etags| etags.iter().any(|etag| etag.is(&object.etag, weakly)))
        };
        let matches = any(&self.etag_matches, false);
        let differs = any(&self.etag_does_not_match, true).map(|found| !found);
        // An etag that was found says more than a time does.
        let before = self.uploaded_before.is_none_or(|time| at(object.uploaded) < at(time));
        let after = self.uploaded_after.is_none_or(|time| at(object.uploaded) > at(time));
        matches.unwrap_or(true)
            && differs.unwrap_or(true)
            && (before || matches == Some(true))
            && (after || differs == Some(true))
    }

    /// Those of a request's headers. `None` for a header that makes no sense,
    /// with its name.
    ///
    /// # Errors
    /// The name of a header that is no list of etags.
    pub fn of_headers<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Result<Self, &'static str> {
        let etags = |name: &'static str| match get(name) {
            None => Ok(None),
            Some(value) => Etag::list(value).map(Some).ok_or(name),
        };
        let time = |name: &str| {
            let time = httpdate::parse_http_date(get(name)?).ok()?;
            let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
            i64::try_from(since.as_millis()).ok()
        };
        Ok(Self {
            etag_matches: etags("if-match")?,
            etag_does_not_match: etags("if-none-match")?,
            uploaded_before: time("if-unmodified-since"),
            uploaded_after: time("if-modified-since"),
            seconds_granularity: true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen() -> Seen {
        Seen { etag: "abc".into(), uploaded: 5500 }
    }

    #[test]
    fn etags_are_compared() {
        let with =
            |etags: &str| Conditions { etag_matches: Etag::list(etags), ..Conditions::default() };
        assert!(with("\"abc\"").hold(Some(&seen())));
        assert!(with("\"x\", \"abc\"").hold(Some(&seen())));
        assert!(with("*").hold(Some(&seen())));
        assert!(!with("W/\"abc\"").hold(Some(&seen())));
        assert!(!with("*").hold(None));
        let not = |etags: &str| Conditions {
            etag_does_not_match: Etag::list(etags),
            ..Conditions::default()
        };
        assert!(!not("W/\"abc\"").hold(Some(&seen())));
        assert!(not("\"x\"").hold(Some(&seen())));
        assert!(not("*").hold(None));
    }

    #[test]
    fn times_are_compared() {
        let before = |time| Conditions { uploaded_before: Some(time), ..Conditions::default() };
        assert!(before(5501).hold(Some(&seen())) && !before(5500).hold(Some(&seen())));
        assert!(before(0).hold(None));
        let after = |time| Conditions { uploaded_after: Some(time), ..Conditions::default() };
        assert!(after(5499).hold(Some(&seen())) && !after(5500).hold(Some(&seen())));
        assert!(!after(0).hold(None));
        let seconds = Conditions { seconds_granularity: true, ..after(5100) };
        assert!(!seconds.hold(Some(&seen())));
        let etag = Conditions { etag_matches: Etag::list("\"abc\""), ..before(0) };
        assert!(etag.hold(Some(&seen())), "the etag says more");
    }

    #[test]
    fn headers_that_make_no_sense_are_named() {
        let of = |name: &'static str, value: &'static str| {
            Conditions::of_headers(move |asked| (asked == name).then_some(value))
        };
        assert_eq!(of("if-match", "abc"), Err("if-match"));
        assert_eq!(of("if-none-match", "\"a\" \"b\""), Err("if-none-match"));
        assert_eq!(of("if-match", ""), Err("if-match"));
        assert_eq!(of("if-modified-since", "x").expect("as none").uploaded_after, None);
        let at = of("if-modified-since", "Thu, 01 Jan 1970 00:00:10 GMT").expect("a date");
        assert_eq!(at.uploaded_after, Some(10_000));
    }
}
