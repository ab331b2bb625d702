//! One configuration file seen through one environment: which value of a key
//! holds, and where it stands.

use std::path::Path;

use super::diagnostic::{Diagnostic, nearest, shown};
use super::keys::{self, Scope, Support};
use super::tree::{self, Entry, Node, Table, Value};

/// A configuration file and the environment that was asked for.
pub(super) struct Settings<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
    top: Table,
    /// The name and the table of the environment.
    env: Option<(&'a str, Table)>,
}

/// A value that holds, under the name that messages give it.
pub(super) struct Setting<'a> {
    pub(super) name: String,
    pub(super) node: &'a Node,
}

impl<'a> Settings<'a> {
    /// Reads a file; its extension says whether it is TOML or JSON.
    pub(super) fn parse(
        path: &'a Path,
        text: &'a str,
        env: Option<&'a str>,
    ) -> Result<Self, Diagnostic> {
        let is_toml = path.extension().is_some_and(|extension| extension == "toml");
        let parsed = if is_toml { tree::parse_toml(text) } else { tree::parse_json(text) };
        let top = parsed.map_err(|error| {
            let format = if is_toml { "TOML" } else { "JSON" };
            Diagnostic::new(format!("not valid {format}: {}", error.message)).at(
                path,
                text,
                error.offset,
            )
        })?;
        let mut settings = Self { path, text, top, env: None };
        if let Some(name) = env {
            settings.env = Some((name, settings.environment(name)?));
        }
        Ok(settings)
    }

    fn environment(&self, name: &str) -> Result<Table, Diagnostic> {
        let environments = match self.top.get("env") {
            None => Table::default(),
            Some(entry) => self.table("env", &entry.node)?.clone(),
        };
        if let Some(entry) = environments.get(name) {
            return self.table(&format!("env.{name}"), &entry.node).cloned();
        }
        let names: Vec<_> = environments.0.iter().map(|entry| entry.key.as_str()).collect();
        let hint = match nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None if names.is_empty() => "it has none".into(),
            None => format!("it has: {}", names.join(", ")),
        };
        Err(Diagnostic::new(format!("there is no environment \"{name}\" in {}", shown(self.path)))
            .with_hint(hint))
    }

    /// The value of a key, as wrangler's rules of inheritance give it.
    pub(super) fn get(&self, key: &str) -> Option<Setting<'_>> {
        let scope = keys::key(key).map_or(Scope::Inheritable, |key| key.scope);
        if let Some((env, table)) = &self.env
            && scope != Scope::TopLevel
        {
            if let Some(entry) = table.get(key) {
                return Some(Setting { name: format!("env.{env}.{key}"), node: &entry.node });
            }
            if scope == Scope::NotInheritable {
                return None;
            }
        }
        self.top.get(key).map(|entry| Setting { name: key.to_owned(), node: &entry.node })
    }

    /// Whether the environment itself, and not the top level, sets a key.
    pub(super) fn env_sets(&self, key: &str) -> bool {
        self.env.as_ref().is_some_and(|(_, table)| table.get(key).is_some())
    }

    /// A Worker's name in this environment.
    pub(super) fn named(&self, name: &str) -> String {
        match &self.env {
            Some((env, _)) => format!("{name}-{env}"),
            None => name.to_owned(),
        }
    }

    /// An error at a value.
    pub(super) fn error(&self, node: &Node, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(message).at(self.path, self.text, node.span.start)
    }

    /// That a value is of the wrong kind.
    pub(super) fn expected(&self, name: &str, what: &str, node: &Node) -> Diagnostic {
        self.error(node, format!("\"{name}\" must be {what}, not {}", node.kind()))
    }

    pub(super) fn string<'n>(&self, name: &str, node: &'n Node) -> Result<&'n str, Diagnostic> {
        match &node.value {
            Value::String(text) => Ok(text),
            _ => Err(self.expected(name, "a string", node)),
        }
    }

    pub(super) fn list<'n>(&self, name: &str, node: &'n Node) -> Result<&'n [Node], Diagnostic> {
        match &node.value {
            Value::Array(nodes) => Ok(nodes),
            _ => Err(self.expected(name, "a list", node)),
        }
    }

    pub(super) fn table<'n>(&self, name: &str, node: &'n Node) -> Result<&'n Table, Diagnostic> {
        match &node.value {
            Value::Table(table) => Ok(table),
            _ => Err(self.expected(name, "a table", node)),
        }
    }

    /// A warning about an entry, on one line.
    pub(super) fn warning_at(&self, entry: &Entry, message: &str) -> String {
        let (line, column) = super::line_and_column(self.text, entry.key_span.start);
        format!("{}:{line}:{column}: {message}", shown(self.path))
    }

    /// Warnings about a table's keys that are not among `known`.
    pub(super) fn unknown_in(&self, name: &str, table: &Table, known: &[&str]) -> Vec<String> {
        let unknown = table.0.iter().filter(|entry| !known.contains(&entry.key.as_str()));
        unknown
            .map(|entry| {
                let full = format!("{name}.{}", entry.key);
                self.unknown(entry, &full, nearest(&entry.key, known.iter().copied()))
            })
            .collect()
    }

    fn unknown(&self, entry: &Entry, name: &str, near: Option<&str>) -> String {
        let advice = near.map_or(String::new(), |near| format!("; did you mean \"{near}\"?"));
        self.warning_at(entry, &format!("unknown key \"{name}\"{advice}"))
    }

    /// What to say of the keys as such: unknown ones, ones that do nothing
    /// yet, and ones that the environment does not inherit.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let mut idle: Vec<&str> = Vec::new();
        let env_name = self.env.as_ref().map(|(name, _)| *name);
        for entry in &self.top.0 {
            match keys::key(&entry.key) {
                None => warnings.push(self.unknown(
                    entry,
                    &entry.key,
                    nearest(&entry.key, keys::names()),
                )),
                Some(key) if env_name.is_some() && key.scope == Scope::NotInheritable => {
                    if !self.env_sets(key.name) {
                        let env = env_name.unwrap_or_default();
                        warnings.push(self.warning_at(
                            entry,
                            &format!(
                                "\"{0}\" does not hold in the environment \"{env}\": it is not \
                                 inherited; repeat it as \"env.{env}.{0}\"",
                                key.name
                            ),
                        ));
                    }
                }
                Some(key) if key.support == Support::NotYet => idle.push(key.name),
                Some(_) => {}
            }
        }
        if let Some((env, table)) = &self.env {
            for entry in &table.0 {
                let full = format!("env.{env}.{}", entry.key);
                match keys::key(&entry.key) {
                    None => warnings.push(self.unknown(
                        entry,
                        &full,
                        nearest(&entry.key, keys::names()),
                    )),
                    Some(key) if key.scope == Scope::TopLevel => warnings.push(self.warning_at(
                        entry,
                        &format!("\"{full}\" has no effect: it belongs to the top level"),
                    )),
                    Some(key) if key.support == Support::NotYet && !idle.contains(&key.name) => {
                        idle.push(key.name);
                    }
                    Some(_) => {}
                }
            }
        }
        if !idle.is_empty() {
            warnings.push(format!(
                "{}: Selvedge does not act on these keys yet: {}",
                shown(self.path),
                idle.join(", ")
            ));
        }
        warnings
    }
}
