//! From the code that a Worker gives to a Worker of its own.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use selvedge_runtime::compatibility::{Compatibility, NEWEST_DATE};
use selvedge_runtime::outbound::Way;
use selvedge_runtime::worker::Tail;
use selvedge_runtime::{EnvEntry, Limits, Module, ModuleKind, Worker};

use crate::loader::LoadError;

/// Modules of one Worker, names included, as in workerd.
const MAX_CODE_BYTES: usize = 64 * 1024 * 1024;
/// What `env` of one Worker holds, serialized, as in workerd.
const MAX_ENV_BYTES: usize = 1024 * 1024;

/// What an object has in V8's serialization beside the names and values in it, which
/// are counted as if each were serialized alone.
const OBJECT_BYTES: usize = 5;

/// Code on its way to a Worker.
#[derive(Debug, Default)]
pub(crate) struct Code {
    modules: Vec<Module>,
    code_bytes: usize,
    env: Vec<EnvEntry>,
    env_bytes: usize,
}

/// What of a Worker is neither modules nor `env`.
#[derive(Debug, Default)]
pub(crate) struct Terms {
    pub(crate) main: String,
    pub(crate) date: String,
    pub(crate) flags: Vec<String>,
    pub(crate) cpu: Option<Duration>,
    pub(crate) subrequests: Option<u32>,
    /// `None`: the way out of who loads it.
    pub(crate) outbound: Option<Way>,
    /// Who is told of its events.
    pub(crate) tails: Vec<Tail>,
}

impl Code {
    /// Takes a module.
    pub(crate) fn add_module(&mut self, name: String, kind: ModuleKind, body: Bytes) {
        self.code_bytes = self.code_bytes.saturating_add(name.len()).saturating_add(body.len());
        // What is over is not kept: it is refused in the end.
        if self.code_bytes <= MAX_CODE_BYTES {
            self.modules.push(Module { name, kind, body, path: None, source_map: None });
        }
    }

    /// Takes a value for `env`, which has so many bytes.
    pub(crate) fn add_value(&mut self, entry: EnvEntry, bytes: usize) {
        self.env_bytes = self.env_bytes.saturating_add(bytes);
        if self.env_bytes <= MAX_ENV_BYTES {
            self.env.push(entry);
        }
    }

    /// A Worker that `loader` loads, with this name.
    ///
    /// # Errors
    /// When it is too large, or asks for what there is not.
    pub(crate) fn worker(
        self,
        name: &str,
        loader: &Arc<Worker>,
        terms: Terms,
    ) -> Result<Worker, LoadError> {
        if self.code_bytes > MAX_CODE_BYTES {
            return Err(LoadError(format!(
                "Dynamic Worker code size ({} bytes) exceeds the maximum allowed size of \
                 {MAX_CODE_BYTES} bytes.",
                self.code_bytes
            )));
        }
        let env_bytes = self.env_bytes.saturating_add(OBJECT_BYTES);
        if env_bytes > MAX_ENV_BYTES {
            return Err(LoadError(format!(
                "Dynamic Worker env size ({env_bytes} bytes) exceeds the maximum allowed size of \
                 {MAX_ENV_BYTES} bytes."
            )));
        }
        let compatibility = compatibility(terms.date, terms.flags)?;
        check_main(&self.modules, &terms.main)?;
        let mut modules = self.modules;
        // The main one stands first, as for Workers from files.
        if let Some(at) = modules.iter().position(|module| module.name == terms.main) {
            modules[..=at].rotate_right(1);
        }
        let own = &loader.limits;
        Ok(Worker {
            name: name.to_owned(),
            account: loader.account.clone(),
            main: terms.main,
            entrypoint: None,
            modules,
            env: self.env,
            hidden: Vec::new(),
            tails: terms.tails,
            mail: None,
            globals: Vec::new(),
            classes: Vec::new(),
            compatibility,
            limits: Limits {
                cpu: terms.cpu.map_or(own.cpu, |cpu| cpu.min(own.cpu)),
                subrequests: terms
                    .subrequests
                    .map_or(own.subrequests, |it| it.min(own.subrequests)),
                ..own.clone()
            },
            outbound: terms.outbound.or_else(|| loader.outbound.clone()),
            mode: loader.mode,
        })
    }
}

fn check_main(modules: &[Module], main: &str) -> Result<(), LoadError> {
    let failed = |why: &str| LoadError(format!("Failed to start Worker:\nUncaught {why}"));
    match modules.iter().find(|module| module.name == main) {
        None => Err(failed(&format!("Error: No such module: {main}"))),
        Some(module) if module.kind != ModuleKind::EsModule => {
            Err(failed("TypeError: Main module must be an ES module."))
        }
        Some(_) => Ok(()),
    }
}

fn compatibility(date: String, flags: Vec<String>) -> Result<Compatibility, LoadError> {
    if !is_date(&date) {
        return Err(LoadError(format!("Invalid compatibility date: {date}")));
    }
    if date.as_str() > NEWEST_DATE {
        return Err(LoadError(format!(
            "This Worker requires compatibility date \"{date}\", but the newest date supported by \
             this server binary is \"{NEWEST_DATE}\"."
        )));
    }
    let compatibility = Compatibility { date, flags };
    match compatibility.check() {
        Ok(()) => Ok(compatibility),
        Err((_, error)) => Err(LoadError(error.to_string())),
    }
}

/// Whether it is `YYYY-MM-DD`.
fn is_date(text: &str) -> bool {
    let is_digits = |part: &str, count: usize| {
        part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts[..] else { return false };
    is_digits(year, 4)
        && is_digits(month, 2)
        && is_digits(day, 2)
        && ("01"..="12").contains(&month)
        && ("01"..="31").contains(&day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_checked_before_flags() {
        let told = |date: &str, flag: &str| {
            let flags = vec![flag.to_owned()];
            compatibility(date.to_owned(), flags).expect_err("it is refused").0
        };
        assert_eq!(told("x", "nope"), "Invalid compatibility date: x");
        assert_eq!(told("2025-13-01", "nope"), "Invalid compatibility date: 2025-13-01");
        assert_eq!(told("2025-01-01", "nope"), "No such compatibility flag: nope");
        assert!(told("2999-01-01", "nope").starts_with("This Worker requires compatibility date"));
        assert!(compatibility("2025-01-01".to_owned(), Vec::new()).is_ok());
    }

    #[test]
    fn what_is_too_large_is_refused_by_its_whole_size() {
        let mut code = Code::default();
        let body = Bytes::from(vec![0; MAX_CODE_BYTES]);
        code.add_module("a".to_owned(), ModuleKind::Data, body.clone());
        code.add_module("b".to_owned(), ModuleKind::Data, body);
        assert!(code.modules.is_empty());
        assert_eq!(code.code_bytes, 2 * MAX_CODE_BYTES + 2);
    }
}
