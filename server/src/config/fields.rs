//! The keys that act, one function each: from a place in the file to a value
//! that is checked.

use std::path::{Path, PathBuf};
use std::time::Duration;

use selvedge_runtime::compatibility::{Compatibility, FLAGS, NEWEST_DATE};
use selvedge_runtime::limits::MAX_CPU;
use selvedge_runtime::{EnvEntry, EnvValue, Limits, ModuleKind};

use super::diagnostic::{Diagnostic, nearest, shown};
use super::locate;
use super::rules::{Rule, Rules};
use super::settings::Settings;
use super::tree::{Node, Value};

/// The most that `limits.subrequests` may ask for
/// (<https://developers.cloudflare.com/workers/platform/limits/#subrequests>).
const MAX_SUBREQUESTS: u64 = 10_000_000;

/// The Worker's name, with the environment's when that does not set its own.
pub(super) fn name(settings: &Settings<'_>) -> Result<Option<String>, Diagnostic> {
    let Some(setting) = settings.get("name") else { return Ok(None) };
    let name = settings.string(&setting.name, setting.node)?;
    if name.is_empty() {
        return Err(settings.error(setting.node, format!("\"{}\" is empty", setting.name)));
    }
    let own = settings.env_sets("name");
    Ok(Some(if own { name.to_owned() } else { settings.named(name) }))
}

/// The file that `main` names.
pub(super) fn main(settings: &Settings<'_>, root: &Path) -> Result<PathBuf, Diagnostic> {
    let Some(setting) = settings.get("main") else {
        return locate::main_in(root).ok_or_else(|| {
            Diagnostic::new(format!("{} names no Worker", shown(settings.path))).with_hint(
                "set `main` to the file that holds the Worker, e.g. main = \"worker.js\"",
            )
        });
    };
    let given = settings.string(&setting.name, setting.node)?;
    let path = locate::join(root, Path::new(given));
    if path.is_file() {
        return Ok(path);
    }
    let what = if path.is_dir() { "is a folder" } else { "does not exist" };
    Err(settings
        .error(setting.node, format!("the Worker's main module \"{given}\" {what}"))
        .with_hint_if(locate::similar_hint(&path)))
}

pub(super) fn boolean(settings: &Settings<'_>, key: &str) -> Result<Option<bool>, Diagnostic> {
    let Some(setting) = settings.get(key) else { return Ok(None) };
    match setting.node.value {
        Value::Bool(value) => Ok(Some(value)),
        _ => Err(settings.expected(&setting.name, "true or false", setting.node)),
    }
}

pub(super) fn base_dir(
    settings: &Settings<'_>,
    root: &Path,
) -> Result<Option<PathBuf>, Diagnostic> {
    let Some(setting) = settings.get("base_dir") else { return Ok(None) };
    let given = settings.string(&setting.name, setting.node)?;
    let path = locate::join(root, Path::new(given));
    if path.is_dir() {
        return Ok(Some(path));
    }
    Err(settings.error(setting.node, format!("the folder \"{given}\" does not exist")))
}

/// The date and the flags, and warnings about those that change nothing here.
pub(super) fn compatibility(
    settings: &Settings<'_>,
) -> Result<(Compatibility, Vec<String>), Diagnostic> {
    let mut warnings = Vec::new();
    let mut compatibility = Compatibility::default();
    if let Some(setting) = settings.get("compatibility_date") {
        let date = settings.string(&setting.name, setting.node)?;
        if !is_date(date) {
            return Err(settings
                .error(setting.node, format!("\"{date}\" is not a date"))
                .with_hint(format!("write it as YYYY-MM-DD, e.g. \"{NEWEST_DATE}\"")));
        }
        if date > NEWEST_DATE {
            warnings.push(format!(
                "compatibility_date {date} is newer than this build of Selvedge, which knows \
                 the changes up to {NEWEST_DATE}"
            ));
        }
        compatibility.date = date.to_owned();
    }
    if let Some(setting) = settings.get("compatibility_flags") {
        for node in settings.list(&setting.name, setting.node)? {
            compatibility.flags.push(settings.string(&setting.name, node)?.to_owned());
        }
    }
    let known = || FLAGS.iter().flat_map(|flag| [flag.enable, flag.disable]);
    let idle: Vec<_> = compatibility
        .flags
        .iter()
        .filter(|flag| known().all(|known| known != flag.as_str()))
        .map(|flag| match nearest(flag, known()) {
            // Flags of a family look alike: only a slip of the keyboard counts.
            Some(near) if strsim::levenshtein(flag, near) <= 2 => {
                format!("{flag} (did you mean {near}?)")
            }
            _ => flag.clone(),
        })
        .collect();
    if !idle.is_empty() {
        warnings.push(format!(
            "Selvedge does not act on these compatibility flags yet: {}",
            idle.join(", ")
        ));
    }
    Ok((compatibility, warnings))
}

fn is_date(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').collect();
    let [year, month, day] = parts[..] else { return false };
    let number = |part: &str, digits: usize| {
        (part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| part.parse::<u32>().ok())
            .flatten()
    };
    number(year, 4).is_some()
        && number(month, 2).is_some_and(|month| (1..=12).contains(&month))
        && number(day, 2).is_some_and(|day| (1..=31).contains(&day))
}

/// What `vars` puts into `env`: strings as they are, all else as JSON.
pub(super) fn vars(settings: &Settings<'_>) -> Result<Vec<EnvEntry>, Diagnostic> {
    let Some(setting) = settings.get("vars") else { return Ok(Vec::new()) };
    let table = settings.table(&setting.name, setting.node)?;
    let mut vars: Vec<EnvEntry> = Vec::with_capacity(table.0.len());
    for entry in &table.0 {
        let value = match &entry.node.value {
            Value::String(text) => EnvValue::Text(text.clone()),
            _ => EnvValue::Json(entry.node.to_json()),
        };
        // JSON may say a key twice; the last one holds.
        vars.retain(|var| var.name != entry.key);
        vars.push(EnvEntry { name: entry.key.clone(), value });
    }
    Ok(vars)
}

/// The limits on each request.
pub(super) fn limits(settings: &Settings<'_>) -> Result<(Limits, Vec<String>), Diagnostic> {
    let mut limits = Limits::default();
    let Some(setting) = settings.get("limits") else { return Ok((limits, Vec::new())) };
    let table = settings.table(&setting.name, setting.node)?;
    let number = |key: &str, max: u64| match table.get(key) {
        None => Ok(None),
        Some(entry) => {
            let name = format!("{}.{key}", setting.name);
            whole_number(settings, &name, &entry.node, max).map(Some)
        }
    };
    if let Some(millis) = number("cpu_ms", MAX_CPU.as_millis() as u64)? {
        limits.cpu = Duration::from_millis(millis);
    }
    if let Some(subrequests) = number("subrequests", MAX_SUBREQUESTS)? {
        limits.subrequests = u32::try_from(subrequests).unwrap_or(u32::MAX);
    }
    Ok((limits, settings.unknown_in(&setting.name, table, &["cpu_ms", "subrequests"])))
}

fn whole_number(
    settings: &Settings<'_>,
    name: &str,
    node: &Node,
    max: u64,
) -> Result<u64, Diagnostic> {
    let what = format!("a whole number from 1 to {max}");
    let Value::Number(number) = &node.value else {
        return Err(settings.expected(name, &what, node));
    };
    number
        .as_u64()
        .filter(|number| (1..=max).contains(number))
        .ok_or_else(|| settings.error(node, format!("\"{name}\" must be {what}, not {number}")))
}

/// The module rules, and warnings about those that have no effect.
pub(super) fn rules(settings: &Settings<'_>) -> Result<(Rules, Vec<String>), Diagnostic> {
    let Some(setting) = settings.get("rules") else {
        return Ok((Rules::default(), Vec::new()));
    };
    let nodes = settings.list(&setting.name, setting.node)?;
    let mut warnings = Vec::new();
    let mut configured = Vec::with_capacity(nodes.len());
    for (index, node) in nodes.iter().enumerate() {
        let name = format!("{}[{index}]", setting.name);
        configured.push(rule(settings, &name, node)?);
        let table = settings.table(&name, node)?;
        warnings.extend(settings.unknown_in(&name, table, &["type", "globs", "fallthrough"]));
    }
    let (rules, ended) = Rules::new(configured).map_err(|(index, reason)| {
        let node = nodes.get(index).unwrap_or(setting.node);
        settings.error(node, format!("\"{}[{index}].globs\": {reason}", setting.name))
    })?;
    warnings.extend(ended);
    Ok((rules, warnings))
}

fn rule(settings: &Settings<'_>, name: &str, node: &Node) -> Result<Rule, Diagnostic> {
    let table = settings.table(name, node)?;
    let required = |key: &str| {
        let missing = || settings.error(node, format!("\"{name}\" needs \"{key}\""));
        table.get(key).map(|entry| &entry.node).ok_or_else(missing)
    };
    let kind = required("type")?;
    let kind = module_kind(settings, &format!("{name}.type"), kind)?;
    let globs_name = format!("{name}.globs");
    let globs = settings
        .list(&globs_name, required("globs")?)?
        .iter()
        .map(|glob| settings.string(&globs_name, glob).map(str::to_owned))
        .collect::<Result<_, _>>()?;
    let fallthrough = match table.get("fallthrough") {
        None => None,
        Some(entry) => match entry.node.value {
            Value::Bool(value) => Some(value),
            _ => {
                let name = format!("{name}.fallthrough");
                return Err(settings.expected(&name, "true or false", &entry.node));
            }
        },
    };
    Ok(Rule { kind, globs, fallthrough })
}

/// wrangler's names of the kinds, and `JSON`, which it bundles instead.
const KINDS: &[(&str, ModuleKind)] = &[
    ("ESModule", ModuleKind::EsModule),
    ("CommonJS", ModuleKind::CommonJs),
    ("Text", ModuleKind::Text),
    ("Data", ModuleKind::Data),
    ("CompiledWasm", ModuleKind::Wasm),
    ("JSON", ModuleKind::Json),
];

fn module_kind(settings: &Settings<'_>, name: &str, node: &Node) -> Result<ModuleKind, Diagnostic> {
    let given = settings.string(name, node)?;
    if let Some((_, kind)) = KINDS.iter().find(|(kind, _)| *kind == given) {
        return Ok(*kind);
    }
    if given.starts_with("Python") {
        return Err(settings.error(node, "Selvedge does not run Python Workers"));
    }
    let names = || KINDS.iter().map(|(kind, _)| *kind);
    let hint = match nearest(given, names()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("it is one of {}", names().collect::<Vec<_>>().join(", ")),
    };
    Err(settings
        .error(node, format!("\"{name}\": there is no module type \"{given}\""))
        .with_hint(hint))
}
