//! `selvedge secret`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use selvedge_client::{Multipart, Part, Script};
use selvedge_server::config::parse_dot_env;
use serde_json::{Map, Value, json};

use super::args::{ListFormat, SecretCommand, WorkerArgs};
use super::output::{must_confirm, print, print_json, read_secret, say};
use super::project::Target;

pub(super) async fn run(command: SecretCommand) -> anyhow::Result<()> {
    match command {
        SecretCommand::Put { key, worker } => put(&key, &worker).await,
        SecretCommand::List { format, worker } => list(format, &worker).await,
        SecretCommand::Delete { key, yes, worker } => delete(&key, yes, &worker).await,
        SecretCommand::Bulk { file, worker } => bulk(file.as_deref(), &worker).await,
    }
}

fn script(target: &Target) -> Script<'_> {
    target.remote.client.account(&target.account).script(&target.name)
}

async fn put(key: &str, worker: &WorkerArgs) -> anyhow::Result<()> {
    let target = Target::find(worker, None).await?;
    let text = read_secret(&format!("Text of the secret {key}"))?;
    let body = json!({ "name": key, "text": text, "type": "secret_text" });
    let call = || script(&target).put("/secrets").json(&body).done();
    let mut result = call().await;
    if let Err(error) = &result
        && error.is_not_found()
    {
        draft(&target).await?;
        result = call().await;
    }
    result.map_err(|error| target.remote.explain(error))?;
    say(&format!("Set the secret {key} of the Worker {}.", target.name));
    Ok(())
}

/// Makes a Worker that does nothing, so that it can have secrets before it is
/// first deployed.
async fn draft(target: &Target) -> anyhow::Result<()> {
    say(&format!("There is no Worker {} yet: making one that does nothing.", target.name));
    let metadata = json!({ "main_module": "index.js", "bindings": [] });
    let code = "export default { fetch() { return new Response(\"not deployed yet\"); } };\n";
    let form = Multipart::new("----selvedge-draft")
        .part(Part::field("metadata", metadata.to_string()))
        .part(Part::file("index.js", "application/javascript+module", code));
    let uploaded = script(target).put("").form(&form, None).done().await;
    uploaded.map_err(|error| target.remote.explain(error))
}

async fn list(format: ListFormat, worker: &WorkerArgs) -> anyhow::Result<()> {
    let target = Target::find(worker, None).await?;
    let secrets = script(&target).get("/secrets").send::<Vec<_>>().await;
    let secrets: Vec<selvedge_client::models::Secret> =
        secrets.map_err(|error| target.remote.explain(error))?;
    if format == ListFormat::Json {
        return print_json(&secrets);
    }
    for secret in &secrets {
        print(format!("Secret Name: {}", secret.name))?;
    }
    Ok(())
}

async fn delete(key: &str, yes: bool, worker: &WorkerArgs) -> anyhow::Result<()> {
    let target = Target::find(worker, None).await?;
    let question = format!("Delete the secret {key} of the Worker {}?", target.name);
    must_confirm(&question, yes, "--yes")?;
    let deleted = script(&target).delete_secret(key).await;
    deleted.map_err(|error| target.remote.explain(error))?;
    say(&format!("Deleted the secret {key} of the Worker {}.", target.name));
    Ok(())
}

async fn bulk(file: Option<&Path>, worker: &WorkerArgs) -> anyhow::Result<()> {
    let target = Target::find(worker, None).await?;
    let text = match file {
        Some(path) => std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?,
        None => std::io::read_to_string(std::io::stdin()).context("cannot read standard input")?,
    };
    let secrets = parse(&text)?;
    if secrets.is_empty() {
        bail!("there is no secret in it");
    }
    let mut body = Map::new();
    for (name, text) in &secrets {
        let value = match text {
            Some(text) => json!({ "name": name, "text": text, "type": "secret_text" }),
            None => Value::Null,
        };
        body.insert(name.clone(), value);
    }
    let body = json!({ "secrets": body }).to_string();
    let call = || {
        let call = script(&target).patch("/secrets-bulk");
        call.bytes("application/merge-patch+json", body.clone()).done()
    };
    let mut result = call().await;
    if let Err(error) = &result
        && error.is_not_found()
    {
        draft(&target).await?;
        result = call().await;
    }
    result.map_err(|error| target.remote.explain(error))?;
    let deleted = secrets.values().filter(|text| text.is_none()).count();
    say(&format!(
        "Set {} secrets of the Worker {} and deleted {deleted}.",
        secrets.len() - deleted,
        target.name
    ));
    Ok(())
}

/// Names and texts of a JSON object or of lines as in `.env`; what is null is to
/// be deleted.
fn parse(text: &str) -> anyhow::Result<BTreeMap<String, Option<String>>> {
    if !text.trim_start().starts_with('{') {
        let lines = parse_dot_env(text).into_iter();
        return Ok(lines.map(|(name, text)| (name, Some(text))).collect());
    }
    // The parser's own message would show where it stopped, and that is a secret.
    let object: Map<String, Value> = serde_json::from_str(text).map_err(|error| {
        anyhow!("it is no JSON object: line {}, column {}", error.line(), error.column())
    })?;
    let secret = |(name, value): (String, Value)| match value {
        Value::String(text) => Ok((name, Some(text))),
        Value::Null => Ok((name, None)),
        _ => Err(anyhow!("the secret \"{name}\" must be a string, or null to delete it")),
    };
    object.into_iter().map(secret).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_files_are_read() -> anyhow::Result<()> {
        let json = parse(r#"{"A": "x", "B": null}"#)?;
        assert_eq!(json.get("A"), Some(&Some("x".to_owned())));
        assert_eq!(json.get("B"), Some(&None));
        assert_eq!(parse("A=x\n# no\nB='y z'\n")?.get("B"), Some(&Some("y z".to_owned())));
        Ok(())
    }

    #[test]
    fn errors_do_not_show_secrets() {
        for text in ["{\"A\": hunter2}", "{\"A\": [\"hunter2\"]}"] {
            let error = parse(text).err().map(|error| format!("{error:#}")).unwrap_or_default();
            assert!(!error.is_empty() && !error.contains("hunter2"), "{error}");
        }
    }
}
