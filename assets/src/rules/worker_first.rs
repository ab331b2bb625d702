//! `run_worker_first`: which requests the Worker gets before assets do.

use crate::config::RunWorkerFirst;

/// Patterns at most.
const MAX_RULES: usize = 100;
/// Characters of a pattern at most.
const MAX_RULE_LENGTH: usize = 100;

/// `run_worker_first`, checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum WorkerFirst {
    /// No request.
    #[default]
    Never,
    /// Each request.
    Always,
    /// Those that fit.
    Paths {
        /// Patterns with `!`: assets, and nothing else.
        assets: Vec<Glob>,
        /// The Worker.
        worker: Vec<Glob>,
    },
}

/// Who gets a request, as far as these rules say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum First {
    Worker,
    Assets,
    /// An asset if there is one.
    Undecided,
}

impl WorkerFirst {
    /// Checks the patterns.
    ///
    /// # Errors
    /// What is wrong with them, in wrangler's words.
    pub(crate) fn new(config: &RunWorkerFirst) -> Result<Self, String> {
        let rules = match config {
            RunWorkerFirst::Always(false) => return Ok(Self::Never),
            RunWorkerFirst::Always(true) => return Ok(Self::Always),
            RunWorkerFirst::Paths(rules) => rules,
        };
        if rules.is_empty() {
            return Err(
                "No `run_worker_first` rules were provided; must provide at least 1 rule.".into()
            );
        }
        if rules.len() > MAX_RULES {
            return Err(format!(
                "Too many `run_worker_first` rules were provided; {} rules provided exceeds max of {MAX_RULES}.",
                rules.len()
            ));
        }
        let (mut assets, mut worker, mut problems) = (Vec::new(), Vec::new(), Vec::new());
        for rule in rules {
            if rule.starts_with("!/") {
                assets.push(rule.as_str());
            } else if rule.starts_with('/') {
                worker.push(rule.as_str());
            } else if rule.starts_with('!') {
                problems.push(format!("'{rule}': negative rules must start with '!/'"));
            } else {
                problems.push(format!("'{rule}': rules must start with '/' or '!/'"));
            }
        }
        if !assets.is_empty() && worker.is_empty() {
            return Err("Only negative `run_worker_first` rules were provided; must provide at \
                        least 1 non-negative rule"
                .into());
        }
        problems.extend(redundant(&worker));
        problems.extend(redundant(&assets));
        if !problems.is_empty() {
            return Err(format!("Invalid routes in `run_worker_first`:\n{}", problems.join("\n")));
        }
        let globs = |rules: &[&str]| {
            rules.iter().map(|rule| Glob::new(rule.trim_start_matches('!'))).collect()
        };
        Ok(Self::Paths { assets: globs(&assets), worker: globs(&worker) })
    }

    /// Who gets a request for this path, as its URL has it.
    pub(crate) fn decide(&self, path: &str) -> First {
        match self {
            Self::Never => First::Undecided,
            Self::Always => First::Worker,
            Self::Paths { assets, .. } if assets.iter().any(|glob| glob.fits(path)) => {
                First::Assets
            }
            Self::Paths { worker, .. } if worker.iter().any(|glob| glob.fits(path)) => {
                First::Worker
            }
            Self::Paths { .. } => First::Undecided,
        }
    }

    /// Whether these are patterns.
    pub(crate) fn has_paths(&self) -> bool {
        matches!(self, Self::Paths { .. })
    }
}

/// Patterns that are too long, stand twice, or that another one covers.
fn redundant(rules: &[&str]) -> Vec<String> {
    let mut problems = Vec::new();
    for (at, rule) in rules.iter().enumerate() {
        if rule.chars().count() > MAX_RULE_LENGTH {
            problems.push(format!(
                "'{rule}': all rules must be less than {MAX_RULE_LENGTH} characters in length"
            ));
        }
        if rules[..at].contains(rule) {
            problems.push(format!("'{rule}': rule is a duplicate; rules must be unique"));
        }
        if let Some(prefix) = rule.strip_suffix('*') {
            let covered = rules.iter().filter(|other| *other != rule && other.starts_with(prefix));
            problems.extend(
                covered.map(|other| format!("'{other}': rule '{rule}' makes it redundant")),
            );
        }
    }
    problems
}

/// A pattern in which `*` stands for any characters, `/` too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Glob {
    /// What stands between the stars.
    parts: Vec<String>,
}

impl Glob {
    fn new(pattern: &str) -> Self {
        Self { parts: pattern.split('*').map(str::to_owned).collect() }
    }

    /// Whether all of the path fits. It takes time in proportion to its length.
    pub(crate) fn fits(&self, path: &str) -> bool {
        let [first, middle @ .., last] = &self.parts[..] else {
            return self.parts.first().is_some_and(|only| only == path);
        };
        let Some(mut rest) = path.strip_prefix(first.as_str()) else { return false };
        for part in middle {
            match rest.find(part.as_str()) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        rest.ends_with(last.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(rules: &[&str]) -> Result<WorkerFirst, String> {
        let rules = rules.iter().map(|rule| (*rule).to_owned()).collect();
        WorkerFirst::new(&RunWorkerFirst::Paths(rules))
    }

    #[test]
    fn stars_stand_for_any_characters() {
        for (pattern, path, fits) in [
            ("/api/*", "/api/", true),
            ("/api/*", "/api/a/b", true),
            ("/api/*", "/api", false),
            ("/a", "/a", true),
            ("/a", "/a/", false),
            ("/*/x", "/a/b/x", true),
            ("/*/x", "/x", false),
            ("/a*a", "/a", false),
            ("/a*a", "/aa", true),
            ("/*.js", "/a.js.js", true),
            ("/a.b", "/axb", false),
            ("*", "/anything", true),
            ("/*a*b*c", "/xaxbxc", true),
            ("/*a*b*c", "/xaxcxb", false),
        ] {
            assert_eq!(Glob::new(pattern).fits(path), fits, "{pattern} {path}");
        }
    }

    #[test]
    fn patterns_with_a_mark_go_before_the_others() {
        let rules = paths(&["/api/*", "!/api/docs/*"]).expect("they are valid");
        assert_eq!(rules.decide("/api/x"), First::Worker);
        assert_eq!(rules.decide("/api/docs/x"), First::Assets);
        assert_eq!(rules.decide("/x"), First::Undecided);
        assert!(rules.has_paths());
    }

    #[test]
    fn flags_are_all_or_nothing() {
        let of = |flag| WorkerFirst::new(&RunWorkerFirst::Always(flag)).expect("it is valid");
        assert_eq!(of(true).decide("/"), First::Worker);
        assert_eq!(of(false).decide("/"), First::Undecided);
    }

    #[test]
    fn wrong_patterns_are_named() {
        let error = |rules: &[&str]| paths(rules).expect_err("they are wrong");
        assert!(error(&[]).contains("at least 1 rule"));
        assert!(error(&["!/a"]).starts_with("Only negative"));
        assert!(error(&["a"]).ends_with("'a': rules must start with '/' or '!/'"));
        assert!(error(&["/", "!a"]).ends_with("'!a': negative rules must start with '!/'"));
        assert!(error(&["/a", "/a"]).ends_with("'/a': rule is a duplicate; rules must be unique"));
        assert!(error(&["/a/b", "/a/*"]).ends_with("'/a/b': rule '/a/*' makes it redundant"));
        let long = format!("/{}", "x".repeat(100));
        assert!(error(&[&long]).contains("must be less than 100 characters"));
        let many: Vec<String> = (0..101).map(|n| format!("/{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(error(&many).contains("101 rules provided exceeds max of 100"));
    }
}
