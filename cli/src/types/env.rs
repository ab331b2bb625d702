//! The interface of `env`, and the declarations around it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

use selvedge_runtime::{EnvValue, ModuleKind};
use selvedge_server::config::{Config, NamedBinding};
use serde_json::Value;

use super::value::{kind, literal, property};

/// How the declarations look.
pub(super) struct Shape<'a> {
    /// The name of the interface.
    pub(super) interface: &'a str,
    /// Whether variables have the types of their values.
    pub(super) is_strict: bool,
    /// The folder that the file is written to; absolute.
    pub(super) folder: &'a Path,
}

/// A name in `env` and its type.
type Property = (String, String);

/// All declarations.
pub(super) fn declarations(
    base: &Config,
    environments: &[(String, Config)],
    shape: &Shape<'_>,
) -> String {
    let main = Main::of(base, shape.folder);
    let of = |config: &Config| properties(config, &main, shape);
    let top = of(base);
    let mut text = String::new();
    if main.is_script {
        let _ = writeln!(text, "export {{}};\ndeclare global {{");
        for (name, type_name) in &top {
            // Other names cannot be global variables of a script.
            if super::value::is_identifier(name) {
                let _ = writeln!(text, "\tconst {name}: {type_name};");
            }
        }
        text.push_str("}\n");
        return text;
    }
    let named: Vec<_> = environments.iter().map(|(name, config)| (name, of(config))).collect();
    let all: Vec<&Vec<Property>> =
        std::iter::once(&top).chain(named.iter().map(|(_, properties)| properties)).collect();
    let interface = shape.interface;
    text.push_str("declare namespace Cloudflare {\n");
    main.write(&mut text, base);
    for (name, properties) in &named {
        let _ = writeln!(text, "\tinterface {}Env {{", pascal(name));
        for (name, type_name) in properties {
            let _ = writeln!(text, "\t\t{}: {type_name};", property(name));
        }
        text.push_str("\t}\n");
    }
    text.push_str("\tinterface Env {\n");
    for (name, type_name, is_everywhere) in union(&all) {
        let optional = if is_everywhere { "" } else { "?" };
        let _ = writeln!(text, "\t\t{}{optional}: {type_name};", property(&name));
    }
    text.push_str("\t}\n}\n");
    let _ = writeln!(text, "interface {interface} extends Cloudflare.Env {{}}");
    modules(base, &mut text);
    text
}

/// What any of the environments has, with the types of all, and whether all of
/// them have it.
fn union(all: &[&Vec<Property>]) -> Vec<(String, String, bool)> {
    let mut order: Vec<String> = Vec::new();
    let mut types: BTreeMap<String, (Vec<String>, usize)> = BTreeMap::new();
    for (name, type_name) in all.iter().copied().flatten() {
        let entry = types.entry(name.clone()).or_insert_with(|| {
            order.push(name.clone());
            (Vec::new(), 0)
        });
        entry.1 += 1;
        if !entry.0.contains(type_name) {
            entry.0.push(type_name.clone());
        }
    }
    order
        .into_iter()
        .map(|name| {
            let (types, count) = types.remove(&name).unwrap_or_default();
            (name, types.join(" | "), count == all.len())
        })
        .collect()
}

/// What one environment has, each name once.
fn properties(config: &Config, main: &Main, shape: &Shape<'_>) -> Vec<Property> {
    let mut properties: Vec<Property> = Vec::new();
    let mut add = |name: &str, type_name: String| {
        if properties.iter().all(|(known, _)| known != name) {
            properties.push((name.to_owned(), type_name));
        }
    };
    for binding in config.bindings() {
        add(&binding.name, binding_type(&binding, config, main));
    }
    for secret in config.required_secrets.iter().flatten() {
        add(secret, "string".into());
    }
    for var in &config.vars {
        let type_name = match &var.value {
            _ if var.source.is_secret() => "string".to_owned(),
            EnvValue::Text(text) if shape.is_strict => literal(&Value::from(text.as_str())),
            EnvValue::Text(_) => "string".to_owned(),
            EnvValue::Json(value) if shape.is_strict => literal(value),
            EnvValue::Json(value) => kind(value),
            _ => "unknown".to_owned(),
        };
        add(&var.name, type_name);
    }
    for blob in &config.blobs {
        let type_name = match blob.kind {
            ModuleKind::Data => "ArrayBuffer",
            ModuleKind::Wasm => "WebAssembly.Module",
            _ => "string",
        };
        add(&blob.name, type_name.into());
    }
    properties
}

/// The type of a binding; what it leads to stands in a comment.
fn binding_type(binding: &NamedBinding, config: &Config, main: &Main) -> String {
    let text = |key: &str| {
        let value = binding.section.get(key)?;
        Some(value.as_str()?.replace("*/", "* /"))
    };
    let base = binding.kind.type_name;
    let class = text("class_name").unwrap_or_default();
    let other = text("script_name").filter(|script| *script != config.name);
    match binding.kind.key {
        "durable_objects" => match (&other, main.class(&class)) {
            (Some(script), _) => format!("{base} /* {class} from {script} */"),
            (None, Some(path)) => format!("{base}<{path}>"),
            (None, None) => format!("{base} /* {class} */"),
        },
        "workflows" => match (&other, main.class(&class)) {
            (Some(script), _) => format!("{base} /* {class} from {script} */"),
            (None, Some(path)) => format!("{base}<Parameters<{path}[\"run\"]>[0][\"payload\"]>"),
            (None, None) => format!("{base} /* {class} */"),
        },
        "services" => {
            let service = text("service").unwrap_or_default();
            match text("entrypoint") {
                Some(name) => format!("Service /* entrypoint {name} from {service} */"),
                None => format!("{base} /* {service} */"),
            }
        }
        _ => base.to_owned(),
    }
}

/// The main module, as the declarations speak of it.
struct Main {
    /// What `import()` in types takes, if the module has types.
    import: Option<String>,
    /// Whether it is in service-worker syntax.
    is_script: bool,
    /// Its source.
    text: String,
}

impl Main {
    fn of(config: &Config, folder: &Path) -> Self {
        let is_typed = config.main.extension().is_some_and(|extension| {
            matches!(extension.to_str(), Some("ts" | "tsx" | "mts" | "cts"))
        });
        let import = is_typed.then(|| relative(folder, &config.main.with_extension("")));
        let text = std::fs::read_to_string(&config.main).unwrap_or_default();
        let exports = text.lines().any(|line| {
            let line = line.trim_start();
            line.starts_with("export ") || line.starts_with("export{") || line.contains("export {")
        });
        Self { import, is_script: !exports && text.contains("addEventListener("), text }
    }

    /// The type of objects of an exported class.
    fn class(&self, name: &str) -> Option<String> {
        let import = self.import.as_ref()?;
        let is_exported = super::value::is_identifier(name) && self.may_export(name);
        is_exported.then(|| format!("import({import}).{name}"))
    }

    /// Whether the module may export this: it has the name in it, or all that
    /// another module exports.
    fn may_export(&self, name: &str) -> bool {
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
        self.text.contains("export *") || self.text.split(|c| !is_part(c)).any(|word| word == name)
    }

    /// What `exports` and `ctx.exports` go by.
    fn write(&self, text: &mut String, config: &Config) {
        let Some(import) = &self.import else { return };
        let _ =
            writeln!(text, "\tinterface GlobalProps {{\n\t\tmainModule: typeof import({import});");
        let mut own: Vec<String> = config
            .bindings()
            .iter()
            .filter(|binding| binding.kind.key == "durable_objects")
            .filter(|binding| {
                let script = binding.section.get("script_name");
                script.is_none_or(|script| script.as_str() == Some(&config.name))
            })
            .filter_map(|binding| Some(binding.section.get("class_name")?.as_str()?.to_owned()))
            .map(|name| Value::from(name).to_string())
            .collect();
        let mut seen = BTreeSet::new();
        own.retain(|name| seen.insert(name.clone()));
        if !own.is_empty() {
            let _ = writeln!(text, "\t\tdurableNamespaces: {};", own.join(" | "));
        }
        text.push_str("\t}\n");
    }
}

/// Modules of other kinds that `rules` adds; those of the defaults are in
/// wrangler's types neither.
fn modules(config: &Config, text: &mut String) {
    let Some(rules) = config.section("rules") else { return };
    let Value::Array(rules) = rules.to_json() else { return };
    for rule in rules {
        let type_name = match rule["type"].as_str() {
            Some("Text") => "string",
            Some("Data") => "ArrayBuffer",
            Some("CompiledWasm") => "WebAssembly.Module",
            _ => continue,
        };
        for glob in rule["globs"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            // TypeScript takes one star: the end of the glob says what the file is.
            let Some(end) = glob.rsplit('*').next().filter(|end| end.starts_with('.')) else {
                continue;
            };
            let name = Value::from(format!("*{end}"));
            let _ = writeln!(
                text,
                "declare module {name} {{\n\tconst value: {type_name};\n\texport default value;\n}}"
            );
        }
    }
}

/// A path from a folder to a file in quotes, as imports have it.
fn relative(folder: &Path, file: &Path) -> String {
    let from: Vec<_> = folder.components().collect();
    let to: Vec<_> = file.components().collect();
    let common = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
    let mut path = PathBuf::new();
    for _ in common..from.len() {
        path.push("..");
    }
    path.extend(&to[common..]);
    let parts: Vec<_> = path
        .components()
        .map(|part| match part {
            Component::ParentDir => "..".to_owned(),
            other => other.as_os_str().to_string_lossy().into_owned(),
        })
        .collect();
    let text = parts.join("/");
    let text = if text.starts_with("..") { text } else { format!("./{text}") };
    Value::from(text).to_string()
}

/// `staging-eu` as `StagingEu`.
fn pascal(name: &str) -> String {
    name.split(|character: char| !character.is_ascii_alphanumeric())
        .flat_map(|part| {
            let mut characters = part.chars();
            characters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(characters)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_relative_to_the_file() {
        let path = |from: &str, to: &str| relative(Path::new(from), Path::new(to));
        assert_eq!(path("/app", "/app/src/index"), "\"./src/index\"");
        assert_eq!(path("/app/types", "/app/src/index"), "\"../src/index\"");
    }

    #[test]
    fn environments_are_united() {
        let one =
            vec![("A".to_owned(), "1".to_owned()), ("B".to_owned(), "KVNamespace".to_owned())];
        let two = vec![("A".to_owned(), "2".to_owned()), ("C".to_owned(), "string".to_owned())];
        let three = vec![("A".to_owned(), "1".to_owned())];
        let united = union(&[&one, &two, &three]);
        let expected = [("A", "1 | 2", true), ("B", "KVNamespace", false), ("C", "string", false)];
        for ((name, types, everywhere), expected) in united.iter().zip(expected) {
            assert_eq!((name.as_str(), types.as_str(), *everywhere), expected);
        }
        assert_eq!(united.len(), 3);
    }

    #[test]
    fn names_of_environments_become_names_of_types() {
        assert_eq!(pascal("staging-eu"), "StagingEu");
        assert_eq!(pascal("live"), "Live");
    }
}
