//! Databases, buckets and queues that the configuration names and the account does
//! not have: they are made, as wrangler does. Who takes a queue's messages is said
//! when the Worker is there.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};

use super::super::output::say;
use super::Prepared;

impl Prepared {
    async fn ask(&self, method: Method, path: &str, body: &Value) -> anyhow::Result<Value> {
        let call = self.account().call(method, path).json(body);
        call.send().await.map_err(|error| self.remote.explain(error))
    }

    /// All of a list.
    async fn list(&self, path: &str, per_page: u32) -> anyhow::Result<Value> {
        let call = self.account().call(Method::GET, path).query("per_page", per_page);
        call.send().await.map_err(|error| self.remote.explain(error))
    }

    /// A part of the configuration as JSON; null where it is not set.
    fn configured(&self, key: &str) -> Value {
        self.built.config.section(key).map_or(Value::Null, |section| section.to_json())
    }
}

/// Makes what is missing, and puts the ids of databases in.
pub(super) async fn provide(prepared: &mut Prepared) -> anyhow::Result<()> {
    databases(prepared).await?;
    buckets(prepared).await?;
    queues(prepared).await
}

/// Databases without an id go by their names.
async fn databases(prepared: &mut Prepared) -> anyhow::Result<()> {
    let is_open =
        |json: &Value| json["type"] == "d1" && json["id"].as_str().is_none_or(str::is_empty);
    let open: Vec<String> = prepared
        .built
        .bindings
        .iter()
        .filter(|binding| is_open(&binding.json))
        .map(|binding| binding.name.clone())
        .collect();
    if open.is_empty() {
        return Ok(());
    }
    let existing = prepared.list("/d1/database", 10_000).await?;
    let configured = prepared.configured("d1_databases");
    for name in open {
        let database = database_name(&configured, &name, &prepared.built.name);
        let known = items(&existing).iter().find(|it| it["name"] == *database);
        let made = match known {
            Some(known) => known.clone(),
            None => {
                let new = json!({ "name": database });
                let made = prepared.ask(Method::POST, "/d1/database", &new).await?;
                say(&format!("Created the D1 database \"{database}\" for {name}."));
                made
            }
        };
        for binding in prepared.built.bindings.iter_mut().filter(|binding| binding.name == name) {
            binding.json["id"] = made["uuid"].clone();
            binding.resource.clone_from(&database);
        }
    }
    Ok(())
}

/// What a database is called that a binding names without an id.
fn database_name(configured: &Value, binding: &str, worker: &str) -> String {
    let entry = items(configured).iter().find(|entry| entry["binding"] == binding);
    let named = entry.and_then(|entry| entry["database_name"].as_str());
    let made = || format!("{worker}-{}", binding.to_lowercase().replace('_', "-"));
    named.map_or_else(made, str::to_owned)
}

async fn buckets(prepared: &Prepared) -> anyhow::Result<()> {
    let named = |entry: &Value| entry["bucket_name"].as_str().map(str::to_owned);
    let wanted: BTreeSet<String> =
        items(&prepared.configured("r2_buckets")).iter().filter_map(named).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let existing = prepared.list("/r2/buckets", 1000).await?;
    let known = names(&existing["buckets"], "name");
    for name in wanted.difference(&known) {
        prepared.ask(Method::POST, "/r2/buckets", &json!({ "name": name })).await?;
        say(&format!("Created the R2 bucket \"{name}\"."));
    }
    Ok(())
}

async fn queues(prepared: &Prepared) -> anyhow::Result<()> {
    let configured = prepared.configured("queues");
    let mut wanted = names(&configured["producers"], "queue");
    wanted.extend(names(&configured["consumers"], "queue"));
    wanted.extend(names(&configured["consumers"], "dead_letter_queue"));
    if wanted.is_empty() {
        return Ok(());
    }
    let existing = prepared.list("/queues", 1000).await?;
    let known = names(&existing, "queue_name");
    for name in wanted.difference(&known) {
        prepared.ask(Method::POST, "/queues", &json!({ "queue_name": name })).await?;
        say(&format!("Created the queue \"{name}\"."));
    }
    Ok(())
}

/// Says which Workflows the Worker has the classes of, and gives their names.
pub(super) async fn workflows(prepared: &Prepared) -> anyhow::Result<Vec<String>> {
    let configured = prepared.configured("workflows");
    let own = prepared.built.name.as_str();
    let mut done = Vec::new();
    for workflow in items(&configured) {
        let script = workflow["script_name"].as_str().unwrap_or(own);
        let (Some(name), true) = (workflow["name"].as_str(), script == own) else { continue };
        let mut body = json!({ "script_name": own, "class_name": workflow["class_name"] });
        if !workflow["limits"].is_null() {
            body["limits"] = workflow["limits"].clone();
        }
        let schedules: Vec<Value> = match &workflow["schedules"] {
            Value::String(one) => vec![json!({ "cron": one })],
            other => items(other).iter().map(|cron| json!({ "cron": cron })).collect(),
        };
        if !schedules.is_empty() {
            body["schedules"] = schedules.into();
        }
        prepared.ask(Method::PUT, &format!("/workflows/{name}"), &body).await?;
        done.push(name.to_owned());
    }
    Ok(done)
}

/// Says of which queues the Worker takes the messages, and gives their names.
pub(super) async fn consume(prepared: &Prepared) -> anyhow::Result<Vec<String>> {
    let configured = prepared.configured("queues");
    let consumers = items(&configured["consumers"]);
    if consumers.is_empty() {
        return Ok(Vec::new());
    }
    let existing = prepared.list("/queues", 1000).await?;
    let mut consumed = Vec::new();
    for consumer in consumers {
        let Some(name) = consumer["queue"].as_str() else { continue };
        let found = items(&existing).iter().find(|queue| queue["queue_name"] == name);
        let Some(queue) = found else {
            anyhow::bail!("the queue \"{name}\" was deleted meanwhile");
        };
        let path = format!("/queues/{}/consumers", queue["queue_id"].as_str().unwrap_or_default());
        let given = consumer_json(consumer, &prepared.built.name);
        let own = items(&queue["consumers"]).iter().find(|it| is_same(it, &given));
        match own.and_then(|own| own["consumer_id"].as_str()) {
            Some(id) => prepared.ask(Method::PUT, &format!("{path}/{id}"), &given).await?,
            None => prepared.ask(Method::POST, &path, &given).await?,
        };
        consumed.push(name.to_owned());
    }
    Ok(consumed)
}

/// Whether a queue's consumer is that which is to be set.
fn is_same(known: &Value, given: &Value) -> bool {
    let worker = known.get("script").or_else(|| known.get("script_name"));
    known["type"] == given["type"]
        && (given["type"] != "worker" || worker == given.get("script_name"))
}

/// A consumer of the configuration in the words of the API.
fn consumer_json(consumer: &Value, worker: &str) -> Value {
    let settings = [
        ("max_batch_size", "batch_size", 1),
        ("max_batch_timeout", "max_wait_time_ms", 1000),
        ("max_retries", "max_retries", 1),
        ("max_concurrency", "max_concurrency", 1),
        ("retry_delay", "retry_delay", 1),
        ("visibility_timeout_ms", "visibility_timeout_ms", 1),
    ];
    let settings: serde_json::Map<String, Value> = settings
        .into_iter()
        .filter_map(|(here, there, times)| {
            let number = consumer[here].as_u64()?;
            Some((there.to_owned(), number.saturating_mul(times).into()))
        })
        .collect();
    let is_pulled = consumer["type"] == "http_pull";
    let mut json = match is_pulled {
        true => json!({ "type": "http_pull", "settings": settings }),
        false => json!({ "type": "worker", "script_name": worker, "settings": settings }),
    };
    if let Some(dead) = consumer["dead_letter_queue"].as_str() {
        json["dead_letter_queue"] = dead.into();
    }
    json
}

fn items(list: &Value) -> &[Value] {
    list.as_array().map_or(&[], Vec::as_slice)
}

fn names(list: &Value, key: &str) -> BTreeSet<String> {
    items(list).iter().filter_map(|item| item[key].as_str()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consumers_are_told_in_the_words_of_the_api() {
        let consumer = json!({ "queue": "jobs", "max_batch_size": 5, "max_batch_timeout": 2,
            "dead_letter_queue": "dead" });
        let given = consumer_json(&consumer, "api");
        let expected = json!({ "type": "worker", "script_name": "api", "dead_letter_queue": "dead",
            "settings": { "batch_size": 5, "max_wait_time_ms": 2000 } });
        assert_eq!(given, expected);
        assert!(is_same(&json!({ "type": "worker", "script": "api" }), &given));
        assert!(!is_same(&json!({ "type": "worker", "script": "other" }), &given));
    }

    #[test]
    fn a_database_is_called_as_the_configuration_says_or_by_its_binding() {
        let configured =
            json!([{ "binding": "DB", "database_name": "shop" }, { "binding": "A_B" }]);
        assert_eq!(database_name(&configured, "DB", "api"), "shop");
        assert_eq!(database_name(&configured, "A_B", "api"), "api-a-b");
    }
}
