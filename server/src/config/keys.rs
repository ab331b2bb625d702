//! The keys of wrangler's configuration: which there are, how environments
//! get them, what may stand in them, and what Selvedge does about them
//! (<https://developers.cloudflare.com/workers/wrangler/configuration/>).

mod shapes;
mod table;

pub(super) use table::KEYS;

use super::schema::Shape;

/// How a `[env.NAME]` gets a key that it does not set itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// From the top level.
    Inheritable,
    /// Not at all: it must be repeated.
    NotInheritable,
    /// It stands at the top level only.
    TopLevel,
}

/// What a key does here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Support {
    /// What it does on Cloudflare.
    Acts,
    /// It is read for commands other than `run`, or shown.
    Read,
    /// Nothing yet, and the Worker may miss it.
    NotYet,
    /// Nothing, and nothing is missing: it is about uploading or wrangler
    /// itself.
    Elsewhere,
}

/// One key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) scope: Scope,
    pub(super) support: Support,
    pub(super) shape: Shape,
    /// What it does here, or what it is about: for the documentation.
    #[cfg(test)]
    pub(super) about: &'static str,
}

/// The key of this name.
pub(super) fn key(name: &str) -> Option<Key> {
    KEYS.iter().copied().find(|key| key.name == name)
}

/// All names.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|key| key.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_stands_once() {
        let mut all: Vec<_> = names().collect();
        all.sort_unstable();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    /// The table of docs/configuration.md.
    fn documented() -> String {
        use std::fmt::Write as _;
        let mut text = String::from("| key | environments | here | |\n|---|---|---|---|\n");
        for key in KEYS {
            let scope = match key.scope {
                Scope::Inheritable => "inherit it",
                Scope::NotInheritable => "repeat it",
                Scope::TopLevel => "top level only",
            };
            let support = match key.support {
                Support::Acts => "acts",
                Support::Read => "is read",
                Support::NotYet => "not yet",
                Support::Elsewhere => "no meaning",
            };
            let _ = writeln!(text, "| `{}` | {scope} | {support} | {} |", key.name, key.about);
        }
        text
    }

    #[test]
    fn the_documentation_lists_every_key() {
        let path =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
        let page = std::fs::read_to_string(path).expect("docs/configuration.md");
        let table = documented();
        assert!(page.contains(&table), "docs/configuration.md should hold this:\n{table}");
    }
}
