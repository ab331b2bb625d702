//! The key `workflows` of wrangler's configuration
//! (<https://developers.cloudflare.com/workers/wrangler/configuration/#workflows>).

use serde::Deserialize;

use crate::rules;

/// One of `workflows`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WorkflowConfig {
    /// The name in `env`.
    pub binding: String,
    /// The Workflow's name.
    pub name: String,
    /// The exported class that extends `WorkflowEntrypoint`.
    pub class_name: String,
    /// The Worker that exports it, if it is another one.
    pub script_name: Option<String>,
    /// Asks wrangler to use Cloudflare's Workflow.
    #[serde(default)]
    pub remote: bool,
    /// Limits of its instances.
    #[serde(default)]
    pub limits: Limits,
    /// When an instance begins by itself: cron expressions.
    #[serde(default)]
    pub schedules: Schedules,
}

/// A text or several.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Schedules {
    #[default]
    None,
    One(String),
    Many(Vec<String>),
}

impl Schedules {
    /// Each of them.
    pub fn all(&self) -> &[String] {
        match self {
            Self::None => &[],
            Self::One(schedule) => std::slice::from_ref(schedule),
            Self::Many(schedules) => schedules,
        }
    }
}

/// `limits` of a Workflow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Steps that an instance may have.
    pub steps: Option<u32>,
}

impl WorkflowConfig {
    /// Whether the class is one of the Worker of this name.
    pub fn is_own(&self, worker: &str) -> bool {
        self.script_name.as_deref().is_none_or(|script| script == worker)
    }

    /// What is not valid of it, with the key that it is about.
    ///
    /// # Errors
    /// The key and the reason.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        rules::check_name(&self.name).map_err(|text| ("name", text))?;
        if self.class_name.is_empty() {
            return Err(("class_name", "\"class_name\" is empty".to_owned()));
        }
        let steps = self.limits.steps.unwrap_or(rules::DEFAULT_STEPS);
        rules::check_steps(steps).map_err(|text| ("limits", text))?;
        let bad = |text: &str| Err(("schedules", text.to_owned()));
        match &self.schedules {
            Schedules::One(text) if text.is_empty() => {
                bad("\"schedules\" must not be an empty string")
            }
            Schedules::Many(all) if all.is_empty() => {
                bad("\"schedules\" must not be an empty array")
            }
            Schedules::Many(all) if all.iter().any(String::is_empty) => {
                bad("\"schedules\" must not contain empty strings")
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: serde_json::Value) -> WorkflowConfig {
        serde_json::from_value(json).expect("valid")
    }

    #[test]
    fn a_class_is_the_workers_own_unless_another_script_is_named() {
        let own = read(serde_json::json!({ "binding": "W", "name": "w", "class_name": "C" }));
        assert!(own.is_own("here") && own.check().is_ok());
        let other = read(serde_json::json!({
            "binding": "W", "name": "w", "class_name": "C", "script_name": "there",
        }));
        assert!(!other.is_own("here") && other.is_own("there"));
    }

    #[test]
    fn what_is_not_valid_is_named() {
        for (key, json) in [
            ("name", serde_json::json!({ "binding": "W", "name": "a b", "class_name": "C" })),
            ("name", serde_json::json!({ "binding": "W", "name": "", "class_name": "C" })),
            ("class_name", serde_json::json!({ "binding": "W", "name": "w", "class_name": "" })),
            (
                "limits",
                serde_json::json!({
                    "binding": "W", "name": "w", "class_name": "C", "limits": { "steps": 25_001 },
                }),
            ),
            (
                "schedules",
                serde_json::json!({
                    "binding": "W", "name": "w", "class_name": "C", "schedules": ["0 * * * *", ""],
                }),
            ),
            (
                "schedules",
                serde_json::json!({
                    "binding": "W", "name": "w", "class_name": "C", "schedules": [],
                }),
            ),
        ] {
            let (named, _) = read(json).check().expect_err("refused");
            assert_eq!(named, key);
        }
    }
}
