//! Configurations that a build made.

use super::{folder, load};

const DEPLOY: &str = ".wrangler/deploy/config.json";

#[test]
fn a_deploy_file_leads_to_the_configuration_that_a_build_made() {
    let dir = folder(&[
        ("wrangler.toml", "name = \"own\"\nmain = \"src/index.ts\""),
        (DEPLOY, "{\"configPath\": \"../../dist/wrangler.json\", \"auxiliaryWorkers\": []}"),
        ("dist/wrangler.json", "{\"name\": \"built\", \"main\": \"index.js\"}"),
        ("dist/index.js", ""),
        (".dev.vars", "SECRET=1"),
    ]);
    let config = load(dir.path(), "", None).expect("valid");
    assert_eq!(config.name, "built");
    assert_eq!(config.main, dir.path().join("dist/index.js"));
    assert_eq!(config.vars[0].name, "SECRET", "secrets lie beside the user's configuration");
    let [note] = &config.warnings[..] else { panic!("{:?}", config.warnings) };
    assert!(note.contains("dist/wrangler.json, which a build made"), "{note}");
    let error = load(dir.path(), "", Some("live")).expect_err("environments are gone");
    assert!(error.message.ends_with("a build made it for one environment"), "{error}");
    // A file that is named is what runs.
    let named = load(dir.path(), "wrangler.toml", None);
    assert!(named.expect_err("src/index.ts is missing").message.contains("src/index.ts"));
}

#[test]
fn a_deploy_file_that_leads_nowhere_is_an_error() {
    let cases = [
        ("{\"configPath\": \"../../gone.json\"}", Some((1, 16)), "does not exist"),
        ("{}", None, "\"configPath\" is missing"),
        ("{", Some((1, 1)), "not valid JSON"),
    ];
    for (text, position, message) in cases {
        let dir = folder(&[(DEPLOY, text), ("worker.js", "")]);
        let error = load(dir.path(), "", None).expect_err(text);
        assert!(error.message.contains(message), "{text}: {error}");
        assert_eq!(error.position, position, "{text}");
        assert!(error.file.as_deref().is_some_and(|file| file.ends_with(DEPLOY)), "{error:?}");
    }
}
