//! Cloudflare's rules for Workflows, stated once for Rust
//! (<https://developers.cloudflare.com/workflows/reference/limits/>). Those of steps
//! stand in `step.js` and `durations.js`.

/// The longest name of a Workflow, in characters.
pub const MAX_NAME: usize = 64;
/// The longest id of an instance, in characters.
pub const MAX_INSTANCE_ID: usize = 100;
/// Steps that an instance may have if nothing else is said.
pub const DEFAULT_STEPS: u32 = 10_000;
/// The most that can be said.
pub const MAX_STEPS: u32 = 25_000;

/// What an instance is at: Cloudflare's names.
pub const STATUSES: [&str; 8] = [
    "queued",
    "running",
    "paused",
    "errored",
    "terminated",
    "complete",
    "waiting",
    "waitingForPause",
];

fn is_plain(text: &str, most: usize) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    text.len() <= most && !text.starts_with('-') && !text.is_empty() && text.bytes().all(inner)
}

/// Whether a Workflow can have this name.
///
/// # Errors
/// Why not.
pub fn check_name(name: &str) -> Result<(), String> {
    if is_plain(name, MAX_NAME) {
        return Ok(());
    }
    Err(format!(
        "the name of a Workflow has up to {MAX_NAME} letters, digits, `-` and `_`, and does not \
         begin with `-`: \"{name}\" is none"
    ))
}

/// Whether an instance can have this id.
pub fn is_instance_id(id: &str) -> bool {
    is_plain(id, MAX_INSTANCE_ID)
}

/// Whether so many steps may be allowed.
///
/// # Errors
/// Why not.
pub fn check_steps(steps: u32) -> Result<(), String> {
    match (1..=MAX_STEPS).contains(&steps) {
        true => Ok(()),
        false => Err(format!("\"limits.steps\" must be between 1 and {MAX_STEPS}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_ids_are_plain() {
        for good in ["a", "_", "order-1", "A_b-3"] {
            assert!(check_name(good).is_ok() && is_instance_id(good), "{good}");
        }
        for bad in ["", "-a", "a b", "a/b", "\u{e9}"] {
            assert!(check_name(bad).is_err() && !is_instance_id(bad), "{bad}");
        }
        assert!(check_name(&"a".repeat(64)).is_ok() && check_name(&"a".repeat(65)).is_err());
        assert!(is_instance_id(&"a".repeat(100)) && !is_instance_id(&"a".repeat(101)));
    }
}
