//! Compatibility dates and flags: what a Worker may ask for, what its date
//! implies, and what Selvedge does about it
//! (<https://developers.cloudflare.com/workers/configuration/compatibility-flags/>).

mod flags;
mod node;

use std::sync::LazyLock;

pub use flags::FLAGS;
pub use node::NODE_MODULES;

/// The newest date whose changes this build knows.
pub const NEWEST_DATE: &str = "2026-11-24";

/// A flag of the Workers runtime.
#[derive(Debug, Clone, Copy)]
pub struct Flag {
    /// The name that turns it on.
    pub enable: &'static str,
    /// The name that turns it off, if it has one.
    pub disable: Option<&'static str>,
    /// The date from which it is on; `None`: not by a date alone.
    pub since: Option<&'static str>,
    /// The flags that bring it with them, and from which date on.
    pub implied: Option<(&'static [&'static str], &'static str)>,
    /// Whether Cloudflare gives no promise about it.
    pub experimental: bool,
    pub effect: Effect,
}

/// What a flag does here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// What it does on Cloudflare; the text says what changes.
    Acts(&'static str),
    /// Nothing: Selvedge behaves as if it were on, whatever date and flags say.
    AlwaysOn,
    /// Nothing: Selvedge behaves as if it were off; the text says why.
    AlwaysOff(&'static str),
    /// Nothing: what it changes is not there; the text says why.
    Idle(&'static str),
}

/// A flag's name as a Worker gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Enable,
    Disable,
}

impl Flag {
    /// The flag that has this name, and which of its two names it is.
    pub fn named(name: &str) -> Option<(&'static Self, Side)> {
        FLAGS.iter().find_map(|flag| {
            if flag.enable == name {
                Some((flag, Side::Enable))
            } else {
                (flag.disable == Some(name)).then_some((flag, Side::Disable))
            }
        })
    }

    /// All names, of both sides.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FLAGS.iter().flat_map(|flag| std::iter::once(flag.enable).chain(flag.disable))
    }
}

/// Why a list of flags cannot be used, in the words of Cloudflare's runtime.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FlagError {
    #[error("No such compatibility flag: {name}")]
    Unknown { name: String },
    #[error("Compatibility flag specified multiple times: {name}")]
    Repeated { name: String },
    #[error("Compatibility flags are mutually contradictory: {enable} vs {disable}")]
    Contradictory { enable: &'static str, disable: &'static str },
}

/// A Worker's compatibility date and flags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compatibility {
    /// `YYYY-MM-DD`; empty means the newest known date.
    pub date: String,
    pub flags: Vec<String>,
}

impl Compatibility {
    /// Whether the flag with this enabling name holds here.
    pub fn is_on(&self, enable: &str) -> bool {
        match FLAGS.iter().find(|flag| flag.enable == enable) {
            Some(flag) => self.holds(flag),
            None => self.has(enable),
        }
    }

    /// Each flag by its enabling name, and whether it holds here.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, bool)> {
        FLAGS.iter().map(|flag| (flag.enable, self.holds(flag)))
    }

    /// By their enabling names: the flags that are off here but that some date brings,
    /// be it in the future, and those that are on here and no date brings.
    pub fn unlike_newest(&self) -> (Vec<&'static str>, Vec<&'static str>) {
        static WITH_ALL_DATES: LazyLock<Vec<bool>> = LazyLock::new(|| {
            let last = Compatibility { date: "9999-12-31".into(), flags: Vec::new() };
            last.all().map(|(_, is_on)| is_on).collect()
        });
        let mut off = Vec::new();
        let mut on = Vec::new();
        let acting = |(flag, _): &(&'static Flag, _)| matches!(flag.effect, Effect::Acts(_));
        for (flag, with_all) in FLAGS.iter().zip(WITH_ALL_DATES.iter()).filter(acting) {
            match (*with_all, self.holds(flag)) {
                (true, false) => off.push(flag.enable),
                (false, true) => on.push(flag.enable),
                _ => {}
            }
        }
        (off, on)
    }

    /// Whether the Worker's date and flags ask for a flag, whatever Selvedge
    /// does about it.
    pub fn asks_for(&self, flag: &Flag) -> bool {
        if flag.disable.is_some_and(|disable| self.has(disable)) {
            return false;
        }
        let implied = |(by, from): (&[&str], &str)| {
            self.reaches(from)
                && by.iter().any(|name| {
                    FLAGS
                        .iter()
                        .find(|flag| flag.enable == *name)
                        .is_some_and(|by| self.asks_for(by))
                })
        };
        self.has(flag.enable)
            || flag.since.is_some_and(|since| self.reaches(since))
            || flag.implied.is_some_and(implied)
    }

    /// Checks the flags. The index is that of the flag to blame.
    ///
    /// # Errors
    /// When a flag is not known, stands twice, or contradicts another one.
    pub fn check(&self) -> Result<(), (usize, FlagError)> {
        for (index, name) in self.flags.iter().enumerate() {
            let before = &self.flags[..index];
            let Some((flag, side)) = Flag::named(name) else {
                return Err((index, FlagError::Unknown { name: name.clone() }));
            };
            if before.contains(name) {
                return Err((index, FlagError::Repeated { name: name.clone() }));
            }
            let Some(disable) = flag.disable else { continue };
            let other = if side == Side::Enable { disable } else { flag.enable };
            if before.iter().any(|before| before == other) {
                let error = FlagError::Contradictory { enable: flag.enable, disable };
                return Err((index, error));
            }
        }
        Ok(())
    }

    fn holds(&self, flag: &Flag) -> bool {
        match flag.effect {
            Effect::AlwaysOn => true,
            Effect::AlwaysOff(_) => false,
            Effect::Acts(_) | Effect::Idle(_) => self.asks_for(flag),
        }
    }

    fn has(&self, name: &str) -> bool {
        self.flags.iter().any(|flag| flag == name)
    }

    fn reaches(&self, date: &str) -> bool {
        let own = if self.date.is_empty() { NEWEST_DATE } else { self.date.as_str() };
        own >= date
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(date: &str, flags: &[&str]) -> Compatibility {
        Compatibility {
            date: date.into(),
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
        }
    }

    fn asks(compatibility: &Compatibility, name: &str) -> bool {
        compatibility.asks_for(Flag::named(name).expect("a flag").0)
    }

    #[test]
    fn a_date_turns_a_flag_on_and_a_name_turns_it_off() {
        assert!(!on("2020-01-01", &[]).is_on("allow_eval_during_startup"));
        assert!(on("2026-08-01", &[]).is_on("allow_eval_during_startup"));
        assert!(on("", &[]).is_on("allow_eval_during_startup"));
        assert!(
            on("2020-01-01", &["allow_eval_during_startup"]).is_on("allow_eval_during_startup")
        );
        let off = on("2026-08-01", &["disallow_eval_during_startup"]);
        assert!(!off.is_on("allow_eval_during_startup"));
    }

    #[test]
    fn a_flag_may_bring_others_from_a_date_on() {
        assert!(asks(&on("2024-09-23", &["nodejs_compat"]), "nodejs_compat_v2"));
        assert!(!asks(&on("2024-09-22", &["nodejs_compat"]), "nodejs_compat_v2"));
        assert!(!asks(&on("2024-09-23", &[]), "nodejs_compat_v2"));
        let without = on("2024-09-23", &["nodejs_compat", "no_nodejs_compat_v2"]);
        assert!(!asks(&without, "nodejs_compat_v2"));
        // Two steps: nodejs_compat, the client modules, the server modules.
        assert!(asks(&on("2025-09-01", &["nodejs_compat"]), "enable_nodejs_http_server_modules"));
        assert!(asks(&on("2026-08-04", &[]), "nodejs_compat"));
    }

    #[test]
    fn what_selvedge_cannot_change_does_not_change() {
        assert!(on("2020-01-01", &[]).is_on("workflows_step_rollback"));
        assert!(!on("2026-11-01", &[]).is_on("wasm_esm_integration_builtins"));
        assert!(on("2026-11-01", &[]).is_on("delete_all_deletes_alarm"), "idle, as its date says");
        assert!(!on("2020-01-01", &[]).is_on("delete_all_deletes_alarm"));
    }

    #[test]
    fn what_differs_from_the_newest_date_is_listed() {
        let future = |flags| on("9999-12-31", flags).unlike_newest();
        assert_eq!(future(&[]), (vec![], vec![]));
        assert_eq!(future(&["no_rpc", "experimental"]), (vec!["rpc"], vec!["experimental"]));
        assert_eq!(on("", &[]).unlike_newest(), on(NEWEST_DATE, &[]).unlike_newest());
        assert!(on("2026-11-30", &[]).unlike_newest().0.contains(&"temporal"));
        let (off, _) = on("2024-01-01", &[]).unlike_newest();
        assert!(off.contains(&"rpc") && off.contains(&"nodejs_compat"), "{off:?}");
        assert!(!off.contains(&"global_navigator"), "{off:?}");
    }

    #[test]
    fn flags_are_checked_in_the_words_of_the_runtime() {
        let error = |flags: &[&str]| {
            on("2026-01-01", flags).check().map_err(|(index, error)| (index, error.to_string()))
        };
        assert_eq!(error(&["nodejs_compat", "url_standard"]), Ok(()));
        assert_eq!(
            error(&["url_standard", "nodejs_compaat"]),
            Err((1, "No such compatibility flag: nodejs_compaat".into()))
        );
        assert_eq!(
            error(&["url_standard", "url_standard"]),
            Err((1, "Compatibility flag specified multiple times: url_standard".into()))
        );
        let contradiction =
            "Compatibility flags are mutually contradictory: url_standard vs url_original";
        assert_eq!(error(&["url_standard", "url_original"]), Err((1, contradiction.into())));
        assert_eq!(error(&["url_original", "url_standard"]), Err((1, contradiction.into())));
    }

    #[test]
    fn the_table_is_sound() {
        let mut names: Vec<_> = Flag::names().collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "each name stands once");
        for flag in FLAGS {
            for date in flag.since.into_iter().chain(flag.implied.map(|(_, from)| from)) {
                assert_eq!(date.len(), "2026-01-01".len(), "{}", flag.enable);
            }
            for by in flag.implied.map_or(&[][..], |(by, _)| by) {
                let (by, side) = Flag::named(by).expect("implied by a flag that is there");
                assert_eq!(side, Side::Enable, "{}", by.enable);
            }
        }
        // As many as workerd 1.20261117 has by name.
        assert_eq!(FLAGS.len(), 205);
    }
}
