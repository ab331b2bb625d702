//! What the commands say when something is wrong.

use super::{Served, borrowed, hello, project, run};

#[test]
fn a_dry_run_needs_no_server_and_writes_what_would_be_uploaded() {
    let files = [
        (
            "src/index.ts",
            "import { text } from \"./text\";\nexport default { fetch() { return new Response(text as string); } };\n",
        ),
        ("src/text.ts", "export const text: string = \"hi\";\n"),
        (
            "wrangler.toml",
            "name = \"dry\"\nmain = \"src/index.ts\"\ncompatibility_date = \"2026-11-01\"\n[vars]\nA = \"x\"\n",
        ),
        (".dev.vars", "LOCAL_SECRET=hunter2\n"),
    ];
    let folder = project(&files);
    let said = run(folder.path(), &["deploy", "--dry-run", "--outdir", "out"], &[], "").text();
    assert!(said.contains("Total Upload: ") && said.contains("env.A (\"x\")"), "{said}");
    assert!(said.contains("--dry-run: exiting now."), "{said}");
    let built = std::fs::read_to_string(folder.path().join("out/index.js")).expect("it is there");
    assert!(built.contains("hi") && !built.contains("as string"), "{built}");
    let json = run(folder.path(), &["deploy", "--dry-run", "--json"], &[], "").json();
    assert_eq!(json["bindings"].as_array().map(Vec::len), Some(1));
    assert!(!json.to_string().contains("hunter2"), "secrets of this machine stay here");
}

#[test]
fn errors_say_what_to_do() {
    let files = hello("lost", "hi");
    let folder = project(&borrowed(&files));
    let none = run(folder.path(), &["deploy"], &[], "").error();
    assert!(none.contains("which server?") && none.contains("selvedge login"), "{none}");
    // A port that nobody listens on.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", free.local_addr().expect("an address"));
    drop(free);
    let environment = [
        ("SELVEDGE_API_URL", url.as_str()),
        ("SELVEDGE_API_TOKEN", "t"),
        ("SELVEDGE_ACCOUNT_ID", "a"),
    ];
    let down = run(folder.path(), &["secret", "list"], &environment, "").error();
    assert!(down.contains("cannot reach") && down.contains("is the server running?"), "{down}");
    let odd = [("SELVEDGE_API_URL", "no address"), ("SELVEDGE_API_TOKEN", "t")];
    let odd = run(folder.path(), &["whoami"], &odd, "").error();
    assert!(odd.contains("is no address of a server"), "{odd}");
}

#[test]
fn what_does_not_start_is_not_deployed() {
    let served = Served::start();
    let files = hello("fragile", "fine");
    let (folder, _) = served.deploy(&borrowed(&files));
    let broken =
        "const settings = undefined;\nexport const a = settings.limit;\nexport default {};\n";
    std::fs::write(folder.path().join("worker.js"), broken).expect("it can be written");
    let error = served.selvedge(folder.path(), &["deploy"]).error();
    assert!(error.contains("10021") && error.contains("limit"), "{error}");
    assert!(error.contains("worker.js:2"), "the place: {error}");
    assert_eq!(served.get(&served.host("fragile"), "/").text(), "fine");
}

#[test]
fn foreign_accounts_and_unknown_workers_are_refused_with_a_hint() {
    let served = Served::start();
    let files = hello("mine", "hi");
    let (folder, _) = served.deploy(&borrowed(&files));
    let foreign = "f".repeat(32);
    let args = ["deploy", "--account-id", &foreign];
    let error = served.selvedge(folder.path(), &args).error();
    assert!(error.contains("hint:"), "{error}");
    let error = served.selvedge(folder.path(), &["tail", "nobody"]).error();
    assert!(error.contains("10007") && error.contains("selvedge deploy"), "{error}");
    let error = served.selvedge(folder.path(), &["rollback"]).error();
    assert!(error.contains("no earlier deployment"), "{error}");
    let error = served.selvedge(folder.path(), &["versions", "deploy", "ffff", "--yes"]).error();
    assert!(error.contains("there is no version ffff"), "{error}");
    // Nobody can be asked, and nothing says that it is meant.
    let error = served.selvedge(folder.path(), &["delete"]).error();
    assert!(error.contains("--force"), "{error}");
    assert_eq!(served.get(&served.host("mine"), "/").text(), "hi");
}

#[test]
fn required_secrets_are_asked_for_before_anything_is_uploaded() {
    let served = Served::start();
    let files = hello("needy", "hi");
    let folder = project(&borrowed(&files));
    let path = folder.path().join("wrangler.toml");
    let config = std::fs::read_to_string(&path).expect("it is there");
    std::fs::write(&path, format!("{config}[secrets]\nrequired = [\"API_KEY\"]\n"))
        .expect("written");
    let error = served.selvedge(folder.path(), &["deploy"]).error();
    assert!(error.contains("API_KEY") && error.contains("selvedge secret put"), "{error}");
    served.selvedge_with(folder.path(), &["secret", "bulk"], "{\"API_KEY\": \"x\"}").text();
    served.selvedge(folder.path(), &["deploy"]).text();
    assert_eq!(served.get(&served.host("needy"), "/").text(), "hi");
}

#[test]
fn a_workflow_needs_its_class() {
    let served = Served::start();
    let files = hello("flows", "fine");
    let (folder, _) = served.deploy(&borrowed(&files));
    let path = folder.path().join("wrangler.toml");
    let config = std::fs::read_to_string(&path).expect("it is there");
    let with = "[[workflows]]\nbinding = \"W\"\nname = \"w\"\nclass_name = \"Missing\"\n";
    std::fs::write(&path, format!("{config}\n{with}")).expect("it can be written");
    let error = served.selvedge(folder.path(), &["deploy"]).error();
    let text = "Cannot create binding for class Missing that is not exported by the script";
    assert!(error.contains(text), "{error}");
    let other = with.replace("class_name", "script_name = \"nobody\"\nclass_name");
    std::fs::write(&path, format!("{config}\n{other}")).expect("it can be written");
    let error = served.selvedge(folder.path(), &["deploy"]).error();
    assert!(error.contains("workflow not found"), "{error}");
}

#[test]
fn ports_of_a_worker_stay_where_it_runs() {
    let served = Served::start();
    let files = hello("ports", "fine");
    let folder = project(&borrowed(&files));
    let path = folder.path().join("wrangler.toml");
    let config = std::fs::read_to_string(&path).expect("it is there");
    let with = "[[connect]]\nprotocol = \"tcp\"\nport = 7000\n";
    std::fs::write(&path, format!("{config}\n{with}")).expect("it can be written");
    let said = served.selvedge(folder.path(), &["deploy"]);
    assert!(said.ok, "{said:?}");
    assert!(said.stderr.contains("\"connect\" acts in `run` and `dev`."), "{said:?}");
}
