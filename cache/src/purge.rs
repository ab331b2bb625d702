//! What was purged: not the entries, but since when they count no more. A purge
//! costs the same however much is kept, and what is purged goes when it is next
//! asked for, or pushed out.

use std::collections::HashMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::entry::{Meta, UnixMillis};

/// An account that purges more than this is purged of everything: each further
/// purge would make every hit slower.
const MAX_PURGES: usize = 10_000;

/// What to forget of an account's responses
/// (<https://developers.cloudflare.com/cache/how-to/purge-cache/>).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Purge {
    Everything,
    /// This URL.
    Url(String),
    /// All URLs of a host, or below a path of it: `example.com/images`.
    Prefix(String),
    /// All paths that begin like this. Of responses before Workers, which have no host.
    Path(String),
    /// Responses with this tag.
    Tag(String),
}

/// The purges of all accounts.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Purges(HashMap<String, AccountPurges>);

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct AccountPurges {
    everything: UnixMillis,
    urls: HashMap<String, UnixMillis>,
    tags: HashMap<String, UnixMillis>,
    prefixes: HashMap<String, UnixMillis>,
    paths: HashMap<String, UnixMillis>,
}

impl AccountPurges {
    fn len(&self) -> usize {
        self.urls.len() + self.tags.len() + self.prefixes.len() + self.paths.len()
    }

    fn cover(&self, meta: &Meta) -> bool {
        let after = |time: &UnixMillis| *time >= meta.stored;
        let tagged = |tag: &String| self.tags.get(&tag.to_lowercase()).is_some_and(after);
        after(&self.everything)
            || self.urls.get(&meta.url).is_some_and(after)
            || meta.tags.iter().any(tagged)
            || self.prefixes.iter().any(|(it, time)| after(time) && is_below(&meta.url, it))
            || self.paths.iter().any(|(it, time)| after(time) && meta.url.starts_with(it))
    }
}

impl Purges {
    /// What was purged before, as far as the folder tells.
    pub(crate) fn load(file: &Path) -> Self {
        let text = std::fs::read(file).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// As it is kept on disk.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Forgets what was stored up to now.
    pub(crate) fn add(&mut self, account: &str, purge: Purge, now: UnixMillis) {
        let purges = self.0.entry(account.to_owned()).or_default();
        if purges.len() >= MAX_PURGES || purge == Purge::Everything {
            *purges = AccountPurges { everything: now, ..AccountPurges::default() };
            return;
        }
        match purge {
            Purge::Everything => {}
            Purge::Url(url) => drop(purges.urls.insert(url, now)),
            Purge::Path(path) => drop(purges.paths.insert(path, now)),
            Purge::Tag(tag) => drop(purges.tags.insert(tag.to_lowercase(), now)),
            Purge::Prefix(prefix) => {
                purges.prefixes.insert(prefix.trim_end_matches('/').to_owned(), now);
            }
        }
    }

    /// Whether a response was purged.
    pub(crate) fn cover(&self, meta: &Meta) -> bool {
        let of = |whose: &str| self.0.get(whose).is_some_and(|purges| purges.cover(meta));
        // What is kept before an export of a Worker goes with all of the Worker, too.
        let worker = meta.account.rfind('\0').map(|at| &meta.account[..=at]);
        of(&meta.account) || worker.is_some_and(of)
    }
}

/// Whether a URL belongs to `host/path`.
fn is_below(url: &str, prefix: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let prefix = prefix.split_once("://").map_or(prefix, |(_, rest)| rest);
    rest.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', ':']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(url: &str, tags: &[&str], stored: UnixMillis) -> Meta {
        Meta {
            account: "a".into(),
            url: url.into(),
            status: 200,
            status_text: String::new(),
            stored,
            age: 0,
            fresh_until: 1_000_000,
            stale_until: 0,
            error_until: 0,
            keep_until: 0,
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            varies_by: Vec::new(),
        }
    }

    #[test]
    fn purges_cover_what_was_stored_before_them_in_their_account() {
        let mut purges = Purges::default();
        purges.add("a", Purge::Tag("News".into()), 100);
        purges.add("a", Purge::Url("https://x.com/one".into()), 100);
        purges.add("a", Purge::Prefix("x.com/images/".into()), 100);
        assert!(purges.cover(&meta("https://x.com/", &["news"], 50)));
        assert!(!purges.cover(&meta("https://x.com/", &["news"], 101)), "stored later");
        assert!(!purges.cover(&meta("https://x.com/", &["old"], 50)));
        assert!(purges.cover(&meta("https://x.com/one", &[], 50)));
        assert!(!purges.cover(&meta("https://x.com/one?q", &[], 50)));
        assert!(purges.cover(&meta("https://x.com/images/a.png", &[], 50)));
        assert!(!purges.cover(&meta("https://x.com/images2/a.png", &[], 50)));
        let other = Meta { account: "b".into(), ..meta("https://x.com/one", &["news"], 50) };
        assert!(!purges.cover(&other), "another account's");
    }

    #[test]
    fn paths_are_told_by_how_they_begin() {
        let mut purges = Purges::default();
        purges.add("w", Purge::Path("/blog/one".into()), 100);
        let of = |url: &str| Meta { account: "w".into(), ..meta(url, &[], 50) };
        assert!(purges.cover(&of("/blog/one")));
        assert!(purges.cover(&of("/blog/one-more")));
        assert!(!purges.cover(&of("/blog/two")));
        assert!(!purges.cover(&of("/a/blog/one")));
    }

    #[test]
    fn what_is_kept_before_an_export_goes_with_all_of_its_worker() {
        let mut purges = Purges::default();
        let of = |whose: &str| Meta { account: whose.into(), ..meta("/", &[], 50) };
        purges.add("\0w\0", Purge::Everything, 100);
        assert!(purges.cover(&of("\0w\0default")) && purges.cover(&of("\0w\0Other")));
        assert!(!purges.cover(&of("\0w2\0default")) && !purges.cover(&of("w")));
    }

    #[test]
    fn everything_covers_all_and_forgets_the_rest() {
        let mut purges = Purges::default();
        purges.add("a", Purge::Tag("t".into()), 10);
        purges.add("a", Purge::Everything, 20);
        assert!(purges.cover(&meta("https://y.com/", &[], 20)));
        assert!(!purges.cover(&meta("https://y.com/", &["t"], 21)));
        let again: Purges = serde_json::from_slice(&purges.to_json()).expect("JSON");
        assert!(again.cover(&meta("https://y.com/", &[], 20)));
    }

    #[test]
    fn too_many_purges_become_one() {
        let mut purges = Purges::default();
        for number in 0..=MAX_PURGES {
            purges.add("a", Purge::Tag(number.to_string()), 10);
        }
        assert!(purges.cover(&meta("https://y.com/", &[], 9)));
    }
}
