//! One configuration file seen through one environment: which value of a key
//! holds, and where it stands.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::diagnostic::{Diagnostic, nearest, shown};
use super::keys::{self, Key, Scope, Support};
use super::section::Section;
use super::tree::{self, Entry, Node, Table, Value};

/// A file that was read, for messages about places in it.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

impl Source {
    /// An error at a byte.
    pub(super) fn error(&self, offset: usize, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(message).at(&self.path, &self.text, offset)
    }

    /// A warning at a byte, on one line.
    pub(super) fn warning(&self, offset: usize, message: &str) -> String {
        let (line, column) = super::line_and_column(&self.text, offset);
        format!("{}:{line}:{column}: {message}", shown(&self.path))
    }
}

/// A configuration file and the environment that was asked for.
pub(super) struct Settings {
    pub(super) source: Arc<Source>,
    top: Table,
    /// The name and the table of the environment.
    env: Option<(String, Table)>,
}

/// A value that holds, under the name that messages give it.
pub(super) struct Setting<'a> {
    pub(super) name: String,
    pub(super) node: &'a Node,
}

impl Settings {
    /// Reads a file; its extension says whether it is TOML or JSON.
    pub(super) fn parse(path: &Path, text: String, env: Option<&str>) -> Result<Self, Diagnostic> {
        let is_toml = path.extension().is_some_and(|extension| extension == "toml");
        let source = Source { path: path.to_path_buf(), text };
        let text = &source.text;
        let parsed = if is_toml { tree::parse_toml(text) } else { tree::parse_json(text) };
        let top = parsed.map_err(|error| {
            let format = if is_toml { "TOML" } else { "JSON" };
            source.error(error.offset, format!("not valid {format}: {}", error.message))
        })?;
        let mut settings = Self { source: Arc::new(source), top, env: None };
        if let Some(name) = env {
            settings.env = Some((name.to_owned(), settings.environment(name)?));
        }
        Ok(settings)
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.source.path
    }

    /// The names of all environments, in the order of the file.
    pub(super) fn environments(&self) -> Vec<String> {
        let Some(Value::Table(table)) = self.top.get("env").map(|entry| &entry.node.value) else {
            return Vec::new();
        };
        table.0.iter().map(|entry| entry.key.clone()).collect()
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
        Err(Diagnostic::new(format!(
            "there is no environment \"{name}\" in {}",
            shown(self.path())
        ))
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
        self.source.error(node.span.start, message)
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

    /// The values of all keys that hold, to be read by whom they concern.
    pub(super) fn sections(&self) -> Vec<Section> {
        keys::KEYS
            .iter()
            .filter(|key| key.name != "env")
            .filter_map(|key| {
                let setting = self.get(key.name)?;
                Some(Section::new(
                    self.source.clone(),
                    key.name,
                    setting.name,
                    setting.node.clone(),
                ))
            })
            .collect()
    }

    /// What to say of the keys: unknown ones, values that do not fit, keys that
    /// do nothing yet, and ones that the environment does not inherit.
    ///
    /// # Errors
    /// When a value does not fit in a key that acts.
    pub(super) fn check(&self) -> Result<Vec<String>, Diagnostic> {
        let mut warnings = Vec::new();
        let mut idle: Vec<&str> = Vec::new();
        for entry in &self.top.0 {
            let Some(key) = keys::key(&entry.key) else {
                // Builds write lists of what there is not.
                if entry.node.is_empty() {
                    continue;
                }
                warnings.push(self.unknown(entry, &entry.key));
                continue;
            };
            if let Some((env, table)) = &self.env
                && key.scope != Scope::TopLevel
            {
                if table.get(key.name).is_some() {
                    continue;
                }
                if key.scope == Scope::NotInheritable {
                    warnings.push(self.source.warning(
                        entry.key_span.start,
                        &format!(
                            "\"{0}\" does not hold in the environment \"{env}\": it is not \
                             inherited; repeat it as \"env.{env}.{0}\"",
                            key.name
                        ),
                    ));
                    continue;
                }
            }
            self.check_value(key, &entry.key, &entry.node, &mut warnings, &mut idle)?;
        }
        if let Some((env, table)) = &self.env {
            for entry in &table.0 {
                let full = format!("env.{env}.{}", entry.key);
                match keys::key(&entry.key) {
                    None => warnings.push(self.unknown(entry, &full)),
                    Some(key) if key.scope == Scope::TopLevel => {
                        warnings.push(self.source.warning(
                            entry.key_span.start,
                            &format!("\"{full}\" has no effect: it belongs to the top level"),
                        ));
                    }
                    Some(key) => {
                        self.check_value(key, &full, &entry.node, &mut warnings, &mut idle)?;
                    }
                }
            }
        }
        if !idle.is_empty() {
            warnings.push(format!(
                "{}: Selvedge does not act on these keys yet: {}",
                shown(self.path()),
                idle.join(", ")
            ));
        }
        Ok(warnings)
    }

    fn check_value(
        &self,
        key: Key,
        name: &str,
        node: &Node,
        warnings: &mut Vec<String>,
        idle: &mut Vec<&'static str>,
    ) -> Result<(), Diagnostic> {
        for misfit in key.shape.misfits(name, node) {
            let acts = matches!(key.support, Support::Acts | Support::Read);
            if acts && !misfit.is_unknown_key {
                return Err(self
                    .source
                    .error(misfit.offset, misfit.message)
                    .with_hint_if(misfit.hint));
            }
            let hint = misfit.hint.map_or(String::new(), |hint| format!("; {hint}"));
            warnings.push(self.source.warning(misfit.offset, &format!("{}{hint}", misfit.message)));
        }
        if key.support == Support::NotYet && !node.is_empty() && !idle.contains(&key.name) {
            idle.push(key.name);
        }
        Ok(())
    }

    fn unknown(&self, entry: &Entry, name: &str) -> String {
        let near = nearest(&entry.key, keys::names());
        let advice = near.map_or(String::new(), |near| format!("; did you mean \"{near}\"?"));
        self.source.warning(entry.key_span.start, &format!("unknown key \"{name}\"{advice}"))
    }
}
