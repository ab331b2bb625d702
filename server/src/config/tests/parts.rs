//! The keys that others read.

use selvedge_runtime::ModuleKind;
use serde::Deserialize;

use super::{Config, folder, load, toml};
use crate::config::{Cron, Dev, Route};

fn with(text: &str) -> Config {
    toml(&format!("main = \"worker.js\"\n{text}"), None).expect(text)
}

#[test]
fn a_build_says_what_runs_where() {
    let dir = folder(&[
        (
            "wrangler.toml",
            "main = \"worker.js\"\nbuild = { command = \"make\", cwd = \"web\", watch_dir = [\"a\", \"b\"] }",
        ),
        ("worker.js", ""),
    ]);
    let build = load(dir.path(), "", None).expect("valid").build;
    assert_eq!(build.command.as_deref(), Some("make"));
    assert_eq!(build.cwd, dir.path().join("web"));
    assert_eq!(build.watch_dirs, [dir.path().join("a"), dir.path().join("b")]);
    let config = with("build = { command = \"\" }");
    assert_eq!(config.build.command, None);
    assert_eq!(config.build.cwd, config.root);
    assert_eq!(config.build.watch_dirs, [config.root.join("src")]);
}

#[test]
fn dev_says_where_to_listen() {
    let config = with(
        "[dev]\nip = \"::1\"\nport = 9000\ninspector_port = 9230\nlocal_protocol = \"https\"\n\
         upstream_protocol = \"http\"\nhost = \"example.com\"\ngenerate_types = true\n",
    );
    let expected = Dev {
        ip: Some("::1".into()),
        port: Some(9000),
        inspector_ip: None,
        inspector_port: Some(9230),
        local_protocol: Some("https".into()),
        upstream_protocol: Some("http".into()),
        host: Some("example.com".into()),
        generate_types: Some(true),
    };
    assert_eq!(config.dev, expected);
    assert_eq!(with("").dev, Dev::default());
}

#[test]
fn crons_are_checked() {
    let config =
        with("[triggers]\ncrons = [\"*/5 * * * *\", \"0 0 L * *\", \"59 23 ? * FRI#2\"]\n");
    let expressions: Vec<_> = config.crons.iter().map(|cron| cron.expression.as_str()).collect();
    assert_eq!(expressions, ["*/5 * * * *", "0 0 L * *", "59 23 ? * FRI#2"]);
    for (expression, reason) in [
        ("* * * *", "a cron expression has five fields, not 4"),
        ("* * * * * *", "a cron expression has five fields, not 6"),
        ("", "a cron expression has five fields, not 0"),
        ("61 * * * *", ""),
        ("a b c d e", ""),
    ] {
        let error = Cron::parse(expression).expect_err(expression);
        assert!(error.starts_with(reason), "{expression}: {error}");
    }
    let error = toml("main = \"worker.js\"\n[triggers]\ncrons = [\"* * * * *\", \"x\"]\n", None)
        .expect_err("no cron");
    assert_eq!(error.position, Some((3, 23)), "{error}");
    assert!(error.message.starts_with("\"x\" is no cron expression: "), "{error}");
    assert!(error.hint.is_some());
}

#[test]
fn routes_are_texts_or_tables() {
    let config = with(
        "routes = [\"a.com/*\", { pattern = \"b.com\", custom_domain = true }, \
         { pattern = \"c.com/*\", zone_name = \"c.com\" }]",
    );
    let route = |pattern: &str| Route { pattern: pattern.into(), ..Route::default() };
    assert_eq!(
        config.routes,
        [
            route("a.com/*"),
            Route { custom_domain: true, ..route("b.com") },
            Route { zone_name: Some("c.com".into()), ..route("c.com/*") },
        ]
    );
    assert_eq!(with("route = \"a.com/*\"").routes, [route("a.com/*")]);
    for (text, message) in [
        (
            "routes = [{ pattern = \"a.com/x\", custom_domain = true }]",
            "\"a.com/x\": a custom domain has no path",
        ),
        (
            "routes = [{ pattern = \"*.a.com\", custom_domain = true }]",
            "\"*.a.com\": a custom domain cannot hold a \"*\"",
        ),
        ("routes = [\"\"]", "a route needs a pattern"),
        ("route = \"a\"\nroutes = [\"b\"]", "\"route\" and \"routes\" cannot both be there"),
    ] {
        let error = toml(&format!("main = \"worker.js\"\n{text}"), None).expect_err(text);
        assert_eq!(error.message, message);
    }
}

#[test]
fn services_name_workers_entrypoints_and_props() {
    let config = with(
        "[[services]]\nbinding = \"A\"\nservice = \"auth\"\nentrypoint = \"Admin\"\n\
         props = { level = 3 }\n[[services]]\nbinding = \"B\"\nservice = \"b\"\n",
    );
    let [first, second] = &config.services[..] else { panic!("{:?}", config.services) };
    assert_eq!((first.binding.as_str(), first.service.as_str()), ("A", "auth"));
    assert_eq!(first.entrypoint.as_deref(), Some("Admin"));
    assert_eq!(first.props, Some(serde_json::json!({"level": 3})));
    assert_eq!((second.entrypoint.as_deref(), &second.props), (None, &None));
}

#[test]
fn bundlers_find_their_keys() {
    let config = with(
        "tsconfig = \"conf/tsconfig.json\"\njsx_factory = \"h\"\njsx_fragment = \"Fragment\"\n\
         minify = true\nkeep_names = false\nno_bundle = true\npreserve_file_names = true\n\
         alias = { old = \"new\" }\n[define]\nVERSION = \"'1'\"\n",
    );
    let bundling = &config.bundling;
    assert_eq!(bundling.tsconfig, Some(config.root.join("conf/tsconfig.json")));
    assert_eq!(bundling.jsx_factory.as_deref(), Some("h"));
    assert_eq!(bundling.jsx_fragment.as_deref(), Some("Fragment"));
    assert_eq!(bundling.alias["old"], "new");
    assert_eq!(bundling.define["VERSION"], "'1'");
    assert!(bundling.minify && !bundling.keep_names);
    assert!(bundling.no_bundle && bundling.preserve_file_names);
    assert!(config.find_additional_modules, "no_bundle brings it");
    let plain = with("").bundling;
    assert!(plain.keep_names && !plain.minify && !plain.no_bundle);
}

#[test]
fn blobs_are_files() {
    let dir = folder(&[
        (
            "wrangler.toml",
            "main = \"worker.js\"\n[text_blobs]\nPAGE = \"./page.html\"\n[wasm_modules]\nADD = \"add.wasm\"\n",
        ),
        ("add.wasm", ""),
        ("worker.js", ""),
        ("page.html", "<p>"),
    ]);
    let config = load(dir.path(), "", None).expect("valid");
    let blobs: Vec<_> = config.blobs.iter().map(|blob| (blob.name.as_str(), blob.kind)).collect();
    assert_eq!(blobs, [("PAGE", ModuleKind::Text), ("ADD", ModuleKind::Wasm)]);
    assert_eq!(config.blobs[1].path, dir.path().join("add.wasm"));
    let kinds: Vec<_> = config.env_lines().into_iter().map(|line| line.kind).collect();
    assert_eq!(kinds, ["Text Blob", "Wasm Module"]);
    assert!(config.watched.contains(&dir.path().join("page.html")));
    let error = toml("main = \"worker.js\"\ntext_blobs = { A = \"gone.txt\" }\n", None)
        .expect_err("no file");
    assert_eq!(error.message, "the file \"gone.txt\" of \"text_blobs.A\" does not exist");
    assert_eq!(error.position, Some((2, 20)));
}

#[test]
fn version_metadata_has_a_name() {
    assert_eq!(
        with("version_metadata = { binding = \"VERSION\" }").version_metadata.as_deref(),
        Some("VERSION")
    );
}

#[derive(Debug, Deserialize, PartialEq)]
struct Bucket {
    binding: String,
    #[serde(default)]
    size: u8,
}

#[test]
fn a_bindings_crate_reads_its_tables_and_errors_keep_their_place() {
    let text = "main = \"worker.js\"\n[[r2_buckets]]\nbinding = \"A\"\n\
                [[env.live.r2_buckets]]\nbinding = \"B\"\nsize = 300\n";
    let config = toml(text, None).expect("valid");
    let tables = config.tables("r2_buckets").expect("a list");
    assert_eq!(tables[0].read::<Bucket>(), Ok(Bucket { binding: "A".into(), size: 0 }));
    assert!(config.tables("d1_databases").expect("no list").is_empty());

    let live = toml(text, Some("live")).expect("valid");
    let [table] = &live.tables("r2_buckets").expect("a list")[..] else { panic!("one") };
    let error = table.read::<Bucket>().expect_err("300 is no u8");
    assert_eq!(error.position, Some((6, 8)), "{error}");
    assert!(error.message.starts_with("\"env.live.r2_buckets[0].size\": invalid"), "{error}");
    let own = table.get("binding").expect("it is there").error("no good");
    assert_eq!(own.position, Some((5, 11)));
    assert_eq!(table.key(), "r2_buckets");
}

#[test]
fn all_bindings_are_listed_with_what_they_lead_to() {
    let config = with(
        "[vars]\nGREETING = \"hi\"\nLIST = [1, 2]\nLONG = \"0123456789012345678901234567890123456789\"\n\
         [[kv_namespaces]]\nbinding = \"KV\"\nid = \"abc\"\n\
         [[services]]\nbinding = \"S\"\nservice = \"auth\"\nentrypoint = \"Admin\"\n\
         [[durable_objects.bindings]]\nname = \"ROOM\"\nclass_name = \"Room\"\n\
         [[queues.producers]]\nbinding = \"Q\"\nqueue = \"jobs\"\n\
         [ai]\nbinding = \"AI\"\n",
    );
    let lines: Vec<_> = config
        .env_lines()
        .into_iter()
        .map(|line| format!("{} | {} | {} | {}", line.name, line.kind, line.value, line.source))
        .collect();
    assert_eq!(
        lines,
        [
            "env.GREETING | Environment Variable | \"hi\" | vars",
            "env.LIST | Environment Variable | [1,2] | vars",
            "env.LONG | Environment Variable | \"0123456789012345678901234567890123456.. | vars",
            "env.KV | KV Namespace | abc | kv_namespaces",
            "env.ROOM | Durable Object | Room | durable_objects",
            "env.Q | Queue | jobs | queues",
            "env.S | Worker | auth#Admin | services",
            "env.AI | AI | (not there yet) | ai",
        ]
    );
}

#[test]
fn what_run_leaves_out_is_said() {
    let config = with("triggers = { crons = [\"* * * * *\"] }");
    let said = config.not_in_run().remove(0);
    let expected = "wrangler.toml: `selvedge run` does not fire cron triggers; `selvedge dev` does";
    assert!(said.ends_with(expected), "{said}");
    let config =
        with("dispatch_namespaces = [{ binding = \"CUSTOMERS\", namespace = \"customers\" }]");
    let said = config.not_in_run().remove(0);
    let expected = "wrangler.toml: the dispatch namespace \"CUSTOMERS\" is empty: `selvedge run` \
                    serves one Worker; `selvedge dev -c A -c B` serves several, which are in it";
    assert!(said.ends_with(expected), "{said}");
    assert!(with("build = { cwd = \".\" }").not_in_run().is_empty());
}
