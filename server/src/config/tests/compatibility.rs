//! `compatibility_date` and `compatibility_flags`.

use super::{Config, toml};

fn with_flags(flags: &str) -> Result<Config, crate::config::Diagnostic> {
    toml(
        &format!(
            "main = \"worker.js\"\ncompatibility_date = 2026-08-01\ncompatibility_flags = {flags}\n"
        ),
        None,
    )
}

#[test]
fn a_date_of_the_future_is_noted() {
    let config =
        toml("main = \"worker.js\"\ncompatibility_date = 2099-01-01\n", None).expect("valid");
    let [note] = &config.warnings[..] else { panic!("{:?}", config.warnings) };
    assert!(note.starts_with("compatibility_date 2099-01-01 is newer than this build"), "{note}");
}

#[test]
fn flags_that_change_nothing_are_noted_each() {
    let config = with_flags("[\"unsafe_module\", \"no_spec_compliant_property_attributes\"]")
        .expect("valid");
    assert_eq!(
        config.warnings,
        [
            "the compatibility flag \"unsafe_module\" has no effect: Selvedge always refuses this",
            "the compatibility flag \"no_spec_compliant_property_attributes\" has no effect: \
             Selvedge always behaves as with \"spec_compliant_property_attributes\"",
        ]
    );
    // What holds anyway, and what is off anyway, needs no word.
    let config = with_flags("[\"url_standard\", \"no_nodejs_compat\", \"no_global_navigator\"]")
        .expect("valid");
    assert_eq!(config.warnings, Vec::<String>::new());
}

#[test]
fn flags_that_cannot_be_are_errors_in_the_words_of_the_runtime() {
    let cases = [
        ("[\"global_navigatr\"]", 24, "No such compatibility flag: global_navigatr"),
        (
            "[\"url_standard\", \"url_standard\"]",
            40,
            "Compatibility flag specified multiple times: url_standard",
        ),
        (
            "[\"url_standard\", \"url_original\"]",
            40,
            "Compatibility flags are mutually contradictory: url_standard vs url_original",
        ),
    ];
    for (flags, column, message) in cases {
        let error = with_flags(flags).expect_err(flags);
        assert_eq!(error.message, message);
        assert_eq!(error.position, Some((3, column)), "{error}");
    }
    let error = with_flags("[\"global_navigatr\"]").expect_err("unknown");
    assert_eq!(error.hint.as_deref(), Some("did you mean \"global_navigator\"?"));
    let error = with_flags("[\"zzz\"]").expect_err("unknown");
    assert_eq!(error.hint, None);
}

/// The table of docs/configuration.md.
fn documented() -> String {
    use std::fmt::Write as _;

    use selvedge_runtime::compatibility::{Effect, FLAGS};

    let mut text = String::from("| flag | turned off by | on from | here |\n|---|---|---|---|\n");
    for flag in FLAGS {
        let off = flag.disable.map_or(String::new(), |name| format!("`{name}`"));
        let date = flag.since.map(|date| match date {
            "0000-00-00" => "every date".to_owned(),
            date => date.to_owned(),
        });
        let implied = flag.implied.map(|(by, from)| {
            let by: Vec<_> = by.iter().map(|name| format!("`{name}`")).collect();
            format!("{from} with {}", by.join(" or "))
        });
        let on: Vec<_> = date.into_iter().chain(implied).collect();
        let on = if on.is_empty() { "no date".to_owned() } else { on.join(", ") };
        let here = match flag.effect {
            Effect::Acts(what) => format!("acts: {what}"),
            Effect::AlwaysOn => "always on".to_owned(),
            Effect::AlwaysOff(why) => format!("always off: {why}"),
            Effect::Idle(why) => format!("no effect: {why}"),
        };
        let _ = writeln!(text, "| `{}` | {off} | {on} | {here} |", flag.enable);
    }
    text
}

#[test]
fn the_documentation_lists_every_flag() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let page = std::fs::read_to_string(path).expect("docs/configuration.md");
    let table = documented();
    assert!(page.contains(&table), "docs/configuration.md should hold this:\n{table}");
}
