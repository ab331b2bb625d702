//! `exports`: what a Worker's exports are, told once and not step by step. An
//! entry of a class that is no longer there says what became of it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Misfit, Place, Storage};

/// An entry of `exports` with the type `durable-object`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Export {
    /// The class is there.
    Created { storage: Storage },
    /// It was, and is to go with the data of its objects.
    Deleted,
    /// It has another name now.
    Renamed { to: String },
    /// It belongs to another Worker now.
    Transferred { to: String },
    /// It is there, and its objects are to come from another Worker.
    ExpectingTransfer { from: String, storage: Storage },
}

impl Export {
    /// What it keeps its data in, if the class is there.
    pub fn storage(&self) -> Option<Storage> {
        match self {
            Self::Created { storage } | Self::ExpectingTransfer { storage, .. } => Some(*storage),
            Self::Deleted | Self::Renamed { .. } | Self::Transferred { .. } => None,
        }
    }
}

/// Reads the value of `exports`; what is no class of Durable Objects is checked
/// and left out.
///
/// # Errors
/// At what is not valid, in wrangler's words.
pub fn read_exports(value: &Value) -> Result<BTreeMap<String, Export>, Misfit> {
    let place = Place::of("exports");
    let Value::Object(entries) = value else {
        let message = format!(
            "The optional \"exports\" field should be an object keyed by class name, but got \
             {value}"
        );
        return Err(Misfit::new(place, message));
    };
    let mut exports = BTreeMap::new();
    for (name, value) in entries {
        let place = place.clone().key(name);
        let Value::Object(entry) = value else {
            let message = format!("\"exports.{name}\" should be an object but got {value}.");
            return Err(Misfit::new(place, message));
        };
        let entry = Entry { name, entry, place };
        match entry.text("type") {
            Some("durable-object") => {
                exports.insert(name.clone(), entry.durable_object()?);
            }
            Some("worker") => entry.worker()?,
            _ => {
                return Err(entry.misfit(
                    "type",
                    format!(
                        "must be \"durable-object\" or \"worker\", but got {}.",
                        entry.shown("type")
                    ),
                ));
            }
        }
    }
    check_renames(&exports)?;
    Ok(exports)
}

/// The classes that are there.
pub(super) fn classes(exports: &BTreeMap<String, Export>) -> BTreeMap<String, Option<Storage>> {
    let there = |(name, export): (&String, &Export)| Some((name.clone(), Some(export.storage()?)));
    exports.iter().filter_map(there).collect()
}

/// One entry, under its name.
struct Entry<'a> {
    name: &'a str,
    entry: &'a Map<String, Value>,
    place: Place,
}

impl Entry<'_> {
    fn durable_object(&self) -> Result<Export, Misfit> {
        if self.name.is_empty() {
            return Err(Misfit::new(
                self.place.clone(),
                "\"export\" keys cannot be the empty string.",
            ));
        }
        let state = match self.entry.get("state") {
            None => "created",
            Some(Value::String(state)) => state,
            Some(_) => "",
        };
        let (export, allowed): (_, &[&str]) = match state {
            "created" => {
                let storage = self.storage(state)?;
                self.check_container(storage)?;
                (Export::Created { storage }, &["type", "state", "storage", "container"])
            }
            "deleted" => (Export::Deleted, &["type", "state"]),
            "renamed" => {
                let to = self.other("renamed_to", state)?;
                self.check_new_name(&to)?;
                (Export::Renamed { to }, &["type", "state", "renamed_to"])
            }
            "transferred" => {
                let to = self.other("transferred_to", state)?;
                (Export::Transferred { to }, &["type", "state", "transferred_to"])
            }
            "expecting-transfer" => {
                let storage = self.storage(state)?;
                let from = self.other("transfer_from", state)?;
                self.check_container(storage)?;
                (
                    Export::ExpectingTransfer { from, storage },
                    &["type", "state", "storage", "transfer_from", "container"],
                )
            }
            _ => {
                return Err(self.misfit(
                    "state",
                    format!(
                        "must be one of \"created\", \"deleted\", \"renamed\", \"transferred\", \
                         or \"expecting-transfer\" but got {}.",
                        self.shown("state")
                    ),
                ));
            }
        };
        self.check_keys(state, allowed)?;
        Ok(export)
    }

    /// An entry with the type `worker`.
    fn worker(&self) -> Result<(), Misfit> {
        if let Some(key) = self.entry.keys().find(|key| !matches!(key.as_str(), "type" | "cache")) {
            let message =
                format!("Unexpected fields found in exports.{} field: \"{key}\"", self.name);
            return Err(Misfit::new(self.place.clone().key(key), message));
        }
        let is_valid = match self.entry.get("cache") {
            None => true,
            Some(cache) => cache.get("enabled").is_some_and(Value::is_boolean),
        };
        if is_valid {
            return Ok(());
        }
        Err(self
            .misfit("cache", format!("should be an object but got {}.", self.shown("cache")))
            .with_hint("{ \"enabled\": true } or { \"enabled\": false }"))
    }

    fn storage(&self, state: &str) -> Result<Storage, Misfit> {
        self.text("storage").and_then(Storage::of).ok_or_else(|| {
            self.misfit(
                "storage",
                format!(
                    "is required for state \"{state}\" and must be one of sqlite and legacy-kv, \
                     but got {}",
                    self.shown("storage")
                ),
            )
        })
    }

    /// The name of another class or Worker.
    fn other(&self, key: &'static str, state: &str) -> Result<String, Misfit> {
        match self.text(key) {
            Some(name) if !name.is_empty() => Ok(name.to_owned()),
            _ => Err(self.misfit(
                key,
                format!("is required for state \"{state}\" and must be a non-empty string."),
            )),
        }
    }

    fn check_new_name(&self, to: &str) -> Result<(), Misfit> {
        if !is_identifier(to) {
            return Err(self.misfit(
                "renamed_to",
                format!("must be a valid JavaScript identifier (got \"{to}\")."),
            ));
        }
        if to == self.name {
            return Err(self.misfit(
                "renamed_to",
                format!("cannot equal the source class name \"{}\".", self.name),
            ));
        }
        Ok(())
    }

    fn check_container(&self, storage: Storage) -> Result<(), Misfit> {
        if !self.entry.contains_key("container") {
            return Ok(());
        }
        if self.text("container").is_none_or(str::is_empty) {
            return Err(self.misfit(
                "container",
                format!(
                    "must be a non-empty string naming a container in the \"containers\" array, \
                     but got {}.",
                    self.shown("container")
                ),
            ));
        }
        if storage == Storage::LegacyKv {
            return Err(self.misfit(
                "container",
                "requires \"storage\" to be \"sqlite\". Containers are not supported on Durable \
                 Objects using the \"legacy-kv\" storage backend.",
            ));
        }
        Ok(())
    }

    fn check_keys(&self, state: &str, allowed: &[&str]) -> Result<(), Misfit> {
        let Some(key) = self.entry.keys().find(|key| !allowed.contains(&key.as_str())) else {
            return Ok(());
        };
        Err(self
            .misfit(key, format!("is forbidden on state \"{state}\"."))
            .with_hint(format!("Allowed properties are: {}.", and(allowed))))
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.entry.get(key).and_then(Value::as_str)
    }

    /// A value as `JSON.stringify` in wrangler's messages gives it.
    fn shown(&self, key: &str) -> String {
        self.entry.get(key).map_or_else(|| "undefined".to_owned(), Value::to_string)
    }

    fn misfit(&self, key: &str, what: impl AsRef<str>) -> Misfit {
        let message = format!("\"exports.{}.{key}\" {}", self.name, what.as_ref());
        Misfit::new(self.place.clone().key(key), message)
    }
}

/// The class that another one is renamed to must be there, and be the new name
/// of one only.
fn check_renames(exports: &BTreeMap<String, Export>) -> Result<(), Misfit> {
    let mut targets: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, export) in exports {
        let Export::Renamed { to } = export else { continue };
        let misfit = |message: String| {
            Err(Misfit::new(Place::of("exports").key(name).key("renamed_to"), message))
        };
        if !matches!(exports.get(to), Some(Export::Created { .. })) {
            return misfit(format!(
                "\"exports.{name}.renamed_to\" names the class \"{to}\", which has no entry in \
                 `exports` with the state \"created\""
            ));
        }
        if let Some(other) = targets.insert(to, name) {
            return misfit(format!(
                "class '{to}' cannot be the target of more than one migration: \"{other}\" is \
                 renamed to it as well"
            ));
        }
    }
    Ok(())
}

/// As wrangler tells one.
fn is_identifier(name: &str) -> bool {
    let is_start = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '$');
    name.starts_with(is_start) && name.chars().all(|c| is_start(c) || c.is_ascii_digit())
}

/// `a, b, and c`.
fn and(words: &[&str]) -> String {
    match words {
        [one, two] => format!("{one} and {two}"),
        [head @ .., last] => format!("{}, and {last}", head.join(", ")),
        [] => String::new(),
    }
}
