//! The keys that act, one function each: from a place in the file to a value
//! that is checked.

use std::path::{Path, PathBuf};
use std::time::Duration;

use selvedge_runtime::compatibility::{Compatibility, Effect, Flag, FlagError, NEWEST_DATE, Side};
use selvedge_runtime::limits::MAX_CPU;
use selvedge_runtime::{Limits, ModuleKind};

use super::diagnostic::{Diagnostic, nearest, shown};
use super::locate;
use super::rules::{Rule, Rules};
use super::section::Section;
use super::settings::Settings;
use super::tree::{Node, Value};

/// The most that `limits.subrequests` may ask for
/// (<https://developers.cloudflare.com/workers/platform/limits/#subrequests>).
const MAX_SUBREQUESTS: u64 = 10_000_000;

/// The Worker's name, with the environment's when that does not set its own.
pub(super) fn name(settings: &Settings) -> Result<Option<String>, Diagnostic> {
    let Some(setting) = settings.get("name") else { return Ok(None) };
    let name = settings.string(&setting.name, setting.node)?;
    if name.is_empty() {
        return Err(settings.error(setting.node, format!("\"{}\" is empty", setting.name)));
    }
    let own = settings.env_sets("name");
    Ok(Some(if own { name.to_owned() } else { settings.named(name) }))
}

/// The file that `main` names.
///
/// `is_made`: a command of the configuration makes it, so it may be missing yet.
pub(super) fn main(settings: &Settings, root: &Path, is_made: bool) -> Result<PathBuf, Diagnostic> {
    let Some(setting) = settings.get("main") else {
        return locate::main_in(root).ok_or_else(|| {
            Diagnostic::new(format!("{} names no Worker", shown(settings.path()))).with_hint(
                "set `main` to the file that holds the Worker, e.g. main = \"worker.js\"",
            )
        });
    };
    let given = settings.string(&setting.name, setting.node)?;
    let path = locate::join(root, Path::new(given));
    if path.is_file() || (is_made && !path.exists()) {
        return Ok(path);
    }
    let what = if path.is_dir() { "is a folder" } else { "does not exist" };
    Err(settings
        .error(setting.node, format!("the Worker's main module \"{given}\" {what}"))
        .with_hint_if(locate::similar_hint(&path)))
}

/// The value of a key.
pub(super) fn section(settings: &Settings, key: &'static str) -> Option<Section> {
    let setting = settings.get(key)?;
    Some(Section::new(settings.source.clone(), key, setting.name, setting.node.clone()))
}

/// The value of a key that is true or false.
pub(super) fn boolean(settings: &Settings, key: &str) -> Result<Option<bool>, Diagnostic> {
    let Some(setting) = settings.get(key) else { return Ok(None) };
    match setting.node.value {
        Value::Bool(value) => Ok(Some(value)),
        _ => Err(settings.expected(&setting.name, "true or false", setting.node)),
    }
}

pub(super) fn base_dir(settings: &Settings, root: &Path) -> Result<Option<PathBuf>, Diagnostic> {
    let Some(setting) = settings.get("base_dir") else { return Ok(None) };
    let given = settings.string(&setting.name, setting.node)?;
    let path = locate::join(root, Path::new(given));
    if path.is_dir() {
        return Ok(Some(path));
    }
    Err(settings.error(setting.node, format!("the folder \"{given}\" does not exist")))
}

/// The date and the flags, and notes about those that change nothing here.
pub(super) fn compatibility(
    settings: &Settings,
) -> Result<(Compatibility, Vec<String>), Diagnostic> {
    let mut notes = Vec::new();
    let mut compatibility = Compatibility::default();
    if let Some(setting) = settings.get("compatibility_date") {
        let date = settings.string(&setting.name, setting.node)?;
        if !is_date(date) {
            return Err(settings
                .error(setting.node, format!("\"{date}\" is not a date"))
                .with_hint(format!("write it as YYYY-MM-DD, e.g. \"{NEWEST_DATE}\"")));
        }
        if date > NEWEST_DATE {
            notes.push(format!(
                "compatibility_date {date} is newer than this build of Selvedge, which knows \
                 the changes up to {NEWEST_DATE}"
            ));
        }
        compatibility.date = date.to_owned();
    }
    let Some(setting) = settings.get("compatibility_flags") else {
        return Ok((compatibility, notes));
    };
    let nodes = settings.list(&setting.name, setting.node)?;
    for node in nodes {
        compatibility.flags.push(settings.string(&setting.name, node)?.to_owned());
    }
    if let Err((index, error)) = compatibility.check() {
        let node = nodes.get(index).unwrap_or(setting.node);
        return Err(settings.error(node, error.to_string()).with_hint_if(flag_hint(&error)));
    }
    notes.extend(compatibility.flags.iter().filter_map(|flag| flag_note(flag)));
    Ok((compatibility, notes))
}

fn flag_hint(error: &FlagError) -> Option<String> {
    let FlagError::Unknown { name } = error else { return None };
    let near = nearest(name, Flag::names())?;
    // Flags of a family look alike: only a slip of the keyboard counts.
    (strsim::levenshtein(name, near) <= 3).then(|| format!("did you mean \"{near}\"?"))
}

/// What to say of a flag that the Worker asks for and that changes nothing.
pub(super) fn flag_note(name: &str) -> Option<String> {
    let (flag, side) = Flag::named(name)?;
    let note = match (flag.effect, side) {
        (Effect::Acts(_), _) | (Effect::AlwaysOn, Side::Enable) => return None,
        (Effect::AlwaysOff(_), Side::Disable) => return None,
        (Effect::AlwaysOn, Side::Disable) => {
            format!("Selvedge always behaves as with \"{}\"", flag.enable)
        }
        (Effect::AlwaysOff(why) | Effect::Idle(why), _) => why.to_owned(),
    };
    Some(format!("the compatibility flag \"{name}\" has no effect: {note}"))
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

/// The limits on each request.
pub(super) fn limits(settings: &Settings) -> Result<Limits, Diagnostic> {
    let mut limits = Limits::default();
    let Some(setting) = settings.get("limits") else { return Ok(limits) };
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
    Ok(limits)
}

fn whole_number(settings: &Settings, name: &str, node: &Node, max: u64) -> Result<u64, Diagnostic> {
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
pub(super) fn rules(settings: &Settings) -> Result<(Rules, Vec<String>), Diagnostic> {
    let Some(setting) = settings.get("rules") else {
        return Ok((Rules::default(), Vec::new()));
    };
    let nodes = settings.list(&setting.name, setting.node)?;
    let mut configured = Vec::with_capacity(nodes.len());
    for (index, node) in nodes.iter().enumerate() {
        let name = format!("{}[{index}]", setting.name);
        configured.push(rule(settings, &name, node)?);
    }
    Rules::new(configured).map_err(|(index, reason)| {
        let node = nodes.get(index).unwrap_or(setting.node);
        settings.error(node, format!("\"{}[{index}].globs\": {reason}", setting.name))
    })
}

fn rule(settings: &Settings, name: &str, node: &Node) -> Result<Rule, Diagnostic> {
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

fn module_kind(settings: &Settings, name: &str, node: &Node) -> Result<ModuleKind, Diagnostic> {
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
