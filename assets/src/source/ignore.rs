//! `.assetsignore`: patterns as git has them, which say what of a folder is not
//! served (<https://git-scm.com/docs/gitignore#_pattern_format>).

use globset::{GlobBuilder, GlobMatcher};

/// What is left out before the folder's own patterns are read, which can take it
/// back with `!`: what the server reads itself, what begins with a dot but for
/// `.well-known` (RFC 8615), packages, and the configuration.
const BUILT_IN: &[&str] =
    &[".*", "!.well-known", "node_modules/", "/wrangler.toml", "/wrangler.json", "/wrangler.jsonc"];
/// What is never served.
const NEVER: &[&str] = &["/.assetsignore", "/_headers", "/_redirects"];

/// Patterns in their order; the last one that fits decides.
#[derive(Debug)]
pub(super) struct Patterns {
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    matcher: GlobMatcher,
    /// It takes back what others leave out.
    takes_back: bool,
    only_folders: bool,
}

/// What a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
}

impl Patterns {
    /// The built-in patterns and those of a file, and warnings about lines that
    /// are no pattern.
    pub(super) fn new(text: &str) -> (Self, Vec<String>) {
        let mut rules = Vec::new();
        let mut warnings = Vec::new();
        let own = text.lines().enumerate().map(|(index, line)| (Some(index + 1), line));
        let built_in = BUILT_IN.iter().map(|line| (None, *line));
        let never = NEVER.iter().map(|line| (None, *line));
        for (number, line) in built_in.chain(own).chain(never) {
            match Rule::new(line) {
                Ok(rule) => rules.extend(rule),
                Err(error) => warnings.push(format!(
                    ".assetsignore:{}: this line is no pattern: {error}",
                    number.unwrap_or_default()
                )),
            }
        }
        (Self { rules }, warnings)
    }

    /// Whether this path, relative to the folder, is left out. That nothing above
    /// it is left out is known.
    pub(super) fn leaves_out(&self, path: &str, kind: Kind) -> bool {
        let fits = |rule: &&Rule| {
            (kind == Kind::Folder || !rule.only_folders) && rule.matcher.is_match(path)
        };
        self.rules.iter().rev().find(fits).is_some_and(|rule| !rule.takes_back)
    }

    /// The same for a file of which nothing is known.
    pub(super) fn leaves_out_deep(&self, path: &str) -> bool {
        let above = path.match_indices('/').map(|(end, _)| &path[..end]);
        above.into_iter().any(|folder| self.leaves_out(folder, Kind::Folder))
            || self.leaves_out(path, Kind::File)
    }
}

impl Rule {
    /// The rule of a line; `None` for comments and empty lines.
    fn new(line: &str) -> Result<Option<Self>, globset::Error> {
        let line = without_trailing_spaces(line.trim_end_matches(['\r', '\n']));
        if line.is_empty() || line.starts_with('#') {
            return Ok(None);
        }
        let (takes_back, line) = match line.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, line),
        };
        let (only_folders, line) = match line.strip_suffix('/') {
            Some(rest) => (true, rest),
            None => (false, line),
        };
        if line.is_empty() {
            return Ok(None);
        }
        // Braces mean nothing to git.
        let escaped = line.replace('{', "[{]").replace('}', "[}]");
        let glob = match escaped.strip_prefix('/') {
            Some(rest) => rest.to_owned(),
            None if escaped.contains('/') => escaped,
            None => format!("**/{escaped}"),
        };
        let glob = GlobBuilder::new(&glob)
            .literal_separator(true)
            .backslash_escape(true)
            .case_insensitive(true)
            .build()?;
        Ok(Some(Self { matcher: glob.compile_matcher(), takes_back, only_folders }))
    }
}

/// Spaces at the end count only after a backslash.
fn without_trailing_spaces(line: &str) -> &str {
    let trimmed = line.trim_end_matches([' ', '\t']);
    if trimmed.len() < line.len() && trimmed.ends_with('\\') {
        return &line[..=trimmed.len()];
    }
    trimmed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left_out(patterns: &str, path: &str) -> bool {
        let (patterns, warnings) = Patterns::new(patterns);
        assert_eq!(warnings, [""; 0]);
        patterns.leaves_out_deep(path)
    }

    #[test]
    fn patterns_are_those_of_git() {
        for (patterns, path, expected) in [
            ("*.map", "a/b.js.map", true),
            ("*.map", "a/b.js", false),
            ("/a.txt", "a.txt", true),
            ("/a.txt", "b/a.txt", false),
            ("b/a.txt", "b/a.txt", true),
            ("b/a.txt", "c/b/a.txt", false),
            ("b/", "b/c/d", true),
            ("b/", "x/b", false),
            ("b/", "x/b/c", true),
            ("*.txt\n!keep.txt", "keep.txt", false),
            ("*.txt\n!keep.txt", "lose.txt", true),
            ("b/\n!b/keep", "b/keep", true),
            ("**/x/*.js", "a/b/x/y.js", true),
            ("**/x/*.js", "x/y/z.js", false),
            ("a/**", "a/b/c", true),
            ("a/**/c", "a/c", true),
            ("READ*", "readme", true),
            ("# a comment\n\n  \n", "# a comment", false),
            ("\\#x", "#x", true),
            ("\\!x", "!x", true),
            ("{a,b}", "a", false),
            ("{a,b}", "{a,b}", true),
            ("x  ", "x", true),
            ("x\\ ", "x ", true),
            ("[ab].txt", "b.txt", true),
            ("[!ab].txt", "b.txt", false),
            ("a?c", "a/c", false),
            ("x\r\ny\r\n", "x", true),
        ] {
            assert_eq!(left_out(patterns, path), expected, "{patterns:?} {path:?}");
        }
    }

    #[test]
    fn hidden_files_and_the_configuration_are_left_out() {
        for path in [
            ".env",
            ".git/config",
            "a/.htpasswd",
            ".dev.vars",
            "node_modules/x/y.js",
            "a/node_modules/z.js",
            "wrangler.toml",
            "wrangler.jsonc",
            ".assetsignore",
            "_headers",
            "_redirects",
        ] {
            assert!(left_out("", path), "{path}");
        }
        for path in [".well-known/security.txt", "a/_headers", "a/wrangler.toml", "x.env"] {
            assert!(!left_out("", path), "{path}");
        }
    }

    #[test]
    fn the_folder_can_take_back_all_but_what_the_server_reads() {
        assert!(!left_out("!.env", ".env"));
        assert!(!left_out("!/wrangler.toml", "wrangler.toml"));
        assert!(left_out("!_headers\n!.assetsignore", "_headers"));
        assert!(left_out("!_headers\n!.assetsignore", ".assetsignore"));
    }

    #[test]
    fn what_is_no_pattern_is_told() {
        let (_, warnings) = Patterns::new("ok\n[broken\n");
        assert_eq!(warnings.len(), 1);
        assert!(
            warnings[0].starts_with(".assetsignore:2: this line is no pattern"),
            "{warnings:?}"
        );
    }
}
