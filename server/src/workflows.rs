//! What is asked of the instances of Workflows from outside: requests with JSON over
//! the switchboard, to the engine of an instance (`workflows/src/engine.js`).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use selvedge_runtime::outbound::ServiceTarget;
use selvedge_workflows::Workflow;
use serde_json::{Value, json};

use crate::alarms::target;
use crate::log::{Field, Level, Log};
use crate::switchboard::Switchboard;

/// How long an instance has for its answer: its Worker may have to start.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest answer: 64 MiB. What an instance tells has the results of its steps.
const MAX_ANSWER_BYTES: usize = 64 << 20;
/// One that just begins anew is asked again, so often.
const TRIES: u32 = 5;
const AGAIN: Duration = Duration::from_millis(50);

/// Asks an instance: `command` is one of its engine's. What is refused has the key
/// `refused`.
///
/// # Errors
/// Why there is no answer.
pub(crate) async fn ask(
    switchboard: &Switchboard,
    workflow: &Workflow,
    instance: &str,
    command: &str,
    argument: &Value,
) -> Result<Value, String> {
    let namespace = workflow.namespace();
    let body = json!({ "command": command, "argument": argument }).to_string();
    let mut tries = 0;
    loop {
        let mut way = ServiceTarget::clone(&target(namespace, namespace.id_of(instance)));
        if let Some(object) = &mut way.object {
            object.name = Some(instance.to_owned());
        }
        let answer = tokio::time::timeout(PATIENCE, once(switchboard, way, body.clone())).await;
        match answer {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(Refused::Again(_))) if tries < TRIES => {
                tries += 1;
                tokio::time::sleep(AGAIN).await;
            }
            Ok(Err(Refused::Again(error) | Refused::Failed(error))) => return Err(error),
            Err(_) => return Err("the instance gave no answer".to_owned()),
        }
    }
}

/// Makes an instance that a schedule asks for, and gives its id.
///
/// # Errors
/// Why there is none.
pub(crate) async fn begin(
    switchboard: &Switchboard,
    workflow: &Workflow,
    version: Option<String>,
) -> Result<String, String> {
    let id = uuid::Uuid::new_v4().to_string();
    let argument = json!({ "id": id, "params": {}, "version": version });
    let answer = ask(switchboard, workflow, &id, "create", &argument).await?;
    match answer.get("refused") {
        Some(refused) => Err(refused["message"].as_str().unwrap_or("it was refused").to_owned()),
        None => Ok(id),
    }
}

/// Tells of that.
pub(crate) fn log_begun(log: &Log, name: &str, cron: &str, begun: &Result<String, String>) {
    match begun {
        Ok(id) => {
            let text = format!("cron \"{cron}\": an instance of the Workflow {name} began");
            log.event(Level::Info, &text, vec![Field::new("instance", id.clone())]);
        }
        Err(error) => {
            let text = format!("cron \"{cron}\": no instance of the Workflow {name} began");
            log.event(Level::Error, &text, vec![Field::new("error", error.clone())]);
        }
    }
}

/// Why there is no answer.
enum Refused {
    /// Nothing was done yet.
    Again(String),
    Failed(String),
}

async fn once(
    switchboard: &Switchboard,
    target: ServiceTarget,
    body: String,
) -> Result<Value, Refused> {
    let failed = |error: &dyn std::fmt::Display| Refused::Failed(error.to_string());
    let stream = switchboard.connect(&Arc::new(target));
    let stream = stream.map_err(|error| Refused::Again(error.to_string()))?;
    let (mut send, connection) =
        handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
    let connection = tokio::spawn(connection);
    let request = http::Request::post("/")
        .header(http::header::HOST, "workflow")
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| failed(&error))?;
    let response = send.send_request(request).await.map_err(|error| failed(&error))?;
    let status = response.status();
    let answer = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await;
    let answer = answer.map_err(|error| Refused::Failed(error.to_string()))?.to_bytes();
    drop(send);
    connection.abort();
    if status != StatusCode::OK {
        return Err(Refused::Failed(format!("the instance failed ({status})")));
    }
    serde_json::from_slice(&answer).map_err(|error| failed(&error))
}
