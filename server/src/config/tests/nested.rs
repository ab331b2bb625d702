//! What stands in the values of keys.

use super::{folder, load, toml};

#[test]
fn unknown_sub_keys_are_warned_of_with_the_nearest_known_one() {
    let cases = [
        (
            "[[kv_namespaces]]\nbindng = \"A\"\nbinding = \"A\"\n",
            "3:1",
            "kv_namespaces[0].bindng",
            "binding",
        ),
        ("[dev]\nports = 1\n", "3:1", "dev.ports", "port"),
        ("[build]\ncomand = \"x\"\n", "3:1", "build.comand", "command"),
        ("[triggers]\ncron = []\n", "3:1", "triggers.cron", "crons"),
        ("[assets]\ndirectory = \".\"\nbindng = \"A\"\n", "4:1", "assets.bindng", "binding"),
        ("[observability.logs]\nenable = true\n", "3:1", "observability.logs.enable", "enabled"),
        (
            "[[services]]\nbinding = \"S\"\nservice = \"s\"\nentry = \"E\"\n",
            "5:1",
            "services[0].entry",
            "entrypoint",
        ),
        (
            "[[d1_databases]]\nbinding = \"D\"\ndatabase = \"d\"\n",
            "4:1",
            "d1_databases[0].database",
            "database_id",
        ),
        (
            "[[queues.producers]]\nbinding = \"Q\"\nqueues = \"q\"\n",
            "4:1",
            "queues.producers[0].queues",
            "queue",
        ),
        (
            "[[durable_objects.bindings]]\nname = \"D\"\nclass_name = \"C\"\nclass = \"C\"\n",
            "5:1",
            "durable_objects.bindings[0].class",
            "class_name",
        ),
        (
            "[[routes]]\npattern = \"a.com/*\"\nzone = \"a.com\"\n",
            "4:1",
            "routes[0].zone",
            "zone_id",
        ),
        (
            "[[r2_buckets]]\nbinding = \"R\"\nbucket = \"b\"\n",
            "4:1",
            "r2_buckets[0].bucket",
            "bucket_name",
        ),
    ];
    for (text, place, key, near) in cases {
        let config = toml(&format!("main = \"worker.js\"\n{text}"), None).expect(text);
        let expected =
            format!("wrangler.toml:{place}: unknown key \"{key}\"; did you mean \"{near}\"?");
        assert!(
            config.warnings.iter().any(|warning| warning.ends_with(&expected)),
            "{expected}\n{:?}",
            config.warnings
        );
    }
}

#[test]
fn values_that_do_not_fit_are_errors_where_the_key_acts() {
    let cases = [
        ("[dev]\nport = \"x\"\n", (3, 8), "\"dev.port\" must be a number, not a string"),
        ("[dev]\nport = 70000\n", (3, 8), "\"dev.port\": invalid"),
        (
            "[dev]\nlocal_protocol = \"htps\"\n",
            (3, 18),
            "\"dev.local_protocol\" cannot be \"htps\"",
        ),
        (
            "[build]\nwatch_dir = 1\n",
            (3, 13),
            "\"build.watch_dir\" must be a string or a list, not a number",
        ),
        ("[[services]]\nbinding = \"S\"\n", (2, 1), "\"services[0]\" needs \"service\""),
        ("routes = [1]\n", (2, 11), "\"routes[0]\" must be a string or a table, not a number"),
        ("alias = { a = 1 }\n", (2, 15), "\"alias.a\" must be a string, not a number"),
        ("minify = \"yes\"\n", (2, 10), "\"minify\" must be true or false, not a string"),
    ];
    for (text, position, message) in cases {
        let error = toml(&format!("main = \"worker.js\"\n{text}"), None).expect_err(text);
        assert!(error.message.starts_with(message), "{text}: {error}");
        assert_eq!(error.position, Some(position), "{text}: {error}");
        assert!(error.code_frame.is_some(), "{text}");
    }
    let error = toml("main = \"worker.js\"\n[dev]\nlocal_protocol = \"htps\"\n", None)
        .expect_err("not a protocol");
    assert!(error.hint.is_some_and(|hint| hint.starts_with("did you mean \"http")));
}

#[test]
fn values_that_do_not_fit_are_warnings_where_nothing_acts() {
    let config = toml(
        "main = \"worker.js\"\nworkers_dev = \"yes\"\n[placement]\nhint = \"x\"\n\
         mode = \"of\"\n[[vectorize]]\nindex_name = \"b\"\n",
        None,
    )
    .expect("what does not act does not stop");
    for expected in [
        "wrangler.toml:2:15: \"workers_dev\" must be true or false, not a string",
        "wrangler.toml:5:8: \"placement.mode\" cannot be \"of\"; did you mean \"off\"?",
        "wrangler.toml:6:1: \"vectorize[0]\" needs \"binding\"",
    ] {
        assert!(
            config.warnings.iter().any(|warning| warning.ends_with(expected)),
            "{expected}\n{:?}",
            config.warnings
        );
    }
}

#[test]
fn environments_are_checked_when_they_are_chosen() {
    let text = "main = \"worker.js\"\n[env.live]\nbuild = { comand = \"x\" }\nalias = { a = \"b\" }\n\
                mian = \"x\"\n[env.other]\nbuild = 1\n";
    assert_eq!(toml(text, None).expect("valid").warnings, Vec::<String>::new());
    let live = toml(text, Some("live")).expect("valid");
    for expected in [
        "3:11: unknown key \"env.live.build.comand\"; did you mean \"command\"?",
        "4:1: \"env.live.alias\" has no effect: it belongs to the top level",
        "5:1: unknown key \"env.live.mian\"; did you mean \"main\"?",
    ] {
        assert!(
            live.warnings.iter().any(|warning| warning.ends_with(expected)),
            "{expected}\n{:?}",
            live.warnings
        );
    }
    let error = toml(text, Some("other")).expect_err("a number");
    assert_eq!(error.message, "\"env.other.build\" must be a table, not a number");
}

#[test]
fn two_bindings_of_one_name_are_an_error() {
    let error = toml(
        "main = \"worker.js\"\n[[r2_buckets]]\nbinding = \"X\"\n[[kv_namespaces]]\nbinding = \"X\"\n",
        None,
    )
    .expect_err("two of a name");
    assert_eq!(error.message, "X assigned to KV Namespace and R2 Bucket bindings.");
    assert_eq!(error.position, Some((3, 11)));
    let error = toml(
        "main = \"worker.js\"\n[vars]\nX = \"1\"\n[[services]]\nbinding = \"X\"\nservice = \"s\"\n",
        None,
    )
    .expect_err("two of a name");
    assert_eq!(error.message, "X assigned to Environment Variable and Worker bindings.");
    let error = toml(
        "main = \"worker.js\"\n[[services]]\nbinding = \"X\"\nservice = \"s\"\n[[services]]\n\
         binding = \"X\"\nservice = \"t\"\n",
        None,
    )
    .expect_err("two of a name");
    assert_eq!(error.message, "X assigned to multiple Worker bindings.");
}

#[test]
fn json_places_are_as_good() {
    let dir =
        folder(&[("wrangler.jsonc", "{\n  \"dev\": { \"port\": true }\n}"), ("worker.js", "")]);
    let error = load(dir.path(), "", None).expect_err("not a port");
    assert_eq!(error.position, Some((2, 20)), "{error}");
}
