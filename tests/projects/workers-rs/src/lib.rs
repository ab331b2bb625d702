//! A Worker in Rust that uses what most Workers use.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use worker::*;

#[derive(Serialize, Deserialize)]
struct Job {
    name: String,
}

#[derive(Deserialize, Serialize)]
struct Row {
    id: i32,
    name: String,
}

#[event(fetch, respond_with_errors)]
async fn fetch(request: Request, env: Env, _context: Context) -> Result<Response> {
    Router::new()
        .get("/", |_, context| Response::ok(context.var("GREETING")?.to_string()))
        .get("/hello/:name", |_, context| {
            let name = context.param("name").cloned().unwrap_or_default();
            Response::from_json(&Row { id: 1, name })
        })
        .get_async("/stream", |_, _| async { 
            let lines = ["one\n", "two\n", "three\n"].map(|line| Ok(line.as_bytes().to_vec()));
            Response::from_stream(futures_util::stream::iter::<[Result<Vec<u8>>; 3]>(lines))
        })
        .post_async("/length", |mut request, _| async move {
            Response::ok(request.bytes().await?.len().to_string())
        })
        .put_async("/kv/:key", |mut request, context| async move {
            let key = context.param("key").cloned().unwrap_or_default();
            let notes = context.kv("NOTES")?;
            notes.put(&key, request.text().await?)?.metadata("by rust")?.execute().await?;
            Response::ok("stored")
        })
        .get_async("/kv/:key", |_, context| async move {
            let key = context.param("key").cloned().unwrap_or_default();
            match context.kv("NOTES")?.get(&key).text_with_metadata::<String>().await? {
                (Some(value), metadata) => Response::from_json(&(value, metadata)),
                _ => Response::error("no such key", 404),
            }
        })
        .get_async("/d1", |_, context| async move {
            let db = context.d1("DB")?;
            db.exec("CREATE TABLE IF NOT EXISTS people (id INTEGER PRIMARY KEY, name TEXT)").await?;
            let insert = db.prepare("INSERT OR REPLACE INTO people VALUES (?1, ?2)");
            db.batch(vec![
                insert.clone().bind(&[1.into(), "Ada".into()])?,
                insert.bind(&[2.into(), "Grace".into()])?,
            ])
            .await?;
            let rows = db.prepare("SELECT * FROM people ORDER BY id").all().await?;
            Response::from_json(&rows.results::<Row>()?)
        })
        .get_async("/d1/wrong", |_, context| async move {
            context.d1("DB")?.prepare("SELECT * FROM nowhere").all().await?;
            Response::ok("no error")
        })
        .get_async("/counter/:name", |request, context| async move {
            let name = context.param("name").cloned().unwrap_or_default();
            let object = context.durable_object("COUNTER")?.get_by_name(&name)?;
            object.fetch_with_request(request).await
        })
        .post_async("/jobs/:name", |_, context| async move {
            let name = context.param("name").cloned().unwrap_or_default();
            context.env.queue("JOBS")?.send(Job { name }).await?;
            Response::ok("sent")
        })
        .get_async("/done/:name", |_, context| async move {
            let key = format!("done-{}", context.param("name").cloned().unwrap_or_default());
            let notes = context.kv("NOTES")?;
            for _ in 0..500 {
                if let Some(queue) = notes.get(&key).text().await? {
                    return Response::ok(queue);
                }
                Delay::from(Duration::from_millis(50)).await;
            }
            Response::error("nothing came", 504)
        })
        .get_async("/service", |_, context| async move {
            let myself = context.service("SELF")?;
            let mut answer = myself.fetch("http://self/hello/self", None).await?;
            Response::ok(answer.text().await?)
        })
        .get("/panic", |_, _| panic!("on purpose"))
        .run(request, env)
        .await
}

/// What is done of a job shows in KV.
#[event(queue)]
async fn queue(batch: MessageBatch<Job>, env: Env, _context: Context) -> Result<()> {
    for message in batch.messages()? {
        let key = format!("done-{}", message.body().name);
        env.kv("NOTES")?.put(&key, batch.queue())?.execute().await?;
        message.ack();
    }
    Ok(())
}

#[durable_object]
struct Counter {
    sql: SqlStorage,
    state: State,
}

impl DurableObject for Counter {
    fn new(state: State, _env: Env) -> Self {
        let sql = state.storage().sql();
        sql.exec("CREATE TABLE IF NOT EXISTS calls (number INTEGER)", None).expect("a table");
        Self { sql, state }
    }

    async fn fetch(&self, _request: Request) -> Result<Response> {
        #[derive(Deserialize)]
        struct Count {
            count: i32,
        }
        self.sql.exec("INSERT INTO calls VALUES (?)", vec![1.into()])?;
        let storage = self.state.storage();
        let before: Option<i32> = storage.get("before").await?;
        let count: Count = self.sql.exec("SELECT count(*) AS count FROM calls", None)?.one()?;
        storage.put("before", count.count).await?;
        Response::from_json(&(count.count, before))
    }
}
