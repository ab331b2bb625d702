//! S3: the client that most programs use, boto3, and wrangler's commands for R2,
//! against one server.

use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

use super::Wrangler;
use super::project::Project;
use crate::harness::Program;

/// What boto3 does, and what it must get.
const SCRIPT: &str = include_str!("s3.py");

/// The folder that boto3 is installed in, if it is there.
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn boto3() -> Option<PathBuf> {
    let Some(path) = std::env::var_os("SELVEDGE_BOTO3") else {
        println!("skipped: SELVEDGE_BOTO3 does not name a folder with boto3 in it");
        return None;
    };
    let python = Command::new("python3").arg("--version").output();
    if !python.is_ok_and(|python| python.status.success()) {
        println!("skipped: there is no python3");
        return None;
    }
    Some(path.into())
}

#[test]
fn boto3_does_what_it_does_elsewhere() {
    let Some(boto3) = boto3() else { return };
    let server = Wrangler::with(PathBuf::new(), "");
    let other = server.api(
        "POST",
        &format!("/accounts/{}/tokens", server.account),
        json!({ "name": "other", "scopes": ["deploy"] }),
    );
    let mut command = Command::new("python3");
    command
        .args(["-c", SCRIPT])
        .env("PYTHONPATH", boto3)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("HOME", server.home.path())
        .env("ENDPOINT", format!("http://{}/s3", server.admin))
        .env("KEY", &server.token_id)
        .env("TOKEN", &server.token)
        .env("OTHER_KEY", other["id"].as_str().expect("an id"))
        .env("OTHER_TOKEN", other["value"].as_str().expect("a token"));
    let ended = Program::start(command, server.home.path()).wait();
    let log = server.server.as_ref().map(|server| server.stderr.text()).unwrap_or_default();
    assert!(ended.status.success(), "{}\n{}\n{log}", ended.stdout, ended.stderr);
    assert!(ended.stdout.ends_with("done\n"), "{}", ended.stdout);
}

#[test]
fn wrangler_works_on_buckets_and_objects() {
    const SOURCE: &str = "export default { async fetch(request, { FILES }) {
        return new Response(await (await FILES.get('a/b c.txt'))?.text() ?? 'nothing');
    } };";
    let Some(wrangler) = Wrangler::start() else { return };
    let mut project = Project::new("api", SOURCE);
    let said = wrangler.ok(&project, &["r2", "bucket", "create", "files"]);
    assert!(said.contains("files"), "{said}");
    let said = wrangler.fails(&project, &["r2", "bucket", "create", "files"]);
    assert!(said.contains("already exists"), "{said}");
    wrangler.ok(&project, &["r2", "bucket", "create", "other", "-s", "InfrequentAccess"]);
    let said = wrangler.ok(&project, &["r2", "bucket", "list"]);
    assert!(said.contains("files") && said.contains("other"), "{said}");
    wrangler.ok(&project, &["r2", "bucket", "delete", "other"]);

    project.write("one.txt", "one text");
    let path = "files/a/b c.txt";
    let put = ["r2", "object", "put", path, "--file", "one.txt", "--ct", "text/x", "--remote"];
    wrangler.ok(&project, &put);
    let said = wrangler.fails(&project, &["r2", "bucket", "delete", "files"]);
    assert!(said.contains("not empty"), "{said}");
    let get = ["r2", "object", "get", path, "--file", "two.txt", "--remote"];
    wrangler.ok(&project, &get);
    let got = std::fs::read_to_string(project.path().join("two.txt")).expect("it was written");
    assert_eq!(got, "one text");

    project.set(json!({ "r2_buckets": [{ "binding": "FILES", "bucket_name": "missing" }] }));
    let said = wrangler.fails(&project, &["deploy", "--experimental-provision=false"]);
    assert!(said.contains("R2 bucket 'missing' not found"), "{said}");
    project.set(json!({ "r2_buckets": [{ "binding": "FILES", "bucket_name": "files" }] }));
    wrangler.ok(&project, &["deploy"]);
    let host = format!("api.{}", super::DOMAIN);
    assert_eq!(wrangler.text(&host, "/"), "one text");
    wrangler.ok(&project, &["r2", "object", "delete", path, "--remote"]);
    assert_eq!(wrangler.text(&host, "/"), "nothing");
    wrangler.fails(&project, &get);
}
