//! Compatibility dates and flags: one table, flag, the date it turns on, and
//! what it changes (<https://developers.cloudflare.com/workers/configuration/compatibility-flags/>).

/// The newest date whose changes this build knows.
pub const NEWEST_DATE: &str = "2026-11-01";

/// A flag that changes behaviour here.
#[derive(Debug, Clone, Copy)]
pub struct Flag {
    pub enable: &'static str,
    pub disable: &'static str,
    /// The date from which it is on; `None`: only by name.
    pub since: Option<&'static str>,
    pub changes: &'static str,
}

/// The flags that this build acts on.
pub const FLAGS: &[Flag] = &[
    Flag {
        enable: "allow_eval_during_startup",
        disable: "disallow_eval_during_startup",
        since: Some("2025-06-01"),
        changes: "eval() and new Function() work in the global scope",
    },
    Flag {
        enable: "global_navigator",
        disable: "no_global_navigator",
        since: Some("2022-03-21"),
        changes: "the global navigator exists",
    },
];

/// A Worker's compatibility date and flags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compatibility {
    /// `YYYY-MM-DD`; empty means the newest known date.
    pub date: String,
    pub flags: Vec<String>,
}

impl Compatibility {
    /// Whether the flag with this enabling name is on.
    pub fn is_on(&self, enable: &str) -> bool {
        let Some(flag) = FLAGS.iter().find(|flag| flag.enable == enable) else {
            return self.flags.iter().any(|name| name == enable);
        };
        if self.flags.iter().any(|name| name == flag.disable) {
            return false;
        }
        self.flags.iter().any(|name| name == flag.enable)
            || flag.since.is_some_and(|since| self.date.is_empty() || self.date.as_str() >= since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_turns_a_flag_on_and_a_name_turns_it_off() {
        let old = Compatibility { date: "2020-01-01".into(), flags: vec![] };
        let new = Compatibility { date: "2026-08-01".into(), flags: vec![] };
        assert!(!old.is_on("allow_eval_during_startup"));
        assert!(new.is_on("allow_eval_during_startup"));
        let off = Compatibility {
            date: "2026-08-01".into(),
            flags: vec!["disallow_eval_during_startup".into()],
        };
        assert!(!off.is_on("allow_eval_during_startup"));
    }
}
