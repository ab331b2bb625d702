//! Module rules: which kind of module a file is, by its path.
//!
//! As in wrangler, the first rule of a type ends that type, wrangler's own
//! default included, unless it says `fallthrough = true`. JavaScript and JSON
//! are different: wrangler bundles them whatever the rules say, so here their
//! defaults always stand.

use globset::{GlobBuilder, GlobMatcher};
use selvedge_runtime::ModuleKind;

/// Where a rule comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Configured,
    Default,
}

/// One rule of the configuration.
#[derive(Debug, Clone)]
pub struct Rule {
    pub kind: ModuleKind,
    pub globs: Vec<String>,
    /// Whether later rules of the same kind are looked at.
    pub fallthrough: Option<bool>,
}

/// All rules of a Worker, in the order in which they are asked.
#[derive(Debug, Clone)]
pub struct Rules {
    active: Vec<CompiledRule>,
    ended: Vec<CompiledRule>,
}

#[derive(Debug, Clone)]
struct CompiledRule {
    kind: ModuleKind,
    origin: Origin,
    globs: Vec<String>,
    matchers: Vec<GlobMatcher>,
}

/// What the rules say of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    Kind(ModuleKind),
    /// Only a rule matches that an earlier one of its type ended.
    Ended(ModuleKind),
    Nothing,
}

/// The rules that follow the configured ones.
const DEFAULTS: &[(ModuleKind, &[&str])] = &[
    (ModuleKind::Text, &["**/*.txt", "**/*.html", "**/*.sql"]),
    (ModuleKind::Data, &["**/*.bin"]),
    (ModuleKind::Wasm, &["**/*.wasm", "**/*.wasm?module"]),
    (ModuleKind::EsModule, &["**/*.js", "**/*.mjs"]),
    (ModuleKind::CommonJs, &["**/*.cjs"]),
    (ModuleKind::Json, &["**/*.json"]),
];

impl Default for Rules {
    fn default() -> Self {
        Self::new(Vec::new()).expect("the default rules are globs").0
    }
}

impl Rules {
    /// Puts the configured rules before the defaults. Also returns warnings
    /// about rules without effect.
    ///
    /// # Errors
    /// With the number of the rule and the reason when a glob is not one.
    pub fn new(configured: Vec<Rule>) -> Result<(Self, Vec<String>), (usize, String)> {
        let defaults = DEFAULTS.iter().map(|(kind, globs)| Rule {
            kind: *kind,
            globs: globs.iter().map(|glob| (*glob).to_owned()).collect(),
            fallthrough: None,
        });
        let mut rules = Self { active: Vec::new(), ended: Vec::new() };
        let mut warnings = Vec::new();
        let mut ends: Vec<(ModuleKind, Option<bool>)> = Vec::new();
        let count = configured.len();
        for (index, rule) in configured.into_iter().chain(defaults).enumerate() {
            let origin = if index < count { Origin::Configured } else { Origin::Default };
            let compiled = CompiledRule::new(&rule, origin).map_err(|reason| (index, reason))?;
            let ended = ends.iter().find(|(kind, _)| *kind == rule.kind).map(|(_, how)| *how);
            let always = origin == Origin::Default && is_bundled(rule.kind);
            match ended {
                Some(how) if !always => {
                    if how.is_none() {
                        warnings.push(ended_warning(&compiled));
                    }
                    rules.ended.push(compiled);
                }
                _ => {
                    if ended.is_none() && rule.fallthrough != Some(true) {
                        ends.push((rule.kind, rule.fallthrough));
                    }
                    rules.active.push(compiled);
                }
            }
        }
        Ok((rules, warnings))
    }

    /// What a file is that a module imports. The path has `/` and is relative.
    pub fn of(&self, path: &str) -> Match {
        if let Some(rule) = self.active.iter().find(|rule| rule.matches(path)) {
            return Match::Kind(rule.kind);
        }
        let ended = self.ended.iter().find(|rule| rule.matches(path));
        ended.map_or(Match::Nothing, |rule| Match::Ended(rule.kind))
    }

    /// What a file is that nothing imports by name and that lies in the
    /// Worker's folder: code only counts when a configured rule asks for it.
    pub fn of_additional(&self, path: &str) -> Option<ModuleKind> {
        self.active
            .iter()
            .filter(|rule| rule.origin == Origin::Configured || !is_bundled(rule.kind))
            .find(|rule| rule.matches(path))
            .map(|rule| rule.kind)
    }
}

impl CompiledRule {
    fn new(rule: &Rule, origin: Origin) -> Result<Self, String> {
        let matchers = rule.globs.iter().map(|glob| matcher(glob)).collect::<Result<_, _>>()?;
        Ok(Self { kind: rule.kind, origin, globs: rule.globs.clone(), matchers })
    }

    fn matches(&self, path: &str) -> bool {
        self.matchers.iter().any(|matcher| matcher.is_match(path))
    }
}

/// A matcher for wrangler's globs, in which only `*` and `**` are special.
fn matcher(glob: &str) -> Result<GlobMatcher, String> {
    let mut escaped = String::with_capacity(glob.len());
    for character in glob.chars() {
        match character {
            '?' | '[' | ']' | '{' | '}' => {
                escaped.push('[');
                escaped.push(character);
                escaped.push(']');
            }
            other => escaped.push(other),
        }
    }
    GlobBuilder::new(&escaped)
        .literal_separator(true)
        .backslash_escape(false)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|error| error.kind().to_string())
}

/// Whether wrangler bundles files of this kind without asking the rules.
fn is_bundled(kind: ModuleKind) -> bool {
    matches!(kind, ModuleKind::EsModule | ModuleKind::CommonJs | ModuleKind::Json)
}

fn ended_warning(rule: &CompiledRule) -> String {
    let whose = if rule.origin == Origin::Default { "default " } else { "" };
    format!(
        "the {whose}module rule for {} is ignored: an earlier rule has the same type; add \
         `fallthrough = true` to that one to use both, or `fallthrough = false` to silence this",
        rule.globs.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(kind: ModuleKind, glob: &str, fallthrough: Option<bool>) -> Rule {
        Rule { kind, globs: vec![glob.to_owned()], fallthrough }
    }

    #[test]
    fn defaults_are_those_of_wrangler() {
        let rules = Rules::default();
        for (path, kind) in [
            ("a.js", ModuleKind::EsModule),
            ("lib/deep/a.mjs", ModuleKind::EsModule),
            ("a.cjs", ModuleKind::CommonJs),
            ("a.wasm", ModuleKind::Wasm),
            ("a.wasm?module", ModuleKind::Wasm),
            ("a.bin", ModuleKind::Data),
            ("page.html", ModuleKind::Text),
            ("schema.sql", ModuleKind::Text),
            ("a.json", ModuleKind::Json),
        ] {
            assert_eq!(rules.of(path), Match::Kind(kind), "{path}");
        }
        assert_eq!(rules.of("a.graphql"), Match::Nothing);
        assert_eq!(rules.of("a.wasmxmodule"), Match::Nothing);
    }

    #[test]
    fn a_rule_ends_its_type_unless_it_falls_through() {
        let (rules, warnings) =
            Rules::new(vec![rule(ModuleKind::Text, "**/*.md", None)]).expect("a glob");
        assert_eq!(rules.of("a.md"), Match::Kind(ModuleKind::Text));
        assert_eq!(rules.of("a.txt"), Match::Ended(ModuleKind::Text));
        assert_eq!(warnings.len(), 1, "{warnings:?}");

        let (rules, warnings) =
            Rules::new(vec![rule(ModuleKind::Text, "**/*.md", Some(true))]).expect("a glob");
        assert_eq!(rules.of("a.txt"), Match::Kind(ModuleKind::Text));
        assert!(warnings.is_empty());

        let (rules, warnings) =
            Rules::new(vec![rule(ModuleKind::Text, "**/*.md", Some(false))]).expect("a glob");
        assert_eq!(rules.of("a.txt"), Match::Ended(ModuleKind::Text));
        assert!(warnings.is_empty());
    }

    #[test]
    fn javascript_stays_javascript_whatever_the_rules_leave_out() {
        let (rules, warnings) =
            Rules::new(vec![rule(ModuleKind::EsModule, "lib/**/*.js", None)]).expect("a glob");
        assert_eq!(rules.of("other.js"), Match::Kind(ModuleKind::EsModule));
        assert_eq!(rules.of_additional("lib/a.js"), Some(ModuleKind::EsModule));
        assert_eq!(rules.of_additional("other.js"), None);
        assert_eq!(rules.of_additional("a.wasm"), Some(ModuleKind::Wasm));
        assert!(warnings.is_empty());
    }

    #[test]
    fn only_stars_are_special() {
        let (rules, _) =
            Rules::new(vec![rule(ModuleKind::Text, "routes/[id]/*.{md}", None)]).expect("a glob");
        assert_eq!(rules.of("routes/[id]/a.{md}"), Match::Kind(ModuleKind::Text));
        assert_eq!(rules.of("routes/i/a.md"), Match::Nothing);
        assert_eq!(rules.of("routes/[id]/deep/a.{md}"), Match::Nothing);
    }
}
